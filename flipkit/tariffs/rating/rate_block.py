"""Rate a block of sites under a tariff: every line of their bills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flipkit.calendar import BillingPeriods, Grid, days_in_months
from flipkit.tariffs.model import (
    Adder,
    Minimum,
    PriceSeries,
    Rate,
    Schedule,
    Tariff,
    TierRule,
    check_cover,
    is_net_metered,
    parts_in_force,
    period_names,
    rate_table,
    schedule_of,
)
from flipkit.tariffs.rating.demand import demand_lines
from flipkit.tariffs.rating.runs import Partition, RatingCalendar, occurring, partition
from flipkit.tariffs.rating.seasons import season_edges
from flipkit.tariffs.rating.settlement import (
    Balance,
    Charged,
    Credit,
    Neighbours,
    carried_credit,
    charged_energy,
    energy_lines,
    export_lines,
    handed_over,
    is_gross,
)
from flipkit.tariffs.rating.sums import EnergySums, Line, PricedFlow, sum_cost, sum_in_order
from flipkit.vocabulary import Float64

__all__ = [
    "PartBill",
    "calendars",
    "check_covered",
    "partition_of",
    "price_together",
    "rate",
    "total_cost",
]

_SPREAD = (
    "adder.spread: charged kWh of net metering have no hour, and are spread over the hours of the "
    "adder in proportion to imports"
)


@dataclass(frozen=True, slots=True, eq=False)
class PartBill:
    """The bills of a block over the time that one tariff is in force.

    Attributes
    ----------
    tariff : Tariff
    calendar : RatingCalendar
    lines : list of Line
        They sum to the bills.
    """

    tariff: Tariff
    calendar: RatingCalendar
    lines: list[Line]

    @property
    def billing(self) -> BillingPeriods:
        """The billing periods of the lines."""
        return self.calendar.billing


def rate(
    sums: EnergySums,
    tariff: Tariff,
    dates: tuple[str, ...] | None = None,
    tier_rule: TierRule | None = None,
) -> list[PartBill]:
    """Rate a block: one bill, or one for each tariff in force in the block's time, in order.

    Parameters
    ----------
    sums : EnergySums
    tariff : Tariff
    dates : tuple of str, optional
        Billing dates; calendar months by default.
    tier_rule : str, optional
        How kWh fill tiers, instead of the tariff's own rule.

    Raises
    ------
    InputError
        The tariff does not cover the energy (names the first time), or the billing dates do not.
    """
    grid = sums.block.grid
    check_covered(tariff, grid)
    in_force = list(calendars(tariff, grid, dates))
    bills = []
    balance = Balance()
    for number, (part, calendar) in enumerate(in_force):
        following = in_force[number + 1][0] if number + 1 < len(in_force) else None
        neighbours = Neighbours(balance, following)
        bill, balance = _rate_part(sums, part, calendar, tier_rule or part.tier_rule, neighbours)
        bills.append(bill)
    return bills


def price_together(sums: EnergySums, tariffs: list[Tariff], dates: tuple[str, ...] | None) -> None:
    """Calculate the costs of price series that share a calendar in one pass over the energy."""
    grid = sums.block.grid
    # A dict as an ordered set: tariffs may share a series.
    series_of: dict[PricedFlow, dict[PriceSeries, None]] = {}
    for tariff in tariffs:
        check_covered(tariff, grid)
        for part, calendar in calendars(tariff, grid, dates):
            export_series = None if part.export is None else part.export.series
            for is_export, series in ((False, part.series), (True, export_series)):
                if series is not None:
                    flow = PricedFlow(partition_of(part, calendar), is_gross(part), is_export)
                    series_of.setdefault(flow, {})[series] = None
    for flow, found in series_of.items():
        if len(found) > 1:
            sums.price_all(flow, list(found))


def total_cost(bills: list[PartBill]) -> Float64:
    """Return the whole cost of each site; shape (sites,)."""
    total: Float64 = np.zeros(1)
    for bill in bills:
        sites, billings = bill.lines[0].cost.shape
        # Billing period by billing period: the order of these additions decides the last bits.
        for cost in sum_cost(bill.lines, (sites, billings)).T:
            total = total + cost
    return total


def partition_of(tariff: Tariff, calendar: RatingCalendar) -> Partition:
    """Return the runs by which a tariff is rated."""
    export = tariff.export
    exports = export.rates if export is not None else ()
    resets = (tariff.tier_reset, "billing" if export is None else export.tier_reset)
    cuts = {*season_edges(tariff.rates, calendar), *season_edges(exports, calendar)}
    if "day" in resets:
        cuts.update(calendar.days.edges_us[1:-1].tolist())
    return partition(
        calendar,
        _schedule(tariff.rates),
        _schedule(exports),
        cuts=tuple(sorted(cuts)),
    )


def _schedule(rates: tuple[Rate, ...]) -> Schedule | None:
    """When which period of rates begins; None without rates: one period at all times."""
    return schedule_of(rates) if rates else None


def check_covered(tariff: Tariff, grid: Grid) -> None:
    """Raise InputError where the prices of a tariff do not cover the energy."""
    what = f"the prices of tariff {tariff.name!r}"
    check_cover(grid.start_us, grid.end_us, tariff.validity, what, "energy: ")
    for part, start, end in parts_in_force(tariff, grid.start_us, grid.end_us):
        series = None if part.export is None else part.export.series
        if series is not None:
            what = f"the export prices of tariff {part.name!r}"
            check_cover(start, end, series.span_us, what, "energy: ")


def calendars(
    tariff: Tariff, grid: Grid, dates: tuple[str, ...] | None = None
) -> Iterator[tuple[Tariff, RatingCalendar]]:
    """Yield the tariffs in force within the grid, one after another, each with its time."""
    for part, start, end in parts_in_force(tariff, grid.start_us, grid.end_us):
        yield part, RatingCalendar(grid, start, end, part.clock, dates)


def _rate_part(
    sums: EnergySums,
    tariff: Tariff,
    calendar: RatingCalendar,
    tier_rule: TierRule | None,
    neighbours: Neighbours,
) -> tuple[PartBill, Balance]:
    """Rate one tariff, and say what it hands over to the one that follows."""
    part = partition_of(tariff, calendar)
    billing = calendar.billing
    shape = (sums.sites, len(billing))

    # Credit pays for charges, minimums look at what it leaves, and taxes at everything before them.
    energy = charged_energy(sums, tariff, part, neighbours)
    bypassable = [
        *energy_lines(sums, tariff, part, energy, tier_rule),
        *demand_lines(sums, tariff, calendar, is_gross(tariff)),
        *_fixed_lines(tariff, billing, shape),
        *_adder_lines(sums, tariff, part, energy, non_bypassable=False),
    ]
    charges = bypassable + list(_adder_lines(sums, tariff, part, energy, non_bypassable=True))
    exports = list(export_lines(sums, tariff, part, energy, neighbours.following))
    lines = charges + exports
    credit = None
    if tariff.export is not None and tariff.export.has_credit:
        payable = sum_cost(bypassable, shape, tariff.export.credit_on)
        earned = -sum_cost(exports, shape)
        credit = carried_credit(payable, earned, tariff, part, neighbours)
        lines.append(credit.line)
    if tariff.minimum is not None:
        left = _after_exports(tariff, charges, lines, credit, shape)
        lines.append(_minimum_line(left, tariff.minimum, billing, tariff.currency))
    lines += list(_tax_lines(lines, tariff, billing, shape))
    balance = handed_over(tariff, energy, credit, neighbours.following)
    return PartBill(tariff, calendar, lines), balance


def _after_exports(
    tariff: Tariff,
    charges: list[Line],
    lines: list[Line],
    credit: Credit | None,
    shape: tuple[int, int],
) -> Float64:
    """What exports and credit leave of the charges: not below zero, and without what is paid out.

    Shape (sites, billing periods).
    """
    charged = sum_cost(charges, shape)
    if is_gross(tariff):
        return charged
    if credit is None:
        # A true-up of kWh is a payment.
        offset = [line for line in lines if line.kind != "carry over"]
        total = sum_cost(offset, shape)
    else:
        total = sum_cost(lines, shape) + credit.paid_out
    return np.maximum(total, np.minimum(charged, 0.0))


def _fixed_lines(tariff: Tariff, billing: BillingPeriods, shape: tuple[int, int]) -> Iterator[Line]:
    for charge in tariff.fixed:
        # A charge of 0 is shown, by the day.
        if charge.per_day or not charge.per_month:
            yield _fixed_line(charge.name, "day", charge.per_day, billing.days, shape)
        if charge.per_month:
            yield _fixed_line(charge.name, "month", charge.per_month, billing.share, shape)


def _fixed_line(
    name: str, unit: str, price: float, quantity: Float64, shape: tuple[int, int]
) -> Line:
    cost = np.broadcast_to(price * quantity, shape)
    return Line("fixed", f"fixed {name}", unit, np.broadcast_to(quantity, shape), cost)


def _adder_lines(
    sums: EnergySums, tariff: Tariff, part: Partition, energy: Charged, *, non_bypassable: bool
) -> Iterator[Line]:
    adders = [adder for adder in tariff.adders if adder.non_bypassable == non_bypassable]
    if not adders:
        return
    if non_bypassable:
        # Before exports are netted.
        energy = Charged(sums.imports(part, is_gross(tariff)))
    kwh = sum_in_order(energy.kwh)
    for adder in adders:
        if adder.rates:
            yield from _timed_adder_lines(sums, tariff, part, energy, adder)
        else:
            yield Line("adder", f"adder {adder.name}", "kWh", kwh, adder.price_per_kwh * kwh)


def _timed_adder_lines(
    sums: EnergySums, tariff: Tariff, part: Partition, energy: Charged, adder: Adder
) -> Iterator[Line]:
    """The lines of an adder by hour and season, one for each of its periods."""
    # Cut where a period of the adder begins too: it stands in the place of the export period.
    both = partition(part.calendar, _schedule(tariff.rates), schedule_of(adder.rates))
    imported = sums.imports_by_both_periods(both, is_gross(tariff))
    is_netted = is_net_metered(tariff) and not adder.non_bypassable
    if is_netted:
        imported = _spread(energy.kwh, imported)
    kwh = sum_in_order(imported, axis=2)
    notes = dict.fromkeys(range(kwh.shape[1]), _SPREAD) if is_netted and _splits(both) else {}
    names = period_names(adder.rates)
    occurs = occurring(both, "export")
    for number, period in enumerate(rate_table(adder.rates).periods):
        text = f"adder {adder.name}"
        if len(names) > 1:
            text += f" {names[number]}"
        quantity = kwh[:, :, number]
        cost = period.price_per_kwh * quantity
        yield Line("adder", text, "kWh", quantity, cost, occurs[number], notes=notes)


def _spread(charged: Float64, imported: Float64) -> Float64:
    """Charged energy by billing period and period, spread in proportion to imports.

    `imported` and the result are by the period of an adder too.
    """
    total = sum_in_order(imported)
    share = np.divide(charged, total, out=np.zeros_like(total), where=total > 0.0)
    return imported * share[..., None]


def _splits(part: Partition) -> bool:
    """Whether an import period holds several export periods."""
    return len(np.unique(part.both_periods)) > len(np.unique(part.import_period))


def _minimum_line(cost: Float64, minimum: Minimum, billing: BillingPeriods, currency: str) -> Line:
    """What charges lack to the minimum of each billing period, then of each calendar year."""
    is_periodic = minimum.per_month is not None or minimum.per_day is not None
    shown = np.full(len(billing), is_periodic)
    level = (minimum.per_month or 0.0) * billing.share + (minimum.per_day or 0.0) * billing.days
    top_up = np.maximum(level - cost, 0.0) if is_periodic else np.zeros_like(cost)
    notes: dict[int, str | np.ndarray] = {}
    if minimum.per_year is not None:
        for year in np.unique(billing.years).tolist():
            in_year = np.flatnonzero(billing.years == year)
            last = int(in_year[-1])
            shown[last] = True
            level[last] = level[last] or minimum.per_year
            if year in billing.whole_years():
                paid = sum_in_order(cost[:, in_year] + top_up[:, in_year])
                top_up[:, last] += np.maximum(minimum.per_year - paid, 0.0)
            else:
                notes[last] = _open_minimum(year, billing)
    quantity = np.broadcast_to(level, cost.shape)
    return Line("minimum", "minimum", currency, quantity, top_up, shown, notes=notes)


def _open_minimum(year: int, billing: BillingPeriods) -> str:
    why = "billing dates do not make calendar years"
    if billing.are_months:
        why = f"the energy does not cover the whole year {year}"
    return f"minimum.open: {why}, so the yearly minimum is not applied"


def _tax_lines(
    lines: list[Line], tariff: Tariff, billing: BillingPeriods, shape: tuple[int, int]
) -> Iterator[Line]:
    for tax in tariff.taxes:
        base = sum_cost(lines, shape, tax.on)
        shown = np.ones(shape[1], dtype=bool)
        if tax.months is not None:
            in_months = days_in_months(billing, tariff.timezone, tax.months) / billing.days
            base = base * in_months
            shown = in_months > 0.0
        cost = tax.share * base
        yield Line("tax", f"tax {tax.name}", tariff.currency, base, cost, shown)
