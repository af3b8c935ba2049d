"""Energy and exports of a billing period: prices, tiers, net metering, and what is carried over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Export, Tariff, TierRule, period_names, rate_table
from flipkit.tariffs.rating.ladders import Ladders, energy_by_tier
from flipkit.tariffs.rating.runs import Partition, occurring
from flipkit.tariffs.rating.sums import EnergySums, Line, PricedFlow
from flipkit.tariffs.rating.tiers import tier_prices
from flipkit.vocabulary import Float64

__all__ = [
    "Charged",
    "carried_credit",
    "charged_energy",
    "energy_lines",
    "export_lines",
    "is_gross",
    "sum_periods",
]

_UNPAID = "export.unpaid: the tariff pays nothing for exported energy"
_OPEN = "carry_over.open: carried beyond the last billing period of the energy, and not settled"


class Charged(NamedTuple):
    """The energy that is charged, and the surplus of net metering.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, billing periods, periods)
    surplus : ndarray of float64, shape (sites, billing periods, periods), or None
        Net metering: exports above the imports that are paid out in this billing period.
    carried : ndarray of float64, shape (sites, billing periods), or None
        Net metering by the year: surplus that goes to the next billing period, all periods
        together.
    """

    kwh: Float64
    surplus: Float64 | None = None
    carried: Float64 | None = None


def is_gross(tariff: Tariff) -> bool:
    """Return whether all consumption is imported and all generation exported."""
    return tariff.export is not None and tariff.export.mode == "buy_all_sell_all"


def sum_periods(energy: Float64) -> Float64:
    """Return the energy of all periods, added in their order; shape (sites, billing periods)."""
    total = np.zeros(energy.shape[:2])
    for number in range(energy.shape[2]):
        total += energy[:, :, number]
    return total


def charged_energy(sums: EnergySums, tariff: Tariff, part: Partition, is_followed: bool) -> Charged:
    """Return the energy to charge.

    `is_followed`: another tariff follows within the energy, so nothing is carried beyond the span.
    """
    export = tariff.export
    imported = sums.imports(part, is_gross(tariff))
    if export is None or export.mode != "net_metering":
        return Charged(imported)
    net = imported - sums.exports_by_import_period(part)
    if export.carry_over is None:
        return Charged(np.maximum(net, 0.0), surplus=np.maximum(-net, 0.0))
    return _carried_over(net, _settled(part.calendar.billing, export, is_followed))


def _settled(billing: BillingPeriods, export: Export, is_followed: bool) -> list[bool]:
    """Whether what was carried over is settled at the end of each billing period."""
    of_month = billing.months == export.true_up_month
    # Several billing periods may begin in one month: the last of them settles.
    is_last = np.append(~of_month[1:], True)
    settled = of_month & is_last & billing.closed
    settled[-1] |= is_followed
    return [bool(settles) for settles in settled]


def _carried_over(net: Float64, settled: list[bool]) -> Charged:
    """Net metering by the year: the surplus of a period covers its imports later on."""
    kwh = np.zeros_like(net)
    surplus = np.zeros_like(net)
    balance = np.zeros_like(net)  # at the end of each billing period
    previous = np.zeros_like(net[:, 0])
    for number, settles in enumerate(settled):
        left = net[:, number] - previous
        kwh[:, number] = np.maximum(left, 0.0)
        previous = np.maximum(-left, 0.0)
        if settles:
            surplus[:, number] = previous
            previous = np.zeros_like(previous)
        balance[:, number] = previous
    return Charged(kwh, surplus, carried=sum_periods(balance))


def energy_lines(
    sums: EnergySums, tariff: Tariff, part: Partition, energy: Charged, tier_rule: TierRule | None
) -> Iterator[Line]:
    """Yield the lines of the energy that is charged, by period and tier."""
    if tariff.series is not None:
        flow = PricedFlow(part, is_gross(tariff), is_export=False)
        cost = sums.costs(flow, tariff.series)
        yield Line("energy", "energy all", "kWh", energy.kwh[:, :, 0], cost)
        return
    ladders = Ladders(tariff.rates, tier_rule, tariff.tier_reset)
    flow = PricedFlow(part, is_gross(tariff), is_export=False)
    yield from _tier_lines(sums, flow, ladders, energy.kwh)


def _tier_lines(
    sums: EnergySums, flow: PricedFlow, ladders: Ladders, kwh: Float64
) -> Iterator[Line]:
    """The lines of a flow by period and tier; exports earn."""
    periods = rate_table(ladders.rates).periods
    names = period_names(ladders.rates)
    kind: Literal["export", "energy"] = "export" if flow.is_export else "energy"
    sign = -1.0 if flow.is_export else 1.0
    occurs = occurring(flow.part, "export" if flow.is_export else "import")
    prices = tier_prices(periods)
    filled = energy_by_tier(sums, flow, ladders, kwh)
    for number, period in enumerate(periods):
        for tier in range(len(period.tiers) or 1):
            text = f"{kind} {names[number]}"
            if period.tiers:
                text += f" tier {tier + 1}"
            kwh_in_tier = filled[:, :, number, tier]
            cost = sign * (kwh_in_tier * prices[number, tier])
            yield Line(kind, text, "kWh", kwh_in_tier, cost, occurs[number], sparse=tier > 0)


def export_lines(
    sums: EnergySums, tariff: Tariff, part: Partition, energy: Charged
) -> Iterator[Line]:
    """Yield the lines of exported energy, and of kWh carried over."""
    export = tariff.export
    if export is not None and export.mode == "net_metering":
        yield from _surplus_lines(tariff, export, part, energy)
    elif export is not None:
        yield from _paid_lines(sums, export, part)
    elif sums.block.generation_kwh is not None:
        kwh = sums.exports(part, False)[:, :, 0]
        notes = dict.fromkeys(range(kwh.shape[1]), _UNPAID)
        yield Line("export", "export all", "kWh", kwh, np.zeros_like(kwh), notes=notes)


def _paid_lines(sums: EnergySums, export: Export, part: Partition) -> Iterator[Line]:
    """Exports that are paid by the kWh."""
    gross = export.mode == "buy_all_sell_all"
    exported = sums.exports(part, gross)
    if export.series is not None:
        earned = sums.costs(PricedFlow(part, gross, is_export=True), export.series)
        yield Line("export", "export all", "kWh", exported[:, :, 0], -earned)
        return
    ladders = Ladders(export.rates, export.tier_rule, export.tier_reset)
    flow = PricedFlow(part, gross, is_export=True)
    yield from _tier_lines(sums, flow, ladders, exported)


def _surplus_lines(
    tariff: Tariff, export: Export, part: Partition, energy: Charged
) -> Iterator[Line]:
    """The surplus of net metering: paid at once, or carried over and paid when it is settled."""
    assert energy.surplus is not None
    if energy.carried is not None:
        cost = -(sum_periods(energy.surplus) * export.payout_per_kwh)
        notes = _open_note(part)
        yield Line("carry over", "carry over", "kWh", energy.carried, cost, notes=notes)
        return
    names = period_names(tariff.rates) if tariff.rates else ("all",)
    prices = [export.payout_per_kwh] * len(names)
    yield from _export_period_lines(names, energy.surplus, prices, occurring(part, "import"))


def _export_period_lines(
    names: tuple[str, ...], exported: Float64, prices: list[float], occurs: np.ndarray
) -> Iterator[Line]:
    for number, name in enumerate(names):
        kwh = exported[:, :, number]
        cost = -(kwh * prices[number])
        yield Line("export", f"export {name}", "kWh", kwh, cost, occurs[number])


def _open_note(part: Partition) -> dict[int, str]:
    return {len(part.calendar.billing) - 1: _OPEN}


def carried_credit(
    charges: Float64,
    export_cost: Float64,
    export: Export,
    part: Partition,
    currency: str,
    is_followed: bool,
) -> Line:
    """Return the line of export credit above the other charges, carried to the next billing period.

    `charges` and `export_cost` (negative where exports earn) have the shape (sites, billing
    periods).
    """
    cost = np.zeros_like(charges)
    carried = np.zeros_like(charges)
    balance = np.zeros(len(charges))
    settled = _settled(part.calendar.billing, export, is_followed)
    for number, settles in enumerate(settled):
        # Charges below zero do not use up credit.
        credit = np.maximum(balance - export_cost[:, number], 0.0)
        spent = np.minimum(np.maximum(charges[:, number], 0.0), credit)
        left = credit - spent
        paid_out = export.payout_share * left if settles else np.zeros_like(left)
        cost[:, number] = (left - paid_out) - balance
        balance = np.zeros_like(left) if settles else left
        carried[:, number] = balance
    notes = _open_note(part)
    return Line("carry over", "carry over", currency, carried, cost, notes=notes)
