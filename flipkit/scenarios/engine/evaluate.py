"""Sites under one scenario, added up: energy by site, bills by site, month and component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flipkit.frames import Finding
from flipkit.money import round_money_array
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.flows import EnergyFlows
from flipkit.tariffs import Tariff
from flipkit.tariffs.rating import Block, EnergySums, has_tiers, rate
from flipkit.vocabulary import Float64

__all__ = ["Component", "SiteTotals", "evaluate"]


class Component(NamedTuple):
    """One component of the bills.

    Attributes
    ----------
    name, unit : str
        ``import``, ``export``, ``own use``, or as `flipkit.bill` calls it.
    quantity, cost : ndarray of float64, shape (sites, months)
        The cost rounded once, half to even, to the currency's smallest unit; credits are negative.
    """

    name: str
    unit: str
    quantity: Float64
    cost: Float64


class SiteTotals(NamedTuple):
    """Some sites under one scenario.

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
    consumption_kwh, generation_kwh, import_kwh, export_kwh, peak_import_kw, cycles : ndarray of float64, shape (sites,)
        `cycles`: equivalent full cycles of the battery, NaN without one.
    methods : tuple of str or None
        How the battery was run.
    pays_exports : bool
        Whether anybody pays for what is exported.
    findings : tuple of tuple of Finding
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
    cycles: Float64
    methods: tuple[str | None, ...]
    pays_exports: bool
    findings: tuple[tuple[Finding, ...], ...]

    def of_site(self, row: int) -> SiteTotals:
        """One of the sites alone."""
        own = slice(row, row + 1)
        return self._replace(
            site_ids=self.site_ids[own],
            components=tuple(
                c._replace(quantity=c.quantity[own], cost=c.cost[own]) for c in self.components
            ),
            consumption_kwh=self.consumption_kwh[own],
            generation_kwh=self.generation_kwh[own],
            import_kwh=self.import_kwh[own],
            export_kwh=self.export_kwh[own],
            peak_import_kw=self.peak_import_kw[own],
            cycles=self.cycles[own],
            methods=self.methods[own],
            findings=self.findings[own],
        )

    @property
    def has_fixed(self) -> bool:
        """Whether there are standing charges in the bills."""
        return any(each.name.startswith("fixed ") for each in self.components)

    @property
    def cost(self) -> Float64:
        """The whole cost of each site: the sum of the rounded rows of its bills."""
        total = np.zeros(len(self.site_ids))
        for each in self.components:
            total += np.nansum(each.cost, axis=1)
        return round_money_array(total, self.currency)


def evaluate(scenario: str, flows: EnergyFlows, case: Case, compiled: bool) -> SiteTotals:
    """Rate the energy of some sites under a scenario, and add it up.

    Parameters
    ----------
    scenario : str
    flows : EnergyFlows
    case : Case
    compiled : bool
        Whether by compiled code, which pays for large fleets; the bits are the same.
    """
    grid, imported, exported = flows.block.grid, flows.import_kwh, flows.export_kwh
    months, components, findings = _bill(flows, case, exported, compiled)
    return SiteTotals(
        site_ids=flows.block.site_ids,
        scenario=scenario,
        currency=case.buy.currency,
        span_us=(grid.start_us, grid.end_us),
        months=months,
        components=components,
        consumption_kwh=flows.block.consumption_kwh.sum(axis=1),
        generation_kwh=flows.generation_kwh.sum(axis=1),
        import_kwh=imported.sum(axis=1),
        export_kwh=exported.sum(axis=1),
        peak_import_kw=imported.max(axis=1) / (grid.step_us / 3.6e9),
        cycles=_cycles(flows, case),
        methods=flows.methods,
        pays_exports=case.pays_exports,
        findings=tuple((*own, *findings) for own in flows.findings),
    )


def _bill(
    flows: EnergyFlows, case: Case, exported: Float64, compiled: bool
) -> tuple[tuple[str, ...], tuple[Component, ...], list[Finding]]:
    sheet = _Sheet(len(flows.block.site_ids))
    exports = "export" if case.sell is None else None  # the other tariff counts them
    sheet.add(
        EnergySums(flows.metered, compiled), case.buy, {"energy": "import", "export": exports}
    )
    names, grid = flows.block.site_ids, flows.block.grid
    if case.sell is not None:
        sheet.add(
            EnergySums(Block(names, grid, exported, None), compiled),
            case.sell,
            {"energy": "export"},
            sign=-1.0,
        )
    if case.local is not None:
        used = np.maximum(flows.generation_kwh - exported, 0.0)
        sheet.add(
            EnergySums(Block(names, grid, used, None), compiled), case.local, {"energy": "own use"}
        )
    return sheet.months(), sheet.components(case.buy.currency), sheet.findings


_CUT = "simulate.month_cut: of a month that the energy covers in part, each tier has that part of its kWh"


class _Sheet:
    """Lines of bills gathered by month and component."""

    def __init__(self, sites: int) -> None:
        self._sites = sites
        self._cells: dict[tuple[str, str], dict[str, tuple[Float64, Float64]]] = {}
        self.findings: list[Finding] = []

    def add(
        self, usage: EnergySums, tariff: Tariff, called: dict[str, str | None], sign: float = 1.0
    ) -> None:
        """Rate, and add the lines; those of a kind in `called` go by that name together, or not at all."""
        for bill in rate(usage, tariff):
            if has_tiers(bill.tariff) and (bill.billing.share != 1.0).any():
                self._note(_CUT)
            for line in bill.lines:
                name = called.get(line.kind, line.text if sign > 0 else f"export: {line.text}")
                if name is None:
                    continue
                months = self._cells.setdefault((name, line.unit), {})
                for number in np.flatnonzero(line.shown).tolist():
                    label = bill.billing.labels[number]
                    cell = (line.quantity[:, number], sign * line.cost[:, number])
                    known = months.get(label)
                    months[label] = (
                        cell if known is None else (known[0] + cell[0], known[1] + cell[1])
                    )
                    note = line.notes.get(number)
                    if (
                        note
                        and not note.startswith("export.unpaid")
                        and (line.quantity[:, number] != 0).any()
                    ):
                        self._note(note)

    def _note(self, note: str) -> None:
        name, _, words = note.partition(": ")
        finding = Finding(name, words)
        if finding not in self.findings:
            self.findings.append(finding)

    def months(self) -> tuple[str, ...]:
        """All months, in order."""
        return tuple(sorted({month for months in self._cells.values() for month in months}))

    def components(self, currency: str) -> tuple[Component, ...]:
        """All components over all months, NaN where a component is not charged."""
        labels, found = self.months(), []
        missing = np.full(self._sites, np.nan)
        for (name, unit), months in self._cells.items():
            cells: Sequence[tuple[Float64, Float64]] = [
                months.get(label, (missing, missing)) for label in labels
            ]
            quantity = np.stack([cell[0] for cell in cells], axis=1)
            cost = round_money_array(np.stack([cell[1] for cell in cells], axis=1), currency)
            found.append(Component(name, unit, quantity, cost))
        return tuple(found)


def _cycles(flows: EnergyFlows, case: Case) -> Float64:
    """Energy drawn from the store over its capacity."""
    if case.battery is None or flows.stored_kwh is None:
        return np.full(len(flows.block.site_ids), np.nan)
    if case.battery.capacity_kwh == 0:
        return np.zeros(len(flows.block.site_ids))
    drawn = np.maximum(-flows.stored_kwh, 0.0).sum(axis=1) / case.battery.discharge_efficiency
    out: Float64 = drawn / case.battery.capacity_kwh
    return out
