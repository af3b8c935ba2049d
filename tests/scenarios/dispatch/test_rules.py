"""The rules against a plain loop over the intervals, and the intervals they charge in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dispatch_cases import STEP_H, batteries, check, homes

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch

many = settings(max_examples=150, deadline=None)


def expected_rule(net, cheap, battery, step_h):
    """Charge, discharge and stored energy, written as the rule is described."""
    most, capacity = battery.power_kw * step_h, battery.capacity_kwh
    least = battery.reserve * capacity
    initial_soc = battery.reserve if battery.initial_soc is None else battery.initial_soc
    stored = capacity * initial_soc
    rows = []
    for use, is_cheap in zip(net, cheap, strict=True):
        charge = discharge = 0.0
        if is_cheap and battery.grid_charging:
            charge = min(most, (capacity - stored) / battery.charge_efficiency)
        elif use < 0:
            charge = min(-use, most, (capacity - stored) / battery.charge_efficiency)
        else:
            discharge = min(use, most, (stored - least) * battery.discharge_efficiency)
        stored += charge * battery.charge_efficiency - discharge / battery.discharge_efficiency
        rows.append((charge, discharge, stored))
    return np.array(rows).T


def assert_as_expected(result, expected):
    charge, discharge, stored = expected
    np.testing.assert_allclose(result.charge_kwh, charge, atol=1e-9)
    np.testing.assert_allclose(result.discharge_kwh, discharge, atol=1e-9)
    np.testing.assert_allclose(result.soc_kwh, stored, atol=1e-9)


@many
@given(homes(intervals=40), batteries())
def test_self_consumption(home, battery):
    net = home[0]
    result = dispatch(*home, STEP_H, battery, "rule")
    assert_as_expected(result, expected_rule(net, np.zeros(len(net)), battery, STEP_H))
    check(result, *home, battery)
    assert (result.method_used, result.marginal_value) == ("rule", None)


@many
@given(homes(intervals=40), batteries(grid_charging=True), st.data())
def test_charging_at_night_where_the_night_has_one_low_price(home, battery, data):
    net, _, sell = home
    each_interval = st.lists(st.booleans(), min_size=len(net), max_size=len(net))
    is_night = np.array(data.draw(each_interval))
    buy = np.where(is_night, 0.1, 0.5)
    result = dispatch(net, buy, sell, STEP_H, battery, "rule_tou", day_edges=[0, len(net)])
    is_cheap = is_night & (not is_night.all())
    assert_as_expected(result, expected_rule(net, is_cheap, battery, STEP_H))
    check(result, net, buy, sell, battery)


@many
@given(homes(intervals=30), batteries(grid_charging=True), st.data())
def test_the_cheap_intervals_have_the_days_lowest_price_where_that_pays_after_losses(
    home, battery, data
):
    net, buy, _ = home
    count = len(net)
    edges = sorted({0, *data.draw(st.lists(st.integers(0, count), max_size=3)), count})
    cheap = np.zeros(count, dtype=bool)
    for first, last in pairwise(edges):
        low, high = min(buy[first:last]), max(buy[first:last])
        if low / (battery.charge_efficiency * battery.discharge_efficiency) < high:
            cheap[first:last] = buy[first:last] <= low + 1e-9 * (high - low)
    result = dispatch(*home, STEP_H, battery, "rule_tou", day_edges=edges)
    assert_as_expected(result, expected_rule(net, cheap, battery, STEP_H))
    assert f"in {cheap.sum():,} intervals" in result.note


def test_no_cheap_intervals_where_the_spread_does_not_cover_the_losses():
    price = np.array([0.10, 0.12])
    for efficiency, charged in ((1.0, 1.0), (0.9, 0.0)):
        battery = Battery(5, 2, efficiency, efficiency)
        result = dispatch([1, 1], price, [0, 0], 0.5, battery, "rule_tou", day_edges=[0, 2])
        assert result.charge_kwh.sum() == charged


def test_a_battery_that_may_not_charge_from_the_grid_has_no_cheap_intervals():
    battery = Battery(5, 2, grid_charging=False)
    result = dispatch([1, 1], [0.1, 0.9], [0, 0], 0.5, battery, "rule_tou", day_edges=[0, 2])
    assert not result.charge_kwh.any()
    assert result.note == "self-consumption: the battery may not charge from the grid"


def test_surplus_in_cheap_intervals_is_charged_first():
    battery = Battery(5, 4, 1, 1)
    result = dispatch([-1.5, 1], [0.1, 0.9], [0, 0], 0.5, battery, "rule_tou", day_edges=[0, 2])
    assert result.charge_kwh[0] == 2.0
    assert result.cost == pytest.approx(0.1 * 0.5)
