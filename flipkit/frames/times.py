"""Times as text and as microseconds since 1970-01-01 UTC, a column at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from flipkit.errors import InputError, NaiveTimestampError

__all__ = ["format_times", "parse_time", "parse_times"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MENDING = "give it a zone: '2025-06-01T00:00:00Z', '2025-06-01T02:00:00+02:00', or datetime(..., tzinfo=...)"


def parse_times(values: Sequence[Any] | np.ndarray, what: str = "time") -> np.ndarray:
    """Times with a zone, as ISO 8601 text or datetimes, to datetime64[us] in UTC; None becomes NaT.

    Parameters
    ----------
    values : sequence of str, datetime or None
    what : str
        Name of the field, for the error text.

    Returns
    -------
    ndarray of datetime64[us], shape (n,)

    Raises
    ------
    NaiveTimestampError
        A time without a zone; names the row.
    InputError
        Text that is no time; names the row.
    """
    fast = _parse_zulu(values)
    if fast is not None:
        return fast
    parsed = np.empty(len(values), dtype="datetime64[us]")
    for row, value in enumerate(values):
        parsed[row] = np.datetime64("NaT") if _is_null(value) else parse_time(value, f"{what}, row {row}")
    return parsed


def parse_time(value: Any, what: str = "time") -> np.datetime64:
    """One time with a zone to datetime64[us] in UTC.

    Raises
    ------
    NaiveTimestampError, InputError
        As in `parse_times`; the text begins with `what`.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InputError(f"{what}: {value!r} is no ISO 8601 time; {_MENDING}") from None
    if not isinstance(value, datetime):
        raise InputError(f"{what}: expected a time, got {type(value).__name__}; {_MENDING}")
    if value.tzinfo is None:
        raise NaiveTimestampError(f"{what}: {value.isoformat()} has no zone; {_MENDING}")
    try:
        delta = value.astimezone(UTC) - _EPOCH
    except OverflowError:  # the first or last day of the calendar, in a far zone
        raise InputError(f"{what}: {value.isoformat()} is out of range in UTC") from None
    return np.datetime64((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds, "us")


def format_times(times: np.ndarray) -> list[str]:
    """datetime64[us] in UTC to RFC 3339 text with ``Z``; a fraction of a second only where there is one."""
    times = times.astype("datetime64[us]")
    seconds = times.astype("datetime64[s]")
    if np.array_equal(seconds.astype("datetime64[us]"), times):
        return [f"{text}Z" for text in np.datetime_as_string(seconds).tolist()]
    return [f"{text}Z" for text in np.datetime_as_string(times).tolist()]


def _is_null(value: Any) -> bool:
    return value is None or value != value  # NaN and NaT differ from themselves


def _parse_zulu(values: Sequence[Any] | np.ndarray) -> np.ndarray | None:
    """The shape services send, ``2025-06-01T00:00:00Z`` throughout, in one numpy pass; None for any other."""
    try:
        text = np.asarray(values, dtype="S")
    except (UnicodeEncodeError, TypeError, ValueError):
        return None
    if text.ndim != 1 or text.dtype.itemsize != 20 or len(text) == 0:
        return None
    letters = np.ascontiguousarray(text).view(np.uint8).reshape(len(text), 20)
    if not (letters[:, 19] == ord("Z")).all() or not (letters[:, 10] == ord("T")).all():
        return None
    try:
        return np.ascontiguousarray(letters[:, :19]).view("S19").ravel().astype("datetime64[us]")
    except ValueError:
        return None
