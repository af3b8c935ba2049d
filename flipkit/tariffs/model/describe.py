"""Tariffs as short text: a table of prices, and one line per charge."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import numpy as np

from flipkit.calendar import to_text, zone
from flipkit.tariffs.model.charges import TAXABLE, Adder, FixedCharge, Minimum, Tax
from flipkit.tariffs.model.demand import DemandCharge, DemandTier, DemandWindow, Ratchet
from flipkit.tariffs.model.export import CREDITABLE, Export
from flipkit.tariffs.model.rate_table import canonical, period_names, rate_table
from flipkit.tariffs.model.rates import MONTH_NAMES, Rate, Tier, TierReset, TierRule, days_text
from flipkit.tariffs.model.series import PriceSeries
from flipkit.tariffs.model.tariff import Tariff
from flipkit.vocabulary import SECOND_US

__all__ = ["describe", "describe_validity"]

_HEADER = ("months", "days", "hours", "period", "price")
_TIER_RULES = {
    "chronological": "kWh count in the order of time, over all periods together",
    "prorate": "the total fills them, each period pays its share of each",
    "per_period": "each period fills its own",
}


def describe(tariff: Tariff) -> str:
    """Return the text of ``Tariff.describe``."""
    lines = [f"{tariff.name}: {tariff.currency} per kWh, {_clock_text(tariff)}"]
    if tariff.parts:
        lines += [describe(part) for part in tariff.parts]
        return "\n".join([*lines, *tariff.findings])
    if tariff.series is not None:
        lines += _series_lines(tariff.series)
    else:
        lines += describe_validity(tariff.timezone, tariff.valid_from_us, tariff.valid_to_us)
        lines += _rate_lines(tariff.rates)
    return "\n".join([*lines, *_charge_lines(tariff), *tariff.findings])


def _clock_text(tariff: Tariff) -> str:
    if tariff.hours_timezone is None:
        return f"local time of {tariff.timezone}"
    return f"hours of {tariff.hours_timezone}, days and months of {tariff.timezone}"


def describe_validity(timezone: str, start_us: int | None, end_us: int | None) -> list[str]:
    """Return one line if the tariff has a first or a last day, else none."""
    words = ["valid"]
    if start_us is not None:
        words.append(f"from {_local_time(timezone, start_us)}")
    if end_us is not None:
        words.append(f"until {_local_time(timezone, end_us)}")
    return [" ".join(words)] if len(words) > 1 else []


def _local_time(timezone: str, instant_us: int) -> str:
    instant = datetime.fromtimestamp(instant_us // SECOND_US, zone(timezone))
    return instant.strftime("%Y-%m-%d %H:%M")


def _rate_lines(rates: tuple[Rate, ...]) -> list[str]:
    """Return a table of season, kind of day and hours; a cell like the one above is empty."""
    names = _names_of_periods(rates)
    table: list[tuple[str, ...]] = [_HEADER]
    above = ("", "")
    for rate in canonical(rates):
        months = _months_text(rate.month_numbers())
        days = days_text(rate.days)
        same_months = months == above[0]
        same_days = (months, days) == above
        row = (
            "" if same_months else months,
            "" if same_days else days,
            f"{rate.start}-{rate.end}",
            names[_period_key(rate)],
            _price_text(rate),
        )
        table.append(row)
        above = (months, days)
    if len(names) == 1:  # the name of the only period says nothing
        table = [(*row[:3], row[4]) for row in table]
    return _aligned(table)


def _names_of_periods(
    rates: tuple[Rate, ...],
) -> dict[tuple[float, tuple[Tier, ...], str | None], str]:
    periods = rate_table(rates).periods
    keys = [_period_key(period) for period in periods]
    return dict(zip(keys, period_names(rates), strict=True))


def _period_key(rate: Rate) -> tuple[float, tuple[Tier, ...], str | None]:
    """Return what makes rates one period of a bill."""
    return rate.price_per_kwh, rate.tiers, rate.period


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _price_text(rate: Rate) -> str:
    """Return the price, or the whole ladder: ``0.4 up to 300 kWh a month, then 0.5``."""
    if not rate.tiers:
        return _number_text(rate.price_per_kwh)
    return ", then ".join(_tier_text(tier) for tier in rate.tiers)


def _tier_text(tier: Tier) -> str:
    price = _number_text(tier.price_per_kwh)
    limits = []
    if tier.up_to is not None:
        unit = "kWh per kW of peak" if tier.per_kw else "kWh"
        limits.append(f"{_number_text(tier.up_to)} {unit}")
    if tier.hours_of_use is not None:
        limits.append(f"{_number_text(tier.hours_of_use)} kWh per kW of peak")
    if not limits:
        return price
    return f"{price} up to {' and '.join(limits)} a {tier.per}"


def _series_lines(series: PriceSeries) -> list[str]:
    """Return number of prices, time covered, and lowest, mean (over time) and highest price."""
    seconds = (series.end_us - series.start_us) / 1e6
    mean = float(np.sum(series.price_per_kwh * seconds) / np.sum(seconds))
    lowest = float(series.price_per_kwh.min())
    highest = float(series.price_per_kwh.max())
    start = to_text(int(series.start_us[0]))
    end = to_text(int(series.end_us[-1]))
    return [
        f"{len(series):,} prices from {start} to {end}",
        f"lowest {lowest:.6g}, mean {mean:.6g}, highest {highest:.6g}",
    ]


def _charge_lines(tariff: Tariff) -> list[str]:
    lines = []
    if any(rate.tiers for rate in tariff.rates):
        lines.append(_tier_rule_text(tariff.tier_rule, tariff.tier_reset))
    if tariff.holidays is not None:
        lines.append(f"public holidays: {tariff.holidays.label}")
    lines += [f"demand {charge.name}: {_demand_text(charge)}" for charge in tariff.demand]
    lines += [f"fixed {charge.name}: {_fixed_text(charge)}" for charge in tariff.fixed]
    for adder in tariff.adders:
        lines += _adder_lines(adder)
    if tariff.minimum is not None:
        lines.append(f"minimum: {_minimum_text(tariff.minimum)}, before taxes")
    lines += [f"tax {tax.name}: {_tax_text(tax)}" for tax in tariff.taxes]
    if tariff.export is not None:
        lines += _export_lines(tariff.export)
    return lines


def _tier_rule_text(rule: TierRule | None, reset: TierReset) -> str:
    assert rule is not None  # tiers have a rule
    text = f"tier rule {rule}: {_TIER_RULES[rule]}"
    return f"{text}; their count begins anew each day" if reset == "day" else text


def _adder_lines(adder: Adder) -> list[str]:
    price = f"{_number_text(adder.price_per_kwh)} per kWh"
    head = f"adder {adder.name}: {'per kWh' if adder.rates else price}"
    if adder.non_bypassable:
        head += ", whatever is exported"
    if not adder.rates:
        return [head]
    return [head, *(f"  {line}" for line in _rate_lines(adder.rates))]


def _demand_text(charge: DemandCharge) -> str:
    parts = [
        ", then ".join(_demand_tier_text(tier, charge.per) for tier in charge.tiers),
        " or ".join(_demand_window_text(window) for window in charge.windows),
    ]
    if charge.months is not None:
        parts.append(_months_text(charge.months))
    measure = f"highest mean of {charge.interval_minutes} minutes in a month"
    if charge.peaks > 1:
        measure = (
            f"mean of the {charge.peaks} highest days' means of {charge.interval_minutes} minutes "
            "in a month"
        )
    parts.append(measure)
    if charge.minimum_kw:
        parts.append(f"at least {_number_text(charge.minimum_kw)} kW")
    if charge.trailing_months > 1:
        parts.append(f"mean of the last {charge.trailing_months} months")
    if charge.ratchet is not None:
        parts.append(_ratchet_text(charge.ratchet))
    return ", ".join(parts)


def _demand_window_text(window: DemandWindow) -> str:
    hours = f"{window.start}-{window.end}"
    return hours if window.days == "all" else f"{hours}, {days_text(window.days)}"


def _demand_tier_text(tier: DemandTier, per: str) -> str:
    text = f"{_number_text(tier.price_per_kw)} per kW"
    if per == "day":
        text += " and day"
    if tier.per_month:
        amount = f"{_number_text(tier.per_month)} a month"
        text = f"{amount} and {text}" if tier.price_per_kw else amount
    return text if tier.up_to_kw is None else f"{text} up to {_number_text(tier.up_to_kw)} kW"


def _ratchet_text(ratchet: Ratchet) -> str:
    text = f"at least {_percent(ratchet.share)} of the highest of the last {ratchet.months} months"
    if ratchet.of_months is None:
        return text
    return f"{text} ({_months_text(ratchet.of_months)} only)"


def _fixed_text(charge: FixedCharge) -> str:
    amounts = []
    if charge.per_day:
        amounts.append(f"{_number_text(charge.per_day)} a day")
    if charge.per_month:
        amounts.append(f"{_number_text(charge.per_month)} a month")
    return " and ".join(amounts) or "0"


def _minimum_text(minimum: Minimum) -> str:
    amounts = []
    if minimum.per_day is not None:
        amounts.append(f"{_number_text(minimum.per_day)} a day")
    if minimum.per_month is not None:
        amounts.append(f"{_number_text(minimum.per_month)} a month")
    if minimum.per_year is not None:
        amounts.append(f"{_number_text(minimum.per_year)} a year")
    return " and ".join(amounts)


def _tax_text(tax: Tax) -> str:
    charges = "all charges" if tax.on == TAXABLE else ", ".join(tax.on)
    text = f"{_percent(tax.share)} of {charges}"
    return text if tax.months is None else f"{text}, {_months_text(tax.months)}"


def _export_lines(export: Export) -> list[str]:
    mode = "buy all, sell all" if export.mode == "buy_all_sell_all" else export.mode
    head = f"export by {mode.replace('_', ' ')}"
    settlement = _settlement_text(export)
    lines = [f"{head}: {settlement}" if settlement else head]
    if export.series is not None:
        lines += [f"  {line}" for line in _series_lines(export.series)]
    if export.rates:
        lines += [f"  {line}" for line in _rate_lines(export.rates)]
    if any(rate.tiers for rate in export.rates):
        lines.append(f"  {_tier_rule_text(export.tier_rule, export.tier_reset)}")
    if export.tariff is not None:
        lines += [f"  {line}" for line in describe(export.tariff).splitlines()]
    return lines


def _settlement_text(export: Export) -> str:
    """Return what happens to surplus kWh or credit."""
    if export.carry_over == "credit":
        return _credit_text(export)
    if export.mode != "net_metering":
        return ""
    payout = f"{_number_text(export.payout_per_kwh)} per kWh"
    if export.carry_over is None:
        return f"kWh left over earn {payout} each month"
    month = MONTH_NAMES[export.true_up_month - 1]
    text = f"kWh left over go to the next month, those left after {month} earn {payout}"
    if export.true_up_on == "total":
        text += " on the total of all periods"
    if export.payout_as_credit:
        text += f", as credit on {_credited(export)}"
    return text


def _credit_text(export: Export) -> str:
    month = MONTH_NAMES[export.true_up_month - 1]
    rest = f"{_percent(export.payout_share)} paid out" if export.payout_share else "lost"
    text = f"what is left after {month} is {rest}"
    if export.credit_next_month:
        return f"credit pays for {_credited(export)} from the next month on, {text}"
    return f"credit above {_credited(export)} goes to the next month, {text}"


def _credited(export: Export) -> str:
    """The charges that credit pays for."""
    if export.credit_on == CREDITABLE:
        return "the charges"
    return f"the charges for {', '.join(export.credit_on)}"


def _months_text(months: tuple[int, ...]) -> str:
    """Return runs of months as ``Jan-May, Oct-Dec``."""
    runs = []
    # Within a run of consecutive months, number minus position is constant.
    for _, run in groupby(enumerate(months), lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        first = MONTH_NAMES[numbers[0] - 1]
        last = MONTH_NAMES[numbers[-1] - 1]
        runs.append(first if first == last else f"{first}-{last}")
    return ", ".join(runs)


def _percent(share: float) -> str:
    return f"{_number_text(100.0 * share)} %"


def _number_text(value: float) -> str:
    """Return at most six digits, never with an exponent."""
    text = f"{value:.6g}"
    return f"{value:.12f}".rstrip("0").rstrip(".") if "e" in text else text
