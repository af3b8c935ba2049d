"""Uploading register readings: one call per series and session, in chronological order."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import MissingColumnError
from flipkit.flatpeak import delivery

START = datetime(2025, 6, 1, tzinfo=UTC)
EPOCH = 1_748_736_000
PATH = "PUT /meters/cumulative/epoch"


def reading(number=0, **more):
    time = START + timedelta(minutes=15 * number)
    return {
        "location_id": "loc_1",
        "units": "WH",
        "value": 1000.0 + number,
        "time_utc": time,
        **more,
    }


def accepted(call, failed=()):
    failed = [{"record_num": n, "error": "refused"} for n in failed]
    return {
        "id": "bat_1",
        "records_accepted": len(call.body["data"]) - len(failed),
        "failed_records": failed,
    }


def errors(rows, submission):
    return {row["row"]: row["error"] for row in rows(submission.failed)}


def test_the_request_of_a_series(service, flatpeak):
    service.answers[PATH] = accepted
    more = {"device_id": "dev_1", "session_reference_id": "s", "units": "KWH"}
    flatpeak.submit_cumulative([reading(1, **more), reading(0, **more, record_reference_id="r")])
    assert service.last.body == {
        "location_id": "loc_1",
        "device_id": "dev_1",
        "session_reference_id": "s",
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "units": "KWH",
        "data": [
            {"time": EPOCH, "value": 1000.0, "record_reference_id": "r"},
            {"time": EPOCH + 900, "value": 1001.0},
        ],
    }
    service.client(version="2024-08-24.zero").submit_cumulative(
        [reading(0, energy_flow_direction="OUTBOUND")]
    )
    assert service.last.body == {
        "location_id": "loc_1",
        "direction": "EXPORT",
        "tariff_rate": "EXPORT",
        "units": "WH",
        "data": [{"time": EPOCH, "value": 1000.0}],
    }


BAD = {
    "W": {"units": "W"},
    "whole seconds": {"time_utc": START + timedelta(microseconds=1)},
    "time_utc is missing": {"time_utc": None},
    "no zone": {"time_utc": "2025-06-01T00:00:00"},
    "negative": {"value": -1},
    "value is missing": {"value": None},
    "location_id is missing": {"location_id": None},
    "not allowed": {"device_id": "../x"},
    "INSIDE": {"energy_flow_direction": "INSIDE"},
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_reading_fails_with_its_reason_and_the_rest_is_sent(service, flatpeak, rows, words):
    service.answers[PATH] = accepted
    submission = flatpeak.submit_cumulative([reading(0), reading(1, **BAD[words]), reading(2)])
    assert [point["time"] for point in service.last.body["data"]] == [EPOCH, EPOCH + 1800]
    assert list(errors(rows, submission)) == [1]
    assert words in errors(rows, submission)[1]


def test_no_readings_and_missing_columns(service, flatpeak):
    assert flatpeak.submit_cumulative([]).submitted == 0
    with pytest.raises(MissingColumnError, match="time_utc"):
        flatpeak.submit_cumulative(
            [{"location_id": "l", "units": "WH", "value": 1, "start_utc": START}]
        )
    assert service.calls == []


def test_registers_that_fall_and_moments_that_repeat_are_findings(service, flatpeak):
    service.answers[PATH] = accepted
    records = [
        reading(0),
        reading(2, value=5.0),
        reading(1),
        reading(3, value=5.0, units="KWH"),
        reading(0, value=999),
    ]
    findings = {
        finding.name: finding.rows for finding in flatpeak.submit_cumulative(records).findings
    }
    assert findings == {"records.register_fell": (1, 4), "records.repeated": (4,)}


point = st.tuples(
    st.sampled_from(["loc_1", "loc_2"]),
    st.sampled_from([None, "dev_1"]),
    st.sampled_from([None, "s", "t"]),
    st.sampled_from(["WH", "KWH"]),
    st.integers(0, 30),
)


@settings(deadline=None)
@given(
    points=st.lists(point, max_size=40),
    seed=st.integers(0, 2**16),
    failure_rate=st.sampled_from([0.0, 0.4]),
    size=st.sampled_from([1, 2, 5, 10_000]),
)
def test_each_series_arrives_in_order_whole_or_failed(
    make_service, rows, points, seed, failure_rate, size
):
    records = [
        reading(
            slot, location_id=place, device_id=device, session_reference_id=session, units=units
        )
        | {"record_reference_id": str(row)}
        for row, (place, device, session, units, slot) in enumerate(points)
    ]
    service, rng, arrived = make_service(), random.Random(seed), defaultdict(list)

    def answer(call):
        body = call.body
        with service.lock:
            if rng.random() < failure_rate:
                return (422, {"message": "no"})
            refused = [n for n in range(len(body["data"])) if rng.random() < failure_rate / 4]
            for n, entry in enumerate(body["data"]):
                row = int(entry["record_reference_id"])
                assert points[row][:4] == tuple(
                    body.get(k)
                    for k in ("location_id", "device_id", "session_reference_id", "units")
                )
                assert entry["time"] == EPOCH + 900 * points[row][4]
                if n not in refused:
                    arrived[body["location_id"], body.get("device_id")].append(row)
        return accepted(call, refused)

    service.answers[PATH] = answer
    with pytest.MonkeyPatch.context() as patch, service.client() as client:
        patch.setattr(delivery, "LARGEST_CALL", size)
        submission = client.submit_cumulative(records)
    failed = errors(rows, submission)
    got = [row for series in arrived.values() for row in series]
    assert sorted([*got, *failed]) == list(range(len(points)))
    assert submission.accepted == len(got)
    for series in arrived.values():
        assert series == sorted(series, key=lambda row: (points[row][4], row))
    assert all(len(call.body["data"]) <= size for call in service.calls)
    if failure_rate == 0:
        assert not failed


def test_a_register_in_wh_that_is_submitted_as_kwh_is_a_finding(service, flatpeak):
    service.answers[PATH] = accepted
    home = 100 + 300 * np.random.default_rng(7).random(96) ** 4  # Wh per quarter-hour
    register = 1_000_000 + home.cumsum()
    records = [reading(n, value=wh, units="KWH") for n, wh in enumerate(register)]
    [finding] = flatpeak.submit_cumulative(records).findings
    assert (finding.name, finding.rows) == ("energy.unit", tuple(range(1, 96)))
    assert finding.words.startswith("location loc_1, INBOUND IMPORT, has a mean of")
    right = [{**each, "units": "WH"} for each in records]
    assert flatpeak.submit_cumulative(right).findings == ()
