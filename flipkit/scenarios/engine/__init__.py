"""Evaluates sites under scenarios: energy flows, bills and costs by interval."""

from flipkit.scenarios.engine.case import SitePrices
from flipkit.scenarios.engine.current_prices import current_prices
from flipkit.scenarios.engine.fleet import Fleet
from flipkit.scenarios.engine.totals import Component, IntervalResult, SiteTotals

__all__ = [
    "Component",
    "Fleet",
    "IntervalResult",
    "SitePrices",
    "SiteTotals",
    "current_prices",
]
