"""Sums by run for many sites: compiled, one pass over the energy, without temporaries.

Four sites go side by side through the same run: their sums do not wait for one another, and each runs in the order of
time, with the bits of its twin in ``kernels_small``. Compiled code is kept on disk; this module is imported only where
there is enough to rate.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from flipkit.tariffs.demand import DemandRuns
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.runs import Runs, Weights
from flipkit.tariffs.series import Float64

__all__ = ["LANES", "cells", "costs", "peaks", "sums", "tiers"]

LANES = 4
"""How many sites a kernel takes at least."""

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
    net = sign * (use[site, interval] - made[site, interval])
    return net if net > 0.0 else 0.0


@_compiled((_ENERGY, _ENERGY, *_RUNS, _TABLE, _TABLE))
def _net_sums(use, made, lo, hi, head, tail, bought, sold):  # type: ignore[no-untyped-def]
    a, b = np.zeros(LANES), np.zeros(LANES)
    for group in range(0, len(use), LANES):
        first = min(group, len(use) - LANES)
        for run in range(len(lo)):
            a[:] = 0.0
            b[:] = 0.0
            if head[run] > 0.0:
                for lane in range(LANES):
                    a[lane] += head[run] * _kwh(use, made, 1.0, first + lane, lo[run] - 1)
                    b[lane] += head[run] * _kwh(use, made, -1.0, first + lane, lo[run] - 1)
            for interval in range(lo[run], hi[run]):
                for lane in range(LANES):
                    net = use[first + lane, interval] - made[first + lane, interval]
                    a[lane] += net if net > 0.0 else 0.0
                    b[lane] += -net if net < 0.0 else 0.0
            if tail[run] > 0.0:
                for lane in range(LANES):
                    a[lane] += tail[run] * _kwh(use, made, 1.0, first + lane, hi[run])
                    b[lane] += tail[run] * _kwh(use, made, -1.0, first + lane, hi[run])
            for lane in range(LANES):
                bought[first + lane, run] = a[lane]
                sold[first + lane, run] = b[lane]


@_compiled(
    (_ENERGY, nb.none, nb.f8, _PLACES, _PLACES, _NUMBERS, _NUMBERS, _NUMBERS, _TABLE),
    (_ENERGY, _ENERGY, nb.f8, _PLACES, _PLACES, _NUMBERS, _NUMBERS, _NUMBERS, _TABLE),
)
def _costs(use, made, sign, lo, hi, head, tail, whole, out):  # type: ignore[no-untyped-def]
    a = np.zeros(LANES)
    for group in range(0, len(use), LANES):
        first = min(group, len(use) - LANES)
        for run in range(len(lo)):
            a[:] = 0.0
            if head[run] != 0.0:
                for lane in range(LANES):
                    a[lane] += head[run] * _kwh(use, made, sign, first + lane, lo[run] - 1)
            for interval in range(lo[run], hi[run]):
                for lane in range(LANES):
                    a[lane] += whole[interval] * _kwh(use, made, sign, first + lane, interval)
            if tail[run] != 0.0:
                for lane in range(LANES):
                    a[lane] += tail[run] * _kwh(use, made, sign, first + lane, hi[run])
            for lane in range(LANES):
                out[first + lane, run] = a[lane]


@_compiled((_ENERGY, nb.none, *_RUNS, _NUMBERS, _PLACES, _TABLE), (_ENERGY, _ENERGY, *_RUNS, _NUMBERS, _PLACES, _TABLE))
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
                if before >= lower and after <= upper:
                    out[site, month, kind, tier] += kwh
                else:
                    part = min(after, upper) - max(before, lower)
                    out[site, month, kind, tier] += part if part > 0.0 else 0.0
                lower = upper


def sums(use: Float64, made: Float64 | None, runs: Runs) -> tuple[Float64, Float64 | None]:
    """As in ``kernels_small``."""
    bought = np.empty((len(use), len(runs)))
    if made is None:
        _costs(use, None, 1.0, runs.lo, runs.hi, runs.head, runs.tail, np.ones(use.shape[1]), bought)
        return bought, None
    sold = np.empty((len(use), len(runs)))
    _net_sums(use, made, runs.lo, runs.hi, runs.head, runs.tail, bought, sold)
    return bought, sold


def costs(use: Float64, made: Float64 | None, sign: float, runs: Runs, weights: Weights) -> Float64:
    """As in ``kernels_small``."""
    out = np.empty((len(use), len(runs)))
    _costs(use, made, sign, runs.lo, runs.hi, weights.head, weights.tail, weights.whole, out)
    return out


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
