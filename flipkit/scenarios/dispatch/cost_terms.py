"""What a tariff charges, as far as a battery changes it, in terms of a linear program (LP).

Every term is a sum of imports and exports at a price per interval, a step at which such a sum
becomes more or less expensive, or the highest of such sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipkit.vocabulary import Float64, Int64

__all__ = [
    "BilledDemand",
    "CostTerms",
    "DemandIntervals",
    "Steps",
    "TierCounter",
    "sum_by_place",
]

Steps = tuple[tuple[float, float], ...]
"""Limits of a quantity, ascending, each with the rise of the unit price beyond it."""


@dataclass(frozen=True, slots=True, eq=False)
class TierCounter:
    """Imported kWh that fill the same tiers.

    Attributes
    ----------
    interval : ndarray of int64, ascending
        The intervals that count.
    share : ndarray of float64
        Share of each interval.
    steps : Steps
        In kWh, and money per kWh.
    """

    interval: Int64
    share: Float64
    steps: Steps

    def imported(self, imported_kwh: Float64) -> float:
        """Return the kWh that count."""
        return float(np.sum(self.share * imported_kwh[self.interval]))


@dataclass(frozen=True, slots=True, eq=False)
class DemandIntervals:
    """Demand intervals, and the levels: the highest demand of one charge in one billing period.

    A charge on the mean of several daily peaks has a level for each day.

    Attributes
    ----------
    interval, run : ndarray of int64, ascending by interval
        The imports of which interval count for which demand interval.
    kw_per_kwh : ndarray of float64
        Mean power in the demand interval for each imported kWh.
    level : ndarray of int64, shape (demand intervals,)
        The level that each demand interval belongs to.
    levels : int
        Number of levels.
    """

    interval: Int64
    run: Int64
    kw_per_kwh: Float64
    level: Int64
    levels: int

    def power(self, imported_kwh: Float64) -> Float64:
        """Return the mean power of each demand interval, kW."""
        contributed = self.kw_per_kwh * imported_kwh[self.interval]
        return sum_by_place(self.run, contributed, len(self.level))

    def peaks(self, power: Float64) -> Float64:
        """Return the highest power of each level, kW."""
        peaks = np.zeros(self.levels)
        np.maximum.at(peaks, self.level, power)
        return peaks


@dataclass(frozen=True, slots=True, eq=False)
class BilledDemand:
    """The billing demand of one charge in one billing period.

    It is the highest of some demands, or their sum, each times a factor.

    Attributes
    ----------
    price : float
        Per kW, below the first step.
    steps : Steps
        In kW, and money per kW.
    demands : tuple of ndarray of int64
        The levels of the billing period itself, then of those that it looks back at.
    factors : ndarray of float64
        By demand: the ratchet's share of earlier ones, or shares that make a mean.
    is_mean : bool
        Whether the billing demand is the sum, not the highest.
    peaks : int
        How many of the highest levels each demand is the mean of.
    minimum_kw : float
        Of each demand.
    """

    price: float
    steps: Steps
    demands: tuple[Int64, ...]
    factors: Float64
    is_mean: bool
    peaks: int
    minimum_kw: float


@dataclass(frozen=True, slots=True, eq=False)
class CostTerms:
    """What the imports and exports of a site cost, taxes and adders included.

    Attributes
    ----------
    import_price, export_price : ndarray of float64, shape (intervals,)
        Price of an imported kWh in the first tier, and what an exported kWh earns.
    tier_counters : tuple of TierCounter
    demand_intervals : DemandIntervals
    billed_demands : tuple of BilledDemand
    neglected : tuple of str
        Where the terms differ from the bill.
    may_add : tuple of str
        Charges without a term that can only add to the bill. If one adds nothing to the bill of a
        plan that is optimal without it, the plan is optimal with it too.
    """

    import_price: Float64
    export_price: Float64
    tier_counters: tuple[TierCounter, ...]
    demand_intervals: DemandIntervals
    billed_demands: tuple[BilledDemand, ...]
    neglected: tuple[str, ...]
    may_add: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the intervals are independent of each other."""
        return not self.tier_counters and not self.billed_demands

    def lowest_import_price(self) -> Float64:
        """Return the lowest price of an imported kWh of each interval, in any tier."""
        lowest = self.import_price.copy()
        for counter in self.tier_counters:
            falls = sum(min(rise, 0.0) for _, rise in counter.steps)
            # An interval may lie in several counters, or twice in one.
            np.add.at(lowest, counter.interval, falls * counter.share)
        return lowest


def sum_by_place(place: Int64, values: Float64, places: int) -> Float64:
    """Return the sum of the values at each place."""
    sums: Float64 = np.bincount(place, values, places)  # type: ignore[assignment]
    return sums
