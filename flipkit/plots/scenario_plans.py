"""A home under every pair of an import and an export plan."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from flipkit.frames import Frame, take
from flipkit.plots.axes import axes, nothing_to_show
from flipkit.plots.bill import heatmap
from flipkit.plots.scenario_frame import battery_by, flag, only, rows, wrapped

__all__ = ["plan_regret_by_month", "plan_regret_heatmap"]

_KEY = "star: the cheapest; outlined: the home's own"


def plan_regret_heatmap(
    regret: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """What a home would cost under each pair of plans above the cheapest pair, over the whole time.

    Parameters
    ----------
    regret : DataFrame
        Of `Simulation.regret`.
    ax : Axes, optional
    site_id, scenario : str, optional
        Needed where the frame holds several.
    dispatch : str, optional
        How batteries are run, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites or scenarios and none chosen, or one that is not there.
    """
    columns, home = _home(regret, site_id, scenario, whole=True)
    bought, sold = (list(dict.fromkeys(columns[name])) for name in ("import_plan", "export_plan"))
    ax = axes(ax, width=max(6.5, 4 + 1.3 * len(sold)), height=2.2 + 0.5 * len(bought))
    title = f"{home}: cost of each pair of plans above the cheapest{battery_by(dispatch)}"
    ax = _table(ax, columns, columns["import_plan"], columns["export_plan"], title)
    if len(columns["regret"]):
        ax.set_ylabel("imports by")
        ax.set_xlabel("exports by")
    return ax


def plan_regret_by_month(
    regret: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """What a home would cost under each pair of plans above the cheapest pair of the month.

    Parameters
    ----------
    regret : DataFrame
        Of `Simulation.regret`.
    ax : Axes, optional
    site_id, scenario : str, optional
        Needed where the frame holds several.
    dispatch : str, optional
        How batteries are run, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites or scenarios and none chosen, or one that is not there.
    """
    columns, home = _home(regret, site_id, scenario, whole=False)
    exports = set(columns["export_plan"])
    pairs = columns["import_plan"].copy()
    if len(exports) > 1:
        pairs[:] = [
            f"{one}, exports {other}"
            for one, other in zip(pairs, columns["export_plan"], strict=True)
        ]
    months = sorted(set(columns["month"]))
    ax = axes(ax, width=max(6.5, 5 + 0.6 * len(months)), height=2.0 + 0.42 * len(set(pairs)))
    title = f"{home}: cost of each plan above the cheapest of the month{battery_by(dispatch)}"
    return _table(ax, columns, pairs, columns["month"], title)


def _home(
    regret: Frame, site_id: str | None, scenario: str | None, *, whole: bool
) -> tuple[dict[str, np.ndarray], str]:
    texts = ["site_id", "scenario", "month", "import_plan", "export_plan", "currency"]
    columns = take(regret, numbers=["regret"], texts=texts, what="regret frame")
    columns |= {name: flag(regret, name) for name in ("best", "own")}
    site = only(columns["site_id"], site_id, "site_id", "regret frame")
    columns = rows(columns, columns["site_id"] == site)
    name = only(columns["scenario"], scenario, "scenario", "regret frame")
    is_whole = np.array([month is None for month in columns["month"]], dtype=bool)
    return rows(columns, (columns["scenario"] == name) & (is_whole == whole)), f"{site}, {name!r}"


def _table(
    ax: Axes, columns: dict[str, np.ndarray], down: np.ndarray, across: np.ndarray, title: str
) -> Axes:
    """A cell for each row of the frame; of the cheapest a star, around one's own a line."""
    if not len(down):
        return nothing_to_show(ax)
    names, labels = list(dict.fromkeys(down)), list(dict.fromkeys(across))
    row, column = (
        np.array([known.index(v) for v in values])
        for known, values in ((names, down), (labels, across))
    )
    values = np.full((len(names), len(labels)), np.nan)
    values[row, column] = columns["regret"]
    down_names, across_names = ([wrapped(each, 30) for each in known] for known in (names, labels))
    label = f"above the cheapest, {columns['currency'][0]}"
    heatmap(
        ax, values, down_names, across_names, label, decimals=2 if np.nanmax(values) < 100 else 0
    )
    ax.set_title(f"{wrapped(title, 68)}\n{_KEY}", loc="left")
    best, own = columns["best"], columns["own"]
    ax.plot(
        column[best] + 0.5, row[best] + 0.22, "*", color="black", markersize=7, label="cheapest"
    )
    line: dict[str, Any] = {"fill": False, "edgecolor": "black", "linewidth": 2, "clip_on": False}
    for x, y in zip(column[own], row[own], strict=True):
        ax.add_patch(Rectangle((x, y), 1, 1, **line))
    return ax
