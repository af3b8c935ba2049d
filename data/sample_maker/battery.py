"""The self-consumption rule of the fleet's batteries."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

__all__ = ["Battery", "run_battery"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Battery:
    """A battery; energies and power at its AC terminals.

    Attributes
    ----------
    capacity_kwh : float
        Usable capacity.
    power_kw : float
        Limit of charging and of discharging.
    charge_efficiency, discharge_efficiency : float
        Energy stored per energy charged, and discharged per energy taken from the store.
    """

    capacity_kwh: float
    power_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95


def run_battery(battery: Battery, demand_wh: Ints, generation_wh: Ints) -> tuple[Ints, Ints]:
    """Charge from surplus generation and discharge to cover remaining demand, without the grid.

    The battery is empty at the start of the year, has no reserve and uses no forecast.

    Parameters
    ----------
    battery : Battery
        Its limits.
    demand_wh, generation_wh : ndarray of int64, shape (n,)
        Whole Wh of each half-hour.

    Returns
    -------
    charge_wh, discharge_wh : ndarray of int64, shape (n,)
        Whole Wh at the AC terminals, never both in a half-hour. Rounded down, so that the store
        stays within its limits.
    """
    limit_wh = floor(battery.power_kw * 500)
    capacity_wh = battery.capacity_kwh * 1000
    charge = np.zeros(len(demand_wh), dtype=np.int64)
    discharge = np.zeros(len(demand_wh), dtype=np.int64)
    stored = 0.0
    for i, surplus in enumerate((generation_wh - demand_wh).tolist()):
        if surplus > 0:
            room = floor((capacity_wh - stored) / battery.charge_efficiency)
            charge[i] = taken = min(surplus, limit_wh, room)
            stored += taken * battery.charge_efficiency
        elif surplus < 0:
            ready = floor(stored * battery.discharge_efficiency)
            discharge[i] = given = min(-surplus, limit_wh, ready)
            stored -= given / battery.discharge_efficiency
    return charge, discharge
