"""Fleet data: what is sent, and one row with the status of each record."""

from datetime import datetime

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import AuthenticationFailed, InputError
from flipkit.frames import FLEET_DATA, records_of

JOHN = {"external_id": "CRM-12345", "customer_name": "John Doe", "system_size_kw": 10.5}
SENT = {
    "external_id": "CRM-12345",
    "record_type": "site",
    "data": {"customer_name": "John Doe", "system_size_kw": 10.5},
}


def success(request):
    return httpx.Response(200)


def outcomes(frame):
    return [
        (row["row"], row["external_id"], row["status"], row["error"]) for row in records_of(frame)
    ]


@pytest.mark.parametrize(
    "records",
    [pd.DataFrame([JOHN]), pl.DataFrame([JOHN]), pl.LazyFrame([JOHN]), [JOHN], [SENT], (JOHN,)],
    ids=["pandas", "polars", "lazy", "dicts", "service", "tuple"],
)
def test_every_shape_sends_what_flip_documents(serve, frames_library, records):
    flip, service = serve(frames_library, fleet_data=success)
    frame = flip.push_fleet_data(records)
    assert service.bodies == [{"records": [SENT]}]
    assert (service.requests[0].method, service.requests[0].url.path) == ("POST", "/v1/fleet-data")
    assert records_of(frame) == [
        {
            "row": 0,
            "external_id": "CRM-12345",
            "record_type": "site",
            "status": "SUCCESS",
            "error": None,
        }
    ]


def test_values_become_json_and_nulls_are_left_out(serve):
    frame = pd.DataFrame(
        {
            "external_id": [2**53 + 1, 7],
            "panels": np.array([24, 12], dtype="int16"),
            "kw": [np.nan, 5.5],
            "since": pd.to_datetime(["2025-06-01T00:00Z", None]),
            "note": [pd.NA, "new"],
        }
    ).set_index("external_id")
    flip, service = serve(fleet_data=success)
    flip.push_fleet_data(frame)
    (body,) = service.bodies
    assert body["records"] == [
        {
            "external_id": "9007199254740993",
            "record_type": "site",
            "data": {"panels": 24, "since": "2025-06-01T00:00:00Z"},
        },
        {
            "external_id": "7",
            "record_type": "site",
            "data": {"panels": 12, "kw": 5.5, "note": "new"},
        },
    ]


def test_expected_production_of_a_month(serve, frames_library):
    flip, service = serve(frames_library, fleet_data=success)
    frame = flip.push_fleet_data(
        [
            {"external_id": "a", "month": month, "expected_production_kwh": 1520.0}
            for month in ("2025-06", "2025-13")
        ]
    )
    assert service.bodies[0]["records"] == [
        {
            "external_id": "a",
            "record_type": "site",
            "data": {"month": "2025-06", "expected_production_kwh": 1520.0},
        }
    ]
    assert "month '2025-13' is not a valid month" in outcomes(frame)[1][3]


def test_the_type_of_a_record_is_its_own_or_the_given_one(serve, frames_library):
    records = [
        {"external_id": "a"},
        {"external_id": "b", "record_type": "meter"},
        {"external_id": "c", "record_type": None},
    ]
    flip, service = serve(frames_library, fleet_data=success)
    frame = flip.push_fleet_data(records, record_type="device")
    assert [record["record_type"] for record in service.bodies[0]["records"]] == [
        "device",
        "meter",
        "device",
    ]
    assert frame["record_type"].to_list() == ["device", "meter", "device"]


BAD = [
    ({"customer_name": "x"}, "external_id is missing"),
    ({"external_id": None}, "external_id is missing"),
    ({"external_id": "  "}, "external_id is missing"),
    ({"external_id": 12345.0}, "12345.0 is not text"),
    ({"external_id": "a", "record_type": 3.5}, "record_type: 3.5 is not text"),
    ({"external_id": "a", "since": datetime(2025, 6, 1)}, "since: .* has no zone"),
    ({"external_id": "a", "kw": float("inf")}, "kw: inf is not a finite number"),
    ({"external_id": "a", "raw": b"x"}, "raw: bytes cannot be written as JSON"),
    (
        {"external_id": "a", "data": {"kw": 1}, "extra": 2},
        "extra: only external_id and record_type may stand beside data",
    ),
    ({"external_id": "a", "data": {"at": datetime(2025, 6, 1)}}, r"data\.at: .* has no zone"),
    ({"external_id": "a", 7: 1}, "a key must be text, got 7"),
]


@pytest.mark.parametrize(("record", "error"), BAD)
def test_a_bad_record_is_reported_and_the_others_are_sent(serve, frames_library, record, error):
    flip, service = serve(frames_library, fleet_data=success)
    frame = flip.push_fleet_data([JOHN, record, JOHN])
    assert [status for _, _, status, _ in outcomes(frame)] == ["SUCCESS", "FAILED", "SUCCESS"]
    with pytest.raises(InputError, match=error):
        raise InputError(outcomes(frame)[1][3])
    assert service.bodies == [{"records": [SENT, SENT]}]


@pytest.mark.parametrize(
    "records", [[], pd.DataFrame({"external_id": []}), pl.DataFrame({"external_id": []})]
)
def test_without_records_no_call_is_made(serve, frames_library, records):
    flip, service = serve(frames_library, fleet_data=success)
    frame = flip.push_fleet_data(records)
    assert (len(frame), list(frame.columns), service.requests) == (0, list(FLEET_DATA.names), [])
    assert len(flip.push_fleet_data([{"kw": 1}])) == 1
    assert not service.requests


@pytest.mark.parametrize("records", [JOHN, "CRM-12345", 7, None])
def test_input_that_is_not_a_table_is_an_error(serve, records):
    flip, _ = serve(fleet_data=success)
    with pytest.raises(InputError, match="expected a DataFrame or a list of dicts"):
        flip.push_fleet_data(records)


@pytest.mark.parametrize("count", [499, 500, 501, 1250])
def test_batches_hold_500_at_most_and_keep_the_order(serve, count):
    flip, service = serve("polars", fleet_data=success)
    frame = flip.push_fleet_data([{"external_id": f"{i}", "n": i} for i in range(count)])
    sizes = [len(body["records"]) for body in service.bodies]
    assert sizes == [500] * (count // 500) + ([count % 500] if count % 500 else [])
    assert [record["data"]["n"] for body in service.bodies for record in body["records"]] == list(
        range(count)
    )
    assert frame["row"].to_list() == list(range(count))
    assert set(frame["status"].to_list()) == {"SUCCESS"}


@pytest.mark.parametrize(
    "trouble", [httpx.Response(400, json={"message": "too large"}), httpx.Response(200, text="<p>")]
)
def test_a_call_that_fails_keeps_the_status_of_the_others(serve, frames_library, trouble):
    def answer(request):
        return trouble if b'"CRM-700"' in request.content else httpx.Response(200)

    flip, _ = serve(frames_library, fleet_data=answer)
    frame = flip.push_fleet_data([{"external_id": f"CRM-{i}"} for i in range(1250)])
    assert frame["status"].to_list() == ["SUCCESS"] * 500 + ["FAILED"] * 500 + ["SUCCESS"] * 250
    error = frame["error"].to_list()[700]
    assert "POST /v1/fleet-data" in error
    assert "too large" in error or "<p>" in error


def test_a_key_that_is_refused_is_an_error(serve, frames_library):
    flip, _ = serve(frames_library, fleet_data=httpx.Response(401))
    with pytest.raises(
        AuthenticationFailed, match="check that the key belongs to this environment"
    ):
        flip.push_fleet_data([JOHN, {}])


def test_a_key_that_is_refused_later_loses_nothing(serve, frames_library):
    answers = iter([200, 401, 401])
    flip, _ = serve(frames_library, fleet_data=lambda request: httpx.Response(next(answers)))
    frame = flip.push_fleet_data([{"external_id": f"{i}"} for i in range(1001)])
    assert frame["status"].to_list() == ["SUCCESS"] * 500 + ["FAILED"] * 501


@pytest.mark.parametrize("wrap", [None, "records", "results", "data"])
def test_what_flip_says_of_each_record(serve, frames_library, wrap):
    said = [
        {"external_id": "a", "record_type": "site", "status": "SUCCESS"},
        {"external_id": "b", "status": "FAILED", "error": "unknown record_type"},
        {"status": "ON_HOLD"},
        {"error": {"code": 7}},
        {},
    ]
    flip, _ = serve(frames_library, fleet_data={wrap: said} if wrap else said)
    frame = flip.push_fleet_data([{"external_id": name} for name in "abcde"])
    assert outcomes(frame) == [
        (0, "a", "SUCCESS", None),
        (1, "b", "FAILED", "unknown record_type"),
        (2, "c", "ON_HOLD", None),
        (3, "d", "FAILED", '{"code":7}'),
        (4, "e", "SUCCESS", None),
    ]


def test_a_list_that_does_not_match_counts_by_id(serve, frames_library):
    said = [
        {"external_id": "c", "status": "FAILED", "error": "no such site"},
        {"external_id": "a", "status": "SUCCESS"},
    ]
    flip, _ = serve(frames_library, fleet_data={"records": said})
    frame = flip.push_fleet_data([{"external_id": name} for name in "abc"])
    assert [row["status"] for row in records_of(frame)] == ["SUCCESS", "UNKNOWN", "FAILED"]
    assert "does not mention this record" in outcomes(frame)[1][3]


def test_a_list_in_another_order_counts_by_id(serve, frames_library):
    said = [
        {"external_id": "b", "status": "FAILED", "error": "no such site"},
        {"external_id": "a", "status": "SUCCESS"},
    ]
    flip, _ = serve(frames_library, fleet_data=said)
    frame = flip.push_fleet_data([{"external_id": name} for name in "ab"])
    assert [row["status"] for row in records_of(frame)] == ["SUCCESS", "FAILED"]


@pytest.mark.parametrize("said", [{"accepted": 1}, "OK", 1, {"records": None}, {"records": "x"}])
def test_any_2xx_is_success_where_flip_lists_nothing(serve, frames_library, said):
    flip, _ = serve(frames_library, fleet_data=said)
    assert outcomes(flip.push_fleet_data([JOHN])) == [(0, "CRM-12345", "SUCCESS", None)]


values = (
    st.none()
    | st.text()
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.lists(st.floats(), max_size=2)
)
ids = st.sampled_from(["a", "b", None, "", 3, 2.5])


@given(st.lists(st.dictionaries(st.text(max_size=3), values, max_size=3), max_size=5), st.data())
def test_every_record_has_exactly_one_row_and_what_is_sent_is_what_did_not_fail(
    serve, records, data
):
    records = [{**record, "external_id": data.draw(ids)} for record in records]
    flip, service = serve("polars", fleet_data=success)
    frame = flip.push_fleet_data(records)
    assert frame["row"].to_list() == list(range(len(records)))
    sent = [record["external_id"] for body in service.bodies for record in body["records"]]
    assert frame.filter(frame["status"] == "SUCCESS")["external_id"].to_list() == sent
    assert all(frame.filter(frame["status"] == "FAILED")["error"].to_list())
