"""Cost reports: against an oracle that walks five minutes at a time, by conservation, and by hand."""

import itertools
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store

NIGHT_AND_DAY = {("00:00:00", "07:00:00"): 0.09, ("07:00:00", "00:00:00"): 0.29}
STEP = timedelta(minutes=5)
ZONES = {"GB": "Europe/London", "BE": "Europe/Brussels", "US": "America/Los_Angeles"}


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def price_at(moment, zone):
    """Night until seven o'clock local time."""
    return Fraction(9, 100) if moment.astimezone(ZoneInfo(zone)).hour < 7 else Fraction(29, 100)


def oracle(records, zone, low, high, label):
    """Energy (Wh) and cost by local day or month, five minutes at a time, as fractions."""
    energy, cost = defaultdict(Fraction), defaultdict(Fraction)
    for start, end, wh in records:
        share = (
            Fraction(wh)
            * Fraction(STEP / timedelta(seconds=1))
            / int((end - start).total_seconds())
        )
        moment = max(start, low)
        while moment < min(end, high):
            key = moment.astimezone(ZoneInfo(zone)).strftime(label)
            energy[key] += share
            cost[key] += share / 1000 * price_at(moment, zone)
            moment += STEP
    return energy, cost


# Around the nights of March and October on which the clocks change, and the ends of those months.
MOMENTS = st.builds(
    lambda day, steps: day + steps * STEP,
    st.sampled_from(
        [
            datetime(2025, 3, 8, tzinfo=UTC),
            datetime(2025, 3, 29, tzinfo=UTC),
            datetime(2025, 10, 25, tzinfo=UTC),
        ]
    ),
    st.integers(0, 8 * 288),
)
RECORDS = st.lists(
    st.tuples(MOMENTS, st.integers(1, 900), st.integers(0, 5000)).map(
        lambda r: (r[0], r[0] + r[1] * STEP, r[2])
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda r: r[:2],
)


@settings(max_examples=60, deadline=None)
@given(
    country=st.sampled_from(sorted(ZONES)),
    records=RECORDS,
    window=st.none() | st.tuples(MOMENTS, MOMENTS),
)
def test_reports_agree_with_the_oracle_and_with_each_other(desk_over, country, records, window):
    desk, zone = desk_over(Store(), Clock()), ZONES[country]
    location = desk.location(country)
    desk.tariff(location, NIGHT_AND_DAY)
    desk.submit(*((text(start), text(end), wh) for start, end, wh in records), location_id=location)
    low, high = (
        sorted(window) if window else (min(r[0] for r in records), max(r[1] for r in records))
    )
    high += STEP
    asked = (text(low), text(high))
    plain = desk.costs(location, *asked)
    days, months = (desk.costs(location, *asked, aggregation=each) for each in ("DAY", "MONTH"))
    for rows, label in ((days, "%Y-%m-%d"), (months, "%Y-%m")):
        energy, cost = oracle(records, zone, low, high, label)
        found = {
            datetime.fromisoformat(row["start_time"])
            .astimezone(ZoneInfo(zone))
            .strftime(label): row
            for row in rows
        }
        assert list(found) == sorted(energy)
        assert len(found) == len(rows)
        for key, row in found.items():
            assert abs(row["cost"]["value"] - float(cost[key])) < 1e-9
            assert abs(row["energy"]["value"] - float(energy[key])) <= len(records)
    assert sum(r["energy"]["value"] for r in plain) == sum(r["energy"]["value"] for r in days)
    assert sum(r["energy"]["value"] for r in plain) == sum(r["energy"]["value"] for r in months)
    assert (
        abs(sum(r["cost"]["value"] for r in plain) - sum(r["cost"]["value"] for r in months)) < 1e-9
    )


@settings(max_examples=40, deadline=None)
@given(records=RECORDS, cuts=st.lists(MOMENTS, min_size=1, max_size=4))
def test_windows_side_by_side_hold_every_watt_hour_once(desk_over, records, cuts):
    desk = desk_over(Store(), Clock())
    location = desk.location()
    desk.tariff(location, 0.25)
    desk.submit(*((text(start), text(end), wh) for start, end, wh in records), location_id=location)
    edges = [None, *(text(cut) for cut in sorted(set(cuts))), None]
    parts = [row for pair in itertools.pairwise(edges) for row in desk.costs(location, *pair)]
    assert sum(row["energy"]["value"] for row in parts) == sum(wh for _, _, wh in records)
    assert sum(row["cost"]["value"] for row in parts) == pytest.approx(
        sum(wh for _, _, wh in records) / 4000, abs=1e-9
    )


def half_hours(day, count):
    start = datetime.fromisoformat(day)
    times = [text(start.astimezone(UTC) + n * timedelta(minutes=30)) for n in range(count + 1)]
    return [(begin, stop, 1000) for begin, stop in itertools.pairwise(times)]


@pytest.mark.parametrize(
    ("country", "day", "count", "night"),
    [
        ("GB", "2025-03-30T00:00:00+00:00", 46, 12),
        ("GB", "2025-03-31T00:00:00+01:00", 48, 14),
        ("GB", "2025-10-26T00:00:00+01:00", 50, 16),
        ("US", "2025-03-09T00:00:00-08:00", 46, 12),
        ("BE", "2025-10-26T00:00:00+02:00", 50, 16),
    ],
)
def test_a_local_day_has_46_48_or_50_half_hours(desk, country, day, count, night):
    location = desk.location(country)
    desk.tariff(location, NIGHT_AND_DAY)
    desk.submit(*half_hours(day, count + 4), location_id=location)
    rows = desk.costs(location, aggregation="DAY")
    assert [row["energy"]["value"] for row in rows] == [count * 1000, 4000]
    assert rows[0]["cost"]["value"] == pytest.approx(
        night * 0.09 + (count - night) * 0.29, abs=1e-12
    )


def test_by_hand(desk):
    """1.2 kWh from 06:45 to 07:15: half at 0.09, half at 0.29, and 0.05 of grid fees on all of it."""
    location = desk.location()
    desk.tariff(location, NIGHT_AND_DAY)
    desk.tariff(location, 0.05, type="NON_COMMODITY")
    desk.submit(("2025-01-15T06:45:00Z", "2025-01-15T07:15:00Z", 1200), location_id=location)
    [row] = desk.costs(location)
    assert row == {
        "start_time": "2025-01-15T06:45:00Z",
        "end_time": "2025-01-15T07:15:00Z",
        "energy": {"value": 1200},
        "cost": {"value": pytest.approx(0.6 * 0.14 + 0.6 * 0.34), "confidence": 1.0},
    }


def test_times_come_back_in_the_offset_of_the_end(desk):
    location = desk.location("BE")
    desk.tariff(location, 0.2)
    desk.submit(("2025-01-01T12:00:00Z", "2025-01-01T12:30:00.500Z", 10), location_id=location)
    rows = desk.costs(location, "2025-01-01T00:00:00Z", "2025-01-02T00:00:00-03:30")
    assert (rows[0]["start_time"], rows[0]["end_time"]) == (
        "2025-01-01T08:30:00-03:30",
        "2025-01-01T09:00:00.500000-03:30",
    )


def test_a_day_row_lies_within_the_window(desk):
    location = desk.location()
    desk.tariff(location, 0.2)
    desk.submit(("2025-01-01T10:00:00Z", "2025-01-01T14:00:00Z", 400), location_id=location)
    [row] = desk.costs(location, "2025-01-01T11:00:00Z", "2025-01-01T13:00:00Z", aggregation="DAY")
    assert (row["start_time"], row["end_time"]) == ("2025-01-01T11:00:00Z", "2025-01-01T13:00:00Z")
    assert row["energy"]["value"] == 200


def test_a_location_holds_its_devices_and_a_device_itself_alone(desk):
    location, elsewhere, device = desk.location(), desk.location("BE"), desk.device()
    for each in (location, elsewhere):
        desk.tariff(each, 0.2)
    desk.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 100), location_id=location)
    desk.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 20), location_id=location, device_id=device
    )
    desk.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 3), location_id=elsewhere)
    energies = [
        [r["energy"]["value"] for r in desk.costs(each)] for each in (location, device, elsewhere)
    ]
    assert energies == [[100, 20], [20], [3]]
    assert [r["energy"]["value"] for r in desk.costs(location, aggregation="MONTH")] == [120]


def test_a_device_in_two_currencies_is_refused(desk):
    locations, device = [desk.location("GB"), desk.location("BE")], desk.device()
    for each in locations:
        desk.tariff(each, 0.2)
        desk.submit(
            ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1), location_id=each, device_id=device
        )
    assert desk.costs(device, status=422) == "invalid_request"


def test_a_device_without_records_has_no_rows(desk):
    device = desk.device()
    answer = desk.call("POST", f"/costs/interval/{device}")
    assert answer["data"] == []
    assert "currency_code" not in answer


def test_what_is_sold_earns_and_what_is_ones_own_is_free(desk):
    location = desk.location()
    desk.tariff(location, 0.3)
    desk.tariff(location, 0.15, direction="EXPORT")
    window = {
        "start_time": "2025-06-01T12:00:00Z",
        "end_time": "2025-06-01T13:00:00Z",
        "units": "KWH",
        "value": 2,
    }
    desk.submit(window, location_id=location)
    desk.submit(window | {"energy_flow_direction": "OUTBOUND"}, location_id=location)
    desk.submit(window | {"tariff_direction": "LOCAL"}, location_id=location)
    found = {
        word: desk.costs(location, tariff_direction=word) for word in ("IMPORT", "EXPORT", "LOCAL")
    }
    assert {word: [r["cost"]["value"] for r in rows] for word, rows in found.items()} == {
        "IMPORT": [0.6],
        "EXPORT": [0.3],
        "LOCAL": [0.0],
    }


def test_a_local_tariff_prices_what_is_ones_own(desk):
    location = desk.location()
    desk.tariff(location, 0.08, direction="LOCAL")
    desk.submit(
        ("2025-06-01T12:00:00Z", "2025-06-01T13:00:00Z", 500),
        location_id=location,
        tariff_direction="LOCAL",
    )
    assert [r["cost"]["value"] for r in desk.costs(location, tariff_direction="LOCAL")] == [0.04]


def test_avoided_cost_stays_apart_from_cost(desk):
    """A battery that charges and supplies at the import price, in the same day: two rows, nothing netted."""
    location, device = desk.location(), desk.device()
    desk.tariff(location, 0.2)
    hour = {
        "start_time": "2025-06-01T12:00:00Z",
        "end_time": "2025-06-01T13:00:00Z",
        "units": "KWH",
    }
    later = {
        "start_time": "2025-06-01T20:00:00Z",
        "end_time": "2025-06-01T21:00:00Z",
        "units": "KWH",
    }
    supplied = {"energy_flow_direction": "OUTBOUND", "tariff_direction": "IMPORT", "value": 5}
    desk.submit(later | supplied, hour | {"value": 3}, location_id=location, device_id=device)
    rows = desk.costs(device, aggregation="DAY")
    assert [(r["energy"]["value"], r.get("energy_flow_direction")) for r in rows] == [
        (3000, None),
        (5000, "OUTBOUND"),
    ]
    assert [r["cost"]["value"] for r in rows] == pytest.approx([0.6, 1.0])
    assert [r.get("energy_flow_direction") for r in desk.costs(device)] == [None, "OUTBOUND"]


def test_the_confidence_is_the_lower_of_record_and_price(desk):
    """The emulator stands at 2026-01-10: later prices are a forecast, 0.8, then 0.2 less each 90 days."""
    location = desk.location()
    desk.tariff(location, 0.2)
    days = {
        "2025-12-01": 1.0,
        "2025-12-02": 0.5,
        "2026-01-11": 0.9,
        "2026-04-11": 1.0,
        "2026-12-01": 1.0,
    }
    records = [
        {
            "start_time": f"{day}T00:00:00Z",
            "end_time": f"{day}T01:00:00Z",
            "units": "WH",
            "value": 1,
            "confidence": confidence,
        }
        for day, confidence in days.items()
    ]
    desk.submit(*records, location_id=location)
    assert [r["cost"]["confidence"] for r in desk.costs(location)] == [1.0, 0.5, 0.8, 0.6, 0.2]
    assert [r["cost"]["confidence"] for r in desk.costs(location, aggregation="MONTH")] == [
        0.5,
        0.8,
        0.6,
        0.2,
    ]


def test_an_actual_replaces_a_forecast_and_not_the_other_way(desk):
    location = desk.location()
    desk.tariff(location, 1.0)
    hour = {
        "start_time": "2025-06-01T12:00:00Z",
        "end_time": "2025-06-01T13:00:00Z",
        "units": "KWH",
    }
    for value, confidence, expected in (
        (1, 0.5, 1),
        (2, 0.4, 2),
        (3, 1, 3),
        (4, 0.9, 3),
        (5, 1, 5),
    ):
        desk.submit(hour | {"value": value, "confidence": confidence}, location_id=location)
        assert [r["cost"]["value"] for r in desk.costs(location)] == [expected]


def test_the_direction_is_taken_from_query_or_body_but_not_from_two_minds(desk):
    location = desk.location()
    desk.tariff(location, 0.3)
    desk.tariff(location, 0.1, direction="EXPORT")
    desk.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1000), location_id=location)
    export = {"tariff_direction": "EXPORT"}
    assert desk.costs(location, body=export) == []
    assert desk.costs(location, **export) == []
    assert desk.costs(location, body=export, **export) == []
    assert len(desk.costs(location, body={"tariff_direction": "IMPORT"})) == 1
    assert (
        desk.costs(location, body=export, tariff_direction="IMPORT", status=422)
        == "tariff_direction_invalid"
    )
    assert (
        desk.costs(location, tariff_direction="SIDEWAYS", status=422) == "tariff_direction_invalid"
    )


def test_what_cannot_be_asked(desk):
    location = desk.location()
    desk.tariff(location, 0.3)
    assert desk.costs("loc_000000000000000000000000", status=404) == "not_found"
    assert desk.costs(location, aggregation="WEEK", status=422) == "invalid_request"
    for start, end in (
        ("2025-01-01T00:00:00", "2025-01-02T00:00:00Z"),
        ("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-01-02T00:00:00Z", "2025-01-02T00:00:00Z"),
        ("1969-12-31T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("yesterday", None),
    ):
        assert desk.costs(location, start, end, status=422) == "invalid_request"


def test_without_a_tariff_there_is_no_cost(desk):
    location, device = desk.location(), desk.device()
    assert desk.costs(location, status=422) == "no_tariff_connected"
    assert desk.costs(location, tariff_direction="LOCAL") == []
    desk.tariff(location, 0.05, type="NON_COMMODITY")
    desk.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1), location_id=location, device_id=device
    )
    assert desk.costs(device, status=422) == "no_tariff_connected"
    desk.tariff(location, 0.2)
    assert desk.costs(device, tariff_direction="EXPORT", status=422) == "no_tariff_connected"
    assert len(desk.costs(device)) == 1


def test_contracts_follow_one_another_and_a_gap_has_no_price(desk):
    location = desk.location()
    first = {
        "contract_start_date": "2025-01-01T00:00:00Z",
        "contract_end_date": "2025-02-01T00:00:00Z",
    }
    second = {
        "contract_start_date": "2025-03-01T00:00:00Z",
        "contract_end_date": "2026-01-01T00:00:00Z",
    }
    desk.tariff(location, 0.1, **first)
    desk.tariff(location, 0.2, **second)
    desk.submit(("2025-01-31T23:00:00Z", "2025-02-01T00:00:00Z", 1000), location_id=location)
    desk.submit(("2025-03-01T00:00:00Z", "2025-03-01T01:00:00Z", 1000), location_id=location)
    assert [r["cost"]["value"] for r in desk.costs(location)] == [0.1, 0.2]
    desk.submit(("2025-02-28T23:30:00Z", "2025-03-01T00:30:00Z", 1000), location_id=location)
    assert desk.costs(location, status=422) == "no_price_data"
    assert desk.costs(location, aggregation="DAY", status=422) == "no_price_data"
    # The later contract holds where two overlap.
    desk.tariff(
        location,
        0.5,
        contract_start_date="2025-02-01T00:00:00Z",
        contract_end_date="2025-03-01T00:30:00Z",
    )
    assert [r["cost"]["value"] for r in desk.costs(location)] == pytest.approx([0.1, 0.5, 0.35])


def test_fees_and_local_prices_end_with_their_contract(desk):
    location, until = desk.location(), {"contract_end_date": "2025-02-01T00:00:00Z"}
    desk.tariff(location, 0.2)
    desk.tariff(location, 0.05, type="NON_COMMODITY", **until)
    desk.tariff(location, 0.08, direction="LOCAL", **until)
    hours = [
        (f"2025-0{month}-01T00:00:00Z", f"2025-0{month}-01T01:00:00Z", 1000) for month in (1, 2)
    ]
    desk.submit(*hours, location_id=location)
    desk.submit(*hours, location_id=location, tariff_direction="LOCAL")
    assert [r["cost"]["value"] for r in desk.costs(location)] == [0.25, 0.2]
    assert [r["cost"]["value"] for r in desk.costs(location, tariff_direction="LOCAL")] == [
        0.08,
        0.0,
    ]


def test_a_new_tariff_changes_what_energy_did_cost(desk):
    location = desk.location()
    old = desk.tariff(location, 0.1)
    desk.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1000), location_id=location)
    desk.call("DELETE", f"/tariffs/{old}")
    desk.tariff(location, 0.7)
    assert [r["cost"]["value"] for r in desk.costs(location)] == [0.7]


def test_a_session_is_told_record_by_record(desk):
    location, device = desk.location(), desk.device()
    desk.tariff(location, 0.5)
    records = [
        {
            "start_time": f"2025-01-31T{hour}:00:00Z",
            "end_time": f"2025-01-31T{hour + 1}:00:00Z",
            "units": "WH",
            "value": hour,
            "record_reference_id": f"r-{hour}",
        }
        for hour in (21, 20, 22)
    ]
    ids = {"location_id": location, "device_id": device, "session_reference_id": "night//1/ü"}
    desk.submit(*records, **ids)
    desk.submit(
        ("2025-01-31T19:00:00Z", "2025-01-31T20:00:00Z", 5), location_id=location, device_id=device
    )
    answer = desk.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC")
    assert answer["object_id"] == device
    assert [
        (r["record_reference_id"], r["session_reference_id"], r["energy"]["value"])
        for r in answer["data"]
    ] == [
        ("r-20", "night//1/ü", 20),
        ("r-21", "night//1/ü", 21),
        ("r-22", "night//1/ü", 22),
    ]
    assert desk.call("POST", "/costs/session/none", status=404)["code"] == "not_found"
    # Written over without the session, a record leaves it.
    desk.submit(*records[:2], location_id=location, device_id=device)
    assert len(desk.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC")["data"]) == 1
    assert (
        desk.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC", tariff_direction="LOCAL")["data"]
        == []
    )


def test_ids_are_not_told_unless_asked_by(desk):
    location = desk.location()
    desk.tariff(location, 0.5)
    named = {"session_reference_id": "s", "record_reference_id": "r"}
    desk.submit(("2025-01-31T19:00:00Z", "2025-01-31T20:00:00Z", 5), location_id=location, **named)
    assert set(desk.costs(location)[0]) == {"start_time", "end_time", "energy", "cost"}
