"""Flatpeak tariff objects: read as one price for contracts that hold together, and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby, pairwise, product
from typing import Any, NamedTuple

from flipkit.calendar import day_edges, month_edges, read_moment, to_text, to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import (
    CHARGES,
    DAY_NAMES,
    MONTH_NAMES,
    LocalClock,
    PriceSeries,
    Rate,
    Tariff,
    Tier,
    TierRule,
    Validity,
    added,
    aligned,
    is_empty,
    joined,
    overlap,
    rate_series,
    shared_time,
    start_key,
)
from flipkit.tariffs.read.flatpeak_schedule import DatedRates, read_schedule
from flipkit.tariffs.read.source import is_list, read_instant
from flipkit.vocabulary import DIRECTIONS

__all__ = ["read", "tariff_objects", "write"]

_TYPES = ("COMMODITY", "NON_COMMODITY")
# Flatpeak requires both contract dates; these two mean that the tariff has none.
_OPEN_START, _OPEN_END = "1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z"
_NO_SURCHARGE = ((Rate(0.0),),)
_DAY_KINDS = {"all": "All", "weekday": "Weekday", "weekend": "Weekend"}


class _Contract(NamedTuple):
    """One tariff object: fixed prices, or surcharges on the market price.

    `fixed` is None with market prices: (market + surcharge) x (1 + fraction). Prices are by day of
    the month, where a schedule has dates.
    """

    kind: str
    name: str | None
    start_us: int | None
    end_us: int | None
    fixed: DatedRates | None = None
    surcharge: DatedRates = _NO_SURCHARGE
    fraction: DatedRates = _NO_SURCHARGE

    @property
    def validity(self) -> Validity:
        """When it holds."""
        return self.start_us, self.end_us

    @property
    def has_tiers(self) -> bool:
        """Whether any of its prices has tiers."""
        return any(rate.tiers for rates in self.fixed or () for rate in rates)

    @property
    def is_dated(self) -> bool:
        """Whether its prices depend on the day of the month."""
        return self.fixed is not None and len(self.fixed) > 1


def read(
    source: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    timezone: str,
    currency: str,
    market: PriceSeries | None,
    tier_rule: TierRule,
) -> Tariff:
    """Return the price of one tariff object or several; see ``Tariff.from_flatpeak``."""
    objects = tariff_objects(source)
    _check_objects(objects, timezone, currency)
    findings: list[str] = []
    contracts_of_type: dict[str, list[_Contract]] = {}
    for each in objects:
        contract = _read_contract(each, timezone, findings)
        contracts_of_type.setdefault(each["type"], []).append(contract)
    chains = [_in_order(contracts) for contracts in contracts_of_type.values()]
    _check_common_time(chains)
    _check_counts(chains, timezone)

    # Each COMMODITY contract with each NON_COMMODITY contract; most share no time.
    parts = []
    for contracts in product(*chains):
        part = _price_together(contracts, timezone, currency, market, tier_rule)
        if part is not None:
            parts.append(part)
    if not parts:
        assert market is not None  # fixed prices have time in common
        raise InputError(
            f"Flatpeak tariffs: the market prices, {to_text(market.span_us[0])} to "
            f"{to_text(market.span_us[1])}, share no time with the contract; "
            "give market prices for the time of the contract"
        )
    parts.sort(key=lambda part: start_key(part.validity))
    names = ", then ".join(dict.fromkeys(part.name for part in parts))
    tariff = parts[0] if len(parts) == 1 else Tariff.successive(parts, name=names)
    return tariff.replace(findings=tuple(dict.fromkeys(findings)))


def tariff_objects(source: Any) -> list[Any]:
    """Return the objects of one, of several, or of a list as the API answers with it.

    Raises InputError if the list is not complete.
    """
    is_answer = isinstance(source, Mapping) and "type" not in source and is_list(source.get("data"))
    if not is_answer:
        return [source] if isinstance(source, Mapping) else list(source)
    if source.get("has_more"):
        raise InputError(
            "Flatpeak tariffs: has_more is true, so the list is incomplete; "
            "request the objects after its last one too"
        )
    return list(source["data"])


# ---- contracts


def _check_objects(objects: list[Any], timezone: str, currency: str) -> None:
    if not objects:
        raise InputError("Flatpeak tariffs: none given; give at least one tariff object")
    for each in objects:
        if not isinstance(each, Mapping):
            raise InputError(f"Flatpeak tariffs: expected objects, got {type(each).__name__}")
        for field, known in (("type", _TYPES), ("direction", DIRECTIONS)):
            if each.get(field) not in known:
                raise InputError(
                    f"{_label(each)}, {field}: {each.get(field)!r} is not one of {', '.join(known)}"
                )
        for field, given in (("timezone", timezone), ("currency", currency)):
            if each.get(field) not in (None, given):
                raise InputError(
                    f"{_label(each)}: its {field} is {each[field]}, but {given} was given"
                )
    directions = sorted({each["direction"] for each in objects})
    if len(directions) > 1:
        raise InputError(
            f"Flatpeak tariffs: directions {', '.join(directions)} together; give one at a time"
        )


def _label(source: Mapping[str, Any]) -> str:
    return f"Flatpeak tariff {source.get('id') or source.get('display_name') or ''!r}"


def _read_contract(source: Mapping[str, Any], timezone: str, findings: list[str]) -> _Contract:
    what = _label(source)
    status = source.get("status")
    if status is not None and str(status).upper() != "CONNECTED":
        findings.append(
            f"tariff.status: {what} has status {status}, so its prices may be out of date"
        )
    name = source.get("display_name")
    start_us = read_instant(source, "contract_start_date", what, timezone)
    end_us = read_instant(source, "contract_end_date", what, timezone)
    contract = _Contract(
        kind=source["type"],
        name=name if isinstance(name, str) else None,
        start_us=None if start_us == to_us(_OPEN_START) else start_us,
        end_us=None if end_us == to_us(_OPEN_END) else end_us,
    )
    return _with_prices(contract, source, what, findings)


def _with_prices(
    contract: _Contract, source: Mapping[str, Any], what: str, findings: list[str]
) -> _Contract:
    """Return a contract with its fixed prices, or its surcharges on the market price."""
    market_rates = source.get("market_rates")
    schedule, place = _schedule(source, what)
    if not isinstance(market_rates, bool | None):
        raise InputError(f"{what}, market_rates: {market_rates!r} is neither true nor false")
    if not market_rates:
        return contract._replace(fixed=read_schedule(schedule, "fixed", place, findings))
    if contract.kind == "NON_COMMODITY":
        raise InputError(
            f"{what}: market_rates on NON_COMMODITY would count the market price twice"
        )
    if not schedule:
        return contract
    return contract._replace(
        surcharge=read_schedule(schedule, "surcharge_fixed", place, findings, default=0.0),
        fraction=read_schedule(schedule, "surcharge_percentage", place, findings, default=0.0),
    )


def _schedule(source: Mapping[str, Any], what: str) -> tuple[Any, str]:
    """Return the schedule and its place; it was named ``data`` in early 2024."""
    if not source.get("data"):
        return source.get("schedule"), f"{what}, schedule"
    if source.get("schedule"):
        raise InputError(f"{what}: prices in both schedule and data; leave one of them out")
    return source["data"], f"{what}, data"


def _in_order(contracts: list[_Contract]) -> list[_Contract]:
    """Return contracts of one type by time; each must begin where the one before ends."""
    ordered = sorted(contracts, key=lambda each: start_key(each.validity))
    for a, b in pairwise(ordered):
        both = f"Flatpeak tariffs: two {a.kind} contracts, {a.name!r} and {b.name!r}"
        if b.start_us is None:
            raise InputError(
                f"{both}, hold at once from the beginning; "
                "contracts of one type must follow one another"
            )
        if a.end_us is None or b.start_us < a.end_us:
            raise InputError(
                f"{both}, hold at once from {to_text(b.start_us)} on; "
                "contracts of one type must follow one another"
            )
        if b.start_us > a.end_us:
            raise InputError(
                f"{both}, leave a gap from {to_text(a.end_us)} to {to_text(b.start_us)}"
            )
    return ordered


def _check_common_time(chains: list[list[_Contract]]) -> None:
    start, end = shared_time([(chain[0].start_us, chain[-1].end_us) for chain in chains])
    if start is not None and end is not None and end <= start:
        raise InputError(
            "Flatpeak tariffs: the contracts leave no time together: "
            f"from {to_text(start)} to {to_text(end)}"
        )


def _check_counts(chains: list[list[_Contract]], timezone: str) -> None:
    """Raise InputError if one contract counts kWh in a month in which the other price changes.

    The sum is then two tariffs one after another, each of which counts for itself.
    """
    for chain in chains:
        others = [each for other in chains if other is not chain for each in other[1:]]
        for contract, other in product(chain, others):
            change = other.start_us
            assert change is not None  # it follows another
            is_after_start = contract.start_us is None or contract.start_us < change
            is_before_end = contract.end_us is None or change < contract.end_us
            if not contract.has_tiers or not is_after_start or not is_before_end:
                continue
            if month_edges(timezone, change, change + 1).edges[0] != change:
                raise InputError(
                    f"Flatpeak tariffs: {contract.name!r} has tiers, and {other.kind} "
                    f"{other.name!r} begins within a month, {to_text(change)}, where the count "
                    f"would begin anew; read {contract.kind} and {other.kind} separately and add "
                    "their bills"
                )


# ---- prices


def _price_together(
    contracts: tuple[_Contract, ...],
    timezone: str,
    currency: str,
    market: PriceSeries | None,
    tier_rule: TierRule,
) -> Tariff | None:
    """Return the sum of contracts over the time they share; None if they share none."""
    validity = shared_time([each.validity for each in contracts])
    if is_empty(validity):
        return None
    name = next((each.name for each in contracts if each.name is not None), "Flatpeak")
    _check_ladders(contracts, name, tier_rule)
    fixed = [each.fixed[0] for each in contracts if each.fixed is not None]
    is_dated = any(each.is_dated for each in contracts)
    if len(fixed) == len(contracts) and not is_dated:
        rates = reduce(added, fixed)
        has_tiers = any(rate.tiers for rate in rates)
        rule = tier_rule if has_tiers else None
        start, end = validity
        return Tariff(
            name,
            currency,
            timezone,
            rates,
            valid_from_us=start,
            valid_to_us=end,
            tier_rule=rule,
        )
    begin, stop = _time_of_series(contracts, name, validity, market)
    if stop <= begin:
        return None
    prices = [_prices_of(each, timezone, market, begin, stop) for each in contracts]
    return Tariff(name, currency, timezone, series=reduce(PriceSeries.plus, prices))


def _time_of_series(
    contracts: tuple[_Contract, ...], name: str, validity: Validity, market: PriceSeries | None
) -> tuple[int, int]:
    """Return when prices that change from day to day are known: start and end."""
    start, end = validity
    if all(each.fixed is not None for each in contracts):
        if start is None or end is None:
            raise InputError(
                f"Flatpeak tariff {name!r}: dates (prices by day of the month) are read as a price "
                "series, which needs contract_start_date and contract_end_date"
            )
        return start, end
    if market is None:
        raise InputError(
            f"Flatpeak tariff {name!r}: market_rates is true; give the market prices as market="
        )
    return overlap(validity, *market.span_us)


def _check_ladders(contracts: tuple[_Contract, ...], name: str, tier_rule: TierRule) -> None:
    """Raise InputError if tiers and the prices beside them have no sum."""
    if not any(each.has_tiers for each in contracts):
        return
    if any(each.fixed is None for each in contracts):
        raise InputError(
            f"Flatpeak tariff {name!r}: tiers beside market_rates, which have no price by time"
        )
    if any(each.is_dated for each in contracts):
        raise InputError(
            f"Flatpeak tariff {name!r}: tiers beside dates (prices by day of the month), which are "
            "read as a price series; it has no tiers"
        )
    untiered = [each.fixed[0] for each in contracts if each.fixed and not each.has_tiers]
    other_prices = {rate.price_per_kwh for rates in untiered for rate in rates}
    if tier_rule == "per_period" and len(other_prices) > 1:
        raise InputError(
            f"Flatpeak tariff {name!r}: with tier_rule 'per_period', tiers cannot be added to a "
            "price that changes with the hour: it would split the periods that fill them; "
            "write 'chronological' or 'prorate'"
        )


def _prices_of(
    contract: _Contract, timezone: str, market: PriceSeries | None, start_us: int, end_us: int
) -> PriceSeries:
    """Return the price of one contract over [start, end)."""
    if contract.fixed is not None:
        return _dated_series(contract.fixed, timezone, start_us, end_us)
    assert market is not None  # _time_of_series asks for it
    surcharge = _dated_series(contract.surcharge, timezone, start_us, end_us)
    fraction = _dated_series(contract.fraction, timezone, start_us, end_us)
    prices = market.clip(start_us, end_us).plus(surcharge)
    # The order of Flatpeak's formula: the surcharge is added first, then raised by the fraction.
    starts, ends, in_prices, in_fraction = aligned(prices, fraction)
    raised = prices.price_per_kwh[in_prices] * (1.0 + fraction.price_per_kwh[in_fraction])
    confidence = None if prices.confidence is None else prices.confidence[in_prices]
    return PriceSeries(starts, ends, raised, confidence)


def _dated_series(rates: DatedRates, timezone: str, start_us: int, end_us: int) -> PriceSeries:
    clock = LocalClock(timezone)
    if len(rates) == 1:
        return rate_series(rates[0], clock, start_us, end_us)
    days = day_edges(timezone, start_us, end_us)
    edges = days.edges.clip(start_us, end_us).tolist()
    rates_of_days = [rates[int(label[-2:]) - 1] for label in days.labels]
    pieces = []
    # Days one after another with the same prices at once.
    for first, last in _equal_neighbours(rates_of_days):
        pieces.append(rate_series(rates_of_days[first], clock, edges[first], edges[last + 1]))
    return joined(pieces).merged()


def _equal_neighbours(values: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of each run of equal values."""
    for _, run in groupby(range(len(values)), key=values.__getitem__):
        indices = list(run)
        yield indices[0], indices[-1]


# ---- writing


def write(
    tariff: Tariff, location_id: str, *, direction: str, contract_type: str, start: Any, end: Any
) -> dict[str, Any]:
    """Return the body of "create a tariff"; see ``Tariff.to_flatpeak``."""
    if not isinstance(location_id, str) or not location_id:
        raise InputError(
            f"location_id {location_id!r} is not an id; give Flatpeak's id of the location"
        )
    if direction not in DIRECTIONS:
        raise InputError(f"direction {direction!r} is not one of {', '.join(DIRECTIONS)}")
    if contract_type not in _TYPES:
        raise InputError(f"type {contract_type!r} is not one of {', '.join(_TYPES)}")
    _check_expressible(tariff)
    start_us, end_us = _contract_dates(tariff, start, end)
    seasons = groupby(tariff.rates, Rate.month_numbers)
    return {
        "location_id": location_id,
        "direction": direction,
        "type": contract_type,
        "display_name": tariff.name,
        "market_rates": False,
        "contract_start_date": _OPEN_START if start_us is None else to_text(start_us),
        "contract_end_date": _OPEN_END if end_us is None else to_text(end_us),
        "schedule": [_write_season(months, rates) for months, rates in seasons],
    }


def _check_expressible(tariff: Tariff) -> None:
    what = f"tariff {tariff.name!r}"
    if tariff.series is not None:
        raise InputError(
            f"{what} is a price series, which a Flatpeak schedule (month, day, hour) cannot "
            "express; create the tariff with market_rates at Flatpeak instead"
        )
    if tariff.parts:
        raise InputError(
            f"{what} has parts, and a Flatpeak object is one contract; write each of tariff.parts"
        )
    charges = [name for name in CHARGES if getattr(tariff, name) not in (None, ())]
    if charges:
        raise InputError(
            f"{what} has {', '.join(charges)}; a Flatpeak schedule cannot express them"
        )
    has_hours = any((rate.start, rate.end) != ("00:00", "24:00") for rate in tariff.rates)
    if tariff.hours_timezone is not None and has_hours:
        raise InputError(
            f"{what} has hours of {tariff.hours_timezone}; those of a Flatpeak schedule are the "
            f"location's own, {tariff.timezone}"
        )
    for rate in tariff.rates:
        if any(tier.per != "month" or tier.counts_kw for tier in rate.tiers):
            raise InputError(
                f"{what} has tiers by day or by kW; Flatpeak's to_kwh counts the kWh of a month"
            )


def _contract_dates(tariff: Tariff, start: Any, end: Any) -> Validity:
    valid_from, valid_to = tariff.valid_from_us, tariff.valid_to_us
    start_us, end_us = valid_from, valid_to
    if start is not None:
        start_us = read_moment(start, "start").begin_us(tariff.timezone)
    if end is not None:
        end_us = read_moment(end, "end").end_us(tariff.timezone)
    too_early = valid_from is not None and start_us is not None and start_us < valid_from
    too_late = valid_to is not None and end_us is not None and end_us > valid_to
    if too_early or too_late:
        raise InputError(
            f"tariff {tariff.name!r}: the contract dates reach beyond the tariff's own"
        )
    if is_empty((start_us, end_us)):
        raise InputError(f"tariff {tariff.name!r}: the contract ends before it starts")
    return start_us, end_us


def _write_season(months: tuple[int, ...], rates: Iterable[Rate]) -> dict[str, Any]:
    is_all_year = len(months) == 12
    names = ["All"] if is_all_year else [MONTH_NAMES[month - 1] for month in months]
    kinds_of_day = groupby(rates, lambda rate: rate.days)
    return {
        "months": names,
        "days_and_hours": [_write_days(days, group) for days, group in kinds_of_day],
    }


def _write_days(days: str | tuple[int, ...], rates: Iterable[Rate]) -> dict[str, Any]:
    # Names, not numbers: Flatpeak does not document which day has number 1.
    names = [_DAY_KINDS[days]] if isinstance(days, str) else [DAY_NAMES[day] for day in days]
    return {"days": names, "hours": [_write_hours(rate) for rate in rates]}


def _write_hours(rate: Rate) -> dict[str, Any]:
    tiers = rate.tiers or (Tier(rate.price_per_kwh),)
    return {
        "valid_from": _with_seconds(rate.start),
        "valid_to": "00:00:00" if rate.end == "24:00" else _with_seconds(rate.end),
        "rate": [{"fixed": tier.price_per_kwh, "to_kwh": tier.up_to} for tier in tiers],
    }


def _with_seconds(clock: str) -> str:
    return clock if len(clock) == 8 else f"{clock}:00"
