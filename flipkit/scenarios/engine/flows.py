"""The energy of homes under a scenario: load, then solar, then the car, then the battery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from flipkit.calendar import Grid, day_starts
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.money import round_money_array
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch import (
    APPROXIMATE,
    EXPORT_TIERS,
    Dispatch,
    DispatchBlock,
    ForeignEnergy,
    StoredChange,
    couples,
    dispatch_block,
    dispatch_tariff,
    foreign_energy,
    stored_change,
)
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.marginal_prices import marginal_prices
from flipkit.scenarios.ev import EvCharging
from flipkit.tariffs.model import has_tiers
from flipkit.tariffs.rating import Block
from flipkit.vocabulary import HOUR_US, DispatchMethod, Float64

__all__ = ["EnergyFlows", "energy_flows"]


@dataclass(frozen=True, eq=False)
class EnergyFlows:
    """The energy of some sites; each array of shape (sites, intervals) in kWh.

    Attributes
    ----------
    block : Block
        Consumption (with the car), generation, and the net of both; without the battery.
    ev_kwh : ndarray or None
        What the car adds to the consumption.
    battery : DispatchBlock or None
        What the batteries do.
    stored : StoredChange or None
        What the batteries store more at the end than at the beginning.
    foreign : ForeignEnergy or None
        What the batteries import and export beside consumption and generation.
    is_gross : bool
        Whether all generation is exported and all consumption imported, so that nothing is netted.
    findings : tuple of tuple of Finding
        By site.
    """

    block: Block
    ev_kwh: Float64 | None
    battery: DispatchBlock | None
    stored: StoredChange | None
    foreign: ForeignEnergy | None
    is_gross: bool
    findings: tuple[tuple[Finding, ...], ...]

    @property
    def methods(self) -> tuple[str | None, ...]:
        """How the battery of each site was run; None without a battery."""
        if self.battery is None:
            return (None,) * len(self.block.site_ids)
        return self.battery.methods_used

    @cached_property
    def net_kwh(self) -> Float64:
        """What flows through the meter: above 0 imported, below 0 exported."""
        if self.battery is None:
            return self.block.net_kwh
        return self.block.net_kwh + self.battery.flow_kwh

    @cached_property
    def generation_kwh(self) -> Float64:
        """Generation; zeros without any."""
        return _generation_or_zeros(self.block)

    @cached_property
    def import_kwh(self) -> Float64:
        """Energy imported."""
        if not self.is_gross:
            return np.maximum(self.net_kwh, 0.0)
        if self.battery is None:
            return self.block.consumption_kwh
        return self.block.consumption_kwh + self.battery.flow_kwh

    @cached_property
    def export_kwh(self) -> Float64:
        """Energy exported."""
        if self.is_gross:
            return self.generation_kwh
        return np.maximum(-self.net_kwh, 0.0)

    @cached_property
    def own_use_kwh(self) -> Float64:
        """Generation that is not exported."""
        return np.maximum(self.generation_kwh - self.export_kwh, 0.0)

    @cached_property
    def exported_generation_kwh(self) -> Float64:
        """Generation exported, directly or through the battery, by site."""
        generation_kwh: Float64 = self.generation_kwh.sum(axis=1)
        if self.is_gross:
            return generation_kwh
        export_kwh = self.export_kwh.sum(axis=1)
        if self.foreign is not None:
            export_kwh = export_kwh - self.foreign.export_kwh
        exported: Float64 = np.clip(export_kwh, 0.0, generation_kwh)
        return exported

    @cached_property
    def grid_supply_kwh(self) -> Float64:
        """Consumption that own generation does not serve, directly or stored, by site."""
        consumption_kwh: Float64 = self.block.consumption_kwh.sum(axis=1)
        if self.is_gross:
            return consumption_kwh
        import_kwh = self.import_kwh.sum(axis=1)
        if self.foreign is not None:
            import_kwh = import_kwh - self.foreign.import_kwh
        from_grid: Float64 = np.clip(import_kwh, 0.0, consumption_kwh)
        return from_grid

    @property
    def metered(self) -> Block:
        """What the import tariff rates: a block whose net includes the battery."""
        block = self.block
        if self.battery is None:
            return block
        if self.is_gross:
            return Block(block.site_ids, block.grid, self.import_kwh, self.generation_kwh)
        return Block(
            site_ids=block.site_ids,
            grid=block.grid,
            consumption_kwh=block.consumption_kwh,
            generation_kwh=self.generation_kwh,
            net_kwh=self.net_kwh,
        )


def energy_flows(
    block: Block, case: Case, method: DispatchMethod, *, with_soc: bool = False
) -> EnergyFlows:
    """Return the energy of sites under one scenario.

    Parameters
    ----------
    block : Block
    case : Case
        The same for all sites.
    method : str
        How batteries are run.
    with_soc : bool
        Whether to return the battery's state of charge and its value too.
    """
    common_findings = [*case.findings, *_weather_findings(case)]
    findings = [list(common_findings) for _ in block.site_ids]
    changed, ev_kwh = block, None
    # An unchanged home keeps its block: nothing is copied, and the net stays the metered one.
    if case.changes_energy:
        changed, ev_kwh = _without_battery(block, case, findings)
    battery, stored, foreign = None, None, None
    if case.battery is not None:
        battery = run_battery(changed, case, case.battery, method, with_soc=with_soc)
        for number, method_used in enumerate(battery.methods_used):
            if method_used in ("milp", "approximate"):  # the others are exact
                reasons = battery.notes[number].removeprefix(f"{method_used}: ").split("; ")
                findings[number] += [
                    Finding(f"dispatch.{method_used}", reason) for reason in reasons
                ]
        stored = _stored_change(changed, case, case.battery, method, battery)
        for of_site, found in zip(findings, _stored_findings(stored, case), strict=True):
            of_site.extend(found)
        foreign = foreign_energy(
            changed.consumption_kwh,
            _generation_or_zeros(changed),
            battery.flow_kwh,
            changed.grid.step_us / HOUR_US,
            case.battery,
            method,
        )
    return EnergyFlows(
        block=changed,
        ev_kwh=ev_kwh,
        battery=battery,
        stored=stored,
        foreign=foreign,
        is_gross=case.is_gross,
        findings=tuple(tuple(of_site) for of_site in findings),
    )


def _without_battery(
    block: Block, case: Case, findings: list[list[Finding]]
) -> tuple[Block, Float64 | None]:
    """Return the homes with load, solar and car, and what the car adds to the consumption."""
    consumption = _consumption(block, case)
    generation = _generation(block, case)
    ev_kwh = None
    if case.ev is not None:
        # Under gross metering all generation is exported: the car has no surplus.
        surplus_source = None if case.is_gross else generation
        without_car = Block(block.site_ids, block.grid, consumption, surplus_source)
        ev_kwh = _charge_cars(without_car, case, case.ev, findings)
        consumption = consumption + ev_kwh
    return Block(block.site_ids, block.grid, consumption, generation), ev_kwh


def _weather_findings(case: Case) -> list[Finding]:
    """Say so if the irradiance on new panels is not that of the place and time."""
    solar = case.solar
    if solar is None or solar.weather is not None or solar.existing_kw_dc is not None:
        return []
    return [Finding("solar.weather", solar.weather_note)]


def _consumption(block: Block, case: Case) -> Float64:
    if case.load is None:
        return block.consumption_kwh
    timezone = case.import_tariff.timezone
    rows = [case.load.applied(row, block.grid, timezone) for row in block.consumption_kwh]
    return np.stack(rows)


def _generation(block: Block, case: Case) -> Float64 | None:
    if case.solar is None:
        return block.generation_kwh
    rows = []
    for site_id, existing in zip(block.site_ids, _generation_or_zeros(block), strict=True):
        with _named_site(site_id):
            rows.append(existing + case.solar.generation_kwh(block.grid, existing))
    return np.stack(rows)


def _generation_or_zeros(block: Block) -> Float64:
    if block.generation_kwh is None:
        return np.zeros_like(block.consumption_kwh)
    return block.generation_kwh


def _charge_cars(
    block: Block, case: Case, ev: EvCharging, findings: list[list[Finding]]
) -> Float64:
    """Return what the car adds to the consumption, and add to the findings of each site."""
    import_price, export_price = marginal_prices(case, block.grid)
    generation = _generation_or_zeros(block)
    rows = []
    for number, site_id in enumerate(block.site_ids):
        with _named_site(site_id):
            charging = ev.charging(
                block.grid,
                case.import_tariff.timezone,
                consumption_kwh=block.consumption_kwh[number],
                generation_kwh=generation[number],
                import_price=import_price,
                export_price=export_price,
            )
        rows.append(charging.consumption_kwh)
        findings[number].extend(charging.findings)
    return np.stack(rows)


@contextmanager
def _named_site(site_id: str) -> Iterator[None]:
    """Name the site in an error of a component."""
    try:
        yield
    except InputError as error:
        raise InputError(f"site {site_id}: {error}") from None


def run_battery(
    block: Block, case: Case, battery: Battery, method: DispatchMethod, *, with_soc: bool
) -> DispatchBlock:
    """Run the battery of each home.

    Parameters
    ----------
    block : Block
        Consumption and generation without the battery.
    case : Case
    battery : Battery
    method : str
    with_soc : bool
        Whether to return the state of charge and its value too.
    """
    net_kwh = _net_of_battery(block, case)
    import_price, export_price = marginal_prices(case, block.grid)
    is_planned = method in ("day_ahead", "optimal")
    if is_planned and couples(case.import_tariff):
        planned = _planned_by_bill(net_kwh, block.grid, case, battery, method, export_price)
        return _say_export_tiers(planned, case)

    run = dispatch_block(
        net_kwh,
        import_price,
        export_price,
        block.grid.step_us / HOUR_US,
        battery,
        method,
        day_edges=day_starts(case.import_tariff.timezone, block.grid),
        with_state=with_soc,
    )
    return _say_export_tiers(run, case) if is_planned else run


def _net_of_battery(block: Block, case: Case) -> Float64:
    # Under gross metering the meter of the battery sees the consumption alone.
    return block.consumption_kwh if case.is_gross else block.net_kwh


def _stored_change(
    block: Block, case: Case, battery: Battery, method: DispatchMethod, run: DispatchBlock
) -> StoredChange:
    import_price, export_price = marginal_prices(case, block.grid)
    change = stored_change(
        _net_of_battery(block, case),
        import_price,
        export_price,
        block.grid.step_us / HOUR_US,
        battery,
        method,
        day_starts(case.import_tariff.timezone, block.grid),
        run.flow_kwh,
    )
    value = round_money_array(change.value, case.import_tariff.currency)
    return change._replace(value=value)


def _stored_findings(stored: StoredChange, case: Case) -> list[list[Finding]]:
    """Say what the batteries store more or less at the end, and what is counted for it."""
    findings: list[list[Finding]] = []
    for kwh, value in zip(stored.kwh.tolist(), stored.value.tolist(), strict=True):
        if round(kwh, 2) == 0 and value == 0:
            findings.append([])
            continue
        more = "more" if kwh > 0 else "less"
        message = (
            f"the battery ends with {abs(kwh):,.2f} kWh {more} than it began with; the saving "
            f"counts {value:,.2f} {case.import_tariff.currency} for it: its value if the last "
            f"{stored.days:.3g} days were repeated (dispatch by rule, marginal prices)"
        )
        findings.append([Finding("simulate.stored_energy", message)])
    return findings


def _say_export_tiers(planned: DispatchBlock, case: Case) -> DispatchBlock:
    """Say that a plan at one price per interval neglects the tiers of an export tariff."""
    if case.export_tariff is None or not has_tiers(case.export_tariff):
        return planned
    notes = [f"{APPROXIMATE}{EXPORT_TIERS}; {note}" for note in planned.notes]
    methods = ("approximate",) * len(notes)
    return replace(planned, methods_used=methods, notes=tuple(notes))


def _planned_by_bill(
    net_kwh: Float64,
    grid: Grid,
    case: Case,
    battery: Battery,
    method: DispatchMethod,
    export_price: Float64,
) -> DispatchBlock:
    """Plan by the bill of each home: tiers and demand charges have no price by interval."""
    # None: the import tariff settles exports under its own terms.
    price = None if case.export_tariff is None and case.local_tariff is None else export_price
    sites = []
    for row in net_kwh:
        planned = dispatch_tariff(
            row,
            grid,
            case.import_tariff,
            battery,
            method,
            export_price=price,
        )
        sites.append(planned)
    return _stacked(sites)


def _stacked(sites: Sequence[Dispatch]) -> DispatchBlock:
    unknown = np.full(len(sites[0].soc_kwh), np.nan)
    values = [site.marginal_value for site in sites]
    return DispatchBlock(
        flow_kwh=np.stack([site.flow_kwh for site in sites]),
        soc_kwh=np.stack([site.soc_kwh for site in sites]),
        marginal_value=np.stack([unknown if value is None else value for value in values]),
        cost=np.array([site.cost for site in sites]),
        methods_used=tuple(site.method_used for site in sites),
        notes=tuple(site.note for site in sites),
    )
