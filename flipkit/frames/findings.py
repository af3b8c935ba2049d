"""What could not be judged, or should be looked at, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Finding", "as_text", "rows_text"]

_SHOWN = 3


class Finding(NamedTuple):
    """One thing to know about a row, or about some of what was handed in.

    Attributes
    ----------
    name : str
        Dotted, for machines: ``coverage.partial``.
    words : str
        For people, with the figures.
    rows : tuple of int
        Which rows of what was handed in, counted from 0; empty for the row that the finding stands in.
    """

    name: str
    words: str
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.words}{rows_text(self.rows)}"

    def __repr__(self) -> str:
        return f"<{self}>"


def as_text(findings: Iterable[Finding]) -> str | None:
    """The findings of a row in one cell; None where there is nothing to say."""
    return "; ".join(map(str, findings)) or None


def rows_text(rows: tuple[int, ...]) -> str:
    """The first of some row numbers and how many more there are, in brackets; nothing for none."""
    if not rows:
        return ""
    shown = ", ".join(map(str, rows[:_SHOWN]))
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f" ({'row' if len(rows) == 1 else 'rows'} {shown}{more})"
