"""A price per kWh over a stretch of time, and what energy costs against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.vocabulary import Float64, Int64

__all__ = ["PriceSeries", "aligned", "joined"]


@dataclass(frozen=True, slots=True, eq=False)
class PriceSeries:
    """Prices one after another without a gap; equal where all their values are equal.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
        Each price holds over [start, end), microseconds since 1970-01-01 UTC.
    price_per_kwh : ndarray of float64, shape (n,)
        Major currency units per kWh; may be negative.
    confidence : ndarray of float64, shape (n,), or None
        1 for a confirmed price, less for a forecast; None where every price is confirmed.

    Raises
    ------
    InputError
        No price at all, columns of unequal length, a price or confidence that is no number, a segment that ends before
        it begins, a gap or an overlap.
    """

    start_us: Int64
    end_us: Int64
    price_per_kwh: Float64
    confidence: Float64 | None = None
    _hash: int | None = field(
        default=None, init=False, repr=False
    )  # of 400 kB a year: reckoned once

    def __post_init__(self) -> None:
        own = {"start_us": _owned(self.start_us, np.int64), "end_us": _owned(self.end_us, np.int64)}
        # -0.0 becomes 0.0: equal prices have equal bits.
        own["price_per_kwh"] = _owned(
            np.asarray(self.price_per_kwh, dtype=np.float64) + 0.0, np.float64
        )
        if self.confidence is not None:
            own["confidence"] = _owned(self.confidence, np.float64)
        for name, values in own.items():
            object.__setattr__(self, name, values)
        _check(self)

    def __len__(self) -> int:
        """Return the number of prices."""
        return len(self.start_us)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PriceSeries):
            return NotImplemented
        return self._bytes() == other._bytes()

    def __hash__(self) -> int:
        if self._hash is None:
            object.__setattr__(self, "_hash", hash(self._bytes()))
        return self._hash or 0

    def __reduce__(self) -> tuple[type[PriceSeries], tuple[Int64, Int64, Float64, Float64 | None]]:
        """A hash kept here means nothing in another process."""
        return type(self), (self.start_us, self.end_us, self.price_per_kwh, self.confidence)

    def _bytes(self) -> tuple[bytes, ...]:
        confidence = b"" if self.confidence is None else self.confidence.tobytes()
        return (
            self.start_us.tobytes(),
            self.end_us.tobytes(),
            self.price_per_kwh.tobytes(),
            confidence,
        )

    def clip(self, start_us: int, end_us: int) -> PriceSeries:
        """The prices in force over [start, end), the first and last cut to it.

        Parameters
        ----------
        start_us, end_us : int
            Microseconds since 1970-01-01 UTC.

        Raises
        ------
        InputError
            An empty window, or one that the prices do not cover: names the first instant without a price.
        """
        check_cover(start_us, end_us, int(self.start_us[0]), int(self.end_us[-1]), "the prices")
        first = int(np.searchsorted(self.start_us, start_us, side="right")) - 1
        last = int(np.searchsorted(self.start_us, end_us, side="left"))
        starts, ends = self.start_us[first:last].copy(), self.end_us[first:last].copy()
        starts[0], ends[-1] = start_us, end_us
        confidence = None if self.confidence is None else self.confidence[first:last]
        return PriceSeries(starts, ends, self.price_per_kwh[first:last], confidence)

    def merged(self) -> PriceSeries:
        """The same prices with neighbours of equal price and confidence made one segment."""
        new = np.append(True, self.price_per_kwh[1:] != self.price_per_kwh[:-1])
        if self.confidence is not None:
            new[1:] |= self.confidence[1:] != self.confidence[:-1]
        starts = self.start_us[new]
        ends = np.append(starts[1:], self.end_us[-1:])
        confidence = None if self.confidence is None else self.confidence[new]
        return PriceSeries(starts, ends, self.price_per_kwh[new], confidence)

    def plus(self, other: PriceSeries) -> PriceSeries:
        """The sum of both prices at every instant, on the union of their edges; the lower confidence of the two.

        Raises
        ------
        InputError
            The two do not cover the same time: names the first instant that only one of them covers.
        """
        starts, ends, mine, theirs = aligned(self, other)
        price = self.price_per_kwh[mine] + other.price_per_kwh[theirs]
        if self.confidence is None and other.confidence is None:
            return PriceSeries(starts, ends, price)
        confidence = np.minimum(_confidence_of(self)[mine], _confidence_of(other)[theirs])
        return PriceSeries(starts, ends, price, confidence)

    def cost(self, start_us: Int64, end_us: Int64, kwh: Float64) -> Float64:
        """What energy costs that is spread evenly in time over each interval.

        Cost is energy times the mean price in force, each price weighted with its time (``cost = sum over segments of
        energy in the segment x price``). An interval inside one segment is a single multiplication.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Intervals [start, end), microseconds since 1970-01-01 UTC, in any order.
        kwh : ndarray of float64, shape (n,)
            Energy of each; NaN gives a cost of NaN.

        Returns
        -------
        ndarray of float64, shape (n,)
            In the currency of the prices, unrounded.

        Raises
        ------
        InputError
            An interval without length, or one that the prices do not cover: names its row and the first instant
            without a price.
        """
        starts, ends, first, last = self._segments_of(start_us, end_us)
        kwh = np.asarray(kwh, dtype=np.float64)
        if kwh.shape != starts.shape:
            raise InputError(
                f"{kwh.shape} energies for {starts.shape} intervals; give one energy for each interval"
            )
        price = self.price_per_kwh[first]
        across = np.flatnonzero(first != last)
        if len(across):
            heads, segments, rows = _spread(first[across], last[across])
            begin = np.maximum(self.start_us[segments], starts[across][rows])
            stop = np.minimum(self.end_us[segments], ends[across][rows])
            weighted = np.add.reduceat(self.price_per_kwh[segments] * (stop - begin), heads)
            price[across] = weighted / (ends - starts)[across]
        return kwh * price

    def minimum_confidence(self, start_us: Int64, end_us: Int64) -> Float64:
        """The lowest confidence of the prices that each interval touches; 1 where every price is confirmed.

        Parameters and errors as `cost`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        _, _, first, last = self._segments_of(start_us, end_us)
        if self.confidence is None:
            return np.ones(len(first))
        lowest = self.confidence[first]
        across = np.flatnonzero(first != last)
        if len(across):
            heads, segments, _ = _spread(first[across], last[across])
            lowest[across] = np.minimum.reduceat(self.confidence[segments], heads)
        return lowest

    def _segments_of(self, start_us: Int64, end_us: Int64) -> tuple[Int64, Int64, Int64, Int64]:
        """The intervals as int64, and the first and last segment that each touches."""
        starts, ends = np.asarray(start_us, dtype=np.int64), np.asarray(end_us, dtype=np.int64)
        wrong = (ends <= starts) | (starts < self.start_us[0]) | (ends > self.end_us[-1])
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            cover = int(self.start_us[0]), int(self.end_us[-1])
            check_cover(
                int(starts[row]), int(ends[row]), *cover, "the prices", f"interval in row {row}: "
            )
        first = np.searchsorted(self.start_us, starts, side="right") - 1
        last = first.copy()
        across = np.flatnonzero(ends > self.end_us[first])
        last[across] = np.searchsorted(self.start_us, ends[across], side="left") - 1
        return starts, ends, first, last


def aligned(a: PriceSeries, b: PriceSeries) -> tuple[Int64, Int64, Int64, Int64]:
    """The union of the edges of two series over the same time.

    Returns
    -------
    starts, ends : ndarray of int64, shape (n,)
    in_a, in_b : ndarray of int64, shape (n,)
        Which segment of either series holds there.

    Raises
    ------
    InputError
        The two do not cover the same time.
    """
    _check_same_cover(a, b)
    starts = np.union1d(a.start_us, b.start_us)
    ends = np.append(starts[1:], a.end_us[-1:])
    in_a = np.searchsorted(a.start_us, starts, side="right") - 1
    in_b = np.searchsorted(b.start_us, starts, side="right") - 1
    return starts, ends, in_a, in_b


def joined(parts: Sequence[PriceSeries]) -> PriceSeries:
    """Series one after another as one; their neighbours of equal price stay segments of their own.

    Raises
    ------
    InputError
        A gap or an overlap between two of them.
    """
    confidence = None
    if any(part.confidence is not None for part in parts):
        confidence = np.concatenate([_confidence_of(part) for part in parts])
    return PriceSeries(
        np.concatenate([part.start_us for part in parts]),
        np.concatenate([part.end_us for part in parts]),
        np.concatenate([part.price_per_kwh for part in parts]),
        confidence,
    )


def check_cover(
    start_us: int, end_us: int, from_us: int, to_us: int, who: str, where: str = ""
) -> None:
    """Raise InputError where [start, end) is empty or not inside [from, to); name the first uncovered instant."""
    asked = f"{where}asked for {to_text(start_us)} to {to_text(end_us)}"
    if end_us <= start_us:
        raise InputError(f"{asked}, which is empty; the end must be after the start")
    if start_us >= from_us and end_us <= to_us:
        return
    missing = start_us if start_us < from_us else max(start_us, to_us)
    raise InputError(
        f"{asked}, but {who} hold from {to_text(from_us)} to {to_text(to_us)}; first uncovered: {to_text(missing)}"
    )


def _check_same_cover(a: PriceSeries, b: PriceSeries) -> None:
    starts, ends = (a.start_us[0], b.start_us[0]), (a.end_us[-1], b.end_us[-1])
    if starts[0] == starts[1] and ends[0] == ends[1]:
        return
    alone = min(starts) if starts[0] != starts[1] else min(ends)
    spans = " and ".join(
        f"{to_text(start)} to {to_text(end)}" for start, end in zip(starts, ends, strict=True)
    )
    raise InputError(
        f"two price series over different times, {spans}; only one has a price at {to_text(alone)}; clip both first"
    )


def _confidence_of(series: PriceSeries) -> Float64:
    return np.ones(len(series)) if series.confidence is None else series.confidence


def _spread(first: Int64, last: Int64) -> tuple[Int64, Int64, Int64]:
    """Every segment from first to last of each interval in one row: where each begins, the segments, whose they are."""
    counts = last - first + 1
    heads = np.cumsum(counts) - counts
    rows = np.repeat(np.arange(len(first)), counts)
    return heads, np.arange(int(counts.sum())) - heads[rows] + first[rows], rows


def _owned(values: npt.ArrayLike, dtype: type[np.generic]) -> np.ndarray:
    """A read-only copy: a series that is a key somewhere must not change under it."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def _check(series: PriceSeries) -> None:
    columns = [series.start_us, series.end_us, series.price_per_kwh]
    columns += [] if series.confidence is None else [series.confidence]
    if any(column.ndim != 1 or len(column) != len(columns[0]) for column in columns):
        raise InputError(
            f"price series: columns of unequal shape {[column.shape for column in columns]}"
        )
    if len(series) == 0:
        raise InputError("price series: no prices; give at least one")
    for name, column in zip(("price_per_kwh", "confidence"), columns[2:], strict=False):
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise InputError(f"price series, row {row}: {name} is {column[row]}, no finite number")
    _check_contiguous(series)


def _check_contiguous(series: PriceSeries) -> None:
    backward = series.end_us <= series.start_us
    if backward.any():
        row = int(np.flatnonzero(backward)[0])
        raise InputError(
            f"price series, row {row}: ends at {to_text(series.end_us[row])}, not after its start"
        )
    apart = series.start_us[1:] != series.end_us[:-1]
    if apart.any():
        row = int(np.flatnonzero(apart)[0])
        ends, begins = int(series.end_us[row]), int(series.start_us[row + 1])
        kind = "a gap" if begins > ends else "an overlap"
        raise InputError(
            f"price series: {kind} between row {row}, which ends at {to_text(ends)}, "
            f"and row {row + 1}, which begins at {to_text(begins)}"
        )
