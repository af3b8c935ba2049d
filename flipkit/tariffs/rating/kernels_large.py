"""Sums by run for many sites: compiled, one pass over the energy, without temporaries.

Four sites go side by side through the same run: their sums do not wait for one another, and each runs in the order of
time, with the bits of its twin in ``kernels_small``. Compiled code is kept on disk; this module is imported only where
there is enough to rate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from flipkit.tariffs.rating import kernels_small
from flipkit.tariffs.rating.demand import DemandRuns
from flipkit.tariffs.rating.runs import Runs, Weights
from flipkit.vocabulary import Float64, Int64

__all__ = ["LANES", "bought", "cells", "costs", "costs_of_many", "peaks", "sums", "tiers"]

LANES = 4
"""How many sites go side by side; those left over are summed in ``kernels_small``."""

_PLANS = 16

_ENERGY = nb.types.Array(nb.f8, 2, "C", readonly=True)
_NUMBERS = nb.types.Array(nb.f8, 1, "C", readonly=True)
_PLACES = nb.types.Array(nb.i8, 1, "C", readonly=True)
_TABLE = nb.f8[:, ::1]


def _compiled(*signature: Any) -> Callable[[Callable[..., None]], Any]:
    def compile_it(function: Callable[..., None]) -> Any:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            return nb.njit(nb.void(*signature), cache=True, **options)(function)
        except RuntimeError:  # no folder to keep compiled code in: it is made anew by each process
            return nb.njit(nb.void(*signature), **options)(function)

    return compile_it


# `_sums` and `_costs` add to what their tables hold: the piece before the first whole interval of a run, or nothing.


@_compiled(_ENERGY, _PLACES, _PLACES, _TABLE, _TABLE)
def _sums(net, lo, hi, bought, sold):  # type: ignore[no-untyped-def]
    for i in range(0, len(net), LANES):
        j, k, m = i + 1, i + 2, i + 3
        net_i, net_j, net_k, net_m = net[i], net[j], net[k], net[m]
        for run in range(len(lo)):
            in_i, in_j, in_k, in_m = bought[i, run], bought[j, run], bought[k, run], bought[m, run]
            out_i, out_j, out_k, out_m = sold[i, run], sold[j, run], sold[k, run], sold[m, run]
            for t in range(lo[run], hi[run]):
                a, b, c, d = net_i[t], net_j[t], net_k[t], net_m[t]
                plus_a, plus_b, plus_c, plus_d = max(a, 0.0), max(b, 0.0), max(c, 0.0), max(d, 0.0)
                in_i, in_j, in_k, in_m = in_i + plus_a, in_j + plus_b, in_k + plus_c, in_m + plus_d
                # Exact: either term is 0, or the two are equal.
                out_i, out_j = out_i + (plus_a - a), out_j + (plus_b - b)
                out_k, out_m = out_k + (plus_c - c), out_m + (plus_d - d)
            bought[i, run], bought[j, run], bought[k, run], bought[m, run] = in_i, in_j, in_k, in_m
            sold[i, run], sold[j, run], sold[k, run], sold[m, run] = out_i, out_j, out_k, out_m


@_compiled(_ENERGY, nb.f8, _PLACES, _PLACES, _NUMBERS, _TABLE)
def _costs(net, sign, lo, hi, price, out):  # type: ignore[no-untyped-def]
    for i in range(0, len(net), LANES):
        net_i, net_j, net_k, net_m = net[i], net[i + 1], net[i + 2], net[i + 3]
        for run in range(len(lo)):
            a, b, c, d = out[i, run], out[i + 1, run], out[i + 2, run], out[i + 3, run]
            for t in range(lo[run], hi[run]):
                each = price[t]
                a, b = a + each * max(sign * net_i[t], 0.0), b + each * max(sign * net_j[t], 0.0)
                c, d = c + each * max(sign * net_k[t], 0.0), d + each * max(sign * net_m[t], 0.0)
            out[i, run], out[i + 1, run], out[i + 2, run], out[i + 3, run] = a, b, c, d


@_compiled(
    _ENERGY, nb.f8, _PLACES, _PLACES, nb.types.Array(nb.f8, 3, "C", readonly=True), nb.f8[:, :, ::1]
)
def _costs_of_many(net, sign, lo, hi, prices, out):  # type: ignore[no-untyped-def]
    """As `_costs`, for groups of sixteen price series: four sites x sixteen sums grow side by side."""
    kwh = np.empty((LANES, net.shape[1]))
    a, b, c, d = np.zeros(_PLANS), np.zeros(_PLANS), np.zeros(_PLANS), np.zeros(_PLANS)
    for i in range(0, len(net), LANES):
        for lane in range(LANES):
            for t in range(net.shape[1]):
                kwh[lane, t] = max(sign * net[i + lane, t], 0.0)
        for group in range(len(prices)):
            for run in range(len(lo)):
                a[:], b[:], c[:], d[:] = 0.0, 0.0, 0.0, 0.0
                for t in range(lo[run], hi[run]):
                    kwh_a, kwh_b, kwh_c, kwh_d = kwh[0, t], kwh[1, t], kwh[2, t], kwh[3, t]
                    for plan in range(_PLANS):
                        price = prices[group, t, plan]
                        a[plan] += price * kwh_a
                        b[plan] += price * kwh_b
                        c[plan] += price * kwh_c
                        d[plan] += price * kwh_d
                for plan in range(_PLANS):
                    place = _PLANS * group + plan
                    out[i, run, place], out[i + 1, run, place] = a[plan], b[plan]
                    out[i + 2, run, place], out[i + 3, run, place] = c[plan], d[plan]


@_compiled(_ENERGY, nb.f8, _PLACES, _NUMBERS, _TABLE)
def _pieces(net, sign, interval, factor, out):  # type: ignore[no-untyped-def]
    for site in range(len(net)):
        for run in range(len(interval)):
            if factor[run] != 0.0:
                out[site, run] += factor[run] * max(sign * net[site, interval[run]], 0.0)


@_compiled(_ENERGY, _PLACES, _PLACES, _NUMBERS, _NUMBERS, _NUMBERS, _PLACES, _TABLE)
def _peaks(net, lo, hi, head, tail, hours, slot, out):  # type: ignore[no-untyped-def]
    for site in range(len(net)):
        for run in range(len(lo)):
            kwh = 0.0
            if head[run] > 0.0:
                kwh += head[run] * max(net[site, lo[run] - 1], 0.0)
            for t in range(lo[run], hi[run]):
                kwh += max(net[site, t], 0.0)
            if tail[run] > 0.0:
                kwh += tail[run] * max(net[site, hi[run]], 0.0)
            power = kwh / hours[run]
            if power > out[site, slot[run]]:
                out[site, slot[run]] = power


@_compiled(_ENERGY, _PLACES, _TABLE)
def _cells(by_run, cell, out):  # type: ignore[no-untyped-def]
    for site in range(len(by_run)):
        for run in range(len(cell)):
            out[site, cell[run]] += by_run[site, run]


@_compiled(
    _ENERGY, _PLACES, _PLACES, nb.types.Array(nb.f8, 4, "C", readonly=True), nb.f8[:, :, :, ::1]
)
def _tiers(by_run, billing, period, limits, out):  # type: ignore[no-untyped-def]
    for site in range(len(by_run)):
        limit, after, month = limits[site % len(limits)], 0.0, -1
        for run in range(len(billing)):
            before = after if billing[run] == month else 0.0
            month, kind, kwh = billing[run], period[run], by_run[site, run]
            after = before + kwh
            lower = 0.0
            for tier in range(limits.shape[3]):
                upper = limit[month, kind, tier]
                if after <= upper:
                    out[site, month, kind, tier] += kwh if before >= lower else after - lower
                    break
                if before < upper:
                    out[site, month, kind, tier] += upper - max(before, lower)
                lower = upper


def sums(net: Float64, runs: Runs) -> tuple[Float64, Float64]:
    """As in ``kernels_small``."""
    bought, sold = np.zeros((len(net), len(runs))), np.zeros((len(net), len(runs)))
    whole = len(net) // LANES * LANES
    _edges(net[:whole], runs.lo - 1, runs.head, bought, sold)
    _sums(net[:whole], runs.lo, runs.hi, bought, sold)
    _edges(net[:whole], runs.hi, runs.tail, bought, sold)
    bought[whole:], sold[whole:] = kernels_small.sums(net[whole:], runs)
    return bought, sold


def _edges(net: Float64, interval: Int64, share: Float64, bought: Float64, sold: Float64) -> None:
    if share.any():
        _pieces(net, 1.0, interval, share, bought)
        _pieces(net, -1.0, interval, share, sold)


def bought(net: Float64, runs: Runs) -> Float64:
    """As in ``kernels_small``."""
    return costs(net, 1.0, runs, Weights(np.ones(net.shape[1]), runs.head, runs.tail))


def costs(net: Float64, sign: float, runs: Runs, weights: Weights) -> Float64:
    """As in ``kernels_small``."""
    out, whole = np.zeros((len(net), len(runs))), len(net) // LANES * LANES
    _pieces(net[:whole], sign, runs.lo - 1, weights.head, out)
    _costs(net[:whole], sign, runs.lo, runs.hi, weights.whole, out)
    _pieces(net[:whole], sign, runs.hi, weights.tail, out)
    out[whole:] = kernels_small.costs(net[whole:], sign, runs, weights)
    return out


def costs_of_many(net: Float64, sign: float, runs: Runs, weights: list[Weights]) -> Float64:
    """`costs` for many price series in one pass, for runs of whole intervals; shape (sites, runs, series)."""
    groups, whole = -(-len(weights) // _PLANS), len(net) // LANES * LANES
    prices = np.zeros((groups, net.shape[1], _PLANS))
    for number, each in enumerate(weights):
        prices[number // _PLANS, :, number % _PLANS] = each.whole
    out = np.empty((len(net), len(runs), groups * _PLANS))
    _costs_of_many(net[:whole], sign, runs.lo, runs.hi, prices, out)
    for number, each in enumerate(weights):
        out[whole:, :, number] = kernels_small.costs(net[whole:], sign, runs, each)
    return out[:, :, : len(weights)]


def peaks(net: Float64, demand: DemandRuns) -> Float64:
    """As in ``kernels_small``."""
    out, runs = np.zeros((len(net), demand.slots)), demand.runs
    _peaks(net, runs.lo, runs.hi, runs.head, runs.tail, runs.hours, demand.slot, out)
    return out


def cells(by_run: Float64, cell: Int64, count: int) -> Float64:
    """As in ``kernels_small``."""
    out = np.zeros((len(by_run), count))
    _cells(by_run, cell, out)
    return out


def tiers(by_run: Float64, billing: Int64, period: Int64, limits: Float64) -> Float64:
    """As in ``kernels_small``."""
    out = np.zeros((len(by_run), *limits.shape[1:]))
    _tiers(by_run, billing, period, limits, out)
    return out
