"""A picture of the prices of a tariff."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import datetime

import numpy as np
from matplotlib.axes import Axes

from flipkit.calendar import month_edges, offset_pieces, to_us, zone
from flipkit.errors import InputError
from flipkit.plots.axes import new_axes
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import describe_validity, overlap, parts_of
from flipkit.vocabulary import DAY_US, HOUR_US, SECOND_US, Float64, Int64

__all__ = ["tariff_heatmap"]

_HALF_HOUR_US = HOUR_US // 2
_USUAL_YEAR = 2025


def tariff_heatmap(tariff: Tariff, ax: Axes | None = None, *, year: int | None = None) -> Axes:
    """Draw the mean price by month and local half-hour; with tiers, the price of the first one.

    Parameters
    ----------
    tariff : Tariff
    ax : Axes, optional
    year : int, optional
        The calendar year; by default 2025, or the nearest year in which the tariff is valid. Months
        and hours without a price stay empty.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The tariff has no price in that year; says when it is valid.
    """
    if year is None:
        year = _default_year(tariff)
    first_tier = _first_tier(tariff)
    prices = _mean_prices(first_tier, year)

    ax = new_axes(ax, width=7, height=3.4)
    image = ax.pcolormesh(np.arange(49) / 2, np.arange(13), prices, cmap="viridis")
    ax.set_yticks(np.arange(12) + 0.5, calendar.month_abbr[1:])
    ax.invert_yaxis()
    ax.set_xticks(range(0, 25, 3))
    ax.set_xlabel(f"local hour, {_hours_timezone(tariff)}")
    ax.set_ylabel(str(year))
    has_tiers = first_tier != tariff
    title = f"{tariff.name}: price of the first tier" if has_tiers else tariff.name
    ax.set_title(title, loc="left")
    ax.figure.colorbar(image, ax=ax, label=f"{tariff.currency}/kWh")
    return ax


def _hours_timezone(tariff: Tariff) -> str:
    """Return the time zone of the hours, if all parts have the same one."""
    zones = {part.hours_timezone or part.timezone for part in parts_of(tariff)}
    return zones.pop() if len(zones) == 1 else tariff.timezone


def _default_year(tariff: Tariff) -> int:
    start_us, end_us = tariff.validity
    year = _USUAL_YEAR
    if start_us is not None:
        year = max(year, _year_of(start_us, tariff.timezone))
    if end_us is not None:
        year = min(year, _year_of(end_us - 1, tariff.timezone))
    return year


def _year_of(instant_us: int, timezone: str) -> int:
    return datetime.fromtimestamp(instant_us // SECOND_US, zone(timezone)).year


def _first_tier(tariff: Tariff) -> Tariff:
    """Return the tariff without tiers above the first one: their price depends on the energy."""
    if tariff.parts:
        return replace(tariff, parts=tuple(_first_tier(part) for part in tariff.parts))
    rates = tuple(replace(rate, tiers=()) for rate in tariff.rates)
    return replace(tariff, rates=rates, tier_reset="billing")


def _mean_prices(tariff: Tariff, year: int) -> Float64:
    """Return the mean price of the half-hours of each month (row) and local time (column)."""
    start_us = to_us(f"{year}-01-01", tariff.timezone)
    end_us = to_us(f"{year + 1}-01-01", tariff.timezone)
    starts = np.arange(start_us, end_us, _HALF_HOUR_US)
    valid_from, valid_to = overlap(tariff.validity, start_us, end_us)
    is_valid = (starts >= valid_from) & (starts + _HALF_HOUR_US <= valid_to)
    starts = starts[is_valid]
    if not len(starts):
        when = " ".join(describe_validity(tariff.timezone, *tariff.validity))
        raise InputError(
            f"tariff {tariff.name!r} has no price in {year}, it is {when}; choose another year="
        )

    series = tariff.prices(int(starts[0]), int(starts[-1]) + _HALF_HOUR_US)
    prices = series.cost(starts, starts + _HALF_HOUR_US, np.ones(len(starts)))
    edges = month_edges(tariff.timezone, start_us, end_us).edges
    month = np.searchsorted(edges, starts, side="right") - 1
    cell = month * 48 + _local_half_hour(starts, _hours_timezone(tariff))
    total = np.bincount(cell, weights=prices, minlength=12 * 48)
    count = np.bincount(cell, minlength=12 * 48)
    mean = np.full(12 * 48, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean.reshape(12, 48)


def _local_half_hour(starts: Int64, timezone: str) -> Int64:
    """Return the half-hour of the local day, 0 to 47, of each instant."""
    edges, offsets = offset_pieces(timezone, int(starts[0]), int(starts[-1]) + _HALF_HOUR_US)
    piece = np.searchsorted(edges, starts, side="right") - 1
    local = starts + np.asarray(offsets)[piece]
    return (local % DAY_US) // _HALF_HOUR_US
