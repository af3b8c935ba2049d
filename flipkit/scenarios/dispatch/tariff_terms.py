"""The terms of a whole tariff over a grid of intervals, and what its bill says of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from flipkit.calendar import Grid
from flipkit.errors import InputError
from flipkit.scenarios.dispatch.demand_terms import Demand
from flipkit.scenarios.dispatch.energy_terms import energy_terms, taxed
from flipkit.scenarios.dispatch.terms import Count, Terms
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import check_cover, overlap
from flipkit.tariffs.rating import Block, EnergySums, RatingCalendar, sum_cost, rate
from flipkit.vocabulary import Float64

__all__ = ["BUY_ALL", "check_grid", "couples", "owed", "tariff_terms", "without_export"]

BUY_ALL = (
    "buy all, sell all: imports and exports are taken to be what the meter shows after the battery"
)
CREDIT = "the credit that exports leave for later billing periods"
MINIMUM = "the minimum bill"


def couples(tariff: Tariff) -> bool:
    """Whether what a kWh costs depends on other intervals: tiers, demand, minimums, net metering, carried credits.

    Without such a coupling a dispatch on prices alone is as good as one on the bill.
    """
    return any(_couples(part) for part in tariff.parts or (tariff,))


def _couples(part: Tariff) -> bool:
    export = part.export
    settles = export is not None and (
        export.mode == "net_metering" or export.carry_over is not None
    )
    return (
        bool(part.demand)
        or part.minimum is not None
        or settles
        or any(rate.tiers for rate in part.rates)
    )


def without_export(tariff: Tariff) -> Tariff:
    """The tariff, where exports are paid for by somebody else."""
    if tariff.parts:
        return replace(tariff, parts=tuple(replace(part, export=None) for part in tariff.parts))
    return replace(tariff, export=None)


def tariff_terms(tariff: Tariff, grid: Grid, net: Float64, export_price: Float64 | None) -> Terms:
    """What imports and exports cost, in the terms of a programme.

    Parameters
    ----------
    tariff : Tariff
    grid : Grid
    net : ndarray of float64, shape (intervals,)
        Consumption less generation.
    export_price : ndarray of float64, shape (intervals,), or None
        What an exported kWh earns, instead of the tariff's own terms.

    Raises
    ------
    InputError
        The tariff does not cover the intervals: names the first that it does not.
    """
    buy, first, sell = (np.zeros(grid.intervals) for _ in range(3))
    demand = Demand()
    counts: list[Count] = []
    neglected: list[str] = []
    left_open: list[str] = []
    for part, place in _places(tariff, grid):
        energy = energy_terms(part, place, net)
        buy, first, sell = buy + energy.buy, first + energy.first, sell + energy.sell
        counts += energy.counts
        neglected += energy.neglected
        demand.add(part, place)
        _beyond(part, neglected, left_open)
    sold = sell if export_price is None else export_price
    unseen = tuple(dict.fromkeys([*neglected, *demand.neglected]))
    billed = tuple(demand.billed)
    return Terms(
        buy,
        sold,
        first,
        tuple(counts),
        demand.meter(),
        billed,
        unseen,
        tuple(dict.fromkeys(left_open)),
    )


def owed(
    tariff: Tariff, grid: Grid, imported: Float64, exported: Float64, export_price: Float64 | None
) -> float:
    """What `flipkit.bill` says of imports and exports, without fixed charges and the taxes on them."""
    bills = rate(EnergySums(Block(("site",), grid, imported[None], exported[None])), tariff)
    total = 0.0 if export_price is None else -float(np.sum(exported * export_price))
    for bill in bills:
        shape = (1, len(bill.billing))
        fixed = sum_cost(bill.lines, shape, ("fixed",)) * taxed(bill.tariff)["fixed"]
        total += float(np.sum(sum_cost(bill.lines, shape) - fixed))
    return total


def _beyond(part: Tariff, neglected: list[str], left_open: list[str]) -> None:
    """What no term says: added to the lists by what is known of it."""
    if part.minimum is not None:
        left_open.append(MINIMUM)
    if part.export is None:
        return
    if part.export.mode == "buy_all_sell_all":
        neglected.append(BUY_ALL)
    if part.export.carry_over == "credit":
        (left_open if part.export.payout_share <= 1.0 else neglected).append(CREDIT)


def _places(tariff: Tariff, grid: Grid) -> Iterator[tuple[Tariff, RatingCalendar]]:
    begin, stop = tariff.validity
    begin, stop = grid.start_us if begin is None else begin, grid.end_us if stop is None else stop
    check_cover(
        grid.start_us,
        grid.end_us,
        begin,
        stop,
        f"the prices of tariff {tariff.name!r}",
        "dispatch: ",
    )
    for part in tariff.parts or (tariff,):
        start, end = overlap(part.validity, grid.start_us, grid.end_us)
        if start < end:
            yield part, RatingCalendar(grid, start, end, part.timezone, part.holidays, None)


def check_grid(start_us: int, step_us: int, intervals: int) -> Grid:
    """The grid of the intervals.

    Raises
    ------
    InputError
        No intervals; a step that is no whole number of microseconds above 0, or a start that is none.
    """
    if not intervals:
        raise InputError("net_kwh: holds no intervals")
    for name, value in (("start_us", start_us), ("step_us", step_us)):
        if (
            not isinstance(value, int | np.integer)
            or isinstance(value, bool)
            or (name == "step_us" and value <= 0)
        ):
            raise InputError(
                f"{name} {value!r}: give whole microseconds{', above 0' * (name == 'step_us')}"
            )
    return Grid(int(start_us), int(step_us), intervals)
