"""Tables: the declared frames, which have the same columns and dtypes whatever the data."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from flipkit.errors import InputError
from flipkit.frames.columns import DTYPES, GLOSSARY, Column
from flipkit.frames.libraries import Frame, Library, library

__all__ = ["Table", "facts", "note", "returns"]

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMPY: dict[str, Any] = {
    "number": np.float64,
    "integer": np.int64,
    "boolean": np.bool_,
    "time": np.dtype("datetime64[us]"),
}
_EMPTY = {"number": np.nan, "integer": 0, "boolean": False, "time": np.datetime64("NaT", "us")}


@dataclass(frozen=True)
class Table:
    """The declaration of a frame: its columns, and the key by which its rows are sorted.

    Attributes
    ----------
    name : str
    names : tuple of str
        The columns, in order; each one is in the glossary.
    key : tuple of str
        The columns that the rows are sorted by; empty to keep the order of the input.
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
        """Build the frame.

        Parameters
        ----------
        columns : mapping of str to array_like
            Values by column. A scalar fills its column; a column that is absent is null.
        into : {"pandas", "polars"}
        ordered : bool
            Whether the rows are sorted by the key already.
        facts : mapping, optional
            The origin of the frame, such as ``query`` and ``data_time_utc``; see `facts`.

        Raises
        ------
        InputError
            A column that the table does not have, or columns of different lengths.
        """
        arrays = self.arrays(columns)
        if self.key and not ordered:
            arrays = _sorted(arrays, self.key)
        of_library = library(into)
        frame = of_library.make(arrays, self.columns)
        _show_values_only(frame, of_library)
        if facts:
            note(frame, dict(facts))
        return frame

    def arrays(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return all columns as arrays of one length: text as objects, times as datetime64[us]."""
        unknown = sorted(set(columns) - set(self.names))
        if unknown:
            raise InputError(f"{self.name}: no such column: {', '.join(unknown)}")
        size = _size_of(columns)
        arrays = {
            column.name: _array(column, columns.get(column.name), size) for column in self.columns
        }
        wrong = {name: len(array) for name, array in arrays.items() if len(array) != size}
        if wrong:
            raise InputError(f"{self.name}: expected {size} rows, got {wrong}")
        return arrays

    def docstring(self) -> str:
        """Return the columns as a table for a docstring: name, dtype in pandas, unit, meaning."""
        names = _padded([column.name for column in self.columns])
        dtypes = _padded([DTYPES[column.kind] for column in self.columns])
        units = _padded([column.unit or "-" for column in self.columns])
        meanings = [column.meaning for column in self.columns]
        lines = [
            "    " + "  ".join(row) for row in zip(names, dtypes, units, meanings, strict=True)
        ]
        order = "Rows keep the order of the input."
        if self.key:
            order = f"Rows are sorted by {', '.join(self.key)}."
        return "\n".join(["Columns of the frame::", "", *lines, "", order])


def returns(table: Table) -> Callable[[Function], Function]:
    """Append the columns of `table` to the docstring of a function."""

    def document(function: Function) -> Function:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{table.docstring()}\n"
        return function

    return document


# polars frames have no attribute for notes, and frames of neither library can be hashed: facts are
# keyed by identity, and forgotten together with the frame.
_facts_by_id: dict[int, dict[str, Any]] = {}


def facts(frame: Frame) -> dict[str, Any]:
    """Return the origin of a frame that `Table.build` made; empty for any other frame."""
    return dict(_facts_by_id.get(id(frame), {}))


def note(frame: Frame, about: dict[str, Any]) -> None:
    """Remember the origin of `frame` for as long as it lives."""
    key = id(frame)
    if key not in _facts_by_id:
        weakref.finalize(frame, _facts_by_id.pop, key, None)
    _facts_by_id[key] = about


def _show_values_only(frame: Frame, of_library: Library) -> None:
    """Let a notebook show the columns that have values; below them, it names the others.

    The frame keeps all columns, and what is selected from it is shown as usual.
    """
    # An attribute of this frame alone, as a subclass would not survive the library's methods. It
    # must not keep the frame alive; `f()._repr_html_()` frees the frame before it is shown.
    reference = weakref.ref(frame)
    same_data = frame[:]

    def html() -> str | None:
        living = reference()
        shown, empty = of_library.without_nulls(same_data if living is None else living)
        text: str | None = type(shown)._repr_html_(shown)
        if text is None or not empty:
            return text
        return f"{text}<div>columns without values: {', '.join(empty)}</div>"

    object.__setattr__(frame, "_repr_html_", html)


def _size_of(columns: Mapping[str, Any]) -> int:
    for values in columns.values():
        if not _is_scalar(values):
            return len(values)
    return 0


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str) or not hasattr(value, "__len__")


def _array(column: Column, values: Any, size: int) -> np.ndarray:
    if column.kind == "text":
        return _text_array(values, size)
    dtype = _NUMPY[column.kind]
    if values is None:
        values = _EMPTY[column.kind]
    if _is_scalar(values):
        return np.full(size, values, dtype=dtype)
    if column.kind == "time":
        times = np.asarray(values)
        is_us = times.dtype == np.int64  # microseconds UTC: the same bits
        return times.view(dtype) if is_us else np.asarray(times, dtype=dtype)
    return np.asarray(values, dtype=dtype)


def _text_array(values: Any, size: int) -> np.ndarray:
    if _is_scalar(values):
        # One cell with a stride of 0: both libraries build the column from it much faster.
        return np.broadcast_to(np.array([values], dtype=object), size)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _sorted(arrays: dict[str, np.ndarray], key: tuple[str, ...]) -> dict[str, np.ndarray]:
    ranks = [_ranks(arrays[name]) for name in reversed(key)]  # lexsort: the last one counts most
    order = np.lexsort(ranks)
    if np.array_equal(order, np.arange(len(order))):
        return arrays
    return {name: array[order] for name, array in arrays.items()}


def _ranks(array: np.ndarray) -> np.ndarray:
    """Return what lexsort can order; null texts come last, as NaN and NaT do."""
    if array.dtype != object:
        return array
    texts = sorted(set(array), key=lambda text: (text is None, text or ""))
    rank_of = {text: rank for rank, text in enumerate(texts)}
    return np.fromiter((rank_of[text] for text in array), dtype=np.int64, count=len(array))


def _padded(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]
