"""What a frame is here: a named list of glossary columns, the same columns and dtypes whatever the data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import provenance
from flipkit.frames.columns import DTYPES, GLOSSARY, Column
from flipkit.frames.libraries import Frame, library

__all__ = ["Table", "returns"]

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMPY = {"number": np.float64, "count": np.int64, "flag": np.bool_, "time": "datetime64[us]"}


@dataclass(frozen=True)
class Table:
    """A kind of frame: its columns and the key by which its rows are sorted.

    Attributes
    ----------
    name : str
    names : tuple of str
        The columns, in order; each is in the glossary.
    key : tuple of str
        The columns that order the rows.
    """

    name: str
    names: tuple[str, ...]
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in GLOSSARY]
        assert not unknown, f"{self.name}: not in the glossary: {unknown}"
        assert set(self.key) <= set(self.names), f"{self.name}: the key is not among the columns"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The declarations of the columns, in order."""
        return tuple(GLOSSARY[name] for name in self.names)

    def build(
        self,
        columns: Mapping[str, Any],
        into: str,
        *,
        ordered: bool = False,
        facts: Mapping[str, Any] | None = None,
    ) -> Frame:
        """Make the frame.

        Parameters
        ----------
        columns : mapping of str to array_like
            Values by column; a column that is absent is null throughout. A scalar fills its column.
        into : {"pandas", "polars"}
        ordered : bool
            The rows are in the order of the key already.
        facts : mapping, optional
            Where the frame comes from; `write_csv` puts it into the ``.meta.json``.

        Raises
        ------
        InputError
            A column that the table does not have, or columns of different lengths.
        """
        arrays = self.arrays(columns)
        if not ordered and self.key:
            arrays = _sorted(arrays, self.key)
        frame = library(into).make(arrays, self.columns)
        if facts:
            provenance.note(frame, dict(facts))
        return frame

    def arrays(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The columns as numpy arrays of one length: text as objects, times as datetime64[us]."""
        extra = sorted(set(columns) - set(self.names))
        if extra:
            raise InputError(f"{self.name}: no such column: {', '.join(extra)}")
        size = next((len(v) for v in columns.values() if not _is_scalar(v)), 0)
        arrays = {c.name: _array(c, columns.get(c.name), size) for c in self.columns}
        wrong = {name: len(a) for name, a in arrays.items() if len(a) != size}
        if wrong:
            raise InputError(f"{self.name}: {size} rows expected, but {wrong}")
        return arrays

    def docstring(self) -> str:
        """The columns as a table for a docstring: name, dtype in pandas, unit, meaning."""
        rows = [(c.name, DTYPES[c.kind][0], c.unit or "-", c.meaning) for c in self.columns]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            "    " + "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]])
            for row in rows
        ]
        order = (
            f"Rows are sorted by {', '.join(self.key)}."
            if self.key
            else "Rows keep the order of the input."
        )
        return "\n".join(["Columns of the frame::", "", *lines, "", order])


def returns(table: Table) -> Callable[[Function], Function]:
    """Append the table's columns to a function's docstring, so that it cannot go stale."""

    def document(function: Function) -> Function:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{table.docstring()}\n"
        return function

    return document


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str) or not hasattr(value, "__len__")


def _array(column: Column, values: Any, size: int) -> np.ndarray:
    if column.kind == "text":
        return _text(values, size)
    dtype: Any = _NUMPY[column.kind]
    if _is_scalar(values):
        empty = {"number": np.nan, "count": 0, "flag": False, "time": np.datetime64("NaT", "us")}[
            column.kind
        ]
        return np.full(size, empty if values is None else values, dtype=dtype)
    array = np.asarray(values) if column.kind == "time" else np.asarray(values, dtype=dtype)
    if column.kind == "time" and array.dtype == np.int64:
        return array.view("datetime64[us]")
    return np.asarray(array, dtype=dtype)


def _text(values: Any, size: int) -> np.ndarray:
    if _is_scalar(values):
        # One cell seen `size` times: the libraries make such a column much faster than one of many cells.
        return np.broadcast_to(np.array([values], dtype=object), size)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _sorted(arrays: dict[str, np.ndarray], key: tuple[str, ...]) -> dict[str, np.ndarray]:
    ranks = [_ranks(arrays[name]) for name in reversed(key)]
    order = np.lexsort(ranks)
    if np.array_equal(order, np.arange(len(order))):
        return arrays
    return {name: array[order] for name, array in arrays.items()}


def _ranks(array: np.ndarray) -> np.ndarray:
    """Something lexsort can order; nulls of text come last, as NaN and NaT do."""
    if array.dtype != object:
        return array
    codes = {
        value: i for i, value in enumerate(sorted(set(array), key=lambda v: (v is None, v or "")))
    }
    return np.fromiter((codes[value] for value in array), dtype=np.int64, count=len(array))
