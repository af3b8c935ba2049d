"""Billing periods: calendar months, or the time between given dates, cut to a span."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from flipkit.calendar.intervals import touched
from flipkit.calendar.local import Edges, day_edges, month_edges
from flipkit.calendar.timestamps import to_text
from flipkit.calendar.window import read_moment, to_us
from flipkit.errors import InputError
from flipkit.vocabulary import Float64, Int64

__all__ = ["BillingPeriods", "billing_periods", "check_dates", "day_periods", "days_in_months"]


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
        Whether the billing period ends within the span (it may have begun before).
    are_months : bool
        Whether these are calendar months, not periods between billing dates.
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

    @property
    def is_one_year(self) -> bool:
        """Whether these are twelve whole billing periods that make a year of days."""
        is_whole = len(self) == 12 and bool((self.share == 1.0).all())
        return is_whole and round(float(self.days.sum())) in (365, 366)

    def whole_years(self) -> set[int]:
        """Return the calendar years that are whole in the span; none with billing dates."""
        if not self.are_months:
            return set()
        years = np.unique(self.years).tolist()
        return {year for year in years if self.share[self.years == year].sum() == 12.0}


def check_dates(dates: Iterable[Any] | None) -> tuple[str, ...] | None:
    """Return billing dates as ``YYYY-MM-DD``.

    Raises
    ------
    InputError
        A value that is not a date, fewer than two dates, or dates that do not ascend.
    """
    if dates is None:
        return None
    if isinstance(dates, str) or not isinstance(dates, Iterable):
        raise InputError(f"billing_dates: expected a list of dates, got {dates!r}")
    days = [_read_date(value, number) for number, value in enumerate(dates)]
    if len(days) < 2:
        raise InputError(
            f"billing_dates: {len(days)} given; "
            "give the first day of each billing period and one more"
        )
    for number, (before, day) in enumerate(pairwise(days), 1):
        if day <= before:
            raise InputError(
                f"billing_dates[{number}]: {day} is not after {before}; "
                "give the dates in order, each once"
            )
    return tuple(day.isoformat() for day in days)


def _read_date(value: Any, number: int) -> date:
    what = f"billing_dates[{number}]"
    moment = read_moment(value, what)
    if moment.instant_us is not None:
        raise InputError(f"{what}: {value!r} is a time; write a date such as '2025-06-30'")
    return moment.first


@lru_cache(maxsize=512)
def billing_periods(
    zone: str, start_us: int, end_us: int, dates: tuple[str, ...] | None = None
) -> BillingPeriods:
    """Return the billing periods of [start, end).

    Parameters
    ----------
    zone : str
        IANA time zone.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.
    dates : tuple of str, optional
        First days of the billing periods, and the day after the last one; calendar months by
        default.

    Raises
    ------
    InputError
        An unknown zone, or a span that reaches beyond the dates.
    """
    if dates is None:
        labels, whole_edges = month_edges(zone, start_us, end_us)
    else:
        labels, whole_edges = _periods_between(dates, zone, start_us, end_us)
    return _cut_to_span(labels, whole_edges, zone, start_us, end_us, are_months=dates is None)


@lru_cache(maxsize=512)
def day_periods(zone: str, start_us: int, end_us: int) -> BillingPeriods:
    """Return the local days of [start, end) as billing periods of a day each."""
    labels, whole_edges = day_edges(zone, start_us, end_us)
    return _cut_to_span(labels, whole_edges, zone, start_us, end_us, are_months=False)


def days_in_months(billing: BillingPeriods, zone: str, months: tuple[int, ...] | None) -> Float64:
    """Return the local days of each billing period that lie in some calendar months; None: all."""
    if months is None:
        return billing.days
    span_edges = billing.edges_us
    labels, month_starts = month_edges(zone, int(span_edges[0]), int(span_edges[-1]))
    inside = (month_starts > span_edges[0]) & (month_starts < span_edges[-1])
    edges = np.union1d(span_edges, month_starts[inside])
    days = _days_between(zone, edges)
    month = np.array([int(label[5:]) for label in labels])
    month_of_piece = month[np.searchsorted(month_starts, edges[:-1], side="right") - 1]
    period_of_piece = np.searchsorted(span_edges, edges[:-1], side="right") - 1
    counted = np.where(np.isin(month_of_piece, months), days, 0.0)
    in_months = np.zeros(len(billing))
    np.add.at(in_months, period_of_piece, counted)
    return in_months


def _cut_to_span(
    labels: tuple[str, ...],
    whole_edges: Int64,
    zone: str,
    start_us: int,
    end_us: int,
    *,
    are_months: bool,
) -> BillingPeriods:
    """Return whole billing periods, which hold the span, cut to it."""
    edges = np.clip(whole_edges, start_us, end_us)
    days = _days_between(zone, edges)
    is_whole = np.diff(edges) == np.diff(whole_edges)
    share = np.where(is_whole, 1.0, days / _days_between(zone, whole_edges))

    first_days = [f"{label}-01"[:10] for label in labels]
    months_since_1970 = np.array(first_days, dtype="datetime64[M]").astype(np.int64)
    for array in (edges, days, share):  # the cache hands the same arrays to every caller
        array.flags.writeable = False
    return BillingPeriods(
        labels=labels,
        edges_us=edges,
        days=days,
        share=share,
        months=months_since_1970 % 12 + 1,
        years=months_since_1970 // 12 + 1970,
        closed=edges[1:] == whole_edges[1:],
        are_months=are_months,
    )


def _periods_between(dates: tuple[str, ...], zone: str, start_us: int, end_us: int) -> Edges:
    """Return the whole periods between billing dates that [start, end) touches."""
    edges = np.array([to_us(day, zone) for day in dates], dtype=np.int64)
    if start_us < edges[0] or end_us > edges[-1]:
        outside = start_us if start_us < edges[0] else max(start_us, int(edges[-1]))
        raise InputError(
            f"billing_dates reach from {dates[0]} to {dates[-1]}, but there is energy at "
            f"{to_text(outside)}; add billing dates, or leave that energy out"
        )
    part = touched(edges, start_us, end_us)
    return Edges(dates[part], edges[part.start : part.stop + 1])


def _days_between(zone: str, times_us: Int64) -> Float64:
    """Return local days between neighbouring times; a day that is cut counts as a fraction."""
    edges = day_edges(zone, int(times_us[0]), int(times_us[-1])).edges
    last_day = len(edges) - 2
    day = np.searchsorted(edges, times_us, side="right") - 1
    day = np.minimum(day, last_day)
    length_of_day = np.diff(edges)[day]
    part_of_day = (times_us - edges[day]) / length_of_day
    # Whole days and fractions apart: the bits must not depend on where the count begins.
    return np.diff(day) + np.diff(part_of_day)
