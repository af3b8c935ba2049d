"""The price of one more kWh in each interval.

Batteries and cars are run by these prices. Bills are not: they count tiers and netting.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from flipkit.calendar import Grid, billing_periods
from flipkit.scenarios.engine.case import Case
from flipkit.tariffs import PriceSeries, Rate, Tariff
from flipkit.tariffs.model import joined, parts_in_force
from flipkit.tariffs.rating import check_covered
from flipkit.vocabulary import Float64

__all__ = ["export_prices", "marginal_prices"]


def marginal_prices(case: Case, grid: Grid) -> tuple[Float64, Float64]:
    """Return the mean import and export price of each interval, with adders and taxes.

    Tiers, of imports and exports, count with the price of the first. Under net metering an export
    is worth the import price. If own use has a price, each exported kWh also saves that price.
    """
    import_price = _import_prices(case.import_tariff, grid)
    if case.export_tariff is not None:
        export_price = _import_prices(case.export_tariff, grid)
    elif case.is_gross:
        # All generation is exported whatever the battery does: no action earns an export price.
        export_price = np.zeros(grid.intervals)
    else:
        export_price = export_prices(case.import_tariff, grid)
    if case.local_tariff is not None:
        export_price = export_price + _import_prices(case.local_tariff, grid)
    return import_price, export_price


# Cached: the same few tariffs price all parts of a fleet.
@lru_cache(maxsize=256)
def _import_prices(tariff: Tariff, grid: Grid) -> Float64:
    check_covered(tariff, grid)
    series = []
    for part, start_us, end_us in parts_in_force(tariff, grid.start_us, grid.end_us):
        plain = _plain_tariff(part, part.rates, part.series).prices(start_us, end_us)
        series.append(_with_adders(part, plain))
    return _mean_by_interval(series, grid)


def _with_adders(part: Tariff, energy: PriceSeries) -> PriceSeries:
    """Return energy prices with adders, and the taxes on both."""
    energy = _cut_by_month(part, energy)
    always = sum(adder.price_per_kwh for adder in part.adders)
    price = energy.price_per_kwh * _tax_factor(part, "energy", energy)
    price = price + always * _tax_factor(part, "adder", energy)
    total = PriceSeries(energy.start_us, energy.end_us, price)
    for adder in part.adders:
        if adder.rates:
            own = _plain_tariff(part, adder.rates, None).prices(*energy.span_us)
            own = _cut_by_month(part, own)
            price = own.price_per_kwh * _tax_factor(part, "adder", own)
            total = total.plus(PriceSeries(own.start_us, own.end_us, price))
    return total


def _cut_by_month(part: Tariff, prices: PriceSeries) -> PriceSeries:
    """Return prices cut where a month begins, if a tax holds in some months only."""
    if all(tax.months is None for tax in part.taxes):
        return prices
    months = billing_periods(part.timezone, *prices.span_us)
    zero = PriceSeries(months.edges_us[:-1], months.edges_us[1:], np.zeros(len(months)))
    return prices.plus(zero)


def _tax_factor(part: Tariff, kind: str, prices: PriceSeries) -> Float64 | float:
    """Return 1 and the taxes on a kind of charge, for all prices or by price."""
    taxes = [tax for tax in part.taxes if kind in tax.on]
    if all(tax.months is None for tax in taxes):
        return 1.0 + sum(tax.share for tax in taxes)
    months = billing_periods(part.timezone, *prices.span_us)
    month = months.months[np.searchsorted(months.edges_us, prices.start_us, side="right") - 1]
    factor = np.ones(len(prices))
    for tax in taxes:
        is_charged = True if tax.months is None else np.isin(month, tax.months)
        factor += np.where(is_charged, tax.share, 0.0)
    return factor


@lru_cache(maxsize=256)
def export_prices(tariff: Tariff, grid: Grid) -> Float64:
    """Return the price of exports under the tariff's own terms; 0 if it does not pay for them."""
    check_covered(tariff, grid)
    series = []
    for part, start_us, end_us in parts_in_force(tariff, grid.start_us, grid.end_us):
        if part.export is None:
            plain = _plain_tariff(part, (Rate(0.0),), None)
        elif part.export.mode == "net_metering":
            plain = _plain_tariff(part, part.rates, part.series)
        else:
            plain = _plain_tariff(part, part.export.rates, part.export.series)
        series.append(plain.prices(start_us, end_us))
    return _mean_by_interval(series, grid)


def _plain_tariff(part: Tariff, rates: tuple[Rate, ...], series: PriceSeries | None) -> Tariff:
    """Return a tariff of these prices alone, valid as long as `part`; of tiers the first."""
    if series is not None:  # it says itself for how long it holds
        return Tariff(part.name, part.currency, part.timezone, series=series)
    valid_from_us, valid_to_us = part.validity
    return Tariff(
        name=part.name,
        currency=part.currency,
        timezone=part.timezone,
        rates=tuple(replace(rate, tiers=()) for rate in rates),
        valid_from_us=valid_from_us,
        valid_to_us=valid_to_us,
        hours_timezone=part.hours_timezone,
        holidays=part.holidays,
    )


def _mean_by_interval(series: list[PriceSeries], grid: Grid) -> Float64:
    # What one kWh costs, spread evenly over the interval, is the mean price.
    means = joined(series).cost(*grid.times_us, np.ones(grid.intervals))
    means.flags.writeable = False  # cached: shared by all callers
    return means
