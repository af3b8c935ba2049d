"""Pictures of the cost report and of simulations."""

from __future__ import annotations

from math import fsum

import numpy as np
from matplotlib.axes import Axes

from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, quiet
from flipkit.plots.performance import one_currency

__all__ = ["cost_bars", "scenario_savings"]


def cost_bars(report: Frame, ax: Axes | None = None, *, currency: str | None = None) -> Axes:
    """Cost of imports and worth of exports by month or day, over all sites of a currency, and what is left to pay.

    Periods that records do not cover fully are marked with ``*``.

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
        Several currencies and none chosen.
    """
    columns = take(
        report, numbers=["cost", "coverage"], texts=["period", "tariff_direction", "currency"], what="cost report"
    )
    chosen = one_currency(columns["currency"], currency)
    own = columns["currency"] == chosen
    periods = sorted(set(columns["period"][own]))
    paid, earned = (_sums(columns, own, periods, direction) for direction in ("IMPORT", "EXPORT"))
    ax = quiet(axes(ax, width=max(6.0, 0.55 * len(periods) + 2), height=3.6), grid="y")
    ax.bar(periods, paid, color=COLOURS["orange"], label="imports")
    ax.bar(periods, -earned, color=COLOURS["green"], label="exports")
    ax.plot(periods, paid - earned, color="black", marker="o", markersize=3, linewidth=1, label="to pay")
    has_gap = own & (columns["coverage"] < 1) & ((columns["coverage"] > 0) | (columns["tariff_direction"] == "IMPORT"))
    partial = [bool((has_gap & (columns["period"] == period)).any()) for period in periods]
    labels = [f"{p}*" if gap else p for p, gap in zip(periods, partial, strict=True)]
    ax.set_xticks(range(len(periods)), labels, rotation=45, ha="right")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_ylabel(chosen)
    ax.set_title("What energy cost" + ("   (* records are missing)" if any(partial) else ""), loc="left")
    ax.legend(frameon=False, ncols=3)
    return ax


def _sums(columns: dict[str, np.ndarray], own: np.ndarray, periods: list[str], direction: str) -> np.ndarray:
    rows = own & (columns["tariff_direction"] == direction) & ~np.isnan(columns["cost"])
    return np.array([fsum(columns["cost"][rows & (columns["period"] == period)]) for period in periods])


def scenario_savings(summary: Frame, ax: Axes | None = None, *, currency: str | None = None) -> Axes:
    """What each scenario saves against the first one, site by site; to the left of zero it costs more.

    Parameters
    ----------
    summary : DataFrame
        Of `Simulation.summary`.
    ax : Axes, optional
    currency : str, optional
        Needed where the summary holds several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies and none chosen.
    """
    columns = take(summary, numbers=["saving"], texts=["site_id", "scenario", "currency"], what="summary")
    chosen = one_currency(columns["currency"], currency)
    own = columns["currency"] == chosen
    sites = list(dict.fromkeys(columns["site_id"][own]))
    first, *others = dict.fromkeys(columns["scenario"][own])
    ax = quiet(axes(ax, width=7, height=1.4 + (0.15 + 0.16 * len(others)) * len(sites)), grid="x")
    thick = 0.8 / max(len(others), 1)
    for number, scenario in enumerate(others):
        rows = own & (columns["scenario"] == scenario)
        place = [sites.index(site) + (number - (len(others) - 1) / 2) * thick for site in columns["site_id"][rows]]
        ax.barh(place, columns["saving"][rows], thick, label=scenario, color=list(COLOURS.values())[number % 5])
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(sites)), sites)
    ax.invert_yaxis()
    ax.set_xlabel(f"{chosen}; standing charges are not in it")
    ax.set_title(f"What each scenario saves against {first!r}", loc="left")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
