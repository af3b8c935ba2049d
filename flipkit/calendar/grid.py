"""A regular grid of times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.vocabulary import Int64

__all__ = ["Grid"]


class Grid(NamedTuple):
    """Intervals of one length, one after another.

    Attributes
    ----------
    start_us, step_us, intervals : int
        Microseconds since 1970-01-01 UTC; microseconds; how many.
    """

    start_us: int
    step_us: int
    intervals: int

    @property
    def end_us(self) -> int:
        """End of the last interval."""
        return self.start_us + self.intervals * self.step_us

    @property
    def edges_us(self) -> Int64:
        """Starts of all intervals and the end of the last one, shape (intervals + 1,)."""
        edges: Int64 = self.start_us + self.step_us * np.arange(self.intervals + 1, dtype=np.int64)
        return edges

    @classmethod
    def of(cls, start_us: Int64, end_us: Int64) -> Grid:
        """Return the grid of intervals of one length, one after another, shape (n,) with n > 0."""
        first_us = int(start_us[0])
        return cls(first_us, int(end_us[0]) - first_us, len(start_us))
