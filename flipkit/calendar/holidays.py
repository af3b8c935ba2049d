"""The public holidays of a tariff: those of a country or a part of it, or listed dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar.window import read_moment
from flipkit.checks import one_of, set_fields
from flipkit.errors import InputError
from flipkit.vocabulary import Int64

__all__ = ["Holidays", "as_holidays", "holiday_dates"]

# Holidays are observed at most this far from their date (Golden Week, Chinese New Year).
_FAR = timedelta(days=10)
# The years in which a name is looked for when it is given.
_SAMPLE_YEARS = (2024, 2027)


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days that a tariff treats as public holidays: an immutable value.

    A utility seldom keeps all holidays of its country: `add` and `drop` change the list by name,
    and `dates` are days of its own. The names and dates of a country are those of the Python
    package ``holidays``, in English where it has them.

    Attributes
    ----------
    country : str or None
        Country (ISO 3166-1, two letters), or country and part: ``"US"``, ``"US-CA"``, ``"GB-ENG"``,
        ``"BE"``. None for listed dates only.
    observed : bool or None
        Which day counts when a holiday on a weekend is observed on another day: True for the day on
        which it is observed, False for the actual date, None (the default) for both.
    add : tuple of str
        Names of more holidays, which the country has in some part or unofficially, such as
        ``"Good Friday"``.
    drop : tuple of str
        Names of holidays that do not count, such as ``"Columbus Day"``.
    dates : tuple of date
        More days, whatever the country. Years without a listed date have none.

    Raises
    ------
    InputError
        An unknown country, part or name (the message lists those of the country), a name whose
        date differs between parts of the country, a value that is not a date, or nothing given.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Holidays("US", observed=True, add=["Good Friday"], drop=["Columbus Day"]).label
    'US, days observed, with Good Friday, without Columbus Day'
    """

    country: str | None = None
    observed: bool | None = field(default=None, kw_only=True)
    add: tuple[str, ...] = field(default=(), kw_only=True)
    drop: tuple[str, ...] = field(default=(), kw_only=True)
    dates: tuple[date, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        one_of(self.observed, (True, False, None), "holidays: observed")
        set_fields(
            self,
            add=_names(self.add, "add"),
            drop=_names(self.drop, "drop"),
            dates=_read_dates(self.dates),
        )
        if self.country is not None:
            _check_country(self.country)
            _check_names(self)
        elif self.add or self.drop:
            raise InputError("holidays: add and drop name holidays of a country; give the country")
        elif not self.dates:
            raise InputError("holidays: none given; give a country, such as 'US', or dates")

    @property
    def label(self) -> str:
        """The holidays in a few words."""
        words = [] if self.country is None else [self.country]
        if self.observed is not None:
            words.append("days observed" if self.observed else "actual dates")
        if self.add:
            words.append(f"with {', '.join(self.add)}")
        if self.drop:
            words.append(f"without {', '.join(self.drop)}")
        if self.dates:
            many = "date" if len(self.dates) == 1 else "dates"
            span = f"from {self.dates[0]} to {self.dates[-1]}"
            words.append(f"{len(self.dates)} listed {many} {span}")
        return ", ".join(words)


def as_holidays(value: Any) -> Holidays | None:
    """Return `Holidays` for a country code, a list of dates, or `Holidays`; None stays None.

    Raises
    ------
    InputError
        As `Holidays`.
    """
    if value is None or isinstance(value, Holidays):
        return value
    if isinstance(value, str):
        return Holidays(value)
    if isinstance(value, Iterable):
        return Holidays(dates=tuple(value))
    raise InputError(
        f"holidays {value!r} are not known; write a code such as 'US', 'US-CA', 'GB-ENG' or 'BE', "
        "a list of dates, or Holidays(...)"
    )


@lru_cache(maxsize=256)
def holiday_dates(holidays: Holidays, first_year: int, last_year: int) -> Int64:
    """Return the holidays of some years as days since 1970, ascending."""
    days = set(holidays.dates)
    if holidays.country is not None:
        days |= _calendar(holidays, first_year, last_year)
    dates = np.array(sorted(days), dtype="datetime64[D]").astype(np.int64)
    dates.flags.writeable = False
    return dates


class _Holiday(NamedTuple):
    """One holiday of one year.

    Attributes
    ----------
    name : str
    actual : date
    is_kept : bool
        Whether the actual date is free although the holiday is observed on another day.
    observed : list of date
        The other days on which it is observed; empty for most.
    """

    name: str
    actual: date
    is_kept: bool
    observed: list[date]

    def days(self, observed: bool | None) -> list[date]:
        """Return the days that count: see `Holidays.observed`."""
        if observed is False:
            return [self.actual]
        if observed and self.observed:
            return self.observed
        return [self.actual, *self.observed] if self.is_kept else self.observed


def _calendar(holidays: Holidays, first_year: int, last_year: int) -> set[date]:
    """Return the days of a country's holidays, with those added and without those dropped."""
    assert holidays.country is not None
    country, _, part = holidays.country.partition("-")
    dropped = {name.casefold() for name in holidays.drop}
    found = [
        each
        for each in _country_holidays(country, part, first_year, last_year)
        if each.name.casefold() not in dropped
    ]
    for name in holidays.add:
        found += _named(country, name, first_year, last_year)
    days = {day for each in found for day in each.days(holidays.observed)}
    return {day for day in days if first_year <= day.year <= last_year}


@lru_cache(maxsize=256)
def _named(country: str, name: str, first_year: int, last_year: int) -> tuple[_Holiday, ...]:
    """Return a holiday that a country has, perhaps unofficially or in some of its parts only."""
    distinct: dict[tuple[date, ...], tuple[_Holiday, ...]] = {}
    for number, of_place in enumerate(_everywhere(country, first_year, last_year)):
        found = tuple(each for each in of_place if each.name.casefold() == name.casefold())
        if found:
            distinct.setdefault(tuple(each.actual for each in found), found)
            if number == 0:  # the whole country has it
                break
    if len(distinct) > 1:
        raise InputError(
            f"holidays, add: the date of {name!r} differs between parts of {country}; "
            "list its dates with dates="
        )
    return next(iter(distinct.values()), ())


def _everywhere(country: str, first_year: int, last_year: int) -> Iterator[tuple[_Holiday, ...]]:
    """Yield the holidays of a country, unofficial ones too, and those of each of its parts."""
    import holidays

    yield _country_holidays(country, "", first_year, last_year, all_categories=True)
    for part in holidays.country_holidays(country).subdivisions:
        yield _country_holidays(country, part, first_year, last_year)


def _check_names(holidays: Holidays) -> None:
    """Raise InputError for a name that the country does not have."""
    assert holidays.country is not None
    country, _, part = holidays.country.partition("-")
    if holidays.drop:
        own = _country_holidays(country, part, *_SAMPLE_YEARS)
        _refuse_unknown(holidays.drop, {each.name for each in own}, "drop")
    if holidays.add:
        everywhere = _everywhere(country, *_SAMPLE_YEARS)
        names = {each.name for of_place in everywhere for each in of_place}
        _refuse_unknown(holidays.add, names, "add")
        for name in holidays.add:
            _named(country, name, *_SAMPLE_YEARS)  # refuses a name with several dates


def _refuse_unknown(given: tuple[str, ...], names: set[str], where: str) -> None:
    known = {name.casefold() for name in names}
    for name in given:
        if name.casefold() not in known:
            raise InputError(
                f"holidays, {where}: {name!r} is not a holiday there; known are "
                f"{', '.join(sorted(names))}"
            )


@lru_cache(maxsize=1024)
def _country_holidays(
    country: str, part: str, first_year: int, last_year: int, *, all_categories: bool = False
) -> tuple[_Holiday, ...]:
    """Return the holidays of a country or a part of it, by date.

    Those of the years before and after too: New Year's Day may be observed on 31 December.
    """
    years = range(first_year - 1, last_year + 2)
    actual = _names_by_date(country, part, years, observed=False, all_categories=all_categories)
    both = _names_by_date(country, part, years, observed=True, all_categories=all_categories)
    holidays = [
        _Holiday(name, day, is_kept=day in both, observed=[])
        for day, names in sorted(actual.items())
        for name in names
    ]
    for day in sorted(set(both) - set(actual)):
        source = _source(day, both[day], holidays)
        if source is None:
            holidays.append(_Holiday(both[day][0], day, is_kept=True, observed=[]))
        else:
            source.observed.append(day)
    return tuple(holidays)


def _source(day: date, names: list[str], holidays: list[_Holiday]) -> _Holiday | None:
    """Return the holiday that is observed on a day: its name is in the name of that day.

    Some countries name no source ("Substitute Holiday"): it is the last one before.
    """
    near = [each for each in holidays if abs(each.actual - day) <= _FAR]
    by_name = [each for each in near if any(each.name in name for name in names)]
    if by_name:
        return min(by_name, key=lambda each: abs(each.actual - day))
    before = [each for each in near if each.actual < day]
    return max(before, key=lambda each: each.actual, default=None)


def _names_by_date(
    country: str,
    part: str,
    years: range,
    *,
    observed: bool,
    all_categories: bool = False,
) -> dict[date, list[str]]:
    import holidays  # loaded only for tariffs that have holidays

    options: dict[str, Any] = {"language": "en_US"}
    if all_categories:
        options["categories"] = holidays.country_holidays(country).supported_categories
    days = holidays.country_holidays(
        country,
        subdiv=part or None,
        years=years,
        observed=observed,
        **options,
    )
    return {day: days.get_list(day) for day in days}


def _check_country(code: Any) -> None:
    country, _, part = code.partition("-") if isinstance(code, str) else ("", "", "")
    try:
        _names_by_date(country, part, range(2025, 2026), observed=True)
    except NotImplementedError:
        raise InputError(
            f"holidays {code!r}: unknown country or subdivision; "
            "write a code such as 'US', 'US-CA', 'GB-ENG' or 'BE'"
        ) from None


def _names(values: Any, what: str) -> tuple[str, ...]:
    names = (values,) if isinstance(values, str) else tuple(values)
    for name in names:
        if not isinstance(name, str):
            raise InputError(
                f"holidays, {what}: {name!r} is not a name; list days of your own with dates="
            )
    return tuple(dict.fromkeys(names))


def _read_dates(values: Any) -> tuple[date, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"holidays, dates: expected a list of dates, got {values!r}")
    return tuple(sorted({_read_date(value, number) for number, value in enumerate(values)}))


def _read_date(value: Any, number: int) -> date:
    what = f"holidays, dates[{number}]"
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    # A column of dates is midnights without a zone to pandas.
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date()
    moment = read_moment(value, what)
    if moment.instant_us is not None or moment.after - moment.first != timedelta(days=1):
        raise InputError(f"{what}: {value!r} is not a day; write a date such as '2025-12-25'")
    return moment.first
