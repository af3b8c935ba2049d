"""pandas: the only module that imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from flipkit.errors import InputError, NaiveTimestampError
from flipkit.frames.columns import Column
from flipkit.frames.libraries import TextRuns


def make(arrays: Mapping[str, np.ndarray], columns: Sequence[Column]) -> pd.DataFrame:
    """Return a frame of exactly these columns."""
    series = {column.name: _series(arrays[column.name], column) for column in columns}
    return pd.DataFrame(series, copy=False)


def _series(array: np.ndarray, column: Column) -> pd.Series:
    if column.kind == "time":
        return pd.Series(pd.DatetimeIndex(array).tz_localize("UTC").as_unit("us"))
    if column.kind == "text":
        is_one_cell = len(array) and array.strides == (0,)  # as `Table` makes it from a scalar
        if is_one_cell:
            return pd.Series(pd.array(array[:1], dtype="str").repeat(len(array)))
        return pd.Series(array, dtype="str")
    return pd.Series(array)


def indexed(
    frame: pd.DataFrame, index: Sequence[str], across: str, labels: np.ndarray
) -> pd.DataFrame:
    """Return a pivoted frame with its index, and `labels` of `across` as columns."""
    pivoted = frame.set_index(list(index))
    pivoted.columns = pd.Index(labels, name=across)
    return pivoted


def without_nulls(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that have values, and the names of the others."""
    has_values = frame.notna().any() | frame.empty
    shown = frame.loc[:, has_values]
    return shown, [str(name) for name in frame.columns[~has_values]]


def names(frame: pd.DataFrame) -> list[str]:
    """Return the names of the columns, then of named index levels."""
    return [str(name) for name in [*frame.columns, *_index_levels(frame)]]


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a pivoted frame with its index as the first columns, and the labels as text."""
    if frame.columns.name is None:
        return frame
    reset = frame.reset_index(level=_index_levels(frame))
    reset.columns = pd.Index([str(name) for name in reset.columns])
    return reset


def rows(frame: pd.DataFrame) -> int:
    """Return the number of rows."""
    return len(frame)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dicts."""
    levels = _index_levels(frame)
    flat = frame.reset_index(level=levels) if levels else frame
    objects = flat.astype(object)
    objects.columns = [str(name) for name in objects.columns]
    if objects.columns.has_duplicates:
        raise InputError(f"two columns have the same name: {', '.join(objects.columns)}")
    objects = objects.where(objects.notna(), None)
    return cast(list[dict[str, Any]], objects.to_dict("records"))


def column(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column or index level as numpy."""
    return _to_numpy(_column(frame, name), name)


def text_runs(frame: pd.DataFrame, name: str) -> TextRuns:
    """Return a column or index level as runs of equal cells."""
    values = _column(frame, name)
    starts = _starts_of_identical(values)
    codes, labels = pd.factorize(values.take(starts).astype(object))
    is_start = _differs_from_previous(codes)  # neighbors may be equal without being identical
    return TextRuns(starts[is_start], codes[is_start].astype(np.int64), list(labels))


def compressed(frame: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a column like `column`; if it repeats much, one cell per run and the run lengths."""
    values = _column(frame, name)
    may_repeat = values.dtype == object or isinstance(
        values.dtype, pd.StringDtype | pd.CategoricalDtype
    )
    if may_repeat:
        starts = _starts_of_identical(values)
        if 2 * len(starts) <= len(values):
            lengths = np.diff(starts, append=len(values))
            return _to_numpy(values.iloc[starts], name), lengths
    return _to_numpy(values, name), None


def _index_levels(frame: pd.DataFrame) -> list[Any]:
    """Return the names of index levels that are not also columns."""
    return [name for name in frame.index.names if name is not None and name not in frame.columns]


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        return frame.index.get_level_values(name).to_series()
    values = frame[name]
    if isinstance(values, pd.DataFrame):
        count = len(values.columns)
        raise InputError(f"{count} columns are named {name}; rename or drop all but one")
    return values


def _starts_of_identical(values: pd.Series) -> np.ndarray:
    """Return the first rows of runs of identical cells.

    Cells are compared by address instead of text: this is much faster, and cells of one address are
    equal. Equal cells of two addresses start a new run.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.flatnonzero(_differs_from_previous(np.asarray(values.cat.codes)))
    objects = np.ascontiguousarray(values.to_numpy(dtype=object))
    addresses = np.frombuffer(cast(Any, objects), dtype=np.intp)
    return np.flatnonzero(_differs_from_previous(addresses))


def _differs_from_previous(values: np.ndarray) -> np.ndarray:
    differs = np.ones(len(values), dtype=bool)
    differs[1:] = values[1:] != values[:-1]
    return differs


def _to_numpy(values: pd.Series, name: str) -> np.ndarray:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times: Any = values.array  # holds instants in UTC whatever the zone: no work per row
        in_us = times if times.unit == "us" else times.as_unit("us")
        return np.asarray(in_us.asi8).view("datetime64[us]")
    if pd.api.types.is_datetime64_dtype(values.dtype):
        raise NaiveTimestampError(
            f"column {name} has times without a zone; if they are UTC, use "
            f"frame[{name!r}] = frame[{name!r}].dt.tz_localize('UTC'), else the local zone"
        )
    if pd.api.types.is_bool_dtype(values.dtype) and not values.hasnans:
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_integer_dtype(values.dtype) and not values.hasnans:
        return values.to_numpy(dtype="int64")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype="float64", na_value=np.nan)
    if isinstance(values.dtype, pd.StringDtype):
        return np.asarray(values.array.to_numpy(dtype=object, na_value=None))
    objects = values.to_numpy(dtype=object, copy=True)  # it may share the memory of the frame
    objects[np.asarray(values.isna())] = None
    return objects
