"""The charges of a tariff as cost terms over a grid of intervals, and the bill of a plan.

Energy prices, tiers and exports first, then demand charges. Where a charge has no linear terms, the
terms say what they neglect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, Grid, days_in_months
from flipkit.scenarios.dispatch.cost_terms import (
    BilledDemand,
    CostTerms,
    DemandIntervals,
    Steps,
    TierCounter,
    sum_by_place,
)
from flipkit.tariffs import Adder, DemandCharge, Export, PriceSeries, Rate, Tariff
from flipkit.tariffs.model import has_tiers, is_net_metered, parts_of, rate_table, schedule_of
from flipkit.tariffs.rating import (
    Block,
    DemandHours,
    DemandRuns,
    EnergySums,
    Ladders,
    Partition,
    RatingCalendar,
    RunPieces,
    TierCounts,
    calendars,
    demand_runs,
    earlier_periods,
    looks_back,
    meter_runs,
    partition,
    partition_of,
    piece_prices,
    pieces_of,
    price_times,
    rate,
    sum_cost,
    tier_counts,
    tier_limits,
    tier_prices,
    weights,
)
from flipkit.vocabulary import Float64, Int64

__all__ = ["BUY_ALL", "EXPORT_TIERS", "bill_without_fixed", "couples", "tariff_terms"]

BUY_ALL = "buy all, sell all: the plan uses the imports and exports after the battery"
CREDIT = "the credit that exports leave for later billing periods"
DEMAND_STEPS = "amounts by step of a demand charge, which the plan ignores"
EXPORT_TIERS = "tiers of the export price: each exported kWh is valued at the price of the first"
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

    It does with tiers (of imports or exports), demand charges, minimum bills, net metering and
    carried credits. Without them, a dispatch on prices alone is as good as one on the bill.
    """
    return any(_part_couples(part) for part in parts_of(tariff))


def _part_couples(part: Tariff) -> bool:
    if part.demand or part.minimum is not None or has_tiers(part):
        return True
    export = part.export
    if export is None:
        return False
    export_tiers = any(rate.tiers for rate in export.rates)
    return export.mode == "net_metering" or export.carry_over is not None or export_tiers


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
        if part.export is not None:
            _add_export_terms(part.export, neglected, may_add)
    return CostTerms(
        import_price=import_price,
        export_price=own_export_price if export_price is None else export_price,
        tier_counters=tuple(tier_counters),
        demand_intervals=demand.intervals(),
        billed_demands=tuple(demand.billed),
        neglected=_unique([*neglected, *demand.neglected]),
        may_add=_unique(may_add),
    )


def _add_export_terms(export: Export, neglected: list[str], may_add: list[str]) -> None:
    """Add the terms of exports that no price of an interval expresses."""
    if any(rate.tiers for rate in export.rates):
        neglected.append(EXPORT_TIERS)
    if export.mode == "buy_all_sell_all":
        neglected.append(BUY_ALL)
    if export.carry_over == "credit":
        # A credit paid out at more than its worth can lower the bill.
        only_adds = export.payout_share <= 1.0
        (may_add if only_adds else neglected).append(CREDIT)


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
        fixed = sum_cost(bill.lines, shape, ("fixed",))
        fixed = fixed * _tax_factor(bill.tariff, bill.billing, "fixed")
        total += float(np.sum(sum_cost(bill.lines, shape) - fixed))
    return total


def _tax_factor(tariff: Tariff, billing: BillingPeriods, kind: str) -> Float64:
    """Return 1 and the taxes on a kind of charge, by billing period."""
    taxes = np.zeros(len(billing))
    for tax in tariff.taxes:
        if kind in tax.on:
            in_months = days_in_months(billing, tariff.timezone, tax.months) / billing.days
            taxes = taxes + tax.share * in_months
    return 1.0 + taxes


class _EnergyTerms(NamedTuple):
    """Prices and tiers of one tariff; prices are 0 outside its time."""

    import_price: Float64
    export_price: Float64
    tier_counters: list[TierCounter]
    neglected: list[str]


def _energy_terms(tariff: Tariff, calendar: RatingCalendar, net_kwh: Float64) -> _EnergyTerms:
    part = partition_of(tariff, calendar)
    pieces = pieces_of(part.runs)
    billing = calendar.billing
    energy_factor = _tax_factor(tariff, billing, "energy")
    adder_factor = _tax_factor(tariff, billing, "adder")
    if tariff.series is not None:
        price = _series_price(part, pieces, tariff.series)
        tier_counters: list[tuple[int, TierCounter]] = []
        neglected: list[str] = []
    else:
        price, tier_counters, neglected = _rate_terms(tariff, part, pieces, net_kwh)
    import_price = _with_tax(price, energy_factor, part)
    import_price = import_price + _with_tax(_adder_price(tariff.adders, part), adder_factor, part)
    non_bypassable = [adder for adder in tariff.adders if adder.non_bypassable]
    netted_price = import_price - _with_tax(_adder_price(non_bypassable, part), adder_factor, part)
    if is_net_metered(tariff):
        neglected.append(NET_METERING)
    return _EnergyTerms(
        import_price=import_price,
        export_price=_export_price(tariff, part, pieces, netted_price),
        tier_counters=[
            _with_factor(counter, float(energy_factor[billing_number]))
            for billing_number, counter in tier_counters
        ],
        neglected=neglected,
    )


def _rate_terms(
    tariff: Tariff, part: Partition, pieces: RunPieces, net_kwh: Float64
) -> tuple[Float64, list[tuple[int, TierCounter]], list[str]]:
    """Return the price of each interval in its first tier, the tier counters, and the neglected.

    Each counter comes with the number of its billing period.
    """
    counts = tier_counts(part, Ladders(tariff.rates, tariff.tier_rule, tariff.tier_reset))
    ladders = _Ladders.of(tariff, part, counts, net_kwh)
    tier_counters = []
    neglected = [TIERS_PER_KW] if ladders.has_per_kw else []
    period_price = np.repeat(ladders.prices[None, :, 0], len(counts.periods), axis=0)
    # What a tier adds to the first price becomes a step of a counter.
    for count, periods in _counted_together(tariff, part, counts):
        steps = {ladders.steps(count, period) for period in periods}
        if len(steps) > 1:
            # Which kWh fill which tier depends on their order: no linear term says that.
            neglected.append(TIERS_DIFFER)
            period_price[count, periods] = ladders.reached_prices(count, periods)
        elif any(steps):
            runs = (counts.of_run == count) & np.isin(part.import_period, periods)
            counted = runs[pieces.run]
            counter = TierCounter(pieces.interval[counted], pieces.share[counted], steps.pop())
            tier_counters.append((int(counts.billing[count]), counter))
    run_price = period_price[counts.of_run, part.import_period]
    return _by_interval(part, pieces, run_price[pieces.run]), tier_counters, neglected


def _counted_together(
    tariff: Tariff, part: Partition, counts: TierCounts
) -> Iterator[tuple[int, list[int]]]:
    """Yield each count with the energy periods whose kWh fill the same tiers."""
    for count in range(len(counts.periods)):
        periods = np.unique(part.import_period[counts.of_run == count]).tolist()
        if tariff.tier_rule == "per_period":
            for period in periods:
                yield count, [period]
        else:
            yield count, periods


def _with_factor(counter: TierCounter, factor: float) -> TierCounter:
    """Return a counter whose prices rise by a factor more."""
    steps = tuple((limit, factor * rise) for limit, rise in counter.steps)
    return replace(counter, steps=steps)


def _with_tax(price: Float64, factor: Float64, part: Partition) -> Float64:
    """Return the price of each interval with a tax factor by billing period."""
    if (factor == factor[0]).all():
        return float(factor[0]) * price
    pieces = pieces_of(part.runs)
    in_force = _by_interval(part, pieces, np.ones(len(pieces.run)))
    summed = _by_interval(part, pieces, factor[part.billing[pieces.run]])
    mean = np.divide(summed, in_force, out=np.ones_like(summed), where=in_force > 0.0)
    return mean * price


def _adder_price(adders: Iterable[Adder], part: Partition) -> Float64:
    """Return the sum of some adders in each interval."""
    adders = tuple(adders)
    pieces = pieces_of(part.runs)
    always = sum(adder.price_per_kwh for adder in adders)
    price = always * _by_interval(part, pieces, np.ones(len(pieces.run)))
    for adder in adders:
        if adder.rates:
            price = price + _price_by_hour(adder.rates, part)
    return price


def _price_by_hour(rates: tuple[Rate, ...], part: Partition) -> Float64:
    """Return the mean price of each interval from rates without tiers."""
    timed = partition(part.calendar, schedule_of(rates), None)
    period_price = np.array([period.price_per_kwh for period in rate_table(rates).periods])
    pieces = pieces_of(timed.runs)
    return _by_interval(timed, pieces, period_price[timed.import_period[pieces.run]])


class _Ladders(NamedTuple):
    """The tiers of each count (a billing period, a season of it or a day) and energy period.

    Attributes
    ----------
    limits : array of float, counts x periods x limits
        Upper limits of the tiers, kWh.
    prices : array of float, periods x tiers
    used_kwh : array of float, counts x periods
        Imports without a battery.
    has_per_kw : bool
        Whether some limits are in kWh per kW of the peak.
    """

    limits: Float64
    prices: Float64
    used_kwh: Float64
    has_per_kw: bool

    @classmethod
    def of(cls, tariff: Tariff, part: Partition, counts: TierCounts, net_kwh: Float64) -> _Ladders:
        periods = rate_table(tariff.rates).periods
        calendar = part.calendar
        import_kwh = np.maximum(net_kwh, 0.0)
        has_per_kw = any(tier.counts_kw for period in periods for tier in period.tiers)
        peak_kw = None
        if has_per_kw:
            imported = EnergySums(Block(("site",), calendar.grid, import_kwh[None], None))
            peak_kw = imported.peaks(meter_runs(calendar), gross=False)[:, counts.billing]
        pieces = pieces_of(part.runs)
        run_cell = counts.of_run * part.import_periods + part.import_period
        used_kwh = sum_by_place(
            run_cell[pieces.run],
            pieces.share * import_kwh[pieces.interval],
            len(counts.periods) * part.import_periods,
        )
        return cls(
            limits=tier_limits(periods, counts.periods, peak_kw)[0],
            prices=tier_prices(periods),
            used_kwh=used_kwh.reshape(len(counts.periods), part.import_periods),
            has_per_kw=has_per_kw,
        )

    def steps(self, count: int, period: int) -> Steps:
        # Rounded, so that 0.30 - 0.20 and 0.25 - 0.15 are the same rise.
        rises = np.round(np.diff(self.prices[period]), 12).tolist()
        limits = self.limits[count, period].tolist()
        pairs = zip(limits, rises, strict=False)
        return tuple((limit, rise) for limit, rise in pairs if limit < np.inf and rise)

    def reached_prices(self, count: int, periods: list[int]) -> list[float]:
        """Return the prices in the tier that the count reaches without a battery."""
        total_kwh = self.used_kwh[count].sum()
        reached = []
        for period in periods:
            tier = int((total_kwh > self.limits[count, period]).sum())
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

    def levels(self, billing: int) -> Int64:
        """Return the levels of a billing period: its own, or those of its measured days."""
        slots = np.unique(self.runs.slot)
        own: Int64 = slots[self.runs.billing[slots] == billing]
        return own + self.first_level


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
        factor = _tax_factor(tariff, calendar.billing, "demand")
        for charge in tariff.demand:
            if any(tier.per_month for tier in charge.tiers):
                self.neglected.append(DEMAND_STEPS)
            # The plan could raise a demand without end whose price is negative.
            if min(tier.price_per_kw * factor.min() for tier in charge.tiers) < 0.0:
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

    def _add_charge(self, charge: DemandCharge, calendar: RatingCalendar, factor: Float64) -> None:
        measured = self._measure(calendar, DemandHours.of(charge))
        any_month = measured
        if looks_back(charge):
            hours = DemandHours.of(charge, any_month=True)
            any_month = self._measure(calendar.of_all_energy, hours)
        times = price_times(charge, calendar)
        for billing in np.flatnonzero(measured.runs.is_measured).tolist():
            demands = [measured.levels(billing)]
            for earlier in earlier_periods(charge, calendar)[billing]:
                levels = any_month.levels(earlier)
                if len(levels):
                    demands.append(levels)
            # A mean over the billing periods, or the highest of its own and the ratcheted ones.
            factors = np.full(len(demands), 1.0 / len(demands))
            if charge.ratchet is not None:
                factors = np.full(len(demands), charge.ratchet.share)
                factors[0] = 1.0
            price_factor = float(factor[billing]) * float(times[billing])
            self.billed.append(
                BilledDemand(
                    price=price_factor * charge.tiers[0].price_per_kw,
                    steps=_demand_steps(charge, price_factor),
                    demands=tuple(demands),
                    factors=factors,
                    is_mean=charge.trailing_months > 1,
                    peaks=charge.peaks,
                    minimum_kw=charge.minimum_kw,
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


def _demand_steps(charge: DemandCharge, price_factor: float) -> Steps:
    steps = []
    for lower, upper in pairwise(charge.tiers):
        rise = upper.price_per_kw - lower.price_per_kw
        if lower.up_to_kw is not None and rise:
            steps.append((lower.up_to_kw, price_factor * rise))
    return tuple(steps)
