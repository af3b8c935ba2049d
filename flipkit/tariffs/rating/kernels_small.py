"""Sums by run for a few sites: plain numpy, without a compiler to wait for.

Each function has its twin of the same name in ``kernels_large``, with the same bits: every sum runs
in the order of time, one addition after another.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.tariffs.rating.runs import DemandRuns, Runs, Weights
from flipkit.vocabulary import Float64, Int64

__all__ = ["cells", "costs", "imports", "imports_and_exports", "peaks", "tiers"]


class _RunIntervals(NamedTuple):
    """The intervals of all runs, one after another; an interval that is cut is in several runs.

    `share` is None where all intervals are whole. `window` selects the intervals, as a slice
    (without a copy) if they are contiguous.
    """

    interval: Int64
    run: Int64
    share: Float64 | None
    window: Int64 | slice


@lru_cache(maxsize=64)
def _intervals_of(runs: Runs) -> _RunIntervals:
    first = runs.lo - (runs.head > 0)
    after_last = runs.hi + (runs.tail > 0)
    counts = after_last - first
    run = np.repeat(np.arange(len(runs)), counts)
    heads = np.cumsum(counts) - counts
    interval = np.arange(int(counts.sum())) + np.repeat(first - heads, counts)
    window: Int64 | slice = interval
    if not (runs.head.any() or runs.tail.any()):
        if len(interval) and interval[-1] - interval[0] == len(interval) - 1:
            window = slice(int(first[0]), int(after_last[-1]))
        return _RunIntervals(interval, run, None, window)
    share = np.ones(len(interval))
    share[interval < runs.lo[run]] = runs.head[runs.head > 0]
    share[interval >= runs.hi[run]] = runs.tail[runs.tail > 0]
    return _RunIntervals(interval, run, share, window)


@lru_cache(maxsize=64)
def _prices_of(runs: Runs, weights: Weights) -> Float64:
    """The price of each interval of the runs, times its share."""
    intervals = _intervals_of(runs)
    price = weights.whole[intervals.interval]
    if intervals.share is not None:
        price[intervals.interval < runs.lo[intervals.run]] = weights.head[runs.head > 0]
        price[intervals.interval >= runs.hi[intervals.run]] = weights.tail[runs.tail > 0]
    return price


def imports_and_exports(net: Float64, runs: Runs) -> tuple[Float64, Float64]:
    """Return imports and exports by run, each of shape (sites, runs).

    `net` has the shape (sites, intervals): imports above zero, exports below.
    """
    share = _intervals_of(runs).share
    return _by_run(net, 1.0, runs, share), _by_run(net, -1.0, runs, share)


def imports(net: Float64, runs: Runs) -> Float64:
    """Return imports by run; shape (sites, runs)."""
    return _by_run(net, 1.0, runs, _intervals_of(runs).share)


def costs(net: Float64, sign: float, runs: Runs, weights: Weights) -> Float64:
    """Return imports (`sign` 1) or exports (-1) times their price, by run; shape (sites, runs)."""
    return _by_run(net, sign, runs, _prices_of(runs, weights))


def _by_run(net: Float64, sign: float, runs: Runs, factor: Float64 | None) -> Float64:
    intervals = _intervals_of(runs)
    sums = np.empty((len(net), len(runs)))
    for site in range(len(net)):
        kwh = np.maximum(sign * net[site], 0.0)[intervals.window]
        if factor is not None:
            kwh = factor * kwh
        sums[site] = np.bincount(intervals.run, kwh, len(runs))  # adds in the order of time
    return sums


def peaks(net: Float64, demand: DemandRuns) -> Float64:
    """Return the highest mean import power by billing period, kW; shape (sites, slots)."""
    power = imports(net, demand.runs) / demand.runs.hours
    highest = np.zeros((len(net), demand.slots))
    for site in range(len(net)):
        np.maximum.at(highest[site], demand.slot, power[site])
    return highest


def cells(by_run: Float64, cell: Int64, count: int) -> Float64:
    """Return sums of runs by cell; shape (sites, count)."""
    sums = np.zeros((len(by_run), count))
    for site, row in enumerate(by_run):
        sums[site] = np.bincount(cell, row, count)
    return sums


def tiers(by_run: Float64, billing: Int64, period: Int64, limits: Float64) -> Float64:
    """Return energy by billing period, period and tier, counted in the order of time.

    Parameters
    ----------
    by_run : ndarray of float64, shape (sites, runs)
    billing, period : ndarray of int64, shape (runs,)
        Billing periods ascend, and each has a run.
    limits : ndarray of float64, shape (sites or 1, billing periods, periods, tiers)
        End of each tier; infinity from the last tier on.

    Returns
    -------
    ndarray of float64, shape (sites, billing periods, periods, tiers)
    """
    _, billings, periods, steps = limits.shape
    filled = np.zeros((len(by_run), billings, periods, steps))
    heads = np.searchsorted(billing, np.arange(billings + 1))
    cell = billing * periods + period
    for site, kwh in enumerate(by_run):
        counts = [np.cumsum(kwh[begin:stop]) for begin, stop in pairwise(heads)]
        after = np.concatenate(counts)
        before = np.append(0.0, after[:-1])
        before[heads[:-1]] = 0.0  # the count begins anew with each billing period
        upper = limits[site % len(limits), billing, period]
        lower = np.zeros(len(kwh))
        for tier in range(steps):
            in_tier = _within(kwh, before, after, lower, upper[:, tier])
            sums = np.bincount(cell, in_tier, billings * periods)
            filled[site, :, :, tier] = sums.reshape(billings, periods)
            lower = upper[:, tier]
    return filled


def _within(
    kwh: Float64, before: Float64, after: Float64, lower: Float64, upper: Float64
) -> Float64:
    """The part of each run's energy, which moves the count from `before` to `after`, in a tier."""
    inside = np.maximum(np.minimum(after, upper) - np.maximum(before, lower), 0.0)
    # A run that lies in one tier keeps its own bits: after - before may differ in the last.
    return np.where((before >= lower) & (after <= upper), kwh, inside)
