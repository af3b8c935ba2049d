"""The two DataFrame libraries behind one small face; each is imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

import numpy as np

from flipkit.errors import InputError
from flipkit.frames.columns import Column

__all__ = ["Frame", "Library", "TextRuns", "is_frame", "library", "library_of"]

Frame: TypeAlias = Any
"""A pandas or a polars DataFrame."""


class TextRuns(NamedTuple):
    """A column of text as stretches of equal cells: for columns of few values in many rows.

    Attributes
    ----------
    starts : ndarray of int64, shape (n,)
        First row of each stretch.
    codes : ndarray of int64, shape (n,)
        Position of its text in `labels`; -1 for null.
    labels : list of str
        Each text once.
    """

    starts: np.ndarray
    codes: np.ndarray
    labels: list[str]


class Library(Protocol):
    """What flipkit needs of a DataFrame library."""

    def make(self, arrays: Mapping[str, np.ndarray], columns: Sequence[Column]) -> Frame:
        """A frame of exactly these columns, with the dtypes of their kinds."""

    def names(self, frame: Frame) -> list[str]:
        """The names of a frame's columns (and of its named index levels)."""

    def column(self, frame: Frame, name: str) -> np.ndarray:
        """One column as numpy: datetime64[us] for times with a zone, float64, int64, bool or objects.

        Raises
        ------
        NaiveTimestampError
            For times without a zone.
        """

    def text_runs(self, frame: Frame, name: str) -> TextRuns:
        """One column of text as stretches of equal cells; labels as they are in the frame, text or not."""

    def rows(self, frame: Frame) -> int:
        """How many rows a frame has."""

    def records(self, frame: Frame) -> list[dict[str, Any]]:
        """The rows as dicts of Python values, None where null; whole numbers stay exact, times keep their zone."""


_MODULES = {"pandas": "flipkit.frames._pandas", "polars": "flipkit.frames._polars"}


def library(name: str) -> Library:
    """The library called `name`.

    Raises
    ------
    InputError
        For any name but ``pandas`` and ``polars``.
    """
    if name not in _MODULES:
        raise InputError(f"frames={name!r}: choose 'pandas' or 'polars'")
    return cast(Library, importlib.import_module(_MODULES[name]))


def is_frame(value: object) -> bool:
    """Whether `value` is a DataFrame of either library (a polars LazyFrame counts)."""
    return _root(value) in _MODULES and type(value).__name__ in {"DataFrame", "LazyFrame"}


def library_of(frame: Frame) -> str:
    """Which library made `frame`: ``pandas`` or ``polars``.

    Raises
    ------
    InputError
        When it is no DataFrame of either.
    """
    if not is_frame(frame):
        raise InputError(f"expected a pandas or polars DataFrame, got {type(frame).__name__}")
    return _root(frame)


def _root(value: object) -> str:
    return type(value).__module__.partition(".")[0]
