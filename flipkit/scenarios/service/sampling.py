"""Which intervals of a simulation the service checks: a sample of all that may be priced wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from flipkit.errors import RequestError
from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.pricing import (
    Pair,
    PriceRequest,
    directions_of,
    energy_and_cost,
    whole_wh,
)
from flipkit.scenarios.service.service_tiers import ServiceTiers, tier_steps
from flipkit.tariffs.rating import Used
from flipkit.vocabulary import Float64, Int64

__all__ = ["NO_PRICE", "Sample", "SampledInterval", "Stratum", "draw_sample", "strata"]

NO_PRICE = "no price"

# The order decides ties when intervals are drawn: with another one, a seed draws others.
_PRICE_LEVELS = ("cheapest", "most expensive", "middle", "negative", NO_PRICE, "the only price")
_CHEAPEST, _MOST_EXPENSIVE, _MIDDLE, _NEGATIVE, _, _ONLY_PRICE = range(6)
_THIRDS = np.array([_CHEAPEST, _MIDDLE, _MOST_EXPENSIVE])

_COMMON_CHANGES = 0.25  # a series that changes more often has changes everywhere
_PRICE_DIGITS = 9  # closer prices are equal: the rest is noise of the division


class Stratum(NamedTuple):
    """What the intervals of one kind have in common; each kind may be priced wrong on its own.

    Attributes
    ----------
    tariff_direction : str
    price_level : str
        ``negative``, ``cheapest``, ``middle`` or ``most expensive`` (a third each of the distinct
        prices), ``the only price``, or ``no price``.
    beside_change : bool
        The interval before or after has another price, if that is rare in the series: a wrong clock
        shows there. Also true beside a tier limit.
    tier : int or None
    beside_limit : bool
        The interval before or after is on another tier: a wrong limit shows there and hardly
        elsewhere.
    """

    tariff_direction: str
    price_level: str
    beside_change: bool
    tier: int | None
    beside_limit: bool = False

    @property
    def order(self) -> tuple[str, int, bool, int, bool]:
        """Sort key."""
        return (
            self.tariff_direction,
            _PRICE_LEVELS.index(self.price_level),
            self.beside_change,
            -1 if self.tier is None else self.tier,
            self.beside_limit,
        )


class SampledInterval(NamedTuple):
    """An interval to check.

    Attributes
    ----------
    pair : tuple of str
    stratum : Stratum
    request : PriceRequest
        Its number is the position in the sample.
    local_cost : float
        Of the whole Wh of the request.
    currency : str or None
    """

    pair: Pair
    stratum: Stratum
    request: PriceRequest
    local_cost: float
    currency: str | None


@dataclass(slots=True)
class Sample:
    """The sampled intervals, and what they were sampled from.

    A pair is a site and a scenario.

    Attributes
    ----------
    sampled : list of SampledInterval
    seen : list of tuple of str
        Pairs that were looked at.
    comparable : int
        Their intervals with energy that could be compared.
    own_tariffs, partly_own_tariffs : list of tuple of str
        Pairs with tariffs of their own in all directions with energy, and in some.
    whole_bill : int
        Intervals whose cost only the whole bill determines (net metering, tiers that are not filled
        in the order of time).
    other_tier : Counter of tuple
        Intervals left out, by (site, scenario, tier): the service is on another tier, or would
        price them on two.
    tiers_left : list of tuple
        Those tiers without any comparable interval.
    unread : dict of tuple of str to str
        Pairs with tiers whose stored records could not be read, and why.
    """

    sampled: list[SampledInterval] = field(default_factory=list)
    seen: list[Pair] = field(default_factory=list)
    comparable: int = 0
    own_tariffs: list[Pair] = field(default_factory=list)
    partly_own_tariffs: list[Pair] = field(default_factory=list)
    whole_bill: int = 0
    other_tier: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    tiers_left: list[tuple[str, str, int]] = field(default_factory=list)
    unread: dict[Pair, str] = field(default_factory=dict)


def draw_sample(
    client: Any,
    pairs: Sequence[Pair],
    result_of: Callable[[str, str], IntervalResult],
    count: int,
    seed: int,
) -> Sample:
    """Choose pairs, then intervals of each; the same for the same arguments.

    Pairs are visited scenario by scenario, each with another site. Intervals are always taken from
    the stratum that was sampled least so far, at random within it.

    Parameters
    ----------
    client : Flatpeak
        Used only for the stored records of locations whose tariff has tiers.
    pairs : sequence of tuple of str
    result_of : callable
        ``result_of(site_id, scenario)``; one result is held at a time.
    count : int
        Fewer are sampled if there are no more.
    seed : int
    """
    sampler = _Sampler(ServiceTiers(client), seed)
    sample = sampler.sample
    waiting = _spread(pairs, seed)
    turn = 0
    while waiting and len(sample.sampled) < count:
        with_more = []
        for number, pair in enumerate(waiting):
            # An equal share of what is missing, rounded up.
            missing = count - len(sample.sampled)
            quota = -(-missing // (len(waiting) - number))
            if quota and sampler.visit(pair, result_of(*pair), quota, turn):
                with_more.append(pair)
        waiting = with_more
        turn += 1
    return sample


def _spread(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """All pairs, with the scenarios in turn and another site each time as long as there is one."""
    sites = list(dict.fromkeys(site for site, _ in pairs))
    scenarios = list(dict.fromkeys(scenario for _, scenario in pairs))
    Random(seed).shuffle(sites)
    wanted = set(pairs)
    ordered = []
    for step in range(len(sites)):
        for number, scenario in enumerate(scenarios):
            # Scenario k of n begins k / n of the way through the sites.
            first = number * len(sites) // len(scenarios)
            pair = sites[(step + first) % len(sites)], scenario
            if pair in wanted:
                ordered.append(pair)
    return ordered


class _Sampler:
    """Samples one result after another, and remembers what was sampled."""

    def __init__(self, tiers: ServiceTiers, seed: int) -> None:
        self.sample = Sample()
        self._tiers = tiers
        self._seed = seed
        self._usage: Counter[Any] = Counter()
        self._taken: dict[Pair, set[tuple[str, int]]] = {}

    def visit(self, pair: Pair, result: IntervalResult, quota: int, turn: int) -> bool:
        """Sample up to `quota` intervals of a result; return whether it has more."""
        is_first_visit = pair not in self._taken
        pools = dict(self._pools(pair, result, is_first_visit))
        if is_first_visit:
            self.sample.seen.append(pair)
            self.sample.comparable += sum(len(rows) for rows in pools.values())
        taken = self._taken.setdefault(pair, set())
        candidates = self._candidates(pair, pools, quota, turn)
        for _ in range(quota):
            if not candidates:
                return False
            # The kind of interval that was sampled least so far, over all pairs.
            stratum = min(candidates, key=self._how_often)
            row = candidates[stratum].pop()
            if not candidates[stratum]:
                del candidates[stratum]
            taken.add((stratum.tariff_direction, row))
            # Properties are counted with their position: "tier 1" is not "beside a change", True.
            self._usage.update([stratum, *enumerate(stratum)])
            number = len(self.sample.sampled)
            self.sample.sampled.append(_sampled(number, pair, result, stratum, row))
        return bool(candidates)

    def _candidates(
        self, pair: Pair, pools: dict[Stratum, Int64], quota: int, turn: int
    ) -> dict[Stratum, list[int]]:
        """Random rows of each stratum that were not taken before, one more than the quota."""
        taken = self._taken[pair]
        # A seed per pair and turn: other pairs in the simulation do not change its sample.
        rng = np.random.default_rng([self._seed, crc32("\0".join(pair).encode()), turn])
        candidates: dict[Stratum, list[int]] = {}
        for stratum in sorted(pools, key=lambda stratum: stratum.order):
            direction = stratum.tariff_direction
            fresh = [row for row in pools[stratum].tolist() if (direction, row) not in taken]
            if fresh:
                size = min(quota + 1, len(fresh))  # one more tells whether the pair has more
                chosen = rng.choice(len(fresh), size, replace=False)
                candidates[stratum] = [fresh[position] for position in chosen.tolist()]
        return candidates

    def _how_often(self, stratum: Stratum) -> tuple[Any, ...]:
        """How often the stratum was sampled, then how often its single properties."""
        of_properties = sum(self._usage[part] for part in enumerate(stratum))
        return self._usage[stratum], of_properties, stratum.order

    def _pools(
        self, pair: Pair, result: IntervalResult, is_first_visit: bool
    ) -> Iterator[tuple[Stratum, Int64]]:
        """The rows of each stratum that can be compared."""
        at_service, own_tariff = directions_of(result)
        if own_tariff and is_first_visit:
            sample = self.sample
            owners = sample.partly_own_tariffs if at_service else sample.own_tariffs
            owners.append(pair)
        for direction in at_service:
            kwh, cost = energy_and_cost(result, direction)
            has_energy = whole_wh(kwh) > 0
            has_cost = np.isfinite(cost)
            rows = np.flatnonzero(has_energy & has_cost)
            if is_first_visit:
                self.sample.whole_bill += int((has_energy & ~has_cost).sum())
            if direction not in result.is_today:
                # One answer is enough to know whether the service has a price after all.
                yield Stratum(direction, NO_PRICE, beside_change=False, tier=None), rows[:1]
                continue
            tier = result.import_tier if direction == "IMPORT" else None
            if tier is not None and len(rows):
                rows = self._on_one_tier(pair, result, tier, rows, is_first_visit)
            yield from strata(direction, rows, kwh, cost, tier)

    def _on_one_tier(
        self, pair: Pair, result: IntervalResult, tier: Int64, rows: Int64, is_first_visit: bool
    ) -> Int64:
        """The rows that scenario and service price on the same tier."""
        assert result.location_id is not None
        tariff = result.import_tariff
        start_us, end_us = result.start_us[rows], result.end_us[rows]
        kwh = result.import_kwh[rows]
        try:
            at_service = self._tiers.tiers_at(result.location_id, tariff, start_us, end_us, kwh)
        except RequestError as error:
            self.sample.unread[pair] = f"{type(error).__name__}: {error}"
            return rows[:0]
        used = Used.of(result.start_us, result.end_us, result.import_kwh)
        window = int(result.start_us[0]), int(result.end_us[-1])
        before = tier[rows]
        after = tier_steps(tariff, start_us, used, kwh, window=window)
        is_same = (at_service == before) & (after == before)
        if is_first_visit:
            self._note_tiers(pair, before, is_same)
        comparable: Int64 = rows[is_same]
        return comparable

    def _note_tiers(self, pair: Pair, tiers: Int64, is_same: npt.NDArray[np.bool_]) -> None:
        site_id, scenario = pair
        for tier in np.unique(tiers).tolist():
            is_on_tier = tiers == tier
            left_out = int((is_on_tier & ~is_same).sum())
            if left_out:
                self.sample.other_tier[site_id, scenario, tier] = left_out
            if not (is_on_tier & is_same).any():
                self.sample.tiers_left.append((site_id, scenario, tier))


def _sampled(
    number: int, pair: Pair, result: IntervalResult, stratum: Stratum, row: int
) -> SampledInterval:
    assert result.location_id is not None
    kwh, cost = energy_and_cost(result, stratum.tariff_direction)
    energy_wh = int(whole_wh(kwh[row : row + 1])[0])
    request = PriceRequest(
        number=number,
        location_id=result.location_id,
        tariff_direction=stratum.tariff_direction,
        start_us=int(result.start_us[row]),
        end_us=int(result.end_us[row]),
        energy_wh=energy_wh,
    )
    # The service prices whole Wh: so the local cost is that of the same energy.
    local_cost = float(cost[row]) / float(kwh[row]) * energy_wh / 1000.0
    return SampledInterval(pair, stratum, request, local_cost, result.currency)


def strata(
    direction: str, rows: Int64, kwh: Float64, cost: Float64, tier: Int64 | None
) -> Iterator[tuple[Stratum, Int64]]:
    """Divide intervals by kind.

    Parameters
    ----------
    direction : str
    rows : ndarray of int64, shape (m,)
        Ascending; those to divide.
    kwh, cost : ndarray of float64, shape (n,)
        Of all intervals; `kwh` is above 0 in `rows`.
    tier : ndarray of int64, shape (n,), or None

    Yields
    ------
    stratum : Stratum
    rows : ndarray of int64
        Ascending; each of `rows` is in exactly one stratum.
    """
    if not len(rows):
        return
    price = np.round(cost[rows] / kwh[rows], _PRICE_DIGITS)
    tiers = np.zeros(len(rows), dtype=np.int64) if tier is None else tier[rows]
    beside_limit = _either_side(np.diff(tiers) != 0)
    beside_change = _beside_price_change(rows, price) | beside_limit
    properties = np.stack([_price_levels(price), beside_change, tiers, beside_limit], axis=1)
    kinds, kind_of_row = np.unique(properties, axis=0, return_inverse=True)
    for number, (level, is_beside_change, its_tier, is_beside_limit) in enumerate(kinds.tolist()):
        stratum = Stratum(
            tariff_direction=direction,
            price_level=_PRICE_LEVELS[level],
            beside_change=bool(is_beside_change),
            tier=None if tier is None else its_tier,
            beside_limit=bool(is_beside_limit),
        )
        yield stratum, rows[kind_of_row.ravel() == number]


def _price_levels(price: Float64) -> Int64:
    """The price level of each row, as its position in `_PRICE_LEVELS`."""
    distinct = np.unique(price[price >= 0])
    if len(distinct) <= 1:
        return np.where(price < 0, _NEGATIVE, _ONLY_PRICE)
    rank = np.searchsorted(distinct, price)
    # Of two prices, one is the cheapest and one the most expensive.
    third = 2 * rank if len(distinct) == 2 else rank * 3 // len(distinct)
    return np.where(price < 0, _NEGATIVE, _THIRDS[np.minimum(third, 2)])


def _beside_price_change(rows: Int64, price: Float64) -> npt.NDArray[np.bool_]:
    is_change = (np.diff(rows) == 1) & (np.diff(price) != 0)
    is_beside = _either_side(is_change)
    if is_beside.mean() > _COMMON_CHANGES:
        return np.zeros(len(rows), dtype=np.bool_)
    return is_beside


def _either_side(is_change: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The rows before and after each change."""
    is_beside: npt.NDArray[np.bool_] = np.append(is_change, False) | np.append(False, is_change)
    return is_beside
