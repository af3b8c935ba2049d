"""Values of numpy, pandas and Python as what JSON can hold."""

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

__all__ = ["identifier", "is_null", "plain", "time_text", "without_nulls"]

_DEEPEST = 32  # nesting; beyond it is a list that holds itself


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """`value` as text, number, flag, None, list or dict.

    Times become RFC 3339 text with their offset, dates ``YYYY-MM-DD``, nulls of any library None.

    Parameters
    ----------
    value : object
    where : str
        Names the field in error texts.

    Raises
    ------
    NaiveTimestampError
        A time without a zone.
    InputError
        Infinity, text that is no Unicode, nesting beyond 32 levels, or a type that JSON has no form for.
    """
    if is_null(value):
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, bool | int | float | str | Decimal):
        return _scalar(value, where)
    if isinstance(value, datetime):
        return time_text(value, where)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple | np.ndarray):
        return _nested(value, where, depth)
    if isinstance(value, np.datetime64):
        raise NaiveTimestampError(
            f"{where}: {value} has no zone; give a datetime with tzinfo, or text with an offset"
        )
    raise InputError(f"{where}: {type(value).__name__} has no form in JSON; give text or a number")


def without_nulls(record: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """The members of `record` as JSON can hold them; those that are null are left out. Errors as in `plain`."""
    return {
        _key(name, where): plain(value, f"{where}.{name}".lstrip("."))
        for name, value in record.items()
        if not is_null(value)
    }


def identifier(value: Any, where: str) -> str:
    """An id: text that is not blank, or a whole number, which is written out.

    Raises
    ------
    InputError
        It is missing or something else.
    """
    if is_null(value) or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{where} is missing")
    if isinstance(value, str):
        return str(plain(value, where))
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    raise InputError(
        f"{where}: {reprlib.repr(value)} is no text; read that column as text, so that no digit is lost"
    )


def time_text(value: Any, where: str) -> str:
    """A time with a zone (datetime, or ISO 8601 text) as RFC 3339 text, in the zone it came in.

    Raises
    ------
    NaiveTimestampError, InputError
        It has no zone, or is no time.
    """
    parse_time(value, where)
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    text: str = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def is_null(value: Any) -> bool:
    """None, NaN, or the missing value of pandas or numpy."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float | np.floating | np.datetime64 | Decimal) and bool(value != value)


def _scalar(value: bool | int | float | str | Decimal, where: str) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{where}: {value!a} is no Unicode text") from None
        return str(value)
    if isinstance(value, int):
        return int(value)
    if not math.isfinite(value):
        raise InputError(f"{where}: {value} is no number that JSON can hold")
    return float(value)


def _nested(value: Any, where: str, depth: int) -> Any:
    if depth >= _DEEPEST:
        raise InputError(f"{where}: nested deeper than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return {
            _key(name, where): plain(member, f"{where}.{name}", depth + 1)
            for name, member in value.items()
        }
    return [plain(member, f"{where}[{place}]", depth + 1) for place, member in enumerate(value)]


def _key(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise InputError(f"{where or 'record'}: a key must be text, got {reprlib.repr(name)}")
    return str(plain(name, where))
