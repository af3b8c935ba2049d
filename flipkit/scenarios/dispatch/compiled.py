"""How the loops are compiled: once each, for the types named here, and kept on disk.

Types are named for the inner functions too: left to themselves they are compiled once more for every constant that they
are called with, which doubles what the first dispatch on a machine waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb

from flipkit.scenarios.dispatch.problem import Limits

__all__ = [
    "BLOCK",
    "COUNTS",
    "ENDS",
    "GIVEN",
    "LIMITS",
    "MASKS",
    "NUMBERS",
    "PLACE",
    "ROW",
    "SIZE",
    "TABLE",
]
__all__ += ["called", "compiled", "compiled_late"]

F = TypeVar("F", bound=Callable[..., Any])
_untyped: Any = nb  # its own types say less than what a decorator keeps

GIVEN = nb.types.Array(nb.f8, 2, "C", readonly=True)
ROW = nb.types.Array(nb.f8, 1, "C", readonly=True)
MASKS = nb.types.Array(nb.b1, 2, "C", readonly=True)
ENDS = nb.types.Array(nb.b1, 1, "C", readonly=True)
TABLE, NUMBERS, COUNTS, BLOCK = nb.f8[:, ::1], nb.f8[::1], nb.i8[:, ::1], nb.f8[:, :, ::1]
PLACE, SIZE = nb.i8, nb.f8
LIMITS = _untyped.typeof(Limits(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, True, True))


def called(*types: Any) -> Callable[[F], F]:
    """For functions that other compiled ones call with arguments of these types, and Python does not."""
    return _kept(types, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def compiled(*types: Any) -> Callable[[F], F]:
    """For functions that Python calls with arguments of these types; they return nothing."""
    return _kept(nb.void(*types), no_cfunc_wrapper=True)


def compiled_late(function: F) -> F:
    """For functions that Python seldom calls: compiled when it does, for the types that it then brings."""
    late: Callable[[F], F] = _kept(None)
    return late(function)


def _kept(signature: Any, **wrappers: bool) -> Callable[[F], F]:
    def compile_it(function: F) -> F:
        options = {"nogil": True, "error_model": "numpy", **wrappers}
        try:
            made: F = _untyped.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # no folder to keep compiled code in: it is made anew by each process
            made = _untyped.njit(signature, **options)(function)
        return made

    return compile_it
