"""Random numbers that are the same on every machine and with every version of numpy.

Only the generator's ``random`` is used: numpy may change its other distributions between versions.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chance"]

SEED = 2025


class Chance:
    """A stream of random numbers for one purpose.

    Parameters
    ----------
    purpose : str
        Names the stream, such as ``"load ca-01"``; the same name gives the same numbers.
    """

    def __init__(self, purpose: str) -> None:
        self._generator = np.random.default_rng([SEED, zlib.crc32(purpose.encode())])

    def uniform(self, size: int, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
        """``size`` numbers in [low, high)."""
        return low + (high - low) * self._generator.random(size)

    def one(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high)."""
        return float(self.uniform(1, low, high)[0])

    def pick(self, size: int, choices: int) -> NDArray[np.int64]:
        """``size`` whole numbers in [0, choices)."""
        return (self._generator.random(size) * choices).astype(np.int64)

    def order(self, size: int) -> NDArray[np.int64]:
        """A permutation of 0..size-1."""
        return np.argsort(self._generator.random(size), kind="stable")

    def normal(self, size: int) -> NDArray[np.float64]:
        """``size`` nearly normal numbers (mean 0, deviation 1), each the sum of 12 uniform ones."""
        return np.asarray(self._generator.random((12, size)).sum(axis=0) - 6.0)
