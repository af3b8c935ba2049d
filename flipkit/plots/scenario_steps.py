"""What each change of a scenario brings, step by step."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, nothing_to_show, quiet
from flipkit.plots.scenario_frame import battery_by, money, only, rows, wrapped

__all__ = ["savings_waterfall"]


def savings_waterfall(
    waterfall: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """From the cost of the first scenario to that of another, one step a change.

    Parameters
    ----------
    waterfall : DataFrame
        Of `Simulation.waterfall`.
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
    texts = ["site_id", "scenario", "step", "currency"]
    columns = take(waterfall, numbers=["change", "cost"], texts=texts, what="waterfall")
    site = only(columns["site_id"], site_id, "site_id", "waterfall")
    columns = rows(columns, columns["site_id"] == site)
    name = only(columns["scenario"], scenario, "scenario", "waterfall")
    columns = rows(columns, columns["scenario"] == name)
    count = len(columns["step"])
    ax = quiet(axes(ax, width=float(np.clip(1.3 * count + 1.5, 7, 12)), height=4.4), grid="y")
    if not count:
        return nothing_to_show(ax)
    ax.set_title(_title(site, name, columns, dispatch), loc="left")
    cost, change = columns["cost"], columns["change"]
    before = np.concatenate([[0.0], cost[:-2], [0.0]])
    height = np.concatenate([cost[:1], change[1:-1], cost[-1:]])
    shades = [
        COLOURS["grey"],
        *np.where(change[1:-1] > 0, COLOURS["red"], COLOURS["green"]),
        COLOURS["grey"],
    ]
    place = np.arange(count)
    ax.bar(place, height, 0.62, bottom=before, color=shades)
    ax.hlines(cost[:-1], place[:-1] - 0.31, place[1:] + 0.31, color="black", linewidth=0.8)
    for x, amount in enumerate(height):
        words, top = money(amount, sign=0 < x < count - 1), max(before[x], before[x] + amount)
        ax.annotate(words, (x, top), xytext=(0, 4), textcoords="offset points", ha="center")
    ax.axhline(0, color="black", linewidth=0.8)
    names = [*columns["step"][:-1], name]
    ax.set_xticks(place, [wrapped(each, 16) for each in names])
    low, high = float(min(0.0, cost.min())), float(max(0.0, cost.max()))
    if low < high:
        ax.set_ylim(
            low - 0.04 * (high - low) * (low < 0), high + 0.1 * (high - low)
        )  # room for the amounts
    ax.set_xlabel("each step: what it brings in the mean of all orders of the steps")
    ax.set_ylabel(f"cost, {columns['currency'][0]}")
    return ax


def _title(site: str, scenario: str, columns: dict[str, np.ndarray], dispatch: str | None) -> str:
    difference, first = columns["change"][-1], columns["step"][0]
    which = "less" if difference < 0 else "more"
    words = f"{money(abs(difference))} {columns['currency'][0]} {which}"
    return wrapped(
        f"{site}: why {scenario!r} costs {words} than {first!r}{battery_by(dispatch)}", 76
    )
