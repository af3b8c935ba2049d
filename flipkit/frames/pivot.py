"""Rows arranged by two or more of their columns: a table of one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames.columns import GLOSSARY, Column
from flipkit.frames.libraries import Frame, library
from flipkit.frames.table import note

__all__ = ["PivotTable", "pivot_frame", "pivot_table"]

_MOST_NAMES = 3


class PivotTable(NamedTuple):
    """A number by some columns that go down, and by one column that goes across.

    Attributes
    ----------
    down : dict of str to ndarray, shape (n,)
        The labels of the columns that go down.
    across : str
        The column that goes across.
    labels : ndarray, shape (m,)
        The labels across.
    values : ndarray of float64, shape (n, m)
        NaN in cells without a row.
    """

    down: dict[str, np.ndarray]
    across: str
    labels: np.ndarray
    values: np.ndarray


def pivot_table(
    columns: Mapping[str, np.ndarray],
    index: Sequence[str],
    across: str,
    values: str,
    *,
    yields: np.ndarray,
) -> PivotTable:
    """Arrange the rows; labels that are numbers ascend, text keeps its order.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Those of `index`, `across` and `values`, and others by which rows may differ.
    index : sequence of str
    across, values : str
    yields : ndarray of bool
        Rows that are left out if another row has the same cell.

    Raises
    ------
    InputError
        Several rows in a cell; a label that is null.
    """
    for name in (*index, across):
        if _is_null(columns[name]).any():
            raise InputError(f"pivot: {name} is null in some rows; choose another column")
    cells = list(zip(*(columns[name].tolist() for name in (*index, across)), strict=True))
    occupied = {cell for cell, gives_way in zip(cells, yields, strict=True) if not gives_way}
    rows = [n for n, cell in enumerate(cells) if not yields[n] or cell not in occupied]
    selected = {name: cells_of[rows] for name, cells_of in columns.items()}
    keys = {name: cells_of for name, cells_of in selected.items() if name != values}
    _check_unique([cells[row] for row in rows], keys, (*index, across))

    ranks = [_ranks(selected[name]) for name in index]
    by_label = np.column_stack(ranks)
    rows_down, first, row = np.unique(by_label, axis=0, return_index=True, return_inverse=True)
    column = _ranks(selected[across])
    labels, first_across = np.unique(column, return_index=True)
    table = np.full((len(rows_down), len(labels)), np.nan)
    table[row.ravel(), column] = selected[values]
    return PivotTable(
        down={name: selected[name][first] for name in index},
        across=across,
        labels=selected[across][first_across],
        values=table,
    )


def _is_null(cells: np.ndarray) -> np.ndarray:
    if cells.dtype == object:
        return np.array([cell is None for cell in cells], dtype=bool)
    nulls: np.ndarray = np.isnan(cells)
    return nulls


def _ranks(cells: np.ndarray) -> np.ndarray:
    """Return the position of each label: numbers ascend, text is in the order of the rows."""
    labels = list(dict.fromkeys(cells.tolist()))
    if cells.dtype != object:
        labels.sort()
    rank_of = {label: rank for rank, label in enumerate(labels)}
    return np.array([rank_of[cell] for cell in cells.tolist()], dtype=np.int64)


def _check_unique(
    cells: Sequence[tuple[Any, ...]], columns: Mapping[str, np.ndarray], names: Sequence[str]
) -> None:
    """Raise InputError for several rows in a cell, with the columns by which they differ."""
    first_row: dict[tuple[Any, ...], int] = {}
    for row, cell in enumerate(cells):
        first = first_row.setdefault(cell, row)
        if first == row:
            continue
        others = [name for name in columns if name not in names]
        differing = [name for name in others if columns[name][first] != columns[name][row]]
        where = ", ".join(f"{name} {label}" for name, label in zip(names, cell, strict=True))
        raise InputError(
            f"pivot: several rows have {where}; they differ in"
            f" {', '.join(differing[:_MOST_NAMES])}: add one of these to index"
        )


def pivot_frame(table: PivotTable, into: str, facts: Mapping[str, Any]) -> Frame:
    """Return a frame: in pandas `index` is its index, in polars its first columns."""
    names = [str(label) for label in table.labels.tolist()]
    clashing = sorted(set(names) & set(table.down))
    if clashing:
        raise InputError(
            f"pivot: {', '.join(clashing)} of {table.across} is also the name of a column"
        )
    arrays = dict(table.down)
    columns = [GLOSSARY[name] for name in table.down]
    for name, values in zip(names, table.values.T, strict=True):
        arrays[name] = values.copy()
        columns.append(Column(name, "number", "", ""))
    of_library = library(into)
    frame = of_library.make(arrays, columns)
    frame = of_library.indexed(frame, list(table.down), table.across, table.labels)
    note(frame, dict(facts))
    return frame
