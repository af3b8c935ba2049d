"""What there is to say about charging sessions that could not be served, moved or believed as they stand."""

from __future__ import annotations

import numpy as np

from flipkit.calendar import Grid, to_text
from flipkit.frames import Finding
from flipkit.scenarios.ev.sessions import Sessions
from flipkit.vocabulary import Float64

__all__ = ["about_the_stays", "about_the_window", "assumed", "not_included", "unserved"]

_LEAST_KWH = 1e-6  # a thousandth of the smallest unit that meters count
_SAME = 0.01  # share by which what a session asks and what was metered may differ: losses, and rounding of records


def about_the_window(
    sessions: Sessions, outside: np.ndarray, cut: np.ndarray, moving: bool
) -> list[Finding]:
    """Sessions that the energy's time does not hold, or only in part."""
    found = _finding(
        "ev.outside", sessions, outside, "lies outside the time of the energy and is left out"
    )
    if moving:
        found += _finding(
            "ev.cut",
            sessions,
            cut,
            "goes beyond the time of the energy: what lies within is charged as it came",
        )
    return found


def about_the_stays(sessions: Sessions, seen: np.ndarray) -> list[Finding]:
    """Sessions that leave before they arrive, or ask another energy than was metered."""
    return [*_backwards(sessions, seen), *_differing(sessions, seen)]


def _backwards(sessions: Sessions, seen: np.ndarray) -> list[Finding]:
    wrong = seen & (sessions.leave_us <= sessions.arrive_us)
    if not wrong.any():
        return []
    lost = np.where(sessions.is_metered, 0.0, sessions.energy_kwh)
    leaves = to_text(sessions.leave_us[np.argmax(wrong)])
    words = f"leaves at {leaves}, not after it arrives: nothing is charged but what was metered"
    return _finding("ev.backwards", sessions, wrong, words, lost)


def _differing(sessions: Sessions, seen: np.ndarray) -> list[Finding]:
    asked, metered = sessions.asked_kwh, sessions.metered_kwh
    apart = np.abs(asked - metered) > _SAME * np.maximum(
        asked, metered
    )  # never where nothing is asked: NaN
    wrong = seen & sessions.is_metered & apart
    if not wrong.any():
        return []
    at = int(np.argmax(wrong))
    words = (
        f"asks {asked[at]:.6g} kWh, but {metered[at]:.6g} kWh were metered, which is what counts"
    )
    return _finding("ev.metered", sessions, wrong, words)


def assumed(sessions: Sessions, seen: np.ndarray) -> list[Finding]:
    """Sessions without records where it matters when they came."""
    words = "has no metered records: it is taken to have come at maximum power from its arrival"
    return _finding(
        "ev.assumed", sessions, seen & ~sessions.is_metered & (sessions.energy_kwh > 0), words
    )


def unserved(sessions: Sessions, energy_kwh: Float64) -> list[Finding]:
    """Sessions that are to get more than they can take."""
    most = sessions.most_kwh
    missing = energy_kwh - most
    wrong = (missing > _LEAST_KWH) & (sessions.stay_us > 0)
    if not wrong.any():
        return []
    at = int(np.argmax(wrong))
    hours, power = sessions.stay_us[at] / 3.6e9, sessions.max_power_kw[at]
    words = f"{most[at]:.6g} of {energy_kwh[at]:.6g} kWh, for it stays {hours:.4g} h at no more than {power:.4g} kW"
    return _finding("ev.unserved", sessions, wrong, words, missing)


def not_included(missing_kwh: Float64, grid: Grid) -> list[Finding]:
    """Intervals that consumed less than the sessions that are said to be part of it."""
    wrong = np.flatnonzero(missing_kwh > _LEAST_KWH)
    if not len(wrong):
        return []
    when = to_text(grid.start_us + int(wrong[0]) * grid.step_us)
    words = (
        f"{missing_kwh[wrong].sum():.6g} kWh of the sessions are not in the consumption, first at {when} "
        f"({len(wrong):,} intervals): only what is there is moved"
    )
    return [Finding("ev.not_included", words)]


def _finding(
    name: str, sessions: Sessions, wrong: np.ndarray, words: str, missing_kwh: Float64 | None = None
) -> list[Finding]:
    """One finding for all such sessions; `words` is what there is to say of the first."""
    at = np.flatnonzero(wrong)
    if not len(at):
        return []
    more = f"; {len(at) - 1:,} more like it" if len(at) > 1 else ""
    total = "" if missing_kwh is None else f" ({missing_kwh[at].sum():.6g} kWh in all not charged)"
    rows = sessions.rows[at].tolist() if len(sessions.rows) else ()
    return [Finding(name, f"{sessions.label(int(at[0]))}: {words}{more}{total}", tuple(rows))]
