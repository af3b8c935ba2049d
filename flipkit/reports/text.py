"""Frames as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum

import numpy as np

from flipkit.frames import Frame, take
from flipkit.tariffs.rating import component_kind

__all__ = ["bill_table", "matrix_table", "text_table"]

# The kinds of bill lines, in the order of the bill.
_KINDS = ("energy", "demand", "fixed", "adder", "export", "carry over", "minimum", "tax")


def text_table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        for cell, width in zip(row[1:], widths[1:], strict=True):
            cells.append(cell.rjust(width))
        yield "  " + "  ".join(cells).rstrip()


def bill_table(bill: Frame) -> Iterator[str]:
    """Yield one table per tariff: months, charged kWh, cost by kind of component, and the total.

    Parameters
    ----------
    bill : DataFrame
        Of `flipkit.bill` with one tariff or a list; sites are added up.
    """
    texts = ["site_id", "tariff", "month", "component", "unit", "currency"]
    columns, unrated = _rated(take(bill, numbers=["quantity", "cost"], texts=texts, what="bill"))
    kinds = [component_kind(name) for name in columns["component"]]
    columns["kind"] = np.array(kinds, dtype=object)
    sites = len(set(columns["site_id"]))
    suffix = f", {sites} sites together" if sites > 1 else ""
    suffix += unrated
    for tariff in dict.fromkeys(columns["tariff"]):
        of_tariff = columns["tariff"] == tariff
        yield f"{tariff}, {columns['currency'][of_tariff][0]}{suffix}"
        yield from text_table(_bill_rows(columns, of_tariff))
        yield ""


def _rated(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Return the rows that have a cost, and how many sites have none, in words."""
    is_rated = ~np.isnan(columns["cost"])
    unrated = len(set(columns["site_id"][~is_rated]))
    rated = {name: values[is_rated] for name, values in columns.items()}
    return rated, f", {unrated} not rated" if unrated else ""


def _bill_rows(columns: dict[str, np.ndarray], of_tariff: np.ndarray) -> list[tuple[str, ...]]:
    """Return the head, a row per month, and the sum of several months."""
    kinds_of_tariff = set(columns["kind"][of_tariff])
    kinds = [kind for kind in _KINDS if kind in kinds_of_tariff]
    months = list(dict.fromkeys(columns["month"][of_tariff]))
    rows = [("month", "charged kWh", *kinds, "to pay")]
    for month in months:
        lines = of_tariff & (columns["month"] == month)
        rows.append((month, *_bill_figures(columns, lines, kinds)))
    if len(months) > 1:
        rows.append(("all", *_bill_figures(columns, of_tariff, kinds)))
    return rows


def _bill_figures(
    columns: dict[str, np.ndarray], lines: np.ndarray, kinds: Sequence[str]
) -> list[str]:
    """Return charged kWh, cost by kind and total cost of some lines."""
    cost = columns["cost"]
    is_charged = lines & (columns["kind"] == "energy") & (columns["unit"] == "kWh")
    by_kind = [fsum(cost[lines & (columns["kind"] == kind)]) for kind in kinds]
    figures = [fsum(columns["quantity"][is_charged]), *by_kind, fsum(cost[lines])]
    return [f"{figure:,.2f}" for figure in figures]


def matrix_table(matrix: Frame) -> Iterator[str]:
    """Yield a table of tariffs: total cost, cost above each site's cheapest, sites it is best for.

    Parameters
    ----------
    matrix : DataFrame
        Of `flipkit.bill_matrix`.
    """
    numbers = ["cost", "regret", "rank", "rule_spread"]
    texts = ["site_id", "tariff", "currency"]
    columns, unrated = _rated(take(matrix, numbers=numbers, texts=texts, what="bill matrix"))
    has_spread = bool((columns["rule_spread"] > 0).any())
    head = ["tariff", "cost", "above the cheapest", "cheapest for"]
    if has_spread:
        head.append("tier rule moves a bill by")
    rows = []
    for tariff in dict.fromkeys(columns["tariff"]):
        of_tariff = columns["tariff"] == tariff
        cost = fsum(columns["cost"][of_tariff])
        regret = fsum(columns["regret"][of_tariff])
        cheapest_for = int((columns["rank"][of_tariff] == 1).sum())
        cells = [tariff, f"{cost:,.2f}", f"{regret:,.2f}", f"{cheapest_for}"]
        if has_spread:
            largest = np.nanmax(columns["rule_spread"][of_tariff], initial=0.0)
            cells.append(f"{100 * largest:.1f} %")
        rows.append((cost, tuple(cells)))
    yield f"All tariffs, {columns['currency'][0]}{unrated}"
    yield from text_table([tuple(head), *[cells for _, cells in sorted(rows)]])
