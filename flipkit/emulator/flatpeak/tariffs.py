"""Tariffs of a location: Anode's ``/tariffs``, Zero's ``/tariffs/elements``.

A tariff with ``market_rates`` takes its base prices from a market: the emulator's own key ``market`` names it, and
where it is absent the market of the location's time zone. A tariff the emulator cannot price is refused when it is
made, with the reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import Refusal, answer
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.objects import Stored
from flipkit.emulator.flatpeak.pricing import Place, Pricer, default_market
from flipkit.emulator.flatpeak.requests import Time, choice, json_object, readable, text_field
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, ZERO
from flipkit.emulator.store import Store

__all__ = ["Tariffs"]

_DIRECTIONS, _TYPES = ("IMPORT", "EXPORT", "LOCAL"), ("COMMODITY", "NON_COMMODITY")


class Tariffs:
    """The routes of tariff objects."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """All of them, in both generations' addresses."""
        return [
            route
            for path, version, suffix in (
                ("/tariffs", ANODE, ""),
                ("/tariffs/elements", ZERO, "_element"),
            )
            for route in (
                Route("POST", path, f"tariff{suffix}_create", self.create, version),
                Route("GET", path, f"tariff{suffix}_list", self.list, version),
                Route(
                    "GET", f"{path}/<object_id>", f"tariff{suffix}_retrieve", self.retrieve, version
                ),
                Route(
                    "DELETE", f"{path}/<object_id>", f"tariff{suffix}_delete", self.delete, version
                ),
            )
        ]

    def create(self, caller: Caller) -> Response:
        """200, as documented: a new tariff."""
        body = json_object()
        location_id = text_field(body, "location_id", required=True)
        with self._store.write() as db:
            location = objects.get(db, "location", location_id or "")
            place = place_of(location)
            content = _content(db, body, place)
            self._pricer.contract(msgspec.json.encode(content), place.setting)
            made = objects.create(
                self._store, db, "tariff", self._clock.text(), content, parent_id=location.id
            )
        return answer(_tariff(made, place, caller))

    def list(self, caller: Caller) -> Response:
        """200: the tariffs of a location, newest first."""
        wanted = {name: request.args.get(name) for name in ("direction", "type")}
        choice(wanted["direction"], "direction", _DIRECTIONS, "", "tariff_direction_invalid")
        choice(wanted["type"], "type", _TYPES, "", "tariff_type_invalid")
        location_id = request.args.get("location_id")
        if not location_id:
            raise Refusal.invalid("location_id is missing")
        with self._store.read() as db:
            place = place_of(objects.get(db, "location", location_id))
            found = objects.children(db, "tariff", location_id)[::-1]
        data = [
            _tariff(each, place, caller)
            for each in found
            if all(value in (None, each.body[name]) for name, value in wanted.items())
        ]
        return answer({"object": "list", "url": "/tariffs", "has_more": False, "data": data})

    def retrieve(self, caller: Caller, object_id: str) -> Response:
        """200: a tariff."""
        with self._store.read() as db:
            tariff = objects.get(db, "tariff", object_id)
            return answer(
                _tariff(
                    tariff, place_of(objects.get(db, "location", tariff.parent_id or "")), caller
                )
            )

    def delete(self, _caller: Caller, object_id: str) -> Response:
        """202: the tariff is no more."""
        with self._store.write() as db:
            objects.delete(db, "tariff", object_id)
        return answer({"message": "Accepted"}, 202)


def _content(db: sqlite3.Connection, body: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """What is kept of a tariff."""
    direction = choice(
        body.get("direction"), "direction", _DIRECTIONS, "", "tariff_direction_invalid"
    )
    kind = choice(body.get("type"), "type", _TYPES, "", "tariff_type_invalid")
    if not direction or not kind:
        raise Refusal.invalid("direction and type are both needed")
    if kind == "NON_COMMODITY" and direction != "IMPORT":
        raise Refusal.invalid(
            f"NON_COMMODITY is not supported for {direction}", "tariff_direction_not_supported"
        )
    rates = body.get("market_rates", False)
    if not isinstance(rates, bool):
        raise Refusal.invalid("market_rates must be true or false")
    content = {"direction": direction, "type": kind, "market_rates": rates}
    content |= {name: _date(body, name) for name in ("contract_start_date", "contract_end_date")}
    texts = {name: text_field(body, name) for name in ("display_name", "provider_id")}
    texts["market"] = _market(db, body, place) if rates else None
    schedule = {"schedule": body["schedule"]} if body.get("schedule") is not None else {}
    return content | {name: text for name, text in texts.items() if text is not None} | schedule


def _date(body: Mapping[str, Any], name: str) -> str | None:
    text = text_field(body, name, required=True)
    try:
        msgspec.convert(text, Time)
    except msgspec.ValidationError as error:
        raise Refusal.invalid(f"{name}: {readable(error)}") from None
    return text


def _market(db: sqlite3.Connection, body: Mapping[str, Any], place: Place) -> str:
    market = text_field(body, "market") or default_market(db, place.setting)
    if market is None:
        raise Refusal.invalid(
            f"market_rates: there are no market prices for {place.setting.timezone}",
            "no_price_data",
        )
    return market


def _tariff(tariff: Stored, place: Place, caller: Caller) -> dict[str, Any]:
    connection = "MARKET" if tariff.body["market_rates"] else "MANUAL"
    extra = {"is_linked": False, "connection_type": connection, "status": "CONNECTED"}
    return (
        tariff.frame(caller)
        | {"location_id": place.id, "timezone": place.setting.timezone}
        | extra
        | tariff.body
    )
