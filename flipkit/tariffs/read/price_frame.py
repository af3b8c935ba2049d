"""A price series from a user's DataFrame."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.tariffs.model import PriceSeries, Tariff
from flipkit.vocabulary import Int64

__all__ = ["read", "series_of_frame"]

_WHAT = "price frame"


def read(frame: Any, *, currency: str, timezone: str, name: str) -> Tariff:
    """Return the tariff of a price frame; see ``Tariff.from_prices``."""
    return Tariff(name, currency, timezone, series=series_of_frame(frame))


def series_of_frame(frame: Any) -> PriceSeries:
    """Return prices from the columns ``start_utc``, ``end_utc``, ``price_per_kwh``.

    Rows may be in any order; error messages count them from 0 as they are in the frame.

    Raises
    ------
    MissingColumnError
        A column is missing.
    NaiveTimestampError
        Times without a zone.
    InputError
        No rows, a null, a row that ends before it begins, a gap or an overlap.
    """
    columns = take(frame, times=("start_utc", "end_utc"), numbers=("price_per_kwh",), what=_WHAT)
    prices = columns["price_per_kwh"]
    if len(prices) == 0:
        raise InputError(f"{_WHAT}: no rows; give at least one price")
    for name in ("start_utc", "end_utc"):
        _refuse_first(np.isnat(columns[name]), f"{name} is null", "fill it or leave the row out")
    _refuse_first(
        ~np.isfinite(prices),
        "price_per_kwh is null or not a finite number",
        "fill it; a missing price is not zero",
    )
    starts = columns["start_utc"].astype("datetime64[us]").astype(np.int64)
    ends = columns["end_utc"].astype("datetime64[us]").astype(np.int64)
    order = np.argsort(starts, kind="stable")
    _check_rows(starts, ends, order)
    return PriceSeries(starts[order], ends[order], prices[order])


def _refuse_first(is_wrong: np.ndarray, problem: str, fix: str) -> None:
    if is_wrong.any():
        row = int(np.flatnonzero(is_wrong)[0])
        raise InputError(f"{_WHAT}: {problem} in row {row}; {fix}")


def _check_rows(starts: Int64, ends: Int64, order: Int64) -> None:
    backward = np.flatnonzero(ends <= starts)
    if len(backward):
        row = int(backward[0])
        raise InputError(
            f"{_WHAT}, row {row}: end_utc {to_text(ends[row])} is not after "
            f"start_utc {to_text(starts[row])}"
        )
    apart = np.flatnonzero(starts[order][1:] != ends[order][:-1])
    if len(apart):
        row, following = order[apart[0] : apart[0] + 2].tolist()
        problem = "a gap" if starts[following] > ends[row] else "an overlap"
        raise InputError(
            f"{_WHAT}: {problem} between row {row}, which ends at {to_text(ends[row])}, and row "
            f"{following}, which begins at {to_text(starts[following])}; "
            "every instant needs exactly one price"
        )
