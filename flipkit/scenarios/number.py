"""A number that somebody hands in, from a frame or a sweep as well."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from flipkit.errors import InputError

__all__ = ["MOST", "number"]

MOST = 1e6
"""The most kW and kWh of anything at a home: beside 1e12 kWh the optimum no longer sees what a home uses."""


def number(value: Any, what: str, wanted: str, least: float = 0.0, most: float = math.inf) -> Any:
    """`value` as a plain int or float, where it is a finite number within the bounds; numpy's scalars are numbers too.

    Raises
    ------
    InputError
        It is not: ``{what} {value} must be {wanted}``.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    if not is_number or not abs(plain) <= sys.float_info.max or not least <= plain <= most:
        raise InputError(f"{what} {value!r} must be {wanted}")
    return plain
