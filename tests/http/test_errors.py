"""Errors survive pickling; no error body crashes the client or shows a key."""

import copy
import pickle

import httpx
import pytest

from flipkit import errors
from flipkit.http import BearerKey, ErrorBody, Secret, Session, Timing

CANARY = "fl_canary_0123456789"


def send(response):
    session = Session(
        "https://service.example",
        BearerKey(Secret(CANARY)),
        lambda status, body: ErrorBody(str(body)),
        transport=httpx.MockTransport(lambda request: response),
        pace=Timing(now=lambda: 0.0, sleep=lambda seconds: None),
    )
    return session.send("GET", ["x"])


@pytest.mark.parametrize("twin", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
@pytest.mark.parametrize(
    "response", [httpx.Response(429, headers={"retry-after": "900"}), httpx.Response(200, text="{")]
)
def test_an_error_survives_a_pickle(response, twin):
    with pytest.raises(errors.RequestError) as caught:
        send(response)
    same = twin(caught.value)
    assert type(same) is type(caught.value)
    assert (str(same), vars(same)) == (str(caught.value), vars(caught.value))


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("body", ['{"message": "no such key: %s"}', "<p>%s</p>"])
def test_a_key_that_the_service_repeats_is_masked(status, body):
    if status == 200 and body.startswith("{"):
        body += "]"  # not JSON: its beginning is shown
    with pytest.raises(errors.RequestError) as caught:
        send(httpx.Response(status, text=body % CANARY))
    shown = str(caught.value) + repr(vars(caught.value))
    assert "***" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("size", [8, 9, len(CANARY) - 1])
def test_a_key_that_the_end_of_an_answer_cuts_is_masked(status, size):
    """Eight characters of a key are a secret; fewer may be any word."""
    with pytest.raises(errors.RequestError) as caught:
        send(httpx.Response(status, text=f"no such key: {CANARY[:size]}"))
    shown = str(caught.value) + repr(vars(caught.value))
    assert "no such key: ***" in shown
    assert CANARY[:8] not in shown


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_nested_too_deeply_does_not_crash(status):
    with pytest.raises(errors.RequestError):
        send(httpx.Response(status, text="[" * 100_000))
