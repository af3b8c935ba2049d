"""A block of sites under a tariff: every line of their bills."""

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
    overlap,
    schedule_of,
)
from flipkit.tariffs.rating.demand_charges import demand_lines
from flipkit.tariffs.rating.energy_charges import Charged, charged, energy_lines
from flipkit.tariffs.rating.export_credits import carried_credit, export_lines
from flipkit.tariffs.rating.lines import Line, added_up
from flipkit.tariffs.rating.runs import Partition, RatingCalendar, partition
from flipkit.tariffs.rating.usage import EnergySums
from flipkit.vocabulary import Float64

__all__ = ["PartBill", "check_covered", "partition_of", "prepare", "rate", "total"]


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
    usage: EnergySums,
    tariff: Tariff,
    dates: tuple[str, ...] | None = None,
    tier_rule: TierRule | None = None,
) -> list[PartBill]:
    """Rate a block.

    Parameters
    ----------
    usage : EnergySums
    tariff : Tariff
    dates : tuple of str, optional
        Billing dates; calendar months by default.
    tier_rule : str, optional
        How kWh fill tiers, instead of the tariff's own rule.

    Returns
    -------
    list of PartBill
        One, or one for each tariff in force in the block's time, in order.

    Raises
    ------
    InputError
        The tariff does not cover the energy (names the first time), or the billing dates do not.
    """
    grid = usage.block.grid
    check_covered(tariff, grid)
    return [
        _rate_part(usage, each, place, tier_rule or each.tier_rule)
        for each, place in _places(tariff, grid, dates)
    ]


def prepare(usage: EnergySums, tariffs: list[Tariff], dates: tuple[str, ...] | None = None) -> None:
    """Reckon what tariffs have in common at once: price series with one calendar in one pass over the energy."""
    together: dict[tuple[Partition, bool, bool], list[PriceSeries]] = {}
    for tariff in tariffs:
        check_covered(tariff, usage.block.grid)
        for each, place in _places(tariff, usage.block.grid, dates):
            gross = each.export is not None and each.export.mode == "buy_all_sell_all"
            sold = each.export.series if each.export is not None else None
            for selling, series in ((False, each.series), (True, sold)):
                if series is not None:
                    together.setdefault((partition_of(each, place), gross, selling), []).append(
                        series
                    )
    for flow, series_of_many in together.items():
        if len(found := list(dict.fromkeys(series_of_many))) > 1:
            usage.price(*flow, found)


def total(bills: list[PartBill]) -> Float64:
    """The whole cost of each site; shape (sites,)."""
    out: Float64 = np.zeros(1)
    for bill in bills:
        shape = bill.lines[0].cost.shape
        by_period = added_up(bill.lines, (shape[0], shape[1]))
        for number in range(len(bill.billing)):
            out = out + by_period[:, number]
    return out


def partition_of(tariff: Tariff, place: RatingCalendar) -> Partition:
    """The calendar by which a tariff is rated."""
    sold = tariff.export.rates if tariff.export is not None else ()
    schedules = (schedule_of(rates) if rates else None for rates in (tariff.rates, sold))
    return partition(place, *schedules)


def check_covered(tariff: Tariff, grid: Grid) -> None:
    """Raise InputError where the prices of a tariff do not cover the energy: names tariff and time."""
    begin, stop = tariff.validity
    begin, stop = grid.start_us if begin is None else begin, grid.end_us if stop is None else stop
    check_cover(
        grid.start_us, grid.end_us, begin, stop, f"the prices of tariff {tariff.name!r}", "energy: "
    )
    for each, place in _places(tariff, grid, None):
        if each.export is not None and (sold := each.export.series) is not None:
            cover = int(sold.start_us[0]), int(sold.end_us[-1])
            check_cover(
                place.start_us,
                place.end_us,
                *cover,
                f"the export prices of tariff {each.name!r}",
                "energy: ",
            )


def _places(
    tariff: Tariff, grid: Grid, dates: tuple[str, ...] | None
) -> Iterator[tuple[Tariff, RatingCalendar]]:
    for each in tariff.parts or (tariff,):
        start, end = overlap(each.validity, grid.start_us, grid.end_us)
        if start < end:
            yield each, RatingCalendar(grid, start, end, each.timezone, each.holidays, dates)


def _rate_part(
    usage: EnergySums, tariff: Tariff, place: RatingCalendar, tier_rule: TierRule | None
) -> PartBill:
    part, ends = partition_of(tariff, place), place.end_us < place.grid.end_us
    energy = charged(usage, tariff, part, ends)
    lines = [
        *energy_lines(usage, tariff, part, energy, tier_rule),
        *demand_lines(usage, tariff, place),
    ]
    lines += [*_fixed(usage, tariff, place.billing), *_adders(tariff, energy)]
    shape = (usage.sites, len(place.billing))
    charges = added_up(lines, shape)
    lines += export_lines(usage, tariff, part, energy)
    if tariff.export is not None and tariff.export.carry_over == "credit":
        sold = added_up(lines, shape, ("export",))
        lines.append(carried_credit(charges, sold, tariff.export, part, tariff.currency, ends))
    if tariff.minimum is not None:
        lines.append(
            _topped_up(added_up(lines, shape), tariff.minimum, place.billing, tariff.currency)
        )
    lines += [*_taxes(lines, tariff, shape)]
    return PartBill(tariff, place.billing, lines)


def _fixed(usage: EnergySums, tariff: Tariff, billing: BillingPeriods) -> Iterator[Line]:
    shape, everywhere = (usage.sites, len(billing)), np.ones(len(billing), dtype=bool)
    for each in tariff.fixed:
        parts = [("day", each.per_day, billing.days), ("month", each.per_month, billing.share)]
        for unit, amount, quantity in [part for part in parts if part[1]] or parts[:1]:
            counted, cost = (
                np.broadcast_to(values, shape) for values in (quantity, amount * quantity)
            )
            yield Line("fixed", f"fixed {each.name}", unit, counted, cost, everywhere)


def _adders(tariff: Tariff, energy: Charged) -> Iterator[Line]:
    if not tariff.adders:
        return
    kwh = np.zeros(energy.kwh.shape[:2])
    for number in range(energy.kwh.shape[2]):
        kwh += energy.kwh[:, :, number]
    everywhere = np.ones(energy.kwh.shape[1], dtype=bool)
    for each in tariff.adders:
        yield Line("adder", f"adder {each.name}", "kWh", kwh, each.price_per_kwh * kwh, everywhere)


def _topped_up(bill: Float64, minimum: Minimum, billing: BillingPeriods, currency: str) -> Line:
    """What is missing to the minimum: of each billing period, then of each whole calendar year."""
    level, cost = np.zeros(len(billing)), np.zeros_like(bill)
    monthly = minimum.per_month is not None
    shown = np.ones(len(billing), dtype=bool) if monthly else np.zeros(len(billing), dtype=bool)
    notes: dict[int, str] = {}
    if minimum.per_month is not None:
        level = minimum.per_month * billing.share
        cost = np.maximum(level - bill, 0.0)
    if minimum.per_year is not None:
        whole = billing.whole_years()
        for year in np.unique(billing.years).tolist():
            members = np.flatnonzero(billing.years == year).tolist()
            last = members[-1]
            shown[last] = True
            level[last] = level[last] or minimum.per_year
            if year not in whole:
                why = (
                    f"the year {year} is not whole"
                    if billing.are_months
                    else "billing dates make no calendar years"
                )
                notes[last] = f"minimum.open: {why}, so the minimum of a year is not applied"
                continue
            paid = np.zeros(len(bill))
            for number in members:
                paid = paid + (bill[:, number] + cost[:, number])
            cost[:, last] += np.maximum(minimum.per_year - paid, 0.0)
    return Line(
        "minimum", "minimum", currency, np.broadcast_to(level, bill.shape), cost, shown, notes=notes
    )


def _taxes(lines: list[Line], tariff: Tariff, shape: tuple[int, int]) -> Iterator[Line]:
    everywhere = np.ones(shape[1], dtype=bool)
    for tax in tariff.taxes:
        base = added_up(lines, shape, tax.on)
        yield Line("tax", f"tax {tax.name}", tariff.currency, base, tax.share * base, everywhere)
