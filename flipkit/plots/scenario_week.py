"""A few days of a home, interval by interval: who supplies, who uses, and at what price."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import matplotlib.dates as mdates
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from flipkit.calendar import from_us, to_us
from flipkit.errors import InputError
from flipkit.frames import Frame, take
from flipkit.plots.axes import COLOURS, axes, nothing_to_show, quiet
from flipkit.plots.scenario_frame import battery_by, only, rows, wrapped

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
_COLOUR = {
    "generation": COLOURS["orange"],
    "battery": COLOURS["green"],
    "grid": COLOURS["grey"],
    "home": COLOURS["blue"],
    "car": "#CC79A7",
}
_LEAST_KWH = 1e-3  # of less, a watt-hour, the price cannot be told from what is rounded


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
    """Who supplies a home (above zero) and who uses it (below), as the mean power of each interval.

    Above as below is the same height in every interval. The line is what imports cost by kWh, where there are any.

    Parameters
    ----------
    intervals : DataFrame
        Of `Simulation.intervals`.
    ax : Axes, optional
    start : date or str, optional
        The first day, ``YYYY-MM-DD``; that of the first interval without.
    days : int
        How many local days.
    timezone : str
        IANA time zone of the site, in which days begin and hours are named.
    site_id, scenario : str, optional
        Needed where the frame holds several.
    dispatch : str, optional
        How batteries are run, for the title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Several sites or scenarios and none chosen, one that is not there, or days without an interval.
    """
    columns, home = _home(intervals, site_id, scenario)
    ax = quiet(axes(ax, width=11, height=4.4), grid="y")
    if not len(columns["start_utc"]):
        return nothing_to_show(ax)
    columns = _days(columns, start, days, timezone)
    edges = mdates.date2num(np.append(columns["start_utc"], columns["end_utc"][-1:]))  # type: ignore[no-untyped-call]
    hours = (columns["end_utc"] - columns["start_utc"]) / np.timedelta64(1, "h")
    for parts, sign in ((_supply(columns), 1.0), (_uses(columns), -1.0)):
        _stack(ax, edges, {name: sign * energy / hours for name, energy in parts.items()})
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_title(wrapped(f"{home}{battery_by(dispatch)}", 110, lines=2), loc="left", pad=26)
    ax.set_ylabel("mean kW: supplied above 0, used below")
    _time_axis(ax, edges, timezone)
    lines = _price_line(ax, edges, columns)
    areas = {str(area.get_label()): area for area in ax.patches}  # battery and grid are there twice
    ax.legend(
        handles=[*areas.values(), *lines],
        frameon=False,
        ncols=6,
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
    return ax


def _home(
    intervals: Frame, site_id: str | None, scenario: str | None
) -> tuple[dict[str, np.ndarray], str]:
    columns = take(
        intervals,
        times=["start_utc", "end_utc"],
        numbers=[*_ENERGY, "import_cost"],
        texts=["site_id", "scenario", "currency"],
        what="intervals",
    )
    site = only(columns["site_id"], site_id, "site_id", "frame")
    columns = rows(columns, columns["site_id"] == site)
    name = only(columns["scenario"], scenario, "scenario", "frame")
    return rows(columns, columns["scenario"] == name), f"{site}, {name!r}"


def _days(
    columns: dict[str, np.ndarray], start: date | str | None, days: int, timezone: str
) -> dict[str, np.ndarray]:
    """The intervals that begin within so many local days."""
    begins = columns["start_utc"].astype(np.int64)
    first = (
        from_us(int(begins[0])).astimezone(ZoneInfo(timezone)).date()
        if start is None
        else _date(start)
    )
    begin, end = (to_us(day.isoformat(), timezone) for day in (first, first + timedelta(days=days)))
    found = rows(columns, (begins >= begin) & (begins < end))
    if not len(found["start_utc"]):
        there = " to ".join(
            str(columns[name][at]) for name, at in (("start_utc", 0), ("end_utc", -1))
        )
        raise InputError(
            f"no interval in {days} days from {first}; there are those from {there} UTC; choose start="
        )
    return found


def _date(start: date | str) -> date:
    try:
        return date.fromisoformat(str(start)[:10])
    except ValueError:
        raise InputError(f"start {start!r} is no day; give it as YYYY-MM-DD") from None


def _supply(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "generation": columns["generation_kwh"],
        "battery": columns["discharge_kwh"],
        "grid": columns["import_kwh"],
    }


def _uses(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    car = np.maximum(
        columns["ev_kwh"], 0.0
    )  # below 0 where a session is moved away: then it is no use
    home = columns["consumption_kwh"] - car
    return {
        "home": home,
        "car": car,
        "battery": columns["charge_kwh"],
        "grid": columns["export_kwh"],
    }


def _stack(ax: Axes, edges: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    """Areas on top of one another, away from zero; what is zero throughout is left out."""
    base = np.zeros(len(edges) - 1)
    for name, power in parts.items():
        if power.any():
            ax.stairs(
                base + power, edges, baseline=base, fill=True, color=_COLOUR[name], label=name
            )
            base = base + power


def _time_axis(ax: Axes, edges: np.ndarray, timezone: str) -> None:
    zone = ZoneInfo(timezone)
    ticks = mdates.AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(ticks)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ticks, tz=zone))  # type: ignore[no-untyped-call]
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(f"local time, {timezone}")


def _price_line(ax: Axes, edges: np.ndarray, columns: dict[str, np.ndarray]) -> list[Artist]:
    """What imports cost by kWh, on an axis of its own; no line without imports that have a cost."""
    imported = columns["import_kwh"]
    price = np.full(len(imported), np.nan)
    np.divide(columns["import_cost"], imported, out=price, where=imported >= _LEAST_KWH)
    if np.isnan(price).all():
        return []
    other = quiet(ax.twinx())
    other.spines["right"].set_visible(True)
    other.set_ylabel(f"import price, {columns['currency'][0]}/kWh")
    low, high = ax.get_ylim()
    most = 1.1 * float(np.nanmax(np.abs(price))) or 1.0
    other.set_ylim(most * low / high, most)  # the two zeros side by side
    if np.nanmin(price) >= 0:
        other.set_yticks([tick for tick in other.get_yticks() if 0 <= tick <= most])
    return [
        other.stairs(
            price, edges, baseline=None, color="black", linewidth=1.2, label="import price"
        )
    ]
