"""Tariffs of a location: Anode's ``/tariffs``, Zero's ``/tariffs/elements``.

A tariff with ``market_rates`` takes its base prices from a market. The emulator's own field
``market`` names it; by default it is the market of the location's time zone. A tariff that cannot
be priced is refused when it is created.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects
from flipkit.emulator.flatpeak.objects import StoredObject
from flipkit.emulator.flatpeak.pricing import PricedLocation, Pricer, default_market
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, ZERO, Version
from flipkit.emulator.flatpeak.wire import (
    Refusal,
    Route,
    Time,
    accepted,
    answer,
    choice,
    decoding_message,
    json_object,
    list_answer,
    text_field,
)
from flipkit.emulator.store import Store
from flipkit.vocabulary import DIRECTIONS

__all__ = ["TariffRoutes"]

_TYPES = ("COMMODITY", "NON_COMMODITY")


@dataclass(frozen=True, slots=True)
class TariffRoutes:
    """The routes of tariff objects."""

    store: Store
    clock: Clock
    pricer: Pricer

    def routes(self) -> list[Route]:
        """Return all of them, at the addresses of both generations."""
        anode = self._routes_below("/tariffs", "tariff", ANODE)
        zero = self._routes_below("/tariffs/elements", "tariff_element", ZERO)
        return anode + zero

    def _routes_below(self, path: str, name: str, version: Version) -> list[Route]:
        one = f"{path}/<object_id>"
        return [
            Route("POST", path, f"{name}_create", self.create, version),
            Route("GET", path, f"{name}_list", self.list, version),
            Route("GET", one, f"{name}_retrieve", self.retrieve, version),
            Route("DELETE", one, f"{name}_delete", self.delete, version),
        ]

    def create(self, caller: Caller) -> Response:
        """Answer 200, as documented, with a new tariff."""
        body = json_object()
        location_id = text_field(body, "location_id", required=True)
        now = self.clock.text()
        with self.store.write() as db:
            location = PricedLocation.get(db, location_id or "")
            content = _content(db, body, location)
            # Read it once, so that a tariff that cannot be priced is refused now.
            self.pricer.contract(msgspec.json.encode(content), location.setting)
            tariff = objects.create(self.store, db, "tariff", now, content, parent_id=location.id)
        return answer(_tariff_body(tariff, location, caller))

    def list(self, caller: Caller) -> Response:
        """Answer 200 with the tariffs of a location, newest first."""
        direction = request.args.get("direction")
        kind = request.args.get("type")
        choice(direction, "direction", DIRECTIONS, "", "tariff_direction_invalid")
        choice(kind, "type", _TYPES, "", "tariff_type_invalid")
        location_id = request.args.get("location_id")
        if not location_id:
            raise Refusal.invalid("location_id is missing")
        with self.store.read() as db:
            location = PricedLocation.get(db, location_id)
            tariffs = objects.children(db, "tariff", location_id)
        data = [
            _tariff_body(tariff, location, caller)
            for tariff in reversed(tariffs)
            if direction in (None, tariff.body["direction"]) and kind in (None, tariff.body["type"])
        ]
        return list_answer("/tariffs", data)

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """Answer 200 with a tariff."""
        with self.store.read() as db:
            tariff = objects.get(db, "tariff", object_id)
            location = PricedLocation.get(db, tariff.parent_id or "")
        return answer(_tariff_body(tariff, location, caller))

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """Answer 202 after the tariff is deleted."""
        with self.store.write() as db:
            objects.delete(db, "tariff", object_id)
        return accepted()


def _content(
    db: sqlite3.Connection, body: Mapping[str, Any], location: PricedLocation
) -> dict[str, Any]:
    """Return what is kept of a tariff."""
    direction = choice(
        body.get("direction"), "direction", DIRECTIONS, "", "tariff_direction_invalid"
    )
    kind = choice(body.get("type"), "type", _TYPES, "", "tariff_type_invalid")
    if not direction or not kind:
        raise Refusal.invalid("direction and type are both required")
    if kind == "NON_COMMODITY" and direction != "IMPORT":
        message = f"NON_COMMODITY is not supported for {direction}"
        raise Refusal.invalid(message, "tariff_direction_not_supported")
    market_rates = body.get("market_rates", False)
    if not isinstance(market_rates, bool):
        raise Refusal.invalid("market_rates must be true or false")

    content = {
        "direction": direction,
        "type": kind,
        "market_rates": market_rates,
        "contract_start_date": _date(body, "contract_start_date"),
        "contract_end_date": _date(body, "contract_end_date"),
    }
    optional = {
        "display_name": text_field(body, "display_name"),
        "provider_id": text_field(body, "provider_id"),
        "market": _market(db, body, location) if market_rates else None,
        "schedule": body.get("schedule"),
    }
    return content | {name: value for name, value in optional.items() if value is not None}


def _date(body: Mapping[str, Any], name: str) -> str | None:
    text = text_field(body, name, required=True)
    try:
        msgspec.convert(text, Time)
    except msgspec.ValidationError as error:
        raise Refusal.invalid(f"{name}: {decoding_message(error)}") from None
    return text


def _market(db: sqlite3.Connection, body: Mapping[str, Any], location: PricedLocation) -> str:
    market = text_field(body, "market") or default_market(db, location.setting)
    if market is None:
        message = f"market_rates: there are no market prices for {location.setting.timezone}"
        raise Refusal.invalid(message, "no_price_data")
    return market


def _tariff_body(tariff: StoredObject, location: PricedLocation, caller: Caller) -> dict[str, Any]:
    return {
        **tariff.common_fields(caller),
        "location_id": location.id,
        "timezone": location.setting.timezone,
        "is_linked": False,
        "connection_type": "MARKET" if tariff.body["market_rates"] else "MANUAL",
        "status": "CONNECTED",
        **tariff.body,
    }
