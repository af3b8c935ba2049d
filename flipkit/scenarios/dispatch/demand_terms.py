"""Demand charges as terms of a programme: levels that no demand interval may pass, and what they cost."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.scenarios.dispatch.energy_terms import taxed
from flipkit.scenarios.dispatch.terms import Billed, Meter, Steps, pieces_of
from flipkit.tariffs import DemandCharge, Ratchet, Tariff
from flipkit.tariffs.rating import DemandHours, DemandRuns, RatingCalendar, demand_runs

__all__ = ["Demand"]

BELOW_ZERO = "a demand charge with a price below 0, which the plan does not see"


class _Measured(NamedTuple):
    """Demand intervals among those of all charges."""

    runs: DemandRuns
    first_run: int
    first_level: int


class Demand:
    """The demand charges of one tariff after another."""

    def __init__(self) -> None:
        self._measured: dict[tuple[RatingCalendar, DemandHours], _Measured] = {}
        self._runs = self._levels = 0
        self.billed: list[Billed] = []
        self.neglected: list[str] = []

    def add(self, tariff: Tariff, place: RatingCalendar) -> None:
        """The charges of a tariff without parts, over the time of `place`."""
        factor = taxed(tariff)["demand"]
        for charge in tariff.demand:
            if min(tier.price_per_kw * factor for tier in charge.tiers) < 0.0:
                self.neglected.append(BELOW_ZERO)
            else:
                self._add(charge, place, factor)

    def meter(self) -> Meter:
        """All demand intervals."""
        found = [(pieces_of(each.runs.runs), each) for each in self._measured.values()]
        empty = np.zeros(0, dtype=np.int64)
        interval = np.concatenate([empty, *(pieces.interval for pieces, _ in found)])
        run = np.concatenate([empty, *(pieces.run + each.first_run for pieces, each in found)])
        hours = [each.runs.runs.hours for each in self._measured.values()]
        shares = [
            pieces.share / own[pieces.run] for (pieces, _), own in zip(found, hours, strict=True)
        ]
        per_hour = np.concatenate([np.zeros(0), *shares])
        level = np.concatenate(
            [empty, *(each.runs.slot + each.first_level for each in self._measured.values())]
        )
        order = np.argsort(interval, kind="stable")
        return Meter(interval[order], run[order], per_hour[order], level, self._levels)

    def _add(self, charge: DemandCharge, place: RatingCalendar, factor: float) -> None:
        own, billing = self._measure(place, DemandHours.of(charge)), place.billing
        back = (
            None
            if charge.ratchet is None
            else self._measure(place, DemandHours.of(charge, any_month=True))
        )
        for number in np.unique(own.runs.slot).tolist():
            levels, factors = [own.first_level + number], [1.0]
            if charge.ratchet is not None and back is not None:
                earlier = _looked_at(charge.ratchet, billing.months, number)
                levels += [back.first_level + each for each in earlier]
                factors += [charge.ratchet.share] * len(earlier)
            price = factor * float(billing.share[number])
            steps = tuple((at, price * rise) for at, rise in _steps(charge))
            first = price * charge.tiers[0].price_per_kw
            self.billed.append(Billed(first, steps, np.array(levels), np.array(factors)))

    def _measure(self, place: RatingCalendar, hours: DemandHours) -> _Measured:
        key = (place, hours)
        if key not in self._measured:
            runs = demand_runs(place, hours)
            self._measured[key] = _Measured(runs, self._runs, self._levels)
            self._runs, self._levels = self._runs + len(runs.slot), self._levels + runs.slots
        return self._measured[key]


def _looked_at(ratchet: Ratchet, months: np.ndarray, number: int) -> list[int]:
    """The billing periods before `number` that a ratchet looks back at."""
    before = range(max(0, number - ratchet.months), number)
    return [
        each
        for each in before
        if ratchet.of_months is None or int(months[each]) in ratchet.of_months
    ]


def _steps(charge: DemandCharge) -> Steps:
    rises = [(a.up_to_kw, b.price_per_kw - a.price_per_kw) for a, b in pairwise(charge.tiers)]
    return tuple((at, rise) for at, rise in rises if at is not None and rise)
