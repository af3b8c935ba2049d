"""What an interval costs by what the battery does in it: at most three straight segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.scenarios.dispatch.compiled import LIMITS, NUMBERS, PLACE, SIZE, called, compiled_late
from flipkit.scenarios.dispatch.problem import Limits, Problem
from flipkit.vocabulary import Float64

__all__ = ["MOST", "interval_cost", "is_convex", "segments", "table"]

MOST = 3
"""Most segments of one interval: charging from the grid and from surplus, or discharging into load and grid."""


@called(SIZE, SIZE, SIZE)
def interval_cost(imported: float, buy: float, sell: float) -> float:
    """Cost of a net import; a net export earns."""
    return imported * buy if imported > 0.0 else imported * sell


@called(SIZE, SIZE, SIZE, LIMITS, NUMBERS, NUMBERS)
def segments(
    net: float, buy: float, sell: float, limits: Limits, slope: Float64, length: Float64
) -> tuple[int, int, float]:
    """Cost over kWh drawn from the store, from the most charging (below 0) to the most discharging.

    Fills `slope` and `length`; segments that cannot be reached are left out, so their kinks do not count.

    Returns
    -------
    count, charging : int
        Number of segments, and how many of them charge.
    cost : float
        Cost at the beginning, with the most charging.
    """
    surplus, deficit = max(-net, 0.0), max(net, 0.0)
    charge = limits.most if limits.from_grid else min(limits.most, surplus)
    discharge = limits.most if limits.to_grid else min(limits.most, deficit)
    count = 0
    if charge > surplus:
        slope[count], length[count] = -buy / limits.into, (charge - surplus) * limits.into
        count += 1
    if min(charge, surplus) > 0.0:
        slope[count], length[count] = -sell / limits.into, min(charge, surplus) * limits.into
        count += 1
    charging = count
    if min(discharge, deficit) > 0.0:
        slope[count], length[count] = -buy * limits.out, min(discharge, deficit) / limits.out
        count += 1
    if discharge > deficit:
        slope[count], length[count] = -sell * limits.out, (discharge - deficit) / limits.out
        count += 1
    return count, charging, interval_cost(net + charge, buy, sell)


@called(NUMBERS, PLACE)
def is_convex(slope: Float64, count: int) -> bool:
    """Whether the slopes do not fall."""
    for k in range(1, count):  # noqa: SIM110  what numba compiles
        if slope[k] < slope[k - 1]:
            return False
    return True


@compiled_late
def _fill(
    net: Float64,
    buy: Float64,
    sell: Float64,
    limits: Limits,
    slope: Float64,
    length: Float64,
    shape: Any,
    cost: Float64,
) -> None:
    for t in range(len(net)):
        shape[t, 0], shape[t, 1], cost[t] = segments(
            net[t], buy[t], sell[t], limits, slope[t], length[t]
        )


def table(problem: Problem, row: int) -> tuple[Float64, Float64, Any, Float64]:
    """The segments of each interval of one site.

    Returns
    -------
    slope, length : array of float, intervals x 3
    shape : array of int, intervals x 2
        Number of segments, and how many of them charge.
    cost : array of float
        Cost with the most charging.
    """
    count = problem.net.shape[1]
    slope, length = np.zeros((count, MOST)), np.zeros((count, MOST))
    shape, cost = np.zeros((count, 2), dtype=np.int64), np.zeros(count)
    buy, sell = problem.buy[row % len(problem.buy)], problem.sell[row % len(problem.sell)]
    _fill(problem.net[row], buy, sell, problem.limits, slope, length, shape, cost)
    return slope, length, shape, cost
