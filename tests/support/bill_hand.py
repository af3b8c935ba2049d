"""Short helpers for plans, profiles and sums of bills that are calculated by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from support.bill_as_tariff import engine_bill
from support.bill_oracle import bill
from support.bill_plan import ALL_DAYS, MONTHS, Limit, Period, Plan, Profile, When

ALWAYS = (When(),)


def bill_by(
    name: str, plans: list[Plan], energy: Profile, edges: list[date] | None = None
) -> Mapping[Any, Sequence[Any]]:
    """Return the bill by the oracle or by flipkit; both must agree with the hand calculation."""
    return bill(plans, energy, edges) if name == "oracle" else engine_bill(plans, energy, edges)


def D(number: float | str) -> Decimal:  # noqa: N802  short for Decimal
    return Decimal(str(number))


def numbers(*values: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(float(value)) for value in values)


def profile(
    zone: str,
    first: str,
    hours: int,
    kwh: float = 0.0,
    *,
    minutes: int = 60,
    at: Mapping[int, float] | None = None,
    generation: Mapping[int, float] | None = None,
    clock: time = time(),
) -> Profile:
    """`kwh` in every interval from a local day on; `at` and `generation` set single intervals."""
    start = datetime.combine(date.fromisoformat(first), clock, ZoneInfo(zone)).astimezone(UTC)
    count = hours * 60 // minutes
    used, made = [float(kwh)] * count, [0.0] * count
    for index, value in (at or {}).items():
        used[index] = float(value)
    for index, value in (generation or {}).items():
        made[index] = float(value)
    return Profile(start, minutes, numbers(*used), numbers(*made))


def flat(
    price: float,
    *limits: float,
    prices: Iterable[float] = (),
    daily: bool = False,
    per_kw: bool = False,
    name: str = "all day",
    whens: tuple[When, ...] = ALWAYS,
) -> Period:
    """A price for all hours, or for some, with tiers where there are limits."""
    return Period(
        name,
        whens,
        numbers(price, *prices),
        tuple(Limit(D(limit), daily, per_kw) for limit in limits),
    )


def day_and_night(
    day: Iterable[float],
    night: Iterable[float],
    *,
    start: int = 7,
    end: int = 23,
    limits: Iterable[float] = (),
) -> tuple[Period, Period]:
    """Two periods with ladders of their own prices and the same limits."""
    ends = tuple(Limit(D(limit)) for limit in limits)
    return (
        Period("day", (When(MONTHS, ALL_DAYS, start * 60, end * 60),), numbers(*day), ends),
        Period("night", (When(MONTHS, ALL_DAYS, end * 60, start * 60),), numbers(*night), ends),
    )


def total(rows: Mapping[Any, Sequence[Any]], kind: str | None = None) -> dict[str, float]:
    """Money of a bill by month, or of one kind of its lines."""
    sums: dict[str, float] = defaultdict(float)
    for (month, component), (_, cost) in rows.items():
        if kind is None or component == kind or component.startswith(kind + " "):
            sums[month] += float(cost)
    return dict(sums)
