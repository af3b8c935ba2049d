"""What may be sent to the Flip Aggregator API; fields that are not named here are ignored, as there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from flipkit.emulator.flip.answers import invalid

__all__ = [
    "MONTH",
    "CommissionBody",
    "Device",
    "DeviceAttributes",
    "Enrollment",
    "FleetDataBody",
    "FleetRecord",
    "NewDevice",
    "NewSite",
    "SiteData",
    "complaint",
    "decode",
]

T = TypeVar("T")

MONTH = r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z"

Id = Annotated[str, Meta(min_length=1)]
Constant = Annotated[str, Meta(pattern=r"\A[A-Z][A-Z0-9_]*\Z")]
Amount = Annotated[float, Meta(ge=0)]
StateCode = Annotated[
    str,
    Meta(
        pattern=r"\A(AK|AL|AR|AZ|CA|CO|CT|DE|FL|GA|HI|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV"
        r"|NY|OH|OK|OR|PA|PR|RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY)\Z"
    ),
]


class NewSite(Struct, kw_only=True):
    """The ``site`` of a commission."""

    id: Id
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    email: Annotated[str, Meta(pattern=r"\A[^@\s]+@[^@\s]+\Z")] | None = None
    street_address: str | None = None
    street_address2: str | None = None
    city: str | None = None
    state_code: StateCode | None = None
    zip_code: str | None = None
    service_account_id: str | None = None


class DeviceAttributes(Struct, omit_defaults=True):
    """Nameplate figures, Wh and W."""

    battery_capacity_wh: Amount | None = None
    battery_power_input_w: Amount | None = None
    battery_power_output_w: Amount | None = None


class Device(Struct, kw_only=True):
    """A device of a site.

    Flip documents ``BATTERY`` and ``EV_CHARGER``, and leaves open what solar is called: any constant passes.
    """

    id: Id
    type: Constant
    technology_provider_identifier: Constant | None
    install_date: Annotated[datetime, Meta(tz=True)]
    manufacturer_name: str | None = None
    product_name: str | None = None
    serial_number: str | None = None
    attributes: DeviceAttributes | None = None


class NewDevice(Device, kw_only=True):
    """A device of a commission."""

    technology_provider_identifier: Constant


class ProgramAnswer(Struct):
    """An answer to a question of a programme's enrolment form."""

    name: str
    value: str


class Enrollment(Struct, kw_only=True):
    """Answers to what a 422 asked for."""

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
    """The ``data`` of a record about a site; what is absent stays as it is, null takes a value away.

    Attributes
    ----------
    customer_name : str
    system_size_kw : float
    month : str
        ``YYYY-MM`` of `expected_production_kwh`.
    expected_production_kwh : float
        Of that one month.
    expected_monthly_production_kwh : list of 12 floats
        January to December of any year; a single month's figure goes before it.
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


def decode(content: bytes, kind: type[T]) -> T:
    """`content` as `kind`.

    Raises
    ------
    FlipRefusal
        400, naming the field.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(complaint(error, "body")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"Body is not valid JSON: {error}") from None


def complaint(error: msgspec.ValidationError, root: str) -> str:
    """What is wrong and where, with `root` for the outermost object: ``body.site.id: Expected `str`, got `int```."""
    text, _, path = str(error).partition(" - at `$")
    return f"{root}{path.rstrip('`')}: {text}"
