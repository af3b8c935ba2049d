"""No request makes Flip's API fail: random bytes, any JSON, near misses of valid bodies."""

import json
import string

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store, create_app

KEY = {"Authorization": "Bearer any-key", "Content-Type": "application/json"}
PATHS = (
    "/v1/commission",
    "/v1/fleet-data",
    "/v1/sites",
    "/v1/reports/equipment_performance",
    "/v1",
    "/v1/",
)
ENVELOPE = {"error", "message", "statusCode"}

NUMBERS = (
    st.integers() | st.integers(10**18, 10**40) | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["88801", "88802", "site", "CA", "2025-06", "\x00", "é", "\U0001f600"]
)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
COMMISSION = {
    "site": {
        "id": "s",
        "zip_code": "88802",
        "street_address": "1",
        "city": "C",
        "state_code": "CA",
        "email": "a@b",
    },
    "devices": [
        {
            "id": "d",
            "type": "BATTERY",
            "technology_provider_identifier": "X",
            "install_date": "2025-06-19T15:30:00Z",
            "attributes": {"battery_capacity_wh": 1},
        }
    ],
    "enrollment": {
        "has_agreed_to_terms_and_conditions": True,
        "terms_and_conditions_version": "2025-01-01",
        "program_specific_attributes": [{"name": "account_id", "value": "1"}],
        "device_ids": ["d"],
    },
}
FLEET = {
    "records": [
        {
            "external_id": "s",
            "record_type": "site",
            "data": {
                "customer_name": "N",
                "system_size_kw": 5.0,
                "month": "2025-06",
                "expected_production_kwh": 1.0,
                "expected_monthly_production_kwh": [1.0] * 12,
            },
        }
    ]
}


@pytest.fixture(scope="module")
def client():
    return create_app(Store(), Clock()).test_client()


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
    path, good = draw(st.sampled_from([("/v1/commission", COMMISSION), ("/v1/fleet-data", FLEET)]))
    return path, replaced(good, draw(st.sampled_from(list(places(good)))), draw(ANY))


def check(answer):
    assert answer.status_code in {200, 201, 400, 404, 405, 422}
    if answer.data:
        body = msgspec.json.decode(answer.data)
        if answer.status_code in {400, 404, 405}:
            assert set(body) >= ENVELOPE


@settings(max_examples=300, deadline=None)
@given(near_misses())
def test_near_misses_of_valid_bodies(client, case):
    path, body = case
    check(client.post(path, data=msgspec.json.encode(body), headers=KEY))
    check(client.get("/v1/reports/equipment_performance?month=2025-06", headers=KEY))
    check(client.get("/v1/sites", headers=KEY))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(PATHS),
    st.binary(max_size=60) | ANY.map(lambda value: json.dumps(value).encode()),
)
@example("/v1/commission", b"[" * 100_000)
@example(
    "/v1/fleet-data",
    b'{"records":[{"external_id":"x","record_type":"site","data":' + b'{"a":' * 5_000,
)
@example(
    "/v1/fleet-data",
    b'{"records": [{"external_id": "\\ud800", "record_type": "site", "data": {}}]}',
)
@example(
    "/v1/fleet-data",
    b'{"records": [{"external_id": "x", "record_type": "site", "data": '
    b'{"system_size_kw": 1e999}}]}',
)
@example("/v1/commission", b"\xff\xfe")
@example("/v1/commission", b'{"site": {"id": "\xff"}}')
def test_any_bytes(client, path, body):
    check(client.post(path, data=body, headers=KEY))


@settings(max_examples=150, deadline=None)
@given(
    st.text(string.printable, max_size=20),
    st.text(max_size=10),
    st.sampled_from(["GET", "PUT", "DELETE", "PATCH"]),
)
def test_any_address_and_query(client, path, query, method):
    """Flip's part of the address space; clients resolve the dot segments of a path."""
    query_string = {"month": query, "skip": query, "limit": query}
    answer = client.open(
        "/v1/" + path.replace("?", ""), query_string=query_string, method=method, headers=KEY
    )
    check(answer)


def test_the_bodies_before_mutation_are_valid(client):
    """Otherwise the near misses would be far from valid."""
    assert client.post("/v1/commission", json=COMMISSION, headers=KEY).status_code == 201
    assert (
        client.post("/v1/fleet-data", json=FLEET, headers=KEY).json["records"][0]["status"]
        == "SUCCESS"
    )
