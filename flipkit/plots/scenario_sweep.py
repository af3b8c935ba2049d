"""A figure of the summary over the sizes of a sweep."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from flipkit.errors import InputError
from flipkit.frames import GLOSSARY, Frame, take
from flipkit.plots.axes import axes, nothing_to_show, quiet
from flipkit.plots.scenario_frame import battery_by, colours, only, rows, wrapped

__all__ = ["sweep_lines"]


def sweep_lines(
    summary: Frame,
    ax: Axes | None = None,
    *,
    x: Mapping[str, float],
    lines: Mapping[str, str] | None = None,
    label: str = "",
    value: str = "saving",
    site_id: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """What sizes bring: a column of the summary over one size, a line for each choice of the rest.

    Parameters
    ----------
    summary : DataFrame
        Of `Simulation.summary`.
    ax : Axes, optional
    x : mapping of str to float
        The size by scenario; scenarios that it does not name are left out.
    lines : mapping of str to str, optional
        The line of each scenario; all are on one without.
    label : str
        What the sizes are, with their unit: ``"battery, kWh"``.
    value : str
        A column of numbers: ``saving``, ``npv``, ``payback_years``, ``self_sufficiency``.
    site_id : str, optional
        Needed where the summary holds several.
    dispatch : str, optional
        How batteries are run, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites and none chosen, or one that is not there; two scenarios at one place.
    """
    columns = take(
        summary, numbers=[value], texts=["site_id", "scenario", "currency"], what="summary"
    )
    site = only(columns["site_id"], site_id, "site_id", "summary")
    columns = rows(columns, columns["site_id"] == site)
    points = _points(columns, value, x, lines or {})
    ax = quiet(axes(ax, width=7.5, height=4.2), grid="y")
    if not points:
        return nothing_to_show(ax)
    for (name, line), colour in zip(points.items(), colours(len(points)), strict=True):
        sizes = sorted(line)
        ax.plot(
            sizes, [line[size] for size in sizes], marker="o", color=colour, label=wrapped(name, 26)
        )
    unit = GLOSSARY[value].unit if value in GLOSSARY else ""
    named = {"currency": columns["currency"][0], "1": ""}.get(unit, unit)
    words = value.replace("_", " ").removesuffix(f" {named}").replace("npv", "net present value")
    ax.set_title(f"{wrapped(site, 40)}: {words} by size{battery_by(dispatch)}", loc="left")
    ax.set_ylabel(f"{words}, {named}" if named else words)
    ax.set_xlabel(label)
    ticks = sorted({size for line in points.values() for size in line})
    ax.set_xticks(ticks, [f"{size:g}" for size in ticks])
    if len(points) > 1:
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _points(
    columns: dict[str, np.ndarray], value: str, x: Mapping[str, float], lines: Mapping[str, str]
) -> dict[str, dict[float, float]]:
    """The values by line and size."""
    found: dict[str, dict[float, float]] = {}
    for scenario, number in zip(columns["scenario"], columns[value], strict=True):
        if scenario not in x:
            continue
        line, size = lines.get(scenario, ""), float(x[scenario])
        if size in found.setdefault(line, {}):
            raise InputError(
                f"scenario {scenario!r}: another has the size {size:g} on the line {line!r}; give lines="
            )
        found[line][size] = float(number)
    return found
