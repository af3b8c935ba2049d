"""What both APIs share: headers, error envelopes, rate limits, delays."""

import time
from datetime import timedelta

import pytest

from flipkit import emulator
from flipkit.emulator import Clock, Limiter, Store, create_app

KEY = {"Authorization": "Bearer any-key"}
BIG = b"[" + b" " * (33 * 2**20) + b"]"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(clock):
    return create_app(Store(), clock).test_client()


def flatpeak_error(answer):
    assert set(answer.json) == {
        "object",
        "live_mode",
        "context",
        "type",
        "code",
        "message",
        "time_created",
    }
    assert answer.json["object"] == "error"
    return answer.status_code, answer.json["type"]


def test_tab_completion_shows_public_names_only():
    assert dir(emulator) == sorted(emulator.__all__)
    assert all(hasattr(emulator, name) for name in emulator.__all__)


def test_the_date_header_is_the_emulators_time(client, clock):
    assert client.get("/v1/sites").headers["Date"] == "Sat, 10 Jan 2026 12:00:00 GMT"
    clock.advance(timedelta(hours=3))
    assert client.get("/nowhere").headers["Date"] == "Sat, 10 Jan 2026 15:00:00 GMT"


def test_request_ids_count_from_one_in_each_emulator():
    def ids():
        client = create_app(Store(), Clock()).test_client()
        return [
            client.get(path, headers=KEY).headers["X-Request-Id"]
            for path in ("/v1/sites", "/v1/no", "/no")
        ]

    assert ids() == ids() == ["req_00000001", "req_00000002", "req_00000003"]


def test_an_unknown_address_is_a_404_in_the_envelope_of_its_api(client):
    answer = client.get("/v1/nope", headers=KEY)
    assert answer.status_code == 404
    assert answer.json == {
        "error": "Not Found",
        "message": "Route GET:/v1/nope not found",
        "statusCode": 404,
    }
    assert flatpeak_error(client.get("/nope")) == (404, "invalid_request")
    assert flatpeak_error(client.get("/v10/sites")) == (404, "invalid_request")
    assert client.get("/v1//sites", headers=KEY).status_code == 404


def test_a_wrong_method_is_a_405_that_names_the_allowed_ones(client):
    answer = client.delete("/v1/sites", headers=KEY)
    assert (answer.status_code, answer.json["statusCode"]) == (405, 405)
    assert "GET" in answer.headers["Allow"]


def test_too_large_a_body_is_a_413(client):
    answer = client.post("/v1/fleet-data", data=BIG, headers=KEY, content_type="application/json")
    assert (answer.status_code, answer.json["statusCode"]) == (413, 413)


def test_a_failure_of_the_emulator_itself_is_a_500_in_the_envelope():
    store = Store()
    client = create_app(store, Clock()).test_client()
    store.close()
    answer = client.get("/v1/sites", headers=KEY)
    assert (answer.status_code, answer.json["statusCode"]) == (500, 500)


def test_each_key_has_its_own_limit_and_gets_a_retry_after():
    now = [100.0]
    app = create_app(Store(), Clock(), limiter=Limiter(rate=0.5, burst=2, now=lambda: now[0]))
    client = app.test_client()

    def status(key="a", path="/v1/sites"):
        return client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code

    assert [status(), status(), status()] == [200, 200, 429]
    assert status("b") == 200
    answer = client.get("/v1/sites", headers={"Authorization": "Bearer a"})
    assert (answer.headers["Retry-After"], answer.json["statusCode"]) == ("2", 429)
    answer = client.get("/nowhere", headers={"Authorization": "Bearer a"})
    assert flatpeak_error(answer) == (429, "rate_limit")
    assert (answer.headers["Retry-After"], answer.headers["Date"]) == (
        "2",
        "Sat, 10 Jan 2026 12:00:00 GMT",
    )
    now[0] += 2.0
    assert [status(), status()] == [200, 429]


def test_a_limiter_allows_no_more_than_rate_and_burst():
    now = [0.0]
    limiter = Limiter(rate=5, burst=3, now=lambda: now[0])
    passed = 0
    for step in range(1000):
        now[0] = step * 0.01
        passed += not limiter.wait_s("key")
    assert passed == 3 + int(5 * now[0])
    now[0] += 3600.0
    assert [limiter.wait_s("key") == 0 for _ in range(5)] == [True, True, True, False, False]


def test_the_wait_of_a_limiter_is_sufficient_and_not_too_long():
    now = [0.0]
    limiter = Limiter(rate=3, burst=1, now=lambda: now[0])
    assert limiter.wait_s("key") == 0
    wait = limiter.wait_s("key")
    now[0] += wait * 0.99
    assert limiter.wait_s("key") > 0
    now[0] += wait * 0.02
    assert limiter.wait_s("key") == 0


def test_it_waits_for_the_given_delay_before_each_answer(monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    client = create_app(Store(), Clock(), delay_s=0.2).test_client()
    client.get("/v1/sites", headers=KEY)
    client.get("/nowhere")
    assert waits == [0.2, 0.2]
