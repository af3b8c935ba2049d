"""How the Flip Aggregator API answers: JSON, and the envelopes of what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Response

__all__ = [
    "FlipRefusal",
    "framework_body",
    "general",
    "information_required",
    "invalid",
    "json_answer",
    "refused",
]


class FlipRefusal(Exception):  # noqa: N818  it is an answer, raised from where the reason is found
    """An answer with an error status.

    Attributes
    ----------
    status : int
    body : mapping
        The envelope.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


def framework_body(status: int, message: str) -> dict[str, Any]:
    """The body of errors that Flip's web framework makes (unknown route, too large)."""
    return {"error": HTTPStatus(status).phrase, "message": message, "statusCode": status}


def invalid(message: str) -> FlipRefusal:
    """400: what was sent cannot be used."""
    return FlipRefusal(400, {"code": "VALIDATION_ERROR", **framework_body(400, message)})


def general(status: int, code: str, message: str) -> FlipRefusal:
    """Any other reason, in the envelope that most of Flip's operations share."""
    return FlipRefusal(
        status,
        {"code": code, "message": message, "status_code": status, "detail": [], "errors": []},
    )


def information_required(enrollment: Mapping[str, Any]) -> FlipRefusal:
    """422: more has to be collected before the site can be commissioned."""
    return FlipRefusal(422, {"enrollment": enrollment})


def json_answer(body: Any, status: int = 200) -> Response:
    """`body` as a JSON answer."""
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


def refused(refusal: FlipRefusal) -> Response:
    """The answer that a refusal stands for."""
    response = json_answer(refusal.body, refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
