"""Energy charges of a URDB record: prices and tiers by period, hours by period, and what exports earn."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from flipkit.errors import InputError
from flipkit.tariffs.model import Export, Rate, Tier, clock_text
from flipkit.tariffs.read.urdb_record import Record, Tiers, located, number_of

__all__ = ["price_of", "read_energy", "read_export", "runs"]

_KNOWN = ("rate", "adj", "max", "unit", "sell")
_UNITS = {
    "kwh": {"per": "month", "per_kw": False},
    "kwh/kw": {"per": "month", "per_kw": True},
    "kwh daily": {"per": "day", "per_kw": False},
    "kwh/kw daily": {"per": "day", "per_kw": True},
}
_MODES = {
    "Net Metering": "net_metering",
    "Net Billing Instantaneous": "net_billing",
    "Net Billing Hourly": "net_billing",
    "Buy All Sell All": "buy_all_sell_all",
}
_NO_LIMIT = 1e37
"""SAM writes 1e38 where a tier has no limit."""


def read_energy(record: Record) -> tuple[Rate, ...]:
    """The energy rates; each period of the record is a period of the bill, ``period 1`` being number 0.

    Raises
    ------
    InputError
        No prices, no hours where there are several periods, an unknown unit, limits that do not rise: names the field.
    """
    structure = _structure(record)
    ladders = [_ladder(entries) for entries in structure]
    return _rates(record, ladders)


def read_export(record: Record) -> Export | None:
    """How exports are settled, after ``dgrules`` and the ``sell`` prices.

    Raises
    ------
    InputError
        Selling prices without a rule, a rule that needs them without any, prices that differ by tier.
    """
    structure = _structure(record)
    mode, sells = (
        _mode(record),
        any(entry.get("sell") is not None for tiers in structure for entry, _ in tiers),
    )
    if mode is None and not any(_sell(*pair) for tiers in structure for pair in tiers):
        return None
    if mode is None:
        raise record.error(
            "dgrules", f"absent, but there are sell prices; write one of {', '.join(_MODES)}"
        )
    if mode == "net_metering":
        sold = next(
            (place for tiers in structure for entry, place in tiers if _sell(entry, place)), None
        )
        if sold is not None:
            raise InputError(
                f"{sold}.sell: a selling price beside Net Metering; leave one of the two out"
            )
        return Export("net_metering", carry_over="year")
    if not sells:
        raise record.error(
            "dgrules", f"{record.fields['dgrules']!r}, but energyratestructure has no sell prices"
        )
    prices = [(Tier(_one_sell(tiers)),) for tiers in structure]
    return Export(mode, _rates(record, prices))  # type: ignore[arg-type]


def price_of(entry: Mapping[str, Any], place: str) -> float:
    """Rate and adjustment of a tier together, added as decimal numbers."""
    parts = [
        number_of(entry[name], f"{place}.{name}")
        for name in ("rate", "adj")
        if entry.get(name) is not None
    ]
    return number_of(sum((Decimal(repr(part)) for part in parts), Decimal(0)), place)


def limit_of(entry: Mapping[str, Any], place: str) -> float | None:
    """Where a tier ends; None where it does not."""
    if entry.get("max") is None:
        return None
    limit = number_of(entry["max"], f"{place}.max")
    return None if limit >= _NO_LIMIT else limit


def runs(row: list[int]) -> list[tuple[int, int, int]]:
    """Neighbouring hours of one period: first hour, last hour (excluded), period."""
    edges = [0, *(hour for hour in range(1, len(row)) if row[hour] != row[hour - 1]), len(row)]
    return [(begin, stop, row[begin]) for begin, stop in pairwise(edges)]


def _structure(record: Record) -> Tiers:
    unit = record.text("energyrateunit")
    if unit and unit.lower() != "kwh":
        raise record.error("energyrateunit", f"{unit!r} is unknown; known: kWh")
    if "energyratestructure" not in record:
        raise record.error(
            "energyratestructure", "absent; a tariff needs a price per kWh, 0 where there is none"
        )
    return record.tiers("energyratestructure", _KNOWN)


def _ladder(entries: list[tuple[Mapping[str, Any], str]]) -> tuple[Tier, ...]:
    tiers = []
    for entry, place in entries:
        unit = entry.get("unit") or "kWh"
        if not isinstance(unit, str) or unit.lower() not in _UNITS:
            raise InputError(
                f"{place}.unit: {unit!r} is unknown; known: kWh, kWh daily, kWh/kW, kWh/kW daily"
            )
        price, limit = price_of(entry, place), limit_of(entry, place)
        with located(place):
            tiers.append(Tier(price, limit, **_UNITS[unit.lower()]))  # type: ignore[arg-type]
    with located(entries[0][1].removesuffix("[0]")):
        return Rate(tiers=tuple(tiers)).tiers or tuple(tiers)


def _rates(record: Record, ladders: list[tuple[Tier, ...]]) -> tuple[Rate, ...]:
    """The ladders by month, kind of day and hour."""
    rates = []
    for days in ("weekday", "weekend"):
        seasons: dict[tuple[int, ...], list[int]] = {}
        for month, row in enumerate(_hours(record, f"energy{days}schedule", len(ladders)), 1):
            seasons.setdefault(tuple(row), []).append(month)
        for season, months in seasons.items():
            for begin, stop, period in runs(list(season)):
                name = f"period {period + 1}" if len(ladders) > 1 else None
                start, end = clock_text(begin * 3600), clock_text(stop * 3600)
                rates.append(
                    Rate(
                        None,  # type: ignore[arg-type]
                        start,
                        end,
                        tuple(months),
                        days,
                        tiers=ladders[period],
                        period=name,
                    )
                )
    return tuple(rates)


def _hours(record: Record, name: str, periods: int) -> list[list[int]]:
    found = record.schedule(name, periods)
    if found is None and periods > 1:
        raise record.error(
            name, f"absent, but there are {periods} periods; which holds at which hour?"
        )
    return [[0] * 24] * 12 if found is None else found


def _mode(record: Record) -> str | None:
    rule, netted = record.text("dgrules"), record.fields.get("usenetmetering", False)
    if not isinstance(netted, bool):
        raise record.error("usenetmetering", f"{netted!r} is neither true nor false")
    if rule and rule not in _MODES:
        raise record.error("dgrules", f"{rule!r} is unknown; known: {', '.join(_MODES)}")
    if netted and rule not in ("", "Net Metering"):
        raise record.error(
            "usenetmetering", f"true, but dgrules is {rule!r}; leave one of the two out"
        )
    return "net_metering" if netted else _MODES.get(rule)


def _sell(entry: Mapping[str, Any], place: str) -> float:
    return 0.0 if entry.get("sell") is None else number_of(entry["sell"], f"{place}.sell")


def _one_sell(tiers: list[tuple[Mapping[str, Any], str]]) -> float:
    found = [_sell(*pair) for pair in tiers]
    other = next((number for number, price in enumerate(found) if price != found[0]), None)
    if other is not None:
        raise InputError(
            f"{tiers[other][1]}.sell: {found[other]!r}, but tier 1 sells at {found[0]!r}; tiers of export prices "
            "cannot be priced"
        )
    return found[0]
