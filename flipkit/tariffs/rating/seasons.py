"""Billing periods that cross a season: the months in them, and the ladders of tiers in force.

Spans are also the days of tiers whose count begins anew each day.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, day_edges, month_edges
from flipkit.tariffs.model import Rate, Tier, TierReset, TierRule, rate_table, schedule_of
from flipkit.tariffs.rating.runs import RatingCalendar, partition, stretch_at
from flipkit.tariffs.rating.sums import PricedFlow
from flipkit.vocabulary import Float64, Int64

__all__ = ["Ladders", "MonthShares", "TierSpans", "month_shares", "sum_spans", "tier_spans"]

MonthShares = tuple[tuple[int, float], ...]
"""Calendar months (1 to 12) of a billing period, and the share of its time in each."""


def month_shares(calendar: RatingCalendar) -> list[MonthShares]:
    """Return the calendar months of each billing period."""
    billing = calendar.billing
    if billing.are_months:
        return [((month, 1.0),) for month in billing.months.tolist()]
    shares: list[MonthShares] = []
    for start, end in pairwise(billing.edges_us.tolist()):
        labels, edges = month_edges(calendar.zone, start, end)
        lengths = np.diff(np.clip(edges, start, end)) / (end - start)
        numbers = [int(label[5:7]) for label in labels]
        shares.append(tuple(zip(numbers, lengths.tolist(), strict=True)))
    return shares


class Ladders(NamedTuple):
    """Rates with tiers, how kWh fill them, and when their count begins anew."""

    rates: tuple[Rate, ...]
    rule: TierRule | None
    reset: TierReset


class TierSpans(NamedTuple):
    """The times over which kWh fill tiers: parts of billing periods.

    Attributes
    ----------
    flow : PricedFlow
        The billing periods of its partition are the spans.
    billing : BillingPeriods
        The spans; `share` is that of the days of the whole billing period.
    billing_of : ndarray of int64, shape (spans,)
        Number of the billing period of each span.
    """

    flow: PricedFlow
    billing: BillingPeriods
    billing_of: Int64


@lru_cache(maxsize=256)
def tier_spans(ladders: Ladders, flow: PricedFlow) -> TierSpans | None:
    """Return the spans by which tiers are counted; None if they are the billing periods.

    A ladder that is in force on part of the days of a billing period has that part of its limits,
    and counts the kWh of those days. Where the count begins anew each day, the spans are the days.
    """
    calendar = flow.part.calendar
    dates = _span_dates(ladders, calendar)
    if dates is None:
        return None
    cut = calendar._replace(dates=dates)
    schedule = schedule_of(ladders.rates)
    imports, exports = (None, schedule) if flow.is_export else (schedule, None)
    whole = calendar.billing
    spans = cut.billing
    billing_of = stretch_at(whole.edges_us, spans.edges_us[:-1])
    whole_days = (whole.days / whole.share)[billing_of]
    return TierSpans(
        flow=flow._replace(part=partition(cut, imports, exports)),
        billing=replace(spans, share=spans.days / whole_days),
        billing_of=billing_of,
    )


def _span_dates(ladders: Ladders, calendar: RatingCalendar) -> tuple[str, ...] | None:
    """The first days of the spans, and the day after the last; None: of the billing periods."""
    if ladders.reset == "day":
        labels, _ = day_edges(calendar.zone, calendar.start_us, calendar.end_us)
        day_after = np.datetime64(labels[-1]) + np.timedelta64(1, "D")
        return (*labels, str(day_after))
    edges = _season_edges(ladders.rates, calendar)
    if calendar.dates is None or not set(edges) - set(calendar.dates):
        return None
    return tuple(sorted({*calendar.dates, *edges}))


def sum_spans(by_span: Float64, spans: TierSpans) -> Float64:
    """Return the sums over the spans of each billing period; sites and spans come first."""
    shape = (by_span.shape[0], int(spans.billing_of[-1]) + 1, *by_span.shape[2:])
    total = np.zeros(shape)
    for number, billing in enumerate(spans.billing_of.tolist()):
        total[:, billing] += by_span[:, number]
    return total


def _season_edges(rates: tuple[Rate, ...], calendar: RatingCalendar) -> list[str]:
    """The first days of the months in which other ladders are in force than in the month before."""
    labels, _ = month_edges(calendar.zone, calendar.start_us, calendar.end_us)
    ladders = _ladders_by_month(rates)
    edges = []
    for label in labels[1:]:
        month = int(label[5:7])
        if ladders[month - 1] != ladders[month - 2]:
            edges.append(f"{label}-01")
    return edges


def _ladders_by_month(rates: tuple[Rate, ...]) -> list[set[tuple[Tier, ...]]]:
    """The ladders in force in each calendar month, January first."""
    table = rate_table(rates)
    return [
        {table.periods[period].tiers for period in np.unique(hours) if table.periods[period].tiers}
        for hours in table.grid
    ]
