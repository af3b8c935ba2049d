"""What charging sessions do to a site's consumption: added to it, or moved within it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.frames import Finding
from flipkit.scenarios.ev import findings as ev_findings
from flipkit.scenarios.ev.flows import Flows, flows
from flipkit.scenarios.ev.plan import Site, planned
from flipkit.scenarios.ev.sessions import Sessions
from flipkit.vocabulary import Float64

__all__ = ["STRATEGIES", "Charging", "Home", "charge"]

STRATEGIES = ("as_came", "at_once", "cheapest", "solar_first")


class Charging(NamedTuple):
    """What charging does to a site's consumption.

    Attributes
    ----------
    consumption_kwh : ndarray of float64, shape (n,)
        What is added in each interval; negative only where sessions were part of the consumption and are moved away.
    findings : tuple of Finding
        Sessions that could not be served or moved, and what had to be assumed.
    """

    consumption_kwh: Float64
    findings: tuple[Finding, ...]


class Home(NamedTuple):
    """The site at which cars charge: a grid, and arrays by its intervals.

    Attributes
    ----------
    grid : Grid
    consumption_kwh, generation_kwh : ndarray of float64, shape (n,)
    import_price, export_price : ndarray of float64, shape (n,)
        Per kWh.
    """

    grid: Grid
    consumption_kwh: Float64
    generation_kwh: Float64
    import_price: Float64
    export_price: Float64


class _Before(NamedTuple):
    """What is settled before sessions are planned: the change by interval, and what each session is to get."""

    change_kwh: Float64
    energy_kwh: Float64
    missing_kwh: Float64  # by interval: said to be in the consumption, but not there


def charge(sessions: Sessions, strategy: str, included: bool, home: Home) -> Charging:
    """Charge sessions at a home; `strategy` and `included` as `EvCharging` describes them.

    Parameters
    ----------
    sessions : Sessions
    strategy : {"as_came", "at_once", "cheapest", "solar_first"}
    included : bool
    home : Home

    Returns
    -------
    Charging
    """
    first, last = sessions.span_us
    seen = (last > home.grid.start_us) & (first < home.grid.end_us)
    cut = seen & ((first < home.grid.start_us) | (last > home.grid.end_us))
    moved = seen & ~cut & (sessions.stay_us > 0) & (strategy != "as_came")
    before = (
        _taken_out(sessions, moved, home)
        if included
        else _left_in_place(sessions, moved, home.grid)
    )
    plan = _plan(sessions, before, strategy, home).by_interval(home.grid.intervals)
    findings = (
        *ev_findings.about_the_window(sessions, ~seen, cut, strategy != "as_came"),
        *ev_findings.about_the_stays(sessions, seen),
        *ev_findings.assumed(sessions, seen & (included or strategy == "as_came")),
        *ev_findings.unserved(sessions, _wanted(sessions, seen, moved, before.energy_kwh)),
        *ev_findings.not_included(before.missing_kwh, home.grid),
    )
    return Charging(before.change_kwh + plan, findings)


def _left_in_place(sessions: Sessions, moved: np.ndarray, grid: Grid) -> _Before:
    """Sessions that come on top: the ones that are not moved, as they came; the others are to get their energy."""
    stay = flows(sessions.as_came(), grid).of(~moved).by_interval(grid.intervals)
    return _Before(stay, np.where(moved, sessions.energy_kwh, 0.0), np.zeros(grid.intervals))


def _taken_out(sessions: Sessions, moved: np.ndarray, home: Home) -> _Before:
    """Sessions that are part of the consumption: what is moved comes out of it, as far as it is there."""
    came = flows(sessions.as_came(), home.grid).of(moved)
    total = came.by_interval(home.grid.intervals)
    out = np.minimum(total, home.consumption_kwh)
    share = np.divide(out, total, out=np.zeros(len(total)), where=total > 0)
    found = came._replace(kwh=came.kwh * share[came.interval])
    return _Before(-out, found.by_session(len(sessions)), total - out)


def _plan(sessions: Sessions, before: _Before, strategy: str, home: Home) -> Flows:
    if strategy in ("as_came", "at_once"):
        return flows(sessions.at_once(before.energy_kwh), home.grid)
    surplus = np.maximum(home.generation_kwh - home.consumption_kwh - before.change_kwh, 0.0)
    site = Site(surplus, home.import_price, home.export_price)
    return planned(
        sessions, before.energy_kwh, home.grid, site, solar_first=strategy == "solar_first"
    )


def _wanted(
    sessions: Sessions, seen: np.ndarray, moved: np.ndarray, energy_kwh: Float64
) -> Float64:
    """What each is to get by its own power and stay; what was metered needs neither."""
    as_it_came = np.where(seen & ~sessions.is_metered, sessions.energy_kwh, 0.0)
    return np.where(moved, energy_kwh, as_it_came)
