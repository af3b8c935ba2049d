"""What charging sessions do to a site's consumption, and the findings about them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid, to_text
from flipkit.frames import Finding
from flipkit.scenarios.ev.plan import ChargingSite, SessionEnergy, plan_charging, spread
from flipkit.scenarios.ev.sessions import Sessions
from flipkit.vocabulary import HOUR_US, Float64

__all__ = ["STRATEGIES", "Charging", "charge"]

STRATEGIES = ("as_metered", "at_once", "cheapest", "solar_first")

_NEGLIGIBLE_KWH = 1e-6  # a thousandth of the smallest unit that meters count
_METERED_TOLERANCE = 0.01  # asked and metered energy may differ by losses and rounding


class Charging(NamedTuple):
    """What charging does to a site's consumption.

    Attributes
    ----------
    consumption_kwh : ndarray of float64, shape (n,)
        Added energy of each interval; negative only where sessions were part of the consumption and
        are moved away.
    findings : tuple of Finding
        Sessions that could not be served or moved, and assumptions.
    """

    consumption_kwh: Float64
    findings: tuple[Finding, ...]


class _Baseline(NamedTuple):
    """The state before sessions are planned.

    `change_kwh` and `missing_kwh` are by interval, `energy_kwh` by session: what is still to be
    planned. `missing_kwh` is said to be in the consumption, but is not there.
    """

    change_kwh: Float64
    energy_kwh: Float64
    missing_kwh: Float64


def charge(sessions: Sessions, strategy: str, included: bool, site: ChargingSite) -> Charging:
    """Charge sessions at a site; `EvCharging` describes `strategy` and `included`."""
    grid = site.grid
    first_us, last_us = sessions.span_us
    is_seen = (last_us > grid.start_us) & (first_us < grid.end_us)
    is_cut = is_seen & ((first_us < grid.start_us) | (last_us > grid.end_us))
    stays_as_metered = strategy == "as_metered"
    is_moved = is_seen & ~is_cut & (sessions.stay_us > 0) & (not stays_as_metered)

    baseline = (
        _taken_out(sessions, is_moved, site) if included else _added(sessions, is_moved, grid)
    )
    planned = _plan(sessions, baseline, strategy, site).by_interval(grid.intervals)
    # Metered sessions that are not moved need neither their own power nor their stay.
    is_assumed = is_seen & ~sessions.is_metered
    needed_kwh = np.where(is_assumed, sessions.energy_kwh, 0.0)
    needed_kwh = np.where(is_moved, baseline.energy_kwh, needed_kwh)

    findings = _outside(sessions, ~is_seen)
    if not stays_as_metered:
        findings += _cut(sessions, is_cut)
    findings += _backwards(sessions, is_seen)
    findings += _differing(sessions, is_seen)
    if included or stays_as_metered:
        findings += _assumed(sessions, is_assumed)
    findings += _unserved(sessions, needed_kwh)
    findings += _not_included(baseline.missing_kwh, grid)
    return Charging(baseline.change_kwh + planned, tuple(findings))


def _added(sessions: Sessions, is_moved: np.ndarray, grid: Grid) -> _Baseline:
    """Sessions on top of the consumption: those that are not moved stay as metered."""
    unmoved = spread(sessions.as_metered(), grid).of(~is_moved)
    return _Baseline(
        change_kwh=unmoved.by_interval(grid.intervals),
        energy_kwh=np.where(is_moved, sessions.energy_kwh, 0.0),
        missing_kwh=np.zeros(grid.intervals),
    )


def _taken_out(sessions: Sessions, is_moved: np.ndarray, site: ChargingSite) -> _Baseline:
    """Sessions within the consumption: those that are moved come out of it, as far as it holds."""
    metered = spread(sessions.as_metered(), site.grid).of(is_moved)
    total = metered.by_interval(site.grid.intervals)
    removed = np.minimum(total, site.consumption_kwh)
    share = np.divide(removed, total, out=np.zeros(len(total)), where=total > 0)
    found = metered._replace(kwh=metered.kwh * share[metered.interval])
    return _Baseline(
        change_kwh=-removed,
        energy_kwh=found.by_session(len(sessions)),
        missing_kwh=total - removed,
    )


def _plan(
    sessions: Sessions, baseline: _Baseline, strategy: str, site: ChargingSite
) -> SessionEnergy:
    if strategy in ("as_metered", "at_once"):
        return spread(sessions.at_once(baseline.energy_kwh), site.grid)
    surplus = site.generation_kwh - site.consumption_kwh - baseline.change_kwh
    return plan_charging(
        sessions,
        baseline.energy_kwh,
        np.maximum(surplus, 0.0),
        site,
        solar_first=strategy == "solar_first",
    )


def _outside(sessions: Sessions, is_outside: np.ndarray) -> list[Finding]:
    message = "is outside the period of the energy and is left out"
    return _finding("ev.outside", sessions, is_outside, message)


def _cut(sessions: Sessions, is_cut: np.ndarray) -> list[Finding]:
    message = "extends beyond the period of the energy: the part within it stays as metered"
    return _finding("ev.cut", sessions, is_cut, message)


def _backwards(sessions: Sessions, is_seen: np.ndarray) -> list[Finding]:
    is_wrong = is_seen & (sessions.leave_us <= sessions.arrive_us)
    if not is_wrong.any():
        return []
    leaves = to_text(sessions.leave_us[np.argmax(is_wrong)])
    message = f"leaves at {leaves}, not after it arrives; only metered energy is charged"
    lost_kwh = np.where(sessions.is_metered, 0.0, sessions.energy_kwh)
    return _finding("ev.backwards", sessions, is_wrong, message, lost_kwh)


def _differing(sessions: Sessions, is_seen: np.ndarray) -> list[Finding]:
    asked, metered = sessions.asked_kwh, sessions.metered_kwh
    tolerance = _METERED_TOLERANCE * np.maximum(asked, metered)
    differs = np.abs(asked - metered) > tolerance  # False where nothing is asked, which is NaN
    is_wrong = is_seen & sessions.is_metered & differs
    if not is_wrong.any():
        return []
    first = int(np.argmax(is_wrong))
    message = (
        f"asks for {asked[first]:.6g} kWh, but {metered[first]:.6g} kWh were metered; the metered"
        " energy is used"
    )
    return _finding("ev.metered", sessions, is_wrong, message)


def _assumed(sessions: Sessions, is_assumed: np.ndarray) -> list[Finding]:
    message = "has no metered records: charging at maximum power from arrival is assumed"
    return _finding("ev.assumed", sessions, is_assumed & (sessions.energy_kwh > 0), message)


def _unserved(sessions: Sessions, needed_kwh: Float64) -> list[Finding]:
    max_kwh = sessions.max_kwh
    missing_kwh = needed_kwh - max_kwh
    is_wrong = (missing_kwh > _NEGLIGIBLE_KWH) & (sessions.stay_us > 0)
    if not is_wrong.any():
        return []
    first = int(np.argmax(is_wrong))
    hours = sessions.stay_us[first] / HOUR_US
    message = (
        f"gets {max_kwh[first]:.6g} of {needed_kwh[first]:.6g} kWh, as it stays {hours:.4g} h at no"
        f" more than {sessions.max_power_kw[first]:.4g} kW"
    )
    return _finding("ev.unserved", sessions, is_wrong, message, missing_kwh)


def _not_included(missing_kwh: Float64, grid: Grid) -> list[Finding]:
    intervals = np.flatnonzero(missing_kwh > _NEGLIGIBLE_KWH)
    if not len(intervals):
        return []
    first = to_text(grid.start_us + int(intervals[0]) * grid.step_us)
    message = (
        f"{missing_kwh[intervals].sum():.6g} kWh of the sessions are not in the consumption, first"
        f" at {first} ({len(intervals):,} intervals); only what is there is moved"
    )
    return [Finding("ev.not_included", message)]


def _finding(
    code: str,
    sessions: Sessions,
    is_wrong: np.ndarray,
    message: str,
    missing_kwh: Float64 | None = None,
) -> list[Finding]:
    """One finding for all such sessions; `message` is about the first."""
    positions = np.flatnonzero(is_wrong)
    if not len(positions):
        return []
    text = f"{sessions.label(int(positions[0]))} {message}"
    if len(positions) > 1:
        text += f"; {len(positions) - 1:,} more"
    if missing_kwh is not None:
        text += f" ({missing_kwh[positions].sum():.6g} kWh not charged in total)"
    rows = sessions.rows[positions].tolist() if len(sessions.rows) else ()
    return [Finding(code, text, tuple(rows))]
