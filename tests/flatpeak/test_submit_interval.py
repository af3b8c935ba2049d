"""Uploading interval records: nothing is lost or stored twice, and contradictions are findings."""

import logging
import random
import re
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import AuthenticationFailed, InputError, MissingColumnError, NaiveTimestampError
from flipkit.flatpeak import delivery
from flipkit.frames import FAILED_RECORDS, library_of

START = datetime(2025, 6, 1, tzinfo=UTC)
HALF = timedelta(minutes=30)
PATH = "PUT /meters/interval"


def record(number=0, **more):
    begin = START + number * HALF
    whole = {
        "location_id": "loc_1",
        "units": "WH",
        "value": 100.0 + number,
        "start_utc": begin,
        "end_utc": begin + HALF,
    }
    return {**whole, "record_reference_id": f"r-{number}", **more}


def accepted(call, failed=(), **more):
    failed = [{"record_num": n, "error": text} for n, text in failed]
    sent = len(call.body)
    counts = {
        "records_submitted": sent,
        "records_accepted": sent - len(failed),
        "records_processed": 0,
    }
    return {
        "id": f"bat_{sent}",
        "object": "meter_batch",
        **counts,
        "failed_records": failed,
        **more,
    }


def errors(rows, submission):
    return {row["row"]: row["error"] for row in rows(submission.failed)}


def names(submission):
    return {finding.name: finding.rows for finding in submission.findings}


@pytest.fixture
def small_calls(monkeypatch):
    monkeypatch.setattr(delivery, "LARGEST_CALL", 4)


def test_the_request_of_a_record(service, flatpeak):
    service.answers[PATH] = accepted
    whole = record(
        device_id="dev_1",
        session_reference_id="s",
        energy_flow_direction="outbound",
        tariff_direction="IMPORT",
        units="kWh",
        confidence=0.5,
    )
    submission = flatpeak.submit_interval(
        [whole, record(1), record(2, energy_flow_direction="OUTBOUND")]
    )
    assert service.last.body == [
        {
            "location_id": "loc_1",
            "device_id": "dev_1",
            "session_reference_id": "s",
            "record_reference_id": "r-0",
            "energy_flow_direction": "OUTBOUND",
            "tariff_direction": "IMPORT",
            "units": "KWH",
            "value": 100.0,
            "confidence": 0.5,
            "start_time": "2025-06-01T00:00:00Z",
            "end_time": "2025-06-01T00:30:00Z",
        },
        {
            "location_id": "loc_1",
            "record_reference_id": "r-1",
            "energy_flow_direction": "INBOUND",
            "tariff_direction": "IMPORT",
            "units": "WH",
            "value": 101.0,
            "start_time": "2025-06-01T00:30:00Z",
            "end_time": "2025-06-01T01:00:00Z",
        },
        {
            "location_id": "loc_1",
            "record_reference_id": "r-2",
            "energy_flow_direction": "OUTBOUND",
            "tariff_direction": "EXPORT",
            "units": "WH",
            "value": 102.0,
            "start_time": "2025-06-01T01:00:00Z",
            "end_time": "2025-06-01T01:30:00Z",
        },
    ]
    assert (submission.submitted, submission.accepted, submission.processed) == (3, 3, 0)
    assert submission.batch_ids == ("bat_3",)
    assert len(submission.failed) == 0
    assert list(submission.failed.columns) == list(FAILED_RECORDS.names)
    assert submission.findings == ()


def test_zero_has_its_own_routes_and_fields(service):
    service.answers[PATH] = accepted
    service.client(version="2024-08-24.zero").submit_interval([record(tariff_direction="LOCAL")])
    body = service.last.body[0]
    assert (body["direction"], body["tariff_rate"]) == ("IMPORT", "LOCAL")
    assert not {"energy_flow_direction", "tariff_direction"} & set(body)


BAD = {
    "location missing": ({"location_id": None}, "location_id is missing"),
    "location climbs": ({"location_id": "loc/../../admin"}, "location_id: .*not allowed"),
    "device climbs": ({"device_id": "../dev"}, "device_id: .*not allowed"),
    "session climbs": ({"session_reference_id": ".."}, "session_reference_id: .*not allowed"),
    "location empty": ({"location_id": ""}, "location_id: .*non-empty"),
    "location number": ({"location_id": 7}, "location_id: 7 "),
    "unit": ({"units": "kVA"}, "units is 'kVA'; use one of W, KW, WH, KWH"),
    "unit missing": ({"units": None}, "units is missing"),
    "flow": ({"energy_flow_direction": "IMPORT"}, "energy_flow_direction is 'IMPORT'"),
    "direction": ({"tariff_direction": "INBOUND"}, "tariff_direction is 'INBOUND'"),
    "value missing": ({"value": None}, "value is missing"),
    "value NaN": ({"value": float("nan")}, "value is missing"),
    "value negative": ({"value": -0.001}, "value is negative"),
    "value infinite": ({"value": float("inf")}, "value is not finite"),
    "value text": ({"value": "12"}, "value: '12' "),
    "confidence high": ({"confidence": 1.1}, "confidence 1.1 is not between 0 and 1"),
    "confidence negative": ({"confidence": -0.1}, "confidence -0.1"),
    "end before start": (
        {"end_utc": START - HALF},
        "end_utc 2025-05-31T23:30:00.*is not after start_utc",
    ),
    "end at start": ({"end_utc": START}, "is not after"),
    "start missing": ({"start_utc": None}, "start_utc is missing"),
    "end missing": ({"end_utc": None}, "end_utc is missing"),
    "naive text": ({"start_utc": "2025-06-01T00:00:00"}, "start_utc: .*no zone"),
    "naive datetime": ({"start_utc": datetime(2025, 6, 1)}, "start_utc: .*no zone"),
    "no time": ({"end_utc": "noon"}, "end_utc: 'noon' is not a valid ISO 8601 timestamp"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_fails_with_its_reason_and_the_rest_is_sent(service, flatpeak, rows, case):
    change, words = BAD[case]
    service.answers[PATH] = accepted
    submission = flatpeak.submit_interval([record(1), record(0, **change), record(2)])
    assert [body["record_reference_id"] for body in service.last.body] == ["r-1", "r-2"]
    failed = rows(submission.failed)
    assert len(failed) == 1
    assert (failed[0]["row"], failed[0]["record_reference_id"]) == (1, "r-0")
    assert re.search(words, failed[0]["error"])
    assert (submission.submitted, submission.accepted) == (3, 2)


@pytest.mark.parametrize("case", BAD)
def test_two_bad_cells_in_a_column_are_two_failures(service, flatpeak, rows, case):
    change, words = BAD[case]
    service.answers[PATH] = accepted
    records = [record(0, **change), record(1), record(2), record(3, **change), record(4)]
    submission = flatpeak.submit_interval(records)
    found = errors(rows, submission)
    assert list(found) == [0, 3]
    assert all(re.search(words, found[row]) for row in (0, 3))
    assert submission.accepted == 3


def test_the_whole_row_of_a_failed_record(service, flatpeak, rows):
    service.answers[PATH] = lambda call: accepted(call, [(1, "refused")])
    bad = record(3, units="?", device_id="dev_1", end_utc=START + 9 * HALF)
    submission = flatpeak.submit_interval([record(0), record(1), record(2), bad])
    assert rows(submission.failed) == [
        {
            "row": 1,
            "location_id": "loc_1",
            "device_id": None,
            "record_reference_id": "r-1",
            "start_utc": START + HALF,
            "end_utc": START + 2 * HALF,
            "error": "refused",
        },
        {
            "row": 3,
            "location_id": "loc_1",
            "device_id": "dev_1",
            "record_reference_id": "r-3",
            "start_utc": START + 3 * HALF,
            "end_utc": START + 9 * HALF,
            "error": "units is '?'; use one of W, KW, WH, KWH",
        },
    ]


def test_nothing_is_sent_without_a_valid_record(service, flatpeak, rows):
    submission = flatpeak.submit_interval([record(0, units="?"), record(1, value=None)])
    assert (service.calls, service.logins) == ([], 0)
    assert list(errors(rows, submission)) == [0, 1]
    empty = flatpeak.submit_interval([])
    assert (empty.submitted, empty.accepted, len(empty.failed), service.logins) == (0, 0, 0, 0)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_the_report_has_the_library_of_the_input(service, flatpeak, rows, make):
    service.answers[PATH] = accepted
    frame = make([record(0), record(1, units="x"), record(2)])
    submission = flatpeak.submit_interval(frame)
    assert library_of(submission.failed) == library_of(frame)
    assert list(errors(rows, submission)) == [1]
    assert submission.accepted == 2


def test_a_frame_that_cannot_be_read_as_a_whole_raises(service, flatpeak):
    naive = pd.DataFrame([record(0)]).assign(start_utc=pd.Timestamp("2025-06-01"))
    with pytest.raises(NaiveTimestampError, match="tz_localize"):
        flatpeak.submit_interval(naive)
    with pytest.raises(MissingColumnError, match="units"):
        flatpeak.submit_interval(pd.DataFrame([record(0)]).drop(columns="units"))
    with pytest.raises(InputError):
        flatpeak.submit_interval("records.csv")
    assert service.calls == []


def test_wrong_keys_stop_the_upload(service, flatpeak):
    service.login_answer = (403, {"message": "Bad credentials"})
    with pytest.raises(AuthenticationFailed):
        flatpeak.submit_interval([record(0)])


def test_the_service_refuses_records_by_their_place_in_the_batch(
    service, flatpeak, rows, small_calls
):
    def answer(call):
        return accepted(
            call, [(1, "unknown device")] if call.body[0]["record_reference_id"] == "r-5" else []
        )

    service.answers[PATH] = answer
    records = [record(0, value=-1), *(record(n) for n in range(1, 9))]
    submission = flatpeak.submit_interval(records)
    assert errors(rows, submission)[6] == "unknown device"
    assert list(errors(rows, submission)) == [0, 6]
    assert (submission.submitted, submission.accepted) == (9, 7)
    assert "6" in repr(submission)


def test_counts_that_do_not_add_up_are_findings(service, flatpeak):
    service.answers[PATH] = lambda call: accepted(call, [(99, "who?")], records_accepted=1)
    submission = flatpeak.submit_interval([record(0), record(1)])
    assert set(names(submission)) == {"batch.unknown_record", "batch.counts"}
    assert "who?" in repr(submission)


def test_a_batch_without_counts_is_taken_by_its_failures(service, flatpeak):
    service.answers[PATH] = {"object": "meter_batch", "failed_records": None}
    submission = flatpeak.submit_interval([record(0), record(1)])
    assert (submission.accepted, submission.batch_ids, submission.findings) == (2, (), ())


class Store:
    """A service that keeps the last value of each key, and the order in which records arrived."""

    def __init__(self, seed, failure_rate):
        self.random, self.failure_rate, self.kept, self.arrived = (
            random.Random(seed),
            failure_rate,
            {},
            [],
        )

    def __call__(self, call):
        chance = self.random.random()
        if chance < self.failure_rate / 2:
            return (422, {"message": "no"})
        if chance < self.failure_rate:
            return (503, {"message": "busy"})
        refused = [
            (n, "bad")
            for n in range(len(call.body))
            if self.random.random() < self.failure_rate / 4
        ]
        for n, body in enumerate(call.body):
            if n not in dict(refused):
                self.arrived.append(body["record_reference_id"])
                key = tuple(
                    body.get(name)
                    for name in ("location_id", "device_id", "start_time", "end_time")
                )
                self.kept[key] = body["record_reference_id"]
        if chance > 1 - self.failure_rate / 4:
            return (200, b'{"id": "bat')  # kept, but the answer is cut: it will be sent again
        return accepted(call, refused)


chosen = st.tuples(
    st.sampled_from(["loc_1", "loc_2"]),
    st.integers(0, 12),
    st.sampled_from([1, 1, 2, 6]),
    st.booleans(),
)


@settings(deadline=None)
@given(
    picks=st.lists(chosen, max_size=40),
    seed=st.integers(0, 2**16),
    failure_rate=st.sampled_from([0.0, 0.3, 0.9]),
    size=st.sampled_from([1, 3, 7, 10_000]),
)
def test_nothing_is_lost_or_stored_twice_and_the_last_record_wins(
    make_service, rows, picks, seed, failure_rate, size
):
    records = []
    for number, (location, slot, length, sound) in enumerate(picks):
        begin = START + slot * HALF
        times = {"start_utc": begin, "end_utc": begin + length * HALF}
        value = 1.0 if sound else None
        records.append(record(number, location_id=location, value=value, **times))
    service, store = make_service(), Store(seed, failure_rate)
    lock = service.lock

    def answer(call):
        with lock:
            return store(call)

    service.answers[PATH] = answer
    with pytest.MonkeyPatch.context() as patch, service.client() as client:
        patch.setattr(delivery, "LARGEST_CALL", size)
        submission = client.submit_interval(records)
    failed = errors(rows, submission)
    sound = {row for row, pick in enumerate(picks) if pick[3]}
    assert set(range(len(picks))) - sound <= set(failed)
    delivered = sound - set(failed)
    assert submission.accepted == len(delivered)
    assert delivered <= {int(reference[2:]) for reference in store.arrived}
    assert all(len(call.body) <= size for call in service.calls)
    if failure_rate == 0:
        assert delivered == sound
        assert sorted(store.arrived) == sorted(f"r-{row}" for row in sound)
    assert_findings(picks, sound, submission)
    last = {}
    for row in sorted(delivered):
        location, slot, length, _ = picks[row]
        last[location, slot, length] = row
    kept = {
        picks[row][:3]: row for row in (int(reference[2:]) for reference in store.kept.values())
    }
    # A record whose answer was lost counts as failed, though it may have been stored: then it is
    # a later one than the last delivered.
    assert all(
        kept[key] == row if failure_rate == 0 else kept[key] >= row for key, row in last.items()
    )
    assert failure_rate > 0 or set(kept) == set(last)


def assert_findings(picks, sound, submission):
    """Repeats and overlaps, found by looking at every pair."""
    repeats, overlaps = set(), set()
    for a in sound:
        for b in sound:
            (here, s, n, _), (there, t, m, _) = picks[a], picks[b]
            if a == b or here != there:
                continue
            if (s, n) == (t, m):
                repeats.add(a)
            elif s < t + m and t < s + n:
                overlaps.add(a)
    found = names(submission)
    assert set(found.get("records.repeated", ())) == repeats
    assert set(found.get("records.overlap", ())) == overlaps


def test_contested_records_wait_for_those_before_them(service, flatpeak, rows, small_calls):
    """Ten records of one key make three calls; if the first fails, the others are not sent."""
    answers = iter([(422, {"message": "no"})])
    service.answers[PATH] = lambda call: next(answers)
    same = {"start_utc": START, "end_utc": START + HALF}
    submission = flatpeak.submit_interval([record(n, **same) for n in range(10)])
    assert len(service.calls) == 1
    failed = errors(rows, submission)
    assert list(failed) == list(range(10))
    assert "not sent" not in failed[3]
    assert "not sent: an earlier call with records of the same series failed" in failed[4]


def test_records_of_other_directions_and_devices_are_not_repeats(service, flatpeak):
    service.answers[PATH] = accepted
    variants = [
        {},
        {"device_id": "d"},
        {"tariff_direction": "LOCAL"},
        {"energy_flow_direction": "OUTBOUND"},
    ]
    variants += [{"location_id": "loc_2"}]
    assert flatpeak.submit_interval([record(0, **variant) for variant in variants]).findings == ()


@pytest.mark.parametrize(
    ("units", "value", "implausible"),
    [
        ("W", 1e6, False),
        ("W", 1.1e6, True),
        ("KW", 1001, True),
        ("WH", 500_001, True),
        ("WH", 500_000, False),
        ("KWH", 501, True),
        ("KWH", 499, False),
    ],
)
def test_powers_above_a_megawatt_are_sent_with_a_finding(
    service, flatpeak, caplog, units, value, implausible
):
    service.answers[PATH] = accepted
    with caplog.at_level(logging.WARNING):
        submission = flatpeak.submit_interval([record(0), record(1, units=units, value=value)])
    assert names(submission) == ({"records.power": (1,)} if implausible else {})
    assert ("records.power" in caplog.text) == implausible
    assert submission.accepted == 2


def test_findings_are_logged_before_sending(service, flatpeak, caplog):
    service.answers[PATH] = httpx.ReadTimeout("lost")
    flatpeak.submit_interval([record(0), record(0)])
    assert "the last one wins" in caplog.text


def test_a_connection_that_fails_is_in_the_frame(service, flatpeak, rows, small_calls):
    service.answers[PATH] = lambda call: (
        accepted(call)
        if call.body[0]["record_reference_id"] == "r-4"
        else httpx.ReadTimeout("lost")
    )
    submission = flatpeak.submit_interval([record(n) for n in range(10)])
    failed = errors(rows, submission)
    assert list(failed) == [0, 1, 2, 3, 8, 9]
    assert "ReadTimeout" in failed[0]
    assert submission.accepted == 4


def test_the_report_has_a_readable_text(service, flatpeak, small_calls):
    service.answers[PATH] = accepted
    bad = [record(n, units=f"<b>{n % 5}</b>") for n in range(10)]
    submission = flatpeak.submit_interval([record(20), *bad, record(21), record(21)])
    text = repr(submission)
    assert text.splitlines()[0] == "13 records: 3 accepted in 2 batches, 10 failed"
    assert "(rows 1, 6)" in text
    assert "2 other reasons" in text
    assert "records.repeated: same location" in text
    assert "(rows 11, 12)" in text
    html = submission._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "13 records" in html


def test_a_batch_can_be_read_again(service, flatpeak, rows):
    failed = [
        {"record_num": 7, "error": "late"},
        {"record_num": 2, "record_reference_id": "r", "error": "early"},
    ]
    counts = {"records_submitted": 18379, "records_accepted": 18378, "records_processed": 32}
    service.answers["GET /meters/batch"] = {"id": "bat_1", "failed_records": failed, **counts}
    submission = flatpeak.batch("bat_1")
    assert service.last.query == {"batch_id": "bat_1"}
    assert (submission.submitted, submission.accepted, submission.processed) == (18379, 18378, 32)
    assert submission.batch_ids == ("bat_1",)
    assert errors(rows, submission) == {2: "early", 7: "late"}
    assert "18,379 records" in repr(submission)


def test_a_large_upload_is_split_at_ten_thousand(service, flatpeak):
    service.answers[PATH] = accepted
    frame = pl.DataFrame({"n": range(20_001)}).select(
        location_id=pl.lit("loc_1"),
        units=pl.lit("WH"),
        value=pl.col("n").cast(pl.Float64),
        start_utc=pl.lit(START) + pl.duration(minutes=30) * pl.col("n"),
        end_utc=pl.lit(START) + pl.duration(minutes=30) * (pl.col("n") + 1),
    )
    submission = flatpeak.submit_interval(frame)
    assert sorted(len(call.body) for call in service.calls) == [1, 10_000, 10_000]
    assert submission.accepted == 20_001
    assert {body["value"] for call in service.calls for body in call.body} == set(range(20_001))


def test_likely_slips_of_whole_series_are_findings_and_all_is_sent(service, flatpeak):
    service.answers[PATH] = accepted
    home = 200 + 600 * np.random.default_rng(7).random(96) ** 4  # Wh per half-hour
    series = {
        "plain": [{"value": wh} for wh in home],
        "in_wh": [{"value": wh, "units": "KWH"} for wh in home],
        "in_w": [{"value": 2 * wh, "units": "KW"} for wh in home],
        "register": [{"value": wh} for wh in 90_000 + home.cumsum()],
        "stray": [{"value": wh} for wh in [*home[:-1], 200_000.0]],
        "factory": [{"value": 1000.0 + 20 * (n % 3), "units": "KWH"} for n in range(96)],
    }
    records = [
        record(n, location_id=f"loc_{name}", **each)
        for name, of_series in series.items()
        for n, each in enumerate(of_series)
    ]
    random.Random(3).shuffle(records)
    rows_of = {
        name: tuple(n for n, each in enumerate(records) if each["location_id"] == f"loc_{name}")
        for name in series
    }
    submission = flatpeak.submit_interval(records)
    assert submission.accepted == len(records)
    assert names(submission) == {
        "energy.unit": tuple(sorted(rows_of["in_wh"] + rows_of["in_w"])),
        "energy.register": rows_of["register"],
        "energy.peak": rows_of["stray"],
    }
    said = {finding.name: finding.words for finding in submission.findings}
    assert "INBOUND IMPORT, has a mean of" in said["energy.unit"]
    assert said["energy.unit"].endswith("check the unit (and 1 more series)")
    assert said["energy.register"].startswith("location loc_register, INBOUND IMPORT, never falls")


def test_exports_in_wh_beside_imports_of_a_home(service, flatpeak):
    service.answers[PATH] = accepted
    sun = np.clip(np.sin(np.arange(96) / 48 * 2 * np.pi), 0, None)
    imports = 200 + 600 * np.random.default_rng(7).random(96) ** 4
    records = [record(n, value=wh) for n, wh in enumerate(imports)]
    outbound = {"energy_flow_direction": "OUTBOUND", "units": "KWH"}
    exports = [record(n, value=1500 * each, **outbound) for n, each in enumerate(sun)]
    assert names(flatpeak.submit_interval(records + exports)) == {
        "energy.unit": tuple(range(96, 192))
    }
    right = [{**each, "units": "WH"} for each in exports]
    assert names(flatpeak.submit_interval(records + right)) == {}
    # Alone they may be those of any solar farm.
    assert names(flatpeak.submit_interval(exports)) == {}
