"""pandas and polars behind one interface; each is imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias, cast

import numpy as np

from flipkit.errors import InputError
from flipkit.frames.columns import Column

__all__ = [
    "Frame",
    "FrameLibrary",
    "FrameType",
    "Library",
    "TextRuns",
    "is_frame",
    "library",
    "library_of",
]

Frame: TypeAlias = Any
"""A pandas or polars DataFrame."""

FrameLibrary = Literal["pandas", "polars"]
"""Which library returned frames belong to."""

if TYPE_CHECKING:
    # Has a default, so that `Flip` and `Kit` need no parameter in annotations.
    from typing_extensions import TypeVar

    FrameType = TypeVar("FrameType", default=Any)
else:
    from typing import TypeVar

    FrameType = TypeVar("FrameType")

_MODULES = {"pandas": "flipkit.frames._pandas", "polars": "flipkit.frames._polars"}


class TextRuns(NamedTuple):
    """A text column as runs of equal cells, for columns of few values in many rows.

    Attributes
    ----------
    starts : ndarray of int64, shape (n,)
        First row of each run.
    codes : ndarray of int64, shape (n,)
        Index of its text in `labels`; -1 for null.
    labels : list of str
        The distinct texts.
    """

    starts: np.ndarray
    codes: np.ndarray
    labels: list[str]


class Library(Protocol):
    """What flipkit needs of a DataFrame library; ``_pandas.py`` and ``_polars.py`` provide it."""

    def make(self, arrays: Mapping[str, np.ndarray], columns: Sequence[Column]) -> Frame:
        """Return a frame of exactly these columns, with the dtypes of their kinds."""

    def indexed(self, frame: Frame, index: Sequence[str], across: str, labels: np.ndarray) -> Frame:
        """Return a pivoted frame: in pandas with its index, and `labels` of `across` as columns."""

    def without_nulls(self, frame: Frame) -> tuple[Frame, list[str]]:
        """Return the columns that have values, and the names of the others.

        A frame without rows keeps all columns.
        """

    def names(self, frame: Frame) -> list[str]:
        """Return the names of the columns and of named index levels."""

    def column(self, frame: Frame, name: str) -> np.ndarray:
        """Return a column as datetime64[us] in UTC, float64, int64, bool or objects.

        Raises
        ------
        NaiveTimestampError
            Times without a zone.
        """

    def text_runs(self, frame: Frame, name: str) -> TextRuns:
        """Return a column as runs of equal cells; the labels are not checked to be text."""

    def rows(self, frame: Frame) -> int:
        """Return the number of rows."""

    def records(self, frame: Frame) -> list[dict[str, Any]]:
        """Return the rows as dicts of Python values; integers stay exact, times keep their zone."""


def library(name: str) -> Library:
    """Return the library named `name`, or raise an InputError."""
    if name not in _MODULES:
        raise InputError(f"frames={name!r} is not supported; choose 'pandas' or 'polars'")
    return cast(Library, importlib.import_module(_MODULES[name]))


def is_frame(value: object) -> bool:
    """Return whether `value` is a DataFrame of either library, or a polars LazyFrame."""
    return _package_of(value) in _MODULES and type(value).__name__ in {"DataFrame", "LazyFrame"}


def library_of(frame: Frame) -> FrameLibrary:
    """Return the library of `frame`, or raise an InputError if it is not a DataFrame."""
    if not is_frame(frame):
        raise InputError(f"expected a pandas or polars DataFrame, got {type(frame).__name__}")
    return cast(FrameLibrary, _package_of(frame))


def _package_of(value: object) -> str:
    return type(value).__module__.partition(".")[0]
