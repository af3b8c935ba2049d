"""Requests and answers of the Flatpeak API: routes, error envelopes, and checks of what is sent.

Everything in a request is hostile until a function of this module has checked it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from flask import Response, request

from flipkit.calendar import format_times
from flipkit.emulator.flatpeak.caller import Version
from flipkit.vocabulary import EPOCH, MINUTE_US, SECOND_US, Int64

__all__ = [
    "FIRST_US",
    "LAST_US",
    "MALFORMED",
    "Refusal",
    "RequestWindow",
    "Route",
    "Text",
    "Time",
    "accepted",
    "answer",
    "body_bytes",
    "choice",
    "decoding_message",
    "direction",
    "error_answer",
    "flag",
    "hash_id",
    "json_object",
    "list_answer",
    "request_window",
    "text_field",
]

MAX_TEXT = 255
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a body that cannot be decoded."""

FIRST_US = 0
LAST_US = 7_258_118_400 * SECOND_US  # 2200-01-01T00:00:00Z
_US = timedelta(microseconds=1)
_MAX_BODY_BYTES = 1 << 20
_MAX_DEPTH = 16
_ERROR_WITH_PATH = re.compile(r"^(?P<what>.*?) - at `\$\.?(?P<path>.*)`$", re.DOTALL)


class Route(NamedTuple):
    """An address and the function that answers it.

    Attributes
    ----------
    method, path : str
    name : str
        Service and method in the ``context`` of an error.
    view : callable
        Takes the caller, and the ids of the path by name.
    version : Version or None
        The only generation that has the route; None for both.
    """

    method: str
    path: str
    name: str
    view: Callable[..., Response]
    version: Version | None = None


class Refusal(Exception):  # noqa: N818  an error answer, not a fault of the emulator
    """An error answer, raised anywhere below a route.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Flatpeak's machine-readable code.
    message : str
        What is wrong, in English.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @classmethod
    def invalid(cls, message: str, code: str = "invalid_request") -> Refusal:
        """Return a 422: the request cannot be used."""
        return cls(422, code, message)

    @classmethod
    def unknown(cls, what: str) -> Refusal:
        """Return a 404: no such object."""
        return cls(404, "not_found", f"Not Found: {what}")


def answer(body: Any, status: int = 200) -> Response:
    """Return `body` (dicts, lists, Structs) as a JSON answer."""
    return Response(msgspec.json.encode(body), status, content_type="application/json")


def accepted() -> Response:
    """Return the answer of all deletions."""
    return answer({"message": "Accepted"}, 202)


def list_answer(url: str, data: list[dict[str, Any]], *, has_more: bool = False) -> Response:
    """Return one page of objects as an answer."""
    return answer({"object": "list", "url": url, "has_more": has_more, "data": data})


def error_answer(
    status: int,
    code: str,
    message: str,
    *,
    context: str = "api",
    live_mode: bool = False,
    time_created: str,
) -> Response:
    """Return an error in Flatpeak's envelope.

    `context` names service and method, such as ``api.device_create``; `live_mode` is the mode of
    the caller's key.
    """
    if status >= 500:
        error_type = "api_error"
    elif status == 429:
        error_type = "rate_limit"
    else:
        error_type = "invalid_request"
    body = {
        "object": "error",
        "live_mode": live_mode,
        "context": context,
        "type": error_type,
        "code": code,
        "message": message,
        "time_created": time_created,
    }
    return answer(body, status)


def hash_id(prefix: str, *content: object) -> str:
    """Return an id of Flatpeak's form for something that is not stored: a hash of its content."""
    return f"{prefix}_{hashlib.sha256(repr(content).encode()).hexdigest()[:24]}"


class RequestWindow(NamedTuple):
    """The window of a request, and the offset in which its caller writes times.

    Attributes
    ----------
    start_us, end_us : int or None
        Microseconds since 1970-01-01 UTC; None where the caller set no bound.
    offset_us : int
        Offset from UTC of the times in the answer: that of ``end_time``.
    """

    start_us: int | None
    end_us: int | None
    offset_us: int

    def texts(self, instants_us: Int64) -> list[str]:
        """Return instants as RFC 3339 text in the caller's offset."""
        if len(instants_us) == 0:
            return []
        texts = format_times((instants_us + self.offset_us).astype("datetime64[us]"))
        if self.offset_us == 0:
            return texts
        sign = "-" if self.offset_us < 0 else "+"
        hours, minutes = divmod(abs(self.offset_us) // MINUTE_US, 60)
        suffix = f"{sign}{hours:02d}:{minutes:02d}"
        return [text[:-1] + suffix for text in texts]  # instead of the Z

    def text(self, instant_us: int) -> str:
        """Return one instant as RFC 3339 text."""
        return self.texts(np.array([instant_us], dtype=np.int64))[0]


def request_window(fields: Mapping[str, Any], *, needs_end: bool = False) -> RequestWindow:
    """Read ``start_time`` and ``end_time``; the answer is written in the offset of the end.

    Raises
    ------
    Refusal
        422 for an invalid time, an end that is not after the start, or a missing end.
    """
    start = _instant_field(fields, "start_time")
    end = _instant_field(fields, "end_time")
    if end is None and needs_end:
        raise Refusal.invalid("end_time is missing")
    if start is not None and end is not None and end.us <= start.us:
        raise Refusal.invalid("end_time must be after start_time")
    writes_offset = end or start
    return RequestWindow(
        start_us=start.us if start else None,
        end_us=end.us if end else None,
        offset_us=writes_offset.offset_us if writes_offset else 0,
    )


class _Instant(NamedTuple):
    us: int
    offset_us: int


def _instant_field(fields: Mapping[str, Any], name: str) -> _Instant | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        moment = msgspec.convert(value, Time)
    except msgspec.ValidationError as error:
        raise Refusal.invalid(f"{name}: {decoding_message(error)}") from None
    instant_us = (moment - EPOCH) // _US
    if not FIRST_US <= instant_us <= LAST_US:
        raise Refusal.invalid(f"{name} must lie in the years 1970 to 2199")
    offset = moment.utcoffset() or timedelta()
    return _Instant(instant_us, offset // _US)


def body_bytes(limit: int = _MAX_BODY_BYTES) -> bytes:
    """Return the body of the request as sent; more than `limit` bytes are a 413."""
    request.max_content_length = limit  # Flask answers 413 while it reads
    return request.get_data(cache=False)


def json_object(*, may_be_empty: bool = False) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises
    ------
    Refusal
        422 for anything else.
    """
    body = body_bytes()
    if may_be_empty and not body.strip():
        return {}
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except MALFORMED as error:
        message = f"the body must be a JSON object: {decoding_message(error)}"
        raise Refusal.invalid(message) from None
    _check_depth_and_numbers(fields)
    return fields


def _check_depth_and_numbers(body: dict[str, Any]) -> None:
    """Refuse deep nesting and integers beyond 64 bits, on which code further down would fail."""
    # Level by level: recursion would fail on the very bodies that this refuses.
    level: list[Any] = [body]
    for _ in range(_MAX_DEPTH):
        if not level:
            return
        if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in level):
            raise Refusal.invalid("the body has a number beyond 64 bits")
        level = [inner for value in level for inner in _inner_values(value)]
    raise Refusal.invalid("the body is nested too deeply")


def _inner_values(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def decoding_message(error: BaseException) -> str:
    """Return the message of a decoding error, with the name of the field first."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not valid UTF-8"
    found = _ERROR_WITH_PATH.match(str(error))
    return f"{found['path']}: {found['what']}" if found and found["path"] else str(error)


def text_field(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """Return a text field of the body; None if it is absent, null or empty.

    Raises
    ------
    Refusal
        422 for anything but text of at most 255 characters, or for a missing required field.
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
    """Return `value` if it is one of `known`; the default if it is None."""
    if value is None:
        return default
    if not isinstance(value, str) or value not in known:
        raise Refusal.invalid(f"{name} must be one of {', '.join(known)}", code)
    return value


def direction(name: str, known: Collection[str], body: Mapping[str, Any]) -> str:
    """Return the direction of a report, from the query or the body; IMPORT by default."""
    in_query = request.args.get(name)
    in_body = body.get(name)
    if in_query is not None and in_body is not None and in_query != in_body:
        message = f"{name} differs between the query and the body"
        raise Refusal.invalid(message, "tariff_direction_invalid")
    value = in_body if in_query is None else in_query
    return choice(value, name, known, "IMPORT", "tariff_direction_invalid")


def flag(name: str) -> bool:
    """Return a boolean of the query; false if it is absent."""
    value = request.args.get(name, "false").lower()
    if value not in {"true", "false", "1", "0"}:
        raise Refusal.invalid(f"{name} must be true or false")
    return value in {"true", "1"}
