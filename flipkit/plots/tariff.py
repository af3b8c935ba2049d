"""A picture of a tariff."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from matplotlib.axes import Axes

from flipkit.plots.axes import axes
from flipkit.tariffs.calendar import month_edges, to_us
from flipkit.tariffs.offsets import DAY_US, offset_pieces
from flipkit.tariffs.tariff import Tariff

__all__ = ["tariff_heatmap"]

_HALF_HOUR_US = 1_800_000_000


def tariff_heatmap(tariff: Tariff, ax: Axes | None = None, *, year: int = 2025) -> Axes:
    """The mean price by month and local half-hour; of a tariff with tiers the price of the first one.

    Parameters
    ----------
    tariff : Tariff
    ax : Axes, optional
    year : int
        The calendar year to draw; it must lie in the tariff's validity.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The tariff does not cover the year.
    """
    start, end = (to_us(f"{y}-01-01", tariff.timezone) for y in (year, year + 1))
    first = _first_tier(tariff)
    mean = _mean_price(first, start, end)
    ax = axes(ax, width=7, height=3.4)
    image = ax.pcolormesh(np.arange(49) / 2, np.arange(13), mean, cmap="viridis")
    months = [datetime(year, m, 1, tzinfo=UTC).strftime("%b") for m in range(1, 13)]
    ax.set_yticks(np.arange(12) + 0.5, months)
    ax.invert_yaxis()
    ax.set_xticks(range(0, 25, 3))
    ax.set_xlabel(f"local hour, {tariff.timezone}")
    ax.set_title(tariff.name, loc="left")
    ax.figure.colorbar(image, ax=ax, label=f"{tariff.currency}/kWh{'' if first == tariff else ', first tier'}")
    return ax


def _first_tier(tariff: Tariff) -> Tariff:
    """The tariff with the first step of each ladder as its price: what it costs further up depends on the energy."""
    if tariff.parts:
        return replace(tariff, parts=tuple(_first_tier(part) for part in tariff.parts))
    return replace(tariff, rates=tuple(replace(rate, tiers=()) for rate in tariff.rates))


def _mean_price(tariff: Tariff, start: int, end: int) -> np.ndarray:
    """Mean of the prices of all half-hours of each month (row) that begin at a local time of day (column)."""
    begins = np.arange(start, end, _HALF_HOUR_US)
    price = tariff.prices(start, end).cost(begins, begins + _HALF_HOUR_US, np.ones(len(begins)))
    month = np.searchsorted(month_edges(tariff.timezone, start, end).edges, begins, side="right") - 1
    slot = _local_half_hour(begins, tariff.timezone)
    total, count = (np.bincount(month * 48 + slot, weights=w, minlength=576) for w in (price, None))
    return (total / np.maximum(count, 1)).reshape(12, 48)


def _local_half_hour(begins: np.ndarray, zone: str) -> np.ndarray:
    """Half-hour of the local day, 0 to 47, of each instant."""
    edges, offsets = offset_pieces(zone, int(begins[0]), int(begins[-1]) + _HALF_HOUR_US)
    local = begins + np.asarray(offsets)[np.searchsorted(edges, begins, side="right") - 1]
    return np.asarray((local % DAY_US) // _HALF_HOUR_US)
