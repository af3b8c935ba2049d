"""A fake Flatpeak service: it accepts logins, records each call, and gives scripted answers."""

import json
import threading
from dataclasses import dataclass, field

import httpx
import pytest

from flipkit.flatpeak import Flatpeak
from flipkit.frames import records_of
from flipkit.http import Timing

ACCOUNT, KEY, TOKEN = "acc_canary_account", "sk_test_canary_0123456789", "eyJ.canary-token.abc"


@dataclass
class Call:
    method: str
    path: str
    query: dict
    body: object
    headers: dict


@dataclass
class Service:
    """Scripted answers, keyed by method and path such as ``"POST /costs/interval/loc_1"``.

    An answer is a body, a (status, body) pair, or a function of the call.
    """

    answers: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    logins: int = 0
    login_answer: object = None
    clock: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request):
        path = request.url.raw_path.decode().partition("?")[0]
        body = json.loads(request.content) if request.content else None
        call = Call(request.method, path, dict(request.url.params), body, dict(request.headers))
        if path == "/login":
            with self.lock:
                self.logins += 1
            answer = self.login_answer or {
                "bearer_token": TOKEN,
                "expires_in": 3600,
                "live_mode": False,
            }
        else:
            with self.lock:
                self.calls.append(call)
            answer = self.answers.get(
                f"{call.method} {path}", (404, {"object": "error", "message": "Not Found"})
            )
        return self.response(answer(call) if callable(answer) else answer)

    @staticmethod
    def response(answer):
        if isinstance(answer, httpx.Response | Exception):
            if isinstance(answer, Exception):
                raise answer
            return answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        date = {"Date": "Sun, 01 Jun 2025 12:00:00 GMT", "Content-Type": "application/json"}
        return httpx.Response(status, content=content, headers=date)

    def sleep(self, seconds):
        with self.lock:
            self.clock += seconds

    def client(self, **options):
        pace = Timing(now=lambda: self.clock, sleep=self.sleep, uniform=lambda low, high: high)
        options = {
            "account_id": ACCOUNT,
            "api_key": KEY,
            "base_url": "https://flatpeak.test",
            **options,
        }
        return Flatpeak(transport=httpx.MockTransport(self), pace=pace, **options)

    @property
    def last(self):
        return self.calls[-1]


@pytest.fixture(scope="session")
def make_service():
    """The fake's class, for property tests that need a new one for each example."""
    return Service


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def flatpeak(service, frames_library):
    with service.client(frames=frames_library) as client:
        yield client


@pytest.fixture(scope="session")
def rows():
    """A frame of either library as dicts."""
    return records_of


@pytest.fixture(scope="session")
def secrets():
    return ACCOUNT, KEY, TOKEN
