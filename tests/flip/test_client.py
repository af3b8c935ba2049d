"""Which address the client calls, what it shows of itself, and how it reads error bodies."""

import logging
import pickle
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from flipkit.errors import (
    AuthenticationFailed,
    ConfigurationError,
    FlipkitError,
    InputError,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    UnexpectedAnswer,
)
from flipkit.flip import Flip
from flipkit.http import Timing

NO_WAIT = Timing(now=lambda: 0.0, sleep=lambda seconds: None)


def called_url(**arguments):
    """Return the address that a client calls."""
    seen = []

    def service(request):
        seen.append(str(request.url))
        return httpx.Response(200, json=[])

    with Flip("fl_key", transport=httpx.MockTransport(service), **arguments) as flip:
        flip.sites()
    return seen[0]


def test_the_address_of_a_call(monkeypatch):
    assert called_url() == "https://aggregator-api-sandbox.flip.energy/v1/sites"
    assert called_url(environment="production") == "https://aggregator-api.flip.energy/v1/sites"
    assert (
        called_url(environment="mine", base_url="http://127.0.0.1:8080/")
        == "http://127.0.0.1:8080/v1/sites"
    )
    monkeypatch.setenv("FLIP_BASE_URL", "https://proxy.example/flip")
    assert called_url(environment="production") == "https://proxy.example/flip/v1/sites"
    assert called_url(base_url="http://localhost:1") == "http://localhost:1/v1/sites"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"environment": "prodution"},
            ConfigurationError,
            "environment='prodution' does not exist; choose 'production' or 'sandbox'",
        ),
        ({"base_url": "http://flip.example"}, ConfigurationError, "use https://"),
        ({"base_url": "flip.example"}, ConfigurationError, "begins with https://"),
        (
            {"frames": "modin"},
            InputError,
            "frames='modin' is not supported; choose 'pandas' or 'polars'",
        ),
        ({"api_key": None}, ConfigurationError, "FLIP_API_KEY is missing"),
        ({"api_key": ""}, ConfigurationError, "FLIP_API_KEY is not a valid key"),
    ],
)
def test_settings_that_cannot_be_used_are_errors(arguments, error, words):
    with pytest.raises(error, match=words):
        Flip(**{"api_key": "fl_key", **arguments})


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("FLIP_API_KEY", "fl_from_environment")
    seen = []

    def service(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json=[])

    Flip(transport=httpx.MockTransport(service)).sites()
    assert seen == ["Bearer fl_from_environment"]


def test_a_closed_client_makes_no_calls(serve):
    flip, _ = serve(sites=[])
    with flip as same:
        assert same is flip
    with pytest.raises(RuntimeError, match="closed"):
        flip.sites()


def test_raw_returns_the_json_of_any_path(serve):
    flip, service = serve(**{"..%2Fx": {"any": ["thing"]}, "x": None})
    assert flip.get("v1", "x", month="2025-06", limit=5, skip=None) is None
    assert str(service.requests[0].url).endswith("/v1/x?month=2025-06&limit=5")
    with pytest.raises(InputError, match="not allowed in an id"):
        flip.get("v1", "..", "x")


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (
            401,
            {"code": "UNAUTHORIZED", "message": "bad key", "status_code": 401},
            AuthenticationFailed,
            "401: bad key; check",
        ),
        (
            400,
            {
                "message": "invalid",
                "status_code": 400,
                "detail": [{"loc": ["query", "month"], "msg": "wrong form", "type": "value_error"}],
                "errors": [{"message": "too long", "path": "/month"}],
            },
            InvalidRequest,
            "400: invalid; query.month: wrong form; /month: too long",
        ),
        (
            422,
            {"detail": [{"loc": ["body", 0], "msg": "field required"}]},
            InvalidRequest,
            "body.0: field required",
        ),
        (404, {"detail": "Not Found"}, NotFound, "404: Not Found; check the id"),
        (404, {"error": "Not Found", "statusCode": 404}, NotFound, "404: Not Found; check the id"),
        (
            403,
            None,
            AuthenticationFailed,
            "403: Forbidden, without an explanation; check that the key",
        ),
        (429, None, RateLimited, "429: Too Many Requests, without an explanation; wait"),
        (
            500,
            b"<html>Oops</html>",
            ServerError,
            "500: Internal Server Error, without an explanation; .*6 attempts",
        ),
        (599, b"", ServerError, "599: no explanation"),
        (
            400,
            {"message": 7, "detail": {"a": 1}, "errors": [1, {"message": None}], "code": []},
            InvalidRequest,
            "400: Bad Req",
        ),
        (400, ["odd"], InvalidRequest, "400: Bad Request, without an explanation"),
        (400, {"message": "x" * 10_000}, InvalidRequest, "^.{0,500}$"),
        (200, b"<html>Log in</html>", UnexpectedAnswer, "the answer is not JSON.*<html>Log in"),
        (200, b'[{"id": "a"', UnexpectedAnswer, "the answer is not JSON.*6 attempts"),
        (302, b"", UnexpectedAnswer, "302: the service redirects"),
    ],
)
def test_a_refusal_has_the_message_of_flip(serve, status, body, error, text):
    answer = (
        httpx.Response(status, content=body)
        if body is None or isinstance(body, bytes)
        else httpx.Response(status, json=body)
    )
    flip, _ = serve(sites=answer)
    with pytest.raises(error, match=text) as caught:
        flip.sites()
    assert "[GET /v1/sites (" in str(caught.value)


def shown_by(error):
    """All text of an error and its traceback, with the values of the variables."""
    lines = []
    while error is not None:
        lines += [str(error), repr(error), repr(error.args), repr(vars(error))]
        lines += traceback.format_exception(error)
        on_the_way = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        lines += [
            repr(frame.f_locals) for frame in on_the_way if frame.f_code.co_filename != __file__
        ]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


TROUBLE = {
    "a refusal that repeats the key": lambda r: httpx.Response(
        401, json={"message": r.headers["authorization"]}
    ),
    "a page that repeats the key": lambda r: httpx.Response(
        200, text=f"<p>{r.headers['authorization']}</p>"
    ),
    "a failure that repeats the key": lambda r: httpx.Response(
        500, text=r.headers["authorization"]
    ),
    "a redirect": lambda r: httpx.Response(302, headers={"location": "https://elsewhere.example"}),
    "a wrong type": lambda r: httpx.Response(200, json=[{"id": []}]),
    "information required": lambda r: httpx.Response(422, json={"enrollment": {}}),
    "no answer": None,
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_the_key_shows_nowhere(serve, key, caplog, trouble):
    def answer(request):
        if TROUBLE[trouble] is None:
            raise httpx.ReadError("reset")
        return TROUBLE[trouble](request)

    flip, service = serve(
        sites=answer, equipment_performance=answer, fleet_data=answer, commission=answer
    )
    site, device = (
        {"id": "a"},
        {
            "id": "b",
            "type": "X",
            "technology_provider_identifier": "Y",
            "install_date": "2025-06-01T00:00Z",
        },
    )
    calls = [
        flip.sites,
        lambda: flip.equipment_performance(start="2025-01", end="2025-02"),
        lambda: flip.push_fleet_data([{"external_id": "a"}]),
        lambda: flip.commission(site, [device]),
    ]
    shown = [repr(flip), str(flip), f"{flip}", repr(vars(flip)), repr(vars(vars(flip)["_session"]))]
    with caplog.at_level(logging.DEBUG):
        for call in calls:
            try:
                shown.append(repr(call()))
            except FlipkitError as error:
                shown.append(shown_by(error))
    shown.append(caplog.text)
    assert any(key in request.headers["authorization"] for request in service.requests)
    assert len("".join(shown)) > 2000
    assert key not in "\n".join(shown)


def test_a_client_cannot_be_pickled_with_its_key(key):
    with Flip(key) as flip, pytest.raises(TypeError) as caught:
        pickle.dumps(flip)
    assert key not in shown_by(caught.value)


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.end_headers()
        self.wfile.write(self.headers["authorization"].encode())

    def log_message(self, *words):
        """Log nothing."""


def test_the_key_shows_nowhere_on_a_real_connection(key, caplog):
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    shown = []
    try:
        with caplog.at_level(logging.DEBUG), Flip(key, base_url=address, pace=NO_WAIT) as flip:
            with pytest.raises(AuthenticationFailed) as caught:
                flip.sites()
            shown.append(shown_by(caught.value))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with caplog.at_level(logging.DEBUG), Flip(key, base_url=address, pace=NO_WAIT) as flip:
        with pytest.raises(FlipkitError, match="no answer from") as caught:
            flip.sites()
        shown.append(shown_by(caught.value))
    assert "httpcore" in caplog.text
    assert key not in caplog.text + "".join(shown)
