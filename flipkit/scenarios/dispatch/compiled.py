"""Decorators and types for the compiled loops: each loop is compiled once and cached on disk.

Inner functions name their types too. Without them numba compiles a function again for every
constant it is called with, which doubles the waiting time of the first dispatch on a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb

from flipkit.scenarios.dispatch.problem import Limits

__all__ = [
    "FLOAT",
    "INPUT_MASK",
    "INPUT_MASKS",
    "INPUT_ROW",
    "INPUT_TABLE",
    "INT",
    "INT_ROW",
    "LIMITS",
    "ROW",
    "STACK",
    "TABLE",
]
__all__ += ["entry", "inner"]

F = TypeVar("F", bound=Callable[..., Any])
_untyped: Any = nb  # numba's own annotations lose the type of the decorated function

FLOAT, INT = nb.f8, nb.i8
ROW, TABLE, STACK = nb.f8[::1], nb.f8[:, ::1], nb.f8[:, :, ::1]
INT_ROW = nb.i8[::1]
INPUT_ROW = nb.types.Array(nb.f8, 1, "C", readonly=True)
INPUT_TABLE = nb.types.Array(nb.f8, 2, "C", readonly=True)
INPUT_MASK = nb.types.Array(nb.b1, 1, "C", readonly=True)
INPUT_MASKS = nb.types.Array(nb.b1, 2, "C", readonly=True)
LIMITS = _untyped.typeof(
    Limits(
        reserve_kwh=0.0,
        usable_kwh=0.0,
        initial_kwh=0.0,
        end_kwh=0.0,
        max_kwh=0.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
        from_grid=True,
        to_grid=True,
    )
)


def inner(*types: Any) -> Callable[[F], F]:
    """Compile a function that only compiled functions call, for arguments of these types."""
    return _compiler(types, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(*types: Any) -> Callable[[F], F]:
    """Compile a function that Python calls with arguments of these types; it returns nothing."""
    return _compiler(nb.void(*types), no_cfunc_wrapper=True)


def _compiler(signature: Any, **wrappers: bool) -> Callable[[F], F]:
    options = {"nogil": True, "error_model": "numpy", **wrappers}

    def compile_function(function: F) -> F:
        compiled: F
        try:
            compiled = _untyped.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # no folder for a cache: each process compiles anew
            compiled = _untyped.njit(signature, **options)(function)
        return compiled

    return compile_function
