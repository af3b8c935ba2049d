"""Demand charges of a URDB record: flat by month, by period of the day, and their ratchets."""

from __future__ import annotations

from typing import Any, NamedTuple

from flipkit import checks
from flipkit.errors import InputError
from flipkit.tariffs.model import (
    MONTH_NAMES,
    DemandCharge,
    DemandTier,
    DemandWindow,
    Ratchet,
    clock_text,
    equal_runs,
)
from flipkit.tariffs.read.source import located
from flipkit.tariffs.read.urdb_record import Record, RecordTier

__all__ = ["read_demand"]

_INTERVALS = (15, 30, 60)
_YEAR_BACK = 11
"""Billing periods before the present one that make a year with it."""

_Ladder = tuple[DemandTier, ...]


class _Applies(NamedTuple):
    """When the ladder of a period applies: windows of the day, in months of one ratchet."""

    windows: tuple[DemandWindow, ...]
    ratchet: Ratchet | None


_Months = dict[_Applies, list[int]]
"""In which months each of them holds."""


def read_demand(record: Record) -> tuple[DemandCharge, ...]:
    """Return the demand charges, one per period of the record.

    A period that has other hours in other months is one charge per set of months.

    Raises
    ------
    InputError
        An unknown unit or interval, limits that do not rise, a ratchet that is not clear.
    """
    flat = _ladders(record, "flatdemandstructure", "flatdemandunit")
    timed = _ladders(record, "demandratestructure", "demandrateunit")
    if not any(_costs(ladder) for ladder in (*flat, *timed)):
        return ()
    least_kw = record.number("demandmin")
    if least_kw:
        # The database's own name of peakkwcapacitymin; SAM, too, has no field for a least demand.
        record.note(
            f"tariff.assumed: demandmin {least_kw:g} is the least demand of customers who may have "
            "the tariff, not a least billing demand"
        )
    ratchets = _ratchets(record)
    minutes = _interval_minutes(record)
    charges = []
    for period, ladder in enumerate(flat):
        if _costs(ladder):
            months = _flat_months(record, period, len(flat), ratchets)
            charges += _charges(f"flat {period + 1}", ladder, months, minutes)
    for period, ladder in enumerate(timed):
        if _costs(ladder):
            months = _timed_months(record, period, len(timed), ratchets)
            charges += _charges(f"period {period + 1}", ladder, months, minutes)
    return tuple(charges)


def _costs(ladder: _Ladder) -> bool:
    return any(tier.price_per_kw for tier in ladder)


def _ladders(record: Record, name: str, unit_field: str) -> list[_Ladder]:
    if name not in record:
        return []
    ladders = [tuple(_tier(tier) for tier in tiers) for tiers in record.tiers(name)]
    unit = record.text(unit_field)
    is_known = unit.lower() in ("", "kw")
    if not is_known and any(_costs(ladder) for ladder in ladders):
        raise record.error(unit_field, f"{unit!r} cannot be priced; known: kW")
    return ladders


def _tier(tier: RecordTier) -> DemandTier:
    unit = tier.unit(default="kW")
    if unit != "kw":
        raise InputError(f"{tier.place}.unit: {unit!r} cannot be priced; known: kW")
    if tier.selling_price():
        raise InputError(f"{tier.place}.sell: a selling price of demand cannot be priced")
    price = tier.price()
    limit = tier.limit()
    with located(tier.place):
        return DemandTier(price, limit)


def _interval_minutes(record: Record) -> int:
    minutes = record.number("demandwindow") or 15.0
    if minutes not in _INTERVALS:
        raise record.error(
            "demandwindow", f"{minutes:g} minutes cannot be priced; known: 15, 30, 60"
        )
    return int(minutes)


def _charges(
    period_name: str, ladder: _Ladder, months_of: _Months, minutes: int
) -> list[DemandCharge]:
    charges = []
    for applies, months in months_of.items():
        name = period_name
        if len(months_of) > 1:
            name += " " + "/".join(MONTH_NAMES[month - 1] for month in months)
        first, *others = applies.windows
        with located(f"demand charge {name}"):
            charge = DemandCharge(
                name=name,
                tiers=ladder,
                start=first.start,
                end=first.end,
                months=tuple(months),
                days=first.days,
                interval_minutes=minutes,  # type: ignore[arg-type]
                ratchet=applies.ratchet,
                also=tuple(others),
            )
        charges.append(charge)
    return charges


def _flat_months(
    record: Record, number: int, periods: int, ratchets: list[Ratchet | None]
) -> _Months:
    """Return the months of a flat period, which applies at all hours."""
    if "flatdemandmonths" in record:
        period_of_month = record.months("flatdemandmonths")
    elif periods > 1:
        raise record.error(
            "flatdemandmonths",
            f"absent, but there are {periods} periods; say which holds in which month",
        )
    else:
        period_of_month = [0] * 12
    months_of: _Months = {}
    for month, period in enumerate(period_of_month, 1):
        if record.period(period, periods, f"flatdemandmonths[{month - 1}]") == number:
            applies = _Applies((DemandWindow(),), ratchets[month - 1])
            months_of.setdefault(applies, []).append(month)
    return months_of


def _timed_months(
    record: Record, number: int, periods: int, ratchets: list[Ratchet | None]
) -> _Months:
    """Return the months of a period by its hours in them."""
    weekdays = record.hours("demandweekdayschedule", periods)
    weekends = record.hours("demandweekendschedule", periods)
    months_of: _Months = {}
    for month in range(1, 13):
        windows = _windows(number, weekdays[month - 1], weekends[month - 1])
        if windows:
            applies = _Applies(windows, ratchets[month - 1])
            months_of.setdefault(applies, []).append(month)
    if any(ratchets) and len({applies.windows for applies in months_of}) > 1:
        raise record.error(
            "demandratestructure",
            f"period {number} has other hours in other months, and a ratchet; "
            "the record does not say at which hours the ratchet looks back",
        )
    return months_of


def _windows(number: int, weekday: list[int], weekend: list[int]) -> tuple[DemandWindow, ...]:
    """Return the hours of a period in a month; those alike on weekdays and weekends once."""
    on_weekdays = _hours_of_period(weekday, number)
    on_weekends = _hours_of_period(weekend, number)
    windows = []
    for start, end in on_weekdays:
        days = "all" if (start, end) in on_weekends else "weekday"
        windows.append(DemandWindow(clock_text(start * 3600), clock_text(end * 3600), days))
    for start, end in on_weekends:
        if (start, end) not in on_weekdays:
            windows.append(
                DemandWindow(clock_text(start * 3600), clock_text(end * 3600), "weekend")
            )
    return tuple(windows)


def _hours_of_period(row: list[int], number: int) -> list[tuple[int, int]]:
    """Return first and last hour (excluded) of each run; one across midnight is one run."""
    runs = [(start, end) for start, end, period in equal_runs(row) if period == number]
    if len(runs) < 2:
        return runs
    first, *between, last = runs
    crosses_midnight = first[0] == 0 and last[1] == len(row)
    return [*between, (last[0], first[1])] if crosses_midnight else runs


def _ratchets(record: Record) -> list[Ratchet | None]:
    """Return the ratchet of each month."""
    shares = [0.0] * 12
    if "demandratchetpercentage" in record:
        name = "demandratchetpercentage"
        for month, value in enumerate(record.months(name)):
            shares[month] = _share(value, f"{record.what}, {name}[{month}]")
    if not record.number("lookbackpercent"):
        return [Ratchet(share, _YEAR_BACK) if share else None for share in shares]
    if any(shares):
        raise record.error(
            "lookbackpercent", "beside demandratchetpercentage; leave one of the two out"
        )
    return [_look_back(record)] * 12


def _look_back(record: Record) -> Ratchet:
    share = _share(record.fields["lookbackpercent"], f"{record.what}, lookbackpercent")
    periods = record.number("lookbackrange")
    flags = record.months("lookbackmonths") if "lookbackmonths" in record else [False] * 12
    if not all(isinstance(flag, bool | int) and flag in (0, 1) for flag in flags):
        raise record.error("lookbackmonths", "expected 12 values, each true or false")
    months = tuple(month for month, flag in enumerate(flags, 1) if flag)
    if not periods and not months:
        raise record.error(
            "lookbackpercent",
            "needs lookbackrange or lookbackmonths, to say where to look back",
        )
    if periods != int(periods):
        raise record.error("lookbackrange", f"{periods:g} is not a whole number of months")
    with located(record.what):
        return Ratchet(share, int(periods) or _YEAR_BACK, months or None)


def _share(value: Any, what: str) -> float:
    share = checks.finite(value, what)
    if not 0.0 <= share <= 1.0:
        raise InputError(f"{what}: {share:g} is not a share; write 0.8 for 80 %")
    return share
