"""The lowest bill that a battery can reach, as a MILP written from the description of a tariff.

Shares no code with the package: time is cut into quarter hours, each looked up by local time. Every
interval has binary variables for import or export and for charge or discharge, and every tier one
that says whether it is full.
"""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from math import inf
from zoneinfo import ZoneInfo

import highspy
import numpy as np

WEEK = {"all": range(7), "weekday": range(5), "weekend": (5, 6)}
QUARTER = timedelta(minutes=15)


class Model:
    """Variables with bounds and costs, and rows of (variable, factor)."""

    def __init__(self):
        self.highs = highspy.Highs()
        tight = {"mip_rel_gap": 1e-11, "mip_abs_gap": 1e-11, "mip_feasibility_tolerance": 1e-9}
        for name, value in {"output_flag": False, "threads": 1, **tight}.items():
            self.highs.setOptionValue(name, value)
        self.costs = []

    def var(self, upper=inf, cost=0.0, *, integer=False):
        number = len(self.costs)
        self.costs.append(0.0)
        self.highs.addVar(0.0, upper)
        self.pay(number, cost)
        if integer:
            self.highs.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        return number

    def pay(self, variable, price):
        self.costs[variable] += price
        self.highs.changeColCost(variable, self.costs[variable])

    def row(self, low, high, terms):
        factors = {}
        for variable, factor in terms:
            factors[variable] = factors.get(variable, 0.0) + factor
        self.highs.addRow(
            low,
            high,
            len(factors),
            np.array(list(factors), dtype=np.int32),
            np.array([*factors.values()]),
        )

    def least(self):
        self.highs.run()
        assert self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal, (
            self.highs.getModelStatus()
        )
        return self.highs.getInfo().objective_function_value


def cheapest_bill(net, start, minutes, tariff, battery, *, done=(), upto=None):
    """Energy, adders, demand and exports with their taxes; `start` is a zoned datetime.

    `done` is charge less discharge of the first intervals, which are given. With `upto` nothing is
    used from there on, and demand is billed only for months that have begun.
    """
    model, hours = Model(), minutes / 60
    imported, exported = _battery(model, net[:upto], hours, battery, done)
    atoms = list(_atoms(start, minutes, len(net), tariff))
    for column in (imported, exported):
        column += [model.var(0.0) for _ in range(len(net) - len(column))]
    begun = {each[1] for each in atoms if upto is None or each[2] < upto}
    tax = {
        kind: 1 + sum(each.share for each in tariff.taxes if kind in each.on)
        for kind in ("energy", "adder", "demand")
    }
    share = 0.25 / hours
    for local, _, at, _, sold in atoms:
        added = sum(
            _rate_at(each.rates, local).price_per_kwh if each.rates else each.price_per_kwh
            for each in tariff.adders
        )
        model.pay(imported[at], share * tax["adder"] * added)
        model.pay(exported[at], -share * sold)
    _energy(model, atoms, imported, share, tariff, tax["energy"])
    _demand(model, atoms, imported, share, tariff, tax["demand"], begun)
    return model.least()


def _battery(model, net, hours, battery, done):
    most, capacity = battery.power_kw * hours, battery.capacity_kwh
    stored = capacity * (battery.reserve if battery.initial_soc is None else battery.initial_soc)
    imported, exported, before = [], [], None
    for number, use in enumerate(net.tolist()):
        charge = model.var(most if battery.grid_charging else min(most, max(-use, 0.0)))
        discharge = model.var(most if battery.export_from_battery else min(most, max(use, 0.0)))
        if number < len(done):
            near = 1e-6 + 1e-6 * abs(done[number])
            model.row(done[number] - near, done[number] + near, [(charge, 1.0), (discharge, -1.0)])
        after = model.var(capacity)
        is_last = number == len(net) - 1
        least = stored if is_last else battery.reserve * capacity
        model.row(least, inf, [(after, 1.0)])
        moved = [
            (after, 1.0),
            (charge, -battery.charge_efficiency),
            (discharge, 1 / battery.discharge_efficiency),
        ]
        given = stored if before is None else 0.0
        model.row(given, given, moved if before is None else [*moved, (before, -1.0)])
        through = abs(use) + most
        bought, sold = model.var(through), model.var(through)
        model.row(use, use, [(bought, 1.0), (sold, -1.0), (charge, -1.0), (discharge, 1.0)])
        for one, other, bound in ((charge, discharge, most), (bought, sold, through)):
            yes = model.var(1.0, integer=True)
            model.row(-inf, 0.0, [(one, 1.0), (yes, -bound)])
            model.row(-inf, bound, [(other, 1.0), (yes, bound)])
        imported.append(bought)
        exported.append(sold)
        before = after
    return imported, exported


def _atoms(start, minutes, count, tariff):
    """Local time, month, interval, rate and export price of each quarter of an hour."""
    zone = ZoneInfo(tariff.timezone)
    moment = start.astimezone(UTC)
    for at in range(count):
        for _ in range(minutes // 15):
            local = moment.astimezone(zone)
            sold = _rate_at(tariff.export.rates, local).price_per_kwh if tariff.export else 0.0
            yield local, (local.year, local.month), at, _rate_at(tariff.rates, local), sold
            moment += QUARTER


def _rate_at(rates, local):
    (found,) = [
        each
        for each in rates
        if (each.months is None or local.month in each.months) and _within(each, local)
    ]
    return found


def _within(when, local):
    days = WEEK[when.days] if isinstance(when.days, str) else when.days
    now = f"{local:%H:%M}"
    if when.start < when.end:
        return local.weekday() in days and when.start <= now < when.end
    return local.weekday() in days and (now >= when.start or now < when.end)


def _days(atoms, month):
    """Days of a month within the atoms, and days of the month (without a clock change)."""
    first = datetime(*month, 1)
    following = datetime(month[0] + month[1] // 12, month[1] % 12 + 1, 1)
    return sum(each[1] == month for each in atoms) / 96, (following - first).days


def _ladder(model, quantity, steps, most):
    """A quantity over steps (upper limit, price), each full before the next begins."""
    parts, lower, full = [], 0.0, None
    for upper, price in steps:
        part = model.var(min(upper, lower + most) - lower, price)
        if full is not None:
            model.row(-inf, 0.0, [(part, 1.0), (full, -most)])
        if upper < inf:
            full = model.var(1.0, integer=True)
            model.row(0.0, inf, [(part, 1.0), (full, lower - min(upper, lower + most + 1))])
        parts.append((part, -1.0))
        lower = min(upper, lower + most + 1)
    model.row(0.0, 0.0, [*quantity, *parts])


def _steps(rate, held, whole, factor):
    """Upper limit and price of each tier, for the part of the month that is held."""
    if not rate.tiers:
        return [(inf, factor * rate.price_per_kwh)]
    share = {"month": held / whole, "day": held}
    steps = []
    for tier in rate.tiers:
        upper = inf if tier.up_to is None else tier.up_to * share[tier.per]
        steps.append((upper, factor * tier.price_per_kwh))
    return steps


def _energy(model, atoms, imported, share, tariff, factor):
    most = 1e3
    is_daily = tariff.tier_reset == "day"
    for count in sorted({each[0].date() if is_daily else each[1] for each in atoms}):
        if is_daily:
            own = [each for each in atoms if each[0].date() == count]
            held, whole = len(own) / 96, 1
        else:
            own = [each for each in atoms if each[1] == count]
            held, whole = _days(atoms, count)
        if tariff.tier_rule == "chronological":
            steps = [_steps(each[3], held, whole, factor) for each in own]
            _in_order(model, own, imported, share, steps)
            continue
        ladders = {}
        for _, _, at, rate, _ in own:
            key = (rate.period, rate.price_per_kwh, rate.tiers)
            _, quantity = ladders.setdefault(key, (rate, []))
            quantity.append((imported[at], share))
        if tariff.tier_rule != "prorate":
            for rate, quantity in ladders.values():
                _ladder(model, quantity, _steps(rate, held, whole, factor), most)
            continue
        # All periods have the same steps: each pays its first price, and the total the rises.
        rate = next(iter(ladders.values()))[0]
        base = factor * rate.price_per_kwh
        everything = []
        for _, quantity in ladders.values():
            everything += quantity
        rises = [(upper, price - base) for upper, price in _steps(rate, held, whole, factor)]
        _ladder(model, everything, rises, most)
        for other, quantity in ladders.values():
            _ladder(model, quantity, [(inf, factor * other.price_per_kwh)], most)


def _in_order(model, own, imported, share, steps):
    """Each stretch of one interval and rate fills the first step that is not full, at its price."""
    stretches = {}
    for (_, _, at, rate, _), ladder in zip(own, steps, strict=True):
        kwh, _ = stretches.get((at, rate), (0.0, ladder))
        stretches[at, rate] = kwh + share, ladder
    used = [[] for _ in range(max(map(len, steps)))]
    for (at, _), (part_of, ladder) in stretches.items():
        lower, full, parts = 0.0, None, []
        for number, (upper, price) in enumerate(ladder):
            part = model.var(cost=price)
            used[number].append((part, 1.0))
            parts.append((part, -1.0))
            if full is not None:
                model.row(-inf, 0.0, [(part, 1.0), (full, -100.0)])
            if upper < inf:
                full = model.var(1.0, integer=True)
                model.row(0.0, upper - lower, used[number])
                model.row(0.0, inf, [*used[number], (full, lower - upper)])
            lower = upper
        model.row(0.0, 0.0, [(imported[at], part_of), *parts])


def _demand(model, atoms, imported, share, tariff, factor, begun):
    for charge in tariff.demand:
        months = sorted(begun)
        own = {
            month: _peak(model, atoms, imported, share, charge, month, charge.months)
            for month in months
        }
        every = {
            month: _peak(model, atoms, imported, share, charge, month, None) for month in months
        }
        for number, month in enumerate(months):
            if own[month] is None:
                continue
            (held, whole), billed = _days(atoms, month), model.var()
            before = months[max(0, number - charge.trailing_months + 1) : number]
            known = [own[month], *(every[each] for each in before if every[each] is not None)]
            mean = [(each, -1.0 / len(known)) for each in known]
            model.row(0.0, inf, [(billed, 1.0), *mean])
            for earlier in months[:number] if charge.ratchet else []:
                near = number - months.index(earlier) <= charge.ratchet.months
                counts = charge.ratchet.of_months is None or earlier[1] in charge.ratchet.of_months
                if near and counts and every[earlier] is not None:
                    model.row(0.0, inf, [(billed, 1.0), (every[earlier], -charge.ratchet.share)])
            scale = factor * (held if charge.per == "day" else held / whole)
            steps = [
                (inf if tier.up_to_kw is None else tier.up_to_kw, scale * tier.price_per_kw)
                for tier in charge.tiers
            ]
            _ladder(model, [(billed, 1.0)], steps, 1e3)


def _peak(model, atoms, imported, share, charge, month, months):
    """The mean of the highest days' mean power in a month; None without a charge's intervals."""
    stretches = {}
    for local, own, at, _, _ in atoms:
        if (
            own == month
            and (months is None or month[1] in months)
            and any(_within(each, local) for each in charge.windows)
        ):
            minute = local.hour * 60 + local.minute
            key = (local.date(), minute // charge.interval_minutes)
            stretches.setdefault(key, []).append((imported[at], share))
    if not stretches:
        return None
    days = {}
    for (day, _), used in stretches.items():
        # Without a mean of days, all days have one peak.
        peak = days.setdefault(day if charge.peaks > 1 else None, model.var())
        model.row(
            0.0, inf, [(peak, 0.25 * len(used)), *[(variable, -part) for variable, part in used]]
        )
    demand = model.var()
    model.row(charge.minimum_kw, inf, [(demand, 1.0)])
    # The mean of the highest is at or above the mean of any as many.
    count = min(charge.peaks, len(days))
    for some in combinations(days.values(), count):
        model.row(0.0, inf, [(demand, float(count)), *[(each, -1.0) for each in some]])
    return demand
