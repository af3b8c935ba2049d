"""Ways to reach a service without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import httpx

__all__ = ["Transport", "in_process"]

Transport: TypeAlias = httpx.BaseTransport
"""What carries requests; a test or the emulator in process takes the place of the network."""


def in_process(app: Callable[..., Any]) -> Transport:
    """A transport that calls a WSGI application directly, in the caller's thread."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        # WSGI wants the bytes of the path as latin-1 (PEP 3333); httpx hands over the text.
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        return app(environ, start_response)

    return httpx.WSGITransport(app=call)
