"""What the highest power of a billing period costs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import DemandCharge, Ratchet, Tariff
from flipkit.tariffs.rating.demand import DemandHours, demand_runs
from flipkit.tariffs.rating.lines import Line
from flipkit.tariffs.rating.runs import RatingCalendar
from flipkit.tariffs.rating.usage import EnergySums
from flipkit.vocabulary import Float64

__all__ = ["demand_lines"]


def demand_lines(usage: EnergySums, tariff: Tariff, place: RatingCalendar) -> Iterator[Line]:
    """The lines of the demand charges, by tier."""
    gross = tariff.export is not None and tariff.export.mode == "buy_all_sell_all"
    for charge in tariff.demand:
        yield from _lines(usage, charge, place, gross)


def _lines(
    usage: EnergySums, charge: DemandCharge, place: RatingCalendar, gross: bool
) -> Iterator[Line]:
    runs = demand_runs(place, DemandHours.of(charge))
    shown = np.isin(np.arange(runs.slots), runs.slot)
    kw = usage.peaks(runs, gross)
    if charge.ratchet is not None:
        looked_at = usage.peaks(demand_runs(place, DemandHours.of(charge, any_month=True)), gross)
        kw = np.where(shown, _ratcheted(kw, looked_at, charge.ratchet, place.billing), 0.0)
    lower = 0.0
    for number, tier in enumerate(charge.tiers, 1):
        upper = np.inf if tier.up_to_kw is None else tier.up_to_kw
        within = np.maximum(np.minimum(kw, upper) - lower, 0.0)
        text = f"demand {charge.name}" + (f" tier {number}" if len(charge.tiers) > 1 else "")
        cost = within * tier.price_per_kw * place.billing.share
        yield Line("demand", text, "kW", within, cost, shown, sparse=number > 1)
        lower = upper


def _ratcheted(
    own: Float64, looked_at: Float64, ratchet: Ratchet, billing: BillingPeriods
) -> Float64:
    """The billing demand: never below a share of the highest of the billing periods before."""
    out = own.copy()
    counts = np.ones(len(billing), dtype=bool)
    if ratchet.of_months is not None:
        counts = np.isin(billing.months, ratchet.of_months)
    for number in range(len(billing)):
        before = slice(max(0, number - ratchet.months), number)
        highest = np.max(looked_at[:, before][:, counts[before]], axis=1, initial=0.0)
        out[:, number] = np.maximum(own[:, number], ratchet.share * highest)
    return out
