"""polars: the only module that imports it, together with the CSV writer behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from flipkit.errors import NaiveTimestampError
from flipkit.frames.columns import GLOSSARY, Column

_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "count": pl.Int64(),
    "flag": pl.Boolean(),
}


def make(arrays: Mapping[str, np.ndarray], columns: Sequence[Column]) -> pl.DataFrame:
    """A polars frame of exactly these columns."""
    return pl.DataFrame([_series(arrays[c.name], c) for c in columns])


def _series(array: np.ndarray, column: Column) -> pl.Series:
    if column.kind == "time":
        return pl.Series(column.name, array).dt.replace_time_zone("UTC")
    if column.kind == "text":
        if len(array) and array.strides == (0,):
            return pl.repeat(array[0], len(array), dtype=pl.String, eager=True).alias(column.name)
        return pl.Series(column.name, array.tolist(), dtype=pl.String)
    return pl.Series(column.name, array, dtype=_TYPES[column.kind], nan_to_null=True)


def names(frame: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """The columns."""
    return frame.collect_schema().names()


def rows(frame: pl.DataFrame | pl.LazyFrame) -> int:
    """How many rows."""
    return frame.lazy().collect().height


def records(frame: pl.DataFrame | pl.LazyFrame) -> list[dict[str, Any]]:
    """The rows as dicts."""
    return frame.lazy().collect().to_dicts()


def column(frame: pl.DataFrame | pl.LazyFrame, name: str) -> np.ndarray:
    """One column as numpy."""
    values = frame.lazy().select(name).collect().to_series()
    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone is None:
            raise NaiveTimestampError(
                f"{name} holds times without a zone. If they are UTC: "
                f"frame.with_columns(pl.col({name!r}).dt.replace_time_zone('UTC')); "
                f"if they are local, name that zone instead"
            )
        plain = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.cast_time_unit("us")
        return plain.to_numpy()
    if values.dtype == pl.Boolean and not values.null_count():
        return values.to_numpy()
    if values.dtype.is_integer() and not values.null_count():
        return values.cast(pl.Int64).to_numpy()
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.array([*values.to_list(), None], dtype=object)[:-1]


# What a spreadsheet takes for the start of a formula: = + - @ (and their full-width forms), tab, carriage return,
# line feed, also after leading blanks or quotes.
_FORMULA = r"""^([\s"']*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n])"""


def write_csv(columns: Mapping[str, np.ndarray], target: IO[bytes]) -> None:
    """Numpy columns as CSV; text that a spreadsheet would run gets a leading apostrophe."""
    frame = pl.DataFrame([_plain(name, values) for name, values in columns.items()])
    safe = frame.with_columns(pl.col(pl.String).str.replace(_FORMULA, "'${1}"))
    safe.rename(_harmless).write_csv(target, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ", line_terminator="\n")


def _harmless(name: str) -> str:
    return str(pl.Series([name]).str.replace(_FORMULA, "'${1}").item())


def _plain(name: str, values: np.ndarray) -> pl.Series:
    if values.dtype.kind == "O":
        return pl.Series(name, [None if v is None else str(v) for v in values.tolist()], dtype=pl.String)
    return pl.Series(name, values, nan_to_null=values.dtype.kind == "f")


UnreadableError = pl.exceptions.PolarsError


def read_file(path: Path) -> pl.DataFrame:
    """A CSV or parquet file; columns of the glossary get its types, so that an id of digits stays a text."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    kinds = {"text": pl.String(), "time": pl.String(), "number": pl.Float64()}
    declared = {c.name: kinds[c.kind] for c in GLOSSARY.values() if c.kind in kinds}
    return pl.read_csv(path, schema_overrides=declared, infer_schema_length=None)
