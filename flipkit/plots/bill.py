"""Pictures of bills: what a bill is made of, and what every tariff would have cost."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from flipkit.errors import InputError
from flipkit.frames import Frame, take
from flipkit.plots.axes import (
    COLORS,
    Columns,
    draw_heatmap,
    draw_total,
    new_axes,
    outside_legend,
    period_axes,
    pivot,
    select_currency,
    select_evaluated,
    select_home,
    select_rows,
    select_value,
    show_nothing,
    sums_by,
    title_suffix,
    wrap_label,
    zero_line,
)
from flipkit.tariffs.rating import component_kind

__all__ = [
    "bill_bars",
    "plan_regret_by_month",
    "plan_regret_heatmap",
    "regret_by_month",
    "regret_heatmap",
]

# The kinds of components, in the order of a bill.
_KINDS = {
    "energy": COLORS["orange"],
    "demand": COLORS["red"],
    "fixed": COLORS["grey"],
    "adder": COLORS["yellow"],
    "minimum": COLORS["purple"],
    "tax": COLORS["blue"],
    "export": COLORS["green"],
    "carry over": COLORS["sky"],
}
_KEY = "star: cheapest; outlined: the home's own"


# ---- One bill


def bill_bars(
    bill: Frame, ax: Axes | None = None, *, tariff: str | None = None, currency: str | None = None
) -> Axes:
    """Draw the components of bills by month: charges above zero, credits below, the sum as a line.

    Parameters
    ----------
    bill : DataFrame
        From `flipkit.bill`, with the columns ``site_id, tariff, month, component, cost, currency``.
        The amounts of all sites are added.
    ax : Axes, optional
    tariff : str, optional
        Required if a site has bills of several tariffs.
    currency : str, optional
        Required if there are several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several tariffs of a site or several currencies and none is chosen, or the chosen one does
        not exist.
    """
    texts = ["site_id", "tariff", "month", "component", "currency"]
    columns = take(bill, numbers=["cost"], texts=texts, what="bill")
    columns = _select_tariff(columns, tariff)
    columns, chosen = select_currency(columns, currency, "bill")
    columns = select_evaluated(columns, "month")
    months = sorted(set(columns["month"]))

    title = f"Components of the bill: {tariff}" if tariff else "Components of the bill"
    ax = period_axes(ax, months, title=title, currency=chosen)
    if months:
        _draw_components(ax, columns, months)
        zero_line(ax)
        outside_legend(ax)
    return ax


def _select_tariff(columns: Columns, tariff: str | None) -> Columns:
    """Return the rows of a tariff; without one, all rows, if no site has bills of several."""
    if tariff is not None:
        return select_value(columns, "tariff", tariff, "bill")[0]
    tariff_of: dict[str, str] = {}
    for site, name in zip(columns["site_id"], columns["tariff"], strict=True):
        first = tariff_of.setdefault(site, name)
        if name != first:
            raise InputError(
                f"site {site} has bills of {first!r} and {name!r}; choose one with tariff="
            )
    return columns


def _draw_components(ax: Axes, columns: Columns, months: list[str]) -> None:
    kinds = np.array([component_kind(name) for name in columns["component"]], dtype=object)
    position = np.arange(len(months))
    top = np.zeros(len(months))
    bottom = np.zeros(len(months))
    for kind, color in _KINDS.items():
        of_kind = kinds == kind
        amounts = sums_by(columns["cost"][of_kind], columns["month"][of_kind], months)
        if amounts.any():
            base = np.where(amounts < 0, bottom, top)
            ax.bar(position, amounts, bottom=base, color=color, label=kind)
            top = top + np.maximum(amounts, 0)
            bottom = bottom + np.minimum(amounts, 0)
    draw_total(ax, top + bottom)
    if bottom.min() < top.max():
        ax.set_ylim(1.06 * bottom.min(), 1.06 * top.max())  # room for the line at the ends of bars


# ---- Bills of several tariffs


def regret_by_month(bill: Frame, ax: Axes | None = None, *, site_id: str | None = None) -> Axes:
    """Draw what each tariff would have cost a site above the cheapest one of the month.

    Parameters
    ----------
    bill : DataFrame
        From `flipkit.bill` with a list of tariffs, with the columns ``site_id, tariff, month, cost,
        currency``.
    ax : Axes, optional
    site_id : str, optional
        Required if there are several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites and none is chosen, or the chosen one does not exist; several currencies; a
        tariff without one of the months.
    """
    texts = ["site_id", "tariff", "month", "currency"]
    columns = take(bill, numbers=["cost"], texts=texts, what="bill")
    columns, site = select_value(columns, "site_id", site_id, "bill")
    columns, currency = select_currency(columns, None, "bill")
    columns = select_evaluated(columns, "month")
    months = sorted(set(columns["month"]))
    tariffs = sorted(set(columns["tariff"]))
    cost = _cost_by_tariff(columns, tariffs, months)
    regret = cost - cost.min(axis=0) if cost.size else cost

    width = 4 + 0.55 * len(months)
    height = 1.6 + 0.35 * len(tariffs)
    ax = new_axes(ax, width=width, height=height)
    ax.set_title(f"Cost of {site} above the cheapest tariff of the month", loc="left")
    return draw_heatmap(ax, regret, rows=tariffs, columns=months, label=currency)


def _cost_by_tariff(columns: Columns, tariffs: list[str], months: list[str]) -> np.ndarray:
    cost = np.empty((len(tariffs), len(months)))
    for row, tariff in enumerate(tariffs):
        for column, month in enumerate(months):
            selected = (columns["tariff"] == tariff) & (columns["month"] == month)
            if not selected.any():
                raise InputError(
                    f"bill: tariff {tariff!r} has no month {month}; rate the same energy under all "
                    f"tariffs"
                )
            cost[row, column] = fsum(columns["cost"][selected])
    return cost


def regret_heatmap(matrix: Frame, ax: Axes | None = None) -> Axes:
    """Draw what each tariff would cost each site above its cheapest one, which has a zero.

    Parameters
    ----------
    matrix : DataFrame
        From `flipkit.bill_matrix`, with the columns ``site_id, tariff, regret, currency``.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies.
    """
    texts = ["site_id", "tariff", "currency"]
    columns = take(matrix, numbers=["regret"], texts=texts, what="bill matrix")
    columns, currency = select_currency(columns, None, "bill matrix")
    cells = pivot(columns["site_id"], columns["tariff"], sort=True)
    regret = cells.table(columns["regret"])

    width = 3 + 1.1 * len(cells.columns)
    height = 1.8 + 0.28 * min(len(cells.rows), 120)
    ax = new_axes(ax, width=width, height=height)
    ax.set_title("Cost above the cheapest tariff", loc="left")
    return draw_heatmap(ax, regret, rows=cells.rows, columns=cells.columns, label=currency)


# ---- Pairs of an import and an export tariff


def plan_regret_heatmap(
    regret: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """Draw what a home would cost under each pair of tariffs above the cheapest pair, in total.

    Parameters
    ----------
    regret : DataFrame
        From `Simulation.regret`, with the columns ``site_id, scenario, month, import_plan,
        export_plan, regret, best, own, currency``.
    ax : Axes, optional
    site_id, scenario : str, optional
        Required if there are several.
    dispatch : str, optional
        The dispatch method, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites or scenarios and none is chosen, or the chosen one does not exist.
    """
    columns, home = _read_regret(regret, site_id, scenario, by_month=False)
    imports, exports = columns["import_plan"], columns["export_plan"]
    width = 4 + 1.3 * len(set(exports))
    ax = new_axes(ax, width=max(6.5, width), height=2.2 + 0.5 * len(set(imports)))
    title = f"{home}: cost of each pair of plans above the cheapest{title_suffix(dispatch)}"
    ax = _draw_regret(ax, columns, imports, exports, title)
    if len(imports):
        ax.set_ylabel("import plan")
        ax.set_xlabel("export plan")
    return ax


def plan_regret_by_month(
    regret: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """Draw what a home would cost under each pair of tariffs above the cheapest pair of the month.

    Parameters
    ----------
    regret : DataFrame
        From `Simulation.regret`, with the columns ``site_id, scenario, month, import_plan,
        export_plan, regret, best, own, currency``.
    ax : Axes, optional
    site_id, scenario : str, optional
        Required if there are several.
    dispatch : str, optional
        The dispatch method, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites or scenarios and none is chosen, or the chosen one does not exist.
    """
    columns, home = _read_regret(regret, site_id, scenario, by_month=True)
    imports, exports = columns["import_plan"], columns["export_plan"]
    pairs = imports.copy()
    if len(set(exports)) > 1:
        for row in range(len(pairs)):
            pairs[row] = f"{imports[row]}, exports {exports[row]}"
    width = 5 + 0.6 * len(set(columns["month"]))
    ax = new_axes(ax, width=max(6.5, width), height=2.0 + 0.42 * len(set(pairs)))
    title = f"{home}: cost of each plan above the cheapest of the month{title_suffix(dispatch)}"
    return _draw_regret(ax, columns, pairs, columns["month"], title)


def _read_regret(
    regret: Frame, site_id: str | None, scenario: str | None, *, by_month: bool
) -> tuple[Columns, str]:
    """Return the rows of one home, either those of its months or those of all months together."""
    texts = ["site_id", "scenario", "month", "import_plan", "export_plan", "currency"]
    columns = take(
        regret, numbers=["regret"], texts=texts, booleans=["best", "own"], what="regret frame"
    )
    columns, site, name = select_home(columns, site_id, scenario, "regret frame")
    columns = select_evaluated(columns, "import_plan")
    has_month = np.array([month is not None for month in columns["month"]], dtype=bool)
    return select_rows(columns, has_month == by_month), f"{site}, {name!r}"


def _draw_regret(
    ax: Axes, columns: Columns, down: np.ndarray, across: np.ndarray, title: str
) -> Axes:
    """Draw one cell per row of the frame, with a star on the cheapest and an outline of the own."""
    if not len(down):
        return show_nothing(ax)
    cells = pivot(down, across)
    regret = cells.table(columns["regret"])
    draw_heatmap(
        ax,
        regret,
        rows=[wrap_label(name, 30) for name in cells.rows],
        columns=[wrap_label(name, 30) for name in cells.columns],
        label=f"above the cheapest, {columns['currency'][0]}",
        decimals=2 if np.nanmax(regret) < 100 else 0,
    )
    ax.set_title(f"{wrap_label(title, 68)}\n{_KEY}", loc="left")

    best, own = columns["best"], columns["own"]
    x = cells.column[best] + 0.5
    y = cells.row[best] + 0.22
    ax.plot(x, y, "*", color="black", markersize=7, label="cheapest")
    outline: dict[str, Any] = {"fill": False, "edgecolor": "black", "linewidth": 2}
    for corner in zip(cells.column[own], cells.row[own], strict=True):
        ax.add_patch(Rectangle(corner, 1, 1, clip_on=False, **outline))
    return ax
