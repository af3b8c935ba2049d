"""Values of Python, numpy and pandas as JSON values."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np

from flipkit.calendar import parse_time
from flipkit.errors import InputError, NaiveTimestampError

__all__ = ["is_null", "to_id", "to_json", "to_rfc3339", "without_nulls"]

_MAX_DEPTH = 32  # deeper nesting is a list that contains itself


def to_json(value: Any, where: str, depth: int = 0) -> Any:
    """Return `value` as a string, number, boolean, None, list or dict.

    Times become RFC 3339 text with their offset, dates ``YYYY-MM-DD``, nulls of any library None.
    Error messages begin with `where`.

    Raises
    ------
    NaiveTimestampError
        A time without a zone.
    InputError
        Infinity, text that is not valid Unicode, nesting deeper than 32 levels, or another type.
    """
    if is_null(value):
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.datetime64):
        raise NaiveTimestampError(
            f"{where}: {value} has no zone; use a datetime with tzinfo, or text with an offset"
        )
    if isinstance(value, np.generic) and not isinstance(value, np.timedelta64):
        value = value.item()
    if isinstance(value, bool | int | float | str | Decimal):
        return _to_scalar(value, where)
    if isinstance(value, datetime):
        return to_rfc3339(value, where)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple | np.ndarray):
        return _to_nested(value, where, depth)
    raise InputError(
        f"{where}: {type(value).__name__} cannot be written as JSON; use text or a number"
    )


def without_nulls(record: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return the members of `record` that are not null as JSON values; errors as in `to_json`."""
    members = {}
    for name, value in record.items():
        if is_null(value):
            continue
        path = f"{where}.{name}".lstrip(".")
        members[_to_key(name, where)] = to_json(value, path)
    return members


def to_id(value: Any, where: str) -> str:
    """Return an id as text; anything but text or an integer is an InputError, as is a blank one."""
    if is_null(value) or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{where} is missing")
    if isinstance(value, str):
        return str(to_json(value, where))
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    raise InputError(
        f"{where}: {reprlib.repr(value)} is not text; read that column as text to keep all digits"
    )


def to_rfc3339(value: Any, where: str) -> str:
    """Return a datetime or ISO 8601 text as RFC 3339 text, in its own zone.

    A value without a zone, or one that is not a time, is an error.
    """
    parse_time(value, where)  # raises
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    text: str = moment.isoformat()
    if text.endswith("+00:00"):
        return text.removesuffix("+00:00") + "Z"
    return text


def is_null(value: Any) -> bool:
    """Return whether `value` is None, NaN, or the missing value of pandas or numpy."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    can_be_nan = isinstance(value, float | np.floating | np.datetime64 | Decimal)
    return can_be_nan and bool(value != value)


def _to_scalar(value: bool | int | float | str | Decimal, where: str) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{where}: {value!a} is not valid Unicode") from None
        return str(value)
    if isinstance(value, int):
        return int(value)
    if not math.isfinite(value):
        raise InputError(f"{where}: {value} is not a finite number")
    return float(value)


def _to_nested(value: Any, where: str, depth: int) -> Any:
    if depth >= _MAX_DEPTH:
        raise InputError(f"{where}: nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        members = {}
        for name, member in value.items():
            members[_to_key(name, where)] = to_json(member, f"{where}.{name}", depth + 1)
        return members
    return [to_json(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]


def _to_key(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise InputError(f"{where or 'record'}: a key must be text, got {reprlib.repr(name)}")
    return str(to_json(name, where))
