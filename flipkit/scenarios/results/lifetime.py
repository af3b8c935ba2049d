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
from flipkit.scenarios.solar import Solar
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


class _SiteCase(NamedTuple):
    """A site under a scenario whose savings differ from year to year."""

    site_id: str
    scenario: Scenario
    span_us: tuple[int, int]
    battery_years: float  # until it is worn out; infinite if it never is


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
            cases += _cases(part, scenario)

    aged = {each.name: each for case in cases for each in _aged_scenarios(case)}
    unknown = [each for name, each in aged.items() if name not in scenarios]
    totals = [*known, *(fleet.evaluate(unknown, method) if unknown else ())]
    costs = _costs(totals)
    return {(case.site_id, case.scenario.name): _savings(case, first, costs) for case in cases}


def _cases(part: SiteTotals, scenario: Scenario) -> Iterable[_SiteCase]:
    """Yield the sites of a part whose savings differ from year to year."""
    for number, site_id in enumerate(part.site_ids):
        battery: Battery | None = scenario.at(site_id, "battery")
        battery_years = math.inf
        if battery is not None and battery.cycle_life is not None:
            cycles_per_year = yearly(float(part.cycles[number]), *part.span_us)
            if cycles_per_year > 0:
                battery_years = battery.cycle_life / cycles_per_year
        case = _SiteCase(site_id, scenario, part.span_us, battery_years)
        if any(each is not scenario for each in _aged_scenarios(case)):
            yield case


def _years(case: _SiteCase) -> range:
    assert case.scenario.lifetime_years is not None
    return range(int(case.scenario.lifetime_years))


def _aged_scenarios(case: _SiteCase) -> Iterable[Scenario]:
    """Yield the scenario in each year: with the battery, without it, or both in its last year."""
    for year in _years(case):
        if _share_with_battery(case, year) > 0:
            yield _aged(case, year, has_battery=True)
        if _share_with_battery(case, year) < 1:
            yield _aged(case, year, has_battery=False)


def _share_with_battery(case: _SiteCase, year: int) -> float:
    """Return the part of a year, counted from 0, before the battery is worn out."""
    return min(max(case.battery_years - year, 0.0), 1.0)


def _aged(case: _SiteCase, year: int, *, has_battery: bool) -> Scenario:
    """Return a scenario with what is left of its equipment; itself if that is all of it."""
    scenario = case.scenario
    changes: dict[str, Any] = {}
    lines = [scenario.name]
    if not has_battery:
        changes["battery"] = None
        lines.append("no battery")
    elif scenario.at(case.site_id, "battery") is not None and scenario.battery_fade > 0:
        share = (1 - scenario.battery_fade) ** year
        changes["battery"] = _each(scenario.battery, _smaller_battery, share)
        lines.append(f"battery x {share!r}")
    if scenario.at(case.site_id, "solar") is not None and scenario.panel_fade > 0:
        share = (1 - scenario.panel_fade) ** year
        changes["solar"] = _each(scenario.solar, _smaller_solar, share)
        lines.append(f"solar x {share!r}")
    is_new = year == 0 and has_battery
    if not changes or is_new:
        return scenario
    # A user's name has one line, so no scenario of the simulation has this name.
    return replace(scenario, name="\n".join(lines), capex=None, **changes)


def _each(change: Any, smaller: Any, share: float) -> Any:
    """Apply a function to a change, or to that of every site."""
    if isinstance(change, Mapping):
        return {site_id: smaller(of_site, share) for site_id, of_site in change.items()}
    return smaller(change, share)


def _smaller_battery(battery: Battery, share: float) -> Battery:
    capacity_kwh = battery.capacity_kwh * share
    power_kw = battery.power_kw if capacity_kwh > 0 else 0.0
    return replace(battery, capacity_kwh=capacity_kwh, power_kw=power_kw)


def _smaller_solar(solar: Solar, share: float) -> Solar:
    return replace(solar, kw_dc=solar.kw_dc * share)


def _costs(totals: Sequence[SiteTotals]) -> dict[tuple[str, str], float]:
    """Return the cost by site id and name of the scenario."""
    costs = {}
    for part in totals:
        for site_id, cost in zip(part.site_ids, part.cost.tolist(), strict=True):
            costs[site_id, part.scenario] = cost
    return costs


def _savings(
    case: _SiteCase, first: Scenario, costs: Mapping[tuple[str, str], float]
) -> LifetimeSavings:
    baseline = costs[case.site_id, first.name]
    by_year = []
    for year in _years(case):
        share = _share_with_battery(case, year)
        saving = 0.0
        for has_battery, weight in ((True, share), (False, 1 - share)):
            if weight > 0:
                name = _aged(case, year, has_battery=has_battery).name
                saving += weight * (baseline - costs[case.site_id, name])
        by_year.append(yearly(saving, *case.span_us))
    return LifetimeSavings(tuple(by_year), _worn_out(case))


def _worn_out(case: _SiteCase) -> tuple[Finding, ...]:
    lifetime = len(_years(case))
    if case.battery_years >= lifetime:
        return ()
    battery: Battery = case.scenario.at(case.site_id, "battery")
    message = (
        f"the battery reaches its {battery.cycle_life:,.6g} cycles after {case.battery_years:.3g}"
        f" of {lifetime} years; from then on the savings are those without it"
    )
    return (Finding("finance.cycle_life", message),)
