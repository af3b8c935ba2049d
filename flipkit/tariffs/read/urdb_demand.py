"""Demand charges of a URDB record: flat by month, by period of the day, and their ratchets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flipkit.errors import InputError
from flipkit.tariffs.model import (
    MONTH_NAMES,
    DemandCharge,
    DemandTier,
    DemandWindow,
    Ratchet,
    clock_text,
)
from flipkit.tariffs.read.urdb_energy import limit_of, price_of, runs
from flipkit.tariffs.read.urdb_record import Record, located, number_of

__all__ = ["read_demand"]

_KNOWN = ("rate", "adj", "max", "unit", "sell")
_INTERVALS = (15, 30, 60)
_YEAR_BACK = 11
"""Billing periods before the present one that make a year with it."""

_Ladder = tuple[DemandTier, ...]


class _Hours(NamedTuple):
    """The windows of a period, in months of one ratchet."""

    windows: tuple[DemandWindow, ...]
    ratchet: Ratchet | None


def read_demand(record: Record) -> tuple[DemandCharge, ...]:
    """The demand charges, each period of the record one (or one for each set of months with hours of their own).

    Raises
    ------
    InputError
        An unknown unit or interval, limits that do not rise, a ratchet that is not clear: names the field.
    """
    flat = _ladders(record, "flatdemandstructure", "flatdemandunit")
    timed = _ladders(record, "demandratestructure", "demandrateunit")
    if not any(_costs(ladder) for ladder in (*flat, *timed)):
        return ()
    ratchets, minutes = _ratchets(record), _interval(record)
    charges: list[DemandCharge] = []
    for number, ladder in enumerate(flat):
        if _costs(ladder):
            charges += _charges(
                "flat", number, ladder, _flat_hours(record, number, len(flat), ratchets), minutes
            )
    for number, ladder in enumerate(timed):
        if _costs(ladder):
            charges += _charges(
                "period", number, ladder, _hours(record, number, len(timed), ratchets), minutes
            )
    return tuple(charges)


def _costs(ladder: _Ladder) -> bool:
    return any(tier.price_per_kw for tier in ladder)


def _ladders(record: Record, name: str, unit: str) -> list[_Ladder]:
    if name not in record:
        return []
    ladders = [tuple(_tier(*pair) for pair in tiers) for tiers in record.tiers(name, _KNOWN)]
    known = record.text(unit).lower() in ("", "kw")
    if not known and any(_costs(ladder) for ladder in ladders):
        raise record.error(unit, f"{record.text(unit)!r} cannot be priced; known: kW")
    return ladders


def _tier(entry: Mapping[str, Any], place: str) -> DemandTier:
    unit = entry.get("unit") or "kW"
    if not isinstance(unit, str) or unit.lower() != "kw":
        raise InputError(f"{place}.unit: {unit!r} cannot be priced; known: kW")
    if entry.get("sell") is not None and number_of(entry["sell"], f"{place}.sell"):
        raise InputError(f"{place}.sell: a selling price of demand cannot be priced")
    price, limit = price_of(entry, place), limit_of(entry, place)
    with located(place):
        return DemandTier(price, limit)


def _interval(record: Record) -> int:
    minutes = record.number("demandwindow") or 15.0
    if minutes not in _INTERVALS:
        raise record.error(
            "demandwindow", f"{minutes:g} minutes cannot be priced; known: 15, 30, 60"
        )
    return int(minutes)


def _charges(
    kind: str, number: int, ladder: _Ladder, hours: dict[_Hours, list[int]], minutes: int
) -> list[DemandCharge]:
    found = []
    for each, months in hours.items():
        name = f"{kind} {number + 1}"
        if len(hours) > 1:
            name += f" {'/'.join(MONTH_NAMES[month - 1] for month in months)}"
        with located(f"demand charge {name}"):
            found.append(_charge(name, ladder, each, tuple(months), minutes))
    return found


def _charge(
    name: str, ladder: _Ladder, hours: _Hours, months: tuple[int, ...], minutes: int
) -> DemandCharge:
    first, *also = hours.windows
    window = (first.start, first.end, months, first.days)
    return DemandCharge(name, ladder, *window, minutes, hours.ratchet, tuple(also))  # type: ignore[arg-type]


def _flat_hours(
    record: Record, number: int, periods: int, ratchets: list[Ratchet | None]
) -> dict[_Hours, list[int]]:
    if "flatdemandmonths" not in record and periods > 1:
        raise record.error(
            "flatdemandmonths",
            f"absent, but there are {periods} periods; which holds in which month?",
        )
    of_month = record.twelve("flatdemandmonths") if "flatdemandmonths" in record else [0] * 12
    found: dict[_Hours, list[int]] = {}
    for month, period in enumerate(of_month, 1):
        record.check_period(period, periods, f"flatdemandmonths[{month - 1}]")
        if period == number:
            found.setdefault(_Hours((DemandWindow(),), ratchets[month - 1]), []).append(month)
    return found


def _hours(
    record: Record, number: int, periods: int, ratchets: list[Ratchet | None]
) -> dict[_Hours, list[int]]:
    found: dict[_Hours, list[int]] = {}
    tables = [_table(record, f"demand{days}schedule", periods) for days in ("weekday", "weekend")]
    for month, (week, end) in enumerate(zip(*tables, strict=True), 1):
        windows = _windows(number, week, end)
        if windows:
            found.setdefault(_Hours(windows, ratchets[month - 1]), []).append(month)
    if any(ratchets) and len({each.windows for each in found}) > 1:
        raise record.error(
            "demandratestructure",
            f"period {number} has other hours in other months, and a ratchet; which hours does it look back at?",
        )
    return found


def _table(record: Record, name: str, periods: int) -> list[list[int]]:
    found = record.schedule(name, periods)
    if found is None and periods > 1:
        raise record.error(
            name, f"absent, but there are {periods} periods; which holds at which hour?"
        )
    return [[0] * 24] * 12 if found is None else found


def _windows(number: int, week: list[int], end: list[int]) -> tuple[DemandWindow, ...]:
    """The hours of a period in a month; those alike on weekdays and weekends once."""
    weekday, weekend = (_spans([int(period == number) for period in row]) for row in (week, end))
    found = [(*span, "all" if span in weekend else "weekday") for span in weekday]
    found += [(*span, "weekend") for span in weekend if span not in weekday]
    return tuple(
        DemandWindow(clock_text(begin * 3600), clock_text(stop * 3600), days)
        for begin, stop, days in found
    )


def _spans(row: list[int]) -> list[tuple[int, int]]:
    """First and last hour (excluded) of each run of ones; one across midnight is one."""
    ones = [(begin, stop) for begin, stop, period in runs(row) if period]
    if len(ones) > 1 and ones[0][0] == 0 and ones[-1][1] == len(row):
        return [*ones[1:-1], (ones[-1][0], ones[0][1])]
    return ones


def _ratchets(record: Record) -> list[Ratchet | None]:
    """The ratchet of each month."""
    by_month, looked_back = "demandratchetpercentage" in record, record.number("lookbackpercent")
    shares = [0.0] * 12
    if by_month:
        values = enumerate(record.twelve("demandratchetpercentage"))
        shares = [
            _share(value, f"{record.what}, demandratchetpercentage[{month}]")
            for month, value in values
        ]
    if any(shares) and looked_back:
        raise record.error(
            "lookbackpercent", "beside demandratchetpercentage; leave one of the two out"
        )
    if looked_back:
        return [_look_back(record)] * 12
    return [Ratchet(share, _YEAR_BACK) if share else None for share in shares]


def _look_back(record: Record) -> Ratchet:
    share = _share(record.fields["lookbackpercent"], f"{record.what}, lookbackpercent")
    periods = record.number("lookbackrange")
    flags = record.twelve("lookbackmonths") if "lookbackmonths" in record else [False] * 12
    if not all(isinstance(flag, bool | int) and flag in (0, 1) for flag in flags):
        raise record.error("lookbackmonths", "expected 12 values, each true or false")
    months = tuple(month for month, flag in enumerate(flags, 1) if flag)
    if bool(periods) == bool(months):
        raise record.error(
            "lookbackpercent",
            "needs either lookbackrange or lookbackmonths, to say where to look back",
        )
    if periods != int(periods):
        raise record.error("lookbackrange", f"{periods:g} is no whole number of months")
    with located(record.what):
        return Ratchet(share, int(periods)) if periods else Ratchet(share, _YEAR_BACK, months)


def _share(value: Any, what: str) -> float:
    share = number_of(value, what)
    if not 0.0 <= share <= 1.0:
        raise InputError(f"{what}: {share:g} is no share; write 0.8 for 80 %")
    return share
