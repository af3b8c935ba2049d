"""What scenarios save, site by site, with the band of what a battery could be made to save."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from flipkit.frames import Frame, take
from flipkit.plots.axes import axes, nothing_to_show, quiet
from flipkit.plots.performance import one_currency
from flipkit.plots.scenario_frame import DISPATCH, colours, money, rows, wrapped

__all__ = ["scenario_savings"]

# How each method of the band is called, and its mark: from hollow to full with what it knows.
_BAND: dict[str, tuple[str, dict[str, Any]]] = {
    "cost_rule": ("rule", {"marker": "o", "markerfacecolor": "none", "markersize": 1.6}),
    "cost_day_ahead": ("day-ahead", {"marker": "|", "markersize": 2.2}),
    "cost_optimal": ("perfect foresight", {"marker": "D", "markersize": 0.8}),
}
_TALLEST = 30.0


class _Savings(NamedTuple):
    """What is drawn of a currency; arrays of sites x scenarios."""

    currency: str
    first: str
    scenarios: list[str]
    sites: list[str]
    of: int
    saving: np.ndarray
    band: dict[str, np.ndarray]
    dispatch: str

    @property
    def height(self) -> float:
        """Inches of the bars."""
        if len(self.sites) == 1:
            return 0.45 * len(self.scenarios)
        return float(min((0.15 + 0.16 * len(self.scenarios)) * len(self.sites), _TALLEST))


def scenario_savings(
    summary: Frame, ax: Axes | None = None, *, currency: str | None = None, top: int = 40
) -> Axes:
    """What each scenario saves against the first one, site by site; to the left of zero it costs more.

    Where the summary has the band, marks beside the bar of a battery show what it would save run by a simple rule, day
    by day, and with perfect foresight.

    Parameters
    ----------
    summary : DataFrame
        Of `Simulation.summary`.
    ax : Axes, optional
    currency : str, optional
        Of several currencies, each has a panel of its own on a new figure, unless one is chosen.
    top : int
        How many sites of a currency, those with the largest difference of any scenario.

    Returns
    -------
    matplotlib.axes.Axes
        That of the first currency; ``ax.figure.axes`` holds all.

    Raises
    ------
    InputError
        Several currencies and one `ax`, or a currency that is not there.
    """
    columns = take(
        summary,
        numbers=["cost", "saving", *_BAND],
        texts=["site_id", "scenario", "currency", "dispatch"],
        optional=["cost", "dispatch", *_BAND],
        what="summary",
    )
    there = sorted({each for each in columns["currency"] if each})
    if ax is None and currency is None and len(there) > 1:
        return _panels([_savings(columns, each, top) for each in there])
    shown = _savings(columns, one_currency(columns["currency"], currency), top)
    return _draw(axes(ax, width=8, height=1.6 + shown.height), shown, alone=len(shown.sites) == 1)


def _panels(all_shown: list[_Savings]) -> Axes:
    import matplotlib.pyplot as plt  # here: it chooses a backend, which drawing on a given Axes does not need

    heights = [shown.height for shown in all_shown]
    size = (8, 1.0 + sum(heights) + 0.8 * len(heights))
    _, made = plt.subplots(
        len(heights), figsize=size, height_ratios=[h + 0.1 for h in heights], layout="constrained"
    )
    for number, (ax, shown) in enumerate(zip(made, all_shown, strict=True)):
        _draw(ax, shown, is_first=number == 0)
    first: Axes = made[0]
    return first


def _savings(columns: dict[str, np.ndarray], currency: str, top: int) -> _Savings:
    own = rows(columns, columns["currency"] == currency)
    scenarios, sites = (list(dict.fromkeys(own[name])) for name in ("scenario", "site_id"))
    row, column = _places(own["site_id"], sites), _places(own["scenario"], scenarios)
    tables = {}
    for name in ("saving", *_BAND):
        values = own["saving"] if name == "saving" else own["cost"] + own["saving"] - own[name]
        tables[name] = np.full((len(sites), len(scenarios)), np.nan)
        tables[name][row, column] = values
    largest = np.nan_to_num(np.abs(tables["saving"])).max(axis=1, initial=0.0)
    kept = np.sort(np.argsort(-largest, kind="stable")[:top])
    chosen = {name: table[kept, 1:] for name, table in tables.items()}
    saving = chosen.pop("saving")
    first, others = (scenarios[0], scenarios[1:]) if scenarios else ("", [])
    how = _how(own["dispatch"])
    return _Savings(
        currency, first, others, [sites[n] for n in kept], len(sites), saving, chosen, how
    )


def _places(values: np.ndarray, names: list[str]) -> np.ndarray:
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[value] for value in values], dtype=int)


def _how(dispatch: np.ndarray) -> str:
    """How the batteries of the bars were run, in words; nothing without a battery."""
    used = {
        next((name for name in DISPATCH if value.startswith(name)), value)
        for value in dispatch
        if value
    }
    return ", ".join(DISPATCH.get(name, name) for name in sorted(used))


def _draw(ax: Axes, shown: _Savings, *, is_first: bool = True, alone: bool = False) -> Axes:
    quiet(ax, grid="x")
    if is_first:
        ax.set_title(_title(shown, alone), loc="left")
    if not shown.scenarios or not shown.sites:
        return nothing_to_show(ax)
    count = len(shown.scenarios)
    thick = 0.6 if alone else 0.8 / count
    offsets = np.arange(count) if alone else (np.arange(count) - (count - 1) / 2) * thick
    place = np.arange(len(shown.sites))[:, None] + offsets
    shades = colours(1) * count if alone else colours(count)
    bars = [
        ax.barh(
            place[:, number], shown.saving[:, number], thick, label=scenario, color=shades[number]
        )
        for number, scenario in enumerate(shown.scenarios)
    ]
    ax.axvline(0, color="black", linewidth=0.8)
    marks = _mark(ax, place, shown)
    _name(ax, place, shown, alone)
    how = f"; bars: batteries by {shown.dispatch}" if shown.dispatch else ""
    ax.set_xlabel(f"saving, {shown.currency}{how}")
    handles = [*([] if alone else bars), *marks]
    if is_first and handles:
        names = [wrapped(str(handle.get_label()), 26) for handle in handles]
        ax.legend(handles, names, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _title(shown: _Savings, alone: bool) -> str:
    against = f"hat each scenario saves against {shown.first!r}"
    if alone:
        return wrapped(f"{shown.sites[0]}: w{against}", 80)
    cut = f"; the {len(shown.sites)} of {shown.of} sites with the largest differences" * (
        len(shown.sites) < shown.of
    )
    return wrapped(f"W{against}{cut}", 80)


def _mark(ax: Axes, place: np.ndarray, shown: _Savings) -> list[Any]:
    """The range from the least to the most that the battery saves by any method, and each method's mark."""
    has_band = ~np.isnan(np.stack(list(shown.band.values()))).all(axis=0)
    if not has_band.any():
        return []
    band = np.stack([values[has_band] for values in shown.band.values()])
    where = place[has_band]
    ax.hlines(where, np.nanmin(band, axis=0), np.nanmax(band, axis=0), color="black", linewidth=1)
    inches = shown.height / shown.saving.size
    size = float(np.clip(22 * inches, 2.5, 5))
    return [
        ax.plot(values, where, **_style(name, size))[0]
        for values, name in zip(band, _BAND, strict=True)
    ]


def _style(name: str, size: float) -> dict[str, Any]:
    words, mark = _BAND[name]
    sized = mark | {"markersize": size * mark["markersize"]}
    return {
        "label": f"battery: {words}",
        "linestyle": "",
        "color": "black",
        "clip_on": False,
        **sized,
    }


def _name(ax: Axes, place: np.ndarray, shown: _Savings, alone: bool) -> None:
    """The lines by name; a site alone has a line for each scenario, with its amount."""
    if not alone:
        ax.set_yticks(range(len(shown.sites)), shown.sites)
        ax.set_ylim(len(shown.sites) - 0.5, -0.5)
        return
    ax.set_yticks(place[0], [wrapped(name, 34, lines=2) for name in shown.scenarios])
    ax.set_ylim(len(shown.scenarios) - 0.5, -0.5)
    ends = np.vstack([shown.saving, *shown.band.values(), np.zeros_like(shown.saving)])
    for number, amount in enumerate(shown.saving[0]):
        words = "" if np.isnan(amount) else money(amount)
        end = np.nanmax(ends[:, number])
        ax.annotate(words, (end, number), xytext=(9, 0), va="center", textcoords="offset points")
    ax.margins(x=0.15)
