"""Times as text and as microseconds since 1970-01-01 UTC, a column at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from flipkit.errors import InputError, NaiveTimestampError
from flipkit.vocabulary import EPOCH

__all__ = ["format_times", "from_us", "parse_time", "parse_times", "to_text"]

_FIX = "give it a zone: '2025-06-01T00:00:00Z', '2025-06-01T02:00:00+02:00', or datetime(..., tzinfo=...)"


def parse_times(values: Sequence[Any] | np.ndarray, what: str = "time") -> np.ndarray:
    """Convert ISO 8601 text or datetimes with a zone to datetime64[us] in UTC; None becomes NaT.

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
        Not a valid time; names the row.
    """
    fast = _parse_fast(values)
    if fast is not None:
        return fast
    parsed = np.empty(len(values), dtype="datetime64[us]")
    for row, value in enumerate(values):
        parsed[row] = (
            np.datetime64("NaT", "us")
            if _is_null(value)
            else parse_time(value, f"{what}, row {row}")
        )
    return parsed


def parse_time(value: Any, what: str = "time") -> np.datetime64:
    """Convert one time with a zone to datetime64[us] in UTC.

    Raises
    ------
    NaiveTimestampError, InputError
        As in `parse_times`; the text begins with `what`.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InputError(
                f"{what}: {value!r} is not a valid ISO 8601 timestamp; {_FIX}"
            ) from None
    if not isinstance(value, datetime):
        raise InputError(f"{what}: expected a time, got {type(value).__name__}; {_FIX}")
    if value.tzinfo is None:
        raise NaiveTimestampError(f"{what}: {value.isoformat()} has no zone; {_FIX}")
    try:
        delta = value.astimezone(UTC) - EPOCH
    except OverflowError:  # the first or last day of the calendar, in a far zone
        raise InputError(f"{what}: {value.isoformat()} is out of range in UTC") from None
    return np.datetime64(
        (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds, "us"
    )


def from_us(instant_us: int) -> datetime:
    """Return microseconds since 1970-01-01 UTC as a datetime in UTC."""
    return EPOCH + timedelta(microseconds=int(instant_us))


def to_text(instant_us: int) -> str:
    """Return microseconds since 1970-01-01 UTC as ISO 8601 text with ``Z``."""
    return format_times(np.array([instant_us], dtype="datetime64[us]"))[0]


def format_times(times: np.ndarray) -> list[str]:
    """Return datetime64[us] in UTC as RFC 3339 text with ``Z``; with fractions of a second only if there are any."""
    times = times.astype("datetime64[us]")
    seconds = times.astype("datetime64[s]")
    if np.array_equal(seconds.astype("datetime64[us]"), times):
        return [f"{text}Z" for text in np.datetime_as_string(seconds).tolist()]
    return [f"{text}Z" for text in np.datetime_as_string(times).tolist()]


def _is_null(value: Any) -> bool:
    return value is None or value != value  # NaN and NaT differ from themselves


_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_CALENDAR = np.array(["0001-01-01T00:00:00", "9999-12-31T23:59:59"], dtype="datetime64[us]")


def _parse_fast(values: Sequence[Any] | np.ndarray) -> np.ndarray | None:
    """Parse ``2025-06-01T00:00:00Z`` or ``+01:00`` throughout in one pass; None for any other shape."""
    try:
        text = "\n".join([*values, ""]).encode("ascii")
    except (TypeError, UnicodeEncodeError):
        return None
    width = len(text) // max(1, len(values))
    if width not in {21, 26} or width * len(values) != len(text):
        return None
    letters = np.frombuffer(text, dtype=np.uint8).reshape(len(values), width)
    marks = {**_MARKS, width - 1: "\n", **({19: "Z"} if width == 21 else {22: ":"})}
    if (
        not all((letters[:, at] == ord(mark)).all() for at, mark in marks.items())
        or not (letters[:, 0] >= 48).all()
    ):
        return None
    try:
        times = np.ascontiguousarray(letters[:, :19]).view("S19").ravel().astype("datetime64[us]")
    except ValueError:
        return None
    if width == 26:
        offsets = _offsets_s(letters)
        if offsets is None:
            return None
        times = times - offsets.astype("timedelta64[s]")
    return times if ((times >= _CALENDAR[0]) & (times <= _CALENDAR[1])).all() else None


def _offsets_s(letters: np.ndarray) -> np.ndarray | None:
    """Return seconds east of UTC from ``+01:00`` in columns 19 to 24: one for all rows, or one per row."""
    zones = letters[:, 19:25]
    if (zones == zones[0]).all():
        zones = zones[:1]  # one offset throughout, as a service answers
    digits = zones[:, [1, 2, 4, 5]].astype(np.int64) - ord("0")
    hours, minutes = digits[:, :2] @ [10, 1], digits[:, 2:] @ [10, 1]
    sound = (
        (digits >= 0).all()
        and (digits <= 9).all()
        and (hours <= 23).all()
        and (minutes <= 59).all()
    )
    if not sound or not np.isin(zones[:, 0], [ord("+"), ord("-")]).all():
        return None
    return np.where(zones[:, 0] == ord("+"), 1, -1) * (3600 * hours + 60 * minutes)
