"""The calendar of a rating: which intervals of a grid lie in which billing period and energy period, as runs.

A run is a stretch of time in one billing period and one energy period (of imports and of exports). All sums are made
run by run in the order of time, so a bill has the same bits for a site alone and in a fleet, on one thread and on two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, Grid, billing_periods
from flipkit.tariffs.model import PriceSeries, Schedule, schedule_changes
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = [
    "Partition",
    "RatingCalendar",
    "Runs",
    "Weights",
    "occurring",
    "partition",
    "runs_between",
    "weights",
]


class RatingCalendar(NamedTuple):
    """By whose calendar a span of a grid is rated; equal places have equal calendars.

    Attributes
    ----------
    grid : Grid
    start_us, end_us : int
        The span, within the grid.
    zone : str
    holidays : str or None
    dates : tuple of str or None
        Billing dates; None for calendar months.
    """

    grid: Grid
    start_us: int
    end_us: int
    zone: str
    holidays: str | None
    dates: tuple[str, ...] | None

    @property
    def billing(self) -> BillingPeriods:
        """The billing periods of the span."""
        return billing_periods(self.zone, self.start_us, self.end_us, self.dates)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of time in terms of the intervals of a grid, in order.

    Attributes
    ----------
    start_us : ndarray of int64, shape (n,)
        Where each begins, microseconds since 1970-01-01 UTC.
    lo, hi : ndarray of int64, shape (n,)
        Intervals ``lo`` to ``hi - 1`` lie in the run with their whole length.
    head, tail : ndarray of float64, shape (n,)
        Share of interval ``lo - 1`` and of interval ``hi`` that lies in the run; 0 for none.
    hours : ndarray of float64, shape (n,)
        Length of the run.
    """

    start_us: Int64
    lo: Int64
    hi: Int64
    head: Float64
    tail: Float64
    hours: Float64

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.lo)


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A span cut into runs of one billing period and one energy period.

    Attributes
    ----------
    place : RatingCalendar
    runs : Runs
    billing : ndarray of int64, shape (n,)
        Number of the billing period of each run.
    period, sold : ndarray of int64, shape (n,)
        Number of the import period and of the export period of each run.
    periods, solds : int
        How many there are of each.
    """

    place: RatingCalendar
    runs: Runs
    billing: Int64
    period: Int64
    sold: Int64
    periods: int
    solds: int


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Mean prices of a series over the pieces of runs.

    Attributes
    ----------
    whole : ndarray of float64, shape (intervals of the grid,)
        Mean price over each interval; 0 outside the span.
    head, tail : ndarray of float64, shape (runs,)
        Mean price over the piece of interval ``lo - 1``, or ``hi``, in the run, times its share.
    """

    whole: Float64
    head: Float64
    tail: Float64


def runs_between(grid: Grid, edges_us: Int64) -> Runs:
    """The stretches between neighbouring edges, which ascend and lie within the grid."""
    starts, ends = edges_us[:-1] - grid.start_us, edges_us[1:] - grid.start_us
    lo, hi = -(-starts // grid.step_us), ends // grid.step_us
    inside = hi < lo  # begins and ends within one interval
    head = np.where(inside, ends - starts, lo * grid.step_us - starts) / grid.step_us
    tail = np.where(inside, 0, ends - hi * grid.step_us) / grid.step_us
    return Runs(edges_us[:-1], lo, np.maximum(lo, hi), head, tail, (ends - starts) / HOUR_US)


@lru_cache(maxsize=256)
def partition(
    place: RatingCalendar, imports: Schedule | None, exports: Schedule | None
) -> Partition:
    """Cut a span where the billing period, the import period or the export period changes.

    Parameters
    ----------
    place : RatingCalendar
    imports, exports : Schedule or None
        When which period holds; None for one period at all times.
    """
    edges = place.billing.edges_us
    bought, sold = (_changes(place, schedule) for schedule in (imports, exports))
    starts = np.unique(np.concatenate([edges[:-1], bought[0], sold[0]]))
    billing = np.searchsorted(edges, starts, side="right") - 1
    period, of_sale = (
        each[1][np.searchsorted(each[0], starts, side="right") - 1] for each in (bought, sold)
    )
    changed = (np.diff(billing) != 0) | (np.diff(period) != 0) | (np.diff(of_sale) != 0)
    new = np.append(True, changed)
    runs = runs_between(place.grid, np.append(starts[new], place.end_us))
    counts = (1 if schedule is None else schedule.periods for schedule in (imports, exports))
    return Partition(place, runs, billing[new], period[new], of_sale[new], *counts)


def _changes(place: RatingCalendar, schedule: Schedule | None) -> tuple[Int64, Int64]:
    if schedule is None:
        return np.array([place.start_us]), np.zeros(1, dtype=np.int64)
    return schedule_changes(schedule, place.zone, place.start_us, place.end_us, place.holidays)


@lru_cache(maxsize=256)
def occurring(part: Partition, flow: Literal["bought", "sold"]) -> np.ndarray:
    """Which periods occur in which billing periods; bool, shape (periods, billing periods)."""
    period, count = (part.period, part.periods) if flow == "bought" else (part.sold, part.solds)
    out = np.zeros((count, len(part.place.billing)), dtype=bool)
    out[period, part.billing] = True
    return out


@lru_cache(maxsize=64)
def weights(part: Partition, series: PriceSeries) -> Weights:
    """The prices of a series in the terms of a partition.

    Raises
    ------
    InputError
        The series does not cover the span.
    """
    grid, runs = part.place.grid, part.runs
    whole = np.zeros(grid.intervals)
    first, last = (
        -(-(part.place.start_us - grid.start_us) // grid.step_us),
        (part.place.end_us - grid.start_us) // grid.step_us,
    )
    begins = grid.start_us + grid.step_us * np.arange(first, max(first, last))
    if len(begins):
        whole[first:last] = series.cost(begins, begins + grid.step_us, np.ones(len(begins)))
    head = _piece_prices(series, runs.start_us, runs.head, grid)
    tail = _piece_prices(series, grid.start_us + runs.hi * grid.step_us, runs.tail, grid)
    return Weights(whole, head, tail)


def _us(share: Float64, grid: Grid) -> Int64:
    return np.rint(share * grid.step_us).astype(np.int64)


def _piece_prices(series: PriceSeries, begins: Int64, share: Float64, grid: Grid) -> Float64:
    out = np.zeros(len(share))
    there = np.flatnonzero(share)
    if len(there):
        begin = begins[there]
        out[there] = series.cost(begin, begin + _us(share[there], grid), share[there])
    return out
