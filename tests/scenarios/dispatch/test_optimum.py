"""The exact optimum against LP and MILP in HiGHS that share no code with it, and its properties."""

from dataclasses import replace
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.dispatch_cases import STEP_H, batteries, check, cost_of, homes
from support.dispatch_oracle import cheapest

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import block, dispatch

many = settings(max_examples=150, deadline=None)
some = settings(max_examples=60, deadline=None)


def optimal(home, battery, step_h=STEP_H, *, end_soc=None):
    """The optimum that ends at `end_soc` or above, by default the initial state of charge."""
    if end_soc is None:
        return dispatch(*home, step_h, battery, "optimal")
    end_kwh = (end_soc - battery.reserve) * battery.capacity_kwh

    def make_problem(*args):
        problem = original(*args)
        return problem._replace(limits=problem.limits._replace(end_kwh=end_kwh))

    original = block.make_problem
    with mock.patch.object(block, "make_problem", make_problem):
        return dispatch(*home, step_h, battery, "optimal")


def initial_soc(battery):
    return battery.reserve if battery.initial_soc is None else battery.initial_soc


def assert_same(one, other):
    assert one == pytest.approx(other, rel=1e-6, abs=1e-7)


@pytest.mark.slow
@many
@given(homes(intervals=24, convex=True), batteries())
def test_where_all_is_convex_it_costs_what_the_linear_program_costs(home, battery):
    result = optimal(home, battery)
    check(result, *home, battery)
    assert_same(result.cost, cheapest(*home, STEP_H, battery, binaries=False))
    assert result.method_used == "optimal"
    assert result.note == "exact: convex in every interval"


@many
@given(homes(), batteries())
@example(
    (np.array([1.0, -1.0, 2.0]), np.array([-0.2, 0.3, 0.3]), np.array([0.1, -0.1, 0.5])),
    Battery(5, 3, 0.9, 0.9),
)
def test_with_negative_prices_and_export_above_import_it_costs_what_the_milp_costs(home, battery):
    result = optimal(home, battery)
    check(result, *home, battery)
    assert_same(result.cost, cheapest(*home, STEP_H, battery))
    assert result.method_used == "optimal"


@settings(some, max_examples=100)
@given(
    homes(),
    batteries(capacity_kwh=5.0, power_kw=3.0, grid_charging=True, export_from_battery=True),
    st.data(),
)
def test_a_few_non_convex_intervals_in_a_convex_horizon(home, battery, data):
    net, buy, sell = home
    buy, sell = np.abs(buy), np.minimum(np.abs(sell), np.abs(buy))
    place = data.draw(st.integers(0, len(net) - 1))
    if data.draw(st.booleans()):
        buy[place], sell[place] = -0.1, -0.2
    else:
        sell[place] = buy[place] + 0.3
    result = optimal((net, buy, sell), battery)
    check(result, net, buy, sell, battery)
    assert_same(result.cost, cheapest(net, buy, sell, STEP_H, battery))


def test_a_long_horizon_with_every_kind_of_price():
    """Four days: rounding errors and room for value functions, against LP and MILP."""
    rng = np.random.default_rng(7)
    net, buy = rng.normal(0.2, 1.0, 192), rng.normal(0.2, 0.15, 192)
    battery = Battery(10, 3, 0.95, 0.9, 0.1, 0.4, export_from_battery=True)
    bent = optimal((net, buy, np.full(192, 0.15)), battery)
    check(bent, net, buy, np.full(192, 0.15), battery)
    assert_same(bent.cost, cheapest(net, buy, np.full(192, 0.15), STEP_H, battery))
    high, low = np.maximum(buy, 0.06), np.full(192, 0.05)
    straight = optimal((net, high, low), battery)
    check(straight, net, high, low, battery)
    assert_same(straight.cost, cheapest(net, high, low, STEP_H, battery, binaries=False))


def test_sixty_days_cost_what_the_linear_program_costs():
    """Long enough to show rounding errors that accumulate; HiGHS needs a second."""
    rng = np.random.default_rng(8)
    count = 60 * 48
    half_hour = np.arange(count) % 48
    solar = 2 * np.clip(np.sin((half_hour - 12) / 24 * np.pi), 0, None)
    net = rng.gamma(1.5, 0.25, count) - solar
    buy, sell = np.where(half_hour < 14, 0.09, 0.3), np.full(count, 0.05)
    battery = Battery(13.5, 5, export_from_battery=True)
    result = optimal((net, buy, sell), battery)
    check(result, net, buy, sell, battery)
    expected = cheapest(net, buy, sell, STEP_H, battery, binaries=False)
    assert result.cost == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("net", "buy", "sell", "count"),
    [
        (-1.0, [0.1, 0.3], [0.2, 0.05], "1 of 2"),
        (1.0, [-0.1, 0.3], [-0.2, 0.05], "1 of 2"),
        (1.0, [0.0, 0.3], [0.0, 0.0], None),
    ],
    ids=["export above import", "negative", "zero"],
)
def test_the_note_counts_the_intervals_that_are_not_convex(net, buy, sell, count):
    result = optimal(([net, 1.0], buy, sell), Battery(5, 4))
    assert result.note.startswith(
        f"exact: {count} intervals" if count else "exact: convex in every interval"
    )


def test_a_kink_that_the_battery_cannot_reach_is_not_counted():
    result = optimal(([3.0, 1.0], [0.1, 0.3], [0.2, 0.05]), Battery(5, 4, export_from_battery=True))
    assert result.note == "exact: convex in every interval", (
        "2 kWh per interval cannot turn an import of 3 kWh into an export"
    )


def test_by_hand():
    """2 kWh at 0.10 give 0.9 x 2 = 1.8 stored, 0.9 x 1.8 = 1.62 out, and save 1.62 at 0.50."""
    result = optimal(([0.0, 2.0], [0.1, 0.5], [0.0, 0.0]), Battery(5, 4, 0.9, 0.9))
    np.testing.assert_allclose(result.charge_kwh, [2.0, 0.0])
    np.testing.assert_allclose(result.discharge_kwh, [0.0, 1.62])
    np.testing.assert_allclose(result.soc_kwh, [1.8, 0.0], atol=1e-12)
    assert result.cost == pytest.approx(0.1 * 2 + 0.5 * (2 - 1.62))
    # The power is at its limit: one more kWh at the start saves no charging, but 0.9 kWh at 0.50.
    np.testing.assert_allclose(result.marginal_value, [0.45, 0.45])


def test_of_equal_costs_it_moves_least():
    result = optimal(
        (np.zeros(6), np.full(6, 0.2), np.full(6, 0.2)),
        Battery(5, 4, 1.0, 1.0, export_from_battery=True),
    )
    assert not result.charge_kwh.any()
    assert not result.discharge_kwh.any()


def assert_marginal_value_is_what_one_more_kwh_saves(home, battery):
    """Against the same horizon with a little more stored at the start (or less, if full)."""
    result, delta = optimal(home, battery), 1e-6
    start = initial_soc(battery)
    # Of a full battery the last kWh: it ends a little lower, so that less at the start can do.
    end = start if start < 1 else max(battery.reserve, 1 - 1e-3)
    if end != start:
        result = optimal(home, battery, end_soc=end)
    sign = 1 if start < 1 else -1
    other = optimal(home, replace(battery, initial_soc=start + sign * delta), end_soc=end)
    saved = (result.cost - other.cost) / (sign * delta * battery.capacity_kwh)
    assert result.marginal_value[0] == pytest.approx(saved, abs=1e-6)


@some
@given(homes(convex=True), batteries())
def test_the_marginal_value_is_what_one_more_kwh_would_save(home, battery):
    assume(battery.capacity_kwh * (1 - battery.reserve) > 0)
    assert_marginal_value_is_what_one_more_kwh_saves(home, battery)


@pytest.mark.parametrize("seed", range(100))
def test_the_marginal_value_where_intervals_are_not_convex(seed):
    """Numbers without ties: if two plans cost the same, each has its own marginal value."""
    rng = np.random.default_rng(seed)
    home = tuple(rng.normal(*shape, 24) for shape in ((0, 1.5), (0.1, 0.2), (0.1, 0.2)))
    start, export = rng.choice([0.1, 0.37, 0.8, 1.0]), bool(rng.random() < 0.6)
    battery = Battery(
        float(rng.choice([2, 5, 13])), 4, 0.9, 0.95, 0.1, float(start), export_from_battery=export
    )
    assert_marginal_value_is_what_one_more_kwh_saves(home, battery)


@some
@given(homes(), batteries())
def test_the_rest_of_an_optimum_is_the_optimum_of_the_rest(home, battery):
    result, half = optimal(home, battery), len(home[0]) // 2
    if not half or not battery.capacity_kwh:
        return
    stored = min(max(result.soc_kwh[half - 1] / battery.capacity_kwh, battery.reserve), 1.0)
    rest = tuple(each[half:] for each in home)
    later = optimal(rest, replace(battery, initial_soc=stored), end_soc=initial_soc(battery))
    spent = cost_of(*(each[half:] for each in (*home, result.charge_kwh, result.discharge_kwh)))
    assert later.cost == pytest.approx(spent, abs=1e-7)


@some
@given(homes(), batteries(), st.sampled_from([0.01, 3.0, 250.0]))
def test_prices_times_k_cost_k_times_as_much(home, battery, factor):
    net, buy, sell = home
    assert_same(
        optimal((net, factor * buy, factor * sell), battery).cost,
        factor * optimal(home, battery).cost,
    )


@some
@given(homes(), batteries(), st.sampled_from([0.1, 7.0]))
def test_energies_times_k_cost_k_times_as_much(home, battery, factor):
    larger = replace(
        battery, capacity_kwh=factor * battery.capacity_kwh, power_kw=factor * battery.power_kw
    )
    assert_same(
        optimal((factor * home[0], *home[1:]), larger).cost, factor * optimal(home, battery).cost
    )


@some
@given(
    homes(),
    batteries(charge_efficiency=1.0, discharge_efficiency=1.0, reserve=0.0, initial_soc=0.0),
)
def test_without_losses_a_higher_price_for_both_costs_what_the_energy_left_does_not_save(
    home, battery
):
    """With both prices up by c, a plan costs c x (net + stored at its end) more: two bounds."""
    net, buy, sell = home
    before, after = optimal(home, battery), optimal((net, buy + 0.2, sell + 0.2), battery)
    assert after.cost - before.cost <= 0.2 * (net.sum() + before.soc_kwh[-1]) + 1e-7
    assert after.cost - before.cost >= 0.2 * (net.sum() + after.soc_kwh[-1]) - 1e-7


@some
@given(homes(), batteries(reserve=0.0, initial_soc=0.0), st.sampled_from([1.0, 1.3, 4.0]))
def test_a_bigger_battery_never_costs_more(home, battery, factor):
    larger = replace(
        battery, capacity_kwh=factor * battery.capacity_kwh, power_kw=factor * battery.power_kw
    )
    freer = replace(larger, grid_charging=True, export_from_battery=True)
    costs = [optimal(home, each).cost for each in (Battery(0, 0), battery, larger, freer)]
    assert all(more >= less - 1e-9 for more, less in pairwise(costs)), costs


def assert_ends_where_it_began(result, battery):
    first = battery.capacity_kwh * initial_soc(battery)
    assert result.soc_kwh[-1] >= first - 1e-9 * (1 + battery.capacity_kwh)


def test_what_is_stored_at_first_is_not_free():
    """Full, no sun, one price: selling what is stored and buying it back only loses energy."""
    home = np.full(4, 1.0), np.full(4, 0.3), np.full(4, 0.3)
    for export in (False, True):
        battery = Battery(4, 4, initial_soc=1.0, export_from_battery=export)
        result = optimal(home, battery)
        np.testing.assert_allclose(result.flow_kwh, 0.0, atol=1e-12)
        assert result.cost == pytest.approx(1.2)


def test_what_is_stored_at_first_may_be_used_and_bought_back():
    """By hand: 3 stored give 2.7 at 0.50; 3 / 0.9 = 3.333 kWh at 0.10 fill it again."""
    home = [2.7, 0.0], [0.5, 0.1], [0.0, 0.0]
    result = optimal(home, Battery(3, 8, 0.9, 0.9, initial_soc=1.0))
    np.testing.assert_allclose(result.flow_kwh, [-2.7, 3 / 0.9])
    np.testing.assert_allclose(result.soc_kwh, [0.0, 3.0], atol=1e-12)
    assert result.cost == pytest.approx(3 / 0.9 * 0.1)


@many
@given(homes(intervals=20), batteries(), st.data())
def test_no_other_method_is_cheaper(home, battery, data):
    count = len(home[0])
    cut = data.draw(st.integers(0, count - 1))
    edges = sorted({0, cut, count})
    best = optimal(home, battery)
    start = initial_soc(battery)
    assert_ends_where_it_began(best, battery)
    for method in ("rule", "rule_tou", "day_ahead"):
        result = dispatch(*home, STEP_H, battery, method, day_edges=edges)
        check(result, *home, battery)
        assert result.method_used == method
        if method == "day_ahead":
            assert_ends_where_it_began(result, battery)
        # A rule that ends below is compared with the optimum that may end there too.
        fair = best
        if battery.capacity_kwh and result.soc_kwh[-1] < battery.capacity_kwh * start - 1e-9:
            lower = max(result.soc_kwh[-1] / battery.capacity_kwh - 1e-12, battery.reserve)
            fair = optimal(home, battery, end_soc=lower)
            assert fair.cost <= best.cost + 1e-9
        assert fair.cost <= result.cost + 1e-9


@some
@given(homes(intervals=20), batteries(), st.data())
def test_day_ahead_is_the_optimum_of_each_day_with_the_state_of_charge_carried_over(
    home, battery, data
):
    count = len(home[0])
    edges = sorted({0, data.draw(st.integers(0, count - 1)), count})
    result = dispatch(*home, STEP_H, battery, "day_ahead", day_edges=edges)
    assert battery.capacity_kwh == 0 or result.marginal_value is not None
    for first, last in pairwise(edges):
        spent = cost_of(
            *(each[first:last] for each in (*home, result.charge_kwh, result.discharge_kwh))
        )
        of_day = battery
        end_soc = initial_soc(battery)
        if first and battery.capacity_kwh:
            stored = min(
                max(result.soc_kwh[first - 1] / battery.capacity_kwh, battery.reserve), 1.0
            )
            of_day = replace(battery, initial_soc=stored)
        of_home = (each[first:last] for each in home)
        assert_same(spent, cheapest(*of_home, STEP_H, of_day, end_soc=end_soc))
