"""The price of a kWh and when it applies: one price or tiers, by month, kind of day and hour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from flipkit import checks
from flipkit.errors import InputError
from flipkit.vocabulary import DAY_S

__all__ = [
    "ALL_MONTHS",
    "DAY_NAMES",
    "HOLIDAY",
    "MONTH_NAMES",
    "TIER_RULES",
    "Rate",
    "Tier",
    "TierReset",
    "TierRule",
    "check_tiers",
    "clock_text",
    "days_of",
    "days_text",
    "months_of",
    "rate_of_window",
    "seconds_of",
]

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALL_MONTHS = tuple(range(1, 13))
HOLIDAY = 7
"""The kind of day after Sunday: a public holiday."""
_WEEKDAYS_OF_KIND = {
    "all": (0, 1, 2, 3, 4, 5, 6),
    "weekday": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "holiday": (HOLIDAY,),
}
_KIND_OF_WEEKDAYS = {weekdays: kind for kind, weekdays in _WEEKDAYS_OF_KIND.items()}

TierRule = Literal["chronological", "prorate", "per_period"]
TIER_RULES: tuple[TierRule, ...] = ("chronological", "prorate", "per_period")
TierReset = Literal["billing", "day"]

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a ladder of prices.

    Attributes
    ----------
    price_per_kwh : float
        Major currency units per kWh, for the kWh between the end of the previous tier and the end
        of this one.
    up_to : float or None
        Where the tier ends, in kWh since the start of the billing period, or of the day where the
        count begins anew each day (`Tariff.tier_reset`); None for the last tier.
    per : {"month", "day"}
        What `up_to` counts: the kWh of a billing period (if it is cut, in proportion to its days),
        or of a day: it is multiplied by the days of the billing period, unless the count begins
        anew each day. All tiers of a ladder count the same way; the last tier, which has no
        limit, may leave out `per` and `per_kw`.
    per_kw : bool
        Whether `up_to` is kWh per kW of the billing period's highest import power.
    hours_of_use : float or None
        Where the tier ends at the latest, in kWh per kW of that power; None for nowhere. It holds
        the steps of kWh within a block of hours of use: "the first 3,000 kWh of the first 200 hours
        times the demand". A tier that ends before the one below it takes no kWh.

    Raises
    ------
    InputError
        A price that is not a finite number, a limit that is not positive, an unknown `per`,
        `hours_of_use` beside `per_kw`.
    """

    price_per_kwh: float
    up_to: float | None = None
    per: Literal["month", "day"] = "month"
    per_kw: bool = False
    hours_of_use: float | None = None

    def __post_init__(self) -> None:
        checks.check_field(self, "price_per_kwh", "tier", check=checks.finite)
        if self.up_to is not None:
            checks.check_field(self, "up_to", "tier", check=checks.finite, above=0.0)
        checks.one_of(self.per, ("month", "day"), "tier: per")
        if not isinstance(self.per_kw, bool):
            raise InputError(f"tier: per_kw {self.per_kw!r} is not known; write True or False")
        if self.hours_of_use is not None:
            checks.check_field(self, "hours_of_use", "tier", check=checks.finite, above=0.0)
            if self.per_kw:
                raise InputError(
                    "tier: hours_of_use beside per_kw; write the block of hours as up_to"
                )

    @property
    def has_limit(self) -> bool:
        """Whether the tier ends somewhere."""
        return self.up_to is not None or self.hours_of_use is not None

    @property
    def counts_kw(self) -> bool:
        """Whether where it ends depends on the highest import power."""
        return self.per_kw or self.hours_of_use is not None


@dataclass(frozen=True, slots=True)
class Rate:
    """One price, or one ladder of tiers, and when it applies in local time.

    Attributes
    ----------
    price_per_kwh : float
        Major currency units per kWh. With tiers, the price of the first tier; may be left out.
    start, end : str
        Local hours ``HH:MM`` (or ``HH:MM:SS``), the end excluded. 00:00 as an end is midnight,
        written 24:00. A window that crosses midnight is two windows on the same days: 22:00 to
        06:00 on weekdays applies on Monday from 00:00 to 06:00 and from 22:00 to 24:00, and not on
        Saturday morning.
    months : tuple of int or None
        1 to 12; None for all.
    days : str or tuple of int
        ``"all"``, ``"weekday"`` (Monday to Friday), ``"weekend"``, ``"holiday"`` (the `holidays` of
        the tariff), or weekday numbers, Monday 0 to Sunday 6. A public holiday without a
        ``"holiday"`` rate has the prices of a Sunday.
    tiers : tuple of Tier
        The ladder in the order in which kWh fill it; the last tier has no limit. Empty for one
        price.
    period : str or None
        Name of the period that these hours belong to on a bill, such as ``"peak"``.

    Raises
    ------
    InputError
        A price that is not a finite number; an hour, month or day that does not exist; a window
        without length; tiers whose limits do not rise.
    """

    price_per_kwh: float = None  # type: ignore[assignment]  # tiers have their own prices
    start: str = "00:00"
    end: str = "24:00"
    months: tuple[int, ...] | None = None
    days: str | tuple[int, ...] = "all"
    tiers: tuple[Tier, ...] = field(default=(), kw_only=True)
    period: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        start = seconds_of(self.start)
        end = seconds_of(self.end) or DAY_S  # 00:00 as an end is midnight
        if start == end:
            raise InputError(f"rate: the window from {self.start} to {self.end} has no length")
        if start == DAY_S:
            raise InputError(f"rate: a window cannot begin at {self.start}; write 00:00")
        if self.period is not None:
            checks.name(self.period, "rate: period")
        price, tiers = _check_ladder(self.price_per_kwh, tuple(self.tiers))
        checks.set_fields(
            self,
            price_per_kwh=price,
            tiers=tiers,
            start=clock_text(start),
            end=clock_text(end),
            months=months_of(self.months),
            days=days_of(self.days),
        )

    def windows_s(self) -> list[tuple[int, int]]:
        """Return the window as one or two (start, end), in seconds after local midnight."""
        start = seconds_of(self.start)
        end = seconds_of(self.end)
        return [(start, end)] if start < end else [(0, end), (start, DAY_S)]

    def month_numbers(self) -> tuple[int, ...]:
        """Return the months, 1 to 12."""
        return ALL_MONTHS if self.months is None else self.months

    def weekday_numbers(self) -> tuple[int, ...]:
        """Return the days of the week, Monday 0 to Sunday 6; 7 for public holidays."""
        return _WEEKDAYS_OF_KIND[self.days] if isinstance(self.days, str) else self.days


def check_tiers(rates: Sequence[Rate], tier_rule: Any, tier_reset: Any, what: str) -> None:
    """Raise InputError for an unknown rule or reset, and for tiers that do not go with them."""
    if tier_rule is not None:
        checks.one_of(tier_rule, TIER_RULES, f"{what}: tier_rule")
    checks.one_of(tier_reset, ("billing", "day"), f"{what}: tier_reset")
    tiers = [tier for rate in rates for tier in rate.tiers]
    if tiers and tier_rule is None:
        raise InputError(
            f"{what} has tiers, but no tier_rule; say how kWh fill them: {', '.join(TIER_RULES)} "
            "(bills differ by it)"
        )
    if tier_reset == "day" and not tiers:
        raise InputError(
            f"{what}: tier_reset 'day', but no tiers; give rates with tiers (those of exports are "
            "in Export)"
        )
    if tier_reset == "day" and any(tier.per != "day" or tier.counts_kw for tier in tiers):
        raise InputError(
            f"{what}: tiers count kWh of a month or by kW, but begin anew each day; "
            "write tiers with per='day', or tier_reset='billing'"
        )


def rate_of_window(window: Any, price: float) -> Rate:
    """Return the rate of a window ``HH:MM-HH:MM`` of every day."""
    start, dash, end = window.partition("-") if isinstance(window, str) else ("", "", "")
    if not dash:
        raise InputError(
            f"time of use: {window!r} is not a window; write 'HH:MM-HH:MM', such as '07:00-16:00'"
        )
    return Rate(price, start.strip(), end.strip())


def clock_text(seconds: int) -> str:
    """Return seconds after midnight as ``HH:MM``, or ``HH:MM:SS`` if there are seconds."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02d}:{minutes:02d}"
    return f"{text}:{rest:02d}" if rest else text


def seconds_of(text: Any) -> int:
    """Return ``HH:MM`` or ``HH:MM:SS`` as seconds after midnight, 0 to 86,400.

    Raises
    ------
    InputError
        The hour does not exist.
    """
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        hours, minutes, seconds = found.groups(default="0")
        total = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        if total <= DAY_S:
            return total
    raise InputError(f"rate: hour {text!r} does not exist; write 'HH:MM', 00:00 to 24:00")


def days_text(days: str | Sequence[int]) -> str:
    """Return a kind of day in words: ``all``, ``weekday``, ``weekend``, or names of days."""
    return days if isinstance(days, str) else ", ".join(DAY_NAMES[day] for day in days)


def days_of(days: Any) -> str | tuple[int, ...]:
    """Return a kind of day in its shortest form: a kind by name, or sorted weekday numbers.

    Raises
    ------
    InputError
        The kind or weekday does not exist.
    """
    if isinstance(days, str):
        if days not in _WEEKDAYS_OF_KIND:
            raise InputError(
                f"rate: days {days!r} is not known; write 'all', 'weekday', 'weekend', 'holiday' "
                "or weekday numbers, 0 to 6"
            )
        return days
    numbers = _sorted_numbers(days, 0, 6, "weekday")
    return _KIND_OF_WEEKDAYS.get(numbers, numbers)


def months_of(months: Any) -> tuple[int, ...] | None:
    """Return months as sorted numbers, 1 to 12; None for all.

    Raises
    ------
    InputError
        A month that does not exist, or no months.
    """
    if months is None:
        return None
    numbers = _sorted_numbers(months, 1, 12, "month")
    return None if numbers == ALL_MONTHS else numbers


def _sorted_numbers(values: Any, low: int, high: int, what: str) -> tuple[int, ...]:
    is_list = isinstance(values, Iterable) and not isinstance(values, str)
    numbers = tuple(values) if is_list else (values,)
    for number in numbers:
        # True and False are ints to Python.
        is_whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not is_whole or not low <= number <= high:
            raise InputError(
                f"rate: {what} {number!r} does not exist; write numbers from {low} to {high}"
            )
    if not numbers:
        raise InputError(f"rate: no {what}s; give at least one, or leave the field out for all")
    return tuple(sorted({int(number) for number in numbers}))


def _check_ladder(price: Any, tiers: tuple[Tier, ...]) -> tuple[float, tuple[Tier, ...]]:
    """Return price and tiers in canonical form: a ladder of one tier without a limit is a price."""
    for number, tier in enumerate(tiers, 1):
        checks.instance_of(tier, Tier, f"rate: tier {number}")
    if not tiers:
        return checks.finite(price, "rate: price"), ()

    first, last = tiers[0], tiers[-1]
    if last == Tier(last.price_per_kwh):  # without a limit, `per` and `per_kw` mean nothing
        tiers = (*tiers[:-1], replace(last, per=first.per, per_kw=first.per_kw))
    _check_limits(tiers)
    if price is not None and checks.finite(price, "rate: price") != first.price_per_kwh:
        raise InputError(
            f"rate: price {price!r} beside tiers that begin at {first.price_per_kwh!r}; "
            "leave the price out"
        )
    return first.price_per_kwh, tiers if len(tiers) > 1 else ()


def _check_limits(tiers: tuple[Tier, ...]) -> None:
    last = tiers[-1]
    if last.has_limit:
        field, limit = ("up_to", last.up_to) if last.up_to else ("hours_of_use", last.hours_of_use)
        raise InputError(f"rate: tier {len(tiers)}, the last, ends at {limit:g}; leave {field} out")
    has_blocks = any(tier.hours_of_use is not None for tier in tiers)
    for number, (lower, upper) in enumerate(pairwise(tiers), 1):
        if not lower.has_limit:
            raise InputError(
                f"rate: tier {number} of {len(tiers)} has no limit; "
                "only the last tier may be without a limit"
            )
        is_same_unit = lower.per_kw == upper.per_kw
        if upper.per != lower.per or not (is_same_unit or has_blocks):
            raise InputError(
                f"rate: tiers {number} and {number + 1} count in different units "
                "(per, per_kw); use one"
            )
        if lower.up_to is None or upper.up_to is None or not is_same_unit:
            continue
        if upper.up_to <= lower.up_to:
            raise InputError(
                f"rate: tier {number + 1} ends at {upper.up_to:g}, "
                f"not above tier {number} ({lower.up_to:g})"
            )
