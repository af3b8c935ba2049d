"""One window of a dispatch under a tariff as a programme: a day, or the whole time.

For each interval: charge, discharge, import and what is stored at its end; exports are what is left. Yes-or-no columns
are added only where a battery, or a meter, would otherwise do two things at once to its profit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.scenarios.dispatch.highs import Answer, Programme
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.scenarios.dispatch.terms import Billed, Steps, Terms
from flipkit.vocabulary import Float64, Int64

__all__ = ["Found", "State", "solve"]


class State(NamedTuple):
    """What is known when a window begins.

    Attributes
    ----------
    stored : float
        Above the reserve, kWh.
    imported : ndarray of float64, shape (intervals,)
        What was imported in each interval before; 0 from the window on.
    """

    stored: float
    imported: Float64


class Found(NamedTuple):
    """A plan for a window.

    Attributes
    ----------
    stored : ndarray of float64
        Above the reserve, at the end of each interval.
    value : ndarray of float64
        What one more kWh stored at the beginning of each would save; NaN where HiGHS does not say.
    objective, bound : float
        Cost with exports, and the least that is not ruled out. Of demand and tiers all that is owed to the window's end
        for the billing periods that it touches.
    choices : tuple of int
        Yes-or-no columns: for import or export, for charge or discharge, for ladders that fall.
    """

    stored: Float64
    value: Float64
    objective: float
    bound: float
    choices: tuple[int, int, int]


class _Reach(NamedTuple):
    """The most that can be done in each interval of a window."""

    charge: Float64
    discharge: Float64
    imported: Float64
    exported: Float64


class _Horizon(NamedTuple):
    """A window with its programme."""

    model: Programme
    terms: Terms
    window: slice
    state: State
    use: Float64
    reach: _Reach
    limits: Limits
    imported: Int64


def solve(
    terms: Terms,
    net: Float64,
    limits: Limits,
    window: slice,
    state: State,
    seconds: float,
    gap: float,
) -> Found | None:
    """The cheapest plan for a window; None where none is found in so many seconds.

    Parameters
    ----------
    terms : Terms
    net : ndarray of float64, shape (intervals,)
    limits : Limits
    window : slice
    state : State
    seconds, gap : float
        How long to look, and the relative gap that is good enough.

    Raises
    ------
    ConfigurationError
        HiGHS is not installed.
    """
    use, reach, model = net[window], _reach(net[window], limits), Programme()
    buy, sell = terms.buy[window], terms.sell[window]
    charge = model.columns(
        reach.charge, sell
    )  # exports are import - net - charge + discharge, and earn
    discharge = model.columns(reach.discharge, -sell)
    imported = model.columns(reach.imported, buy - sell)
    stored = model.columns(np.full(len(use), limits.width))
    balance = _store(model, charge, discharge, stored, limits, state.stored)
    every = np.arange(len(use))
    model.rows(
        use,
        use + reach.exported,
        (every, imported, 1.0),
        (every, charge, -1.0),
        (every, discharge, 1.0),
    )
    least = terms.least_buy()[window]
    sides = _one_side(model, least, sell, use, reach, (charge, discharge, imported))
    ways = _one_way(model, least, sell, reach, (charge, discharge), limits)
    horizon = _Horizon(model, terms, window, state, use, reach, limits, imported)
    falls = _counts(horizon) + _peaks(horizon)
    answer: Answer | None = model.solve(seconds, gap)
    if answer is None:
        return None
    fixed = float(np.sum(sell * use))
    return Found(
        answer.values[stored],
        -answer.duals[balance],
        answer.objective + fixed,
        answer.bound + fixed,
        (sides, ways, falls),
    )


def _reach(use: Float64, limits: Limits) -> _Reach:
    charge = np.full(len(use), limits.most) if limits.from_grid else np.clip(-use, 0.0, limits.most)
    discharge = np.full(len(use), limits.most) if limits.to_grid else np.clip(use, 0.0, limits.most)
    return _Reach(
        charge, discharge, np.maximum(use + charge, 0.0), np.maximum(discharge - use, 0.0)
    )


def _store(
    model: Programme, charge: Int64, discharge: Int64, stored: Int64, limits: Limits, begun: float
) -> Int64:
    """Stored after = stored before + charge x efficiency - discharge / efficiency."""
    every = np.arange(len(stored))
    first = np.zeros(len(stored))
    first[0] = begun
    moved = (every, charge, -limits.into), (every, discharge, 1.0 / limits.out)
    return model.rows(first, first, (every, stored, 1.0), (every[1:], stored[:-1], -1.0), *moved)


def _one_side(
    model: Programme,
    buy: Float64,
    sell: Float64,
    use: Float64,
    reach: _Reach,
    columns: tuple[Int64, Int64, Int64],
) -> int:
    """Import or export, where both at once would earn: an exported kWh may earn more than an imported one costs."""
    at = np.flatnonzero((sell > buy) & (reach.imported > 0) & (reach.exported > 0))
    if not len(at):
        return 0
    charge, discharge, imported = (each[at] for each in columns)
    yes, every = model.columns(np.ones(len(at)), whole=True), np.arange(len(at))
    model.rows(
        np.full(len(at), -np.inf), 0.0, (every, imported, 1.0), (every, yes, -reach.imported[at])
    )
    exported = (every, imported, 1.0), (every, charge, -1.0), (every, discharge, 1.0)
    model.rows(
        np.full(len(at), -np.inf),
        use[at] + reach.exported[at],
        *exported,
        (every, yes, reach.exported[at]),
    )
    return len(at)


def _one_way(
    model: Programme,
    buy: Float64,
    sell: Float64,
    reach: _Reach,
    columns: tuple[Int64, Int64],
    limits: Limits,
) -> int:
    """Charge or discharge, where both at once would earn: a price below 0 pays for what is lost."""
    if limits.into * limits.out >= 1.0:
        return 0
    pays = ((buy < 0) & (reach.imported > 0)) | ((sell < 0) & (reach.exported > 0))
    at = np.flatnonzero(pays & (reach.charge > 0) & (reach.discharge > 0))
    if not len(at):
        return 0
    charge, discharge = (each[at] for each in columns)
    yes, every = model.columns(np.ones(len(at)), whole=True), np.arange(len(at))
    model.rows(
        np.full(len(at), -np.inf), 0.0, (every, charge, 1.0), (every, yes, -reach.charge[at])
    )
    most = reach.discharge[at]
    model.rows(np.full(len(at), -np.inf), most, (every, discharge, 1.0), (every, yes, most))
    return len(at)


def _counts(horizon: _Horizon) -> int:
    """The ladders of the billing periods that the window touches; how many of their steps fall."""
    model, window, falls = horizon.model, horizon.window, 0
    for count in horizon.terms.counts:
        first, last = np.searchsorted(count.interval, (window.start, window.stop))
        if first == last:
            continue
        at, share = count.interval[first:last] - window.start, count.share[first:last]
        before = float(np.sum(count.share * horizon.state.imported[count.interval]))
        least, most = (before + each for each in _imports(horizon, at, share))
        total = model.columns(most, lower=least)
        model.rows(
            before, before, (0, total, 1.0), (np.zeros(len(at)), horizon.imported[at], -share)
        )
        falls += _ladder(model, int(total[0]), (least, most), count.steps)
    return falls


def _imports(horizon: _Horizon, at: Int64, share: Float64) -> tuple[float, float]:
    """Bounds on imports that a best plan keeps to: tight, for the sake of the yes-or-no columns of ladders that fall.

    What is charged is stored, or comes out again between the first interval and the last; where the battery does not
    feed the grid, it comes out in place of imports. Imports are spared by what was stored and by surplus.
    """
    limits, reach, span = horizon.limits, horizon.reach, slice(int(at[0]), int(at[-1]) + 1)
    use, needed = horizon.use[span], np.maximum(horizon.use, 0.0)
    charged = (limits.width + float(np.sum(reach.discharge[span])) / limits.out) / limits.into
    upper = [float(np.sum(share * reach.imported[at])), float(np.sum(share * needed[at])) + charged]
    lower = [0.0]
    if not limits.to_grid:
        upper.append((limits.width + float(np.sum(needed[span])) / limits.out) / limits.into)
    if np.array_equal(np.bincount(at - at[0], share, len(use)), np.ones(len(use))):
        surplus = float(np.sum(np.clip(-use, 0.0, limits.most)))
        lower.append(
            float(np.sum(needed[span])) - limits.out * (limits.width + limits.into * surplus)
        )
    return max(lower), max(*lower, min(upper))


def _ladder(model: Programme, quantity: int, bounds: tuple[float, float], steps: Steps) -> int:
    """What lies beyond each step costs so much more, or less; how many steps fall."""
    falls, (least, most) = 0, bounds
    for limit, rise in steps:
        if limit >= most:
            continue
        beyond = model.columns(most - limit, rise)
        if limit <= least:
            model.rows(limit, limit, (0, quantity, 1.0), (0, beyond, -1.0))
        elif rise >= 0.0:
            model.rows(-limit, np.inf, (0, beyond, 1.0), (0, quantity, -1.0))
        else:
            yes = model.columns(1.0, whole=True)
            model.rows(
                least, np.inf, (0, quantity, 1.0), (0, beyond, -1.0), (0, yes, least - limit)
            )
            model.rows(-np.inf, 0.0, (0, beyond, 1.0), (0, yes, limit - most))
            falls += 1
    return falls


def _peaks(horizon: _Horizon) -> int:
    """The billing demands that the window touches; how many of their steps fall."""
    model, meter, state, window = horizon.model, horizon.terms.meter, horizon.state, horizon.window
    first, last = np.searchsorted(meter.interval, (window.start, window.stop))
    power, touched = meter.power(state.imported), np.unique(meter.level[meter.run[first:last]])
    billed = [each for each in horizon.terms.billed if each.levels[0] in touched]
    if not billed:
        return 0
    used = np.unique(np.concatenate([each.levels for each in billed]))
    reached = meter.highest(power)[used]
    most = state.imported.copy()
    most[window] = horizon.reach.imported
    highest = np.maximum(meter.highest(meter.power(most))[used], reached)
    level = model.columns(highest, lower=reached)
    inside = np.isin(meter.level[meter.run[first:last]], used)
    interval, run, weight = (
        each[first:last][inside] for each in (meter.interval, meter.run, meter.per_hour)
    )
    runs, row = np.unique(run, return_inverse=True)
    own = level[np.searchsorted(used, meter.level[runs])]
    taken = horizon.imported[interval - window.start]
    model.rows(power[runs], np.inf, (np.arange(len(runs)), own, 1.0), (row, taken, -weight))
    return sum(
        _billed(model, each, level, highest, np.searchsorted(used, each.levels)) for each in billed
    )


def _billed(model: Programme, billed: Billed, level: Int64, highest: Float64, among: Int64) -> int:
    """One billing demand, at or above each of its levels; how many of its steps fall."""
    most = float(np.max(billed.factors * highest[among]))
    demand, every = model.columns(most, billed.price), np.arange(len(among))
    at_least = (every, np.repeat(demand, len(among)), 1.0), (every, level[among], -billed.factors)
    model.rows(np.zeros(len(among)), np.inf, *at_least)
    return _ladder(model, int(demand[0]), (0.0, most), billed.steps)
