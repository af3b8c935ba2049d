"""A what-if in plain loops over one home, with datetime and zoneinfo; it uses nothing of flipkit.

Written from the documentation alone: load, then solar, then the car, then the battery, then net
import and export, then the price at the local time, then bills by local month. Slow and plain on
purpose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cached_property
from math import gcd
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# From minute to minute of the day (the end may be the smaller) -> price.
Hours = dict[tuple[int, int], float]


class Shift(NamedTuple):
    share: float
    taken: tuple[int, int]
    given: tuple[int, int]


class Car(NamedTuple):
    stays: dict[str, tuple[int, int, float]]  # day of arrival -> minutes of the day, kWh
    power_kw: float


class Battery(NamedTuple):
    capacity_kwh: float
    power_kw: float
    charge: float
    discharge: float
    reserve: float
    begins: float


@dataclass(frozen=True)
class Plan:
    """What is different from the home as it is."""

    name: str
    bought: Hours
    sold: Hours | None = None
    scale: float = 1.0
    shift: Shift | None = None
    # Minutes of a step, from the beginning of the energy, and kWh of each step.
    added: tuple[int, list[float]] | None = None
    solar: float = 0.0  # kWh added per kWh of generation
    car: Car | None = None
    battery: Battery | None = None


@dataclass(frozen=True)
class Home:
    site_id: str
    zone: str
    start: datetime
    step: int  # minutes
    used: list[float]
    made: list[float]

    @property
    def hours(self) -> float:
        return self.step / 60

    @property
    def end(self) -> datetime:
        return self.start + len(self.used) * self.step * MINUTE

    def begin(self, number: int) -> datetime:
        return self.start + number * self.step * MINUTE

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone))

    @cached_property
    def local_starts(self) -> list[datetime]:
        return [self.local(self.begin(n)) for n in range(len(self.used))]


@dataclass
class Result:
    """Lists by interval, and bills: (month, component) -> kWh and money, unrounded."""

    used: list[float]
    made: list[float]
    car: list[float]
    charge: list[float]
    discharge: list[float]
    stored: list[float | None]
    bought: list[float]
    sold: list[float]
    paid: list[float]
    earned: list[float]
    bills: dict[tuple[str, str], list[float]]
    cycles: float | None
    stored_more: float  # at the end than at first, kWh
    stored_value: float  # what that would save
    sold_made: float  # generation exported, directly or stored, with its losses
    bought_used: float  # consumption that generation does not serve
    findings: set[str]


def evaluate(home: Home, plan: Plan) -> Result:
    scaled = [kwh * plan.scale for kwh in home.used]
    used = added(home, shifted(home, scaled, plan.shift), plan.added)
    made = [kwh * (1 + plan.solar) for kwh in home.made]
    car, unserved = charged(home, plan.car)
    used = [a + b for a, b in zip(used, car, strict=True)]
    charge, discharge, stored, cycles = run(home, used, made, plan.battery)
    net = [u - m + c - d for u, m, c, d in zip(used, made, charge, discharge, strict=True)]
    bought = [max(each, 0.0) for each in net]
    sold = [max(-each, 0.0) for each in net]

    bills: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    quantum = finest(home, plan)
    parts = [list(pieces(home, number, quantum)) for number in range(len(net))]
    paid = add_to_bills(bills, "import", 1, parts, bought, plan.bought)
    earned = add_to_bills(bills, "export", -1, parts, sold, plan.sold)
    if not any(made) and not any(sold):
        bills = {key: row for key, row in bills.items() if key[1] == "import"}

    stored_more, stored_value = left_at_end(home, plan, used, made, stored, parts)
    sold_made, bought_used = sources(used, made, charge, discharge, plan.battery)
    findings = set()
    if round(stored_more, 2) != 0 or round(stored_value, 2) != 0:
        findings.add("simulate.stored_energy")
    if is_coarse(parts, plan):
        findings.add("interval.coarse")
    if unserved:
        findings.add("ev.unserved")
    if plan.sold is None and round(sum(sold), 6) > 0:
        findings.add("simulate.no_export_price")
    return Result(
        used=used,
        made=made,
        car=car,
        charge=charge,
        discharge=discharge,
        stored=stored,
        bought=bought,
        sold=sold,
        paid=paid,
        earned=earned,
        bills=bills,
        cycles=cycles,
        stored_more=stored_more,
        stored_value=stored_value,
        sold_made=sold_made,
        bought_used=bought_used,
        findings=findings,
    )


def is_coarse(parts: list[list[tuple[datetime, float]]], plan: Plan) -> bool:
    """Whether the price or the month changes within an interval."""
    for prices in (plan.bought, plan.sold or {(0, 0): 0.0}):
        for pieces_of in parts:
            places = set()
            for local, _ in pieces_of:
                minute = local.hour * 60 + local.minute
                places.add((f"{local:%Y-%m}", price(prices, minute)))
            if len(places) > 1:
                return True
    return False


def add_to_bills(
    bills: dict[tuple[str, str], list[float]],
    component: str,
    sign: int,
    parts: list[list[tuple[datetime, float]]],
    kwh: list[float],
    prices: Hours | None,
) -> list[float]:
    """Add energy and its cost to the bills by local month; return the cost of each interval."""
    costs = [0.0] * len(kwh)
    for number in range(len(kwh)):
        for local, share in parts[number]:
            minute = local.hour * 60 + local.minute
            per_kwh = 0.0 if prices is None else price(prices, minute)
            cost = kwh[number] * share * per_kwh
            costs[number] += cost
            row = bills[f"{local:%Y-%m}", component]
            row[0] += kwh[number] * share
            row[1] += sign * cost
    return costs


def finest(home: Home, plan: Plan) -> int:
    """Minutes of a piece in which no price and no month changes."""
    edges = []
    for hours in [*plan.bought, *(plan.sold or {})]:
        edges += hours
    # Local clocks are changed by half an hour or a whole one.
    return gcd(home.step, home.start.minute, 30, *edges)


def pieces(home: Home, number: int, quantum: int) -> Iterator[tuple[datetime, float]]:
    for part in range(home.step // quantum):
        yield home.local(home.begin(number) + part * quantum * MINUTE), quantum / home.step


def within(hours: tuple[int, int], minute: int) -> bool:
    begin, end = hours
    return begin <= minute < end if begin < end else minute < end or minute >= begin


def price(prices: Hours, minute: int) -> float:
    [found] = [each for hours, each in prices.items() if within(hours, minute)]
    return found


def minutes_within(home: Home, hours: tuple[int, int], begin: datetime, end: datetime) -> int:
    quantum = gcd(home.start.minute, home.step, 30, *hours)
    count, inside = int((end - begin) / MINUTE) // quantum, 0
    for part in range(count):
        local = home.local(begin + part * quantum * MINUTE)
        inside += quantum * within(hours, local.hour * 60 + local.minute)
    return inside


def midnight(zone: str, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def shifted(home: Home, used: list[float], shift: Shift | None) -> list[float]:
    if shift is None:
        return used
    spans = [(home.begin(n), home.begin(n + 1)) for n in range(len(used))]
    days = [moment.date() for moment in home.local_starts]
    room = [minutes_within(home, shift.given, *span) for span in spans]
    there: dict[date, int] = defaultdict(int)
    for day, minutes in zip(days, room, strict=True):
        there[day] += minutes
    whole = {
        day: minutes_within(
            home,
            shift.given,
            midnight(home.zone, day),
            midnight(home.zone, day + timedelta(days=1)),
        )
        for day in there
    }
    moved: dict[date, float] = defaultdict(float)
    out = []
    for kwh, span, day in zip(used, spans, days, strict=True):
        most = max(there[day], whole[day])
        known = there[day] / most if most else 0.0  # what would go to hours without data stays
        taken = kwh * shift.share * known * minutes_within(home, shift.taken, *span) / home.step
        moved[day] += taken
        out.append(kwh - taken)
    return [
        kwh + (moved[day] * minutes / there[day] if there[day] else 0.0)
        for kwh, day, minutes in zip(out, days, room, strict=True)
    ]


def added(home: Home, used: list[float], more: tuple[int, list[float]] | None) -> list[float]:
    if more is None:
        return used
    step, kwh = more
    out = list(used)
    for number in range(len(used)):
        begin, end = number * home.step, (number + 1) * home.step
        for other in range(begin // step, -(-end // step)):
            overlap = min(end, (other + 1) * step) - max(begin, other * step)
            out[number] += kwh[other] * overlap / step
    return out


def charged(home: Home, car: Car | None) -> tuple[list[float], bool]:
    """Full power from arrival until it is charged or leaves, cut to the window of the energy."""
    out, unserved = [0.0] * len(home.used), False
    first, last = home.local(home.start).date() - timedelta(days=2), home.local(home.end).date()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        stay = car.stays.get(DAYS[day.weekday()]) if car else None
        if car is None or stay is None:
            continue
        arrive, leave, energy = stay
        begin = moment(home.zone, day, arrive)
        end = moment(home.zone, day if leave > arrive else day + timedelta(days=1), leave)
        if not (begin < home.end and end > home.start):
            continue
        hours = (end - begin) / timedelta(hours=1)
        took = min(energy / car.power_kw if car.power_kw else 0.0, hours)
        unserved |= energy - car.power_kw * hours > 1e-5
        done = begin + timedelta(hours=took)
        near = int((begin - home.start) / MINUTE) // home.step - 1
        for n in range(max(0, near), min(len(out), near + 3 + int(took * 60) // home.step)):
            overlap = min(done, home.begin(n + 1)) - max(begin, home.begin(n))
            if overlap > timedelta(0):
                out[n] += car.power_kw * (overlap / timedelta(hours=1))
    return out, unserved


def moment(zone: str, day: date, minute: int) -> datetime:
    """A local time in UTC: the first of two; a skipped one by the offset before the change."""
    local = datetime.combine(day, time(minute // 60, minute % 60))
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


Run = tuple[list[float], list[float], list[float | None], float | None]


def run(
    home: Home,
    used: list[float],
    made: list[float],
    battery: Battery | None,
    begins: float | None = None,
) -> Run:
    """Surplus charges the battery, deficit discharges it; in fractions, so nothing is rounded.

    `begins` is what it stores at first, kWh.
    """
    if battery is None:
        return [0.0] * len(used), [0.0] * len(used), [None] * len(used), None
    size, into, out = (
        Fraction(battery.capacity_kwh),
        Fraction(battery.charge),
        Fraction(battery.discharge),
    )
    floor, most = size * Fraction(battery.reserve), Fraction(battery.power_kw) * home.step / 60
    held, drawn = size * Fraction(battery.begins), Fraction(0)
    if begins is not None:
        held = Fraction(begins)
    charge, discharge, stored = [], [], []
    for u, m in zip(used, made, strict=True):
        net = Fraction(u) - Fraction(m)
        put = min(max(-net, Fraction(0)), most, (size - held) / into)
        got = min(max(net, Fraction(0)), most, (held - floor) * out)
        held += put * into - got / out
        held = Fraction(float(held)).limit_denominator(10**15)  # or fractions grow without end
        drawn += got / out
        charge.append(float(put))
        discharge.append(float(got))
        stored.append(float(held))
    return charge, discharge, stored, float(drawn / size) if size else 0.0


def left_at_end(
    home: Home,
    plan: Plan,
    used: list[float],
    made: list[float],
    stored: list[float | None],
    parts: list[list[tuple[datetime, float]]],
) -> tuple[float, float]:
    """How much more is stored at the end than at first, and what that saves.

    The last seven days, or the whole days that there are, come again and again for a year: once
    with what is stored at the end, once with what was stored at first.
    """
    battery = plan.battery
    if battery is None or stored[-1] is None:
        return 0.0, 0.0
    first, last = battery.capacity_kwh * battery.begins, stored[-1]
    more = last - first
    if abs(more) <= 1e-6:
        return 0.0, 0.0
    count, per_day = len(used), 24 * 60 // home.step
    for days in (7, 6, 5, 4, 3, 2, 1):
        if count >= days * per_day:
            count = days * per_day
            break
    again_used, again_made = used[-count:], made[-count:]
    again_parts = parts[-count:]
    value = 0.0
    for _ in range(52):
        costs, ends = [], []
        for begins in (first, last):
            charge, discharge, levels, _ = run(home, again_used, again_made, battery, begins)
            cost = 0.0
            for n in range(count):
                net = again_used[n] - again_made[n] + charge[n] - discharge[n]
                prices = plan.bought if net > 0 else plan.sold
                for local, share in again_parts[n]:
                    if prices is not None:
                        cost += net * share * price(prices, local.hour * 60 + local.minute)
            costs.append(cost)
            ends.append(levels[-1])
        value += costs[0] - costs[1]
        first, last = ends
        if abs(last - first) < 1e-6:
            break
    return more, value


def sources(
    used: list[float],
    made: list[float],
    charge: list[float],
    discharge: list[float],
    battery: Battery | None,
) -> tuple[float, float]:
    """Generation exported with its losses, and consumption that generation does not serve.

    Written as a ledger of two kinds of energy, own and other: each kWh drawn takes of both what
    their shares are.
    """
    own, other = 0.0, 0.0
    if battery is not None:
        other = battery.capacity_kwh * (battery.begins - battery.reserve)
    sold_made, bought_used = 0.0, 0.0
    for u, m, c, d in zip(used, made, charge, discharge, strict=True):
        rest, lacking = max(m - u, 0.0), max(u - m, 0.0)
        if battery is None:
            sold_made += rest
            bought_used += lacking
            continue
        surplus_in = min(rest, c)
        sold_made += rest - surplus_in
        share = own / (own + other) if own + other > 1e-9 * battery.capacity_kwh else 0.0
        served = min(d, lacking)
        bought_used += lacking - served * share
        sold_made += (d - served) * share / (battery.charge * battery.discharge)
        own += surplus_in * battery.charge - d / battery.discharge * share
        other += (c - surplus_in) * battery.charge - d / battery.discharge * (1.0 - share)
        own, other = max(own, 0.0), max(other, 0.0)
    return sold_made, bought_used


def in_cents(amount: float) -> tuple[float, bool]:
    """Rounded half to even, and whether it is so near a tie that the last bit decides."""
    exact = Decimal(amount)
    near = abs(abs(exact * 100 % 1) - Decimal("0.5")) < Decimal("1e-6")
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)), near
