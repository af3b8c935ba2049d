"""``GET /v1/reports/equipment_performance`` as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import month_of
from flipkit.errors import UnexpectedAnswer
from flipkit.flip.read import columns_of, rows_of
from flipkit.flip.wire import PERFORMANCE_LISTS, PERFORMANCE_NAMES
from flipkit.frames import EQUIPMENT_PERFORMANCE
from flipkit.http import Answer

__all__ = ["performance_columns"]


def performance_columns(answer: Answer[Any], asked: str | None) -> dict[str, np.ndarray]:
    """The columns of the equipment performance frame.

    Parameters
    ----------
    answer : Answer
    asked : str or None
        The month that was asked for, ``YYYY-MM``; rows without a month are of that one. None if none was named:
        then they have none, because Flip does not say in which zone its current month is.

    Raises
    ------
    UnexpectedAnswer
        No list of rows, a row without a site, of another month than the one asked for, or with a value of the wrong
        type.
    """
    rows = rows_of(answer, PERFORMANCE_LISTS)
    columns = columns_of(
        answer, rows, EQUIPMENT_PERFORMANCE, PERFORMANCE_NAMES, required=("site_id",)
    )
    columns["month"] = [
        _month(answer, row, given, asked) for row, given in enumerate(columns["month"])
    ]
    columns["performance_index"] = _index(
        columns["performance_index"],
        columns["actual_production_kwh"],
        columns["expected_production_kwh"],
    )
    return EQUIPMENT_PERFORMANCE.arrays(columns)


def _month(answer: Answer[Any], row: int, given: str | None, asked: str | None) -> str | None:
    if not given:
        return asked
    month = month_of(given)
    if month is None:
        raise UnexpectedAnswer(f"row {row}, month: {given!r} is no month", answer.request)
    if asked and month != asked:  # taken as they are, two such answers would count a month twice
        raise UnexpectedAnswer(
            f"row {row}, month: {asked} was asked for, but the row is of {month}", answer.request
        )
    return month


def _index(given: np.ndarray, actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Flip's own ratio, else actual / expected; NaN where nothing was expected."""
    with np.errstate(all="ignore"):
        ratio = np.where(expected > 0, actual / expected, np.nan)
    return np.where(np.isnan(given), np.where(np.isfinite(ratio), ratio, np.nan), given)
