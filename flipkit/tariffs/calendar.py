"""The local calendar: days and months of a time zone as edges in UTC.

A local day begins at the first instant that bears its date. That is midnight nearly everywhere; where the clock skips
midnight (Beirut, Cairo, Sao Paulo on some spring nights) it is the instant after the jump, and where the clock falls
back across midnight it is the first of the two. A date that a zone skipped altogether has no day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import format_times, parse_time
from flipkit.tariffs.offsets import DAY_US, Int64, offset_pieces, zone

__all__ = [
    "DAY_US",
    "Edges",
    "day_edges",
    "from_us",
    "local_midnights",
    "month_edges",
    "months_between",
    "parse_month",
    "to_text",
    "to_us",
    "zone",
]

# A day lasts at most two (a zone that crossed the date line westward); a month at most 33.
_DAY_MARGIN, _MONTH_MARGIN = 3 * DAY_US, 35 * DAY_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


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


def to_us(value: Any, zone: str | None = None) -> int:
    """A time as microseconds since 1970-01-01 UTC.

    Parameters
    ----------
    value : datetime, pandas Timestamp, date or str
        A time with its zone, as an object or ISO 8601 text; or, where `zone` is given, a date.
    zone : str, optional
        IANA time zone in which a date (``date`` or ``"YYYY-MM-DD"``) means the beginning of that local day.

    Raises
    ------
    NaiveTimestampError
        A time without a zone, or a date where no `zone` is given.
    InputError
        Not a time at all.
    """
    day = _as_date(value)
    if day is not None and zone is not None:
        return _beginning_of(day, zone)
    if day is not None:
        value = day.isoformat()
    return int(parse_time(value).astype(np.int64))


def from_us(instant_us: int) -> datetime:
    """Microseconds since 1970-01-01 UTC as a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=int(instant_us))


def to_text(instant_us: int) -> str:
    """Microseconds since 1970-01-01 UTC as ISO 8601 text with ``Z``."""
    return format_times(np.array([instant_us], dtype="datetime64[us]"))[0]


def parse_month(month: str) -> tuple[int, int]:
    """Year and month (1 to 12) of the text ``YYYY-MM``.

    Raises
    ------
    InputError
        Any other text, such as ``2025-13``.
    """
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise InputError(f"month {month!r} is none; write it as 'YYYY-MM', '2025-06' for June 2025")
    return int(month[:4]), int(month[5:])


def months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both included, as ``YYYY-MM``.

    Raises
    ------
    InputError
        Text that is no month, or a last month before the first.
    """
    (year_a, month_a), (year_b, month_b) = parse_month(first), parse_month(last)
    begin, stop = 12 * year_a + month_a - 1, 12 * year_b + month_b
    if stop <= begin:
        raise InputError(f"the last month {last} is before the first, {first}")
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(begin, stop)]


def _check_window(start_us: int, end_us: int) -> None:
    if end_us <= start_us:
        raise InputError(f"the window from {to_text(start_us)} to {to_text(end_us)} is empty; end must be after start")


def _as_date(value: Any) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _beginning_of(day: date, zone: str) -> int:
    number = int(np.datetime64(day, "D").astype(np.int64))
    dates, starts = _days(zone, number * DAY_US - _DAY_MARGIN, number * DAY_US + _DAY_MARGIN)
    return int(starts[np.searchsorted(dates, number)])


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
    dates = np.arange((start_us + offset_us) // DAY_US, -(-(end_us + offset_us) // DAY_US), dtype=np.int64)
    return dates, np.maximum(dates * DAY_US - offset_us, start_us)


def _touched(labels: np.ndarray, starts: Int64, start_us: int, end_us: int) -> Edges:
    first = int(np.searchsorted(starts, start_us, side="right")) - 1
    last = int(np.searchsorted(starts, end_us, side="left"))
    edges = starts[first : last + 1].copy()
    edges.flags.writeable = False  # it is kept for the next caller
    return Edges(tuple(np.datetime_as_string(labels[first:last]).tolist()), edges)
