"""Time zones, and their local days and months as edges in UTC: where each day and month begins.

A local day begins at the first instant that has its date. That is midnight nearly everywhere. Where
the clock skips midnight (Beirut, Cairo, Sao Paulo on some spring nights) it is the instant after
the jump. Where the clock falls back across midnight it is the first of the two midnights. A date
that a zone skipped altogether has no day. A month begins with its first day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from flipkit.calendar.intervals import Grid, touched
from flipkit.calendar.timestamps import to_text
from flipkit.errors import InputError
from flipkit.vocabulary import DAY_S, DAY_US, EPOCH, SECOND_US, Int64

__all__ = [
    "Edges",
    "dates_at_offset",
    "day_edges",
    "day_starts",
    "first_instant",
    "local_midnights",
    "month_edges",
    "offset_pieces",
    "zone",
]

_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    InputError
        The zone is unknown.
    """
    if not isinstance(name, str):
        raise InputError(
            f"time zone: expected an IANA name such as 'Europe/London', got {type(name).__name__}"
        )
    try:
        return ZoneInfo(name)
    # zoneinfo passes on the error of the file system for "Europe" (a folder) or "../x".
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"time zone {name!r} is unknown; write an IANA name such as 'Europe/London'"
        ) from None


def offset_pieces(name: str, start_us: int, end_us: int) -> tuple[Int64, Int64]:
    """Split [start, end) into stretches of constant offset from UTC.

    Parameters
    ----------
    name : str
        IANA time zone.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.

    Returns
    -------
    edges : ndarray of int64, shape (n + 1,)
        From start to end, with every change of the offset in between.
    offsets : ndarray of int64, shape (n,)
        Local time minus UTC in each stretch, microseconds.

    Raises
    ------
    InputError
        An unknown zone, or a time outside the years 1900 to 2200.
    """
    changes, offsets = _changes(name, _year(start_us), _year(end_us))
    in_force = touched(changes, start_us, end_us)
    changes_between = changes[in_force][1:]
    edges = np.concatenate(([start_us], changes_between, [end_us])).astype(np.int64)
    return edges, offsets[in_force]


def _year(instant_us: int) -> int:
    years_since_1970 = np.int64(instant_us).astype("datetime64[us]").astype("datetime64[Y]")
    year = 1970 + int(years_since_1970.astype(np.int64))
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InputError(
            f"the year {year} is out of range; flipkit supports {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    return year


@lru_cache(maxsize=1024)
def _changes(name: str, first_year: int, last_year: int) -> tuple[Int64, Int64]:
    """Return when each offset begins, the first at the start of `first_year`, and the offsets."""
    begin = _seconds_of_year(first_year)
    changes = [(begin, _offset(zone(name), begin))]
    for year in range(first_year, last_year + 1):
        changes.extend(_changes_of_year(name, year))
    table = np.array(changes, dtype=np.int64) * SECOND_US
    table.flags.writeable = False
    return table[:, 0], table[:, 1]


@lru_cache(maxsize=8192)
def _changes_of_year(name: str, year: int) -> tuple[tuple[int, int], ...]:
    place = zone(name)
    first_day = _seconds_of_year(year)
    before = _offset(place, first_day)
    changes = []
    # Once a day is enough: since 1970 no zone has changed its offset twice within six days.
    for day in range(first_day, _seconds_of_year(year + 1), DAY_S):
        after = _offset(place, day + DAY_S)
        if after != before:
            changes.append((_instant_of_change(place, day, day + DAY_S), after))
            before = after
    return tuple(changes)


def _instant_of_change(place: ZoneInfo, low: int, high: int) -> int:
    """Return the first second with the later offset, by bisection."""
    before = _offset(place, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(place, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(place: ZoneInfo, seconds: int) -> int:
    offset = (EPOCH + timedelta(seconds=seconds)).astimezone(place).utcoffset()
    assert offset is not None
    return offset.days * DAY_S + offset.seconds


def _seconds_of_year(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())


# How far around a window to look for the edges of its first and last day or month.
_DAY_MARGIN = 3 * DAY_US  # a day that is repeated (a zone crossed the date line) lasts two
_MONTH_MARGIN = 35 * DAY_US


class Edges(NamedTuple):
    """Local days or months: n labels and n + 1 edges.

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
    """Return the whole local days that [start, end) touches.

    The first may begin before `start_us`, the last may end after `end_us`.

    Parameters
    ----------
    zone : str
        IANA time zone.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC.

    Raises
    ------
    InputError
        An unknown zone, an empty window, or a time outside the years 1900 to 2200.
    """
    _check_window(start_us, end_us)
    dates, starts = _days(zone, start_us - _DAY_MARGIN, end_us + _DAY_MARGIN)
    return _edges_touched(dates.astype("datetime64[D]"), starts, start_us, end_us)


@lru_cache(maxsize=512)
def month_edges(zone: str, start_us: int, end_us: int) -> Edges:
    """Return the whole local months that [start, end) touches; like `day_edges`, for months."""
    _check_window(start_us, end_us)
    dates, starts = _days(zone, start_us - _MONTH_MARGIN, end_us + _MONTH_MARGIN)
    months = dates.astype("datetime64[D]").astype("datetime64[M]")
    first_days = np.flatnonzero(months[1:] != months[:-1]) + 1
    return _edges_touched(months[first_days], starts[first_days], start_us, end_us)


def local_midnights(zone: str, start_us: int, end_us: int) -> Int64:
    """Return where local days begin within [start, end), microseconds UTC, ascending."""
    edges = day_edges(zone, start_us, end_us).edges
    return edges[(edges >= start_us) & (edges < end_us)]


def day_starts(zone: str, grid: Grid) -> Int64:
    """Return the index of the first interval of each local day, then the number of intervals."""
    starts = grid.start_us + grid.step_us * np.arange(grid.intervals)
    midnights = local_midnights(zone, grid.start_us, grid.end_us)
    return np.unique([0, *np.searchsorted(starts, midnights), grid.intervals])


def first_instant(day: date, zone: str) -> int:
    """Return where a local date begins, microseconds UTC; for a skipped date, where the next does.

    Raises
    ------
    InputError
        An unknown zone, or a time outside the years 1900 to 2200.
    """
    number = int(np.datetime64(day, "D").astype(np.int64))
    utc_midnight = number * DAY_US
    dates, starts = _days(zone, utc_midnight - _DAY_MARGIN, utc_midnight + _DAY_MARGIN)
    return int(starts[np.searchsorted(dates, number)])


def dates_at_offset(start_us: int, end_us: int, offset_us: int) -> Int64:
    """Return the local dates, days since 1970, that [start, end) touches at one offset from UTC."""
    first = (start_us + offset_us) // DAY_US
    last = (end_us + offset_us - 1) // DAY_US
    return np.arange(first, last + 1, dtype=np.int64)


def _check_window(start_us: int, end_us: int) -> None:
    if end_us <= start_us:
        raise InputError(
            f"the window from {to_text(start_us)} to {to_text(end_us)} is empty; "
            "the end must be after the start"
        )


def _days(zone: str, start_us: int, end_us: int) -> tuple[Int64, Int64]:
    """Return local dates (days since 1970) and where each begins; the first may be cut."""
    edges, offsets = offset_pieces(zone, start_us, end_us)
    dates_of_pieces = []
    starts_of_pieces = []
    for piece_start, piece_end, offset in zip(edges[:-1], edges[1:], offsets, strict=True):
        dates = dates_at_offset(piece_start, piece_end, offset)
        dates_of_pieces.append(dates)
        # The first date of a piece is in force at its start already, not only from midnight on.
        starts_of_pieces.append(np.maximum(dates * DAY_US - offset, piece_start))
    dates = np.concatenate(dates_of_pieces)
    starts = np.concatenate(starts_of_pieces)

    # A date begins once: not again after the clock fell back across midnight.
    is_new = np.append(True, dates[1:] > np.maximum.accumulate(dates)[:-1])
    return dates[is_new], starts[is_new]


def _edges_touched(
    labels: np.ndarray[Any, Any], starts: Int64, start_us: int, end_us: int
) -> Edges:
    """Return the days or months that [start, end) touches."""
    part = touched(starts, start_us, end_us)
    edges = starts[part.start : part.stop + 1].copy()
    edges.flags.writeable = False  # the cache hands the same array to every caller
    names = np.datetime_as_string(labels[part]).tolist()
    return Edges(tuple(names), edges)
