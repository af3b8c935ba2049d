"""Flatpeak's schedule form, from a few words: seasons of day types of bands of hours."""

from __future__ import annotations

from typing import Any

__all__ = ["ALL_YEAR", "Json", "day", "every_month", "market", "season"]

Json = dict[str, Any]
Band = tuple[float, float, float]

ALL_YEAR = ("All",)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def season(first: str, last: str, *days: Json) -> Json:
    """The months from first to last, possibly over New Year, with their day types."""
    start, end = MONTHS.index(first), MONTHS.index(last)
    names = MONTHS[start : end + 1] if start <= end else MONTHS[: end + 1] + MONTHS[start:]
    return {"months": list(names), "days_and_hours": list(days)}


def every_month(*days: Json) -> Json:
    """The whole year."""
    return {"months": list(ALL_YEAR), "days_and_hours": list(days)}


def day(kind: str, *bands: Band) -> Json:
    """A day type (``All``, ``Weekday``, ``Weekend``) and its bands: from hour, to hour, price per
    kWh.
    """
    return {
        "days": [kind],
        "hours": [_band(start, end, {"fixed": rate, "to_kwh": None}) for start, end, rate in bands],
    }


def market() -> Json:
    """The market price without surcharge, all day, all year."""
    rate = {"fixed": None, "to_kwh": None, "surcharge_fixed": None, "surcharge_percentage": None}
    return every_month({"days": ["All"], "hours": [_band(0, 24, rate)]})


def _band(start: float, end: float, rate: Json) -> Json:
    return {"valid_from": _clock(start), "valid_to": _clock(end), "rate": [rate]}


def _clock(hour: float) -> str:
    """``HH:MM:SS``; an end at 24 is midnight."""
    return f"{int(hour) % 24:02d}:{round(hour % 1 * 60):02d}:00"
