"""The cheapest plan for a window of time under a tariff, a day or more, as a linear program.

Each interval has a charge, a discharge, an import and the energy stored at its end; its export
follows from them. Binary columns are added only where a battery or a meter would otherwise do two
things at once at a profit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.scenarios.dispatch.cost_terms import BilledDemand, CostTerms, Steps, TierCounter
from flipkit.scenarios.dispatch.linear_program import LinearProgram
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.vocabulary import Float64, Int64

__all__ = ["WindowPlan", "WindowStart", "solve_window"]


class WindowStart(NamedTuple):
    """What is known when a window begins.

    Attributes
    ----------
    stored_kwh : float
        Above the reserve.
    imported_kwh : ndarray of float64, shape (intervals,)
        Import of each earlier interval; 0 from the window on.
    """

    stored_kwh: float
    imported_kwh: Float64


class WindowPlan(NamedTuple):
    """The solution of a window's program.

    Attributes
    ----------
    stored_kwh : ndarray of float64
        Above the reserve, at the end of each interval.
    marginal_value : ndarray of float64
        What one more kWh stored at the beginning of each interval would save; NaN if HiGHS does not
        say.
    objective, bound : float
        Cost less export income, and its proven lower bound. Includes the demand charges and tiers
        of all billing periods that the window touches, as they stand at its end.
    binaries : dict of str to int
        Number of binary columns by cause.
    """

    stored_kwh: Float64
    marginal_value: Float64
    objective: float
    bound: float
    binaries: dict[str, int]

    @property
    def gap(self) -> float:
        """Relative gap between the objective and its bound."""
        return (self.objective - self.bound) / max(abs(self.objective), 1e-9)


def solve_window(
    terms: CostTerms,
    net_kwh: Float64,
    limits: Limits,
    window: slice,
    start: WindowStart,
    seconds: float,
    gap: float,
) -> WindowPlan | None:
    """Return the cheapest plan for a window, to a relative `gap`; None if none is found in time.

    Raises
    ------
    ConfigurationError
        HiGHS is not installed.
    """
    program = _WindowProgram(terms, net_kwh, limits, window, start)
    storage_rows = program.add_storage_balance()
    program.add_export_bounds()
    binaries = {
        "intervals whose export price is above their import price": program.add_import_or_export(),
        "intervals with a negative price": program.add_charge_or_discharge(),
        "tier steps with a falling price": program.add_tiers() + program.add_demand(),
    }
    solution = program.lp.solve(seconds, gap)
    if solution is None:
        return None
    # Exports have no column: net consumption without the battery earns (or costs) the export price.
    constant = float(np.sum(program.export_price * program.net_kwh))
    return WindowPlan(
        stored_kwh=solution.values[program.stored],
        marginal_value=-solution.duals[storage_rows],
        objective=solution.objective + constant,
        bound=solution.bound + constant,
        binaries=binaries,
    )


class _WindowProgram:
    """The linear program of a window; arrays have one value per interval of the window."""

    def __init__(
        self,
        terms: CostTerms,
        net_kwh: Float64,
        limits: Limits,
        window: slice,
        start: WindowStart,
    ) -> None:
        self.terms = terms
        self.limits = limits
        self.window = window
        self.start = start
        self.net_kwh = net_kwh[window]
        self.export_price = terms.export_price[window]
        self.lowest_import_price = terms.lowest_import_price()[window]
        self.numbers = np.arange(len(self.net_kwh))

        self.max_charge = limits.max_charge(self.net_kwh)
        self.max_discharge = limits.max_discharge(self.net_kwh)
        self.max_import = np.maximum(self.net_kwh + self.max_charge, 0.0)
        self.max_export = np.maximum(self.max_discharge - self.net_kwh, 0.0)

        # export = import - net - charge + discharge, and earns the export price.
        self.lp = LinearProgram()
        import_price = terms.import_price[window]
        self.charge = self.lp.add_columns(self.max_charge, self.export_price)
        self.discharge = self.lp.add_columns(self.max_discharge, -self.export_price)
        self.imported = self.lp.add_columns(self.max_import, import_price - self.export_price)
        # Stored at the end: what the limits demand, or what there is after a window without a plan.
        least = np.zeros(len(self.net_kwh))
        least[-1] = min(limits.end_kwh, start.stored_kwh)
        usable = np.full(len(self.net_kwh), limits.usable_kwh)
        self.stored = self.lp.add_columns(usable, lower=least)

    def add_storage_balance(self) -> Int64:
        """Stored after = stored before + charge x efficiency - discharge / efficiency."""
        before_first = np.zeros(len(self.net_kwh))
        before_first[0] = self.start.stored_kwh
        return self.lp.add_rows(
            before_first,
            before_first,
            (self.numbers, self.stored, 1.0),
            (self.numbers[1:], self.stored[:-1], -1.0),
            (self.numbers, self.charge, -self.limits.charge_efficiency),
            (self.numbers, self.discharge, 1.0 / self.limits.discharge_efficiency),
        )

    def add_export_bounds(self) -> None:
        """Keep the export of each interval between 0 and its maximum."""
        self.lp.add_rows(
            self.net_kwh,
            self.net_kwh + self.max_export,
            (self.numbers, self.imported, 1.0),
            (self.numbers, self.charge, -1.0),
            (self.numbers, self.discharge, 1.0),
        )

    def add_import_or_export(self) -> int:
        """Add a binary column where both would pay at once: export price above import price."""
        pays = self.export_price > self.lowest_import_price
        both_possible = (self.max_import > 0) & (self.max_export > 0)
        at = np.flatnonzero(pays & both_possible)
        # The export has no column of its own: import - charge + discharge = net + export.
        net_and_export = [
            (self.imported[at], 1.0),
            (self.charge[at], -1.0),
            (self.discharge[at], 1.0),
        ]
        highest = self.net_kwh[at] + self.max_export[at]
        self._add_either_or(
            self.imported[at], self.max_import[at], net_and_export, highest, self.max_export[at]
        )
        return len(at)

    def add_charge_or_discharge(self) -> int:
        """Add a binary column where both would pay at once: a negative price pays for losses."""
        if self.limits.charge_efficiency * self.limits.discharge_efficiency >= 1.0:
            return 0
        import_pays = (self.lowest_import_price < 0) & (self.max_import > 0)
        export_pays = (self.export_price < 0) & (self.max_export > 0)
        both_possible = (self.max_charge > 0) & (self.max_discharge > 0)
        at = np.flatnonzero((import_pays | export_pays) & both_possible)
        discharge = [(self.discharge[at], 1.0)]
        highest = self.max_discharge[at]
        self._add_either_or(self.charge[at], self.max_charge[at], discharge, highest, highest)
        return len(at)

    def _add_either_or(
        self,
        one: Int64,
        max_one: Float64,
        other: list[tuple[Int64, float]],
        highest_other: Float64,
        range_of_other: Float64,
    ) -> None:
        """Add binary columns: 1 allows `one` up to its maximum, 0 allows `other`.

        `other` is a sum of columns with factors; 1 keeps it at `highest_other - range_of_other`.
        """
        numbers = np.arange(len(one))
        no_bound = np.full(len(one), -np.inf)
        is_one = self.lp.add_columns(np.ones(len(one)), integer=True)
        self.lp.add_rows(no_bound, 0.0, (numbers, one, 1.0), (numbers, is_one, -max_one))
        terms = [(numbers, column, factor) for column, factor in other]
        self.lp.add_rows(no_bound, highest_other, *terms, (numbers, is_one, range_of_other))

    def add_tiers(self) -> int:
        """Add the tiers of the billing periods that the window touches; return falling steps."""
        falling = 0
        for counter in self.terms.tier_counters:
            edges = (self.window.start, self.window.stop)
            first, last = np.searchsorted(counter.interval, edges)
            if first < last:
                falling += self._add_counter(counter, slice(int(first), int(last)))
        return falling

    def _add_counter(self, counter: TierCounter, inside: slice) -> int:
        at = counter.interval[inside] - self.window.start
        share = counter.share[inside]
        before = counter.imported(self.start.imported_kwh)
        fewest, most = self._import_bounds(at, share)
        lowest, highest = before + fewest, before + most
        # total = before + imports in the window
        total = self.lp.add_columns(highest, lower=lowest)
        self.lp.add_rows(
            before,
            before,
            (0, total, 1.0),
            (np.zeros(len(at)), self.imported[at], -share),
        )
        return self._add_steps(int(total[0]), lowest, highest, counter.steps)

    def _import_bounds(self, at: Int64, share: Float64) -> tuple[float, float]:
        """Return bounds on the counted imports; tight, for the binaries of falling steps.

        What is charged stays in storage, or is discharged between the first interval and the last;
        if the battery does not feed the grid, it then replaces imports. Imports are saved by the
        energy stored before and by surplus.
        """
        limits = self.limits
        span = slice(int(at[0]), int(at[-1]) + 1)
        deficit = np.maximum(self.net_kwh, 0.0)
        span_deficit = float(np.sum(deficit[span]))
        span_discharge = float(np.sum(self.max_discharge[span]))

        into_storage = limits.usable_kwh + span_discharge / limits.discharge_efficiency
        upper = [
            float(np.sum(share * self.max_import[at])),
            float(np.sum(share * deficit[at])) + into_storage / limits.charge_efficiency,
        ]
        if not limits.to_grid:
            into_storage = limits.usable_kwh + span_deficit / limits.discharge_efficiency
            upper.append(into_storage / limits.charge_efficiency)

        lower = [0.0]
        counted = np.bincount(at - at[0], share, span.stop - span.start)
        if np.array_equal(counted, np.ones(len(counted))):  # all imports of the span count
            surplus = float(np.sum(np.clip(-self.net_kwh[span], 0.0, limits.max_kwh)))
            from_storage = limits.usable_kwh + limits.charge_efficiency * surplus
            lower.append(span_deficit - limits.discharge_efficiency * from_storage)
        return max(lower), max(*lower, min(upper))

    def _add_steps(self, quantity: int, lowest: float, highest: float, steps: Steps) -> int:
        """Charge the rise of each step for what lies beyond its limit; return the falling steps."""
        falling = 0
        for limit, rise in steps:
            if limit >= highest:  # out of reach
                continue
            beyond = self.lp.add_columns(highest - limit, rise)
            if limit <= lowest:  # passed in any case
                self.lp.add_rows(limit, limit, (0, quantity, 1.0), (0, beyond, -1.0))
            elif rise >= 0.0:  # the solver keeps `beyond` as low as it may
                self.lp.add_rows(-limit, np.inf, (0, beyond, 1.0), (0, quantity, -1.0))
            else:
                # Without a binary column the solver would use the lower price below the limit too.
                passed = self.lp.add_columns(1.0, integer=True)
                self.lp.add_rows(
                    lowest,
                    np.inf,
                    (0, quantity, 1.0),
                    (0, beyond, -1.0),
                    (0, passed, lowest - limit),
                )
                self.lp.add_rows(-np.inf, 0.0, (0, beyond, 1.0), (0, passed, limit - highest))
                falling += 1
        return falling

    def add_demand(self) -> int:
        """Add the billing demands that the window touches; return the falling steps."""
        demand = self.terms.demand_intervals
        edges = (self.window.start, self.window.stop)
        inside = slice(*np.searchsorted(demand.interval, edges).tolist())
        touched = np.unique(demand.level[demand.run[inside]])
        billed_demands = [
            each for each in self.terms.billed_demands if np.isin(each.demands[0], touched).any()
        ]
        if not billed_demands:
            return 0
        used = np.unique(np.concatenate([np.concatenate(each.demands) for each in billed_demands]))

        # Bounds on the levels: peaks so far, and peaks if everything were imported that can be.
        max_imported = self.start.imported_kwh.copy()
        max_imported[self.window] = self.max_import
        power_before = demand.power(self.start.imported_kwh)
        peaks_before = demand.peaks(power_before)[used]
        max_peaks = demand.peaks(demand.power(max_imported))[used]
        highest = np.maximum(max_peaks, peaks_before)
        level_columns = self.lp.add_columns(highest, lower=peaks_before)
        self._add_levels(inside, used, level_columns, power_before)

        falling = 0
        known: dict[tuple[bytes, int, float], _Demand] = {}
        for billed in billed_demands:
            demands = []
            for levels in billed.demands:
                key = (levels.tobytes(), billed.peaks, billed.minimum_kw)
                if key not in known:
                    places = np.searchsorted(used, levels)
                    known[key] = self._add_period_demand(
                        billed, level_columns[places], highest[places]
                    )
                demands.append(known[key])
            falling += self._add_billed_demand(billed, demands)
        return falling

    def _add_levels(
        self, inside: slice, used: Int64, level_columns: Int64, power_before: Float64
    ) -> None:
        """Keep each level at or above its demand intervals in the window."""
        demand = self.terms.demand_intervals
        # Levels that no billed demand of the window uses have no column.
        is_used = np.isin(demand.level[demand.run[inside]], used)
        interval = demand.interval[inside][is_used]
        run = demand.run[inside][is_used]
        kw_per_kwh = demand.kw_per_kwh[inside][is_used]
        runs, row = np.unique(run, return_inverse=True)
        level = level_columns[np.searchsorted(used, demand.level[runs])]
        imported = self.imported[interval - self.window.start]
        self.lp.add_rows(
            power_before[runs],
            np.inf,
            (np.arange(len(runs)), level, 1.0),
            (row, imported, -kw_per_kwh),
        )

    def _add_period_demand(self, billed: BilledDemand, levels: Int64, highest: Float64) -> _Demand:
        """Return the demand of a billing period: its level, or the mean of its highest levels."""
        peaks = min(billed.peaks, len(levels))
        least = billed.minimum_kw
        if len(levels) == 1 and not least:
            return _Demand(int(levels[0]), float(highest[0]))
        most = max(least, float(np.sort(highest)[-peaks:].mean()))
        demand = self.lp.add_columns(most, lower=least)
        # The sum of the highest n levels is the least of n x threshold + what lies above it.
        threshold = self.lp.add_columns(float(highest.max()))
        above = self.lp.add_columns(highest)
        zeros = np.zeros(len(levels))
        numbers = np.arange(len(levels))
        self.lp.add_rows(
            zeros,
            np.inf,
            (numbers, above, 1.0),
            (numbers, np.repeat(threshold, len(levels)), 1.0),
            (numbers, levels, -1.0),
        )
        self.lp.add_rows(
            0.0,
            np.inf,
            (0, demand, float(peaks)),
            (0, threshold, -float(peaks)),
            (zeros.astype(np.int64), above, -1.0),
        )
        return _Demand(int(demand[0]), most)

    def _add_billed_demand(self, billed: BilledDemand, demands: list[_Demand]) -> int:
        """Keep a billing demand at or above each of its demands; return the falling steps."""
        columns = np.array([each.column for each in demands])
        highest = billed.factors * np.array([each.highest_kw for each in demands])
        most = float(highest.sum() if billed.is_mean else np.max(highest))
        demand = self.lp.add_columns(most, billed.price)
        count = len(demands)
        # One row for each demand, or a single one for their sum.
        rows = 1 if billed.is_mean else count
        numbers = np.zeros(count, dtype=np.int64) if billed.is_mean else np.arange(count)
        self.lp.add_rows(
            np.zeros(rows),
            np.inf,
            (np.arange(rows), np.repeat(demand, rows), 1.0),
            (numbers, columns, -billed.factors),
        )
        return self._add_steps(int(demand[0]), 0.0, most, billed.steps)


class _Demand(NamedTuple):
    """The demand of a billing period: its column, and the most that it can be."""

    column: int
    highest_kw: float
