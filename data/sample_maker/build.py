"""The energy, charging sessions and performance report of every site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .battery import run_battery
from .car import Session, charge_car
from .chance import Chance
from .clock import YEAR, HalfHours, local_year, month_to_date
from .faults import energy_factor, reported
from .fleet import Site
from .load import home_wh
from .meters import Meter
from .solar import production_wh
from .weather import actual_days, clear_share, typical_days

__all__ = ["SiteYear", "actual_wh", "expected_wh", "performance_rows", "site_year"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PerformanceRow = tuple[str, str, float | None, float | None]

CALMED = 0.5
"""Share of the weather's difference between actual and expected months of 31 days that is kept."""


@dataclass(frozen=True, eq=False)
class SiteYear:
    """The energy of one site's year, whole Wh of each half-hour, shape (17520,) each."""

    clock: HalfHours
    home: Ints
    car: Ints
    generation: Ints
    charge: Ints
    discharge: Ints
    sessions: list[Session]


def site_year(site: Site, meters: dict[str, Meter]) -> SiteYear:
    """All energy of one site."""
    clock = local_year(site.where.timezone)
    nothing = np.zeros(len(clock), dtype=np.int64)
    home = home_wh(site.site_id, site.home, clock, meters)
    car, sessions = charge_car(site.site_id, site.car, clock) if site.car else (nothing, [])
    generation = actual_wh(site, clock)
    charge, discharge = (
        run_battery(site.battery, home + car, generation) if site.battery else (nothing, nothing)
    )
    return SiteYear(clock, home, car, generation, charge, discharge, sessions)


@lru_cache(maxsize=2)  # the year and the current month of one site, each asked for twice
def expected_wh(site: Site, clock: HalfHours) -> Floats:
    """Expected production: the station's days in their own order, no faults; Wh, shape (n,)."""
    return _modelled(site, clock, typical_days(np.unique(clock.day)))


def actual_wh(site: Site, clock: HalfHours) -> Ints:
    """Actual production: other weather, the site's condition and faults; whole meter steps in Wh.

    Shuffled days change the sum of a month by up to a tenth, and that of a few days by much more.
    Only half of it is kept (:data:`CALMED`), and less in the current month, in proportion to its
    days, so that a healthy site stays between 0.93 and 1.05 of its expected production.
    """
    if site.system is None:
        return np.zeros(len(clock), dtype=np.int64)
    expected = expected_wh(site, clock)
    drawn = _modelled(site, clock, actual_days(np.unique(clock.day), site.region, site.site_id))
    months = clock.month
    ratio = np.bincount(months, drawn, 13)[months] / np.bincount(months, expected, 13)[months]
    condition = Chance(f"condition {site.site_id}").one(0.98, 1.0)
    kept = CALMED * np.bincount(months, minlength=13)[months] / (31 * 48)
    calmed = (1 + kept * (ratio - 1)) / ratio
    produced = drawn * calmed * condition * energy_factor(site.site_id, clock.day)
    return np.rint(produced / site.where.step_wh).astype(np.int64) * site.where.step_wh


def _modelled(site: Site, clock: HalfHours, weather_days: Ints) -> Floats:
    """Production under the station's days, one for each distinct local date of the clock."""
    if site.system is None:
        return np.zeros(len(clock))
    _, which = np.unique(clock.day, return_inverse=True)
    weather = clear_share(site.where.station)
    return production_wh(site.system, site.climate, clock, weather, weather_days[which])


def performance_rows(site: Site, generation: Ints) -> list[PerformanceRow]:
    """Site, month, actual and expected kWh for 2025, and for January 2026 until "now".

    Parameters
    ----------
    site : Site
        A site with solar.
    generation : ndarray of int64, shape (17520,)
        Its metered generation of 2025.
    """
    year, running = local_year(site.where.timezone), month_to_date(site.where.timezone)
    actual = np.bincount(year.month, generation, 13)
    expected = np.bincount(year.month, expected_wh(site, year), 13)
    months = [(f"{YEAR}-{month:02d}", actual[month], expected[month]) for month in range(1, 13)]
    months.append(
        (f"{YEAR + 1}-01", actual_wh(site, running).sum(), expected_wh(site, running).sum())
    )
    return [
        (site.site_id, month, *reported(site.site_id, month, a / 1000, e / 1000))
        for month, a, e in months
    ]
