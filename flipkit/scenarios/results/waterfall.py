"""What each change of a scenario brings: an order-free split of the difference in cost.

Where changes help or hinder one another (a battery is worth more beside solar), what one of them brings depends on
which came before. Its Shapley value is the mean over all orders: L. S. Shapley, "A value for n-person games",
Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from flipkit.money import smallest_unit
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SiteTotals

__all__ = ["waterfall_rows"]

_STEPS = {
    "tariff": ("tariff", "export_tariff"),
    "solar": ("solar",),
    "battery": ("battery",),
    "ev": ("ev",),
    "load": ("load",),
}
_Set = frozenset[str]


class _Split(NamedTuple):
    """A scenario, and every mixture of it and the first, by the steps that were taken."""

    scenario: Scenario
    steps: tuple[str, ...]
    mixtures: dict[_Set, Scenario]


def waterfall_rows(
    fleet: Fleet, scenarios: Sequence[Scenario], known: Sequence[SiteTotals], method: str
) -> Iterator[dict[str, Any]]:
    """Rows of the waterfall: sites by id, scenarios after the first in their order.

    Parameters
    ----------
    fleet : Fleet
    scenarios : sequence of Scenario
    known : sequence of SiteTotals
        What these cost.
    method : str
        How batteries are run.
    """
    first = scenarios[0]
    splits = [_split(first, scenario) for scenario in scenarios[1:]]
    mixtures = [each for split in splits for each in split.mixtures.values()]
    parts = [*known, *(fleet.reckon(mixtures, method) if mixtures else ())]
    costs = {(site_id, part.scenario): cost for part in parts for site_id, cost in _costs(part)}
    currency = {site_id: part.currency for part in known for site_id in part.site_ids}
    for site_id in fleet.site_ids:
        for split in splits:
            yield from _rows(site_id, first, split, costs, currency[site_id])


def _split(first: Scenario, scenario: Scenario) -> _Split:
    steps = tuple(
        step
        for step, names in _STEPS.items()
        if any(getattr(first, n) != getattr(scenario, n) for n in names)
    )
    mixtures = {}
    for count in range(1, len(steps)):
        for taken in combinations(steps, count):
            changes = {name: getattr(scenario, name) for step in taken for name in _STEPS[step]}
            name = "\n".join([scenario.name, *taken])  # no name that is handed in has lines
            mixtures[frozenset(taken)] = replace(first, name=name, capex=None, **changes)
    return _Split(scenario, steps, mixtures)


def _costs(part: SiteTotals) -> Iterator[tuple[str, float]]:
    return zip(part.site_ids, part.cost.tolist(), strict=True)


def _rows(
    site_id: str, first: Scenario, split: _Split, costs: dict[tuple[str, str], float], currency: str
) -> Iterator[dict[str, Any]]:
    before, after = costs[site_id, first.name], costs[site_id, split.scenario.name]
    worth = {taken: costs[site_id, mixture.name] for taken, mixture in split.mixtures.items()}
    worth |= {frozenset(): before, frozenset(split.steps): after}
    changes = _in_cents(
        [_shapley(step, split.steps, worth) for step in split.steps], after - before, currency
    )
    steps = [(first.name, 0.0), *zip(split.steps, changes, strict=True)]
    cost = before
    for step, change in steps:
        cost += change
        yield _row(site_id, split.scenario, step, change, cost, currency)
    yield _row(site_id, split.scenario, "difference", after - before, after, currency)


def _row(
    site_id: str, scenario: Scenario, step: str, change: float, cost: float, currency: str
) -> dict[str, Any]:
    unit = smallest_unit(currency)
    figures = {"change": round(change / unit) * unit, "cost": round(cost / unit) * unit}
    exact = {name: float(f"{value:.6f}") + 0.0 for name, value in figures.items()}
    return {
        "site_id": site_id,
        "scenario": scenario.name,
        "step": step,
        **exact,
        "currency": currency,
    }


def _shapley(step: str, steps: tuple[str, ...], worth: dict[_Set, float]) -> float:
    """Mean change of cost when `step` is taken, over all orders of the steps."""
    others, count, total = [each for each in steps if each != step], len(steps), 0.0
    for size in range(count):
        weight = factorial(size) * factorial(count - size - 1) / factorial(count)
        for taken in combinations(others, size):
            total += weight * (worth[frozenset({*taken, step})] - worth[frozenset(taken)])
    return total


def _in_cents(changes: list[float], total: float, currency: str) -> list[float]:
    """Amounts in the smallest unit that sum to the total: the largest remainders are rounded up."""
    unit = smallest_unit(currency)
    exact = np.array(changes) / unit
    whole = np.floor(exact)
    missing = round(total / unit) - int(whole.sum())
    up = np.argsort(whole - exact, kind="stable")[:missing]
    whole[up] += 1
    return [float(amount) for amount in whole * unit]
