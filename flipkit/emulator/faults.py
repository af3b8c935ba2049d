"""Failures on demand: a plan that makes some requests fail, and a rate limit per key."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from flipkit.errors import InputError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["AFTER_KINDS", "KINDS", "FaultPlan", "Faulty", "Limiter"]

KINDS = ("429", "500", "503", "reset", "truncated", "delay")
AFTER_KINDS = ("500_after", "reset_after")
_ALL_KINDS = KINDS + AFTER_KINDS

MakeError = Callable[[str, int, str], Response]
"""Makes an error answer from path, status and message."""


class FaultPlan:
    """Decides which requests fail, and how.

    Parameters
    ----------
    seed : int
    rate : float
        Share of the requests that fail, 0 to 1.
    kinds : sequence of str
        Equally likely kinds of failure. ``429`` (with ``Retry-After``), ``500``, ``503``, ``reset``
        (the connection is closed without a byte) and ``delay`` happen before the request is
        carried out. ``truncated`` sends half of the true answer. The ``AFTER_KINDS`` carry out the
        request and then lose the answer; they are not in the default.
    delay_s : float
        Length of a ``delay``.
    retry_after_s : int
        ``Retry-After`` of a ``429``.
    sleep : callable, optional

    Attributes
    ----------
    struck : collections.Counter
        Number of failures by kind.

    Raises
    ------
    InputError
        A rate outside 0 to 1, no kinds, or an unknown kind.

    Notes
    -----
    The n-th arrival of a request (method, path, query, body) has the same outcome in every run,
    whatever arrives in between: threads of a client do not change the plan.
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
        unknown = [kind for kind in kinds if kind not in _ALL_KINDS]
        if unknown or not kinds:
            raise InputError(f"kinds {unknown}: choose one or more of {', '.join(_ALL_KINDS)}")
        if not 0 <= rate <= 1:
            raise InputError(f"rate {rate} must be a number from 0 to 1")
        self.delay_s = delay_s
        self.retry_after_s = retry_after_s
        self.sleep = sleep
        self.struck: Counter[str] = Counter()
        self._seed = str(seed).encode()
        self._rate = rate
        self._kinds = tuple(kinds)
        self._arrivals: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def fate(self, request: bytes) -> str | None:
        """Return the kind of failure of this arrival of `request`, or None."""
        key = hashlib.sha256(request).digest()
        with self._lock:
            self._arrivals[key] += 1
            # A hash instead of a random generator: it depends on this request alone.
            arrival = b"%b:%b:%d" % (self._seed, key, self._arrivals[key])
            random_bytes = hashlib.sha256(arrival).digest()
            if int.from_bytes(random_bytes[:8]) >= self._rate * 2**64:
                return None
            kind = self._kinds[int.from_bytes(random_bytes[8:16]) % len(self._kinds)]
            self.struck[kind] += 1
            return kind


class Faulty:
    """A WSGI application in which a plan makes requests fail.

    Parameters
    ----------
    app : WSGI application
    plan : FaultPlan
    make_error : callable
        Makes an error answer: ``make_error(path, status, message)``.

    Notes
    -----
    A reset is a `ConnectionResetError`: a client in the same process sees the exception itself,
    and the server closes the connection without a byte.
    """

    def __init__(self, app: WSGIApplication, plan: FaultPlan, make_error: MakeError) -> None:
        self._app = app
        self._plan = plan
        self._make_error = make_error

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Carry out the request, or let it fail as planned."""
        kind = self._plan.fate(_identity(environ))
        if kind is None:
            return self._app(environ, start_response)
        if kind == "delay":
            self._plan.sleep(self._plan.delay_s)
            return self._app(environ, start_response)
        if kind == "reset":
            raise ConnectionResetError("the fault plan closed the connection")
        if kind in {"429", "500", "503"}:
            return self._error(environ, int(kind))(environ, start_response)
        return self._lose_answer(kind, environ, start_response)

    def _error(self, environ: WSGIEnvironment, status: int) -> Response:
        message = "This request fails because of the fault plan"
        response = self._make_error(environ["PATH_INFO"], status, message)
        if status == 429:
            response.headers["Retry-After"] = str(self._plan.retry_after_s)
        return response

    def _lose_answer(
        self, kind: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = Response.from_app(self._app, environ, buffered=True)
        content = answer.get_data()
        if kind == "500_after":
            return self._error(environ, 500)(environ, start_response)
        if kind == "reset_after" or not content:  # an empty answer cannot be cut
            raise ConnectionResetError(
                "the fault plan closed the connection after the request was carried out"
            )
        # Content-Length still promises all of it: the server closes the connection in the middle.
        start_response(answer.status, list(answer.headers))
        return [content[: len(content) // 2]]


def _identity(environ: WSGIEnvironment) -> bytes:
    """Return what makes two requests the same; the body stays readable for the application."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = BytesIO(body)
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}\n"
    return line.encode("utf-8", "surrogateescape") + body


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Limiter:
    """A token bucket per key: `burst` requests at once, `rate` per second in the long run.

    Parameters
    ----------
    rate : float
        Requests per second, above 0.
    burst : int
        1 or more.
    now : callable, optional
        Monotonic seconds. Real ones, not the emulator's: work per real second is limited.
    """

    def __init__(
        self, rate: float, burst: int = 1, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """Return 0 and count the request, or return the seconds until one would be allowed."""
        with self._lock:
            now = self._now()
            bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
            refill = (now - bucket.filled_at) * self._rate
            bucket.tokens = min(self._burst, bucket.tokens + refill)
            bucket.filled_at = now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / self._rate
            bucket.tokens -= 1
            return 0.0
