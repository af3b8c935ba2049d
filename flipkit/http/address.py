"""Base addresses that are safe to send a key to, and paths whose ids cannot leave their segment."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import SplitResult, quote, urlsplit

from flipkit.errors import ConfigurationError, InputError

__all__ = ["checked_base", "joined", "parts_of"]


def checked_base(address: str) -> str:
    """`address` without a trailing slash, if it is https, or http on this machine.

    Raises
    ------
    ConfigurationError
        For http to another machine, an address with credentials or a query in it, or none at all.
    """
    parts = parts_of(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"{parts.scheme}://{parts.hostname or ''}: a base address begins with https://"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{parts.hostname}: a base address holds no credentials, query or fragment"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"http://{parts.hostname}: a key is sent over http only to this machine; use https:// for any other"
        )
    return address.rstrip("/")


def parts_of(address: str) -> SplitResult:
    """The parts of an address.

    Raises
    ------
    ConfigurationError
        It is none; the text does not show it, for it may hold a key.
    """
    try:
        parts = urlsplit(address)
        if (
            not address.isprintable()
            or " " in address
            or (parts.port is not None and not parts.port)
        ):
            raise ValueError
    except ValueError:  # also of a port that is no number, or an IPv6 address that is none
        raise ConfigurationError(
            "a base address cannot be read; write it as https://host or https://host:port, without blanks"
        ) from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def joined(segments: Sequence[str]) -> str:
    """A path of percent-encoded segments.

    Raises
    ------
    InputError
        A segment that is empty, no text, holds a control character, or would climb (``..``).
    """
    return "/" + "/".join(_segment(segment) for segment in segments)


def _segment(text: str) -> str:
    if not isinstance(text, str) or not text:
        raise InputError(f"an id must be a text that is not empty, got {text!r}")
    if (
        any(part in {".", ".."} for part in text.replace("\\", "/").split("/"))
        or not text.isprintable()
    ):
        raise InputError(f"id {text!r}: '.', '..' and control characters are not allowed in an id")
    return quote(text, safe="")
