"""Evaluates sites under scenarios."""

from flipkit.scenarios.engine.case import case_of
from flipkit.scenarios.engine.evaluate import Component, SiteTotals
from flipkit.scenarios.engine.fleet import Fleet
from flipkit.scenarios.engine.market import DIRECTIONS, SitePrices
from flipkit.scenarios.engine.outcome import IntervalResult
from flipkit.scenarios.engine.prices import current_prices

__all__ = [
    "DIRECTIONS",
    "Component",
    "Fleet",
    "IntervalResult",
    "SitePrices",
    "SiteTotals",
    "case_of",
    "current_prices",
]
