"""A number of the summary by what the scenarios change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import CHANGE_COLUMNS, GLOSSARY, SIMULATION_SUMMARY, PivotTable, pivot_table
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.results.changes import ChangeColumns

__all__ = ["check_names", "pivoted", "sweep_axes"]

# What the rows of a cell may differ by, named in this order.
_KEYS = ("site_id", *CHANGE_COLUMNS, "scenario")


def pivoted(
    summary: Mapping[str, Sequence[Any]],
    index: Sequence[str],
    across: str,
    values: str,
    site_ids: Sequence[str],
    baseline: str,
) -> PivotTable:
    """Arrange a number column of the summary of some sites.

    Raises
    ------
    InputError
        See `Simulation.pivot`.
    """
    check_names(index, across, values)
    rows = SIMULATION_SUMMARY.arrays(summary)
    is_selected = np.isin(rows["site_id"].astype(str), list(site_ids))
    rows = {name: cells[is_selected] for name, cells in rows.items()}
    _check_labels(rows, [*index, across])
    _check_currency(rows["currency"], [*index, across], values)
    names = dict.fromkeys([*_KEYS, *index, across, values])
    is_baseline = rows["scenario"] == baseline
    columns = {name: rows[name] for name in names}
    return pivot_table(columns, index, across, values, yields=is_baseline)


def check_names(index: Sequence[str], across: str, values: str) -> None:
    """Raise InputError for names that are not columns of the summary, or not different."""
    names = [*index, across, values]
    unknown = [repr(name) for name in names if name not in SIMULATION_SUMMARY.names]
    if unknown:
        raise InputError(
            f"pivot: the summary has no column {', '.join(unknown)}; choose from"
            f" {', '.join(SIMULATION_SUMMARY.names)}"
        )
    if not index:
        raise InputError("pivot: index is empty; give the column that goes down")
    if len(set(names)) < len(names):
        raise InputError(
            f"pivot: {', '.join(names)}: a column is used twice; index, columns and values differ"
        )
    if GLOSSARY[values].kind != "number":
        raise InputError(f"pivot: values={values!r} is text; choose a column of numbers")


def _check_labels(rows: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
    for name in names:
        if name in CHANGE_COLUMNS and _is_null(rows[name]).all():
            used = [each for each in CHANGE_COLUMNS if not _is_null(rows[each]).all()]
            raise InputError(
                f"pivot: no scenario changes {name}; what they change is in"
                f" {', '.join(used) or 'no column'}"
            )


def _is_null(cells: np.ndarray) -> np.ndarray:
    return np.array([cell is None or cell != cell for cell in cells.tolist()], dtype=bool)


def _check_currency(currencies: np.ndarray, names: Sequence[str], values: str) -> None:
    """Refuse amounts in several currencies in one column without the currency beside them."""
    existing = sorted(set(currencies.tolist()))
    if len(existing) > 1 and GLOSSARY[values].unit == "currency" and "currency" not in names:
        raise InputError(
            f"pivot: {values} is in {', '.join(existing)}; add 'currency' to index, or choose sites"
            " with site_id="
        )


def sweep_axes(
    scenarios: Sequence[Scenario],
    site_id: str,
    index: str | Sequence[str] | None,
    columns: str | None,
) -> tuple[list[str], str]:
    """Return the columns that go down and across; by default those in which the scenarios differ.

    Raises
    ------
    InputError
        The scenarios do not differ in two columns.
    """
    varied = ChangeColumns(scenarios).varied(site_id)
    given = [] if index is None else [index] if isinstance(index, str) else list(index)
    free = [name for name in varied if name not in given and name != columns]
    if columns is None and free:
        columns = free.pop()
    if index is None:
        given = free
    if not given or columns is None:
        raise InputError(
            f"plot: a heat map needs two columns in which the scenarios differ, got"
            f" {', '.join(varied) or 'none'}; make them with Scenario.grid, or give index= and"
            " columns="
        )
    return given, columns
