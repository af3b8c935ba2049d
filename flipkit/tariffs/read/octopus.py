"""Unit rates and standing charges of the Octopus Energy API, in pence with VAT, as tariffs.

The rows of a list do not say what they are of. Single-rate tariffs have ``standard-unit-rates``;
those of a meter with two registers have ``day-unit-rates`` and ``night-unit-rates``, without hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flipkit import checks
from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.frames import is_frame, records_of
from flipkit.tariffs.model import (
    FixedCharge,
    PriceSeries,
    Rate,
    Tariff,
    Validity,
    clock_text,
    is_empty,
    rate_of_window,
    shared_time,
    standing_charge,
    start_key,
)
from flipkit.tariffs.read.source import (
    check_object,
    is_json_text,
    is_list,
    load_json,
    read_instant,
)
from flipkit.vocabulary import DAY_S, HOUR_US

__all__ = ["STANDING_CHARGES", "UNIT_RATES", "read", "read_economy7"]

# The lists by their paths in the API.
UNIT_RATES, STANDING_CHARGES = "standard-unit-rates", "standing-charges"
_LIST_NAME = re.compile(r"(standard|day|night|peak)[-_]unit[-_]rates")
_PAGE_FIELDS = ("count", "next", "previous", "results")
_ROW_FIELDS = ("value_exc_vat", "value_inc_vat", "valid_from", "valid_to", "payment_method")
_PENCE = Decimal(100)
_SHORTEST_DAY_H = 23.0
_TWO_REGISTERS = (
    "day and night rates are two lists for two registers of one meter, and the lists do not state "
    "their hours; give both to Tariff.from_economy7"
)
# "Your smart meter will have a fixed off-peak 7 hour period from 00:30 to 07:30 ... UTC": Octopus,
# "What happens to my Economy Seven (E7) tariff when I have a smart meter installed?"
_NIGHT = "00:30-07:30"
_NIGHT_IS_ASSUMED = (
    f"tariff.assumed: night from {_NIGHT.replace('-', ' to ')}, which Octopus states "
    "for smart meters; other meters have hours of their own, so give night_hours"
)
_IS_ASSUMED = (
    "tariff.assumed: nothing says which list of the API this is, and it is read as "
    f"{UNIT_RATES}, prices of the whole day (give day-unit-rates and night-unit-rates to "
    "Tariff.from_economy7)"
)

_PlacedRow = tuple[Mapping[str, Any], str]
"""A row as the API returns it, and its place for error messages."""


class _OctopusPrice(NamedTuple):
    """One price and when it holds; None for no limit."""

    start_us: int | None
    end_us: int | None
    price: float
    place: str

    @property
    def hours(self) -> float:
        """How long it holds."""
        if self.start_us is None or self.end_us is None:
            return np.inf
        return (self.end_us - self.start_us) / HOUR_US

    @property
    def validity(self) -> Validity:
        """When it holds."""
        return self.start_us, self.end_us


def read(
    unit_rates: Any,
    standing_charges: Any,
    *,
    timezone: str,
    currency: str,
    payment_method: str | None = None,
    name: str,
    file_name: str = "",
) -> Tariff:
    """Return the tariff of both lists; see ``Tariff.from_octopus``.

    `file_name` may say which list it is, where the content of the file is given.
    """
    what = "Octopus unit rates"
    content = load_json(unit_rates, what)
    file_name = file_name or _file_name(unit_rates)
    if isinstance(content, Mapping) and UNIT_RATES in content:
        content, standing_charges = _both_lists(content)
        file_name = UNIT_RATES
    is_named = _check_list_name(file_name, content, "standard", what)
    rates = _read_prices(content, what, payment_method)
    findings = _ignored_columns(content, what)
    # Prices that change within a day are not those of a register.
    is_whole_days = all(rate.hours >= _SHORTEST_DAY_H for rate in rates)
    if not is_named and is_whole_days:
        findings.append(_IS_ASSUMED)

    empty = Tariff(name, currency, timezone, (Rate(0.0),))
    parts = []
    for charge in _standing_charges(standing_charges, payment_method):
        in_time = rates if charge is None else _during(rates, charge)
        parts += _parts(empty.replace(fixed=_standing(charge)), in_time)
    if not parts:
        raise InputError(
            "Octopus: the unit rates and the standing charges share no time; "
            "give those of one tariff"
        )
    return _joined(parts, name, findings)


def read_economy7(
    day: Any,
    night: Any,
    standing_charges: Any,
    *,
    night_hours: str | Iterable[str] | None,
    hours_timezone: str | None,
    timezone: str,
    currency: str,
    payment_method: str | None,
    name: str,
) -> Tariff:
    """Return the tariff of two registers; see ``Tariff.from_economy7``."""
    findings = [_NIGHT_IS_ASSUMED] if night_hours is None else []
    windows = [night_hours] if isinstance(night_hours, str) else list(night_hours or [_NIGHT])
    registers = [
        _register_prices(source, register, payment_method)
        for source, register in ((day, "day"), (night, "night"))
    ]
    charges = _standing_charges(standing_charges, payment_method)
    parts = []
    for (day_price, night_price), charge in product(product(*registers), charges):
        together = [each.validity for each in (day_price, night_price, charge) if each is not None]
        start_us, end_us = shared_time(together)
        if is_empty((start_us, end_us)):
            continue
        part = Tariff(
            name,
            currency,
            timezone,
            _two_rates(day_price.price, night_price.price, windows),
            valid_from_us=start_us,
            valid_to_us=end_us,
            hours_timezone=hours_timezone,
            fixed=_standing(charge),
        )
        parts.append(part)
    if not parts:
        raise InputError(
            "Economy 7: the day rates, the night rates and the standing charges share no time; "
            "give those of one tariff"
        )
    return _joined(parts, name, findings)


def _two_rates(day: float, night: float, night_windows: list[str]) -> tuple[Rate, ...]:
    """Return the night rate in its windows, and the day rate in all other hours."""
    night_rates = [
        replace(rate_of_window(window, night), period="night") for window in night_windows
    ]
    day_rates = []
    previous_end = 0
    spans = sorted(span for rate in night_rates for span in rate.windows_s())
    for start, end in [*spans, (DAY_S, DAY_S)]:
        if start > previous_end:
            day_rates.append(Rate(day, clock_text(previous_end), clock_text(start), period="day"))
        previous_end = end
    if not day_rates:
        raise InputError("Economy 7: night_hours are the whole day; write those of the night")
    return (*day_rates, *night_rates)


def _register_prices(source: Any, register: str, payment_method: str | None) -> list[_OctopusPrice]:
    """Return the prices of a register."""
    what = f"Economy 7 {register} rates"
    content = load_json(source, what)
    _check_list_name(_file_name(source), content, register, what)
    return _steady_prices(content, what, payment_method)


def _standing_charges(source: Any, payment_method: str | None) -> list[_OctopusPrice | None]:
    """Return the standing charges per day, [None] if there are none."""
    if source is None:
        return [None]
    what = "Octopus standing charges"
    return [*_steady_prices(load_json(source, what), what, payment_method)]


def _steady_prices(content: Any, what: str, payment_method: str | None) -> list[_OctopusPrice]:
    """Return the prices of a list of the API, or one price in major units."""
    if isinstance(content, int | float):
        return [_OctopusPrice(None, None, checks.finite(content, what), what)]
    return _merged(_read_prices(content, what, payment_method))


def _standing(charge: _OctopusPrice | None) -> tuple[FixedCharge, ...]:
    return standing_charge(None if charge is None else charge.price)


def _joined(parts: list[Tariff], name: str, findings: list[str]) -> Tariff:
    tariff = parts[0] if len(parts) == 1 else Tariff.successive(parts, name=name)
    return tariff.replace(findings=tuple(findings))


def _both_lists(content: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return unit rates and standing charges of an object of both lists."""
    unknown = sorted(set(content) - {UNIT_RATES, STANDING_CHARGES})
    if unknown:
        raise InputError(
            f"cannot price {', '.join(unknown)} beside {UNIT_RATES}; known: {STANDING_CHARGES}"
        )
    return content[UNIT_RATES], content.get(STANDING_CHARGES)


def _file_name(source: Any) -> str:
    is_file = isinstance(source, str | Path) and not is_json_text(source)
    return Path(source).name if is_file else ""


def _check_list_name(file_name: str, content: Any, expected: str, what: str) -> bool:
    """Return whether the name of the file or an address says which list of rates it is.

    Raises InputError if it is another one.
    """
    names = [file_name]
    for page in content if is_list(content) else [content]:
        if isinstance(page, Mapping):
            names += [str(page.get(field)) for field in ("next", "previous")]
    found = set(_LIST_NAME.findall(" ".join(names).lower()))
    if found - {expected}:
        other = f"{min(found - {expected})}-unit-rates"
        raise InputError(f"{what}: these are {other}; {_TWO_REGISTERS}")
    return bool(found)


def _ignored_columns(content: Any, what: str) -> list[str]:
    if not is_frame(content):
        return []
    others = [str(name) for name in content.columns if name not in _ROW_FIELDS]
    return [f"tariff.ignored: {what}: {', '.join(others)}"] if others else []


def _parts(empty: Tariff, rates: list[_OctopusPrice]) -> list[Tariff]:
    """Return `empty` with prices: those with both ends as one series, those without apart.

    A price series needs both ends, so a first or last price without one is a rate.
    """
    unbounded = [rate for rate in rates if rate.start_us is None or rate.end_us is None]
    bounded = [rate for rate in rates if rate not in unbounded]
    parts = [_flat(empty, rate) for rate in unbounded]
    if len(bounded) == 1:
        parts.append(_flat(empty, bounded[0]))
    elif bounded:
        parts.append(replace(empty, rates=(), series=_series(bounded)))
    return parts


def _flat(empty: Tariff, rate: _OctopusPrice) -> Tariff:
    return replace(
        empty,
        rates=(Rate(rate.price),),
        valid_from_us=rate.start_us,
        valid_to_us=rate.end_us,
    )


def _series(rates: list[_OctopusPrice]) -> PriceSeries:
    return PriceSeries(
        np.array([rate.start_us for rate in rates], dtype=np.int64),
        np.array([rate.end_us for rate in rates], dtype=np.int64),
        np.array([rate.price for rate in rates]),
    )


def _during(rates: list[_OctopusPrice], charge: _OctopusPrice) -> list[_OctopusPrice]:
    """Return the rates while a standing charge holds, cut to its time."""
    cut = []
    for rate in rates:
        time = shared_time([rate.validity, charge.validity])
        if not is_empty(time):
            cut.append(rate._replace(start_us=time[0], end_us=time[1]))
    return cut


def _merged(prices: list[_OctopusPrice]) -> list[_OctopusPrice]:
    """Return neighbours of equal price as one."""
    merged = prices[:1]
    for price in prices[1:]:
        if price.price == merged[-1].price:
            merged[-1] = merged[-1]._replace(end_us=price.end_us)
        else:
            merged.append(price)
    return merged


def _read_prices(source: Any, what: str, payment_method: str | None) -> list[_OctopusPrice]:
    """Return the prices of all rows by time, without gap or overlap."""
    rows = _rows_of_method(_rows(source, what), what, payment_method)
    prices = [_read_price(row, place) for row, place in rows]
    prices.sort(key=lambda price: start_key(price.validity))
    # Pages that were fetched one after another may repeat the row at their seam.
    prices = _without_repeats(prices)
    for price, following in pairwise(prices):
        if price.end_us is None or price.end_us != following.start_us:
            places = f"{price.place} and {following.place.removeprefix(f'{what}, ')}"
            raise InputError(f"{places}: {_clash(price, following)}")
    return prices


def _without_repeats(prices: list[_OctopusPrice]) -> list[_OctopusPrice]:
    """Return ordered prices without those that are the same as the one before."""
    kept = prices[:1]
    for price in prices[1:]:
        if price._replace(place=kept[-1].place) != kept[-1]:
            kept.append(price)
    return kept


def _clash(a: _OctopusPrice, b: _OctopusPrice) -> str:
    if a.end_us is not None and b.start_us is not None and b.start_us > a.end_us:
        return (
            f"no price from {to_text(a.end_us)} to {to_text(b.start_us)}; "
            "request that time from the API too"
        )
    both = to_text(b.start_us or a.start_us or 0)
    return f"both hold at {both}; give the rows of one tariff, each once. Also, {_TWO_REGISTERS}"


def _rows(source: Any, what: str) -> list[_PlacedRow]:
    """Return every row of a frame, of a list of rows, or of every page, with its place."""
    if is_frame(source):
        source = [_row_of_frame(row) for row in records_of(source)]
    if is_list(source) and any(_is_row(each) for each in source):
        return [(row, f"{what}, row {index}") for index, row in enumerate(source)]
    rows = _rows_of_pages(source, what)
    if not rows:
        raise InputError(f"{what}: no rows; request a time at which the tariff was on sale")
    return rows


def _row_of_frame(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known columns of a row; a frame of a CSV file has text in all cells."""
    known = {name: row[name] for name in _ROW_FIELDS if row.get(name) not in (None, "")}
    for name in ("value_exc_vat", "value_inc_vat"):
        if isinstance(known.get(name), str):
            with suppress(ValueError):  # the error about it names the row
                known[name] = float(known[name])
    return known


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) and "results" not in value and "value_inc_vat" in value


def _rows_of_pages(source: Any, what: str) -> list[_PlacedRow]:
    pages = source if is_list(source) else [source]
    rows: list[_PlacedRow] = []
    for number, page in enumerate(pages, 1):
        place = f"{what}, page {number}" if len(pages) > 1 else what
        results = _results(page, place)
        rows += [(row, f"{place}, row {index}") for index, row in enumerate(results)]
    _check_complete(pages, len(rows), what)
    return rows


def _results(page: Any, what: str) -> Sequence[Any]:
    if not isinstance(page, Mapping) or not isinstance(page.get("results"), list | tuple):
        raise InputError(
            f"{what}: expected the API's answer, an object with a list of results, or its rows as "
            f"a list or a DataFrame; {_TWO_REGISTERS}"
        )
    check_object(page, _PAGE_FIELDS, what)
    results: Sequence[Any] = page["results"]
    return results


def _check_complete(pages: Sequence[Mapping[str, Any]], rows: int, what: str) -> None:
    """Raise InputError if there are more rows at the service than in the pages."""
    counts = [page["count"] for page in pages if page.get("count") is not None]
    for count in counts:
        if not isinstance(count, int) or isinstance(count, bool):
            raise InputError(f"{what}, count: {count!r} is not a number of rows")
    # Each page states the number of rows of all pages; only the last page has no next one.
    total = max(counts, default=0)
    all_have_next = all(page.get("next") is not None for page in pages)
    if rows < total or (all_have_next and not counts):
        raise InputError(
            f"{what}: got {rows} rows of {total or 'more'}; "
            "fetch the pages behind 'next' and give a list of all of them"
        )


def _rows_of_method(
    rows: list[_PlacedRow], what: str, payment_method: str | None
) -> list[_PlacedRow]:
    """Return the rows for one payment method; rows without one are for all."""
    rows_of: dict[str | None, list[_PlacedRow]] = {}
    for row, place in rows:
        rows_of.setdefault(_method(row, place), []).append((row, place))
    named = sorted(method for method in rows_of if method is not None)
    known = ", ".join(named)
    if payment_method is None:
        if len(rows_of) > 1:
            raise InputError(f"{what}: prices differ by payment_method; give one of {known}")
        return next(iter(rows_of.values()))
    if named and payment_method not in named:
        raise InputError(f"{what}: payment_method {payment_method!r} is not one of {known}")
    return [*rows_of.get(None, ()), *rows_of.get(payment_method, ())]


def _method(row: Any, place: str) -> str | None:
    check_object(row, _ROW_FIELDS, place)
    method = row.get("payment_method")
    if method is not None and not isinstance(method, str):
        raise InputError(f"{place}, payment_method: {method!r} is not a string")
    return method


def _read_price(row: Mapping[str, Any], place: str) -> _OctopusPrice:
    start = read_instant(row, "valid_from", place)
    end = read_instant(row, "valid_to", place)
    if is_empty((start, end)):
        raise InputError(
            f"{place}: valid_to {row['valid_to']} is not after valid_from {row['valid_from']}"
        )
    pence = checks.finite(row.get("value_inc_vat"), f"{place}, value_inc_vat")
    # Divided as decimal numbers: 24.5 pence are 0.245 and not the nearest quotient of two floats.
    pounds = float(Decimal(repr(pence)) / _PENCE)
    return _OctopusPrice(start, end, pounds, place)
