"""Dispatch of one site's battery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.block import note, solve
from flipkit.scenarios.dispatch.problem import problem_of
from flipkit.vocabulary import Float64

__all__ = ["Dispatch", "dispatch"]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a battery does.

    Attributes
    ----------
    charge_kwh, discharge_kwh : array of float
        Energy into and out of the battery at its AC terminals, an interval each; never both in one.
    soc_kwh : array of float
        Energy stored at the end of each interval, the reserve included.
    marginal_value : array of float or None
        With ``optimal`` and ``day_ahead``: what one kWh more in the store at the beginning of an interval would save;
        where it is full, what the last one saves. Where two plans cost the same, it is this plan's. None with the
        rules and where the mixed-integer programme was used.
    cost : float
        Import at the import price less export at the export price. With ``optimal`` it is what the value function (or
        HiGHS) claims, reckoned before any action is known. Under a tariff that couples intervals: the bill of what is
        done, without fixed charges.
    method_used : str
        The method, or ``milp`` where the mixed-integer programme took over; under a tariff that couples intervals also
        ``lp`` and ``approximate``, see `dispatch_tariff`.
    note : str
        How exact it is, and why, in words.
    """

    charge_kwh: Float64
    discharge_kwh: Float64
    soc_kwh: Float64
    marginal_value: Float64 | None
    cost: float
    method_used: str
    note: str


def dispatch(
    net_kwh: Any,
    import_price: Any,
    export_price: Any,
    step_h: float,
    battery: Battery,
    method: str,
    *,
    day_edges: Any = None,
    night: Any = None,
) -> Dispatch:
    """What a battery does in each interval.

    Parameters
    ----------
    net_kwh : array of float
        Consumption less generation of each interval.
    import_price, export_price : array of float
        Mean price of each interval, per kWh.
    step_h : float
        Length of an interval in hours.
    battery : Battery
    method : {"rule", "rule_tou", "day_ahead", "optimal"}
        ``rule``: self-consumption. Surplus charges, deficit discharges.
        ``rule_tou``: also charges from the grid at full power in the cheap window, and does not discharge there. The
        window is `night`, or the intervals of each local day at the day's lowest import price, on days where that
        price / (charge x discharge efficiency) is below the day's highest.
        ``day_ahead``: the cheapest within each local day; nothing beyond the day is known, so energy left at its end is
        worth nothing to it. The store is carried over.
        ``optimal``: the cheapest over the whole horizon, known in advance. Exact, also where the cost is not convex in
        the battery's action (export price above import price, a negative price and losses). Should a value function
        outgrow its room, the mixed-integer programme takes over, which needs the extra ``milp``.
    day_edges : array of int, optional
        Index of the first interval of each local day, and the number of intervals. Needed for ``day_ahead``, and for
        ``rule_tou`` without `night`.
    night : array of bool, optional
        Where ``rule_tou`` charges from the grid.

    Returns
    -------
    Dispatch

    Raises
    ------
    InputError
        An unknown method, arrays that do not fit or hold no numbers, day edges that are missing or do not rise.
    ConfigurationError
        The mixed-integer programme is needed and HiGHS is not installed.
    """
    if np.ndim(net_kwh) != 1:
        raise InputError(
            f"net_kwh: expected one row of intervals, got {np.ndim(net_kwh)} dimensions; see dispatch_block"
        )
    problem = problem_of(
        net_kwh, import_price, export_price, step_h, battery, method, day_edges, night
    )
    solved = solve(problem, 1, keep=True)
    flow, is_milp = solved.flow[0], bool(solved.seen[0, 1] < 0)
    marginal = solved.marginal[0] if method in ("optimal", "day_ahead") and not is_milp else None
    charge = np.maximum(flow, 0.0)
    return Dispatch(
        charge,
        charge - flow,
        solved.soc[0],
        marginal,
        float(solved.cost[0]),
        "milp" if is_milp else method,
        note(problem, solved, 0),
    )
