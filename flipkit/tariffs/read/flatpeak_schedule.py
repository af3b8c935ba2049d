"""The ``schedule`` of a Flatpeak tariff object as rates; what it does not know it refuses by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flipkit.errors import InputError
from flipkit.tariffs.model import DAY_NAMES, MONTH_NAMES, Rate, Tier, canonical, check_price

__all__ = ["read_schedule"]

_MONTHS = {name.casefold(): number for number, name in enumerate(MONTH_NAMES, 1)}
_KINDS = {"all": range(7), "weekday": range(5), "weekdays": range(5), "weekend": range(5, 7)}
_DAYS = {name.casefold(): number for number, name in enumerate(DAY_NAMES)}
_ENTRY, _DAY_ENTRY, _HOUR_ENTRY = (
    {"months", "dates", "days_and_hours"},
    {"days", "hours"},
    {"valid_from", "valid_to", "rate"},
)
_RATE = {"fixed", "to_kwh", "surcharge_fixed", "surcharge_percentage"}


def read_schedule(
    schedule: Any, price_field: str, what: str, *, default: float | None = None
) -> tuple[Rate, ...]:
    """The prices of one field of ``rate[]``, by season, kind of day and hour.

    Parameters
    ----------
    schedule : sequence of mapping
        As the API gives it.
    price_field : str
        ``fixed``, ``surcharge_fixed`` or ``surcharge_percentage``.
    what : str
        The tariff, for error texts.
    default : float, optional
        For a field that is null or absent; without it, that is an error.

    Returns
    -------
    tuple of Rate
        In canonical form.

    Raises
    ------
    InputError
        ``dates``, tiers of surcharges, tiers whose limits do not rise, an unknown field, month, day or hour, a gap or
        an overlap: names the place.
    """
    rates = [
        Rate(
            None,  # type: ignore[arg-type]
            each.start,
            each.end,
            each.months,
            each.days,
            tiers=_tiers(each, price_field, default),
        )
        for each in _walk(schedule, f"{what}, schedule")
    ]
    try:
        return canonical(tuple(rates))
    except InputError as error:
        raise InputError(f"{what}, schedule: {error}") from None


class _Entry(NamedTuple):
    """One list ``rate[]``, when it holds, and the path to it."""

    months: tuple[int, ...]
    days: tuple[int, ...]
    start: str
    end: str
    tiers: list[tuple[Mapping[str, Any], str]]
    path: str


def _walk(schedule: Any, what: str) -> list[_Entry]:
    """Every price in the schedule."""
    found = []
    for season, at_season in _entries(schedule, what, _ENTRY):
        if season.get("dates"):
            raise InputError(
                f"{at_season}.dates: prices by day of the month are not supported; leave dates out"
            )
        months = _months(season.get("months"), f"{at_season}.months")
        for kind, at_kind in _entries(
            season.get("days_and_hours"), f"{at_season}.days_and_hours", _DAY_ENTRY
        ):
            days = _days(kind.get("days"), f"{at_kind}.days")
            for hours, at_hours in _entries(kind.get("hours"), f"{at_kind}.hours", _HOUR_ENTRY):
                path = f"{at_hours}.rate"
                tiers = _entries(hours.get("rate"), path, _RATE)
                found.append(_Entry(months, days, *_window(hours, at_hours), tiers, path))
    return found


def _entries(value: Any, what: str, known: set[str]) -> list[tuple[Mapping[str, Any], str]]:
    """The mappings of a list, each with its path; an unknown field that says something is refused."""
    if not _is_list(value) or not value:
        raise InputError(f"{what}: expected a list with at least one entry, got {value!r}")
    for number, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise InputError(f"{what}[{number}]: expected an object, got {type(entry).__name__}")
        unknown = sorted(
            str(name) for name in entry if name not in known and entry[name] is not None
        )
        if unknown:
            raise InputError(
                f"{what}[{number}]: cannot price {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
    return [(entry, f"{what}[{number}]") for number, entry in enumerate(value)]


def _tiers(entry: _Entry, field: str, default: float | None) -> tuple[Tier, ...]:
    """The ladder of a list ``rate[]``; to_kwh counts the kWh of a local calendar month."""
    last, path = entry.tiers[-1]
    if last.get("to_kwh") is not None:
        raise InputError(
            f"{path}.to_kwh: {last['to_kwh']!r} ends the last tier; write null, or kWh above have no price"
        )
    if field != "fixed" and len(entry.tiers) > 1:
        raise InputError(
            f"{entry.path}: {len(entry.tiers)} rates are tiers, and surcharges cannot have them"
        )
    tiers = []
    for rate, at_rate in entry.tiers:
        price = _price(rate, at_rate, field, default)
        try:
            tiers.append(Tier(price, rate.get("to_kwh")))
        except InputError as error:
            raise InputError(f"{at_rate}.to_kwh: {error}") from None
    try:
        return Rate(tiers=tuple(tiers)).tiers or tuple(tiers)
    except InputError as error:
        raise InputError(f"{entry.path}: {error}") from None


def _price(rate: Mapping[str, Any], path: str, field: str, default: float | None) -> float:
    value = rate.get(field)
    if value is None and default is not None:
        return default
    if value is None:
        raise InputError(f"{path}: no {field}; write the price per kWh in major currency units")
    return check_price(value, f"{path}.{field}")


def _window(hours: Mapping[str, Any], what: str) -> tuple[str, str]:
    begin, stop = (
        "00:00:00" if hours.get(name) is None else hours[name]
        for name in ("valid_from", "valid_to")
    )
    try:
        Rate(0.0, begin, stop)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    return begin, stop


def _months(value: Any, what: str) -> tuple[int, ...]:
    numbers: set[int] = set()
    for name in _names(value, what):
        if name == "all":
            numbers.update(range(1, 13))
        elif name in _MONTHS:
            numbers.add(_MONTHS[name])
        else:
            raise InputError(f"{what}: {name!r} is no month; write All or {', '.join(MONTH_NAMES)}")
    return tuple(numbers)


def _days(value: Any, what: str) -> tuple[int, ...]:
    numbers: set[int] = set()
    for name in _names(value, what):
        if name in _KINDS:
            numbers.update(_KINDS[name])
        elif name in _DAYS:
            numbers.add(_DAYS[name])
        elif name in {"1", "2", "3", "4", "5", "6", "7"}:
            numbers.add(int(name) - 1)
        else:
            known = f"All, Weekday, Weekend, {', '.join(DAY_NAMES)}, or 1 (Monday) to 7 (Sunday)"
            raise InputError(f"{what}: {name!r} is no day; write {known}")
    return tuple(numbers)


def _names(value: Any, what: str) -> list[str]:
    """The names in a list, in small letters; absent or null means all."""
    if value is None:
        return ["all"]
    if not _is_list(value) or not value:
        raise InputError(f"{what}: expected a list of names, got {value!r}")
    return [str(name).strip().casefold() for name in value]


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
