"""Prices and tiers of imports, and prices of exports, as terms of a programme."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.scenarios.dispatch.terms import Count, Pieces, Steps, pieces_of, summed
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.model import TAXABLE, rate_table
from flipkit.tariffs.rating import (
    Partition,
    RatingCalendar,
    meter_runs,
    partition_of,
    tier_prices,
    tier_limits,
    weights,
)
from flipkit.vocabulary import Float64

__all__ = ["EnergyTerms", "energy_terms", "taxed"]

NET_METERING = "net metering: an exported kWh is taken to be worth what importing it costs then"
PER_KW = "tiers by kWh per kW: their limits are taken to be those of the peak without a battery"
SPREADS = (
    "tiers whose steps differ from period to period: each has the price of the tier that the billing period reaches "
    "without a battery"
)


class EnergyTerms(NamedTuple):
    """The terms of the energy under one tariff; arrays are 0 outside its time."""

    buy: Float64
    first: Float64
    sell: Float64
    counts: tuple[Count, ...]
    neglected: tuple[str, ...]


class _Ladders(NamedTuple):
    """By billing period and period: where its steps lie, its prices, and what is used without a battery."""

    steps: dict[tuple[int, int], Steps]
    limits: Float64
    prices: Float64
    used: Float64


def taxed(tariff: Tariff) -> dict[str, float]:
    """What each kind of charge is multiplied with: 1 and the shares of the taxes on it."""
    return {
        kind: 1.0 + sum(tax.share for tax in tariff.taxes if kind in tax.on) for kind in TAXABLE
    }


def energy_terms(tariff: Tariff, place: RatingCalendar, net: Float64) -> EnergyTerms:
    """The terms of one tariff without parts, over the time of `place`.

    Parameters
    ----------
    tariff : Tariff
    place : RatingCalendar
    net : ndarray of float64, shape (intervals of the grid,)
        Consumption less generation.
    """
    part = partition_of(tariff, place)
    pieces, factors = pieces_of(part.runs), taxed(tariff)
    extra = factors["adder"] * sum(adder.price_per_kwh for adder in tariff.adders)
    if tariff.series is not None:
        energy = factors["energy"] * _of_series(part, pieces, tariff.series)
        found = EnergyTerms(energy, energy, energy, (), ())
    else:
        found = _of_rates(tariff, part, pieces, net, factors["energy"])
    added = extra * _by_interval(part, pieces, np.ones(len(pieces.run)))
    buy, first, neglected = found.buy + added, found.first + added, found.neglected
    if tariff.export is not None and tariff.export.mode == "net_metering":
        neglected = (*neglected, NET_METERING)
    return EnergyTerms(buy, first, _sold(tariff, part, pieces, buy), found.counts, neglected)


def _of_rates(
    tariff: Tariff, part: Partition, pieces: Pieces, net: Float64, factor: float
) -> EnergyTerms:
    """Prices with their taxes, without adders and exports."""
    ladders, by_kw = _ladders(tariff, part, pieces, net)
    table, counts = np.repeat(ladders.prices[None, :, 0], len(part.calendar.billing), axis=0), []
    first, neglected = table.copy(), [PER_KW] * by_kw
    for billing in range(len(part.calendar.billing)):
        periods = np.unique(part.import_period[part.billing == billing]).tolist()
        groups = [[period] for period in periods] if tariff.tier_rule == "per_period" else [periods]
        for group in groups:
            steps = {ladders.steps[billing, period] for period in group}
            if len(steps) > 1:
                neglected.append(SPREADS)
                table[billing, group] = _reached(ladders, billing, group)
            elif found := steps.pop():
                counts.append(
                    _count(
                        part,
                        pieces,
                        billing,
                        group,
                        tuple((at, factor * rise) for at, rise in found),
                    )
                )
    energy, first = (
        factor * _by_interval(part, pieces, each[part.billing, part.import_period][pieces.run])
        for each in (table, first)
    )
    return EnergyTerms(energy, first, energy, tuple(counts), tuple(dict.fromkeys(neglected)))


def _ladders(
    tariff: Tariff, part: Partition, pieces: Pieces, net: Float64
) -> tuple[_Ladders, bool]:
    periods, billing = rate_table(tariff.rates).periods, part.calendar.billing
    imported, peak = np.maximum(net, 0.0), None
    if by_kw := any(tier.per_kw for period in periods for tier in period.tiers):
        runs = meter_runs(part.calendar)
        own, peak = pieces_of(runs.runs), np.zeros((1, runs.slots))
        power = (
            summed(own.run, own.share * imported[own.interval], len(runs.slot)) / runs.runs.hours
        )
        np.maximum.at(peak[0], runs.slot, power)
    limits, price = tier_limits(periods, billing, peak)[0], tier_prices(periods)
    cell = (part.billing * part.import_periods + part.import_period)[pieces.run]
    used = summed(
        cell, pieces.share * imported[pieces.interval], len(billing) * part.import_periods
    )
    rises = np.round(np.diff(price, axis=1), 12)  # 0.30 - 0.20 is 0.25 - 0.15
    steps = {
        (b, p): tuple(
            (at, rise)
            for at, rise in zip(limits[b, p].tolist(), rises[p].tolist(), strict=False)
            if at < np.inf and rise
        )
        for b in range(len(billing))
        for p in range(part.import_periods)
    }
    return _Ladders(steps, limits, price, used.reshape(len(billing), part.import_periods)), by_kw


def _reached(ladders: _Ladders, billing: int, group: list[int]) -> list[float]:
    """The price of each period on the step to which all kWh of the billing period come without a battery."""
    total = ladders.used[billing].sum()
    step = [int((total > ladders.limits[billing, period]).sum()) for period in group]
    return [float(ladders.prices[period, at]) for period, at in zip(group, step, strict=True)]


def _count(
    part: Partition, pieces: Pieces, billing: int, periods: list[int], steps: Steps
) -> Count:
    runs = (part.billing == billing) & np.isin(part.import_period, periods)
    inside = runs[pieces.run]
    return Count(pieces.interval[inside], pieces.share[inside], steps)


def _of_series(part: Partition, pieces: Pieces, series: PriceSeries) -> Float64:
    runs, weighed = part.runs, weights(part, series)
    before, after = pieces.interval < runs.lo[pieces.run], pieces.interval >= runs.hi[pieces.run]
    whole = weighed.whole[pieces.interval]
    cost = np.where(
        before, weighed.head[pieces.run], np.where(after, weighed.tail[pieces.run], whole)
    )
    return summed(pieces.interval, cost, part.calendar.grid.intervals)


def _sold(tariff: Tariff, part: Partition, pieces: Pieces, buy: Float64) -> Float64:
    export = tariff.export
    if export is None:
        return np.zeros(part.calendar.grid.intervals)
    if export.mode == "net_metering":
        return buy
    if export.series is not None:
        return _of_series(part, pieces, export.series)
    price = np.array([period.price_per_kwh for period in rate_table(export.rates).periods])
    return _by_interval(part, pieces, price[part.export_period[pieces.run]])


def _by_interval(part: Partition, pieces: Pieces, price: Float64) -> Float64:
    """Mean price of each interval from the prices of its pieces."""
    return summed(pieces.interval, pieces.share * price, part.calendar.grid.intervals)
