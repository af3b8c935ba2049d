"""What could not be judged, or should be looked at, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Finding", "as_text"]


class Finding(NamedTuple):
    """One thing to know about a row.

    Attributes
    ----------
    name : str
        Dotted, for machines: ``coverage.partial``.
    words : str
        For people, with the figures.
    """

    name: str
    words: str

    def __str__(self) -> str:
        return f"{self.name}: {self.words}"


def as_text(findings: Iterable[Finding]) -> str | None:
    """The findings of a row in one cell; None where there is nothing to say."""
    return "; ".join(map(str, findings)) or None
