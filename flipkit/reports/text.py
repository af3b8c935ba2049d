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
    columns = take(bill, numbers=["quantity", "cost"], texts=texts, what="bill")
    line_kind = np.array([component_kind(name) for name in columns["component"]], dtype=object)
    sites = len(set(columns["site_id"]))
    for tariff in dict.fromkeys(columns["tariff"]):
        of_tariff = columns["tariff"] == tariff
        kinds = [kind for kind in _KINDS if kind in set(line_kind[of_tariff])]
        months = list(dict.fromkeys(columns["month"][of_tariff]))
        selections = [(month, of_tariff & (columns["month"] == month)) for month in months]
        if len(months) > 1:
            selections.append(("all", of_tariff))
        rows = [("month", "charged kWh", *kinds, "to pay")]
        for label, lines in selections:
            is_charged = lines & (line_kind == "energy") & (columns["unit"] == "kWh")
            charged_kwh = fsum(columns["quantity"][is_charged])
            by_kind = [fsum(columns["cost"][lines & (line_kind == kind)]) for kind in kinds]
            figures = [charged_kwh, *by_kind, fsum(columns["cost"][lines])]
            rows.append((label, *[f"{figure:,.2f}" for figure in figures]))
        suffix = f", {sites} sites together" if sites > 1 else ""
        yield f"{tariff}, {columns['currency'][of_tariff][0]}{suffix}"
        yield from text_table(rows)
        yield ""


def matrix_table(matrix: Frame) -> Iterator[str]:
    """Yield a table of tariffs: total cost, cost above each site's cheapest, sites it is best for.

    Parameters
    ----------
    matrix : DataFrame
        Of `flipkit.bill_matrix`.
    """
    numbers = ["cost", "regret", "rank", "rule_spread"]
    columns = take(matrix, numbers=numbers, texts=["tariff", "currency"], what="bill matrix")
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
    yield f"All tariffs, {columns['currency'][0]}"
    yield from text_table([tuple(head), *[cells for _, cells in sorted(rows)]])
