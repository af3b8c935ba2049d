"""The ``schedule`` of a Flatpeak tariff object as rates; whatever is unknown is refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from flipkit import checks
from flipkit.errors import InputError
from flipkit.tariffs.model import DAY_NAMES, MONTH_NAMES, Rate, Tier, canonical, clock_text
from flipkit.tariffs.read.source import check_object, checked_ladder, is_list, located

__all__ = ["DatedRates", "read_schedule"]

_NUMBERS_OF_MONTH: dict[str, tuple[int, ...]] = {"all": tuple(range(1, 13))}
_NUMBERS_OF_MONTH |= {name.casefold(): (number,) for number, name in enumerate(MONTH_NAMES, 1)}
_WEEKDAYS: dict[str, tuple[int, ...]] = {
    "all": (0, 1, 2, 3, 4, 5, 6),
    "weekday": (0, 1, 2, 3, 4),
    "weekdays": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
}
_WEEKDAYS |= {name.casefold(): (number,) for number, name in enumerate(DAY_NAMES)}
_WEEKDAYS |= {str(number + 1): (number,) for number in range(7)}
_KNOWN_MONTHS = f"All, {', '.join(MONTH_NAMES)}"
_KNOWN_DAYS = f"All, Weekday, Weekend, {', '.join(DAY_NAMES)}, or 1 (Monday) to 7 (Sunday)"
_ALL_DATES = tuple(range(1, 32))
_DATES: dict[str, tuple[int, ...]] = {"all": _ALL_DATES}
_DATES |= {str(number): (number,) for number in _ALL_DATES}
# 23:59 for the end of the day is the only last minute in use; a last second ends any window.
_LAST_SECOND = re.compile(r"([0-9]{1,2}):([0-9]{2}):59|(23):(59)")
_SEASON_FIELDS = ("months", "dates", "days_and_hours")
_DAYS_FIELDS = ("days", "hours")
_HOURS_FIELDS = ("valid_from", "valid_to", "rate")
_RATE_FIELDS = ("fixed", "value", "to_kwh", "surcharge_fixed", "surcharge_percentage")

DatedRates = tuple[tuple[Rate, ...], ...]
"""Prices by day of the month, 1 to 31; one set of prices where all days have the same."""


class _Located(NamedTuple):
    """An object of the schedule and its path, for error messages."""

    fields: Mapping[str, Any]
    path: str


def read_schedule(
    schedule: Any, price_field: str, what: str, findings: list[str], *, default: float | None = None
) -> DatedRates:
    """Return the prices of one field of ``rate[]``, by season, kind of day and hour.

    Parameters
    ----------
    schedule : sequence of mapping
        As the API returns it; ``data`` of the documentation of early 2024 is the same.
    price_field : str
        ``fixed``, ``surcharge_fixed`` or ``surcharge_percentage``.
    what : str
        The tariff and the field, for error messages.
    findings : list of str
        What is assumed is added to it.
    default : float, optional
        For a field that is null or absent; without it, that is an error.

    Returns
    -------
    tuple of tuple of Rate
        In canonical form.

    Raises
    ------
    InputError
        Tiers of surcharges, tiers whose limits do not rise, an unknown field, month, date, day or
        hour, a gap or an overlap; the message names the place.
    """
    rates: list[tuple[tuple[int, ...], Rate]] = []
    for season in _objects(schedule, _SEASON_FIELDS, what):
        months = _numbers(season, "months", _NUMBERS_OF_MONTH, _KNOWN_MONTHS)
        dates = _ALL_DATES
        if season.fields.get("dates"):
            dates = _numbers(season, "dates", _DATES, "All, or days of the month, 1 to 31")
        for day_kind in _objects_in(season, "days_and_hours", _DAYS_FIELDS):
            days = _numbers(day_kind, "days", _WEEKDAYS, _KNOWN_DAYS)
            for hours in _objects_in(day_kind, "hours", _HOURS_FIELDS):
                window = _window(hours)
                rate = Rate(
                    start=window.start,
                    end=window.end,
                    months=months,
                    days=days,
                    tiers=_tiers(hours, price_field, default, findings),
                )
                rates.append((dates, rate))
    return _by_date(rates, what)


def _by_date(rates: list[tuple[tuple[int, ...], Rate]], what: str) -> DatedRates:
    is_dated = any(set(dates) != set(_ALL_DATES) for dates, _ in rates)
    by_date = []
    for number in _ALL_DATES if is_dated else (1,):
        place = f"{what}, day {number} of the month" if is_dated else what
        of_day = tuple(rate for dates, rate in rates if number in dates)
        if not of_day:
            raise InputError(f"{place}: a gap: no price; give every day of the month one")
        with located(place):
            by_date.append(canonical(of_day))
    return tuple(by_date) if len(set(by_date)) > 1 else (by_date[0],)


def _objects_in(parent: _Located, field: str, known: tuple[str, ...]) -> list[_Located]:
    return _objects(parent.fields.get(field), known, f"{parent.path}.{field}")


def _objects(value: Any, known: tuple[str, ...], path: str) -> list[_Located]:
    """Return the objects of a list, each with its path."""
    if not is_list(value) or not value:
        raise InputError(f"{path}: expected a list with at least one entry, got {value!r}")
    objects = [_Located(fields, f"{path}[{number}]") for number, fields in enumerate(value)]
    for each in objects:
        check_object(each.fields, known, each.path)
    return objects


def _window(hours: _Located) -> Rate:
    """Return the hours as a rate, which checks them; absent or null is midnight."""
    start = hours.fields.get("valid_from")
    end = hours.fields.get("valid_to")
    with located(hours.path):
        return Rate(
            0.0,
            "00:00:00" if start is None else start,
            "00:00:00" if end is None else _after_last_second(end),
        )


def _after_last_second(end: Any) -> Any:
    """Return an end that is written as its last second or minute, 23:59:59, as the time after."""
    found = _LAST_SECOND.fullmatch(end) if isinstance(end, str) else None
    if found is None:
        return end
    hours, minutes = [int(number) for number in found.groups() if number is not None]
    return clock_text(3600 * hours + 60 * minutes + 60)


def _tiers(
    hours: _Located, price_field: str, default: float | None, findings: list[str]
) -> tuple[Tier, ...]:
    """Return the ladder of a list ``rate[]``; to_kwh counts the kWh of a local calendar month."""
    steps = _objects_in(hours, "rate", _RATE_FIELDS)
    last = steps[-1]
    path = f"{hours.path}.rate"
    if price_field != "fixed" and len(steps) > 1:
        raise InputError(f"{path}: {len(steps)} rates are tiers, and surcharges cannot have them")
    tiers = []
    for step in steps:
        price = _price(step, price_field, default)
        with located(f"{step.path}.to_kwh"):
            tiers.append(Tier(price, step.fields.get("to_kwh")))
    limit = tiers[-1].up_to
    if limit is not None:
        findings.append(
            f"tariff.assumed: {last.path}.to_kwh is {limit:g}, and kWh above it "
            "are priced as those below"
        )
        with located(path):
            # Its limit must rise too, as if another tier followed.
            checked_ladder([*tiers, Tier(tiers[-1].price_per_kwh)])
        tiers[-1] = replace(tiers[-1], up_to=None)
    with located(path):
        return checked_ladder(tiers)


def _price(step: _Located, price_field: str, default: float | None) -> float:
    value = step.fields.get(price_field)
    if value is None and price_field == "fixed":
        value = step.fields.get("value")  # its name in early 2024, in major units too
    if value is not None:
        return checks.finite(value, f"{step.path}.{price_field}: price")
    if default is None:
        raise InputError(
            f"{step.path}: no {price_field}; write the price per kWh in major currency units"
        )
    return default


def _numbers(
    parent: _Located, field: str, numbers_of: Mapping[str, tuple[int, ...]], known: str
) -> tuple[int, ...]:
    """Return the months or days that a list names in any case; absent or null means all."""
    names = parent.fields.get(field)
    path = f"{parent.path}.{field}"
    if names is None:
        return numbers_of["all"]
    if not is_list(names) or not names:
        raise InputError(f"{path}: expected a list of names, got {names!r}")
    numbers: set[int] = set()
    for name in names:
        key = str(name).strip().casefold()
        if key not in numbers_of:
            raise InputError(f"{path}: {key!r} is not one of {known}")
        numbers.update(numbers_of[key])
    return tuple(numbers)
