"""Random homes, prices and batteries for dispatch, and what must hold of every dispatch."""

from functools import cache

import numpy as np
from hypothesis import strategies as st

from flipkit.scenarios import Battery

STEP_H = 0.5

# Made once: Hypothesis examines each new strategy, which takes longer than to draw from it.
capacities = st.sampled_from([0.0, 0.5, 2.0, 5.0, 13.5])
powers = st.sampled_from([0.0, 0.7, 3.0, 40.0])
efficiencies = st.sampled_from([1.0, 0.95, 0.9, 0.7])
reserves = st.sampled_from([0.0, 0.1, 0.5, 1.0])


@st.composite
def batteries(draw, **fixed):
    """Small and large, slow and fast, with and without losses and reserve; also no battery."""
    capacity = draw(capacities)
    reserve = draw(reserves)
    given = {
        "capacity_kwh": capacity,
        "power_kw": draw(powers) if capacity else 0.0,
        "charge_efficiency": draw(efficiencies),
        "discharge_efficiency": draw(efficiencies),
        "reserve": reserve,
        "initial_soc": draw(st.sampled_from([None, reserve, (1 + reserve) / 2, 1.0])),
        "grid_charging": draw(st.booleans()),
        "export_from_battery": draw(st.booleans()),
    }
    return Battery(**given | fixed)


@cache
def _numbers(low, high):
    """Round numbers, which give ties, and others; none so small (1e-6) that HiGHS ignores it."""
    tenths = st.integers(round(low * 10), round(high * 10)).map(lambda value: value / 10)
    floats = st.floats(low, high, allow_nan=False).map(lambda value: round(value, 4) + 0.0)
    return st.one_of(tenths, floats)


@cache
def _columns(low, high, count):
    return st.lists(_numbers(low, high), min_size=count, max_size=count)


@st.composite
def homes(draw, *, intervals=12, lowest=-0.3, convex=False):
    """Net consumption and prices; if `convex`, none below 0 and no export above import."""
    count = draw(st.integers(1, intervals))
    prices = _columns(0.0 if convex else lowest, 0.6, count)
    net = draw(_columns(-3.0, 3.0, count))
    buy = draw(prices)
    sell = draw(prices)
    if convex:
        sell = np.minimum(sell, buy)
    return np.array(net), np.array(buy), np.array(sell)


def cost_of(net, buy, sell, charge, discharge):
    grid = net + charge - discharge
    return float(np.sum(np.maximum(grid, 0) * buy) - np.sum(np.maximum(-grid, 0) * sell))


def check(result, net, buy, sell, battery, step_h=STEP_H):
    """Feasible in every interval, every kWh accounted for, and the cost is that of the flows."""
    check_feasible(result, net, battery, step_h)
    scale = 1 + float(np.sum(np.abs(net) * np.maximum(np.abs(buy), np.abs(sell))))
    done = cost_of(net, buy, sell, result.charge_kwh, result.discharge_kwh)
    assert abs(result.cost - done) <= 1e-9 * scale


def check_feasible(result, net, battery, step_h=STEP_H):
    """Within every limit in every interval, and every kWh accounted for."""
    charge, discharge, soc = result.charge_kwh, result.discharge_kwh, result.soc_kwh
    most, capacity = battery.power_kw * step_h, battery.capacity_kwh
    slack = 1e-9 * (1 + capacity)
    assert (charge >= 0).all()
    assert (discharge >= 0).all()
    assert (charge <= most).all()
    assert (discharge <= most).all()
    assert not (charge * discharge).any(), "charges and discharges at the same time"
    assert (soc >= battery.reserve * capacity - slack).all()
    assert (soc <= capacity + slack).all()
    initial_soc = battery.reserve if battery.initial_soc is None else battery.initial_soc
    stored = charge * battery.charge_efficiency - discharge / battery.discharge_efficiency
    np.testing.assert_allclose(np.diff(soc, prepend=capacity * initial_soc), stored, atol=slack)
    if not battery.grid_charging:
        assert (charge <= np.maximum(-net, 0) + slack).all()
    if not battery.export_from_battery:
        assert (discharge <= np.maximum(net, 0) + slack).all()
    grid = net + charge - discharge
    bought, sold = np.maximum(grid, 0), np.maximum(-grid, 0)
    used, made = np.maximum(net, 0), np.maximum(-net, 0)
    np.testing.assert_allclose(used + charge + sold, made + discharge + bought, atol=1e-9)
