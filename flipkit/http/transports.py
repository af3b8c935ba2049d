"""Ways to reach a service without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

__all__ = ["in_process"]


def in_process(app: Callable[..., Any]) -> httpx.BaseTransport:
    """A transport that calls a WSGI application directly, in the caller's thread."""
    return httpx.WSGITransport(app=app)
