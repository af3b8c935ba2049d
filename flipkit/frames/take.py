"""Reading what users hand in: either library's frame, or a list of dicts, as checked numpy columns."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from flipkit.calendar import parse_times
from flipkit.errors import InputError, MissingColumnError
from flipkit.frames.libraries import TextRuns, is_frame, library, library_of

__all__ = ["records_of", "take"]

_MOST_NAMES, _LONGEST_NAME = 40, 60  # of columns in an error

_Reader: TypeAlias = Callable[[np.ndarray, str], np.ndarray]


def take(
    data: Any,
    *,
    times: Sequence[str] = (),
    numbers: Sequence[str] = (),
    texts: Sequence[str] = (),
    runs: Sequence[str] = (),
    optional: Sequence[str] = (),
    what: str = "frame",
    faults: dict[int, str] | None = None,
) -> dict[str, Any]:
    """Read named columns from a pandas or polars frame, or from a list of dicts.

    Parameters
    ----------
    data : DataFrame or sequence of mapping
    times, numbers, texts : sequence of str
        The columns to read, by kind.
    runs : sequence of str
        Columns of text to read as `TextRuns`: no work by row where few values fill many rows.
    optional : sequence of str
        Those of them that may be absent: they come as NaT, NaN or None throughout.
    what : str
        What the frame is, for error texts.
    faults : dict, optional
        Where given, a value that cannot be read is no error: it comes as null, and what is wrong is noted here by row.

    Returns
    -------
    dict of str to ndarray, or to TextRuns
        Times as datetime64[us] in UTC, numbers as float64 (NaN where null), texts as objects (None where null); they
        may share the memory of the frame.

    Raises
    ------
    MissingColumnError
        A needed column is absent; the text lists what is there.
    NaiveTimestampError
        A time without a zone.
    InputError
        A value that is no time or no number; names column and row.
    """
    source = _FrameSource(data) if is_frame(data) else _RecordSource(data, what)
    kinds = {
        **dict.fromkeys(times, _times),
        **dict.fromkeys(numbers, _numbers),
        **dict.fromkeys(texts, _texts),
    }
    present = source.names
    missing = [name for name in (*kinds, *runs) if name not in present and name not in optional]
    if missing:
        raise MissingColumnError(
            f"{what}: missing {', '.join(missing)}; the columns are: {_listed(present)}"
        )
    columns = {
        name: source.column(name) if name in present else np.full(source.rows, None, dtype=object)
        for name in kinds
    }
    if faults is not None:
        return {
            name: _lenient(read, columns[name], name, 0, faults) for name, read in kinds.items()
        }
    found: dict[str, Any] = {name: read(columns[name], name) for name, read in kinds.items()}
    return found | {name: _checked_runs(source.text_runs(name), name) for name in runs}


def _listed(names: Sequence[Any]) -> str:
    """The names in words: of a file that is no table they may be thousands, with characters that a terminal obeys."""
    shown = [_shown(str(name)) for name in names[:_MOST_NAMES]]
    left = len(names) - len(shown)
    return ", ".join([*shown, *([f"and {left:,} more"] if left else [])]) or "none"


def _shown(name: str) -> str:
    return reprlib.repr(name) if len(name) > _LONGEST_NAME or not name.isprintable() else name


def _lenient(
    read: _Reader, values: np.ndarray, name: str, first: int, faults: dict[int, str]
) -> np.ndarray:
    """All values at once, else in halves until the ones that cannot be read stand alone."""
    try:
        return read(values, name)
    except InputError as error:
        if len(values) == 1:
            faults.setdefault(first, str(error).replace(f"{name}, row 0:", f"{name}:", 1))
            return read(np.array([None], dtype=object), name)
    half = len(values) // 2
    low, high = _lenient(read, values[:half], name, first, faults), values[half:]
    return np.concatenate([low, _lenient(read, high, name, first + half, faults)])


def records_of(data: Any, *, what: str = "records") -> list[dict[str, Any]]:
    """The rows of a pandas or polars frame, or a list of dicts, with every column they have.

    Parameters
    ----------
    data : DataFrame or sequence of mapping
    what : str
        What they are, for error texts.

    Returns
    -------
    list of dict
        Values as Python objects: whole numbers exact, times with their zone, None where a frame is null.

    Raises
    ------
    InputError
        It is neither, a row is no dict, or two columns have one name.
    """
    if is_frame(data):
        return library(library_of(data)).records(data)
    return [dict(record) for record in _RecordSource(data, what).records]


class _FrameSource:
    def __init__(self, frame: Any) -> None:
        self._library, self._frame = library(library_of(frame)), frame
        self.names, self.rows = self._library.names(frame), self._library.rows(frame)

    def column(self, name: str) -> np.ndarray:
        return self._library.column(self._frame, name)

    def text_runs(self, name: str) -> TextRuns:
        return self._library.text_runs(self._frame, name)


class _RecordSource:
    """A list of dicts; a key that a row lacks is null there."""

    def __init__(self, records: Any, what: str) -> None:
        if isinstance(records, Mapping | str) or not isinstance(records, Iterable):
            raise InputError(
                f"{what}: expected a DataFrame or a list of dicts, got {type(records).__name__}"
            )
        self.records = list(records)
        for row, record in enumerate(self.records):
            if not isinstance(record, Mapping):
                raise InputError(f"{what}, row {row}: expected a dict, got {type(record).__name__}")
        self.rows = len(self.records)
        self.names = list(dict.fromkeys(name for record in self.records for name in record))

    def column(self, name: str) -> np.ndarray:
        values = np.empty(self.rows, dtype=object)
        values[:] = [record.get(name) for record in self.records]
        return values

    def text_runs(self, name: str) -> TextRuns:
        values = self.column(name)
        numbers: dict[Any, int] = {}
        codes = [
            -1 if value is None else numbers.setdefault(value, len(numbers)) for value in values
        ]
        return TextRuns(np.arange(len(values)), np.array(codes, dtype=np.int64), list(numbers))


def _checked_runs(runs: TextRuns, name: str) -> TextRuns:
    for code, label in enumerate(runs.labels):
        if not isinstance(label, str):
            row = int(runs.starts[np.flatnonzero(runs.codes == code)[0]])
            raise InputError(f"{name}, row {row}: {label!r} is no text")
    return runs


def _times(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]", copy=False)
    return parse_times(values, name)


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind in "fiu":
        return values.astype(np.float64, copy=False)
    out = np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        out[row] = np.nan if value is None else _number(value, name, row)
    return out


def _number(value: Any, name: str, row: int) -> float:
    if isinstance(value, bool | np.bool_ | str | bytes):
        raise InputError(f"{name}, row {row}: {value!r} is no number")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{name}, row {row}: the number is too large") from None
    except (TypeError, ValueError):
        raise InputError(f"{name}, row {row}: {value!r} is no number") from None


def _texts(values: np.ndarray, name: str) -> np.ndarray:
    objects = values.astype(object)
    if {str, type(None)}.issuperset(map(type, objects.tolist())):
        return objects
    for row, value in enumerate(objects):
        if value is not None and not isinstance(value, str):
            if value != value:
                objects[row] = None
                continue
            raise InputError(f"{name}, row {row}: {value!r} is no text")
    return objects
