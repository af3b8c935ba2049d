"""Calendar months as ``YYYY-MM``."""

from __future__ import annotations

import re
from typing import Any

from flipkit.errors import InputError

__all__ = ["checked_month", "month_in", "months_from"]

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def checked_month(month: Any, what: str = "month") -> str:
    """`month`, if it is a text ``YYYY-MM``.

    Raises
    ------
    InputError
        It is not; the text begins with `what`.
    """
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise InputError(f"{what}: {month!r} is no month; write it as 'YYYY-MM', e.g. '2025-06'")
    return month


def month_in(text: str) -> str | None:
    """The month of a month, a day or a time: ``2025-06`` of ``2025-06-01T00:00:00Z``; None where there is none."""
    found = _MONTH.match(text)
    return found.group() if found and text[found.end() :][:1] in {"", "-"} else None


def months_from(start: Any, end: Any) -> list[str]:
    """Every month from `start` to `end`, both included.

    Raises
    ------
    InputError
        One of them is no month, or the end is before the start.
    """
    first, last = (_count(checked_month(month, what)) for month, what in ((start, "start"), (end, "end")))
    if last < first:
        raise InputError(f"end {end} is before start {start}")
    return [f"{count // 12:04d}-{count % 12 + 1:02d}" for count in range(first, last + 1)]


def _count(month: str) -> int:
    """Months since 0000-01."""
    return int(month[:4]) * 12 + int(month[5:]) - 1
