"""What the batteries of homes take and give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from flipkit.calendar import day_starts
from flipkit.frames import Finding
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.marginal import Prices
from flipkit.tariffs.rating import Block
from flipkit.vocabulary import DispatchMethod, Float64

if TYPE_CHECKING:
    from flipkit.scenarios.dispatch import Dispatch

__all__ = ["Stored", "stored"]


class Stored(NamedTuple):
    """What some batteries do.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, intervals)
        Into the battery at its AC terminals, below 0 where it comes out.
    methods : tuple of str
        A site each: how its battery was run.
    findings : tuple of tuple of Finding
        A site each.
    soc_kwh, value : ndarray of float64, shape (sites, intervals), or None
        What is held at the end of each interval, and what one kWh more at its beginning would save (NaN where nothing
        tells); None where they were not asked for.
    """

    kwh: Float64
    methods: tuple[str, ...]
    findings: tuple[tuple[Finding, ...], ...]
    soc_kwh: Float64 | None = None
    value: Float64 | None = None


def stored(
    block: Block, case: Case, battery: Battery, prices: Prices, method: str, keep: bool
) -> Stored:
    """Run the battery of each home.

    Parameters
    ----------
    block : Block
        Consumption and generation without the battery.
    case : Case
    battery : Battery
    prices : tuple of ndarray
    method : str
    keep : bool
        Whether to tell what is held, and its value, too.
    """
    from flipkit.scenarios.dispatch import (  # here: it loads numba
        couples,
        dispatch,
        dispatch_block,
        dispatch_tariff,
    )

    method = cast("DispatchMethod", method)
    net, grid = block.consumption_kwh if case.is_gross else block.net_kwh, block.grid
    if method in ("day_ahead", "optimal") and couples(case.buy):
        # Tiers and demand charges: the bill of each home by itself.
        sold = None if case.sell is None and case.local is None else prices[1]
        span = grid.start_us, grid.step_us
        return _of_each(
            [
                dispatch_tariff(row, *span, case.buy, battery, method, export_price=sold)
                for row in net
            ]
        )
    edges, step_h = day_starts(case.buy.timezone, grid), grid.step_us / 3.6e9
    if keep:
        return _of_each(
            [dispatch(row, *prices, step_h, battery, method, day_edges=edges) for row in net]
        )
    done = dispatch_block(net, *prices, step_h, battery, method, day_edges=edges)
    return Stored(
        done.flow_kwh, done.methods_used, tuple(map(_findings, done.methods_used, done.notes))
    )


def _of_each(done: list[Dispatch]) -> Stored:
    unknown = np.full(len(done[0].soc_kwh), np.nan)
    return Stored(
        np.stack([each.charge_kwh - each.discharge_kwh for each in done]),
        tuple(each.method_used for each in done),
        tuple(_findings(each.method_used, each.note) for each in done),
        np.stack([each.soc_kwh for each in done]),
        np.stack(
            [unknown if each.marginal_value is None else each.marginal_value for each in done]
        ),
    )


def _findings(used: str, note: str) -> tuple[Finding, ...]:
    """Say how exact a plan is that no value function made."""
    return (Finding(f"dispatch.{used}", note),) if used in ("milp", "approximate") else ()
