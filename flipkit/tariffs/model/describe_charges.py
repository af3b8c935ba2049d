"""What a bill charges beside the price of a kWh, as short text: a line for each charge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flipkit.tariffs.model.charges import (
    TAXABLE,
    DemandCharge,
    DemandTier,
    DemandWindow,
    FixedCharge,
    Minimum,
    Ratchet,
    Tax,
)
from flipkit.tariffs.model.describe import describe_rates, describe_series, months_text, number_text
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rates import MONTH_NAMES, days_text

if TYPE_CHECKING:
    from flipkit.tariffs.model.tariff import Tariff

__all__ = ["describe_charges"]

_RULES = {
    "chronological": "kWh count in the order of time, over all periods together",
    "prorate": "the total fills them, each period pays its share of each",
    "per_period": "each period fills its own",
}


def describe_charges(tariff: Tariff) -> Iterator[str]:
    """Tier rule, holidays, demand, fixed charges, adders, minimum, taxes and export: what there is of each."""
    if any(rate.tiers for rate in tariff.rates):
        assert tariff.tier_rule is not None  # a tariff with tiers has one
        yield f"tier rule {tariff.tier_rule}: {_RULES[tariff.tier_rule]}"
    if tariff.holidays is not None:
        yield f"public holidays of {tariff.holidays}"
    yield from (f"demand {charge.name}: {_demand(charge)}" for charge in tariff.demand)
    yield from (f"fixed {charge.name}: {_fixed(charge)}" for charge in tariff.fixed)
    yield from (
        f"adder {adder.name}: {number_text(adder.price_per_kwh)} per kWh" for adder in tariff.adders
    )
    if tariff.minimum is not None:
        yield f"minimum: {_minimum(tariff.minimum)}, before taxes"
    yield from (f"tax {tax.name}: {_tax(tax)}" for tax in tariff.taxes)
    if tariff.export is not None:
        yield from _export(tariff.export)


def _demand(charge: DemandCharge) -> str:
    hours = " or ".join(_window(window) for window in charge.windows)
    parts = [", then ".join(_step(tier) for tier in charge.tiers), hours]
    if charge.months is not None:
        parts.append(months_text(charge.months))
    parts.append(f"highest mean of {charge.interval_minutes} minutes in a month")
    if charge.ratchet is not None:
        parts.append(_ratchet(charge.ratchet))
    return ", ".join(parts)


def _window(window: DemandWindow) -> str:
    hours = f"{window.start}-{window.end}"
    return hours if window.days == "all" else f"{hours}, {days_text(window.days)}"


def _step(tier: DemandTier) -> str:
    text = f"{number_text(tier.price_per_kw)} per kW"
    return text if tier.up_to_kw is None else f"{text} up to {number_text(tier.up_to_kw)} kW"


def _ratchet(ratchet: Ratchet) -> str:
    which = "" if ratchet.of_months is None else f" ({months_text(ratchet.of_months)} only)"
    return f"at least {_percent(ratchet.share)} of the highest of the last {ratchet.months} months{which}"


def _fixed(charge: FixedCharge) -> str:
    given = [(charge.per_day, "a day"), (charge.per_month, "a month")]
    return " and ".join(f"{number_text(amount)} {unit}" for amount, unit in given if amount) or "0"


def _minimum(minimum: Minimum) -> str:
    given = [(minimum.per_month, "a month"), (minimum.per_year, "a year")]
    return " and ".join(
        f"{number_text(amount)} {unit}" for amount, unit in given if amount is not None
    )


def _tax(tax: Tax) -> str:
    return f"{_percent(tax.share)} of {'all charges' if tax.on == TAXABLE else ', '.join(tax.on)}"


def _export(export: Export) -> Iterator[str]:
    yield (
        f"export by {export.mode.replace('_', ' ') if export.mode != 'buy_all_sell_all' else 'buy all, sell all'}"
        + (f": {settled}" if (settled := _settled(export)) else "")
    )
    if export.series is not None:
        yield from (f"  {line}" for line in describe_series(export.series).splitlines())
    if export.rates:
        yield from (f"  {line}" for line in describe_rates(export.rates).splitlines())


def _settled(export: Export) -> str:
    """What becomes of what is left over."""
    month = MONTH_NAMES[export.true_up_month - 1]
    if export.carry_over == "credit":
        paid = f"{_percent(export.payout_share)} paid out" if export.payout_share else "lost"
        return (
            f"credit above the charges goes to the next month, what is left after {month} is {paid}"
        )
    if export.mode != "net_metering":
        return ""
    paid = f"{number_text(export.payout_per_kwh)} per kWh"
    if export.carry_over is None:
        return f"kWh left over earn {paid} each month"
    return f"kWh left over go to the next month, those left after {month} earn {paid}"


def _percent(share: float) -> str:
    return f"{number_text(100.0 * share)} %"
