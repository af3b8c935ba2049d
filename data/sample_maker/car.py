"""Charging sessions of the cars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chance import Chance
from .clock import HALF_HOUR_S, HalfHours

__all__ = ["Car", "Session", "charge_car"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Car:
    """A car that is charged at home.

    Attributes
    ----------
    charger_kw : float
        Power of the charger.
    days : float
        Share of days on which it is plugged in.
    starts_slot : int or None
        Half-hour of the day (0..47) at which a timer starts charging; None: on arrival.
    """

    charger_kw: float
    days: float
    starts_slot: int | None = None


@dataclass(frozen=True)
class Session:
    """One stay at the charger.

    Attributes
    ----------
    session_reference_id, site_id : str
        Ids.
    start_s, end_s : int
        Arrival and departure, seconds since 1970 UTC, on half-hours.
    energy_wh : int
        Energy charged during the stay.
    """

    session_reference_id: str
    site_id: str
    start_s: int
    end_s: int
    energy_wh: int


def charge_car(site_id: str, car: Car, clock: HalfHours) -> tuple[Ints, list[Session]]:
    """Energy of each half-hour (whole Wh, shape (n,)) and the sessions it belongs to.

    The car arrives between 16:30 and 20:30 local time, leaves between 06:30 and 09:00 the next day,
    and needs 5 to 27 kWh, of which it gets what the stay allows. Sessions never overlap and lie
    within the year.
    """
    energy = np.zeros(len(clock), dtype=np.int64)
    sessions: list[Session] = []
    days = np.unique(clock.day)[:-1]
    chance = Chance(f"car {site_id}")
    stays = chance.uniform(len(days)) < car.days
    arrive, leave = 33 + chance.pick(len(days), 9), 13 + chance.pick(len(days), 6)
    wanted = (5000 + 22000 * chance.uniform(len(days)) ** 1.6).astype(np.int64)
    for i in np.flatnonzero(stays):
        first = _index(clock, days[i], int(arrive[i]))
        last = _index(clock, days[i] + 1, int(leave[i]))
        begin = first if car.starts_slot is None else _index(clock, days[i] + 1, car.starts_slot)
        charged = _fill(energy[begin:last], car, int(wanted[i]))
        reference = f"{site_id}-s{len(sessions) + 1:04d}"
        start_s = int(clock.start_s[first])
        sessions.append(
            Session(reference, site_id, start_s, start_s + (last - first) * HALF_HOUR_S, charged)
        )
    return energy, sessions


def _index(clock: HalfHours, day: int, slot: int) -> int:
    """The first half-hour that begins at this local time or, where the clock skips it, after it."""
    return int(np.searchsorted(clock.day * 48 + clock.slot, day * 48 + slot))


def _fill(half_hours: Ints, car: Car, wanted_wh: int) -> int:
    """Charge at full power until the energy or the end of the stay; return the energy charged."""
    before = np.arange(len(half_hours)) * int(car.charger_kw * 500)
    half_hours[:] = np.clip(wanted_wh - before, 0, int(car.charger_kw * 500))
    return int(half_hours.sum())
