"""Pictures of bills and of the bill matrix."""

from __future__ import annotations

from math import fsum

import numpy as np
from matplotlib.axes import Axes

from flipkit.errors import InputError
from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, nothing_to_show, quiet
from flipkit.plots.performance import one_currency

__all__ = ["bill_bars", "regret_by_month", "regret_heatmap"]

# The kinds of lines of a bill, in its order; the further colours are Okabe and Ito's as well.
_KINDS = {
    "energy": COLOURS["orange"],
    "demand": COLOURS["red"],
    "fixed": COLOURS["grey"],
    "adder": "#F0E442",
    "minimum": "#CC79A7",
    "tax": COLOURS["blue"],
    "export": COLOURS["green"],
    "carry over": "#56B4E9",
}
_MOST_FIGURES = 300  # in the cells of a heat map; more would not be read


def bill_bars(
    bill: Frame, ax: Axes | None = None, *, tariff: str | None = None, currency: str | None = None
) -> Axes:
    """What a bill is made of, month by month: charges above zero, credits below, and the sum as a line.

    Parameters
    ----------
    bill : DataFrame
        Of `flipkit.bill`; amounts of all its sites are added.
    ax : Axes, optional
    tariff : str, optional
        Needed where a site is rated under several.
    currency : str, optional
        Needed where the bill holds several.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several tariffs of one site, or several currencies, and none chosen; or one that is not there.
    """
    columns = _of_tariff(
        take(bill, numbers=["cost"], texts=[*_PLACE, "component", "currency"], what="bill"), tariff
    )
    chosen = one_currency(columns["currency"], currency)
    columns = _rows(columns, columns["currency"] == chosen)
    months = sorted(set(columns["month"]))
    ax = quiet(axes(ax, width=float(np.clip(0.55 * len(months) + 2, 6, 12)), height=3.6), grid="y")
    ax.set_title(f"What the bill is made of{f': {tariff}' if tariff else ''}", loc="left")
    if not months:
        return nothing_to_show(ax)
    kinds = np.array([_kind(component) for component in columns["component"]], dtype=object)
    sums = {
        kind: _sums(columns["cost"], kinds == kind, columns["month"], months)
        for kind in _KINDS
        if kind in kinds
    }
    place, top, bottom = np.arange(len(months)), np.zeros(len(months)), np.zeros(len(months))
    for kind, amounts in sums.items():
        if not amounts.any():
            continue
        ax.bar(
            place,
            amounts,
            bottom=np.where(amounts < 0, bottom, top),
            color=_KINDS[kind],
            label=kind,
        )
        top, bottom = top + np.maximum(amounts, 0), bottom + np.minimum(amounts, 0)
    ax.plot(
        place, top + bottom, color="black", marker="o", markersize=3, linewidth=1, label="to pay"
    )
    ax.axhline(0, color="black", linewidth=0.8)
    if bottom.min() < top.max():
        ax.set_ylim(
            1.06 * bottom.min(), 1.06 * top.max()
        )  # room for the line, which ends where the bars do
    ax.set_xticks(place, months, rotation=45, ha="right")
    ax.set_ylabel(chosen)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def regret_by_month(bill: Frame, ax: Axes | None = None, *, site_id: str | None = None) -> Axes:
    """What each tariff would have cost one site above the cheapest of the month.

    Parameters
    ----------
    bill : DataFrame
        Of `flipkit.bill` with a list of tariffs.
    ax : Axes, optional
    site_id : str, optional
        Needed where the bill holds several sites.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites and none chosen, or one that is not there; several currencies, which are never compared; a
        tariff without one of the months.
    """
    columns = take(bill, numbers=["cost"], texts=[*_PLACE, "currency"], what="bill")
    site = _chosen(columns["site_id"], site_id, "site_id")
    columns = _rows(columns, columns["site_id"] == site)
    currency = one_currency(columns["currency"], None)
    months, tariffs = (sorted(set(columns[name])) for name in ("month", "tariff"))
    cost = np.full((len(tariffs), len(months)), np.nan)
    for row, tariff in enumerate(tariffs):
        own = columns["tariff"] == tariff
        for column, month in enumerate(months):
            amounts = columns["cost"][own & (columns["month"] == month)]
            cost[row, column] = fsum(amounts) if len(amounts) else np.nan
    if np.isnan(cost).any():
        row, column = np.argwhere(np.isnan(cost))[0]
        raise InputError(
            f"bill: tariff {tariffs[row]!r} has no month {months[column]}; rate the same energy under all"
        )
    ax = axes(ax, width=4 + 0.55 * len(months), height=1.6 + 0.35 * len(tariffs))
    ax.set_title(f"Cost of {site} above the cheapest tariff of the month", loc="left")
    return heatmap(ax, cost - cost.min(axis=0) if cost.size else cost, tariffs, months, currency)


def regret_heatmap(matrix: Frame, ax: Axes | None = None) -> Axes:
    """What each tariff would cost each site above its cheapest one, which has a zero.

    Parameters
    ----------
    matrix : DataFrame
        Of `flipkit.bill_matrix`.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several currencies, which are never compared.
    """
    columns = take(
        matrix, numbers=["regret"], texts=["site_id", "tariff", "currency"], what="bill matrix"
    )
    currency = one_currency(columns["currency"], None)
    sites, rows = np.unique(columns["site_id"].astype(str), return_inverse=True)
    tariffs, cols = np.unique(columns["tariff"].astype(str), return_inverse=True)
    regret = np.full((len(sites), len(tariffs)), np.nan)
    regret[rows, cols] = columns["regret"]
    ax = axes(ax, width=3 + 1.1 * len(tariffs), height=1.8 + 0.28 * min(len(sites), 120))
    ax.set_title("Cost above the cheapest tariff", loc="left")
    return heatmap(ax, regret, sites.tolist(), tariffs.tolist(), currency)


_PLACE = ("site_id", "tariff", "month")


def heatmap(
    ax: Axes,
    values: np.ndarray,
    rows: list[str],
    columns: list[str],
    label: str,
    *,
    decimals: int = 0,
) -> Axes:
    """Light is cheap; the figures stand in the cells where there are few enough to be read."""
    if not values.size:
        return nothing_to_show(ax)
    image = ax.pcolormesh(values, cmap="YlOrRd", edgecolor="white", vmin=0.0)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=30, ha="right")
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.invert_yaxis()
    if values.size <= _MOST_FIGURES:
        for (row, column), value in np.ndenumerate(values):
            dark = value > 0.6 * np.nanmax(values)
            figure = "" if np.isnan(value) else f"{value:,.{decimals}f}"
            ax.text(
                column + 0.5,
                row + 0.5,
                figure,
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    ax.figure.colorbar(image, ax=ax, label=label)
    return ax


def _of_tariff(columns: dict[str, np.ndarray], tariff: str | None) -> dict[str, np.ndarray]:
    """The rows of a tariff; without one, all rows, if no site would be counted twice."""
    if tariff is not None:
        _chosen(columns["tariff"], tariff, "tariff")
        return _rows(columns, columns["tariff"] == tariff)
    seen: dict[str, str] = {}
    for site, name in dict.fromkeys(zip(columns["site_id"], columns["tariff"], strict=True)):
        if site in seen:
            raise InputError(
                f"site {site} is rated under {seen[site]!r} and {name!r}; choose one with tariff="
            )
        seen[site] = name
    return columns


def _chosen(values: np.ndarray, chosen: str | None, option: str) -> str:
    there = sorted(set(values))
    if chosen is None and len(there) == 1:
        return str(there[0])
    if there and chosen not in there:
        raise InputError(f"the bill holds {', '.join(there)}; choose one with {option}=")
    return chosen or ""


def _rows(columns: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in columns.items()}


def _kind(component: str) -> str:
    return component if component == "carry over" else component.partition(" ")[0]


def _sums(cost: np.ndarray, own: np.ndarray, month: np.ndarray, months: list[str]) -> np.ndarray:
    return np.array([fsum(cost[own & (month == each)]) for each in months])
