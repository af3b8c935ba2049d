"""One price per kWh and when it holds: months, kind of day, local hours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.errors import InputError

__all__ = ["DAY_NAMES", "DAY_S", "MONTH_NAMES", "Rate", "check_price", "clock_text", "days_of", "days_text"]

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_S = 86_400
_KINDS = {"all": (0, 1, 2, 3, 4, 5, 6), "weekday": (0, 1, 2, 3, 4), "weekend": (5, 6)}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")


@dataclass(frozen=True, slots=True)
class Rate:
    """One price, and when it holds in local time.

    Attributes
    ----------
    price_per_kwh : float
        Major currency units per kWh.
    start, end : str
        Local hours ``HH:MM`` (or ``HH:MM:SS``), the end excluded; 00:00 as an end is midnight, written 24:00. A window
        that crosses midnight is its two halves, each on the days named: 22:00 to 06:00 on weekdays holds on Monday
        from 00:00 to 06:00 and from 22:00 to 24:00, and not on Saturday morning.
    months : tuple of int or None
        1 to 12; None for all.
    days : str or tuple of int
        ``"all"``, ``"weekday"`` (Monday to Friday), ``"weekend"``, or weekday numbers as ``date.weekday()`` counts
        them, Monday 0 to Sunday 6.

    Raises
    ------
    InputError
        A price that is no finite number, an hour, month or day that does not exist, a window without length.
    """

    price_per_kwh: float
    start: str = "00:00"
    end: str = "24:00"
    months: tuple[int, ...] | None = None
    days: str | tuple[int, ...] = "all"

    def __post_init__(self) -> None:
        begin, stop = _clock(self.start), _clock(self.end) or DAY_S
        if begin == stop:
            raise InputError(f"rate: the window from {self.start} to {self.end} has no length")
        if begin == DAY_S:
            raise InputError(f"rate: a window cannot begin at {self.start}; write 00:00")
        months = _numbers(self.months, 1, 12, "month") if self.months is not None else tuple(range(1, 13))
        object.__setattr__(self, "price_per_kwh", check_price(self.price_per_kwh, "rate"))
        object.__setattr__(self, "start", clock_text(begin))
        object.__setattr__(self, "end", clock_text(stop))
        object.__setattr__(self, "months", None if len(months) == 12 else months)
        object.__setattr__(self, "days", days_of(self.days))

    def windows_s(self) -> list[tuple[int, int]]:
        """The window as one or two stretches of the day, seconds after local midnight."""
        begin, stop = _clock(self.start), _clock(self.end)
        return [(begin, stop)] if begin < stop else [(0, stop), (begin, DAY_S)]

    def month_numbers(self) -> tuple[int, ...]:
        """The months, 1 to 12."""
        return tuple(range(1, 13)) if self.months is None else self.months

    def weekday_numbers(self) -> tuple[int, ...]:
        """The days of the week, Monday 0 to Sunday 6."""
        return _KINDS[self.days] if isinstance(self.days, str) else self.days


def check_price(value: Any, what: str) -> float:
    """`value` as a float; -0.0 becomes 0.0, so that equal prices have equal bits.

    Raises
    ------
    InputError
        Not a finite number; the text begins with `what`.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise InputError(f"{what}: price {value!r} is no finite number")
    return float(value) + 0.0


def clock_text(seconds: int) -> str:
    """Seconds after midnight as ``HH:MM``, or ``HH:MM:SS`` where there are seconds."""
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return text if seconds % 60 == 0 else f"{text}:{seconds % 60:02d}"


def days_text(days: str | Sequence[int]) -> str:
    """A kind of day in words: ``all``, ``weekday``, ``weekend``, or names of days."""
    return days if isinstance(days, str) else ", ".join(DAY_NAMES[day] for day in days)


def _clock(text: Any) -> int:
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    seconds = (
        sum(int(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)) if found else -1
    )
    if not 0 <= seconds <= DAY_S:
        raise InputError(f"rate: hour {text!r} is none; write it as 'HH:MM', 00:00 to 24:00")
    return seconds


def days_of(days: Any) -> str | tuple[int, ...]:
    """A kind of day checked and in its shortest form: ``all``, ``weekday``, ``weekend``, or sorted weekday numbers.

    Raises
    ------
    InputError
        No such kind or number.
    """
    if isinstance(days, str):
        if days not in _KINDS:
            raise InputError(f"rate: days {days!r}; write 'all', 'weekday', 'weekend' or weekday numbers, Monday 0")
        return days
    numbers = _numbers(days, 0, 6, "weekday")
    return next((kind for kind, members in _KINDS.items() if members == numbers), numbers)


def _numbers(values: Iterable[int], low: int, high: int, what: str) -> tuple[int, ...]:
    values = tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)
    for value in values:
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not low <= value <= high:
            raise InputError(f"rate: {what} {value!r} is none; write numbers from {low} to {high}")
    if not values:
        raise InputError(f"rate: no {what}s; name at least one, or leave the field out for all")
    return tuple(sorted({int(value) for value in values}))
