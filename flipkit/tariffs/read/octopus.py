"""Unit rates and standing charges as the Octopus Energy API lists them, in pence with VAT, as tariffs in pounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import to_text, to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import FixedCharge, PriceSeries, Rate, check_number
from flipkit.tariffs.read.json_source import load_json

__all__ = ["read"]

_ANSWER = {"count", "next", "previous", "results"}
_ROW = {"value_exc_vat", "value_inc_vat", "valid_from", "valid_to", "payment_method"}
_PENCE = Decimal(100)
_TWO_REGISTERS = (
    "day and night rates are two lists for two registers of one meter, which hold at hours that the lists do not say; "
    "write those with Tariff.time_of_use"
)


class _Row(NamedTuple):
    """One price and when it holds; None for no bound."""

    start_us: int | None
    end_us: int | None
    price: float
    place: str


def read(
    unit_rates: Any, standing_charges: Any, payment_method: str | None
) -> list[dict[str, Any]]:
    """The fields of one `Tariff` or of several in force one after another; see ``Tariff.from_octopus``."""
    rates = _rows(unit_rates, "unit rates", payment_method)
    if standing_charges is None:
        return _parts(rates, ())
    charges = _merged(_rows(standing_charges, "standing charges", payment_method))
    found = [
        part
        for charge in charges
        for part in _parts(
            _clipped(rates, charge), (FixedCharge("standing charge", per_day=charge.price),)
        )
    ]
    if not found:
        raise InputError(
            "Octopus: the unit rates and the standing charges share no time; hand in those of one tariff"
        )
    return found


def _parts(rates: list[_Row], fixed: tuple[FixedCharge, ...]) -> list[dict[str, Any]]:
    """Rates with both ends as one price series, those without as prices of their own."""
    bounded = [row for row in rates if row.start_us is not None and row.end_us is not None]
    series = [_series(bounded)] if len(bounded) > 1 else [_flat(row) for row in bounded]
    first = [_flat(row) for row in rates[:1] if row.start_us is None]
    last = [_flat(row) for row in rates[-1:] if row.end_us is None and row.start_us is not None]
    return [{**part, "fixed": fixed} for part in (*first, *series, *last)]


def _series(rows: list[_Row]) -> dict[str, Any]:
    starts, ends = (np.array([row[side] for row in rows], dtype=np.int64) for side in (0, 1))
    return {"series": PriceSeries(starts, ends, np.array([row.price for row in rows]))}


def _flat(row: _Row) -> dict[str, Any]:
    return {"rates": (Rate(row.price),), "valid_from_us": row.start_us, "valid_to_us": row.end_us}


def _clipped(rates: list[_Row], charge: _Row) -> list[_Row]:
    """The rates while a standing charge holds."""
    begin, stop = charge.start_us, charge.end_us
    inside = [row for row in rates if not (_ends(row.end_us, begin) or _ends(stop, row.start_us))]
    return [
        row._replace(start_us=_later(row, charge), end_us=_earlier(row, charge)) for row in inside
    ]


def _ends(end_us: int | None, start_us: int | None) -> bool:
    """Whether what ends then is over at the start of the other."""
    return end_us is not None and start_us is not None and end_us <= start_us


def _later(a: _Row, b: _Row) -> int | None:
    return max((row.start_us for row in (a, b) if row.start_us is not None), default=None)


def _earlier(a: _Row, b: _Row) -> int | None:
    return min((row.end_us for row in (a, b) if row.end_us is not None), default=None)


def _merged(rows: list[_Row]) -> list[_Row]:
    """Neighbours of equal price made one."""
    found = rows[:1]
    for row in rows[1:]:
        if row.price == found[-1].price:
            found[-1] = found[-1]._replace(end_us=row.end_us)
        else:
            found.append(row)
    return found


def _rows(source: Any, what: str, payment_method: str | None) -> list[_Row]:
    """The rows of all pages by time, for one way of payment, without gap or overlap."""
    given = _given(load_json(source, f"Octopus {what}"), f"Octopus {what}")
    chosen = _of_method(given, f"Octopus {what}", payment_method)
    rows = sorted(
        (_row(*each) for each in chosen),
        key=lambda row: (row.start_us is not None, row.start_us or 0),
    )
    for a, b in pairwise(rows):
        if a.end_us is None or b.start_us is None or a.end_us != b.start_us:
            raise InputError(
                f"{a.place} and {b.place.removeprefix(f'Octopus {what}, ')}: {_clash(a, b)}"
            )
    return rows


def _clash(a: _Row, b: _Row) -> str:
    if a.end_us is None or b.start_us is None or b.start_us < a.end_us:
        both = to_text(b.start_us or a.start_us or 0)
        return (
            f"both hold at {both}; hand in the rows of one tariff, each once. And {_TWO_REGISTERS}"
        )
    return (
        f"no price from {to_text(a.end_us)} to {to_text(b.start_us)}; ask the API for that time too"
    )


def _given(source: Any, what: str) -> list[tuple[Mapping[str, Any], str]]:
    """Every row of every page with its place."""
    pages = (
        source if isinstance(source, Sequence) and not isinstance(source, str | bytes) else [source]
    )
    found: list[tuple[Mapping[str, Any], str]] = []
    for number, page in enumerate(pages):
        at_page = f"{what}, page {number + 1}" if len(pages) > 1 else what
        found += [
            (row, f"{at_page}, row {place}") for place, row in enumerate(_results(page, at_page))
        ]
    _check_complete(pages, len(found), what)
    if not found:
        raise InputError(f"{what}: no rows; ask the API for a time at which the tariff was on sale")
    return found


def _results(page: Any, what: str) -> Sequence[Any]:
    if not isinstance(page, Mapping) or not isinstance(page.get("results"), list | tuple):
        raise InputError(
            f"{what}: expected the API's answer, an object with a list of results; {_TWO_REGISTERS}"
        )
    unknown = sorted(str(name) for name in page if name not in _ANSWER and page[name] is not None)
    if unknown:
        raise InputError(
            f"{what}: cannot price {', '.join(unknown)}; known: {', '.join(sorted(_ANSWER))}"
        )
    addresses = f"{page.get('next')} {page.get('previous')}"
    if "day-unit-rates" in addresses or "night-unit-rates" in addresses:
        raise InputError(f"{what}: {_TWO_REGISTERS}")
    results: Sequence[Any] = page["results"]
    return results


def _check_complete(pages: Sequence[Any], rows: int, what: str) -> None:
    """Raise InputError where there are more rows than were handed in."""
    counts = [page["count"] for page in pages if page.get("count") is not None]
    for count in counts:
        if not isinstance(count, int) or isinstance(count, bool):
            raise InputError(f"{what}, count: {count!r} is no number of rows")
    total = max(counts, default=0)
    unread = all(page.get("next") is not None for page in pages)
    if rows < total or (unread and not counts):
        raise InputError(
            f"{what}: {rows} rows of {total or 'more'} are here; fetch the pages behind 'next' and hand in a list of "
            "all of them"
        )


def _of_method(
    rows: Iterable[tuple[Any, str]], what: str, payment_method: str | None
) -> list[tuple[Mapping[str, Any], str]]:
    """The rows for one way of payment; those that name none are for all."""
    found: dict[str | None, list[tuple[Mapping[str, Any], str]]] = {}
    for row, place in rows:
        found.setdefault(_method(row, place), []).append((row, place))
    named = sorted(method for method in found if method is not None)
    if payment_method is None and len(found) > 1:
        raise InputError(f"{what}: prices differ by payment_method; give one of {', '.join(named)}")
    if payment_method is not None and named and payment_method not in named:
        raise InputError(f"{what}: payment_method {payment_method!r} is none of {', '.join(named)}")
    if payment_method is None:
        return next(iter(found.values()))
    return [*found.get(None, ()), *found.get(payment_method, ())]


def _method(row: Any, place: str) -> str | None:
    if not isinstance(row, Mapping):
        raise InputError(f"{place}: expected an object, got {type(row).__name__}")
    unknown = sorted(str(name) for name in row if name not in _ROW and row[name] is not None)
    if unknown:
        raise InputError(
            f"{place}: cannot price {', '.join(unknown)}; known: {', '.join(sorted(_ROW))}"
        )
    method = row.get("payment_method")
    if method is not None and not isinstance(method, str):
        raise InputError(f"{place}, payment_method: {method!r} is no text")
    return method


def _row(row: Mapping[str, Any], place: str) -> _Row:
    start, end = _moment(row, "valid_from", place), _moment(row, "valid_to", place)
    if start is not None and end is not None and end <= start:
        raise InputError(
            f"{place}: valid_to {row['valid_to']} is not after valid_from {row['valid_from']}"
        )
    return _Row(start, end, _pounds(row.get("value_inc_vat"), f"{place}, value_inc_vat"), place)


def _moment(row: Mapping[str, Any], name: str, place: str) -> int | None:
    if row.get(name) is None:
        return None
    try:
        return to_us(row[name])
    except InputError as error:
        raise type(error)(f"{place}, {name}: {error}") from None


def _pounds(pence: Any, what: str) -> float:
    """A hundredth, of the shortest decimal text of the number."""
    return float(Decimal(repr(check_number(pence, what))) / _PENCE)
