"""The instant cost of a record, stored or not."""

import pytest

HALF_HOUR = {"start_time": "2022-02-01T10:30:00Z", "end_time": "2022-02-01T11:00:00Z"}


@pytest.fixture
def place(api):
    location = api.location()
    api.tariff(location, 0.3)
    return location


def instant(api, location, *, status=None, non_persistent=None, **fields):
    query = {} if non_persistent is None else {"non_persistent": non_persistent}
    record = {"location_id": location, "units": "W", "value": 20567, **HALF_HOUR, **fields}
    return api.call("POST", "/costs/instant", record, status=status, **query)


def test_the_documented_example(api, place):
    """20567 W for half an hour are 10283.5 Wh: 10284 on the wire, and the cost of 10283.5."""
    answer = instant(api, place)
    assert answer["data"]["energy"]["value"] == 10284
    assert answer["data"]["cost"] == {
        "value": pytest.approx(10.2835 * 0.3, rel=1e-15),
        "confidence": 1.0,
    }
    assert (answer["object"], answer["currency_code"], answer["energy_units"]) == (
        "meter_record",
        "GBP",
        "WH",
    )
    assert answer["request"] == {
        "location_id": place,
        "units": "W",
        "value": 20567,
        **HALF_HOUR,
        "confidence": 1,
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "non_persistent": False,
    }


@pytest.mark.parametrize(
    ("units", "value", "wh"),
    [
        ("W", 1000, 500),
        ("KW", 1.5, 750),
        ("WH", 7, 7),
        ("KWH", 0.0005, 1),
        ("KWH", 0.5005, 501),
        ("WH", 0.49, 0),
    ],
)
def test_units_are_converted_to_whole_watt_hours(api, place, units, value, wh):
    """W and KW are the mean power of the record, WH and KWH its energy; rounded half up."""
    assert instant(api, place, units=units, value=value)["data"]["energy"]["value"] == wh


def test_a_non_persistent_record_leaves_no_trace(api, place):
    before = api.store.digest()
    for fields in (
        {},
        {"session_reference_id": "s", "record_reference_id": "r"},
        {"energy_flow_direction": "OUTBOUND"},
    ):
        answer = instant(api, place, non_persistent="true", **fields)
        assert answer["request"]["non_persistent"] is True
        assert answer["id"].startswith("mre_")
        api.call("POST", f"/costs/session/{answer['id']}", status=404)
    assert api.store.digest() == before
    assert api.costs(place) == []
    instant(api, place, non_persistent="false")
    assert api.store.digest() != before


def test_a_stored_record_is_in_the_reports(api, place):
    kept = instant(api, place)["data"]
    assert api.costs(place) == [kept]


def test_the_answer_is_the_same_whether_the_record_is_stored_or_not(api, place):
    passing, kept = (
        instant(api, place, non_persistent="true"),
        instant(api, place, non_persistent="false"),
    )
    for answer in (passing, kept):
        del answer["id"], answer["request"]["non_persistent"]
    assert passing == kept


def test_reading_leaves_no_trace_either(api, place):
    instant(api, place, session_reference_id="s")
    before = api.store.digest()
    api.costs(place, aggregation="DAY")
    api.call("POST", "/costs/session/s")
    api.call("POST", f"/prices/{place}", {"end_time": "2026-01-11T00:00:00Z"})
    api.call("GET", f"/locations/{place}/status")
    assert api.store.digest() == before


def test_the_default_direction_is_import_even_outbound(api, place):
    answer = instant(api, place, energy_flow_direction="OUTBOUND")
    assert (answer["energy_flow_direction"], answer["tariff_direction"]) == ("OUTBOUND", "IMPORT")


def test_without_a_price_nothing_is_stored(api):
    location = api.location()
    before = api.store.digest()
    assert instant(api, location, status=422)["code"] == "no_tariff_connected"
    assert api.store.digest() == before


def test_times_keep_their_offset(api, place):
    row = instant(
        api, place, start_time="2022-02-01T10:30:00+01:00", end_time="2022-02-01T12:00:00+02:00"
    )["data"]
    assert (row["start_time"], row["end_time"]) == (
        "2022-02-01T11:30:00+02:00",
        "2022-02-01T12:00:00+02:00",
    )


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"value": None}, 422, "value"),
        ({"value": -1}, 422, "negative"),
        ({"units": "kWh"}, 422, "units"),
        ({"confidence": 1.01}, 422, "confidence"),
        ({"start_time": "2022-02-01T10:30:00"}, 422, "start_time"),
        ({"end_time": "2022-02-01T10:29:00Z"}, 422, "before"),
        ({"end_time": "2022-02-01T10:30:00Z"}, 422, "after"),
        ({"location_id": "loc_0"}, 404, "loc_0"),
        ({"device_id": "dev_0"}, 404, "dev_0"),
    ],
)
def test_invalid_records_are_refused(api, place, fields, status, word):
    answer = instant(api, place, status=status, **fields)
    assert word in answer["message"]
    assert api.costs(place) == []


def test_the_flag_is_true_or_false(api, place):
    assert instant(api, place, status=422, non_persistent="maybe")["code"] == "invalid_request"
