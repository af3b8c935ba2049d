"""The charges of a tariff as cost terms over a grid of intervals, and the bill of a plan.

Energy prices, tiers and exports first, then demand charges. Where a charge has no linear terms, the
terms say what they neglect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.dispatch.cost_terms import (
    BilledDemand,
    CostTerms,
    DemandIntervals,
    Steps,
    TierCounter,
    sum_by_place,
)
from flipkit.tariffs import DemandCharge, PriceSeries, Ratchet, Tariff
from flipkit.tariffs.model import TAXABLE, has_tiers, parts_of, rate_table
from flipkit.tariffs.rating import (
    Block,
    DemandHours,
    DemandRuns,
    EnergySums,
    Partition,
    RatingCalendar,
    RunPieces,
    calendars,
    demand_runs,
    meter_runs,
    partition_of,
    piece_prices,
    pieces_of,
    rate,
    sum_cost,
    tier_limits,
    tier_prices,
    weights,
)
from flipkit.vocabulary import Float64

__all__ = ["BUY_ALL", "bill_without_fixed", "couples", "tariff_terms"]

BUY_ALL = "buy all, sell all: the plan uses the imports and exports after the battery"
CREDIT = "the credit that exports leave for later billing periods"
MINIMUM = "the minimum bill"
NEGATIVE_DEMAND = "a demand charge with a negative price, which the plan ignores"
NET_METERING = "net metering: an exported kWh is valued at the import price of its interval"
TIERS_DIFFER = (
    "tiers whose steps differ between periods: each period has the price of the tier that the "
    "billing period reaches without a battery"
)
TIERS_PER_KW = "tiers by kWh per kW: their limits are those of the peak without a battery"


def couples(tariff: Tariff) -> bool:
    """Return whether the cost of a kWh depends on other intervals.

    It does with tiers, demand charges, minimum bills, net metering and carried credits. Without
    them, a dispatch on prices alone is as good as one on the bill.
    """
    return any(_part_couples(part) for part in parts_of(tariff))


def _part_couples(part: Tariff) -> bool:
    if part.demand or part.minimum is not None or has_tiers(part):
        return True
    export = part.export
    return export is not None and (export.mode == "net_metering" or export.carry_over is not None)


def tariff_terms(
    tariff: Tariff, grid: Grid, net_kwh: Float64, export_price: Float64 | None
) -> CostTerms:
    """Return what imports and exports cost under a tariff.

    Parameters
    ----------
    tariff : Tariff
        Covers the grid.
    grid : Grid
    net_kwh : ndarray of float64, shape (intervals,)
        Consumption less generation.
    export_price : ndarray of float64, shape (intervals,), or None
        What an exported kWh earns, instead of the tariff's own terms.
    """
    import_price = np.zeros(grid.intervals)
    own_export_price = np.zeros(grid.intervals)
    demand = _DemandTerms()
    tier_counters: list[TierCounter] = []
    neglected: list[str] = []
    may_add: list[str] = []
    for part, calendar in calendars(tariff, grid):
        energy = _energy_terms(part, calendar, net_kwh)
        import_price = import_price + energy.import_price
        own_export_price = own_export_price + energy.export_price
        tier_counters += energy.tier_counters
        neglected += energy.neglected
        demand.add(part, calendar)
        if part.minimum is not None:
            may_add.append(MINIMUM)
        if part.export is not None and part.export.mode == "buy_all_sell_all":
            neglected.append(BUY_ALL)
        if part.export is not None and part.export.carry_over == "credit":
            # A credit paid out at more than its worth can lower the bill.
            only_adds = part.export.payout_share <= 1.0
            (may_add if only_adds else neglected).append(CREDIT)
    return CostTerms(
        import_price=import_price,
        export_price=own_export_price if export_price is None else export_price,
        tier_counters=tuple(tier_counters),
        demand_intervals=demand.intervals(),
        billed_demands=tuple(demand.billed),
        neglected=_unique([*neglected, *demand.neglected]),
        may_add=_unique(may_add),
    )


def _unique(items: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def bill_without_fixed(
    tariff: Tariff,
    grid: Grid,
    import_kwh: Float64,
    export_kwh: Float64,
    export_price: Float64 | None,
) -> float:
    """Return the bill of imports and exports, without fixed charges and the taxes on them."""
    energy = Block(("site",), grid, import_kwh[None], export_kwh[None])
    total = 0.0 if export_price is None else -float(np.sum(export_kwh * export_price))
    for bill in rate(EnergySums(energy), tariff):
        shape = (1, len(bill.billing))  # one site
        fixed = sum_cost(bill.lines, shape, ("fixed",)) * _tax_factors(bill.tariff)["fixed"]
        total += float(np.sum(sum_cost(bill.lines, shape) - fixed))
    return total


def _tax_factors(tariff: Tariff) -> dict[str, float]:
    """Return 1 and the taxes on each kind of charge."""
    return {
        kind: 1.0 + sum(tax.share for tax in tariff.taxes if kind in tax.on) for kind in TAXABLE
    }


class _EnergyTerms(NamedTuple):
    """Prices and tiers of one tariff; prices are 0 outside its time."""

    import_price: Float64
    export_price: Float64
    tier_counters: list[TierCounter]
    neglected: list[str]


def _energy_terms(tariff: Tariff, calendar: RatingCalendar, net_kwh: Float64) -> _EnergyTerms:
    part = partition_of(tariff, calendar)
    pieces = pieces_of(part.runs)
    factors = _tax_factors(tariff)
    if tariff.series is not None:
        price = _series_price(part, pieces, tariff.series)
        tier_counters: list[TierCounter] = []
        neglected: list[str] = []
    else:
        price, tier_counters, neglected = _rate_terms(tariff, part, pieces, net_kwh)
    adders = factors["adder"] * sum(adder.price_per_kwh for adder in tariff.adders)
    share_in_force = _by_interval(part, pieces, np.ones(len(pieces.run)))
    import_price = factors["energy"] * price + adders * share_in_force
    non_bypassable = factors["adder"] * sum(
        adder.price_per_kwh for adder in tariff.adders if adder.non_bypassable
    )
    netted_price = import_price - non_bypassable * share_in_force
    if tariff.export is not None and tariff.export.mode == "net_metering":
        neglected.append(NET_METERING)
    return _EnergyTerms(
        import_price=import_price,
        export_price=_export_price(tariff, part, pieces, netted_price),
        tier_counters=[_with_tax(counter, factors["energy"]) for counter in tier_counters],
        neglected=neglected,
    )


def _rate_terms(
    tariff: Tariff, part: Partition, pieces: RunPieces, net_kwh: Float64
) -> tuple[Float64, list[TierCounter], list[str]]:
    """Return the price of each interval in its first tier, the tier counters, and the neglected."""
    ladders = _Ladders.of(tariff, part, pieces, net_kwh)
    tier_counters = []
    neglected = [TIERS_PER_KW] if ladders.has_per_kw else []
    period_price = np.repeat(ladders.prices[None, :, 0], len(part.calendar.billing), axis=0)
    # What a tier adds to the first price becomes a step of a counter.
    for billing, periods in _counted_together(tariff, part):
        steps = {ladders.steps(billing, period) for period in periods}
        if len(steps) > 1:
            # Which kWh fill which tier depends on their order: no linear term says that.
            neglected.append(TIERS_DIFFER)
            period_price[billing, periods] = ladders.reached_prices(billing, periods)
        elif any(steps):
            counter = _tier_counter(part, pieces, billing, periods, steps.pop())
            tier_counters.append(counter)
    run_price = period_price[part.billing, part.import_period]
    return _by_interval(part, pieces, run_price[pieces.run]), tier_counters, neglected


def _counted_together(tariff: Tariff, part: Partition) -> Iterator[tuple[int, list[int]]]:
    """Yield each billing period with the energy periods whose kWh fill the same tiers."""
    for billing in range(len(part.calendar.billing)):
        periods = np.unique(part.import_period[part.billing == billing]).tolist()
        if tariff.tier_rule == "per_period":
            for period in periods:
                yield billing, [period]
        else:
            yield billing, periods


def _tier_counter(
    part: Partition, pieces: RunPieces, billing: int, periods: list[int], steps: Steps
) -> TierCounter:
    runs = (part.billing == billing) & np.isin(part.import_period, periods)
    counts = runs[pieces.run]
    return TierCounter(pieces.interval[counts], pieces.share[counts], steps)


def _with_tax(counter: TierCounter, factor: float) -> TierCounter:
    steps = tuple((limit, factor * rise) for limit, rise in counter.steps)
    return replace(counter, steps=steps)


class _Ladders(NamedTuple):
    """The tiers of each billing period and energy period.

    Attributes
    ----------
    limits : array of float, billing periods x periods x limits
        Upper limits of the tiers, kWh.
    prices : array of float, periods x tiers
    used_kwh : array of float, billing periods x periods
        Imports without a battery.
    has_per_kw : bool
        Whether some limits are in kWh per kW of the peak.
    """

    limits: Float64
    prices: Float64
    used_kwh: Float64
    has_per_kw: bool

    @classmethod
    def of(cls, tariff: Tariff, part: Partition, pieces: RunPieces, net_kwh: Float64) -> _Ladders:
        periods = rate_table(tariff.rates).periods
        calendar = part.calendar
        import_kwh = np.maximum(net_kwh, 0.0)
        has_per_kw = any(tier.per_kw for period in periods for tier in period.tiers)
        peak_kw = None
        if has_per_kw:
            imported = EnergySums(Block(("site",), calendar.grid, import_kwh[None], None))
            peak_kw = imported.peaks(meter_runs(calendar), gross=False)
        run_cell = part.billing * part.import_periods + part.import_period
        used_kwh = sum_by_place(
            run_cell[pieces.run],
            pieces.share * import_kwh[pieces.interval],
            len(calendar.billing) * part.import_periods,
        )
        return cls(
            limits=tier_limits(periods, calendar.billing, peak_kw)[0],
            prices=tier_prices(periods),
            used_kwh=used_kwh.reshape(len(calendar.billing), part.import_periods),
            has_per_kw=has_per_kw,
        )

    def steps(self, billing: int, period: int) -> Steps:
        # Rounded, so that 0.30 - 0.20 and 0.25 - 0.15 are the same rise.
        rises = np.round(np.diff(self.prices[period]), 12).tolist()
        limits = self.limits[billing, period].tolist()
        pairs = zip(limits, rises, strict=False)
        return tuple((limit, rise) for limit, rise in pairs if limit < np.inf and rise)

    def reached_prices(self, billing: int, periods: list[int]) -> list[float]:
        """Return the prices in the tier that the billing period reaches without a battery."""
        total_kwh = self.used_kwh[billing].sum()
        reached = []
        for period in periods:
            tier = int((total_kwh > self.limits[billing, period]).sum())
            reached.append(float(self.prices[period, tier]))
        return reached


def _series_price(part: Partition, pieces: RunPieces, series: PriceSeries) -> Float64:
    """Return the mean price of each interval from a price series."""
    prices = piece_prices(part.runs, weights(part, series))
    return sum_by_place(pieces.interval, prices, part.calendar.grid.intervals)


def _export_price(
    tariff: Tariff, part: Partition, pieces: RunPieces, netted_price: Float64
) -> Float64:
    export = tariff.export
    if export is None:
        return np.zeros(part.calendar.grid.intervals)
    if export.mode == "net_metering":
        return netted_price
    if export.series is not None:
        return _series_price(part, pieces, export.series)
    period_price = np.array([each.price_per_kwh for each in rate_table(export.rates).periods])
    return _by_interval(part, pieces, period_price[part.export_period[pieces.run]])


def _by_interval(part: Partition, pieces: RunPieces, price: Float64) -> Float64:
    """Return the mean price of each interval from the prices of its pieces."""
    return sum_by_place(pieces.interval, pieces.share * price, part.calendar.grid.intervals)


class _Measured(NamedTuple):
    """The demand intervals of one charge, and where they begin among those of all charges."""

    runs: DemandRuns
    first_run: int
    first_level: int


class _DemandTerms:
    """Collects the demand charges of successive tariffs."""

    def __init__(self) -> None:
        self.billed: list[BilledDemand] = []
        self.neglected: list[str] = []
        self._measured: dict[tuple[RatingCalendar, DemandHours], _Measured] = {}
        self._runs = 0
        self._levels = 0

    def add(self, tariff: Tariff, calendar: RatingCalendar) -> None:
        """Add the charges of a tariff without parts."""
        factor = _tax_factors(tariff)["demand"]
        for charge in tariff.demand:
            # The plan could raise a demand without end whose price is negative.
            if min(tier.price_per_kw * factor for tier in charge.tiers) < 0.0:
                self.neglected.append(NEGATIVE_DEMAND)
            else:
                self._add_charge(charge, calendar, factor)

    def intervals(self) -> DemandIntervals:
        """Return the demand intervals of all charges."""
        # The empty arrays serve tariffs without demand charges.
        interval, run = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        kw_per_kwh, level = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
        for measured in self._measured.values():
            runs = measured.runs.runs
            pieces = pieces_of(runs)
            interval.append(pieces.interval)
            run.append(pieces.run + measured.first_run)
            kw_per_kwh.append(pieces.share / runs.hours[pieces.run])
            level.append(measured.runs.slot + measured.first_level)
        intervals = np.concatenate(interval)
        by_interval = np.argsort(intervals, kind="stable")
        return DemandIntervals(
            interval=intervals[by_interval],
            run=np.concatenate(run)[by_interval],
            kw_per_kwh=np.concatenate(kw_per_kwh)[by_interval],
            level=np.concatenate(level),
            levels=self._levels,
        )

    def _add_charge(self, charge: DemandCharge, calendar: RatingCalendar, factor: float) -> None:
        measured = self._measure(calendar, DemandHours.of(charge))
        looked_back_at = None
        if charge.ratchet is not None:
            looked_back_at = self._measure(calendar, DemandHours.of(charge, any_month=True))
        for billing in np.unique(measured.runs.slot).tolist():
            # A billing demand is at or above the month's own peak and the ratcheted earlier ones.
            levels, factors = [measured.first_level + billing], [1.0]
            if charge.ratchet is not None and looked_back_at is not None:
                earlier = _ratchet_periods(charge.ratchet, calendar.billing.months, billing)
                levels += [looked_back_at.first_level + each for each in earlier]
                factors += [charge.ratchet.share] * len(earlier)
            price_factor = factor * float(calendar.billing.share[billing])
            self.billed.append(
                BilledDemand(
                    price=price_factor * charge.tiers[0].price_per_kw,
                    steps=_demand_steps(charge, price_factor),
                    levels=np.array(levels),
                    factors=np.array(factors),
                )
            )

    def _measure(self, calendar: RatingCalendar, hours: DemandHours) -> _Measured:
        key = (calendar, hours)  # charges with the same hours share demand intervals
        if key not in self._measured:
            runs = demand_runs(calendar, hours)
            self._measured[key] = _Measured(runs, self._runs, self._levels)
            self._runs += len(runs.slot)
            self._levels += runs.slots
        return self._measured[key]


def _ratchet_periods(ratchet: Ratchet, months: np.ndarray, billing: int) -> list[int]:
    """Return the earlier billing periods that a ratchet looks back at."""
    earlier = range(max(0, billing - ratchet.months), billing)
    if ratchet.of_months is None:
        return list(earlier)
    return [each for each in earlier if int(months[each]) in ratchet.of_months]


def _demand_steps(charge: DemandCharge, price_factor: float) -> Steps:
    steps = []
    for lower, upper in pairwise(charge.tiers):
        rise = upper.price_per_kw - lower.price_per_kw
        if lower.up_to_kw is not None and rise:
            steps.append((lower.up_to_kw, price_factor * rise))
    return tuple(steps)
