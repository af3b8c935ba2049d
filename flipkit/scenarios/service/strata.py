"""Kinds of intervals, each of which may be priced wrong for a reason of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flipkit.vocabulary import Float64, Int64

__all__ = ["NO_PRICE", "Stratum", "strata"]

NO_PRICE = "no price"

_LEVELS = ("cheapest", "middle", "dearest", "negative", "the only price")
_NEGATIVE, _ONLY = 3, 4
_COMMON = (
    0.25  # a series that changes more often than this share of the time has changes everywhere
)
_DIGITS = 9  # of a price: what is nearer is one price, and the rest the noise of dividing


class Stratum(NamedTuple):
    """What the intervals of one kind have in common.

    Attributes
    ----------
    tariff_direction : str
    price_level : str
        ``negative``, ``cheapest``, ``middle`` or ``dearest`` (a third each of the prices that there are), ``the only
        price``, or ``no price``.
    beside_change : bool
        The interval before or after has another price, where that is something particular: a wrong clock shows there.
        Or the next one that can be compared is on another tier.
    tier : int or None
    beside_limit : bool
        The latter: a wrong limit shows there, and hardly elsewhere.
    """

    tariff_direction: str
    price_level: str
    beside_change: bool
    tier: int | None
    beside_limit: bool = False

    @property
    def order(self) -> tuple[str, str, bool, int, bool]:
        """To sort by."""
        return *self[:3], -1 if self.tier is None else self.tier, self.beside_limit


def strata(
    direction: str, rows: Int64, kwh: Float64, cost: Float64, tier: Int64 | None
) -> Iterator[tuple[Stratum, Int64]]:
    """Intervals by kind.

    Parameters
    ----------
    direction : str
    rows : ndarray of int64, shape (m,)
        Ascending; those to divide.
    kwh, cost : ndarray of float64, shape (n,)
        Of all intervals; `kwh` is above 0 in `rows`.
    tier : ndarray of int64, shape (n,), or None

    Yields
    ------
    stratum : Stratum
    rows : ndarray of int64
        Ascending; every one of `rows` is in exactly one stratum.
    """
    if not len(rows):
        return
    price = np.round(cost[rows] / kwh[rows], _DIGITS)
    steps = np.zeros(len(rows), dtype=np.int64) if tier is None else tier[rows]
    limit = _either_side(np.diff(steps) != 0)
    beside = _beside_price_change(rows, price) | limit
    kinds, kind = np.unique(
        np.stack([_levels(price), beside, steps, limit], axis=1), axis=0, return_inverse=True
    )
    for number, (name, edge, step, at_limit) in enumerate(kinds.tolist()):
        known = Stratum(
            direction, _LEVELS[name], bool(edge), None if tier is None else step, bool(at_limit)
        )
        yield known, rows[kind.ravel() == number]


def _levels(price: Float64) -> Int64:
    """Each row's price level, as its place in `_LEVELS`."""
    positive = np.unique(price[price >= 0])
    if len(positive) <= 1:
        return np.where(price < 0, _NEGATIVE, _ONLY)
    rank = np.searchsorted(positive, price)
    third = 2 * rank if len(positive) == 2 else rank * 3 // len(positive)
    return np.where(price < 0, _NEGATIVE, np.minimum(third, 2))


def _beside_price_change(rows: Int64, price: Float64) -> npt.NDArray[np.bool_]:
    beside = _either_side((np.diff(rows) == 1) & (np.diff(price) != 0))
    return beside if beside.mean() <= _COMMON else np.zeros(len(rows), dtype=np.bool_)


def _either_side(changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The rows before and after each change."""
    beside: npt.NDArray[np.bool_] = np.append(changes, False) | np.append(False, changes)
    return beside
