"""One site under one scenario, by interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.flows import EnergyFlows, times_of
from flipkit.scenarios.engine.interval_costs import export_credits, import_costs, own_use_costs
from flipkit.tariffs import Tariff
from flipkit.vocabulary import Float64, Int64

__all__ = ["IntervalResult"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalResult:
    """One site under one scenario.

    Attributes
    ----------
    site_id, scenario : str
    location_id : str or None
    currency : str
    timezone : str
    start_us, end_us : ndarray of int64, shape (n,)
    consumption_kwh, generation_kwh, charge_kwh, discharge_kwh, import_kwh, export_kwh : ndarray of float64, shape (n,)
        consumption + charge + export = generation + discharge + import, in every interval.
    ev_kwh : ndarray of float64, shape (n,)
        What the car changes; it is in the consumption already.
    own_use_kwh : ndarray of float64, shape (n,)
        What is generated and not exported.
    soc_kwh : ndarray of float64, shape (n,)
        What the battery holds at the end of each interval; NaN without one.
    stored_value : ndarray of float64, shape (n,)
        With `optimal` and `day_ahead`: what one kWh more in the store at the beginning of an interval would save. NaN
        with the rules and where a mixed-integer programme was needed.
    import_cost, export_credit, own_use_cost : ndarray of float64, shape (n,)
        Energy at its price; NaN where only the whole bill tells it (tiers that are not filled in the order of time, net
        metering).
    import_tier : ndarray of int64, shape (n,), or None
        The tier that each interval begins in, from 0; None where the tariff has no tiers counted in time.
    import_tariff : Tariff
        What imports are priced by.
    has_export_price : bool
        Whether anybody pays for exports.
    is_today : frozenset of str
        The directions that were priced by the location's own tariff.
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

    @classmethod
    def of(
        cls, scenario: str, flows: EnergyFlows, case: Case, location_id: str | None
    ) -> IntervalResult:
        """The first site of `flows`."""
        grid, nothing = flows.block.grid, np.zeros(flows.block.grid.intervals)
        start, end = times_of(grid)
        stored = nothing if flows.stored_kwh is None else flows.stored_kwh[0]
        imported, exported, made = flows.import_kwh[0], flows.export_kwh[0], flows.generation_kwh[0]
        own_use = np.maximum(made - exported, 0.0)
        import_cost, tier = import_costs(case, start, end, imported)
        return cls(
            site_id=flows.block.site_ids[0],
            scenario=scenario,
            location_id=location_id,
            currency=case.buy.currency,
            timezone=case.buy.timezone,
            start_us=start,
            end_us=end,
            consumption_kwh=flows.block.consumption_kwh[0],
            generation_kwh=made,
            ev_kwh=nothing if flows.ev_kwh is None else flows.ev_kwh[0],
            own_use_kwh=own_use,
            soc_kwh=np.full(len(nothing), np.nan) if flows.soc_kwh is None else flows.soc_kwh[0],
            stored_value=np.full(len(nothing), np.nan)
            if flows.stored_value is None
            else flows.stored_value[0],
            charge_kwh=np.maximum(stored, 0.0),
            discharge_kwh=np.maximum(-stored, 0.0),
            import_kwh=imported,
            export_kwh=exported,
            import_cost=import_cost,
            export_credit=export_credits(case, start, end, exported),
            own_use_cost=own_use_costs(case, start, end, own_use),
            import_tier=tier,
            import_tariff=case.buy,
            has_export_price=case.pays_exports,
            is_today=case.today,
        )
