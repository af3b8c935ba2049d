"""Energy and tariffs that cannot be rated, traps that other engines fell into, and the matrix."""

from datetime import date
from math import isnan

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.engine_help import billed, energy, hours_between

from flipkit.calendar import to_us
from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.tariffs import (
    DemandCharge,
    DemandTier,
    Export,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tier,
)
from flipkit.tariffs.rating import bill, bill_matrix

HOUR = 3_600_000_000
FLAT = Tariff.flat(0.2, currency="USD", timezone="UTC")
TIERED = (Tier(0.1, 100), Tier(0.3))


def plan(*rates, name="plan", timezone="UTC", **more):
    return Tariff(name, "USD", timezone, rates or (Rate(0.2),), **more)


def dated(begin, stop):
    return Tariff(
        "dated", "USD", "UTC", (Rate(0.2),), None, to_us(begin, "UTC"), to_us(stop, "UTC")
    )


def spot(begin, hours):
    edges = to_us(begin, "UTC") + HOUR * np.arange(hours + 1)
    return PriceSeries(edges[:-1], edges[1:], np.full(hours, 0.1))


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (
            energy([1.0, -0.1]),
            InputError,
            "site a, 2025-01-01T01:00:00Z: consumption_kwh is missing, negative",
        ),
        (energy([1.0, np.nan]), InputError, "2025-01-01T01:00:00Z: consumption_kwh"),
        (energy([1.0, np.inf]), InputError, "2025-01-01T01:00:00Z: consumption_kwh"),
        (energy([1.0, 1.0], [0.0, -np.inf]), InputError, "2025-01-01T01:00:00Z: generation_kwh"),
        (energy([1.0, 1.0], [np.nan, 0.0]), InputError, "2025-01-01T00:00:00Z: generation_kwh"),
        (energy([1.0, 1.0], [0.0, np.nan]), InputError, "2025-01-01T01:00:00Z: generation_kwh"),
        (energy(np.ones(5)).drop(index=2), InputError, "2025-01-01T02:00:00Z: no interval"),
        (pd.concat([energy([1.0, 1.0])] * 2), InputError, "the time occurs twice"),
        (energy([1.0]), InputError, "a single interval"),
        (energy([]), InputError, "no rows"),
        (energy([1.0, 1.0], site=None), InputError, "row 0: no site_id"),
        (
            energy([1.0, 1.0]).drop(columns="consumption_kwh"),
            MissingColumnError,
            "missing consumption_kwh",
        ),
        (energy([1.0, 1.0]).drop(columns="site_id"), MissingColumnError, "missing site_id"),
        (
            energy([1.0, 1.0]).assign(start_utc=lambda f: f["start_utc"].dt.tz_localize(None)),
            NaiveTimestampError,
            "zone",
        ),
        ([{"site_id": "a"}], InputError, "expected a pandas or polars DataFrame, got list"),
        ("energy.csv", InputError, "expected a pandas or polars DataFrame, got str"),
    ],
)
def test_energy_that_cannot_be_rated(frame, error, words):
    with pytest.raises(error, match=words):
        bill(frame, FLAT)
    with pytest.raises(error, match=words):
        bill_matrix(frame, [FLAT])


@pytest.mark.parametrize("library", [pd, pl])
def test_one_bad_value_in_a_fleet_is_found(library):
    frames = [energy(np.ones(50), site=f"s{number}", library=pd) for number in range(20)]
    frames[13].loc[7, "consumption_kwh"] = -1.0
    frame = pd.concat(frames)
    frame = frame if library is pd else pl.DataFrame(frame.to_dict("list"))
    with pytest.raises(
        InputError, match=r"site s13, 2025-01-01T07:00:00Z: .* infinite; give the measured"
    ):
        bill(frame, FLAT, strict=True)
    with pytest.raises(
        InputError, match=r"T03:00:00Z: .* infinite \(and 2 more such times\); give the measured"
    ):
        bill(energy([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0]), FLAT)


def test_times_that_would_fit_two_sites_are_not_taken_for_them():
    hours = energy(np.ones(24))
    frame = pd.concat([hours, hours.assign(site_id="b")])
    frame["site_id"] = ["a"] * 12 + ["b"] * 36
    with pytest.raises(InputError, match="site b, 2025-01-01T12:00:00Z: the time occurs twice"):
        bill(frame, FLAT, strict=True)


def test_generation_without_a_single_value_is_none():
    frame = energy(np.ones(24)).assign(generation_kwh=np.nan)
    assert bill(frame, FLAT)["component"].tolist() == ["energy all"]
    assert bill(energy(np.ones(24), -0.0), FLAT)["cost"].tolist() == pytest.approx([4.8, 0.0])


@pytest.mark.parametrize(
    ("tariff", "words"),
    [
        (
            dated("2025-01-02", "2026-01-01"),
            "energy: asked for .*'dated' hold .* first uncovered: 2025-01-01T00:00:00Z",
        ),
        (dated("2024-01-01", "2025-01-03"), "first uncovered: 2025-01-03T00:00:00Z"),
        (
            Tariff("spot", "USD", "UTC", series=spot("2025-01-01", 50)),
            "first uncovered: 2025-01-03T02:00:00Z",
        ),
        (
            plan(export=Export("net_billing", series=spot("2025-01-02", 500))),
            "the export prices of tariff 'plan' .* first uncovered: 2025-01-01",
        ),
        (
            Tariff.successive(
                [dated("2025-01-02", "2025-01-03"), dated("2025-01-03", "2026-01-01")]
            ),
            "2025-01-01T00",
        ),
        (0.2, "expected a Tariff, a mapping of site ids, or a list, got float"),
        ("flat", "expected a Tariff, .* got str"),
        ([], "none given"),
        ([0.2], "tariff, 0: expected a Tariff, got float"),
        ([FLAT, FLAT], "named 'Flat rate' more than once"),
        ({"a": 0.2}, "tariff, 'a': expected a Tariff, got float"),
        ({"b": FLAT}, "site a: no tariff"),
    ],
)
def test_tariffs_that_do_not_fit_the_energy(tariff, words):
    with pytest.raises(InputError, match=words):
        bill(energy(np.ones(100)), tariff)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ("2025-01-01", "expected a list of dates"),
        (7, "expected a list of dates"),
        (["2025-01-01"], "1 given; give the first day of each billing period and one more"),
        (["2025-01-01", "soon"], r"billing_dates\[1\] 'soon' is not a valid date"),
        (["2025-01-01", 3], r"billing_dates\[1\] 3 is not a valid date"),
        (["2025-01-05", "2025-01-05"], r"billing_dates\[1\]: 2025-01-05 is not after 2025-01-05"),
        (["2025-01-01", "2025-01-03"], "there is energy at 2025-01-03T00:00:00Z"),
        (["2025-01-02", "2025-02-03"], "there is energy at 2025-01-01T00:00:00Z"),
    ],
)
def test_billing_dates_that_do_not_fit(dates, words):
    with pytest.raises(InputError, match=words):
        bill(energy(np.ones(100)), FLAT, billing_dates=dates)


def test_a_billing_date_with_a_time_is_named_by_its_position():
    words = r"^billing_dates\[1\]: '2025-01-03T00:00:00Z' is a time; write a date such as"
    with pytest.raises(InputError, match=words):
        bill(energy(np.ones(24)), FLAT, billing_dates=["2025-01-01", "2025-01-03T00:00:00Z"])


def test_billing_dates_may_be_dates():
    found = billed(np.ones(48), FLAT, dates=[date(2025, 1, 1), "2025-01-02", date(2025, 1, 31)])
    assert [month for month, _ in found] == ["2025-01-01", "2025-01-02"]


def test_the_matrix_has_no_mapping_and_one_currency():
    with pytest.raises(InputError, match="expected a list, got a mapping"):
        bill_matrix(energy(np.ones(24)), {"a": FLAT})
    with pytest.raises(InputError, match="tariffs in EUR, USD: currencies are never compared"):
        bill_matrix(
            energy(np.ones(24)), [FLAT, Tariff.flat(0.1, currency="EUR", timezone="UTC", name="x")]
        )


def test_the_matrix_has_best_regret_and_the_spread_of_the_tier_rules():
    day_night = [
        Rate(start="08:00", end="20:00", tiers=TIERED, period="day"),
        Rate(start="20:00", end="08:00", tiers=(Tier(0.0, 100), Tier(0.1)), period="night"),
    ]
    tiered = plan(*day_night, name="tiered", tier_rule="chronological")
    same = Tariff.flat(0.2, currency="USD", timezone="UTC", name="a flat one")
    frame = bill_matrix(energy(np.ones(744)), [FLAT, tiered, same])
    assert frame.columns.tolist() == [
        "site_id",
        "tariff",
        "cost",
        "currency",
        "rank",
        "best",
        "regret",
        "rule_spread",
        "finding",
    ]
    # By the clock 48 kWh of day and 52 of night are in the first tier, in proportion 50 and 50, by
    # period 100 and 100.
    costs = {
        "chronological": 48 * 0.1 + 324 * 0.3 + 320 * 0.1,
        "per_period": 100 * 0.1 + 272 * 0.3 + 272 * 0.1,
    }
    spread = (costs["chronological"] - costs["per_period"]) / costs["chronological"]
    rows = frame.set_index("tariff")
    assert rows["cost"].tolist() == pytest.approx([148.8, 148.8, costs["chronological"]])
    assert rows["rank"].tolist() == [2.0, 3.0, 1.0]
    assert rows["best"].tolist() == [False, False, True]
    assert rows["regret"].tolist() == pytest.approx([148.8 - costs["chronological"]] * 2 + [0.0])
    assert rows["rule_spread"].tolist() == pytest.approx([0.0, 0.0, spread])


def test_the_first_by_name_is_best_of_equals():
    names = [f"plan {number:02d}" for number in range(40)]
    plans = [
        Tariff.flat(0.2, currency="USD", timezone="UTC", name=name) for name in reversed(names)
    ]
    frame = bill_matrix(energy(np.ones(24)), plans)
    assert frame["tariff"].tolist() == names
    assert frame["best"].tolist() == [True] + [False] * 39
    assert frame["rank"].tolist() == [float(number) for number in range(1, 41)]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), min_size=1, max_size=12), st.data())
def test_noise_of_floats_changes_no_rank(prices, data):
    """Prices a few bits apart cost the same: the names decide, and the best has no regret."""
    bits = data.draw(st.lists(st.integers(-3, 3), min_size=len(prices), max_size=len(prices)))
    noisy = [price * (1 + bit * 2**-52) for price, bit in zip(prices, bits, strict=True)]
    plans = [
        Tariff.flat(price, currency="USD", timezone="UTC", name=f"plan {number:02d}")
        for number, price in enumerate(noisy)
    ]
    frame = bill_matrix(energy(np.ones(24)), plans)
    ranked = sorted(range(len(prices)), key=lambda number: (prices[number], number))
    assert frame["rank"].tolist() == [ranked.index(number) + 1.0 for number in range(len(prices))]
    assert frame["best"].tolist() == [number == ranked[0] for number in range(len(prices))]
    lowest = min(prices)
    assert [regret == 0.0 for regret in frame["regret"]] == [price == lowest for price in prices]


def test_costs_a_millionth_apart_are_not_the_same():
    plans = [
        Tariff.flat(price, currency="USD", timezone="UTC", name=str(price))
        for price in (0.2, 0.2000002, 0.1999998)
    ]
    frame = bill_matrix(energy(np.ones(24)), plans)
    assert frame.set_index("tariff")["rank"].to_dict() == {
        "0.1999998": 1.0,
        "0.2": 2.0,
        "0.2000002": 3.0,
    }
    assert (frame["regret"] > 0).tolist() == [False, True, True]


def test_the_spread_of_a_bill_of_nothing_is_unknown_and_net_metering_has_two_rules():
    tiered = plan(Rate(tiers=TIERED), tier_rule="prorate")
    assert isnan(bill_matrix(energy(np.zeros(24)), [tiered])["rule_spread"].iloc[0])
    metered = plan(Rate(tiers=TIERED), tier_rule="prorate", export=Export("net_metering"))
    made = np.tile([0.0, 1.5], 372)  # 372 kWh bought, of which 186 are sold back
    row = bill_matrix(energy(np.ones(744), made), [metered]).iloc[0]
    assert (row["cost"], row["rule_spread"]) == (
        pytest.approx(10 + 86 * 0.3),
        pytest.approx(0.0, abs=1e-12),
    )


# What other engines got wrong.


def test_a_plan_change_with_tiers_counts_each_part_for_itself():
    change = to_us("2025-09-15", "UTC")
    old = Tariff(
        "old",
        "USD",
        "UTC",
        (Rate(tiers=(Tier(0.1, 300), Tier(0.2))),),
        valid_to_us=change,
        tier_rule="prorate",
    )
    new = Tariff("new", "USD", "UTC", (Rate(0.5),), valid_from_us=change)
    kwh = np.zeros(hours_between("2025-08-01", "2025-11-01"))
    kwh[: 31 * 24] = 0.5  # August: 372 kWh, 72 above the limit
    kwh[31 * 24 : 45 * 24] = 0.25  # the old part of September: 84 kWh of a limit of 140
    kwh[45 * 24 :] = 2.0
    found = billed(kwh, Tariff.successive([old, new]), start="2025-08-01")
    assert found["2025-08", "energy all tier 2"] == pytest.approx((72, 14.4))
    assert ("2025-09", "energy all tier 2") not in found
    assert found["2025-09", "energy all tier 1"] == pytest.approx((84, 8.4))
    assert found["2025-09", "energy all"] == pytest.approx((16 * 48, 16 * 24))


def test_a_ratchet_of_one_month_binds_by_that_month_alone():
    kwh = np.zeros(8760)
    kwh[[100, 4000, 8000]] = 10, 20, 5  # January, June, November
    charge = DemandCharge("d", DemandTier(1), interval_minutes=60, ratchet=Ratchet(0.5, 11, (1,)))
    found = billed(kwh, plan(demand=charge))
    demand = [found[f"2025-{month:02d}", "demand d"][0] for month in range(1, 13)]
    assert demand == [10, 5, 5, 5, 5, 20, 5, 5, 5, 5, 5, 5]


def test_a_whole_leap_year_is_rated():
    found = billed(np.ones(8784), FLAT, start="2024-01-01")
    assert found["2024-02", "energy all"][0] == 696
    assert sum(quantity for quantity, _ in found.values()) == 8784


def test_the_hour_that_comes_twice_is_charged_twice():
    tariff = plan(
        Rate(1, "01:00", "02:00", period="x"),
        Rate(0, "02:00", "01:00", period="y"),
        timezone="Europe/London",
    )
    found = billed(np.full(25, 3.0), tariff, start="2025-10-26")
    assert found["2025-10", "energy x"] == (6, 6)


def test_export_above_the_import_price_is_paid_as_agreed():
    tariff = plan(Rate(0.1), export=Export("net_billing", [Rate(0.9)]))
    found = billed(np.ones(24), tariff, np.tile([0.0, 2.0], 12))
    assert found["2025-01", "energy all"] == (12, pytest.approx(1.2))
    assert found["2025-01", "export all"] == (12, pytest.approx(-10.8))
