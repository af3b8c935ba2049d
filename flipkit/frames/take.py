"""Reading input: frames of either library, or lists of dicts, as checked numpy columns."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from flipkit.calendar import parse_times
from flipkit.errors import InputError, MissingColumnError
from flipkit.frames.libraries import TextRuns, is_frame, library, library_of

__all__ = ["records_of", "take"]

_MAX_NAMES_SHOWN = 40
_MAX_NAME_LENGTH = 60

_NULL_RUN = TextRuns(starts=np.zeros(1, np.int64), codes=np.full(1, -1), labels=[])

_Parser: TypeAlias = Callable[[np.ndarray, str], np.ndarray]


def take(
    data: Any,
    *,
    times: Sequence[str] = (),
    numbers: Sequence[str] = (),
    texts: Sequence[str] = (),
    booleans: Sequence[str] = (),
    runs: Sequence[str] = (),
    optional: Sequence[str] = (),
    what: str = "frame",
    faults: dict[int, str] | None = None,
) -> dict[str, Any]:
    """Read named columns of a frame or of a list of dicts.

    Parameters
    ----------
    data : DataFrame or sequence of mapping
    times, numbers, texts, booleans : sequence of str
        The columns to read, by kind.
    runs : sequence of str
        Text columns to read as `TextRuns`, without work per row where few values fill many rows.
    optional : sequence of str
        Which of these columns may be absent; they are then null throughout.
    what : str
        What the input is, for error messages.
    faults : dict, optional
        Collects errors by row instead of raising them; such a cell is read as null. Not for
        `booleans` and `runs`.

    Returns
    -------
    dict of str to ndarray or TextRuns
        Times as datetime64[us] in UTC, numbers as float64 (null: NaN), texts as objects (null:
        None), booleans as bool. They may share the memory of the frame.

    Raises
    ------
    MissingColumnError
        A required column is missing; the message lists the columns.
    NaiveTimestampError
        A time without a zone.
    InputError
        A cell of another kind; names column and row.
    """
    source = _FrameSource(data) if is_frame(data) else _RecordSource(data, what)
    parsers: dict[str, _Parser] = {
        **dict.fromkeys(times, _parse_times),
        **dict.fromkeys(numbers, _parse_numbers),
        **dict.fromkeys(texts, _parse_texts),
    }
    _check_present(source.names, [*parsers, *booleans, *runs], optional, what)

    columns: dict[str, Any] = {}
    for name, parse in parsers.items():
        is_present = name in source.names
        values = source.column(name) if is_present else np.full(source.rows, None, dtype=object)
        if faults is None:
            columns[name] = parse(values, name)
        else:
            columns[name] = _parse_leniently(parse, values, name, 0, faults)
    for name in booleans:
        columns[name] = _parse_booleans(source.column(name), name)
    for name in runs:
        is_present = name in source.names
        columns[name] = _checked_runs(source.text_runs(name), name) if is_present else _NULL_RUN
    return columns


def records_of(data: Any, *, what: str = "records") -> list[dict[str, Any]]:
    """Return the rows of a frame, or a list of dicts, with every column they have.

    Parameters
    ----------
    data : DataFrame or sequence of mapping
    what : str
        What the input is, for error messages.

    Returns
    -------
    list of dict
        Python values: integers stay exact, times keep their zone, nulls of a frame are None.

    Raises
    ------
    InputError
        Another type, a row that is not a dict, or two columns of the same name.
    """
    if is_frame(data):
        return library(library_of(data)).records(data)
    return [dict(record) for record in _RecordSource(data, what).records]


class _FrameSource:
    def __init__(self, frame: Any) -> None:
        self._library = library(library_of(frame))
        self._frame = frame
        self.names = self._library.names(frame)
        self.rows = self._library.rows(frame)

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
        code_of: dict[Any, int] = {}
        codes = np.full(self.rows, -1, dtype=np.int64)
        for row, value in enumerate(self.column(name)):
            if value is not None:
                codes[row] = code_of.setdefault(value, len(code_of))
        return TextRuns(starts=np.arange(self.rows), codes=codes, labels=list(code_of))


def _check_present(
    names: Sequence[str], wanted: Sequence[str], optional: Sequence[str], what: str
) -> None:
    missing = [name for name in wanted if name not in names and name not in optional]
    if missing:
        raise MissingColumnError(
            f"{what}: missing {', '.join(missing)}; the columns are: {_listed(names)}"
        )


def _listed(names: Sequence[Any]) -> str:
    """Join names for a message; a file that is not a table may have thousands of odd ones."""
    shown = [_printable(str(name)) for name in names[:_MAX_NAMES_SHOWN]]
    hidden = len(names) - len(shown)
    if hidden:
        shown.append(f"and {hidden:,} more")
    return ", ".join(shown) or "none"


def _printable(name: str) -> str:
    is_plain = len(name) <= _MAX_NAME_LENGTH and name.isprintable()
    return name if is_plain else reprlib.repr(name)


def _parse_leniently(
    parse: _Parser, values: np.ndarray, name: str, first: int, faults: dict[int, str]
) -> np.ndarray:
    """Parse all values at once; on an error, halve them until each bad one stands alone."""
    try:
        return parse(values, name)
    except InputError as error:
        if len(values) == 1:
            message = str(error).replace(f"{name}, row 0:", f"{name}:", 1)
            faults.setdefault(first, message)
            return parse(np.array([None], dtype=object), name)
    half = len(values) // 2
    low = _parse_leniently(parse, values[:half], name, first, faults)
    high = _parse_leniently(parse, values[half:], name, first + half, faults)
    return np.concatenate([low, high])


def _parse_times(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]", copy=False)
    return parse_times(values, name)


def _parse_numbers(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind in "fiu":
        return values.astype(np.float64, copy=False)
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            numbers[row] = _parse_number(value, name, row)
    return numbers


def _parse_number(value: Any, name: str, row: int) -> float:
    try:
        if isinstance(value, bool | np.bool_ | str | bytes):  # float() would convert them
            raise TypeError
        return float(value)
    except OverflowError:
        raise InputError(f"{name}, row {row}: the number is too large") from None
    except (TypeError, ValueError):
        raise InputError(f"{name}, row {row}: {value!r} is not a number") from None


def _parse_texts(values: np.ndarray, name: str) -> np.ndarray:
    texts = values.astype(object)
    types = set(map(type, texts.tolist()))
    if types <= {str, type(None)}:
        return texts
    for row, value in enumerate(texts):
        if value is None or isinstance(value, str):
            continue
        if value == value:
            raise InputError(f"{name}, row {row}: {value!r} is not text")
        texts[row] = None  # NaN and the like differ from themselves
    return texts


def _parse_booleans(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind == "b":
        return values
    for row, value in enumerate(values):
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{name}, row {row}: {value!r} is not True or False")
    return values.astype(bool)


def _checked_runs(runs: TextRuns, name: str) -> TextRuns:
    for code, label in enumerate(runs.labels):
        if not isinstance(label, str):
            run = np.flatnonzero(runs.codes == code)[0]
            raise InputError(f"{name}, row {runs.starts[run]}: {label!r} is not text")
    return runs
