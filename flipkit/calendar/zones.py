"""Time zones, and when their offset from UTC changes: found by probing ``zoneinfo``, then cached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from flipkit.errors import InputError
from flipkit.vocabulary import EPOCH, SECOND_US, Int64

__all__ = ["offset_pieces", "zone"]

# Probing is a day apart; no two changes of a zone lie within six days of each other since 1970.
DAY_S = 86_400
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    InputError
        An unknown zone.
    """
    if not isinstance(name, str):
        raise InputError(
            f"time zone: expected an IANA name such as 'Europe/London', got {type(name).__name__}"
        )
    try:
        return ZoneInfo(name)
    # zoneinfo lets through what the file system says about "Europe" (a directory) or "../x".
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
        Local time less UTC in each stretch, microseconds.

    Raises
    ------
    InputError
        An unknown zone, or a time outside the years 1900 to 2200.
    """
    changes, offsets = _changes(name, _year(start_us), _year(end_us))
    first = int(np.searchsorted(changes, start_us, side="right")) - 1
    last = int(np.searchsorted(changes, end_us, side="left"))
    edges = np.concatenate(([start_us], changes[first + 1 : last], [end_us])).astype(np.int64)
    return edges, offsets[first:last]


def _year(instant_us: int) -> int:
    year = (
        int(np.int64(instant_us).astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64))
        + 1970
    )
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InputError(
            f"the year {year} is out of range; flipkit supports {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    return year


@lru_cache(maxsize=1024)
def _changes(name: str, first_year: int, last_year: int) -> tuple[Int64, Int64]:
    """Return the instants from which an offset holds, the first at the start of `first_year`, and the offsets."""
    place = zone(name)
    begin = _seconds_of_year(first_year)
    found = [(begin, _offset(place, begin))]
    for year in range(first_year, last_year + 1):
        found.extend(_changes_of_year(name, year))
    table = np.array(found, dtype=np.int64) * SECOND_US
    table.flags.writeable = False
    return table[:, 0], table[:, 1]


@lru_cache(maxsize=8192)
def _changes_of_year(name: str, year: int) -> tuple[tuple[int, int], ...]:
    place = zone(name)
    found = []
    before = _offset(place, _seconds_of_year(year))
    for day in range(_seconds_of_year(year), _seconds_of_year(year + 1), DAY_S):
        after = _offset(place, day + DAY_S)
        if after != before:
            found.append((_instant_of_change(place, day, day + DAY_S), after))
            before = after
    return tuple(found)


def _instant_of_change(place: ZoneInfo, low: int, high: int) -> int:
    """Return the first second with the later offset, by bisection between two instants that differ."""
    before = _offset(place, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(place, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(place: ZoneInfo, seconds: int) -> int:
    shift = (EPOCH + timedelta(seconds=seconds)).astimezone(place).utcoffset()
    assert shift is not None
    return shift.days * DAY_S + shift.seconds


def _seconds_of_year(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
