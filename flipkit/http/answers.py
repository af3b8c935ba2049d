"""An answer, and what a service's "no" means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import msgspec

from flipkit.errors import (
    AuthenticationFailed,
    InvalidRequest,
    NotFound,
    RateLimited,
    RequestInfo,
    ServerError,
    StatusError,
)

__all__ = ["Answer", "Envelope", "ErrorBody", "error_of", "is_retryable_status"]

T = TypeVar("T")

_NOTHING = object()
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

_NEXT_STEP = {
    AuthenticationFailed: "check that the key belongs to this environment and is still valid",
    NotFound: "check the id",
    RateLimited: "wait, then try again with fewer calls side by side",
    ServerError: "the service is in trouble; try again later",
}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a service's error envelope says.

    Attributes
    ----------
    message : str
    code : str or None
    error : type of StatusError or None
        A more precise error than the status tells.
    next_step : str or None
        What the reader should do, where the envelope knows better than the status.
    """

    message: str
    code: str | None = None
    error: type[StatusError] | None = None
    next_step: str | None = None


Envelope = Callable[[int, Any], ErrorBody]
"""Reads a service's error body (decoded, or None) for a status."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """One answer of a service.

    Attributes
    ----------
    status : int
    headers : mapping
        Names in lower case.
    content : bytes
    request : RequestInfo
    value : object
        The decoded content; None for an empty one.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    request: RequestInfo
    value: T = field(repr=False)

    @property
    def data_time_utc(self) -> str | None:
        """When the service answered, by its own ``Date``, as ISO 8601."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
        except ValueError:
            return None

    @property
    def beginning(self) -> str:
        """The first bytes as text, for error messages."""
        return self.content[:200].decode("utf-8", "replace")

    @property
    def is_cut(self) -> bool:
        """Whether the content claims to be JSON and is none: half of what the service said."""
        says_json = "json" in self.headers.get("content-type", "")
        return says_json and bool(self.content) and _decoded(self.content) is _NOTHING


def _decoded(content: bytes) -> Any:
    """JSON as Python values, or `_NOTHING` where it is none."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOTHING


def error_of(answer: Answer[Any], read: Envelope) -> StatusError:
    """The error for a status of 400 and above; `read` knows the service's envelope."""
    body = _decoded(answer.content)
    body = None if body is _NOTHING else body
    complaint = read(answer.status, body)
    kind = complaint.error or _kind(answer.status)
    step = complaint.next_step or _NEXT_STEP.get(kind)
    text = f"{answer.status}: {complaint.message}" + (f"; {step}" if step else "")
    code, shown = complaint.code, answer.beginning if body is None else body
    return kind(text, answer.request, status=answer.status, code=code, body=shown)


def is_retryable_status(status: int) -> bool:
    """Whether a status may pass by itself."""
    return status in _RETRYABLE


def _kind(status: int) -> type[StatusError]:
    by_status = {
        401: AuthenticationFailed,
        403: AuthenticationFailed,
        404: NotFound,
        429: RateLimited,
    }
    if status in by_status:
        return by_status[status]
    return ServerError if status >= 500 else InvalidRequest
