"""Which picture shows what of a simulation; loads matplotlib, so it is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flipkit.errors import InputError
from flipkit.plots import (
    dispatch_week,
    plan_regret_by_month,
    plan_regret_heatmap,
    savings_waterfall,
    scenario_savings,
    select_one,
    sweep_lines,
)
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import case_of
from flipkit.scenarios.results.sweep import sizes

if TYPE_CHECKING:
    from flipkit.scenarios.results.simulation import Simulation

__all__ = ["draw"]

_BAND_SITES = 40  # as many as a panel shows; the band of a large fleet takes its time


def draw(simulation: Simulation, kind: str, options: dict[str, Any]) -> Any:
    """Draw one of the pictures; see `Simulation.plot`.

    Parameters
    ----------
    simulation : Simulation
    kind : str
    options : dict
        Of the picture's function; ``site_id`` and ``scenario`` have defaults.

    Raises
    ------
    InputError
        An unknown kind, site or scenario.
    """
    if kind not in _KINDS:
        raise InputError(f"plot: no kind {kind!r}; choose one of {', '.join(_KINDS)}")
    return _KINDS[kind](simulation, **options)


def _savings(simulation: Simulation, *, band: bool | None = None, **options: Any) -> Any:
    wanted = len(simulation.fleet.site_ids) <= _BAND_SITES if band is None else band
    return scenario_savings(simulation.summary(band=wanted), **options)


def _waterfall(
    simulation: Simulation,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    **options: Any,
) -> Any:
    one, site = _at(simulation, site_id)
    first, chosen = simulation.scenarios[0], _scenario(simulation, scenario, -1)
    if chosen is first:
        raise InputError(
            f"plot: {first.name!r} is the first scenario, which the others are compared with; choose one"
        )
    steps = replace(one, scenarios=(first, chosen)).waterfall()
    return savings_waterfall(steps, dispatch=_run_by(simulation, site, first, chosen), **options)


def _regret(
    draws: Callable[..., Any],
    simulation: Simulation,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    **options: Any,
) -> Any:
    one, site = _at(simulation, site_id)
    home = _scenario(simulation, scenario, 0)
    return draws(
        one.regret(scenario=home.name), dispatch=_run_by(simulation, site, home), **options
    )


def _regret_heatmap(simulation: Simulation, **options: Any) -> Any:
    return _regret(plan_regret_heatmap, simulation, **options)


def _regret_by_month(simulation: Simulation, **options: Any) -> Any:
    return _regret(plan_regret_by_month, simulation, **options)


def _week(
    simulation: Simulation,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    **options: Any,
) -> Any:
    _, site = _at(simulation, site_id)
    chosen = _scenario(simulation, scenario, -1)
    case = case_of(site, chosen, simulation.fleet.markets.get(site))
    intervals = simulation.intervals(site_id=site, scenario=chosen.name)
    run_by = _run_by(simulation, site, chosen)
    return dispatch_week(intervals, timezone=case.buy.timezone, dispatch=run_by, **options)


def _sweep(simulation: Simulation, *, site_id: str | None = None, **options: Any) -> Any:
    _, site = _at(simulation, site_id)
    x, lines, label = sizes(simulation.scenarios, site)
    named = {
        "label": label,
        "site_id": site,
        "dispatch": _run_by(simulation, site, *simulation.scenarios),
    }
    return sweep_lines(
        simulation.summary(band=False), **{"x": x, "lines": lines, **named, **options}
    )


_KINDS: dict[str, Callable[..., Any]] = {
    "savings": _savings,
    "waterfall": _waterfall,
    "regret": _regret_heatmap,
    "regret_by_month": _regret_by_month,
    "week": _week,
    "sweep": _sweep,
}


def _at(simulation: Simulation, site_id: str | None) -> tuple[Simulation, str]:
    """The simulation of one site alone: no picture of it reckons the fleet anew."""
    fleet = simulation.fleet
    site = select_one(fleet.site_ids, site_id, "site_id", "simulation")
    [(block, row)] = [
        (block, block.site_ids.index(site)) for block in fleet.blocks if site in block.site_ids
    ]
    alone = replace(fleet, blocks=(block.rows(slice(row, row + 1)),), executor=None)
    return replace(simulation, fleet=alone), site


def _scenario(simulation: Simulation, name: str | None, default: int) -> Scenario:
    known = {each.name: each for each in simulation.scenarios}
    chosen = simulation.scenarios[default].name if name is None else name
    return known[select_one(known, chosen, "scenario", "simulation")]


def _run_by(simulation: Simulation, site: str, *homes: Scenario) -> str | None:
    """How the battery was run, if there is one."""
    return (
        simulation.dispatch if any(home.at(site, "battery") is not None for home in homes) else None
    )
