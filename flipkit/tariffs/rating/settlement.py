"""Energy and exports of a billing period: prices, tiers, net metering, and what is carried over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Export, Tariff, TierRule, is_net_metered, period_names, rate_table
from flipkit.tariffs.rating.ladders import Ladders, energy_by_tier
from flipkit.tariffs.rating.netting import (
    CarriedKwh,
    KwhBank,
    carry_kwh,
    net_by_hours,
    net_by_period,
)
from flipkit.tariffs.rating.runs import Partition, occurring
from flipkit.tariffs.rating.sums import EnergySums, Line, PricedFlow
from flipkit.tariffs.rating.tiers import tier_prices
from flipkit.vocabulary import Float64

__all__ = [
    "Balance",
    "Charged",
    "Credit",
    "Neighbours",
    "carried_credit",
    "charged_energy",
    "energy_lines",
    "export_lines",
    "handed_over",
    "is_gross",
]

_UNPAID = "export.unpaid: the tariff pays nothing for exported energy"
_UNPAID_SURPLUS = "export.unpaid: the tariff pays nothing for exports above imports"
_NETTED_SERIES = (
    "net_metering.series: kWh netted over a billing period have no hour in a price series, so all "
    "imports are charged (net_billing with the same series pays for exports by the hour)"
)
_OPEN = "carry_over.open: carried beyond the last billing period of the energy, and not settled"
# Of kWh and of money: what is less is the noise of floats.
_NOISE = 1e-9


class Balance(NamedTuple):
    """What a tariff hands over to the one that follows it: kWh, credit, or nothing.

    Attributes
    ----------
    kwh : KwhBank or None
    credit : ndarray of float64, shape (sites,), or None
    """

    kwh: KwhBank | None = None
    credit: Float64 | None = None


class Neighbours(NamedTuple):
    """What a tariff takes over from the one before, and the one that follows within the energy."""

    before: Balance
    following: Tariff | None


class Charged(NamedTuple):
    """The energy that is charged, and the surplus of net metering.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, billing periods, periods)
    surplus : ndarray of float64, shape (sites, billing periods, periods), or None
        Net metering: exports above the imports that earn money in this billing period; by export
        period if these are priced by export rates, else by import period.
    carried : CarriedKwh or None
        Net metering by the year, where the surplus goes to the next billing period.
    """

    kwh: Float64
    surplus: Float64 | None = None
    carried: CarriedKwh | None = None


class Credit(NamedTuple):
    """Credit that pays for charges.

    Attributes
    ----------
    line : Line
    paid_out : ndarray of float64, shape (sites, billing periods)
        At a true-up; contained in the line.
    left : ndarray of float64, shape (sites,)
        What the last billing period leaves.
    """

    line: Line
    paid_out: Float64
    left: Float64


def is_gross(tariff: Tariff) -> bool:
    """Return whether all consumption is imported and all generation exported."""
    return tariff.export is not None and tariff.export.mode == "buy_all_sell_all"


def _takes_over(following: Tariff | None, export: Export) -> bool:
    """Whether a tariff continues the balance of one with these export terms.

    A change of prices does not settle anything, a change of the kind of settlement does.
    """
    terms = None if following is None else following.export
    return terms is not None and (
        terms.mode == export.mode
        and terms.carry_over == export.carry_over
        and terms.has_credit == export.has_credit
    )


def handed_over(
    tariff: Tariff, energy: Charged, credit: Credit | None, following: Tariff | None
) -> Balance:
    """Return what a tariff leaves to the one that follows it."""
    if tariff.export is None or not _takes_over(following, tariff.export):
        return Balance()
    return Balance(
        kwh=None if energy.carried is None else energy.carried.bank,
        credit=None if credit is None else credit.left,
    )


def charged_energy(
    sums: EnergySums, tariff: Tariff, part: Partition, neighbours: Neighbours
) -> Charged:
    """Return the energy to charge."""
    export = tariff.export
    if export is None or export.mode != "net_metering":
        return Charged(sums.imports(part, is_gross(tariff)))
    if export.carry_over == "credit":
        return Charged(*net_by_hours(sums, part))
    net = net_by_period(sums, part)
    if export.carry_over is None:
        return Charged(np.maximum(net, 0.0), surplus=np.maximum(-net, 0.0))
    settled = _settled(part.calendar.billing, export, neighbours)
    carried = carry_kwh(net, tariff, part, settled, neighbours.before.kwh)
    return Charged(carried.kwh, carried=carried)


def _settled(billing: BillingPeriods, export: Export, neighbours: Neighbours) -> list[bool]:
    """Whether what was carried over is settled at the end of each billing period."""
    of_month = billing.months == export.true_up_month
    # Several billing periods may begin in one month: the last of them settles.
    is_last = np.append(~of_month[1:], True)
    settled = of_month & is_last & billing.closed
    settled[-1] |= _ends(export, neighbours)
    return [bool(settles) for settles in settled]


def _ends(export: Export, neighbours: Neighbours) -> bool:
    """Whether another tariff follows that does not take the balance over."""
    return neighbours.following is not None and not _takes_over(neighbours.following, export)


def energy_lines(
    sums: EnergySums, tariff: Tariff, part: Partition, energy: Charged, tier_rule: TierRule | None
) -> Iterator[Line]:
    """Yield the lines of the energy that is charged, by period and tier."""
    flow = PricedFlow(part, is_gross(tariff), is_export=False)
    if tariff.series is not None:
        cost = sums.costs(flow, tariff.series)
        kwh = energy.kwh[:, :, 0]
        is_netted = is_net_metered(tariff)
        notes = dict.fromkeys(range(kwh.shape[1]), _NETTED_SERIES) if is_netted else {}
        yield Line("energy", "energy all", "kWh", kwh, cost, notes=notes)
        return
    ladders = Ladders(tariff.rates, tier_rule, tariff.tier_reset)
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
    sums: EnergySums,
    tariff: Tariff,
    part: Partition,
    energy: Charged,
    following: Tariff | None,
) -> Iterator[Line]:
    """Yield the lines of exported energy, and of kWh carried over."""
    export = tariff.export
    if export is not None and export.mode == "net_metering":
        yield from _surplus_lines(tariff, export, part, energy, following)
    elif export is not None:
        yield from _paid_lines(sums, export, part)
    elif sums.block.generation_kwh is not None:
        kwh = sums.exports(part, False)[:, :, 0]
        notes = dict.fromkeys(range(kwh.shape[1]), _UNPAID)
        yield Line("export", "export all", "kWh", kwh, np.zeros_like(kwh), notes=notes)


def _paid_lines(sums: EnergySums, export: Export, part: Partition) -> Iterator[Line]:
    """Exports that are paid by the kWh."""
    gross = export.mode == "buy_all_sell_all"
    flow = PricedFlow(part, gross, is_export=True)
    exported = sums.exports(part, gross)
    if export.series is not None:
        earned = sums.costs(flow, export.series)
        yield Line("export", "export all", "kWh", exported[:, :, 0], -earned)
        return
    ladders = Ladders(export.rates, export.tier_rule, export.tier_reset)
    yield from _tier_lines(sums, flow, ladders, exported)


def _surplus_lines(
    tariff: Tariff, export: Export, part: Partition, energy: Charged, following: Tariff | None
) -> Iterator[Line]:
    """The surplus of net metering: it earns money at once, or is carried over until the true-up."""
    if energy.carried is not None:
        yield _carried_line(export, part, energy.carried, following)
        return
    assert energy.surplus is not None
    if export.rates:
        names = period_names(export.rates)
        prices = [period.price_per_kwh for period in rate_table(export.rates).periods]
        occurs = occurring(part, "export")
    else:
        names = period_names(tariff.rates) if tariff.rates else ("all",)
        prices = [export.payout_per_kwh] * len(names)
        occurs = occurring(part, "import")
    is_unpaid = not export.rates and not export.payout_per_kwh
    notes = dict.fromkeys(range(energy.surplus.shape[1]), _UNPAID_SURPLUS) if is_unpaid else {}
    for number, name in enumerate(names):
        kwh = energy.surplus[:, :, number]
        cost = -(kwh * prices[number])
        yield Line("export", f"export {name}", "kWh", kwh, cost, occurs[number], notes=notes)


def _carried_line(
    export: Export, part: Partition, carried: CarriedKwh, following: Tariff | None
) -> Line:
    """The kWh that are carried over; the cost is what a true-up pays for those that are left."""
    paid_kwh = carried.left if export.true_up_on == "period" else carried.left_total
    cost = -(paid_kwh * export.payout_per_kwh)
    expired_kwh = carried.left - paid_kwh if export.payout_per_kwh else carried.left
    notes = _carry_over_notes(expired_kwh, "kWh", part, following)
    return Line("carry over", "carry over", "kWh", carried.balance, cost, notes=notes)


def _carry_over_notes(
    expired: Float64, unit: str, part: Partition, following: Tariff | None
) -> dict[int, str | np.ndarray]:
    """The findings of what is lost at a true-up, by site, and of what is left at the end.

    `expired` has the shape (sites, billing periods).
    """
    notes: dict[int, str | np.ndarray] = {}
    if following is None:
        notes[len(part.calendar.billing) - 1] = _OPEN
    for number in np.flatnonzero((expired > _NOISE).any(axis=0)).tolist():
        amounts = expired[:, number]
        of_sites = np.full(len(amounts), None, dtype=object)
        for site in np.flatnonzero(amounts > _NOISE).tolist():
            lost = f"{amounts[site]:,.6g} {unit}"
            of_sites[site] = f"carry_over.expired: {lost} are left at the true-up and not paid for"
        notes[number] = of_sites
    return notes


def carried_credit(
    charges: Float64, earned: Float64, tariff: Tariff, part: Partition, neighbours: Neighbours
) -> Credit:
    """Return the credit above the charges that it pays for, which goes to the next billing period.

    `charges` and `earned` (negative where exports cost) have the shape (sites, billing periods).
    """
    export = tariff.export
    assert export is not None
    cost = np.zeros_like(charges)
    carried = np.zeros_like(charges)
    paid_out = np.zeros_like(charges)
    expired = np.zeros_like(charges)
    balance = neighbours.before.credit
    if balance is None:
        balance = np.zeros(len(charges))
    for number, settles in enumerate(_credit_settled(part, export, neighbours)):
        credit = np.maximum(balance + earned[:, number], 0.0)
        usable = np.minimum(balance, credit) if export.credit_next_month else credit
        # Charges below zero do not use up credit.
        spent = np.minimum(np.maximum(charges[:, number], 0.0), usable)
        left = credit - spent
        if settles:
            paid_out[:, number] = export.payout_share * left
            expired[:, number] = left - paid_out[:, number]
        cost[:, number] = (left - paid_out[:, number]) - balance
        balance = np.zeros_like(left) if settles else left
        carried[:, number] = balance
    unit = f"{tariff.currency} of credit"
    notes = _carry_over_notes(expired, unit, part, neighbours.following)
    name = "carry over credit" if export.payout_as_credit else "carry over"
    line = Line("carry over", name, tariff.currency, carried, cost, notes=notes)
    return Credit(line, paid_out, balance)


def _credit_settled(part: Partition, export: Export, neighbours: Neighbours) -> list[bool]:
    """Whether credit is settled at the end of each billing period."""
    billing = part.calendar.billing
    if export.payout_as_credit:
        # What a true-up pays as credit has no true-up of its own.
        return [False] * (len(billing) - 1) + [_ends(export, neighbours)]
    return _settled(billing, export, neighbours)
