"""Tiers: against a loop over five minutes at a time in fractions, by conservation, by hand, and without a trace."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.emulator import Clock, Store

STEP = timedelta(minutes=5)
ZONES = {"GB": "Europe/London", "BE": "Europe/Brussels", "US": "America/Los_Angeles"}
NIGHT, DAY = ((0.10, 12.5), (0.15, 30), (0.30, None)), ((0.25, 10), (0.40, None))
HOURS = {("00:00:00", "07:00:00"): NIGHT, ("07:00:00", "00:00:00"): DAY}


def text(moment):
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def tiered(desk, location, hours, **fields):
    """A tariff whose hours have ladders, ((price, to_kwh), ...)."""
    entries = [
        {
            "valid_from": begin,
            "valid_to": stop,
            "rate": [{"fixed": price, "to_kwh": limit} for price, limit in ladder],
        }
        for (begin, stop), ladder in hours.items()
    ]
    schedule = [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": entries}]}]
    return desk.tariff(location, 0.0, schedule=schedule, **fields)


def always(*ladder):
    return {("00:00:00", "00:00:00"): ladder}


def priced(ladder, low, high):
    """The kWh from `low` to `high` up the ladder."""
    cost, begin = Fraction(0), Fraction(0)
    for price, limit in ladder:
        stop = high if limit is None else Fraction(str(limit))
        cost += Fraction(str(price)) * max(min(stop, high) - max(begin, low), Fraction(0))
        begin = stop
    return cost


def oracle(records, zone):
    """Cost of each record in each five minutes: {(record, step): cost}."""
    steps = defaultdict(list)
    for number, (start, end, wh, _) in enumerate(records):
        count = (end - start) // STEP
        for step in range(count):
            steps[start + step * STEP].append((number, Fraction(wh, 1000 * count)))
    used, costs = defaultdict(Fraction), {}
    for moment in sorted(steps):
        local = moment.astimezone(ZoneInfo(zone))
        month, ladder = (local.year, local.month), NIGHT if local.hour < 7 else DAY
        total = sum(kwh for _, kwh in steps[moment])
        whole = priced(ladder, used[month], used[month] + total)
        for number, kwh in steps[moment]:
            costs[number, moment] = whole * kwh / total if total else Fraction(0)
        used[month] += total
    return costs


# Around the ends of March and October, in whose last nights the clocks change, and of a plain month.
MOMENTS = st.builds(
    lambda day, steps: day + steps * STEP,
    st.sampled_from(
        [datetime(2025, month, day, tzinfo=UTC) for month, day in ((3, 29), (10, 25), (5, 30))]
    ),
    st.integers(0, 8 * 288),
)
RECORDS = st.lists(
    st.tuples(
        MOMENTS, st.integers(1, 500), st.integers(0, 30_000), st.sampled_from([None, 0, 1])
    ).map(lambda r: (r[0], r[0] + r[1] * STEP, *r[2:])),
    min_size=1,
    max_size=7,
    unique_by=lambda r: (*r[:2], r[3]),
)


def submit(desk, location, devices, records, order):
    for number in order:
        start, end, wh, device = records[number]
        named = {} if device is None else {"device_id": devices[device]}
        desk.submit((text(start), text(end), wh), location_id=location, **named)


@settings(max_examples=50, deadline=None)
@given(
    country=st.sampled_from(sorted(ZONES)),
    records=RECORDS,
    window=st.tuples(MOMENTS, MOMENTS),
    data=st.data(),
)
def test_reports_agree_with_the_loop_and_with_each_other(desk_over, country, records, window, data):
    """Whatever the order of submission, the window, the rows, and whose report it is."""
    desk, zone = desk_over(Store(), Clock()), ZONES[country]
    location, devices = desk.location(country), [desk.device("a"), desk.device("b")]
    tiered(desk, location, HOURS)
    submit(desk, location, devices, records, data.draw(st.permutations(range(len(records)))))
    costs = oracle(records, zone)
    low, high = sorted(window)
    high += STEP
    whole = sum(cost for (_, moment), cost in costs.items() if low <= moment < high)
    for aggregation in ({}, {"aggregation": "DAY"}, {"aggregation": "MONTH"}):
        rows = desk.costs(location, text(low), text(high), **aggregation)
        assert sum(row["cost"]["value"] for row in rows) == pytest.approx(float(whole), abs=1e-9)
    days = desk.costs(location, text(low), text(high), aggregation="DAY")
    expected = defaultdict(Fraction)
    for (_, moment), cost in costs.items():
        if low <= moment < high:
            expected[moment.astimezone(ZoneInfo(zone)).date()] += cost
    found = {
        datetime.fromisoformat(row["start_time"]).astimezone(ZoneInfo(zone)).date(): row["cost"][
            "value"
        ]
        for row in days
    }
    assert found == {day: pytest.approx(float(cost), abs=1e-9) for day, cost in expected.items()}
    for number, device in enumerate(devices):
        own = sum(cost for (which, _), cost in costs.items() if records[which][3] == number)
        assert sum(row["cost"]["value"] for row in desk.costs(device)) == pytest.approx(
            float(own), abs=1e-9
        )


@settings(max_examples=40, deadline=None)
@given(records=RECORDS)
def test_an_instant_costs_what_the_report_then_says_and_passing_ones_leave_no_trace(
    desk_over, records
):
    desk = desk_over(Store(), Clock())
    location, devices = desk.location(), [desk.device("a"), desk.device("b")]
    tiered(desk, location, HOURS)
    for number, (start, end, wh, device) in enumerate(records):
        record = {
            "location_id": location,
            "start_time": text(start),
            "end_time": text(end),
            "units": "WH",
            "value": wh,
        }
        record |= {} if device is None else {"device_id": devices[device]}
        costs = oracle(records[: number + 1], ZONES["GB"])
        cost = sum(each for (which, _), each in costs.items() if which == number)
        before = desk.store.digest()
        passing = desk.call("POST", "/costs/instant", record, non_persistent="true")["data"]
        assert desk.store.digest() == before
        kept = desk.call("POST", "/costs/instant", record)["data"]
        assert passing == kept
        assert kept["cost"]["value"] == pytest.approx(float(cost), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(records=RECORDS)
def test_the_price_list_is_what_the_records_paid(desk_over, records):
    """Its steps are whole microseconds, so costs agree to a millionth and not to the last digit."""
    desk = desk_over(Store(), Clock())
    location, devices = desk.location(), [desk.device("a"), desk.device("b")]
    tiered(desk, location, HOURS)
    submit(desk, location, devices, records, range(len(records)))
    day = timedelta(days=1)
    low = min(record[0] for record in records) - day
    high = low + 60 * day
    asked = {"start_time": text(low), "end_time": text(high)}
    segments = desk.call("POST", f"/prices/{location}", asked)["data"]
    assert all(a["valid_to"] == b["valid_from"] for a, b in pairwise(segments))
    assert {segment["price"]["value"] for segment in segments} <= {
        price for price, _ in (*NIGHT, *DAY)
    }
    assert {segment["price"]["confidence"] for segment in segments} == {0.8}
    total = 0.0
    for start, end, wh, _ in records:
        for segment in segments:
            begin, stop = (
                datetime.fromisoformat(segment[name]) for name in ("valid_from", "valid_to")
            )
            shared = max(min(stop, end, high) - max(begin, start), timedelta())
            total += wh / 1000 * (shared / (end - start)) * segment["price"]["value"]
    costs = desk.costs(location, None, text(high))
    assert total == pytest.approx(sum(row["cost"]["value"] for row in costs), abs=1e-6)


def hours(day, *wh):
    start = datetime.fromisoformat(f"{day}+00:00")
    return [
        (text(start + n * timedelta(hours=1)), text(start + (n + 1) * timedelta(hours=1)), each)
        for n, each in enumerate(wh)
    ]


def test_by_hand(desk):
    """Up to 3 kWh at 0.10, up to 5 at 0.20, then 0.40; 4 kWh in an hour cross both limits."""
    location = desk.location()
    tiered(desk, location, always((0.10, 3), (0.20, 5), (0.40, None)))
    desk.tariff(location, 0.05, type="NON_COMMODITY")
    desk.submit(*hours("2025-01-15T10:00:00", 2000, 4000, 1000), location_id=location)
    rows = desk.costs(location)
    assert [row["cost"]["value"] for row in rows] == pytest.approx(
        [2 * 0.15, 0.10 + 0.40 + 0.40 + 4 * 0.05, 0.45]
    )
    assert {row["cost"]["confidence"] for row in rows} == {1.0}
    [late] = desk.costs(location, "2025-01-15T11:45:00Z", "2025-01-15T12:00:00Z")
    assert late["cost"]["value"] == pytest.approx(0.40 + 0.05)
    desk.submit(*hours("2025-01-01T10:00:00", 10_000), location_id=location)
    assert desk.costs(location, "2025-01-15T00:00:00Z")[0]["cost"]["value"] == pytest.approx(
        2 * 0.45
    )


def test_many_small_records_reach_a_limit_exactly(desk):
    """Sixty times a tenth of a kWh are 6 kWh, whatever floats make of it."""
    location = desk.location()
    tiered(desk, location, always((0.10, 6), (0.40, None)))
    desk.submit(*hours("2025-01-15T00:00:00", *[100] * 60), location_id=location)
    asked = {"start_time": "2025-01-17T11:00:00Z", "end_time": "2025-02-01T01:00:00Z"}
    segments = desk.call("POST", f"/prices/{location}", asked)["data"]
    assert [(each["valid_from"], each["price"]["value"]) for each in segments] == [
        ("2025-01-17T11:00:00Z", 0.10),
        ("2025-01-17T12:00:00Z", 0.40),
        ("2025-02-01T00:00:00Z", 0.10),
    ]


def test_simultaneous_energy_climbs_together_and_directions_count_apart(desk):
    location, device = desk.location(), desk.device()
    tiered(desk, location, always((0.10, 3), (0.40, None)))
    tiered(desk, location, always((0.05, 1), (0.02, None)), direction="EXPORT")
    [hour] = hours("2025-01-15T10:00:00", 4000)
    desk.submit(hour, location_id=location)
    desk.submit((*hour[:2], 2000), location_id=location, device_id=device)
    sold = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "EXPORT"}
    desk.submit((*hour[:2], 2000), location_id=location, **sold)
    assert [row["cost"]["value"] for row in desk.costs(location)] == pytest.approx([1.0, 0.5])
    assert [row["cost"]["value"] for row in desk.costs(device)] == pytest.approx([0.5])
    assert [
        row["cost"]["value"] for row in desk.costs(location, tariff_direction="EXPORT")
    ] == pytest.approx([0.07])


def test_avoided_costs_meet_a_tier_and_do_not_count(desk):
    location = desk.location()
    tiered(desk, location, always((0.10, 3), (0.40, None)))
    first, second, third = hours("2025-01-15T10:00:00", 2000, 5000, 2000)
    supplied = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "IMPORT"}
    desk.submit(first, third, location_id=location)
    desk.submit(second, third, location_id=location, **supplied)
    found = [(row["cost"]["value"], "energy_flow_direction" in row) for row in desk.costs(location)]
    assert found == [
        (pytest.approx(cost), odd)
        for cost, odd in ((0.2, False), (0.5, True), (0.5, False), (0.5, True))
    ]


def test_an_avoided_cost_is_split_where_the_limit_is_reached_while_it_lasts(desk):
    """4 kWh from 10 to 12 o'clock reach the limit of 2 at 11; 3 kWh are avoided from half past 10 to 12."""
    location = desk.location()
    tiered(desk, location, always((0.10, 2), (0.40, None)))
    desk.submit(("2025-01-15T10:00:00Z", "2025-01-15T12:00:00Z", 4000), location_id=location)
    supplied = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "IMPORT"}
    desk.submit(
        ("2025-01-15T10:30:00Z", "2025-01-15T12:00:00Z", 3000), location_id=location, **supplied
    )
    assert [row["cost"]["value"] for row in desk.costs(location)] == pytest.approx([1.0, 0.9])


def test_a_session_is_priced_from_the_counter_of_its_location(desk):
    location, device = desk.location(), desk.device()
    tiered(desk, location, always((0.10, 3), (0.40, None)))
    first, second, third = hours("2025-01-15T10:00:00", 2000, 2000, 2000)
    desk.submit(first, location_id=location)
    desk.submit(second, third, location_id=location, device_id=device, session_reference_id="s")
    rows = desk.call("POST", "/costs/session/s")["data"]
    assert [row["cost"]["value"] for row in rows] == pytest.approx([0.5, 0.8])


def test_a_record_that_is_written_over_counts_once(desk):
    location = desk.location()
    tiered(desk, location, always((0.10, 3), (0.40, None)))
    first, second = hours("2025-01-15T10:00:00", 2000, 2000)
    desk.submit(first, second, location_id=location)
    record = {
        "location_id": location,
        "start_time": first[0],
        "end_time": first[1],
        "units": "WH",
        "value": 4000,
    }
    answer = desk.call("POST", "/costs/instant", record, non_persistent="true")
    assert answer["data"]["cost"]["value"] == pytest.approx(0.3 + 0.4)
    desk.call("POST", "/costs/instant", record)
    assert [row["cost"]["value"] for row in desk.costs(location)] == pytest.approx([0.7, 0.8])


def test_a_contract_of_part_of_a_month_counts_for_itself(desk):
    """Twelve of thirty days of June: limits of 12 and 18 kWh, not 30; local midnights part them."""
    location, change = desk.location(), "2025-06-12T23:00:00Z"
    ladder = always((0.10, 30), (0.40, None))
    tiered(desk, location, ladder, contract_end_date=change)
    tiered(desk, location, ladder, contract_start_date=change)
    desk.submit(
        *hours("2025-06-05T10:00:00", 10_000, 5000),
        *hours("2025-06-20T10:00:00", 18_000, 1000),
        location_id=location,
    )
    rows = desk.costs(location)
    assert [row["cost"]["value"] for row in rows] == pytest.approx([1.0, 0.2 + 3 * 0.4, 1.8, 0.4])


def test_the_emulator_agrees_with_the_bill(desk):
    """A month of half-hours: the cost report is the engine's bill, chronological."""
    location, rng = desk.location(), np.random.default_rng(11)
    sent = tiered(desk, location, HOURS)
    tariff = fk.Tariff.from_flatpeak(
        desk.call("GET", f"/tariffs/{sent}"),
        timezone="Europe/London",
        currency="GBP",
        tier_rule="chronological",
    )
    begin = datetime(2025, 3, 1, tzinfo=UTC)
    starts = [begin + n * timedelta(minutes=30) for n in range(31 * 48 - 2)]
    wh = rng.integers(0, 100, len(starts)).tolist()
    desk.submit(
        *((text(a), text(a + timedelta(minutes=30)), e) for a, e in zip(starts, wh, strict=True)),
        location_id=location,
    )
    [row] = desk.costs(location, aggregation="MONTH")
    energy = {
        "site_id": ["home"] * len(starts),
        "start_utc": starts,
        "consumption_kwh": [each / 1000 for each in wh],
    }
    assert row["cost"]["value"] == pytest.approx(
        fk.bill(_frame(energy), tariff)["cost"].sum(), abs=1e-9
    )


def _frame(columns):
    polars = pytest.importorskip("polars")
    return polars.DataFrame(columns)
