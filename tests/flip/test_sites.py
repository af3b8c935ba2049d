"""The sites frame."""

import numpy as np
import pytest

from flipkit.errors import UnexpectedAnswer
from flipkit.frames import SITES, facts, library_of, records_of

JOHN = {
    "id": "site-abc-789",
    "status": "ACTIVE",
    "first_name": "John",
    "last_name": "Doe",
    "company_name": None,
    "email": None,
    "street_address": "123 Main St",
    "street_address2": None,
    "city": "San Francisco",
    "state_code": "CA",
    "zip_code": "88800",
    "created_at": "2025-06-20T09:00:00Z",
    "updated_at": "2025-06-20T02:00:00-07:00",
}


@pytest.mark.parametrize(
    "wrap", [list, lambda rows: {"sites": rows}, lambda rows: {"count": 1, "data": rows}]
)
def test_a_site_as_flip_would_send_it(serve, frames_library, wrap):
    flip, service = serve(frames_library, sites=wrap([JOHN]))
    frame = flip.sites()
    assert library_of(frame) == frames_library
    (row,) = records_of(frame)
    created, updated = row.pop("created_utc"), row.pop("updated_utc")
    assert created == updated
    assert created.isoformat() == "2025-06-20T09:00:00+00:00"
    assert row == {
        "site_id": "site-abc-789",
        "status": "ACTIVE",
        "customer_name": "John Doe",
        "state_code": "CA",
        "zip_code": "88800",
        "system_size_kw": None,
        "technology_provider_identifier": None,
        "external_id": None,
        "first_name": "John",
        "last_name": "Doe",
        "company_name": None,
        "email": None,
        "street_address": "123 Main St",
        "city": "San Francisco",
    }
    (request,) = service.requests
    assert (request.method, request.url.path, request.url.query) == ("GET", "/v1/sites", b"")
    assert request.headers["authorization"].startswith("Bearer fl_")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"customer_name": "J. Doe", "first_name": "John", "company_name": "ABC"}, "J. Doe"),
        ({"first_name": "John"}, "John"),
        ({"last_name": "Doe", "company_name": "ABC"}, "Doe"),
        ({"customer_name": "", "first_name": "", "company_name": "ABC Co."}, "ABC Co."),
        ({}, None),
    ],
)
def test_the_customer_of_a_site(serve, frames_library, fields, name):
    flip, _ = serve(frames_library, sites=[{"id": "a", **fields}])
    assert records_of(flip.sites())[0]["customer_name"] == name


@pytest.mark.parametrize(
    ("fields", "manufacturer"),
    [
        (
            {
                "technology_provider_identifier": "TESLA",
                "devices": [{"technology_provider_identifier": "X"}],
            },
            "TESLA",
        ),
        (
            {
                "devices": [
                    {"technology_provider_identifier": m}
                    for m in ("DURACELL", "X", "DURACELL", None)
                ]
            },
            "DURACELL, X",
        ),
        ({"devices": [{}, "odd", {"technology_provider_identifier": 7}]}, None),
        ({"devices": {"id": 1}}, None),
    ],
)
def test_the_manufacturer_of_its_equipment(serve, frames_library, fields, manufacturer):
    flip, _ = serve(frames_library, sites=[{"id": "a", **fields}])
    assert records_of(flip.sites())[0]["technology_provider_identifier"] == manufacturer


def test_rows_are_sorted_and_unknown_values_and_fields_pass_through(serve, frames_library):
    rows = [
        {"site_id": "b", "status": "ON_THE_MOON", "new_field": [1]},
        {"id": "a", "zip_code": 94105, "system_size_kw": 5},
    ]
    flip, _ = serve(frames_library, sites=rows)
    first, second = records_of(flip.sites())
    assert (first["site_id"], first["zip_code"], first["system_size_kw"]) == ("a", "94105", 5.0)
    assert (second["site_id"], second["status"]) == ("b", "ON_THE_MOON")
    assert flip.get("v1", "sites") == rows


def test_no_sites_give_the_same_columns(serve, frames_library):
    full, _ = serve(frames_library, sites=[JOHN])
    none, _ = serve(frames_library, sites=[])
    frame = none.sites()
    assert len(frame) == 0
    assert list(frame.columns) == list(SITES.names)
    assert list(map(str, frame.dtypes)) == list(map(str, full.sites().dtypes))


def test_the_frame_knows_its_origin(serve, frames_library):
    flip, _ = serve(frames_library, sites=[JOHN])
    assert facts(flip.sites()) == {
        "query": {},
        "service": "flip",
        "environment": "sandbox",
        "data_time_utc": "2025-06-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([JOHN, {"status": "ACTIVE"}], "row 1 of the answer has no id or site_id"),
        ([{**JOHN, "id": ""}], "row 0 of the answer has no id or site_id"),
        ([JOHN, {**JOHN, "id": None}], "row 1 of the answer has no id"),
        ([{**JOHN, "system_size_kw": "big"}], "row 0, system_size_kw: 'big' is not a number"),
        ([JOHN, {**JOHN, "system_size_kw": True}], "row 1, system_size_kw: True is not a number"),
        ([{**JOHN, "system_size_kw": 10**400}], "row 0, system_size_kw: .*out of range"),
        ([{**JOHN, "id": {"v": 1}}], "row 0, id: {'v': 1} is not text"),
        ([{**JOHN, "zip_code": 1.5}], "row 0, zip_code: 1.5 is not text"),
        (
            [JOHN, {**JOHN, "created_at": "yesterday"}],
            "created_at, row 1: 'yesterday' is not a valid ISO 8601 timestamp",
        ),
        ([{**JOHN, "updated_at": "2025-06-20T09:00:00"}], "updated_at, row 0: .*no zone"),
        ([{**JOHN, "updated_at": 1750000000}], "updated_at, row 0: expected a time, got int"),
        ([JOHN, "odd"], "row 1 of the answer is not an object: 'odd'"),
        (
            {"items": []},
            "an object with an array named sites or data; the answer has {'items'",
        ),
        ("text", "the answer has 'text'"),
        (None, "the answer has nothing"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_an_error_that_names_row_and_field(
    serve, frames_library, body, complaint
):
    flip, _ = serve(frames_library, sites=body)
    with pytest.raises(UnexpectedAnswer, match=complaint) as caught:
        flip.sites()
    assert "[GET /v1/sites (1 attempt)]" in str(caught.value)


def test_null_where_a_number_should_be_is_null(serve, frames_library):
    flip, _ = serve(
        frames_library,
        sites=[{"id": "a", "system_size_kw": None}, {"id": "b", "system_size_kw": 4}],
    )
    sizes = flip.sites()["system_size_kw"].to_numpy()
    assert np.isnan(sizes[0])
    assert sizes[1] == 4.0
