"""Submission of records: accepted ones, failed ones, and calls that are refused as a whole."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store

HALF_HOUR = {
    "units": "WH",
    "value": 1,
    "start_time": "2025-11-01T18:00:00Z",
    "end_time": "2025-11-01T18:30:00Z",
}


@pytest.fixture
def place(api):
    location = api.location()
    api.tariff(location, 1.0)
    return location


def put(api, body, path="/meters/interval", **options):
    return api.call("PUT", path, body, **options)


def test_a_batch_is_counted_and_can_be_read_again(api, place):
    good = {"location_id": place, **HALF_HOUR, "record_reference_id": "r-1"}
    batch = put(
        api, [good, good | {"end_time": "2025-11-01T17:00:00Z", "record_reference_id": "r-2"}]
    )
    assert batch["failed_records"] == [
        {
            "record_num": 1,
            "error": "end_time must not be before start_time",
            "record_reference_id": "r-2",
        }
    ]
    assert (batch["records_submitted"], batch["records_accepted"], batch["records_processed"]) == (
        2,
        1,
        1,
    )
    assert batch["object"] == "meter_batch"
    assert api.call("GET", "/meters/batch", batch_id=batch["id"]) == batch
    assert api.call("GET", "/meters/batch", batch_id="bat_0", status=404)["code"] == "not_found"
    assert api.call("GET", "/meters/batch", status=422)["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"location_id": "loc_0"}, "location_id"),
        ({"location_id": ""}, "location_id"),
        ({"device_id": "dev_0"}, "device_id"),
        ({"device_id": 7}, "device_id"),
        ({"units": "MWH"}, "units"),
        ({"value": "1"}, "value"),
        ({"value": True}, "value"),
        ({"value": -0.001}, "value"),
        ({"value": 1e300, "units": "KWH"}, "value"),
        ({"value": 1e308, "units": "KWH"}, "value"),
        ({"confidence": 1.1}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"energy_flow_direction": "IMPORT"}, "energy_flow_direction"),
        ({"tariff_direction": "INBOUND"}, "tariff_direction"),
        ({"start_time": "2025-11-01T18:00:00"}, "start_time"),
        ({"start_time": "2025-11-01"}, "start_time"),
        ({"start_time": 1762020000}, "start_time"),
        ({"end_time": "2025-11-01T18:00:00Z"}, "end_time"),
        ({"end_time": "2027-11-01T18:00:00Z"}, "366 days"),
        ({"start_time": "0001-01-01T00:00:00+10:00"}, "years"),
        ({"end_time": "9999-12-31T23:59:59-10:00"}, "years"),
        ({"record_reference_id": "x" * 256}, "record_reference_id"),
        ({"session_reference_id": ["s"]}, "session_reference_id"),
    ],
)
def test_a_bad_record_fails_alone(api, place, fields, word):
    good = {"location_id": place, **HALF_HOUR}
    batch = put(api, [good, good | fields, good])
    assert [(each["record_num"], word in each["error"]) for each in batch["failed_records"]] == [
        (1, True)
    ]
    assert batch["records_accepted"] == 2
    assert len(api.costs(place)) == 1


@pytest.mark.parametrize(
    "raw", [b"7", b"null", b'"x"', b"[]", b'{"value": 1e999}', b'{"value": ' + b"9" * 400 + b"}"]
)
def test_an_item_that_is_not_a_record_fails_alone(api, place, raw):
    import msgspec

    good = msgspec.json.encode({"location_id": place, **HALF_HOUR})
    batch = put(api, b"[" + good + b"," + raw + b"]")
    assert [each["record_num"] for each in batch["failed_records"]] == [1]
    assert batch["records_accepted"] == 1


def test_null_and_empty_mean_absent(api, place):
    names = (
        "device_id",
        "session_reference_id",
        "record_reference_id",
        "energy_flow_direction",
        "tariff_direction",
    )
    record = {"location_id": place, **HALF_HOUR, "confidence": None, **dict.fromkeys(names)}
    assert (
        put(api, [record, record | {"device_id": "", "session_reference_id": ""}])[
            "records_accepted"
        ]
        == 2
    )
    assert len(api.costs(place)) == 1


def test_ten_thousand_records_and_not_one_more(api, place):
    records = [
        {
            "location_id": place,
            "units": "WH",
            "value": 1,
            "start_time": _minute(n),
            "end_time": _minute(n + 1),
        }
        for n in range(10_001)
    ]
    before = api.store.digest()
    refused = put(api, records, status=422)
    assert (refused["code"], refused["type"], refused["object"]) == (
        "invalid_request",
        "invalid_request",
        "error",
    )
    assert api.store.digest() == before
    assert put(api, records[:-1])["records_accepted"] == 10_000
    assert sum(row["energy"]["value"] for row in api.costs(place, aggregation="MONTH")) == 10_000


def _minute(number):
    day, minute = divmod(number, 1440)
    return f"2025-01-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[", b"\xff", b"[" * 100_000, b'[{"value": NaN}]', b'["\\ud800"]'],
)
def test_a_body_that_is_not_an_array_is_refused(api, body):
    assert put(api, body, status=422)["code"] == "invalid_request"


def test_an_empty_array_is_an_empty_batch(api):
    assert put(api, [])["records_submitted"] == 0


def test_the_direction_follows_the_flow(api, place):
    api.tariff(place, 0.1, direction="EXPORT")
    put(api, [{"location_id": place, **HALF_HOUR, "energy_flow_direction": "OUTBOUND"}])
    assert api.costs(place) == []
    assert len(api.costs(place, tariff_direction="EXPORT")) == 1


def test_too_large_a_body_is_a_413(api):
    answer = api.ask("PUT", "/meters/interval", b"[" + b" " * (33 << 20) + b"]")
    assert answer.status_code == 413
    assert answer.json["object"] == "error"


# Cumulative registers.

NOON = 1_735_732_800  # 2025-01-01T12:00:00Z


def register(api, place, *points, path="/meters/cumulative/epoch", units="WH", **fields):
    data = [{"time": NOON + minute * 60, "value": value} for minute, value in points]
    return put(api, {"location_id": place, "units": units, "data": data} | fields, path)


def energies(api, place, **query):
    return [row["energy"]["value"] for row in api.costs(place, **query)]


def test_intervals_are_differences_of_a_register(api, place):
    batch = register(api, place, (0, 1553), (30, 1600), (60, 1600.4))
    assert (batch["records_submitted"], batch["records_accepted"], batch["failed_records"]) == (
        3,
        3,
        [],
    )
    rows = api.costs(place)
    assert [row["energy"]["value"] for row in rows] == [47, 0]
    assert [row["start_time"] for row in rows] == ["2025-01-01T12:00:00Z", "2025-01-01T12:30:00Z"]


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11)),
    again=st.booleans(),
    shuffled=st.randoms(use_true_random=False),
)
def test_readings_make_the_same_intervals_however_they_are_grouped(
    api_over, steps, cuts, again, shuffled
):
    """In one call or in several, shuffled within a call, sent twice: the intervals are the same."""
    api = api_over(Store(), Clock())
    place = api.location()
    api.tariff(place, 1.0)
    points, value = [(0, 100)], 100
    for number, step in enumerate(steps, 1):
        value += step
        points.append((number * 30, value))
    edges = [0, *sorted(cut for cut in cuts if cut < len(points)), len(points)]
    for begin, stop in itertools.pairwise(edges):
        call = points[begin:stop]
        shuffled.shuffle(call)
        for _ in range(1 + again):
            assert register(api, place, *call)["failed_records"] == []
    assert energies(api, place) == steps


def test_a_register_that_falls_starts_again(api, place):
    batch = register(api, place, (0, 5000), (30, 5010), (60, 3), (90, 8))
    assert [each["record_num"] for each in batch["failed_records"]] == [2]
    assert batch["records_accepted"] == 3
    assert energies(api, place) == [10, 5]


def test_units_flow_and_session_of_a_register(api, place):
    device = api.device()
    ids = {"device_id": device, "session_reference_id": "s", "energy_flow_direction": "OUTBOUND"}
    register(
        api,
        place,
        (0, 1.5),
        (30, 2.25),
        units="KWH",
        tariff_direction="IMPORT",
        path="/meters/cumulative",
        **ids,
    )
    register(api, place, (0, 7), (30, 8))
    assert energies(api, place) == [750, 1]
    assert [row["energy"]["value"] for row in api.call("POST", "/costs/session/s")["data"]] == [750]


def test_bad_readings_fail_alone(api, place):
    data = [
        {"time": NOON, "value": 1},
        {"time": "noon", "value": 1},
        {"time": NOON + 60, "value": -1, "record_reference_id": "r"},
        {"time": -1, "value": 1},
        {"time": 10**20, "value": 1},
        7,
        {"time": NOON + 120, "value": 1e300},
        {"time": NOON + 400 * 86_400, "value": 9},
        {"time": NOON + 1800, "value": 6},
    ]
    batch = put(
        api, {"location_id": place, "units": "WH", "data": data}, "/meters/cumulative/epoch"
    )
    assert [each["record_num"] for each in batch["failed_records"]] == [1, 2, 3, 4, 5, 6, 7]
    assert batch["failed_records"][1]["record_reference_id"] == "r"
    assert energies(api, place) == [5]


def test_register_calls_that_are_refused_as_a_whole(api, place):
    good = {"location_id": place, "units": "WH", "data": []}
    assert put(api, good, "/meters/cumulative/epoch")["records_submitted"] == 0
    for fields in (
        {"units": "W"},
        {"data": None},
        {"data": {}},
        {"data": [{"time": 1, "value": 1}] * 10_001},
    ):
        assert (
            put(api, good | fields, "/meters/cumulative/epoch", status=422)["code"]
            == "invalid_request"
        )
    for fields in ({"location_id": "loc_0"}, {"device_id": "dev_0"}):
        assert (
            put(api, good | fields, "/meters/cumulative/epoch", status=404)["code"] == "not_found"
        )


def test_a_restart_loses_nothing(api_over, tmp_path):
    api = api_over(Store(tmp_path / "store.db"), Clock())
    place = api.location()
    api.tariff(place, 0.25)
    api.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 4),
        location_id=place,
        session_reference_id="s",
    )
    register(api, place, (0, 10))
    before = [api.costs(place), api.call("GET", "/locations"), api.call("POST", "/costs/session/s")]
    api.store.close()
    again = api_over(Store(tmp_path / "store.db"), Clock())
    assert [
        again.costs(place),
        again.call("GET", "/locations"),
        again.call("POST", "/costs/session/s"),
    ] == before
    register(again, place, (30, 17))
    assert energies(again, place) == [4, 7]
    assert again.location() != place
