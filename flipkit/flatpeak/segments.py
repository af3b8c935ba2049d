"""Segments of a price series, and how parts of one are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Segments", "stitch"]


@dataclass(frozen=True, slots=True)
class Segments:
    """Prices that each hold from a start to an end.

    Attributes
    ----------
    starts, ends : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC; half-open.
    prices, confidences : ndarray of float64, shape (n,)
    """

    starts: np.ndarray
    ends: np.ndarray
    prices: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def joined(cls, parts: Iterable[Segments]) -> Segments:
        """The parts one after another."""
        columns = [(part.starts, part.ends, part.prices, part.confidences) for part in parts]
        none = np.empty(0, dtype=np.int64)
        if not columns:
            return cls(none, none, none.astype(np.float64), none.astype(np.float64))
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def taken(self, rows: np.ndarray) -> Segments:
        """Only these rows, given as positions or as a mask."""
        return Segments(
            self.starts[rows], self.ends[rows], self.prices[rows], self.confidences[rows]
        )

    def backward(self) -> int | None:
        """The end of the first segment that does not end after its start."""
        wrong = np.flatnonzero(self.ends <= self.starts)
        return int(self.ends[wrong[0]]) if len(wrong) else None

    def clipped(self, start_us: int, end_us: int) -> Segments:
        """What of the segments lies in the window, in order of time."""
        starts, ends = np.maximum(self.starts, start_us), np.minimum(self.ends, end_us)
        inside = Segments(starts, ends, self.prices, self.confidences).taken(ends > starts)
        return inside.taken(np.lexsort((inside.ends, inside.starts)))

    def rift(self) -> tuple[int, int] | None:
        """The first place where a segment does not begin where the one before it ends: that end, and the start."""
        apart = np.flatnonzero(self.starts[1:] != self.ends[:-1])
        return (int(self.ends[apart[0]]), int(self.starts[apart[0] + 1])) if len(apart) else None


def stitch(parts: Sequence[Segments]) -> Segments:
    """Parts of one series, in order of time, as one series.

    Where a part ends and the next begins with the same price and confidence, the two segments become one: the edge
    of a window is no change of price.
    """
    whole = Segments.joined(parts)
    if len(whole) == 0:
        return whole
    first_of_part = np.cumsum([0, *(len(part) for part in parts)])
    seams = np.unique(first_of_part[(first_of_part > 0) & (first_of_part < len(whole))])
    same = (
        (whole.starts[seams] == whole.ends[seams - 1])
        & (whole.prices[seams] == whole.prices[seams - 1])
        & (whole.confidences[seams] == whole.confidences[seams - 1])
    )
    begins = np.ones(len(whole), dtype=bool)
    begins[seams[same]] = False
    last_of_group = np.append(np.flatnonzero(begins)[1:] - 1, len(whole) - 1)
    merged = whole.taken(begins)
    return Segments(merged.starts, whole.ends[last_of_group], merged.prices, merged.confidences)
