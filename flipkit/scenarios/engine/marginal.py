"""What one kWh more costs in each interval: by this batteries and cars are run, bills are not."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.engine.case import Case
from flipkit.tariffs import PriceSeries, Rate, Tariff
from flipkit.tariffs.model import joined, overlap
from flipkit.tariffs.rating import check_covered
from flipkit.vocabulary import Float64

__all__ = ["Prices", "export_prices", "prices_of"]

Prices = tuple[Float64, Float64]
"""Import price and export price of each interval."""


def prices_of(case: Case, grid: Grid) -> Prices:
    """Mean import and export price of each interval, with adders and taxes.

    Of tiers it is the price of the first; under net metering an export is worth what an import costs; and where own
    use has a price, whoever exports instead is spared it.
    """
    bought = _import_prices(case.buy, grid)
    if case.sell is not None:
        sold = _import_prices(case.sell, grid)
    else:
        sold = np.zeros(grid.intervals) if case.is_gross else export_prices(case.buy, grid)
    return bought, sold if case.local is None else sold + _import_prices(case.local, grid)


@lru_cache(maxsize=256)
def _import_prices(tariff: Tariff, grid: Grid) -> Float64:
    check_covered(tariff, grid)
    parts = []
    for part in tariff.parts or (tariff,):
        energy = 1.0 + sum(tax.share for tax in part.taxes if "energy" in tax.on)
        adders = sum(each.price_per_kwh for each in part.adders)
        adders *= 1.0 + sum(tax.share for tax in part.taxes if "adder" in tax.on)
        parts.append((part, energy, adders))
    return _means(
        [
            (part, _plain(part, part.rates, part.series), factor, more)
            for part, factor, more in parts
        ],
        grid,
    )


@lru_cache(maxsize=256)
def export_prices(tariff: Tariff, grid: Grid) -> Float64:
    """What an exported kWh earns in each interval by the tariff's own terms; the import price under net metering."""
    check_covered(tariff, grid)
    parts = []
    for part in tariff.parts or (tariff,):
        if part.export is None:
            parts.append((part, _plain(part, (Rate(0.0),), None), 1.0, 0.0))
        elif part.export.mode == "net_metering":
            parts.append((part, _plain(part, part.rates, part.series), 1.0, 0.0))
        else:
            parts.append((part, _plain(part, part.export.rates, part.export.series), 1.0, 0.0))
    return _means(parts, grid)


def _plain(part: Tariff, rates: tuple[Rate, ...], series: PriceSeries | None) -> Tariff:
    """A tariff of these prices and nothing else, over the time of `part`; the first tier where there are tiers."""
    bounds = (None, None) if series is not None else part.validity
    plain = tuple(replace(rate, tiers=()) for rate in rates) if series is None else ()
    holidays = part.holidays if plain else None
    return Tariff(
        part.name, part.currency, part.timezone, plain, series, *bounds, holidays=holidays
    )


def _means(parts: list[tuple[Tariff, Tariff, float, float]], grid: Grid) -> Float64:
    found = []
    for part, plain, factor, more in parts:
        start, end = overlap(part.validity, grid.start_us, grid.end_us)
        if start < end:
            series = plain.prices(start, end)
            found.append(
                PriceSeries(series.start_us, series.end_us, series.price_per_kwh * factor + more)
            )
    starts = grid.start_us + grid.step_us * np.arange(grid.intervals)
    means = joined(found).cost(starts, starts + grid.step_us, np.ones(grid.intervals))
    means.flags.writeable = False
    return means
