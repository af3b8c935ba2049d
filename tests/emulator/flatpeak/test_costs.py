"""Cost reports: compared with an oracle of five-minute steps, and by hand."""

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
    """Return the night price until 07:00 local time."""
    return Fraction(9, 100) if moment.astimezone(ZoneInfo(zone)).hour < 7 else Fraction(29, 100)


def oracle(records, zone, low, high, label):
    """Return energy (Wh) and cost by local day or month, from five-minute steps, as fractions."""
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
def test_reports_agree_with_the_oracle_and_with_each_other(api_over, country, records, window):
    api, zone = api_over(Store(), Clock()), ZONES[country]
    location = api.location(country)
    api.tariff(location, NIGHT_AND_DAY)
    api.submit(*((text(start), text(end), wh) for start, end, wh in records), location_id=location)
    low, high = (
        sorted(window) if window else (min(r[0] for r in records), max(r[1] for r in records))
    )
    high += STEP
    asked = (text(low), text(high))
    plain = api.costs(location, *asked)
    days, months = (api.costs(location, *asked, aggregation=each) for each in ("DAY", "MONTH"))
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
def test_adjacent_windows_hold_every_watt_hour_once(api_over, records, cuts):
    api = api_over(Store(), Clock())
    location = api.location()
    api.tariff(location, 0.25)
    api.submit(*((text(start), text(end), wh) for start, end, wh in records), location_id=location)
    edges = [None, *(text(cut) for cut in sorted(set(cuts))), None]
    parts = [row for pair in itertools.pairwise(edges) for row in api.costs(location, *pair)]
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
def test_a_local_day_has_46_48_or_50_half_hours(api, country, day, count, night):
    location = api.location(country)
    api.tariff(location, NIGHT_AND_DAY)
    api.submit(*half_hours(day, count + 4), location_id=location)
    rows = api.costs(location, aggregation="DAY")
    assert [row["energy"]["value"] for row in rows] == [count * 1000, 4000]
    assert rows[0]["cost"]["value"] == pytest.approx(
        night * 0.09 + (count - night) * 0.29, abs=1e-12
    )


def test_by_hand(api):
    """1.2 kWh from 06:45 to 07:15: half at 0.09, half at 0.29, and a grid fee of 0.05."""
    location = api.location()
    api.tariff(location, NIGHT_AND_DAY)
    api.tariff(location, 0.05, type="NON_COMMODITY")
    api.submit(("2025-01-15T06:45:00Z", "2025-01-15T07:15:00Z", 1200), location_id=location)
    [row] = api.costs(location)
    assert row == {
        "start_time": "2025-01-15T06:45:00Z",
        "end_time": "2025-01-15T07:15:00Z",
        "energy": {"value": 1200},
        "cost": {"value": pytest.approx(0.6 * 0.14 + 0.6 * 0.34), "confidence": 1.0},
    }


def test_times_are_answered_in_the_offset_of_the_end(api):
    location = api.location("BE")
    api.tariff(location, 0.2)
    api.submit(("2025-01-01T12:00:00Z", "2025-01-01T12:30:00.500Z", 10), location_id=location)
    rows = api.costs(location, "2025-01-01T00:00:00Z", "2025-01-02T00:00:00-03:30")
    assert (rows[0]["start_time"], rows[0]["end_time"]) == (
        "2025-01-01T08:30:00-03:30",
        "2025-01-01T09:00:00.500000-03:30",
    )


def test_a_day_row_lies_within_the_window(api):
    location = api.location()
    api.tariff(location, 0.2)
    api.submit(("2025-01-01T10:00:00Z", "2025-01-01T14:00:00Z", 400), location_id=location)
    [row] = api.costs(location, "2025-01-01T11:00:00Z", "2025-01-01T13:00:00Z", aggregation="DAY")
    assert (row["start_time"], row["end_time"]) == ("2025-01-01T11:00:00Z", "2025-01-01T13:00:00Z")
    assert row["energy"]["value"] == 200


def test_a_location_report_includes_its_devices_and_a_device_report_itself_alone(api):
    location, elsewhere, device = api.location(), api.location("BE"), api.device()
    for each in (location, elsewhere):
        api.tariff(each, 0.2)
    api.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 100), location_id=location)
    api.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 20), location_id=location, device_id=device
    )
    api.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 3), location_id=elsewhere)
    energies = [
        [r["energy"]["value"] for r in api.costs(each)] for each in (location, device, elsewhere)
    ]
    assert energies == [[100, 20], [20], [3]]
    assert [r["energy"]["value"] for r in api.costs(location, aggregation="MONTH")] == [120]


def test_a_device_in_two_currencies_is_refused(api):
    locations, device = [api.location("GB"), api.location("BE")], api.device()
    for each in locations:
        api.tariff(each, 0.2)
        api.submit(
            ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1), location_id=each, device_id=device
        )
    assert api.costs(device, status=422) == "invalid_request"


def test_a_device_without_records_has_no_rows(api):
    device = api.device()
    answer = api.call("POST", f"/costs/interval/{device}")
    assert answer["data"] == []
    assert "currency_code" not in answer


def test_exported_energy_earns_and_own_energy_is_free(api):
    location = api.location()
    api.tariff(location, 0.3)
    api.tariff(location, 0.15, direction="EXPORT")
    window = {
        "start_time": "2025-06-01T12:00:00Z",
        "end_time": "2025-06-01T13:00:00Z",
        "units": "KWH",
        "value": 2,
    }
    api.submit(window, location_id=location)
    api.submit(window | {"energy_flow_direction": "OUTBOUND"}, location_id=location)
    api.submit(window | {"tariff_direction": "LOCAL"}, location_id=location)
    found = {
        word: api.costs(location, tariff_direction=word) for word in ("IMPORT", "EXPORT", "LOCAL")
    }
    assert {word: [r["cost"]["value"] for r in rows] for word, rows in found.items()} == {
        "IMPORT": [0.6],
        "EXPORT": [0.3],
        "LOCAL": [0.0],
    }


def test_a_local_tariff_prices_own_energy(api):
    location = api.location()
    api.tariff(location, 0.08, direction="LOCAL")
    api.submit(
        ("2025-06-01T12:00:00Z", "2025-06-01T13:00:00Z", 500),
        location_id=location,
        tariff_direction="LOCAL",
    )
    assert [r["cost"]["value"] for r in api.costs(location, tariff_direction="LOCAL")] == [0.04]


def test_avoided_cost_is_separate_from_cost(api):
    """A battery charges and discharges at the import price in one day: two rows, not netted."""
    location, device = api.location(), api.device()
    api.tariff(location, 0.2)
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
    api.submit(later | supplied, hour | {"value": 3}, location_id=location, device_id=device)
    rows = api.costs(device, aggregation="DAY")
    assert [(r["energy"]["value"], r.get("energy_flow_direction")) for r in rows] == [
        (3000, None),
        (5000, "OUTBOUND"),
    ]
    assert [r["cost"]["value"] for r in rows] == pytest.approx([0.6, 1.0])
    assert [r.get("energy_flow_direction") for r in api.costs(device)] == [None, "OUTBOUND"]


def test_the_confidence_is_the_lower_of_record_and_price(api):
    """Now is 2026-01-10: later prices are a forecast, 0.8, then 0.2 less every 90 days."""
    location = api.location()
    api.tariff(location, 0.2)
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
    api.submit(*records, location_id=location)
    assert [r["cost"]["confidence"] for r in api.costs(location)] == [1.0, 0.5, 0.8, 0.6, 0.2]
    assert [r["cost"]["confidence"] for r in api.costs(location, aggregation="MONTH")] == [
        0.5,
        0.8,
        0.6,
        0.2,
    ]


def test_an_actual_replaces_a_forecast_but_not_vice_versa(api):
    location = api.location()
    api.tariff(location, 1.0)
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
        api.submit(hour | {"value": value, "confidence": confidence}, location_id=location)
        assert [r["cost"]["value"] for r in api.costs(location)] == [expected]


def test_the_direction_is_in_query_or_body_and_must_not_differ(api):
    location = api.location()
    api.tariff(location, 0.3)
    api.tariff(location, 0.1, direction="EXPORT")
    api.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1000), location_id=location)
    export = {"tariff_direction": "EXPORT"}
    assert api.costs(location, body=export) == []
    assert api.costs(location, **export) == []
    assert api.costs(location, body=export, **export) == []
    assert len(api.costs(location, body={"tariff_direction": "IMPORT"})) == 1
    assert (
        api.costs(location, body=export, tariff_direction="IMPORT", status=422)
        == "tariff_direction_invalid"
    )
    assert (
        api.costs(location, tariff_direction="SIDEWAYS", status=422) == "tariff_direction_invalid"
    )


def test_invalid_report_requests_are_refused(api):
    location = api.location()
    api.tariff(location, 0.3)
    assert api.costs("loc_000000000000000000000000", status=404) == "not_found"
    assert api.costs(location, aggregation="WEEK", status=422) == "invalid_request"
    for start, end in (
        ("2025-01-01T00:00:00", "2025-01-02T00:00:00Z"),
        ("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-01-02T00:00:00Z", "2025-01-02T00:00:00Z"),
        ("1969-12-31T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("yesterday", None),
    ):
        assert api.costs(location, start, end, status=422) == "invalid_request"


def test_without_a_tariff_there_is_no_cost(api):
    location, device = api.location(), api.device()
    assert api.costs(location, status=422) == "no_tariff_connected"
    assert api.costs(location, tariff_direction="LOCAL") == []
    api.tariff(location, 0.05, type="NON_COMMODITY")
    api.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1), location_id=location, device_id=device
    )
    assert api.costs(device, status=422) == "no_tariff_connected"
    api.tariff(location, 0.2)
    assert api.costs(device, tariff_direction="EXPORT", status=422) == "no_tariff_connected"
    assert len(api.costs(device)) == 1


def test_contracts_follow_each_other_and_a_gap_has_no_price(api):
    location = api.location()
    first = {
        "contract_start_date": "2025-01-01T00:00:00Z",
        "contract_end_date": "2025-02-01T00:00:00Z",
    }
    second = {
        "contract_start_date": "2025-03-01T00:00:00Z",
        "contract_end_date": "2026-01-01T00:00:00Z",
    }
    api.tariff(location, 0.1, **first)
    api.tariff(location, 0.2, **second)
    api.submit(("2025-01-31T23:00:00Z", "2025-02-01T00:00:00Z", 1000), location_id=location)
    api.submit(("2025-03-01T00:00:00Z", "2025-03-01T01:00:00Z", 1000), location_id=location)
    assert [r["cost"]["value"] for r in api.costs(location)] == [0.1, 0.2]
    api.submit(("2025-02-28T23:30:00Z", "2025-03-01T00:30:00Z", 1000), location_id=location)
    assert api.costs(location, status=422) == "no_price_data"
    assert api.costs(location, aggregation="DAY", status=422) == "no_price_data"
    # The later contract holds where two overlap.
    api.tariff(
        location,
        0.5,
        contract_start_date="2025-02-01T00:00:00Z",
        contract_end_date="2025-03-01T00:30:00Z",
    )
    assert [r["cost"]["value"] for r in api.costs(location)] == pytest.approx([0.1, 0.5, 0.35])


def test_fees_and_local_prices_end_with_their_contract(api):
    location, until = api.location(), {"contract_end_date": "2025-02-01T00:00:00Z"}
    api.tariff(location, 0.2)
    api.tariff(location, 0.05, type="NON_COMMODITY", **until)
    api.tariff(location, 0.08, direction="LOCAL", **until)
    hours = [
        (f"2025-0{month}-01T00:00:00Z", f"2025-0{month}-01T01:00:00Z", 1000) for month in (1, 2)
    ]
    api.submit(*hours, location_id=location)
    api.submit(*hours, location_id=location, tariff_direction="LOCAL")
    assert [r["cost"]["value"] for r in api.costs(location)] == [0.25, 0.2]
    assert [r["cost"]["value"] for r in api.costs(location, tariff_direction="LOCAL")] == [
        0.08,
        0.0,
    ]


def test_a_new_tariff_changes_past_costs(api):
    location = api.location()
    old = api.tariff(location, 0.1)
    api.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 1000), location_id=location)
    api.call("DELETE", f"/tariffs/{old}")
    api.tariff(location, 0.7)
    assert [r["cost"]["value"] for r in api.costs(location)] == [0.7]


def test_a_session_has_one_row_per_record(api):
    location, device = api.location(), api.device()
    api.tariff(location, 0.5)
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
    api.submit(*records, **ids)
    api.submit(
        ("2025-01-31T19:00:00Z", "2025-01-31T20:00:00Z", 5), location_id=location, device_id=device
    )
    answer = api.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC")
    assert answer["object_id"] == device
    assert [
        (r["record_reference_id"], r["session_reference_id"], r["energy"]["value"])
        for r in answer["data"]
    ] == [("r-20", "night//1/ü", 20), ("r-21", "night//1/ü", 21), ("r-22", "night//1/ü", 22)]
    assert api.call("POST", "/costs/session/none", status=404)["code"] == "not_found"
    # Written over without the session, a record leaves it.
    api.submit(*records[:2], location_id=location, device_id=device)
    assert len(api.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC")["data"]) == 1
    assert (
        api.call("POST", "/costs/session/night%2F%2F1%2F%C3%BC", tariff_direction="LOCAL")["data"]
        == []
    )


def test_the_callers_ids_are_in_session_reports_only(api):
    location = api.location()
    api.tariff(location, 0.5)
    named = {"session_reference_id": "s", "record_reference_id": "r"}
    api.submit(("2025-01-31T19:00:00Z", "2025-01-31T20:00:00Z", 5), location_id=location, **named)
    assert set(api.costs(location)[0]) == {"start_time", "end_time", "energy", "cost"}
