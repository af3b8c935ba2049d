"""Dispatch of many sites side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.problem import Problem, problem_of
from flipkit.vocabulary import Float64

__all__ = ["DispatchBlock", "dispatch_block", "solve"]

MOST_SEGMENTS = 4096
"""How many segments a value function may have before the mixed-integer programme takes over."""


@dataclass(frozen=True, slots=True)
class DispatchBlock:
    """What the batteries of many sites do.

    Attributes
    ----------
    flow_kwh : array of float, sites x intervals
        Energy into the battery at its AC terminals, below 0 where it comes out: the charge is ``flow.clip(0)``, the
        discharge ``(-flow).clip(0)``, the net import ``net + flow``.
    cost : array of float, sites
        Import at the import price less export at the export price.
    methods_used : tuple of str
        A site each: the method, or ``milp`` where the mixed-integer programme took over.
    notes : tuple of str
        A site each, in words.
    """

    flow_kwh: Float64
    cost: Float64
    methods_used: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Solved:
    """A block with everything that was reckoned; `soc` and `marginal` are 1 x 1 where nobody wanted them.

    Attributes
    ----------
    flow, soc, marginal : array of float, sites x intervals
    cost : array of float, sites
        With `optimal`, what the value function claims.
    seen : array of int, sites x 2
        Intervals that are not convex, and most segments alive; -1 where the mixed-integer programme took over.
    """

    flow: Float64
    soc: Float64
    marginal: Float64
    cost: Float64
    seen: Any


def dispatch_block(
    net_kwh: Any,
    import_price: Any,
    export_price: Any,
    step_h: float,
    battery: Battery,
    method: str,
    *,
    day_edges: Any = None,
    night: Any = None,
    threads: int | None = None,
) -> DispatchBlock:
    """`dispatch` for many sites on one grid of intervals; the same bits on any number of threads.

    Parameters
    ----------
    net_kwh : array of float, sites x intervals
        Consumption less generation.
    import_price, export_price : array of float, intervals or sites x intervals
        Mean price of each interval per kWh, one row for all or a row a site.
    step_h, battery, method, day_edges
        As in `dispatch`; one battery of that kind each.
    night : array of bool, intervals or sites x intervals, optional
        As in `dispatch`.
    threads : int, optional
        How many sites are reckoned at once; as many as there are cores without.

    Returns
    -------
    DispatchBlock

    Raises
    ------
    InputError, ConfigurationError
        As `dispatch`.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads={threads!r}: give a number of 1 or more")
    problem = problem_of(
        net_kwh, import_price, export_price, step_h, battery, method, day_edges, night
    )
    solved = solve(problem, threads or os.cpu_count() or 1, keep=False)
    sites = range(len(problem.net))
    used = tuple("milp" if solved.seen[row, 1] < 0 else method for row in sites)
    return DispatchBlock(
        solved.flow, solved.cost, used, tuple(note(problem, solved, row) for row in sites)
    )


def solve(problem: Problem, threads: int, *, keep: bool) -> Solved:
    """Dispatch every site of a problem; `keep` the store and the marginal values too."""
    from flipkit.scenarios.dispatch.rules import (
        costs,  # here, not above: numba takes half a second to load
    )

    shape, sites = problem.net.shape, len(problem.net)
    soc, optimal = np.empty(shape if keep else (1, 1)), problem.method in ("optimal", "day_ahead")
    marginal = np.empty(shape if keep and optimal else (1, 1))
    solved = Solved(
        np.empty(shape), soc, marginal, np.zeros(sites), np.zeros((sites, 2), dtype=np.int64)
    )
    _over_sites(_work(problem, solved), sites, threads)
    outgrown = np.flatnonzero(solved.seen[:, 1] < 0)
    for row in outgrown:
        _by_programme(problem, solved, int(row))
    if problem.method != "optimal":
        prices = problem.net, problem.buy, problem.sell, solved.flow
        _over_sites(lambda first, last: costs(*prices, first, last, solved.cost), sites, threads)
    return solved


def _work(problem: Problem, solved: Solved) -> Callable[[int, int], None]:
    """The compiled loop of the method, for the sites from one to another."""
    if problem.method in ("rule", "rule_tou"):
        from flipkit.scenarios.dispatch.rules import rule_rows

        return lambda first, last: rule_rows(
            problem.net, problem.window, problem.limits, first, last, solved.flow, solved.soc
        )
    from flipkit.scenarios.dispatch.optimum import optimal_rows

    results = solved.flow, solved.soc, solved.marginal, solved.cost, solved.seen
    return lambda first, last: optimal_rows(
        *problem[:4], problem.limits, MOST_SEGMENTS, first, last, *results
    )


def _over_sites(work: Callable[[int, int], None], sites: int, threads: int) -> None:
    """Each thread takes the next few sites: no result depends on which."""
    few = max(1, min(16, sites // (4 * threads)))
    if threads == 1 or sites <= few:
        return work(0, sites)
    with ThreadPoolExecutor(threads) as pool:
        for done in [
            pool.submit(work, first, min(first + few, sites)) for first in range(0, sites, few)
        ]:
            done.result()
    return None


def _by_programme(problem: Problem, solved: Solved, row: int) -> None:
    from flipkit.scenarios.dispatch import milp

    solved.flow[row], soc, solved.cost[row] = milp.solve(problem, row)
    if solved.soc.shape == problem.net.shape:
        solved.soc[row] = soc
        solved.marginal[row] = np.nan


def note(problem: Problem, solved: Solved, row: int) -> str:
    """How exact a site's dispatch is, and why, in words."""
    if problem.method in ("rule", "rule_tou"):
        return _of_rule(problem, row)
    bent, alive = (int(value) for value in solved.seen[row])
    buy, sell = problem.buy[row % len(problem.buy)], problem.sell[row % len(problem.sell)]
    losses = problem.limits.into * problem.limits.out < 1
    negative = int(np.count_nonzero((buy < 0) | (sell < 0))) if losses else 0
    causes = f"export price above import price in {np.count_nonzero(sell > buy):,}, a negative price in {negative:,}"
    count = len(buy)
    if alive < 0:
        return (
            f"mixed-integer programme in HiGHS: the value function outgrew {MOST_SEGMENTS:,} segments; of {count:,} "
            f"intervals, {causes}"
        )
    if not bent:
        return "exact: convex in every interval"
    return (
        f"exact: {bent:,} of {count:,} intervals are not convex in the battery's action ({causes}); solved with value "
        "functions that are not convex"
    )


def _of_rule(problem: Problem, row: int) -> str:
    if problem.method == "rule":
        return "self-consumption"
    if not problem.limits.from_grid:
        return "self-consumption: the battery may not charge from the grid"
    window = problem.window[row % len(problem.window)]
    return f"self-consumption, and charging from the grid in {np.count_nonzero(window):,} intervals"
