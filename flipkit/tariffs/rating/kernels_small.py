"""Sums by run for a few sites: plain numpy, without a compiler to wait for.

Each function has its twin of the same name in ``kernels_large``, with the same bits: every sum runs
in the order of time, one addition after another.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from flipkit.tariffs.rating.runs import DemandRuns, Runs, Weights, piece_prices, pieces_of
from flipkit.vocabulary import Float64, Int64

__all__ = ["cells", "costs", "imports", "imports_and_exports", "peaks", "tiers"]


@lru_cache(maxsize=64)
def _window_of(runs: Runs) -> Int64 | slice:
    """Return the intervals of all runs; as a slice (without a copy) if they are contiguous."""
    interval = pieces_of(runs).interval
    is_cut = runs.head.any() or runs.tail.any()
    if len(interval) and not is_cut and interval[-1] - interval[0] == len(interval) - 1:
        return slice(int(interval[0]), int(interval[-1]) + 1)
    return interval


def _shares_of(runs: Runs) -> Float64 | None:
    """Return the share of each piece; None, which spares a multiplication, if all are whole."""
    return pieces_of(runs).share if runs.head.any() or runs.tail.any() else None


@lru_cache(maxsize=64)
def _prices_of(runs: Runs, weights: Weights) -> Float64:
    return piece_prices(runs, weights)


def imports_and_exports(net: Float64, runs: Runs) -> tuple[Float64, Float64]:
    """Return imports and exports by run, each of shape (sites, runs).

    `net` has the shape (sites, intervals): imports above zero, exports below.
    """
    share = _shares_of(runs)
    return _by_run(net, 1.0, runs, share), _by_run(net, -1.0, runs, share)


def imports(net: Float64, runs: Runs) -> Float64:
    """Return imports by run; shape (sites, runs)."""
    return _by_run(net, 1.0, runs, _shares_of(runs))


def costs(net: Float64, sign: float, runs: Runs, weights: Weights) -> Float64:
    """Return imports (`sign` 1) or exports (-1) times their price, by run; shape (sites, runs)."""
    return _by_run(net, sign, runs, _prices_of(runs, weights))


def _by_run(net: Float64, sign: float, runs: Runs, factor: Float64 | None) -> Float64:
    run = pieces_of(runs).run
    window = _window_of(runs)
    sums = np.empty((len(net), len(runs)))
    for site in range(len(net)):
        kwh = np.maximum(sign * net[site], 0.0)[window]
        if factor is not None:
            kwh = factor * kwh
        sums[site] = np.bincount(run, kwh, len(runs))  # adds in the order of time
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
