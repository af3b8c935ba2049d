"""What a price is made of: Anode's ``POST /audits/prices/{id}``, Zero's ``GET /tariffs/audit/{id}``.

Nothing is stored, and no usage limit is set. The ids of market sources are hashes of the markets' names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import answer, passing_id
from flipkit.emulator.flatpeak.asked import around, asked_for
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.price_breakdown import Breakdown, breakdown
from flipkit.emulator.flatpeak.pricing import Pricer
from flipkit.emulator.flatpeak.requests import Window, direction, json_object
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, ZERO
from flipkit.emulator.store import Store

__all__ = ["Audits"]

_MOST_DAYS = 90


class Audits:
    """The routes of audits."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """One for each generation."""
        return [
            Route("POST", "/audits/prices/<object_id>", "price_audit", self.prices, ANODE),
            Route("GET", "/tariffs/audit/<object_id>", "tariff_rate_audit", self.rates, ZERO),
        ]

    def prices(self, caller: Caller, object_id: str) -> Response:
        """Anode: object ``price_audit``; body and window as of a price list."""
        body = json_object()
        word = direction("tariff_direction", ("IMPORT", "EXPORT", "LOCAL"), body)
        found = self._found(caller, object_id, word, body, "price_breakdown")
        return answer({"object": "price_audit", "last_updated": self._clock.text()} | found)

    def rates(self, caller: Caller, object_id: str) -> Response:
        """Zero: object ``tariff_rate_audit``; the query as of a price list. The emulator knows no carbon."""
        word = direction("direction", ("IMPORT", "EXPORT"), {})
        found = self._found(caller, object_id, word, request.args, "tariff_rate")
        return answer({"object": "tariff_rate_audit", "carbon_sources": []} | found)

    def _found(
        self, caller: Caller, object_id: str, word: str, fields: Mapping[str, Any], name: str
    ) -> dict[str, Any]:
        asked = asked_for(fields, self._clock, _MOST_DAYS)
        with self._store.read() as db:
            place = place_of(objects.get(db, "location", object_id))
            found = breakdown(self._pricer, db, place, word, asked.span)
        chosen = {caller.version.report_direction: word}
        return {
            "id": passing_id("tra", object_id, word, asked),
            **around(caller, place, self._clock),
            **chosen,
            "request": chosen | asked.echo(),
            "market_sources": [passing_id("mrs", market) for market in found.markets],
            "data": list(_rows(found, asked.window, name)),
        }


def _rows(found: Breakdown, window: Window, name: str) -> Iterator[dict[str, Any]]:
    times = zip(window.texts(found.start_us), window.texts(found.end_us), strict=True)
    numbers = zip(*(column.tolist() for column in found[2:-1]), strict=True)
    for (start, end), row in zip(times, numbers, strict=True):
        yield {"valid_from": start, "valid_to": end, name: _components(*row)}


def _components(
    market: float,
    fixed: float,
    percentage: float,
    tier: float,
    aggregate: float,
    fees: float,
    fees_tier: float,
    total: float,
    confidence: float,
) -> dict[str, Any]:
    surcharged = {"market": market, "fixed": fixed, "percentage": percentage}
    return {
        "commodity": surcharged | {"tier": tier, "aggregate": aggregate},
        "non_commodity": {"fixed": fees, "tier": fees_tier},
        "total": total,
        "confidence": confidence,
    }
