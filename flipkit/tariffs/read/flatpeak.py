"""Flatpeak tariff objects as one price: COMMODITY and NON_COMMODITY added, contracts one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import pairwise, product
from typing import Any, NamedTuple

from flipkit.calendar import month_edges, to_text, to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import PriceSeries, Rate, added, aligned, rate_series
from flipkit.tariffs.read.flatpeak_schedule import read_schedule
from flipkit.tariffs.read.flatpeak_writer import DIRECTIONS, OPEN_END, OPEN_START, TYPES

__all__ = ["FlatpeakTariff", "read"]

_NO_SURCHARGE = (Rate(0.0),)


class FlatpeakTariff(NamedTuple):
    """What ``Tariff.from_flatpeak`` builds a tariff of: rates and bounds, or a series."""

    name: str
    rates: tuple[Rate, ...]
    series: PriceSeries | None
    start_us: int | None
    end_us: int | None

    @property
    def span(self) -> tuple[int | None, int | None]:
        """From when until when it holds."""
        if self.series is None:
            return self.start_us, self.end_us
        return int(self.series.start_us[0]), int(self.series.end_us[-1])


class _Component(NamedTuple):
    """One tariff object: fixed prices, or surcharges (an amount, then a fraction) on the market price."""

    kind: str
    name: str | None
    fixed: tuple[Rate, ...] | None
    surcharge: tuple[Rate, ...]
    fraction: tuple[Rate, ...]
    start_us: int | None
    end_us: int | None


_Components = tuple[_Component, ...]


def read(
    source: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    timezone: str,
    currency: str,
    market: PriceSeries | None,
    tier_rule: str | None,
) -> list[FlatpeakTariff]:
    """Read one tariff object or several; see ``Tariff.from_flatpeak`` for what is refused.

    Returns
    -------
    list of FlatpeakTariff
        By time; more than one where contracts follow one another.
    """
    objects = [source] if isinstance(source, Mapping) else list(source)
    _check_together(objects)
    chains: dict[str, list[_Component]] = {}
    for each in objects:
        _check_place(each, {"timezone": timezone, "currency": currency})
        chains.setdefault(each["type"], []).append(_component(each, timezone))
    ordered = [_in_order(chain) for chain in chains.values()]
    _common_validity([(chain[0].start_us, chain[-1].end_us) for chain in ordered])
    _check_counts(ordered, timezone)
    found = [
        part
        for together in product(*ordered)
        for part in _parts(together, timezone, market, tier_rule)
    ]
    if not found:
        raise _no_market_time(market)
    return sorted(found, key=lambda part: (part.span[0] is not None, part.span[0] or 0))


def _parts(
    together: _Components, timezone: str, market: PriceSeries | None, tier_rule: str | None
) -> list[FlatpeakTariff]:
    """The price of contracts that hold together; nothing where they share no time with each other or the market."""
    start, end = (
        _later(each.start_us for each in together),
        _earlier(each.end_us for each in together),
    )
    if start is not None and end is not None and end <= start:
        return []
    name = next((each.name for each in together if each.name is not None), "Flatpeak")
    fixed = [each.fixed for each in together if each.fixed is not None]
    _check_ladders(fixed, len(fixed) < len(together), name, tier_rule)
    if len(fixed) == len(together):
        return [FlatpeakTariff(name, reduce(added, fixed), None, start, end)]
    if market is None:
        raise InputError(
            f"Flatpeak tariff {name!r}: market_rates is true; hand in the market prices as market="
        )
    begin, stop = _later([start, int(market.start_us[0])]), _earlier([end, int(market.end_us[-1])])
    if begin is None or stop is None or stop <= begin:
        return []
    return [
        FlatpeakTariff(
            name, (), _market_series(together, timezone, market, begin, stop), None, None
        )
    ]


def _check_ladders(
    fixed: list[tuple[Rate, ...]], on_market: bool, name: str, tier_rule: str | None
) -> None:
    """Raise InputError where tiers and the prices beside them have no sum."""
    tiered = [rates for rates in fixed if any(rate.tiers for rate in rates)]
    if tiered and on_market:
        raise InputError(
            f"Flatpeak tariff {name!r}: tiers beside market_rates, which have no price by time"
        )
    others = {rate.price_per_kwh for rates in fixed if rates not in tiered for rate in rates}
    if tiered and tier_rule == "per_period" and len(others) > 1:
        raise InputError(
            f"Flatpeak tariff {name!r}: with tier_rule 'per_period', tiers cannot be added to a price that changes "
            "with the hour: it would part the periods that fill them; write 'chronological' or 'prorate'"
        )


def _check_together(objects: list[Mapping[str, Any]]) -> None:
    if not objects:
        raise InputError("Flatpeak tariffs: none given; hand in at least one tariff object")
    for each in objects:
        if not isinstance(each, Mapping):
            raise InputError(f"Flatpeak tariffs: expected objects, got {type(each).__name__}")
        for field, known in (("type", TYPES), ("direction", DIRECTIONS)):
            if each.get(field) not in known:
                raise InputError(
                    f"{_label(each)}, {field}: {each.get(field)!r} is none of {', '.join(known)}"
                )
    directions = {each["direction"] for each in objects}
    if len(directions) > 1:
        raise InputError(
            f"Flatpeak tariffs: directions {', '.join(sorted(directions))} together; give one at a time"
        )


def _in_order(chain: list[_Component]) -> list[_Component]:
    """Contracts of one type by time, each beginning where the one before ends."""
    found = sorted(chain, key=lambda each: (each.start_us is not None, each.start_us or 0))
    for a, b in pairwise(found):
        both = f"Flatpeak tariffs: two {a.kind} contracts, {a.name!r} and {b.name!r}"
        if a.end_us is None or b.start_us is None or b.start_us < a.end_us:
            begins = (
                "from the beginning" if b.start_us is None else f"from {to_text(b.start_us)} on"
            )
            raise InputError(
                f"{both}, hold at once {begins}; contracts of one type must follow one another"
            )
        if b.start_us > a.end_us:
            raise InputError(
                f"{both}, leave a gap from {to_text(a.end_us)} to {to_text(b.start_us)}"
            )
    return found


def _check_counts(chains: list[list[_Component]], timezone: str) -> None:
    """Raise InputError where one contract counts kWh through a month in which the other price changes.

    The two together are tariffs one after another, each of which counts for itself.
    """
    for chain in chains:
        tiered = [each for each in chain if any(rate.tiers for rate in each.fixed or ())]
        others = [other for beside in chains if beside is not chain for other in beside[1:]]
        for each, other in product(tiered, others):
            at = other.start_us
            assert at is not None  # it follows another
            inside = at not in (each.start_us, each.end_us) and _later((each.start_us, at)) == at
            if (
                inside
                and _earlier((each.end_us, at)) == at
                and month_edges(timezone, at, at + 1).edges[0] != at
            ):
                raise InputError(
                    f"Flatpeak tariffs: {each.name!r} has tiers, and {other.kind} {other.name!r} begins within a "
                    f"month, {to_text(at)}, where the count would begin anew; read {each.kind} and {other.kind} "
                    "apart and add their bills"
                )


def _check_place(each: Mapping[str, Any], given: dict[str, str]) -> None:
    for field, value in given.items():
        if each.get(field) not in (None, value):
            raise InputError(f"{_label(each)}: its {field} is {each[field]}, but {value} was given")


def _label(each: Mapping[str, Any]) -> str:
    return f"Flatpeak tariff {each.get('id') or each.get('display_name') or ''!r}"


def _component(each: Mapping[str, Any], timezone: str) -> _Component:
    what, market_rates, schedule = _label(each), each.get("market_rates"), each.get("schedule")
    if not isinstance(market_rates, bool | None):
        raise InputError(f"{what}, market_rates: {market_rates!r} is neither true nor false")
    bounds = (
        _bound(each, "contract_start_date", OPEN_START, timezone),
        _bound(each, "contract_end_date", OPEN_END, timezone),
    )
    label = each.get("display_name")
    head = each["type"], label if isinstance(label, str) else None
    if not market_rates:
        return _Component(
            *head, read_schedule(schedule, "fixed", what), _NO_SURCHARGE, _NO_SURCHARGE, *bounds
        )
    if each["type"] == "NON_COMMODITY":
        raise InputError(
            f"{what}: market_rates on NON_COMMODITY would count the market price twice"
        )
    if not schedule:
        return _Component(*head, None, _NO_SURCHARGE, _NO_SURCHARGE, *bounds)
    surcharge = read_schedule(schedule, "surcharge_fixed", what, default=0.0)
    fraction = read_schedule(schedule, "surcharge_percentage", what, default=0.0)
    return _Component(*head, None, surcharge, fraction, *bounds)


def _bound(each: Mapping[str, Any], field: str, open_date: str, timezone: str) -> int | None:
    if each.get(field) is None:
        return None
    try:
        instant = to_us(each[field], timezone)
    except InputError as error:
        raise type(error)(f"{_label(each)}, {field}: {error}") from None
    return None if instant == to_us(open_date) else instant


def _common_validity(spans: list[tuple[int | None, int | None]]) -> None:
    start, end = _later(span[0] for span in spans), _earlier(span[1] for span in spans)
    if start is not None and end is not None and end <= start:
        raise InputError(
            f"Flatpeak tariffs: the contracts leave no time together: from {to_text(start)} to {to_text(end)}"
        )


def _later(starts: Iterable[int | None]) -> int | None:
    return max((start for start in starts if start is not None), default=None)


def _earlier(ends: Iterable[int | None]) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def _no_market_time(market: PriceSeries | None) -> InputError:
    assert market is not None  # fixed prices have a time of their own
    cover = to_text(int(market.start_us[0])), to_text(int(market.end_us[-1]))
    return InputError(
        f"Flatpeak tariffs: the market prices, {cover[0]} to {cover[1]}, share no time with the contract; hand in "
        "market prices for the time of the contract"
    )


def _market_series(
    components: _Components, timezone: str, market: PriceSeries, begin: int, stop: int
) -> PriceSeries:
    """The sum of all components over [begin, stop)."""
    parts = []
    for each in components:
        if each.fixed is not None:
            parts.append(rate_series(each.fixed, timezone, begin, stop))
            continue
        charged = market.clip(begin, stop).plus(rate_series(each.surcharge, timezone, begin, stop))
        parts.append(_raised(charged, rate_series(each.fraction, timezone, begin, stop)))
    return reduce(PriceSeries.plus, parts)


def _raised(prices: PriceSeries, fraction: PriceSeries) -> PriceSeries:
    """Every price times (1 + fraction): 0.05 is 5 %."""
    starts, ends, of_price, of_fraction = aligned(prices, fraction)
    raised = prices.price_per_kwh[of_price] * (1.0 + fraction.price_per_kwh[of_fraction])
    confidence = None if prices.confidence is None else prices.confidence[of_price]
    return PriceSeries(starts, ends, raised, confidence)
