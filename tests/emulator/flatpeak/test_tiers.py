"""Tiers: compared with a loop over five-minute steps in fractions, and by hand."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
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


def tiered(api, location, hours, **fields):
    """Create a tariff whose hours have tiers, ((price, to_kwh), ...)."""
    entries = [
        {
            "valid_from": begin,
            "valid_to": stop,
            "rate": [{"fixed": price, "to_kwh": limit} for price, limit in ladder],
        }
        for (begin, stop), ladder in hours.items()
    ]
    schedule = [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": entries}]}]
    return api.tariff(location, 0.0, schedule=schedule, **fields)


def always(*ladder):
    return {("00:00:00", "00:00:00"): ladder}


def priced(ladder, low, high):
    """Return the cost of the kWh from `low` to `high` of a month."""
    cost, begin = Fraction(0), Fraction(0)
    for price, limit in exact(ladder):
        stop = high if limit is None else limit
        if stop > low and begin < high:
            cost += price * (min(stop, high) - max(begin, low))
        begin = stop
    return cost


@cache
def exact(ladder):
    """Prices and limits as fractions."""
    return [
        (Fraction(str(price)), None if limit is None else Fraction(str(limit)))
        for price, limit in ladder
    ]


def oracle(records, zone):
    """Return the cost of each record in each five-minute step: {(record, step): cost}."""
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


# Around the ends of March and October, when the clocks change, and of a plain month.
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


def submit(api, location, devices, records, order):
    for number in order:
        start, end, wh, device = records[number]
        named = {} if device is None else {"device_id": devices[device]}
        api.submit((text(start), text(end), wh), location_id=location, **named)


@settings(max_examples=50, deadline=None)
@given(
    country=st.sampled_from(sorted(ZONES)),
    records=RECORDS,
    window=st.tuples(MOMENTS, MOMENTS),
    data=st.data(),
)
def test_reports_agree_with_the_loop_and_with_each_other(api_over, country, records, window, data):
    """Whatever the order of submission, the window, the aggregation, and the report's object."""
    api, zone = api_over(Store(), Clock()), ZONES[country]
    location, devices = api.location(country), [api.device("a"), api.device("b")]
    tiered(api, location, HOURS)
    submit(api, location, devices, records, data.draw(st.permutations(range(len(records)))))
    costs = oracle(records, zone)
    low, high = sorted(window)
    high += STEP
    whole = sum(cost for (_, moment), cost in costs.items() if low <= moment < high)
    for aggregation in ({}, {"aggregation": "DAY"}, {"aggregation": "MONTH"}):
        rows = api.costs(location, text(low), text(high), **aggregation)
        assert sum(row["cost"]["value"] for row in rows) == pytest.approx(float(whole), abs=1e-9)
    days = api.costs(location, text(low), text(high), aggregation="DAY")
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
        assert sum(row["cost"]["value"] for row in api.costs(device)) == pytest.approx(
            float(own), abs=1e-9
        )


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(records=RECORDS)
def test_an_instant_cost_equals_the_later_report_and_non_persistent_ones_leave_no_trace(
    api_over, records
):
    api = api_over(Store(), Clock())
    location, devices = api.location(), [api.device("a"), api.device("b")]
    tiered(api, location, HOURS)
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
        before = api.store.digest()
        passing = api.call("POST", "/costs/instant", record, non_persistent="true")["data"]
        assert api.store.digest() == before
        kept = api.call("POST", "/costs/instant", record)["data"]
        assert passing == kept
        assert kept["cost"]["value"] == pytest.approx(float(cost), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(records=RECORDS)
def test_the_price_list_gives_the_costs_of_the_records(api_over, records):
    """Its steps are whole microseconds, so costs agree to a millionth, not to the last digit."""
    api = api_over(Store(), Clock())
    location, devices = api.location(), [api.device("a"), api.device("b")]
    tiered(api, location, HOURS)
    submit(api, location, devices, records, range(len(records)))
    day = timedelta(days=1)
    low = min(record[0] for record in records) - day
    high = low + 60 * day
    asked = {"start_time": text(low), "end_time": text(high)}
    segments = api.call("POST", f"/prices/{location}", asked)["data"]
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
    costs = api.costs(location, None, text(high))
    assert total == pytest.approx(sum(row["cost"]["value"] for row in costs), abs=1e-6)


def hours(day, *wh):
    start = datetime.fromisoformat(f"{day}+00:00")
    return [
        (text(start + n * timedelta(hours=1)), text(start + (n + 1) * timedelta(hours=1)), each)
        for n, each in enumerate(wh)
    ]


def test_by_hand(api):
    """Up to 3 kWh at 0.10, up to 5 at 0.20, then 0.40; 4 kWh in an hour cross both limits."""
    location = api.location()
    tiered(api, location, always((0.10, 3), (0.20, 5), (0.40, None)))
    api.tariff(location, 0.05, type="NON_COMMODITY")
    api.submit(*hours("2025-01-15T10:00:00", 2000, 4000, 1000), location_id=location)
    rows = api.costs(location)
    assert [row["cost"]["value"] for row in rows] == pytest.approx(
        [2 * 0.15, 0.10 + 0.40 + 0.40 + 4 * 0.05, 0.45]
    )
    assert {row["cost"]["confidence"] for row in rows} == {1.0}
    [late] = api.costs(location, "2025-01-15T11:45:00Z", "2025-01-15T12:00:00Z")
    assert late["cost"]["value"] == pytest.approx(0.40 + 0.05)
    api.submit(*hours("2025-01-01T10:00:00", 10_000), location_id=location)
    assert api.costs(location, "2025-01-15T00:00:00Z")[0]["cost"]["value"] == pytest.approx(
        2 * 0.45
    )


def test_many_small_records_reach_a_limit_exactly(api):
    """Sixty times a tenth of a kWh are 6 kWh, despite float arithmetic."""
    location = api.location()
    tiered(api, location, always((0.10, 6), (0.40, None)))
    api.submit(*hours("2025-01-15T00:00:00", *[100] * 60), location_id=location)
    asked = {"start_time": "2025-01-17T11:00:00Z", "end_time": "2025-02-01T01:00:00Z"}
    segments = api.call("POST", f"/prices/{location}", asked)["data"]
    assert [(each["valid_from"], each["price"]["value"]) for each in segments] == [
        ("2025-01-17T11:00:00Z", 0.10),
        ("2025-01-17T12:00:00Z", 0.40),
        ("2025-02-01T00:00:00Z", 0.10),
    ]


def test_simultaneous_energy_climbs_together_and_directions_count_apart(api):
    location, device = api.location(), api.device()
    tiered(api, location, always((0.10, 3), (0.40, None)))
    tiered(api, location, always((0.05, 1), (0.02, None)), direction="EXPORT")
    [hour] = hours("2025-01-15T10:00:00", 4000)
    api.submit(hour, location_id=location)
    api.submit((*hour[:2], 2000), location_id=location, device_id=device)
    sold = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "EXPORT"}
    api.submit((*hour[:2], 2000), location_id=location, **sold)
    assert [row["cost"]["value"] for row in api.costs(location)] == pytest.approx([1.0, 0.5])
    assert [row["cost"]["value"] for row in api.costs(device)] == pytest.approx([0.5])
    assert [
        row["cost"]["value"] for row in api.costs(location, tariff_direction="EXPORT")
    ] == pytest.approx([0.07])


def test_avoided_costs_meet_a_tier_and_do_not_count(api):
    location = api.location()
    tiered(api, location, always((0.10, 3), (0.40, None)))
    first, second, third = hours("2025-01-15T10:00:00", 2000, 5000, 2000)
    supplied = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "IMPORT"}
    api.submit(first, third, location_id=location)
    api.submit(second, third, location_id=location, **supplied)
    found = [(row["cost"]["value"], "energy_flow_direction" in row) for row in api.costs(location)]
    assert found == [
        (pytest.approx(cost), odd)
        for cost, odd in ((0.2, False), (0.5, True), (0.5, False), (0.5, True))
    ]


def test_an_avoided_cost_is_split_where_the_limit_is_reached_while_it_lasts(api):
    """4 kWh from 10:00 to 12:00 reach the limit of 2 at 11:00; 3 kWh are avoided after 10:30."""
    location = api.location()
    tiered(api, location, always((0.10, 2), (0.40, None)))
    api.submit(("2025-01-15T10:00:00Z", "2025-01-15T12:00:00Z", 4000), location_id=location)
    supplied = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "IMPORT"}
    api.submit(
        ("2025-01-15T10:30:00Z", "2025-01-15T12:00:00Z", 3000), location_id=location, **supplied
    )
    assert [row["cost"]["value"] for row in api.costs(location)] == pytest.approx([1.0, 0.9])


def test_a_session_is_priced_from_the_counter_of_its_location(api):
    location, device = api.location(), api.device()
    tiered(api, location, always((0.10, 3), (0.40, None)))
    first, second, third = hours("2025-01-15T10:00:00", 2000, 2000, 2000)
    api.submit(first, location_id=location)
    api.submit(second, third, location_id=location, device_id=device, session_reference_id="s")
    rows = api.call("POST", "/costs/session/s")["data"]
    assert [row["cost"]["value"] for row in rows] == pytest.approx([0.5, 0.8])


def test_an_overwritten_record_counts_once(api):
    location = api.location()
    tiered(api, location, always((0.10, 3), (0.40, None)))
    first, second = hours("2025-01-15T10:00:00", 2000, 2000)
    api.submit(first, second, location_id=location)
    record = {
        "location_id": location,
        "start_time": first[0],
        "end_time": first[1],
        "units": "WH",
        "value": 4000,
    }
    answer = api.call("POST", "/costs/instant", record, non_persistent="true")
    assert answer["data"]["cost"]["value"] == pytest.approx(0.3 + 0.4)
    api.call("POST", "/costs/instant", record)
    assert [row["cost"]["value"] for row in api.costs(location)] == pytest.approx([0.7, 0.8])


def test_a_contract_for_part_of_a_month_counts_separately(api):
    """Twelve of the thirty days of June: limits of 12 and 18 kWh, split at local midnight."""
    location, change = api.location(), "2025-06-12T23:00:00Z"
    ladder = always((0.10, 30), (0.40, None))
    tiered(api, location, ladder, contract_end_date=change)
    tiered(api, location, ladder, contract_start_date=change)
    api.submit(
        *hours("2025-06-05T10:00:00", 10_000, 5000),
        *hours("2025-06-20T10:00:00", 18_000, 1000),
        location_id=location,
    )
    rows = api.costs(location)
    assert [row["cost"]["value"] for row in rows] == pytest.approx([1.0, 0.2 + 3 * 0.4, 1.8, 0.4])


def test_the_emulator_agrees_with_the_bill(api):
    """A month of half-hours: the cost report equals `fk.bill` with chronological tiers."""
    location, rng = api.location(), np.random.default_rng(11)
    sent = tiered(api, location, HOURS)
    tariff = fk.Tariff.from_flatpeak(
        api.call("GET", f"/tariffs/{sent}"),
        timezone="Europe/London",
        currency="GBP",
        tier_rule="chronological",
    )
    begin = datetime(2025, 3, 1, tzinfo=UTC)
    starts = [begin + n * timedelta(minutes=30) for n in range(31 * 48 - 2)]
    wh = rng.integers(0, 100, len(starts)).tolist()
    api.submit(
        *((text(a), text(a + timedelta(minutes=30)), e) for a, e in zip(starts, wh, strict=True)),
        location_id=location,
    )
    [row] = api.costs(location, aggregation="MONTH")
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
