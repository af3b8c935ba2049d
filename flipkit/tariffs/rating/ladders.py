"""Energy by tier: over which time the kWh of a flow are counted, and how they fill the tiers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Rate, TierReset, TierRule, rate_table
from flipkit.tariffs.rating.demand import meter_runs
from flipkit.tariffs.rating.runs import Partition, stretch_at
from flipkit.tariffs.rating.seasons import season_edges, season_spans
from flipkit.tariffs.rating.sums import EnergySums, PricedFlow
from flipkit.tariffs.rating.tiers import fill_by_period, fill_prorated, tier_limits
from flipkit.vocabulary import Float64, Int64

__all__ = ["Ladders", "TierCounts", "energy_by_tier", "tier_counts"]

# A difference of sums that is the noise of floats.
_NOISE_KWH = 1e-9


class Ladders(NamedTuple):
    """Rates with tiers, how kWh fill them, and when their count begins anew."""

    rates: tuple[Rate, ...]
    rule: TierRule | None
    reset: TierReset


class TierCounts(NamedTuple):
    """The times over which kWh are counted: billing periods, their seasons, or local days.

    Attributes
    ----------
    periods : BillingPeriods
    of_run : ndarray of int64, shape (runs,)
        Number of the count of each run.
    billing : ndarray of int64, shape (counts,)
        Number of the billing period of each count.
    """

    periods: BillingPeriods
    of_run: Int64
    billing: Int64


def tier_counts(part: Partition, ladders: Ladders) -> TierCounts:
    """Return the counts of a partition, whose runs must be cut by them."""
    calendar = part.calendar
    billing = calendar.billing
    edges = season_edges(ladders.rates, calendar)
    if ladders.reset == "day":
        periods = calendar.days
    elif edges:
        periods = season_spans(edges, calendar)
    else:
        return TierCounts(billing, part.billing, np.arange(len(billing)))
    return TierCounts(
        periods=periods,
        of_run=stretch_at(periods.edges_us, part.runs.start_us),
        billing=stretch_at(billing.edges_us, periods.edges_us[:-1]),
    )


def energy_by_tier(sums: EnergySums, flow: PricedFlow, ladders: Ladders, kwh: Float64) -> Float64:
    """Return energy by tier; shape (sites, billing periods, periods, tiers).

    `kwh` is the energy by billing period and period, which net metering may have lowered.
    """
    periods = rate_table(ladders.rates).periods
    if not any(period.tiers for period in periods):
        return kwh[..., None]
    part = flow.part
    counts = tier_counts(part, ladders)
    is_cut = len(counts.periods) > len(part.calendar.billing)
    counts_kw = any(tier.counts_kw for period in periods for tier in period.tiers)
    peak_kw = None
    if counts_kw:
        peak_kw = sums.peaks(meter_runs(part.calendar), flow.gross)[:, counts.billing]
    limits = tier_limits(periods, counts.periods, peak_kw)
    # The order of time needs the runs; the other rules need the sums of each count only.
    if ladders.rule == "chronological":
        filled = sums.tiers(flow, counts.of_run, limits)
    else:
        if is_cut:
            kwh = _by_count(sums, flow, counts, kwh)
        fill = fill_prorated if ladders.rule == "prorate" else fill_by_period
        filled = fill(kwh, limits)
    if is_cut:
        return _by_billing_period(filled, counts.billing, len(part.calendar.billing))
    return filled


def _by_count(sums: EnergySums, flow: PricedFlow, counts: TierCounts, kwh: Float64) -> Float64:
    """The energy by count; what net metering leaves of a period is spread as its imports are."""
    by_count = sums.by_count(flow, counts.of_run, len(counts.periods))
    whole = _by_billing_period(by_count, counts.billing, kwh.shape[1])
    left = np.divide(kwh, whole, out=np.ones_like(kwh), where=np.abs(kwh - whole) > _NOISE_KWH)
    return by_count * left[:, counts.billing]


def _by_billing_period(by_count: Float64, billing: Int64, billings: int) -> Float64:
    """The sums of the counts of each billing period, added in their order."""
    sums = np.zeros((len(by_count), billings, *by_count.shape[2:]))
    for count, number in enumerate(billing.tolist()):
        sums[:, number] += by_count[:, count]
    return sums
