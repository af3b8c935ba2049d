"""Devices, customers and locations: made, found, changed, deleted.

Where the contract is silent: a location's ``reference_id`` is unique (409), those of devices and customers are not.
Deleting a device leaves its records with their location; deleting a location deletes its tariffs and records; deleting
a customer leaves the locations, as nobody's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.answers import Refusal, answer
from flipkit.emulator.flatpeak.objects import Stored
from flipkit.emulator.flatpeak.places import Setting, setting_of
from flipkit.emulator.flatpeak.pricing import Place, Pricer
from flipkit.emulator.flatpeak.requests import json_object, text_field
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.slots import slots, status_words
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.store import Store

__all__ = ["Customers", "Devices", "Locations", "address_of", "place_of"]

_ACCEPTED = {"message": "Accepted"}
_ADDRESS = ("address_line1", "address_line2", "city", "state", "post_code", "country_code")


def place_of(location: Stored) -> Place:
    """A location, as far as prices go."""
    return Place(location.id, Setting(location.body["timezone"], location.body["currency_code"]))


class Devices:
    """The routes below ``/devices``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("POST", "/devices", "device_create", self.create),
            Route("GET", "/devices", "device_list", self.list),
            Route("GET", "/devices/<object_id>", "device_retrieve", self.retrieve),
            Route("PATCH", "/devices/<object_id>", "device_update", self.update),
            Route("DELETE", "/devices/<object_id>", "device_delete", self.delete),
        ]

    def create(self, caller: Caller) -> Response:
        """201: a new device."""
        reference = text_field(json_object(), "reference_id")
        with self._store.write() as db:
            made = objects.create(
                self._store, db, "device", self._clock.text(), {}, reference_id=reference
            )
        return answer(_device(made, caller), 201)

    def list(self, caller: Caller) -> Response:
        """200: devices, newest first."""
        with self._store.read() as db:
            page, more = objects.as_list(
                db, "device", {"reference_id": request.args.get("reference_id")}
            )
        return answer(_list("/devices", [_device(each, caller) for each in page], more))

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """200: a device."""
        with self._store.read() as db:
            return answer(_device(objects.get(db, "device", object_id), caller))

    def update(self, caller: Caller, object_id: str) -> Response:
        """200: the device, changed."""
        body = json_object()
        with self._store.write() as db:
            changed = _renamed(objects.get(db, "device", object_id), body)
            objects.replace(db, changed)
        return answer(_device(changed, caller))

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """202: the device is no more."""
        with self._store.write() as db:
            objects.delete(db, "device", object_id)
        return answer(_ACCEPTED, 202)


class Customers:
    """The routes below ``/customers``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("POST", "/customers", "customer_create", self.create),
            Route("GET", "/customers", "customer_list", self.list),
            Route("GET", "/customers/<object_id>", "customer_retrieve", self.retrieve),
            Route("PATCH", "/customers/<object_id>", "customer_update", self.update),
            Route("DELETE", "/customers/<object_id>", "customer_delete", self.delete),
        ]

    def create(self, caller: Caller) -> Response:
        """201: a new customer."""
        reference = text_field(json_object(), "reference_id")
        with self._store.write() as db:
            made = objects.create(
                self._store, db, "customer", self._clock.text(), {}, reference_id=reference
            )
            return answer(_customer(db, made, caller), 201)

    def list(self, caller: Caller) -> Response:
        """200: customers, newest first."""
        with self._store.read() as db:
            page, more = objects.as_list(
                db, "customer", {"reference_id": request.args.get("reference_id")}
            )
            return answer(_list("/customers", [_customer(db, each, caller) for each in page], more))

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """200: a customer."""
        with self._store.read() as db:
            return answer(_customer(db, objects.get(db, "customer", object_id), caller))

    def update(self, caller: Caller, object_id: str) -> Response:
        """202, as documented: the customer, changed."""
        body = json_object()
        with self._store.write() as db:
            changed = _renamed(objects.get(db, "customer", object_id), body)
            objects.replace(db, changed)
            return answer(_customer(db, changed, caller), 202)

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """202: the customer is no more."""
        with self._store.write() as db:
            objects.delete(db, "customer", object_id)
            for location in objects.children(db, "location", object_id):
                objects.replace(db, location._replace(parent_id=None))
        return answer(_ACCEPTED, 202)


class Locations:
    """The routes below ``/locations``."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("POST", "/locations", "location_create", self.create),
            Route("GET", "/locations", "location_list", self.list),
            Route("GET", "/locations/<object_id>", "location_retrieve", self.retrieve),
            Route("PATCH", "/locations/<object_id>", "location_update", self.update),
            Route("DELETE", "/locations/<object_id>", "location_delete", self.delete),
            Route("GET", "/locations/<object_id>/status", "location_status", self.status),
        ]

    def create(self, caller: Caller) -> Response:
        """201: a new location; its address gives time zone and currency."""
        body = json_object()
        reference, customer = text_field(body, "reference_id"), text_field(body, "customer_id")
        content = _content(address_of(body.get("postal_address", {})))
        with self._store.write() as db:
            _check(db, reference, customer)
            ids = {"reference_id": reference, "parent_id": customer}
            made = objects.create(self._store, db, "location", self._clock.text(), content, **ids)
            return answer(_location(db, made, caller), 201)

    def list(self, caller: Caller) -> Response:
        """200: locations, newest first."""
        filters = {
            "reference_id": request.args.get("reference_id"),
            "parent_id": request.args.get("customer_id"),
        }
        with self._store.read() as db:
            page, more = objects.as_list(db, "location", filters)
            return answer(_list("/locations", [_location(db, each, caller) for each in page], more))

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """200: a location."""
        with self._store.read() as db:
            return answer(_location(db, objects.get(db, "location", object_id), caller))

    def update(self, caller: Caller, object_id: str) -> Response:
        """200: the location, changed; what was not sent stays."""
        body = json_object()
        customer = text_field(body, "customer_id")
        with self._store.write() as db:
            before = objects.get(db, "location", object_id)
            changed = _renamed(before, body)._replace(parent_id=customer or before.parent_id)
            _check(db, changed.reference_id, customer, but=object_id)
            if body.get("postal_address") is not None:
                changed = changed._replace(
                    body=before.body | _content(address_of(body["postal_address"]))
                )
            objects.replace(db, changed)
            return answer(_location(db, changed, caller))

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """202: the location is no more, nor are its tariffs and records."""
        with self._store.write() as db:
            objects.delete(db, "location", object_id)
            for tariff in objects.children(db, "tariff", object_id):
                objects.delete(db, "tariff", tariff.id)
            readings.delete_location(db, object_id)
        return answer(_ACCEPTED, 202)

    def status(self, caller: Caller, object_id: str) -> Response:
        """200: which tariffs a location has, by direction and kind."""
        with self._store.read() as db:
            location = objects.get(db, "location", object_id)
            tariffs = objects.children(db, "tariff", object_id)
            contracts = self._pricer.contracts(db, place_of(location))
        frame = location.frame(caller) | {"object": "location_status"}
        return answer(frame | {"tariff_status": slots(tariffs, contracts)})


def _list(url: str, data: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def _renamed(stored: Stored, body: Mapping[str, Any]) -> Stored:
    return stored._replace(reference_id=text_field(body, "reference_id") or stored.reference_id)


def _device(device: Stored, caller: Caller) -> dict[str, Any]:
    return device.frame(caller) | {"reference_id": device.reference_id or ""}


def _customer(db: sqlite3.Connection, customer: Stored, caller: Caller) -> dict[str, Any]:
    own = [location.id for location in objects.children(db, "location", customer.id)]
    return customer.frame(caller) | {"reference_id": customer.reference_id or "", "locations": own}


def _location(db: sqlite3.Connection, location: Stored, caller: Caller) -> dict[str, Any]:
    ids = {"reference_id": location.reference_id, "customer_id": location.parent_id}
    tariffs = objects.children(db, "tariff", location.id)
    known = {name: value for name, value in ids.items() if value is not None} | location.body
    elements = [tariff.id for tariff in tariffs]
    return (
        location.frame(caller)
        | known
        | {"tariff_status": status_words(tariffs), "tariff_elements": elements}
    )


def _check(
    db: sqlite3.Connection, reference: str | None, customer: str | None, *, but: str | None = None
) -> None:
    """The customer must exist, and no other location bear the reference."""
    if customer is not None:
        objects.get(db, "customer", customer)
    taken = objects.find(db, "location", reference) if reference is not None else None
    if taken is not None and taken.id != but:
        raise Refusal(
            409, "conflict", f"Conflict: {taken.id} bears reference_id {reference!r} already"
        )


def address_of(value: Any) -> dict[str, str]:
    """The texts of a ``postal_address``; 422 for anything but an object of texts."""
    if not isinstance(value, dict):
        raise Refusal.invalid("postal_address must be an object")
    fields = {name: text_field(value, name) for name in _ADDRESS}
    return {name: text for name, text in fields.items() if text is not None}


def _content(address: dict[str, str]) -> dict[str, Any]:
    setting = setting_of(address)
    return {
        "timezone": setting.timezone,
        "currency_code": setting.currency,
        "postal_address": address,
    }
