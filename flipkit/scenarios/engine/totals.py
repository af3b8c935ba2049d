"""Sites under one scenario: one site by interval, and the totals and bills of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.frames import Finding
from flipkit.money import round_money_array
from flipkit.scenarios.dispatch import no_battery
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.flows import EnergyFlows
from flipkit.scenarios.engine.interval_costs import (
    export_credits,
    import_costs,
    import_prices,
    own_use_costs,
)
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import has_tiers
from flipkit.tariffs.rating import (
    Block,
    EnergySums,
    findings_by_part,
    rate,
)
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["Component", "IntervalResult", "SiteTotals", "evaluate", "interval_result"]


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
    import_price : ndarray of float64
        Mean price of the imports; without any, that of the next kWh. NaN if only the whole bill
        tells it.
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
    import_price: Float64
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
    start_us, end_us = grid.times_us
    import_kwh = flows.import_kwh[0]
    export_kwh = flows.export_kwh[0]
    own_use_kwh = flows.own_use_kwh[0]
    import_cost, import_tier = import_costs(case, grid, import_kwh)
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
        export_credit=export_credits(case, grid, export_kwh),
        own_use_cost=own_use_costs(case, grid, own_use_kwh),
        import_price=import_prices(case, grid, import_kwh),
        import_tier=import_tier,
        import_tariff=case.import_tariff,
        has_export_price=case.pays_exports,
        is_today=case.current_directions,
    )


def _single_row(values: Float64 | None, grid: Grid, default: float) -> Float64:
    """Return the values of the single site; the default in every interval if there are none."""
    row: Float64 = np.full(grid.intervals, default) if values is None else values[0]
    return row


_MONTH_IS_CUT = Finding(
    "simulate.month_cut",
    "of a month that the energy covers in part, each tier has that part of its kWh",
)


class Component(NamedTuple):
    """One component of the bills; each array of shape (sites, months).

    Attributes
    ----------
    name, unit : str
        ``import``, ``export``, ``own use``, or the name that `flipkit.bill` uses.
    quantity : ndarray of float64
        NaN where the component is not charged.
    cost : ndarray of float64
        Rounded to the currency's smallest unit; credits are negative.
    """

    name: str
    unit: str
    quantity: Float64
    cost: Float64


class SiteTotals(NamedTuple):
    """Some sites under one scenario; each array of shape (sites,).

    Attributes
    ----------
    site_ids : tuple of str
    scenario, currency : str
    span_us : tuple of int
        First start and last end of the energy.
    months : tuple of str
        Local months, ``YYYY-MM``.
    components : tuple of Component
        They sum to the cost.
    consumption_kwh, generation_kwh, import_kwh, export_kwh, peak_import_kw : ndarray of float64
    exported_generation_kwh, grid_supply_kwh : ndarray of float64
        Generation that is not used on site, and consumption that it does not serve.
    stored_change_kwh, stored_change_value : ndarray of float64
        What the battery stores more at the end than at first, and its value; NaN without one.
    cycles : ndarray of float64
        Equivalent full cycles of the battery; NaN without one.
    throughput_kwh : ndarray of float64
        Energy out of the battery, at its AC terminals; NaN without one.
    methods : tuple of str or None
        How the battery was run.
    pays_exports : bool
        Whether exports are paid.
    findings : tuple of tuple of Finding
        By site.
    """

    site_ids: tuple[str, ...]
    scenario: str
    currency: str
    span_us: tuple[int, int]
    months: tuple[str, ...]
    components: tuple[Component, ...]
    consumption_kwh: Float64
    generation_kwh: Float64
    import_kwh: Float64
    export_kwh: Float64
    peak_import_kw: Float64
    exported_generation_kwh: Float64
    grid_supply_kwh: Float64
    stored_change_kwh: Float64
    stored_change_value: Float64
    cycles: Float64
    throughput_kwh: Float64
    methods: tuple[str | None, ...]
    pays_exports: bool
    findings: tuple[tuple[Finding, ...], ...]

    def of_site(self, row: int) -> SiteTotals:
        """Return one of the sites alone."""
        rows = slice(row, row + 1)
        components = [
            component._replace(quantity=component.quantity[rows], cost=component.cost[rows])
            for component in self.components
        ]
        arrays: dict[str, Any] = {}
        for name, values in zip(self._fields, self, strict=True):
            if isinstance(values, np.ndarray):
                arrays[name] = values[rows]
        return self._replace(
            site_ids=self.site_ids[rows],
            components=tuple(components),
            methods=self.methods[rows],
            findings=self.findings[rows],
            **arrays,
        )

    @property
    def has_fixed_charges(self) -> bool:
        """Whether the bills have standing charges."""
        return any(component.name.startswith("fixed ") for component in self.components)

    @property
    def cost(self) -> Float64:
        """The cost of each site: the sum of the rounded rows of its bills."""
        # One component after another: the order of the additions fixes the last bit.
        total = np.zeros(len(self.site_ids))
        for component in self.components:
            total += np.nansum(component.cost, axis=1)
        return round_money_array(total, self.currency)

    @property
    def comparable_cost(self) -> Float64:
        """The cost less the value of what the battery stores more at the end."""
        return round_money_array(self.cost - np.nan_to_num(self.stored_change_value), self.currency)

    @property
    def cost_with_missing(self) -> Float64:
        """The cost, and the value of what the battery stores less at the end."""
        return np.maximum(self.cost, self.comparable_cost)


def evaluate(scenario: str, flows: EnergyFlows, case: Case, *, compiled: bool) -> SiteTotals:
    """Rate the energy of some sites under a scenario, and add it up.

    `compiled` chooses compiled code, which pays for large fleets; the results have the same bits.
    """
    block = flows.block
    sheet = _rated(flows, case, compiled)
    throughput_kwh = _throughput_kwh(flows)
    stored = flows.stored or no_battery(len(block.site_ids))
    return SiteTotals(
        site_ids=block.site_ids,
        scenario=scenario,
        currency=case.import_tariff.currency,
        span_us=(block.grid.start_us, block.grid.end_us),
        months=sheet.months(),
        components=sheet.components(case.import_tariff.currency),
        consumption_kwh=block.consumption_kwh.sum(axis=1),
        generation_kwh=flows.generation_kwh.sum(axis=1),
        import_kwh=flows.import_kwh.sum(axis=1),
        export_kwh=flows.export_kwh.sum(axis=1),
        peak_import_kw=flows.import_kwh.max(axis=1) / (block.grid.step_us / HOUR_US),
        exported_generation_kwh=flows.exported_generation_kwh,
        grid_supply_kwh=flows.grid_supply_kwh,
        stored_change_kwh=stored.kwh,
        stored_change_value=stored.value,
        cycles=_cycles(throughput_kwh, case),
        throughput_kwh=throughput_kwh,
        methods=flows.methods,
        pays_exports=case.pays_exports,
        findings=tuple(
            (*of_flows, *of_bills)
            for of_flows, of_bills in zip(flows.findings, sheet.findings, strict=True)
        ),
    )


def _throughput_kwh(flows: EnergyFlows) -> Float64:
    """Return what each battery discharges; NaN without one."""
    if flows.battery is None:
        return np.full(len(flows.block.site_ids), np.nan)
    discharge_kwh: Float64 = np.maximum(-flows.battery.flow_kwh, 0.0).sum(axis=1)
    return discharge_kwh


def _cycles(throughput_kwh: Float64, case: Case) -> Float64:
    """Return the energy drawn from each battery over its capacity."""
    if case.battery is None:
        return np.full(len(throughput_kwh), np.nan)
    if case.battery.capacity_kwh == 0:  # a size of a sweep
        return np.zeros(len(throughput_kwh))
    drawn_kwh = throughput_kwh / case.battery.discharge_efficiency
    cycles: Float64 = drawn_kwh / case.battery.capacity_kwh
    return cycles


def _rated(flows: EnergyFlows, case: Case, compiled: bool) -> _BillSheet:
    block = flows.block
    sheet = _BillSheet(len(block.site_ids))

    # With an export tariff, the export lines of the import tariff are left out.
    exports = "export" if case.export_tariff is None else None
    energy = EnergySums(flows.metered, compiled)
    sheet.add(energy, case.import_tariff, {"energy": "import", "export": exports})

    # A tariff rates consumption: exports and own use become that of a block of their own.
    if case.export_tariff is not None:
        exported = Block(block.site_ids, block.grid, flows.export_kwh, None)
        energy = EnergySums(exported, compiled)
        sheet.add(energy, case.export_tariff, {"energy": "export"}, is_credit=True)
    if case.local_tariff is not None:
        own_use = Block(block.site_ids, block.grid, flows.own_use_kwh, None)
        energy = EnergySums(own_use, compiled)
        sheet.add(energy, case.local_tariff, {"energy": "own use"})
    return sheet


class _Cell(NamedTuple):
    """One component in one month; each array of shape (sites,)."""

    quantity: Float64
    cost: Float64


class _BillSheet:
    """The bill lines of several tariffs, added up by component and month."""

    def __init__(self, sites: int) -> None:
        self._sites = sites
        self._cells: dict[tuple[str, str], dict[str, _Cell]] = {}
        self.findings: list[list[Finding]] = [[] for _ in range(sites)]

    def add(
        self,
        energy: EnergySums,
        tariff: Tariff,
        names: Mapping[str, str | None],
        *,
        is_credit: bool = False,
    ) -> None:
        """Rate energy, and add the lines.

        `names` gives the component of a kind of lines, or None to leave them out. Other lines keep
        their own name.
        """
        sign = -1.0 if is_credit else 1.0
        bills = rate(energy, tariff)
        for of_part in findings_by_part(tariff, bills):
            self._add_common(of_part)
        for bill in bills:
            counts_months = has_tiers(bill.tariff) and bill.tariff.tier_reset == "billing"
            if counts_months and (bill.billing.share != 1.0).any():
                self._add_common([_MONTH_IS_CUT])
            for line in bill.lines:
                own_name = f"export: {line.text}" if is_credit else line.text
                component = names.get(line.kind, own_name)
                if component is None:
                    continue
                for number in np.flatnonzero(line.shown).tolist():
                    month = bill.billing.labels[number]
                    cell = _Cell(line.quantity[:, number], sign * line.cost[:, number])
                    self._add_cell(component, line.unit, month, cell)
                    notes = line.site_notes(number)
                    if notes is not None:
                        self._add_notes(notes)

    def _add_cell(self, component: str, unit: str, month: str, cell: _Cell) -> None:
        months = self._cells.setdefault((component, unit), {})
        if month in months:
            known = months[month]
            cell = _Cell(known.quantity + cell.quantity, known.cost + cell.cost)
        months[month] = cell

    def _add_notes(self, notes: np.ndarray) -> None:
        """Add the notes of a line, which may differ by site."""
        for site in np.flatnonzero(notes).tolist():
            finding = Finding.of(notes[site])
            # That exports are unpaid is a finding of the summary, with the kWh of the site.
            if finding.name != "export.unpaid":
                self._add_finding(site, finding)

    def _add_common(self, findings: Iterable[Finding]) -> None:
        """Add findings that hold for all sites."""
        for finding in findings:
            for site in range(self._sites):
                self._add_finding(site, finding)

    def _add_finding(self, site: int, finding: Finding) -> None:
        if finding not in self.findings[site]:
            self.findings[site].append(finding)

    def months(self) -> tuple[str, ...]:
        """Return all months, in order."""
        labels: set[str] = set()
        for months in self._cells.values():
            labels.update(months)
        return tuple(sorted(labels))

    def components(self, currency: str) -> tuple[Component, ...]:
        """Return all components over all months, NaN where a component is not charged."""
        nan = np.full(self._sites, np.nan)
        missing = _Cell(nan, nan)
        labels = self.months()
        components = []
        for (name, unit), months in self._cells.items():
            cells = [months.get(label, missing) for label in labels]
            quantity = np.stack([cell.quantity for cell in cells], axis=1)
            cost = np.stack([cell.cost for cell in cells], axis=1)
            components.append(Component(name, unit, quantity, round_money_array(cost, currency)))
        return tuple(components)
