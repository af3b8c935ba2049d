"""A picture of a tariff."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from matplotlib.axes import Axes

from flipkit.calendar import month_edges, offset_pieces, to_us, zone
from flipkit.errors import InputError
from flipkit.plots.axes import axes
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import describe_validity, overlap
from flipkit.vocabulary import DAY_US, SECOND_US

__all__ = ["tariff_heatmap"]

_HALF_HOUR_US = 1_800_000_000


def tariff_heatmap(tariff: Tariff, ax: Axes | None = None, *, year: int | None = None) -> Axes:
    """The mean price by month and local half-hour; of a tariff with tiers the price of the first one.

    Parameters
    ----------
    tariff : Tariff
    ax : Axes, optional
    year : int, optional
        The calendar year to draw; by default 2025, or the nearest year in which the tariff holds. Months and hours
        without a price stay empty.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The tariff has no price in the year; names when it holds.
    """
    year = _usual_year(tariff) if year is None else year
    first = _first_tier(tariff)
    mean = _mean_price(first, year)
    ax = axes(ax, width=7, height=3.4)
    image = ax.pcolormesh(np.arange(49) / 2, np.arange(13), mean, cmap="viridis")
    months = [datetime(year, m, 1, tzinfo=UTC).strftime("%b") for m in range(1, 13)]
    ax.set_yticks(np.arange(12) + 0.5, months)
    ax.invert_yaxis()
    ax.set_xticks(range(0, 25, 3))
    ax.set_xlabel(f"local hour, {tariff.timezone}")
    ax.set_ylabel(str(year))
    ax.set_title(
        tariff.name if first == tariff else f"{tariff.name}: price of the first tier", loc="left"
    )
    ax.figure.colorbar(image, ax=ax, label=f"{tariff.currency}/kWh")
    return ax


def _usual_year(tariff: Tariff) -> int:
    """2025, or the nearest year in which the tariff holds."""
    begin, stop = tariff.validity
    first = 0 if begin is None else _year(begin, tariff.timezone)
    last = 9999 if stop is None else _year(stop - 1, tariff.timezone)
    return min(max(2025, first), last)


def _year(instant_us: int, timezone: str) -> int:
    return datetime.fromtimestamp(instant_us // SECOND_US, zone(timezone)).year


def _first_tier(tariff: Tariff) -> Tariff:
    """The tariff with the first step of each ladder as its price: what it costs further up depends on the energy."""
    if tariff.parts:
        return replace(tariff, parts=tuple(_first_tier(part) for part in tariff.parts))
    return replace(tariff, rates=tuple(replace(rate, tiers=()) for rate in tariff.rates))


def _mean_price(tariff: Tariff, year: int) -> np.ndarray:
    """Mean of the prices of all half-hours of each month (row) that begin at a local time of day (column)."""
    start, end = (to_us(f"{y}-01-01", tariff.timezone) for y in (year, year + 1))
    begins = np.arange(start, end, _HALF_HOUR_US)
    begin, stop = overlap(tariff.validity, start, end)
    begins = begins[(begins >= begin) & (begins + _HALF_HOUR_US <= stop)]
    if not len(begins):
        when = " ".join(describe_validity(tariff.timezone, *tariff.validity))
        raise InputError(
            f"tariff {tariff.name!r} has no price in {year}, it is {when}; choose another year="
        )
    price = tariff.prices(int(begins[0]), int(begins[-1]) + _HALF_HOUR_US)
    cost = price.cost(begins, begins + _HALF_HOUR_US, np.ones(len(begins)))
    month = (
        np.searchsorted(month_edges(tariff.timezone, start, end).edges, begins, side="right") - 1
    )
    cell = month * 48 + _local_half_hour(begins, tariff.timezone)
    total, count = (np.bincount(cell, weights=weights, minlength=576) for weights in (cost, None))
    mean: np.ndarray = np.divide(total, count, out=np.full(576, np.nan), where=count > 0)
    return mean.reshape(12, 48)


def _local_half_hour(begins: np.ndarray, zone: str) -> np.ndarray:
    """Half-hour of the local day, 0 to 47, of each instant."""
    edges, offsets = offset_pieces(zone, int(begins[0]), int(begins[-1]) + _HALF_HOUR_US)
    local = begins + np.asarray(offsets)[np.searchsorted(edges, begins, side="right") - 1]
    return np.asarray((local % DAY_US) // _HALF_HOUR_US)
