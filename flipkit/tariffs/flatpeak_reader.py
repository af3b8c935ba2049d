"""Flatpeak tariff objects as one price: COMMODITY and NON_COMMODITY added, contract dates as bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from flipkit.errors import InputError
from flipkit.tariffs.calendar import to_text, to_us
from flipkit.tariffs.flatpeak_schedule import read_schedule
from flipkit.tariffs.flatpeak_writer import DIRECTIONS, OPEN_END, OPEN_START, TYPES
from flipkit.tariffs.rate_table import added, rate_series
from flipkit.tariffs.rates import Rate
from flipkit.tariffs.series import PriceSeries, aligned

__all__ = ["FlatpeakTariff", "read"]

_NO_SURCHARGE = (Rate(0.0),)


class FlatpeakTariff(NamedTuple):
    """What ``Tariff.from_flatpeak`` builds a tariff of: rates and bounds, or a series."""

    name: str
    rates: tuple[Rate, ...]
    series: PriceSeries | None
    start_us: int | None
    end_us: int | None


class _Component(NamedTuple):
    """One tariff object: fixed prices, or surcharges (an amount, then a fraction) on the market price."""

    fixed: tuple[Rate, ...] | None
    surcharge: tuple[Rate, ...]
    fraction: tuple[Rate, ...]
    start_us: int | None
    end_us: int | None


def read(
    source: Mapping[str, Any] | Iterable[Mapping[str, Any]], timezone: str, market: PriceSeries | None
) -> FlatpeakTariff:
    """Read one tariff object or several; see ``Tariff.from_flatpeak`` for what is refused."""
    objects = [source] if isinstance(source, Mapping) else list(source)
    _check_together(objects)
    components = [_component(each, timezone) for each in objects]
    name = next((text for each in objects if isinstance(text := each.get("display_name"), str)), "Flatpeak")
    start, end = _common_validity(components)
    fixed = [component.fixed for component in components if component.fixed is not None]
    if len(fixed) == len(components):
        return FlatpeakTariff(name, reduce(added, fixed), None, start, end)
    if market is None:
        raise InputError(f"Flatpeak tariff {name!r}: market_rates is true; hand in the market prices as market=")
    series = _market_series(components, timezone, market, start, end)
    return FlatpeakTariff(name, (), series, None, None)


def _check_together(objects: list[Mapping[str, Any]]) -> None:
    if not objects:
        raise InputError("Flatpeak tariffs: none given; hand in at least one tariff object")
    for each in objects:
        if not isinstance(each, Mapping):
            raise InputError(f"Flatpeak tariffs: expected objects, got {type(each).__name__}")
        for field, known in (("type", TYPES), ("direction", DIRECTIONS)):
            if each.get(field) not in known:
                raise InputError(f"{_label(each)}, {field}: {each.get(field)!r} is none of {', '.join(known)}")
    types, directions = [each["type"] for each in objects], {each["direction"] for each in objects}
    if len(set(types)) < len(types):
        raise InputError(
            f"Flatpeak tariffs: {len(types)} objects of types {', '.join(types)}; "
            "give one COMMODITY and at most one NON_COMMODITY, those of one contract at a time"
        )
    if len(directions) > 1:
        raise InputError(f"Flatpeak tariffs: directions {', '.join(sorted(directions))} together; give one at a time")


def _label(each: Mapping[str, Any]) -> str:
    return f"Flatpeak tariff {each.get('id') or each.get('display_name') or ''!r}"


def _component(each: Mapping[str, Any], timezone: str) -> _Component:
    what, market_rates, schedule = _label(each), each.get("market_rates"), each.get("schedule")
    if each.get("timezone") not in (None, timezone):
        raise InputError(f"{what}: its timezone is {each['timezone']}, but {timezone} was given")
    if not isinstance(market_rates, bool | None):
        raise InputError(f"{what}, market_rates: {market_rates!r} is neither true nor false")
    bounds = (
        _bound(each, "contract_start_date", OPEN_START, timezone),
        _bound(each, "contract_end_date", OPEN_END, timezone),
    )
    if not market_rates:
        return _Component(read_schedule(schedule, "fixed", what), _NO_SURCHARGE, _NO_SURCHARGE, *bounds)
    if each["type"] == "NON_COMMODITY":
        raise InputError(f"{what}: market_rates on NON_COMMODITY would count the market price twice")
    if not schedule:
        return _Component(None, _NO_SURCHARGE, _NO_SURCHARGE, *bounds)
    surcharge = read_schedule(schedule, "surcharge_fixed", what, default=0.0)
    return _Component(None, surcharge, read_schedule(schedule, "surcharge_percentage", what, default=0.0), *bounds)


def _bound(each: Mapping[str, Any], field: str, open_date: str, timezone: str) -> int | None:
    if each.get(field) is None:
        return None
    try:
        instant = to_us(each[field], timezone)
    except InputError as error:
        raise type(error)(f"{_label(each)}, {field}: {error}") from None
    return None if instant == to_us(open_date) else instant


def _common_validity(components: list[_Component]) -> tuple[int | None, int | None]:
    start = max((each.start_us for each in components if each.start_us is not None), default=None)
    end = min((each.end_us for each in components if each.end_us is not None), default=None)
    if start is not None and end is not None and end <= start:
        raise InputError(
            f"Flatpeak tariffs: the contracts leave no time together: from {to_text(start)} to {to_text(end)}"
        )
    return start, end


def _market_series(
    components: list[_Component], timezone: str, market: PriceSeries, start: int | None, end: int | None
) -> PriceSeries:
    """The sum of all components over the time that the market prices and the contracts share."""
    cover = int(market.start_us[0]), int(market.end_us[-1])
    begin, stop = max(cover[0], cover[0] if start is None else start), min(cover[1], cover[1] if end is None else end)
    if stop <= begin:
        raise InputError(
            f"Flatpeak tariffs: the market prices, {to_text(cover[0])} to {to_text(cover[1])}, share no time with the "
            "contract; hand in market prices for the time of the contract"
        )
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
