"""Sums by run for many sites: compiled, one pass over the energy, without temporary arrays.

Four sites go through the same run side by side, so that the processor does not wait for one sum
before it adds to the next. Each sum runs in the order of time, with the bits of its twin in
``kernels_small``. Compiled code is kept on disk; this module is imported only where there is enough
to rate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from flipkit.tariffs.rating import kernels_small
from flipkit.tariffs.rating.runs import DemandRuns, Runs, Weights
from flipkit.vocabulary import Float64, Int64

__all__ = ["cells", "costs", "costs_of_many", "imports", "imports_and_exports", "peaks", "tiers"]

# Sites that go side by side; those left over are summed in ``kernels_small``.
_LANES = 4
# Price series that go side by side.
_SERIES = 16

_ENERGY = nb.types.Array(nb.f8, 2, "C", readonly=True)
_NUMBERS = nb.types.Array(nb.f8, 1, "C", readonly=True)
_INDICES = nb.types.Array(nb.i8, 1, "C", readonly=True)
_PRICES = nb.types.Array(nb.f8, 3, "C", readonly=True)
_LIMITS = nb.types.Array(nb.f8, 4, "C", readonly=True)
_TABLE = nb.f8[:, ::1]


def _compiled(*signature: Any) -> Callable[[Callable[..., None]], Any]:
    """Compile a function for one signature, when the module is imported."""

    def compile_it(function: Callable[..., None]) -> Any:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            return nb.njit(nb.void(*signature), cache=True, **options)(function)
        except RuntimeError:  # no folder for compiled code: every process compiles anew
            return nb.njit(nb.void(*signature), **options)(function)

    return compile_it


# The sites of a lane are a, b, c and d; their sums are variables of their own, which stay in
# registers. `_imports_and_exports` and `_costs` add to what their tables hold: the cut interval
# before the first whole one of a run, or nothing.


@_compiled(_ENERGY, _INDICES, _INDICES, _TABLE, _TABLE)
def _imports_and_exports(net, lo, hi, imported, exported):  # type: ignore[no-untyped-def]
    for site in range(0, len(net), _LANES):
        net_a = net[site]
        net_b = net[site + 1]
        net_c = net[site + 2]
        net_d = net[site + 3]
        for run in range(len(lo)):
            in_a = imported[site, run]
            in_b = imported[site + 1, run]
            in_c = imported[site + 2, run]
            in_d = imported[site + 3, run]
            out_a = exported[site, run]
            out_b = exported[site + 1, run]
            out_c = exported[site + 2, run]
            out_d = exported[site + 3, run]
            for t in range(lo[run], hi[run]):
                kwh_a = max(net_a[t], 0.0)
                kwh_b = max(net_b[t], 0.0)
                kwh_c = max(net_c[t], 0.0)
                kwh_d = max(net_d[t], 0.0)
                in_a += kwh_a
                in_b += kwh_b
                in_c += kwh_c
                in_d += kwh_d
                # Exact: either import is 0, or the difference is.
                out_a += kwh_a - net_a[t]
                out_b += kwh_b - net_b[t]
                out_c += kwh_c - net_c[t]
                out_d += kwh_d - net_d[t]
            imported[site, run] = in_a
            imported[site + 1, run] = in_b
            imported[site + 2, run] = in_c
            imported[site + 3, run] = in_d
            exported[site, run] = out_a
            exported[site + 1, run] = out_b
            exported[site + 2, run] = out_c
            exported[site + 3, run] = out_d


@_compiled(_ENERGY, nb.f8, _INDICES, _INDICES, _NUMBERS, _TABLE)
def _costs(net, sign, lo, hi, price, cost):  # type: ignore[no-untyped-def]
    for site in range(0, len(net), _LANES):
        net_a = net[site]
        net_b = net[site + 1]
        net_c = net[site + 2]
        net_d = net[site + 3]
        for run in range(len(lo)):
            cost_a = cost[site, run]
            cost_b = cost[site + 1, run]
            cost_c = cost[site + 2, run]
            cost_d = cost[site + 3, run]
            for t in range(lo[run], hi[run]):
                cost_a += price[t] * max(sign * net_a[t], 0.0)
                cost_b += price[t] * max(sign * net_b[t], 0.0)
                cost_c += price[t] * max(sign * net_c[t], 0.0)
                cost_d += price[t] * max(sign * net_d[t], 0.0)
            cost[site, run] = cost_a
            cost[site + 1, run] = cost_b
            cost[site + 2, run] = cost_c
            cost[site + 3, run] = cost_d


@_compiled(_ENERGY, nb.f8, _INDICES, _INDICES, _PRICES, nb.f8[:, :, ::1])
def _costs_of_many(net, sign, lo, hi, prices, cost):  # type: ignore[no-untyped-def]
    """As `_costs`, for groups of sixteen price series: 4 sites x 16 sums grow side by side."""
    kwh = np.empty((_LANES, net.shape[1]))
    cost_a = np.zeros(_SERIES)
    cost_b = np.zeros(_SERIES)
    cost_c = np.zeros(_SERIES)
    cost_d = np.zeros(_SERIES)
    for site in range(0, len(net), _LANES):
        for lane in range(_LANES):
            for t in range(net.shape[1]):
                kwh[lane, t] = max(sign * net[site + lane, t], 0.0)
        for group in range(len(prices)):
            first = _SERIES * group
            for run in range(len(lo)):
                cost_a[:] = 0.0
                cost_b[:] = 0.0
                cost_c[:] = 0.0
                cost_d[:] = 0.0
                for t in range(lo[run], hi[run]):
                    kwh_a = kwh[0, t]
                    kwh_b = kwh[1, t]
                    kwh_c = kwh[2, t]
                    kwh_d = kwh[3, t]
                    for number in range(_SERIES):
                        price = prices[group, t, number]
                        cost_a[number] += price * kwh_a
                        cost_b[number] += price * kwh_b
                        cost_c[number] += price * kwh_c
                        cost_d[number] += price * kwh_d
                for number in range(_SERIES):
                    cost[site, run, first + number] = cost_a[number]
                    cost[site + 1, run, first + number] = cost_b[number]
                    cost[site + 2, run, first + number] = cost_c[number]
                    cost[site + 3, run, first + number] = cost_d[number]


@_compiled(_ENERGY, nb.f8, _INDICES, _NUMBERS, _TABLE)
def _add_cut(net, sign, interval, factor, out):  # type: ignore[no-untyped-def]
    """Add one cut interval of each run, times a factor that is 0 where there is none."""
    for site in range(len(net)):
        for run in range(len(interval)):
            if factor[run] != 0.0:
                out[site, run] += factor[run] * max(sign * net[site, interval[run]], 0.0)


@_compiled(_ENERGY, _INDICES, _INDICES, _NUMBERS, _NUMBERS, _NUMBERS, _INDICES, _TABLE)
def _peaks(net, lo, hi, head, tail, hours, slot, peak_kw):  # type: ignore[no-untyped-def]
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
            if power > peak_kw[site, slot[run]]:
                peak_kw[site, slot[run]] = power


@_compiled(_ENERGY, _INDICES, _TABLE)
def _cells(by_run, cell, sums):  # type: ignore[no-untyped-def]
    for site in range(len(by_run)):
        for run in range(len(cell)):
            sums[site, cell[run]] += by_run[site, run]


@_compiled(_ENERGY, _INDICES, _INDICES, _LIMITS, nb.f8[:, :, :, ::1])
def _tiers(by_run, billing, period, limits, filled):  # type: ignore[no-untyped-def]
    for site in range(len(by_run)):
        limit = limits[site % len(limits)]
        after = 0.0
        month = -1
        for run in range(len(billing)):
            before = after if billing[run] == month else 0.0
            month = billing[run]
            kind = period[run]
            kwh = by_run[site, run]
            after = before + kwh
            lower = 0.0
            for tier in range(limits.shape[3]):
                upper = limit[month, kind, tier]
                if after <= upper:
                    filled[site, month, kind, tier] += kwh if before >= lower else after - lower
                    break
                if before < upper:
                    filled[site, month, kind, tier] += upper - max(before, lower)
                lower = upper


# The functions below have the parameters and results of their twins in ``kernels_small``.


def imports_and_exports(net: Float64, runs: Runs) -> tuple[Float64, Float64]:
    """Return imports and exports by run."""
    imported = np.zeros((len(net), len(runs)))
    exported = np.zeros((len(net), len(runs)))
    lanes = _in_lanes(net)
    for sign, sums in ((1.0, imported), (-1.0, exported)):
        _add_cut(net[:lanes], sign, runs.lo - 1, runs.head, sums)
    _imports_and_exports(net[:lanes], runs.lo, runs.hi, imported, exported)
    for sign, sums in ((1.0, imported), (-1.0, exported)):
        _add_cut(net[:lanes], sign, runs.hi, runs.tail, sums)
    imported[lanes:], exported[lanes:] = kernels_small.imports_and_exports(net[lanes:], runs)
    return imported, exported


def imports(net: Float64, runs: Runs) -> Float64:
    """Return imports by run."""
    at_price_1 = Weights(np.ones(net.shape[1]), runs.head, runs.tail)
    return costs(net, 1.0, runs, at_price_1)


def costs(net: Float64, sign: float, runs: Runs, weights: Weights) -> Float64:
    """Return imports or exports times their price, by run."""
    cost = np.zeros((len(net), len(runs)))
    lanes = _in_lanes(net)
    _add_cut(net[:lanes], sign, runs.lo - 1, weights.head, cost)
    _costs(net[:lanes], sign, runs.lo, runs.hi, weights.whole, cost)
    _add_cut(net[:lanes], sign, runs.hi, weights.tail, cost)
    cost[lanes:] = kernels_small.costs(net[lanes:], sign, runs, weights)
    return cost


def costs_of_many(net: Float64, sign: float, runs: Runs, weights: list[Weights]) -> list[Float64]:
    """Return the `costs` of many price series in one pass, for runs of whole intervals."""
    groups = -(-len(weights) // _SERIES)
    prices = np.zeros((groups, net.shape[1], _SERIES))
    for number, each in enumerate(weights):
        group, place = divmod(number, _SERIES)
        prices[group, :, place] = each.whole
    cost = np.empty((len(net), len(runs), groups * _SERIES))
    lanes = _in_lanes(net)
    _costs_of_many(net[:lanes], sign, runs.lo, runs.hi, prices, cost)
    for number, each in enumerate(weights):
        cost[lanes:, :, number] = kernels_small.costs(net[lanes:], sign, runs, each)
    return [np.ascontiguousarray(cost[:, :, number]) for number in range(len(weights))]


def peaks(net: Float64, demand: DemandRuns) -> Float64:
    """Return the highest mean import power by billing period, kW."""
    peak_kw = np.zeros((len(net), demand.slots))
    runs = demand.runs
    _peaks(net, runs.lo, runs.hi, runs.head, runs.tail, runs.hours, demand.slot, peak_kw)
    return peak_kw


def cells(by_run: Float64, cell: Int64, count: int) -> Float64:
    """Return sums of runs by cell."""
    sums = np.zeros((len(by_run), count))
    _cells(by_run, cell, sums)
    return sums


def tiers(by_run: Float64, billing: Int64, period: Int64, limits: Float64) -> Float64:
    """Return energy by billing period, period and tier, counted in the order of time."""
    filled = np.zeros((len(by_run), *limits.shape[1:]))
    _tiers(by_run, billing, period, limits, filled)
    return filled


def _in_lanes(net: Float64) -> int:
    """How many of the sites make whole lanes."""
    return len(net) // _LANES * _LANES
