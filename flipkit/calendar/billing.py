"""Billing periods: calendar months or the stretches between given dates, cut to a span, with their local days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from flipkit.calendar.local import day_edges, month_edges
from flipkit.calendar.timestamps import to_text
from flipkit.calendar.window import read_moment, to_us
from flipkit.errors import InputError
from flipkit.vocabulary import Float64, Int64

__all__ = ["BillingPeriods", "billing_periods", "check_dates"]


@dataclass(frozen=True, slots=True, eq=False)
class BillingPeriods:
    """The billing periods that a span of time touches, in order.

    Attributes
    ----------
    labels : tuple of str
        ``YYYY-MM``; with billing dates the first day, ``YYYY-MM-DD``.
    edges_us : ndarray of int64, shape (n + 1,)
        Cut to the span: the first may begin and the last may end within a billing period.
    days : ndarray of float64, shape (n,)
        Local days in the span; a day that is cut counts as the fraction of its length.
    share : ndarray of float64, shape (n,)
        Days in the span over days of the whole billing period; exactly 1 for a whole one.
    months, years : ndarray of int64, shape (n,)
        Calendar month (1 to 12) and year of the first day of the whole billing period.
    closed : ndarray of bool, shape (n,)
        The billing period ends within the span (it may have begun before).
    are_months : bool
        Calendar months, not billing dates.
    """

    labels: tuple[str, ...]
    edges_us: Int64
    days: Float64
    share: Float64
    months: Int64
    years: Int64
    closed: np.ndarray
    are_months: bool

    def __len__(self) -> int:
        """Return the number of billing periods."""
        return len(self.labels)

    def whole_years(self) -> set[int]:
        """Calendar years that the span holds whole; none with billing dates."""
        years = np.unique(self.years).tolist() if self.are_months else ()
        return {year for year in years if self.share[self.years == year].sum() == 12.0}


def check_dates(dates: Iterable[Any] | None) -> tuple[str, ...] | None:
    """Billing dates as ``YYYY-MM-DD``, checked to ascend.

    Raises
    ------
    InputError
        Something that is no date, fewer than two, or a date that is not after the one before.
    """
    if dates is None:
        return None
    if isinstance(dates, str) or not isinstance(dates, Iterable):
        raise InputError(f"billing_dates: expected a list of dates, got {dates!r}")
    found = [_date(value, number) for number, value in enumerate(dates)]
    if len(found) < 2:
        raise InputError(
            f"billing_dates: {len(found)} given; give the first day of each billing period and one more"
        )
    for number, (a, b) in enumerate(pairwise(found), 1):
        if b <= a:
            raise InputError(
                f"billing_dates, item {number}: {b} is not after {a}; give them in order, each once"
            )
    return tuple(day.isoformat() for day in found)


def _date(value: Any, number: int) -> date:
    what = f"billing_dates, item {number}:"
    moment = read_moment(value, what)
    if moment.instant_us is not None:
        raise InputError(f"{what} {value!r} is a time; write a date such as '2025-06-30'")
    return moment.first


@lru_cache(maxsize=512)
def billing_periods(
    zone: str, start_us: int, end_us: int, dates: tuple[str, ...] | None = None
) -> BillingPeriods:
    """The billing periods of [start, end).

    Parameters
    ----------
    zone : str
        IANA time zone.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.
    dates : tuple of str, optional
        First days of the billing periods, the last ending the last one; calendar months by default.

    Raises
    ------
    InputError
        An unknown zone; a span that reaches beyond the dates: names the first time outside.
    """
    labels, whole = (
        month_edges(zone, start_us, end_us)
        if dates is None
        else _between(zone, start_us, end_us, dates)
    )
    edges = np.clip(whole, start_us, end_us)
    firsts = np.array([f"{label}-01"[:10] for label in labels], dtype="datetime64[M]").astype(
        np.int64
    )
    all_days, days = _days_between(zone, whole), _days_between(zone, edges)
    share = np.where(np.diff(edges) == np.diff(whole), 1.0, days / all_days)
    for array in (edges, days, share):
        array.flags.writeable = False
    months, years, closed = firsts % 12 + 1, firsts // 12 + 1970, edges[1:] == whole[1:]
    return BillingPeriods(labels, edges, days, share, months, years, closed, dates is None)


def _between(
    zone: str, start_us: int, end_us: int, dates: tuple[str, ...]
) -> tuple[tuple[str, ...], Int64]:
    edges = np.array([to_us(day, zone) for day in dates], dtype=np.int64)
    outside = (
        start_us
        if start_us < edges[0]
        else max(start_us, int(edges[-1]))
        if end_us > edges[-1]
        else None
    )
    if outside is not None:
        raise InputError(
            f"billing_dates reach from {dates[0]} to {dates[-1]}, but there is energy at {to_text(outside)}; "
            "add billing dates, or leave that energy out"
        )
    first = int(np.searchsorted(edges, start_us, side="right")) - 1
    last = int(np.searchsorted(edges, end_us, side="left"))
    return dates[first:last], edges[first : last + 1]


def _days_between(zone: str, times_us: Int64) -> Float64:
    """Local days between neighbouring times; a day that is cut counts as the fraction of its length."""
    edges = day_edges(zone, int(times_us[0]), int(times_us[-1])).edges
    day = np.minimum(np.searchsorted(edges, times_us, side="right") - 1, len(edges) - 2)
    # Fractions apart from whole days: then the bits do not depend on where the first day is.
    passed = (times_us - edges[day]) / np.diff(edges)[day]
    return np.diff(day) + np.diff(passed)
