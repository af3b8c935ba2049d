"""Intervals cut at the edges of periods, in proportion to time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Pieces", "covered", "split_at"]


class Pieces(NamedTuple):
    """Intervals cut at edges, in the order of the intervals.

    Attributes
    ----------
    row, period : ndarray of int64, shape (n,)
        Which interval, and which period it falls into.
    start, end : ndarray of int64, shape (n,)
        Microseconds UTC.
    share : ndarray of float64, shape (n,)
        Part of the interval's time; exactly 1 for one that no edge cuts.
    """

    row: np.ndarray
    period: np.ndarray
    start: np.ndarray
    end: np.ndarray
    share: np.ndarray


def split_at(edges: np.ndarray, start: np.ndarray, end: np.ndarray) -> Pieces:
    """Cut intervals at `edges`; what lies outside the first and last edge is left out.

    Parameters
    ----------
    edges : ndarray of int64, shape (p + 1,)
        Ascending; period i is [edges[i], edges[i + 1]).
    start, end : ndarray of int64, shape (m,)
        Intervals of a positive length.
    """
    first = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, len(edges) - 2)
    last = np.clip(np.searchsorted(edges, end, side="left") - 1, 0, len(edges) - 2)
    counts = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(start)), counts)
    heads = np.cumsum(counts) - counts
    period = np.arange(len(row)) - heads[row] + first[row]
    begin, stop = np.maximum(start[row], edges[period]), np.minimum(end[row], edges[period + 1])
    inside = stop > begin
    row, period, begin, stop = row[inside], period[inside], begin[inside], stop[inside]
    return Pieces(row, period, begin, stop, (stop - begin) / (end[row] - start[row]))


def covered(pieces: Pieces, count: int) -> np.ndarray:
    """Microseconds of each of `count` periods that at least one piece covers; overlaps count once."""
    order = np.lexsort((pieces.end, pieces.start))
    start, end = pieces.start[order], pieces.end[order]
    reach = np.maximum.accumulate(end) if len(end) else end
    fresh = np.maximum(end - np.maximum(start, np.append(np.int64(-(2**62)), reach[:-1])), 0)
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, pieces.period[order], fresh)
    return total
