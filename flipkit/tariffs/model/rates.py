"""What a kWh costs and when: a price or a ladder of tiers, by months, kind of day and local hours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from flipkit.errors import InputError

__all__ = [
    "DAY_NAMES",
    "DAY_S",
    "HOLIDAY",
    "MONTH_NAMES",
    "Rate",
    "Tier",
    "check_name",
    "check_number",
    "check_price",
    "clock_text",
    "days_of",
    "days_text",
    "month_numbers_of",
    "seconds_of",
]

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_S = 86_400
HOLIDAY = 7
"""The kind of day after Sunday: a public holiday."""
_KINDS = {
    "all": (0, 1, 2, 3, 4, 5, 6),
    "weekday": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "holiday": (HOLIDAY,),
}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a ladder of prices.

    Attributes
    ----------
    price_per_kwh : float
        Major currency units per kWh, for the kWh above the step before and up to this one.
    up_to : float or None
        Where the step ends, counted from the start of the billing period; None for the last.
    per : {"month", "day"}
        What `up_to` is counted for: a billing period (in one cut short, the share of its days), or each day of it. All
        tiers of a ladder count alike; the last, without a limit, may leave `per` and `per_kw` out.
    per_kw : bool
        `up_to` is kWh per kW of the billing period's highest import power.

    Raises
    ------
    InputError
        A price that is no finite number, a limit that is not positive, an unknown `per`.
    """

    price_per_kwh: float
    up_to: float | None = None
    per: Literal["month", "day"] = "month"
    per_kw: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "price_per_kwh", check_price(self.price_per_kwh, "tier"))
        if self.up_to is not None:
            object.__setattr__(self, "up_to", check_number(self.up_to, "tier: up_to", above=0.0))
        if self.per not in ("month", "day"):
            raise InputError(f"tier: per {self.per!r}; write 'month' or 'day'")
        if not isinstance(self.per_kw, bool):
            raise InputError(f"tier: per_kw {self.per_kw!r}; write True or False")


@dataclass(frozen=True, slots=True)
class Rate:
    """One price, or one ladder of prices, and when it holds in local time.

    Attributes
    ----------
    price_per_kwh : float
        Major currency units per kWh; with tiers that of the first, and may be left out.
    start, end : str
        Local hours ``HH:MM`` (or ``HH:MM:SS``), the end excluded; 00:00 as an end is midnight, written 24:00. A window
        that crosses midnight is its two halves, each on the days named: 22:00 to 06:00 on weekdays holds on Monday
        from 00:00 to 06:00 and from 22:00 to 24:00, and not on Saturday morning.
    months : tuple of int or None
        1 to 12; None for all.
    days : str or tuple of int
        ``"all"``, ``"weekday"`` (Monday to Friday), ``"weekend"``, ``"holiday"`` (the tariff's `holidays`), or weekday
        numbers as ``date.weekday()`` counts them, Monday 0 to Sunday 6. A public holiday that no ``"holiday"`` rate
        names has the prices of Sunday.
    tiers : tuple of Tier
        The ladder, cheapest step of counting first; the last has no limit. Empty for one price.
    period : str or None
        Name of the period that these hours belong to, for the lines of a bill (``"peak"``).

    Raises
    ------
    InputError
        A price that is no finite number, an hour, month or day that does not exist, a window without length, a ladder
        whose limits do not rise: names the tier.
    """

    price_per_kwh: float = None  # type: ignore[assignment]  # tiers bring their own
    start: str = "00:00"
    end: str = "24:00"
    months: tuple[int, ...] | None = None
    days: str | tuple[int, ...] = "all"
    tiers: tuple[Tier, ...] = field(default=(), kw_only=True)
    period: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        begin, stop = seconds_of(self.start), seconds_of(self.end) or DAY_S
        if begin == stop:
            raise InputError(f"rate: the window from {self.start} to {self.end} has no length")
        if begin == DAY_S:
            raise InputError(f"rate: a window cannot begin at {self.start}; write 00:00")
        months = month_numbers_of(self.months)
        price, tiers = _ladder(self.price_per_kwh, self.tiers)
        object.__setattr__(self, "price_per_kwh", price)
        object.__setattr__(self, "tiers", tiers)
        object.__setattr__(self, "start", clock_text(begin))
        object.__setattr__(self, "end", clock_text(stop))
        object.__setattr__(self, "months", None if len(months) == 12 else months)
        object.__setattr__(self, "days", days_of(self.days))
        if self.period is not None:
            check_name(self.period, "rate: period")

    def windows_s(self) -> list[tuple[int, int]]:
        """The window as one or two stretches of the day, seconds after local midnight."""
        begin, stop = seconds_of(self.start), seconds_of(self.end)
        return [(begin, stop)] if begin < stop else [(0, stop), (begin, DAY_S)]

    def month_numbers(self) -> tuple[int, ...]:
        """The months, 1 to 12."""
        return tuple(range(1, 13)) if self.months is None else self.months

    def weekday_numbers(self) -> tuple[int, ...]:
        """The days of the week, Monday 0 to Sunday 6; 7 for public holidays."""
        return _KINDS[self.days] if isinstance(self.days, str) else self.days


def check_price(value: Any, what: str) -> float:
    """`value` as a float; -0.0 becomes 0.0, so that equal prices have equal bits.

    Raises
    ------
    InputError
        Not a finite number; the text begins with `what`.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not number or not math.isfinite(value):
        raise InputError(f"{what}: price {value!r} is no finite number")
    return float(value) + 0.0


def check_number(
    value: Any, what: str, *, above: float | None = None, at_least: float | None = None
) -> float:
    """`value` as a finite float within the bound.

    Raises
    ------
    InputError
        Not a finite number, or out of bounds; the text begins with `what`.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not number or not math.isfinite(value):
        raise InputError(f"{what} {value!r} is no finite number")
    if above is not None and value <= above:
        raise InputError(f"{what} {value!r} must be above {above:g}")
    if at_least is not None and value < at_least:
        raise InputError(f"{what} {value!r} must be at least {at_least:g}")
    return float(value) + 0.0


def check_name(value: Any, what: str) -> str:
    """`value` itself, where it is text with something in it.

    Raises
    ------
    InputError
        No text, or blank; the text begins with `what`.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} {value!r} is no name; write a text such as 'peak'")
    return value


def clock_text(seconds: int) -> str:
    """Seconds after midnight as ``HH:MM``, or ``HH:MM:SS`` where there are seconds."""
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return text if seconds % 60 == 0 else f"{text}:{seconds % 60:02d}"


def days_text(days: str | Sequence[int]) -> str:
    """A kind of day in words: ``all``, ``weekday``, ``weekend``, or names of days."""
    return days if isinstance(days, str) else ", ".join(DAY_NAMES[day] for day in days)


def seconds_of(text: Any) -> int:
    """``HH:MM`` or ``HH:MM:SS`` as seconds after midnight, 0 to 86,400.

    Raises
    ------
    InputError
        No such hour.
    """
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    seconds = (
        sum(int(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True))
        if found
        else -1
    )
    if not 0 <= seconds <= DAY_S:
        raise InputError(f"rate: hour {text!r} is none; write it as 'HH:MM', 00:00 to 24:00")
    return seconds


def days_of(days: Any) -> str | tuple[int, ...]:
    """A kind of day checked and in its shortest form: a kind by name, or sorted weekday numbers.

    Raises
    ------
    InputError
        No such kind or number.
    """
    if isinstance(days, str):
        if days not in _KINDS:
            raise InputError(
                f"rate: days {days!r}; write 'all', 'weekday', 'weekend', 'holiday' or weekday numbers, 0 to 6"
            )
        return days
    numbers = _numbers(days, 0, 6, "weekday")
    return next((kind for kind, members in _KINDS.items() if members == numbers), numbers)


def month_numbers_of(months: Any) -> tuple[int, ...]:
    """Months as sorted numbers, 1 to 12; None for all.

    Raises
    ------
    InputError
        No such month, or none at all.
    """
    return tuple(range(1, 13)) if months is None else _numbers(months, 1, 12, "month")


def _ladder(price: Any, tiers: Any) -> tuple[float, tuple[Tier, ...]]:
    """Price and tiers in their one form: a ladder of one step without a limit is a price."""
    steps = tuple(tiers)
    for number, step in enumerate(steps, 1):
        if not isinstance(step, Tier):
            raise InputError(f"rate: tier {number}: expected a Tier, got {type(step).__name__}")
    if not steps:
        return check_price(price, "rate"), ()
    if steps[-1] == Tier(steps[-1].price_per_kwh):  # it has no limit that would need a unit
        steps = (*steps[:-1], replace(steps[-1], per=steps[0].per, per_kw=steps[0].per_kw))
    _check_ladder(steps)
    first = steps[0].price_per_kwh
    if price is not None and check_price(price, "rate") != first:
        raise InputError(
            f"rate: price {price!r} beside tiers that begin at {first!r}; leave the price out"
        )
    return first, steps if len(steps) > 1 else ()


def _check_ladder(steps: tuple[Tier, ...]) -> None:
    if steps[-1].up_to is not None:
        raise InputError(
            f"rate: tier {len(steps)}, the last, ends at {steps[-1].up_to:g}; leave up_to out"
        )
    for number, (lower, upper) in enumerate(pairwise(steps), 1):
        if lower.up_to is None:
            raise InputError(
                f"rate: tier {number} of {len(steps)} has no limit; only the last may be without"
            )
        if upper.up_to is not None and upper.up_to <= lower.up_to:
            raise InputError(
                f"rate: tier {number + 1} ends at {upper.up_to:g}, not above tier {number} ({lower.up_to:g})"
            )
        if (lower.per, lower.per_kw) != (upper.per, upper.per_kw):
            raise InputError(
                f"rate: tiers {number} and {number + 1} count in different units (per, per_kw); use one"
            )


def _numbers(values: Iterable[int], low: int, high: int, what: str) -> tuple[int, ...]:
    values = (
        tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)
    )
    for value in values:
        if (
            not isinstance(value, int | np.integer)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise InputError(f"rate: {what} {value!r} is none; write numbers from {low} to {high}")
    if not values:
        raise InputError(f"rate: no {what}s; name at least one, or leave the field out for all")
    return tuple(sorted({int(value) for value in values}))
