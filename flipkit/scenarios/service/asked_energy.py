"""What of an outcome the service can be asked about."""

from __future__ import annotations

from typing import TypeAlias

from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.asking import whole_wh
from flipkit.vocabulary import DIRECTIONS, Float64

__all__ = ["Pair", "columns_of", "directions_of"]

Pair: TypeAlias = tuple[str, str]
"""A site id and the name of a scenario."""


def directions_of(outcome: IntervalResult) -> tuple[list[str], list[str]]:
    """Directions with energy: those that the service can be asked about, and those with a tariff of their own."""
    asked: list[str] = []
    own: list[str] = []
    for direction in DIRECTIONS:
        if direction == "LOCAL" and direction not in outcome.is_today:
            continue  # own use that is free
        if not (whole_wh(columns_of(outcome, direction)[0]) > 0).any():
            continue
        is_unpriced = direction == "EXPORT" and not outcome.has_export_price
        askable = outcome.location_id is not None and (direction in outcome.is_today or is_unpriced)
        (asked if askable else own).append(direction)
    return asked, own


def columns_of(outcome: IntervalResult, direction: str) -> tuple[Float64, Float64]:
    """The kWh of a direction and what they cost or earn."""
    return {
        "IMPORT": (outcome.import_kwh, outcome.import_cost),
        "EXPORT": (outcome.export_kwh, outcome.export_credit),
        "LOCAL": (outcome.own_use_kwh, outcome.own_use_cost),
    }[direction]
