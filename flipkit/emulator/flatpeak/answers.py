"""Flatpeak's answers: JSON, and the one envelope of everything it refuses."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from flask import Response

__all__ = ["Refusal", "answer", "envelope", "passing_id"]


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault
    """An answer that says no; raised anywhere below a route.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Flatpeak's machine code.
    message : str
        What was wrong with what, in English.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    @classmethod
    def invalid(cls, message: str, code: str = "invalid_request") -> Refusal:
        """422: what was sent cannot be used."""
        return cls(422, code, message)

    @classmethod
    def unknown(cls, what: str) -> Refusal:
        """404: no such object."""
        return cls(404, "not_found", f"Not Found: {what}")


def answer(body: Any, status: int = 200) -> Response:
    """`body` (dicts, lists, Structs) as a JSON answer."""
    return Response(msgspec.json.encode(body), status, content_type="application/json")


def envelope(
    status: int,
    code: str,
    message: str,
    *,
    context: str = "api",
    live_mode: bool = False,
    time_created: str = "",
) -> Response:
    """An error in Flatpeak's shape.

    Parameters
    ----------
    status : int
        HTTP status; the ``type`` follows from it.
    code, message : str
        As in `Refusal`.
    context : str
        Service and method, ``api.device_create``.
    live_mode : bool
        Mode of the caller's key.
    time_created : str
        RFC 3339.
    """
    kind = "api_error" if status >= 500 else "rate_limit" if status == 429 else "invalid_request"
    body = {"object": "error", "live_mode": live_mode, "context": context, "type": kind}
    return answer(body | {"code": code, "message": message, "time_created": time_created}, status)


def passing_id(prefix: str, *what: object) -> str:
    """An id of Flatpeak's form that belongs to nothing stored: a hash over what it is of."""
    return f"{prefix}_{hashlib.sha256(repr(what).encode()).hexdigest()[:24]}"
