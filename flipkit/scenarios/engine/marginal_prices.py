"""The price of one more kWh in each interval.

Batteries and cars are run by these prices. Bills are not: they count tiers and netting.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.engine.case import Case
from flipkit.tariffs import PriceSeries, Rate, Tariff
from flipkit.tariffs.model import joined, parts_in_force
from flipkit.tariffs.rating import check_covered
from flipkit.vocabulary import Float64, Int64

__all__ = ["export_prices", "interval_times", "marginal_prices"]


def interval_times(grid: Grid) -> tuple[Int64, Int64]:
    """Return start and end of each interval."""
    edges_us = grid.edges_us
    return edges_us[:-1], edges_us[1:]


def marginal_prices(case: Case, grid: Grid) -> tuple[Float64, Float64]:
    """Return the mean import and export price of each interval, with adders and taxes.

    Tiers count with the price of the first. Under net metering an export is worth the import price.
    If own use has a price, each exported kWh also saves that price.
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
        energy_factor = 1.0 + sum(tax.share for tax in part.taxes if "energy" in tax.on)
        adder_factor = 1.0 + sum(tax.share for tax in part.taxes if "adder" in tax.on)
        adders = sum(adder.price_per_kwh for adder in part.adders) * adder_factor
        plain = _plain_tariff(part, part.rates, part.series).prices(start_us, end_us)
        price_per_kwh = plain.price_per_kwh * energy_factor + adders
        series.append(PriceSeries(plain.start_us, plain.end_us, price_per_kwh))
    return _mean_by_interval(series, grid)


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
    start_us, end_us = interval_times(grid)
    # What one kWh costs, spread evenly over the interval, is the mean price.
    means = joined(series).cost(start_us, end_us, np.ones(grid.intervals))
    means.flags.writeable = False  # cached: shared by all callers
    return means
