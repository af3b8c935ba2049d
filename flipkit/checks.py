"""Checks of numbers, names and rows of the input, and how values keep what was checked."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import numpy as np

from flipkit.errors import InputError

__all__ = [
    "MOST",
    "check_field",
    "finite",
    "instance_of",
    "name",
    "nearest",
    "number",
    "one_of",
    "refuse_rows",
    "repeated_names",
    "set_fields",
    "short_repr",
]

MOST = 1e6
"""Upper limit for kW or kWh at a home: beside 1e12 kWh a float no longer resolves household use."""


def number(value: Any, what: str, wanted: str, least: float = 0.0, most: float = math.inf) -> Any:
    """Return `value` as an int or float if it is finite and within the bounds; numpy scalars count.

    Raises
    ------
    InputError
        Otherwise: ``{what} {value!r} must be {wanted}``.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    is_finite = is_number and abs(plain) <= sys.float_info.max
    if not is_finite or not least <= plain <= most:
        raise InputError(f"{what} {value!r} must be {wanted}")
    return plain


def check_field(
    record: Any,
    field: str,
    what: str,
    *bounds: Any,
    check: Callable[..., Any] = number,
    **more_bounds: float,
) -> None:
    """Check a field of a frozen dataclass as `number` or `finite` does, and store the result."""
    value = check(getattr(record, field), f"{what}: {field}", *bounds, **more_bounds)
    set_fields(record, **{field: value})


def finite(
    value: Any, what: str, *, above: float | None = None, at_least: float | None = None
) -> float:
    """Return `value` as a finite float, with 0.0 for -0.0 so that equal numbers have equal bits.

    Raises
    ------
    InputError
        Not a finite number, or out of bounds; the message begins with `what` and the value.
    """
    amount = _as_float(value)
    if not math.isfinite(amount):
        raise InputError(f"{what} {short_repr(value)} is not a finite number")
    if above is not None and amount <= above:
        raise InputError(f"{what} {value!r} must be above {above:g}")
    if at_least is not None and amount < at_least:
        raise InputError(f"{what} {value!r} must be at least {at_least:g}")
    return amount + 0.0


def name(value: Any, what: str) -> str:
    """Return `value` if it is a string with something other than blanks.

    Raises
    ------
    InputError
        Otherwise; the message begins with `what` and the value.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} {value!r} is not a name; write a string such as 'peak'")
    return value


def instance_of(value: Any, kind: type, what: str) -> None:
    """Raise InputError, with `what` and the type, if `value` is not of a kind."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        got = type(value).__name__
        raise InputError(f"{what}: expected {article} {kind.__name__}, got {got}")


def one_of(value: Any, known: Sequence[Any], what: str) -> None:
    """Raise InputError unless `value` is one of the known ones."""
    if value not in known:
        *others, last = map(repr, known)
        raise InputError(f"{what} {value!r} is not known; write {', '.join(others)} or {last}")


def refuse_rows(is_wrong: np.ndarray, why: str, where: Callable[[int], str]) -> None:
    """Raise InputError if any row is wrong; `where` names a row, and the first one is named."""
    if is_wrong.any():
        first = where(int(np.argmax(is_wrong)))
        raise InputError(f"{first}: {why} ({int(is_wrong.sum())} such rows)")


def set_fields(value: object, **fields: Any) -> None:
    """Set checked fields of a frozen dataclass, in its ``__post_init__``."""
    for field, content in fields.items():
        object.__setattr__(value, field, content)


def repeated_names(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once, sorted."""
    return sorted({each for each in names if names.count(each) > 1})


def nearest(name: str, known: Sequence[str]) -> str:
    """Return which known name was probably meant, or all of them, as the end of a message."""
    likely = get_close_matches(name, known, n=1)
    return f"did you mean {likely[0]!r}?" if likely else f"known are {', '.join(known)}"


def short_repr(value: Any) -> str:
    """Return ``repr(value)``, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _as_float(value: Any) -> float:
    is_number = isinstance(value, int | float | Decimal | np.integer | np.floating)
    if not is_number or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (OverflowError, ValueError):  # an int above 1.8e308; a signalling NaN
        return math.nan
