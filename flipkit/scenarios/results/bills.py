"""The bills of a simulation as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Component, SiteTotals

__all__ = ["bills_columns"]

_NAMES = ("site_id", "month", "component", "quantity", "unit", "cost", "currency")


def bills_columns(scenarios: Sequence[Scenario], parts: Sequence[SiteTotals]) -> dict[str, Any]:
    """A row a site, scenario, month and component, in this order."""
    order = {scenario.name: number for number, scenario in enumerate(scenarios)}
    tables = [
        _table(part, number, each) for part in parts for number, each in enumerate(part.components)
    ]
    columns = {
        name: np.concatenate([table[name] for table in tables])
        for name in (*_NAMES, "scenario", "number")
    }
    place = np.array([order[name] for name in columns["scenario"]])
    rows = np.lexsort((columns["number"], columns["month"], place, columns["site_id"]))
    return {name: columns[name][rows] for name in (*_NAMES, "scenario")}


def _table(part: SiteTotals, number: int, component: Component) -> dict[str, np.ndarray]:
    """The rows of one component: where it is charged at all, and not the exports of a site that has none."""
    shown = ~np.isnan(component.cost)
    if component.name in ("export", "own use"):
        shown &= ((part.generation_kwh > 0) | (part.export_kwh > 0))[:, None]
    site, month = np.nonzero(shown)
    same = {
        "component": component.name,
        "unit": component.unit,
        "currency": part.currency,
        "scenario": part.scenario,
    }
    columns = {name: np.full(len(site), value, dtype=object) for name, value in same.items()}
    columns["site_id"] = np.array(part.site_ids, dtype=object)[site]
    columns["month"] = np.array(part.months, dtype=object)[month]
    columns["quantity"] = np.round(component.quantity[shown], 6)
    columns["cost"] = component.cost[shown]
    columns["number"] = np.full(len(site), number)
    return columns
