"""A picture of a few days of a home, by interval: sources, uses and the import price."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib.dates as mdates
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from flipkit.calendar import format_times, from_us, to_us
from flipkit.errors import InputError
from flipkit.frames import Frame, take
from flipkit.plots.axes import (
    COLORS,
    Columns,
    new_axes,
    remove_spines,
    select_home,
    select_rows,
    show_nothing,
    title_suffix,
    wrap_label,
    zero_line,
)

__all__ = ["dispatch_week"]

_ENERGY = (
    "consumption_kwh",
    "generation_kwh",
    "ev_kwh",
    "charge_kwh",
    "discharge_kwh",
    "import_kwh",
    "export_kwh",
)
_AREA_COLORS = {
    "generation": COLORS["orange"],
    "battery": COLORS["green"],
    "grid": COLORS["grey"],
    "home": COLORS["blue"],
    "car": COLORS["purple"],
}
_MIN_IMPORT_KWH = 1e-3  # of less than a watt-hour, cost / energy is mostly rounding


def dispatch_week(
    intervals: Frame,
    ax: Axes | None = None,
    *,
    start: date | str | None = None,
    days: int = 7,
    timezone: str = "UTC",
    site_id: str | None = None,
    scenario: str | None = None,
    dispatch: str | None = None,
) -> Axes:
    """Draw the sources of a home's energy above zero and its uses below, as mean power.

    Both have the same height in every interval. A line shows the import price at all hours.

    Parameters
    ----------
    intervals : DataFrame
        From `Simulation.intervals`, with the columns ``site_id, scenario, start_utc, end_utc,
        consumption_kwh, generation_kwh, ev_kwh, charge_kwh, discharge_kwh, import_kwh, export_kwh,
        import_cost, currency``, and ``import_price``; without this one the price is cost / kWh
        where energy is imported.
    ax : Axes, optional
    start : date or str, optional
        The first local day, ``YYYY-MM-DD``; by default that of the first interval.
    days : int
        Number of local days.
    timezone : str
        IANA time zone of the site.
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
        Several sites or scenarios and none is chosen, or the chosen one does not exist; a `start`
        that is not a date, or days without intervals.
    """
    columns, home = _read_home(intervals, site_id, scenario)
    ax = new_axes(ax, width=11, height=4.4, grid="y")
    if not len(columns["start_utc"]):
        return show_nothing(ax)
    columns = _select_days(columns, start, days, timezone)
    edges = _date_numbers(np.append(columns["start_utc"], columns["end_utc"][-1:]))
    _draw_areas(ax, edges, columns)
    zero_line(ax)
    title = wrap_label(f"{home}{title_suffix(dispatch)}", 110, lines=2)
    ax.set_title(title, loc="left", pad=26)
    ax.set_ylabel("mean kW: sources above 0, uses below")
    _label_time(ax, edges, timezone)
    price_line = _draw_price(ax, edges, columns)
    areas = {str(area.get_label()): area for area in ax.patches}  # each name once
    ax.legend(
        handles=[*areas.values(), *price_line],
        frameon=False,
        ncols=6,
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
    return ax


def _read_home(intervals: Frame, site_id: str | None, scenario: str | None) -> tuple[Columns, str]:
    columns = take(
        intervals,
        times=["start_utc", "end_utc"],
        numbers=[*_ENERGY, "import_cost", "import_price"],
        texts=["site_id", "scenario", "currency"],
        optional=["import_price"],
        what="intervals",
    )
    columns, site, name = select_home(columns, site_id, scenario, "frame")
    return columns, f"{site}, {name!r}"


def _select_days(columns: Columns, start: date | str | None, days: int, timezone: str) -> Columns:
    """Return the intervals that begin within local days."""
    starts_us = columns["start_utc"].astype(np.int64)
    first = _local_date(starts_us[0], timezone) if start is None else _to_date(start)
    begin_us = to_us(first, timezone)
    end_us = to_us(first + timedelta(days=days), timezone)
    selected = select_rows(columns, (starts_us >= begin_us) & (starts_us < end_us))
    if not len(selected["start_utc"]):
        bounds = np.array([columns["start_utc"][0], columns["end_utc"][-1]])
        raise InputError(
            f"no interval in {days} days from {first}; the frame has intervals from "
            f"{' to '.join(format_times(bounds))}; choose another start="
        )
    return selected


def _local_date(instant_us: int, timezone: str) -> date:
    return from_us(instant_us).astimezone(ZoneInfo(timezone)).date()


def _to_date(start: date | str) -> date:
    try:
        return date.fromisoformat(str(start)[:10])
    except ValueError:
        raise InputError(f"start {start!r} is not a valid date; write YYYY-MM-DD") from None


def _date_numbers(times: np.ndarray) -> Any:
    return mdates.date2num(times)  # type: ignore[no-untyped-call]


def _draw_areas(ax: Axes, edges: np.ndarray, columns: Columns) -> None:
    # Negative where a scenario moves a session away: then the car uses nothing.
    car = np.maximum(columns["ev_kwh"], 0.0)
    sources = {
        "generation": columns["generation_kwh"],
        "battery": columns["discharge_kwh"],
        "grid": columns["import_kwh"],
    }
    uses = {
        "home": columns["consumption_kwh"] - car,
        "car": car,
        "battery": columns["charge_kwh"],
        "grid": columns["export_kwh"],
    }
    hours = (columns["end_utc"] - columns["start_utc"]) / np.timedelta64(1, "h")
    _stack(ax, edges, {name: energy / hours for name, energy in sources.items()})
    _stack(ax, edges, {name: -energy / hours for name, energy in uses.items()})


def _stack(ax: Axes, edges: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    """Draw areas on top of one another, away from zero; those that are always zero are left out."""
    base = np.zeros(len(edges) - 1)
    for name, power in parts.items():
        if power.any():
            top = base + power
            color = _AREA_COLORS[name]
            ax.stairs(top, edges, baseline=base, fill=True, color=color, label=name)
            base = top


def _label_time(ax: Axes, edges: np.ndarray, timezone: str) -> None:
    zone = ZoneInfo(timezone)
    ticks = mdates.AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call]
    labels = mdates.ConciseDateFormatter(ticks, tz=zone)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(ticks)
    ax.xaxis.set_major_formatter(labels)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(f"local time, {timezone}")


def _draw_price(ax: Axes, edges: np.ndarray, columns: Columns) -> list[Artist]:
    """Draw the import price on an axis of its own; nothing if it is not known."""
    price = columns["import_price"]
    if np.isnan(price).all():
        energy = columns["import_kwh"]
        price = np.full(len(energy), np.nan)
        np.divide(columns["import_cost"], energy, out=price, where=energy >= _MIN_IMPORT_KWH)
    if np.isnan(price).all():
        return []
    price_ax = remove_spines(ax.twinx())
    price_ax.spines["right"].set_visible(True)
    price_ax.set_ylabel(f"import price, {columns['currency'][0]}/kWh")
    low, high = ax.get_ylim()
    top = 1.1 * float(np.nanmax(np.abs(price))) or 1.0
    price_ax.set_ylim(top * low / high, top)  # so that both zeros are at the same height
    if np.nanmin(price) >= 0:
        price_ax.set_yticks([tick for tick in price_ax.get_yticks() if 0 <= tick <= top])
    line = price_ax.stairs(
        price, edges, baseline=None, color="black", linewidth=1.2, label="import price"
    )
    return [line]
