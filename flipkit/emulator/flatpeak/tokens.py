"""Flatpeak's login: any account and key get a token, which expires by the emulator's clock."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import msgspec

from flipkit.emulator.flatpeak.versions import Version

__all__ = ["LIFETIME_S", "Caller", "basic_pair", "issue", "verify"]

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
