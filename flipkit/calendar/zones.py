"""Time zones, and when their offset from UTC changes: found by probing ``zoneinfo``, cached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from flipkit.calendar.intervals import touched
from flipkit.errors import InputError
from flipkit.vocabulary import DAY_S, EPOCH, SECOND_US, Int64

__all__ = ["offset_pieces", "zone"]

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
