"""What "from January to June" means for a site: its own local months, days, or exact instants."""

from __future__ import annotations

from typing import Any

from flipkit.errors import InputError
from flipkit.tariffs.calendar import Edges, day_edges, month_edges, parse_month, to_us

__all__ = ["local_window", "periods"]


def local_window(start: Any, end: Any, zone: str) -> tuple[int, int]:
    """The window as microseconds UTC, half-open.

    Parameters
    ----------
    start, end : str or datetime
        ``"2025-06"`` and ``"2025-06-15"`` are local months and days, and both ends are included, as in a pandas
        slice; a time with a zone is an instant, and the end is not included.
    zone : str
        IANA time zone of the site.

    Raises
    ------
    InputError
        No month, day or time, or an end before the start.
    NaiveTimestampError
        A time without a zone.
    """
    begin, stop = _bounds(start, zone)[0], _bounds(end, zone)[1]
    if stop <= begin:
        raise InputError(f"the window from {start!r} to {end!r} is empty; the end must be after the start")
    return begin, stop


def periods(aggregation: str, zone: str, start_us: int, end_us: int) -> Edges:
    """The local days or months that the window touches.

    Raises
    ------
    InputError
        An aggregation other than DAY and MONTH.
    """
    if aggregation not in {"DAY", "MONTH"}:
        raise InputError(f"aggregation {aggregation!r}: choose 'DAY' or 'MONTH'")
    return (day_edges if aggregation == "DAY" else month_edges)(zone, start_us, end_us)


def _bounds(value: Any, zone: str) -> tuple[int, int]:
    """The first instant of a month, day or time, and the first one after it."""
    if isinstance(value, str) and len(value) == 7:
        year, month = parse_month(value)
        first = to_us(f"{year:04d}-{month:02d}-01", zone)
        edges = month_edges(zone, first, first + 1).edges
        return int(edges[0]), int(edges[1])
    instant = to_us(value, zone)
    if isinstance(value, str) and len(value) == 10:
        return instant, int(day_edges(zone, instant, instant + 1).edges[1])
    return instant, instant
