"""The cost report against the fleet recomputed by hand, to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hand, kits

import flipkit as fk
from flipkit.calendar import covered, split_at
from flipkit.errors import InputError, NaiveTimestampError
from flipkit.frames import facts, take
from flipkit.reports import cost_report

NUMBERS = ["energy_kwh", "cost", "intervals", "coverage", "confidence"]
TEXTS = ["site_id", "object_id", "object_type", "period", "tariff_direction", "currency", "finding"]


def records(frame):
    columns = take(frame, numbers=NUMBERS, texts=TEXTS, times=["start_utc", "end_utc"])
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


@pytest.fixture(scope="module")
def year(kit):
    return cost_report(kit, "2025-01", "2025-12")


def test_every_month_of_every_site_is_right_to_the_cent_and_the_watt_hour(year):
    found = {(r["site_id"], r["tariff_direction"], r["period"]): r for r in records(year)}
    checked = 0
    for site in hand.sites():
        for direction in ("IMPORT", "EXPORT", "LOCAL"):
            if direction == "EXPORT" and not hand.keys_of(hand.sites()[site], "EXPORT"):
                continue
            wh, cost = hand.monthly(site, direction)
            if not sum(wh.values()) and direction != "IMPORT":
                continue
            for month, amount in wh.items():
                row = found[site, direction, month]
                assert round(row["energy_kwh"] * 1000) == amount
                assert Decimal(repr(float(row["cost"]))) == hand.cents(cost[month]), (
                    site,
                    direction,
                    month,
                )
                assert row["currency"] == hand.sites()[site]["currency"]
                assert row["coverage"] == 1.0
                checked += 1
    assert checked > 24 * 12 * 2


def test_days_sum_to_their_month(kit):
    month = [
        r
        for r in records(cost_report(kit, "2025-10", "2025-10"))
        if r["site_id"] in ("uk-02", "be-02")
    ]
    days = records(cost_report(kit, "2025-10", "2025-10", aggregation="DAY"))
    for whole in month:
        own = [
            d
            for d in days
            if (d["site_id"], d["tariff_direction"])
            == (whole["site_id"], whole["tariff_direction"])
        ]
        assert len(own) == 31
        assert sum(round(d["energy_kwh"] * 1000) for d in own) == round(whole["energy_kwh"] * 1000)
        assert sum(d["cost"] for d in own) == pytest.approx(whole["cost"], abs=31 * 0.005)


def test_the_days_of_the_clock_change_have_46_and_50_half_hours(kit):
    for day, count in (("2025-03-30", 46), ("2025-10-26", 50), ("2025-06-01", 48)):
        rows = records(cost_report(kit, day, day, aggregation="DAY"))
        row = next(r for r in rows if r["site_id"] == "uk-06" and r["tariff_direction"] == "IMPORT")
        assert row["intervals"] == count
        assert row["coverage"] == 1.0


def test_a_partly_covered_month_has_a_finding(kit):
    rows = [
        r
        for r in records(cost_report(kit, "2026-01", "2026-01"))
        if r["tariff_direction"] == "IMPORT"
    ]
    assert len(rows) == 24
    assert all(r["coverage"] == 0 and r["finding"].startswith("coverage.none") for r in rows)
    rows = records(cost_report(kit, "2025-12-31", "2026-01-01", aggregation="DAY"))
    assert {r["coverage"] for r in rows} == {0.0, 1.0}


def test_instants_are_half_open(kit):
    rows = records(
        cost_report(kit, "2025-06-01T00:00:00Z", "2025-06-01T01:00:00Z", aggregation="DAY")
    )
    row = next(r for r in rows if r["site_id"] == "uk-06" and r["tariff_direction"] == "IMPORT")
    assert row["intervals"] == 2
    assert row["coverage"] == pytest.approx(1 / 24, rel=1e-12)
    assert row["finding"] == "period.cut: 1 of 24 hours"
    assert row["end_utc"] - row["start_utc"] == np.timedelta64(1, "h")


def test_a_period_that_the_window_cuts_is_counted_against_the_whole_period(kit):
    rows = records(cost_report(kit, "2025-06-01", "2025-06-15"))
    imported = [row for row in rows if row["tariff_direction"] == "IMPORT"]
    assert len(imported) == 24
    assert {row["coverage"] for row in imported} == {0.5}
    assert {row["finding"] for row in imported} == {"period.cut: 15 of 30 days"}


def test_a_cut_period_with_missing_records_has_both_findings():
    kit, location = metered(days=10)
    (row,) = imported(cost_report(kit, "2025-05-01", "2025-05-20", object_id=location))
    assert row["coverage"] == pytest.approx(10 / 31, rel=1e-12)
    assert row["finding"].startswith("period.cut: 20 of 31 days; coverage.partial: ")
    assert "50.0% of the time" in row["finding"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06", None),
        ("2025-06", "2025-06"),
        ("2025-06-01", "2025-06-30"),
        (date(2025, 6, 1), date(2025, 6, 30)),
        (pd.Period("2025-06", "M"), None),
    ],
)
def test_every_way_to_write_a_month_is_the_same_month(kit, start, end):
    rows = records(cost_report(kit, start, end))
    (row,) = [
        row for row in rows if row["site_id"] == "uk-01" and row["tariff_direction"] == "IMPORT"
    ]
    assert row["cost"] == 25.01
    assert (row["coverage"], row["finding"]) == (1.0, None)


def metered(days, **more):
    """A kit over one home in London with half-hours of 1 kWh at 0.25 GBP since 2025-05-01."""
    kit = kits.kit_over()
    location = kits.home(kit)
    begin = datetime(2025, 4, 30, 23, tzinfo=UTC)
    half_hour = timedelta(minutes=30)
    common = {"location_id": location, "units": "KWH", "value": 1.0, **more}
    rows = []
    for number in range(48 * days):
        start = begin + number * half_hour
        rows.append(common | {"start_utc": start, "end_utc": start + half_hour})
    assert len(kit.flatpeak.submit_interval(rows).failed) == 0
    return kit, location


def imported(frame):
    return [row for row in records(frame) if row["tariff_direction"] == "IMPORT"]


def test_records_for_a_part_of_the_month_are_partial_coverage():
    kit, location = metered(days=10)
    (row,) = imported(cost_report(kit, "2025-05", object_id=location))
    assert row["coverage"] == pytest.approx(10 / 31, rel=1e-12)
    assert (row["energy_kwh"], row["cost"]) == (480.0, 120.0)
    assert row["finding"].startswith("coverage.partial: records cover 32.3% of the time")


def test_forecasts_are_estimated():
    kit, location = metered(days=31, confidence=0.8)
    (row,) = imported(cost_report(kit, "2025-05", object_id=location))
    assert row["confidence"] == 0.8
    assert row["finding"].startswith("confidence.estimated: 1,488 of 1,488 rows")


def test_a_location_without_a_price_is_unavailable_and_the_others_go_on():
    kit, _ = metered(days=31)
    bare = kit.flatpeak.create_location("bare", city="London", country_code="GB")
    rows = {row["object_id"]: row for row in imported(cost_report(kit, "2025-05"))}
    assert len(rows) == 2
    assert rows.pop(bare)["finding"].startswith("cost.unavailable: 422")
    assert [row["cost"] for row in rows.values()] == [372.0]


def test_a_device_is_reported_by_its_own_local_months():
    kit, location = metered(days=1)
    device = kit.flatpeak.create_device("car")
    record = {"location_id": location, "device_id": device, "units": "KWH", "value": 2.0}
    record |= {"start_utc": "2025-04-30T23:00:00Z", "end_utc": "2025-05-01T00:00:00Z"}
    kit.flatpeak.submit_interval([record])
    (row,) = imported(cost_report(kit, "2025-05", object_id=device))
    assert row["start_utc"] == np.datetime64("2025-04-30T23:00:00")
    assert (row["energy_kwh"], row["cost"]) == (2.0, 0.5)


def test_a_device_without_records_is_reported_by_months_of_utc_without_a_currency():
    kit, _ = metered(days=1)
    device = kit.flatpeak.create_device("car")
    (row,) = imported(cost_report(kit, "2025-05", object_id=device))
    assert row["start_utc"] == np.datetime64("2025-05-01T00:00:00")
    assert row["currency"] is None
    assert row["finding"].startswith("coverage.none")


def test_a_device_has_its_own_report(kit):
    devices = take(kit.flatpeak.devices(), texts=["device_id", "reference_id"])
    chargers = [d for d, ref in zip(*devices.values(), strict=True) if ref.startswith("be-02")]
    rows = [
        r
        for r in records(cost_report(kit, "2025-05", "2025-05", object_id=chargers))
        if r["energy_kwh"] > 0
    ]
    assert {r["object_type"] for r in rows} == {"device"}
    assert {r["tariff_direction"] for r in rows} == {"IMPORT", "LOCAL"}
    local = [r["energy_kwh"] for r in rows if r["tariff_direction"] == "LOCAL"]
    assert [round(1000 * kwh) for kwh in local] == [hand.monthly("be-02", "LOCAL")[0]["2025-05"]]


def test_an_unknown_id_stays_with_a_finding(kit):
    rows = records(cost_report(kit, "2025-05", "2025-05", object_id="loc_000000000000000000000000"))
    assert len(rows) == 1
    assert rows[0]["finding"].startswith("cost.unavailable")
    assert np.isnan(rows[0]["cost"])


def test_the_frame_has_its_origin(year):
    assert facts(year)["query"]["aggregation"] == "MONTH"
    assert facts(year)["data_time_utc"] == "2026-01-10T12:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"start": "2025-13", "end": "2025-12"}, InputError),
        ({"start": "2025-06-31"}, InputError),
        ({"start": "2025-06-01T00:00:00Z"}, InputError),
        ({"start": "2025-06", "end": "2025-05"}, InputError),
        ({"start": "2025-06-01T00:00:00", "end": "2025-07"}, NaiveTimestampError),
        ({"start": "2025-06", "end": "2025-06", "aggregation": "WEEK"}, InputError),
        ({"start": "2025-06", "end": "2025-06", "object_id": "../x"}, InputError),
    ],
)
def test_bad_input_is_refused(kit, arguments, error):
    with pytest.raises(error):
        cost_report(kit, **arguments)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(-20, 200), st.integers(1, 60)), max_size=12),
)
def test_splitting_keeps_all_the_time_inside_the_edges(lengths, spans):
    edges = np.cumsum([0, *lengths])
    start = np.array([s for s, _ in spans], dtype=np.int64)
    end = start + np.array([length for _, length in spans], dtype=np.int64)
    pieces = split_at(edges, start, end)
    inside = np.maximum(np.minimum(end, edges[-1]) - np.maximum(start, edges[0]), 0)
    total = np.zeros(len(start))
    np.add.at(total, pieces.row, pieces.end - pieces.start)
    np.testing.assert_array_equal(total, inside)
    by_minute = [
        {t for s, e in zip(start, end, strict=True) for t in range(max(s, a), min(e, b))}
        for a, b in pairwise(edges)
    ]
    assert covered(pieces, len(lengths)).tolist() == [len(minutes) for minutes in by_minute]
    assert ((edges[pieces.period] <= pieces.start) & (pieces.end <= edges[pieces.period + 1])).all()


def test_energy_supplied_by_a_battery_has_no_cost():
    with fk.connect("emulator") as kit:
        client = kit.flatpeak
        location = client.create_location("home-x", city="London", country_code="GB")
        battery = client.create_device("battery-x")
        client.create_tariff(
            location, fk.Tariff.flat(0.25, currency="GBP", timezone="Europe/London")
        )
        hour = {"location_id": location, "units": "WH", "start_utc": "2025-06-01T10:00:00Z",
                "end_utc": "2025-06-01T11:00:00Z", "tariff_direction": "IMPORT"}  # fmt: skip
        bought = hour | {"value": 2000, "energy_flow_direction": "INBOUND"}
        supplied = hour | {"value": 1000, "energy_flow_direction": "OUTBOUND", "device_id": battery}
        assert len(client.submit_interval([bought, supplied]).failed) == 0
        (row,) = records(
            cost_report(kit, "2025-06-01", "2025-06-01", aggregation="DAY", object_id=location)
        )
    assert (row["energy_kwh"], row["cost"]) == (2.0, 0.5)
    assert "cost.other_flow: 1 rows" in row["finding"]
