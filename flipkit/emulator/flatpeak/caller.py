"""Who calls the Flatpeak API: the login with its tokens, and the two generations of the API."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "ANODE",
    "HEADER",
    "LIFETIME_S",
    "VERSIONS",
    "ZERO",
    "Caller",
    "Version",
    "basic_pair",
    "issue",
    "verify",
]

HEADER = "Flatpeak-Version"


@dataclass(frozen=True, slots=True)
class Version:
    """Names on the wire of one generation; everything inside the emulator uses Anode's.

    Attributes
    ----------
    name : str
        Value of the version header.
    record : mapping of str to str
        Fields of a meter record that have another name in this generation.
    flows : mapping of str to str
        Values of the flow field, and the flow that each means.
    report_direction : str
        Query parameter and field that selects what a cost or price report is about.
    reports_by_flow : bool
        It selects the flow of the energy (Zero), not the price (Anode).
    cost, price, price_value : str
        The object of a cost row, the object of a price row, and the field in it.
    measurand, carbon : bool
        Records have a measurand; answers have a carbon unit.
    """

    name: str
    record: Mapping[str, str]
    flows: Mapping[str, str]
    report_direction: str
    reports_by_flow: bool
    cost: str
    price: str
    price_value: str
    measurand: bool
    carbon: bool

    def name_of(self, field: str) -> str:
        """Return the name of a field of a meter record in this generation."""
        return self.record.get(field, field)

    def flow_word(self, flow: str) -> str:
        """Return the name of a flow in this generation."""
        return next(word for word, meaning in self.flows.items() if meaning == flow)


ANODE = Version(
    name="2025-09-14.anode",
    record={},
    flows={"INBOUND": "INBOUND", "OUTBOUND": "OUTBOUND"},
    report_direction="tariff_direction",
    reports_by_flow=False,
    cost="cost",
    price="price",
    price_value="value",
    measurand=False,
    carbon=False,
)
ZERO = Version(
    name="2024-08-24.zero",
    record={"energy_flow_direction": "direction", "tariff_direction": "tariff_rate"},
    flows={"IMPORT": "INBOUND", "EXPORT": "OUTBOUND"},
    report_direction="direction",
    reports_by_flow=True,
    cost="tariff",
    price="tariff",
    price_value="rate",
    measurand=True,
    carbon=True,
)
VERSIONS = {version.name: version for version in (ANODE, ZERO)}


LIFETIME_S = 3600
# Public on purpose: it protects nothing, and tokens stay valid across a restart.
_SIGNING_KEY = b"flipkit emulator"
_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_MAX_LENGTH = 4096


class Caller(NamedTuple):
    """Who sent a request, and for which version of the API."""

    account_id: str
    live_mode: bool
    version: Version


def basic_pair(header: str) -> tuple[str, str] | None:
    """Return account id and API key of a Basic header; None if it is malformed or incomplete."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or len(coded) > _MAX_LENGTH:
        return None
    try:
        account, colon, key = b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (account, key) if account and colon and key and account.isprintable() else None


def issue(caller: Caller, now_s: int) -> str:
    """Return a token in the form of a JWT; the same caller gets the same one at the same time."""
    claims = {
        "account_id": caller.account_id,
        "live_mode": caller.live_mode,
        "iss": "FlatPeakAPI",
        "sub": caller.account_id,
        "exp": now_s + LIFETIME_S,
        "nbf": now_s,
        "iat": now_s,
    }
    signed = b".".join([_encoded(_HEADER), _encoded(msgspec.json.encode(claims))])
    return b".".join([signed, _signature(signed)]).decode()


def verify(header: str, now_s: int, version: Version) -> Caller | None:
    """Return the holder of the Bearer token of a header; None if it is not a valid token."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or len(token) > _MAX_LENGTH or not token.isascii():
        return None
    signed, _, signature = token.strip().rpartition(".")
    # The claims are decoded after the signature is checked: then they are our own.
    if not hmac.compare_digest(signature, _signature(signed.encode()).decode()):
        return None
    claims: dict[str, Any] = msgspec.json.decode(_decoded(signed.partition(".")[2]))
    if now_s >= claims["exp"]:
        return None
    return Caller(claims["account_id"], claims["live_mode"], version)


def _signature(signed: bytes) -> bytes:
    return _encoded(hmac.new(_SIGNING_KEY, signed, hashlib.sha256).digest())


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
