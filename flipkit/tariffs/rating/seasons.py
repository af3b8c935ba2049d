"""Billing periods that cross a season: the months in them, and where other tiers come into force.

A ladder that is in force on part of the days of a billing period has that part of its limits, and
counts the kWh of those days.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from flipkit.calendar import BillingPeriods, billing_periods, month_edges
from flipkit.tariffs.model import Rate, Tier, rate_table
from flipkit.tariffs.rating.runs import RatingCalendar, stretch_at

__all__ = ["months_of_billing", "season_edges", "season_spans"]


def months_of_billing(calendar: RatingCalendar) -> list[list[int]]:
    """Return the calendar months (1 to 12) of each billing period, in order."""
    billing = calendar.billing
    if billing.are_months:
        return [[month] for month in billing.months.tolist()]
    months = []
    for start, end in pairwise(billing.edges_us.tolist()):
        labels, _ = month_edges(calendar.zone, start, end)
        months.append([int(label[5:7]) for label in labels])
    return months


def season_edges(rates: tuple[Rate, ...], calendar: RatingCalendar) -> tuple[int, ...]:
    """Return where other ladders of tiers come into force within a billing period.

    Microseconds since 1970-01-01 UTC. Calendar months never cross a season.
    """
    if calendar.dates is None or not any(rate.tiers for rate in rates):
        return ()
    billing_edges = calendar.billing.edges_us
    ladders = _ladders_by_month(rates)
    edges = []
    for label, start in _months_within(calendar):
        month = int(label[5:7])
        if ladders[month - 1] != ladders[month - 2] and start not in billing_edges:
            edges.append(start)
    return tuple(edges)


def season_spans(edges_us: tuple[int, ...], calendar: RatingCalendar) -> BillingPeriods:
    """Return the billing periods, cut at the edges of seasons.

    The share of a span is that of its days in the days of the whole billing period.
    """
    assert calendar.dates is not None
    firsts = [f"{label}-01" for label, start in _months_within(calendar) if start in edges_us]
    dates = tuple(sorted({*calendar.dates, *firsts}))
    spans = billing_periods(calendar.zone, calendar.start_us, calendar.end_us, dates)
    whole = calendar.billing
    whole_days = whole.days / whole.share
    of_billing = stretch_at(whole.edges_us, spans.edges_us[:-1])
    return replace(spans, share=spans.days / whole_days[of_billing])


def _months_within(calendar: RatingCalendar) -> list[tuple[str, int]]:
    """The months that begin within the span, and when."""
    labels, edges = month_edges(calendar.zone, calendar.start_us, calendar.end_us)
    return list(zip(labels[1:], edges[1:-1].tolist(), strict=True))


@lru_cache(maxsize=256)
def _ladders_by_month(rates: tuple[Rate, ...]) -> list[set[tuple[Tier, ...]]]:
    """The ladders in force in each calendar month, January first."""
    table = rate_table(rates)
    ladders = []
    for hours in table.grid:
        of_month = {table.periods[period].tiers for period in np.unique(hours)}
        ladders.append({tiers for tiers in of_month if tiers})
    return ladders
