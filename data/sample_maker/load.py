"""Household load of 2025, modelled on the real meters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chance import Chance
from .clock import HalfHours
from .meters import Meter

__all__ = ["Home", "home_wh", "split_hours"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEKS = 53  # whole weeks, Monday to Sunday, that touch a calendar year
SEASON_DAYS = 24  # a pattern week lies at most this far away in the calendar


@dataclass(frozen=True)
class Home:
    """The consumption of a home without its car.

    Attributes
    ----------
    kwh : float
        Annual energy.
    meters : tuple of (str, float)
        Names of the real meters it is modelled on, and the share of the annual energy of each.
    evenness : float
        0 keeps the meter's seasons; 1 gives every week the same energy.
    night_heating : bool
        Whether the night heating of the half-hourly UK home is kept.
    """

    kwh: float
    meters: tuple[tuple[str, float], ...]
    evenness: float = 0.0
    night_heating: bool = False


def home_wh(site_id: str, home: Home, clock: HalfHours, meters: dict[str, Meter]) -> Ints:
    """Energy of each half-hour in whole Wh, shape (n,).

    For each week of the year a real week of the same season is drawn, weekdays kept, and
    blended with a second one, so that no two homes are copies. Then the year is scaled to the
    home's annual energy and shifted by up to an hour.

    Parameters
    ----------
    site_id : str
        Seeds the draws.
    home : Home
        Annual energy and pattern.
    clock : HalfHours
        Local half-hours to fill.
    meters : dict of str to Meter
        The real meters by name.
    """
    total = np.zeros(len(clock), dtype=np.int64)
    for name, share in home.meters:
        meter = meters[name]
        chance = Chance(f"load {site_id} {name}")
        weeks = _patterns(
            meter, home, chance, keep_heating=home.night_heating or name != "uk_half_hourly"
        )
        total += _on_the_clock(weeks, meter, clock, 1000 * home.kwh * share, chance)
    return total


def split_hours(hourly_wh: Ints, first_share: Floats, step_wh: int = 1) -> Ints:
    """Each hour's energy as two half-hours that add up to it, shape (2n,).

    Parameters
    ----------
    hourly_wh : ndarray of int64, shape (n,)
        Whole Wh, a multiple of ``step_wh``.
    first_share : ndarray of float64, shape (n,)
        Share of the first half-hour, 0..1; rounded down to the step.
    step_wh : int
        Resolution of the meter.
    """
    first = np.floor(hourly_wh / step_wh * first_share).astype(np.int64) * step_wh
    return np.stack([first, hourly_wh - first], axis=1).ravel()


def _patterns(meter: Meter, home: Home, chance: Chance, *, keep_heating: bool) -> Floats:
    """Energy of 53 weeks, shape (53, intervals of a week)."""
    source = meter.kwh if keep_heating else _without_night_heating(meter)
    weekly = source.sum(axis=1, keepdims=True)
    source = source * (weekly.mean() / weekly) ** home.evenness
    rows = []
    for week in range(WEEKS):
        away = np.abs(meter.thursday - (2 + 7 * week))
        near = np.flatnonzero(np.minimum(away, 365 - away) <= SEASON_DAYS)
        first, second = near[chance.pick(2, len(near))]
        weight = chance.one(0.7, 0.95)
        rows.append(weight * source[first] + (1 - weight) * source[second])
    return np.array(rows)


def _without_night_heating(meter: Meter) -> Floats:
    """Remove storage heaters: readings above 0.3 kWh from 00:00 to 08:00 become 0.1 kWh."""
    slot = np.arange(meter.kwh.shape[1]) % meter.per_day
    heating = (slot < meter.per_day // 3) & (meter.kwh > 0.3)
    return np.where(heating, 0.1, meter.kwh)


def _on_the_clock(
    weeks: Floats, meter: Meter, clock: HalfHours, annual_wh: float, chance: Chance
) -> Ints:
    """Put weeks on local half-hours, scaled and shifted, in the resolution of the meter."""
    monday = clock.day[0] - clock.weekday[0]
    flat = weeks.ravel() * chance.uniform(weeks.size, 0.92, 1.08)
    steps = annual_wh / meter.step_wh / flat[: 365 * meter.per_day].sum()
    whole = np.rint(flat * steps).astype(np.int64) * meter.step_wh
    hourly = meter.per_day == 24
    halves = (
        split_hours(whole, chance.uniform(whole.size, 0.4, 0.6), meter.step_wh) if hourly else whole
    )
    moved = np.roll(halves, int(chance.pick(1, 5)[0]) - 2)
    return np.asarray(moved[(clock.day - monday) * 48 + clock.slot])
