"""Scenarios against each other: the sizes of a sweep, the steps of a waterfall, regret of plans.

A waterfall splits the difference in cost among the changes of a scenario. Changes help or hinder
one another (a battery saves more beside solar), so what one of them brings depends on which came
before. Its Shapley value is the mean over all orders: L. S. Shapley, "A value for n-person games",
Contributions to the Theory of Games II, 1953.

Regret is what staying costs: every home under every pair of plans, less the best of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import REGRET
from flipkit.money import round_money_array, smallest_unit
from flipkit.scenarios.changes import CHANGES, Scenario, change_name
from flipkit.scenarios.engine import Fleet, SiteTotals
from flipkit.scenarios.results.tables import sorted_rows
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = ["regret_columns", "step_names", "sweep_of", "waterfall_rows"]

# The attribute that is the size of a change, and its unit.
_SIZES = {"battery": ("capacity_kwh", "kWh"), "solar": ("kw_dc", "kW")}


class Sweep(NamedTuple):
    """What a sweep is drawn by.

    Attributes
    ----------
    sizes : dict of str to float
        By name of the scenario.
    lines : dict of str to str
        What else differs, by name of the scenario.
    label : str
        What the size is, with its unit.
    """

    sizes: dict[str, float]
    lines: dict[str, str]
    label: str


def sweep_of(scenarios: Sequence[Scenario], site_id: str) -> Sweep:
    """Return the size of each scenario: the battery's capacity, or else the added solar power.

    The first scenario is left out if another one has the same size and line.

    Raises
    ------
    InputError
        The scenarios differ in neither size.
    """
    swept = _swept_field(scenarios, site_id)
    others = []
    for field in CHANGES:
        values = {change_name(field, scenario.at(site_id, field)) for scenario in scenarios}
        if field != swept and len(values) > 1:
            others.append(field)

    sizes = {}
    lines = {}
    for scenario in scenarios:
        sizes[scenario.name] = _size(scenario, site_id, swept)
        described = [change_name(field, scenario.at(site_id, field)) for field in others]
        lines[scenario.name] = ", ".join(described)
    first, *rest = sizes
    if any(sizes[name] == sizes[first] and lines[name] == lines[first] for name in rest):
        del sizes[first], lines[first]
    _, unit = _SIZES[swept]
    return Sweep(sizes, lines, f"{swept}, {unit}")


def _swept_field(scenarios: Sequence[Scenario], site_id: str) -> str:
    for field in _SIZES:
        if len({_size(scenario, site_id, field) for scenario in scenarios}) > 1:
            return field
    raise InputError(
        "plot: no scenarios that differ in the size of battery or solar; make them with "
        "Scenario.grid"
    )


def _size(scenario: Scenario, site_id: str, field: str) -> float:
    change = scenario.at(site_id, field)
    attribute, _ = _SIZES[field]
    return 0.0 if change is None else float(getattr(change, attribute))


# The fields of a scenario that each step changes.
_STEPS = {
    "tariff": ("tariff", "export_tariff"),
    "solar": ("solar",),
    "battery": ("battery",),
    "ev": ("ev",),
    "load": ("load",),
}
_Steps = frozenset[str]


class _Split(NamedTuple):
    """A scenario, its steps from the first scenario, and the mixtures with some of the steps."""

    scenario: Scenario
    steps: tuple[str, ...]
    mixtures: dict[_Steps, Scenario]


def waterfall_rows(fleet: Fleet, known: Sequence[SiteTotals], method: DispatchMethod) -> list[Any]:
    """Return the rows of the waterfall: sites by id, scenarios after the first in their order.

    `known` has the totals of the fleet's scenarios.
    """
    first, *others = fleet.scenarios
    splits = [_split(first, scenario) for scenario in others]
    mixtures = [mixture for split in splits for mixture in split.mixtures.values()]
    totals = list(known)
    if mixtures:
        totals += fleet.evaluate(mixtures, method)

    costs: dict[tuple[str, str], float] = {}
    currencies: dict[str, str] = {}
    for part in totals:
        for site_id, cost in zip(part.site_ids, part.comparable_cost.tolist(), strict=True):
            costs[site_id, part.scenario] = cost
            currencies[site_id] = part.currency
    rows = []
    for site_id in fleet.site_ids:
        for split in splits:
            rows += _rows(site_id, first, split, costs, currencies[site_id])
    return rows


def _split(first: Scenario, scenario: Scenario) -> _Split:
    steps = tuple(step for step in _STEPS if _is_changed(step, first, scenario))
    mixtures = {}
    for count in range(1, len(steps)):
        for subset in combinations(steps, count):
            mixtures[frozenset(subset)] = _mixture(first, scenario, subset)
    return _Split(scenario, steps, mixtures)


def _is_changed(step: str, first: Scenario, scenario: Scenario) -> bool:
    return any(getattr(first, field) != getattr(scenario, field) for field in _STEPS[step])


def step_names(first: Scenario, scenario: Scenario, site_id: str) -> dict[str, str]:
    """Return each step as names of scenarios have it: ``battery 5 kWh/2.5 kW``."""
    names = {}
    for step, fields in _STEPS.items():
        changed = [each for each in fields if first.at(site_id, each) != scenario.at(site_id, each)]
        described = [change_name(each, scenario.at(site_id, each)) for each in changed]
        names[step] = ", ".join(described) or step
    return names


def _mixture(first: Scenario, scenario: Scenario, steps: Sequence[str]) -> Scenario:
    """Return the first scenario with some steps to the other one."""
    changes = {}
    for step in steps:
        for field in _STEPS[step]:
            changes[field] = getattr(scenario, field)
    # A user's name has one line, so no scenario of the simulation has the name of a mixture.
    name = "\n".join([scenario.name, *steps])
    return replace(first, name=name, capex=None, **changes)


def _rows(
    site_id: str, first: Scenario, split: _Split, costs: dict[tuple[str, str], float], currency: str
) -> list[dict[str, Any]]:
    """Return the rows of one site and scenario: the first cost, the steps, and the difference."""
    cost_with = {steps: costs[site_id, each.name] for steps, each in split.mixtures.items()}
    cost_with[frozenset()] = costs[site_id, first.name]
    cost_with[frozenset(split.steps)] = costs[site_id, split.scenario.name]
    steps = [(first.name, 0.0), *_changes(split.steps, cost_with, currency)]

    rows = []
    cost = costs[site_id, first.name]
    last_cost = costs[site_id, split.scenario.name]
    difference = last_cost - cost
    for step, change in steps:
        cost += change
        rows.append(_row(site_id, split.scenario, step, change, cost, currency))
    rows.append(_row(site_id, split.scenario, "difference", difference, last_cost, currency))
    return rows


def _changes(
    steps: tuple[str, ...], cost_with: dict[_Steps, float], currency: str
) -> list[tuple[str, float]]:
    """Return what each step brings; the sum is the difference of the last to the first cost."""
    difference = cost_with[frozenset(steps)] - cost_with[frozenset()]
    exact = [_shapley_value(step, steps, cost_with) for step in steps]
    changes = _in_smallest_units(exact, difference, currency)
    return list(zip(steps, changes, strict=True))


def _row(
    site_id: str, scenario: Scenario, step: str, change: float, cost: float, currency: str
) -> dict[str, Any]:
    return {
        "site_id": site_id,
        "scenario": scenario.name,
        "step": step,
        "change": _exact_amount(change, currency),
        "cost": _exact_amount(cost, currency),
        "currency": currency,
    }


def _exact_amount(amount: float, currency: str) -> float:
    """Remove what float additions left beyond the smallest unit of the currency."""
    unit = smallest_unit(currency)
    units = round(amount / unit)
    return float(f"{units * unit:.6f}") + 0.0  # + 0.0: never -0.0


def _shapley_value(step: str, steps: tuple[str, ...], cost_with: dict[_Steps, float]) -> float:
    """Return the mean change of cost when `step` is taken, over all orders of the steps."""
    others = [each for each in steps if each != step]
    count = len(steps)
    mean = 0.0
    for size in range(count):
        # The share of the orders in which exactly these `size` steps come before.
        weight = factorial(size) * factorial(count - size - 1) / factorial(count)
        for before in combinations(others, size):
            change = cost_with[frozenset({*before, step})] - cost_with[frozenset(before)]
            mean += weight * change
    return mean


def _in_smallest_units(changes: list[float], total: float, currency: str) -> list[float]:
    """Round amounts so that they sum to the total: the largest remainders are rounded up."""
    unit = smallest_unit(currency)
    exact = np.array(changes) / unit
    whole = np.floor(exact)
    # Rounded down, they miss the total by fewer units than there are changes.
    missing = round(total / unit) - int(whole.sum())
    by_remainder = np.argsort(whole - exact, kind="stable")
    whole[by_remainder[:missing]] += 1
    return [float(amount) for amount in whole * unit]


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
    fleet. Batteries are run again under each pair.
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
    names = [name for name in REGRET.names if name != "finding"]
    return sorted_rows(tables, ("site_id", "home_number", "month_key"), names)


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
        # Two tariffs may share a name, and a plan is known by its name alone.
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
        # What a battery stores at the end belongs to the last month.
        by_month[:, -1] += part.comparable_cost - part.cost
        by_month = round_money_array(by_month, part.currency)
        amounts = np.column_stack([by_month, part.comparable_cost]).tolist()
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
    shape = amounts.shape
    by_row = {
        "cost": amounts,
        "best": _first_of_best(amounts, best),
        "regret": round_money_array(amounts - best, currency),
        "month": np.broadcast_to(np.array(months, dtype=object), shape),
        "import_plan": _down([pair.import_plan.name for pair in pairs], shape),
        "export_plan": _down([pair.export_plan.name for pair in pairs], shape),
        "own": _down([pair.is_own for pair in pairs], shape),
        "site_id": np.full(shape, site_id, dtype=object),
        "scenario": np.full(shape, pairs[0].home.name, dtype=object),
        "currency": np.full(shape, currency, dtype=object),
    }
    return {name: values.ravel() for name, values in by_row.items()}


def _down(of_pairs: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return one value per pair for each of its months."""
    return np.broadcast_to(np.array(of_pairs)[:, np.newaxis], shape)


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
