"""Energy that flows evenly over spans of time, laid on the intervals of a site."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.ev.sessions import Records
from flipkit.vocabulary import Float64, Int64

__all__ = ["Flows", "Overlaps", "flows", "overlaps"]


class Overlaps(NamedTuple):
    """Where spans and intervals share time: a row for each such pair, by span and interval.

    Attributes
    ----------
    span, interval : ndarray of int64
        Positions.
    us : ndarray of int64
        How much time they share, microseconds; above 0.
    """

    span: Int64
    interval: Int64
    us: Int64


class Flows(NamedTuple):
    """Energy of sessions by interval.

    Attributes
    ----------
    session, interval : ndarray of int64
        Positions.
    kwh : ndarray of float64
    """

    session: Int64
    interval: Int64
    kwh: Float64

    def of(self, chosen: np.ndarray) -> Flows:
        """Those of some sessions, chosen by one flag a session."""
        return Flows(*(column[chosen[self.session]] for column in self))

    def by_interval(self, intervals: int) -> Float64:
        """Their sum in each interval."""
        return _sums(self.interval, self.kwh, intervals)

    def by_session(self, sessions: int) -> Float64:
        """The sum of each session."""
        return _sums(self.session, self.kwh, sessions)


def overlaps(start_us: Int64, end_us: Int64, grid: Grid) -> Overlaps:
    """What spans [start, end) and the intervals of a grid have in common; nothing of a span outside the grid.

    Parameters
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC.
    grid : Grid
    """
    first = np.clip((start_us - grid.start_us) // grid.step_us, 0, grid.intervals)
    last = np.clip(-((grid.start_us - end_us) // grid.step_us), 0, grid.intervals)
    count = np.maximum(last - first, 0)
    span = np.repeat(np.arange(len(count)), count)
    interval = np.arange(len(span)) + np.repeat(first - np.cumsum(count) + count, count)
    begin = grid.start_us + interval * grid.step_us
    us = np.minimum(end_us[span], begin + grid.step_us) - np.maximum(start_us[span], begin)
    some = us > 0
    return Overlaps(span[some], interval[some], us[some])


def flows(records: Records, grid: Grid) -> Flows:
    """Records by interval, in proportion to time; what lies outside the grid is left out."""
    shared = overlaps(records.start_us, records.end_us, grid)
    whole_us = (records.end_us - records.start_us)[shared.span]
    kwh = records.energy_kwh[shared.span] * (shared.us / whole_us)
    return Flows(records.session[shared.span], shared.interval, kwh)


def _sums(at: Int64, kwh: Float64, count: int) -> Float64:
    return np.bincount(at, kwh, minlength=count).astype(
        np.float64, copy=False
    )  # of nothing, numpy makes whole numbers
