"""Tariffs as short text."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby, pairwise

import numpy as np

from flipkit.tariffs.calendar import to_text, zone
from flipkit.tariffs.rates import MONTH_NAMES, Rate, days_text
from flipkit.tariffs.series import PriceSeries

__all__ = ["describe_rates", "describe_series"]

_HEADER = ("months", "days", "hours", "price")


def describe_rates(rates: tuple[Rate, ...], timezone: str, start_us: int | None, end_us: int | None) -> str:
    """Validity, and a table of season x kind of day x hours; a cell that repeats the one above is left empty."""
    rows = [_HEADER, *(_row(rate) for rate in rates)]
    shown = [rows[0], *(_without_repeats(above, row) for above, row in pairwise(rows))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return "\n".join([*_validity(timezone, start_us, end_us), *lines])


def describe_series(series: PriceSeries) -> str:
    """Number of prices, time covered, lowest, mean over time and highest price."""
    seconds = (series.end_us - series.start_us) / 1e6
    mean = float(np.sum(series.price_per_kwh * seconds) / np.sum(seconds))
    lowest, highest = float(series.price_per_kwh.min()), float(series.price_per_kwh.max())
    begin, stop = to_text(int(series.start_us[0])), to_text(int(series.end_us[-1]))
    return f"{len(series):,} prices from {begin} to {stop}\nlowest {lowest:.6g}, mean {mean:.6g}, highest {highest:.6g}"


def _row(rate: Rate) -> tuple[str, ...]:
    hours = f"{rate.start}-{rate.end}"
    return _months_text(rate.month_numbers()), days_text(rate.days), hours, f"{rate.price_per_kwh:.6g}"


def _without_repeats(above: tuple[str, ...], row: tuple[str, ...]) -> tuple[str, ...]:
    season = "" if row[0] == above[0] else row[0]
    days = "" if row[:2] == above[:2] else row[1]
    return season, days, *row[2:]


def _months_text(months: tuple[int, ...]) -> str:
    """Runs of months as ``Jan-May, Oct-Dec``."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(months), lambda pair: pair[1] - pair[0])]
    names = [[MONTH_NAMES[run[0] - 1], MONTH_NAMES[run[-1] - 1]] for run in runs]
    return ", ".join(first if first == last else f"{first}-{last}" for first, last in names)


def _validity(timezone: str, start_us: int | None, end_us: int | None) -> list[str]:
    begin = "" if start_us is None else f"from {_local(timezone, start_us)}"
    stop = "" if end_us is None else f"until {_local(timezone, end_us)}"
    words = " ".join(part for part in (begin, stop) if part)
    return [f"valid {words}"] if words else []


def _local(timezone: str, instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // 1_000_000, zone(timezone)).strftime("%Y-%m-%d %H:%M")
