"""Which intervals of a simulation are asked of the service: spread over all that may be priced differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from flipkit.errors import RequestError
from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.asked_energy import Pair, columns_of, directions_of
from flipkit.scenarios.service.asking import whole_wh
from flipkit.scenarios.service.strata import NO_PRICE, Stratum, strata
from flipkit.scenarios.service.tiers import ServiceTiers, tier_steps
from flipkit.tariffs.rating import Used
from flipkit.vocabulary import Int64

__all__ = ["Draw", "Drawn", "drawn"]


class Draw(NamedTuple):
    """One interval to ask about.

    Attributes
    ----------
    pair : tuple of str
    location_id : str
    currency : str or None
    start_us, end_us : int
    energy_wh : int
        Whole Wh, as the service counts.
    stratum : Stratum
    local_cost : float
        Of the whole Wh.
    """

    pair: Pair
    location_id: str
    currency: str | None
    start_us: int
    end_us: int
    energy_wh: int
    stratum: Stratum
    local_cost: float


@dataclass(slots=True)
class Drawn:
    """What was drawn, and from what.

    Attributes
    ----------
    draws : list of Draw
    seen : list of tuple of str
        Site-scenarios that were looked at.
    intervals : int
        Of those, intervals with energy that could be compared.
    own, partly_own : list of tuple of str
        Site-scenarios with tariffs of their own in every direction with energy, and in some.
    whole_bill : int
        Intervals whose cost only the whole bill tells (net metering, tiers that are not filled in the order of time).
    other_tier : Counter of tuple
        Intervals left out by (site, scenario, tier): the service is on another tier, or would price them on two.
    tiers_left : list of tuple
        Those tiers of which not one interval could be compared.
    unread : dict of tuple of str to str
        Site-scenarios with tiers whose stored records the service did not tell, and why.
    """

    draws: list[Draw] = field(default_factory=list)
    seen: list[Pair] = field(default_factory=list)
    intervals: int = 0
    own: list[Pair] = field(default_factory=list)
    partly_own: list[Pair] = field(default_factory=list)
    whole_bill: int = 0
    other_tier: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    tiers_left: list[tuple[str, str, int]] = field(default_factory=list)
    unread: dict[Pair, str] = field(default_factory=dict)


def drawn(
    client: Any,
    pairs: Sequence[Pair],
    outcome_of: Callable[[str, str], IntervalResult],
    count: int,
    seed: int,
) -> Drawn:
    """Choose site-scenarios, then intervals of each; the same for the same arguments.

    Site-scenarios: scenario by scenario in turn, each with another site. Intervals: always one of the stratum that was
    drawn least so far, at random within it.

    Parameters
    ----------
    client : Flatpeak
        Asked only for the stored records of locations whose tariff has tiers.
    pairs : sequence of tuple of str
    outcome_of : callable
        ``outcome_of(site_id, scenario)``; one outcome is held at a time.
    count : int
        Fewer are drawn where there are no more.
    seed : int
    """
    desk = _Desk(ServiceTiers(client), seed)
    draws, waiting, turn = desk.found.draws, _spread(pairs, seed), 0
    while waiting and len(draws) < count:
        left = []
        for number, pair in enumerate(waiting):
            quota = -(-(count - len(draws)) // (len(waiting) - number))
            if quota and desk.visit(pair, outcome_of(*pair), quota, turn):
                left.append(pair)
        waiting, turn = left, turn + 1
    return desk.found


def _spread(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """All pairs, scenarios in turn, each with another site as long as there is one."""
    sites, scenarios = (list(dict.fromkeys(pair[part] for pair in pairs)) for part in (0, 1))
    Random(seed).shuffle(sites)
    # Scenario k of n begins k / n of the way through the sites.
    first = [number * len(sites) // len(scenarios) for number in range(len(scenarios))]
    places = (
        (step + first[number], number)
        for step in range(len(sites))
        for number in range(len(scenarios))
    )
    wanted = set(pairs)
    ordered = ((sites[place % len(sites)], scenarios[number]) for place, number in places)
    return [pair for pair in ordered if pair in wanted]


class _Desk:
    """Draws from one outcome after another, and remembers what was drawn."""

    def __init__(self, tiers: ServiceTiers, seed: int) -> None:
        self.found = Drawn()
        self._tiers, self._seed = tiers, seed
        self._used: Counter[Any] = Counter()
        self._taken: dict[Pair, set[tuple[str, int]]] = {}

    def visit(self, pair: Pair, outcome: IntervalResult, quota: int, turn: int) -> bool:
        """Draw up to `quota` intervals of one outcome; whether it has more."""
        pools = dict(self._pools(pair, outcome))
        if pair not in self._taken:
            self.found.seen.append(pair)
            self.found.intervals += sum(map(len, pools.values()))
        taken = self._taken.setdefault(pair, set())
        rng = np.random.default_rng([self._seed, crc32("\0".join(pair).encode()), turn])
        waiting: dict[Stratum, list[int]] = {}
        for stratum, rows in sorted(pools.items(), key=lambda item: item[0].order):
            fresh = [row for row in rows.tolist() if (stratum.tariff_direction, row) not in taken]
            if fresh:
                chosen = rng.choice(len(fresh), min(quota + 1, len(fresh)), replace=False)
                waiting[stratum] = [fresh[at] for at in chosen.tolist()]
        for _ in range(quota):
            if not waiting:
                return False
            stratum = min(waiting, key=self._how_often)
            row = waiting[stratum].pop()
            taken.add((stratum.tariff_direction, row))
            self._used.update([stratum, *enumerate(stratum)])
            self.found.draws.append(_draw(pair, outcome, stratum, row))
            if not waiting[stratum]:
                del waiting[stratum]
        return bool(waiting)

    def _how_often(self, stratum: Stratum) -> tuple[Any, ...]:
        return (
            self._used[stratum],
            sum(self._used[part] for part in enumerate(stratum)),
            stratum.order,
        )

    def _pools(self, pair: Pair, outcome: IntervalResult) -> Iterator[tuple[Stratum, Int64]]:
        asked, own = directions_of(outcome)
        if own and pair not in self._taken:
            (self.found.partly_own if asked else self.found.own).append(pair)
        for direction in asked:
            kwh, cost = columns_of(outcome, direction)
            has_energy, has_cost = whole_wh(kwh) > 0, np.isfinite(cost)
            rows = np.flatnonzero(has_energy & has_cost)
            if pair not in self._taken:
                self.found.whole_bill += int((has_energy & ~has_cost).sum())
            if (
                direction not in outcome.is_today
            ):  # one answer tells whether the service has a price all the same
                yield Stratum(direction, NO_PRICE, False, None), rows[:1]
                continue
            tier = outcome.import_tier if direction == "IMPORT" else None
            if tier is not None:
                rows = self._on_one_tier(pair, outcome, tier, rows)
            yield from strata(direction, rows, kwh, cost, tier)

    def _on_one_tier(self, pair: Pair, outcome: IntervalResult, tier: Int64, rows: Int64) -> Int64:
        """The rows that scenario and service price on the same tier."""
        assert outcome.location_id is not None
        if not len(rows):
            return rows
        start, end, kwh = outcome.start_us[rows], outcome.end_us[rows], outcome.import_kwh[rows]
        try:
            met = self._tiers.met(outcome.location_id, outcome.import_tariff, start, end, kwh)
        except RequestError as error:
            self.found.unread[pair] = f"{type(error).__name__}: {error}"
            return rows[:0]
        used = Used.of(outcome.start_us, outcome.end_us, outcome.import_kwh)
        window = int(outcome.start_us[0]), int(outcome.end_us[-1])
        own, after = tier[rows], tier_steps(outcome.import_tariff, start, used, kwh, window=window)
        same = (met == own) & (after == own)
        if pair not in self._taken:
            self._note_tiers(pair, own, same)
        found: Int64 = rows[same]
        return found

    def _note_tiers(self, pair: Pair, own: Int64, same: Any) -> None:
        for step in np.unique(own).tolist():
            here = own == step
            if out := int((here & ~same).sum()):
                self.found.other_tier[(*pair, step)] = out
            if not (here & same).any():
                self.found.tiers_left.append((*pair, step))


def _draw(pair: Pair, outcome: IntervalResult, stratum: Stratum, row: int) -> Draw:
    assert outcome.location_id is not None
    kwh, cost = (column[row : row + 1] for column in columns_of(outcome, stratum.tariff_direction))
    energy_wh = int(whole_wh(kwh)[0])
    span = int(outcome.start_us[row]), int(outcome.end_us[row])
    local = float(cost[0]) / float(kwh[0]) * energy_wh / 1000.0
    return Draw(pair, outcome.location_id, outcome.currency, *span, energy_wh, stratum, local)
