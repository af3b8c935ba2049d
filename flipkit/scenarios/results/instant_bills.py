"""Bills at the service's own costs: every interval is priced by a call of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from flipkit.calendar import month_edges
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.money import rounded_all
from flipkit.scenarios.engine import Component, Fleet, IntervalResult, SiteTotals
from flipkit.scenarios.service import price_instantly
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = ["priced_by_service"]

_PRICED_BY_SERVICE = Finding(
    "simulate.instant", "each interval is priced by the service, on top of the records stored there"
)


def priced_by_service(
    fleet: Fleet,
    totals: Sequence[SiteTotals],
    method: DispatchMethod,
    client: Any,
    journal: str | os.PathLike[str] | None,
) -> list[SiteTotals]:
    """Return the totals with the service's costs, one per site and scenario.

    `journal` and further errors are those of `price_instantly`.

    Raises
    ------
    InputError
        `client` is not a Flatpeak client.
    """
    if not hasattr(client, "instant_cost"):
        raise InputError("method='instant': the service prices each interval; pass prices=kit")
    scenarios = {scenario.name: scenario for scenario in fleet.scenarios}
    pairs = [(site_id, name) for site_id in fleet.site_ids for name in scenarios]
    positions: dict[tuple[str, str], tuple[SiteTotals, int]] = {}
    for part in totals:
        for row, site_id in enumerate(part.site_ids):
            positions[site_id, part.scenario] = (part, row)

    def result_of(site_id: str, scenario: str) -> IntervalResult:
        return fleet.interval_result(site_id, scenarios[scenario], method)

    priced = []
    for result, costs in price_instantly(client, pairs, result_of, journal=journal):
        components = [
            _component("import", result, result.import_kwh, costs.import_cost),
            _component("export", result, result.export_kwh, -costs.export_credit),
        ]
        if "LOCAL" in result.is_today:
            own_use = _component("own use", result, result.own_use_kwh, costs.own_use_cost)
            components.append(own_use)
        part, row = positions[result.site_id, result.scenario]
        priced.append(_with_components(part.of_site(row), result, components))
    return priced


def _with_components(
    site: SiteTotals, result: IntervalResult, components: Sequence[Component]
) -> SiteTotals:
    [findings] = site.findings
    return site._replace(
        months=_months(result)[0],
        components=tuple(components),
        findings=((*findings, _PRICED_BY_SERVICE),),
    )


def _component(name: str, result: IntervalResult, kwh: Float64, cost: Float64) -> Component:
    """Add an interval to the local month that it begins in."""
    _, first_intervals = _months(result)
    quantity = np.add.reduceat(kwh, first_intervals)
    amount = np.add.reduceat(cost, first_intervals)
    return Component(
        name=name,
        unit="kWh",
        quantity=quantity[np.newaxis],
        cost=rounded_all(amount[np.newaxis], result.currency),
    )


def _months(result: IntervalResult) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the local months, and the first interval of each."""
    start_us = int(result.start_us[0])
    labels, edges = month_edges(result.timezone, start_us, int(result.end_us[-1]))
    return labels, np.searchsorted(result.start_us, edges[:-1])
