"""Regular grids, and intervals against periods: which they touch, and split at their edges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.vocabulary import Float64, Int64

__all__ = ["Grid", "Pieces", "covered", "split_at", "touched"]

_FAR_PAST_US = np.int64(-(2**62))


class Grid(NamedTuple):
    """Intervals of equal length, one after another.

    Attributes
    ----------
    start_us : int
        Start of the first interval, microseconds since 1970-01-01 UTC.
    step_us : int
        Length of each interval, microseconds.
    intervals : int
        Number of intervals.
    """

    start_us: int
    step_us: int
    intervals: int

    @property
    def end_us(self) -> int:
        """End of the last interval."""
        return self.start_us + self.intervals * self.step_us

    @property
    def edges_us(self) -> Int64:
        """Starts of all intervals and the end of the last one, shape (intervals + 1,)."""
        edges: Int64 = self.start_us + self.step_us * np.arange(self.intervals + 1, dtype=np.int64)
        return edges

    @property
    def times_us(self) -> tuple[Int64, Int64]:
        """Starts of all intervals, and their ends."""
        edges_us = self.edges_us
        return edges_us[:-1], edges_us[1:]


class Pieces(NamedTuple):
    """Intervals split at the edges of periods, in the order of the intervals.

    Attributes
    ----------
    row, period : ndarray of int64, shape (n,)
        Index of the interval, and of the period that the piece falls into.
    start, end : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC.
    share : ndarray of float64, shape (n,)
        Part of the interval's time; exactly 1 for an interval that is not split.
    """

    row: Int64
    period: Int64
    start: Int64
    end: Int64
    share: Float64


def touched(starts: Int64, start_us: int, end_us: int) -> slice:
    """Return which periods [start, end) touches, from where each period begins, ascending."""
    first = int(np.searchsorted(starts, start_us, side="right")) - 1
    last = int(np.searchsorted(starts, end_us, side="left"))
    return slice(first, last)


def split_at(edges: Int64, start: Int64, end: Int64) -> Pieces:
    """Split intervals at `edges`; what lies before the first or after the last edge is left out.

    Parameters
    ----------
    edges : ndarray of int64, shape (p + 1,)
        Ascending; period i is [edges[i], edges[i + 1]).
    start, end : ndarray of int64, shape (m,)
        Intervals of a positive length.
    """
    last_period = len(edges) - 2
    first = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, last_period)
    last = np.clip(np.searchsorted(edges, end, side="left") - 1, 0, last_period)
    counts = np.maximum(last - first + 1, 0)

    # One row per interval and period that it touches; `heads` is where each interval's rows begin.
    row = np.repeat(np.arange(len(start)), counts)
    heads = np.cumsum(counts) - counts
    period = np.arange(len(row)) - heads[row] + first[row]
    piece_start = np.maximum(start[row], edges[period])
    piece_end = np.minimum(end[row], edges[period + 1])

    # An interval outside all edges was clipped to a period that it does not touch.
    inside = piece_end > piece_start
    row = row[inside]
    piece_start = piece_start[inside]
    piece_end = piece_end[inside]
    share = (piece_end - piece_start) / (end[row] - start[row])
    return Pieces(row, period[inside], piece_start, piece_end, share)


def covered(pieces: Pieces, count: int) -> Int64:
    """Return how many microseconds of each of `count` periods are covered; overlaps count once."""
    order = np.lexsort((pieces.end, pieces.start))
    start = pieces.start[order]
    end = pieces.end[order]
    latest_end = np.maximum.accumulate(end) if len(end) else end
    covered_before = np.append(_FAR_PAST_US, latest_end[:-1])
    newly_covered = np.maximum(end - np.maximum(start, covered_before), 0)

    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, pieces.period[order], newly_covered)
    return total
