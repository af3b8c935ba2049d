"""Price audits: components against the price list at every time, against the tariff by hand, and what is refused."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store
from flipkit.emulator.flatpeak import pricing
from flipkit.tariffs import PriceSeries

NEW_YEAR, HALF_HOUR = 1_767_225_600_000_000, 1_800_000_000  # 2026-01-01T00:00:00Z
WINDOW = {"start_time": "2026-01-01T00:10:00Z", "end_time": "2026-01-03T00:00:00+01:00"}
PRICES = st.integers(-5000, 60_000).map(lambda price: price / 100_000)
LIMITS = st.integers(1, 400).map(lambda limit: limit / 10)


def schedule(*hours):
    entries = [{"valid_from": begin, "valid_to": stop, "rate": rate} for begin, stop, rate in hours]
    return [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": entries}]}]


def market(desk, prices):
    starts = NEW_YEAR + HALF_HOUR * np.arange(len(prices))
    with desk.store.write() as db:
        pricing.put_market(
            db, "gb-1", "Europe/London", PriceSeries(starts, starts + HALF_HOUR, np.array(prices))
        )


def audit(desk, location, **fields):
    return desk.call("POST", f"/audits/prices/{location}", WINDOW | fields)


@st.composite
def ladders(draw):
    limits = sorted(draw(st.sets(LIMITS, max_size=2)))
    return [{"fixed": draw(PRICES), "to_kwh": limit} for limit in (*limits, None)]


@st.composite
def surcharges(draw):
    fraction = draw(st.sampled_from([None, 0.0, 0.05, 0.21]))
    return [{"surcharge_fixed": draw(st.none() | PRICES), "surcharge_percentage": fraction}]


def days(draw, rates):
    edge = draw(st.sampled_from(["07:00:00", "12:15:00"]))
    return schedule(("00:00:00", edge, draw(rates)), (edge, "00:00:00", draw(rates)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_parts_add_up_to_the_price_list_at_every_time(desk_over, data):
    """Contracts of every kind over one another, tiers that are reached on the way, a market, fees."""
    desk, draw = desk_over(Store(), Clock()), data.draw
    location = desk.location()
    market(desk, draw(st.lists(PRICES, min_size=96, max_size=96)))
    desk.tariff(location, 0.0, schedule=days(draw, ladders()))
    if draw(st.booleans()):
        later = {"contract_start_date": "2026-01-01T13:20:00Z"} if draw(st.booleans()) else {}
        rates = (
            {"schedule": days(draw, surcharges())} if draw(st.booleans()) else {"schedule": None}
        )
        desk.tariff(location, 0.0, market_rates=True, **rates, **later)
    if draw(st.booleans()):
        desk.tariff(location, 0.0, type="NON_COMMODITY", schedule=days(draw, ladders()))
    for start, wh in draw(
        st.lists(st.tuples(st.integers(0, 47), st.integers(0, 30_000)), max_size=3)
    ):
        begin = datetime.fromisoformat("2026-01-01T00:00:00Z") + timedelta(hours=start)
        desk.submit(
            (begin.isoformat(), (begin + timedelta(hours=1)).isoformat(), wh), location_id=location
        )
    check(desk, location)


def check(desk, location):
    """Each row of the audit lies within a row of the price list, and says the same to the last bit."""
    rows = audit(desk, location)["data"]
    listed = iter(desk.call("POST", f"/prices/{location}", WINDOW)["data"])
    segment = next(listed)
    for row in rows:
        if row["valid_from"] == segment["valid_to"]:
            segment = next(listed)
        assert segment["valid_from"] <= row["valid_from"] < row["valid_to"] <= segment["valid_to"]
        parts = row["price_breakdown"]
        assert parts["total"] == segment["price"]["value"]
        assert parts["confidence"] == segment["price"]["confidence"]
        energy = parts["commodity"]
        assert energy["aggregate"] == pytest.approx(
            energy["market"] + energy["fixed"] + energy["percentage"], abs=1e-12
        )
        assert parts["total"] == energy["aggregate"] + parts["non_commodity"]["fixed"]
    assert segment["valid_to"] == row["valid_to"]
    assert next(listed, None) is None


def test_the_parts_of_a_market_price(desk):
    """(0.10 + 0.02) x 1.05, of which 0.006 is the percentage; then a day rate of 0.30 that follows it; fees of 0.04."""
    location = desk.location()
    market(desk, [0.10] * 48)
    rate = [{"fixed": 9.0, "surcharge_fixed": 0.02, "surcharge_percentage": 0.05}]
    dates = {"contract_end_date": "2026-01-02T00:00:00Z"}
    desk.tariff(
        location, 0.0, market_rates=True, schedule=schedule(("00:00:00", "00:00:00", rate)), **dates
    )
    desk.tariff(location, 0.30, contract_start_date="2026-01-02T00:00:00Z")
    desk.tariff(location, 0.04, type="NON_COMMODITY")
    before = desk.store.digest()
    found = audit(desk, location)
    assert desk.store.digest() == before
    parts = {row["valid_from"]: row["price_breakdown"] for row in found.pop("data")}
    [source] = found.pop("market_sources")
    assert source.startswith("mrs_")
    assert found.pop("id").startswith("tra_")
    assert found == {
        "object": "price_audit",
        "live_mode": False,
        "account_id": "acc_test",
        "location_id": location,
        "location_timezone": "Europe/London",
        "currency_code": "GBP",
        "tariff_direction": "IMPORT",
        "last_updated": "2026-01-10T12:00:00Z",
        "time_created": "2026-01-10T12:00:00Z",
        "request": {
            "tariff_direction": "IMPORT",
            "start_time": "2026-01-01T01:10:00+01:00",
            "end_time": "2026-01-03T00:00:00+01:00",
        },
    }
    fees = {"fixed": 0.04, "tier": 0.0}
    assert parts["2026-01-01T01:10:00+01:00"] == {
        "commodity": pytest.approx(
            {"market": 0.1, "fixed": 0.02, "percentage": 0.006, "tier": 0, "aggregate": 0.126}
        ),
        "non_commodity": fees,
        "total": pytest.approx(0.166),
        "confidence": 1.0,
    }
    assert parts["2026-01-02T01:00:00+01:00"] == {
        "commodity": {
            "market": 0.0,
            "fixed": 0.3,
            "percentage": 0.0,
            "tier": 0.0,
            "aggregate": 0.3,
        },
        "non_commodity": fees,
        "total": pytest.approx(0.34),
        "confidence": 1.0,
    }
    check(desk, location)


def test_the_tier_is_where_it_begins(desk):
    """2 kWh/h from 10:00 on reach 3 kWh at 11:30, though the price stays; and 5 kWh at 12:30."""
    location = desk.location()
    ladder = [
        {"fixed": 0.1, "to_kwh": 3},
        {"fixed": 0.1, "to_kwh": 5},
        {"fixed": 0.4, "to_kwh": None},
    ]
    desk.tariff(location, 0.0, schedule=schedule(("00:00:00", "00:00:00", ladder)))
    desk.submit(("2026-01-01T10:00:00Z", "2026-01-01T13:00:00Z", 6000), location_id=location)
    rows = audit(desk, location, end_time="2026-01-02T00:00:00Z")["data"]
    assert [(row["valid_from"], row["price_breakdown"]["commodity"]["tier"]) for row in rows] == [
        ("2026-01-01T00:10:00Z", 0.0),
        ("2026-01-01T11:30:00Z", 3.0),
        ("2026-01-01T12:30:00Z", 5.0),
    ]
    assert [row["price_breakdown"]["commodity"]["fixed"] for row in rows] == [0.1, 0.1, 0.4]
    assert {row["price_breakdown"]["confidence"] for row in rows} == {0.8}


def test_a_contract_that_holds_part_of_a_month_has_its_share_of_the_tier(desk):
    """15 of 31 days: its tier begins at 15 kWh, which 5 kWh/h reach in three hours."""
    location = desk.location()
    ladder = [{"fixed": 0.1, "to_kwh": 31}, {"fixed": 0.4, "to_kwh": None}]
    start = "2026-01-17T00:00:00Z"
    desk.tariff(
        location,
        0.0,
        schedule=schedule(("00:00:00", "00:00:00", ladder)),
        contract_start_date=start,
    )
    desk.submit((start, "2026-01-17T04:00:00Z", 20_000), location_id=location)
    rows = audit(desk, location, start_time=start, end_time="2026-01-18T00:00:00Z")["data"]
    assert [(row["valid_from"], row["price_breakdown"]["commodity"]["tier"]) for row in rows] == [
        (start, 0.0),
        ("2026-01-17T03:00:00Z", pytest.approx(15.0)),
    ]


def test_local_energy_is_free(desk):
    location = desk.location()
    [row] = audit(desk, location, tariff_direction="LOCAL")["data"]
    assert (
        row["price_breakdown"]["total"] == row["price_breakdown"]["commodity"]["aggregate"] == 0.0
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"end_time": None}, "invalid_request"),
        ({"end_time": WINDOW["start_time"]}, "invalid_request"),
        ({"end_time": "2026-04-01T00:10:00.000001Z"}, "invalid_request"),
        ({"start_time": "2026-01-01"}, "invalid_request"),
        ({"tariff_direction": "UP"}, "tariff_direction_invalid"),
        ({"tariff_direction": "EXPORT"}, "no_tariff_connected"),
        ({"start_time": "2025-12-31T00:00:00Z"}, "no_price_data"),
    ],
)
def test_what_is_refused(desk, fields, code):
    location = desk.location()
    desk.tariff(location, 0.2, contract_start_date="2026-01-01T00:00:00Z")
    assert (
        desk.call("POST", f"/audits/prices/{location}", WINDOW | fields, status=422)["code"] == code
    )
    desk.call("POST", "/audits/prices/loc_0", WINDOW, status=404)
    desk.call("POST", f"/audits/prices/{location}", b"[]", status=422)
    assert desk.ask("GET", f"/tariffs/audit/{location}", **WINDOW).status_code == 404
