"""polars: the only module that imports it; also the CSV writer and reader for both libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import polars as pl

from flipkit.errors import NaiveTimestampError
from flipkit.frames.columns import GLOSSARY, Column
from flipkit.frames.libraries import TextRuns

UnreadableError = pl.exceptions.PolarsError

_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
}

# ---- The interface of `Library`


def make(arrays: Mapping[str, np.ndarray], columns: Sequence[Column]) -> pl.DataFrame:
    """Return a frame of exactly these columns."""
    return pl.DataFrame([_series(arrays[column.name], column) for column in columns])


def _series(array: np.ndarray, column: Column) -> pl.Series:
    if column.kind == "time":
        return pl.Series(column.name, array).dt.replace_time_zone("UTC")
    if column.kind == "text":
        is_one_cell = len(array) and array.strides == (0,)  # as `Table` makes it from a scalar
        if is_one_cell:
            return pl.repeat(array[0], len(array), dtype=pl.String, eager=True).alias(column.name)
        return pl.Series(column.name, array.tolist(), dtype=pl.String)
    return pl.Series(column.name, array, dtype=_TYPES[column.kind], nan_to_null=True)


def indexed(
    frame: pl.DataFrame, _index: Sequence[str], _across: str, _labels: np.ndarray
) -> pl.DataFrame:
    """Return a pivoted frame, whose first columns are the index."""
    return frame


def without_nulls(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the columns that have values, and the names of the others."""
    if frame.is_empty():
        return frame, []
    empty = [series.name for series in frame if series.null_count() == len(series)]
    return frame.drop(empty), empty


def names(frame: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return the names of the columns."""
    return frame.collect_schema().names()


def rows(frame: pl.DataFrame | pl.LazyFrame) -> int:
    """Return the number of rows."""
    return cast(int, frame.lazy().select(pl.len()).collect().item())


def records(frame: pl.DataFrame | pl.LazyFrame) -> list[dict[str, Any]]:
    """Return the rows as dicts."""
    return frame.lazy().collect().to_dicts()


def column(frame: pl.DataFrame | pl.LazyFrame, name: str) -> np.ndarray:
    """Return a column as numpy."""
    values = _column(frame, name)
    if isinstance(values.dtype, pl.Datetime):
        _check_zone(name, values.dtype)
        in_utc = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return in_utc.dt.cast_time_unit("us").to_numpy()
    if values.dtype == pl.Boolean and not values.null_count():
        return values.to_numpy()
    if values.dtype.is_integer() and not values.null_count():
        return values.cast(pl.Int64).to_numpy()
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    # With a None at the end numpy never makes a two-dimensional array of cells that are lists.
    return np.array([*values.to_list(), None], dtype=object)[:-1]


def text_runs(frame: pl.DataFrame | pl.LazyFrame, name: str) -> TextRuns:
    """Return a column as runs of equal cells."""
    values = _column(frame, name)
    is_start = values.ne_missing(values.shift(1))
    starts = is_start.arg_true().to_numpy().astype(np.int64)
    if len(values) and not is_start[0]:  # the first cell is null, as is the one shifted in
        starts = np.append(np.int64(0), starts)
    firsts = values.gather(starts)
    labels = firsts.drop_nulls().unique(maintain_order=True)
    codes = firsts.replace_strict(
        labels, pl.arange(len(labels), eager=True), default=-1, return_dtype=pl.Int64
    )
    return TextRuns(starts, codes.fill_null(-1).to_numpy(), labels.to_list())


def _column(frame: pl.DataFrame | pl.LazyFrame, name: str) -> pl.Series:
    if isinstance(frame, pl.LazyFrame):
        return frame.select(name).collect().to_series()
    return frame[name]


def _check_zone(name: str, dtype: pl.Datetime) -> None:
    if dtype.time_zone is None:
        raise NaiveTimestampError(
            f"column {name} has times without a zone; if they are UTC, use "
            f"frame.with_columns(pl.col({name!r}).dt.replace_time_zone('UTC')), else the local zone"
        )


# ---- Writing CSV

# What spreadsheets read as the start of a formula: = + - @ (and their full-width forms), tab,
# carriage return, line feed, also after leading blanks or quotes.
_FORMULA = r"""^([\s"']*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n])"""
_ESCAPED = "'${1}"
_ESCAPED_FORMULA = "^'" + _FORMULA.removeprefix("^")
_TIME = "%Y-%m-%dT%H:%M:%S%.fZ"


def in_utc(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return the frame with its times in UTC; times without a zone are an error."""
    collected = frame.lazy().collect()
    time_columns = []
    for name, dtype in collected.schema.items():
        if isinstance(dtype, pl.Datetime):
            _check_zone(name, dtype)
            time_columns.append(pl.col(name).dt.convert_time_zone("UTC"))
    return collected.with_columns(time_columns)


def from_compressed(columns: Mapping[str, tuple[np.ndarray, np.ndarray | None]]) -> pl.DataFrame:
    """Return a frame from cells and the length of each run (None: 1); objects become text."""
    series = [_expanded(name, cells, lengths) for name, (cells, lengths) in columns.items()]
    return pl.DataFrame(series)


def _expanded(name: str, cells: np.ndarray, lengths: np.ndarray | None) -> pl.Series:
    if cells.dtype.kind == "O":
        values = _text_series(name, cells.tolist())
    else:
        values = pl.Series(name, cells, nan_to_null=cells.dtype.kind == "f")
    if lengths is None:
        return values
    if len(cells) == 1:
        return values.new_from_index(0, int(lengths[0]))
    return values.gather(np.repeat(np.arange(len(cells)), lengths))


def _text_series(name: str, cells: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, cells, dtype=pl.String)
    except TypeError:
        texts = [None if cell is None else str(cell) for cell in cells]
        return pl.Series(name, texts, dtype=pl.String)


def to_csv(frame: pl.DataFrame, file: BinaryIO) -> None:
    """Write CSV with times in UTC; text that a spreadsheet would run gets a leading apostrophe."""
    escaped = pl.DataFrame([_escaped(series) for series in frame])
    escaped.write_csv(file, datetime_format=_TIME, line_terminator="\n")


def _escaped(series: pl.Series) -> pl.Series:
    """Return a column as `to_csv` writes it, with a header that is not a formula either."""
    header = pl.Series([series.name]).str.replace(_FORMULA, _ESCAPED).item()
    values = series.rename(header)
    if values.null_count() == len(values):
        return pl.repeat(None, len(values), dtype=pl.Null, eager=True).alias(header)
    if isinstance(values.dtype, pl.Datetime):
        return _format_times(values)
    if values.dtype == pl.Float64:
        return _format_constant(values)
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype != pl.String or _starts_plainly(values):
        return values
    if not values.str.contains(_FORMULA).any():
        return values
    return values.str.replace(_FORMULA, _ESCAPED)


def _starts_plainly(texts: pl.Series) -> bool:
    """Return whether all begin with an ASCII letter or digit: cheaper than the pattern.

    The ranges are ``A`` to ``~`` and ``0`` to ``;``: none of their characters begins a formula.
    """
    is_plain = texts.is_between("A", "\x7f", closed="left")
    if is_plain.all():
        return True
    return (is_plain | texts.is_between("0", "<", closed="left")).all()


def _format_constant(numbers: pl.Series) -> pl.Series:
    """Return a column of one repeated number, such as a confidence of 1, as text.

    Writing a number takes four times as long as writing text.
    """
    bits = numbers.to_numpy().view(np.int64)  # they distinguish 0.0 from -0.0
    if numbers.null_count() or (bits != bits[0]).any():
        return numbers
    text = numbers.head(1).to_frame().write_csv(include_header=False).strip()
    return pl.Series(numbers.name, [text]).new_from_index(0, len(numbers))


def _format_times(times: pl.Series) -> pl.Series:
    """Return times as text, each distinct one formatted once.

    Formatting is most of the work of the writer, and sites share their times. Where a regular grid
    from the first to the last time is not much smaller than the column, the writer formats them.
    """
    instants = times.to_physical()
    first = cast(int | None, instants.min())
    last = cast(int | None, instants.max())
    if first is None or last is None or last - first >= 2**62:
        return times
    step = int(np.gcd.reduce((instants.drop_nulls() - first).to_numpy())) or 1
    size = (last - first) // step + 1
    if 2 * size > len(times):
        return times
    grid = pl.Series(times.name, first + step * np.arange(size), dtype=times.dtype)
    return grid.dt.to_string(_TIME).gather((instants - first) // step)


# ---- Reading CSV and parquet


def read_text(path: Path) -> pl.DataFrame:
    """Read a CSV file with every cell as text (empty: null), or a parquet file as it is.

    The apostrophe that `to_csv` adds to formulas is removed, because it is not part of an id.
    """
    if path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    frame = pl.read_csv(path, infer_schema=False, null_values="")
    return pl.DataFrame([_unescaped(texts) for texts in frame])


def _unescaped(texts: pl.Series) -> pl.Series:
    if not texts.str.starts_with("'").any():
        return texts
    return texts.str.replace(_ESCAPED_FORMULA, "${1}")


def with_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert number columns of the glossary from text; cells that are not numbers stay text."""
    converted = []
    for series in frame:
        declared = GLOSSARY.get(series.name)
        if declared and declared.kind == "number" and series.dtype == pl.String:
            converted.append(_numbers(series))
    return frame.with_columns(converted)


def _numbers(texts: pl.Series) -> pl.Series:
    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    if numbers.null_count() == texts.null_count():
        return numbers
    cells = [
        text if number is None else number for text, number in zip(texts, numbers, strict=True)
    ]
    return pl.Series(texts.name, cells, dtype=pl.Object)


def select_rows(
    frame: pl.DataFrame, rows: Sequence[int], columns: Sequence[pl.Series]
) -> pl.DataFrame:
    """Return some rows of a frame after new `columns`, which replace those of the same name."""
    replaced = [column.name for column in columns]
    selected = frame[list(rows)].drop(replaced, strict=False)
    return pl.DataFrame([*columns, *selected])


def read_typed(path: Path, numbers: Sequence[str]) -> pl.DataFrame:
    """Read a CSV file; columns other than `numbers` are text."""
    types = dict.fromkeys(numbers, pl.Float64())
    # Without types polars would read the whole file twice, the first time slowly.
    return pl.read_csv(path, schema_overrides=types, infer_schema=False)
