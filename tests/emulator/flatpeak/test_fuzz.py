"""No request makes Flatpeak's API fail: random bytes, any JSON, near misses of valid bodies."""

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store

ANODE, ZERO = "2025-09-14.anode", "2024-08-24.zero"
NUMBERS = (
    st.integers() | st.integers(10**18, 10**40) | st.floats(allow_nan=False, allow_infinity=False)
)
WORDS = [
    "IMPORT",
    "INBOUND",
    "WH",
    "All",
    "Mon",
    "00:00:00",
    "2025-06-01T00:00:00Z",
    "2025-06-01",
    "\x00",
    "é",
    "\U0001f600",
]
TEXTS = st.text(max_size=8) | st.sampled_from(WORDS)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
WINDOW = {"start_time": "2025-06-01T00:00:00Z", "end_time": "2025-06-02T00:00:00+02:00"}
RECORD = WINDOW | {
    "location_id": "LOC",
    "device_id": "DEV",
    "session_reference_id": "s",
    "record_reference_id": "r",
    "tariff_direction": "IMPORT",
    "units": "KW",
    "value": 1.5,
    "confidence": 0.5,
}
TARIFF = {
    "location_id": "LOC",
    "direction": "IMPORT",
    "type": "NON_COMMODITY",
    "display_name": "x",
    "market_rates": False,
    "contract_start_date": "2020-01-01T00:00:00Z",
    "contract_end_date": "2030-01-01T00:00:00Z",
    "schedule": [
        {
            "months": ["All"],
            "days_and_hours": [
                {
                    "days": ["All"],
                    "hours": [
                        {
                            "valid_from": "00:00:00",
                            "valid_to": "00:00:00",
                            "rate": [{"fixed": 0.1, "to_kwh": None, "surcharge_fixed": 0.1}],
                        }
                    ],
                }
            ],
        }
    ],
}
ADDRESS = {"city": "x", "state": "CA", "country_code": "US"}
GOOD = [
    ("PUT", "/meters/interval", [RECORD, RECORD]),
    (
        "PUT",
        "/meters/cumulative/epoch",
        {"location_id": "LOC", "units": "WH", "data": [{"time": 1, "value": 2}] * 2},
    ),
    ("POST", "/costs/instant", RECORD),
    ("POST", "/costs/interval/LOC", WINDOW | {"tariff_direction": "IMPORT"}),
    ("POST", "/prices/LOC", WINDOW | {"tariff_direction": "IMPORT"}),
    ("POST", "/tariffs", TARIFF),
    ("POST", "/locations", {"postal_address": ADDRESS}),
    ("PATCH", "/locations/LOC", {"reference_id": "L", "postal_address": ADDRESS}),
    ("POST", "/devices", {"reference_id": "D"}),
    ("PATCH", "/devices/DEV", {"reference_id": "E"}),
]
QUERIES = (
    "limit",
    "starting_after",
    "aggregation",
    "tariff_direction",
    "non_persistent",
    "batch_id",
    "location_id",
    "tariff_rate",
)


@pytest.fixture(scope="module")
def api(api_over):
    made = api_over(Store(), Clock())
    location, device = made.location(), made.device()
    made.tariff(location, 0.2)
    made.ids = {"LOC": location, "DEV": device}
    return made


def places(value, path=()):
    """Yield the path of every value in a JSON value."""
    yield path
    for key in (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    ):
        yield from places(value[key], (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def near_misses(draw):
    method, path, good = draw(st.sampled_from(GOOD))
    return method, path, replaced(good, draw(st.sampled_from(list(places(good)))), draw(ANY))


def with_ids(api, text):
    for name, value in api.ids.items():
        text = text.replace(name, value)
    return text


def send(api, method, path, body, **options):
    """Return an answer that is not a failure of the emulator itself."""
    answer = api.ask(method, with_ids(api, path), body, **options)
    assert answer.status_code in {200, 201, 202, 403, 404, 405, 409, 413, 422, 501}
    content = msgspec.json.decode(answer.data)
    if answer.status_code >= 400:
        assert content["object"] == "error"
        assert content["message"]
    return answer


def test_the_bodies_before_mutation_are_valid(api):
    """Otherwise the near misses would be far from valid."""
    for method, path, body in GOOD:
        answer = send(api, method, path, with_ids(api, json.dumps(body)).encode())
        assert answer.status_code < 300
        assert not answer.json.get("failed_records")


@settings(max_examples=500, deadline=None)
@given(near_misses(), st.sampled_from([ANODE, ANODE, ZERO]))
def test_near_misses_of_valid_bodies(api, case, version):
    method, path, body = case
    send(api, method, path, with_ids(api, json.dumps(body)).encode(), version=version)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(GOOD),
    st.binary(max_size=60) | ANY.map(lambda value: json.dumps(value).encode()),
)
@example(GOOD[0], b"[" * 100_000)
@example(GOOD[0], b'[{"device_id":' + b'{"a":' * 5_000)
@example(GOOD[1], b'{"data":' + b"[" * 5_000)
@example(GOOD[2], b'{"x":' + b"[" * 900 + b"]" * 900 + b"}")
@example(GOOD[5], b'{"schedule":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}")
@example(GOOD[8], b'{"reference_id": "\\ud800"}')
@example(GOOD[8], b"\xff\xfe")
@example(GOOD[8], b'{"reference_id": NaN}')
@example(GOOD[8], b'{"reference_id": 1e999}')
def test_any_bytes(api, case, body):
    send(api, case[0], case[1], body)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [path for _, path, _ in GOOD]
        + ["/costs/session/", "/meters/batch", "/locations/", "/tariffs/", "/"]
    ),
    st.text(max_size=12).map(lambda text: text.replace("?", "")),
    st.text(max_size=10),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
)
@example("/costs/session/", "../../login", "", "POST")
@example("/devices", "", "9" * 5_000, "GET")
def test_any_address_and_query(api, path, more, value, method):
    """All but Flip's part of the address space."""
    if not (path + more).startswith("/v1"):
        send(api, method, path + more, None, **dict.fromkeys(QUERIES, value))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40))
def test_any_header(api, value):
    for headers in (
        {"Authorization": value},
        {"Authorization": f"Basic {value}"},
        {"Authorization": f"Bearer {value}"},
    ):
        for path in ("/login", "/devices"):
            assert api.client.get(path, headers=headers).status_code in {200, 403}
    if value not in (ANODE, ZERO):
        assert api.client.get("/devices", headers={"Flatpeak-Version": value}).status_code == 422
