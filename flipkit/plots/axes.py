"""What all pictures share: axes, colors, labels, heat maps, selections, and the PNG writer."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable, Sequence
from math import ceil, fsum
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flipkit.errors import InputError
from flipkit.frames import checked_target, replace_file

__all__ = [
    "COLORS",
    "DISPATCH_NAMES",
    "Columns",
    "draw_heatmap",
    "draw_total",
    "format_amount",
    "new_axes",
    "outside_legend",
    "period_axes",
    "pivot",
    "remove_spines",
    "scenario_colors",
    "select_currency",
    "select_home",
    "select_one",
    "select_rows",
    "select_value",
    "show_nothing",
    "sums_by",
    "title_suffix",
    "wrap_label",
    "write_png",
    "zero_line",
]

Columns: TypeAlias = dict[str, np.ndarray]
"""The columns of a frame that a picture reads, from `flipkit.frames.take`."""

# Okabe and Ito, "Color Universal Design" (2008): distinguishable with every kind of color vision.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "grey": "#999999",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",  # weak on white, therefore the last one that is used
}

DISPATCH_NAMES = {
    "rule_tou": "rule with night charging",
    "rule": "rule",
    "day_ahead": "day-ahead",
    "optimal": "perfect foresight",
}
"""The dispatch methods as pictures name them."""

_MAX_PERIOD_LABELS = 31
"""Of more periods only every second, third, ... is named."""

_MAX_VALUES_SHOWN = 6  # in an error message
_MAX_FIGURES = 300  # in the cells of a heat map; more are not readable


# ---- Axes


def new_axes(ax: Axes | None, *, width: float, height: float, grid: str | None = None) -> Axes:
    """Return `ax`, or the Axes of a new figure of that size in inches.

    With `grid` it gets grid lines along that axis, and no spines at the top and right.
    """
    if ax is None:
        import matplotlib.pyplot as plt  # it chooses a backend: not when an Axes is given

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax if grid is None else remove_spines(ax, grid=grid)


def remove_spines(ax: Axes, *, grid: str | None = None) -> Axes:
    """Remove the upper and right spine; draw grid lines along the axis `grid`, if given."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid is not None:
        options: dict[str, Any] = {"axis": grid, "color": "#dddddd", "linewidth": 0.8}
        ax.grid(visible=True, **options)
        ax.set_axisbelow(True)
    return ax


def zero_line(ax: Axes) -> None:
    """Draw the line between amounts above and below zero."""
    ax.axhline(0, color="black", linewidth=0.8)


def period_axes(ax: Axes | None, periods: Sequence[str], *, title: str, currency: str) -> Axes:
    """Return Axes for amounts by month or day, with the periods and the currency as labels."""
    width = np.clip(0.55 * len(periods) + 2, 6, 12)
    ax = new_axes(ax, width=width, height=3.6, grid="y")
    ax.set_title(title, loc="left")
    if not periods:
        return show_nothing(ax)
    every = ceil(len(periods) / _MAX_PERIOD_LABELS)
    position = np.arange(0, len(periods), every)
    ax.set_xticks(position, periods[::every], rotation=45, ha="right")
    ax.set_ylabel(currency)
    return ax


def draw_total(ax: Axes, amounts: np.ndarray) -> None:
    """Draw the sum of each period's bars as a line, with dots if there are few periods."""
    marker = "o" if len(amounts) <= _MAX_PERIOD_LABELS else ""
    line: dict[str, Any] = {"color": "black", "marker": marker, "markersize": 3, "linewidth": 1}
    ax.plot(np.arange(len(amounts)), amounts, label="to pay", **line)


def show_nothing(ax: Axes) -> Axes:
    """Write into the picture that the frame has no rows to draw."""
    ax.text(
        0.5,
        0.5,
        "nothing to show",
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=COLORS["grey"],
    )
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def outside_legend(ax: Axes, *handles_and_labels: Any) -> None:
    """Place the legend on the right of the Axes, at the top."""
    ax.legend(*handles_and_labels, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_heatmap(
    ax: Axes,
    values: np.ndarray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    decimals: int = 0,
    is_signed: bool = False,
) -> Axes:
    """Draw amounts as a heat map: light is cheap; numbers stand in the cells if they are few.

    Signed amounts are blue above zero and red below, light near zero.
    """
    if not values.size:
        return show_nothing(ax)
    colors: dict[str, Any] = {"cmap": "YlOrRd", "vmin": 0.0}
    if is_signed:
        largest = np.nanmax(np.abs(values), initial=0.0) or 1.0
        colors = {"cmap": "RdBu", "vmin": -largest, "vmax": largest}
        if np.nanmin(values, initial=0.0) >= 0:
            colors = {"cmap": "Blues", "vmin": 0.0, "vmax": largest}
    image = ax.pcolormesh(values, edgecolor="white", **colors)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=30, ha="right")
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.invert_yaxis()
    if values.size <= _MAX_FIGURES:
        _write_figures(ax, values, decimals)
    ax.figure.colorbar(image, ax=ax, label=label)
    return ax


def _write_figures(ax: Axes, values: np.ndarray, decimals: int) -> None:
    dark_from = 0.6 * np.nanmax(np.abs(values))
    for (row, column), value in np.ndenumerate(values):
        x, y = column + 0.5, row + 0.5
        figure = "" if np.isnan(value) else f"{value:,.{decimals}f}".replace("-", "\u2212")
        color = "white" if abs(value) > dark_from else "black"
        ax.text(x, y, figure, ha="center", va="center", color=color)


# ---- Rows and choices


def select_rows(columns: Columns, selected: np.ndarray) -> Columns:
    """Return the selected rows of each column."""
    return {name: values[selected] for name, values in columns.items()}


def select_one(values: Iterable[str | None], chosen: str | None, option: str, what: str) -> str:
    """Return the chosen value, or the only one; of a frame without rows, an empty string.

    Raises
    ------
    InputError
        Several values and none is chosen, or the chosen one does not exist.
    """
    existing = [value for value in dict.fromkeys(values) if value]
    if chosen is None and len(existing) == 1:
        return existing[0]
    if existing and chosen not in existing:
        names = ", ".join(existing[:_MAX_VALUES_SHOWN])
        hidden = len(existing) - _MAX_VALUES_SHOWN
        more = f" and {hidden} more" if hidden > 0 else ""
        raise InputError(f"the {what} holds {names}{more}; choose one with {option}=")
    return chosen or ""


def select_value(columns: Columns, name: str, chosen: str | None, what: str) -> tuple[Columns, str]:
    """Return the rows with the chosen value of a column, or the only one, and this value."""
    value = select_one(columns[name], chosen, name, what)
    return select_rows(columns, columns[name] == value), value


def select_currency(columns: Columns, chosen: str | None, what: str) -> tuple[Columns, str]:
    """Return the rows of one currency: amounts of several never share an axis."""
    existing = sorted({currency for currency in columns["currency"] if currency})
    currency = select_one(existing, chosen, "currency", what)
    return select_rows(columns, columns["currency"] == currency), currency


def select_home(
    columns: Columns, site_id: str | None, scenario: str | None, what: str
) -> tuple[Columns, str, str]:
    """Return the rows of one site and scenario, and their names."""
    columns, site = select_value(columns, "site_id", site_id, what)
    columns, name = select_value(columns, "scenario", scenario, what)
    return columns, site, name


class Pivot(NamedTuple):
    """Two columns of labels as the rows and columns of a table.

    Attributes
    ----------
    rows, columns : list of str
        The distinct labels.
    row, column : ndarray of int
        The cell of each row of the frame.
    """

    rows: list[str]
    columns: list[str]
    row: np.ndarray
    column: np.ndarray

    def table(self, values: np.ndarray) -> np.ndarray:
        """Return a column of the frame as a table, NaN in cells that the frame lacks."""
        cells = np.full((len(self.rows), len(self.columns)), np.nan)
        cells[self.row, self.column] = values
        return cells


def pivot(down: np.ndarray, across: np.ndarray, *, sort: bool = False) -> Pivot:
    """Pivot two columns of labels, which keep their order unless they are sorted."""
    rows, row = _index_labels(down, sort)
    columns, column = _index_labels(across, sort)
    return Pivot(rows=rows, columns=columns, row=row, column=column)


def _index_labels(labels: np.ndarray, sort: bool) -> tuple[list[str], np.ndarray]:
    names = list(dict.fromkeys(map(str, labels)))
    if sort:
        names.sort()
    position = {name: number for number, name in enumerate(names)}
    return names, np.array([position[str(label)] for label in labels], dtype=int)


def sums_by(amounts: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the sum of the amounts of each name."""
    return np.array([fsum(amounts[labels == name]) for name in names])


# ---- Colors and labels


def scenario_colors(count: int) -> list[Any]:
    """Return distinct colors for scenarios; for many of them, evenly spaced ones of a scale."""
    if count <= len(COLORS):
        return list(COLORS.values())[:count]
    return list(mpl.colormaps["viridis"](np.linspace(0, 0.95, count)))


def title_suffix(dispatch: str | None) -> str:
    """Return what a title says about the dispatch method; nothing if it is not known."""
    return f"; battery: {DISPATCH_NAMES.get(dispatch, dispatch)}" if dispatch else ""


def wrap_label(name: str, width: int, lines: int = 4) -> str:
    """Return a name in lines of that many characters, cut with an ellipsis after the last one."""
    wrapped = textwrap.fill(name, width, max_lines=lines, placeholder=" …")
    return wrapped.replace("$", r"\$")  # else matplotlib reads a formula


def format_amount(amount: float, *, sign: bool = False) -> str:
    """Return an amount with two decimals; its minus sign is as wide as a plus sign."""
    text = f"{amount:+,.2f}" if sign else f"{amount:,.2f}"
    return text.replace("-", "\u2212")


# ---- PNG


def write_png(path: Path, draw: Callable[..., Axes], *data: Any, **options: Any) -> Path:
    """Draw a picture without a window and write it as PNG; the same data give the same bytes.

    Parameters
    ----------
    path : Path
        The file to write; it is replaced atomically, and missing folders are created.
    draw : callable
        A function of this room.
    *data, **options
        Passed to `draw`.

    Returns
    -------
    Path
        The PNG file.

    Raises
    ------
    InputError
        A path that is not a regular file, or what `draw` raises.
    """
    import matplotlib.pyplot as plt

    previous = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        figure = cast(Figure, draw(*data, **options).figure)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
        plt.close(figure)
    finally:
        plt.switch_backend(previous)
    target = checked_target(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content.getvalue())
    return target
