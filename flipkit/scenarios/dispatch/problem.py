"""What a dispatch is reckoned from: energy, prices and limits, checked once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipkit.errors import InputError
from flipkit.scenarios.changes import Battery
from flipkit.vocabulary import Float64

__all__ = ["METHODS", "Bools", "Limits", "Problem", "problem_of"]

Bools = NDArray[np.bool_]
METHODS = ("rule", "rule_tou", "day_ahead", "optimal")


class Limits(NamedTuple):
    """A battery within one interval, in kWh; the store is counted from the reserve upwards.

    Attributes
    ----------
    floor, width, first : float
        The reserve; what lies between it and the capacity; what is stored above it at the beginning.
    most : float
        Most energy in or out within one interval, at the AC terminals.
    into, out : float
        Efficiency of charging and of discharging.
    from_grid, to_grid : bool
        Whether it may charge from the grid, and discharge into it.
    """

    floor: float
    width: float
    first: float
    most: float
    into: float
    out: float
    from_grid: bool
    to_grid: bool

    @classmethod
    def of(cls, battery: Battery, step_h: float) -> Limits:
        """The limits of a battery within intervals of `step_h` hours."""
        floor = float(battery.capacity_kwh * battery.reserve)
        first = battery.reserve if battery.initial_soc is None else battery.initial_soc
        width = float(battery.capacity_kwh) - floor
        return cls(
            floor,
            width,
            float(battery.capacity_kwh * first) - floor,
            float(battery.power_kw * step_h) if width > 0 else 0.0,
            float(battery.charge_efficiency),
            float(battery.discharge_efficiency),
            battery.grid_charging,
            battery.export_from_battery,
        )


class Problem(NamedTuple):
    """Sites side by side on one grid of intervals, with one battery each of the same kind.

    Attributes
    ----------
    net : array of float, sites x intervals
        Consumption less generation, kWh.
    buy, sell : array of float, sites x intervals or 1 x intervals
        Mean import and export price of each interval.
    ends : array of bool, intervals
        Where nothing beyond the interval is known: the last one, and with ``day_ahead`` the last of each day.
    window : array of bool, sites x intervals or 1 x intervals
        Where ``rule_tou`` charges from the grid.
    limits : Limits
    method : str
    """

    net: Float64
    buy: Float64
    sell: Float64
    ends: Bools
    window: Bools
    limits: Limits
    method: str


def problem_of(
    net: Any,
    buy: Any,
    sell: Any,
    step_h: float,
    battery: Battery,
    method: str,
    day_edges: Any,
    night: Any,
) -> Problem:
    """Check what was handed in, and set it out; see `flipkit.scenarios.dispatch.dispatch` for the arguments."""
    if method not in METHODS:
        raise InputError(f"method {method!r}: give one of {', '.join(METHODS)}")
    if not step_h > 0 or not np.isfinite(step_h):
        raise InputError(f"step_h {step_h!r}: give the length of an interval in hours, above 0")
    energy = np.atleast_2d(_numbers("net_kwh", net))
    prices = [_fitting(np.atleast_2d(_numbers(f"{name}_price", given)), energy, f"{name}_price")
              for name, given in (("import", buy), ("export", sell))]  # fmt: skip
    count = energy.shape[1]
    edges = _edges(day_edges, count)
    if edges is None and (method == "day_ahead" or (method == "rule_tou" and night is None)):
        raise InputError(
            f"method {method!r}: needs day_edges, the index of each local day's first interval and the count"
        )
    ends = np.zeros(count, dtype=np.bool_)
    ends[-1:] = True
    if method == "day_ahead" and edges is not None:
        ends[edges[1:] - 1] = True
    limits = Limits.of(battery, step_h)
    window = np.zeros((1, count), dtype=np.bool_)
    if method == "rule_tou" and battery.grid_charging:
        window = (
            _given(night, energy) if night is not None else cheap_window(prices[0], edges, limits)
        )
    return Problem(energy, prices[0], prices[1], ends, window, limits, method)


def cheap_window(buy: Float64, edges: NDArray[np.int64] | None, limits: Limits) -> Bools:
    """The intervals of each local day at the day's lowest import price, where charging can pay.

    A kWh drawn from the store has cost the lowest price / (charge x discharge efficiency): there is a window on days
    whose highest import price is above that. Prices within a billionth of the day's span are the same.
    """
    assert edges is not None
    low = np.minimum.reduceat(buy, edges[:-1], axis=1)
    high = np.maximum.reduceat(buy, edges[:-1], axis=1)
    pays = low / (limits.into * limits.out) < high
    upto = np.where(pays, low + 1e-9 * (high - low), -np.inf)
    return np.ascontiguousarray(buy <= np.repeat(upto, np.diff(edges), axis=1))


def _numbers(name: str, given: Any) -> Float64:
    values = np.ascontiguousarray(given, dtype=np.float64)
    if values.ndim not in (1, 2):
        raise InputError(
            f"{name}: expected one row of intervals, or a row a site, got {values.ndim} dimensions"
        )
    if values.shape[-1] == 0:
        raise InputError(f"{name}: holds no intervals")
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InputError(
            f"{name}: interval {place[-1]}{f' of row {place[0]}' * (len(place) > 1)} is no finite number"
        )
    return values


def _fitting(values: Any, energy: Float64, name: str) -> Any:
    if values.shape[1] != energy.shape[1] or len(values) not in (1, len(energy)):
        raise InputError(
            f"{name}: {values.shape[0]} x {values.shape[1]} values for net_kwh of {energy.shape[0]} x "
            f"{energy.shape[1]}; give one value an interval, in one row or a row a site"
        )
    return values


def _given(night: Any, energy: Float64) -> Bools:
    mask = np.ascontiguousarray(np.atleast_2d(np.asarray(night)))
    if mask.dtype != np.bool_:
        raise InputError(f"night: expected True or False for each interval, got {mask.dtype}")
    fitting: Bools = _fitting(mask, energy, "night")
    return fitting


def _edges(given: Any, count: int) -> NDArray[np.int64] | None:
    if given is None:
        return None
    edges = np.asarray(given, dtype=np.int64)
    if (
        edges.ndim != 1
        or len(edges) < 1
        or edges[0] != 0
        or edges[-1] != count
        or (np.diff(edges) <= 0).any()
    ):
        raise InputError(
            f"day_edges: must rise from 0 to the number of intervals, {count}; one more than there are days"
        )
    return edges
