"""Trouble on demand: a plan that makes some requests fail, the same ones in every run."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from flipkit.errors import InputError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["AFTER_KINDS", "KINDS", "FaultPlan", "Faulty"]

KINDS = ("429", "500", "503", "reset", "truncated", "delay")
AFTER_KINDS = ("500_after", "reset_after")

Refuse = Callable[[str, int, str], Response]
"""Makes an error answer: path, status, words."""


class FaultPlan:
    """Which requests fail, and how.

    Parameters
    ----------
    seed : int
    rate : float
        Share of the requests that fail, 0 to 1.
    kinds : sequence of str
        Of equal weight. ``429`` (with ``Retry-After``), ``500``, ``503``, ``reset`` (closed without a byte) and
        ``delay`` strike before the request is carried out; ``truncated`` sends half of the true answer. The
        ``AFTER_KINDS`` carry the request out and then lose the answer; they are not in the default.
    delay_s : float
        How long a ``delay`` lasts.
    retry_after_s : int
        What a ``429`` asks for.
    sleep : callable, optional

    Attributes
    ----------
    struck : collections.Counter
        How often each kind struck.

    Raises
    ------
    InputError
        For a rate outside 0 to 1, or a kind that does not exist.

    Notes
    -----
    The n-th arrival of a request (method, path, query, body) has the same fate in every run, whatever arrives in
    between: a client's threads do not shuffle the plan.
    """

    def __init__(
        self,
        seed: int,
        rate: float,
        kinds: Sequence[str] = KINDS,
        *,
        delay_s: float = 0.05,
        retry_after_s: int = 1,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        unknown = [kind for kind in kinds if kind not in KINDS + AFTER_KINDS]
        if unknown or not kinds:
            raise InputError(
                f"kinds {unknown}: choose one or more of {', '.join(KINDS + AFTER_KINDS)}"
            )
        if not 0 <= rate <= 1:
            raise InputError(f"rate {rate}: a share from 0 to 1 is needed")
        self.delay_s, self.retry_after_s, self.sleep = delay_s, retry_after_s, sleep
        self.struck: Counter[str] = Counter()
        self._seed, self._rate, self._kinds = str(seed).encode(), rate, tuple(kinds)
        self._arrivals: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def fate(self, request: bytes) -> str | None:
        """The kind that strikes this arrival of `request`, or None."""
        key = hashlib.sha256(request).digest()
        with self._lock:
            self._arrivals[key] += 1
            dice = hashlib.sha256(b"%b:%b:%d" % (self._seed, key, self._arrivals[key])).digest()
            if int.from_bytes(dice[:8]) >= self._rate * 2**64:
                return None
            kind = self._kinds[int.from_bytes(dice[8:16]) % len(self._kinds)]
            self.struck[kind] += 1
            return kind


class Faulty:
    """A WSGI application in which a plan strikes.

    Parameters
    ----------
    app : WSGI application
    plan : FaultPlan
    refuse : callable
        Makes the error answer of a path: ``refuse(path, status, words)``.

    Notes
    -----
    A reset is a `ConnectionResetError`: in process the client sees it as it is, and the server closes the
    connection without a byte when one reaches it.
    """

    def __init__(self, app: WSGIApplication, plan: FaultPlan, refuse: Refuse) -> None:
        self._app, self._plan, self._refuse = app, plan, refuse

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Carry the request out, or what the plan has in store for it."""
        kind = self._plan.fate(_identity(environ))
        if kind is None:
            return self._app(environ, start_response)
        if kind == "delay":
            self._plan.sleep(self._plan.delay_s)
            return self._app(environ, start_response)
        if kind == "reset":
            raise ConnectionResetError("the fault plan closed the connection")
        if kind in {"429", "500", "503"}:
            return self._refusal(environ, int(kind))(environ, start_response)
        return self._lose_answer(kind, environ, start_response)

    def _refusal(self, environ: WSGIEnvironment, status: int) -> Response:
        response = self._refuse(environ["PATH_INFO"], status, "The fault plan says no")
        if status == 429:
            response.headers["Retry-After"] = str(self._plan.retry_after_s)
        return response

    def _lose_answer(
        self, kind: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = Response.from_app(self._app, environ, buffered=True)
        content = answer.get_data()
        if kind == "500_after":
            return self._refusal(environ, 500)(environ, start_response)
        if kind == "reset_after" or not content:  # nothing to cut: the whole answer is lost
            raise ConnectionResetError(
                "the fault plan closed the connection after the request was carried out"
            )
        # Content-Length still promises the whole: the server closes the connection in the middle.
        start_response(answer.status, list(answer.headers))
        return [content[: len(content) // 2]]


def _identity(environ: WSGIEnvironment) -> bytes:
    """What makes two requests the same one; the body is put back for the application."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = BytesIO(body)
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}\n"
    return line.encode("utf-8", "surrogateescape") + body
