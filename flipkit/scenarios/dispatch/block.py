"""Dispatch on prices: of one battery, and of many on the same intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.problem import Bools, Problem, make_problem
from flipkit.vocabulary import DispatchMethod, Float64, Int64

__all__ = ["Dispatch", "DispatchBlock", "dispatch", "dispatch_block"]

FIRST_ROOM = 1024
"""Segments of a value function that `optimal_rows` first makes room for; years stay below 800."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What the battery of one site does.

    Attributes
    ----------
    flow_kwh : array of float, intervals
        Energy into the battery at its AC terminals, negative out of it.
    soc_kwh : array of float, intervals
        Energy stored at the end of each interval, reserve included.
    marginal_value : array of float or None
        What one more kWh stored at the beginning of each interval would save; where the battery is
        full, what the last kWh saves. If several plans cost the same, the values are those of this
        plan. None if unknown: under the rules, and where a MILP or an approximation was used.
    cost : float
        Imports less exports at their prices. With ``optimal``, the value function at the beginning,
        which is known before any action. From `dispatch_tariff`: the bill without fixed charges.
    method_used : str
        The method; from `dispatch_tariff` also ``lp``, ``milp`` or ``approximate``.
    note : str
        How exact the dispatch is, and why.
    """

    flow_kwh: Float64
    soc_kwh: Float64
    marginal_value: Float64 | None
    cost: float
    method_used: str
    note: str

    @property
    def charge_kwh(self) -> Float64:
        """Energy into the battery, 0 or more."""
        return np.maximum(self.flow_kwh, 0.0)

    @property
    def discharge_kwh(self) -> Float64:
        """Energy out of the battery, 0 or more."""
        return self.charge_kwh - self.flow_kwh


@dataclass(frozen=True, slots=True)
class DispatchBlock:
    """What the batteries of many sites do.

    Attributes
    ----------
    flow_kwh : array of float, sites x intervals
        Energy into the battery at its AC terminals, negative out of it.
    soc_kwh, marginal_value : array of float, sites x intervals, or None
        As in `Dispatch`; None unless asked for.
    cost : array of float, sites
        Imports less exports at their prices.
    methods_used, notes : tuple of str
        One per site: the method, and how exact the dispatch is.
    """

    flow_kwh: Float64
    soc_kwh: Float64 | None
    marginal_value: Float64 | None
    cost: Float64
    methods_used: tuple[str, ...]
    notes: tuple[str, ...]


def dispatch_block(
    net_kwh: Any,
    import_price: Any,
    export_price: Any,
    step_h: float,
    battery: Battery,
    method: DispatchMethod,
    *,
    day_edges: Any = None,
    with_state: bool = False,
) -> DispatchBlock:
    """Dispatch the batteries of many sites on one grid of intervals.

    Parameters
    ----------
    net_kwh : array of float, sites x intervals
        Consumption less generation. Energy and prices must be finite; they are not checked again
        here.
    import_price, export_price : array of float, intervals or sites x intervals
        Mean price of each interval per kWh, in one row for all sites or one row per site.
    step_h : float
        Length of an interval in hours.
    battery : Battery
        One of this kind per site.
    method : {"rule", "rule_tou", "day_ahead", "optimal"}
        ``rule``: self-consumption. Surplus charges, deficit discharges.
        ``rule_tou``: also charges from the grid at full power, and does not discharge, in cheap
        intervals: those at the lowest import price of their local day, on days whose highest price
        is above lowest price / round-trip efficiency.
        ``day_ahead``: the cheapest within each local day. Nothing beyond the day is known, so
        energy left at its end has no value beyond what the battery began with. The state of charge
        is carried over.
        ``optimal``: the cheapest over all intervals, known in advance. Exact, also where the cost
        is not convex in the battery's action (export price above import price, or a negative price
        with losses).
        A plan, of a day or of all intervals, ends at or above the initial state of charge.
    day_edges : array of int, optional
        Index of the first interval of each local day, then the number of intervals. Required for
        ``day_ahead`` and ``rule_tou``.
    with_state : bool
        Whether to return states of charge and marginal values too.

    Returns
    -------
    DispatchBlock
    """
    # Imported here: numba takes half a second to load, and the optimum more than the rules.
    from flipkit.scenarios.dispatch.rules import cheap_intervals, energy_costs, rule_rows

    problem = make_problem(net_kwh, import_price, export_price, step_h, battery, method, day_edges)
    sites = len(problem.net_kwh)
    state_shape = problem.net_kwh.shape if with_state else (0, 0)  # 0 x 0: not asked for
    flow = np.empty(problem.net_kwh.shape)
    soc = np.empty(state_shape)
    cost = np.empty(sites)
    marginal: Float64 | None = None
    if method in ("rule", "rule_tou"):
        is_cheap = cheap_intervals(problem, day_edges)
        initial_kwh = np.full(sites, problem.limits.initial_kwh)
        rule_rows(problem.net_kwh, is_cheap, problem.limits, initial_kwh, flow, soc)
        notes = [_rule_note(problem, is_cheap[row % len(is_cheap)]) for row in range(sites)]
    else:
        marginal = np.empty(state_shape)
        notes = _run_optimum(problem, flow, soc, marginal, cost)
    if method != "optimal":
        energy_costs(problem.net_kwh, problem.import_price, problem.export_price, flow, cost)
    return DispatchBlock(
        flow_kwh=flow,
        soc_kwh=soc if with_state else None,
        marginal_value=marginal if with_state else None,
        cost=cost,
        methods_used=(method,) * sites,
        notes=tuple(notes),
    )


def _run_optimum(
    problem: Problem, flow: Float64, soc: Float64, marginal: Float64, cost: Float64
) -> list[str]:
    """Fill the arrays with the optimum, and return the note of each site."""
    from flipkit.scenarios.dispatch.optimum import optimal_rows

    non_convex = np.zeros(len(cost), dtype=np.int64)
    optimal_rows(
        problem.net_kwh,
        problem.import_price,
        problem.export_price,
        problem.horizon_ends,
        problem.limits,
        FIRST_ROOM,
        flow,
        soc,
        marginal,
        cost,
        non_convex,
    )
    return [_optimum_note(problem, row, non_convex) for row in range(len(cost))]


def dispatch(
    net_kwh: Any,
    import_price: Any,
    export_price: Any,
    step_h: float,
    battery: Battery,
    method: DispatchMethod,
    *,
    day_edges: Any = None,
) -> Dispatch:
    """Dispatch the battery of one site, with its state of charge and marginal values.

    For tariffs whose prices say it all. The arguments are those of `dispatch_block`, with `net_kwh`
    and the prices as one row of intervals.
    """
    block = dispatch_block(
        net_kwh,
        import_price,
        export_price,
        step_h,
        battery,
        method,
        day_edges=day_edges,
        with_state=True,
    )
    assert block.soc_kwh is not None
    return Dispatch(
        flow_kwh=block.flow_kwh[0],
        soc_kwh=block.soc_kwh[0],
        marginal_value=None if block.marginal_value is None else block.marginal_value[0],
        cost=float(block.cost[0]),
        method_used=method,
        note=block.notes[0],
    )


def _rule_note(problem: Problem, is_cheap: Bools) -> str:
    if problem.method == "rule":
        return "self-consumption"
    if not problem.limits.from_grid:
        return "self-consumption: the battery may not charge from the grid"
    cheap = np.count_nonzero(is_cheap)
    return f"self-consumption, and charging from the grid in {cheap:,} intervals"


def _optimum_note(problem: Problem, row: int, non_convex: Int64) -> str:
    if not non_convex[row]:
        return "exact: convex in every interval"
    buy = problem.import_price[row % len(problem.import_price)]
    sell = problem.export_price[row % len(problem.export_price)]
    export_above = np.count_nonzero(sell > buy)
    has_losses = problem.limits.charge_efficiency * problem.limits.discharge_efficiency < 1
    negative = np.count_nonzero((buy < 0) | (sell < 0)) if has_losses else 0
    return (
        f"exact: {non_convex[row]:,} of {len(buy):,} intervals are not convex in the battery's "
        f"action (export price above import price in {export_above:,}, a negative price in "
        f"{negative:,}), solved with non-convex value functions"
    )
