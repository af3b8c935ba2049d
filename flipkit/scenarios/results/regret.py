"""Every home under every pair of plans: which would have been best, and what staying costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from flipkit.frames import REGRET
from flipkit.money import round_money_array
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SiteTotals
from flipkit.scenarios.results.tables import sorted_rows
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = ["regret_columns"]


class _Plan(NamedTuple):
    name: str
    tariff: Any


class _PlanPair(NamedTuple):
    """A home, and the scenario of this home under an import plan and an export plan."""

    home: Scenario
    import_plan: _Plan
    export_plan: _Plan
    scenario: Scenario

    @property
    def is_own(self) -> bool:
        """Whether the pair is the one that the home has."""
        has_import = self.home.tariff == self.import_plan.tariff
        has_export = self.home.export_tariff == self.export_plan.tariff
        return bool(has_import and has_export)


class _MonthlyCosts(NamedTuple):
    """The cost of one site by month, and of the whole window under None."""

    by_month: dict[str | None, float]
    currency: str


def regret_columns(
    fleet: Fleet, homes: Sequence[Scenario], method: DispatchMethod
) -> dict[str, np.ndarray]:
    """Return one row per site, home, month and pair of plans; month None is the whole window.

    `homes` are the scenarios whose homes are evaluated; the plans are those of all scenarios of the
    fleet. Batteries are run anew under each pair.
    """
    import_plans = _plans(fleet.scenarios, "tariff")
    export_plans = _plans(fleet.scenarios, "export_tariff")
    pairs = [
        _pair(home, import_plan, export_plan)
        for home, import_plan, export_plan in product(homes, import_plans, export_plans)
    ]
    totals = fleet.evaluate([pair.scenario for pair in pairs], method)
    costs = _costs_by_scenario(totals)

    tables = []
    for number, home in enumerate(homes):
        own_pairs = [pair for pair in pairs if pair.home is home]
        own_costs = [costs[pair.scenario.name] for pair in own_pairs]
        for site_id in own_costs[0]:
            site_costs = [by_site[site_id] for by_site in own_costs]
            table = _site_table(site_id, own_pairs, site_costs)
            table["home_number"] = np.full(len(table["cost"]), number)
            table["month_key"] = np.array([_month_key(month) for month in table["month"]])
            tables.append(table)
    return sorted_rows(tables, ("site_id", "home_number", "month_key"), REGRET.names)


def _plans(scenarios: Sequence[Scenario], field: str) -> list[_Plan]:
    """Return the different tariffs of the scenarios, each with a name of its own."""
    plans: list[_Plan] = []
    for scenario in scenarios:
        tariff = getattr(scenario, field)
        if any(plan.tariff == tariff for plan in plans):
            continue
        if tariff is None:
            name = "today"
        elif isinstance(tariff, Mapping):
            name = scenario.name
        else:
            name = tariff.name
        used = {plan.name for plan in plans}
        while name in used:
            name = f"{name} ({scenario.name})"
        plans.append(_Plan(name, tariff))
    return plans


def _pair(home: Scenario, import_plan: _Plan, export_plan: _Plan) -> _PlanPair:
    # A user's name has one line, so no scenario of the simulation has this name.
    lines = [home.name, f"import plan {import_plan.name!r}", f"export plan {export_plan.name!r}"]
    scenario = replace(
        home,
        name="\n".join(lines),
        tariff=import_plan.tariff,
        export_tariff=export_plan.tariff,
        capex=None,
    )
    return _PlanPair(home, import_plan, export_plan, scenario)


def _costs_by_scenario(totals: Sequence[SiteTotals]) -> dict[str, dict[str, _MonthlyCosts]]:
    """Return the costs by name of the scenario and site id."""
    costs: dict[str, dict[str, _MonthlyCosts]] = {}
    for part in totals:
        by_component = np.stack([component.cost for component in part.components])
        by_month = round_money_array(np.nansum(by_component, axis=0), part.currency)
        months = [*part.months, None]
        amounts = np.column_stack([by_month, part.cost]).tolist()
        by_site = costs.setdefault(part.scenario, {})
        for site_id, of_site in zip(part.site_ids, amounts, strict=True):
            by_site[site_id] = _MonthlyCosts(dict(zip(months, of_site, strict=True)), part.currency)
    return costs


def _site_table(
    site_id: str, pairs: Sequence[_PlanPair], costs: Sequence[_MonthlyCosts]
) -> dict[str, np.ndarray]:
    """Return the rows of one site and home; the best plan is the best of this site."""
    months, amounts = _amounts(costs)
    best = amounts.min(axis=0)
    currency = costs[0].currency
    columns = {
        "month": np.tile(np.array(months, dtype=object), len(pairs)),
        "cost": amounts.ravel(),
        "best": _first_of_best(amounts, best).ravel(),
        "regret": round_money_array(amounts - best, currency).ravel(),
    }
    by_pair = {
        "import_plan": [pair.import_plan.name for pair in pairs],
        "export_plan": [pair.export_plan.name for pair in pairs],
        "own": [pair.is_own for pair in pairs],
    }
    for name, values in by_pair.items():
        columns[name] = np.repeat(np.array(values), len(months))
    constants = {"site_id": site_id, "scenario": pairs[0].home.name, "currency": currency}
    for name, value in constants.items():
        columns[name] = np.full(amounts.size, value, dtype=object)
    return columns


def _amounts(costs: Sequence[_MonthlyCosts]) -> tuple[list[str | None], Float64]:
    """Return the months of a site, and its cost by pair and month."""
    labels: set[str | None] = set()
    for of_pair in costs:
        labels.update(of_pair.by_month)
    months = sorted(labels, key=_month_key)
    # Plans in different time zones may differ in months: nothing is charged in one they lack.
    rows = [[of_pair.by_month.get(month, 0.0) for month in months] for of_pair in costs]
    return months, np.array(rows)


def _first_of_best(amounts: Float64, best: Float64) -> np.ndarray:
    """Return True for the best plan of each month; of equal plans for the first."""
    ties = np.isclose(amounts, best, rtol=0, atol=1e-9)
    is_first: np.ndarray = ties & (np.cumsum(ties, axis=0) == 1)
    return is_first


def _month_key(month: str | None) -> str:
    return month or "~"  # sorts the whole window after its months
