"""The summary of a simulation as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flipkit.frames import Finding, as_text
from flipkit.money import round_money
from flipkit.scenarios.changes import CHANGES, Investment, Scenario, part_year, yearly
from flipkit.scenarios.engine import SiteTotals

__all__ = ["BAND", "summary_columns"]

BAND = ("rule", "day_ahead", "optimal")
"""The methods between which the honest band lies."""

_Key = tuple[str, str]


def summary_columns(
    scenarios: Sequence[Scenario],
    parts: Sequence[SiteTotals],
    band: Mapping[str, Sequence[SiteTotals]],
) -> dict[str, list[Any]]:
    """A row a site and scenario: sites by id, scenarios in their order.

    Parameters
    ----------
    scenarios : sequence of Scenario
    parts : sequence of SiteTotals
    band : mapping of str to sequence of SiteTotals
        The scenarios with a battery, by method.
    """
    homes = {key: row for part in parts for key, row in _rows(part)}
    banded = {
        method: {key: row for part in many for key, row in _rows(part)}
        for method, many in band.items()
    }
    sites, rows = sorted({site_id for site_id, _ in homes}), []
    nowhere = {scenario.name: _nowhere(scenario, sites) for scenario in scenarios}
    for site_id in sites:
        first = homes[site_id, scenarios[0].name]
        for scenario in scenarios:
            row = homes[site_id, scenario.name]
            row["saving"] = round_money(first["cost"] - row["cost"], row["currency"])
            if band and row["dispatch"] is not None:
                row |= _band(
                    row, {method: found[site_id, scenario.name] for method, found in banded.items()}
                )
            row["findings"] = (*row["findings"], *nowhere[scenario.name])
            paid = (
                None
                if row is first or _is_left_out(site_id, scenario, scenarios[0])
                else scenario.investment
            )
            rows.append(_finished(row, paid, first))
    return {name: [row.get(name, math.nan) for row in rows] for name in (*_TEXTS, *_FIGURES)}


_TEXTS = ("site_id", "scenario", "currency", "dispatch", "finding")
_FIGURES = (
    "cost",
    "saving",
    "import_kwh",
    "export_kwh",
    "self_consumption",
    "self_sufficiency",
    "peak_import_kw",
    "equivalent_cycles",
    "cost_rule",
    "cost_day_ahead",
    "cost_optimal",
    "payback_years",
    "npv",
    "irr",
)


def _nowhere(scenario: Scenario, sites: Sequence[str]) -> list[Finding]:
    """Say so where a change is by site, and is none at any of these: a site id may be misspelt."""
    found = []
    for field in CHANGES:
        value = getattr(scenario, field)
        if isinstance(value, Mapping) and value and not any(site in value for site in sites):
            more = f" and {len(value) - 1} more" if len(value) > 1 else ""
            words = f"{field} is for {next(iter(value))}{more}, which the energy does not have"
            found.append(Finding("simulate.no_such_site", words))
    return found


def _rows(part: SiteTotals) -> list[tuple[_Key, dict[str, Any]]]:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {
            "self_consumption": np.where(
                part.generation_kwh > 0, 1 - part.export_kwh / part.generation_kwh, np.nan
            )
            + 0.0,
            "self_sufficiency": np.where(
                part.consumption_kwh > 0, 1 - part.import_kwh / part.consumption_kwh, np.nan
            )
            + 0.0,
        }
    figures = shares | {
        "cost": part.cost,
        "import_kwh": np.round(part.import_kwh, 6),
        "export_kwh": np.round(part.export_kwh, 6),
        "peak_import_kw": part.peak_import_kw,
        "equivalent_cycles": part.cycles,
    }
    listed = {name: values.tolist() for name, values in figures.items()}
    out = []
    for number, site_id in enumerate(part.site_ids):
        row: dict[str, Any] = {name: values[number] for name, values in listed.items()}
        row |= {
            "site_id": site_id,
            "scenario": part.scenario,
            "currency": part.currency,
            "part": part,
        }
        row |= {"dispatch": part.methods[number], "findings": part.findings[number]}
        out.append(((site_id, part.scenario), row))
    return out


def _band(row: dict[str, Any], by_method: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What each method costs, and what is to be known about it."""
    findings = list(row["findings"])
    for method, other in by_method.items():
        for each in other["findings"]:
            if each.name.startswith("dispatch.") and each not in findings:
                findings.append(Finding(each.name, f"cost_{method}: {each.words}"))
    missing = [f"cost_{method}" for method in BAND if method not in by_method]
    if missing:
        words = f"{', '.join(missing)} under such a tariff needs HiGHS; pip install 'flipkit[milp]'"
        findings.append(Finding("simulate.band", words))
    return {f"cost_{method}": other["cost"] for method, other in by_method.items()} | {
        "findings": findings
    }


def _is_left_out(site_id: str, scenario: Scenario, first: Scenario) -> bool:
    """Whether changes by site leave a site as it is: nobody pays there for what is built elsewhere."""
    by_site = scenario.capex is not None and any(
        isinstance(getattr(scenario, f), Mapping) for f in CHANGES
    )
    return by_site and all(scenario.at(site_id, f) == first.at(site_id, f) for f in CHANGES)


def _finished(
    row: dict[str, Any], paid: Investment | None, first: dict[str, Any]
) -> dict[str, Any]:
    part: SiteTotals = row["part"]
    findings = list(row["findings"])
    if row["export_kwh"] > 0 and not part.pays_exports:
        words = f"{row['export_kwh']:,.0f} kWh exported, counted as worth nothing"
        findings.append(Finding("simulate.no_export_price", words))
    if part.has_fixed != first["part"].has_fixed:
        which = "this scenario's tariff" if part.has_fixed else "the first scenario's tariff"
        words = f"only {which} has standing charges; the saving compares a bill with them and one without"
        findings.append(Finding("simulate.fixed_charges", words))
    if paid is not None:
        saving = yearly(row["saving"], *part.span_us)
        row["payback_years"], row["npv"], row["irr"] = (
            paid.payback_years(saving),
            paid.npv(saving),
            paid.irr(saving),
        )
        cut = part_year(*part.span_us)
        findings += [cut] if cut else []
    row["finding"] = as_text(findings)
    return row
