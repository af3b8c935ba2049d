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
    """A pandas frame of exactly these columns."""
    return pd.DataFrame({c.name: _series(arrays[c.name], c) for c in columns}, copy=False)


def _series(array: np.ndarray, column: Column) -> pd.Series:
    if column.kind == "time":
        return pd.Series(pd.DatetimeIndex(array).tz_localize("UTC").as_unit("us"))
    if column.kind == "text":
        if len(array) and array.strides == (0,):
            return pd.Series(pd.array(array[:1], dtype="str").repeat(len(array)))
        return pd.Series(array, dtype="str")
    return pd.Series(array)


def names(frame: pd.DataFrame) -> list[str]:
    """Columns, then named index levels."""
    levels = [
        level for level in frame.index.names if level is not None and level not in frame.columns
    ]
    return [str(name) for name in [*frame.columns, *levels]]


def rows(frame: pd.DataFrame) -> int:
    """How many rows."""
    return len(frame)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts."""
    levels = [
        level for level in frame.index.names if level is not None and level not in frame.columns
    ]
    objects = (frame.reset_index(level=levels) if levels else frame).astype(object)
    objects.columns = [str(name) for name in objects.columns]
    if objects.columns.has_duplicates:
        raise InputError(f"two columns of one name: {', '.join(objects.columns)}")
    return cast(list[dict[str, Any]], objects.where(objects.notna(), None).to_dict("records"))


def text_runs(frame: pd.DataFrame, name: str) -> TextRuns:
    """A column or index level of text as stretches of equal cells."""
    values = _values(frame, name)
    starts = _starts(values)
    codes, labels = pd.factorize(values.take(starts).astype(object))
    new = np.append(np.full(min(1, len(codes)), True), codes[1:] != codes[:-1])
    return TextRuns(starts[new], codes[new].astype(np.int64), list(labels))


def _starts(values: pd.Series) -> np.ndarray:
    """First rows of stretches of cells that are one object, hence equal: their addresses tell, not their texts."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        cells: Any = np.asarray(values.cat.codes)
    else:
        cells = np.frombuffer(np.ascontiguousarray(values.to_numpy(dtype=object)), dtype=np.intp)
    return np.flatnonzero(np.append(np.full(min(1, len(cells)), True), cells[1:] != cells[:-1]))


def _values(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        return frame.index.get_level_values(name).to_series()
    values = frame[name]
    if isinstance(values, pd.DataFrame):
        raise InputError(
            f"{name} is the name of {len(values.columns)} columns; rename or drop all but one"
        )
    return values


def column(frame: pd.DataFrame, name: str) -> np.ndarray:
    """One column or index level as numpy."""
    return _cells(_values(frame, name), name)


def stretches(frame: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A column as `column` gives it; where a cell often follows itself, each stretch once, and how long it is."""
    values = _values(frame, name)
    if values.dtype == object or isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype):
        starts = _starts(values)
        if 2 * len(starts) <= len(values):
            return _cells(values.iloc[starts], name), np.diff(starts, append=len(values))
    return _cells(values, name), None


def _cells(values: pd.Series, name: str) -> np.ndarray:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        cells: Any = values.array  # the instants in UTC, whatever the zone: no work by row
        return np.asarray((cells if cells.unit == "us" else cells.as_unit("us")).asi8).view(
            "datetime64[us]"
        )
    if pd.api.types.is_datetime64_dtype(values.dtype):
        raise NaiveTimestampError(
            f"{name} holds times without a zone. If they are UTC: "
            f"frame[{name!r}] = frame[{name!r}].dt.tz_localize('UTC'); if they are local, name that zone instead"
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
