"""Where a value function outgrows its room: the mixed-integer programme takes over and says so."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from support.dispatch_cases import STEP_H, batteries, check, homes
from support.dispatch_oracle import cheapest

from flipkit.errors import ConfigurationError
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import block, dispatch, dispatch_block

BATTERY = Battery(8, 3, 0.9, 0.95, 0.1, 0.5, export_from_battery=True)
some = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture(autouse=True)
def _little_room(monkeypatch):
    monkeypatch.setattr(block, "MOST_SEGMENTS", 2)


def prices(kind):
    """Twelve intervals, of which a third break what exactness rests on."""
    buy, sell = np.tile([0.30, 0.10, 0.22], 4), np.tile([0.05, 0.04, 0.03], 4)
    if kind == "export above import":
        sell[1::3] = 0.20
    if kind == "negative":
        buy[1::3], sell[1::3] = -0.08, -0.1
    return np.random.default_rng(3).normal(0.3, 1.2, 12), buy, sell


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("export above import", "export price above import price in 4, a negative price in 0"),
        ("negative", "export price above import price in 0, a negative price in 4"),
        ("convex", "export price above import price in 0, a negative price in 0"),
    ],
)
@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_each_condition_falls_back_to_the_programme_which_costs_the_same(
    monkeypatch, kind, said, method
):
    home = prices(kind)
    result = dispatch(*home, STEP_H, BATTERY, method, day_edges=[0, 5, 12])
    check(result, *home, BATTERY)
    assert result.method_used == "milp"
    assert (
        result.note
        == f"mixed-integer programme in HiGHS: the value function outgrew 2 segments; of 12 intervals, {said}"
    )
    assert result.marginal_value is None
    monkeypatch.setattr(block, "MOST_SEGMENTS", 4096)
    exact = dispatch(*home, STEP_H, BATTERY, method, day_edges=[0, 5, 12])
    assert exact.method_used == method
    assert result.cost == pytest.approx(exact.cost, abs=1e-7)


@some
@given(homes(), batteries())
def test_whichever_is_used_the_cost_is_the_same(home, battery):
    result = dispatch(*home, STEP_H, battery, "optimal")
    check(result, *home, battery)
    assert result.cost == pytest.approx(cheapest(*home, STEP_H, battery), rel=1e-6, abs=1e-7)


def test_in_a_block_only_the_sites_that_need_it():
    net, buy, sell = prices("export above import")
    both = dispatch_block(
        np.stack([net, np.full(12, 9.0)]), buy, sell, STEP_H, Battery(1, 3, 1, 1), "rule"
    )
    assert set(both.methods_used) == {"rule"}
    both = dispatch_block(
        np.stack([net, np.zeros(12)]),
        buy,
        sell,
        STEP_H,
        Battery(8, 0.5, grid_charging=False),
        "optimal",
    )
    assert both.methods_used == ("milp", "optimal")


def test_without_the_solver_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flipkit\[milp\]'"):
        dispatch(*prices("negative"), STEP_H, BATTERY, "optimal")
