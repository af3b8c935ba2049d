"""A record of OpenEI's Utility Rate Database: its fields, those that are refused, and findings.

Fields: https://openei.org/services/doc/rest/util_rates/?version=8
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from flipkit import checks
from flipkit.checks import short_repr
from flipkit.errors import InputError
from flipkit.tariffs.read.source import check_object, is_list, load_json
from flipkit.vocabulary import DAY_S

__all__ = ["Record", "RecordTier", "open_record"]

_PRICED = frozenset(
    """
    label utility name servicetype startdate enddate energyratestructure energyweekdayschedule
    energyweekendschedule energyrateunit fueladjustmentsmonthly demandratestructure
    demandweekdayschedule demandweekendschedule demandrateunit demandwindow demandmin
    flatdemandstructure flatdemandmonths flatdemandunit demandratchetpercentage lookbackpercent
    lookbackrange lookbackmonths fixedchargefirstmeter fixedchargeunits fixedmonthlycharge mincharge
    minchargeunits minmonthlycharge annualmincharge dgrules usenetmetering
    """.split()  # noqa: SIM905  as words they can be compared with the database's list
)
# Who may have the tariff, its origin, how energy is measured: nothing that a bill charges.
_INFORMATION = frozenset(
    """
    _id uri type version approved is_default supercedes supersedes sector description source
    sourceparent basicinformationcomments country eiaid eia energycomments demandcomments
    latest_update revisions demandunits peakkwcapacitymin peakkwcapacitymax peakkwcapacityhistory
    peakkwhusagemin peakkwhusagemax peakkwhusagehistory voltageminimum voltagemaximum
    voltagecategory phasewiring utilityid geopoint coincidentrateunit coincidentrateschedule
    coincidentschedule energytoulabels demandtoulabels
    """.split()  # noqa: SIM905
)
_REFUSED = {
    "coincidentratestructure": "demand at the system's peak, whose hour no meter records",
    "demandreactivepowercharge": "reactive power (kvar), which is not in the energy",
    "pdp_charge_energy": "charges on event days, which the record does not name",
    "pdp_credit_energyratestructure": "credits of a program with event days",
    "pdp_credit_demandratestructure": "credits of a program with event days",
}
# Read without, unless `strict`: with which of them a site pays cannot be told from the record.
_NOT_PRICED = {
    "fixedattrs": "charges in words",
    "demandattrs": "charges in words",
    "energyattrs": "charges in words",
    "fixedchargeeaaddl": "a charge for each meter after the first",
}
_TIER_FIELDS = ("rate", "adj", "max", "unit", "sell", "name")
_NEVER_REACHED = 1e9
"""KWh or kW that no site reaches: no limit is meant. SAM writes 1e38, some records 1e14."""


class RecordTier(NamedTuple):
    """One tier of a period of a rate structure.

    Attributes
    ----------
    fields : mapping of str to object
    place : str
        Record, field and indices, for error messages.
    is_last : bool
        Whether it is the last of its period.
    """

    fields: Mapping[str, Any]
    place: str
    is_last: bool

    def unit(self, default: str) -> str:
        """Return the unit in lower case."""
        unit = self.fields.get("unit") or default
        if not isinstance(unit, str):
            raise InputError(f"{self.place}.unit: {unit!r} is not a string")
        return unit.lower()

    def costs(self) -> bool:
        """Return whether it has a price, if only 0."""
        return any(self.fields.get(name) is not None for name in ("rate", "adj"))

    def price(self) -> float:
        """Return rate and adjustment together, added as decimal numbers: 0.1 + 0.2 is 0.3."""
        total = Decimal(0)
        for name in ("rate", "adj"):
            total += Decimal(repr(self._number(name)))
        return checks.finite(total, self.place)

    def limit(self) -> float | None:
        """Return where the tier ends; None if it has no limit, as the last never has."""
        limit = self._stated_limit()
        return None if self.is_last else limit

    def ignored_limit(self) -> float | None:
        """Return the limit of a last tier, above which the record has no price."""
        return self._stated_limit() if self.is_last else None

    def _stated_limit(self) -> float | None:
        if self.fields.get("max") is None:
            return None
        limit = self._number("max")
        if limit >= _NEVER_REACHED or (self.is_last and limit == 0.0):
            return None
        if limit <= 0.0:
            raise InputError(f"{self.place}.max: {limit:g} must be above 0")
        return limit

    def sells(self) -> bool:
        """Return whether it has a selling price, if only 0."""
        return self.fields.get("sell") is not None

    def selling_price(self) -> float:
        """Return the selling price; 0.0 if it has none."""
        return self._number("sell")

    def _number(self, name: str) -> float:
        value = self.fields.get(name)
        return 0.0 if value is None else checks.finite(value, f"{self.place}.{name}")


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One record, its field names in lower case.

    Attributes
    ----------
    what : str
        For error messages.
    fields : mapping of str to object
        Without empty fields.
    findings : list of str
        What was assumed or is not priced, as ``code: message``.
    """

    what: str
    fields: Mapping[str, Any]
    findings: list[str]

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def error(self, name: str, problem: str) -> InputError:
        """Return the error that refuses a field."""
        return InputError(f"{self.what}, {name}: {problem}")

    def note(self, finding: str) -> None:
        """Add a finding, ``code: message``."""
        self.findings.append(finding)

    def number(self, name: str) -> float:
        """Return a number; 0.0 if the field is absent."""
        if name not in self.fields:
            return 0.0
        return checks.finite(self.fields[name], f"{self.what}, {name}")

    def text(self, name: str) -> str:
        """Return a string; empty if the field is absent."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise self.error(name, f"expected a string, got {short_repr(value)}")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value, which some exports of the database have as text."""
        value = self.fields.get(name, False)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not isinstance(value, bool):
            raise self.error(name, f"{value!r} is neither true nor false")
        return value

    def date(self, name: str) -> date | None:
        """Return a date as it is written, in UTC; None if the field is absent.

        The API has seconds since 1970, exports of the database ISO 8601 text or
        ``{"$date": ...}`` with text or milliseconds.
        """
        value = self.fields.get(name)
        if value is None:
            return None
        ticks_per_second = 1
        if isinstance(value, Mapping) and "$date" in value:
            value = value["$date"]
            ticks_per_second = 1000
        try:
            if isinstance(value, str):
                return date.fromisoformat(value.strip()[:10])
            seconds = checks.finite(value, name) / ticks_per_second
            return date(1970, 1, 1) + timedelta(days=seconds // DAY_S)
        except (ValueError, OverflowError):
            raise self.error(
                name,
                f"{short_repr(value)} is not a date; expected seconds since 1970-01-01 UTC, or "
                "text such as '2017-01-01'",
            ) from None

    def months(self, name: str) -> list[Any]:
        """Return a list of twelve values, January first."""
        value = self.fields[name]
        if not is_list(value) or len(value) != 12:
            raise self.error(
                name, f"expected a list of 12 values, January first, got {_size(value)}"
            )
        return list(value)

    def hours(self, name: str, periods: int) -> list[list[int]]:
        """Return the period (0 to periods - 1) by month and hour; it may be absent for one."""
        if name not in self.fields:
            if periods > 1:
                raise self.error(
                    name, f"absent, but there are {periods} periods; say which holds at which hour"
                )
            return [[0] * 24] * 12
        schedule = []
        for month, row in enumerate(self.months(name)):
            place = f"{name}[{month}]"
            if not is_list(row) or len(row) != 24:
                raise self.error(
                    place, f"expected a list of 24 numbers, one per hour, got {_size(row)}"
                )
            schedule.append(
                [
                    self.period(period, periods, f"{place}[{hour}]")
                    for hour, period in enumerate(row)
                ]
            )
        return schedule

    def period(self, value: Any, periods: int, place: str) -> int:
        """Return the number of a period; raise InputError if it is not one of them."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value not in range(periods):
            raise self.error(
                place,
                f"{short_repr(value)} is not a period; the structure has 0 to {periods - 1}",
            )
        return int(value)

    def tiers(self, name: str) -> list[list[RecordTier]]:
        """Return the tiers of each period of a rate structure; unknown fields are refused."""
        periods = self.fields[name]
        if not is_list(periods):
            raise self.error(name, f"expected a list of periods, got {short_repr(periods)}")
        tiers_of_periods = []
        for number, entries in enumerate(periods):
            place = f"{self.what}, {name}[{number}]"
            if not is_list(entries) or not entries:
                raise InputError(f"{place}: expected a list of tiers, got {short_repr(entries)}")
            last = len(entries) - 1
            tiers = [
                RecordTier(entry, f"{place}[{tier}]", tier == last)
                for tier, entry in enumerate(entries)
            ]
            for tier in tiers:
                _check_tier(tier)
            limit = tiers[-1].ignored_limit()
            if limit is not None:
                self.note(
                    f"tariff.assumed: {name}[{number}][{last}].max, of a last tier, is {limit:g}, "
                    "and what is above it is priced as what is below"
                )
            tiers_of_periods.append(tiers)
        return tiers_of_periods


def open_record(source: Any, *, strict: bool, ignore: Iterable[str]) -> Record:
    """Return the one record in `source`, which is never changed.

    Raises
    ------
    InputError
        No record or several; fields that cannot be priced, all of them by name.
    """
    given = load_json(source, "URDB record")
    if isinstance(given, Mapping) and "items" in given:
        given = _only_item(given["items"])
    if not isinstance(given, Mapping):
        raise InputError(
            "URDB record: expected an object, its JSON text or the path of a file, "
            f"got {short_repr(given)}"
        )
    fields = _fields_of(given)
    label = str(fields.get("label") or fields.get("name") or "")
    what = f"URDB record {label[:80]!r}"
    findings = []
    for name in _names_to_ignore(ignore, fields):
        if fields.pop(name, None) is not None:
            findings.append(f"tariff.ignored: {name} of the record, as asked")
    record = Record(what=what, fields=fields, findings=findings)
    _check_fields(record, strict)
    return record


def _only_item(items: Any) -> Any:
    if not is_list(items) or len(items) != 1:
        count = len(items) if is_list(items) else "no list of"
        raise InputError(
            f"URDB answer: {count} records in items; pass one of them, such as answer['items'][0]"
        )
    return items[0]


def _fields_of(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the fields with content, their names in lower case."""
    fields: dict[str, Any] = {}
    for name, value in given.items():
        lower_name = str(name).lower()
        if _is_empty(value):  # the API writes an empty list for what a record does not have
            continue
        if fields.get(lower_name, value) != value:
            raise InputError(f"URDB record: the field {lower_name} appears twice; keep one")
        fields[lower_name] = value
    return fields


def _names_to_ignore(ignore: Iterable[str], fields: Mapping[str, Any]) -> list[str]:
    names = [ignore] if isinstance(ignore, str) else list(ignore)
    known = _PRICED | _INFORMATION | _REFUSED.keys() | _NOT_PRICED.keys()
    lower_names = []
    for name in names:
        lower_name = str(name).lower()
        if lower_name not in known and lower_name not in fields:
            raise InputError(f"ignore: {name!r} is not a field of a URDB record; leave it out")
        lower_names.append(lower_name)
    return lower_names


def _check_fields(record: Record, strict: bool) -> None:
    """Note the charges that are read without, and raise InputError for those that are refused."""
    refused = {}
    for name, value in sorted(record.fields.items()):
        if name in _PRICED or name in _INFORMATION or not _may_charge(value):
            continue
        if name in _NOT_PRICED and not strict:
            why = _NOT_PRICED[name]
            record.note(f"tariff.unpriced: {name}, {why}: {_in_words(value)}")
        else:
            reasons = _REFUSED | _NOT_PRICED
            refused[name] = reasons.get(name, "an unknown field, which may be a charge")
    if refused:
        reasons_text = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise InputError(
            f"{record.what}, {reasons_text}. flipkit cannot price that; without it, the rest is "
            f"read: ignore={tuple(refused)!r}"
        )


def _check_tier(tier: RecordTier) -> None:
    fields = tier.fields
    if isinstance(fields, Mapping):
        fields = {name: value for name, value in fields.items() if not _is_empty(value)}
    check_object(fields, _TIER_FIELDS, tier.place)


def _in_words(value: Any) -> str:
    """Return key and value of a list of objects, or any other value, as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_in_words(key)} {_in_words(each)}" for key, each in value.items())
    if is_list(value):
        return ", ".join(_in_words(each) for each in value)
    return " ".join(str(value).split())


def _is_empty(value: Any) -> bool:
    is_sized = isinstance(value, str | Sequence | Mapping)
    # A row of a DataFrame has NaN where a record lacks a field.
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or (is_sized and len(value) == 0)


def _may_charge(value: Any) -> bool:
    """Return whether there is a number other than zero in it, or text; of tiers, a price."""
    if isinstance(value, Mapping):
        prices = [value[name] for name in ("rate", "adj") if name in value]
        return any(_may_charge(each) for each in prices or value.values())
    if is_list(value):
        return any(_may_charge(each) for each in value)
    return not _is_empty(value) and value != 0


def _size(value: Any) -> str:
    return f"{len(value)} values" if is_list(value) else short_repr(value)
