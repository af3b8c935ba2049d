"""polars: the only module that imports it, together with the CSV writer behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import polars as pl

from flipkit.errors import NaiveTimestampError
from flipkit.frames.columns import GLOSSARY, Column
from flipkit.frames.libraries import TextRuns

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
    return (frame if isinstance(frame, pl.DataFrame) else frame.collect()).height


def records(frame: pl.DataFrame | pl.LazyFrame) -> list[dict[str, Any]]:
    """The rows as dicts."""
    return frame.lazy().collect().to_dicts()


def column(frame: pl.DataFrame | pl.LazyFrame, name: str) -> np.ndarray:
    """One column as numpy."""
    values = (
        frame[name] if isinstance(frame, pl.DataFrame) else frame.select(name).collect().to_series()
    )
    if isinstance(values.dtype, pl.Datetime):
        _refuse_naive(name, values.dtype)
        plain = (
            values.dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.cast_time_unit("us")
        )
        return plain.to_numpy()
    if values.dtype == pl.Boolean and not values.null_count():
        return values.to_numpy()
    if values.dtype.is_integer() and not values.null_count():
        return values.cast(pl.Int64).to_numpy()
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.array([*values.to_list(), None], dtype=object)[:-1]


def text_runs(frame: pl.DataFrame | pl.LazyFrame, name: str) -> TextRuns:
    """A column of text as stretches of equal cells."""
    values = frame.lazy().select(name).collect().to_series()
    begins = values.ne_missing(values.shift(1))
    starts = begins.arg_true().to_numpy().astype(np.int64)
    if len(values) and not begins[0]:  # a null, as is what stands before the first cell
        starts = np.append(np.int64(0), starts)
    firsts = values.gather(starts)
    labels = firsts.drop_nulls().unique(maintain_order=True)
    codes = firsts.replace_strict(
        labels, pl.arange(len(labels), eager=True), default=-1, return_dtype=pl.Int64
    )
    return TextRuns(starts, codes.fill_null(-1).to_numpy(), labels.to_list())


def _refuse_naive(name: str, dtype: pl.Datetime) -> None:
    if dtype.time_zone is None:
        raise NaiveTimestampError(
            f"{name} holds times without a zone. If they are UTC: "
            f"frame.with_columns(pl.col({name!r}).dt.replace_time_zone('UTC')); "
            f"if they are local, name that zone instead"
        )


# What a spreadsheet takes for the start of a formula: = + - @ (and their full-width forms), tab, carriage return,
# line feed, also after leading blanks or quotes.
_FORMULA = r"""^([\s"']*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n])"""
_HARMLESS = "'${1}"
_MADE_HARMLESS = "^'" + _FORMULA.removeprefix("^")
_TIME = "%Y-%m-%dT%H:%M:%S%.fZ"


def in_utc(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The frame with its times in UTC.

    Raises
    ------
    NaiveTimestampError
        Times without a zone.
    """
    collected = frame.lazy().collect()
    timed = {
        name: dtype for name, dtype in collected.schema.items() if isinstance(dtype, pl.Datetime)
    }
    for name, dtype in timed.items():
        _refuse_naive(name, dtype)
    return collected.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in timed)


def from_columns(columns: Mapping[str, tuple[np.ndarray, np.ndarray | None]]) -> pl.DataFrame:
    """A frame from cells, and how often each stands in its column (None: once); objects become their text."""
    return pl.DataFrame([_from_cells(name, *column) for name, column in columns.items()])


def _from_cells(name: str, cells: np.ndarray, counts: np.ndarray | None) -> pl.Series:
    if cells.dtype.kind == "O":
        values = _texts(name, cells.tolist())
    else:
        values = pl.Series(name, cells, nan_to_null=cells.dtype.kind == "f")
    if counts is None:
        return values
    if len(cells) == 1:
        return values.new_from_index(0, int(counts[0]))
    return values.gather(np.repeat(np.arange(len(cells)), counts))


def _texts(name: str, cells: list[Any]) -> pl.Series:
    try:
        return pl.Series(
            name, cells, dtype=pl.String
        )  # of an array that begins with None it makes no text
    except TypeError:
        return pl.Series(
            name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String
        )


def to_csv(frame: pl.DataFrame, file: BinaryIO) -> None:
    """CSV with times in UTC; text that a spreadsheet would run gets a leading apostrophe."""
    guarded = pl.DataFrame([_guarded(series) for series in frame])
    guarded.write_csv(file, datetime_format=_TIME, line_terminator="\n")


def _guarded(series: pl.Series) -> pl.Series:
    named = series.rename(str(pl.Series([series.name]).str.replace(_FORMULA, _HARMLESS).item()))
    if named.null_count() == len(named):
        return pl.repeat(None, len(named), dtype=pl.Null, eager=True).alias(named.name)
    if isinstance(series.dtype, pl.Datetime):
        return _time_texts(named)
    if series.dtype == pl.Float64:
        return _number_texts(named)
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        named = named.cast(pl.String)
    if named.dtype != pl.String or _begin_plainly(named) or not named.str.contains(_FORMULA).any():
        return named
    return named.str.replace(_FORMULA, _HARMLESS)


def _begin_plainly(texts: pl.Series) -> bool:
    """Whether each begins with an ASCII letter or digit (or with what stands between them): cheaper than a pattern."""
    letters = texts.is_between("A", "\x7f", closed="left")
    return letters.all() or (letters | texts.is_between("0", "<", closed="left")).all()


def _number_texts(numbers: pl.Series) -> pl.Series:
    """A column of one number, e.g. a confidence of 1, as text: writing a number takes four times as long."""
    bits = numbers.to_numpy().view(np.int64)  # they tell 0.0 from -0.0
    if numbers.null_count() or (bits != bits[0]).any():
        return numbers
    text = numbers.head(1).to_frame().write_csv(include_header=False).strip()
    return pl.Series(numbers.name, [text]).new_from_index(0, len(numbers))


def _time_texts(times: pl.Series) -> pl.Series:
    """Times as text, each formatted once in a table: formatting is most of the work, and sites share their times."""
    moments = times.to_physical()
    low, high = cast(int | None, moments.min()), cast(int | None, moments.max())
    if low is None or high is None or high - low >= 2**62:
        return times
    step = int(np.gcd.reduce((moments.drop_nulls() - low).to_numpy())) or 1
    size = (high - low) // step + 1
    if 2 * size > len(times):
        return times  # the writer formats them
    texts = pl.Series(times.name, low + step * np.arange(size), dtype=times.dtype).dt.to_string(
        _TIME
    )
    return texts.gather((moments - low) // step)


UnreadableError = pl.exceptions.PolarsError


def read_text(path: Path) -> pl.DataFrame:
    """A CSV file with every cell as text (null where empty, also in quotes), or a parquet file as it is.

    The apostrophe that `to_csv` sets before what looks like a formula is taken away: it is no part of an id.
    """
    if path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    return pl.DataFrame(
        [_unguarded(cells) for cells in pl.read_csv(path, infer_schema=False, null_values="")]
    )


def _unguarded(cells: pl.Series) -> pl.Series:
    return cells.str.replace(_MADE_HARMLESS, "${1}") if cells.str.starts_with("'").any() else cells


def with_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Number columns of the glossary from text; a cell that is no number stays text, for an error that names it."""
    wanted = {c.name for c in GLOSSARY.values() if c.kind == "number"}
    return frame.with_columns(
        _numbers(s) for s in frame if s.name in wanted and s.dtype == pl.String
    )


def _numbers(texts: pl.Series) -> pl.Series:
    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    if numbers.null_count() == texts.null_count():
        return numbers
    mixed = [
        text if number is None else number for text, number in zip(texts, numbers, strict=True)
    ]
    return pl.Series(texts.name, mixed, dtype=pl.Object)


def rows_before(
    frame: pl.DataFrame, rows: Sequence[int], columns: Sequence[pl.Series]
) -> pl.DataFrame:
    """Some rows of a frame, behind new columns, which take the place of ones of the same name."""
    chosen = frame[list(rows)].drop([column.name for column in columns], strict=False)
    return pl.DataFrame([*columns, *chosen])


def read_file(path: Path) -> pl.DataFrame:
    """A CSV or parquet file; columns of the glossary get its types, so that an id of digits stays a text."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    kinds = {"text": pl.String(), "time": pl.String(), "number": pl.Float64()}
    declared = {c.name: kinds[c.kind] for c in GLOSSARY.values() if c.kind in kinds}
    return pl.read_csv(path, schema_overrides=declared, infer_schema_length=None)
