"""Commissioning: checked before it is sent, and a frame of what Flip asks for."""

from datetime import UTC, date, datetime

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest

import flipkit.errors
from flipkit.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InformationRequired,
    InputError,
    InvalidRequest,
    NaiveTimestampError,
    RateLimited,
)
from flipkit.flip.wire import STATE_CODES
from flipkit.frames import MISSING_INFORMATION, facts, library_of, records_of

SITE = {
    "id": "site-abc-789",
    "first_name": "John",
    "last_name": "Doe",
    "street_address": "123 Main St",
    "city": "San Francisco",
    "state_code": "CA",
    "zip_code": "88800",
}
DEVICE = {
    "id": "device-xyz-123",
    "type": "BATTERY",
    "technology_provider_identifier": "DURACELL",
    "install_date": "2025-06-19T15:30:00Z",
}
ASKED = {
    "missing_has_agreed_to_terms_and_conditions": True,
    "missing_terms_and_conditions_version": True,
    "incorrect_terms_and_conditions_version": False,
    "missing_site_attributes": ["email", "city"],
    "missing_program_specific_attributes": [
        {
            "name": "account_id",
            "label": "Utility Account Number",
            "type": "string",
            "hint": "As printed on the bill",
            "error": "required",
        }
    ],
}


def created(request):
    return httpx.Response(201)


def asks(**enrollment):
    return httpx.Response(422, json={"enrollment": enrollment})


@pytest.mark.parametrize(
    "devices", [[DEVICE], (DEVICE,), pd.DataFrame([DEVICE]), pl.DataFrame([DEVICE])], ids=range(4)
)
def test_the_documented_request_is_sent_and_its_empty_answer_is_accepted(serve, devices):
    flip, service = serve(commission=created)
    assert flip.commission(SITE, devices) is None
    assert service.bodies == [{"site": SITE, "devices": [DEVICE]}]
    assert (service.requests[0].method, service.requests[0].url.path) == ("POST", "/v1/commission")


def test_values_become_json_and_nulls_are_left_out(serve):
    device = {
        **DEVICE,
        "id": np.int64(7),
        "serial_number": None,
        "attributes": {"battery_capacity_wh": np.float64(15000)},
    }
    device["install_date"] = pd.Timestamp("2025-06-19 15:30", tz="America/Los_Angeles")
    enrollment = {"has_agreed_to_terms_and_conditions": np.bool_(True), "program_id": None}
    flip, service = serve(commission=created)
    flip.commission({**SITE, "email": float("nan"), "tariff": "new"}, [device], enrollment)
    assert service.bodies == [
        {
            "site": {**SITE, "tariff": "new"},
            "devices": [
                {
                    **DEVICE,
                    "id": "7",
                    "install_date": "2025-06-19T15:30:00-07:00",
                    "attributes": {"battery_capacity_wh": 15000.0},
                }
            ],
            "enrollment": {"has_agreed_to_terms_and_conditions": True},
        }
    ]


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        (datetime(2025, 6, 19, 15, 30, tzinfo=UTC), "2025-06-19T15:30:00Z"),
        ("2025-06-19T15:30:00-07:00", "2025-06-19T15:30:00-07:00"),
        (" 20250619T153000Z ", "2025-06-19T15:30:00Z"),
    ],
)
def test_an_install_date_is_sent_as_rfc_3339(serve, moment, sent):
    flip, service = serve(commission=created)
    flip.commission(SITE, [{**DEVICE, "install_date": moment}])
    assert service.bodies[0]["devices"][0]["install_date"] == sent


def without(record, name):
    return {key: value for key, value in record.items() if key != name}


@pytest.mark.parametrize(
    ("site", "devices", "complaint"),
    [
        (SITE, [], "devices is empty"),
        (SITE, pd.DataFrame([DEVICE]).head(0), "devices is empty"),
        (SITE, DEVICE, "devices: expected a DataFrame or a list of dicts"),
        (SITE, ["device"], "devices, row 0: expected a dict, got str"),
        *[
            (SITE, [DEVICE, without(DEVICE, name)], rf"devices\[1\]\.{name} is missing")
            for name in DEVICE
        ],
        *[(SITE, [{**DEVICE, name: None}], rf"devices\[0\]\.{name} is missing") for name in DEVICE],
        *[(SITE, [{**DEVICE, name: " "}], rf"devices\[0\]\.{name}") for name in DEVICE],
        (SITE, [{**DEVICE, "type": 1.5}], r"devices\[0\]\.type: 1.5 is not text"),
        (
            SITE,
            [{**DEVICE, "install_date": "June 2025"}],
            r"devices\[0\]\.install_date: 'June 2025' is not a valid ISO 8601",
        ),
        (
            SITE,
            [{**DEVICE, "install_date": date(2025, 6, 19)}],
            r"devices\[0\]\.install_date: expected a time, got date",
        ),
        (
            SITE,
            [{**DEVICE, "power": float("inf")}],
            r"devices\[0\]\.power: inf is not a finite number",
        ),
        (without(SITE, "id"), [DEVICE], r"site\.id is missing"),
        ({**SITE, "id": ""}, [DEVICE], r"site\.id is missing"),
        ({**SITE, "state_code": "ca"}, [DEVICE], r"site\.state_code: 'ca' is not one of the 51"),
        ({**SITE, "state_code": "DC"}, [DEVICE], r"site\.state_code: 'DC' is not one of the 51"),
        ({**SITE, "state_code": ["CA"]}, [DEVICE], r"site\.state_code"),
        ({**SITE, "city": b"x"}, [DEVICE], r"site\.city: bytes cannot be written as JSON"),
        ("site-abc-789", [DEVICE], "site: expected a dict, got str"),
    ],
)
def test_what_flip_would_refuse_is_an_error_and_nothing_is_sent(serve, site, devices, complaint):
    flip, service = serve(commission=created)
    with pytest.raises(InputError, match=complaint):
        flip.commission(site, devices)
    assert not service.requests


@pytest.mark.parametrize(
    "moment",
    ["2025-06-19T15:30:00", "2025-06-19", datetime(2025, 6, 19), pd.Timestamp("2025-06-19")],
    ids=str,
)
def test_an_install_date_without_a_zone_is_an_error(serve, moment):
    flip, service = serve(commission=created)
    with pytest.raises(NaiveTimestampError, match=r"devices\[0\]\.install_date: .*no zone"):
        flip.commission(SITE, [{**DEVICE, "install_date": moment}])
    assert not service.requests


def test_an_enrollment_that_is_not_a_dict_is_an_error(serve):
    flip, _ = serve(commission=created)
    with pytest.raises(InputError, match="enrollment: expected a dict, got list"):
        flip.commission(SITE, [DEVICE], [])


def test_all_51_state_codes_pass(serve):
    flip, service = serve(commission=created)
    for code in [*STATE_CODES, None]:
        flip.commission({**SITE, "state_code": code}, [DEVICE])
    assert len(service.requests) == 52


def test_missing_information_is_a_frame(serve, frames_library):
    flip, _ = serve(frames_library, commission=asks(**ASKED))
    with pytest.raises(InformationRequired) as caught:
        flip.commission(SITE, [DEVICE])
    missing = caught.value.missing
    assert library_of(missing) == frames_library
    assert list(missing.columns) == list(MISSING_INFORMATION.names)
    assert [tuple(row.values()) for row in records_of(missing)] == [
        (
            "program_attribute",
            "account_id",
            "Utility Account Number",
            "string",
            "As printed on the bill",
            "required",
        ),
        ("site_attribute", "city", None, None, None, "missing"),
        ("site_attribute", "email", None, None, None, "missing"),
        ("terms", "has_agreed_to_terms_and_conditions", None, "boolean", None, "missing"),
        ("terms", "terms_and_conditions_version", None, "string", None, "missing"),
    ]
    assert facts(missing)["query"] == {"site_id": "site-abc-789"}
    assert caught.value.status == 422
    text = str(caught.value)
    for word in (
        "email",
        "city",
        "has_agreed_to_terms_and_conditions",
        "terms_and_conditions_version",
        "account_id",
    ):
        assert word in text
    for word in (
        "Utility Account Number",
        "As printed on the bill",
        "call commission again",
        "enrollment=",
    ):
        assert word in text


def test_a_second_call_with_the_missing_information_succeeds(serve):
    def service_that_asks(request):
        return (
            created(request)
            if b"terms_and_conditions_version" in request.content
            else asks(**ASKED)
        )

    enrollment = {
        "has_agreed_to_terms_and_conditions": True,
        "terms_and_conditions_version": "2025-01-01",
        "program_specific_attributes": [{"name": "account_id", "value": "1234567-0"}],
    }
    flip, service = serve(commission=service_that_asks)
    with pytest.raises(InformationRequired):
        flip.commission(SITE, [DEVICE])
    assert (
        flip.commission({**SITE, "email": "j@example.com"}, [DEVICE], enrollment=enrollment) is None
    )
    assert service.bodies[1]["enrollment"] == enrollment


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, []),
        ({name: value for name, value in ASKED.items() if value is False}, []),
        (
            {"incorrect_terms_and_conditions_version": True},
            [("terms", "terms_and_conditions_version", "string", "incorrect")],
        ),
        (
            {
                "incorrect_terms_and_conditions_version": True,
                "missing_terms_and_conditions_version": True,
            },
            [("terms", "terms_and_conditions_version", "string", "missing and incorrect")],
        ),
        (
            {
                "missing_program_specific_attributes": [
                    {"name": "tenant", "type": "boolean"},
                    "odd",
                    {"label": 7},
                ]
            },
            [
                ("program_attribute", "odd", None, None),
                ("program_attribute", "tenant", "boolean", None),
                ("program_attribute", None, None, None),
            ],
        ),
        (
            {
                "missing_site_attributes": "email",
                "missing_program_specific_attributes": None,
                "new": 1,
            },
            [],
        ),
        (
            {
                "incorrect_terms_and_conditions_version": "false",
                "missing_has_agreed_to_terms_and_conditions": 1,
            },
            [],
        ),
        ({"missing_site_attributes": [1]}, [("site_attribute", "1", None, "missing")]),
    ],
)
def test_absent_fields_require_nothing_and_unknown_shapes_do_not_fail(
    serve, frames_library, asked, rows
):
    flip, _ = serve(frames_library, commission=asks(**asked))
    with pytest.raises(InformationRequired, match="Flip needs more") as caught:
        flip.commission(SITE, [DEVICE])
    found = records_of(caught.value.missing)
    assert [(row["kind"], row["name"], row["type"], row["error"]) for row in found] == rows


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            httpx.Response(
                400,
                json={
                    "code": "VALIDATION_ERROR",
                    "error": "Bad Request",
                    "message": "devices array must not be empty",
                    "statusCode": 400,
                },
            ),
            "InvalidRequest",
            "400: devices array must not be empty",
        ),
        (
            httpx.Response(403),
            "AuthenticationFailed",
            "403: Forbidden, without an explanation; check that the key",
        ),
        (httpx.Response(409), "InvalidRequest", "409: Conflict, without an explanation"),
        (
            httpx.Response(400, json={"message": "odd", "enrollment": {}}),
            "InvalidRequest",
            "400: odd",
        ),
        (httpx.Response(422, json={"detail": "no"}), "InvalidRequest", "422: no"),
        (httpx.Response(422, json={"enrollment": None}), "InvalidRequest", "422: Unprocessable"),
    ],
)
def test_other_refusals(serve, answer, error, words):
    flip, _ = serve(commission=answer)
    with pytest.raises(getattr(flipkit.errors, error), match=words) as caught:
        flip.commission(SITE, [DEVICE])
    assert type(caught.value).__name__ == error


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (429, RateLimited),
        (503, flipkit.errors.ServerError),
        (httpx.ReadTimeout("slow"), ConnectionFailed),
    ],
)
def test_it_is_never_sent_twice_once_it_may_have_arrived(serve, trouble, error):
    def answer(request):
        if isinstance(trouble, Exception):
            raise trouble
        return httpx.Response(trouble)

    flip, service = serve(commission=answer)
    with pytest.raises(error):
        flip.commission(SITE, [DEVICE])
    assert len(service.requests) == 1


def test_it_is_sent_again_when_it_cannot_have_arrived(serve):
    answers = iter([httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), None])

    def answer(request):
        trouble = next(answers)
        if trouble:
            raise trouble
        return httpx.Response(204)

    flip, service = serve(commission=answer)
    flip.commission(SITE, [DEVICE])
    assert len(service.requests) == 3


def test_the_classes_of_its_errors(serve):
    assert issubclass(InformationRequired, InvalidRequest)
    assert not issubclass(AuthenticationFailed, InvalidRequest)
