"""What comes in is hostile until it is checked here: bodies, times, windows, choices."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from flask import request

from flipkit.calendar import format_times
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.vocabulary import Int64

__all__ = [
    "FIRST_US",
    "LAST_US",
    "MALFORMED",
    "MAX_TEXT",
    "Text",
    "Time",
    "Window",
    "body_bytes",
    "choice",
    "direction",
    "flag",
    "instant_us",
    "json_object",
    "number",
    "readable",
    "text_field",
    "window",
]

MAX_TEXT = 255
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_SMALL, _MOST_LEVELS = 1 << 20, 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
FIRST_US = 0
LAST_US = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // _US
_PATH = re.compile(r"^(?P<what>.*?) - at `\$\.?(?P<path>.*)`$", re.DOTALL)


class Window(NamedTuple):
    """A stretch of time that was asked for, and how the caller writes times.

    Attributes
    ----------
    start_us, end_us : int or None
        Microseconds since 1970-01-01 UTC; None where the caller set no bound.
    offset_us : int
        Offset from UTC in which times go back: that of ``end_time``.
    """

    start_us: int | None
    end_us: int | None
    offset_us: int

    def texts(self, instants_us: Int64) -> list[str]:
        """Instants as RFC 3339 text in the caller's offset."""
        shifted = (instants_us + self.offset_us).astype("datetime64[us]")
        texts = format_times(shifted) if len(shifted) else []
        if self.offset_us == 0:
            return texts
        sign, minutes = "-" if self.offset_us < 0 else "+", abs(self.offset_us) // 60_000_000
        suffix = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
        return [text[:-1] + suffix for text in texts]

    def text(self, instant_us: int) -> str:
        """One instant as RFC 3339 text."""
        return self.texts(np.array([instant_us], dtype=np.int64))[0]


def body_bytes(limit: int = _SMALL) -> bytes:
    """The body of the request as sent; more than `limit` bytes are a 413."""
    request.max_content_length = limit
    return request.get_data(cache=False)


def json_object(*, may_be_empty: bool = False) -> dict[str, Any]:
    """The body as a JSON object.

    Raises
    ------
    Refusal
        422 for anything else.
    """
    body = body_bytes()
    if may_be_empty and not body.strip():
        return {}
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except MALFORMED as error:
        raise Refusal.invalid(f"the body must be a JSON object: {readable(error)}") from None
    _check_sane(found)
    return found


def _check_sane(body: dict[str, Any]) -> None:
    """Refuse what would trip code that walks or counts: deep nesting, whole numbers beyond 64 bits."""
    level: list[Any] = [body]
    for _ in range(_MOST_LEVELS):
        if not level:
            return
        if any(isinstance(each, int) and abs(each) >= 1 << 63 for each in level):
            raise Refusal.invalid("the body has a number beyond 64 bits")
        inner = [
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        ]
        level = [value for values in inner for value in values]
    raise Refusal.invalid("the body is nested too deeply")


def readable(error: BaseException) -> str:
    """What a decoder complains of, with the name of the field in front."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "no UTF-8"
    found = _PATH.match(str(error))
    return f"{found['path']}: {found['what']}" if found and found["path"] else str(error)


def text_field(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """A text of the body; None where it is absent, null or empty.

    Raises
    ------
    Refusal
        422 for anything but text of at most 255 characters, or where it is required and missing.
    """
    value = body.get(name)
    if value is None or value == "":
        if required:
            raise Refusal.invalid(f"{name} is missing")
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise Refusal.invalid(f"{name} must be text of at most {MAX_TEXT} characters")
    return value


def choice(
    value: Any, name: str, known: Collection[str], default: str, code: str = "invalid_request"
) -> str:
    """`value` if it is one of `known`; the default where it is None."""
    if value is None:
        return default
    if not isinstance(value, str) or value not in known:
        raise Refusal.invalid(f"{name} must be one of {', '.join(known)}", code)
    return value


def direction(
    name: str, known: Collection[str], body: Mapping[str, Any], default: str = "IMPORT"
) -> str:
    """The direction a report is about: from the query, the body, or both where they agree."""
    asked = [value for value in (request.args.get(name), body.get(name)) if value is not None]
    if len(asked) == 2 and asked[0] != asked[1]:
        raise Refusal.invalid(
            f"{name} is one thing in the query and another in the body", "tariff_direction_invalid"
        )
    return choice(asked[0] if asked else None, name, known, default, "tariff_direction_invalid")


def flag(name: str) -> bool:
    """A boolean of the query: ``true`` or ``false``; false where it is absent."""
    value = request.args.get(name, "false").lower()
    if value not in {"true", "false", "1", "0"}:
        raise Refusal.invalid(f"{name} must be true or false")
    return value in {"true", "1"}


def number(fields: Mapping[str, Any], name: str, *, text: bool = False) -> float | None:
    """A number; None where it is absent.

    Parameters
    ----------
    fields : mapping
        A body, or a query.
    name : str
    text : bool
        Whether it is written as text, as in a query.

    Raises
    ------
    Refusal
        422 for anything else, or for a number that is not finite.
    """
    value = fields.get(name)
    if value is None:
        return None
    try:
        found = msgspec.convert(value, float, strict=not text)
    except msgspec.ValidationError as error:
        raise Refusal.invalid(f"{name}: {readable(error)}") from None
    if not math.isfinite(found):
        raise Refusal.invalid(f"{name} must be a finite number")
    return found


def instant_us(value: Any, name: str) -> tuple[int, int]:
    """RFC 3339 text as microseconds since 1970-01-01 UTC, and its offset from UTC in microseconds.

    Raises
    ------
    Refusal
        422 for anything else, a time without a zone, or one outside the years 1970 to 2199.
    """
    try:
        moment = msgspec.convert(value, Time)
    except msgspec.ValidationError as error:
        raise Refusal.invalid(f"{name}: {readable(error)}") from None
    instant, offset = (moment - _EPOCH) // _US, moment.utcoffset() or timedelta()
    if not FIRST_US <= instant <= LAST_US:
        raise Refusal.invalid(f"{name} must lie in the years 1970 to 2199")
    return instant, offset // _US


def window(fields: Mapping[str, Any], *, needs_end: bool = False) -> Window:
    """``start_time`` and ``end_time``; the offset of the end governs what goes back.

    Raises
    ------
    Refusal
        422 for a time that is none, an end not after the start, or a missing end where one is needed.
    """
    start, end = (
        None if fields.get(name) is None else instant_us(fields[name], name)
        for name in ("start_time", "end_time")
    )
    if end is None and needs_end:
        raise Refusal.invalid("end_time is missing")
    if start is not None and end is not None and end[0] <= start[0]:
        raise Refusal.invalid("end_time must be after start_time")
    governing = end or start or (0, 0)
    return Window(start and start[0], end and end[0], governing[1])
