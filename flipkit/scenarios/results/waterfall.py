"""What each change of a scenario brings: the difference in cost, split among the changes.

Changes help or hinder one another (a battery saves more beside solar), so what one of them brings
depends on which came before. Its Shapley value is the mean over all orders: L. S. Shapley, "A value
for n-person games", Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from flipkit.money import smallest_unit
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SiteTotals
from flipkit.vocabulary import DispatchMethod

__all__ = ["waterfall_rows"]

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
        for site_id, cost in zip(part.site_ids, part.cost.tolist(), strict=True):
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
