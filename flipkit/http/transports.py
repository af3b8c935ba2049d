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
    return httpx.WSGITransport(app=app)
