"""Dispatch of one site's battery under a tariff: on prices where those say all, else by a programme of the bill.

The method's own meaning is kept. ``optimal`` is the least bill of the whole time, known in advance. ``day_ahead`` makes
each local day the plan with which the bill, as it stands at the day's end, is least: peaks and kWh so far are given,
nothing beyond the day is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from flipkit.calendar import Grid, local_midnights
from flipkit.errors import InputError
from flipkit.scenarios.changes import Battery
from flipkit.scenarios.dispatch.planned import GAP, Plan, planned
from flipkit.scenarios.dispatch.problem import problem_of
from flipkit.scenarios.dispatch.single import Dispatch, dispatch
from flipkit.scenarios.dispatch.tariff_terms import (
    BUY_ALL,
    check_grid,
    couples,
    owed,
    tariff_terms,
    without_export,
)
from flipkit.scenarios.dispatch.terms import Terms
from flipkit.tariffs import Tariff
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["couples", "dispatch_tariff"]

APPROXIMATE = "approximate: "
"""How a note begins that does not claim the optimum."""
CLOSE = 1e-6
"""Relative difference between what a programme claims and what the bill says that is rounding."""


def dispatch_tariff(
    net_kwh: Any,
    start_us: int,
    step_us: int,
    tariff: Tariff,
    battery: Battery,
    method: str,
    *,
    export_price: Any = None,
    timezone: str | None = None,
    night: Any = None,
) -> Dispatch:
    """What a battery does in each interval, by what the bill of a tariff comes to.

    Parameters
    ----------
    net_kwh : array of float
        Consumption less generation of each interval.
    start_us, step_us : int
        Where the first interval begins, microseconds since 1970-01-01 UTC, and how long each is.
    tariff : Tariff
        What imports cost, with tiers, demand charges, adders and taxes, and what exports earn under its own terms.
    battery : Battery
    method : {"rule", "rule_tou", "day_ahead", "optimal"}
        As in `dispatch`. The window of ``rule_tou`` is found by the prices of the first tier. ``day_ahead`` makes each
        day the plan with which the bill as it stands at the end of the day is least.
    export_price : array of float, optional
        Mean price of each interval that exports earn, instead of the tariff's own terms.
    timezone : str, optional
        Whose days ``day_ahead`` and ``rule_tou`` plan by; the tariff's without.
    night : array of bool, optional
        As in `dispatch`.

    Returns
    -------
    Dispatch
        `cost` is the bill without fixed charges and the taxes on them. Where the tariff couples intervals (`couples`),
        `method_used` of ``day_ahead`` and ``optimal`` is ``lp`` or ``milp``: exact by the programme of that kind in
        HiGHS, to a relative gap of a millionth; or ``approximate``: the note says what was neglected, or by how much
        the best that was found in a minute may miss the optimum. `marginal_value` is known with ``lp`` only.

    Raises
    ------
    InputError
        As `dispatch`; a tariff that does not cover the intervals, or a step that is none.
    ConfigurationError
        A programme is needed and HiGHS is not installed.
    """
    if np.ndim(net_kwh) != 1:
        raise InputError(
            f"net_kwh: expected one row of intervals, got {np.ndim(net_kwh)} dimensions"
        )
    grid = check_grid(start_us, step_us, len(net_kwh))
    net = np.ascontiguousarray(net_kwh, dtype=np.float64)
    if export_price is not None:
        tariff, export_price = without_export(tariff), np.asarray(export_price, dtype=np.float64)
    edges = _day_edges(timezone or tariff.timezone, grid)
    site = _Site(net, grid, tariff, battery, export_price, edges, night)
    terms = tariff_terms(tariff, grid, np.nan_to_num(net), export_price)
    if not couples(tariff):
        return _said(site.by_prices(terms, method), terms)
    if method not in ("day_ahead", "optimal"):
        return site.by_rule(terms, method)
    best = site.by_prices(terms, method) if terms.is_plain else site.by_programme(terms, method)
    return site.judged(best, terms, method)


class _Site:
    """One site with all that its dispatch is reckoned from."""

    def __init__(
        self,
        net: Float64,
        grid: Grid,
        tariff: Tariff,
        battery: Battery,
        export_price: Float64 | None,
        edges: Int64,
        night: Any,
    ) -> None:
        self.net, self.grid, self.tariff, self.battery = net, grid, tariff, battery
        self.export_price, self.edges, self.night = export_price, edges, night
        self.step_h = grid.step_us / HOUR_US

    def by_prices(self, terms: Terms, method: str) -> Dispatch:
        """On prices alone."""
        buy = terms.buy if method in ("day_ahead", "optimal") else terms.first
        given = self.net, buy, terms.sell, self.step_h, self.battery, method
        return dispatch(*given, day_edges=self.edges, night=self.night)

    def by_rule(self, terms: Terms, method: str) -> Dispatch:
        """A rule under a tariff that couples intervals: it does not see that, but its bill does."""
        found = self.by_prices(terms, method)
        tiers = (
            "; tiers: by the prices of the first" if method == "rule_tou" and terms.counts else ""
        )
        return replace(found, cost=self.owed(found), note=found.note + tiers)

    def by_programme(self, terms: Terms, method: str) -> Dispatch:
        """By the programme; cost is what it claims."""
        edges = self.edges if method == "day_ahead" else np.array([0, len(self.net)])
        given = self.net, terms.buy, terms.sell, self.step_h, self.battery, method
        limits = problem_of(*given, self.edges, self.night).limits
        plan = planned(terms, self.net, limits, edges)
        charge = np.maximum(plan.flow, 0.0)
        used = "milp" if plan.is_whole else "lp"
        marginal = plan.marginal if np.isfinite(plan.marginal).all() else None
        stored = limits.floor + plan.stored
        return Dispatch(
            charge, charge - plan.flow, stored, marginal, plan.claimed, used, _words(plan, method)
        )

    def judged(self, found: Dispatch, terms: Terms, method: str) -> Dispatch:
        """What the bill says of a plan, and how exact that makes it."""
        bill, late = self.owed(found), found.note.startswith(APPROXIMATE)
        above = bill - found.cost if method == "optimal" and not late else 0.0
        missed = above > CLOSE * (1.0 + abs(bill))
        reasons = [*terms.neglected]
        if missed or method == "day_ahead":
            reasons += [f"{each}, which the plan does not see" for each in terms.open]
        if missed and not reasons:
            reasons = [f"the bill is {above:.2g} above what the programme claims"]
        if not reasons and not late:
            kept = "".join(f"; {each} adds nothing to it" for each in terms.open)
            return replace(found, cost=bill, note=found.note + kept)
        words = APPROXIMATE + "; ".join([*[found.note.removeprefix(APPROXIMATE)] * late, *reasons])
        found = replace(
            found, cost=bill, marginal_value=None, method_used="approximate", note=words
        )
        return self._not_above_rule(found, terms) if method == "optimal" else found

    def _not_above_rule(self, found: Dispatch, terms: Terms) -> Dispatch:
        rule = self.by_rule(terms, "rule")
        if rule.cost >= found.cost:
            return found
        words = f"{found.note}; self-consumption was cheaper than that, and is used"
        return replace(rule, method_used="approximate", note=words)

    def owed(self, found: Dispatch) -> float:
        """The bill of what a battery does, without fixed charges."""
        after = self.net + (found.charge_kwh - found.discharge_kwh)
        imported, exported = np.maximum(after, 0.0), np.maximum(-after, 0.0)
        return owed(self.tariff, self.grid, imported, exported, self.export_price)


def _said(found: Dispatch, terms: Terms) -> Dispatch:
    if BUY_ALL not in terms.neglected:
        return found
    return replace(found, note=f"{found.note}; {BUY_ALL}")


def _words(plan: Plan, method: str) -> str:
    kind = "mixed-integer programme" if plan.is_whole else "linear programme"
    how = f"{kind} in HiGHS over {'each day' if method == 'day_ahead' else 'the whole time'}"
    counted = [
        what.format(count) for count, what in zip(plan.choices, _CHOICES, strict=True) if count
    ]
    causes = f" ({', '.join(counted)})" if counted else ""
    if not plan.is_complete:
        return f"{APPROXIMATE}{how}{causes} found no plan in time for a part, which is self-consumption"
    if plan.gap > 1.5 * GAP:
        return f"{APPROXIMATE}{how}{causes}: the best found in time, at most {plan.gap:.2%} above the optimum"
    return f"exact: {how}{causes}"


_CHOICES = (
    "intervals whose export price is above their import price: {:,}",
    "with a price below 0: {:,}",
    "steps of ladders that fall: {:,}",
)


def _day_edges(zone: str, grid: Grid) -> Int64:
    """Index of the first interval that begins on each local day, and the number of intervals."""
    starts = grid.start_us + grid.step_us * np.arange(grid.intervals)
    midnights = local_midnights(zone, grid.start_us, grid.end_us)
    return np.unique([0, *np.searchsorted(starts, midnights), grid.intervals])
