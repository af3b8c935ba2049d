"""A tariff and a profile in plain terms for oracles of bills: nothing of flipkit, all Decimal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

ZERO = Decimal(0)
MONTHS = tuple(range(1, 13))
ALL_DAYS = tuple(range(7))
MINUTES_A_DAY = 1440

Series = tuple[tuple[datetime, datetime, Decimal], ...]  # start, end, price per kWh


@dataclass(frozen=True)
class When:
    """Local hours, in minutes of the day; an end before the start reaches across midnight."""

    months: tuple[int, ...] = MONTHS
    days: tuple[int, ...] = ALL_DAYS
    start: int = 0
    end: int = MINUTES_A_DAY
    holiday: bool = False  # public holidays only, whatever the day of the week

    def hours_hold(self, month: int, minute: int) -> bool:
        """Whether a month and a minute of the day are within, on some day."""
        if self.start < self.end:
            is_inside = self.start <= minute < self.end
        else:
            is_inside = not self.end <= minute < self.start
        return is_inside and month in self.months


@dataclass(frozen=True)
class Limit:
    """Where a tier ends: kWh a month or a day, or times the peak kW of the billing period.

    With `hours`, at the latest at that many kWh for each kW of the peak.
    """

    amount: Decimal | None
    daily: bool = False
    per_kw: bool = False
    hours: Decimal | None = None


@dataclass(frozen=True)
class Period:
    """Hours of one name and their ladder of prices: one price more than limits."""

    name: str
    whens: tuple[When, ...]
    prices: tuple[Decimal, ...]
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Ratchet:
    share: Decimal
    months: int
    of_months: tuple[int, ...] = MONTHS


@dataclass(frozen=True)
class Demand:
    name: str
    prices: tuple[Decimal, ...]
    limits_kw: tuple[Decimal, ...] = ()
    when: When = When()
    minutes: int = 15
    ratchet: Ratchet | None = None
    also: tuple[When, ...] = ()  # more hours of the same charge, in the same months
    per_day: bool = False  # the prices are per kW and day
    peaks: int = 1  # the mean of so many daily peaks
    minimum_kw: Decimal = ZERO
    trailing_months: int = 1  # the mean of so many billing periods
    amounts: tuple[Decimal, ...] = ()  # by tier: per month, where the demand ends


@dataclass(frozen=True)
class Tax:
    name: str
    share: Decimal
    on: tuple[str, ...] = ("energy", "demand", "fixed", "adder", "minimum")
    months: tuple[int, ...] = MONTHS


@dataclass(frozen=True)
class Export:
    mode: str  # net_billing, net_metering, buy_all_sell_all
    periods: tuple[Period, ...] = ()
    series: Series = ()
    carry_over: str | None = None
    payout: Decimal = ZERO  # per kWh, net metering
    payout_share: Decimal = ZERO  # of the credit left at the true-up
    true_up_month: int = 12
    tier_rule: str | None = None
    tier_reset: str = "billing"
    credit_on: tuple[str, ...] = ("energy", "demand", "fixed", "adder")
    credit_next_month: bool = False
    true_up_on: str = "period"  # or "total"
    payout_as_credit: bool = False

    @property
    def has_credit(self) -> bool:
        return self.carry_over == "credit" or self.payout_as_credit


@dataclass(frozen=True)
class Plan:
    timezone: str
    periods: tuple[Period, ...] = ()
    series: Series = ()
    tier_rule: str | None = None
    tier_reset: str = "billing"
    region: str | None = None  # whose public holidays
    holidays: frozenset[date] = frozenset()
    demands: tuple[Demand, ...] = ()
    fixed: tuple[tuple[str, Decimal, Decimal], ...] = ()  # name, per day, per month
    min_month: Decimal | None = None
    min_year: Decimal | None = None
    min_day: Decimal | None = None
    adders: tuple[tuple[str, Decimal], ...] = ()
    timed_adders: tuple[tuple[str, tuple[Period, ...]], ...] = ()
    non_bypassable: tuple[str, ...] = ()  # names of adders
    taxes: tuple[Tax, ...] = ()
    export: Export | None = None
    start: datetime | None = None
    end: datetime | None = None
    named: bool = True  # whether the names of periods say which is which in other months
    hours_timezone: str | None = None  # of the time of day; dates go by the other


@dataclass(frozen=True, repr=False, eq=False)
class Profile:
    """Energy of a site: intervals of one length, one after another; equal to itself alone."""

    start: datetime
    minutes: int
    consumption: tuple[Decimal, ...]
    generation: tuple[Decimal, ...]

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes) * len(self.consumption)

    def __repr__(self) -> str:
        """Short: a year would fill the screen of a failed test."""
        used, made = sum(self.consumption), sum(self.generation)
        size = f"{len(self.consumption)} x {self.minutes} min"
        return f"<{size} from {self.start}: {used} and {made} kWh>"
