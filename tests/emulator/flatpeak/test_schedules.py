"""Schedules: against a count of single minutes, by hand, in both generations, and what is refused."""

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipkit.emulator.flatpeak import pricing
from flipkit.emulator.flatpeak.price_slots import by_duration, by_limit, limit_of
from flipkit.tariffs import PriceSeries

ZERO = "2024-08-24.zero"
NEW_YEAR, HALF_HOUR, MINUTE = (
    1_767_225_600_000_000,
    1_800_000_000,
    60_000_000,
)  # 2026-01-01T00:00:00Z
NIGHT = {"start_time": "2026-01-01T00:10:00Z", "end_time": "2026-01-01T02:50:00Z", "segment": "LOW"}
SEGMENTS = st.sampled_from(["LOW", "HIGH"])
PRICES = st.integers(-3, 6).map(lambda price: price / 10)
"""Prices that hold so many minutes, few enough for many to be equal."""
SERIES = st.lists(
    st.tuples(st.integers(1, 30), PRICES, st.sampled_from([0.4, 0.8, 1.0])), min_size=1, max_size=8
)


def series(rows):
    minutes, prices, confidence = zip(*rows, strict=True)
    edges = NEW_YEAR + MINUTE * np.cumsum([0, *minutes])
    return PriceSeries(edges[:-1], edges[1:], np.array(prices), np.array(confidence))


def by_minute(rows):
    return [(price, sure) for minutes, price, sure in rows for _ in range(minutes)]


def minutes_of(slots):
    """The minutes in each slot, counted from the first."""
    assert all(
        end < start for end, start in zip(slots.end_us[:-1], slots.start_us[1:], strict=True)
    )
    assert not ((slots.end_us - slots.start_us) % MINUTE).any()
    edges = zip(
        (slots.start_us - NEW_YEAR) // MINUTE, (slots.end_us - NEW_YEAR) // MINUTE, strict=True
    )
    return [range(start, end) for start, end in edges]


def check_means(slots, minutes):
    for each, average, sure in zip(minutes_of(slots), slots.average, slots.confidence, strict=True):
        assert average == pytest.approx(np.mean([minutes[number][0] for number in each]))
        assert sure == min(minutes[number][1] for number in each)


@given(SERIES, st.integers(1, 240), SEGMENTS)
def test_so_many_minutes_at_the_lowest_or_highest_prices(rows, duration, segment):
    minutes = by_minute(rows)
    slots = by_duration(series(rows), duration * MINUTE, segment)
    taken = [number for each in minutes_of(slots) for number in each]
    assert len(taken) == min(duration, len(minutes))
    best = sorted((price for price, _ in minutes), reverse=segment == "HIGH")[:duration]
    assert sorted(minutes[number][0] for number in taken) == sorted(best)
    marginal = best[-1]  # of equal prices the earliest
    equal = [number for number, (price, _) in enumerate(minutes) if price == marginal]
    chosen = [number for number in taken if minutes[number][0] == marginal]
    assert chosen == equal[: len(chosen)]
    check_means(slots, minutes)


@given(SERIES, PRICES, SEGMENTS)
def test_every_minute_within_a_limit_and_no_other(rows, limit, segment):
    minutes = by_minute(rows)
    slots = by_limit(series(rows), limit, segment)
    good = [
        n
        for n, (price, _) in enumerate(minutes)
        if (price <= limit if segment == "LOW" else price >= limit)
    ]
    assert [number for each in minutes_of(slots) for number in each] == good
    check_means(slots, minutes)


@given(SERIES, st.floats(0.01, 1), SEGMENTS)
@example([(5, 0.1, 1.0), (5, 0.3, 1.0)], 1.0, "HIGH")
@example([(5, 0.1, 1.0), (5, 0.3, 1.0)], 0.01, "LOW")
def test_a_relative_limit_lies_between_the_lowest_and_the_highest_price(rows, relative, segment):
    prices = series(rows)
    low, high = prices.price_per_kwh.min(), prices.price_per_kwh.max()
    limit = limit_of(prices, relative)
    assert limit == pytest.approx(low + (relative - 0.01) / 0.99 * (high - low))
    assert len(by_limit(prices, limit, segment).start_us)  # one end of the prices is always within


def market(desk, prices):
    starts = NEW_YEAR + HALF_HOUR * np.arange(len(prices))
    with desk.store.write() as db:
        pricing.put_market(
            db, "gb-1", "Europe/London", PriceSeries(starts, starts + HALF_HOUR, np.array(prices))
        )


@pytest.fixture
def place(desk):
    """Half-hourly prices from 2026-01-01T00:00:00Z on."""
    location = desk.location()
    market(desk, [0.4, 0.1, 0.2, 0.3, 0.2, 0.1] * 48)
    desk.tariff(location, 0.0, market_rates=True, schedule=None)
    return location


def rows(answer, name="price", mean="average"):
    return [
        (row["start_time"][11:16], row["end_time"][11:16], pytest.approx(row[name][mean]))
        for row in answer["data"]
    ]


def test_a_schedule_by_duration(desk, place):
    before = desk.store.digest()
    answer = desk.call("POST", f"/schedules/duration/{place}", NIGHT | {"duration": 75})
    assert desk.store.digest() == before
    assert answer.pop("id").startswith("std_")
    assert answer == {
        "object": "schedule_duration",
        "live_mode": False,
        "account_id": "acc_test",
        "location_id": place,
        "location_timezone": "Europe/London",
        "currency_code": "GBP",
        "tariff_direction": "IMPORT",
        "next_update": "2026-01-11T12:00:00Z",
        "time_created": "2026-01-10T12:00:00Z",
        "request": NIGHT | {"tariff_direction": "IMPORT", "duration": 75},
        "data": [
            {
                "start_time": "2026-01-01T00:30:00Z",
                "end_time": "2026-01-01T01:25:00Z",
                "price": {"average": pytest.approx((30 * 0.1 + 25 * 0.2) / 55), "confidence": 1.0},
            },
            {
                "start_time": "2026-01-01T02:30:00Z",
                "end_time": "2026-01-01T02:50:00Z",
                "price": {"average": 0.1, "confidence": 1.0},
            },
        ],
    }
    dear = desk.call(
        "POST", f"/schedules/duration/{place}", NIGHT | {"duration": 20.5, "segment": "HIGH"}
    )
    assert [row["end_time"] for row in dear["data"]] == [
        "2026-01-01T00:30:00Z",
        "2026-01-01T01:30:30Z",
    ]


def test_a_schedule_by_limit(desk, place):
    """From 0.1 to 0.4: 0.505 of the way is 0.25; what is absolute overrides it."""
    ask = lambda **fields: desk.call("POST", f"/schedules/limit/{place}", NIGHT | fields)  # noqa: E731
    answer = ask(relative=0.505)
    assert rows(answer) == [
        ("00:30", "01:30", 0.15),
        ("02:00", "02:50", (30 * 0.2 + 20 * 0.1) / 50),
    ]
    assert (answer["object"], answer["duration"], answer["id"][:4]) == (
        "schedule_limit",
        110,
        "spl_",
    )
    assert answer["request"] == NIGHT | {"tariff_direction": "IMPORT", "relative": 0.505}
    assert rows(ask(relative=1, segment="HIGH")) == [("00:10", "00:30", 0.4)]
    both = ask(relative=0.505, absolute=0.1)
    assert rows(both) == [("00:30", "01:00", 0.1), ("02:30", "02:50", 0.1)]
    none = ask(absolute=-1)
    assert (none["data"], none["duration"]) == ([], 0)
    assert rows(ask(absolute=0.3, segment="HIGH", tariff_direction="LOCAL")) == []


def test_zeros_slots_are_anodes_schedules(desk, place):
    window = {name: NIGHT[name] for name in ("start_time", "end_time")}
    for segment in ("LOW", "HIGH"):
        for kind, slot, wish in (
            ("duration", "time", {"duration": 75}),
            ("limit", "threshold", {"relative": 0.505}),
            ("limit", "threshold", {"absolute": 0.2, "relative": 0.3}),
        ):
            asked = window | wish | {"segment": segment}
            here = desk.call("POST", f"/schedules/{kind}/{place}", asked)
            there = desk.call("GET", f"/slots/{slot}/{place}", version=ZERO, **asked)
            assert rows(there, "tariff", "rate_avg") == rows(here)
            assert there.get("duration") == here.get("duration")
            sent = {"absolute": 0, "relative": 0} if kind == "limit" else {}
            assert there["request"] == sent | asked | {"direction": "IMPORT"}


def test_zero_begins_now_and_sees_ninety_days(desk):
    location = desk.location()
    desk.tariff(location, {("00:00:00", "07:00:00"): 0.1, ("07:00:00", "00:00:00"): 0.3})
    end = datetime.fromisoformat("2026-01-10T12:00:00Z") + timedelta(days=90)
    ask = {"segment": "LOW", "duration": "60", "end_time": end.isoformat()}
    answer = desk.call("GET", f"/slots/time/{location}", version=ZERO, **ask)
    assert [row["start_time"] for row in answer["data"]] == ["2026-01-11T00:00:00Z"]
    assert answer["data"][0]["tariff"]["confidence"] == 0.8
    desk.call(
        "GET",
        f"/slots/time/{location}",
        version=ZERO,
        status=422,
        **ask | {"start_time": "2026-01-10T11:59:59Z"},
    )


def test_the_slots_of_a_sum_of_contracts_are_cut_at_its_prices(desk, place):
    """The offset of the end goes back; tariffs add up, and minutes beyond the window are not offered."""
    desk.tariff(
        place, {("00:00:00", "01:00:00"): 0.5, ("01:00:00", "00:00:00"): 0.0}, type="NON_COMMODITY"
    )
    window = {"start_time": "2026-01-01T00:10:00Z", "end_time": "2026-01-01T04:00:00+01:00"}
    answer = desk.call(
        "POST", f"/schedules/duration/{place}", window | {"segment": "LOW", "duration": 170}
    )
    assert rows(answer) == [
        ("01:10", "04:00", (20 * 0.9 + 30 * (0.6 + 0.2 + 0.3 + 0.2 + 0.1)) / 170)
    ]
    assert all(a["end_time"] < b["start_time"] for a, b in pairwise(answer["data"]))


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("duration", {"start_time": None}, "invalid_request"),
        ("duration", {"end_time": None}, "invalid_request"),
        ("duration", {"end_time": "2026-01-04T00:10:00.000001Z"}, "invalid_request"),
        ("duration", {"segment": None}, "invalid_request"),
        ("duration", {"segment": "low"}, "invalid_request"),
        ("duration", {"duration": None}, "invalid_request"),
        ("duration", {"duration": 0}, "invalid_request"),
        ("duration", {"duration": 1e-9}, "invalid_request"),
        ("duration", {"duration": "60"}, "invalid_request"),
        ("duration", {"duration": True}, "invalid_request"),
        ("duration", {"duration": 160.1}, "invalid_request"),
        ("duration", {"tariff_direction": "UP"}, "tariff_direction_invalid"),
        ("duration", {"tariff_direction": "EXPORT"}, "no_tariff_connected"),
        ("duration", {"start_time": "2025-12-31T23:59:59Z"}, "no_price_data"),
        ("limit", {}, "invalid_request"),
        ("limit", {"relative": 0}, "invalid_request"),
        ("limit", {"relative": 1.01, "absolute": 1}, "invalid_request"),
        ("limit", {"absolute": "x"}, "invalid_request"),
        ("limit", {"absolute": [1]}, "invalid_request"),
    ],
)
def test_what_is_refused(desk, place, kind, fields, code):
    wish = {"duration": 60} if kind == "duration" else {}
    assert (
        desk.call("POST", f"/schedules/{kind}/{place}", NIGHT | wish | fields, status=422)["code"]
        == code
    )


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "", "x", "-5"])
def test_numbers_of_a_query_that_are_refused(desk, place, value):
    for path, name in (("time", "duration"), ("threshold", "relative")):
        desk.call(
            "GET", f"/slots/{path}/{place}", version=ZERO, status=422, **NIGHT, **{name: value}
        )


def test_what_is_not_there(desk, place):
    wish = NIGHT | {"duration": 60, "absolute": 1}
    for path in ("duration/loc_0", "limit/loc_0", f"other/{place}"):
        desk.call("POST", f"/schedules/{path}", wish, status=404)
        desk.call("POST", f"/schedules/{path}", wish, version=ZERO, status=404)
    for path in ("time/loc_0", "threshold/loc_0"):
        desk.call("GET", f"/slots/{path}", version=ZERO, status=404, **wish)
        desk.call("GET", f"/slots/{path.split('/')[0]}/{place}", status=404, **wish)
