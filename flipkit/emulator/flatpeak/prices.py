"""Price series of a location: Anode's ``POST /prices/{id}``, Zero's ``GET /tariffs/rates/{id}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak.pricing import PricedLocation, Pricer
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, VERSIONS, ZERO, Version
from flipkit.emulator.flatpeak.wire import (
    Refusal,
    RequestWindow,
    Route,
    answer,
    direction,
    flag,
    hash_id,
    json_object,
    request_window,
)
from flipkit.emulator.store import Store
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.rating import Span
from flipkit.vocabulary import DAY_US, DIRECTIONS, SECOND_US

__all__ = ["PriceRoutes"]

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
            "location_timezone": location.setting.timezone,
            "currency_code": location.setting.currency,
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
