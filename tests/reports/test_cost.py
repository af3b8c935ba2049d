"""The cost report against the fleet recomputed by hand, to the cent."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hand

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


def test_a_month_that_records_cover_in_part_says_so(kit):
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
    assert row["coverage"] == 1.0
    assert row["end_utc"] - row["start_utc"] == np.timedelta64(1, "h")


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


def test_an_id_that_is_not_there_stays_with_a_finding(kit):
    rows = records(cost_report(kit, "2025-05", "2025-05", object_id="loc_000000000000000000000000"))
    assert len(rows) == 1
    assert rows[0]["finding"].startswith("cost.unavailable")
    assert np.isnan(rows[0]["cost"])


def test_it_knows_where_it_comes_from(year):
    assert facts(year)["query"]["aggregation"] == "MONTH"
    assert facts(year)["data_time_utc"] == "2026-01-10T12:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"start": "2025-13", "end": "2025-12"}, InputError),
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


def test_energy_that_a_battery_supplied_is_no_cost():
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
