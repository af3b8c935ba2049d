"""The cost of one interval as a function of the battery's action: at most three linear segments."""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import FLOAT, INT, LIMITS, ROW, inner
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.vocabulary import Float64

__all__ = ["LENGTH", "MAX_SEGMENTS", "SLOPE", "fill_segments", "is_convex"]

SLOPE, LENGTH = 0, 1
"""Rows of a piecewise-linear function: the slope and the length of each segment."""

MAX_SEGMENTS = 3
"""With a surplus: charging from grid and surplus, discharging to grid. With a deficit: likewise."""


@inner(FLOAT, FLOAT, FLOAT, LIMITS, ROW, ROW)
def fill_segments(
    net: float,
    import_price: float,
    export_price: float,
    limits: Limits,
    slope: Float64,
    length: Float64,
) -> tuple[int, int, float]:
    """Set the segments of one interval, from the most charging to the most discharging.

    The cost is a function of the energy drawn from storage (negative when charging): `length` is in
    stored kWh, `slope` in money per kWh drawn. Segments that the battery cannot reach are left out,
    so that their kinks do not make the interval non-convex.

    Returns
    -------
    count, charging : int
        Number of segments, and how many of them charge.
    cost : float
        Cost of the interval at the left end, with the most charging.
    """
    surplus, deficit = max(-net, 0.0), max(net, 0.0)
    charge = limits.max_kwh if limits.from_grid else min(limits.max_kwh, surplus)
    discharge = limits.max_kwh if limits.to_grid else min(limits.max_kwh, deficit)
    count = 0
    # Up to the surplus, charging forgoes exports; beyond it, it is imported.
    if charge > surplus:
        slope[count] = -import_price / limits.charge_efficiency
        length[count] = (charge - surplus) * limits.charge_efficiency
        count += 1
    if min(charge, surplus) > 0.0:
        slope[count] = -export_price / limits.charge_efficiency
        length[count] = min(charge, surplus) * limits.charge_efficiency
        count += 1
    charging = count
    # Up to the deficit, discharging saves imports; beyond it, it is exported.
    if min(discharge, deficit) > 0.0:
        slope[count] = -import_price * limits.discharge_efficiency
        length[count] = min(discharge, deficit) / limits.discharge_efficiency
        count += 1
    if discharge > deficit:
        slope[count] = -export_price * limits.discharge_efficiency
        length[count] = (discharge - deficit) / limits.discharge_efficiency
        count += 1
    imported = net + charge
    cost = imported * import_price if imported > 0.0 else imported * export_price
    return count, charging, cost


@inner(ROW, INT)
def is_convex(slope: Float64, count: int) -> bool:
    """Return whether the first `count` slopes do not fall."""
    for k in range(1, count):  # noqa: SIM110  numba compiles no generator expression
        if slope[k] < slope[k - 1]:
            return False
    return True
