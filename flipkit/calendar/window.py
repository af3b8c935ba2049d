"""What users write as start and end: local years, months and days, or instants with a zone."""

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

_FORMS = "write '2025', '2025-06', '2025-06-15', or a time with its zone such as '2025-06-15T00:00:00+01:00'"
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_ONE_DAY = timedelta(days=1)


class Moment(NamedTuple):
    """One start or end: whole local days, or an instant.

    Attributes
    ----------
    first, after : date
        The first local day, and the day after the last one. Of an instant: its date, by its own zone.
    instant_us : int or None
        Microseconds since 1970-01-01 UTC; None for local days.
    """

    first: date
    after: date
    instant_us: int | None

    def begin_us(self, zone: str) -> int:
        """Return the first instant by the clock of `zone`."""
        return first_instant(self.first, zone) if self.instant_us is None else self.instant_us

    def end_us(self, zone: str) -> int:
        """Return the first instant after it by the clock of `zone`; an instant is its own end."""
        return first_instant(self.after, zone) if self.instant_us is None else self.instant_us


@dataclass(frozen=True, slots=True)
class Window:
    """A start and an end as the user gave them; each time zone gives them its own bounds.

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
        """Return the window by the clock of `zone` as microseconds UTC, half-open.

        Raises
        ------
        InputError
            An empty window.
        """
        begin = self.start.begin_us(zone)
        stop = self.end.end_us(zone)
        if stop <= begin:
            raise InputError(
                f"the window from {to_text(begin)} to {to_text(stop)} is empty; the end must be after the start"
            )
        return begin, stop

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
        ``"2025"``, ``"2025-06"``, ``"2025-06-15"``, a date and a pandas Period mean local days, the end included. A
        datetime or text with a zone is an instant, the end not included. `end` defaults to the end of `start`.

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
    """Read one date or time; parameters and errors as `read_window`, whose text then begins with `what`."""
    if isinstance(value, str) and (found := _DATE.fullmatch(value.strip())):
        return _local_days(value, what, *found.groups())
    if isinstance(value, date) and not isinstance(value, datetime):
        return Moment(value, value + _ONE_DAY, None)
    if hasattr(value, "start_time") and hasattr(value, "end_time"):
        return _of_period(value, what)
    return _instant(value, what)


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
        A time without a zone, or a local date where no `zone` is given.
    InputError
        Not a date or time.
    """
    moment = read_moment(value, "time")
    if moment.instant_us is not None:
        return moment.instant_us
    if zone is None:
        raise NaiveTimestampError(
            f"time: {value!r} has no zone; write a time with its zone such as '2025-06-15T00:00Z'"
        )
    return moment.begin_us(zone)


def periods(aggregation: str, zone: str, start_us: int, end_us: int) -> Edges:
    """Return the local days or months that [start, end) touches.

    Raises
    ------
    InputError
        An aggregation other than DAY and MONTH.
    """
    if aggregation not in {"DAY", "MONTH"}:
        raise InputError(f"aggregation {aggregation!r} is not one of 'DAY' and 'MONTH'")
    edges_of = day_edges if aggregation == "DAY" else month_edges
    return edges_of(zone, start_us, end_us)


def check_month(month: Any, what: str = "month") -> str:
    """Return `month` if it is text ``YYYY-MM``.

    Raises
    ------
    InputError
        Anything else; the text begins with `what`.
    """
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise InputError(
            f"{what} {month!r} is not a valid month; write 'YYYY-MM' such as '2025-06'"
        )
    return month


def month_of(text: str) -> str | None:
    """Return the month of a month, day or time: ``2025-06`` of ``2025-06-01T00:00:00Z``; None if there is none."""
    found = _MONTH.match(text)
    if found is None or text[found.end() :][:1] not in {"", "-"}:
        return None
    return found.group()


def _local_days(value: Any, what: str, year: str, month: str | None, day: str | None) -> Moment:
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if day:
            after = first + _ONE_DAY
        elif month:
            after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            after = first.replace(year=first.year + 1)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{what} {value!r} is not a valid date ({error}); {_FORMS}") from None
    return Moment(first, after, None)


def _of_period(period: Any, what: str) -> Moment:
    first, last = period.start_time, period.end_time
    if first != first.normalize() or last.date() == (last + timedelta(microseconds=1)).date():
        raise InputError(f"{what} {period!r} is shorter than a day; {_FORMS}")
    return Moment(first.date(), last.date() + _ONE_DAY, None)


def _instant(value: Any, what: str) -> Moment:
    if isinstance(value, datetime) and value != value:  # pandas' NaT is a datetime
        raise InputError(f"{what} {value!r} is null; {_FORMS}")
    try:
        instant = parse_time(value, what)
    except NaiveTimestampError:
        raise
    except InputError:
        raise InputError(f"{what} {value!r} is not a valid date or time; {_FORMS}") from None
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    last_day = (moment - timedelta(microseconds=1)).date()
    return Moment(moment.date(), last_day + _ONE_DAY, int(instant.astype(np.int64)))
