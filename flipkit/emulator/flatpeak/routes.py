"""One route of the Flatpeak API."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flask import Response

from flipkit.emulator.flatpeak.versions import Version

__all__ = ["Route"]


class Route(NamedTuple):
    """An address and what answers it.

    Attributes
    ----------
    method, path : str
    name : str
        Service and method in an error's ``context``.
    view : callable
        Takes the caller, and the ids of the path by name.
    version : Version or None
        The only generation that has it; None for both.
    """

    method: str
    path: str
    name: str
    view: Callable[..., Response]
    version: Version | None = None
