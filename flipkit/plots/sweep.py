"""Pictures of a sweep: a column of the summary over the sizes of what is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from flipkit.errors import InputError
from flipkit.frames import CHANGE_COLUMNS, GLOSSARY, Frame, PivotTable, pivot_table, take
from flipkit.plots.axes import (
    draw_heatmap,
    new_axes,
    outside_legend,
    scenario_colors,
    select_value,
    show_nothing,
    title_suffix,
    wrap_label,
)

__all__ = ["sweep_heatmap", "sweep_lines"]


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
    """Draw a column of the summary over the size of what is added, one line per other choice.

    Parameters
    ----------
    summary : DataFrame
        From `Simulation.summary`, with the columns ``site_id, scenario, currency`` and that of
        `value`.
    ax : Axes, optional
    x : mapping of str to float
        The size by scenario; scenarios that it lacks are left out.
    lines : mapping of str to str, optional
        The line by scenario; by default all are on one line.
    label : str
        Label of the sizes with their unit: ``"battery, kWh"``.
    value : str
        A number column: ``saving``, ``npv``, ``payback_years``, ``self_sufficiency``.
    site_id : str, optional
        Required if there are several.
    dispatch : str, optional
        The dispatch method, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites and none is chosen, or the chosen one does not exist; two scenarios of the
        same size on one line.
    """
    texts = ["site_id", "scenario", "currency"]
    columns = take(summary, numbers=[value], texts=texts, what="summary")
    columns, site = select_value(columns, "site_id", site_id, "summary")
    points = _points(columns["scenario"], columns[value], x, lines or {})

    ax = new_axes(ax, width=7.5, height=4.2, grid="y")
    if not points:
        return show_nothing(ax)
    _draw_lines(ax, points)
    quantity, unit = _quantity_and_unit(value, columns["currency"][0])
    title = f"{wrap_label(site, 40)}: {quantity} by size{title_suffix(dispatch)}"
    ax.set_title(title, loc="left")
    ax.set_ylabel(f"{quantity}, {unit}" if unit else quantity)
    ax.set_xlabel(label)
    return ax


def _draw_lines(ax: Axes, points: Mapping[str, Mapping[float, float]]) -> None:
    """Draw a line through the points of each, with a tick at every size."""
    for (name, line), color in zip(points.items(), scenario_colors(len(points)), strict=True):
        sizes = sorted(line)
        values = [line[size] for size in sizes]
        ax.plot(sizes, values, marker="o", color=color, label=wrap_label(name, 26))
    ticks = sorted({size for line in points.values() for size in line})
    ax.set_xticks(ticks, [f"{size:g}" for size in ticks])
    if len(points) > 1:
        outside_legend(ax)


def _points(
    scenarios: np.ndarray, values: np.ndarray, x: Mapping[str, float], lines: Mapping[str, str]
) -> dict[str, dict[float, float]]:
    """Return the values by line and size."""
    points: dict[str, dict[float, float]] = {}
    for scenario, value in zip(scenarios, values, strict=True):
        if scenario not in x:
            continue
        line = lines.get(scenario, "")
        size = float(x[scenario])
        on_line = points.setdefault(line, {})
        if size in on_line:
            raise InputError(
                f"scenario {scenario!r}: another one has the size {size:g} on the line {line!r}; "
                f"give each its own line with lines="
            )
        on_line[size] = float(value)
    return points


def _quantity_and_unit(column: str, currency: str) -> tuple[str, str]:
    """Return a number column in words, such as ``payback`` and ``years``."""
    unit = GLOSSARY[column].unit if column in GLOSSARY else ""
    if unit == "currency":
        unit = currency
    elif unit == "1":
        unit = ""
    words = column.replace("_", " ").removesuffix(f" {unit}")
    return words.replace("npv", "net present value"), unit


def sweep_heatmap(
    summary: Frame,
    ax: Axes | None = None,
    *,
    index: str | Sequence[str],
    columns: str,
    values: str = "saving",
    site_id: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """Draw a column of the summary over two others, as `Simulation.pivot` arranges it.

    Amounts above zero are blue, below zero red, and the darker the larger.

    Parameters
    ----------
    summary : DataFrame
        From `Simulation.summary`, with the columns ``site_id, scenario, currency`` and the ones
        below. The first scenario is left out where another one has the same cell.
    ax : Axes, optional
    index : str or sequence of str
        Columns that go down, such as ``battery_kwh``.
    columns : str
        The column that goes across, such as ``solar_kw``.
    values : str
        A number column: ``saving``, ``npv``, ``payback_years``, ``self_sufficiency``.
    site_id : str, optional
        Required if there are several.
    dispatch : str, optional
        The dispatch method, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites and none is chosen, or the chosen one does not exist; several scenarios in a
        cell.
    """
    down = [index] if isinstance(index, str) else list(index)
    names = dict.fromkeys([*down, columns, *CHANGE_COLUMNS])
    is_number = {name: name in GLOSSARY and GLOSSARY[name].kind == "number" for name in names}
    rows = take(
        summary,
        numbers=[values, *(name for name in names if is_number[name])],
        texts=["site_id", "currency", *(name for name in names if not is_number[name]), "scenario"],
        optional=[name for name in CHANGE_COLUMNS if name not in (*down, columns)],
        what="summary",
    )
    rows, site = select_value(rows, "site_id", site_id, "summary")
    if not len(rows["scenario"]):
        return show_nothing(new_axes(ax, width=6, height=3))
    is_baseline = rows["scenario"] == rows["scenario"][0]
    table = pivot_table(rows, down, columns, values, yields=is_baseline)
    quantity, unit = _quantity_and_unit(values, rows["currency"][0])

    shape = table.values.shape
    width = np.clip(3.4 + 0.8 * shape[1], 6, 14)
    ax = new_axes(ax, width=width, height=np.clip(1.8 + 0.4 * shape[0], 3, 14))
    _draw_cells(ax, table, f"{quantity}, {unit}" if unit else quantity)
    title = f"{wrap_label(site, 40)}: {quantity}{title_suffix(dispatch)}"
    ax.set_title(wrap_label(title, 60), loc="left")
    ax.set_xlabel(_axis_label(columns))
    ax.set_ylabel("; ".join(_axis_label(name) for name in down))
    return ax


def _draw_cells(ax: Axes, table: PivotTable, label: str) -> None:
    largest = np.nanmax(np.abs(table.values), initial=0.0)
    draw_heatmap(
        ax,
        table.values,
        rows=[
            wrap_label(", ".join(map(_label, row)), 30)
            for row in zip(*table.down.values(), strict=True)
        ],
        columns=[wrap_label(_label(cell), 20) for cell in table.labels.tolist()],
        label=label,
        decimals=2 if largest < 100 else 0,
        is_signed=True,
    )


def _label(cell: float | str) -> str:
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


def _axis_label(name: str) -> str:
    """Return a column of the summary in words, with its unit: ``battery, kWh``."""
    unit = GLOSSARY[name].unit if name in GLOSSARY else ""
    words = name.removesuffix(f"_{unit.lower()}").replace("_", " ")
    return f"{words}, {unit}" if unit and unit != "currency" else words
