"""A record of OpenEI's Utility Rate Database: its fields by name, and those that are refused.

Fields: https://openei.org/services/doc/rest/util_rates/?version=8
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from flipkit import checks
from flipkit.checks import short_repr
from flipkit.errors import InputError
from flipkit.tariffs.read.source import check_object, is_list, load_json

__all__ = ["Record", "RecordTier", "open_record"]

_PRICED = frozenset(
    """
    label utility name servicetype startdate enddate energyratestructure energyweekdayschedule
    energyweekendschedule energyrateunit demandratestructure demandweekdayschedule
    demandweekendschedule demandrateunit demandwindow flatdemandstructure flatdemandmonths
    flatdemandunit demandratchetpercentage lookbackpercent lookbackrange lookbackmonths
    fixedchargefirstmeter fixedchargeunits fixedmonthlycharge mincharge minchargeunits
    minmonthlycharge annualmincharge dgrules usenetmetering
    """.split()  # noqa: SIM905  as words they can be compared with the database's list
)
# Who may have the tariff, its origin, how energy is measured: nothing that a bill charges.
_INFORMATION = frozenset(
    """
    uri type approved is_default supercedes sector description source sourceparent
    basicinformationcomments country eiaid eia energycomments demandcomments latest_update revisions
    demandunits peakkwcapacitymin peakkwcapacitymax peakkwcapacityhistory peakkwhusagemin
    peakkwhusagemax peakkwhusagehistory voltageminimum voltagemaximum voltagecategory phasewiring
    utilityid geopoint coincidentrateunit coincidentrateschedule coincidentschedule
    """.split()  # noqa: SIM905
)
_REFUSED = {
    "coincidentratestructure": "charges on demand at the system's peak, which no meter records",
    "fueladjustmentsmonthly": "fuel adjustments by month",
    "demandreactivepowercharge": "a charge on reactive power (kvar)",
    "fixedchargeeaaddl": "a charge for each additional meter",
    "energyattrs": "charges in words",
    "demandattrs": "charges in words",
    "fixedattrs": "charges in words",
}
_TIER_FIELDS = ("rate", "adj", "max", "unit", "sell")
_NO_LIMIT = 1e37
"""SAM writes 1e38 for a tier without a limit."""


class RecordTier(NamedTuple):
    """One tier of a period of a rate structure.

    Attributes
    ----------
    fields : mapping of str to object
    place : str
        Record, field and indices, for error messages.
    """

    fields: Mapping[str, Any]
    place: str

    def unit(self, default: str) -> str:
        """Return the unit in lower case."""
        unit = self.fields.get("unit") or default
        if not isinstance(unit, str):
            raise InputError(f"{self.place}.unit: {unit!r} is not a string")
        return unit.lower()

    def price(self) -> float:
        """Return rate and adjustment together, added as decimal numbers: 0.1 + 0.2 is 0.3."""
        total = Decimal(0)
        for name in ("rate", "adj"):
            total += Decimal(repr(self._number(name)))
        return checks.finite(total, self.place)

    def limit(self) -> float | None:
        """Return where the tier ends; None if it has no limit."""
        if self.fields.get("max") is None:
            return None
        limit = self._number("max")
        return None if limit >= _NO_LIMIT else limit

    def sells(self) -> bool:
        """Return whether it has a selling price, if only 0."""
        return self.fields.get("sell") is not None

    def selling_price(self) -> float:
        """Return the selling price; 0.0 if it has none."""
        return self._number("sell")

    def _number(self, name: str) -> float:
        value = self.fields.get(name)
        return 0.0 if value is None else checks.finite(value, f"{self.place}.{name}")


@dataclass(frozen=True, slots=True)
class Record:
    """One record, its field names in lower case.

    Attributes
    ----------
    what : str
        For error messages.
    fields : mapping of str to object
        Without empty fields.
    """

    what: str
    fields: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def error(self, name: str, problem: str) -> InputError:
        """Return the error that refuses a field."""
        return InputError(f"{self.what}, {name}: {problem}")

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
        rows = self.months(name)
        for month, row in enumerate(rows):
            if not is_list(row) or len(row) != 24:
                raise self.error(
                    f"{name}[{month}]",
                    f"expected a list of 24 numbers, one per hour, got {_size(row)}",
                )
            for hour, period in enumerate(row):
                self.check_period(period, periods, f"{name}[{month}][{hour}]")
        return [[int(period) for period in row] for row in rows]

    def check_period(self, period: Any, periods: int, place: str) -> None:
        """Raise InputError if `period` is not the number of one of the periods."""
        is_whole = isinstance(period, int) and not isinstance(period, bool)
        if not is_whole or not 0 <= period < periods:
            raise self.error(
                place,
                f"{short_repr(period)} is not a period; the structure has 0 to {periods - 1}",
            )

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
            tiers = [RecordTier(entry, f"{place}[{tier}]") for tier, entry in enumerate(entries)]
            for tier in tiers:
                _check_tier(tier)
            tiers_of_periods.append(tiers)
        return tiers_of_periods


def open_record(source: Any) -> Record:
    """Return the one record in `source`, which is never changed.

    Raises
    ------
    InputError
        No record or several; a field that cannot be priced.
    """
    given = load_json(source, "URDB record")
    if isinstance(given, Mapping) and "items" in given:
        given = _only_item(given["items"])
    if not isinstance(given, Mapping):
        raise InputError(
            "URDB record: expected an object, its JSON text or the path of a file, "
            f"got {short_repr(given)}"
        )
    fields: dict[str, Any] = {}
    for name, value in given.items():
        lower_name = str(name).lower()
        if _is_empty(value):  # the API writes an empty list for what a record does not have
            continue
        if lower_name in fields:
            raise InputError(f"URDB record: the field {lower_name} appears twice; keep one")
        fields[lower_name] = value
    label = str(fields.get("label") or fields.get("name") or "")
    record = Record(f"URDB record {label[:80]!r}", fields)
    _check_fields(record)
    return record


def _only_item(items: Any) -> Any:
    if not is_list(items) or len(items) != 1:
        count = len(items) if is_list(items) else "no list of"
        raise InputError(
            f"URDB answer: {count} records in items; pass one of them, such as answer['items'][0]"
        )
    return items[0]


def _check_fields(record: Record) -> None:
    for name, why in _REFUSED.items():
        if name in record and not _is_zero(record.fields[name]):
            raise record.error(
                name, f"{why}; flipkit cannot price that. Without the field the rest can be read"
            )
    known = _PRICED | _INFORMATION | _REFUSED.keys()
    unknown = sorted(name for name in record.fields if name not in known)
    if unknown:
        raise InputError(
            f"{record.what}: unknown field {', '.join(unknown)}; flipkit does not price what it "
            "does not know. Without it the rest can be read"
        )


def _check_tier(tier: RecordTier) -> None:
    fields = tier.fields
    if isinstance(fields, Mapping):
        fields = {name: value for name, value in fields.items() if not _is_empty(value)}
    check_object(fields, _TIER_FIELDS, tier.place)
    if "rate" not in fields:
        raise InputError(f"{tier.place}: no rate; write the price, 0 if there is none")


def _is_empty(value: Any) -> bool:
    is_sized = isinstance(value, str | Sequence | Mapping)
    return value is None or (is_sized and len(value) == 0)


def _is_zero(value: Any) -> bool:
    """Return whether a charge is zero, or a list of zeros."""
    values = value if is_list(value) else [value]
    for each in values:
        is_number = isinstance(each, int | float) and not isinstance(each, bool)
        if not is_number or each != 0:
            return False
    return True


def _size(value: Any) -> str:
    return f"{len(value)} values" if is_list(value) else short_repr(value)
