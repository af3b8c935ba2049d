"""Both APIs in one WSGI application: ``/v1/...`` is Flip, the rest is Flatpeak."""

from __future__ import annotations

import math
import time

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from flipkit.emulator.clock import Clock
from flipkit.emulator.faults import FaultPlan, Faulty
from flipkit.emulator.flatpeak.api import flatpeak_blueprint
from flipkit.emulator.flip.api import flip_blueprint
from flipkit.emulator.limiter import Limiter
from flipkit.emulator.refusals import Refusals
from flipkit.emulator.store import Store

__all__ = ["create_app"]

_MOST_BYTES = 32 * 2**20  # of one request; 10,000 meter records are 3 MB


def create_app(
    store: Store,
    clock: Clock,
    *,
    faults: FaultPlan | None = None,
    limiter: Limiter | None = None,
    delay_s: float = 0.0,
) -> Flask:
    """The emulator as a WSGI application.

    Parameters
    ----------
    store : Store
        What it knows and keeps.
    clock : Clock
        Its time: in answers, in the ``Date`` header, for "the current month".
    faults : FaultPlan, optional
        Makes some requests fail.
    limiter : Limiter, optional
        Answers 429 with ``Retry-After`` to a key that asks too often.
    delay_s : float
        Real seconds to wait before each answer, for measurements.

    Returns
    -------
    flask.Flask
    """
    app = Flask("flipkit.emulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.url_map.merge_slashes = False  # a doubled slash is an unknown address, not a redirect
    refusals = Refusals(clock)
    _slow_down(app, refusals, limiter, delay_s)
    app.register_blueprint(flip_blueprint(store, clock))
    app.register_blueprint(flatpeak_blueprint(store, clock))
    app.register_error_handler(HTTPException, refusals.of_exception)
    app.after_request(refusals.stamp)
    if faults:
        app.wsgi_app = Faulty(app.wsgi_app, faults, refusals.answer)  # type: ignore[method-assign]
    return app


def _slow_down(app: Flask, refusals: Refusals, limiter: Limiter | None, delay_s: float) -> None:
    @app.before_request
    def wait_or_refuse() -> Response | None:
        if delay_s:
            time.sleep(delay_s)
        wait_s = limiter.wait_s(request.headers.get("Authorization", "")) if limiter else 0.0
        if not wait_s:
            return None
        response = refusals.answer(request.path, 429, "Too many requests")
        response.headers["Retry-After"] = str(math.ceil(wait_s))
        return response
