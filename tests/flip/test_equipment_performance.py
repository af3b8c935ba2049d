"""The equipment performance frame: one month or many, whatever Flip calls its fields."""

import threading
from datetime import date

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError, InvalidRequest, UnexpectedAnswer
from flipkit.flip import performance_columns, site_columns
from flipkit.frames import EQUIPMENT_PERFORMANCE, SITES, facts, records_of

ABC = {
    "site_id": "site-abc-789",
    "external_id": "CRM-12345",
    "customer_name": "John Doe",
    "month": "2025-06",
    "system_size_kw": 10.5,
    "actual_production_kwh": 1391.2,
    "expected_production_kwh": 1520.0,
    "performance_ratio": 0.915,
}
DEF = {
    "site_id": "site-def-456",
    "external_id": None,
    "customer_name": None,
    "month": "2025-06",
    "system_size_kw": None,
    "actual_production_kwh": 802.4,
    "expected_production_kwh": None,
    "performance_ratio": None,
}


@pytest.mark.parametrize("wrap", [None, "sites", "data", "rows", "report"])
def test_a_report_as_flip_would_send_it(serve, frames_library, wrap):
    flip, service = serve(
        frames_library, equipment_performance={wrap: [DEF, ABC]} if wrap else [DEF, ABC]
    )
    first, second = records_of(flip.equipment_performance("2025-06"))
    assert first == {
        "site_id": "site-abc-789",
        "month": "2025-06",
        "actual_production_kwh": 1391.2,
        "expected_production_kwh": 1520.0,
        "performance_index": 0.915,
        "system_size_kw": 10.5,
        "external_id": "CRM-12345",
        "customer_name": "John Doe",
        "technology_provider_identifier": None,
    }
    assert second["expected_production_kwh"] is second["performance_index"] is None
    (request,) = service.requests
    assert str(request.url).endswith("/v1/reports/equipment_performance?month=2025-06")


energies = st.none() | st.just(0) | st.floats(1e-3, 1e6) | st.integers(1, 10**6)
NAMES = [
    ("actual_production_kwh", "expected_production_kwh", 1),
    ("actual_kwh", "expected_kwh", 1),
    ("performance_actual_energy_wh", "performance_expected_energy_wh", 1000),
    ("actual_energy_wh", "expected_energy_wh", 1000),
]


@pytest.mark.parametrize("frames", ["pandas", "polars"])
@given(
    st.lists(st.tuples(energies, energies, st.none() | st.floats(0, 2)), max_size=5),
    st.sampled_from(NAMES),
)
def test_the_index_is_flips_own_or_else_actual_over_expected(serve, frames, rows, names):
    actual_name, expected_name, per = names
    sent = [
        {"site_id": f"{i}", actual_name: a, expected_name: e, "performance_ratio": r}
        for i, (a, e, r) in enumerate(rows)
    ]
    flip, _ = serve(frames, equipment_performance=sent)
    found = records_of(flip.equipment_performance("2025-06"))
    assert len(found) == len(rows)
    for row, (actual, expected, ratio) in zip(found, rows, strict=True):
        assert row["actual_production_kwh"] == (None if actual is None else actual / per)
        assert row["expected_production_kwh"] == (None if expected is None else expected / per)
        own = actual / expected if actual is not None and expected else None
        index = own if ratio is None else ratio
        assert row["performance_index"] == (
            index if index is None else pytest.approx(index, rel=1e-12)
        )


def test_the_first_name_that_has_a_value_counts(serve, frames_library):
    row = {
        "site_id": "a",
        "actual_production_kwh": None,
        "actual_energy_wh": 1500,
        "expected_kwh": 3,
    }
    flip, _ = serve(frames_library, equipment_performance=[row])
    (found,) = records_of(flip.equipment_performance("2025-06"))
    assert (found["actual_production_kwh"], found["expected_production_kwh"]) == (1.5, 3.0)
    assert found["performance_index"] == 0.5


@pytest.mark.parametrize("expected", [0, 0.0, -5, None, 1e-320])
def test_there_is_no_index_where_nothing_was_expected(serve, frames_library, expected):
    rows = [
        {"site_id": site, "actual_kwh": made, "expected_kwh": expected}
        for site, made in (("a", 0), ("b", 10))
    ]
    flip, _ = serve(frames_library, equipment_performance=rows)
    assert [row["performance_index"] for row in records_of(flip.equipment_performance("2025-06"))][
        1
    ] is None


def by_month(request):
    month = request.url.params["month"]
    return [
        {"site_id": site, "actual_kwh": int(month[5:]), "expected_kwh": 10} for site in ("b", "a")
    ]


def test_every_month_from_start_to_end(serve, frames_library):
    flip, service = serve(frames_library, equipment_performance=by_month)
    frame = flip.equipment_performance(start="2024-11", end="2025-02")
    months = ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert [(row["site_id"], row["month"]) for row in records_of(frame)] == [
        (s, m) for s in "ab" for m in months
    ]
    assert frame["performance_index"].to_list() == [1.1, 1.2, 0.1, 0.2] * 2
    assert sorted(request.url.params["month"] for request in service.requests) == months
    assert facts(frame)["query"] == {"start": "2024-11", "end": "2025-02"}


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2025", None, [f"2025-{number:02}" for number in range(1, 13)]),
        ("2025-06", None, ["2025-06"]),
        ("2025-06-15", None, ["2025-06"]),
        (date(2025, 6, 30), date(2025, 7, 1), ["2025-06", "2025-07"]),
        ("2024-12", date(2025, 1, 1), ["2024-12", "2025-01"]),
        (pd.Period("2025Q1"), None, ["2025-01", "2025-02", "2025-03"]),
        ("2025-05-31T00:00:00Z", "2025-07-01T00:00:00Z", ["2025-05", "2025-06"]),
    ],
)
def test_a_range_is_every_month_that_it_touches(serve, frames_library, start, end, months):
    flip, service = serve(frames_library, equipment_performance=by_month)
    frame = flip.equipment_performance(start=start, end=end)
    assert [row["month"] for row in records_of(frame) if row["site_id"] == "a"] == months
    assert sorted(request.url.params["month"] for request in service.requests) == months


def test_reports_get_columns_instead_of_frames(serve):
    flip, service = serve(equipment_performance=by_month, sites=[{"id": "b"}, {"id": "a"}])
    columns, data_time_utc = performance_columns(flip, ["2025-02", "2025-01"])
    assert list(columns) == list(EQUIPMENT_PERFORMANCE.names)
    assert columns["site_id"].tolist() == ["b", "a", "b", "a"]
    assert columns["month"].tolist() == ["2025-02", "2025-02", "2025-01", "2025-01"]
    assert columns["performance_index"].tolist() == [0.2, 0.2, 0.1, 0.1]
    assert data_time_utc == "2025-06-01T12:00:00Z"
    assert len(service.requests) == 2
    sites = site_columns(flip)
    assert list(sites.columns) == list(SITES.names)
    assert sites.columns["site_id"].tolist() == ["b", "a"]
    assert np.isnan(sites.columns["system_size_kw"]).all()


def test_months_are_requested_concurrently(serve):
    together = threading.Barrier(4, timeout=10)

    def wait_for_the_others(request):
        together.wait()
        return by_month(request)

    flip, _ = serve(equipment_performance=wait_for_the_others)
    assert len(flip.equipment_performance(start="2025-01", end="2025-04")) == 8


def test_the_oldest_answer_dates_the_frame(serve, frames_library):
    def answer(request):
        return httpx.Response(
            200,
            json=[],
            headers={"date": f"Sun, 01 Jun 2025 12:00:{request.url.params['month'][5:]} GMT"},
        )

    flip, _ = serve(frames_library, equipment_performance=answer)
    frame = flip.equipment_performance(start="2025-03", end="2025-05")
    assert facts(frame)["data_time_utc"] == "2025-06-01T12:00:03Z"


def test_without_a_month_the_current_one_is_requested_and_not_guessed(serve, frames_library):
    flip, service = serve(
        frames_library, equipment_performance=[{"site_id": "a"}, {**ABC, "month": "2025-07"}]
    )
    rows = records_of(flip.equipment_performance())
    assert [row["month"] for row in rows] == [None, "2025-07"]
    assert service.requests[0].url.query == b""


def test_no_rows_give_the_same_columns(serve, frames_library):
    full, _ = serve(frames_library, equipment_performance=[ABC])
    none, _ = serve(frames_library, equipment_performance=[])
    frame = none.equipment_performance(start="2025-01", end="2025-03")
    assert len(frame) == 0
    assert list(frame.columns) == list(EQUIPMENT_PERFORMANCE.names)
    assert list(map(str, frame.dtypes)) == list(
        map(str, full.equipment_performance("2025-06").dtypes)
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"month": "2025-13"}, "month '2025-13' is not a valid month"),
        ({"month": ""}, "month '' is not a valid month"),
        ({"month": "2025"}, "month '2025' is not a valid month"),
        ({"start": "2025-13", "end": "2025-14"}, "start '2025-13' is not a valid date"),
        ({"start": "2025-01", "end": "2025-1"}, "end '2025-1' is not a valid date"),
        ({"start": "2025-02", "end": "2025-01"}, "from '2025-02' to '2025-01' is empty"),
        ({"start": "2025-02-01T00:00:00"}, "has no zone"),
        ({"start": "2025-02-01T00:00:00Z"}, "is an instant and needs an end"),
        ({"end": "2025-02"}, "end '2025-02' needs a start"),
        (
            {"month": "2025-01", "start": "2025-01", "end": "2025-02"},
            "month and start/end exclude each other",
        ),
    ],
)
def test_months_that_are_not_valid_are_errors_and_nothing_is_sent(serve, arguments, complaint):
    flip, service = serve(equipment_performance=[])
    with pytest.raises(InputError, match=complaint):
        flip.equipment_performance(**arguments)
    assert not service.requests


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"actual_kwh": 5}, "row 1 of the answer has no site_id or id"),
        (
            {**ABC, "actual_production_kwh": "802"},
            "row 1, actual_production_kwh: '802' is not a number",
        ),
        (
            {"site_id": "a", "expected_energy_wh": []},
            r"row 1, expected_energy_wh: \[\] is not a number",
        ),
        ({**ABC, "month": "June"}, "row 1, month: 'June' is not a valid month"),
        (
            {**ABC, "month": "2025-05"},
            "row 1, month: requested 2025-06, but the row is of 2025-05",
        ),
    ],
)
def test_an_answer_that_breaks_the_contract_is_an_error_that_names_row_and_field(
    serve, frames_library, row, complaint
):
    flip, _ = serve(frames_library, equipment_performance=[ABC, row])
    with pytest.raises(UnexpectedAnswer, match=complaint):
        flip.equipment_performance("2025-06")


def test_one_month_that_is_refused_is_an_error_that_says_why(serve, frames_library):
    refusal = {
        "code": "VALIDATION_ERROR",
        "error": "Bad Request",
        "message": "month is in the future",
        "statusCode": 400,
    }

    def answer(request):
        return httpx.Response(400, json=refusal) if request.url.params["month"] == "2025-03" else []

    flip, _ = serve(frames_library, equipment_performance=answer)
    with pytest.raises(InvalidRequest, match="400: month is in the future") as caught:
        flip.equipment_performance(start="2025-01", end="2025-04")
    assert (caught.value.status, caught.value.code, caught.value.body) == (
        400,
        "VALIDATION_ERROR",
        refusal,
    )
