"""Tokens for Connect sessions: Anode's ``POST /connect/token``, Zero's ``POST /connect/tariff/token``.

The request is checked and answered; nothing is stored. The token opens no session, for the emulator has no pages in
which a customer could choose a tariff, and so it cannot be exchanged either: create the tariff itself instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Response

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import Refusal, answer, passing_id
from flipkit.emulator.flatpeak.locations import address_of
from flipkit.emulator.flatpeak.requests import choice, json_object, text_field
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, ZERO
from flipkit.emulator.store import Store

__all__ = ["Connect"]

_LIFETIME_S = 86_400
_KINDS = ("customer", "location", "tariff")


class _Names(NamedTuple):
    """What the fields of a request are called in a generation."""

    direction: str
    kind: str
    needed: tuple[str, ...]
    texts: tuple[str, ...]
    objects: tuple[str, ...]


_REFERENCES = ("customer_reference_id", "location_reference_id")
_ANODE = _Names(
    "tariff_direction",
    "tariff_type",
    ("connect_url", "callback_url"),
    (*_REFERENCES, "postal_address_type"),
    ("actions", "route_options"),
)
_ZERO = _Names("direction", "type", ("callback_uri",), (*_REFERENCES, "connect_web_uri"), ())


class Connect:
    """The routes that make tokens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[Route]:
        """One for each generation."""
        return [
            Route("POST", "/connect/token", "connect_token_create", self.create, ANODE),
            Route(
                "POST", "/connect/tariff/token", "connect_tariff_token_create", self.create, ZERO
            ),
        ]

    def create(self, caller: Caller) -> Response:
        """200: a token that expires in a day."""
        body = json_object()
        _check(body, _ANODE if caller.version is ANODE else _ZERO)
        with self._store.read() as db:
            for kind in _KINDS:
                object_id = text_field(body, f"{kind}_id")
                if object_id is not None:
                    objects.get(db, kind, object_id)
        token = passing_id("cot", caller.account_id, self._clock.text(), body)
        return answer(
            {"connect_token": token, "expires_in": _LIFETIME_S, "live_mode": caller.live_mode}
        )


def _check(body: Mapping[str, Any], names: _Names) -> None:
    for name in names.needed:
        text_field(body, name, required=True)
    for name in names.texts:
        text_field(body, name)
    for name in names.objects:
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise Refusal.invalid(f"{name} must be an object")
    if body.get(names.direction) == "LOCAL":
        raise Refusal.invalid(
            f"{names.direction}: LOCAL is not enabled", "tariff_direction_not_supported"
        )
    choice(
        body.get(names.direction),
        names.direction,
        ("EXPORT", "IMPORT"),
        "IMPORT",
        "tariff_direction_invalid",
    )
    choice(
        body.get(names.kind),
        names.kind,
        ("COMMODITY", "NON_COMMODITY"),
        "COMMODITY",
        "tariff_type_invalid",
    )
    if text_field(body, "location_id") and text_field(body, "location_reference_id"):
        raise Refusal.invalid("location_id and location_reference_id must not both be there")
    address = body.get("postal_address")
    if address is not None and "country_code" not in address_of(address):
        raise Refusal.invalid(
            "Country code is required: postal_address.country_code", "country_code_missing"
        )
