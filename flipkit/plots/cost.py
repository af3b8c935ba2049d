"""A picture of the cost report."""

from __future__ import annotations

from math import ceil, fsum

import numpy as np
from matplotlib.axes import Axes

from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, nothing_to_show, quiet
from flipkit.plots.performance import one_currency

__all__ = ["cost_bars"]

_MOST_LABELS = 31  # below the bars; of more periods every second or seventh is named


def cost_bars(report: Frame, ax: Axes | None = None, *, currency: str | None = None) -> Axes:
    """Cost of imports and worth of exports by month or day, over all sites of a currency, and what is left to pay.

    Periods that records do not cover fully are marked with a cross.

    Parameters
    ----------
    report : DataFrame
        Of `cost_report`.
    ax : Axes, optional
    currency : str, optional
        Needed where the report holds several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies and none chosen, or one that is not there.
    """
    columns = take(
        report,
        numbers=["cost", "coverage"],
        texts=["period", "tariff_direction", "currency"],
        what="cost report",
    )
    chosen = one_currency(columns["currency"], currency)
    own = columns["currency"] == chosen
    periods = sorted(set(columns["period"][own]))
    ax = quiet(axes(ax, width=float(np.clip(0.55 * len(periods) + 2, 6, 12)), height=3.6), grid="y")
    ax.set_title("What energy cost", loc="left")
    if not periods:
        return nothing_to_show(ax)
    paid, earned = (_sums(columns, own, periods, direction) for direction in ("IMPORT", "EXPORT"))
    place = np.arange(len(periods))
    ax.bar(place, paid, color=COLOURS["orange"], label="imports")
    ax.bar(place, -earned, color=COLOURS["green"], label="exports")
    marker = "o" if len(periods) <= _MOST_LABELS else ""
    ax.plot(
        place,
        paid - earned,
        color="black",
        marker=marker,
        markersize=3,
        linewidth=1,
        label="to pay",
    )
    partial = _partial(columns, own, periods)
    if partial.any():
        ax.plot(
            place[partial],
            np.zeros(partial.sum()),
            "x",
            color=COLOURS["red"],
            label="records are missing",
        )
    ax.axhline(0, color="black", linewidth=0.8)
    named = place[:: ceil(len(periods) / _MOST_LABELS)]
    ax.margins(x=0.02)
    ax.set_xticks(named, [periods[number] for number in named], rotation=45, ha="right")
    ax.set_ylabel(chosen)
    ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    return ax


def _sums(
    columns: dict[str, np.ndarray], own: np.ndarray, periods: list[str], direction: str
) -> np.ndarray:
    rows = own & (columns["tariff_direction"] == direction) & ~np.isnan(columns["cost"])
    return np.array(
        [fsum(columns["cost"][rows & (columns["period"] == period)]) for period in periods]
    )


def _partial(columns: dict[str, np.ndarray], own: np.ndarray, periods: list[str]) -> np.ndarray:
    """Periods with records for a part of the time, or without the imports that every site has."""
    begun = (columns["coverage"] > 0) | (columns["tariff_direction"] == "IMPORT")
    gaps = set(columns["period"][own & begun & (columns["coverage"] < 1)])
    return np.array([period in gaps for period in periods])
