"""One site under one scenario, by interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

import numpy as np

from flipkit.scenarios.battery import Battery
from flipkit.scenarios.prices import Market
from flipkit.scenarios.scenario import Scenario
from flipkit.scenarios.storage import dispatched
from flipkit.tariffs.energy import SiteEnergy
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.series import Float64, PriceSeries

__all__ = ["Outcome", "PricedBy"]


@dataclass(frozen=True, slots=True)
class PricedBy:
    """The prices of one direction; `is_today` where they are the location's own."""

    series: PriceSeries
    currency: str | None
    timezone: str | None
    is_today: bool


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One site under one scenario.

    Attributes
    ----------
    site_id, scenario : str
    location_id : str or None
    timezone : str
        Of the site's months; UTC where nothing tells it.
    currency : str or None
    start_us, end_us : ndarray of int64, shape (n,)
    consumption_kwh, generation_kwh, charge_kwh, discharge_kwh, import_kwh, export_kwh : ndarray of float64, shape (n,)
        consumption + charge + export = generation + discharge + import, in every interval.
    import_cost, export_credit : ndarray of float64, shape (n,)
    has_export_price : bool
    is_today : frozenset of str
        The directions that were priced with the location's own series.
    dispatch : str or None
        The method by which the battery was dispatched; None without a battery.
    cycles : float
        Equivalent full cycles of the battery; NaN without one.
    """

    site_id: str
    scenario: str
    location_id: str | None
    timezone: str
    currency: str | None
    start_us: Int64
    end_us: Int64
    consumption_kwh: Float64
    generation_kwh: Float64
    charge_kwh: Float64
    discharge_kwh: Float64
    import_kwh: Float64
    export_kwh: Float64
    import_cost: Float64
    export_credit: Float64
    has_export_price: bool
    is_today: frozenset[str]
    dispatch: str | None
    cycles: float

    @classmethod
    def of(
        cls, site: SiteEnergy, scenario: Scenario, priced: Mapping[str, PricedBy], market: Market | None, method: str
    ) -> Outcome:
        """Dispatch the battery by `method`, net the energy, and price it."""
        consumption = site.consumption_kwh * (scenario.load.scale if scenario.load else 1.0)
        net = consumption - site.generation_kwh
        zone = (market and market.timezone) or priced["IMPORT"].timezone or "UTC"
        charge = discharge = np.zeros(len(net))
        used, cycles = None, float("nan")
        if scenario.battery is not None:
            series = {direction: prices.series for direction, prices in priced.items()}
            stored = dispatched(site, net, series, zone, scenario.battery, method)
            charge, discharge, used = stored.charge_kwh, stored.discharge_kwh, stored.method_used
            cycles = _cycles(scenario.battery, discharge)
            net = net + charge - discharge
        imported, exported = np.maximum(net, 0.0), np.maximum(-net, 0.0)
        sold = priced.get("EXPORT")
        return cls(
            site_id=site.site_id,
            scenario=scenario.name,
            location_id=market.location_id if market else None,
            timezone=zone,
            currency=priced["IMPORT"].currency,
            start_us=site.start_us,
            end_us=site.end_us,
            consumption_kwh=consumption,
            generation_kwh=site.generation_kwh,
            charge_kwh=charge,
            discharge_kwh=discharge,
            import_kwh=imported,
            export_kwh=exported,
            import_cost=priced["IMPORT"].series.cost(site.start_us, site.end_us, imported),
            export_credit=sold.series.cost(site.start_us, site.end_us, exported) if sold else np.zeros(len(net)),
            has_export_price=sold is not None,
            is_today=frozenset(d for d, p in priced.items() if p.is_today),
            dispatch=used,
            cycles=cycles,
        )

    @property
    def self_consumption(self) -> float:
        """Share of the generation used on the site; NaN without generation."""
        total = fsum(self.generation_kwh)
        return 1 - fsum(self.export_kwh) / total if total > 0 else float("nan")

    @property
    def self_sufficiency(self) -> float:
        """Share of the consumption that was not imported; NaN without consumption."""
        total = fsum(self.consumption_kwh)
        return 1 - fsum(self.import_kwh) / total if total > 0 else float("nan")

    @property
    def peak_import_kw(self) -> float:
        """Highest mean import power of any interval."""
        return float(self.import_kwh.max()) / (int(self.end_us[0] - self.start_us[0]) / 3.6e9)


def _cycles(battery: Battery, discharge_kwh: Float64) -> float:
    """Energy drawn from the store over its capacity."""
    if battery.capacity_kwh == 0:
        return 0.0
    return fsum(discharge_kwh) / battery.discharge_efficiency / battery.capacity_kwh
