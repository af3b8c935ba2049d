"""Devices and locations: create, list, read, update, delete.

Where the contract is silent: the ``reference_id`` of a location is unique (409), that of a device
is not. Deleting a device leaves its records with their location; deleting a location deletes its
tariffs and records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects, readings
from flipkit.emulator.flatpeak.caller import Caller
from flipkit.emulator.flatpeak.objects import StoredObject
from flipkit.emulator.flatpeak.pricing import Contract, PricedLocation, Pricer
from flipkit.emulator.flatpeak.wire import (
    Refusal,
    Route,
    accepted,
    answer,
    json_object,
    list_answer,
    text_field,
)
from flipkit.emulator.store import Store

__all__ = ["DeviceRoutes", "LocationRoutes"]

_ADDRESS_FIELDS = ("address_line1", "address_line2", "city", "state", "post_code", "country_code")
# A location has one slot for a tariff of each direction and type.
_SLOTS = {
    ("IMPORT", "COMMODITY"): "commodity_import",
    ("EXPORT", "COMMODITY"): "commodity_export",
    ("IMPORT", "NON_COMMODITY"): "non_commodity_import",
    ("LOCAL", "COMMODITY"): "local",
}
_UNSUPPORTED_SLOT = "non_commodity_export"  # documented: disabled


class _Region(NamedTuple):
    """What the tariffs of a place depend on: IANA time zone and ISO 4217 currency."""

    timezone: str
    currency: str


# Where a state has two zones, the one of most of its population.
_US_ZONES = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
}
_US = {
    state: _Region(zone, "USD") for zone, states in _US_ZONES.items() for state in states.split()
}

# Currencies as of January 2026. Spain and Portugal: the mainland.
_COUNTRIES = {
    "AT": _Region("Europe/Vienna", "EUR"),
    "BE": _Region("Europe/Brussels", "EUR"),
    "BG": _Region("Europe/Sofia", "EUR"),
    "CH": _Region("Europe/Zurich", "CHF"),
    "CY": _Region("Asia/Nicosia", "EUR"),
    "CZ": _Region("Europe/Prague", "CZK"),
    "DE": _Region("Europe/Berlin", "EUR"),
    "DK": _Region("Europe/Copenhagen", "DKK"),
    "EE": _Region("Europe/Tallinn", "EUR"),
    "ES": _Region("Europe/Madrid", "EUR"),
    "FI": _Region("Europe/Helsinki", "EUR"),
    "FR": _Region("Europe/Paris", "EUR"),
    "GB": _Region("Europe/London", "GBP"),
    "GR": _Region("Europe/Athens", "EUR"),
    "HR": _Region("Europe/Zagreb", "EUR"),
    "HU": _Region("Europe/Budapest", "HUF"),
    "IE": _Region("Europe/Dublin", "EUR"),
    "IS": _Region("Atlantic/Reykjavik", "ISK"),
    "IT": _Region("Europe/Rome", "EUR"),
    "LT": _Region("Europe/Vilnius", "EUR"),
    "LU": _Region("Europe/Luxembourg", "EUR"),
    "LV": _Region("Europe/Riga", "EUR"),
    "MT": _Region("Europe/Malta", "EUR"),
    "NL": _Region("Europe/Amsterdam", "EUR"),
    "NO": _Region("Europe/Oslo", "NOK"),
    "PL": _Region("Europe/Warsaw", "PLN"),
    "PT": _Region("Europe/Lisbon", "EUR"),
    "RO": _Region("Europe/Bucharest", "RON"),
    "SE": _Region("Europe/Stockholm", "SEK"),
    "SI": _Region("Europe/Ljubljana", "EUR"),
    "SK": _Region("Europe/Bratislava", "EUR"),
}


@dataclass(frozen=True, slots=True)
class DeviceRoutes:
    """The routes below ``/devices``."""

    store: Store
    clock: Clock

    def routes(self) -> list[Route]:
        """Return all of them."""
        return [
            Route("POST", "/devices", "device_create", self.create),
            Route("GET", "/devices", "device_list", self.list),
            Route("GET", "/devices/<object_id>", "device_retrieve", self.retrieve),
            Route("PATCH", "/devices/<object_id>", "device_update", self.update),
            Route("DELETE", "/devices/<object_id>", "device_delete", self.delete),
        ]

    def create(self, caller: Caller) -> Response:
        """Answer 201 with a new device."""
        reference = text_field(json_object(), "reference_id")
        now = self.clock.text()
        with self.store.write() as db:
            device = objects.create(self.store, db, "device", now, {}, reference_id=reference)
        return answer(_device_body(device, caller), 201)

    def list(self, caller: Caller) -> Response:
        """Answer 200 with devices, newest first."""
        reference = request.args.get("reference_id")
        with self.store.read() as db:
            devices, has_more = objects.page(db, "device", reference_id=reference)
        data = [_device_body(device, caller) for device in devices]
        return list_answer("/devices", data, has_more=has_more)

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with a device."""
        with self.store.read() as db:
            device = objects.get(db, "device", object_id)
        return answer(_device_body(device, caller))

    def update(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with the updated device."""
        body = json_object()
        with self.store.write() as db:
            device = _with_reference(objects.get(db, "device", object_id), body)
            objects.replace(db, device)
        return answer(_device_body(device, caller))

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """Answer 202 after the device is deleted."""
        with self.store.write() as db:
            objects.delete(db, "device", object_id)
        return accepted()


@dataclass(frozen=True, slots=True)
class LocationRoutes:
    """The routes below ``/locations``."""

    store: Store
    clock: Clock
    pricer: Pricer

    def routes(self) -> list[Route]:
        """Return all of them."""
        return [
            Route("POST", "/locations", "location_create", self.create),
            Route("GET", "/locations", "location_list", self.list),
            Route("GET", "/locations/<object_id>", "location_retrieve", self.retrieve),
            Route("PATCH", "/locations/<object_id>", "location_update", self.update),
            Route("DELETE", "/locations/<object_id>", "location_delete", self.delete),
            Route("GET", "/locations/<object_id>/status", "location_status", self.status),
        ]

    def create(self, caller: Caller) -> Response:
        """Answer 201 with a new location; its address determines time zone and currency."""
        body = json_object()
        reference = text_field(body, "reference_id")
        customer = text_field(body, "customer_id")
        content = _content(body.get("postal_address", {}))
        now = self.clock.text()
        with self.store.write() as db:
            _check_customer(db, customer)
            _check_reference(db, reference)
            location = objects.create(
                self.store,
                db,
                "location",
                now,
                content,
                reference_id=reference,
                parent_id=customer,
            )
            return answer(_location_body(db, location, caller), 201)

    def list(self, caller: Caller) -> Response:
        """Answer 200 with locations, newest first."""
        reference = request.args.get("reference_id")
        customer = request.args.get("customer_id")
        with self.store.read() as db:
            locations, has_more = objects.page(
                db, "location", reference_id=reference, parent_id=customer
            )
            data = [_location_body(db, location, caller) for location in locations]
        return list_answer("/locations", data, has_more=has_more)

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with a location."""
        with self.store.read() as db:
            return answer(_location_body(db, objects.get(db, "location", object_id), caller))

    def update(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with the updated location; fields that were not sent stay."""
        body = json_object()
        customer = text_field(body, "customer_id")
        with self.store.write() as db:
            location = _with_reference(objects.get(db, "location", object_id), body)
            _check_customer(db, customer)
            _check_reference(db, location.reference_id, own_id=object_id)
            if customer is not None:
                location = location._replace(parent_id=customer)
            if body.get("postal_address") is not None:
                content = _content(body["postal_address"])
                location = location._replace(body=location.body | content)
            objects.replace(db, location)
            return answer(_location_body(db, location, caller))

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """Answer 202 after the location, its tariffs and its records are deleted."""
        with self.store.write() as db:
            objects.delete(db, "location", object_id)
            for tariff in objects.children(db, "tariff", object_id):
                objects.delete(db, "tariff", tariff.id)
            readings.delete_location(db, object_id)
        return accepted()

    def status(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with the tariff of each slot; of several in a slot the last created."""
        with self.store.read() as db:
            location = objects.get(db, "location", object_id)
            tariffs = objects.children(db, "tariff", object_id)
            contracts = self.pricer.contracts(db, PricedLocation.of(location))

        slots: dict[str, Any] = {
            name: {"status": status} for name, status in _tariff_status(tariffs).items()
        }
        for tariff, contract in zip(tariffs, contracts, strict=True):
            slots[_SLOTS[contract.direction, contract.kind]] = _connected_slot(tariff, contract)
        common = location.common_fields(caller) | {"object": "location_status"}
        return answer(common | {"tariff_status": slots})


def _with_reference(stored: StoredObject, body: Mapping[str, Any]) -> StoredObject:
    """Return the object with the ``reference_id`` of the body, if there is one."""
    return stored._replace(reference_id=text_field(body, "reference_id") or stored.reference_id)


def _check_customer(db: sqlite3.Connection, customer: str | None) -> None:
    if customer is not None:
        objects.get(db, "customer", customer)


def _check_reference(
    db: sqlite3.Connection, reference: str | None, *, own_id: str | None = None
) -> None:
    """Refuse a reference that another location has."""
    if reference is None:
        return
    location = objects.find(db, "location", reference)
    if location is not None and location.id != own_id:
        message = f"Conflict: {location.id} already has reference_id {reference!r}"
        raise Refusal(409, "conflict", message)


def _content(address: Any) -> dict[str, Any]:
    """Return what is kept of a location, from its ``postal_address``."""
    if not isinstance(address, dict):
        raise Refusal.invalid("postal_address must be an object")
    fields = {name: text_field(address, name) for name in _ADDRESS_FIELDS}
    postal_address = {name: text for name, text in fields.items() if text is not None}
    region = _region_of(postal_address)
    return {
        "timezone": region.timezone,
        "currency_code": region.currency,
        "postal_address": postal_address,
    }


def _region_of(address: Mapping[str, str]) -> _Region:
    """Return time zone and currency of a postal address; 422 for what is missing or unknown."""
    country = address.get("country_code", "").upper()
    if not country:
        raise Refusal.invalid(
            "Country code is required: postal_address.country_code is missing",
            "country_code_missing",
        )
    if not address.get("city"):
        raise Refusal.invalid("postal_address.city is missing")
    if country == "US":
        return _region_of_state(address.get("state", "").upper())
    if country not in _COUNTRIES:
        supported = ", ".join(sorted(["US", *_COUNTRIES]))
        raise Refusal.invalid(
            f"postal_address.country_code {country!r} is not supported by the emulator; "
            f"use one of {supported}"
        )
    return _COUNTRIES[country]


def _region_of_state(state: str) -> _Region:
    if not state:
        raise Refusal.invalid("postal_address.state is missing; it is required in the US")
    if state not in _US:
        raise Refusal.invalid(
            f"postal_address.state {state!r} is not a US state; use two letters such as 'CA'"
        )
    return _US[state]


def _device_body(device: StoredObject, caller: Caller) -> dict[str, Any]:
    return device.common_fields(caller) | {"reference_id": device.reference_id or ""}


def _location_body(
    db: sqlite3.Connection, location: StoredObject, caller: Caller
) -> dict[str, Any]:
    body = location.common_fields(caller)
    if location.reference_id is not None:
        body["reference_id"] = location.reference_id
    if location.parent_id is not None:
        body["customer_id"] = location.parent_id
    tariffs = objects.children(db, "tariff", location.id)
    return body | {
        **location.body,
        "tariff_status": _tariff_status(tariffs),
        "tariff_elements": [tariff.id for tariff in tariffs],
    }


def _tariff_status(tariffs: Sequence[StoredObject]) -> dict[str, str]:
    """Return CONNECTED, NOT_CONNECTED or NOT_SUPPORTED for each slot."""
    status = dict.fromkeys(_SLOTS.values(), "NOT_CONNECTED")
    status[_UNSUPPORTED_SLOT] = "NOT_SUPPORTED"
    for tariff in tariffs:
        status[_SLOTS[tariff.body["direction"], tariff.body["type"]]] = "CONNECTED"
    return status


def _connected_slot(tariff: StoredObject, contract: Contract) -> dict[str, Any]:
    body = tariff.body
    if body["market_rates"]:
        connection, structure = "MARKET", "MARKET"
    else:
        connection = "MANUAL"
        structure = "FIXED" if len(contract.tariff.rates) == 1 else "TIME_OF_DAY"
    return {
        "status": "CONNECTED",
        "connection_type": connection,
        "provider": {"id": body.get("provider_id", ""), "display_name": "", "logo_url": ""},
        "tariff": {
            "id": tariff.id,
            "display_name": body.get("display_name", ""),
            "structure_type": structure,
            "contract_end_date": body["contract_end_date"],
        },
    }
