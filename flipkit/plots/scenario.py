"""Pictures of scenarios: savings by site, and one saving step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from flipkit.frames import Frame, take
from flipkit.plots.axes import (
    COLORS,
    DISPATCH_NAMES,
    Columns,
    format_amount,
    new_axes,
    outside_legend,
    pivot,
    remove_spines,
    scenario_colors,
    select_currency,
    select_home,
    show_nothing,
    title_suffix,
    wrap_label,
    zero_line,
)

__all__ = ["savings_waterfall", "scenario_savings"]

# The methods of the band: label and marker, from hollow to filled by what the method knows.
_BAND: dict[str, tuple[str, dict[str, Any]]] = {
    "cost_rule": ("rule", {"marker": "o", "markerfacecolor": "none", "markersize": 1.6}),
    "cost_day_ahead": ("day-ahead", {"marker": "|", "markersize": 2.2}),
    "cost_optimal": ("perfect foresight", {"marker": "D", "markersize": 0.8}),
}
_MAX_HEIGHT = 30.0  # inches


# ---- Savings by site


class _Savings(NamedTuple):
    """What is drawn of one currency; arrays have the shape (sites, scenarios)."""

    currency: str
    baseline: str
    scenarios: list[str]
    sites: list[str]
    site_count: int  # before all but the largest differences were left out
    saving: np.ndarray
    band: dict[str, np.ndarray]
    dispatch: str

    @property
    def is_single(self) -> bool:
        return len(self.sites) == 1

    @property
    def height(self) -> float:
        """Inches of the bars."""
        if self.is_single:
            return 0.45 * len(self.scenarios)
        return float(min((0.15 + 0.16 * len(self.scenarios)) * len(self.sites), _MAX_HEIGHT))


def scenario_savings(
    summary: Frame, ax: Axes | None = None, *, currency: str | None = None, top: int = 40
) -> Axes:
    """Draw what each scenario saves compared with the baseline, by site; negative costs more.

    Where the summary has the band, marks beside the bar of a battery show its saving when
    dispatched by rule, day by day, and with perfect foresight.

    Parameters
    ----------
    summary : DataFrame
        From `Simulation.summary`, with the columns ``site_id, scenario, saving, currency``, and
        optionally ``cost, dispatch, stored_change_value, cost_rule, cost_day_ahead,
        cost_optimal``.
    ax : Axes, optional
    currency : str, optional
        Without it, each of several currencies gets a panel of a new figure.
    top : int
        Maximum number of sites per currency, those with the largest differences.

    Returns
    -------
    matplotlib.axes.Axes
        The one of the first currency; ``ax.figure.axes`` has all.

    Raises
    ------
    InputError
        Several currencies and one `ax`, or a currency that does not exist.
    """
    columns = take(
        summary,
        numbers=["cost", "saving", "stored_change_value", *_BAND],
        texts=["site_id", "scenario", "currency", "dispatch"],
        optional=["cost", "dispatch", "stored_change_value", *_BAND],
        what="summary",
    )
    currencies = sorted({name for name in columns["currency"] if name})
    if ax is None and currency is None and len(currencies) > 1:
        return _draw_panels([_savings_of(columns, name, top) for name in currencies])
    savings = _savings_of(columns, currency, top)
    return _draw_savings(new_axes(ax, width=8, height=1.6 + savings.height), savings)


def _draw_panels(panels: list[_Savings]) -> Axes:
    import matplotlib.pyplot as plt  # it chooses a backend, which drawing on a given Axes does not

    heights = [panel.height for panel in panels]
    _, axes = plt.subplots(
        len(panels),
        figsize=(8, 1.0 + sum(heights) + 0.8 * len(panels)),
        height_ratios=[height + 0.1 for height in heights],
        layout="constrained",
    )
    for number, panel in enumerate(panels):
        _draw_savings(axes[number], panel, is_panel=True, is_first=number == 0)
    first: Axes = axes[0]
    return first


def _savings_of(columns: Columns, chosen: str | None, top: int) -> _Savings:
    columns, currency = select_currency(columns, chosen, "summary")
    cells = pivot(columns["site_id"], columns["scenario"])
    scenarios = cells.columns
    saving = cells.table(columns["saving"])
    # Savings and the costs of the band count what is stored at the end.
    stored_value = np.nan_to_num(columns["stored_change_value"])
    baseline_cost = columns["cost"] - stored_value + columns["saving"]
    band = {name: cells.table(baseline_cost - columns[name]) for name in _BAND}
    difference = np.nan_to_num(np.abs(saving)).max(axis=1, initial=0.0)
    largest = np.argsort(-difference, kind="stable")[:top]
    kept = np.sort(largest)  # in the order of the summary
    return _Savings(
        currency=currency,
        baseline=scenarios[0] if scenarios else "",
        scenarios=scenarios[1:],
        sites=[cells.rows[number] for number in kept],
        site_count=len(cells.rows),
        saving=saving[kept, 1:],
        band={name: values[kept, 1:] for name, values in band.items()},
        dispatch=_dispatch_names(columns["dispatch"]),
    )


def _dispatch_names(dispatch: np.ndarray) -> str:
    """Return how the batteries of the bars were dispatched; empty without a battery."""
    methods = set()
    for value in dispatch:
        if value:  # the method, and what follows it
            known = [name for name in DISPATCH_NAMES if value.startswith(name)]
            methods.add(known[0] if known else value)
    return ", ".join(DISPATCH_NAMES.get(name, name) for name in sorted(methods))


def _draw_savings(
    ax: Axes, savings: _Savings, *, is_panel: bool = False, is_first: bool = True
) -> Axes:
    is_single = savings.is_single and not is_panel
    remove_spines(ax, grid="x")
    if is_first:
        ax.set_title(_savings_title(savings, is_single), loc="left")
    if not savings.scenarios or not savings.sites:
        return show_nothing(ax)
    position = _bar_positions(savings, is_single)
    bars = _draw_bars(ax, savings, position, is_single)
    ax.axvline(0, color="black", linewidth=0.8)
    marks = _draw_band(ax, savings, position)
    if is_single:
        _label_scenarios(ax, savings, position[0])
    else:
        ax.set_yticks(range(len(savings.sites)), savings.sites)
        ax.set_ylim(len(savings.sites) - 0.5, -0.5)
    suffix = f"; bars: batteries by {savings.dispatch}" if savings.dispatch else ""
    ax.set_xlabel(f"saving, {savings.currency}{suffix}")
    handles = marks if is_single else [*bars, *marks]
    if is_first and handles:
        outside_legend(ax, handles, [wrap_label(str(each.get_label()), 26) for each in handles])
    return ax


def _savings_title(savings: _Savings, is_single: bool) -> str:
    if is_single:
        site = savings.sites[0]
        return wrap_label(f"{site}: saving of each scenario compared with {savings.baseline!r}", 80)
    title = f"Saving of each scenario compared with {savings.baseline!r}"
    if len(savings.sites) < savings.site_count:
        title += (
            f"; the {len(savings.sites)} of {savings.site_count} sites with the largest differences"
        )
    return wrap_label(title, 80)


def _bar_positions(savings: _Savings, is_single: bool) -> np.ndarray:
    """Return the height of each bar: a line per scenario of a single site, else groups by site."""
    offsets = np.arange(len(savings.scenarios), dtype=float)
    if not is_single:
        offsets = (offsets - (len(offsets) - 1) / 2) * _thickness(savings, is_single)
    return np.arange(len(savings.sites))[:, None] + offsets


def _thickness(savings: _Savings, is_single: bool) -> float:
    return 0.6 if is_single else 0.8 / len(savings.scenarios)


def _draw_bars(
    ax: Axes, savings: _Savings, position: np.ndarray, is_single: bool
) -> list[BarContainer]:
    count = len(savings.scenarios)
    colors = scenario_colors(1) * count if is_single else scenario_colors(count)
    thickness = _thickness(savings, is_single)
    bars = []
    for number, (scenario, color) in enumerate(zip(savings.scenarios, colors, strict=True)):
        y, saving = position[:, number], savings.saving[:, number]
        bars.append(ax.barh(y, saving, thickness, label=scenario, color=color))
    return bars


def _draw_band(ax: Axes, savings: _Savings, position: np.ndarray) -> list[Any]:
    """Draw the range of a battery's savings over all methods, and a mark for each method."""
    all_methods = np.stack(list(savings.band.values()))
    has_band = ~np.isnan(all_methods).all(axis=0)
    if not has_band.any():
        return []
    band = all_methods[:, has_band]
    y = position[has_band]
    ax.hlines(y, np.nanmin(band, axis=0), np.nanmax(band, axis=0), color="black", linewidth=1)
    inches_per_bar = savings.height / savings.saving.size
    size = float(np.clip(22 * inches_per_bar, 2.5, 5))
    marks = []
    for values, (name, marker) in zip(band, _BAND.values(), strict=True):
        style = {**marker, "markersize": size * marker["markersize"]}
        label = f"battery: {name}"
        marks += ax.plot(
            values, y, label=label, linestyle="", color="black", clip_on=False, **style
        )
    return marks


def _label_scenarios(ax: Axes, savings: _Savings, position: np.ndarray) -> None:
    """Name the bars of a single site, and write its amount beside each bar."""
    longest = max(len(name) for name in savings.scenarios)
    width = 34 if longest <= 60 else 52  # two lines are as high as a bar
    ax.set_yticks(position, [wrap_label(name, width, lines=2) for name in savings.scenarios])
    ax.set_ylim(len(savings.scenarios) - 0.5, -0.5)
    band = [values[0] for values in savings.band.values()]
    for y, amount in enumerate(savings.saving[0]):
        text = "" if np.isnan(amount) else format_amount(amount)
        marks = [values[y] for values in band]
        end = np.nanmax([amount, *marks, 0.0])  # right of the bar and all marks
        ax.annotate(text, (end, y), xytext=(9, 0), va="center", textcoords="offset points")
    ax.margins(x=0.15)


# ---- One saving, step by step


def savings_waterfall(
    waterfall: Frame,
    ax: Axes | None = None,
    *,
    site_id: str | None = None,
    scenario: str | None = None,
    names: Mapping[str, str] | None = None,
    dispatch: str | None = None,
) -> Axes:
    """Draw the way from the cost of the baseline to that of a scenario, one bar per change.

    Parameters
    ----------
    waterfall : DataFrame
        From `Simulation.waterfall`, with the columns ``site_id, scenario, step, change, cost,
        currency``.
    ax : Axes, optional
    site_id, scenario : str, optional
        Required if there are several.
    names : mapping of str to str, optional
        What the steps change, by step: ``{"battery": "battery 5 kWh/2.5 kW"}``.
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
    texts = ["site_id", "scenario", "step", "currency"]
    columns = take(waterfall, numbers=["change", "cost"], texts=texts, what="waterfall")
    columns, site, name = select_home(columns, site_id, scenario, "waterfall")
    count = len(columns["step"])

    width = np.clip(1.3 * count + 1.5, 7, 12)
    ax = new_axes(ax, width=width, height=4.4, grid="y")
    if not count:
        return show_nothing(ax)
    title = f"{site}: {_compared(name, columns)}{title_suffix(dispatch)}"
    ax.set_title(wrap_label(title, 76), loc="left")
    _draw_steps(ax, columns["cost"], columns["change"])
    zero_line(ax)
    first, *steps, _ = columns["step"]
    labels = [first, *((names or {}).get(step, step) for step in steps), name]
    ax.set_xticks(np.arange(count), [wrap_label(label, 16, lines=6) for label in labels])
    _leave_room_for_amounts(ax, columns["cost"])
    ax.set_xlabel("each step: its mean effect over all orders of the steps")
    ax.set_ylabel(f"cost, {columns['currency'][0]}")
    return ax


def _compared(scenario: str, columns: Columns) -> str:
    """Return how much more or less a scenario costs than the baseline."""
    difference = columns["change"][-1]
    amount = f"{format_amount(abs(difference))} {columns['currency'][0]}"
    comparison = "less" if difference < 0 else "more"
    return f"why {scenario!r} costs {amount} {comparison} than {columns['step'][0]!r}"


def _draw_steps(ax: Axes, cost: np.ndarray, change: np.ndarray) -> None:
    """Draw the two costs as bars from zero, and between them the changes as floating bars."""
    last = len(cost) - 1
    position = np.arange(len(cost))
    is_change = (position > 0) & (position < last)
    bottom = np.where(is_change, np.roll(cost, 1), 0.0)  # the cost before the change
    height = np.where(is_change, change, cost)
    color_of_change = np.where(change > 0, COLORS["red"], COLORS["green"])
    colors = np.where(is_change, color_of_change, COLORS["grey"])
    ax.bar(position, height, 0.62, bottom=bottom, color=colors)
    left, right = position[:-1] - 0.31, position[1:] + 0.31
    ax.hlines(cost[:-1], left, right, color="black", linewidth=0.8)
    for x, amount in enumerate(height):
        text = format_amount(amount, sign=bool(is_change[x]))
        top = max(bottom[x], bottom[x] + amount)
        label = ax.annotate(text, (x, top), xytext=(0, 4), textcoords="offset points", ha="center")
        # A line behind an amount reads as if it were struck out.
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


def _leave_room_for_amounts(ax: Axes, cost: np.ndarray) -> None:
    low = min(0.0, float(cost.min()))
    high = max(0.0, float(cost.max()))
    span = high - low
    if span > 0:
        below = 0.04 * span if low < 0 else 0.0
        ax.set_ylim(low - below, high + 0.1 * span)
