"""Pictures of the performance, lost-value and cost reports."""

from __future__ import annotations

from math import ceil, fsum
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from flipkit.frames import Frame, take
from flipkit.plots.axes import (
    COLORS,
    Columns,
    draw_total,
    new_axes,
    period_axes,
    pivot,
    select_currency,
    select_rows,
    show_nothing,
    sums_by,
    zero_line,
)

__all__ = ["cost_bars", "lost_value_bars", "performance_heatmap"]

_MAX_SITE_LABELS = 120  # of a larger fleet every second or third site is named


class _SiteLoss(NamedTuple):
    """The value of a site's lost production, and the range in which it lies."""

    site_id: str
    value: float
    low: float
    high: float


def performance_heatmap(report: Frame, ax: Axes | None = None) -> Axes:
    """Draw the performance index of each site and month: red below 1, blue above.

    Cells that could not be evaluated are hatched.

    Parameters
    ----------
    report : DataFrame
        From `performance_report` or ``flip.equipment_performance``, with the columns ``site_id,
        month, performance_index``.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    texts = ["site_id", "month"]
    columns = take(report, numbers=["performance_index"], texts=texts, what="performance report")
    cells = pivot(columns["site_id"], columns["month"], sort=True)
    sites, months = cells.rows, cells.columns

    width = 2.2 + 0.5 * len(months)
    height = 1.2 + 0.24 * min(len(sites), _MAX_SITE_LABELS)
    ax = new_axes(ax, width=width, height=height)
    ax.set_title("Performance index (actual / expected)", loc="left")
    if not sites:
        return show_nothing(ax)
    _draw_index(ax, cells.table(columns["performance_index"]))
    ax.set_xticks(np.arange(len(months)) + 0.5, months, rotation=45, ha="right")
    every = ceil(len(sites) / _MAX_SITE_LABELS)
    ax.set_yticks(np.arange(0, len(sites), every) + 0.5, sites[::every], fontsize=8)
    ax.invert_yaxis()
    return ax


def _draw_index(ax: Axes, index: np.ndarray) -> None:
    ax.set_facecolor("white")
    ax.patch.set(hatch="////", edgecolor="#cccccc")  # visible where there is no cell
    image = ax.pcolormesh(
        np.ma.masked_invalid(index),
        cmap="RdBu",
        norm=TwoSlopeNorm(1.0, 0.5, 1.5),
        edgecolor="white" if len(index) <= _MAX_SITE_LABELS else "none",
    )
    label = "1: as expected; hatched: not evaluated"
    ax.figure.colorbar(image, ax=ax, extend="both", shrink=0.6, label=label)


def lost_value_bars(
    report: Frame, ax: Axes | None = None, *, currency: str | None = None, top: int = 10
) -> Axes:
    """Draw the sites whose lost production is worth most.

    Whiskers range from the value if all of it had been exported to that if all had been used.

    Parameters
    ----------
    report : DataFrame
        From `lost_value_report`, with the columns ``site_id, lost_value, lost_value_low,
        lost_value_high, currency``.
    ax : Axes, optional
    currency : str, optional
        Required if there are several.
    top : int
        Maximum number of sites.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies and none is chosen, or the chosen one does not exist.
    """
    numbers = ["lost_value", "lost_value_low", "lost_value_high"]
    texts = ["site_id", "currency"]
    columns = take(report, numbers=numbers, texts=texts, what="lost value report")
    columns, chosen = select_currency(columns, currency, "report")
    columns = select_rows(columns, ~np.isnan(columns["lost_value"]))
    worst = _sum_by_site(columns)[:top]

    ax = new_axes(ax, width=6, height=1.2 + 0.3 * len(worst), grid="x")
    ax.set_title("Value of lost production", loc="left")
    if not worst:
        return show_nothing(ax)
    sites = [loss.site_id for loss in worst]
    values = [loss.value for loss in worst]
    below = [loss.value - loss.low for loss in worst]
    above = [loss.high - loss.value for loss in worst]
    color = COLORS["red"]
    ax.barh(sites, values, color=color, xerr=[below, above], ecolor="#555555", capsize=3)
    ax.invert_yaxis()
    ax.set_xlabel(f"{chosen}; bar: at the site's own use, whisker: all exported to all used")
    return ax


def _sum_by_site(columns: Columns) -> list[_SiteLoss]:
    """Return the loss of each site over all months, the largest first."""
    losses = []
    for site in set(columns["site_id"]):
        of_site = select_rows(columns, columns["site_id"] == site)
        loss = _SiteLoss(
            site_id=site,
            value=fsum(of_site["lost_value"]),
            low=fsum(of_site["lost_value_low"]),
            high=fsum(of_site["lost_value_high"]),
        )
        losses.append(loss)
    return sorted(losses, key=lambda loss: (-loss.value, loss.site_id))


def cost_bars(report: Frame, ax: Axes | None = None, *, currency: str | None = None) -> Axes:
    """Draw the cost of imports, the earnings of exports and their sum, by month or day.

    Amounts of all sites of a currency are added. A cross marks periods that records do not cover
    fully.

    Parameters
    ----------
    report : DataFrame
        From `cost_report`, with the columns ``period, tariff_direction, cost, coverage, currency``.
    ax : Axes, optional
    currency : str, optional
        Required if there are several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies and none is chosen, or the chosen one does not exist.
    """
    texts = ["period", "tariff_direction", "currency"]
    columns = take(report, numbers=["cost", "coverage"], texts=texts, what="cost report")
    columns, chosen = select_currency(columns, currency, "report")
    periods = sorted(set(columns["period"]))

    ax = period_axes(ax, periods, title="Cost of energy", currency=chosen)
    if not periods:
        return ax
    _draw_cost(ax, columns, periods)
    zero_line(ax)
    ax.margins(x=0.02)
    ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    return ax


def _draw_cost(ax: Axes, columns: Columns, periods: list[str]) -> None:
    position = np.arange(len(periods))
    paid = _cost_of(columns, periods, "IMPORT")
    earned = _cost_of(columns, periods, "EXPORT")
    ax.bar(position, paid, color=COLORS["orange"], label="imports")
    ax.bar(position, -earned, color=COLORS["green"], label="exports")
    draw_total(ax, paid - earned)
    partial = position[_is_partial(columns, periods)]
    if len(partial):
        zeros = np.zeros(len(partial))
        ax.plot(partial, zeros, "x", color=COLORS["red"], label="records are missing")


def _cost_of(columns: Columns, periods: list[str], direction: str) -> np.ndarray:
    is_known = ~np.isnan(columns["cost"])
    selected = is_known & (columns["tariff_direction"] == direction)
    return sums_by(columns["cost"][selected], columns["period"][selected], periods)


def _is_partial(columns: Columns, periods: list[str]) -> np.ndarray:
    """Return which periods have records for part of the time, or none of the imports.

    A site without exports is complete, but every site has imports.
    """
    is_expected = (columns["coverage"] > 0) | (columns["tariff_direction"] == "IMPORT")
    has_gap = is_expected & (columns["coverage"] < 1)
    partial = set(columns["period"][has_gap])
    return np.array([period in partial for period in periods])
