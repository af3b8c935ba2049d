"""Every home under every pair of plans: which would have been best, and what staying costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from flipkit.money import round_money_array
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SiteTotals

__all__ = ["regret_columns"]

_NAMES = (
    "site_id",
    "month",
    "cost",
    "best",
    "regret",
    "scenario",
    "import_plan",
    "export_plan",
    "own",
    "currency",
)


class _Plan(NamedTuple):
    name: str
    tariff: Any


class _Pair(NamedTuple):
    """A scenario's home under an import plan and an export plan."""

    scenario: Scenario
    bought: _Plan
    sold: _Plan
    mixture: Scenario


def regret_columns(
    fleet: Fleet, scenarios: Sequence[Scenario], homes: Sequence[Scenario], method: str
) -> Any:
    """A row a site, scenario, pair of plans and month, and one for the whole window.

    Parameters
    ----------
    fleet : Fleet
    scenarios : sequence of Scenario
        Whose plans there are.
    homes : sequence of Scenario
        Whose homes are put under them.
    method : str
        How batteries are run: anew under each pair.
    """
    bought, sold = _plans(scenarios, "tariff"), _plans(scenarios, "export_tariff")
    pairs = [_pair(home, one, other) for home in homes for one in bought for other in sold]
    found: dict[str, list[SiteTotals]] = {}
    for part in fleet.reckon([pair.mixture for pair in pairs], method):
        found.setdefault(part.scenario, []).append(part)
    tables = []
    for home in homes:
        own = [pair for pair in pairs if pair.scenario is home]
        tables += list(_tables(own, [found[pair.mixture.name] for pair in own]))
    columns = {name: np.concatenate([table[name] for table in tables]) for name in _NAMES}
    order = {home.name: number for number, home in enumerate(homes)}
    place = np.array([order[name] for name in columns["scenario"]])
    months = np.array([_last_if_none(month) for month in columns["month"]])
    rows = np.lexsort((months, place, columns["site_id"]))
    return {name: values[rows] for name, values in columns.items()}


def _plans(scenarios: Sequence[Scenario], field: str) -> list[_Plan]:
    """The different plans, by the name of the tariff; "today" for none of its own."""
    found: list[_Plan] = []
    for scenario in scenarios:
        tariff = getattr(scenario, field)
        if any(plan.tariff == tariff for plan in found):
            continue
        name = (
            "today"
            if tariff is None
            else scenario.name
            if isinstance(tariff, Mapping)
            else tariff.name
        )
        taken = {plan.name for plan in found}
        while name in taken:
            name = f"{name} ({scenario.name})"
        found.append(_Plan(name, tariff))
    return found


def _pair(home: Scenario, bought: _Plan, sold: _Plan) -> _Pair:
    name = "\n".join([home.name, f"import plan {bought.name!r}", f"export plan {sold.name!r}"])
    mixture = replace(home, name=name, tariff=bought.tariff, export_tariff=sold.tariff, capex=None)
    return _Pair(home, bought, sold, mixture)


def _tables(pairs: list[_Pair], parts: list[list[SiteTotals]]) -> Iterator[dict[str, np.ndarray]]:
    """The rows of one home: site by site, for what is best is best for one."""
    sites = [dict(_monthly(each)) for each in parts]
    for site_id, (_, currency) in sites[0].items():
        by_pair = [site[site_id][0] for site in sites]
        labels = sorted({month for costs in by_pair for month in costs}, key=_last_if_none)
        costs = np.array(
            [[costs.get(month, 0.0) for month in labels] for costs in by_pair]
        )  # zones differ in months
        best = costs.min(axis=0)
        ties = np.isclose(costs, best, rtol=0, atol=1e-9)
        is_best = ties & (np.cumsum(ties, axis=0) == 1)  # of equal plans the first
        shape = costs.shape
        columns = {
            "month": np.tile(np.array(labels, dtype=object), shape[0]),
            "cost": costs.ravel(),
            "best": is_best.ravel(),
            "regret": round_money_array(costs - best, currency).ravel(),
        }
        by_plan = {
            "import_plan": [pair.bought.name for pair in pairs],
            "export_plan": [pair.sold.name for pair in pairs],
            "own": [_is_own(pair) for pair in pairs],
        }
        columns |= {name: np.repeat(np.array(values), shape[1]) for name, values in by_plan.items()}
        same = {"site_id": site_id, "scenario": pairs[0].scenario.name, "currency": currency}
        yield columns | {
            name: np.full(costs.size, value, dtype=object) for name, value in same.items()
        }


def _is_own(pair: _Pair) -> bool:
    home = pair.scenario
    return bool(home.tariff == pair.bought.tariff and home.export_tariff == pair.sold.tariff)


def _last_if_none(month: str | None) -> str:
    return month or "~"  # the whole window after its months


def _monthly(
    parts: Sequence[SiteTotals],
) -> Iterator[tuple[str, tuple[dict[str | None, float], str]]]:
    """The cost of each site by month, and of the whole window."""
    for part in parts:
        by_month = np.nansum(np.stack([each.cost for each in part.components]), axis=0)
        whole = np.column_stack([round_money_array(by_month, part.currency), part.cost])
        for site_id, costs in zip(part.site_ids, whole.tolist(), strict=True):
            yield site_id, (dict(zip([*part.months, None], costs, strict=True)), part.currency)
