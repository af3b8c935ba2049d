"""The ``schedule`` of a Flatpeak tariff object as rates; whatever is unknown is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flipkit import checks
from flipkit.errors import InputError
from flipkit.tariffs.model import DAY_NAMES, MONTH_NAMES, Rate, Tier, canonical
from flipkit.tariffs.read.source import check_object, is_list, located

__all__ = ["read_schedule"]

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
_SEASON_FIELDS = ("months", "dates", "days_and_hours")
_DAYS_FIELDS = ("days", "hours")
_HOURS_FIELDS = ("valid_from", "valid_to", "rate")
_RATE_FIELDS = ("fixed", "to_kwh", "surcharge_fixed", "surcharge_percentage")


class _Located(NamedTuple):
    """An object of the schedule and its path, for error messages."""

    fields: Mapping[str, Any]
    path: str


def read_schedule(
    schedule: Any, price_field: str, what: str, *, default: float | None = None
) -> tuple[Rate, ...]:
    """Return the prices of one field of ``rate[]``, by season, kind of day and hour.

    Parameters
    ----------
    schedule : sequence of mapping
        As the API returns it.
    price_field : str
        ``fixed``, ``surcharge_fixed`` or ``surcharge_percentage``.
    what : str
        The tariff, for error messages.
    default : float, optional
        For a field that is null or absent; without it, that is an error.

    Returns
    -------
    tuple of Rate
        In canonical form.

    Raises
    ------
    InputError
        ``dates``, tiers of surcharges, tiers whose limits do not rise, an unknown field, month, day
        or hour, a gap or an overlap; the message names the place.
    """
    rates = []
    for season in _objects(schedule, _SEASON_FIELDS, f"{what}, schedule"):
        if season.fields.get("dates"):
            raise InputError(
                f"{season.path}.dates: prices by day of the month are not supported; "
                "leave dates out"
            )
        months = _numbers(season, "months", _NUMBERS_OF_MONTH, _KNOWN_MONTHS)
        for day_kind in _objects_in(season, "days_and_hours", _DAYS_FIELDS):
            days = _numbers(day_kind, "days", _WEEKDAYS, _KNOWN_DAYS)
            for hours in _objects_in(day_kind, "hours", _HOURS_FIELDS):
                window = _window(hours)
                rate = Rate(
                    start=window.start,
                    end=window.end,
                    months=months,
                    days=days,
                    tiers=_tiers(hours, price_field, default),
                )
                rates.append(rate)
    with located(f"{what}, schedule"):
        return canonical(tuple(rates))


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
            "00:00:00" if end is None else end,
        )


def _tiers(hours: _Located, price_field: str, default: float | None) -> tuple[Tier, ...]:
    """Return the ladder of a list ``rate[]``; to_kwh counts the kWh of a local calendar month."""
    steps = _objects_in(hours, "rate", _RATE_FIELDS)
    last = steps[-1]
    if last.fields.get("to_kwh") is not None:
        raise InputError(
            f"{last.path}.to_kwh: {last.fields['to_kwh']!r} ends the last tier; "
            "write null, or kWh above it have no price"
        )
    path = f"{hours.path}.rate"
    if price_field != "fixed" and len(steps) > 1:
        raise InputError(f"{path}: {len(steps)} rates are tiers, and surcharges cannot have them")
    tiers = []
    for step in steps:
        price = _price(step, price_field, default)
        with located(f"{step.path}.to_kwh"):
            tiers.append(Tier(price, step.fields.get("to_kwh")))
    with located(path):
        return Rate(tiers=tuple(tiers)).tiers or tuple(tiers)


def _price(step: _Located, price_field: str, default: float | None) -> float:
    value = step.fields.get(price_field)
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
