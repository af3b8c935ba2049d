"""The calendar of a rating: which intervals lie in which billing period and energy period, as runs.

A run is a stretch of time in one billing period, one import period and one export period. Energy
and money are summed run by run in the order of time. A bill therefore has the same bits for a site
alone and in a fleet, on one thread and on two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, Grid, billing_periods, day_periods
from flipkit.tariffs.model import LocalClock, PriceSeries, Schedule, schedule_changes
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = [
    "DemandRuns",
    "Partition",
    "RatingCalendar",
    "RunPieces",
    "Runs",
    "Weights",
    "occurring",
    "partition",
    "piece_prices",
    "pieces_of",
    "runs_between",
    "stretch_at",
    "weights",
]


class RatingCalendar(NamedTuple):
    """The span of a grid that a tariff rates, and the local calendar that applies.

    Attributes
    ----------
    grid : Grid
    start_us, end_us : int
        The span, within the grid.
    clock : LocalClock
    dates : tuple of str or None
        Billing dates; None for calendar months.
    """

    grid: Grid
    start_us: int
    end_us: int
    clock: LocalClock
    dates: tuple[str, ...] | None

    @property
    def zone(self) -> str:
        """The time zone of days, months and billing."""
        return self.clock.timezone

    @property
    def billing(self) -> BillingPeriods:
        """The billing periods of the span."""
        return billing_periods(self.zone, self.start_us, self.end_us, self.dates)

    @property
    def of_all_energy(self) -> RatingCalendar:
        """The calendar of the whole grid, whichever tariffs are in force."""
        return self._replace(start_us=self.grid.start_us, end_us=self.grid.end_us)

    @property
    def days(self) -> BillingPeriods:
        """The local days of the span, as periods in which kWh are counted."""
        return day_periods(self.zone, self.start_us, self.end_us)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of time in terms of the intervals of a grid, in order.

    Attributes
    ----------
    start_us : ndarray of int64, shape (n,)
        Start of each run, microseconds since 1970-01-01 UTC.
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

    def where(self, selected: np.ndarray) -> Runs:
        """Return the runs that a boolean mask selects."""
        return Runs(
            start_us=self.start_us[selected],
            lo=self.lo[selected],
            hi=self.hi[selected],
            head=self.head[selected],
            tail=self.tail[selected],
            hours=self.hours[selected],
        )


class RunPieces(NamedTuple):
    """The intervals of all runs, one after another; an interval that is cut is in several runs.

    Attributes
    ----------
    interval, run : ndarray of int64, shape (pieces,)
        Number of the interval and of the run.
    share : ndarray of float64, shape (pieces,)
        Share of the interval that lies in the run.
    """

    interval: Int64
    run: Int64
    share: Float64


@dataclass(frozen=True, slots=True, eq=False)
class DemandRuns:
    """Demand intervals, and the slot of which each may be the peak.

    Attributes
    ----------
    runs : Runs
    slot : ndarray of int64, shape (n,)
        Number of the billing period, or of the measured day where demand is measured by the day.
    billing : ndarray of int64, shape (slots,)
        The billing period of each slot.
    is_measured : ndarray of bool, shape (billing periods,)
        Whether the billing period has demand intervals.
    """

    runs: Runs
    slot: Int64
    billing: Int64
    is_measured: np.ndarray

    @property
    def slots(self) -> int:
        """Number of billing periods, or of measured days, in total."""
        return len(self.billing)


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A span cut into runs of one billing period, one import period and one export period.

    Attributes
    ----------
    calendar : RatingCalendar
    runs : Runs
    billing : ndarray of int64, shape (n,)
        Number of the billing period of each run.
    import_period, export_period : ndarray of int64, shape (n,)
        Number of the import period and of the export period of each run.
    import_periods, export_periods : int
        Number of import periods and of export periods in total.
    """

    calendar: RatingCalendar
    runs: Runs
    billing: Int64
    import_period: Int64
    export_period: Int64
    import_periods: int
    export_periods: int

    @property
    def both_periods(self) -> Int64:
        """A number for each pair of import and export period, by run."""
        return self.import_period * self.export_periods + self.export_period


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Mean prices of a series over the intervals and cut intervals of runs.

    Attributes
    ----------
    whole : ndarray of float64, shape (intervals of the grid,)
        Mean price over each interval; 0 outside the span.
    head, tail : ndarray of float64, shape (runs,)
        Mean price over the part of interval ``lo - 1``, or ``hi``, in the run, times its share.
    """

    whole: Float64
    head: Float64
    tail: Float64


def stretch_at(starts_us: Int64, times_us: Int64) -> Int64:
    """Return the number of the stretch that holds each time; stretches begin at `starts_us`."""
    return np.searchsorted(starts_us, times_us, side="right") - 1


def runs_between(grid: Grid, edges_us: Int64) -> Runs:
    """Return the stretches between neighbouring edges, which ascend and lie within the grid."""
    starts = edges_us[:-1] - grid.start_us
    ends = edges_us[1:] - grid.start_us
    # `lo` is the first interval that begins at or after the start: a division rounded up.
    lo = -(-starts // grid.step_us)
    hi = ends // grid.step_us
    # A run that begins and ends within one interval is all head.
    is_within_one = hi < lo
    head_us = np.where(is_within_one, ends - starts, lo * grid.step_us - starts)
    tail_us = np.where(is_within_one, 0, ends - hi * grid.step_us)
    return Runs(
        start_us=edges_us[:-1],
        lo=lo,
        hi=np.maximum(lo, hi),
        head=head_us / grid.step_us,
        tail=tail_us / grid.step_us,
        hours=(ends - starts) / HOUR_US,
    )


@lru_cache(maxsize=64)
def pieces_of(runs: Runs) -> RunPieces:
    """Return the intervals of runs, in order of time."""
    # A run holds whole intervals, and parts of one before (its head) and one after (its tail).
    first = runs.lo - (runs.head > 0)
    after_last = runs.hi + (runs.tail > 0)
    counts = after_last - first
    run = np.repeat(np.arange(len(runs)), counts)
    # Number the pieces within each run: a running number less that of the run's first piece.
    first_piece = np.cumsum(counts) - counts
    interval = np.arange(int(counts.sum())) + np.repeat(first - first_piece, counts)
    share = np.ones(len(interval))
    _set_cut(share, runs, interval, run, runs.head, runs.tail)
    return RunPieces(interval, run, share)


def piece_prices(runs: Runs, weights: Weights) -> Float64:
    """Return the mean price of each piece of the runs, times its share."""
    interval, run, _ = pieces_of(runs)
    prices = weights.whole[interval]
    _set_cut(prices, runs, interval, run, weights.head, weights.tail)
    return prices


def _set_cut(
    values: Float64, runs: Runs, interval: Int64, run: Int64, head: Float64, tail: Float64
) -> None:
    """Set the values of cut intervals, from one value per run for its head and its tail."""
    values[interval < runs.lo[run]] = head[runs.head > 0]
    values[interval >= runs.hi[run]] = tail[runs.tail > 0]


@lru_cache(maxsize=256)
def partition(
    calendar: RatingCalendar,
    imports: Schedule | None,
    exports: Schedule | None,
    cuts: tuple[int, ...] = (),
) -> Partition:
    """Cut a span where the billing period, the import period or the export period changes.

    `imports` and `exports` say when which period is in force; None is one period at all times.
    `cuts` are more times to cut at, ascending.
    """
    billing_edges = calendar.billing.edges_us
    import_starts, import_periods = _changes(calendar, imports)
    export_starts, export_periods = _changes(calendar, exports)

    cut_starts = np.array([calendar.start_us, *cuts])
    all_starts = [billing_edges[:-1], cut_starts, import_starts, export_starts]
    starts = np.unique(np.concatenate(all_starts))
    billing = stretch_at(billing_edges, starts)
    cut = stretch_at(cut_starts, starts)
    import_period = import_periods[stretch_at(import_starts, starts)]
    export_period = export_periods[stretch_at(export_starts, starts)]

    # A schedule may begin a period that is in force already; no new run begins there.
    changes = np.diff([billing, cut, import_period, export_period]).any(axis=0)
    new = np.append(True, changes)
    return Partition(
        calendar=calendar,
        runs=runs_between(calendar.grid, np.append(starts[new], calendar.end_us)),
        billing=billing[new],
        import_period=import_period[new],
        export_period=export_period[new],
        import_periods=1 if imports is None else imports.periods,
        export_periods=1 if exports is None else exports.periods,
    )


def _changes(calendar: RatingCalendar, schedule: Schedule | None) -> tuple[Int64, Int64]:
    """When a period begins, and which."""
    start, end = calendar.start_us, calendar.end_us
    if schedule is None:
        return np.array([start]), np.zeros(1, dtype=np.int64)
    return schedule_changes(schedule, calendar.clock, start, end)


@lru_cache(maxsize=256)
def occurring(part: Partition, flow: Literal["import", "export"]) -> np.ndarray:
    """Return which periods occur in which billing periods; bool, (periods, billing periods)."""
    is_import = flow == "import"
    period = part.import_period if is_import else part.export_period
    periods = part.import_periods if is_import else part.export_periods
    occurs = np.zeros((periods, len(part.calendar.billing)), dtype=bool)
    occurs[period, part.billing] = True
    return occurs


@lru_cache(maxsize=64)
def weights(part: Partition, series: PriceSeries) -> Weights:
    """Return the prices of a series in the terms of a partition.

    Raises
    ------
    InputError
        The series does not cover the span.
    """
    grid = part.calendar.grid
    tail_starts = grid.start_us + part.runs.hi * grid.step_us
    return Weights(
        whole=_interval_prices(series, part.calendar),
        head=_cut_prices(series, part.runs.start_us, part.runs.head, grid),
        tail=_cut_prices(series, tail_starts, part.runs.tail, grid),
    )


def _interval_prices(series: PriceSeries, calendar: RatingCalendar) -> Float64:
    """Mean price of the intervals that lie in the span with their whole length."""
    grid = calendar.grid
    prices = np.zeros(grid.intervals)
    first = -(-(calendar.start_us - grid.start_us) // grid.step_us)
    last = (calendar.end_us - grid.start_us) // grid.step_us
    starts = grid.start_us + grid.step_us * np.arange(first, max(first, last))
    if len(starts):
        prices[first:last] = series.cost(starts, starts + grid.step_us, np.ones(len(starts)))
    return prices


def _cut_prices(series: PriceSeries, starts: Int64, share: Float64, grid: Grid) -> Float64:
    """Mean price of the cut intervals times their share; 0 where there is none."""
    prices = np.zeros(len(share))
    cut = np.flatnonzero(share)
    if len(cut):
        lengths = np.rint(share[cut] * grid.step_us).astype(np.int64)
        prices[cut] = series.cost(starts[cut], starts[cut] + lengths, share[cut])
    return prices
