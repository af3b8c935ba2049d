"""Bills by hand: Decimal and zoneinfo, one piece of time after another, nothing of flipkit.

Slow and plain on purpose, and written from the meaning of a tariff alone. Every interval is cut at
the hours of the plan and at the changes of the clock, so that the price, the local day and the
billing period are constant within a piece; the energy of a piece is its share of the interval.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache, cached_property, lru_cache, partial
from itertools import groupby, pairwise
from math import gcd
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from support.bill_plan import MONTHS, ZERO, Demand, Limit, Period, Plan, Profile, Series, When

getcontext().prec = 60

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SUNDAY = 6

Rows = dict[str, list[Decimal]]  # component -> [quantity, cost]
Bill = dict[tuple[str, str], list[Decimal]]  # (month, component) -> [quantity, cost]


@dataclass(frozen=True)
class Cycle:
    """A billing period: its first local day, the day after its last, and when they begin."""

    first: date
    last: date
    start: datetime
    end: datetime


class Clock(NamedTuple):
    """What hours of a tariff depend on: a local time, in minutes of the day."""

    month: int
    weekday: int
    minute: int
    is_holiday: bool


class Piece(NamedTuple):
    """A stretch within which nothing changes."""

    start: datetime
    local: datetime  # its date
    hour: datetime  # its time of day, perhaps by another clock
    clock: Clock
    hours: Decimal
    imported: Decimal
    exported: Decimal
    power: Decimal  # import, of the whole interval


@dataclass
class Memory:
    """State that one billing period passes to the next."""

    begin: datetime  # of the plan's time in the window
    end: datetime  # of the window
    dated: bool  # billing dates instead of months: no minimum of a year
    bank: dict[str, Decimal] = field(default_factory=dict)  # kWh by period
    week: Week | None = None  # the hours of these periods
    pool: Decimal = ZERO  # kWh, if there were one period
    credit: Decimal = ZERO
    paid: Decimal = ZERO  # out, of the credit, in this billing period
    continues: bool = False  # the plan that follows takes the balance over
    demand: dict[str, list[tuple[date, Decimal | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    year: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


# --- which period serves the kWh of which

# Days of each kind a year: Monday to Sunday, and public holidays.
DAYS_A_YEAR = (52, 52, 52, 52, 52, 52, 52, 10)
STEP = 5  # minutes; all hours of plans are multiples

Cell = tuple[int, int]  # kind of day, minute of the day


@dataclass(frozen=True, eq=False)
class Week:
    """When each period is in force, by kind of day and minute."""

    cells: dict[str, set[Cell]]  # in the order in which the year shows the periods
    named: bool


@lru_cache(maxsize=512)
def month_hours(periods: tuple[Period, ...], month: int) -> dict[Cell, str]:
    """The name of the period that is in force, by kind of day and minute."""
    step = gcd(60, *(m for each in periods for when in each.whens for m in (when.start, when.end)))
    found = {}
    for kind in range(8):
        for begin in range(0, 1440, step):
            clock = Clock(month, min(kind, SUNDAY), begin, is_holiday=kind == 7)
            name = period_at(periods, clock).name
            found |= {(kind, minute): name for minute in range(begin, begin + step, STEP)}
    return found


def weeks_of(part: Stretch) -> list[Week]:
    """The hours of the periods in each month of a billing period."""
    days = month_edges(part.start, part.end, ZoneInfo(part.plan.timezone))[:-1]
    return [_week(part.plan.periods, day.month, part.plan.named) for day in days]


@lru_cache(maxsize=256)
def _week(periods: tuple[Period, ...], month: int, named: bool) -> Week:
    names = [name for each in MONTHS for name in month_hours(periods, each).values()]
    cells: dict[str, set[Cell]] = {name: set() for name in dict.fromkeys(names)}
    for cell, name in month_hours(periods, month).items():
        cells[name].add(cell)
    return Week(cells, named)


def alike(one: set[Cell], other: set[Cell]) -> Fraction:
    """Hours in common over hours in either."""
    common = sum(DAYS_A_YEAR[kind] for kind, _ in one & other)
    either = sum(DAYS_A_YEAR[kind] for kind, _ in one | other)
    return Fraction(common, either) if either else Fraction(0)


@lru_cache(maxsize=4096)
def successor(name: str, before: Week, after: Week) -> str:
    """The period that serves the kWh of another in the next billing period."""
    if before.named and after.named and after.cells.get(name):
        return name
    hours = before.cells[name]
    return max(after.cells, key=lambda other: alike(hours, after.cells[other]))


def brought_forward(memory: Memory, week: Week) -> dict[str, Decimal]:
    """The kWh of the billing period before, by the period that they serve in this one."""
    brought: dict[str, Decimal] = defaultdict(Decimal)
    for name, kwh in memory.bank.items():
        if kwh:
            assert memory.week is not None
            brought[successor(name, memory.week, week)] += kwh
    return brought


# --- the calendar


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_edges(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    """First days of the months that hold the window, and of the month after."""
    day = start.astimezone(zone).date().replace(day=1)
    edges = [day]
    while midnight(day, zone) < end:
        day = (day + timedelta(days=32)).replace(day=1)
        edges.append(day)
    return edges


def cycles(edges: Iterable[date], zone: ZoneInfo) -> list[Cycle]:
    days = sorted(edges)
    return [
        Cycle(first, last, midnight(first, zone), midnight(last, zone))
        for first, last in pairwise(days)
    ]


def seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000


def days_within(start: datetime, end: datetime, zone: ZoneInfo) -> Decimal:
    """Local days between two instants; of a day that is cut, the part of its real length."""
    total, day = ZERO, start.astimezone(zone).date()
    while midnight(day, zone) < end:
        begin, stop = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        inside = min(stop, end) - max(begin, start)
        total += seconds(inside) / seconds(stop - begin)
        day += timedelta(days=1)
    return total


def grid_minutes(plan: Plan, start: datetime, end: datetime) -> int:
    """Minutes of a grid in UTC on which all hours of the plan and all changes of the clock lie."""
    zone, day = ZoneInfo(plan.timezone), timedelta(days=1)
    days = [start + day * number for number in range((end - start) // day + 2)]
    offsets = {
        (moment.astimezone(each).utcoffset() or timedelta()) // timedelta(minutes=1)
        for moment in days
        for each in (zone, ZoneInfo(plan.hours_timezone or plan.timezone))
    }
    whens = [when for period in plan.periods for when in period.whens]
    whens += [when for demand in plan.demands for when in (demand.when, *demand.also)]
    if plan.export:
        whens += [when for period in plan.export.periods for when in period.whens]
    for _, periods in plan.timed_adders:
        whens += [when for period in periods for when in period.whens]
    hours = (minute for when in whens for minute in (when.start, when.end))
    return gcd(60, *offsets, *hours, *(demand.minutes for demand in plan.demands))


def marks(first: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Times a step apart, from the first until the end."""
    now = first
    while now < end:
        yield now
        now += step


def pieces(plan: Plan, profile: Profile, start: datetime, end: datetime) -> list[Piece]:
    """The profile between two instants."""
    export = plan.export
    series = plan.series + (export.series if export else ())
    grid = timedelta(minutes=grid_minutes(plan, start, end))
    step = timedelta(minutes=profile.minutes)
    edges = {start, end, *marks(profile.start, end, step)}
    edges.update(marks(EPOCH + (start - EPOCH) // grid * grid, end, grid))
    for begin, stop, _ in series:
        edges |= {begin, stop}
    inside = tuple(sorted(edge for edge in edges if start <= edge <= end))
    is_gross = export is not None and export.mode == "buy_all_sell_all"
    zones = plan.timezone, plan.hours_timezone or plan.timezone
    return _pieces(profile, zones, plan.holidays, inside, is_gross)


@lru_cache(maxsize=4)  # plans that differ in their prices alone have the same pieces
def _pieces(
    profile: Profile,
    zones: tuple[str, str],  # of dates and of hours
    holidays: frozenset[date],
    edges: tuple[datetime, ...],
    is_gross: bool,
) -> list[Piece]:
    zone, hours_zone = map(ZoneInfo, zones)
    step = timedelta(minutes=profile.minutes)
    parts: dict[timedelta, tuple[Decimal, Decimal]] = {}  # length: share of the interval, hours
    made = []
    for a, b in pairwise(edges):
        number = (a - profile.start) // step
        used, generated = profile.consumption[number], profile.generation[number]
        imported = used if is_gross else max(used - generated, ZERO)
        exported = generated if is_gross else max(generated - used, ZERO)
        power = imported * 60 / profile.minutes
        if b - a not in parts:
            length = seconds(b - a)
            parts[b - a] = length / seconds(step), length / 3600
        share, hours = parts[b - a]
        local = a.astimezone(zone)
        hour = a.astimezone(hours_zone)
        minute = hour.hour * 60 + hour.minute
        clock = Clock(local.month, local.weekday(), minute, local.date() in holidays)
        made.append(Piece(a, local, hour, clock, hours, imported * share, exported * share, power))
    return made


def holds(when: When, clock: Clock) -> bool:
    """A public holiday is a Sunday to every rule but those of public holidays."""
    if not when.hours_hold(clock.month, clock.minute):
        return False
    if when.holiday:
        return clock.is_holiday
    return (SUNDAY if clock.is_holiday else clock.weekday) in when.days


@lru_cache(maxsize=64)
def finder(periods: tuple[Period, ...]) -> Callable[[Clock], Period]:
    """`period_at`, which looks at each local time once."""
    return cache(partial(period_at, periods))


def period_at(periods: tuple[Period, ...], clock: Clock) -> Period:
    """The one period in force; on a public holiday the one that names it, where there is one."""
    found = []
    for period in periods:
        found += [(when, period) for when in period.whens if holds(when, clock)]
    named = [(when, period) for when, period in found if when.holiday]
    chosen = named or found
    assert len(chosen) == 1, (clock, chosen)
    return chosen[0][1]


@lru_cache(maxsize=64)
def hours_finder(whens: tuple[When, ...]) -> Callable[[Clock], bool]:
    """Whether a local time is in some hours; looks at each once."""

    @cache
    def find(clock: Clock) -> bool:
        return any(holds(when, clock) for when in whens)

    return find


def series_finder(series: Series) -> Callable[[datetime], Decimal]:
    starts = [start for start, _, _ in series]

    def price(at: datetime) -> Decimal:
        start, end, found = series[bisect_right(starts, at) - 1]
        assert start <= at < end, (at, start, end)
        return found

    return price


# --- a plan's part of a billing period


@dataclass(frozen=True)
class Stretch:
    """One plan's part of one billing period."""

    plan: Plan
    cycle: Cycle
    start: datetime
    end: datetime
    pieces: list[Piece]

    @cached_property
    def days(self) -> Decimal:
        return days_within(self.start, self.end, ZoneInfo(self.plan.timezone))

    @cached_property
    def share(self) -> Decimal:
        return self.days / (self.cycle.last - self.cycle.first).days

    def by_day(self) -> Iterator[Stretch]:
        """The parts of each local day."""
        zone = ZoneInfo(self.plan.timezone)
        for day, pieces in groupby(self.pieces, lambda piece: piece.local.date()):
            start = max(self.start, midnight(day, zone))
            end = min(self.end, midnight(day + timedelta(days=1), zone))
            yield replace(self, start=start, end=end, pieces=list(pieces))

    def days_in(self, months: tuple[int, ...]) -> Decimal:
        """Local days in some months."""
        inside = [day for day in self.by_day() if day.pieces[0].clock.month in months]
        return sum((day.days for day in inside), ZERO)

    @cached_property
    def peak(self) -> Decimal:
        return max((piece.power for piece in self.pieces), default=ZERO)


# --- tiers


def ladder(
    prices: tuple[Decimal, ...], limits: list[Decimal], low: Decimal, high: Decimal
) -> Iterator[tuple[int, Decimal]]:
    """How much of the stretch from low to high lies in each tier, the lowest first."""
    floor = ZERO
    for tier in range(len(prices)):
        top = max(limits[tier], floor) if tier < len(limits) else max(high, floor)
        yield tier, max(min(high, top) - max(low, floor), ZERO)
        floor = top


def limits_kwh(
    periods: tuple[Period, ...], part: Stretch, peak: Decimal
) -> dict[str, list[Decimal]]:
    """The limits of every period in this stretch, in kWh."""

    def end(limit: Limit) -> Decimal:
        size = part.days if limit.daily else part.share
        ends = []
        if limit.amount is not None:
            ends.append(limit.amount * size * (peak if limit.per_kw else 1))
        if limit.hours is not None:
            ends.append(limit.hours * size * peak)
        return min(ends)

    return {period.name: [end(limit) for limit in period.limits] for period in periods}


def ladders_in(periods: tuple[Period, ...], month: int) -> set[Any]:
    """The ladders in force in a month."""
    names = set(month_hours(periods, month).values())
    return {
        (period.prices, period.limits)
        for period in periods
        if period.name in names and period.limits
    }


def season_spans(part: Stretch, periods: tuple[Period, ...]) -> list[Stretch]:
    """A billing period cut where other ladders come into force."""
    zone = ZoneInfo(part.plan.timezone)
    firsts = month_edges(part.start, part.end, zone)[1:-1]
    cuts = [
        midnight(day, zone)
        for day in firsts
        if ladders_in(periods, day.month) != ladders_in(periods, (day.month - 2) % 12 + 1)
    ]
    edges = [part.start, *cuts, part.end]
    return [
        replace(part, start=a, end=b, pieces=[p for p in part.pieces if a <= p.start < b])
        for a, b in pairwise(edges)
    ]


def counted(part: Stretch, periods: tuple[Period, ...], reset: str) -> Iterable[Stretch]:
    """The stretches whose kWh fill tiers: days, or the seasons within a billing period."""
    if not any(period.limits for period in periods):
        return [part]
    return part.by_day() if reset == "day" else season_spans(part, periods)


def energy_rows(part: Stretch, left: dict[str, Decimal] | None) -> Rows:
    """Energy rows; `left` by net metering, else what is imported.

    Each ladder counts the kWh of the days on which it is in force. What net metering leaves of a
    period is spread over the days as the imports of the period are.
    """
    plan = part.plan
    imported = by_name(imports(part))
    rows = []
    for span in counted(part, plan.periods, plan.tier_reset):
        used = imports(span)
        if left is not None:
            period_of = {period.name: period for period in plan.periods}
            used = [
                (period_of[name], left[name] * kwh / imported[name] if imported[name] else ZERO)
                for name, kwh in by_name(used).items()
            ]
        rows.append(by_tier(span, used, plan.tier_rule, part.peak))
    return added(rows)


def by_name(used: Iterable[tuple[Period, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for period, kwh in used:
        sums[period.name] += kwh
    return sums


def by_tier(
    part: Stretch,
    used: list[tuple[Period, Decimal]],
    rule: str | None,
    peak: Decimal,
    kind: str = "energy",
) -> Rows:
    """Rows from kWh by period, in time order; exports earn."""
    periods = part.plan.periods
    if kind == "export":
        assert part.plan.export is not None
        periods = part.plan.export.periods
    limits = limits_kwh(periods, part, peak)
    sign = -1 if kind == "export" else 1
    rows: Rows = {}

    def add(period: Period, tier: int, kwh: Decimal) -> None:
        name = f"{kind} {period.name}" + (f" tier {tier + 1}" if len(period.prices) > 1 else "")
        row = rows.setdefault(name, [ZERO, ZERO])
        row[0] += kwh
        row[1] += sign * kwh * period.prices[tier]

    if rule in (None, "chronological"):
        running = ZERO
        for period, kwh in used:
            for tier, inside in ladder(period.prices, limits[period.name], running, running + kwh):
                add(period, tier, inside)
            running += kwh
        return rows
    sums: dict[str, Decimal] = defaultdict(Decimal)
    period_of = {period.name: period for period, _ in used}
    for period, kwh in used:
        sums[period.name] += kwh
    total = sum(sums.values(), ZERO)
    for name, kwh in sums.items():
        period = period_of[name]
        filled = total if rule == "prorate" else kwh
        for tier, inside in ladder(period.prices, limits[period.name], ZERO, filled):
            add(period, tier, inside * kwh / filled if filled else ZERO)
    return rows


def added(rows: Iterable[Rows]) -> Rows:
    """Rows of the same name together."""
    sums: Rows = {}
    for each in rows:
        for name, (quantity, cost) in each.items():
            row = sums.setdefault(name, [ZERO, ZERO])
            row[0] += quantity
            row[1] += cost
    return sums


# --- the parts of a bill


def imports(part: Stretch) -> list[tuple[Period, Decimal]]:
    find = finder(part.plan.periods)
    return [(find(piece.clock), piece.imported) for piece in part.pieces]


def exports(part: Stretch) -> list[tuple[Period, Decimal]]:
    assert part.plan.export is not None
    find = finder(part.plan.export.periods)
    return [(find(piece.clock), piece.exported) for piece in part.pieces]


def series_rows(part: Stretch) -> Rows:
    price = series_finder(part.plan.series)
    cost = sum((piece.imported * price(piece.start) for piece in part.pieces), ZERO)
    return {"energy all": [total_import(part), cost]}


def total_import(part: Stretch) -> Decimal:
    return sum((piece.imported for piece in part.pieces), ZERO)


def net_cells(part: Stretch) -> dict[tuple[str, str], Decimal]:
    """Imports less exports by import period and export period ("" where there are none)."""
    find = finder(part.plan.periods) if part.plan.periods else None
    export = part.plan.export
    assert export is not None
    find_export = finder(export.periods) if export.periods else None
    net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for piece in part.pieces:
        name = find(piece.clock).name if find else "all"
        earns = find_export(piece.clock).name if find_export else ""
        net[name, earns] += piece.imported - piece.exported
    return net


def netted(part: Stretch, memory: Memory) -> tuple[dict[str, Decimal], Rows]:
    """Net metering: what is left to pay by period, and what becomes of the surplus."""
    export = part.plan.export
    assert export is not None
    rows: Rows = {}
    used: dict[str, Decimal] = defaultdict(Decimal)
    net = net_cells(part)
    if export.carry_over == "year":
        return carried_kwh(part, memory, {name: kwh for (name, _), kwh in net.items()})
    prices = {period.name: period.prices[0] for period in export.periods}
    for (name, earns), kwh in net.items():
        used[name] += max(kwh, ZERO)
        surplus = max(-kwh, ZERO)
        row = rows.setdefault(f"export {earns or name}", [ZERO, ZERO])
        row[0] += surplus
        row[1] -= surplus * prices.get(earns, export.payout)
    return used, {name: row for name, row in rows.items() if row[0]}


def carried_kwh(
    part: Stretch, memory: Memory, net: dict[str, Decimal]
) -> tuple[dict[str, Decimal], Rows]:
    """Net metering by the year: kWh serve the same hours in the next billing period."""
    export = part.plan.export
    assert export is not None
    week, *later = weeks_of(part)
    brought = brought_forward(memory, week)
    due = {name: net.get(name, ZERO) - brought.get(name, ZERO) for name in week.cells}
    for following in later:  # a season that ends within the billing period leaves its surplus
        over = {
            name: -kwh
            for name, kwh in due.items()
            if kwh < 0 and week.cells[name] and not following.cells[name]
        }
        for name, kwh in over.items():
            due[name] += kwh
            due[successor(name, week, following)] -= kwh
        week = following
    used = {name: max(kwh, ZERO) for name, kwh in due.items()}
    bank = {name: max(-kwh, ZERO) for name, kwh in due.items()}
    memory.pool = max(memory.pool - sum(net.values(), ZERO), ZERO)
    memory.bank, memory.week = bank, week
    if not settles(part, memory):
        return used, {}
    left = sum(bank.values(), ZERO)
    paid = left if export.true_up_on == "period" else memory.pool
    memory.bank, memory.pool = {}, ZERO
    return used, {"carry over": [left, -paid * export.payout]}


def export_rows(part: Stretch) -> Rows:
    export = part.plan.export
    rows: Rows = {}
    if export is None:  # earns nothing, and says how much of it there was
        return {"export all": [sum((piece.exported for piece in part.pieces), ZERO), ZERO]}
    if not export.series:
        spans = counted(part, export.periods, export.tier_reset)
        rule = export.tier_rule
        return added(by_tier(each, exports(each), rule, part.peak, "export") for each in spans)
    series_price = series_finder(export.series)
    for piece in part.pieces:
        row = rows.setdefault("export all", [ZERO, ZERO])
        row[0] += piece.exported
        row[1] -= piece.exported * series_price(piece.start)
    return rows


def measured(
    whens: tuple[When, ...], minutes: int, part: Stretch, peaks: int = 1
) -> Decimal | None:
    """Mean of the highest daily peaks of the mean power in the hours.

    None where there are no such hours in this billing period.
    """
    is_measured = hours_finder(whens)
    buckets: dict[tuple[date, object, int], list[Decimal]] = {}
    for piece in part.pieces:
        if is_measured(piece.clock):
            local, hour = piece.local, piece.hour
            clocks = local.utcoffset(), hour.date(), hour.utcoffset()
            key = (local.date(), clocks, piece.clock.minute // minutes)
            bucket = buckets.setdefault(key, [ZERO, ZERO])
            bucket[0] += piece.imported
            bucket[1] += piece.hours
    by_day: dict[date, Decimal] = {}
    for (day, _, _), (kwh, hours) in buckets.items():
        by_day[day] = max(by_day.get(day, ZERO), kwh / hours)
    highest = sorted(by_day.values(), reverse=True)[:peaks]
    return sum(highest, ZERO) / len(highest) if highest else None


def billing_demand(charge: Demand, part: Stretch, memory: Memory) -> Decimal | None:
    """The kW to pay; earlier billing periods count with the hours of the charge in every month."""
    whens = (charge.when, *charge.also)
    own = measured(whens, charge.minutes, part, charge.peaks)
    past = [(day.month, kw) for day, kw in memory.demand[charge.name] if day < part.cycle.first]
    if own is None:
        return None
    own = max(own, charge.minimum_kw)
    if charge.trailing_months > 1:
        earlier = past[-(charge.trailing_months - 1) :]
        known = [own, *(kw for _, kw in earlier if kw is not None)]
        return sum(known, ZERO) / len(known)
    ratchet = charge.ratchet
    if ratchet is None:
        return own
    before = [kw or ZERO for month, kw in past[-ratchet.months :] if month in ratchet.of_months]
    return max([own, *(ratchet.share * kw for kw in before)])


def demand_rows(part: Stretch, memory: Memory) -> Rows:
    rows: Rows = {}
    for charge in part.plan.demands:
        demand = billing_demand(charge, part, memory)
        if demand is None:
            continue
        months = tuple({*charge.when.months}) if charge.per_day else ()
        times = part.days_in(months) if charge.per_day else part.share
        for tier, kw in ladder(charge.prices, list(charge.limits_kw), ZERO, demand):
            name = f"demand {charge.name}" + (f" tier {tier + 1}" if len(charge.prices) > 1 else "")
            rows[name] = [kw, kw * charge.prices[tier] * times]
        if charge.amounts:
            tier = sum(demand > limit for limit in charge.limits_kw)
            name = f"demand {charge.name}" + (f" tier {tier + 1}" if len(charge.prices) > 1 else "")
            rows[name][1] += charge.amounts[tier] * part.share
    return rows


def timed_adder_rows(part: Stretch, charged: dict[str, Decimal]) -> Rows:
    """Adders by hour: charged energy of a period follows the hours of its imports."""
    plan = part.plan
    energy_period = finder(plan.periods) if plan.periods else None
    rows: Rows = {}
    for name, periods in plan.timed_adders:
        find = finder(periods)
        imported: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        total: dict[str, Decimal] = defaultdict(Decimal)
        for piece in part.pieces:
            energy = energy_period(piece.clock).name if energy_period else "all"
            imported[energy, find(piece.clock).name] += piece.imported
            total[energy] += piece.imported
        prices = {period.name: period.prices[0] for period in periods}
        for (energy, own), kwh in imported.items():
            used = kwh
            if name not in plan.non_bypassable:
                used = kwh * charged[energy] / total[energy] if total[energy] else ZERO
            # A bill shows the name of a period where there are several.
            row = rows.setdefault(
                f"adder {name}" + (f" {own}" if len(periods) > 1 else ""), [ZERO, ZERO]
            )
            row[0] += used
            row[1] += used * prices[own]
    return rows


def group(rows: Rows, *kinds: str) -> Decimal:
    return sum((row[1] for name, row in rows.items() if name.split()[0] in kinds), ZERO)


def settles(part: Stretch, memory: Memory) -> bool:
    """Whether what is carried is settled: a true-up, or an end without a plan that continues it."""
    export = part.plan.export
    assert export is not None
    true_up = part.cycle.first.month == export.true_up_month and part.end == part.cycle.end
    return true_up or ends(part, memory)


def ends(part: Stretch, memory: Memory) -> bool:
    """Whether the plan ends within the window, and the next one does not continue its balance."""
    if memory.continues:
        return False
    return part.end == part.plan.end and part.end < memory.end


def continues(plan: Plan, following: Plan | None) -> bool:
    """Whether a plan takes the balance of another over: the same way to settle exports."""
    if following is None or plan.export is None or following.export is None:
        return False
    return all(
        getattr(plan.export, name) == getattr(following.export, name)
        for name in ("mode", "carry_over", "has_credit")
    )


def carried(part: Stretch, rows: Rows, memory: Memory) -> Rows:
    """Credit: what exceeds the charges that it may pay waits for the next period."""
    export = part.plan.export
    if export is None or not export.has_credit:
        return {}
    payable = {
        name: row
        for name, row in rows.items()
        if name.split()[0] in export.credit_on
        and not (name.startswith("adder") and name.split()[1] in part.plan.non_bypassable)
    }
    charges = sum((cost for _, cost in payable.values()), ZERO)
    earned = -group(rows, "export", "carry")
    usable = memory.credit if export.credit_next_month else memory.credit + earned
    left = memory.credit + earned - min(usable, max(charges, ZERO))
    change = left - memory.credit
    memory.credit = left
    if ends(part, memory) if export.payout_as_credit else settles(part, memory):
        memory.paid = export.payout_share * left
        change -= memory.paid
        memory.credit = ZERO
    name = "carry over credit" if export.payout_as_credit else "carry over"
    return {name: [ZERO, change]}


def left_to_pay(part: Stretch, rows: Rows, memory: Memory) -> Decimal:
    """What exports and credit leave of the charges; what is paid out does not count."""
    charges = group(rows, "energy", "demand", "fixed", "adder")
    export = part.plan.export
    if export is not None and export.mode == "buy_all_sell_all":
        return charges
    offsets = group(rows, "export")
    if export is not None and export.has_credit:
        offsets += group(rows, "carry") + memory.paid
    return max(charges + offsets, min(charges, ZERO))


def minimum_rows(part: Stretch, rows: Rows, memory: Memory) -> Rows:
    plan, year = part.plan, part.cycle.first.year
    so_far = left_to_pay(part, rows, memory)
    top_up = ZERO
    if plan.min_month is not None or plan.min_day is not None:
        least = (plan.min_month or ZERO) * part.share + (plan.min_day or ZERO) * part.days
        top_up = max(least - so_far, ZERO)
    memory.year[year] += so_far + top_up
    zone = ZoneInfo(plan.timezone)
    whole = memory.begin <= midnight(date(year, 1, 1), zone) and part.end == midnight(
        date(year + 1, 1, 1), zone
    )
    if plan.min_year is not None and whole and not memory.dated:
        top_up += max(plan.min_year - memory.year[year], ZERO)
    return {"minimum": [ZERO, top_up]} if top_up else {}


def bill_stretch(part: Stretch, memory: Memory) -> Rows:
    plan = part.plan
    by_period: dict[str, Decimal] = defaultdict(Decimal)
    if plan.series:
        rows = export_rows(part) | series_rows(part)
        by_period["all"] = total_import(part)
    elif plan.export is not None and plan.export.mode == "net_metering":
        used, rows = netted(part, memory)
        rows |= energy_rows(part, used)
        by_period |= used
    else:
        rows = export_rows(part) | energy_rows(part, None)
        by_period |= by_name(imports(part))
    charged = sum(by_period.values(), ZERO)
    rows |= demand_rows(part, memory)
    rows |= {
        f"fixed {n}": [part.days, daily * part.days + monthly * part.share]
        for n, daily, monthly in plan.fixed
    }
    for name, price in plan.adders:
        kwh = total_import(part) if name in plan.non_bypassable else charged
        rows[f"adder {name}"] = [kwh, kwh * price]
    rows |= timed_adder_rows(part, by_period)
    rows |= carried(part, rows, memory)
    rows |= minimum_rows(part, rows, memory)
    base = dict(rows)
    for tax in plan.taxes:
        # By day: a billing period that lies in the months in part is taxed in part.
        in_months = part.days_in(tax.months) / part.days if tax.months != MONTHS else 1
        rows[f"tax {tax.name}"] = [ZERO, tax.share * group(base, *tax.on) * in_months]
    return rows


def demand_history(charge: Demand, every: list[Stretch]) -> list[tuple[date, Decimal | None]]:
    """The demand of all billing periods of the energy, and what it was in the year before.

    It is that of the energy itself, if that is one year: its end is put before its beginning.
    """
    any_month = tuple(replace(when, months=MONTHS) for when in (charge.when, *charge.also))
    history = []
    for part in every:
        kw = measured(any_month, charge.minutes, part, charge.peaks)
        history.append((part.cycle.first, None if kw is None else max(kw, charge.minimum_kw)))
    days = sum((part.days for part in every), ZERO)
    is_whole = all(part.start == part.cycle.start for part in every)
    is_whole = is_whole and all(part.end == part.cycle.end for part in every)
    if len(every) != 12 or days not in (365, 366) or not is_whole:
        return history
    # Only the month counts, and the 28th is in all of them.
    year_before = [(date(1, day.month, 28), kw) for day, kw in history]
    return year_before + history


def stretches(
    plan: Plan, profile: Profile, start: datetime, end: datetime, edges: Iterable[date] | None
) -> list[Stretch]:
    """The billing periods within a time."""
    zone = ZoneInfo(plan.timezone)
    every = pieces(plan, profile, start, end)
    parts = []
    for cycle in cycles(edges or month_edges(start, end, zone), zone):
        a, b = max(start, cycle.start), min(end, cycle.end)
        if a < b:  # billing periods begin on the grid of the clock: no piece lies across
            inside = [piece for piece in every if a <= piece.start < b]
            parts.append(Stretch(plan, cycle, a, b, inside))
    return parts


def bill(plans: Iterable[Plan], profile: Profile, edges: Iterable[date] | None = None) -> Bill:
    """The bill of a site: (month, component) to quantity and cost."""
    result: Bill = {}
    in_order = list(plans)
    before: Memory | None = None
    for plan, following in zip(in_order, [*in_order[1:], None], strict=True):
        start, end = (
            max(profile.start, plan.start or profile.start),
            min(profile.end, plan.end or profile.end),
        )
        if start >= end:
            continue
        memory = Memory(start, profile.end, edges is not None)
        if before is not None:
            memory.bank, memory.week = before.bank, before.week
            memory.pool, memory.credit = before.pool, before.credit
        memory.continues = continues(plan, following) and end < profile.end
        parts = stretches(plan, profile, start, end, edges)
        looking_back = [each for each in plan.demands if each.ratchet or each.trailing_months > 1]
        if looking_back:
            # What a site drew counts whichever plan was in force.
            every = stretches(plan, profile, profile.start, profile.end, edges)
            for charge in looking_back:
                memory.demand[charge.name] = demand_history(charge, every)
        for part in parts:
            label = f"{part.cycle.first:%Y-%m-%d}" if edges else f"{part.cycle.first:%Y-%m}"
            memory.paid = ZERO
            _add(result, label, bill_stretch(part, memory))
        before = memory if memory.continues else None
    return result


def _add(result: Bill, label: str, rows: Rows) -> None:
    for name, (quantity, cost) in rows.items():
        row = result.setdefault((label, name), [ZERO, ZERO])
        row[0] += quantity
        row[1] += cost
