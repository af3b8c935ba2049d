"""Shapes of the API's answers, as far as flipkit reads them.

Unknown fields are ignored; a missing one is named in the error. A field without a default is one
that the contract requires and flipkit needs. Lists may be null.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

__all__ = [
    "Amount",
    "Batch",
    "CostAnswer",
    "CostRowBase",
    "Created",
    "Device",
    "Echo",
    "FailedRecord",
    "InstantBase",
    "Location",
    "LocationStatus",
    "Login",
    "Money",
    "Page",
    "PriceAnswer",
    "PriceRowBase",
    "Slot",
    "TariffObject",
]

T = TypeVar("T")

_Count = Annotated[int, Meta(ge=0, le=2**53)]


class Login(Struct):
    """The token under any of its names, and its lifetime in seconds."""

    expires_in: float
    bearer_token: str | None = None
    bearer: str | None = None
    token: str | None = None


class Created(Struct):
    """A created object; the documented sample shows nothing more."""

    id: str


class Page(Struct, Generic[T]):
    """One page of a list."""

    has_more: bool
    data: list[T] | None = None


class Device(Struct):
    """A device."""

    id: str
    reference_id: str
    live_mode: bool
    time_created: str
    last_seen: str | None = None


class _Address(Struct):
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country_code: str | None = None


class _TariffStatus(Struct):
    """The state of a location's tariffs."""

    commodity_import: str | None = None
    commodity_export: str | None = None
    non_commodity_import: str | None = None
    local: str | None = None


class Location(Struct):
    """A location."""

    id: str
    live_mode: bool
    time_created: str
    reference_id: str | None = None
    customer_id: str | None = None
    timezone: str | None = None
    currency_code: str | None = None
    postal_address: _Address | None = None
    tariff_status: _TariffStatus | None = None


class _Provider(Struct):
    display_name: str | None = None


class _SlotTariff(Struct):
    id: str | None = None
    display_name: str | None = None
    structure_type: str | None = None
    contract_end_date: str | None = None


class Slot(Struct):
    """One of a location's tariffs."""

    status: str | None = None
    connection_type: str | None = None
    provider: _Provider | None = None
    tariff: _SlotTariff | None = None


class LocationStatus(Struct):
    """All of a location's tariffs."""

    tariff_status: dict[str, Slot | None]


class TariffObject(Struct):
    """A tariff as listed; either name is read, because the later generation's is not known."""

    id: str
    location_id: str
    contract_start_date: str
    contract_end_date: str
    direction: str | None = None
    tariff_direction: str | None = None
    type: str | None = None
    tariff_type: str | None = None
    display_name: str | None = None
    market_rates: bool = False
    status: str | None = None


class FailedRecord(Struct):
    """A record that was not accepted; `record_num` is its index within the batch."""

    record_num: _Count
    error: str
    record_reference_id: str | None = None


class Batch(Struct):
    """What the service did with the records of one call."""

    id: str | None = None
    records_submitted: _Count | None = None
    records_accepted: _Count | None = None
    records_processed: _Count | None = None
    failed_records: list[FailedRecord] | None = None


class Amount(Struct, gc=False):
    """An amount of energy."""

    value: float


class Money(Struct, gc=False):
    """An amount of money, in major units."""

    value: float
    confidence: float


class CostRowBase(Struct, gc=False, kw_only=True):
    """A cost row without its cost, whose name depends on the generation."""

    start_time: str
    end_time: str
    energy: Amount
    session_reference_id: str | None = None
    record_reference_id: str | None = None
    # Not documented; without it an avoided cost looks like a cost.
    energy_flow_direction: str | None = None


class CostAnswer(Struct, Generic[T]):
    """Cost rows of a location, device or session."""

    account_id: str
    data: list[T] | None = None
    object_id: str | None = None
    location_timezone: str | None = None
    currency_code: str | None = None
    energy_units: str = "WH"


class Echo(Struct):
    """What the service understood of a request for an instant cost."""

    non_persistent: bool | None = None


class InstantBase(Struct, kw_only=True):
    """The cost of one record without the fields whose names depend on the generation."""

    id: str
    currency_code: str
    energy_units: str = "WH"
    request: Echo | None = None


class PriceRowBase(Struct, gc=False, kw_only=True):
    """A price segment without its price, whose name depends on the generation."""

    valid_from: str
    valid_to: str


class PriceAnswer(Struct, Generic[T]):
    """The prices of a location."""

    currency_code: str
    data: list[T] | None = None
