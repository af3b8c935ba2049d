"""What the energy of each interval costs and earns, for a site by interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.marginal_prices import export_prices
from flipkit.tariffs import Export, PriceSeries, Rate, Tariff
from flipkit.tariffs.model import has_tiers, joined, parts_in_force, parts_of
from flipkit.tariffs.rating import Used, mean_prices, tiers_reached
from flipkit.vocabulary import Float64, Int64

__all__ = ["export_credits", "import_costs", "import_prices", "own_use_costs"]


def import_costs(case: Case, grid: Grid, kwh: Float64) -> tuple[Float64, Int64 | None]:
    """Return the cost of each interval's imports, and the tier that it begins in."""
    if case.is_net_metered:
        return np.full(grid.intervals, np.nan), None
    return _cost_and_tier(case.import_tariff, grid, kwh)


def import_prices(case: Case, grid: Grid, kwh: Float64) -> Float64:
    """Return the price of each interval, in the tier that its imports reach."""
    tariff = case.import_tariff
    if not has_tiers(tariff):
        return _mean_prices(tariff, grid)
    if case.is_net_metered or not _counts_in_time(tariff):
        return np.full(grid.intervals, np.nan)
    parts = parts_in_force(tariff, grid.start_us, grid.end_us)
    prices, _ = _tiered_prices(parts, grid, kwh)
    return prices.cost(*grid.times_us, np.ones(grid.intervals))


# Cached: the same few tariffs price all sites of a fleet.
@lru_cache(maxsize=256)
def _mean_prices(tariff: Tariff, grid: Grid) -> Float64:
    prices = _cost(tariff, grid, np.ones(grid.intervals))
    prices.flags.writeable = False  # shared by all callers
    return prices


def _counts_in_time(tariff: Tariff) -> bool:
    """Whether a kWh has a price of its own before the month is over."""
    tier_rules = {part.tier_rule for part in parts_of(tariff)}
    return tier_rules <= {None, "chronological"}


def _cost_and_tier(tariff: Tariff, grid: Grid, kwh: Float64) -> tuple[Float64, Int64 | None]:
    if not _counts_in_time(tariff):
        return np.full(grid.intervals, np.nan), None
    if has_tiers(tariff):
        return _tiered_cost(parts_in_force(tariff, grid.start_us, grid.end_us), grid, kwh)
    return _cost(tariff, grid, kwh), None


def export_credits(case: Case, grid: Grid, kwh: Float64) -> Float64:
    """Return what each interval's exports earn; 0 if exports are not paid."""
    if case.export_tariff is not None:
        return _cost_and_tier(case.export_tariff, grid, kwh)[0]
    exports = [part.export for part in parts_of(case.import_tariff) if part.export is not None]
    tier_rules = {export.tier_rule for export in exports}
    if case.is_net_metered or not tier_rules <= {None, "chronological"}:
        return np.full(grid.intervals, np.nan)
    if any(rate.tiers for export in exports for rate in export.rates):
        parts = parts_in_force(case.import_tariff, grid.start_us, grid.end_us)
        terms = [(_export_terms(part), start, end) for part, start, end in parts]
        return _tiered_cost(terms, grid, kwh)[0]
    return kwh * export_prices(case.import_tariff, grid)


def _export_terms(part: Tariff) -> Tariff:
    """Return a tariff whose prices are what exports earn under another one."""
    export = part.export or Export("net_billing", (Rate(0.0),))
    return replace(
        part,
        rates=export.rates,
        series=export.series,
        tier_rule=export.tier_rule,
        tier_reset=export.tier_reset,
        valid_from_us=None,
        valid_to_us=None,
        export=None,
    )


def own_use_costs(case: Case, grid: Grid, kwh: Float64) -> Float64:
    """Return what each interval's own use of generation costs; 0 if it is free."""
    if case.local_tariff is None:
        return np.zeros(grid.intervals)
    return _cost(case.local_tariff, grid, kwh)


def _cost(tariff: Tariff, grid: Grid, kwh: Float64) -> Float64:
    return tariff.prices(grid.start_us, grid.end_us).cost(*grid.times_us, kwh)


def _tiered_cost(
    parts: Iterable[tuple[Tariff, int, int]], grid: Grid, kwh: Float64
) -> tuple[Float64, Int64]:
    """Return cost and tier of each interval, under tariffs with the start and end of each."""
    prices, tiers = _tiered_prices(parts, grid, kwh)
    return prices.cost(*grid.times_us, kwh), tiers


def _tiered_prices(
    parts: Iterable[tuple[Tariff, int, int]], grid: Grid, kwh: Float64
) -> tuple[PriceSeries, Int64]:
    """Return the prices in the tiers that are reached, and the tier of each interval.

    Each of the tariffs counts its own kWh. In a month that is cut, each tier has its share of
    the limit, as in the bill.
    """
    start_us, end_us = grid.times_us
    used = Used.of(start_us, end_us, kwh)
    # Cut at the intervals, so that an interval in two tiers costs its mean price exactly.
    edges = np.append(start_us, grid.end_us)
    prices = []
    tiers = np.zeros(grid.intervals, dtype=np.int64)
    for part, first_us, last_us in parts:
        if not has_tiers(part):
            prices.append(part.prices(first_us, last_us))
            continue
        in_force = (first_us, last_us)
        prices.append(mean_prices(part, used, in_force, in_force, edges))
        is_within = (start_us >= first_us) & (start_us < last_us)
        tiers[is_within] = tiers_reached(part, used, in_force, start_us[is_within])
    return joined(prices), tiers
