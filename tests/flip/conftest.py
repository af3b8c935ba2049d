"""A scripted Flip service, and a client of it that never sleeps."""

import httpx
import msgspec
import pytest

from flipkit.flip import Flip
from flipkit.http import Timing

KEY = "fl_canary_0123456789abcdef"


class Service:
    """Answers by path; remembers the requests.

    An answer is a response, a JSON value, or a function of the request that gives one of them.
    """

    def __init__(self, **answers):
        self.requests = []
        self.answers = answers

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers[request.url.path.rpartition("/")[2].replace("-", "_")]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return httpx.Response(200, json=answer, headers={"date": "Sun, 01 Jun 2025 12:00:00 GMT"})

    @property
    def bodies(self):
        return [msgspec.json.decode(request.content) for request in self.requests]


class FakePace(Timing):
    """A clock that only sleeping moves."""

    def __init__(self):
        self.time = 0.0
        super().__init__(now=lambda: self.time, sleep=self._sleep, uniform=lambda low, high: high)

    def _sleep(self, seconds):
        self.time += seconds


FakePace.__slots__ = ()


@pytest.fixture(scope="session")
def key():
    return KEY


@pytest.fixture(scope="session")
def serve():
    """``serve(frames, sites=[...])``: a client, and the service it talks to."""

    def make(frames="pandas", **answers):
        service = Service(**answers)
        return Flip(
            KEY, frames=frames, transport=httpx.MockTransport(service), pace=FakePace()
        ), service

    return make
