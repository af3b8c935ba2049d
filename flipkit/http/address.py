"""Where requests go: base addresses that are safe for a key, paths made of ids, and transports."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import SplitResult, quote, urlsplit

import httpx

from flipkit.errors import ConfigurationError, InputError

__all__ = ["Transport", "checked_base", "in_process", "joined", "parts_of"]

Transport: TypeAlias = httpx.BaseTransport
"""Carries requests; tests and the emulator in process replace the network with their own."""


def checked_base(address: str) -> str:
    """Return `address` without a trailing slash if it is https, or http on this machine.

    Raises
    ------
    ConfigurationError
        http to another machine, not an address, or one with credentials or a query.
    """
    parts = parts_of(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"{parts.scheme}://{parts.hostname or ''}: a base address begins with https://"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{parts.hostname}: remove credentials, query and fragment from the base address"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"http://{parts.hostname}: http would send the key unencrypted and is allowed only to "
            "this machine; use https://"
        )
    return address.rstrip("/")


def parts_of(address: str) -> SplitResult:
    """Split an address into its parts.

    Raises
    ------
    ConfigurationError
        Not a valid address; the message does not show it, because it may hold a key.
    """
    try:
        parts = urlsplit(address)
        has_valid_port = parts.port is None or parts.port > 0
        if not address.isprintable() or " " in address or not has_valid_port:
            raise ValueError
    except ValueError:  # also raised by urlsplit, for a bad port or IPv6 address
        raise ConfigurationError(
            "the base address is not valid; write it as https://host or https://host:port, "
            "without spaces"
        ) from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a host name, not an IP address
        return False


def joined(segments: Sequence[str]) -> str:
    """Return a path of percent-encoded segments.

    Raises
    ------
    InputError
        A segment that is empty, not a string, has a control character, or climbs (``..``).
    """
    encoded = [_encoded(segment) for segment in segments]
    return "/" + "/".join(encoded)


def _encoded(segment: str) -> str:
    if not isinstance(segment, str) or not segment:
        raise InputError(f"id {segment!r} is not valid; expected a non-empty string")
    names = segment.replace("\\", "/").split("/")
    if "." in names or ".." in names or not segment.isprintable():
        raise InputError(
            f"id {segment!r} is not valid; '.', '..' and control characters are not "
            "allowed in an id"
        )
    return quote(segment, safe="")


def in_process(app: Callable[..., Any]) -> Transport:
    """Return a transport that calls a WSGI application directly, in the caller's thread."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        # WSGI expects the bytes of the path as latin-1 (PEP 3333); httpx passes decoded text.
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        return app(environ, start_response)

    return httpx.WSGITransport(app=call)
