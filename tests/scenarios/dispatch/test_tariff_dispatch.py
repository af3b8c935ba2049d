"""Dispatch under tariffs that couple intervals, against a MILP written from their description."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from support.dispatch_bill_oracle import cheapest_bill
from support.dispatch_cases import batteries, check_feasible
from support.dispatch_tariffs import (
    MIDNIGHT,
    ZONE,
    billed,
    demand,
    ladder,
    planned,
    rule_dispatch,
    tariff,
    tariffs,
    us,
    windows,
)

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import couples, tariff_dispatch
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.tariffs import Export, Ratchet, Rate, Tariff

some = settings(max_examples=120, deadline=None)


@pytest.fixture(autouse=True)
def _smallest_gap(monkeypatch):
    monkeypatch.setattr(tariff_dispatch, "GAP", 1e-9)


def assert_same(one, other):
    assert one == pytest.approx(other, rel=1e-6, abs=2e-6)


def assert_holds(result, net, start, minutes, plan, battery):
    """Feasible, and its cost is the bill."""
    check_feasible(result, net, battery, minutes / 60)
    assert result.cost == pytest.approx(
        billed(net, start, minutes, plan, result), rel=1e-9, abs=1e-9
    )


@some
@given(windows(), tariffs(convex=True), batteries())
def test_where_all_is_convex_a_linear_program_finds_the_lowest_bill(window, plan, battery):
    net, start, minutes = window
    result = planned(net, start, minutes, plan, battery)
    assert_holds(result, net, start, minutes, plan, battery)
    assert_same(result.cost, cheapest_bill(net, start, minutes, plan, battery))
    assert result.method_used in (("lp", "optimal") if couples(plan) else ("optimal",))
    assert result.note.startswith("exact: ")


@some
@given(windows(), tariffs(), batteries())
def test_with_falling_tiers_and_any_price_the_bill_is_the_lowest_too(window, plan, battery):
    net, start, minutes = window
    result = planned(net, start, minutes, plan, battery)
    assert_holds(result, net, start, minutes, plan, battery)
    assert_same(result.cost, cheapest_bill(net, start, minutes, plan, battery))
    assert result.method_used in (("lp", "milp", "optimal") if couples(plan) else ("optimal",))
    assert result.note.startswith("exact: ")


@settings(some, max_examples=50)
@given(windows(), tariffs(), batteries())
def test_no_rule_leaves_a_lower_bill(window, plan, battery):
    net, start, minutes = window
    best = planned(net, start, minutes, plan, battery)
    for method in ("rule", "rule_tou", "day_ahead"):
        if method == "day_ahead":
            other = planned(net, start, minutes, plan, battery, method)
        else:
            other = rule_dispatch(net, start, minutes, plan, battery, method)
        assert_holds(other, net, start, minutes, plan, battery)
        assert best.cost <= other.cost + 1e-6 * (1 + abs(other.cost))


DAYS = {
    "a peak so far": tariff(demand=(demand(200, minutes=60, ratchet=Ratchet(0.9, 1)),)),
    "more expensive kWh so far": tariff(
        (Rate(tiers=ladder(0.2, 90, 0.25, 250, 0.6)),), tier_rule="chronological"
    ),
    "cheaper kWh so far": tariff(
        (
            Rate(tiers=ladder(0.6, 200, 0.2), end="12:00", period="am"),
            Rate(0.3, "12:00", period="pm"),
        ),
        tier_rule="per_period",
        export=Export("net_billing", (Rate(0.25),)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("plan", DAYS)
@pytest.mark.parametrize("minutes", [60, 240])
@pytest.mark.parametrize("seed", range(4))
def test_each_day_of_day_ahead_has_the_lowest_bill_at_its_end(plan, minutes, seed):
    """For each day, what was done before is given, and nothing is used afterwards.

    Hours begin at half past, so a demand interval lies in two days; four days end on 1 February.
    """
    count = 24 if minutes == 60 else 24 * 60 * 4 // minutes
    net = np.random.default_rng(seed).normal(0.6, 1.5, count)
    half_past = timedelta(minutes=30 if minutes == 60 else 0)
    start = MIDNIGHT + half_past - timedelta(minutes=minutes * count * 2 // 3)
    battery = Battery(5, 2, 0.95, 0.9, initial_soc=0.5, export_from_battery=True)
    result = planned(net, start, minutes, DAYS[plan], battery, "day_ahead")
    assert_holds(result, net, start, minutes, DAYS[plan], battery)
    flow = result.charge_kwh - result.discharge_kwh
    begins = [
        (start + timedelta(minutes=minutes * number)).astimezone(MIDNIGHT.tzinfo)
        for number in range(count)
    ]
    midnights = [k for k in range(1, count) if begins[k].date() != begins[k - 1].date()]
    for first, end in pairwise([0, *midnights, count]):
        day_is_free, day_is_given = (
            cheapest_bill(net, start, minutes, DAYS[plan], battery, done=flow[:known], upto=end)
            for known in (first, end)
        )
        assert day_is_given == pytest.approx(day_is_free, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("of_months", [None, (12,), (1,)])
def test_a_ratchet_lowers_the_peaks_of_earlier_months(of_months):
    """December to February by half days: a peak is charged again in months that look back at it."""
    start, count = datetime(2024, 12, 30, tzinfo=UTC), 2 * 36
    net = np.where(np.arange(count) % 7 == 3, 30.0, 4.0)
    plan = tariff(demand=(demand(9, minutes=60, ratchet=Ratchet(0.9, 1, of_months)),))
    battery = Battery(25, 3, 0.9, 0.9)
    result = planned(net, start, 720, plan, battery)
    assert_holds(result, net, start, 720, plan, battery)
    assert result.method_used == "lp"
    assert_same(result.cost, cheapest_bill(net, start, 720, plan, battery))


def test_a_ratchet_looks_back_at_what_was_drawn_under_the_tariff_before():
    """With another tariff of the same charges from January on, the plan is the same."""
    start, count = datetime(2024, 12, 30, tzinfo=UTC), 2 * 36
    net = np.where(np.arange(count) % 7 == 3, 30.0, 4.0)
    whole = tariff(demand=(demand(9, minutes=60, ratchet=Ratchet(0.9, 1)),))
    change = us(datetime(2025, 1, 1, tzinfo=UTC))
    parts = [
        whole.replace(name="before", valid_to_us=change),
        whole.replace(name="after", valid_from_us=change),
    ]
    battery = Battery(25, 3, 0.9, 0.9)
    result = planned(net, start, 720, Tariff.successive(parts), battery)
    assert_same(result.cost, cheapest_bill(net, start, 720, whole, battery))


def test_by_hand():
    """Two hours of 0 and 4 kWh at 10 per kW for 2 hours of a month: the peak falls to 2 kW."""
    start = MIDNIGHT + timedelta(hours=8)
    plan, battery = tariff(demand=(demand(10, minutes=60),)), Battery(5, 5, 1.0, 1.0)
    share = 2 / 24 / 28
    result = planned([0.0, 4.0], start, 60, plan, battery)
    np.testing.assert_allclose(result.charge_kwh, [2.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(result.discharge_kwh, [0.0, 2.0], atol=1e-9)
    assert result.cost == pytest.approx(4 * 0.3 + 2 * 10 * share)
    np.testing.assert_allclose(result.marginal_value, [0.3 + 5 * share] * 2, atol=1e-9)


def test_the_marginal_value_is_what_one_more_kwh_would_save(monkeypatch):
    original = Limits.of
    rng = np.random.default_rng(4)
    net, start = rng.normal(0.5, 1.0, 30), MIDNIGHT - timedelta(hours=8)
    plan = tariff(demand=(demand(35, 1.1, 60),), export=Export("net_billing", (Rate(0.05),)))
    for charged in (0.2, 0.5, 0.83):

        def of(battery, step_h, end_kwh=4 * charged):
            return original(battery, step_h)._replace(end_kwh=end_kwh)

        monkeypatch.setattr(Limits, "of", of)  # both end at the same or above
        one, two = (
            planned(net, start, 30, plan, Battery(4, 2, 0.95, 0.9, initial_soc=at))
            for at in (charged, charged + 1e-4)
        )
        assert one.marginal_value[0] == pytest.approx((one.cost - two.cost) / 4e-4, abs=1e-4)


def test_tariffs_in_force_one_after_another_are_one_bill():
    """Prices that change with the month cost what seasons in one tariff cost."""
    january, february = (Rate(0.30), demand(9)), (Rate(0.20), demand(30))
    parts = [
        Tariff("before", "GBP", ZONE, january[:1], None, None, us(MIDNIGHT), demand=january[1:]),
        Tariff("after", "GBP", ZONE, february[:1], None, us(MIDNIGHT), demand=february[1:]),
    ]
    seasons = tariff(
        (Rate(0.30, months=(1,), period="a"), Rate(0.20, months=range(2, 13), period="b")),
        demand=(demand(9, name="a", months=(1,)), demand(30, name="b", months=range(2, 13))),
    )
    net, start, battery = (
        np.random.default_rng(2).normal(1, 2, 20),
        MIDNIGHT - timedelta(hours=9),
        Battery(6, 4),
    )
    one, other = (
        planned(net, start, 60, plan, battery) for plan in (Tariff.successive(parts), seasons)
    )
    assert one.method_used == other.method_used == "lp"
    assert_same(one.cost, other.cost)
    assert_same(one.cost, cheapest_bill(net, start, 60, seasons, battery))


def test_a_price_series_with_a_demand_charge_is_priced_like_the_rates_it_comes_from():
    rates = tariff(demand=(demand(30),))
    net, start, battery = (
        np.random.default_rng(3).normal(1, 2, 20),
        MIDNIGHT - timedelta(hours=9.5),
        Battery(6, 4),
    )
    series = rates.prices(us(start), us(start + timedelta(hours=20)))
    priced = Tariff("series", "GBP", ZONE, (), series, demand=(demand(30),))
    one, other = (planned(net, start, 60, plan, battery) for plan in (priced, rates))
    assert_same(one.cost, other.cost)


def test_export_prices_from_elsewhere_replace_the_tariffs_own():
    net, start, battery = (
        np.random.default_rng(5).normal(0, 2, 20),
        MIDNIGHT - timedelta(hours=9),
        Battery(6, 4),
    )
    own = tariff(demand=(demand(30),), export=Export("net_billing", (Rate(0.07),)))
    other = tariff(demand=(demand(30),), export=Export("net_metering"))
    one = planned(net, start, 60, own, battery)
    two = planned(net, start, 60, other, battery, export_price=np.full(20, 0.07))
    assert (two.method_used, two.note) == (one.method_used, one.note)
    assert_same(one.cost, two.cost)


def test_without_coupling_prices_alone_are_used():
    net, start, battery = (
        np.random.default_rng(6).normal(0, 2, 20),
        MIDNIGHT - timedelta(hours=9),
        Battery(6, 4),
    )
    plan = tariff(export=Export("net_billing", (Rate(0.05),)))
    result = planned(net, start, 60, plan, battery)
    assert (result.method_used, result.note) == ("optimal", "exact: convex in every interval")
    assert_same(result.cost, cheapest_bill(net, start, 60, plan, battery))
    assert_holds(result, net, start, 60, plan, battery)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (tariff(), False),
        (tariff(demand=(demand(3),)), True),
        (tariff((Rate(tiers=ladder(0.1, 100, 0.2)),), tier_rule="chronological"), True),
        (tariff(export=Export("net_billing", (Rate(0.1),))), False),
        (tariff(export=Export("net_metering")), True),
    ],
)
def test_what_couples_intervals(plan, expected):
    assert couples(plan) is expected
