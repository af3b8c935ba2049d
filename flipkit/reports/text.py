"""Frames as text that a terminal can show."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum

import numpy as np

from flipkit.frames import Frame, take

__all__ = ["bill_table", "matrix_table", "text_table"]


def text_table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side: the first to the left, figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()


def bill_table(bill: Frame) -> Iterator[str]:
    """Of each tariff a table: months, the kWh charged, the cost by kind of component, and the sum; sites added.

    Parameters
    ----------
    bill : DataFrame
        Of `flipkit.bill` with one tariff or a list.
    """
    texts = ["site_id", "tariff", "month", "component", "unit", "currency"]
    columns = take(bill, numbers=["quantity", "cost"], texts=texts, what="bill")
    kind = np.array([_kind(component) for component in columns["component"]], dtype=object)
    sites = len(set(columns["site_id"]))
    for tariff in dict.fromkeys(columns["tariff"]):
        own = columns["tariff"] == tariff
        kinds = [each for each in _KINDS if each in set(kind[own])]
        rows = [("month", "charged kWh", *kinds, "to pay")]
        months = dict.fromkeys(columns["month"][own])
        chosen = {month: own & (columns["month"] == month) for month in months}
        for month, at in (chosen | {"all": own} if len(chosen) > 1 else chosen).items():
            charged = at & (kind == "energy") & (columns["unit"] == "kWh")
            costs = [columns["cost"][at & (kind == each)] for each in kinds]
            figures = [columns["quantity"][charged], *costs, columns["cost"][at]]
            rows.append((month, *(f"{fsum(values):,.2f}" for values in figures)))
        together = f", {sites} sites together" if sites > 1 else ""
        yield f"{tariff}, {columns['currency'][own][0]}{together}"
        yield from (*text_table(rows), "")


def matrix_table(matrix: Frame) -> Iterator[str]:
    """Of each tariff the cost of all sites, what it costs above each site's cheapest, and for how many it is best.

    Parameters
    ----------
    matrix : DataFrame
        Of `flipkit.bill_matrix`.
    """
    numbers = ["cost", "regret", "rank", "rule_spread"]
    columns = take(matrix, numbers=numbers, texts=["tariff", "currency"], what="bill matrix")
    spread = bool((columns["rule_spread"] > 0).any())
    rows = []
    for tariff in dict.fromkeys(columns["tariff"]):
        own = columns["tariff"] == tariff
        cost, regret = (fsum(columns[name][own]) for name in ("cost", "regret"))
        best = int((columns["rank"][own] == 1).sum())
        moved = f"{100 * np.nanmax(columns['rule_spread'][own], initial=0.0):.1f} %"
        figures = (f"{cost:,.2f}", f"{regret:,.2f}", f"{best}")
        rows.append((cost, (tariff, *figures, moved) if spread else (tariff, *figures)))
    head = (
        "tariff",
        "cost",
        "above the cheapest",
        "cheapest for",
        *(["tier rule moves a bill by"] if spread else []),
    )
    yield f"All tariffs, {columns['currency'][0]}"
    yield from text_table([head, *(row for _, row in sorted(rows))])


_KINDS = ("energy", "demand", "fixed", "adder", "export", "carry over", "minimum", "tax")
"""The kinds of lines, in the order of the bill."""


def _kind(component: str) -> str:
    return component if component == "carry over" else component.partition(" ")[0]
