"""Energy by tier: how the kWh of a flow fill the ladders of prices of its periods."""

from __future__ import annotations

import numpy as np

from flipkit.tariffs.model import TierRule, rate_table
from flipkit.tariffs.rating.demand import meter_runs
from flipkit.tariffs.rating.seasons import Ladders, TierSpans, sum_spans, tier_spans
from flipkit.tariffs.rating.sums import EnergySums, PricedFlow
from flipkit.tariffs.rating.tiers import fill_by_period, fill_prorated, tier_limits
from flipkit.vocabulary import Float64

__all__ = ["energy_by_tier"]


def energy_by_tier(sums: EnergySums, flow: PricedFlow, ladders: Ladders, kwh: Float64) -> Float64:
    """Return energy by tier; shape (sites, billing periods, periods, tiers).

    `kwh` is the energy by billing period and period, which net metering may have lowered.
    """
    periods = rate_table(ladders.rates).periods
    if not any(period.tiers for period in periods):
        return kwh[..., None]
    calendar = flow.part.calendar
    counts_kw = any(tier.counts_kw for period in periods for tier in period.tiers)
    peak_kw = sums.peaks(meter_runs(calendar), flow.gross) if counts_kw else None
    spans = tier_spans(ladders, flow)
    if spans is None:
        limits = tier_limits(periods, calendar.billing, peak_kw)
        return _filled(sums, flow, kwh, limits, ladders.rule)
    if peak_kw is not None:
        peak_kw = peak_kw[:, spans.billing_of]
    limits = tier_limits(periods, spans.billing, peak_kw)
    kwh = _split(kwh, sums.energy(flow), sums.energy(spans.flow), spans)
    return sum_spans(_filled(sums, spans.flow, kwh, limits, ladders.rule), spans)


def _filled(
    sums: EnergySums, flow: PricedFlow, kwh: Float64, limits: Float64, tier_rule: TierRule | None
) -> Float64:
    """Energy by site, billing period, period and tier, from that by site, period and limits."""
    # The order of time needs the runs; the other rules need the sums of the billing period only.
    if tier_rule == "chronological":
        return sums.tiers(flow, limits)
    if tier_rule == "prorate":
        return fill_prorated(kwh, limits)
    return fill_by_period(kwh, limits)


def _split(kwh: Float64, whole: Float64, by_span: Float64, spans: TierSpans) -> Float64:
    """The energy that is charged, by span: it is spread as the flow is."""
    whole = whole[:, spans.billing_of]
    share = np.divide(by_span, whole, out=np.zeros_like(by_span), where=whole > 0.0)
    return kwh[:, spans.billing_of] * share
