"""The rules against a plain loop over the intervals, and the window they charge in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dispatch_cases import STEP_H, batteries, check, homes

from flipkit.errors import InputError
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch

many = settings(max_examples=150, deadline=None, derandomize=True)


def plain(net, cheap, battery, step_h):
    """Charge, discharge and stored energy, said in the words of the rule."""
    most, capacity = battery.power_kw * step_h, battery.capacity_kwh
    least = battery.reserve * capacity
    stored = capacity * (battery.reserve if battery.initial_soc is None else battery.initial_soc)
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


def assert_is_plain(result, expected):
    for values, wanted in zip(
        (result.charge_kwh, result.discharge_kwh, result.soc_kwh), expected, strict=True
    ):
        np.testing.assert_allclose(values, wanted, atol=1e-9)


@many
@given(homes(intervals=40), batteries())
def test_self_consumption(home, battery):
    result = dispatch(*home, STEP_H, battery, "rule")
    assert_is_plain(result, plain(home[0], np.zeros(len(home[0])), battery, STEP_H))
    check(result, *home, battery)
    assert (result.method_used, result.marginal_value) == ("rule", None)


@many
@given(homes(intervals=40), batteries(), st.data())
def test_charging_at_night(home, battery, data):
    night = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(home[0]), max_size=len(home[0])))
    )
    result = dispatch(*home, STEP_H, battery, "rule_tou", night=night)
    assert_is_plain(result, plain(home[0], night, battery, STEP_H))
    check(result, *home, battery)


@many
@given(homes(intervals=30), batteries(grid_charging=True), st.data())
def test_the_cheap_window_is_the_days_lowest_price_where_that_pays_after_losses(
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
    assert_is_plain(result, plain(net, cheap, battery, STEP_H))
    assert f"in {cheap.sum():,} intervals" in result.note


def test_no_window_where_the_spread_does_not_cover_the_losses():
    price = np.array([0.10, 0.12])
    for efficiency, charged in ((1.0, 1.0), (0.9, 0.0)):
        result = dispatch(
            [1, 1],
            price,
            [0, 0],
            0.5,
            Battery(5, 2, efficiency, efficiency),
            "rule_tou",
            day_edges=[0, 2],
        )
        assert result.charge_kwh.sum() == charged


def test_a_battery_that_may_not_charge_from_the_grid_has_no_window():
    battery = Battery(5, 2, grid_charging=False)
    result = dispatch([1, 1], [0.1, 0.9], [0, 0], 0.5, battery, "rule_tou", day_edges=[0, 2])
    assert not result.charge_kwh.any()
    assert result.note == "self-consumption: the battery may not charge from the grid"


def test_surplus_in_the_window_is_charged_first():
    result = dispatch(
        [-1.5, 1], [0.1, 0.9], [0, 0], 0.5, Battery(5, 4, 1, 1), "rule_tou", day_edges=[0, 2]
    )
    assert result.charge_kwh[0] == 2.0
    assert result.cost == pytest.approx(0.1 * 0.5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "best"}, "method 'best': give one of rule, rule_tou, day_ahead, optimal"),
        ({"method": "day_ahead"}, "needs day_edges"),
        ({"method": "rule_tou"}, "needs day_edges"),
        (
            {"method": "day_ahead", "day_edges": [0, 2]},
            "must rise from 0 to the number of intervals, 3",
        ),
        ({"method": "day_ahead", "day_edges": [0, 2, 2, 3]}, "must rise"),
        ({"method": "day_ahead", "day_edges": [1, 3]}, "must rise"),
        ({"step_h": 0}, "step_h 0"),
        ({"step_h": float("nan")}, "step_h nan"),
        ({"net_kwh": [[1.0, 2.0, 3.0]]}, "see dispatch_block"),
        ({"net_kwh": []}, "net_kwh: holds no intervals"),
        ({"net_kwh": [1.0, float("nan"), 3.0]}, "net_kwh: interval 1 is no finite number"),
        ({"import_price": [0.1, 0.2]}, "import_price: 1 x 2 values for net_kwh of 1 x 3"),
        ({"export_price": [0.1, 0.2, float("inf")]}, "export_price: interval 2"),
        ({"method": "rule_tou", "night": [1, 0, 1]}, "night: expected True or False"),
        ({"method": "rule_tou", "night": [True]}, "night: 1 x 1 values"),
    ],
)
def test_what_cannot_be_used_is_named(changed, words):
    given = {
        "net_kwh": [1.0, 2.0, 3.0],
        "import_price": [0.1] * 3,
        "export_price": [0.0] * 3,
        "step_h": 0.5,
    }
    with pytest.raises(InputError, match=words):
        dispatch(**given | {"battery": Battery(5, 2), "method": "rule"} | changed)
