"""The result of one site under one scenario by interval: energy, and what it costs at its price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.flows import EnergyFlows
from flipkit.scenarios.engine.marginal_prices import export_prices, interval_times
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import has_tiers, joined, parts_in_force, parts_of
from flipkit.tariffs.rating import Used, mean_prices, tiers_reached
from flipkit.vocabulary import Float64, Int64

__all__ = ["IntervalResult", "interval_result"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalResult:
    """One site under one scenario; each array of shape (intervals,).

    Attributes
    ----------
    site_id, scenario : str
    location_id : str or None
        The Flatpeak location that the current tariffs come from.
    currency : str
    timezone : str
    start_us, end_us : ndarray of int64
    consumption_kwh, charge_kwh, export_kwh : ndarray of float64
    generation_kwh, discharge_kwh, import_kwh : ndarray of float64
        In every interval the first three have the same sum as the second three.
    ev_kwh : ndarray of float64
        What the car adds; part of the consumption.
    own_use_kwh : ndarray of float64
        Generation that is not exported.
    soc_kwh : ndarray of float64
        State of charge at the end of the interval; NaN without a battery.
    stored_value : ndarray of float64
        With "optimal" and "day_ahead": what one kWh more in the battery at the beginning of the
        interval would save. NaN with the rules, and with a mixed-integer program.
    import_cost, export_credit, own_use_cost : ndarray of float64
        NaN if only the whole bill tells it: net metering, and tiers that are not filled in the
        order of time.
    import_tier : ndarray of int64, or None
        The tier that the interval begins in, from 0; None without tiers counted in time.
    import_tariff : Tariff
    has_export_price : bool
        Whether exports are paid.
    is_today : frozenset of str
        The directions that the location's current tariffs price.
    """

    site_id: str
    scenario: str
    location_id: str | None
    currency: str
    timezone: str
    start_us: Int64
    end_us: Int64
    consumption_kwh: Float64
    generation_kwh: Float64
    ev_kwh: Float64
    own_use_kwh: Float64
    soc_kwh: Float64
    stored_value: Float64
    charge_kwh: Float64
    discharge_kwh: Float64
    import_kwh: Float64
    export_kwh: Float64
    import_cost: Float64
    export_credit: Float64
    own_use_cost: Float64
    import_tier: Int64 | None
    import_tariff: Tariff
    has_export_price: bool
    is_today: frozenset[str]


def interval_result(
    scenario: str, flows: EnergyFlows, case: Case, location_id: str | None
) -> IntervalResult:
    """Return the intervals of the single site of `flows`."""
    grid = flows.block.grid
    battery = flows.battery
    start_us, end_us = interval_times(grid)
    import_kwh = flows.import_kwh[0]
    export_kwh = flows.export_kwh[0]
    own_use_kwh = flows.own_use_kwh[0]
    import_cost, import_tier = _import_cost(case, grid, import_kwh)
    battery_kwh = _single_row(battery.flow_kwh if battery else None, grid, 0.0)
    return IntervalResult(
        site_id=flows.block.site_ids[0],
        scenario=scenario,
        location_id=location_id,
        currency=case.import_tariff.currency,
        timezone=case.import_tariff.timezone,
        start_us=start_us,
        end_us=end_us,
        consumption_kwh=flows.block.consumption_kwh[0],
        generation_kwh=flows.generation_kwh[0],
        ev_kwh=_single_row(flows.ev_kwh, grid, 0.0),
        own_use_kwh=own_use_kwh,
        soc_kwh=_single_row(battery.soc_kwh if battery else None, grid, np.nan),
        stored_value=_single_row(battery.marginal_value if battery else None, grid, np.nan),
        charge_kwh=np.maximum(battery_kwh, 0.0),
        discharge_kwh=np.maximum(-battery_kwh, 0.0),
        import_kwh=import_kwh,
        export_kwh=export_kwh,
        import_cost=import_cost,
        export_credit=_export_credit(case, grid, export_kwh),
        own_use_cost=_own_use_cost(case, grid, own_use_kwh),
        import_tier=import_tier,
        import_tariff=case.import_tariff,
        has_export_price=case.pays_exports,
        is_today=case.current_directions,
    )


def _single_row(values: Float64 | None, grid: Grid, default: float) -> Float64:
    """Return the values of the single site; the default in every interval if there are none."""
    row: Float64 = np.full(grid.intervals, default) if values is None else values[0]
    return row


def _import_cost(case: Case, grid: Grid, kwh: Float64) -> tuple[Float64, Int64 | None]:
    """Return the cost of each interval's imports, and the tier that it begins in."""
    tariff = case.import_tariff
    # Under other rules a kWh has no price of its own before the month is over.
    tier_rules = {part.tier_rule for part in parts_of(tariff)}
    if case.is_net_metered or not tier_rules <= {None, "chronological"}:
        return np.full(grid.intervals, np.nan), None
    if has_tiers(tariff):
        return _tiered_cost(tariff, grid, kwh)
    return _cost(tariff, grid, kwh), None


def _export_credit(case: Case, grid: Grid, kwh: Float64) -> Float64:
    """Return what each interval's exports earn; 0 if exports are not paid."""
    if case.export_tariff is not None:
        return _cost(case.export_tariff, grid, kwh)
    if case.is_net_metered:
        return np.full(grid.intervals, np.nan)
    return kwh * export_prices(case.import_tariff, grid)


def _own_use_cost(case: Case, grid: Grid, kwh: Float64) -> Float64:
    """Return what each interval's own use of generation costs; 0 if it is free."""
    if case.local_tariff is None:
        return np.zeros(grid.intervals)
    return _cost(case.local_tariff, grid, kwh)


def _cost(tariff: Tariff, grid: Grid, kwh: Float64) -> Float64:
    start_us, end_us = interval_times(grid)
    return tariff.prices(grid.start_us, grid.end_us).cost(start_us, end_us, kwh)


def _tiered_cost(tariff: Tariff, grid: Grid, kwh: Float64) -> tuple[Float64, Int64]:
    """Return cost and tier of each interval.

    Each part of the tariff counts its own kWh. In a month that is cut, each tier has its share of
    the limit, as in the bill.
    """
    start_us, end_us = interval_times(grid)
    used = Used.of(start_us, end_us, kwh)
    # Cut at the intervals, so that an interval in two tiers costs its mean price exactly.
    edges = np.append(start_us, grid.end_us)
    prices = []
    tiers = np.zeros(grid.intervals, dtype=np.int64)
    for part, first_us, last_us in parts_in_force(tariff, grid.start_us, grid.end_us):
        if not has_tiers(part):
            prices.append(part.prices(first_us, last_us))
            continue
        in_force = (first_us, last_us)
        prices.append(mean_prices(part, used, in_force, in_force, edges))
        is_within = (start_us >= first_us) & (start_us < last_us)
        tiers[is_within] = tiers_reached(part, used, in_force, start_us[is_within])
    return joined(prices).cost(start_us, end_us, kwh), tiers
