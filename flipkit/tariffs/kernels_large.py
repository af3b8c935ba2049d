"""Sums by run for many sites: compiled, one pass over the energy, without temporaries.

Four sites go side by side through the same run: their sums do not wait for one another, and each runs in the order of
time, with the bits of its twin in ``kernels_small``. Compiled code is kept on disk; this module is imported only where
there is enough to rate.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from flipkit.tariffs import kernels_small
from flipkit.tariffs.demand import DemandRuns
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.runs import Runs, Weights
from flipkit.tariffs.series import Float64

__all__ = ["LANES", "cells", "costs", "costs_of_many", "peaks", "sums", "tiers"]

LANES = 4
"""How many sites go side by side; those left over are summed in ``kernels_small``."""

_PLANS = 16

_ENERGY = nb.types.Array(nb.f8, 2, "C", readonly=True)
_NUMBERS = nb.types.Array(nb.f8, 1, "C", readonly=True)
_PLACES = nb.types.Array(nb.i8, 1, "C", readonly=True)
_TABLE, _CUBE = nb.f8[:, ::1], nb.types.Array(nb.f8, 4, "C", readonly=True)
_RUNS = (_PLACES, _PLACES, _NUMBERS, _NUMBERS)


def _compiled(*signatures: Any) -> Any:
    return nb.njit([nb.void(*each) for each in signatures], cache=True, nogil=True, error_model="numpy")


@nb.njit(inline="always")
def _kwh(use: Any, made: Any, sign: float, site: int, interval: int) -> Any:
    if made is None:
        return use[site, interval]
    return max(sign * (use[site, interval] - made[site, interval]), 0.0)


# The kernels below add to what `out` holds: the piece before the first whole interval of a run, or nothing.


@_compiled((_ENERGY, _ENERGY, _PLACES, _PLACES, _TABLE, _TABLE))
def _net_sums(use, made, lo, hi, bought, sold):  # type: ignore[no-untyped-def]
    for i in range(0, len(use), LANES):
        j, k, m = i + 1, i + 2, i + 3
        use_i, use_j, use_k, use_m = use[i], use[j], use[k], use[m]
        made_i, made_j, made_k, made_m = made[i], made[j], made[k], made[m]
        for run in range(len(lo)):
            in_i, in_j, in_k, in_m = bought[i, run], bought[j, run], bought[k, run], bought[m, run]
            out_i, out_j, out_k, out_m = sold[i, run], sold[j, run], sold[k, run], sold[m, run]
            for t in range(lo[run], hi[run]):
                net_i, net_j = use_i[t] - made_i[t], use_j[t] - made_j[t]
                net_k, net_m = use_k[t] - made_k[t], use_m[t] - made_m[t]
                plus_i, plus_j, plus_k, plus_m = max(net_i, 0.0), max(net_j, 0.0), max(net_k, 0.0), max(net_m, 0.0)
                in_i, in_j, in_k, in_m = in_i + plus_i, in_j + plus_j, in_k + plus_k, in_m + plus_m
                # Exact: either term is 0, or the two are equal.
                out_i, out_j = out_i + (plus_i - net_i), out_j + (plus_j - net_j)
                out_k, out_m = out_k + (plus_k - net_k), out_m + (plus_m - net_m)
            bought[i, run], bought[j, run], bought[k, run], bought[m, run] = in_i, in_j, in_k, in_m
            sold[i, run], sold[j, run], sold[k, run], sold[m, run] = out_i, out_j, out_k, out_m


@_compiled(*((_ENERGY, made, nb.f8, _PLACES, _PLACES, _NUMBERS, _TABLE) for made in (nb.none, _ENERGY)))
def _costs(use, made, sign, lo, hi, price, out):  # type: ignore[no-untyped-def]
    for i in range(0, len(use), LANES):
        j, k, m = i + 1, i + 2, i + 3
        for run in range(len(lo)):
            a, b, c, d = out[i, run], out[j, run], out[k, run], out[m, run]
            for t in range(lo[run], hi[run]):
                a, b = a + price[t] * _kwh(use, made, sign, i, t), b + price[t] * _kwh(use, made, sign, j, t)
                c, d = c + price[t] * _kwh(use, made, sign, k, t), d + price[t] * _kwh(use, made, sign, m, t)
            out[i, run], out[j, run], out[k, run], out[m, run] = a, b, c, d


@_compiled(
    *(
        (_ENERGY, made, nb.f8, _PLACES, _PLACES, nb.types.Array(nb.f8, 3, "C", readonly=True), nb.f8[:, :, ::1])
        for made in (nb.none, _ENERGY)
    )
)
def _costs_of_many(use, made, sign, lo, hi, prices, out):  # type: ignore[no-untyped-def]
    """As `_costs`, for groups of sixteen price series: four sites x sixteen sums grow side by side."""
    kwh = np.empty((LANES, use.shape[1]))
    a, b, c, d = np.zeros(_PLANS), np.zeros(_PLANS), np.zeros(_PLANS), np.zeros(_PLANS)
    for i in range(0, len(use), LANES):
        for lane in range(LANES):
            for t in range(use.shape[1]):
                kwh[lane, t] = _kwh(use, made, sign, i + lane, t)
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


@_compiled(*((_ENERGY, made, nb.f8, _PLACES, _NUMBERS, _TABLE) for made in (nb.none, _ENERGY)))
def _pieces(use, made, sign, interval, factor, out):  # type: ignore[no-untyped-def]
    for site in range(len(use)):
        for run in range(len(interval)):
            if factor[run] != 0.0:
                out[site, run] += factor[run] * _kwh(use, made, sign, site, interval[run])


@_compiled(*((_ENERGY, made, *_RUNS, _NUMBERS, _PLACES, _TABLE) for made in (nb.none, _ENERGY)))
def _peaks(use, made, lo, hi, head, tail, hours, slot, out):  # type: ignore[no-untyped-def]
    for site in range(len(use)):
        for run in range(len(lo)):
            kwh = 0.0
            if head[run] > 0.0:
                kwh += head[run] * _kwh(use, made, 1.0, site, lo[run] - 1)
            for interval in range(lo[run], hi[run]):
                kwh += _kwh(use, made, 1.0, site, interval)
            if tail[run] > 0.0:
                kwh += tail[run] * _kwh(use, made, 1.0, site, hi[run])
            power = kwh / hours[run]
            if power > out[site, slot[run]]:
                out[site, slot[run]] = power


@_compiled((_ENERGY, _PLACES, _TABLE))
def _cells(by_run, cell, out):  # type: ignore[no-untyped-def]
    for site in range(len(by_run)):
        for run in range(len(cell)):
            out[site, cell[run]] += by_run[site, run]


@_compiled((_ENERGY, _PLACES, _PLACES, _CUBE, nb.f8[:, :, :, ::1]))
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


def sums(use: Float64, made: Float64 | None, runs: Runs) -> tuple[Float64, Float64 | None]:
    """As in ``kernels_small``."""
    if made is None:
        return costs(use, None, 1.0, runs, Weights(np.ones(use.shape[1]), runs.head, runs.tail)), None
    bought, sold = np.zeros((len(use), len(runs))), np.zeros((len(use), len(runs)))
    whole = len(use) // LANES * LANES
    _edges(use[:whole], made[:whole], runs.lo - 1, runs.head, bought, sold)
    _net_sums(use[:whole], made[:whole], runs.lo, runs.hi, bought, sold)
    _edges(use[:whole], made[:whole], runs.hi, runs.tail, bought, sold)
    bought[whole:], sold[whole:] = kernels_small.sums(use[whole:], made[whole:], runs)
    return bought, sold


def _edges(use: Float64, made: Float64, interval: Int64, share: Float64, bought: Float64, sold: Float64) -> None:
    if share.any():
        _pieces(use, made, 1.0, interval, share, bought)
        _pieces(use, made, -1.0, interval, share, sold)


def costs(use: Float64, made: Float64 | None, sign: float, runs: Runs, weights: Weights) -> Float64:
    """As in ``kernels_small``."""
    out, whole = np.zeros((len(use), len(runs))), len(use) // LANES * LANES
    some, makes = use[:whole], None if made is None else made[:whole]
    _pieces(some, makes, sign, runs.lo - 1, weights.head, out)
    _costs(some, makes, sign, runs.lo, runs.hi, weights.whole, out)
    _pieces(some, makes, sign, runs.hi, weights.tail, out)
    rest = None if made is None else made[whole:]
    out[whole:] = kernels_small.costs(use[whole:], rest, sign, runs, weights)
    return out


def costs_of_many(use: Float64, made: Float64 | None, sign: float, runs: Runs, weights: list[Weights]) -> Float64:
    """`costs` for many price series in one pass, for runs of whole intervals; shape (sites, runs, series)."""
    groups, whole = -(-len(weights) // _PLANS), len(use) // LANES * LANES
    prices = np.zeros((groups, use.shape[1], _PLANS))
    for number, each in enumerate(weights):
        prices[number // _PLANS, :, number % _PLANS] = each.whole
    out = np.empty((len(use), len(runs), groups * _PLANS))
    _costs_of_many(use[:whole], None if made is None else made[:whole], sign, runs.lo, runs.hi, prices, out)
    rest = None if made is None else made[whole:]
    for number, each in enumerate(weights):
        out[whole:, :, number] = kernels_small.costs(use[whole:], rest, sign, runs, each)
    return out[:, :, : len(weights)]


def peaks(use: Float64, made: Float64 | None, demand: DemandRuns) -> Float64:
    """As in ``kernels_small``."""
    out, runs = np.zeros((len(use), demand.slots)), demand.runs
    _peaks(use, made, runs.lo, runs.hi, runs.head, runs.tail, runs.hours, demand.slot, out)
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
