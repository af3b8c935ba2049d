"""Flatpeak's login: any account and key open the emulator, and the token that says so expires by its clock."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import msgspec

from flipkit.emulator.flatpeak.versions import ANODE, Version

__all__ = ["LIFETIME_S", "Caller", "basic_pair", "issue", "verify"]

LIFETIME_S = 3600
# Public on purpose: it guards nothing, and tokens hold across a restart.
_SEAL = b"flipkit emulator"
_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_MAX_LENGTH = 4096


class Caller(NamedTuple):
    """Who asks, and in which version of the API."""

    account_id: str
    live_mode: bool
    version: Version = ANODE


def basic_pair(header: str) -> tuple[str, str] | None:
    """Account id and API key of a Basic header; None where either is missing or the header is malformed."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or len(coded) > _MAX_LENGTH:
        return None
    try:
        account, colon, key = b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (account, key) if account and colon and key and account.isprintable() else None


def issue(caller: Caller, now_s: int) -> str:
    """A token in the form of a JWT; the same caller gets the same one at the same time."""
    claims = {"account_id": caller.account_id, "live_mode": caller.live_mode, "iss": "FlatPeakAPI"}
    times = {"sub": caller.account_id, "exp": now_s + LIFETIME_S, "nbf": now_s, "iat": now_s}
    signed = b".".join(_text(part) for part in (_HEADER, msgspec.json.encode(claims | times)))
    return b".".join((signed, _text(_seal(signed)))).decode()


def verify(header: str, now_s: int, version: Version) -> Caller | None:
    """Who holds the Bearer token of this header; None for one that was not issued here, or has expired."""
    scheme, _, token = header.partition(" ")
    signed, _, seal = token.strip().rpartition(".")
    if scheme.lower() != "bearer" or len(token) > _MAX_LENGTH or not token.isascii():
        return None
    if not hmac.compare_digest(seal, _text(_seal(signed.encode())).decode()):
        return None
    claims: dict[str, Any] = msgspec.json.decode(_bytes(signed.partition(".")[2]))
    return (
        Caller(claims["account_id"], claims["live_mode"], version)
        if now_s < claims["exp"]
        else None
    )


def _seal(signed: bytes) -> bytes:
    return hmac.new(_SEAL, signed, hashlib.sha256).digest()


def _text(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _bytes(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
