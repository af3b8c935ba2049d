"""A simulation at a glance: what all sites of a currency cost under each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import fsum

from flipkit.scenarios.engine import SiteTotals

__all__ = ["as_html", "as_line", "totals"]

_MOST_NAMES, _MOST_ROWS = 6, 20


def as_line(sites: int, scenarios: Sequence[str]) -> str:
    """The simulation in one line, however many scenarios it has."""
    names = ", ".join(scenarios[:_MOST_NAMES])
    more = f" and {len(scenarios) - _MOST_NAMES} more" if len(scenarios) > _MOST_NAMES else ""
    return f"Simulation({_counted(sites, 'site')}, scenarios: {names}{more}; see .summary())"


def totals(
    parts: Sequence[SiteTotals], scenarios: Sequence[str]
) -> dict[str, dict[str, tuple[int, float]]]:
    """Sites and their cost together, by currency and scenario; amounts of different currencies are never added."""
    costs: dict[str, dict[str, list[float]]] = {}
    for part in sorted(parts, key=lambda part: part.currency):
        of_currency = costs.setdefault(part.currency, {name: [] for name in scenarios})
        of_currency[part.scenario] += part.cost.tolist()
    return {
        currency: {name: (len(found), fsum(found)) for name, found in by_name.items()}
        for currency, by_name in costs.items()
    }


def as_html(parts: Sequence[SiteTotals], scenarios: Sequence[str], dispatch: str | None) -> str:
    """A small table: cost by scenario and currency, and what is saved against the first scenario.

    Parameters
    ----------
    parts : sequence of SiteTotals
    scenarios : sequence of str
        Names, in their order.
    dispatch : str, optional
        How batteries are run, where there are any.
    """
    found = totals(parts, scenarios)
    months = sorted({month for part in parts for month in part.months})
    when = f", {months[0]} to {months[-1]}" if months else ""
    how = f", batteries run by {dispatch!r}" if dispatch else ""
    sites = sum(by_name[scenarios[0]][0] for by_name in found.values())
    head = "".join(f"<th>{currency}: cost</th><th>saving</th>" for currency in found)
    body = "".join(_row(name, scenarios[0], found) for name in scenarios[:_MOST_ROWS])
    cut = f"; {len(scenarios) - _MOST_ROWS} scenarios more" if len(scenarios) > _MOST_ROWS else ""
    return (
        f"<div>{_counted(sites, 'site')}{when}{escape(how)}; all sites of a currency together</div>"
        f"<table><thead><tr><th>scenario</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<div><code>.summary()</code>: each site{cut}</div>"
    )


def _row(name: str, first: str, found: dict[str, dict[str, tuple[int, float]]]) -> str:
    cells = "".join(f"<td>{amount:,.2f}</td>" for amount in _amounts(name, first, found))
    return f'<tr><td style="text-align: left">{escape(name)}</td>{cells}</tr>'


def _amounts(
    name: str, first: str, found: dict[str, dict[str, tuple[int, float]]]
) -> Iterator[float]:
    for by_name in found.values():
        cost = by_name[name][1]
        yield from (
            round(amount, 2) + 0.0 for amount in (cost, by_name[first][1] - cost)
        )  # no minus before 0.00


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
