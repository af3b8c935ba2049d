"""Keys and tokens, and that neither is ever shown."""

import base64
import logging
import traceback

import httpx
import pytest

from flipkit.errors import AuthenticationFailed, ConfigurationError, FlipkitError, UnexpectedAnswer
from flipkit.flatpeak import Flatpeak

EMPTY = {"object": "list", "url": "/devices", "has_more": False, "data": []}


def test_logs_in_once_with_basic_and_sends_the_token_and_the_version(service, flatpeak, secrets):
    service.answers["GET /devices"] = EMPTY
    flatpeak.devices()
    flatpeak.devices()
    account, key, token = secrets
    assert service.logins == 1
    assert service.last.headers["authorization"] == f"Bearer {token}"
    assert service.last.headers["flatpeak-version"] == "2025-09-14.anode"
    seen = []
    service.login_answer = None
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(500))
    with pytest.raises(FlipkitError):
        Flatpeak(
            account,
            key,
            base_url="https://flatpeak.test",
            transport=transport,
            pace=flatpeak._session.pace,
        ).raw("GET", "devices")
    assert (
        base64.b64decode(seen[0].headers["authorization"].removeprefix("Basic ")).decode()
        == f"{account}:{key}"
    )


@pytest.mark.parametrize("name", ["bearer_token", "bearer", "token"])
def test_the_token_is_taken_under_each_of_its_names_in_order(service, name):
    names = ["bearer_token", "bearer", "token"]
    service.login_answer = {
        "expires_in": 60,
        **{other: f"tok-{other}" for other in names[names.index(name) :]},
    }
    service.answers["GET /devices"] = EMPTY
    service.client().devices()
    assert service.last.headers["authorization"] == f"Bearer tok-{name}"


def test_the_token_is_renewed_before_it_expires(service):
    service.answers["GET /devices"] = EMPTY
    client = service.client()
    for moment, logins in [(0, 1), (2000, 1), (3000, 2), (3100, 2)]:
        service.clock = float(moment)
        client.devices()
        assert service.logins == logins


def test_an_expired_token_is_replaced_once(service):
    answers = iter([(403, {"message": "Bad credentials"}), EMPTY])
    service.answers["GET /devices"] = lambda call: next(answers)
    service.client().devices()
    assert service.logins == 2


def test_wrong_keys_name_the_variables(service):
    service.login_answer = (
        403,
        {"object": "error", "type": "invalid_request", "message": "Bad credentials"},
    )
    with pytest.raises(AuthenticationFailed, match="FLATPEAK_ACCOUNT_ID and FLATPEAK_API_KEY"):
        service.client().devices()
    assert service.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {"expires_in": 60},
        {"bearer_token": "x"},
        {"bearer_token": "a\nb", "expires_in": 60},
        b"",
        b"null",
        [],
    ],
)
def test_a_login_without_a_usable_token_is_a_typed_error(service, answer):
    service.login_answer = answer or b"[]"
    with pytest.raises(UnexpectedAnswer):
        service.client().devices()


def test_keys_and_address_come_from_the_environment(monkeypatch, secrets):
    with pytest.raises(ConfigurationError, match="FLATPEAK_ACCOUNT_ID"):
        Flatpeak()
    monkeypatch.setenv("FLATPEAK_ACCOUNT_ID", secrets[0])
    with pytest.raises(ConfigurationError, match="FLATPEAK_API_KEY"):
        Flatpeak()
    monkeypatch.setenv("FLATPEAK_API_KEY", secrets[1])
    with Flatpeak() as client:
        assert client.base_url == "https://api.flatpeak.com"
    monkeypatch.setenv("FLATPEAK_BASE_URL", "http://127.0.0.1:8080/flatpeak/")
    with Flatpeak() as client:
        assert client.base_url == "http://127.0.0.1:8080/flatpeak"
    with Flatpeak(base_url="https://elsewhere.test") as client:
        assert client.base_url == "https://elsewhere.test"


@pytest.mark.parametrize(
    "options",
    [
        {"version": "2026-01-01.busbar"},
        {"version": "x\n.anode"},
        {"version": None},
        {"base_url": "http://api.flatpeak.com"},
        {"frames": "dask"},
    ],
)
def test_invalid_settings_are_refused_at_once(service, options):
    with pytest.raises(FlipkitError):
        service.client(**options)


def broken_logins(secrets):
    account, key, token = secrets
    basic = base64.b64encode(f"{account}:{key}".encode()).decode()
    login = {"bearer_token": token, "expires_in": 3600}
    return [
        (403, {"message": f"no account {account} with key {key}: {basic}"}),
        (500, f"<html>Authorization: Basic {basic}</html>".encode()),
        f'{{"bearer_token":"{token}'.encode(),
        {"bearer_token": token},
        {**login, "expires_in": token},
        httpx.ConnectError("refused"),
    ]


def broken_answers(secrets):
    token = secrets[2]
    return [
        (401, {"message": f"bad token {token}"}),
        (422, {"message": f"Authorization: Bearer {token}", "code": token}),
        (500, f"<html>Bearer {token}</html>".encode()),
        f'{{"data": "{token}'.encode(),
        {"data": [{"id": token}], "has_more": False},
        httpx.ReadTimeout("slow"),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("stage", ["login", "answer"])
def test_no_secret_is_shown_anywhere(service, secrets, stage, number, caplog):
    caplog.set_level(logging.DEBUG)
    client = service.client()
    if stage == "login":
        service.login_answer = broken_logins(secrets)[number]
    else:
        service.answers["GET /devices"] = broken_answers(secrets)[number]
    with pytest.raises(FlipkitError) as caught:
        client.devices()
    error = caught.value
    shown = [
        str(error),
        repr(error),
        repr(vars(error)),
        "".join(traceback.format_exception(error)),
        caplog.text,
    ]
    shown += [repr(client), str(client), repr(vars(client))]
    basic = base64.b64encode(f"{secrets[0]}:{secrets[1]}".encode()).decode()
    for text in shown:
        assert not any(secret in text for secret in (*secrets, basic))


def test_the_repr_is_masked_and_says_where_it_goes(service):
    text = repr(service.client())
    assert "https://flatpeak.test" in text
    assert text.count("***") == 2


def test_raw_reaches_any_endpoint(service):
    service.answers["GET /events"] = {"data": [1]}
    service.answers["POST /schedules/duration/loc%2F1"] = lambda call: {"echo": call.body}
    client = service.client()
    assert client.raw("get", "events", query={"limit": "5"}) == {"data": [1]}
    assert service.last.query == {"limit": "5"}
    assert client.raw("POST", "schedules", "duration", "loc/1", body={"a": 1}) == {"echo": {"a": 1}}


def test_raw_post_is_not_sent_twice(service):
    service.answers["POST /customers"] = (503, {})
    with pytest.raises(FlipkitError):
        service.client().raw("POST", "customers", body={})
    assert len(service.calls) == 1
