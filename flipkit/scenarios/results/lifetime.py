"""What each year of a lifetime saves: equipment that fades, and batteries that are worn out.

Each year is simulated with the equipment that is left, and with the energy, weather and prices of
the first. NREL's SAM does so too: ``utilityrate5`` with ``degradation`` bills every year anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flipkit.frames import Finding
from flipkit.scenarios.changes import Battery, Scenario, yearly
from flipkit.scenarios.engine import Fleet, SiteTotals
from flipkit.vocabulary import DispatchMethod

__all__ = ["LifetimeSavings", "lifetime_savings"]


class LifetimeSavings(NamedTuple):
    """What a scenario saves at a site.

    Attributes
    ----------
    by_year : tuple of float
        One saving for each year of the lifetime, in the prices of the first.
    findings : tuple of Finding
        That the battery is worn out.
    """

    by_year: tuple[float, ...]
    findings: tuple[Finding, ...]


class _Equipment(NamedTuple):
    """What is left of a scenario's equipment: a share of its capacity and power."""

    battery: float
    solar: float


_WHOLE = _Equipment(battery=1.0, solar=1.0)


class _SiteCase(NamedTuple):
    """A site under a scenario, and its equipment in each year.

    In the year in which a battery is worn out, there are two: with and without it, each with the
    part of the year that it has.
    """

    site_id: str
    scenario: Scenario
    span_us: tuple[int, int]
    battery_years: float  # until it is worn out; infinite if it never is
    by_year: list[list[tuple[float, _Equipment]]]


def lifetime_savings(
    fleet: Fleet, known: Sequence[SiteTotals], method: DispatchMethod
) -> dict[tuple[str, str], LifetimeSavings]:
    """Return the savings by year, by site id and name of the scenario.

    There is no entry where all years save the same. `known` has the totals of the fleet's
    scenarios.
    """
    first, *others = fleet.scenarios
    scenarios = {each.name: each for each in others if each.investment and each.lifetime_years}
    cases: list[_SiteCase] = []
    for part in known:
        scenario = scenarios.get(part.scenario)
        if scenario is not None:
            cases += _changing_cases(part, scenario)

    totals = list(known)
    aged = _aged_scenarios(cases)
    if aged:
        totals += fleet.evaluate(aged, method)
    costs = _costs(totals)
    return {(case.site_id, case.scenario.name): _savings(case, first, costs) for case in cases}


def _changing_cases(part: SiteTotals, scenario: Scenario) -> Iterable[_SiteCase]:
    """Yield the sites of a part whose equipment differs from year to year."""
    for number, site_id in enumerate(part.site_ids):
        battery: Battery | None = scenario.at(site_id, "battery")
        battery_years = math.inf
        if battery is not None and battery.cycle_life is not None:
            cycles_per_year = yearly(float(part.cycles[number]), *part.span_us)
            if cycles_per_year > 0:
                battery_years = battery.cycle_life / cycles_per_year
        by_year = _equipment_by_year(scenario, site_id, battery_years)
        if any(equipment != _WHOLE for of_year in by_year for _, equipment in of_year):
            yield _SiteCase(site_id, scenario, part.span_us, battery_years, by_year)


def _equipment_by_year(
    scenario: Scenario, site_id: str, battery_years: float
) -> list[list[tuple[float, _Equipment]]]:
    """Return the parts of each year and the equipment in each of them."""
    battery_fade = scenario.battery_fade if scenario.at(site_id, "battery") else 0.0
    panel_fade = scenario.panel_fade if scenario.at(site_id, "solar") else 0.0
    assert scenario.lifetime_years is not None
    by_year = []
    for year in range(int(scenario.lifetime_years)):
        battery = (1 - battery_fade) ** year
        solar = (1 - panel_fade) ** year
        before_end = min(max(battery_years - year, 0.0), 1.0)
        parts = [
            (before_end, _Equipment(battery, solar)),
            (1 - before_end, _Equipment(0.0, solar)),
        ]
        by_year.append([(part, equipment) for part, equipment in parts if part > 0])
    return by_year


def _aged_scenarios(cases: Iterable[_SiteCase]) -> list[Scenario]:
    """Return the scenarios to evaluate; sites with the same equipment share one."""
    aged: dict[str, Scenario] = {}
    for case in cases:
        for of_year in case.by_year:
            for _, equipment in of_year:
                name = _name(case.scenario, equipment)
                if equipment != _WHOLE and name not in aged:
                    aged[name] = _aged(case.scenario, equipment)
    return list(aged.values())


def _name(scenario: Scenario, equipment: _Equipment) -> str:
    if equipment == _WHOLE:
        return scenario.name
    # A user's name has one line, so no scenario of the simulation has this name.
    return f"{scenario.name}\nbattery x {equipment.battery!r}\nsolar x {equipment.solar!r}"


def _aged(scenario: Scenario, equipment: _Equipment) -> Scenario:
    """Return a scenario with what is left of its equipment."""
    battery = None  # worn out
    if equipment.battery > 0:
        battery = _each(scenario.battery, "capacity_kwh", equipment.battery)
    return replace(
        scenario,
        name=_name(scenario, equipment),
        battery=battery,
        solar=_each(scenario.solar, "kw_dc", equipment.solar),
        capex=None,
    )


def _each(change: Any, size: str, share: float) -> Any:
    """Return a change, or that of every site, with a share of its size."""
    if change is None or share == 1:
        return change
    if isinstance(change, Mapping):
        return {site_id: _each(of_site, size, share) for site_id, of_site in change.items()}
    return replace(change, **{size: getattr(change, size) * share})


def _costs(totals: Sequence[SiteTotals]) -> dict[tuple[str, str], float]:
    """Return the comparable cost, of which the saving is made, by site id and scenario name."""
    costs = {}
    for part in totals:
        for site_id, cost in zip(part.site_ids, part.comparable_cost.tolist(), strict=True):
            costs[site_id, part.scenario] = cost
    return costs


def _savings(
    case: _SiteCase, first: Scenario, costs: Mapping[tuple[str, str], float]
) -> LifetimeSavings:
    baseline = costs[case.site_id, first.name]
    by_year = []
    for of_year in case.by_year:
        saving = 0.0
        for part, equipment in of_year:
            cost = costs[case.site_id, _name(case.scenario, equipment)]
            saving += part * (baseline - cost)
        by_year.append(yearly(saving, *case.span_us))
    return LifetimeSavings(tuple(by_year), _worn_out(case))


def _worn_out(case: _SiteCase) -> tuple[Finding, ...]:
    lifetime = len(case.by_year)
    if case.battery_years >= lifetime:
        return ()
    battery: Battery = case.scenario.at(case.site_id, "battery")
    message = (
        f"the battery reaches its {battery.cycle_life:,.6g} cycles after {case.battery_years:.3g}"
        f" of {lifetime} years; from then on the savings are those without it"
    )
    return (Finding("finance.cycle_life", message),)
