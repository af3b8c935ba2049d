"""The results of a simulation as tables: the columns of its frames, a line of text, and HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from flipkit.frames import (
    CERTIFICATE,
    CHANGE_COLUMNS,
    SIMULATION_BILLS,
    SIMULATION_INTERVALS,
    SIMULATION_SUMMARY,
    Finding,
    as_text,
)
from flipkit.money import round_money
from flipkit.scenarios.changes import CHANGES, Investment, Scenario, part_year, yearly
from flipkit.scenarios.engine import Component, IntervalResult, SiteTotals
from flipkit.scenarios.results.changes import ChangeColumns
from flipkit.scenarios.service import Certificate
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = [
    "BAND",
    "BAND_COLUMNS",
    "bills_columns",
    "certificate_columns",
    "cost_by_currency",
    "interval_columns",
    "sorted_rows",
    "summary_columns",
    "summary_html",
    "summary_line",
]

BAND: tuple[DispatchMethod, ...] = ("rule", "day_ahead", "optimal")
"""The dispatch methods of the band, from a simple controller to perfect foresight."""

BAND_COLUMNS = tuple(f"cost_{method}" for method in BAND)

_INVESTMENT = ("capex", "lifetime_years", "discount_rate", "payback_years", "npv", "irr")

_Key = tuple[str, str]


class _SiteRow(NamedTuple):
    """One site under one scenario: cells of the summary by column, and where they come from."""

    cells: dict[str, Any]
    findings: tuple[Finding, ...]
    totals: SiteTotals


def summary_columns(
    scenarios: Sequence[Scenario],
    totals: Sequence[SiteTotals],
    band: Mapping[str, Sequence[SiteTotals]],
) -> dict[str, list[Any]]:
    """Return one row per site and scenario: sites by id, scenarios in their order.

    `band` has the scenarios with a battery, by dispatch method.
    """
    rows = _site_rows(totals)
    band_rows = {method: _site_rows(of_method) for method, of_method in band.items()}
    site_ids = sorted({site_id for site_id, _ in rows})
    unknown_sites = {each.name: _unknown_site_findings(each, site_ids) for each in scenarios}
    columns = ChangeColumns(scenarios)
    changes = {each.name: columns.cells(each.name, site_ids) for each in scenarios}

    records = []
    for number, site_id in enumerate(site_ids):
        first = rows[site_id, scenarios[0].name]
        for scenario in scenarios:
            key = site_id, scenario.name
            by_method = {}
            if rows[key].cells["dispatch"] is not None:
                by_method = {method: of_method[key] for method, of_method in band_rows.items()}
            # The baseline is not an investment, nor is a site that changes by site leave out.
            investment = scenario.investment
            if rows[key] is first or _is_unchanged(site_id, scenario, scenarios[0]):
                investment = None
            unknown = unknown_sites[scenario.name]
            record = _record(rows[key], first, by_method, investment, unknown)
            for name, cells in changes[scenario.name].items():
                record[name] = cells[number]
            records.append(record)
    return {name: [record[name] for record in records] for name in SIMULATION_SUMMARY.names}


def _record(
    row: _SiteRow,
    first: _SiteRow,
    by_method: Mapping[str, _SiteRow],
    investment: Investment | None,
    unknown_sites: Sequence[Finding],
) -> dict[str, Any]:
    findings = [
        *row.findings,
        *_band_findings(row, by_method),
        *unknown_sites,
        *_comparison_findings(row, first),
        *_investment_findings(row, investment),
    ]
    difference = first.cells["comparable_cost"] - row.cells["comparable_cost"]
    saving = round_money(difference, row.totals.currency)
    return {
        **row.cells,
        "saving": saving,
        **_band_costs(by_method),
        **_payback(row, investment, saving),
        "finding": as_text(findings),
    }


def _site_rows(totals: Sequence[SiteTotals]) -> dict[_Key, _SiteRow]:
    rows: dict[_Key, _SiteRow] = {}
    for part in totals:
        # Beyond a millionth of a kWh, a sum of floats is noise.
        columns = {
            "cost": part.cost,
            "comparable_cost": part.comparable_cost,
            "cost_with_missing": part.cost_with_missing,
            "import_kwh": np.round(part.import_kwh, 6),
            "export_kwh": np.round(part.export_kwh, 6),
            "self_consumption": _remaining_share(part.exported_generation_kwh, part.generation_kwh),
            "self_sufficiency": _remaining_share(part.grid_supply_kwh, part.consumption_kwh),
            "peak_import_kw": part.peak_import_kw,
            "equivalent_cycles": part.cycles,
            "stored_change_kwh": np.round(part.stored_change_kwh, 6),
            "stored_change_value": part.stored_change_value,
        }
        for number, site_id in enumerate(part.site_ids):
            cells: dict[str, Any] = {
                "site_id": site_id,
                "scenario": part.scenario,
                "currency": part.currency,
                "dispatch": part.methods[number],
            }
            for name, values in columns.items():
                cells[name] = float(values[number])
            findings = part.findings[number]
            rows[site_id, part.scenario] = _SiteRow(cells=cells, findings=findings, totals=part)
    return rows


def _remaining_share(part: Float64, whole: Float64) -> Float64:
    """Return 1 - part / whole; NaN where the whole is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(whole > 0, 1 - part / whole, np.nan)
    return shares + 0.0  # never -0.0


def _unknown_site_findings(scenario: Scenario, site_ids: Sequence[str]) -> list[Finding]:
    """Say so if a change by site names none of the sites: an id may be misspelt."""
    findings = []
    for field in CHANGES:
        value = getattr(scenario, field)
        if not isinstance(value, Mapping) or not value:
            continue
        if not any(site_id in value for site_id in site_ids):
            others = f" and {len(value) - 1} more" if len(value) > 1 else ""
            message = f"{field} is for {next(iter(value))}{others}, which the energy does not have"
            findings.append(Finding("simulate.no_such_site", message))
    return findings


def _is_unchanged(site_id: str, scenario: Scenario, first: Scenario) -> bool:
    """Whether changes by site leave a site as it is, so that nothing is built or paid there."""
    is_by_site = any(isinstance(getattr(scenario, field), Mapping) for field in CHANGES)
    if not is_by_site:
        return False
    return all(scenario.at(site_id, field) == first.at(site_id, field) for field in CHANGES)


def _band_costs(by_method: Mapping[str, _SiteRow]) -> dict[str, float]:
    costs = dict.fromkeys(BAND_COLUMNS, math.nan)
    for method, row in by_method.items():
        costs[f"cost_{method}"] = row.cells["cost_with_missing"]
    return costs


def _band_findings(row: _SiteRow, by_method: Mapping[str, _SiteRow]) -> list[Finding]:
    """Say how exact the costs of the other methods are, and which could not be calculated."""
    if not by_method:
        return []
    findings: list[Finding] = []
    for method, other in by_method.items():
        for finding in other.findings:
            if finding.name.startswith("dispatch.") and finding not in row.findings:
                findings.append(Finding(finding.name, f"cost_{method}: {finding.words}"))
    missing = [f"cost_{method}" for method in BAND if method not in by_method]
    if missing:
        message = f"{', '.join(missing)} under this tariff needs HiGHS; pip install 'flipkit[milp]'"
        findings.append(Finding("simulate.band", message))
    return findings


def _comparison_findings(row: _SiteRow, first: _SiteRow) -> list[Finding]:
    findings = []
    export_kwh = row.cells["export_kwh"]
    if export_kwh > 0 and not row.totals.pays_exports:
        message = f"{export_kwh:,.0f} kWh exported, counted as worth nothing"
        findings.append(Finding("simulate.no_export_price", message))
    if row.totals.has_fixed_charges != first.totals.has_fixed_charges:
        which = "this scenario's" if row.totals.has_fixed_charges else "the first scenario's"
        message = (
            f"only {which} tariff has standing charges, so the saving compares a bill with them "
            "to one without"
        )
        findings.append(Finding("simulate.fixed_charges", message))
    return findings


def _payback(row: _SiteRow, investment: Investment | None, saving: float) -> dict[str, float]:
    if investment is None:
        return dict.fromkeys(_INVESTMENT, math.nan)
    start_us, end_us = row.totals.span_us
    yearly_saving = yearly(saving, start_us, end_us)
    years = investment.lifetime_years
    return {
        "capex": investment.capex,
        "lifetime_years": math.nan if years is None else float(years),
        "discount_rate": investment.discount_rate,
        "payback_years": investment.payback_years(yearly_saving),
        "npv": investment.npv(yearly_saving),
        "irr": investment.irr(yearly_saving),
    }


def _investment_findings(row: _SiteRow, investment: Investment | None) -> list[Finding]:
    if investment is None:
        return []
    finding = part_year(*row.totals.span_us)
    return [] if finding is None else [finding]


def bills_columns(
    scenarios: Sequence[Scenario], totals: Sequence[SiteTotals]
) -> dict[str, np.ndarray]:
    """Return one row per site, scenario, month and component, in this order."""
    positions = {scenario.name: number for number, scenario in enumerate(scenarios)}
    changes = ChangeColumns(scenarios)
    tables = []
    for part in totals:
        cells = changes.cells(part.scenario, part.site_ids)
        for number, component in enumerate(part.components):
            table = _component_rows(part, component, cells)
            count = len(table["cost"])
            table["scenario_number"] = np.full(count, positions[part.scenario])
            table["component_number"] = np.full(count, number)
            tables.append(table)
    by = ("site_id", "scenario_number", "month", "component_number")
    unused = set(CHANGE_COLUMNS) - set(changes.names)
    names = [name for name in SIMULATION_BILLS.names if name not in unused]
    return sorted_rows(tables, by, names)


def sorted_rows(
    tables: Sequence[Mapping[str, np.ndarray]], by: Sequence[str], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Join tables, sort their rows by some columns, and return the columns `names`."""
    columns = {}
    for name in {*by, *names}:
        columns[name] = np.concatenate([table[name] for table in tables])
    keys = [columns[name] for name in reversed(by)]
    rows = np.lexsort(tuple(keys))  # the last key is the first to sort by
    return {name: columns[name][rows] for name in names}


def _component_rows(
    part: SiteTotals, component: Component, changes: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the rows of one component: the months in which it is charged.

    `changes` has one cell per site and column.
    """
    is_shown = ~np.isnan(component.cost)
    # A site without generation has no rows of exports, though its tariff may have a price.
    if component.name in ("export", "own use"):
        has_exports = (part.generation_kwh > 0) | (part.export_kwh > 0)
        is_shown &= has_exports[:, np.newaxis]
    sites, months = np.nonzero(is_shown)
    columns = {
        "site_id": np.array(part.site_ids, dtype=object)[sites],
        "month": np.array(part.months, dtype=object)[months],
        "quantity": np.round(component.quantity[is_shown], 6),
        "cost": component.cost[is_shown],
    }
    constants = {
        "scenario": part.scenario,
        "component": component.name,
        "unit": component.unit,
        "currency": part.currency,
    }
    for name, value in constants.items():
        columns[name] = np.full(len(sites), value, dtype=object)
    for name, cells in changes.items():
        columns[name] = cells[sites]
    return columns


def interval_columns(
    scenarios: Sequence[Scenario], results: Sequence[IntervalResult]
) -> dict[str, np.ndarray]:
    """Return one row per interval, in the order of the results."""
    counts = [len(result.start_us) for result in results]
    attributes = {"start_utc": "start_us", "end_utc": "end_us"}
    changes = ChangeColumns(scenarios)
    cells = [changes.cells(result.scenario, [result.site_id]) for result in results]
    columns = {}
    for name in changes.names:
        columns[name] = np.repeat(np.concatenate([each[name] for each in cells]), counts)
    for name in SIMULATION_INTERVALS.names:
        if name in CHANGE_COLUMNS:
            continue
        values = [getattr(result, attributes.get(name, name)) for result in results]
        if name in ("site_id", "scenario", "currency"):  # one per result
            columns[name] = np.repeat(np.array(values, dtype=object), counts)
        else:
            columns[name] = np.concatenate(values)
    return columns


def certificate_columns(proof: Certificate | None) -> dict[str, Any]:
    """Return one row per interval that the service priced too."""
    rows = proof.rows if proof else ()
    columns: dict[str, Any] = {}
    for name in CERTIFICATE.names:
        if name not in ("start_utc", "end_utc"):
            columns[name] = [getattr(row, name) for row in rows]
    columns["start_utc"] = np.array([row.start_us for row in rows], dtype=np.int64)
    columns["end_utc"] = np.array([row.end_us for row in rows], dtype=np.int64)
    return columns


_MOST_NAMES = 6
_MOST_ROWS = 20


class _Sum(NamedTuple):
    """Number of the sites of one currency, and their total cost."""

    sites: int
    cost: float
    comparable_cost: float


def summary_line(sites: int, scenarios: Sequence[str]) -> str:
    """Return a simulation in one line, however many scenarios it has."""
    names = ", ".join(scenarios[:_MOST_NAMES])
    if len(scenarios) > _MOST_NAMES:
        names += f" and {len(scenarios) - _MOST_NAMES} more"
    return f"Simulation({_site_count(sites)}, scenarios: {names}; see .summary())"


def cost_by_currency(
    totals: Sequence[SiteTotals], scenarios: Sequence[str]
) -> dict[str, dict[str, _Sum]]:
    """Return the cost of all sites by currency and scenario; currencies are never added."""
    costs: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for part in sorted(totals, key=lambda part: part.currency):
        by_scenario = costs.setdefault(part.currency, {name: [] for name in scenarios})
        of_part = zip(part.cost.tolist(), part.comparable_cost.tolist(), strict=True)
        by_scenario[part.scenario].extend(of_part)
    sums: dict[str, dict[str, _Sum]] = {}
    for currency, by_scenario in costs.items():
        sums[currency] = {}
        for name, of_sites in by_scenario.items():
            sums[currency][name] = _Sum(
                sites=len(of_sites),
                cost=math.fsum(cost for cost, _ in of_sites),
                comparable_cost=math.fsum(comparable for _, comparable in of_sites),
            )
    return sums


def summary_html(
    totals: Sequence[SiteTotals], scenarios: Sequence[str], dispatch: str | None
) -> str:
    """Return a small table: cost by scenario and currency, and the saving.

    `dispatch` is None if no scenario has a battery.
    """
    sums = cost_by_currency(totals, scenarios)
    sites = sum(by_scenario[scenarios[0]].sites for by_scenario in sums.values())
    caption = _site_count(sites)
    months = sorted({month for part in totals for month in part.months})
    if months:
        caption += f", {months[0]} to {months[-1]}"
    if dispatch:
        caption += f", batteries run by {dispatch!r}"
    heads = [f"<th>{currency}: cost</th><th>saving</th>" for currency in sums]
    rows = [_html_row(name, scenarios[0], sums) for name in scenarios[:_MOST_ROWS]]
    footer = "<code>.summary()</code>: each site"
    if len(scenarios) > _MOST_ROWS:
        footer += f"; {len(scenarios) - _MOST_ROWS} more scenarios"
        footer += "; <code>.pivot(index, columns, values)</code>: a table of a sweep"
    return (
        f"<div>{escape(caption)}; the sum of all sites in each currency</div>"
        f"<table><thead><tr><th>scenario</th>{''.join(heads)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        f"<div>{footer}</div>"
    )


def _html_row(scenario: str, first: str, sums: dict[str, dict[str, _Sum]]) -> str:
    cells = ""
    for by_scenario in sums.values():
        cost = by_scenario[scenario].cost
        saving = by_scenario[first].comparable_cost - by_scenario[scenario].comparable_cost
        cells += f"<td>{_amount(cost)}</td><td>{_amount(saving)}</td>"
    return f'<tr><td style="text-align: left">{escape(scenario)}</td>{cells}</tr>'


def _amount(amount: float) -> str:
    return f"{round(amount, 2) + 0.0:,.2f}"  # + 0.0: never -0.00


def _site_count(count: int) -> str:
    return f"{count:,} site" if count == 1 else f"{count:,} sites"
