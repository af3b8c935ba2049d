"""Sums by run for a few sites: plain numpy, ready at once.

Each has its twin of the same name in ``kernels_large``, with the same bits: every sum runs in the order of time, one
addition after another.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.tariffs.rating.demand import DemandRuns
from flipkit.tariffs.rating.runs import Runs, Weights
from flipkit.vocabulary import Float64, Int64

__all__ = ["bought", "cells", "costs", "peaks", "sums", "tiers"]


class _Pieces(NamedTuple):
    """The intervals of all runs in a row: which interval, of which run, and what share of it (None: all whole)."""

    interval: Int64
    run: Int64
    share: Float64 | None
    window: Int64 | slice  # the intervals again, where they are in a row without a copy


@lru_cache(maxsize=64)
def _pieces(runs: Runs) -> _Pieces:
    begin, stop = runs.lo - (runs.head > 0), runs.hi + (runs.tail > 0)
    counts = stop - begin
    run = np.repeat(np.arange(len(runs)), counts)
    interval = np.arange(int(counts.sum())) + np.repeat(
        begin - (np.cumsum(counts) - counts), counts
    )
    if not (runs.head.any() or runs.tail.any()):
        in_a_row = len(interval) > 0 and interval[-1] - interval[0] == len(interval) - 1
        return _Pieces(
            interval, run, None, slice(int(begin[0]), int(stop[-1])) if in_a_row else interval
        )
    share = np.ones(len(interval))
    share[interval < runs.lo[run]] = runs.head[runs.head > 0]
    share[interval >= runs.hi[run]] = runs.tail[runs.tail > 0]
    return _Pieces(interval, run, share, interval)


@lru_cache(maxsize=64)
def _piece_weights(runs: Runs, weights: Weights) -> Float64:
    pieces = _pieces(runs)
    price = weights.whole[pieces.interval]
    if pieces.share is not None:
        price[pieces.interval < runs.lo[pieces.run]] = weights.head[runs.head > 0]
        price[pieces.interval >= runs.hi[pieces.run]] = weights.tail[runs.tail > 0]
    return price


def sums(net: Float64, runs: Runs) -> tuple[Float64, Float64]:
    """Energy bought and sold by run.

    Parameters
    ----------
    net : ndarray of float64, shape (sites, intervals)
        Above zero what is bought, below what is sold.
    runs : Runs

    Returns
    -------
    bought, sold : ndarray of float64, shape (sites, runs)
    """
    share = _pieces(runs).share
    return _by_run(net, 1.0, runs, share), _by_run(net, -1.0, runs, share)


def bought(net: Float64, runs: Runs) -> Float64:
    """Energy bought by run; shape (sites, runs)."""
    return _by_run(net, 1.0, runs, _pieces(runs).share)


def costs(net: Float64, sign: float, runs: Runs, weights: Weights) -> Float64:
    """Energy bought (`sign` 1) or sold (-1) times its price, by run; shape (sites, runs)."""
    return _by_run(net, sign, runs, _piece_weights(runs, weights))


def _by_run(net: Float64, sign: float, runs: Runs, factor: Float64 | None) -> Float64:
    pieces, out = _pieces(runs), np.empty((len(net), len(runs)))
    for site in range(len(net)):
        kwh = np.maximum(sign * net[site], 0.0)[pieces.window]
        out[site] = np.bincount(pieces.run, kwh if factor is None else factor * kwh, len(runs))
    return out


def peaks(net: Float64, demand: DemandRuns) -> Float64:
    """Highest mean power of the demand intervals of each billing period, kW; shape (sites, slots)."""
    power = bought(net, demand.runs) / demand.runs.hours
    out = np.zeros((len(net), demand.slots))
    for site in range(len(net)):
        np.maximum.at(out[site], demand.slot, power[site])
    return out


def cells(by_run: Float64, cell: Int64, count: int) -> Float64:
    """Sums of runs by cell; shape (sites, count)."""
    return np.array([np.bincount(cell, row, count) for row in by_run]).reshape(len(by_run), count)


def tiers(by_run: Float64, billing: Int64, period: Int64, limits: Float64) -> Float64:
    """Energy by billing period, energy period and tier, the kWh of a billing period counted in the order of time.

    Parameters
    ----------
    by_run : ndarray of float64, shape (sites, runs)
    billing, period : ndarray of int64, shape (runs,)
        Billing periods ascend.
    limits : ndarray of float64, shape (sites or 1, billing periods, periods, tiers)
        Where each tier ends; infinity from the last on.

    Returns
    -------
    ndarray of float64, shape (sites, billing periods, periods, tiers)
    """
    count = limits.shape[1:]
    out = np.zeros((len(by_run), *count))
    heads = np.searchsorted(billing, np.arange(count[0] + 1))
    for site, row in enumerate(by_run):
        after = np.concatenate([np.cumsum(row[a:b]) for a, b in pairwise(heads)])
        before = np.append(0.0, after[:-1])
        before[heads[:-1][heads[:-1] < len(before)]] = 0.0
        limit = limits[site % len(limits), billing, period]
        lower = np.zeros(len(row))
        for tier in range(count[2]):
            upper = limit[:, tier]
            inside = (before >= lower) & (after <= upper)
            kwh = np.where(
                inside, row, np.maximum(np.minimum(after, upper) - np.maximum(before, lower), 0.0)
            )
            cell = billing * count[1] + period
            out[site, :, :, tier] = np.bincount(cell, kwh, count[0] * count[1]).reshape(count[:2])
            lower = upper
    return out
