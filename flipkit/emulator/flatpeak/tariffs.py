"""Tariffs of a location, and the price series they make.

Tariffs are Anode's ``/tariffs`` and Zero's ``/tariffs/elements``; prices are Anode's
``POST /prices/{id}`` and Zero's ``GET /tariffs/rates/{id}``.

A tariff with ``market_rates`` takes its base prices from a market. The emulator's own field
``market`` names it; by default it is the market of the location's time zone. A tariff that cannot
be priced is refused when it is created.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects
from flipkit.emulator.flatpeak.caller import ANODE, VERSIONS, ZERO, Caller, Version
from flipkit.emulator.flatpeak.objects import StoredObject
from flipkit.emulator.flatpeak.pricing import PricedLocation, Pricer, default_market
from flipkit.emulator.flatpeak.wire import (
    Refusal,
    RequestWindow,
    Route,
    Time,
    accepted,
    answer,
    choice,
    decoding_message,
    direction,
    flag,
    hash_id,
    json_object,
    list_answer,
    request_window,
    text_field,
)
from flipkit.emulator.store import Store
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.rating import Span
from flipkit.vocabulary import DAY_US, DIRECTIONS, SECOND_US

__all__ = ["PriceRoutes", "TariffRoutes"]

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
            self.pricer.contract(msgspec.json.encode(content), location)
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
    market = text_field(body, "market") or default_market(db, location.timezone)
    if market is None:
        message = f"market_rates: there are no market prices for {location.timezone}"
        raise Refusal.invalid(message, "no_price_data")
    return market


def _tariff_body(tariff: StoredObject, location: PricedLocation, caller: Caller) -> dict[str, Any]:
    return {
        **tariff.common_fields(caller),
        "location_id": location.id,
        "timezone": location.timezone,
        "is_linked": False,
        "connection_type": "MARKET" if tariff.body["market_rates"] else "MANUAL",
        "status": "CONNECTED",
        **tariff.body,
    }


_MAX_DAYS = 90


class PriceQuery(NamedTuple):
    """The window of a price request with both its ends, and how the caller writes times."""

    span: Span
    window: RequestWindow

    def echo(self) -> dict[str, str]:
        """Return both ends as the service echoes them: without fractions of a second."""
        start, end = self.span
        return {
            "start_time": self.window.text(start // SECOND_US * SECOND_US),
            "end_time": self.window.text(end // SECOND_US * SECOND_US),
        }


@dataclass(frozen=True, slots=True)
class PriceRoutes:
    """The routes of prices."""

    store: Store
    clock: Clock
    pricer: Pricer

    def routes(self) -> list[Route]:
        """Return one for each generation."""
        return [
            Route("POST", "/prices/<object_id>", "price_retrieve", self.prices, ANODE),
            Route("GET", "/tariffs/rates/<object_id>", "tariff_rate_retrieve", self.rates, ZERO),
        ]

    def prices(self, caller: Caller, object_id: str) -> Response:
        """Anode: object ``price``; ``start_time`` is now by default."""
        body = json_object()
        word = direction("tariff_direction", DIRECTIONS, body)
        return self._answer(caller, object_id, word, body, prefix="prs", name="price")

    def rates(self, caller: Caller, object_id: str) -> Response:
        """Zero: object ``tariff_rate``; both times are needed. The emulator has no carbon data."""
        flags = {
            "include_tariff": flag("include_tariff"),
            "include_carbon": flag("include_carbon"),
        }
        word = direction("direction", ("IMPORT", "EXPORT"), {})
        if request.args.get("start_time") is None:
            raise Refusal.invalid("start_time is missing")
        return self._answer(
            caller, object_id, word, request.args, prefix="rts", name="tariff_rate", flags=flags
        )

    def _query(self, fields: Mapping[str, Any]) -> PriceQuery:
        """Read the window; 422 for an invalid one or one of more than 90 days."""
        window = request_window(fields, needs_end=True)
        assert window.end_us is not None
        start = self.clock.now_us() if window.start_us is None else window.start_us
        if window.end_us <= start:
            raise Refusal.invalid("end_time must be after start_time, which is now by default")
        if window.end_us - start > _MAX_DAYS * DAY_US:
            raise Refusal.invalid(f"the window must be at most {_MAX_DAYS} days long")
        return PriceQuery((start, window.end_us), window)

    def _answer(
        self,
        caller: Caller,
        object_id: str,
        word: str,
        fields: Mapping[str, Any],
        *,
        prefix: str,
        name: str,
        flags: Mapping[str, bool] | None = None,
    ) -> Response:
        """Answer prices; `word` is the direction, `flags` are what the request echoes besides."""
        query = self._query(fields)
        with self.store.read() as db:
            location = PricedLocation.get(db, object_id)
            priced = self.pricer.priced(db, location, word, query.span)
        priced.check_covers(priced.series.start_us, priced.series.end_us)
        tomorrow = self.clock.now() + timedelta(days=1)
        direction_field = caller.version.report_direction
        echo = {**(flags or {}), direction_field: word, **query.echo()}
        body = {
            "id": hash_id(prefix, object_id, echo),
            "object": name,
            direction_field: word,
            "request": echo,
            "live_mode": caller.live_mode,
            "account_id": caller.account_id,
            "location_id": location.id,
            "location_timezone": location.timezone,
            "currency_code": location.currency,
            "time_created": self.clock.text(),
            "last_updated": self.clock.text(),
            "next_update": tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": _price_rows(priced.series, query.window, caller.version),
        }
        return answer(body)


def _price_rows(series: PriceSeries, window: RequestWindow, version: Version) -> list[Any]:
    row_type, price_type = _types(version.name)
    confidence = [1.0] * len(series)
    if series.confidence is not None:
        confidence = series.confidence.tolist()
    starts = window.texts(series.start_us)
    ends = window.texts(series.end_us)
    prices = map(price_type, series.price_per_kwh.tolist(), confidence)
    return list(map(row_type, starts, ends, prices))


@lru_cache(maxsize=4)
def _types(version: str) -> tuple[Any, Any]:
    """Return the Structs of a row and of the price in it."""
    names = VERSIONS[version]
    price_fields = [(names.price_value, float), ("confidence", float)]
    price_type = msgspec.defstruct("Price", price_fields, gc=False)
    row_fields = [("valid_from", str), ("valid_to", str), (names.price, price_type)]
    return msgspec.defstruct("Segment", row_fields, gc=False), price_type
