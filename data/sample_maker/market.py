"""A synthetic half-hourly price series that follows the published formula of Agile Octopus."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from .chance import Chance
from .clock import HalfHours, between, local_midnight

__all__ = ["MARKET", "agile_prices", "retail_price"]

Floats = NDArray[np.float64]

MARKET = "agile-octopus-c-synthetic"
MULTIPLIER = 2.0
PEAK_ADDER_P = 12.0
VAT = 1.05
CAP_P = 100.0

# Wholesale price by local half-hour relative to the day's mean, low at night and at midday.
_SHAPE = np.interp(
    np.arange(48) / 2,
    [0, 3, 5, 8, 11, 14, 16, 17.5, 19, 21, 24],
    [0.84, 0.76, 0.8, 1.1, 0.98, 0.88, 1.02, 1.2, 1.24, 1.08, 0.84],
)
_MONTH_P = np.array([11.8, 11.4, 10.1, 9.0, 8.6, 8.7, 9.2, 8.7, 9.1, 9.3, 10.1, 10.4])


def agile_prices() -> tuple[HalfHours, Floats]:
    """Half-hours from 1 January 2025 to 1 February 2026 (local), and prices in GBP/kWh with VAT.

    Returns
    -------
    clock : HalfHours
        Europe/London.
    price : ndarray of float64, shape (n,)
        Five decimals.
    """
    zone = "Europe/London"
    clock = between(
        zone, local_midnight(date(2025, 1, 1), zone), local_midnight(date(2026, 2, 1), zone)
    )
    return clock, np.round(retail_price(_wholesale_p(clock), clock.slot) / 100, 5)


def retail_price(wholesale_p: Floats, slot: NDArray[np.int64]) -> Floats:
    """Return the price by the formula of Agile for region C, in pence per kWh with VAT.

    Wholesale x 2.0, plus 12 p from 16:00 to 19:00 local time, 5 % VAT, capped at 100 p.

    Parameters
    ----------
    wholesale_p : ndarray of float64, shape (n,)
        Pence per kWh without VAT.
    slot : ndarray of int64, shape (n,)
        Half-hour of the local day, 0..47.
    """
    peak = (slot >= 32) & (slot < 38)
    return np.asarray(np.minimum((wholesale_p * MULTIPLIER + PEAK_ADDER_P * peak) * VAT, CAP_P))


def _wholesale_p(clock: HalfHours) -> Floats:
    """Wholesale pence per kWh: season and time of day, less wind and sun, plus scarce evenings."""
    days = np.unique(clock.day)
    day = clock.day - days[0]
    chance = Chance("market")
    wind = _slow_noise(chance, len(days), memory=0.7)
    wiggle = _slow_noise(chance, len(clock), memory=0.9)
    base = _MONTH_P[clock.month - 1] * _SHAPE[clock.slot] * np.where(clock.weekday >= 5, 0.9, 1.0)
    season = np.clip(np.cos(2 * np.pi * (day - 172) / 365), 0, None)
    noon = np.exp(-(((clock.slot - 26) / 6.0) ** 2))
    sun = chance.uniform(len(days))[day] * 5.5 * season * noon
    evening = np.exp(-(((clock.slot - 35) / 3.0) ** 2)) * np.isin(clock.month, (11, 12, 1, 2))
    tight = 15.0 * (chance.uniform(len(days)) < 0.05)[day] * evening
    return np.asarray(np.round(base - 3.1 * wind[day] - sun + tight + 0.8 * wiggle, 2))


def _slow_noise(chance: Chance, size: int, memory: float) -> Floats:
    """Noise of mean 0 and deviation 1 in which each value contains a part of the previous one."""
    fresh = chance.normal(size) * np.sqrt(1 - memory**2)
    slow = np.empty(size)
    last = 0.0
    for i in range(size):
        last = memory * last + fresh[i]
        slow[i] = last
    return slow
