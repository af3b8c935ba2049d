"""Findings: what could not be evaluated or needs attention, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Finding", "as_text", "rows_text"]

_MAX_ROWS_SHOWN = 3


class Finding(NamedTuple):
    """One remark about a row of a frame, or about rows of the input.

    Attributes
    ----------
    name : str
        The dotted code, such as ``coverage.partial``.
    words : str
        The message, with its figures.
    rows : tuple of int
        Rows of the input, counted from 0; empty if the finding is about the row it stands in.
    """

    name: str
    words: str
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.words}{rows_text(self.rows)}"

    def __repr__(self) -> str:
        return f"<{self}>"


def as_text(findings: Iterable[Finding]) -> str | None:
    """Return the findings of a row as one cell, or None if there are none."""
    return "; ".join(map(str, findings)) or None


def rows_text(rows: tuple[int, ...]) -> str:
    """Return row numbers in parentheses, such as `` (rows 1, 2, 3 and 7 more)``, or nothing."""
    if not rows:
        return ""
    noun = "row" if len(rows) == 1 else "rows"
    shown = ", ".join(map(str, rows[:_MAX_ROWS_SHOWN]))
    hidden = len(rows) - _MAX_ROWS_SHOWN
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return f" ({noun} {shown}{more})"
