"""Price series of a location: Anode's ``POST /prices/{id}``, Zero's ``GET /tariffs/rates/{id}``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import Refusal, answer, passing_id
from flipkit.emulator.flatpeak.asked import around, asked_for, next_update
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.pricing import Pricer
from flipkit.emulator.flatpeak.requests import Window, direction, flag, json_object
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, VERSIONS, ZERO, Version
from flipkit.emulator.store import Store
from flipkit.tariffs import PriceSeries

__all__ = ["Prices"]

_MOST_DAYS = 90


class Prices:
    """The routes of prices."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """One for each generation."""
        return [
            Route("POST", "/prices/<object_id>", "price_retrieve", self.prices, ANODE),
            Route("GET", "/tariffs/rates/<object_id>", "tariff_rate_retrieve", self.rates, ZERO),
        ]

    def prices(self, caller: Caller, object_id: str) -> Response:
        """Anode: object ``price``; ``start_time`` is now by default."""
        body = json_object()
        word = direction("tariff_direction", ("IMPORT", "EXPORT", "LOCAL"), body)
        found = self._found(caller, object_id, word, body)
        asked = {"tariff_direction": word, **found.pop("request")}
        frame = {
            "id": passing_id("prs", object_id, asked),
            "object": "price",
            "tariff_direction": word,
        }
        return answer(frame | {"request": asked} | found)

    def rates(self, caller: Caller, object_id: str) -> Response:
        """Zero: object ``tariff_rate``; both times are needed. The emulator knows no carbon."""
        flags = {name: flag(name) for name in ("include_tariff", "include_carbon")}
        word = direction("direction", ("IMPORT", "EXPORT"), {})
        if request.args.get("start_time") is None:
            raise Refusal.invalid("start_time is missing")
        found = self._found(caller, object_id, word, request.args)
        asked = {**flags, "direction": word, **found.pop("request")}
        frame = {
            "id": passing_id("rts", object_id, asked),
            "object": "tariff_rate",
            "direction": word,
        }
        return answer(frame | {"request": asked} | found)

    def _found(
        self, caller: Caller, object_id: str, word: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        asked = asked_for(fields, self._clock, _MOST_DAYS)
        with self._store.read() as db:
            place = place_of(objects.get(db, "location", object_id))
            priced = self._pricer.priced(db, place, word, *asked.span)
        priced.check_covers(priced.series.start_us, priced.series.end_us)
        return {
            **around(caller, place, self._clock),
            "last_updated": self._clock.text(),
            "next_update": next_update(self._clock),
            "request": asked.echo(),
            "data": _segments(priced.series, asked.window, caller.version),
        }


def _segments(series: PriceSeries, asked: Window, version: Version) -> list[Any]:
    row, price = _types(version.name)
    confidence = [1.0] * len(series) if series.confidence is None else series.confidence.tolist()
    prices = map(price, series.price_per_kwh.tolist(), confidence)
    return list(map(row, asked.texts(series.start_us), asked.texts(series.end_us), prices))


@lru_cache(maxsize=4)
def _types(version: str) -> tuple[Any, Any]:
    names = VERSIONS[version]
    price = msgspec.defstruct(
        "Price", [(names.price_value, float), ("confidence", float)], gc=False
    )
    fields = [("valid_from", str), ("valid_to", str), (names.price, price)]
    return msgspec.defstruct("Segment", fields, gc=False), price
