"""Rates as the body that creates a Flatpeak tariff."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.tariffs.model import DAY_NAMES, MONTH_NAMES, Rate, Tier

__all__ = ["DIRECTIONS", "OPEN_END", "OPEN_START", "TYPES", "write"]

DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")
TYPES = ("COMMODITY", "NON_COMMODITY")
# Flatpeak wants both contract dates; these two say that the tariff has none.
OPEN_START, OPEN_END = "1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z"
_KINDS = {"all": "All", "weekday": "Weekday", "weekend": "Weekend"}


def write(
    name: str,
    rates: tuple[Rate, ...],
    location_id: str,
    direction: str,
    kind: str,
    start_us: int | None,
    end_us: int | None,
) -> dict[str, Any]:
    """The body of "create a tariff": see ``Tariff.to_flatpeak``; `rates` in canonical form."""
    if not isinstance(location_id, str) or not location_id:
        raise InputError(f"location_id {location_id!r} is none; give Flatpeak's id of the location")
    if direction not in DIRECTIONS:
        raise InputError(f"direction {direction!r} is none; write one of {', '.join(DIRECTIONS)}")
    if kind not in TYPES:
        raise InputError(f"type {kind!r} is none; write one of {', '.join(TYPES)}")
    if any(tier.per != "month" or tier.per_kw for rate in rates for tier in rate.tiers):
        raise InputError(
            f"tariff {name!r} has tiers by day or by kW; Flatpeak's to_kwh counts the kWh of a month"
        )
    return {
        "location_id": location_id,
        "direction": direction,
        "type": kind,
        "display_name": name,
        "market_rates": False,
        "contract_start_date": OPEN_START if start_us is None else to_text(start_us),
        "contract_end_date": OPEN_END if end_us is None else to_text(end_us),
        "schedule": [
            _season(months, group) for months, group in groupby(rates, Rate.month_numbers)
        ],
    }


def _season(months: tuple[int, ...], rates: Iterable[Rate]) -> dict[str, Any]:
    names = ["All"] if len(months) == 12 else [MONTH_NAMES[month - 1] for month in months]
    days = [_days(days, group) for days, group in groupby(rates, lambda rate: rate.days)]
    return {"months": names, "days_and_hours": days}


def _days(days: str | tuple[int, ...], rates: Iterable[Rate]) -> dict[str, Any]:
    # Names, not numbers: Flatpeak does not say which day its numbers begin with.
    names = [_KINDS[days]] if isinstance(days, str) else [DAY_NAMES[day] for day in days]
    return {"days": names, "hours": [_hours(rate) for rate in rates]}


def _hours(rate: Rate) -> dict[str, Any]:
    end = "00:00:00" if rate.end == "24:00" else _with_seconds(rate.end)
    steps = rate.tiers or (Tier(rate.price_per_kwh),)
    prices = [{"fixed": step.price_per_kwh, "to_kwh": step.up_to} for step in steps]
    return {"valid_from": _with_seconds(rate.start), "valid_to": end, "rate": prices}


def _with_seconds(clock: str) -> str:
    return clock if len(clock) == 8 else f"{clock}:00"
