"""What a tariff charges as far as a battery moves it: prices by interval, ladders of counted kWh, and peaks.

Everything is a sum over intervals of imports and exports, a step at which such a sum becomes dearer or cheaper, or the
highest of such sums: what a linear programme can say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.tariffs.rating import Runs
from flipkit.vocabulary import Float64, Int64

__all__ = ["Billed", "Count", "Meter", "Pieces", "Steps", "Terms", "pieces_of", "summed"]

Steps = tuple[tuple[float, float], ...]
"""Where a quantity becomes dearer (or cheaper) per unit, ascending, and by how much."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The intervals of stretches of time, or the parts of them, in a row.

    Attributes
    ----------
    interval, run : ndarray of int64, shape (pieces,)
        Which interval, in which stretch.
    share : ndarray of float64, shape (pieces,)
        How much of the interval.
    """

    interval: Int64
    run: Int64
    share: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """Imported kWh that fill a ladder together.

    Attributes
    ----------
    interval : ndarray of int64, ascending
        Which intervals count.
    share : ndarray of float64
        How much of each.
    steps : Steps
        In kWh, and money per kWh.
    """

    interval: Int64
    share: Float64
    steps: Steps


@dataclass(frozen=True, slots=True, eq=False)
class Meter:
    """Demand intervals, and the highest of them.

    Attributes
    ----------
    interval, run : ndarray of int64, by interval ascending
        Which imports make up which demand interval.
    per_hour : ndarray of float64
        kW for each imported kWh.
    level : ndarray of int64, shape (demand intervals,)
        Among which the highest is looked for: a charge's of one billing period.
    levels : int
        How many there are.
    """

    interval: Int64
    run: Int64
    per_hour: Float64
    level: Int64
    levels: int

    def power(self, imported: Float64) -> Float64:
        """Mean power of the demand intervals, kW."""
        return summed(self.run, self.per_hour * imported[self.interval], len(self.level))

    def highest(self, power: Float64) -> Float64:
        """The level that is reached."""
        reached = np.zeros(self.levels)
        np.maximum.at(reached, self.level, power)
        return reached


@dataclass(frozen=True, slots=True, eq=False)
class Billed:
    """The billing demand of one charge in one billing period: the highest of some levels, each times a factor.

    Attributes
    ----------
    price : float
        Per kW, below the first step.
    steps : Steps
        In kW, and money per kW.
    levels : ndarray of int64
        The period's own first, then those that a ratchet looks back at.
    factors : ndarray of float64
        1 for the own, the ratchet's share for the others.
    """

    price: float
    steps: Steps
    levels: Int64
    factors: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What imports and exports of a site cost, with the taxes and adders on them.

    Attributes
    ----------
    buy, sell : ndarray of float64, shape (intervals,)
        Price of an imported kWh below the first step of its ladder, and what an exported one earns.
    first : ndarray of float64, shape (intervals,)
        Price of an imported kWh in the first tier; other than `buy` where a ladder is replaced by one of its prices.
    counts : tuple of Count
    meter : Meter
    billed : tuple of Billed
    neglected : tuple of str
        What the terms say otherwise than the bill.
    open : tuple of str
        What they leave out, which can only add to the bill: a plan to which it adds nothing is the best with it too.
    """

    buy: Float64
    sell: Float64
    first: Float64
    counts: tuple[Count, ...]
    meter: Meter
    billed: tuple[Billed, ...]
    neglected: tuple[str, ...]
    open: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Whether nothing couples the intervals."""
        return not self.counts and not self.billed

    def least_buy(self) -> Float64:
        """The least that one more imported kWh can cost, wherever on its ladder."""
        least = self.buy.copy()
        for count in self.counts:
            falls = sum(min(rise, 0.0) for _, rise in count.steps)
            np.add.at(least, count.interval, falls * count.share)
        return least


def summed(place: Int64, values: Float64, count: int) -> Float64:
    """The sum of the values of each of so many places."""
    found: Any = np.bincount(place, values, count)
    sums: Float64 = found
    return sums


def pieces_of(runs: Runs) -> Pieces:
    """The intervals of stretches in the order of time."""
    begin, stop = runs.lo - (runs.head > 0), runs.hi + (runs.tail > 0)
    counts = stop - begin
    run = np.repeat(np.arange(len(runs)), counts)
    interval = np.arange(int(counts.sum())) + np.repeat(
        begin - (np.cumsum(counts) - counts), counts
    )
    before, after = interval < runs.lo[run], interval >= runs.hi[run]
    share = np.where(before, runs.head[run], np.where(after, runs.tail[run], 1.0))
    return Pieces(interval, run, share)
