"""Dispatch of one site's battery under a tariff: on its prices, or by a linear program of the bill.

``optimal`` is the lowest bill of the whole time, known in advance. ``day_ahead`` gives each local
day the plan with which the bill, as it stands at the end of the day, is lowest: peaks and kWh so
far are given, nothing beyond the day is known.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from flipkit.calendar import Grid, day_starts
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.block import Dispatch, dispatch
from flipkit.scenarios.dispatch.charge_terms import (
    BUY_ALL,
    bill_without_fixed,
    couples,
    tariff_terms,
)
from flipkit.scenarios.dispatch.cost_terms import CostTerms
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.scenarios.dispatch.window_program import WindowPlan, WindowStart, solve_window
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import without_export
from flipkit.vocabulary import HOUR_US, DispatchMethod, Float64, Int64

__all__ = ["dispatch_tariff"]

SECONDS = 60.0
"""Time that the solver may take for all windows of one site."""
GAP = 1e-6
"""Relative gap between a plan and the lower bound at which the solver may stop."""

APPROXIMATE = "approximate: "
"""How a note begins that does not claim the optimum."""
_SAME_COST = 1e-6  # relative difference between the solver's cost and the bill that is rounding
_NEGLIGIBLE = 1e-9  # share of a battery's power


def dispatch_tariff(
    net_kwh: Float64,
    grid: Grid,
    tariff: Tariff,
    battery: Battery,
    method: DispatchMethod,
    *,
    export_price: Float64 | None = None,
) -> Dispatch:
    """Dispatch the battery of one site at the lowest bill under a tariff.

    Parameters
    ----------
    net_kwh : array of float
        Consumption less generation of each interval.
    grid : Grid
    tariff : Tariff
        Covers the intervals. Its time zone gives the local days.
    battery : Battery
    method : {"day_ahead", "optimal"}
        The rules do not look at the bill: see `dispatch`.
    export_price : array of float, optional
        What an exported kWh earns in each interval, instead of the tariff's own export terms.

    Returns
    -------
    Dispatch
        `cost` is the bill without fixed charges and the taxes on them. If the tariff couples
        intervals (see `couples`), `method_used` is ``lp`` or ``milp``: optimal to a relative gap of
        a millionth; or ``approximate``: the note says what was neglected, or how far the plan may
        be from the optimum. `marginal_value` is known with ``lp`` only.

    Raises
    ------
    ConfigurationError
        The linear program is needed and HiGHS is not installed.
    """
    assert method in ("day_ahead", "optimal"), method
    if export_price is not None:
        tariff = without_export(tariff)
    site = _Site(
        net_kwh=net_kwh,
        grid=grid,
        tariff=tariff,
        battery=battery,
        export_price=export_price,
        terms=tariff_terms(tariff, grid, net_kwh, export_price),
        day_edges=day_starts(tariff.timezone, grid),
    )
    if not couples(tariff):
        plan = site.dispatch_on_prices(method)
        if BUY_ALL in site.terms.neglected:
            plan = replace(plan, note=f"{plan.note}; {BUY_ALL}")
        return plan
    plan = site.dispatch_on_terms(method)
    return site.compare_with_bill(plan, method)


@dataclass(frozen=True, slots=True, eq=False)
class _Site:
    """One site, its tariff and its battery."""

    net_kwh: Float64
    grid: Grid
    tariff: Tariff
    battery: Battery
    export_price: Float64 | None
    terms: CostTerms
    day_edges: Int64

    @property
    def step_h(self) -> float:
        return self.grid.step_us / HOUR_US

    def dispatch_on_prices(self, method: DispatchMethod) -> Dispatch:
        """Dispatch on the prices of the intervals alone."""
        return dispatch(
            self.net_kwh,
            self.terms.import_price,
            self.terms.export_price,
            self.step_h,
            self.battery,
            method,
            day_edges=self.day_edges,
        )

    def dispatch_on_terms(self, method: DispatchMethod) -> Dispatch:
        """Dispatch by a linear program per day, or for the whole time; `cost` is the solver's."""
        if self.terms.is_plain:
            return self.dispatch_on_prices(method)
        if method == "day_ahead":
            return self._plan_windows(self.day_edges, "each day")
        return self._plan_windows(np.array([0, len(self.net_kwh)]), "the whole time")

    def _plan_windows(self, edges: Int64, each_window: str) -> Dispatch:
        """Plan each window between neighbouring edges, with the state of charge carried over.

        Windows for which no plan is found in time are self-consumption. `cost` is the objective of
        the last window.
        """
        limits = Limits.of(self.battery, self.step_h)
        # One deadline for all windows: what the first days leave is for the later ones.
        deadline = time.monotonic() + SECONDS
        flow, stored, imported = np.zeros((3, len(self.net_kwh)))
        marginal = np.full(len(self.net_kwh), np.nan)
        stored_kwh = limits.initial_kwh
        plans: list[WindowPlan] = []
        for first, end in pairwise(edges.tolist()):
            window = slice(first, end)
            net_kwh = self.net_kwh[window]
            start = WindowStart(stored_kwh, imported)
            plan = self._plan_window(window, start, limits, deadline)
            flow[window], stored[window] = _follow(plan, net_kwh, limits, stored_kwh)
            stored_kwh = float(stored[end - 1])
            imported[window] = np.maximum(net_kwh + flow[window], 0.0)
            if plan is not None:
                plans.append(plan)
                marginal[window] = plan.marginal_value
        # A window without a plan leaves NaN: then no marginal value is claimed for any.
        has_binaries = any(count for plan in plans for count in plan.binaries.values())
        return Dispatch(
            flow_kwh=flow,
            soc_kwh=limits.reserve_kwh + stored,
            marginal_value=marginal if np.isfinite(marginal).all() else None,
            cost=plans[-1].objective if plans else 0.0,
            method_used="milp" if has_binaries else "lp",
            note=_program_note(plans, each_window, is_complete=len(plans) == len(edges) - 1),
        )

    def _plan_window(
        self, window: slice, start: WindowStart, limits: Limits, deadline: float
    ) -> WindowPlan | None:
        """Return the cheapest plan of a window; None if none is found in time."""
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            return None
        return solve_window(self.terms, self.net_kwh, limits, window, start, seconds, GAP)

    def compare_with_bill(self, plan: Dispatch, method: DispatchMethod) -> Dispatch:
        """Set the cost of a plan to its bill, and say in the note how exact that shows it to be."""
        bill = self.bill(plan)
        out_of_time = plan.note.startswith(APPROXIMATE)
        # With day_ahead, the cost of a plan is that of the last day's program, and not comparable.
        excess = bill - plan.cost if method == "optimal" and not out_of_time else 0.0
        bill_is_higher = excess > _SAME_COST * (1.0 + abs(bill))
        reasons = list(self.terms.neglected)
        if bill_is_higher or method == "day_ahead":
            reasons += [f"{charge}, which the plan ignores" for charge in self.terms.may_add]
        if bill_is_higher and not reasons:
            reasons = [f"the bill is {excess:.2g} above the cost of the linear program"]
        if not reasons and not out_of_time:
            unchanged = [f"; {charge} adds nothing to it" for charge in self.terms.may_add]
            return replace(plan, cost=bill, note=plan.note + "".join(unchanged))

        if out_of_time:
            reasons.insert(0, plan.note.removeprefix(APPROXIMATE))
        plan = replace(
            plan,
            cost=bill,
            marginal_value=None,
            method_used="approximate",
            note=APPROXIMATE + "; ".join(reasons),
        )
        if method == "optimal":
            return self._plan_or_rule(plan)
        return plan

    def _plan_or_rule(self, plan: Dispatch) -> Dispatch:
        """Return self-consumption instead of an approximate plan, where it has the lower bill."""
        rule = self.dispatch_on_prices("rule")
        rule_bill = self.bill(rule)
        if rule_bill >= plan.cost:
            return plan
        note = f"{plan.note}; self-consumption has a lower bill than that, and is used"
        return replace(rule, cost=rule_bill, method_used="approximate", note=note)

    def bill(self, plan: Dispatch) -> float:
        """Return the bill of a plan, without fixed charges."""
        net_kwh = self.net_kwh + plan.flow_kwh
        import_kwh = np.maximum(net_kwh, 0.0)
        export_kwh = np.maximum(-net_kwh, 0.0)
        return bill_without_fixed(self.tariff, self.grid, import_kwh, export_kwh, self.export_price)


def _follow(
    plan: WindowPlan | None, net_kwh: Float64, limits: Limits, stored: float
) -> tuple[list[float], list[float]]:
    """Return flow and energy stored of each interval, as far as the battery can follow a plan.

    HiGHS respects limits to about 1e-7; a battery respects them exactly. Without a plan it is
    self-consumption.
    """
    negligible = _NEGLIGIBLE * limits.max_kwh
    max_charge = limits.max_charge(net_kwh).tolist()
    max_discharge = limits.max_discharge(net_kwh).tolist()
    targets = None if plan is None else plan.stored_kwh.tolist()
    flows, levels = [], []
    for t, net in enumerate(net_kwh.tolist()):
        change = limits.stored_by(-net) if targets is None else targets[t] - stored
        change = min(max(change, -stored), limits.usable_kwh - stored)
        kwh = min(max(limits.flow_for(change), -max_discharge[t]), max_charge[t])
        if abs(kwh + net) <= negligible and -max_discharge[t] <= -net <= max_charge[t]:
            kwh = -net  # nothing is imported or exported
        elif abs(kwh) <= negligible:
            kwh = 0.0
        stored = min(max(stored + limits.stored_by(kwh), 0.0), limits.usable_kwh)
        flows.append(kwh)
        levels.append(stored)
    return flows, levels


def _program_note(plans: list[WindowPlan], each_window: str, *, is_complete: bool) -> str:
    """Say which program was solved, why it has binary columns, and how exact it is."""
    binaries: Counter[str] = Counter()
    for plan in plans:
        binaries.update(plan.binaries)
    kind = "MILP" if binaries.total() else "linear program (LP)"
    how = f"{kind} in HiGHS over {each_window}"
    causes = [f"{cause}: {count:,}" for cause, count in binaries.items() if count]
    if causes:
        how += f" ({', '.join(causes)})"
    if not is_complete:
        return f"{APPROXIMATE}{how} found no plan in time for a part, which is self-consumption"
    gap = max((plan.gap for plan in plans), default=0.0)
    if gap > 1.5 * GAP:
        return (
            f"{APPROXIMATE}{how}: the best plan found in time, at most {gap:.2%} above the optimum"
        )
    return f"exact: {how}"
