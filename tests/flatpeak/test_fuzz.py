"""Whatever a service answers, only flipkit's own errors come out."""

import contextlib
import json
from collections import Counter
from datetime import UTC, timedelta, timezone

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import FlipkitError

NOON = "2025-06-01T12:00:00Z"
RECORD = {
    "location_id": "x",
    "units": "W",
    "value": 1.0,
    "start_utc": NOON,
    "end_utc": "2025-06-01T13:00:00Z",
}
READING = {"location_id": "x", "units": "WH", "value": 1.0, "time_utc": NOON}
JUNE = (NOON, "2026-07-01T00:00:00Z")

VERBS = {
    "devices": lambda c: c.devices(),
    "ensure_device": lambda c: c.ensure_device("r"),
    "create_device": lambda c: c.create_device("r"),
    "update_device": lambda c: c.update_device("x", "r"),
    "delete_device": lambda c: c.delete_device("x"),
    "locations": lambda c: c.locations(),
    "location": lambda c: c.location("x"),
    "create_location": lambda c: c.create_location("r", city="c", country_code="GB"),
    "location_status": lambda c: c.location_status("x"),
    "tariffs": lambda c: c.tariffs("x"),
    "create_tariff": lambda c: c.create_tariff("x", {}),
    "prices": lambda c: c.prices("x", *JUNE),
    "cost_by_interval": lambda c: c.cost_by_interval(["x", "y"], *JUNE),
    "cost_by_session": lambda c: c.cost_by_session("x"),
    "instant_cost": lambda c: c.instant_cost(RECORD),
    "simulate_costs": lambda c: c.simulate_costs([RECORD] * 3),
    "submit_interval": lambda c: repr(c.submit_interval([RECORD] * 3)),
    "submit_cumulative": lambda c: repr(c.submit_cumulative([READING] * 3)),
    "batch": lambda c: repr(c.batch("x")),
}

GOOD = {
    "devices": {
        "has_more": False,
        "data": [
            {
                "id": "d",
                "reference_id": "r",
                "live_mode": True,
                "time_created": NOON,
                "last_seen": NOON,
            }
        ],
    },
    "location": {
        "id": "l",
        "live_mode": True,
        "time_created": NOON,
        "timezone": "UTC",
        "postal_address": {"city": "c"},
        "tariff_status": {"local": "x"},
    },
    "location_status": {
        "tariff_status": {"a": {"status": "s", "tariff": {"id": "t", "contract_end_date": NOON}}}
    },
    "tariffs": {
        "has_more": False,
        "data": [
            {"id": "t", "location_id": "l", "direction": "d", "type": "t", "market_rates": True}
            | {"contract_start_date": NOON, "contract_end_date": NOON}
        ],
    },
    "prices": {
        "currency_code": "GBP",
        "data": [
            {
                "valid_from": NOON,
                "valid_to": "2026-01-01T00:00:00Z",
                "price": {"value": 1, "confidence": 1},
            }
        ],
    },
    "cost_by_interval": {
        "account_id": "a",
        "currency_code": "GBP",
        "energy_units": "WH",
        "object_id": "o",
        "location_timezone": "UTC",
        "data": [
            {
                "start_time": NOON,
                "end_time": NOON,
                "energy": {"value": 1},
                "cost": {"value": 1, "confidence": 1},
            },
            {
                "start_time": NOON,
                "end_time": NOON,
                "energy": {"value": 1},
                "cost": {"value": 1, "confidence": 1},
            },
        ],
    },
    "instant_cost": {
        "id": "m",
        "currency_code": "GBP",
        "energy_units": "WH",
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "request": {"non_persistent": True},
        "data": {
            "start_time": NOON,
            "end_time": NOON,
            "energy": {"value": 1},
            "cost": {"value": 1, "confidence": 1},
        },
    },
    "batch": {
        "id": "b",
        "records_submitted": 1,
        "records_accepted": 1,
        "records_processed": 1,
        "failed_records": [{"record_num": 0, "record_reference_id": "r", "error": "e"}],
    },
}
LIKE = {
    "ensure_device": "devices",
    "cost_by_session": "cost_by_interval",
    "simulate_costs": "instant_cost",
    "submit_interval": "batch",
    "submit_cumulative": "batch",
}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [
            NOON,
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00+14:00",
            "\ud800",
            "2025-06-01T12:00:00",
        ]
    ),
)
anything = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3)
)


def spots(value, path=()):
    yield path
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield from spots(child, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@st.composite
def bodies(draw, verb):
    kind = draw(st.sampled_from(["bytes", "json", "deep", "changed", "changed", "changed"]))
    if kind == "bytes":
        return draw(st.binary(max_size=40))
    if kind == "deep":
        return b'{"data":' + b"[" * 50_000
    good = GOOD.get(LIKE.get(verb, verb), {"id": "x"})
    value = (
        draw(anything)
        if kind == "json"
        else changed(good, draw(st.sampled_from(list(spots(good)))), draw(anything))
    )
    text = json.dumps(value).encode()
    return (
        text[: draw(st.integers(0, len(text)))]
        if draw(st.booleans()) and draw(st.booleans())
        else text
    )


@pytest.mark.parametrize("verb", VERBS)
@settings(deadline=None)
@given(data=st.data())
def test_only_flipkit_errors_come_out(make_service, verb, data):
    service = make_service()
    status = data.draw(
        st.sampled_from([200, 200, 200, 200, 204, 400, 403, 404, 409, 422, 429, 500, 302])
    )
    body = data.draw(bodies(verb))
    library = data.draw(st.sampled_from(["pandas", "polars"]))
    answer = httpx.Response(status, content=body)
    with pytest.MonkeyPatch.context() as patch, service.client(frames=library) as client:
        patch.setattr(service, "response", lambda given: service_response(service, given, answer))
        with contextlib.suppress(FlipkitError):
            VERBS[verb](client)


def service_response(service, given, answer):
    if isinstance(given, dict) and "bearer_token" in given:
        return httpx.Response(200, json=given)
    return httpx.Response(answer.status_code, content=answer.content)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if LIKE.get(verb, verb) in GOOD])
def test_the_unchanged_answers_are_good(make_service, verb):
    """Otherwise the test above would see errors only."""
    service = make_service()
    good = GOOD[LIKE.get(verb, verb)]
    with pytest.MonkeyPatch.context() as patch, service.client() as client:
        answer = httpx.Response(200, json=good)
        patch.setattr(service, "response", lambda given: service_response(service, given, answer))
        VERBS[verb](client)


moments = st.one_of(
    st.datetimes(timezones=st.sampled_from([UTC, None, timezone(timedelta(hours=-14))])),
    st.sampled_from([NOON, "2025-06-01T13:00:00+00:00", "noon", "", 5]),
)
cells = {
    "location_id": st.sampled_from(["loc_1", "loc_1", "..", "", None, 3, "\x00"]),
    "device_id": st.sampled_from([None, "d", "a/../b", float("nan")]),
    "session_reference_id": st.sampled_from([None, "s", True]),
    "record_reference_id": st.one_of(st.none(), st.text(max_size=3)),
    "energy_flow_direction": st.sampled_from([None, "inbound", "OUTBOUND", "x", 1]),
    "tariff_direction": st.sampled_from([None, "import", "LOCAL", "x"]),
    "units": st.sampled_from(["WH", "kWh", " W ", "KW", "MW", None, 1]),
    "value": st.one_of(
        st.floats(), st.integers(-(10**400), 10**400), st.sampled_from([None, "1", True, 1e308])
    ),
    "confidence": st.one_of(st.none(), st.floats(0, 1), st.floats()),
    "start_utc": moments,
    "end_utc": moments,
    "time_utc": moments,
}


good_cells = {
    "location_id": st.sampled_from(["loc_1", "loc_2"]),
    "device_id": st.sampled_from([None, "dev_1"]),
    "session_reference_id": st.sampled_from([None, "s"]),
    "record_reference_id": st.none() | st.text(max_size=3),
    "energy_flow_direction": st.sampled_from([None, "inbound", "OUTBOUND"]),
    "tariff_direction": st.sampled_from([None, "import", "LOCAL"]),
    "units": st.sampled_from(["WH", "kWh"]),
    "value": st.floats(0, 1e6),
    "confidence": st.none() | st.floats(0, 1),
    "start_utc": st.sampled_from([NOON, "2025-06-01T13:30:00+02:00"]),
    "end_utc": st.sampled_from(["2025-06-01T13:00:00Z", "2025-06-01T12:30:00Z"]),
    "time_utc": st.sampled_from([NOON, "2025-06-01T13:00:00Z"]),
}
OPTIONAL = (
    "device_id",
    "session_reference_id",
    "record_reference_id",
    "energy_flow_direction",
    "tariff_direction",
    "confidence",
)
good_records = st.fixed_dictionaries(
    {name: values for name, values in good_cells.items() if name not in OPTIONAL},
    optional={name: good_cells[name] for name in OPTIONAL},
)


@st.composite
def record_lists(draw):
    """Good records; in two of three lists one cell holds any value, and now and then is absent."""
    records = draw(st.lists(good_records, min_size=1, max_size=6))
    if draw(st.integers(0, 2)):
        row = draw(st.integers(0, len(records) - 1))
        name = draw(st.sampled_from(sorted(cells)))
        records[row][name] = draw(cells[name])
    if draw(st.integers(0, 9)) == 0:
        row = draw(st.integers(0, len(records) - 1))
        records[row].pop(draw(st.sampled_from(sorted(records[row]))))
    return records


def test_any_records_are_sent_or_named(make_service):
    counts = Counter()

    def interval(call):
        return {"id": "b", "records_accepted": len(call.body)}

    def cumulative(call):
        return {"records_accepted": len(call.body["data"])}

    @given(records=record_lists(), library=st.sampled_from(["pandas", "polars"]))
    def check(records, library):
        service = make_service()
        service.answers["PUT /meters/interval"] = interval
        service.answers["PUT /meters/cumulative/epoch"] = cumulative
        with service.client(frames=library) as client:
            for verb in ("submit_interval", "submit_cumulative"):
                counts[verb] += 1
                with contextlib.suppress(FlipkitError):
                    submission = getattr(client, verb)(records)
                    assert submission.submitted == len(records)
                    assert submission.accepted + len(submission.failed) == len(records)
                    assert repr(submission) + submission._repr_html_()
                    counts[verb, "accepted"] += submission.accepted > 0
                    counts[verb, "failed"] += len(submission.failed) > 0

    check()
    for verb in ("submit_interval", "submit_cumulative"):
        assert counts[verb, "accepted"] >= 0.5 * counts[verb]
        assert counts[verb, "failed"] >= 0.1 * counts[verb]


def test_any_records_are_priced_or_refused_as_a_whole(make_service):
    counts = Counter()

    def priced(call):
        body = call.body
        echo = {"non_persistent": call.query.get("non_persistent") == "true"}
        times = {name: body[name] for name in ("start_time", "end_time")}
        costs = {"energy": {"value": body["value"]}, "cost": {"value": 1, "confidence": 1}}
        answer = {"id": "m", "currency_code": "GBP", "request": echo, "data": times | costs}
        flows = {name: body[name] for name in ("energy_flow_direction", "tariff_direction")}
        return answer | flows

    @given(records=record_lists())
    def check(records):
        service = make_service()
        service.answers["POST /costs/instant"] = priced
        counts["tried"] += 1
        with service.client() as client:
            try:
                frame = client.simulate_costs(records)
            except FlipkitError:
                assert service.calls == []
                counts["refused"] += 1
                return
        assert len(frame) == len(service.calls) == len(records)
        counts["priced"] += 1

    check()
    assert counts["priced"] >= 0.4 * counts["tried"]
    assert counts["refused"] >= 0.1 * counts["tried"]
