"""The Flatpeak part of the sample fleet: customers, locations, tariffs, devices and a year of meter records.

From the energies of a half-hour (home, car, generation, battery charge and discharge, Wh) come its records:

* net = home + car + charge - generation - discharge. Import is what of it is above zero, export what is below.
* Where the car takes energy, the charger has a record of its share of the import, import x car / (home + car +
  charge), rounded half up, with the id of its session. The rest of the import is a record of the location itself (no
  device): one for each half-hour, zeros included.
* Export is a record of the location, at sites that have solar or a battery.
* Own generation used at home (priced LOCAL) is a record of the solar device: generation - export. Energy that goes
  through the battery counts there once, when it is made; what the battery gives back is no second record. A
  half-hour in which the battery feeds the grid more than the roof makes has 0, not less.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.calendar import parse_times
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import pricing, readings
from flipkit.emulator.flatpeak.readings import Objects, Readings, Series
from flipkit.emulator.store import Store
from flipkit.frames import read_typed_csv, take
from flipkit.tariffs import PriceSeries
from flipkit.vocabulary import Int64

__all__ = ["HALF_HOUR_US", "Shares", "seed_flatpeak", "shares"]

HALF_HOUR_US = 1_800_000_000
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
_TARIFFS = ("import_tariff", "export_tariff", "grid_fee_tariff")
_ENERGY = [f"{name}_wh" for name in ("home", "car", "generation", "charge", "discharge")]
_MARKET = ["start_utc", "end_utc"], ["price_per_kwh"], ["market"]
_Site = Mapping[str, Any]


class Shares(NamedTuple):
    """What of a half-hour's energy is recorded where, Wh, shape (n,) each.

    Attributes
    ----------
    home : ndarray of int64
        Bought by the location itself.
    car : ndarray of int64
        Bought for the car.
    export : ndarray of int64
        Sold.
    local : ndarray of int64
        Generated and used or stored at home.
    """

    home: Int64
    car: Int64
    export: Int64
    local: Int64


def seed_flatpeak(store: Store, db: sqlite3.Connection, folder: Path) -> None:
    """Fill a store with the sample fleet, within a transaction of it.

    Parameters
    ----------
    store : Store
        With the tables of the Flatpeak API, and no sample fleet yet.
    db : sqlite3.Connection
        What its ``write`` gives.
    folder : Path
        With ``sites.json``, ``tariffs.json``, ``sessions.csv``, ``market_prices.csv.gz`` and ``energy/``.
    """
    sites = msgspec.json.decode((folder / "sites.json").read_bytes())
    tariffs = {
        each["key"]: each for each in msgspec.json.decode((folder / "tariffs.json").read_bytes())
    }
    sessions = _sessions(folder / "sessions.csv")
    _put_markets(db, tariffs.values(), _columns(folder / "market_prices.csv.gz", *_MARKET))
    for site in sites:
        location_id, devices = _put_site(store, db, site, tariffs)
        energy = _columns(folder / "energy" / f"{site['site_id']}.csv.gz", ["start_utc"], _ENERGY)
        _put_records(db, location_id, devices, energy, sessions[site["site_id"]])


def shares(energy: Mapping[str, np.ndarray]) -> Shares:
    """Divide a site's energy by where it is recorded; see the top of this module.

    Parameters
    ----------
    energy : mapping of str to ndarray
        ``home_wh, car_wh, generation_wh, charge_wh, discharge_wh``, shape (n,) each, whole Wh.
    """
    home, car, generation, charge, discharge = (energy[name].astype(np.int64) for name in _ENERGY)
    used = home + car + charge
    net = used - generation - discharge
    bought, sold = np.maximum(net, 0), np.maximum(-net, 0)
    # Half up in whole numbers: floor(2ab / 2c + 1/2) = (2ab + c) // 2c.
    of_car = (2 * bought * car + used) // np.maximum(2 * used, 1)
    return Shares(bought - of_car, of_car, sold, np.maximum(generation - sold, 0))


def _put_site(
    store: Store, db: sqlite3.Connection, site: _Site, tariffs: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """A site's objects; the id of its location, and of its devices by type."""
    created, reference = site["created_at"], site["site_id"]
    customer = objects.create(store, db, "customer", created, {}, reference_id=reference)
    ids = {"reference_id": reference, "parent_id": customer.id}
    location = objects.create(store, db, "location", created, _location(site), **ids)
    for key in (site[name] for name in _TARIFFS if site[name] is not None):
        content = {
            name: value for name in _TARIFF_FIELDS if (value := tariffs[key][name]) is not None
        }
        objects.create(store, db, "tariff", created, content, parent_id=location.id)
    devices = {}
    for device in site["devices"]:
        made = objects.create(store, db, "device", created, {}, reference_id=device["id"])
        devices[device["type"]] = made.id
    return location.id, devices


def _location(site: _Site) -> dict[str, Any]:
    address = {
        "address_line1": site["street_address"],
        "address_line2": site["street_address2"],
        "city": site["city"],
        "state": site["state_code"],
        "post_code": site["zip_code"],
        "country_code": site["country_code"],
    }
    return {
        "timezone": site["timezone"],
        "currency_code": site["currency"],
        "postal_address": {name: text for name, text in address.items() if text is not None},
        "geo_location": {"lat": site["lat"], "lng": site["lon"]},
    }


def _put_records(
    db: sqlite3.Connection,
    location_id: str,
    devices: Mapping[str, str],
    energy: Mapping[str, np.ndarray],
    sessions: Sequence[tuple[int, int, str]],
) -> None:
    start, parts = energy["start_utc"], shares(energy)
    _put(db, Series(location_id, "", "INBOUND", "IMPORT"), start, parts.home)
    if "EV_CHARGER" in devices:
        charging = energy["car_wh"] > 0
        names = _session_names(start[charging], sessions)
        series = Series(location_id, devices["EV_CHARGER"], "INBOUND", "IMPORT")
        _put(db, series, start[charging], parts.car[charging], names)
    if "SOLAR" in devices or "BATTERY" in devices:
        _put(db, Series(location_id, "", "OUTBOUND", "EXPORT"), start, parts.export)
    if "SOLAR" in devices:
        _put(db, Series(location_id, devices["SOLAR"], "INBOUND", "LOCAL"), start, parts.local)


def _put(
    db: sqlite3.Connection, series: Series, start: Int64, wh: Int64, sessions: Objects | None = None
) -> None:
    if len(start):
        columns = Readings(
            start, start + HALF_HOUR_US, wh.astype(np.float64), np.ones(len(start)), sessions
        )
        readings.write(db, series, columns)


def _session_names(start: Int64, sessions: Sequence[tuple[int, int, str]]) -> Objects:
    """The session in which each half-hour begins; None outside all of them."""
    names = np.full(len(start), None, dtype=object)
    if sessions:
        begin, stop = (np.array([each[column] for each in sessions]) for column in (0, 1))
        latest = np.searchsorted(begin, start, side="right") - 1
        inside = (latest >= 0) & (start < stop[latest])
        names[inside] = np.array([each[2] for each in sessions], dtype=object)[latest[inside]]
    return names


def _sessions(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    """Begin, end and id of the charging sessions of each site, in order of time."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    begin, stop = (_us([row[name] for row in rows]) for name in ("start_utc", "end_utc"))
    found = defaultdict(list)
    for row, start, end in zip(rows, begin.tolist(), stop.tolist(), strict=True):
        found[row["site_id"]].append((start, end, row["session_reference_id"]))
    return defaultdict(list, {site: sorted(each) for site, each in found.items()})


def _put_markets(db: sqlite3.Connection, tariffs: Any, prices: Mapping[str, np.ndarray]) -> None:
    """Each market, with the time zone of the tariffs that are built on it."""
    zones = {each["market"]: each["timezone"] for each in tariffs if each["market"]}
    for market, zone in sorted(zones.items()):
        own = prices["market"] == market
        series = PriceSeries(
            prices["start_utc"][own], prices["end_utc"][own], prices["price_per_kwh"][own]
        )
        pricing.put_market(db, market, zone, series)


def _columns(
    path: Path, times: Sequence[str], numbers: Sequence[str], texts: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """A packed CSV file as columns; times as microseconds since 1970-01-01 UTC."""
    frame = read_typed_csv(path)
    columns = take(frame, times=times, numbers=numbers, texts=texts, what=path.name)
    return columns | {name: columns[name].astype(np.int64) for name in times}


def _us(texts: Sequence[str]) -> Int64:
    return parse_times(texts).astype(np.int64)
