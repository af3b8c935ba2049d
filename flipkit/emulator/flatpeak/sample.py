"""Flatpeak's part of the sample fleet: objects, market prices and a year of meter records.

The energies of a half-hour (home, car, generation, battery charge and discharge, Wh) become these
records:

* net = home + car + charge - generation - discharge. Import is the part above zero, export the part
  below.
* If the car is charged, the charger has a record of its share of the import, import x car / (home +
  car + charge), rounded half up, with the id of its session. The rest of the import is a record of
  the location itself (no device): one per half-hour, zeros included.
* Export is a record of the location, at sites with solar or a battery.
* Own generation that is used at home (priced LOCAL) is a record of the solar device: generation -
  export. Energy that goes through the battery counts there once, when it is generated; what the
  battery discharges is not a second record. A half-hour in which the battery exports more than the
  roof generates has 0, not less.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.calendar import parse_times
from flipkit.emulator.flatpeak import objects, pricing, readings
from flipkit.emulator.flatpeak.readings import Objects, Readings, Series
from flipkit.emulator.store import Store
from flipkit.frames import read_typed_csv, take
from flipkit.tariffs import PriceSeries
from flipkit.vocabulary import HOUR_US, Int64

__all__ = ["Shares", "seed_flatpeak", "shares"]

_HALF_HOUR_US = HOUR_US // 2
_TARIFF_KEYS = ("import_tariff", "export_tariff", "grid_fee_tariff")
_TARIFF_FIELDS = (
    "direction",
    "type",
    "display_name",
    "market_rates",
    "market",
    "contract_start_date",
    "contract_end_date",
    "schedule",
)
_ADDRESS_FIELDS = {
    "address_line1": "street_address",
    "address_line2": "street_address2",
    "city": "city",
    "state": "state_code",
    "post_code": "zip_code",
    "country_code": "country_code",
}
_ENERGY = ("home_wh", "car_wh", "generation_wh", "charge_wh", "discharge_wh")

_SampleSite = Mapping[str, Any]
_Columns = Mapping[str, np.ndarray]


class Shares(NamedTuple):
    """Where the energy of a half-hour is recorded; ndarray of int64 in Wh, shape (n,) each.

    Attributes
    ----------
    home
        Imported by the location itself.
    car
        Imported for the car.
    export
        Exported.
    local
        Generated, and used or stored at home.
    """

    home: Int64
    car: Int64
    export: Int64
    local: Int64


class _Session(NamedTuple):
    start_us: int
    end_us: int
    session_reference_id: str


def seed_flatpeak(store: Store, db: sqlite3.Connection, folder: Path) -> None:
    """Write the sample fleet to a store, in a transaction.

    Parameters
    ----------
    store : Store
        With the tables of the Flatpeak API, and without a sample fleet.
    db : sqlite3.Connection
        From ``store.write()``.
    folder : Path
        With ``sites.json``, ``tariffs.json``, ``sessions.csv``, ``market_prices.csv.gz`` and
        ``energy/``.
    """
    sites = msgspec.json.decode((folder / "sites.json").read_bytes())
    tariff_list = msgspec.json.decode((folder / "tariffs.json").read_bytes())
    tariffs = {tariff["key"]: tariff for tariff in tariff_list}
    sessions = _read_sessions(folder / "sessions.csv")
    _put_markets(db, tariff_list, folder / "market_prices.csv.gz")
    for site in sites:
        site_id = site["site_id"]
        location_id, devices = _put_site(store, db, site, tariffs)
        path = folder / "energy" / f"{site_id}.csv.gz"
        energy = _read_columns(path, times=["start_utc"], numbers=_ENERGY)
        _put_records(db, location_id, devices, energy, sessions[site_id])


def shares(energy: _Columns) -> Shares:
    """Divide a site's energy by where it is recorded; see the top of this module.

    Parameters
    ----------
    energy : mapping of str to ndarray
        ``home_wh, car_wh, generation_wh, charge_wh, discharge_wh``, shape (n,) each, whole Wh.
    """
    home = energy["home_wh"].astype(np.int64)
    car = energy["car_wh"].astype(np.int64)
    generation = energy["generation_wh"].astype(np.int64)
    charge = energy["charge_wh"].astype(np.int64)
    discharge = energy["discharge_wh"].astype(np.int64)

    used = home + car + charge
    net = used - generation - discharge
    imported = np.maximum(net, 0)
    exported = np.maximum(-net, 0)
    # Half up in whole numbers: floor(2ab / 2c + 1/2) = (2ab + c) // 2c.
    imported_by_car = (2 * imported * car + used) // np.maximum(2 * used, 1)
    return Shares(
        home=imported - imported_by_car,
        car=imported_by_car,
        export=exported,
        local=np.maximum(generation - exported, 0),
    )


def _put_site(
    store: Store, db: sqlite3.Connection, site: _SampleSite, tariffs: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """Store the objects of a site; return the id of its location, and of its devices by type."""
    # The customer is shown as the location's ``customer_id`` only.
    created = site["created_at"]
    reference = site["site_id"]
    customer = objects.create(store, db, "customer", created, {}, reference_id=reference)
    location = objects.create(
        store,
        db,
        "location",
        created,
        _location_content(site),
        reference_id=reference,
        parent_id=customer.id,
    )
    for name in _TARIFF_KEYS:
        if site[name] is not None:
            content = _tariff_content(tariffs[site[name]])
            objects.create(store, db, "tariff", created, content, parent_id=location.id)
    devices = {}
    for device in site["devices"]:
        stored = objects.create(store, db, "device", created, {}, reference_id=device["id"])
        devices[device["type"]] = stored.id
    return location.id, devices


def _location_content(site: _SampleSite) -> dict[str, Any]:
    address = {name: site[field] for name, field in _ADDRESS_FIELDS.items()}
    return {
        "timezone": site["timezone"],
        "currency_code": site["currency"],
        "postal_address": {name: text for name, text in address.items() if text is not None},
        "geo_location": {"lat": site["lat"], "lng": site["lon"]},
    }


def _tariff_content(tariff: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tariff[name] for name in _TARIFF_FIELDS if tariff[name] is not None}


def _put_records(
    db: sqlite3.Connection,
    location_id: str,
    devices: Mapping[str, str],
    energy: _Columns,
    sessions: Sequence[_Session],
) -> None:
    start = energy["start_utc"]
    parts = shares(energy)
    _put(db, Series(location_id, "", "INBOUND", "IMPORT"), start, parts.home)
    if "EV_CHARGER" in devices:
        is_charging = energy["car_wh"] > 0
        names = _session_names(start[is_charging], sessions)
        series = Series(location_id, devices["EV_CHARGER"], "INBOUND", "IMPORT")
        _put(db, series, start[is_charging], parts.car[is_charging], names)
    if "SOLAR" in devices or "BATTERY" in devices:
        _put(db, Series(location_id, "", "OUTBOUND", "EXPORT"), start, parts.export)
    if "SOLAR" in devices:
        _put(db, Series(location_id, devices["SOLAR"], "INBOUND", "LOCAL"), start, parts.local)


def _put(
    db: sqlite3.Connection, series: Series, start: Int64, wh: Int64, names: Objects | None = None
) -> None:
    if len(start) == 0:
        return
    columns = Readings(
        start_us=start,
        end_us=start + _HALF_HOUR_US,
        wh=wh.astype(np.float64),
        confidence=np.ones(len(start)),
        session=names,
    )
    readings.write(db, series, columns)


def _session_names(start: Int64, sessions: Sequence[_Session]) -> Objects:
    """Return the session in which each half-hour begins; None outside all of them."""
    names = np.full(len(start), None, dtype=object)
    if sessions:
        session_start = np.array([session.start_us for session in sessions])
        session_end = np.array([session.end_us for session in sessions])
        ids = np.array([session.session_reference_id for session in sessions], dtype=object)
        latest = np.searchsorted(session_start, start, side="right") - 1
        is_inside = (latest >= 0) & (start < session_end[latest])
        names[is_inside] = ids[latest[is_inside]]
    return names


def _read_sessions(path: Path) -> dict[str, list[_Session]]:
    """Return the charging sessions of each site, sorted by time."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    starts = parse_times([row["start_utc"] for row in rows]).astype(np.int64)
    ends = parse_times([row["end_utc"] for row in rows]).astype(np.int64)
    by_site: dict[str, list[_Session]] = defaultdict(list)
    for row, start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True):
        by_site[row["site_id"]].append(_Session(start, end, row["session_reference_id"]))
    for sessions in by_site.values():
        sessions.sort()
    return by_site


def _put_markets(db: sqlite3.Connection, tariffs: Iterable[Any], path: Path) -> None:
    """Store each market, with the time zone of the tariffs that are based on it."""
    prices = _read_columns(
        path, times=["start_utc", "end_utc"], numbers=["price_per_kwh"], texts=["market"]
    )
    zones = {tariff["market"]: tariff["timezone"] for tariff in tariffs if tariff["market"]}
    for market, zone in sorted(zones.items()):
        own = prices["market"] == market
        series = PriceSeries(
            prices["start_utc"][own], prices["end_utc"][own], prices["price_per_kwh"][own]
        )
        pricing.put_market(db, market, zone, series)


def _read_columns(
    path: Path, *, times: Sequence[str], numbers: Sequence[str], texts: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Read a compressed CSV file as columns; times as microseconds since 1970-01-01 UTC."""
    frame = read_typed_csv(path, numbers=numbers)
    columns = take(frame, times=times, numbers=numbers, texts=texts, what=path.name)
    for name in times:
        columns[name] = columns[name].astype(np.int64)
    return columns
