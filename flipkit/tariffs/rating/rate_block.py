"""Rate a block of sites under a tariff: every line of their bills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flipkit.calendar import BillingPeriods, Grid
from flipkit.tariffs.model import (
    Minimum,
    PriceSeries,
    Tariff,
    TierRule,
    check_cover,
    parts_in_force,
    schedule_of,
)
from flipkit.tariffs.rating.demand import demand_lines
from flipkit.tariffs.rating.runs import Partition, RatingCalendar, partition
from flipkit.tariffs.rating.settlement import (
    Charged,
    carried_credit,
    charged_energy,
    energy_lines,
    export_lines,
    is_gross,
    sum_periods,
)
from flipkit.tariffs.rating.sums import EnergySums, Line, PricedFlow, sum_cost
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


@dataclass(frozen=True, slots=True, eq=False)
class PartBill:
    """The bills of a block over the time that one tariff is in force.

    Attributes
    ----------
    tariff : Tariff
    billing : BillingPeriods
    lines : list of Line
        They sum to the bills.
    """

    tariff: Tariff
    billing: BillingPeriods
    lines: list[Line]


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
    return [
        _rate_part(sums, part, calendar, tier_rule or part.tier_rule)
        for part, calendar in calendars(tariff, grid, dates)
    ]


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
    exports = tariff.export.rates if tariff.export is not None else ()
    return partition(
        calendar,
        schedule_of(tariff.rates) if tariff.rates else None,
        schedule_of(exports) if exports else None,
    )


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
    sums: EnergySums, tariff: Tariff, calendar: RatingCalendar, tier_rule: TierRule | None
) -> PartBill:
    part = partition_of(tariff, calendar)
    billing = calendar.billing
    export = tariff.export
    is_followed = calendar.end_us < calendar.grid.end_us
    shape = (sums.sites, len(billing))

    # Credits pay for the charges, minimums look at both, and taxes at everything before them.
    energy = charged_energy(sums, tariff, part, is_followed)
    lines = [
        *energy_lines(sums, tariff, part, energy, tier_rule),
        *demand_lines(sums, tariff, calendar, is_gross(tariff)),
        *_fixed_lines(tariff, billing, shape),
        *_adder_lines(tariff, energy),
    ]
    charges = sum_cost(lines, shape)
    lines += export_lines(sums, tariff, part, energy)
    if export is not None and export.carry_over == "credit":
        export_cost = sum_cost(lines, shape, ("export",))
        lines.append(
            carried_credit(charges, export_cost, export, part, tariff.currency, is_followed)
        )
    if tariff.minimum is not None:
        cost = sum_cost(lines, shape)
        lines.append(_minimum_line(cost, tariff.minimum, billing, tariff.currency))
    lines += list(_tax_lines(lines, tariff, shape))
    return PartBill(tariff, billing, lines)


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


def _adder_lines(tariff: Tariff, energy: Charged) -> Iterator[Line]:
    kwh = sum_periods(energy.kwh)
    for adder in tariff.adders:
        yield Line("adder", f"adder {adder.name}", "kWh", kwh, adder.price_per_kwh * kwh)


def _minimum_line(cost: Float64, minimum: Minimum, billing: BillingPeriods, currency: str) -> Line:
    """What a bill lacks to the minimum of each billing period, then of each calendar year."""
    level = np.zeros(len(billing))
    top_up = np.zeros_like(cost)
    shown = np.full(len(billing), minimum.per_month is not None)
    notes: dict[int, str] = {}
    if minimum.per_month is not None:
        level = minimum.per_month * billing.share
        top_up = np.maximum(level - cost, 0.0)
    if minimum.per_year is not None:
        for year in np.unique(billing.years).tolist():
            in_year = np.flatnonzero(billing.years == year)
            last = int(in_year[-1])
            shown[last] = True
            level[last] = level[last] or minimum.per_year
            if year in billing.whole_years():
                paid = _sum_in_order(cost[:, in_year] + top_up[:, in_year])
                top_up[:, last] += np.maximum(minimum.per_year - paid, 0.0)
            else:
                notes[last] = _open_minimum(year, billing)
    quantity = np.broadcast_to(level, cost.shape)
    return Line("minimum", "minimum", currency, quantity, top_up, shown, notes=notes)


def _sum_in_order(by_period: Float64) -> Float64:
    """The sum over billing periods, added in their order (`numpy.sum` adds in pairs)."""
    total: Float64 = np.zeros(len(by_period))
    for values in by_period.T:
        total = total + values
    return total


def _open_minimum(year: int, billing: BillingPeriods) -> str:
    why = "billing dates do not make calendar years"
    if billing.are_months:
        why = f"the energy does not cover the whole year {year}"
    return f"minimum.open: {why}, so the yearly minimum is not applied"


def _tax_lines(lines: list[Line], tariff: Tariff, shape: tuple[int, int]) -> Iterator[Line]:
    for tax in tariff.taxes:
        base = sum_cost(lines, shape, tax.on)
        yield Line("tax", f"tax {tax.name}", tariff.currency, base, tax.share * base)
