"""How the loops are compiled: once, for arrays that may be written to and those that may not, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb

from flipkit.scenarios.dispatch.problem import Limits

__all__ = ["COUNTS", "ENDS", "GIVEN", "LIMITS", "MASKS", "NUMBERS", "PLACE", "TABLE", "compiled", "jit"]

F = TypeVar("F", bound=Callable[..., Any])
_untyped: Any = nb  # its own types say less than what a decorator keeps

GIVEN = nb.types.Array(nb.f8, 2, "C", readonly=True)
MASKS = nb.types.Array(nb.b1, 2, "C", readonly=True)
ENDS = nb.types.Array(nb.b1, 1, "C", readonly=True)
TABLE, NUMBERS, COUNTS, PLACE = nb.f8[:, ::1], nb.f8[::1], nb.i8[:, ::1], nb.i8
LIMITS = _untyped.typeof(Limits(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, True, True))

jit: Callable[[F], F] = _untyped.njit(cache=True, nogil=True, error_model="numpy")
"""For functions that other compiled ones call."""


def compiled(*types: Any) -> Callable[[F], F]:
    """For functions that Python calls with arguments of these types; they return nothing."""
    decorator: Callable[[F], F] = _untyped.njit(nb.void(*types), cache=True, nogil=True, error_model="numpy")
    return decorator
