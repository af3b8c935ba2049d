"""Times on their way out, and times of the service on their way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flipkit.calendar import format_times, parse_time, parse_times
from flipkit.errors import InputError, RequestInfo, UnexpectedAnswer

__all__ = ["span_us", "stamps", "text_of", "times_of"]


def span_us(start: Any, end: Any) -> tuple[int, int]:
    """Start and end of a query in microseconds since 1970-01-01 UTC.

    Parameters
    ----------
    start, end : datetime, Timestamp or str
        With a zone; text is ISO 8601.

    Raises
    ------
    NaiveTimestampError
        A time without a zone.
    InputError
        No time, or an end that is not after the start.
    """
    first, last = (
        int(parse_time(value, name).astype(np.int64))
        for name, value in (("start", start), ("end", end))
    )
    if last <= first:
        raise InputError(
            f"end {text_of(last)} is not after start {text_of(first)}; the interval is [start, end)"
        )
    return first, last


def text_of(moment_us: int) -> str:
    """One time as the API takes it, ``2025-06-01T00:00:00Z``."""
    return format_times(np.array([moment_us], dtype=np.int64).view("datetime64[us]"))[0]


def times_of(texts: Sequence[str | None], what: str, request: RequestInfo) -> np.ndarray:
    """Times of the service that must have a zone, as datetime64[us] in UTC.

    Raises
    ------
    UnexpectedAnswer
        One has none, or is no time; names the row.
    """
    try:
        return parse_times(texts, what)
    except InputError as error:
        reason = str(error).partition(";")[0]
        raise UnexpectedAnswer(
            f"the answer is not what the contract promises: {reason}", request
        ) from None


def stamps(texts: Sequence[str | None], what: str, request: RequestInfo) -> np.ndarray:
    """Times of the service that may be missing, or lack their zone: its own stamps are in UTC."""
    return times_of([_zoned(text) for text in texts], what, request)


def _zoned(text: str | None) -> str | None:
    if not text:
        return None
    date, _, clock = text.partition("T")
    if not clock:
        return f"{date}T00:00:00Z"
    return text if clock.endswith(("Z", "z")) or "+" in clock or "-" in clock else f"{text}Z"
