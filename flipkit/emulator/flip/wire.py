"""Requests and answers of the Flip Aggregator API: request bodies, decoding, and error envelopes.

As in the service, fields that a body type does not name are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from flask import Response
from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "MONTH",
    "CommissionBody",
    "DeviceBody",
    "Enrollment",
    "FleetDataBody",
    "FleetRecord",
    "FlipRefusal",
    "NewSite",
    "SiteData",
    "decode",
    "framework_body",
    "general",
    "information_required",
    "invalid",
    "json_answer",
    "refused",
    "validation_message",
]

T = TypeVar("T")

MONTH = r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z"

_STATES = (
    "AK|AL|AR|AZ|CA|CO|CT|DE|FL|GA|HI|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH"
    "|NJ|NM|NV|NY|OH|OK|OR|PA|PR|RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY"
)

Id = Annotated[str, Meta(min_length=1)]
Constant = Annotated[str, Meta(pattern=r"\A[A-Z][A-Z0-9_]*\Z")]
Amount = Annotated[float, Meta(ge=0)]
StateCode = Annotated[str, Meta(pattern=rf"\A({_STATES})\Z")]
Email = Annotated[str, Meta(pattern=r"\A[^@\s]+@[^@\s]+\Z")]


class NewSite(Struct, kw_only=True):
    """The ``site`` of a commission."""

    id: Id
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    email: Email | None = None
    street_address: str | None = None
    street_address2: str | None = None
    city: str | None = None
    state_code: StateCode | None = None
    zip_code: str | None = None
    service_account_id: str | None = None


class DeviceAttributes(Struct, omit_defaults=True):
    """Nameplate values in Wh and W."""

    battery_capacity_wh: Amount | None = None
    battery_power_input_w: Amount | None = None
    battery_power_output_w: Amount | None = None


class DeviceBody(Struct, kw_only=True):
    """A device of a site.

    Flip documents the types ``BATTERY`` and ``EV_CHARGER`` but none for solar: any constant is
    accepted.
    """

    id: Id
    type: Constant
    technology_provider_identifier: Constant | None
    install_date: Annotated[datetime, Meta(tz=True)]
    manufacturer_name: str | None = None
    product_name: str | None = None
    serial_number: str | None = None
    attributes: DeviceAttributes | None = None


class NewDevice(DeviceBody, kw_only=True):
    """A device of a commission, which must name its technology provider."""

    technology_provider_identifier: Constant


class ProgramAnswer(Struct):
    """An answer to a question of a program's enrollment form."""

    name: str
    value: str


class Enrollment(Struct, kw_only=True):
    """Answers to the questions of a 422."""

    device_ids: list[str] = []
    program_id: str | None = None
    enroll_method: Literal["AUTO_ENROLL", "USER_ACTION"] | None = None
    has_agreed_to_terms_and_conditions: bool | None = None
    terms_and_conditions_version: str | None = None
    program_specific_attributes: list[ProgramAnswer] = []


class CommissionBody(Struct, kw_only=True):
    """``POST /v1/commission``."""

    site: NewSite
    devices: list[NewDevice]
    enrollment: Enrollment | None = None


class SiteData(Struct, omit_defaults=True):
    """The ``data`` of a site record. An absent field changes nothing; null removes the value.

    Attributes
    ----------
    customer_name : str
    system_size_kw : float
    month : str
        ``YYYY-MM`` of `expected_production_kwh`.
    expected_production_kwh : float
        Expected production of that month.
    expected_monthly_production_kwh : list of 12 floats
        January to December of any year. The value of a single month takes precedence.
    """

    customer_name: str | UnsetType | None = UNSET
    system_size_kw: Amount | UnsetType | None = UNSET
    month: Annotated[str, Meta(pattern=MONTH)] | UnsetType = UNSET
    expected_production_kwh: Amount | UnsetType | None = UNSET
    expected_monthly_production_kwh: (
        Annotated[list[Amount | None], Meta(min_length=12, max_length=12)] | UnsetType
    ) = UNSET


class FleetRecord(Struct):
    """A record of the caller's customer system."""

    external_id: Id
    record_type: str
    data: dict[str, Any]


class FleetDataBody(Struct):
    """``POST /v1/fleet-data``."""

    records: list[FleetRecord]


class FlipRefusal(Exception):  # noqa: N818  an error answer, not a fault of the emulator
    """An error answer, raised where its reason is found.

    Attributes
    ----------
    status : int
    body : mapping
        The error envelope.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def framework_body(status: int, message: str) -> dict[str, Any]:
    """Return the envelope of errors of Flip's web framework (unknown route, too large a body)."""
    return {"error": HTTPStatus(status).phrase, "message": message, "statusCode": status}


def invalid(message: str) -> FlipRefusal:
    """Return a 400: the request cannot be used."""
    return FlipRefusal(400, {"code": "VALIDATION_ERROR", **framework_body(400, message)})


def general(status: int, code: str, message: str) -> FlipRefusal:
    """Return an error in the envelope that most of Flip's operations share."""
    body = {"code": code, "message": message, "status_code": status, "detail": [], "errors": []}
    return FlipRefusal(status, body)


def information_required(enrollment: Mapping[str, Any]) -> FlipRefusal:
    """Return a 422: more information is needed before the site can be commissioned."""
    return FlipRefusal(422, {"enrollment": enrollment})


def json_answer(body: Any, status: int = 200) -> Response:
    """Return `body` as a JSON answer."""
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


def refused(refusal: FlipRefusal) -> Response:
    """Return the answer of a refusal."""
    response = json_answer(refusal.body, refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def decode(content: bytes, kind: type[T]) -> T:
    """Decode a JSON body as `kind`.

    Raises
    ------
    FlipRefusal
        400 that names the field.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(validation_message(error, "body")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"Body is not valid JSON: {error}") from None


def validation_message(error: msgspec.ValidationError, root: str) -> str:
    """Return the error with its path first, such as ``body.site.id: Expected `str`, got `int```.

    `root` is the name of the outermost object.
    """
    text, _, path = str(error).partition(" - at `$")
    return f"{root}{path.rstrip('`')}: {text}"
