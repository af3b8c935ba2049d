"""Error answers that belong to no endpoint, in the words of the API whose address was called."""

from __future__ import annotations

import itertools
from http import HTTPStatus

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak.answers import envelope
from flipkit.emulator.flip.answers import FlipRefusal, framework_body, refused

__all__ = ["Refusals"]


class Refusals:
    """Makes such answers, and stamps every answer with its time and its request id.

    Parameters
    ----------
    clock : Clock
        The emulator's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._requests = clock, itertools.count(1)

    def stamp(self, response: Response) -> Response:
        """Add ``Date`` and ``X-Request-Id``: the n-th answer since the start has the n-th id."""
        response.headers["Date"] = http_date(self._clock.now())
        response.headers["X-Request-Id"] = f"req_{next(self._requests):08}"
        return response

    def answer(self, path: str, status: int, words: str) -> Response:
        """An error of the API that `path` belongs to."""
        if is_flip(path):
            return refused(FlipRefusal(status, framework_body(status, words)))
        return envelope(
            status, HTTPStatus(status).name.lower(), words, time_created=self._clock.text()
        )

    def of_exception(self, error: HTTPException) -> Response:
        """An error of the framework: unknown address, wrong method, too large a body, our own failure."""
        status = error.code or 500
        response = self.answer(request.path, status, _words(status))
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name == "Allow"
        )
        return response


def is_flip(path: str) -> bool:
    """Whether the address is one of Flip's; all others are Flatpeak's."""
    return path == "/v1" or path.startswith("/v1/")


def _words(status: int) -> str:
    """Flip's framework names an unknown route; the rest are the usual phrases."""
    if status == 404 and is_flip(request.path):
        return f"Route {request.method}:{request.path} not found"
    return HTTPStatus(status).phrase
