"""Tariffs, profiles and windows drawn at random, in plain terms."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.bill_plan import (
    ALL_DAYS,
    MINUTES_A_DAY,
    MONTHS,
    ZERO,
    Demand,
    Export,
    Limit,
    Period,
    Plan,
    Profile,
    Ratchet,
    Series,
    Tax,
    When,
)

# Zones with changes of an hour and of half an hour, at midnight, and offsets of 30 and 45 minutes.
ZONES = {
    "UTC": ["2024-02-26"],
    "Europe/London": ["2024-03-31", "2024-10-27", "2025-03-30"],
    "Europe/Brussels": ["2024-03-31", "2025-10-26"],
    "America/Los_Angeles": ["2024-03-10", "2024-11-03", "2025-11-02"],
    "America/St_Johns": ["2024-03-10", "2024-11-03"],
    "America/Santiago": ["2024-04-06", "2024-09-08"],  # midnight exists twice, or not at all
    "America/Havana": ["2024-03-10", "2024-11-03"],
    "Australia/Lord_Howe": ["2024-04-07", "2024-10-06", "2025-04-06"],
    "Asia/Kathmandu": ["2024-06-01"],
    "Asia/Beirut": ["2024-03-31", "2024-10-27"],
}
# As the countries publish them, by hand, for all the windows that `profiles` draws.
HOLIDAYS = {
    "US": """
        2023-12-25 2024-01-01 2024-01-15 2024-02-19 2024-05-27 2024-06-19 2024-07-04 2024-09-02
        2024-10-14 2024-11-11 2024-11-28 2024-12-25 2025-01-01 2025-01-20 2025-02-17 2025-05-26
        2025-06-19 2025-07-04 2025-09-01 2025-10-13 2025-11-11 2025-11-27 2025-12-25 2026-01-01
    """,
    "GB-ENG": """
        2023-12-25 2023-12-26 2024-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27 2024-08-26
        2024-12-25 2024-12-26 2025-01-01 2025-04-18 2025-04-21 2025-05-05 2025-05-26 2025-08-25
        2025-12-25 2025-12-26 2026-01-01
    """,
    "BE": """
        2023-12-25 2024-01-01 2024-03-31 2024-04-01 2024-05-01 2024-05-09 2024-05-19 2024-05-20
        2024-07-21 2024-08-15 2024-11-01 2024-11-11 2024-12-25 2025-01-01 2025-04-20 2025-04-21
        2025-05-01 2025-05-29 2025-06-08 2025-06-09 2025-07-21 2025-08-15 2025-11-01 2025-11-11
        2025-12-25 2026-01-01
    """,
}


@dataclass(frozen=True, repr=False)
class Case:
    plans: list[Plan]
    profile: Profile
    edges: list[date] | None = None

    def __repr__(self) -> str:
        plans = [short(plan) for plan in self.plans]
        dates = self.edges and [str(day) for day in self.edges]
        return f"<{plans}; {self.profile}; dates {dates}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Without this, Hypothesis prints every field of a dataclass."""
        printer.text(repr(self))


def short(plan: Plan) -> str:
    """A plan without its long lists and its unused fields."""
    export = plan.export and replace(plan.export, series=plan.export.series[:2])
    bare = replace(plan, series=plan.series[:2], holidays=frozenset(), export=export)
    default = Plan(plan.timezone)
    given = {field.name: getattr(bare, field.name) for field in fields(Plan)}
    return str({name: value for name, value in given.items() if value != getattr(default, name)})


def one_in(number: int) -> st.SearchStrategy[bool]:
    return st.sampled_from([False] * (number - 1) + [True])


def exact(values: list[float]) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def holidays_of(region: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in HOLIDAYS[region].split())


# --- hours


@st.composite
def month_groups(draw: st.DrawFn) -> list[tuple[int, ...]]:
    count = draw(st.integers(1, 3))
    of = [draw(st.integers(0, count - 1)) for _ in MONTHS] if count > 1 else [0] * 12
    return [
        months
        for group in range(count)
        if (months := tuple(m for m in MONTHS if of[m - 1] == group))
    ]


WEEK = (0, 1, 2, 3, 4)
day_groups = st.sampled_from(
    [
        [ALL_DAYS],
        [WEEK, (5, 6)],
        [WEEK, (5,), (6,)],
        [(0, 2), (1, 3, 4, 5, 6)],
        [(0, 1), (2, 3, 4, 5, 6)],
    ]
)


@st.composite
def hour_windows(draw: st.DrawFn, grid: int) -> list[tuple[int, int]]:
    """The day in one to four windows; the last may reach across midnight."""
    cuts = sorted(draw(st.sets(st.integers(0, MINUTES_A_DAY // grid - 1), min_size=1, max_size=4)))
    if len(cuts) == 1:
        return [(0, MINUTES_A_DAY)]
    minutes = [cut * grid for cut in cuts]
    last = (minutes[-1], minutes[0] or MINUTES_A_DAY)
    return [*pairwise(minutes), last]


@st.composite
def cells(draw: st.DrawFn, grid: int, holidays: bool) -> list[When]:
    """The year in windows, each instant in one; some hours of public holidays have their own."""
    found = []
    for months in draw(month_groups()):
        for days in draw(day_groups):
            found += [When(months, days, *hours) for hours in draw(hour_windows(grid))]
        if holidays and draw(st.booleans()):
            own = draw(hour_windows(grid))
            found += [
                When(months, ALL_DAYS, *hours, holiday=True)
                for hours in own[: draw(st.integers(1, len(own)))]
            ]
    return found


# --- energy

prices = st.one_of(st.integers(0, 60).map(lambda number: number / 100), st.floats(0, 1, width=32))
odd_prices = st.one_of(prices, st.just(-0.05))


@st.composite
def ladder(
    draw: st.DrawFn, scale: float, each_day: bool = False
) -> tuple[tuple[Decimal, ...], tuple[Limit, ...]]:
    """One to four tiers of one unit; round limits are met exactly by profiles of round values."""
    tiers = draw(st.integers(1, 4))
    daily, per_kw = True, False
    if not each_day:
        daily, per_kw = draw(st.booleans()), draw(st.sampled_from([False, False, True]))
    steps = [draw(st.integers(1, 8)) for _ in range(tiers - 1)]
    size = scale / (30 if daily else 1) / (4 if per_kw else 1)
    ends = [float(f"{size * sum(steps[: number + 1]) / 4:.2g}") for number in range(tiers - 1)]
    rising = [end for number, end in enumerate(ends) if end > 0 and end not in ends[:number]]
    amounts = exact([draw(odd_prices) for _ in range(len(rising) + 1)])
    limits = tuple(Limit(end, daily, per_kw) for end in exact(rising))
    may_be_in_blocks = not each_day and not per_kw
    if may_be_in_blocks and draw(st.sampled_from([False, False, True])):
        limits = draw(in_blocks(limits))
    return amounts, limits


@st.composite
def in_blocks(draw: st.DrawFn, limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Each limit with the hours of use at which it ends at the latest, in rising blocks."""
    hours = sorted(draw(st.integers(1, 400)) for _ in limits)
    return tuple(
        replace(limit, hours=Decimal(each)) for limit, each in zip(limits, hours, strict=True)
    )


@st.composite
def periods(
    draw: st.DrawFn, whens: list[When], tiered: bool, scale: float, each_day: bool = False
) -> tuple[Period, ...]:
    """The windows distributed over one to four periods."""
    count = draw(st.integers(1, 4))
    dealt: dict[int, list[When]] = {}
    for when in whens:
        dealt.setdefault(draw(st.integers(1, count)), []).append(when)
    made = []
    for number, own in sorted(dealt.items()):
        cost, ends = draw(ladder(scale, each_day)) if tiered else (exact([draw(odd_prices)]), ())
        made.append(Period(f"P{number}", tuple(own), cost, ends))
    return tuple(made)


def priced_above_zero(made: tuple[Period, ...]) -> tuple[Period, ...]:
    return tuple(
        replace(period, prices=tuple(abs(price) for price in period.prices)) for period in made
    )


@st.composite
def price_series(draw: st.DrawFn, start: datetime, end: datetime) -> Series:
    """Prices over the window and a little more, of any length each."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from([15, 30, 60, 47, 0]))
    at, made = start - timedelta(minutes=draw(st.sampled_from([0, 10, 60]))), []
    while at < end:
        stop = at + timedelta(
            minutes=kind or dice.randrange(1, 3000), seconds=0 if kind else dice.randrange(60)
        )
        made.append((at, stop, Decimal(round(dice.random() * 0.5 - 0.02, 4))))
        at = stop
    return tuple(made)


# --- the rest of a tariff

amounts = st.integers(0, 400).map(lambda number: Decimal(number / 10))


@st.composite
def demands(draw: st.DrawFn, holidays: bool) -> tuple[Demand, ...]:
    made = []
    for number in range(draw(st.sampled_from([0, 0, 1, 2]))):
        minutes = draw(st.sampled_from([15, 30, 60]))
        limits = sorted(draw(st.sets(st.integers(1, 12), max_size=2)))
        cost = [draw(st.integers(0, 80)) / 4 for _ in range(len(limits) + 1)]
        hours = draw(st.sampled_from(draw(hour_windows(minutes))))
        months = draw(month_groups())[0]
        days = draw(day_groups)[0]
        when = When(months, days, *hours, holiday=holidays and draw(one_in(5)))
        when = replace(when, days=ALL_DAYS) if when.holiday else when
        ratchet = None
        if draw(st.booleans()):
            of = draw(st.sampled_from([MONTHS, (1,), (6, 7, 8), (3, 4, 10, 11)]))
            ratchet = Ratchet(
                Decimal(draw(st.sampled_from([0.5, 0.8, 1.0]))), draw(st.integers(1, 12)), of
            )
        more = draw(hour_windows(minutes))[: draw(st.sampled_from([0, 0, 1, 2]))]
        also = tuple(When(months, draw(day_groups)[-1], *window) for window in more)
        kilowatts = exact([float(kw) for kw in limits])
        trailing = 1 if ratchet or draw(st.booleans()) else draw(st.integers(2, 12))
        amounts = exact([draw(st.integers(0, 40)) / 4 for _ in cost]) if draw(one_in(4)) else ()
        made.append(
            Demand(
                f"D{number + 1}",
                exact(cost),
                kilowatts,
                when,
                minutes,
                ratchet,
                also,
                per_day=draw(one_in(3)),
                peaks=draw(st.sampled_from([1, 1, 2, 3, 40])),
                minimum_kw=Decimal(draw(st.sampled_from([0.0, 0.0, 2.5]))),
                trailing_months=trailing,
                amounts=amounts,
            )
        )
    return tuple(made)


CREDITED = Export("net_billing").credit_on
credited = st.sets(st.sampled_from(CREDITED), min_size=1).map(
    lambda kinds: tuple(kind for kind in CREDITED if kind in kinds)
)


@st.composite
def timed_adders(
    draw: st.DrawFn, grid: int, holidays: bool
) -> tuple[tuple[str, tuple[Period, ...]], ...]:
    """Adders by hour and season."""
    count = draw(st.sampled_from([0, 0, 1, 2]))
    return tuple(
        (f"H{number}", draw(periods(draw(cells(grid, holidays)), tiered=False, scale=1)))
        for number in range(count)
    )


@st.composite
def exports(
    draw: st.DrawFn, plan: Plan, grid: int, start: datetime, end: datetime
) -> Export | None:
    """None, or one of the three modes; net metering fits neither an order nor a price series."""
    may_net = not plan.series and plan.tier_rule != "chronological" and plan.tier_reset != "day"
    mode = draw(
        st.sampled_from(
            ["none", "net_billing", "buy_all_sell_all", *(["net_metering"] * 2 if may_net else [])]
        )
    )
    if mode == "none":
        return None
    month = draw(st.integers(1, 12))
    if mode == "net_metering":
        carry = draw(st.sampled_from([None, "year", "year", "year", "credit"]))
        if carry != "credit":
            is_year = carry == "year"
            as_credit = is_year and draw(st.booleans())
            return Export(
                mode,
                carry_over=carry,
                payout=Decimal(draw(prices)),
                true_up_month=month,
                true_up_on=draw(st.sampled_from(["period", "total"])) if is_year else "period",
                payout_as_credit=as_credit,
                credit_on=draw(credited) if as_credit else CREDITED,
            )
    else:
        carry = draw(st.sampled_from([None, "credit", "credit"])) if mode == "net_billing" else None
    export = Export(
        mode,
        carry_over=carry,
        payout_share=Decimal(draw(st.sampled_from([0.0, 0.5, 1.0]))) if carry else ZERO,
        true_up_month=month if carry else 12,
        credit_on=draw(credited) if carry else CREDITED,
        credit_next_month=bool(carry) and draw(st.booleans()),
    )
    if mode != "net_metering" and draw(one_in(4)):
        return replace(export, series=draw(price_series(start, end)))
    if mode == "net_metering":
        made = draw(periods(draw(cells(grid, plan.region is not None)), tiered=False, scale=1))
        return replace(export, periods=made)
    rule = draw(st.sampled_from([None, None, "chronological", "prorate", "per_period"]))
    reset = draw(st.sampled_from(["billing", "day"])) if rule else "billing"
    whens = draw(cells(grid, plan.region is not None))
    made = draw(periods(whens, rule is not None, 300.0, reset == "day"))
    return replace(export, periods=made, tier_rule=rule, tier_reset=reset)


@st.composite
def taxes(draw: st.DrawFn) -> tuple[Tax, ...]:
    shares = st.sampled_from([Decimal("0.0625"), Decimal("0.25")])
    kinds = st.sets(st.sampled_from(["energy", "demand", "fixed", "adder", "minimum"]), min_size=1)
    return tuple(
        Tax(f"T{number}", draw(shares), tuple(sorted(draw(kinds))), draw(month_groups())[0])
        for number in range(draw(st.integers(0, 2)))
    )


@st.composite
def extras(draw: st.DrawFn, plan: Plan, grid: int) -> Plan:
    return replace(
        plan,
        demands=draw(demands(plan.region is not None)),
        fixed=tuple(
            (f"F{number}", draw(amounts), draw(amounts))
            for number in range(draw(st.integers(0, 2)))
        ),
        min_month=draw(st.sampled_from([None, None, *map(Decimal, (2, 20, 90))])),
        min_year=draw(st.sampled_from([None, None, *map(Decimal, (100, 900))])),
        min_day=draw(st.sampled_from([None, None, *map(Decimal, (1, 3))])),
        adders=tuple(
            (f"A{number}", Decimal(draw(odd_prices))) for number in range(draw(st.integers(0, 2)))
        ),
        non_bypassable=("A0", "H0") if draw(one_in(2)) else (),
        timed_adders=draw(timed_adders(grid, plan.region is not None)),
        taxes=draw(taxes()),
    )


@st.composite
def plans(draw: st.DrawFn, timezone: str, start: datetime, end: datetime, scale: float) -> Plan:
    """A whole tariff."""
    grid = draw(st.sampled_from([60, 60, 30, 15, 5]))
    region = draw(st.sampled_from([None, None, *HOLIDAYS]))
    base = Plan(
        timezone,
        region=region,
        holidays=holidays_of(region) if region else frozenset(),
        hours_timezone=draw(st.sampled_from([None] * 6 + ["UTC", "America/New_York"])),
    )
    if draw(one_in(4)):
        base = replace(base, series=draw(price_series(start, end)))
    else:
        rule = draw(st.sampled_from(["chronological", "prorate", "per_period", None]))
        whens = draw(cells(grid, region is not None))
        reset = draw(st.sampled_from(["billing", "billing", "day"])) if rule else "billing"
        made = draw(periods(whens, rule is not None, scale, reset == "day"))
        base = replace(base, periods=made, tier_rule=rule, tier_reset=reset)
    base = draw(extras(base, grid))
    return consistent(replace(base, export=draw(exports(base, grid, start, end))))


def consistent(plan: Plan) -> Plan:
    """No price below zero where credit is carried over: it would make the credit a debt."""
    export = plan.export
    if export and export.carry_over == "credit":
        export = replace(
            export, periods=priced_above_zero(export.periods), series=above_zero(export.series)
        )
        adders = tuple((name, abs(price)) for name, price in plan.adders)
        timed = tuple((name, priced_above_zero(made)) for name, made in plan.timed_adders)
        plan = replace(
            plan,
            periods=priced_above_zero(plan.periods),
            series=above_zero(plan.series),
            adders=adders,
            timed_adders=timed,
        )
    return replace(plan, export=export)


def above_zero(prices_in_time: Series) -> Series:
    return tuple((start, end, abs(price)) for start, end, price in prices_in_time)


# --- profiles and windows


@st.composite
def profiles(draw: st.DrawFn, timezone: str, scale: float) -> Profile:
    """Weeks around a change of the clock or a month's end; sometimes two years, by the hour."""
    minutes = draw(st.sampled_from([15, 15, 30, 30, 60, 60, 60, 5, 20, 120]))
    day = date.fromisoformat(
        draw(st.sampled_from([*ZONES[timezone], "2024-12-20", "2025-06-24", "2024-02-25"]))
    )
    days = draw(st.sampled_from([1, 4, 9] if minutes < 30 else [1, 4, 9, 20, 40, 75]))
    back = draw(st.sampled_from([0, 1, days // 2, days]))
    if draw(one_in(25)):
        day, back, days, minutes = date(2024, 1, 1), draw(st.sampled_from([0, 0, -40])), 396, 60
    begin = datetime.combine(day - timedelta(days=back), time(), ZoneInfo(timezone)).astimezone(UTC)
    begin += timedelta(minutes=draw(st.sampled_from([0, 0, 0, 15, 30, 405, 817, 1003])))
    count = max(2, days * MINUTES_A_DAY // minutes - draw(st.integers(0, 30)))
    dice = random.Random(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "round", "spikes", "nothing"]))
    used = energy_of(kind, dice, count, scale * minutes / 43_200 * 3)
    size = draw(st.sampled_from([0.0, 2.0, 8.0, 30.0])) * scale * minutes / 43_200
    made = [
        round(size * dice.random() * max(0.0, 1 - abs(n * minutes / 60 % 24 - 12) / 6), 3)
        for n in range(count)
    ]
    return Profile(begin, minutes, exact(used), exact(made))


def energy_of(kind: str, dice: random.Random, count: int, top: float) -> list[float]:
    if kind == "round":  # sums meet round limits exactly
        return [dice.choice([0.0, 0.25, 0.5]) for _ in range(count)]
    if kind == "nothing":
        return [0.0] * count
    values = [round(top * dice.random() ** 2, 3) for _ in range(count)]
    if kind == "spikes":
        for _ in range(3):
            values[dice.randrange(count)] = round(
                top * count * dice.random(), 1
            )  # one interval, several tiers
    return values


@st.composite
def billing_dates(draw: st.DrawFn, profile: Profile, timezone: str) -> list[date]:
    """First days of billing periods of 20 to 40 days, around the whole window."""
    zone = ZoneInfo(timezone)
    day = profile.start.astimezone(zone).date() - timedelta(days=draw(st.integers(0, 25)))
    edges = [day]
    while datetime.combine(edges[-1], time(), zone) < profile.end.astimezone(zone):
        edges.append(edges[-1] + timedelta(days=draw(st.integers(20, 40))))
    return edges


@st.composite
def change(draw: st.DrawFn, profile: Profile, timezone: str) -> datetime:
    """When one tariff follows another: mostly a local midnight."""
    span = (profile.end - profile.start) // timedelta(minutes=1)
    at = profile.start + timedelta(minutes=draw(st.integers(1, max(1, span - 1))))
    if draw(one_in(4)):
        return at
    day = at.astimezone(ZoneInfo(timezone)).date()
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One tariff or two, one after another, and energy."""
    timezone, scale = draw(st.sampled_from(sorted(ZONES))), draw(st.sampled_from([100.0, 400.0]))
    profile = draw(profiles(timezone, scale))
    first = draw(plans(timezone, profile.start, profile.end, scale))
    edges = draw(billing_dates(profile, timezone)) if draw(one_in(4)) else None
    if not draw(one_in(4)):
        return Case([first], profile, edges)
    at = draw(change(profile, timezone))
    if not profile.start < at < profile.end:
        return Case([first], profile, edges)
    second = draw(plans(timezone, profile.start, profile.end, scale))
    return Case([ending(first, at), beginning(second, at)], profile, edges)


def ending(plan: Plan, at: datetime) -> Plan:
    """A tariff's time ends; a price series has its own time and ends with it."""
    cut = tuple((start, min(end, at), price) for start, end, price in plan.series if start < at)
    return replace(plan, series=cut, end=at)


def beginning(plan: Plan, at: datetime) -> Plan:
    cut = tuple((max(start, at), end, price) for start, end, price in plan.series if end > at)
    return replace(plan, series=cut, start=at)
