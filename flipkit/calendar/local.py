"""The local calendar: days and months of a time zone as edges in UTC.

A local day begins at the first instant that bears its date. That is midnight nearly everywhere; where the clock skips
midnight (Beirut, Cairo, Sao Paulo on some spring nights) it is the instant after the jump, and where the clock falls
back across midnight it is the first of the two. A date that a zone skipped altogether has no day.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.calendar.grid import Grid
from flipkit.calendar.timestamps import to_text
from flipkit.calendar.zones import offset_pieces
from flipkit.errors import InputError
from flipkit.vocabulary import DAY_US, Int64

__all__ = ["Edges", "day_edges", "day_starts", "first_instant", "local_midnights", "month_edges"]

# A day lasts at most two (a zone that crossed the date line westward); a month at most 33.
_DAY_MARGIN, _MONTH_MARGIN = 3 * DAY_US, 35 * DAY_US


class Edges(NamedTuple):
    """Local days or months: one label each, and one edge more.

    Attributes
    ----------
    labels : tuple of str
        ``YYYY-MM-DD`` or ``YYYY-MM``.
    edges : ndarray of int64, shape (n + 1,)
        Microseconds since 1970-01-01 UTC; label ``i`` is [edges[i], edges[i + 1]).
    """

    labels: tuple[str, ...]
    edges: Int64


@lru_cache(maxsize=512)
def day_edges(zone: str, start_us: int, end_us: int) -> Edges:
    """The whole local days that [start, end) touches; the first may begin before it, the last end after it.

    Parameters
    ----------
    zone : str
        IANA time zone.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC.

    Returns
    -------
    Edges

    Raises
    ------
    InputError
        An unknown zone, an empty window, or a time outside the years 1900 to 2200.
    """
    _check_window(start_us, end_us)
    dates, starts = _days(zone, start_us - _DAY_MARGIN, end_us + _DAY_MARGIN)
    return _touched(dates.astype("datetime64[D]"), starts, start_us, end_us)


@lru_cache(maxsize=512)
def month_edges(zone: str, start_us: int, end_us: int) -> Edges:
    """The whole local calendar months that [start, end) touches; as `day_edges`, for months."""
    _check_window(start_us, end_us)
    dates, starts = _days(zone, start_us - _MONTH_MARGIN, end_us + _MONTH_MARGIN)
    months = dates.astype("datetime64[D]").astype("datetime64[M]")
    firsts = np.flatnonzero(months[1:] != months[:-1]) + 1
    return _touched(months[firsts], starts[firsts], start_us, end_us)


def local_midnights(zone: str, start_us: int, end_us: int) -> Int64:
    """The beginnings of local days that lie in [start, end), microseconds UTC, ascending.

    Raises
    ------
    InputError
        As `day_edges`.
    """
    edges = day_edges(zone, start_us, end_us).edges
    return edges[(edges >= start_us) & (edges < end_us)]


def first_instant(day: date, zone: str) -> int:
    """Return the first instant that bears the local date, microseconds UTC; of a skipped date, that of the next.

    Raises
    ------
    InputError
        An unknown zone, or a time outside the years 1900 to 2200.
    """
    number = int(np.datetime64(day, "D").astype(np.int64))
    dates, starts = _days(zone, number * DAY_US - _DAY_MARGIN, number * DAY_US + _DAY_MARGIN)
    return int(starts[np.searchsorted(dates, number)])


def _check_window(start_us: int, end_us: int) -> None:
    if end_us <= start_us:
        raise InputError(
            f"the window from {to_text(start_us)} to {to_text(end_us)} is empty; end must be after start"
        )


def _days(zone: str, start_us: int, end_us: int) -> tuple[Int64, Int64]:
    """Local dates (days since 1970) and the first instant of each; the first entry may begin too late."""
    edges, offsets = offset_pieces(zone, start_us, end_us)
    pieces = [_dates_of_piece(*piece) for piece in zip(edges[:-1], edges[1:], offsets, strict=True)]
    dates = np.concatenate([piece[0] for piece in pieces])
    starts = np.concatenate([piece[1] for piece in pieces])
    # A date counts when it first comes up: not again after the clock fell back across midnight.
    new = np.append(True, dates[1:] > np.maximum.accumulate(dates)[:-1])
    return dates[new], starts[new]


def _dates_of_piece(start_us: int, end_us: int, offset_us: int) -> tuple[Int64, Int64]:
    """The date in force at the start of a stretch of constant offset, and each midnight in it."""
    dates = np.arange(
        (start_us + offset_us) // DAY_US, -(-(end_us + offset_us) // DAY_US), dtype=np.int64
    )
    return dates, np.maximum(dates * DAY_US - offset_us, start_us)


def _touched(labels: np.ndarray, starts: Int64, start_us: int, end_us: int) -> Edges:
    first = int(np.searchsorted(starts, start_us, side="right")) - 1
    last = int(np.searchsorted(starts, end_us, side="left"))
    edges = starts[first : last + 1].copy()
    edges.flags.writeable = False  # it is kept for the next caller
    return Edges(tuple(np.datetime_as_string(labels[first:last]).tolist()), edges)


def day_starts(zone: str, grid: Grid) -> Int64:
    """Return the index of the first interval of each local day, then the number of intervals."""
    starts = grid.start_us + grid.step_us * np.arange(grid.intervals)
    midnights = local_midnights(zone, grid.start_us, grid.end_us)
    return np.unique([0, *np.searchsorted(starts, midnights), grid.intervals])
