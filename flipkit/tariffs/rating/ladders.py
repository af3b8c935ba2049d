"""Energy by tier: over which time the kWh of a flow are counted, and how they fill the tiers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Rate, TierReset, TierRule, rate_table
from flipkit.tariffs.rating.demand import meter_runs
from flipkit.tariffs.rating.runs import Partition, stretch_at
from flipkit.tariffs.rating.sums import EnergySums, PricedFlow
from flipkit.tariffs.rating.tiers import fill_by_period, fill_prorated, tier_limits
from flipkit.vocabulary import Float64, Int64

__all__ = ["Ladders", "TierCounts", "energy_by_tier", "tier_counts"]


class Ladders(NamedTuple):
    """Rates with tiers, how kWh fill them, and when their count begins anew."""

    rates: tuple[Rate, ...]
    rule: TierRule | None
    reset: TierReset


class TierCounts(NamedTuple):
    """The times over which kWh are counted: billing periods, or local days.

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


def tier_counts(part: Partition, reset: TierReset) -> TierCounts:
    """Return the counts of a partition; for ``"day"``, its runs must be cut by day."""
    billing = part.calendar.billing
    if reset == "billing":
        return TierCounts(billing, part.billing, np.arange(len(billing)))
    days = part.calendar.days
    return TierCounts(
        periods=days,
        of_run=stretch_at(days.edges_us, part.runs.start_us),
        billing=stretch_at(billing.edges_us, days.edges_us[:-1]),
    )


def energy_by_tier(sums: EnergySums, flow: PricedFlow, ladders: Ladders, kwh: Float64) -> Float64:
    """Return energy by tier; shape (sites, billing periods, periods, tiers).

    `kwh` is the energy by billing period and period, which net metering may have lowered.
    """
    periods = rate_table(ladders.rates).periods
    if not any(period.tiers for period in periods):
        return kwh[..., None]
    part = flow.part
    counts = tier_counts(part, ladders.reset)
    counts_kw = any(tier.counts_kw for period in periods for tier in period.tiers)
    peak_kw = sums.peaks(meter_runs(part.calendar), flow.gross) if counts_kw else None
    limits = tier_limits(periods, counts.periods, peak_kw)
    # The order of time needs the runs; the other rules need the sums of each count only.
    if ladders.rule == "chronological":
        filled = sums.tiers(flow, counts.of_run, limits)
    else:
        if ladders.reset == "day":
            kwh = sums.by_count(flow, counts.of_run, len(counts.periods))
        fill = fill_prorated if ladders.rule == "prorate" else fill_by_period
        filled = fill(kwh, limits)
    if ladders.reset == "day":
        return _by_billing_period(filled, counts.billing, len(part.calendar.billing))
    return filled


def _by_billing_period(by_day: Float64, billing: Int64, billings: int) -> Float64:
    """The sums of days, added in their order."""
    sums = np.zeros((len(by_day), billings, *by_day.shape[2:]))
    for day, number in enumerate(billing.tolist()):
        sums[:, number] += by_day[:, day]
    return sums
