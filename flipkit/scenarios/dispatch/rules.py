"""The rules: a simple controller that knows the present interval and the state of charge only."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.scenarios.dispatch.compiled import (
    INPUT_MASKS,
    INPUT_ROW,
    INPUT_TABLE,
    LIMITS,
    ROW,
    TABLE,
    entry,
)
from flipkit.scenarios.dispatch.problem import Bools, Limits, Problem
from flipkit.vocabulary import Float64

__all__ = ["cheap_intervals", "energy_costs", "rule_rows"]

_SAME_PRICE = 1e-9  # of the day's price range: closer prices count as equal


def cheap_intervals(problem: Problem, day_edges: Any) -> Bools:
    """Return where ``rule_tou`` charges from the grid; nowhere with ``rule``.

    Cheap are the intervals at the lowest import price of their local day. A kWh from the battery
    costs lowest price / round-trip efficiency, so only days with a highest price above that have
    any.
    """
    price = problem.import_price
    limits = problem.limits
    if problem.method == "rule" or not limits.from_grid:
        return np.zeros((1, price.shape[1]), dtype=np.bool_)
    edges = np.asarray(day_edges)
    lowest = np.minimum.reduceat(price, edges[:-1], axis=1)
    highest = np.maximum.reduceat(price, edges[:-1], axis=1)
    round_trip = limits.charge_efficiency * limits.discharge_efficiency
    pays = lowest / round_trip < highest
    threshold = np.where(pays, lowest + _SAME_PRICE * (highest - lowest), -np.inf)
    of_interval = np.repeat(threshold, np.diff(edges), axis=1)
    return np.ascontiguousarray(price <= of_interval)


@entry(INPUT_TABLE, INPUT_MASKS, LIMITS, INPUT_ROW, TABLE, TABLE)
def rule_rows(
    net_kwh: Float64,
    is_cheap: Bools,
    limits: Limits,
    initial_kwh: Float64,
    flow_kwh: Float64,
    soc_kwh: Float64,
) -> None:
    """Run self-consumption for each site, with charging at full power in cheap intervals.

    Sets `flow_kwh` (into the battery, negative out of it) and, unless it is 0 x 0, `soc_kwh` at the
    end of each interval. `is_cheap` is that of `cheap_intervals`; `initial_kwh` is what each site
    has stored at first, above the reserve; the other arguments are those of `Problem`.
    """
    sites, intervals = net_kwh.shape
    max_kwh = limits.max_kwh
    stored_per_kwh = limits.charge_efficiency
    drawn_per_kwh = 1.0 / limits.discharge_efficiency  # so that the loop does not divide
    keeps_soc = soc_kwh.shape[1] == intervals
    for row in range(sites):
        stored = initial_kwh[row]
        cheap = is_cheap[row % len(is_cheap)]
        for t in range(intervals):
            net = net_kwh[row, t]
            if cheap[t] or net < 0.0:
                charge = max_kwh if cheap[t] else min(-net, max_kwh)
                added = charge * stored_per_kwh
                if added > limits.usable_kwh - stored:
                    added = limits.usable_kwh - stored
                    charge = added / stored_per_kwh
                stored += added
                flow_kwh[row, t] = charge
            else:
                discharge = min(net, max_kwh)
                drawn = discharge * drawn_per_kwh
                if drawn > stored:
                    drawn = stored
                    discharge = drawn * limits.discharge_efficiency
                stored -= drawn
                flow_kwh[row, t] = -discharge
            if keeps_soc:
                soc_kwh[row, t] = limits.reserve_kwh + stored


@entry(INPUT_TABLE, INPUT_TABLE, INPUT_TABLE, TABLE, ROW)
def energy_costs(
    net_kwh: Float64,
    import_price: Float64,
    export_price: Float64,
    flow_kwh: Float64,
    cost: Float64,
) -> None:
    """Set the cost of each site: imports less exports at their prices, summed in order of time."""
    sites, intervals = net_kwh.shape
    for row in range(sites):
        buy = import_price[row % len(import_price)]
        sell = export_price[row % len(export_price)]
        total = 0.0
        for t in range(intervals):
            imported = net_kwh[row, t] + flow_kwh[row, t]
            total += imported * (buy[t] if imported > 0.0 else sell[t])
        cost[row] = total
