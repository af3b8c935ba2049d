"""Pictures of the performance and lost-value reports."""

from __future__ import annotations

from math import ceil, fsum

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from flipkit.errors import InputError
from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, nothing_to_show, quiet

__all__ = ["lost_value_bars", "performance_heatmap"]

_MOST_LINES = 120  # of text beside a picture; of a larger fleet every second or third site is named


def performance_heatmap(report: Frame, ax: Axes | None = None) -> Axes:
    """The performance index of each site and month: red below expectation, blue above, hatched where not judged.

    Parameters
    ----------
    report : DataFrame
        Of `performance_report` or ``flip.equipment_performance``.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    columns = take(
        report, numbers=["performance_index"], texts=["site_id", "month"], what="performance report"
    )
    sites, rows = np.unique(columns["site_id"].astype(str), return_inverse=True)
    months, cols = np.unique(columns["month"].astype(str), return_inverse=True)
    index = np.full((len(sites), len(months)), np.nan)
    index[rows, cols] = columns["performance_index"]
    ax = axes(ax, width=2.2 + 0.5 * len(months), height=1.2 + 0.24 * min(len(sites), _MOST_LINES))
    ax.set_title("Performance index (actual / expected)", loc="left")
    if not index.size:
        return nothing_to_show(ax)
    ax.set_facecolor("white")
    ax.patch.set(hatch="////", edgecolor="#cccccc")
    edge = "white" if len(sites) <= _MOST_LINES else "none"
    image = ax.pcolormesh(
        np.ma.masked_invalid(index), cmap="RdBu", norm=TwoSlopeNorm(1.0, 0.5, 1.5), edgecolor=edge
    )
    ax.set_xticks(np.arange(len(months)) + 0.5, months, rotation=45, ha="right")
    named = np.arange(0, len(sites), ceil(len(sites) / _MOST_LINES))
    ax.set_yticks(named + 0.5, sites[named], fontsize=8)
    ax.invert_yaxis()
    ax.figure.colorbar(
        image, ax=ax, extend="both", shrink=0.6, label="1 is as expected; hatched: not judged"
    )
    return ax


def lost_value_bars(
    report: Frame, ax: Axes | None = None, *, currency: str | None = None, top: int = 10
) -> Axes:
    """The sites whose lost production is worth most, with the band from all exported to all used.

    Parameters
    ----------
    report : DataFrame
        Of `lost_value_report`.
    ax : Axes, optional
    currency : str, optional
        Needed where the report holds several.
    top : int
        How many sites.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies and none chosen, or one that is not there.
    """
    names = ["lost_value", "lost_value_low", "lost_value_high"]
    columns = take(report, numbers=names, texts=["site_id", "currency"], what="lost value report")
    chosen = one_currency(columns["currency"], currency)
    own = (columns["currency"] == chosen) & ~np.isnan(columns["lost_value"])
    sites = sorted(set(columns["site_id"][own]))
    sums = {s: [fsum(columns[n][own & (columns["site_id"] == s)]) for n in names] for s in sites}
    worst = sorted(sites, key=lambda s: (-sums[s][0], s))[:top]
    ax = quiet(axes(ax, width=6, height=1.2 + 0.3 * len(worst)), grid="x")
    ax.set_title("What lost production is worth", loc="left")
    if not worst:
        return nothing_to_show(ax)
    value, low, high = np.array([sums[s] for s in worst]).T
    ax.barh(
        worst,
        value,
        color=COLOURS["red"],
        xerr=[value - low, high - value],
        ecolor="#555555",
        capsize=3,
    )
    ax.invert_yaxis()
    ax.set_xlabel(f"{chosen}; bar: at the site's own use, whisker: all exported to all used")
    return ax


def one_currency(currencies: np.ndarray, chosen: str | None) -> str:
    """The currency to draw; amounts of different ones do not share an axis. Without any amount, what was chosen.

    Raises
    ------
    InputError
        Several and none chosen, or one that is not there.
    """
    there = sorted({c for c in currencies if c})
    if chosen is None and len(there) == 1:
        return str(there[0])
    if there and chosen not in there:
        raise InputError(f"the report holds {', '.join(there)}; choose one with currency=")
    return chosen or ""
