"""What the energy of a billing period costs: prices, tiers, net metering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Export, Tariff, TierRule, period_names, rate_table
from flipkit.tariffs.rating.demand import meter_runs
from flipkit.tariffs.rating.ladders import per_period, prices, prorated, tier_limits
from flipkit.tariffs.rating.lines import Line
from flipkit.tariffs.rating.runs import Partition, occurring
from flipkit.tariffs.rating.usage import EnergySums
from flipkit.vocabulary import Float64

__all__ = ["Charged", "charged", "energy_lines", "settles"]


class Charged(NamedTuple):
    """The energy that is charged, and what net metering leaves over.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, billing periods, periods)
        What is charged.
    over : ndarray of float64, shape (sites, billing periods, periods), or None
        Net metering: what was exported above the imports and not used up, and is paid in this billing period.
    carried : ndarray of float64, shape (sites, billing periods), or None
        Net metering by the year: what goes to the next billing period, all energy periods together.
    """

    kwh: Float64
    over: Float64 | None = None
    carried: Float64 | None = None


def charged(usage: EnergySums, tariff: Tariff, part: Partition, ends: bool) -> Charged:
    """The energy to charge; `ends`: another tariff follows, so that nothing is carried beyond the span."""
    export = tariff.export
    gross = export is not None and export.mode == "buy_all_sell_all"
    bought = usage.cells(part, gross, "bought")
    if export is None or export.mode != "net_metering":
        return Charged(bought)
    net = bought - usage.cells(part, gross, "sold by import period")
    if export.carry_over is None:
        return Charged(np.maximum(net, 0.0), np.maximum(-net, 0.0))
    return _by_year(net, settles(part.place.billing, export, ends))


def settles(billing: BillingPeriods, export: Export, ends: bool) -> np.ndarray:
    """At the end of which billing periods what was carried over is settled; shape (billing periods,)."""
    of_month = billing.months == export.true_up_month
    settled: np.ndarray = of_month & np.append(~of_month[1:], True) & billing.closed
    settled[-1] |= ends
    return settled


def _by_year(net: Float64, settled: np.ndarray) -> Charged:
    kwh, over = np.zeros_like(net), np.zeros_like(net)
    carried = np.zeros(net.shape[:2])
    balance = np.zeros((net.shape[0], net.shape[2]))
    for number, settle in enumerate(settled.tolist()):
        left = net[:, number] - balance
        kwh[:, number] = np.maximum(left, 0.0)
        balance = np.maximum(-left, 0.0)
        if settle:
            over[:, number], balance = balance, np.zeros_like(balance)
        for period in range(net.shape[2]):
            carried[:, number] += balance[:, period]
    return Charged(kwh, over, carried)


def energy_lines(
    usage: EnergySums, tariff: Tariff, part: Partition, energy: Charged, tier_rule: TierRule | None
) -> Iterator[Line]:
    """The lines of the energy that is charged, by period and tier."""
    everywhere = np.ones(len(part.place.billing), dtype=bool)
    if tariff.series is not None:
        gross = tariff.export is not None and tariff.export.mode == "buy_all_sell_all"
        cost = usage.costs(part, gross, False, tariff.series)
        yield Line("energy", "energy all", "kWh", energy.kwh[:, :, 0], cost, everywhere)
        return
    periods = rate_table(tariff.rates).periods
    filled, price = _by_tier(usage, tariff, part, energy, tier_rule), prices(periods)
    for number, name in enumerate(period_names(tariff.rates)):
        shown = occurring(part, "bought")[number]
        for tier in range(len(periods[number].tiers) or 1):
            text = f"energy {name} tier {tier + 1}" if periods[number].tiers else f"energy {name}"
            kwh = filled[:, :, number, tier]
            yield Line(
                "energy", text, "kWh", kwh, kwh * price[number, tier], shown, sparse=tier > 0
            )


def _by_tier(
    usage: EnergySums, tariff: Tariff, part: Partition, energy: Charged, tier_rule: TierRule | None
) -> Float64:
    """Energy by site, billing period, period and tier."""
    periods = rate_table(tariff.rates).periods
    if not any(period.tiers for period in periods):
        return energy.kwh[..., None]
    gross = tariff.export is not None and tariff.export.mode == "buy_all_sell_all"
    per_kw = any(tier.per_kw for period in periods for tier in period.tiers)
    peak_kw = usage.peaks(meter_runs(part.place), gross) if per_kw else None
    limits = tier_limits(periods, part.place.billing, peak_kw)
    if tier_rule == "chronological":
        return usage.tiers(part, gross, limits)
    fill = prorated if tier_rule == "prorate" else per_period
    return fill(energy.kwh, limits)
