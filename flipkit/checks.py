"""Checks of single numbers, names and ids in the input."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from flipkit.errors import InputError

__all__ = ["MOST", "check_field", "number"]

MOST = 1e6
"""Upper limit of kW and kWh at a home; beside 1e12 kWh a float no longer resolves a home's use."""


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
    record: Any, field: str, what: str, wanted: str, least: float = 0.0, most: float = math.inf
) -> None:
    """Check a field of a frozen dataclass as `number` does, and store it as a plain number."""
    value = number(getattr(record, field), f"{what}: {field}", wanted, least, most)
    object.__setattr__(record, field, value)
