"""Answers of a service, and the errors that its status codes stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Protocol, TypeVar

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

__all__ = ["Answer", "Decoder", "Envelope", "ErrorBody", "error_of", "is_retryable_status"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

_ERROR_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
    429: RateLimited,
}

_NEXT_STEP = {
    AuthenticationFailed: "check that the key belongs to this environment and is still valid",
    NotFound: "check the id",
    RateLimited: "wait, then try again with fewer concurrent calls",
    ServerError: "the service has a problem; try again later",
}


class Decoder(Protocol[T_co]):
    """Decodes the content of an answer, as `msgspec.json.Decoder` does."""

    def decode(self, content: bytes, /) -> T_co:
        """Return the decoded content; raise `msgspec.DecodeError` if it is not valid."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The contents of a service's error body.

    Attributes
    ----------
    message : str
    code : str or None
    error : type of StatusError or None
        A more specific error class than the status alone gives.
    next_step : str or None
        What the user should do, if the body says more than the status does.
    """

    message: str
    code: str | None = None
    error: type[StatusError] | None = None
    next_step: str | None = None


Envelope = Callable[[int, Any], ErrorBody]
"""Reads a service's error body (decoded, or None), given the status."""


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
        The decoded content; None if it is empty.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    request: RequestInfo
    value: T = field(repr=False)

    @property
    def data_time_utc(self) -> str | None:
        """Time of the answer from its ``Date`` header, as ISO 8601."""
        try:
            answered = parsedate_to_datetime(self.headers.get("date", ""))
        except ValueError:
            return None
        return answered.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def beginning(self) -> str:
        """The first bytes as text, for error messages."""
        return self.content[:200].decode("utf-8", "replace")

    @property
    def is_cut(self) -> bool:
        """Whether the content is declared as JSON but is not valid: the answer is incomplete."""
        is_json = "json" in self.headers.get("content-type", "")
        return is_json and bool(self.content) and _decoded(self.content) is _INVALID


_INVALID = object()


def _decoded(content: bytes) -> Any:
    """Return JSON as Python values, or `_INVALID`."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _INVALID


def error_of(answer: Answer[Any], envelope: Envelope) -> StatusError:
    """Return the error for a status of 400 and above."""
    body = _decoded(answer.content)
    if body is _INVALID:
        body = None
    said = envelope(answer.status, body)
    error_class = said.error or _error_class(answer.status)
    message = f"{answer.status}: {said.message}"
    next_step = said.next_step or _NEXT_STEP.get(error_class)
    if next_step:
        message += f"; {next_step}"
    return error_class(
        message,
        answer.request,
        status=answer.status,
        code=said.code,
        body=answer.beginning if body is None else body,
    )


def _error_class(status: int) -> type[StatusError]:
    fallback = ServerError if status >= 500 else InvalidRequest
    return _ERROR_BY_STATUS.get(status, fallback)


def is_retryable_status(status: int) -> bool:
    """Return whether the same request may succeed later."""
    return status in _RETRYABLE
