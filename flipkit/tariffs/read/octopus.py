"""Unit rates and standing charges of the Octopus Energy API, in pence with VAT, as tariffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit import checks
from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.tariffs.model import (
    FixedCharge,
    PriceSeries,
    Rate,
    Tariff,
    Validity,
    is_empty,
    shared_time,
    start_key,
)
from flipkit.tariffs.read.source import check_object, is_list, load_json, read_instant

__all__ = ["read"]

_PAGE_FIELDS = ("count", "next", "previous", "results")
_ROW_FIELDS = ("value_exc_vat", "value_inc_vat", "valid_from", "valid_to", "payment_method")
_PENCE = Decimal(100)
_TWO_REGISTERS = (
    "day and night rates are two lists for two registers of one meter, and the lists do not state "
    "their hours; write such a tariff with Tariff.time_of_use"
)

_Located = tuple[Mapping[str, Any], str]
"""A row as the API returns it, and its place for error messages."""


class _OctopusPrice(NamedTuple):
    """One price and when it holds; None for no limit."""

    start_us: int | None
    end_us: int | None
    price: float
    place: str

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
    payment_method: str | None,
    name: str,
) -> Tariff:
    """Return the tariff of both lists; see ``Tariff.from_octopus``."""
    rates = _read_prices(unit_rates, "Octopus unit rates", payment_method)
    empty = Tariff(name, currency, timezone, (Rate(0.0),))
    if standing_charges is None:
        parts = _parts(empty, rates)
    else:
        charges = _read_prices(standing_charges, "Octopus standing charges", payment_method)
        parts = []
        for charge in _merged(charges):
            fixed = (FixedCharge("standing charge", per_day=charge.price),)
            parts += _parts(replace(empty, fixed=fixed), _during(rates, charge))
        if not parts:
            raise InputError(
                "Octopus: the unit rates and the standing charges share no time; "
                "give those of one tariff"
            )
    return parts[0] if len(parts) == 1 else Tariff.successive(parts, name=name)


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
    """Return the prices of all pages by time, without gap or overlap."""
    rows = _rows_of_pages(load_json(source, what), what)
    rows = _rows_of_method(rows, what, payment_method)
    prices = [_read_price(row, place) for row, place in rows]
    prices.sort(key=lambda price: start_key(price.validity))
    for price, following in pairwise(prices):
        if price.end_us is None or price.end_us != following.start_us:
            places = f"{price.place} and {following.place.removeprefix(f'{what}, ')}"
            raise InputError(f"{places}: {_clash(price, following)}")
    return prices


def _clash(a: _OctopusPrice, b: _OctopusPrice) -> str:
    if a.end_us is not None and b.start_us is not None and b.start_us > a.end_us:
        return (
            f"no price from {to_text(a.end_us)} to {to_text(b.start_us)}; "
            "request that time from the API too"
        )
    both = to_text(b.start_us or a.start_us or 0)
    return f"both hold at {both}; give the rows of one tariff, each once. Also, {_TWO_REGISTERS}"


def _rows_of_pages(source: Any, what: str) -> list[_Located]:
    """Return every row of every page with its place."""
    pages = source if is_list(source) else [source]
    rows: list[_Located] = []
    for number, page in enumerate(pages, 1):
        place = f"{what}, page {number}" if len(pages) > 1 else what
        results = _results(page, place)
        rows += [(row, f"{place}, row {index}") for index, row in enumerate(results)]
    _check_complete(pages, len(rows), what)
    if not rows:
        raise InputError(f"{what}: no rows; request a time at which the tariff was on sale")
    return rows


def _results(page: Any, what: str) -> Sequence[Any]:
    if not isinstance(page, Mapping) or not isinstance(page.get("results"), list | tuple):
        raise InputError(
            f"{what}: expected the API's answer, an object with a list of results; {_TWO_REGISTERS}"
        )
    check_object(page, _PAGE_FIELDS, what)
    # The rows do not say which register they are of, but the addresses of other pages do.
    addresses = f"{page.get('next')} {page.get('previous')}"
    if "day-unit-rates" in addresses or "night-unit-rates" in addresses:
        raise InputError(f"{what}: {_TWO_REGISTERS}")
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


def _rows_of_method(rows: list[_Located], what: str, payment_method: str | None) -> list[_Located]:
    """Return the rows for one payment method; rows without one are for all."""
    rows_of: dict[str | None, list[_Located]] = {}
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
