"""A price series from a frame that a person has."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.tariffs.model import PriceSeries
from flipkit.vocabulary import Int64

__all__ = ["series_of_frame"]


def series_of_frame(frame: Any) -> PriceSeries:
    """Prices from the columns ``start_utc``, ``end_utc``, ``price_per_kwh``, in any order of rows.

    Raises
    ------
    MissingColumnError
        A column is absent.
    NaiveTimestampError
        Times without a zone.
    InputError
        No rows, a null, a row that ends before it begins, a gap or an overlap: names rows (counted from 0) and times.
    """
    what = "price frame"
    columns = take(frame, times=("start_utc", "end_utc"), numbers=("price_per_kwh",), what=what)
    _check_values(columns, what)
    starts, ends = (
        columns[name].astype("datetime64[us]").astype(np.int64) for name in ("start_utc", "end_utc")
    )
    order = np.argsort(starts, kind="stable")
    _check_rows(starts, ends, order, what)
    return PriceSeries(starts[order], ends[order], columns["price_per_kwh"][order])


def _check_values(columns: dict[str, np.ndarray], what: str) -> None:
    if len(columns["start_utc"]) == 0:
        raise InputError(f"{what}: no rows; give at least one price")
    for name in ("start_utc", "end_utc"):
        _refuse(np.isnat(columns[name]), f"{what}: {name} is null", "fill it or leave the row out")
    prices = columns["price_per_kwh"]
    _refuse(
        ~np.isfinite(prices),
        f"{what}: price_per_kwh is null or no finite number",
        "fill it; no price is not zero",
    )


def _refuse(bad: np.ndarray, problem: str, mend: str) -> None:
    if bad.any():
        raise InputError(f"{problem} in row {int(np.flatnonzero(bad)[0])}; {mend}")


def _check_rows(starts: Int64, ends: Int64, order: Int64, what: str) -> None:
    backward = np.flatnonzero(ends <= starts)
    if len(backward):
        row = int(backward[0])
        raise InputError(
            f"{what}, row {row}: end_utc {to_text(ends[row])} is not after start_utc {to_text(starts[row])}"
        )
    apart = np.flatnonzero(starts[order][1:] != ends[order][:-1])
    if len(apart):
        row, following = order[apart[0] : apart[0] + 2].tolist()
        kind = "a gap" if starts[following] > ends[row] else "an overlap"
        raise InputError(
            f"{what}: {kind} between row {row}, which ends at {to_text(ends[row])}, and row {following}, "
            f"which begins at {to_text(starts[following])}; every instant needs exactly one price"
        )
