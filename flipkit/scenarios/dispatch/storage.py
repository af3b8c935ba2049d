"""What a battery stores: whose energy it is, and what more or less of it at the end is worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.problem import Limits, Problem, make_problem
from flipkit.vocabulary import DispatchMethod, Float64

__all__ = ["ForeignEnergy", "StoredChange", "foreign_energy", "no_battery", "stored_change"]

_NOISE_KWH = 1e-6
_MOST_REPEATS = 52  # of a week: what is not drawn within a year is worth nothing


class ForeignEnergy(NamedTuple):
    """What a battery imports and exports beside consumption and generation; by site.

    Attributes
    ----------
    export_kwh : ndarray of float64
        Exports less the generation that is exported, directly or through the battery.
    import_kwh : ndarray of float64
        Imports less the consumption that generation does not serve.
    """

    export_kwh: Float64
    import_kwh: Float64


def foreign_energy(
    consumption_kwh: Float64,
    generation_kwh: Float64,
    flow_kwh: Float64,
    step_h: float,
    battery: Battery,
    method: DispatchMethod,
) -> ForeignEnergy:
    """Attribute what each battery stores to its sources; arrays of sites x intervals.

    Generation serves the consumption of its interval first, then the battery, and what is stored
    is drawn in proportion to its sources. What a battery has at first does not count as generation.
    """
    from flipkit.scenarios.dispatch.sources import source_rows  # loads numba

    sites = len(flow_kwh)
    foreign = ForeignEnergy(np.zeros(sites), np.zeros(sites))
    limits = Limits.of(battery, step_h)
    if method == "rule" and limits.initial_kwh == 0.0:  # it stores surplus, and exports nothing
        return foreign
    source_rows(
        np.ascontiguousarray(consumption_kwh),
        np.ascontiguousarray(generation_kwh),
        np.ascontiguousarray(flow_kwh),
        limits,
        foreign.export_kwh,
        foreign.import_kwh,
    )
    return foreign


class StoredChange(NamedTuple):
    """How much more a battery stores at the end than at the beginning; by site.

    Attributes
    ----------
    kwh : ndarray of float64
        Below 0 for less.
    value : ndarray of float64
        What it would save; below 0 for what is missing.
    days : float
        Length of the time, the last of the energy, that `value` repeats.
    """

    kwh: Float64
    value: Float64
    days: float


def no_battery(sites: int) -> StoredChange:
    """Return what sites without a battery store more: nothing that is known."""
    nan = np.full(sites, np.nan)
    return StoredChange(nan, nan, np.nan)


def stored_change(
    net_kwh: Float64,
    import_price: Float64,
    export_price: Float64,
    step_h: float,
    battery: Battery,
    method: DispatchMethod,
    day_edges: Any,
    flow_kwh: Float64,
) -> StoredChange:
    """Return how much more each battery stores at the end, and what that would save.

    The last week (or the whole days that there are) is repeated twice, with what is stored at the
    end and with what was stored at the beginning, until both store the same: the value is the
    difference in cost. Then the battery is run by the rule, whatever `method` is, because a
    plan leaves nothing for later. The arguments are those of `dispatch_block`; `flow_kwh` is what
    the batteries did.
    """
    limits = Limits.of(battery, step_h)
    charge_kwh = np.maximum(flow_kwh, 0.0).sum(axis=1)
    discharge_kwh = charge_kwh - flow_kwh.sum(axis=1)
    kwh = charge_kwh * limits.charge_efficiency - discharge_kwh / limits.discharge_efficiency
    kwh = np.where(np.abs(kwh) > _NOISE_KWH, kwh, 0.0)
    repeated = _repeated_intervals(net_kwh.shape[1], step_h)
    value = np.zeros(len(kwh))
    if kwh.any():
        rule: DispatchMethod = "rule_tou" if method == "rule_tou" else "rule"
        problem = make_problem(
            net_kwh, import_price, export_price, step_h, battery, rule, day_edges
        )
        value = _value(problem, day_edges, kwh, slice(-repeated, None))
    return StoredChange(kwh, value, repeated * step_h / 24)


def _repeated_intervals(intervals: int, step_h: float) -> int:
    """Return the intervals of the last week, or of the whole days that there are."""
    day = max(round(24 / step_h), 1)
    if intervals < day:
        return intervals
    return day * min(intervals // day, 7)


def _value(problem: Problem, day_edges: Any, change_kwh: Float64, repeated: slice) -> Float64:
    """Return what more energy stored saves if a part of the intervals is repeated by the rule."""
    from flipkit.scenarios.dispatch.rules import cheap_intervals, energy_costs, rule_rows

    limits = problem.limits
    is_cheap = np.ascontiguousarray(cheap_intervals(problem, day_edges)[:, repeated])
    import_price = np.ascontiguousarray(problem.import_price[:, repeated])
    export_price = np.ascontiguousarray(problem.export_price[:, repeated])
    # Each site twice: with what is stored at the end, and with what was stored at the beginning.
    net_kwh = np.concatenate([problem.net_kwh[:, repeated]] * 2)
    flow_kwh, soc_kwh = np.empty_like(net_kwh), np.empty_like(net_kwh)
    cost = np.empty(len(net_kwh))
    initial_kwh = np.full(len(change_kwh), limits.initial_kwh)
    stored = np.concatenate([initial_kwh + change_kwh, initial_kwh])
    stored = np.clip(stored, 0.0, limits.usable_kwh)
    value = np.zeros(len(change_kwh))
    for _ in range(_MOST_REPEATS):
        rule_rows(net_kwh, is_cheap, limits, stored, flow_kwh, soc_kwh)
        energy_costs(net_kwh, import_price, export_price, flow_kwh, cost)
        cost_at_end, cost_at_first = np.split(cost, 2)
        value += cost_at_first - cost_at_end
        before = stored
        stored = np.clip(soc_kwh[:, -1] - limits.reserve_kwh, 0.0, limits.usable_kwh)
        at_end, at_first = np.split(stored, 2)
        are_equal = np.abs(at_end - at_first) <= _NOISE_KWH
        is_same = np.abs(stored - before) <= _NOISE_KWH
        is_steady = is_same[: len(value)] & is_same[len(value) :]
        if (are_equal | is_steady).all():
            break
    return value
