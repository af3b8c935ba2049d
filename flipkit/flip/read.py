"""Answers into columns, by the names of an alias table; what does not fit is named by row and field."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flipkit.calendar import parse_times
from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flip.wire import Aliases
from flipkit.frames import Table
from flipkit.http import Answer

__all__ = ["columns_of", "rows_of"]

Row = Mapping[str, Any]


def rows_of(answer: Answer[Any], lists: Sequence[str]) -> list[Row]:
    """The list in an answer: the answer itself, or the first of its members `lists` that is one.

    Raises
    ------
    UnexpectedAnswer
        There is none, or something in it is no object; the text names the row.
    """
    found = list_in(answer.value, lists)
    if found is None:
        held = reprlib.repr(answer.value) if answer.content else "nothing"
        raise UnexpectedAnswer(
            f"expected an array, or an object with an array under {' or '.join(lists)}; the answer holds {held}",
            answer.request,
        )
    for row, item in enumerate(found):
        if not isinstance(item, dict):
            raise UnexpectedAnswer(
                f"row {row} of the answer is no object but {reprlib.repr(item)}", answer.request
            )
    return found


def list_in(value: Any, lists: Sequence[str]) -> list[Any] | None:
    """`value` if it is a list, else the first of its members `lists` that is one, else None."""
    if isinstance(value, list):
        return value
    members = value if isinstance(value, dict) else {}
    return next((members[name] for name in lists if isinstance(members.get(name), list)), None)


def columns_of(
    answer: Answer[Any], rows: Sequence[Row], table: Table, names: Aliases, required: Sequence[str]
) -> dict[str, Any]:
    """The columns of `table`, read from `rows`.

    Parameters
    ----------
    answer : Answer
        Where the rows come from, for the errors.
    rows : sequence of mapping
    table : Table
        Its kinds decide how a value is read: null is null; a whole number may stand for a text, but nothing else
        stands for a number.
    names : mapping of str to tuple of str
        The alias table.
    required : sequence of str
        Columns that no row may lack.

    Raises
    ------
    UnexpectedAnswer
        A value of the wrong type, or a required one that is absent; the text names row and field.
    """
    columns: dict[str, Any] = {}
    for column in table.columns:
        found = [_found(row, names[column.name]) for row in rows]
        try:
            columns[column.name] = _READERS[column.kind](found)
        except InputError as error:
            raise UnexpectedAnswer(
                f"the answer is not what the contract promises: {error}", answer.request
            ) from None
        if column.name in required:
            _check_present(answer, columns[column.name], names[column.name])
    return columns


def _found(row: Row, names: Sequence[str]) -> tuple[str, Any]:
    """The first of `names` that the row has, with its value."""
    return next(
        ((name, row[name]) for name in names if row.get(name) is not None), (names[0], None)
    )


def _check_present(answer: Answer[Any], values: Sequence[Any], names: Sequence[str]) -> None:
    absent = next((row for row, value in enumerate(values) if not value), None)
    if absent is not None:
        raise UnexpectedAnswer(
            f"row {absent} of the answer lacks {' or '.join(names)}", answer.request
        )


def _texts(found: Sequence[tuple[str, Any]]) -> list[str | None]:
    return [_text(value, f"row {row}, {name}") for row, (name, value) in enumerate(found)]


def _text(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)  # an id that is written as a number is still that id
    raise InputError(f"{where}: {reprlib.repr(value)} is no text")


def _numbers(found: Sequence[tuple[str, Any]]) -> np.ndarray:
    return np.array(
        [_number(value, name, row) for row, (name, value) in enumerate(found)], dtype=np.float64
    )


def _number(value: Any, name: str, row: int) -> float:
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"row {row}, {name}: {reprlib.repr(value)} is no number")
    try:
        return float(value) / (1000.0 if name.endswith("_wh") else 1.0)
    except OverflowError:
        raise InputError(f"row {row}, {name}: a number of that size is out of range") from None


def _times(found: Sequence[tuple[str, Any]]) -> np.ndarray:
    name = next((name for name, value in found if value is not None), "")
    return parse_times([value for _, value in found], name)


_READERS: dict[str, Callable[[Sequence[tuple[str, Any]]], Any]] = {
    "text": _texts,
    "number": _numbers,
    "time": _times,
}
