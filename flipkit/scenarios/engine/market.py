"""What a site buys and sells at today."""

from __future__ import annotations

from typing import NamedTuple

from flipkit.frames import Finding
from flipkit.tariffs import Tariff

__all__ = ["DIRECTIONS", "SitePrices"]

DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")


class SitePrices(NamedTuple):
    """Today's tariffs of one site.

    Attributes
    ----------
    location_id : str or None
        Where they come from Flatpeak.
    tariffs : dict of str to Tariff
        By direction; a direction without a price is absent.
    findings : tuple of Finding
        What had to be assumed of them.
    """

    location_id: str | None
    tariffs: dict[str, Tariff]
    findings: tuple[Finding, ...] = ()
