"""A plan from programmes: window after window, the store carried over, each action held to what a battery can do."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.scenarios.dispatch.problem import Limits
from flipkit.scenarios.dispatch.terms import Terms
from flipkit.scenarios.dispatch.window import Found, State, solve
from flipkit.vocabulary import Float64, Int64

__all__ = ["GAP", "SECONDS", "Plan", "planned"]

SECONDS = 60.0
"""How long the programmes of one site may take together."""
GAP = 1e-6
"""Relative gap between what is found and what is not ruled out at which HiGHS may stop."""
_GRAIN = 1e-9


class Plan(NamedTuple):
    """What a battery does.

    Attributes
    ----------
    flow : ndarray of float64, shape (intervals,)
        Energy into the battery at its terminals, below 0 where it comes out.
    stored : ndarray of float64, shape (intervals,)
        Above the reserve, at the end of each interval.
    marginal : ndarray of float64, shape (intervals,)
        What one more kWh stored at the beginning of each would save; NaN where HiGHS does not say.
    claimed : float
        What the programme of the last window says it costs.
    choices : tuple of int
        Yes-or-no columns: for import or export, for charge or discharge, for ladders that fall.
    gap : float
        The largest relative gap of a window.
    is_complete : bool
        Whether there was time for every window.
    """

    flow: Float64
    stored: Float64
    marginal: Float64
    claimed: float
    choices: tuple[int, int, int]
    gap: float
    is_complete: bool

    @property
    def is_whole(self) -> bool:
        """Whether a mixed-integer programme was needed."""
        return any(self.choices)


def planned(terms: Terms, net: Float64, limits: Limits, edges: Int64) -> Plan:
    """Plan each window between neighbouring edges with nothing known beyond it.

    Windows for which no plan is found in time are self-consumption.
    """
    until = time.monotonic() + SECONDS
    flow, stored, marginal, imported = (
        np.full(len(net), value) for value in (0.0, 0.0, np.nan, 0.0)
    )
    at, found, last = limits.first, [], 0.0
    for first, end in pairwise(edges.tolist()):
        window = slice(first, end)
        left = until - time.monotonic()
        best = (
            solve(terms, net, limits, window, State(at, imported), left, GAP) if left > 0 else None
        )
        wanted = -net[window] if best is None else best.stored
        at = _follow(
            wanted, net[window], limits, at, flow[window], stored[window], best is not None
        )
        imported[window] = np.maximum(net[window] + flow[window], 0.0)
        if best is not None:
            found.append(best)
            marginal[window], last = best.value, best.objective
    choices = [sum(each.choices[kind] for each in found) for kind in range(3)]
    gap = max((_gap(each) for each in found), default=0.0)
    complete = len(found) == len(edges) - 1
    return Plan(flow, stored, marginal, last, (choices[0], choices[1], choices[2]), gap, complete)


def _gap(found: Found) -> float:
    return (found.objective - found.bound) / max(abs(found.objective), 1e-9)


def _follow(
    wanted: Float64,
    net: Float64,
    limits: Limits,
    at: float,
    flow: Float64,
    stored: Float64,
    is_level: bool,
) -> float:
    """Go to each level of the store (or make each flow) as far as the battery can; the store at the end.

    HiGHS keeps to limits within a ten-millionth; a battery keeps to them.
    """
    charge = np.full(len(net), limits.most) if limits.from_grid else np.clip(-net, 0.0, limits.most)
    discharge = np.full(len(net), limits.most) if limits.to_grid else np.clip(net, 0.0, limits.most)
    grain = _GRAIN * limits.most
    rows = zip(wanted.tolist(), net.tolist(), charge.tolist(), discharge.tolist(), strict=True)
    for number, (aim, use, most_in, most_out) in enumerate(rows):
        change = aim - at if is_level else aim * (limits.into if aim > 0 else 1.0 / limits.out)
        change = min(max(change, -at), limits.width - at)
        kwh = change / limits.into if change > 0 else change * limits.out
        kwh = min(max(kwh, -most_out), most_in)
        kwh = (
            -use
            if abs(kwh + use) <= grain and -most_out <= -use <= most_in
            else 0.0
            if abs(kwh) <= grain
            else kwh
        )
        at = min(max(at + (kwh * limits.into if kwh > 0 else kwh / limits.out), 0.0), limits.width)
        flow[number], stored[number] = kwh, at
    return at
