"""A simulation whose costs are the service's own: each interval was priced by a call of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from flipkit.calendar import month_edges
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.money import round_money_array
from flipkit.scenarios.engine import Component, IntervalResult, SiteTotals
from flipkit.scenarios.results.simulation import Simulation
from flipkit.scenarios.service import InstantPricing, price_instantly
from flipkit.vocabulary import Float64

__all__ = ["instantly"]

_FINDING = Finding(
    "simulate.instant", "each interval priced by the service, on top of what is stored there"
)


def instantly(
    result: Simulation, client: Any, journal: str | os.PathLike[str] | None
) -> Iterator[SiteTotals]:
    """What was added up, with the costs of the service instead of those reckoned here; a site and scenario each.

    Parameters
    ----------
    result : Simulation
    client : Flatpeak
    journal : path-like or None
        As `price_instantly`; and its errors.
    """
    if not hasattr(client, "instant_cost"):
        raise InputError("method='instant': the service prices each interval; pass prices=kit")
    homes = {
        (site_id, part.scenario): (part, row)
        for part in result.reckoned
        for row, site_id in enumerate(part.site_ids)
    }
    pairs = [
        (site_id, scenario.name)
        for site_id in result.fleet.site_ids
        for scenario in result.scenarios
    ]
    for outcome, costs in price_instantly(client, pairs, result.outcome, journal=journal):
        part, row = homes[outcome.site_id, outcome.scenario]
        yield _told(part.of_site(row), outcome, costs)


def _told(part: SiteTotals, outcome: IntervalResult, costs: InstantPricing) -> SiteTotals:
    """An interval belongs to the local month that it begins in."""
    labels, edges = month_edges(outcome.timezone, int(outcome.start_us[0]), int(outcome.end_us[-1]))
    cuts = np.searchsorted(outcome.start_us, edges[:-1])

    def component(name: str, kwh: Float64, cost: Float64) -> Component:
        quantity, money = (np.add.reduceat(values, cuts)[None, :] for values in (kwh, cost))
        return Component(name, "kWh", quantity, round_money_array(money, outcome.currency))

    bought = component("import", outcome.import_kwh, costs.import_cost)
    sold = component("export", outcome.export_kwh, -costs.export_credit)
    findings = ((*part.findings[0], _FINDING),)
    used = (
        [component("own use", outcome.own_use_kwh, costs.own_use_cost)]
        if "LOCAL" in outcome.is_today
        else []
    )
    return part._replace(months=tuple(labels), components=(bought, sold, *used), findings=findings)
