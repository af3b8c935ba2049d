"""Bills at the service's own costs: every interval is priced by a call of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from flipkit.calendar import month_edges
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.money import round_money_array
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
    sites: dict[tuple[str, str], SiteTotals] = {}
    for part in totals:
        for row, site_id in enumerate(part.site_ids):
            sites[site_id, part.scenario] = part.of_site(row)
    scenarios = {scenario.name: scenario for scenario in fleet.scenarios}
    pairs = [(site_id, name) for site_id in fleet.site_ids for name in scenarios]

    def result_of(site_id: str, scenario: str) -> IntervalResult:
        return fleet.interval_result(site_id, scenarios[scenario], method)

    priced = []
    for result, costs in price_instantly(client, pairs, result_of, journal=journal):
        bill = _MonthlyBill(result)
        bill.add("import", result.import_kwh, costs.import_cost)
        bill.add("export", result.export_kwh, -costs.export_credit)
        if "LOCAL" in result.is_today:
            bill.add("own use", result.own_use_kwh, costs.own_use_cost)
        priced.append(bill.put_into(sites[result.site_id, result.scenario]))
    return priced


class _MonthlyBill:
    """The bills of one site; an interval belongs to the local month that it begins in."""

    def __init__(self, result: IntervalResult) -> None:
        start_us = int(result.start_us[0])
        months = month_edges(result.timezone, start_us, int(result.end_us[-1]))
        self._months = months.labels
        self._components: list[Component] = []
        self._currency = result.currency
        self._first_intervals = np.searchsorted(result.start_us, months.edges[:-1])

    def add(self, name: str, kwh: Float64, cost: Float64) -> None:
        """Add up energy and cost by month."""
        quantity = np.add.reduceat(kwh, self._first_intervals)[np.newaxis]
        amount = np.add.reduceat(cost, self._first_intervals)[np.newaxis]
        rounded = round_money_array(amount, self._currency)
        component = Component(name=name, unit="kWh", quantity=quantity, cost=rounded)
        self._components.append(component)

    def put_into(self, site: SiteTotals) -> SiteTotals:
        """Return the totals of the site with these bills."""
        [findings] = site.findings
        return site._replace(
            months=self._months,
            components=tuple(self._components),
            findings=((*findings, _PRICED_BY_SERVICE),),
        )
