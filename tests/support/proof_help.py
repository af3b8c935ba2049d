"""Sites priced by hand with the prices of `hand`, for tests of certificate and instant pricing.

As a program, ``python proof_help.py URL LOCATION JOURNAL`` prices the intervals of `patterns` and
prints the costs.
"""

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_HOUR_US = 1_800_000_000


@dataclass(frozen=True)
class Site:
    """The part of an `IntervalResult` that certificate and instant pricing use."""

    site_id: str
    scenario: str
    location_id: str | None
    currency: str
    start_us: np.ndarray
    end_us: np.ndarray
    import_kwh: np.ndarray
    export_kwh: np.ndarray
    import_cost: np.ndarray
    export_credit: np.ndarray
    is_today: frozenset = frozenset({"IMPORT", "EXPORT"})
    has_export_price: bool = True
    import_tier: np.ndarray | None = None
    import_tariff: object = None

    @property
    def own_use_kwh(self):
        """Free self-consumption: nothing to price."""
        return np.zeros(len(self.start_us))

    own_use_cost = own_use_kwh

    def but(self, **changes):
        return replace(self, **changes)


@cache
def prices(site_id, direction, month, fees=True):
    """The price of each half-hour of a UTC month, by hand."""
    from support import hand

    keys = hand.keys_of(hand.sites()[site_id], direction)[: None if fees else 1]
    return np.array(
        [float(hand.price(keys, row[0])) if keys else 0.0 for row in _rows(site_id, month)]
    )


@cache
def _rows(site_id, month):
    from support import hand

    return [row for row in hand.energy(site_id) if row[0].strftime("%Y-%m") == month]


@cache
def _columns(site_id, month):
    rows = _rows(site_id, month)
    start = np.array(
        [(row[0] - EPOCH) // timedelta(microseconds=1) for row in rows], dtype=np.int64
    )
    return (
        start,
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([r[3] for r in rows]),
    )


def locations(kit):
    from flipkit.frames import take

    columns = take(kit.flatpeak.locations(), texts=["reference_id", "location_id"])
    return dict(zip(columns["reference_id"], columns["location_id"], strict=True))


def by_hand(places, month="2025-06"):
    """``result_of`` for the sample fleet; scenario ``today``, or a share of the use (``0.9``)."""
    from support import hand

    def outcome_of(site_id, scenario):
        start, bought, sold, own = _columns(site_id, month)
        share = 1.0 if scenario == "today" else float(scenario)
        net = share * (bought + own) - (sold + own)
        imported, exported = np.maximum(net, 0) / 1000, np.maximum(-net, 0) / 1000
        site = hand.sites()[site_id]
        paid = {way: bool(hand.keys_of(site, way)) for way in ("IMPORT", "EXPORT")}
        return Site(
            site_id,
            scenario,
            places[site_id],
            site["currency"],
            start,
            start + HALF_HOUR_US,
            imported,
            exported,
            imported * prices(site_id, "IMPORT", month),
            exported * prices(site_id, "EXPORT", month),
            frozenset(way for way in paid if paid[way]),
            paid["EXPORT"],
        )

    return outcome_of


class HandService:
    """A client with the prices of `hand`, which keeps the records that it is asked to price."""

    base_url, version = "https://by.hand", "1"

    def __init__(self, sites, month="2025-06"):
        from support import hand

        self.asked = []
        self.prices = {}
        for site in sites:
            for way in ("IMPORT", "EXPORT"):
                start = _columns(site, month)[0].tolist()
                series = prices(site, way, month).tolist()
                self.prices[site, way] = (
                    dict(zip(start, series, strict=True))
                    if hand.keys_of(site_of(site), way)
                    else {}
                )

    def instant_cost(self, record, *, non_persistent):
        assert non_persistent
        self.asked.append(record)
        series = self.prices[record["location_id"], record["tariff_direction"]]
        start = (record["start_utc"] - EPOCH) // timedelta(microseconds=1)
        if not series:
            from flipkit.errors import PriceUnavailable, RequestInfo

            about = RequestInfo("POST", "/costs/instant")
            raise PriceUnavailable("no tariff", about, status=422, code="no_tariff_connected")
        kwh = record["value"] / 1000
        currency = site_of(record["location_id"])["currency"]
        return [{"cost": kwh * series[start], "energy_kwh": kwh, "currency": currency}]


def site_of(site_id):
    from support import hand

    return hand.sites()[site_id]


def patterns(location_id, intervals=140):
    """``result_of`` without a file: half-hours of a summer, each import another amount."""

    def outcome_of(site_id, scenario):
        number = np.arange(intervals)
        start = 1_748_736_000_000_000 + HALF_HOUR_US * number.astype(np.int64)
        used = np.where(number % 7 == 6, 0, 100 + number + 1000 * int(scenario)) / 1000
        made = np.where(number % 7 == 6, 50 + number + 1000 * int(scenario), 0) / 1000
        nothing = np.zeros(intervals)
        spans = start, start + HALF_HOUR_US
        return Site(site_id, scenario, location_id, "GBP", *spans, used, made, nothing, nothing)

    return outcome_of


PAIRS = [("home", "0"), ("home", "1")]


def priced_answer(sent, **changes):
    """The service's answer to a request for an instant cost, at the prices of `flat_home`."""
    body = json.loads(sent.content)
    price = {"IMPORT": 0.25, "EXPORT": 0.1}[body["tariff_direction"]]
    cost = {"value": body["value"] / 1000 * price, "confidence": 1}
    times = {name: body[name] for name in ("start_time", "end_time")}
    return {
        "id": "mre_1",
        "object": "meter_record",
        "live_mode": False,
        "energy_flow_direction": body["energy_flow_direction"],
        "tariff_direction": body["tariff_direction"],
        "currency_code": "GBP",
        "energy_units": "WH",
        "request": {**body, "non_persistent": True},
        "data": {**times, "energy": {"value": int(body["value"])}, "cost": cost},
        "time_created": "2025-06-01T12:00:00Z",
        **changes,
    }


def flat_home(client):
    """A location with flat prices, 0.25 for imports and 0.1 for exports."""
    import flipkit as fk

    flat = {"currency": "GBP", "timezone": "Europe/London"}
    location = client.create_location("home", city="London", country_code="GB")
    client.create_tariff(location, fk.Tariff.flat(0.25, **flat))
    client.create_tariff(
        location, fk.Tariff.flat(0.1, **flat).to_flatpeak(location, direction="EXPORT")
    )
    return location


def main(url, location_id, journal):
    from flipkit.flatpeak import Flatpeak
    from flipkit.scenarios.service.instant import price_instantly

    with Flatpeak("acc_1", "sk_test_any_key", base_url=url) as client:
        priced = price_instantly(client, PAIRS, patterns(location_id), journal=journal)
        costs = [
            [*costs.import_cost.tolist(), *costs.export_credit.tolist()] for _, costs in priced
        ]
    print(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
