"""What users write as ``start`` and ``end``: local years, months and days, or instants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar.local import Edges, day_edges, first_instant, month_edges
from flipkit.calendar.timestamps import parse_time, to_text
from flipkit.errors import InputError, NaiveTimestampError

__all__ = [
    "Moment",
    "Window",
    "check_month",
    "month_of",
    "periods",
    "read_moment",
    "read_window",
    "to_us",
]

_FORMS = (
    "write '2025', '2025-06', '2025-06-15', "
    "or a time with its zone such as '2025-06-15T00:00:00+01:00'"
)
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_ONE_DAY = timedelta(days=1)


class Moment(NamedTuple):
    """One start or end: whole local days, or an instant.

    Attributes
    ----------
    first, after : date
        The first local day, and the day after the last one. Of an instant: its date in its own
        zone, and the day after it.
    instant_us : int or None
        Microseconds since 1970-01-01 UTC; None for local days.
    """

    first: date
    after: date
    instant_us: int | None

    def begin_us(self, zone: str) -> int:
        """Return where it begins in a time zone, microseconds UTC."""
        return first_instant(self.first, zone) if self.instant_us is None else self.instant_us

    def end_us(self, zone: str) -> int:
        """Return where it ends in a time zone, microseconds UTC; an instant is its own end."""
        return first_instant(self.after, zone) if self.instant_us is None else self.instant_us


@dataclass(frozen=True, slots=True)
class Window:
    """A start and an end as the user gave them; their bounds depend on the time zone.

    Attributes
    ----------
    start, end : Moment
    """

    start: Moment
    end: Moment

    @property
    def needs_zone(self) -> bool:
        """Whether the bounds depend on a time zone."""
        return self.start.instant_us is None or self.end.instant_us is None

    def bounds(self, zone: str) -> tuple[int, int]:
        """Return start and end in a time zone as microseconds UTC, half-open.

        Raises
        ------
        InputError
            The window is empty.
        """
        start_us = self.start.begin_us(zone)
        end_us = self.end.end_us(zone)
        if end_us <= start_us:
            raise InputError(
                f"the window from {to_text(start_us)} to {to_text(end_us)} is empty; "
                "the end must be after the start"
            )
        return start_us, end_us

    def months(self) -> list[str]:
        """Return every month that the window touches as ``YYYY-MM``."""
        first = np.datetime64(self.start.first, "M")
        last = np.datetime64(self.end.after - _ONE_DAY, "M")
        return [str(month) for month in np.arange(first, last + 1)]


def read_window(start: Any, end: Any = None) -> Window:
    """Read the start and end of a public function.

    Parameters
    ----------
    start, end : str, date, datetime, Timestamp or Period
        ``"2025"``, ``"2025-06"``, ``"2025-06-15"``, a date and a pandas Period mean local days, the
        end included. A datetime, or text with a zone, is an instant; the end is not included. `end`
        defaults to the end of `start`.

    Raises
    ------
    NaiveTimestampError
        A time without a zone.
    InputError
        Not a date or time, or an end before the start.
    """
    first = read_moment(start, "start")
    if end is None and first.instant_us is not None:
        raise InputError(f"start {start!r} is an instant and needs an end; {_FORMS}")
    last = first if end is None else read_moment(end, "end")
    if first.instant_us is not None and last.instant_us is not None:
        is_empty = last.instant_us <= first.instant_us
    else:
        is_empty = last.after <= first.first
    if is_empty:
        raise InputError(
            f"the window from {start!r} to {end!r} is empty; the end must be after the start"
        )
    return Window(first, last)


def read_moment(value: Any, what: str) -> Moment:
    """Read one date or time; parameters and errors are those of `read_window`.

    Error messages begin with `what`.
    """
    if isinstance(value, str) and (found := _DATE.fullmatch(value.strip())):
        return _read_date(value, what, *found.groups())
    if isinstance(value, date) and not isinstance(value, datetime):
        return Moment(value, value + _ONE_DAY, None)
    if hasattr(value, "start_time") and hasattr(value, "end_time"):
        return _read_period(value, what)
    return _read_instant(value, what)


def to_us(value: Any, zone: str | None = None) -> int:
    """Return the first instant of a date or time as microseconds since 1970-01-01 UTC.

    Parameters
    ----------
    value : str, date, datetime, Timestamp or Period
    zone : str, optional
        IANA time zone of local dates.

    Raises
    ------
    NaiveTimestampError
        A time without a zone, or a local date without `zone`.
    InputError
        Not a date or time.
    """
    moment = read_moment(value, "time")
    if moment.instant_us is not None:
        return moment.instant_us
    if zone is None:
        raise NaiveTimestampError(
            f"time {value!r} has no zone; write a time with its zone such as '2025-06-15T00:00Z'"
        )
    return moment.begin_us(zone)


def periods(aggregation: str, zone: str, start_us: int, end_us: int) -> Edges:
    """Return the local days or months that [start, end) touches.

    Raises
    ------
    InputError
        `aggregation` is not ``DAY`` or ``MONTH``.
    """
    if aggregation == "DAY":
        return day_edges(zone, start_us, end_us)
    if aggregation == "MONTH":
        return month_edges(zone, start_us, end_us)
    raise InputError(f"aggregation {aggregation!r} is not one of 'DAY' and 'MONTH'")


def check_month(month: Any, what: str = "month") -> str:
    """Return `month` if it is text ``YYYY-MM``.

    Raises
    ------
    InputError
        Otherwise; the message begins with `what`.
    """
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise InputError(
            f"{what} {month!r} is not a valid month; write 'YYYY-MM' such as '2025-06'"
        )
    return month


def month_of(text: str) -> str | None:
    """Return the month of a month, day or time as ``YYYY-MM``; None if the text has none."""
    month = text[:7]
    is_month_only = text[7:8] in {"", "-"}
    return month if is_month_only and _MONTH.fullmatch(month) else None


def _read_date(value: Any, what: str, year: str, month: str | None, day: str | None) -> Moment:
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if day:
            after = first + _ONE_DAY
        elif month:
            # Four days after the 28th is in the next month, whatever the length of this one.
            after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            after = first.replace(year=first.year + 1)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{what} {value!r} is not a valid date ({error}); {_FORMS}") from None
    return Moment(first, after, None)


def _read_period(period: Any, what: str) -> Moment:
    first = period.start_time
    last = period.end_time
    begins_a_day = first == first.normalize()
    ends_a_day = last.date() != (last + timedelta(microseconds=1)).date()
    if not begins_a_day or not ends_a_day:
        raise InputError(f"{what} {period!r} is shorter than a day; {_FORMS}")
    return Moment(first.date(), last.date() + _ONE_DAY, None)


def _read_instant(value: Any, what: str) -> Moment:
    if isinstance(value, datetime) and value != value:  # pandas' NaT is a datetime
        raise InputError(f"{what} {value!r} is null; {_FORMS}")
    try:
        instant = parse_time(value, what)
    except NaiveTimestampError:
        raise
    except InputError:
        raise InputError(f"{what} {value!r} is not a valid date or time; {_FORMS}") from None
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    # An end at midnight belongs to the day before: the end is not included.
    last_day = (moment - timedelta(microseconds=1)).date()
    return Moment(moment.date(), last_day + _ONE_DAY, int(instant.astype(np.int64)))
