"""The cheapest or dearest times of a window: so much of it, or all that is within a limit.

What the contract leaves open: of equal prices the earliest comes first, and of a price that is needed in part its
beginning. A relative limit lies on the straight line from the lowest price, 0.01, to the highest, 1. Forecasts of own
generation play no part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.tariffs import PriceSeries
from flipkit.vocabulary import Float64, Int64

__all__ = ["Slots", "by_duration", "by_limit", "limit_of"]

_NOISE = 1e-9  # a limit that was reckoned is met by the price it was reckoned from


class Slots(NamedTuple):
    """Stretches of time that do not touch one another.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
    average : ndarray of float64, shape (n,)
        Mean price over time, major currency units per kWh.
    confidence : ndarray of float64, shape (n,)
        The lowest of the prices in it.
    """

    start_us: Int64
    end_us: Int64
    average: Float64
    confidence: Float64


def by_duration(prices: PriceSeries, duration_us: int, segment: str) -> Slots:
    """So much time at the LOW or HIGH end of the prices; all of it where there is less."""
    price = prices.price_per_kwh if segment == "LOW" else -prices.price_per_kwh
    order = np.argsort(price, kind="stable")
    length = (prices.end_us - prices.start_us)[order]
    taken = np.empty_like(length)
    taken[order] = np.clip(duration_us - (np.cumsum(length) - length), 0, length)
    return _slots(prices, taken)


def by_limit(prices: PriceSeries, limit: float, segment: str) -> Slots:
    """All time at or below the limit (LOW), or at or above it (HIGH)."""
    beyond = prices.price_per_kwh - limit if segment == "LOW" else limit - prices.price_per_kwh
    return _slots(prices, np.where(beyond <= _NOISE, prices.end_us - prices.start_us, 0))


def limit_of(prices: PriceSeries, relative: float) -> float:
    """The price that a relative limit means."""
    ends = prices.price_per_kwh.min(), prices.price_per_kwh.max()
    return float(np.interp(relative, [0.01, 1.0], ends))


def _slots(prices: PriceSeries, taken: Int64) -> Slots:
    """What was taken of each price, from its beginning on; neighbours are one slot."""
    some = taken > 0
    start, length, price = prices.start_us[some], taken[some], prices.price_per_kwh[some]
    sure = np.ones(len(start)) if prices.confidence is None else prices.confidence[some]
    end = start + length
    heads = np.flatnonzero(np.append(True, start[1:] != end[:-1])[: len(start)])
    if not len(heads):
        return Slots(start, end, price, sure)
    tails = np.append(heads[1:], len(start)) - 1
    average = np.add.reduceat(price * length, heads) / np.add.reduceat(length, heads)
    return Slots(start[heads], end[tails], average, np.minimum.reduceat(sure, heads))
