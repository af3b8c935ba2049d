"""Tariffs as short text."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby, pairwise

import numpy as np

from flipkit.calendar import to_text, zone
from flipkit.tariffs.model.rate_table import canonical, period_names, rate_table
from flipkit.tariffs.model.rates import MONTH_NAMES, Rate, Tier, days_text
from flipkit.tariffs.model.series import PriceSeries

__all__ = ["describe_rates", "describe_series", "describe_validity", "months_text", "number_text"]

_HEADER = ("months", "days", "hours", "period", "price")


def describe_rates(rates: tuple[Rate, ...]) -> str:
    """A table of season x kind of day x hours, with the period's name on a bill; a cell like the one above is empty."""
    names = _names(rates)
    rows = [
        _HEADER,
        *(
            _row(rate, names[rate.price_per_kwh, rate.tiers, rate.period])
            for rate in canonical(rates)
        ),
    ]
    if len(set(names.values())) == 1:
        rows = [(*row[:3], row[4]) for row in rows]  # the name of the only period tells nothing
    shown = [rows[0], *(_without_repeats(above, row) for above, row in pairwise(rows))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
    return "\n".join(lines)


def describe_series(series: PriceSeries) -> str:
    """Number of prices, time covered, lowest, mean over time and highest price."""
    seconds = (series.end_us - series.start_us) / 1e6
    mean = float(np.sum(series.price_per_kwh * seconds) / np.sum(seconds))
    lowest, highest = float(series.price_per_kwh.min()), float(series.price_per_kwh.max())
    begin, stop = to_text(int(series.start_us[0])), to_text(int(series.end_us[-1]))
    return f"{len(series):,} prices from {begin} to {stop}\nlowest {lowest:.6g}, mean {mean:.6g}, highest {highest:.6g}"


def describe_validity(timezone: str, start_us: int | None, end_us: int | None) -> list[str]:
    """One line where the tariff has a first or a last day, else none."""
    begin = "" if start_us is None else f"from {_local(timezone, start_us)}"
    stop = "" if end_us is None else f"until {_local(timezone, end_us)}"
    words = " ".join(part for part in (begin, stop) if part)
    return [f"valid {words}"] if words else []


def months_text(months: tuple[int, ...]) -> str:
    """Runs of months as ``Jan-May, Oct-Dec``."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(months), lambda pair: pair[1] - pair[0])
    ]
    names = [[MONTH_NAMES[run[0] - 1], MONTH_NAMES[run[-1] - 1]] for run in runs]
    return ", ".join(first if first == last else f"{first}-{last}" for first, last in names)


def number_text(value: float) -> str:
    """Six digits at most, never as a power of ten: a price is read by people."""
    text = f"{value:.6g}"
    return f"{value:.12f}".rstrip("0").rstrip(".") if "e" in text else text


def _names(rates: tuple[Rate, ...]) -> dict[tuple[float, tuple[Tier, ...], str | None], str]:
    """What a bill calls each period, by what makes it one."""
    periods = rate_table(rates).periods
    keys = [(period.price_per_kwh, period.tiers, period.period) for period in periods]
    return dict(zip(keys, period_names(rates), strict=True))


def _row(rate: Rate, name: str) -> tuple[str, ...]:
    hours = f"{rate.start}-{rate.end}"
    return months_text(rate.month_numbers()), days_text(rate.days), hours, name, _price(rate)


def _price(rate: Rate) -> str:
    """The price, or the whole ladder: ``0.4 up to 300 kWh a month, then 0.5``."""
    if not rate.tiers:
        return number_text(rate.price_per_kwh)
    return ", then ".join(_step(tier) for tier in rate.tiers)


def _step(tier: Tier) -> str:
    if tier.up_to is None:
        return number_text(tier.price_per_kwh)
    unit = "kWh per kW of peak" if tier.per_kw else "kWh"
    return f"{number_text(tier.price_per_kwh)} up to {number_text(tier.up_to)} {unit} a {tier.per}"


def _without_repeats(above: tuple[str, ...], row: tuple[str, ...]) -> tuple[str, ...]:
    season = "" if row[0] == above[0] else row[0]
    days = "" if row[:2] == above[:2] else row[1]
    return season, days, *row[2:]


def _local(timezone: str, instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // 1_000_000, zone(timezone)).strftime(
        "%Y-%m-%d %H:%M"
    )
