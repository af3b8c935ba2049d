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
from functools import cache, cached_property, lru_cache, partial
from itertools import pairwise
from math import gcd
from typing import NamedTuple
from zoneinfo import ZoneInfo

from support.bill_plan import MONTHS, ZERO, Demand, Period, Plan, Profile, Series, When

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
    bank: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    credit: Decimal = ZERO
    demand: dict[str, list[tuple[int, Decimal]]] = field(default_factory=lambda: defaultdict(list))
    year: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


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


def limits_kwh(periods: tuple[Period, ...], part: Stretch) -> dict[str, list[Decimal]]:
    """The limits of every period in this billing period, in kWh."""
    days, share, peak = part.days, part.share, part.peak
    return {
        period.name: [
            limit.amount * (days if limit.daily else share) * (peak if limit.per_kw else 1)
            for limit in period.limits
        ]
        for period in periods
    }


def by_tier(part: Stretch, used: list[tuple[Period, Decimal]]) -> Rows:
    """Energy rows from kWh by period, in time order."""
    plan, limits = part.plan, limits_kwh(part.plan.periods, part)
    rows: Rows = {}

    def add(period: Period, tier: int, kwh: Decimal) -> None:
        name = f"energy {period.name}" + (f" tier {tier + 1}" if len(period.prices) > 1 else "")
        row = rows.setdefault(name, [ZERO, ZERO])
        row[0] += kwh
        row[1] += kwh * period.prices[tier]

    if plan.tier_rule in (None, "chronological"):
        running = ZERO
        for period, kwh in used:
            for tier, inside in ladder(period.prices, limits[period.name], running, running + kwh):
                add(period, tier, inside)
            running += kwh
        return rows
    sums: dict[str, Decimal] = defaultdict(Decimal)
    by_name = {period.name: period for period, _ in used}
    for period, kwh in used:
        sums[period.name] += kwh
    total = sum(sums.values(), ZERO)
    for name, kwh in sums.items():
        period = by_name[name]
        filled = total if plan.tier_rule == "prorate" else kwh
        for tier, inside in ladder(period.prices, limits[period.name], ZERO, filled):
            add(period, tier, inside * kwh / filled if filled else ZERO)
    return rows


# --- the parts of a bill


def imports(part: Stretch) -> list[tuple[Period, Decimal]]:
    find = finder(part.plan.periods)
    return [(find(piece.clock), piece.imported) for piece in part.pieces]


def series_rows(part: Stretch) -> Rows:
    price = series_finder(part.plan.series)
    cost = sum((piece.imported * price(piece.start) for piece in part.pieces), ZERO)
    return {"energy all": [total_import(part), cost]}


def total_import(part: Stretch) -> Decimal:
    return sum((piece.imported for piece in part.pieces), ZERO)


def netted(part: Stretch, memory: Memory) -> tuple[list[tuple[Period, Decimal]], Rows]:
    """Net metering: what is left to pay by period, and what becomes of the surplus."""
    plan, export = part.plan, part.plan.export
    assert export is not None
    net: dict[str, Decimal] = defaultdict(Decimal)
    periods, find = {}, finder(plan.periods)
    for piece in part.pieces:
        period = find(piece.clock)
        periods[period.name] = period
        net[period.name] += piece.imported - piece.exported
    used, rows = [], {}
    for name, kwh in net.items():
        after = kwh - memory.bank.pop(name, ZERO)
        used.append((periods[name], max(after, ZERO)))
        surplus = max(-after, ZERO)
        if export.carry_over == "year":
            memory.bank[name] = surplus
        elif surplus:
            rows[f"export {name}"] = [surplus, -surplus * export.payout]
    if export.carry_over == "year" and settles(part, memory):
        left = sum(memory.bank.values(), ZERO)
        rows["carry over"] = [left, -left * export.payout]
        memory.bank.clear()
    return used, rows


def export_rows(part: Stretch) -> Rows:
    export = part.plan.export
    rows: Rows = {}
    if export is None:  # earns nothing, and says how much of it there was
        return {"export all": [sum((piece.exported for piece in part.pieces), ZERO), ZERO]}
    find = finder(export.periods)
    series_price = series_finder(export.series)
    for piece in part.pieces:
        if export.series:
            name, price = "all", series_price(piece.start)
        else:
            period = find(piece.clock)
            name, price = period.name, period.prices[0]
        row = rows.setdefault(f"export {name}", [ZERO, ZERO])
        row[0] += piece.exported
        row[1] -= piece.exported * price
    return rows


def measured(whens: tuple[When, ...], minutes: int, part: Stretch) -> Decimal | None:
    """Highest mean power in the hours; None where there are none in this billing period."""
    is_measured = hours_finder(whens)
    buckets: dict[tuple[object, ...], list[Decimal]] = {}
    for piece in part.pieces:
        if is_measured(piece.clock):
            clocks = piece.local, piece.hour
            days = [(each.date(), each.utcoffset()) for each in clocks]
            key = (*days, piece.clock.minute // minutes)
            bucket = buckets.setdefault(key, [ZERO, ZERO])
            bucket[0] += piece.imported
            bucket[1] += piece.hours
    return max((kwh / hours for kwh, hours in buckets.values()), default=None)


def billing_demand(charge: Demand, part: Stretch, memory: Memory) -> Decimal | None:
    """The kW to pay; a ratchet looks back at the hours of the charge in every month."""
    whens = (charge.when, *charge.also)
    own = measured(whens, charge.minutes, part)
    ratchet = charge.ratchet
    if ratchet is None:
        return own
    past = memory.demand[charge.name]
    before = [kw for month, kw in past[-ratchet.months :] if month in ratchet.of_months]
    any_month = tuple(replace(when, months=MONTHS) for when in whens)
    past.append((part.cycle.first.month, measured(any_month, charge.minutes, part) or ZERO))
    if own is None:
        return None
    return max([own, *(ratchet.share * kw for kw in before)])


def demand_rows(part: Stretch, memory: Memory) -> Rows:
    rows: Rows = {}
    for charge in part.plan.demands:
        demand = billing_demand(charge, part, memory)
        if demand is None:
            continue
        for tier, kw in ladder(charge.prices, list(charge.limits_kw), ZERO, demand):
            name = f"demand {charge.name}" + (f" tier {tier + 1}" if len(charge.prices) > 1 else "")
            rows[name] = [kw, kw * charge.prices[tier] * part.share]
    return rows


def group(rows: Rows, *kinds: str) -> Decimal:
    return sum((row[1] for name, row in rows.items() if name.split()[0] in kinds), ZERO)


def settles(part: Stretch, memory: Memory) -> bool:
    """Whether what is carried is settled: a true-up, or the plan's end within the window."""
    export = part.plan.export
    assert export is not None
    true_up = part.cycle.first.month == export.true_up_month and part.end == part.cycle.end
    return true_up or (part.end == part.plan.end and part.end < memory.end)


def carried(part: Stretch, rows: Rows, memory: Memory) -> Rows:
    """Net billing with credits: what exceeds the charges waits for the next period."""
    export = part.plan.export
    if export is None or export.mode != "net_billing" or export.carry_over != "credit":
        return {}
    charges = group(rows, "energy", "demand", "fixed", "adder")
    available = memory.credit - group(rows, "export")
    left = available - min(available, max(charges, ZERO))
    row = [ZERO, left - memory.credit]
    memory.credit = left
    if settles(part, memory):
        row[1] -= export.payout_share * left
        memory.credit = ZERO
    return {"carry over": row}


def minimum_rows(part: Stretch, rows: Rows, memory: Memory) -> Rows:
    plan, year = part.plan, part.cycle.first.year
    so_far = sum((cost for _, cost in rows.values()), ZERO)
    top_up = (
        max((plan.min_month or ZERO) * part.share - so_far, ZERO)
        if plan.min_month is not None
        else ZERO
    )
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
    if plan.series:
        rows = export_rows(part) | series_rows(part)
        charged = total_import(part)
    else:
        if plan.export is not None and plan.export.mode == "net_metering":
            used, rows = netted(part, memory)
        else:
            used, rows = imports(part), export_rows(part)
        rows |= by_tier(part, used)
        charged = sum((kwh for _, kwh in used), ZERO)
    rows |= demand_rows(part, memory)
    rows |= {
        f"fixed {n}": [part.days, daily * part.days + monthly * part.share]
        for n, daily, monthly in plan.fixed
    }
    rows |= {f"adder {name}": [charged, charged * price] for name, price in plan.adders}
    rows |= carried(part, rows, memory)
    rows |= minimum_rows(part, rows, memory)
    base = dict(rows)
    rows |= {f"tax {tax.name}": [ZERO, tax.share * group(base, *tax.on)] for tax in plan.taxes}
    return rows


def bill(plans: Iterable[Plan], profile: Profile, edges: Iterable[date] | None = None) -> Bill:
    """The bill of a site: (month, component) to quantity and cost."""
    result: Bill = {}
    for plan in plans:
        zone = ZoneInfo(plan.timezone)
        start, end = (
            max(profile.start, plan.start or profile.start),
            min(profile.end, plan.end or profile.end),
        )
        if start >= end:
            continue
        memory, every = (
            Memory(start, profile.end, edges is not None),
            pieces(plan, profile, start, end),
        )
        for cycle in cycles(edges or month_edges(start, end, zone), zone):
            a, b = max(start, cycle.start), min(end, cycle.end)
            if a < b:  # billing periods begin on the grid of the clock: no piece lies across
                inside = [piece for piece in every if a <= piece.start < b]
                label = f"{cycle.first:%Y-%m-%d}" if edges else f"{cycle.first:%Y-%m}"
                _add(result, label, bill_stretch(Stretch(plan, cycle, a, b, inside), memory))
    return result


def _add(result: Bill, label: str, rows: Rows) -> None:
    for name, (quantity, cost) in rows.items():
        row = result.setdefault((label, name), [ZERO, ZERO])
        row[0] += quantity
        row[1] += cost
