"""Both APIs in one WSGI application: ``/v1/...`` is Flip, all other paths are Flatpeak."""

from __future__ import annotations

import itertools
import math
import time
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from flipkit.emulator.clock import Clock
from flipkit.emulator.faults import FaultPlan, Faulty, Limiter
from flipkit.emulator.flatpeak import error_answer, flatpeak_blueprint
from flipkit.emulator.flip import FlipRefusal, flip_blueprint, framework_body, refused
from flipkit.emulator.store import Store

__all__ = ["create_app"]

_MAX_REQUEST_BYTES = 32 * 2**20  # 10,000 meter records are 3 MB


def create_app(
    store: Store,
    clock: Clock,
    *,
    faults: FaultPlan | None = None,
    limiter: Limiter | None = None,
    delay_s: float = 0.0,
) -> Flask:
    """Return the emulator as a WSGI application.

    Parameters
    ----------
    store : Store
        Its data.
    clock : Clock
        Its time: in answers, in the ``Date`` header, and for "the current month".
    faults : FaultPlan, optional
        Makes some requests fail.
    limiter : Limiter, optional
        Answers 429 with ``Retry-After`` to a key that sends too many requests.
    delay_s : float
        Real seconds to wait before each answer, for measurements.

    Returns
    -------
    flask.Flask
    """
    app = Flask("flipkit.emulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_REQUEST_BYTES
    app.url_map.merge_slashes = False  # a doubled slash is an unknown address, not a redirect
    common = _CommonAnswers(clock)
    _add_delay_and_limit(app, common, limiter, delay_s)
    app.register_blueprint(flip_blueprint(store, clock))
    app.register_blueprint(flatpeak_blueprint(store, clock))
    app.register_error_handler(HTTPException, common.framework_error)
    app.after_request(common.stamp)
    if faults:
        app.wsgi_app = Faulty(app.wsgi_app, faults, common.error)  # type: ignore[method-assign]
    return app


def _add_delay_and_limit(
    app: Flask, common: _CommonAnswers, limiter: Limiter | None, delay_s: float
) -> None:
    @app.before_request
    def wait_or_refuse() -> Response | None:
        if delay_s:
            time.sleep(delay_s)
        if limiter is None:
            return None
        wait_s = limiter.wait_s(request.headers.get("Authorization", ""))
        if not wait_s:
            return None
        response = common.error(request.path, 429, "Too many requests")
        response.headers["Retry-After"] = str(math.ceil(wait_s))
        return response


class _CommonAnswers:
    """Errors that belong to no endpoint, and the headers of every answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._request_numbers = itertools.count(1)

    def stamp(self, response: Response) -> Response:
        """Add ``Date`` and ``X-Request-Id``, which counts answers since the start."""
        response.headers["Date"] = http_date(self._clock.now())
        response.headers["X-Request-Id"] = f"req_{next(self._request_numbers):08}"
        return response

    def error(self, path: str, status: int, message: str) -> Response:
        """Return an error in the envelope of the API that `path` belongs to."""
        if _is_flip(path):
            return refused(FlipRefusal(status, framework_body(status, message)))
        code = HTTPStatus(status).name.lower()
        return error_answer(status, code, message, time_created=self._clock.text())

    def framework_error(self, error: HTTPException) -> Response:
        """Answer an unknown address, a wrong method, too large a body, or a failure of our own."""
        status = error.code or 500
        message = HTTPStatus(status).phrase
        if status == 404 and _is_flip(request.path):  # as Flip's framework words it
            message = f"Route {request.method}:{request.path} not found"
        response = self.error(request.path, status, message)
        allowed_methods = [header for header in error.get_headers() if header[0] == "Allow"]
        response.headers.extend(allowed_methods)
        return response


def _is_flip(path: str) -> bool:
    return path == "/v1" or path.startswith("/v1/")
