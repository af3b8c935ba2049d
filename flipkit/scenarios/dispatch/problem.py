"""The input of a dispatch as arrays: energy, prices, horizons and the limits of the battery."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipkit.scenarios.changes import Battery
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = ["Bools", "Limits", "Problem", "make_problem"]

Bools = NDArray[np.bool_]


class Limits(NamedTuple):
    """What a battery can do within one interval; a tuple, because compiled loops take it apart.

    Attributes
    ----------
    reserve_kwh, usable_kwh, initial_kwh : float
        The reserve; the capacity above it; what is stored above the reserve at the start.
    end_kwh : float
        What a plan leaves stored at least, above the reserve, at the end of each horizon.
    max_kwh : float
        Maximum energy in or out per interval, at the AC terminals.
    charge_efficiency, discharge_efficiency : float
    from_grid, to_grid : bool
        Whether it may charge from the grid, and discharge into it.
    """

    reserve_kwh: float
    usable_kwh: float
    initial_kwh: float
    end_kwh: float
    max_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    from_grid: bool
    to_grid: bool

    @classmethod
    def of(cls, battery: Battery, step_h: float) -> Limits:
        """Return the limits of a battery within intervals of `step_h` hours."""
        initial_soc = battery.reserve if battery.initial_soc is None else battery.initial_soc
        reserve_kwh = float(battery.capacity_kwh * battery.reserve)
        usable_kwh = float(battery.capacity_kwh) - reserve_kwh
        initial_kwh = float(battery.capacity_kwh * initial_soc) - reserve_kwh
        return cls(
            reserve_kwh=reserve_kwh,
            usable_kwh=usable_kwh,
            initial_kwh=initial_kwh,
            end_kwh=initial_kwh,  # what is stored at first is not free
            max_kwh=float(battery.power_kw * step_h) if usable_kwh > 0 else 0.0,
            charge_efficiency=float(battery.charge_efficiency),
            discharge_efficiency=float(battery.discharge_efficiency),
            from_grid=battery.grid_charging,
            to_grid=battery.export_from_battery,
        )

    def stored_by(self, flow_kwh: float) -> float:
        """Return the change of the energy stored by a flow at the AC terminals."""
        if flow_kwh > 0:
            return flow_kwh * self.charge_efficiency
        return flow_kwh / self.discharge_efficiency

    def flow_for(self, change_kwh: float) -> float:
        """Return the flow at the AC terminals for a change of the energy stored."""
        if change_kwh > 0:
            return change_kwh / self.charge_efficiency
        return change_kwh * self.discharge_efficiency

    def max_charge(self, net_kwh: Float64) -> Float64:
        """Return the maximum energy into the battery in each interval."""
        if self.from_grid:
            return np.full(len(net_kwh), self.max_kwh)
        return np.clip(-net_kwh, 0.0, self.max_kwh)

    def max_discharge(self, net_kwh: Float64) -> Float64:
        """Return the maximum energy out of the battery in each interval."""
        if self.to_grid:
            return np.full(len(net_kwh), self.max_kwh)
        return np.clip(net_kwh, 0.0, self.max_kwh)


class Problem(NamedTuple):
    """Many sites on one grid of intervals, each with a battery of the same kind.

    Attributes
    ----------
    net_kwh : array of float, sites x intervals
        Consumption less generation.
    import_price, export_price : array of float, sites x intervals or 1 x intervals
        Mean price per kWh of each interval.
    horizon_ends : array of bool, intervals
        The last interval of each planning horizon: of each day with ``day_ahead``, else of all.
    limits : Limits
    method : str
    """

    net_kwh: Float64
    import_price: Float64
    export_price: Float64
    horizon_ends: Bools
    limits: Limits
    method: DispatchMethod


def make_problem(
    net_kwh: Any,
    import_price: Any,
    export_price: Any,
    step_h: float,
    battery: Battery,
    method: DispatchMethod,
    day_edges: Any,
) -> Problem:
    """Bring the arguments of `dispatch_block` into the form that the compiled loops take."""
    net = _table(net_kwh)
    sites, intervals = net.shape
    prices = _table(import_price), _table(export_price)
    for price in prices:
        # Compiled loops do not check bounds: a row that is too short would read other memory.
        assert price.shape in ((1, intervals), (sites, intervals)), (price.shape, net.shape)
    limits = Limits.of(battery, step_h)

    horizon_ends = np.zeros(intervals, dtype=np.bool_)
    horizon_ends[-1:] = True  # a slice, because there may be no intervals
    if method == "day_ahead":
        horizon_ends[np.asarray(day_edges)[1:] - 1] = True

    return Problem(
        net_kwh=net,
        import_price=prices[0],
        export_price=prices[1],
        horizon_ends=horizon_ends,
        limits=limits,
        method=method,
    )


def _table(values: Any) -> Float64:
    return np.atleast_2d(np.ascontiguousarray(values, dtype=np.float64))
