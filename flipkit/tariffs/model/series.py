"""Prices per kWh over time, and the cost of energy at these prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flipkit.calendar import to_text, touched
from flipkit.checks import set_fields
from flipkit.errors import InputError
from flipkit.vocabulary import Float64, Int64

__all__ = ["PriceSeries", "aligned", "check_cover", "joined"]


@dataclass(frozen=True, slots=True, eq=False)
class PriceSeries:
    """Prices one after another without a gap; equal if all their values are equal.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
        Each price holds over [start, end), microseconds since 1970-01-01 UTC.
    price_per_kwh : ndarray of float64, shape (n,)
        Major currency units per kWh; may be negative.
    confidence : ndarray of float64, shape (n,), or None
        1 for a confirmed price, less for a forecast; None if every price is confirmed.

    Raises
    ------
    InputError
        No prices, columns of unequal length, a price or confidence that is not a finite number, a
        segment that ends before it begins, a gap or an overlap.
    """

    start_us: Int64
    end_us: Int64
    price_per_kwh: Float64
    confidence: Float64 | None = None
    # Of 400 kB per year: calculated once.
    _hash: int | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        prices = np.asarray(self.price_per_kwh, dtype=np.float64)
        prices = prices + 0.0  # -0.0 becomes 0.0: equal prices have equal bits
        set_fields(
            self,
            start_us=_read_only(self.start_us, np.int64),
            end_us=_read_only(self.end_us, np.int64),
            price_per_kwh=_read_only(prices, np.float64),
        )
        if self.confidence is not None:
            set_fields(self, confidence=_read_only(self.confidence, np.float64))
        _check_columns(self)
        _check_contiguous(self)

    def __len__(self) -> int:
        """Return the number of prices."""
        return len(self.start_us)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PriceSeries):
            return NotImplemented
        return self._bytes() == other._bytes()

    def __hash__(self) -> int:
        if self._hash is None:
            set_fields(self, _hash=hash(self._bytes()))
        return self._hash or 0

    def __reduce__(self) -> tuple[type[PriceSeries], tuple[Int64, Int64, Float64, Float64 | None]]:
        """Pickle without the hash, which has another value in another process."""
        return type(self), (self.start_us, self.end_us, self.price_per_kwh, self.confidence)

    def _bytes(self) -> tuple[bytes, ...]:
        return (
            self.start_us.tobytes(),
            self.end_us.tobytes(),
            self.price_per_kwh.tobytes(),
            b"" if self.confidence is None else self.confidence.tobytes(),
        )

    @property
    def span_us(self) -> tuple[int, int]:
        """Start of the first price and end of the last, microseconds since 1970-01-01 UTC."""
        return int(self.start_us[0]), int(self.end_us[-1])

    def clip(self, start_us: int, end_us: int) -> PriceSeries:
        """Return the prices over [start, end), the first and last cut to it.

        Parameters
        ----------
        start_us, end_us : int
            Microseconds since 1970-01-01 UTC.

        Raises
        ------
        InputError
            An empty window, or one that the prices do not cover; the message names the first
            instant without a price.
        """
        check_cover(start_us, end_us, self.span_us, "the prices")
        inside = touched(self.start_us, start_us, end_us)
        starts = self.start_us[inside].copy()
        ends = self.end_us[inside].copy()
        starts[0] = start_us
        ends[-1] = end_us
        return self._select(inside, starts, ends)

    def merged(self) -> PriceSeries:
        """Return the same prices with neighbours of equal price and confidence as one segment."""
        is_new = np.append(True, self.price_per_kwh[1:] != self.price_per_kwh[:-1])
        if self.confidence is not None:
            is_new[1:] |= self.confidence[1:] != self.confidence[:-1]
        starts = self.start_us[is_new]
        ends = np.append(starts[1:], self.end_us[-1:])
        return self._select(is_new, starts, ends)

    def plus(self, other: PriceSeries) -> PriceSeries:
        """Return the sum of both prices at every instant; the lower confidence of the two.

        Raises
        ------
        InputError
            The two do not cover the same time; the message names the first instant that only one
            of them covers.
        """
        starts, ends, in_self, in_other = aligned(self, other)
        price = self.price_per_kwh[in_self] + other.price_per_kwh[in_other]
        if self.confidence is None and other.confidence is None:
            return PriceSeries(starts, ends, price)
        confidence = np.minimum(_confidence_of(self)[in_self], _confidence_of(other)[in_other])
        return PriceSeries(starts, ends, price, confidence)

    def cost(self, start_us: Int64, end_us: Int64, kwh: Float64) -> Float64:
        """Return the cost of energy that is spread evenly in time over each interval.

        Cost is energy times the mean price, weighted with time. Within one segment it is a single
        multiplication.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Intervals [start, end), microseconds since 1970-01-01 UTC, in any order.
        kwh : ndarray of float64, shape (n,)
            Energy of each interval; NaN has a cost of NaN.

        Returns
        -------
        ndarray of float64, shape (n,)
            In the currency of the prices, unrounded.

        Raises
        ------
        InputError
            An interval without length, or one that the prices do not cover; the message names its
            row and the first instant without a price.
        """
        starts, ends, first, last = self._segments_of(start_us, end_us)
        kwh = np.asarray(kwh, dtype=np.float64)
        if kwh.shape != starts.shape:
            raise InputError(
                f"{kwh.shape} energies for {starts.shape} intervals; "
                "give one energy for each interval"
            )
        price = self.price_per_kwh[first]
        across = np.flatnonzero(first != last)
        if len(across):
            heads, segments, rows = _spread(first[across], last[across])
            overlap_start = np.maximum(self.start_us[segments], starts[across][rows])
            overlap_end = np.minimum(self.end_us[segments], ends[across][rows])
            price_times_us = self.price_per_kwh[segments] * (overlap_end - overlap_start)
            price[across] = np.add.reduceat(price_times_us, heads) / (ends - starts)[across]
        return kwh * price

    def minimum_confidence(self, start_us: Int64, end_us: Int64) -> Float64:
        """Return the lowest confidence of the prices that each interval touches.

        Parameters and errors are those of `cost`.

        Returns
        -------
        ndarray of float64, shape (n,)
            1 where every price is confirmed.
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

    def _select(self, segments: slice | np.ndarray, starts: Int64, ends: Int64) -> PriceSeries:
        """Return some of the segments with new bounds."""
        confidence = None if self.confidence is None else self.confidence[segments]
        return PriceSeries(starts, ends, self.price_per_kwh[segments], confidence)

    def _segments_of(self, start_us: Int64, end_us: Int64) -> tuple[Int64, Int64, Int64, Int64]:
        """Return the intervals as int64, and the first and last segment that each touches."""
        starts = np.asarray(start_us, dtype=np.int64)
        ends = np.asarray(end_us, dtype=np.int64)
        wrong = (ends <= starts) | (starts < self.start_us[0]) | (ends > self.end_us[-1])
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            where = f"interval in row {row}: "
            check_cover(int(starts[row]), int(ends[row]), self.span_us, "the prices", where)
        first = np.searchsorted(self.start_us, starts, side="right") - 1
        last = first.copy()
        across = np.flatnonzero(ends > self.end_us[first])
        last[across] = np.searchsorted(self.start_us, ends[across], side="left") - 1
        return starts, ends, first, last


def aligned(a: PriceSeries, b: PriceSeries) -> tuple[Int64, Int64, Int64, Int64]:
    """Return the union of the edges of two series over the same time.

    Returns
    -------
    starts, ends : ndarray of int64, shape (n,)
    in_a, in_b : ndarray of int64, shape (n,)
        The segment of either series that holds there.

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
    """Return series one after another as one; neighbours of equal price stay apart.

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
    start_us: int, end_us: int, cover: tuple[int | None, int | None], who: str, where: str = ""
) -> None:
    """Raise InputError if [start, end) is empty or not inside `cover`; None is no limit.

    The message names the first instant that is not covered.
    """
    from_us = start_us if cover[0] is None else cover[0]
    to_us = end_us if cover[1] is None else cover[1]
    asked = f"{where}asked for {to_text(start_us)} to {to_text(end_us)}"
    if end_us <= start_us:
        raise InputError(f"{asked}, which is empty; the end must be after the start")
    if start_us >= from_us and end_us <= to_us:
        return
    missing = start_us if start_us < from_us else max(start_us, to_us)
    raise InputError(
        f"{asked}, but {who} hold from {to_text(from_us)} to {to_text(to_us)}; "
        f"first uncovered: {to_text(missing)}"
    )


def _check_same_cover(a: PriceSeries, b: PriceSeries) -> None:
    if a.span_us == b.span_us:
        return
    start_a, end_a = a.span_us
    start_b, end_b = b.span_us
    alone = min(start_a, start_b) if start_a != start_b else min(end_a, end_b)
    raise InputError(
        f"two price series over different times, {to_text(start_a)} to {to_text(end_a)} and "
        f"{to_text(start_b)} to {to_text(end_b)}; only one has a price at {to_text(alone)}; "
        "clip both first"
    )


def _confidence_of(series: PriceSeries) -> Float64:
    return np.ones(len(series)) if series.confidence is None else series.confidence


def _spread(first: Int64, last: Int64) -> tuple[Int64, Int64, Int64]:
    """List the segments first to last of each interval one after another.

    Returns where each interval's list begins, the segments, and the interval of each.
    """
    counts = last - first + 1
    heads = np.cumsum(counts) - counts
    rows = np.repeat(np.arange(len(first)), counts)
    segments = np.arange(int(counts.sum())) - heads[rows] + first[rows]
    return heads, segments, rows


def _read_only(values: npt.ArrayLike, dtype: type[np.generic]) -> np.ndarray:
    """Return a copy that cannot change: series are keys of caches."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def _check_columns(series: PriceSeries) -> None:
    columns = {
        "start_us": series.start_us,
        "end_us": series.end_us,
        "price_per_kwh": series.price_per_kwh,
    }
    if series.confidence is not None:
        columns["confidence"] = series.confidence
    shapes = [column.shape for column in columns.values()]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise InputError(f"price series: columns of unequal shape {shapes}")
    if len(series) == 0:
        raise InputError("price series: no prices; give at least one")
    for name, column in columns.items():
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise InputError(
                f"price series, row {row}: {name} is {column[row]}, not a finite number"
            )


def _check_contiguous(series: PriceSeries) -> None:
    is_backward = series.end_us <= series.start_us
    if is_backward.any():
        row = int(np.flatnonzero(is_backward)[0])
        raise InputError(
            f"price series, row {row}: ends at {to_text(series.end_us[row])}, not after its start"
        )
    is_apart = series.start_us[1:] != series.end_us[:-1]
    if is_apart.any():
        row = int(np.flatnonzero(is_apart)[0])
        end = int(series.end_us[row])
        begin = int(series.start_us[row + 1])
        problem = "a gap" if begin > end else "an overlap"
        raise InputError(
            f"price series: {problem} between row {row}, which ends at {to_text(end)}, "
            f"and row {row + 1}, which begins at {to_text(begin)}"
        )
