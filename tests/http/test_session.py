"""The session: what is retried, how long it waits, and what its errors say."""

import heapq
import itertools
import logging
import math
import pickle
import random
import threading
import traceback
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit import errors
from flipkit.emulator import Limiter
from flipkit.http import (
    BearerKey,
    ErrorBody,
    RetryPolicy,
    Secret,
    Session,
    Timing,
    Token,
    joined,
    map_concurrent,
)
from flipkit.http.address import checked_base
from flipkit.http.retry import RetryBudget, Throttle, parse_retry_after

CANARY = "sk_live_canary_0123456789"


class FakePace(Timing):
    """A clock that only sleeping moves; `uniform` always returns the upper limit."""

    def __init__(self):
        self.time, self.waits = 0.0, []
        super().__init__(now=lambda: self.time, sleep=self._sleep, uniform=lambda low, high: high)

    def _sleep(self, seconds):
        self.waits.append(seconds)
        self.time += seconds


FakePace.__slots__ = ()


def envelope(status, body):
    return ErrorBody((body or {}).get("message", "no message"), (body or {}).get("code"))


def ok(value=1):
    return httpx.Response(200, json={"value": value})


class Server:
    """Answers from a script; an exception in it is raised."""

    def __init__(self, *script):
        self.script, self.requests = list(script), []

    def __call__(self, request):
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)


def session(server, *, credential=None, policy=None, pace=None):
    return Session(
        "https://api.example",
        credential or BearerKey(Secret(CANARY)),
        envelope,
        transport=httpx.MockTransport(server),
        pace=pace or FakePace(),
        policy=policy,
    )


TRANSIENT = [
    httpx.Response(500),
    httpx.Response(502),
    httpx.Response(503),
    httpx.Response(504),
    httpx.Response(408),
    httpx.Response(425),
    httpx.Response(429),
    httpx.Response(200, content=b'{"value":'),
    httpx.Response(200, content=b"\xff\xfe"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("cut"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("reset"),
    httpx.DecodingError("bad gzip"),
    ConnectionResetError("in process"),
]
FINAL = [
    (s, e)
    for s, e in [
        (400, "InvalidRequest"),
        (401, "AuthenticationFailed"),
        (403, "AuthenticationFailed"),
        (404, "NotFound"),
        (409, "InvalidRequest"),
        (418, "InvalidRequest"),
        (422, "InvalidRequest"),
        (501, "ServerError"),
    ]
]


@pytest.mark.parametrize("failure", TRANSIENT, ids=repr)
def test_a_transient_failure_is_retried(failure):
    server = Server(failure, failure, ok(7))
    answer = session(server).send("GET", ["x"])
    assert answer.value == {"value": 7}
    assert answer.request.attempts == 3


@pytest.mark.parametrize("failure", TRANSIENT, ids=repr)
def test_a_call_that_may_have_arrived_is_not_repeated_unless_that_is_safe(failure):
    server = Server(failure, ok())
    with pytest.raises(errors.RequestError) as caught:
        session(server).send("POST", ["commission"], body={}, repeatable=False)
    assert len(server.requests) == 1
    if isinstance(failure, Exception):
        assert "may have arrived" in str(caught.value)


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")],
)
def test_a_call_that_cannot_have_arrived_is_always_repeated(failure):
    server = Server(failure, ok())
    session(server).send("POST", ["commission"], body={}, repeatable=False)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "error"), FINAL)
def test_a_refusal_is_final_and_has_its_own_class(status, error):
    server = Server(
        httpx.Response(
            status, json={"message": "because", "code": "c"}, headers={"x-request-id": "r-1"}
        )
    )
    with pytest.raises(
        getattr(errors, error), match=r"because.*GET /x \(1 attempt, request id r-1\)"
    ) as caught:
        session(server).send("GET", ["x"])
    assert (caught.value.status, caught.value.code) == (status, "c")
    assert len(server.requests) == 1


def test_half_of_an_error_body_is_requested_again():
    """Its code decides what the caller can do, and was in the missing half."""
    half = httpx.Response(
        422, headers={"content-type": "application/json"}, content=b'{"code": "price_una'
    )
    server = Server(
        half, httpx.Response(422, json={"code": "price_unavailable", "message": "none"})
    )
    with pytest.raises(errors.InvalidRequest) as refused:
        session(server).send("GET", ["x"])
    assert (refused.value.code, len(server.requests)) == ("price_unavailable", 2)
    server = Server(half)
    with pytest.raises(errors.InvalidRequest):
        session(server).send("POST", ["x"], repeatable=False)
    assert len(server.requests) == 1
    for whole in (
        httpx.Response(422, html="<p>no</p>"),
        httpx.Response(422, headers={"content-type": "application/json"}),
    ):
        server = Server(whole)
        with pytest.raises(errors.InvalidRequest):
            session(server).send("GET", ["x"])
        assert len(server.requests) == 1


def test_an_html_page_is_not_requested_again():
    server = Server(httpx.Response(200, html="<html>Sign in</html>"))
    with pytest.raises(errors.UnexpectedAnswer, match="<html>Sign in"):
        session(server).send("GET", ["x"])
    assert len(server.requests) == 1


def test_a_redirect_is_refused_and_nothing_is_forwarded():
    server = Server(httpx.Response(307, headers={"location": "https://elsewhere.example/"}))
    with pytest.raises(errors.UnexpectedAnswer, match="redirects"):
        session(server).send("POST", ["x"], body={"secret": 1})
    assert [r.url.host for r in server.requests] == ["api.example"]


def test_a_missing_field_is_named_and_not_requested_again():
    class Shape(msgspec.Struct):
        cost: float

    server = Server(ok())
    with pytest.raises(errors.UnexpectedAnswer, match="missing required field `cost`"):
        session(server).send("GET", ["x"], decoder=msgspec.json.Decoder(Shape))
    assert len(server.requests) == 1


def test_an_empty_answer_is_no_value():
    assert session(Server(httpx.Response(201))).send("POST", ["x"], body={}).value is None


def test_waits_double_with_full_jitter_up_to_the_cap():
    pace = FakePace()
    policy = RetryPolicy(attempts=9, deadline_s=1e9)
    with pytest.raises(errors.ServerError):
        session(Server(httpx.Response(500)), pace=pace, policy=policy).send("GET", ["x"])
    assert pace.waits == [0.25, 0.5, 1, 2, 4, 8, 16, 20]


def test_throttling_waits_longer():
    pace = FakePace()
    with pytest.raises(errors.RateLimited):
        session(Server(httpx.Response(429)), pace=pace).send("GET", ["x"])
    assert pace.waits == [1, 2, 4, 8, 16]


@given(st.integers(1, 5000), st.booleans())
def test_no_wait_is_negative_or_above_the_cap(failures, throttled):
    assert (
        0
        <= RetryPolicy().wait_s(failures, throttled=throttled, uniform=lambda low, high: high)
        <= 20
    )


@pytest.mark.parametrize("text", ["7", "Sat, 10 Jan 2026 12:00:07 GMT"])
def test_retry_after_in_seconds_or_as_a_date(text):
    assert parse_retry_after(text, datetime(2026, 1, 10, 12, tzinfo=UTC)) == 7.0


@pytest.mark.parametrize("text", [None, "", "soon", "nan", "inf", "-inf"])
def test_an_invalid_retry_after_is_ignored(text):
    assert parse_retry_after(text) is None


def test_retry_after_is_obeyed():
    pace = FakePace()
    session(Server(httpx.Response(429, headers={"retry-after": "9"}), ok()), pace=pace).send(
        "GET", ["x"]
    )
    assert pace.waits == [9.0]


def test_a_retry_after_above_the_limit_fails_at_once():
    pace = FakePace()
    with pytest.raises(errors.RateLimited) as caught:
        session(Server(httpx.Response(429, headers={"retry-after": "600"})), pace=pace).send(
            "GET", ["x"]
        )
    assert caught.value.retry_after_s == 600
    assert pace.waits == []


def test_all_threads_wait_when_one_was_asked_to():
    pace = FakePace()
    one = session(Server(httpx.Response(429, headers={"retry-after": "5"}), ok()), pace=pace)
    one.throttle.slow_down(sent_at=0.0, now=0.0, asked_s=3.0)
    one.send("GET", ["x"])
    assert pace.waits[0] == 3.0


def test_waiting_for_a_turn_ends_with_the_deadline():
    pace = FakePace()
    one = session(Server(ok()), pace=pace, policy=RetryPolicy(deadline_s=10))
    one.throttle.slow_down(sent_at=0.0, now=0.0, asked_s=11.0)
    with pytest.raises(
        errors.DeadlineExceeded, match="deadline of 10 s would pass while the service limits"
    ):
        one.send("GET", ["x"])
    assert pace.waits == []


def crowd(rate, calls=200, threads=16, latency_s=0.01):
    """Return the seconds that calls of many threads take, and the most attempts of a call."""
    throttle, policy, rng, now = Throttle(), RetryPolicy(), random.Random(1), [0.0]
    limiter = Limiter(rate, now=lambda: now[0])
    tries, waiting = [0] * calls, iter(range(threads, calls))
    events = [(0.0, call, "comes") for call in range(threads)]
    while events:
        now[0], call, what = heapq.heappop(events)
        if what == "comes" or (what == "leaves" and not throttle.is_open(now[0])):
            heapq.heappush(events, (now[0] + throttle.wait_s(now[0]), call, "leaves"))
        elif what == "leaves":
            tries[call] += 1
            heapq.heappush(events, (now[0] + latency_s, call, math.ceil(limiter.wait_s("key"))))
        elif what == 0:
            throttle.speed_up()
            events.extend((now[0], each, "comes") for each in itertools.islice(waiting, 1))
            heapq.heapify(events)
        else:
            throttle.slow_down(now[0] - latency_s, now[0], what)
            wait = max(what, policy.wait_s(tries[call], throttled=True, uniform=rng.uniform))
            heapq.heappush(events, (now[0] + wait, call, "comes"))
    return now[0], max(tries)


@pytest.mark.parametrize("rate", [1, 3, 10, 50, 200])
def test_too_many_threads_are_spaced_out_after_a_429(rate):
    took, tries = crowd(rate)
    assert tries < RetryPolicy().attempts
    assert took < 3 * 200 / rate + 10


def test_the_deadline_holds_over_all_tries():
    pace = FakePace()
    policy = RetryPolicy(attempts=100, deadline_s=10)
    with pytest.raises(errors.DeadlineExceeded, match="deadline of 10 s would pass") as caught:
        session(Server(httpx.Response(500)), pace=pace, policy=policy).send("GET", ["x"])
    assert pace.time < 10
    assert isinstance(caught.value.__cause__, errors.ServerError)


def test_an_attempt_gets_the_rest_of_the_deadline_as_its_timeout():
    pace = FakePace()
    server = Server(httpx.Response(500), httpx.Response(500), ok())
    policy = RetryPolicy(base_s=4.0, deadline_s=16.0)
    session(server, pace=pace, policy=policy).send("GET", ["x"])
    assert pace.waits == [4.0, 8.0]
    timeouts = [request.extensions["timeout"] for request in server.requests]
    assert timeouts == [
        {"connect": 5.0, "read": 16.0, "write": 16.0, "pool": 16.0},
        {"connect": 5.0, "read": 12.0, "write": 12.0, "pool": 12.0},
        {"connect": 4.0, "read": 4.0, "write": 4.0, "pool": 4.0},
    ]


def test_a_call_that_may_have_arrived_says_so_if_its_answer_trickles():
    pace = FakePace()

    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(1000):
                pace.time += 1
                yield b" "

    one = session(
        lambda request: httpx.Response(200, stream=Trickle()),
        pace=pace,
        policy=RetryPolicy(deadline_s=10),
    )
    with pytest.raises(errors.DeadlineExceeded, match="may have arrived"):
        one.send("POST", ["x"], body={}, repeatable=False)


def test_the_deadline_holds_within_an_answer_that_trickles():
    pace = FakePace()

    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(1000):
                pace.time += 1
                yield b" "

    def trickle(_request):
        return httpx.Response(200, stream=Trickle())

    with pytest.raises(errors.DeadlineExceeded, match="deadline of 10 s passed before the answer"):
        session(trickle, pace=pace, policy=RetryPolicy(deadline_s=10)).send("GET", ["x"])
    assert pace.time == 10


def test_a_service_that_fails_throughout_gets_less_load():
    server = Server(httpx.Response(500))
    one = session(server)
    for _ in range(300):
        with pytest.raises(errors.ServerError):
            one.send("GET", ["x"])
    assert len(server.requests) <= 300 * 1.3
    assert one.budget.left < 14


def test_the_budget_is_never_overdrawn_and_comes_back():
    budget = RetryBudget(100)

    def hammer():
        for _ in range(2000):
            budget.refund(budget.spend(throttled=True))

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.left == 100
    assert sum(bool(budget.spend(throttled=False)) for _ in range(50)) == 7


def test_an_expired_token_is_renewed_once():
    fetched = []

    def fetch():
        fetched.append(1)
        return Secret(f"token-{len(fetched)}"), 3600.0

    pace = FakePace()
    server = Server(httpx.Response(403), ok())
    session(server, credential=Token(fetch, pace), pace=pace).send("GET", ["x"])
    assert [r.headers["authorization"] for r in server.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    with pytest.raises(errors.AuthenticationFailed):
        session(Server(httpx.Response(403)), credential=Token(fetch, pace), pace=pace).send(
            "GET", ["x"]
        )
    assert len(fetched) == 4


def test_a_token_is_renewed_before_it_ends_and_by_one_thread():
    pace, fetched = FakePace(), []
    token = Token(lambda: (Secret(str(fetched.append(1))), 100.0), pace)
    map_concurrent(lambda _: token.secret(), range(50))
    assert len(fetched) == 1
    pace.time = 79
    token.secret()
    assert len(fetched) == 1
    pace.time = 81
    token.secret()
    assert len(fetched) == 2


def test_a_body_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("flipkit.http.session._MOST_BYTES", 10)
    with pytest.raises(errors.UnexpectedAnswer, match="larger than"):
        session(Server(ok("a" * 100))).send("GET", ["x"])


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example",
        "ftp://localhost",
        "https://user:pw@api.example",
        "api.example",
        "https://api.example?key=1",
        "http://127.0.0.1.evil.example",
        "",
        "https://[::1",
        "https://api.example:pw",
        "https://api.example:70000",
        "https://api.example:0",
        "https://api example",
        "https://api.example\n",
    ],
)
def test_an_unsafe_address_is_refused(address):
    with pytest.raises(errors.ConfigurationError) as caught:
        checked_base(address)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["https://api.example/", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"],
)
def test_a_safe_address_is_kept(address):
    assert checked_base(address) == address.rstrip("/")


@given(st.text(min_size=1, max_size=20))
def test_an_id_cannot_leave_its_segment(text):
    try:
        path = joined(["costs", text])
    except errors.InputError:
        return
    assert path.count("/") == 2
    assert httpx.URL("https://api.example" + path).raw_path.decode().startswith("/costs/")
    assert not {"?", "#", "\\"} & set(path)


@pytest.mark.parametrize(
    "text", ["../x", "..", ".", "a/../b", "..\\x", "", "a\nb", "a\x00", None, 7]
)
def test_an_id_of_dots_is_refused(text):
    with pytest.raises(errors.InputError):
        joined(["costs", text])


def test_results_come_in_the_order_of_the_input():
    assert map_concurrent(lambda n: n * n, list(range(100))) == [n * n for n in range(100)]


def test_the_first_error_stops_the_rest():
    begun = []

    def call(n):
        begun.append(n)
        if n == 3:
            raise ValueError("third")
        return n

    with pytest.raises(ValueError, match="third"):
        map_concurrent(call, list(range(10_000)), workers=2)
    assert len(begun) < 10_000


def test_a_secret_shows_nowhere(caplog):
    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>30}",
        f"{secret}",
        repr([secret]),
        repr({"k": secret}),
    ]
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with caplog.at_level(logging.DEBUG):
        for failure in (httpx.Response(403), httpx.ReadError("x"), httpx.Response(200, html="<p>")):
            try:
                session(Server(failure)).send("GET", ["x"], query={"q": "1"})
            except errors.RequestError as error:
                shown += [
                    str(error),
                    repr(error),
                    repr(error.args),
                    repr(vars(error)),
                    *traceback.format_exception(error),
                ]
    shown.append(caplog.text)
    assert not [text for text in shown if CANARY in text]
