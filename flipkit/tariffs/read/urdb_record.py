"""A record of OpenEI's Utility Rate Database: its fields by name, and those that cannot be priced.

Fields after the database's own list, https://openei.org/services/doc/rest/util_rates/?version=8
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.tariffs.read.json_source import load_json

__all__ = ["Record", "Tiers", "located", "number_of", "open_record"]

Tiers = list[list[tuple[Mapping[str, Any], str]]]
"""The tiers of each period, each with its path."""

_PRICED = frozenset(
    """
    label utility name servicetype startdate enddate energyratestructure energyweekdayschedule energyweekendschedule
    energyrateunit demandratestructure demandweekdayschedule demandweekendschedule demandrateunit demandwindow
    flatdemandstructure flatdemandmonths flatdemandunit demandratchetpercentage lookbackpercent lookbackrange
    lookbackmonths fixedchargefirstmeter fixedchargeunits fixedmonthlycharge mincharge minchargeunits minmonthlycharge
    annualmincharge dgrules usenetmetering
    """.split()  # noqa: SIM905  as words they can be read and compared with the database's list
)
# Who may have the tariff, where it comes from, how it is measured: nothing of what a bill charges.
_INFORMATION = frozenset(
    """
    uri type approved is_default supercedes sector description source sourceparent basicinformationcomments country
    eiaid eia energycomments demandcomments latest_update revisions demandunits peakkwcapacitymin peakkwcapacitymax
    peakkwcapacityhistory peakkwhusagemin peakkwhusagemax peakkwhusagehistory voltageminimum voltagemaximum
    voltagecategory phasewiring utilityid geopoint
    coincidentrateunit coincidentrateschedule coincidentschedule
    """.split()  # noqa: SIM905
)
_REFUSED = {
    "coincidentratestructure": "charges on the demand at the hour of the system's peak, which no meter record tells",
    "fueladjustmentsmonthly": "fuel adjustments by month",
    "demandreactivepowercharge": "a charge on reactive power (kvar)",
    "fixedchargeeaaddl": "a charge for each additional meter",
    "energyattrs": "charges in words",
    "demandattrs": "charges in words",
    "fixedattrs": "charges in words",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record, its field names in small letters.

    Attributes
    ----------
    what : str
        For error texts.
    fields : mapping of str to object
        Without those that are empty.
    """

    what: str
    fields: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def error(self, name: str, problem: str) -> InputError:
        """The refusal of a field."""
        return InputError(f"{self.what}, {name}: {problem}")

    def number(self, name: str) -> float:
        """A number; 0.0 where the field is absent."""
        return number_of(self.fields[name], f"{self.what}, {name}") if name in self.fields else 0.0

    def text(self, name: str) -> str:
        """A text; empty where the field is absent."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise self.error(name, f"expected a text, got {_short(value)}")
        return value

    def twelve(self, name: str) -> list[Any]:
        """A list of twelve values, January first."""
        value = self.fields[name]
        if not _is_list(value) or len(value) != 12:
            raise self.error(
                name, f"expected a list of 12 values, January first, got {_counted(value)}"
            )
        return list(value)

    def schedule(self, name: str, periods: int) -> list[list[int]] | None:
        """The period (0 to periods - 1) by month and hour; None where the field is absent."""
        if name not in self.fields:
            return None
        rows = self.twelve(name)
        for month, row in enumerate(rows):
            if not _is_list(row) or len(row) != 24:
                raise self.error(
                    f"{name}[{month}]",
                    f"expected a list of 24 numbers, one an hour, got {_counted(row)}",
                )
            for hour, period in enumerate(row):
                self.check_period(period, periods, f"{name}[{month}][{hour}]")
        return [[int(period) for period in row] for row in rows]

    def check_period(self, period: Any, periods: int, place: str) -> None:
        """Raise InputError where `period` is not the number of one of the periods."""
        known = isinstance(period, int) and not isinstance(period, bool) and 0 <= period < periods
        if not known:
            raise self.error(
                place, f"{_short(period)} is no period; the structure has 0 to {periods - 1}"
            )

    def tiers(self, name: str, known: tuple[str, ...]) -> Tiers:
        """The tiers of each period of a rate structure; a field of a tier that is not known is refused."""
        periods = self.fields[name]
        if not _is_list(periods):
            raise self.error(name, f"expected a list of periods, got {_short(periods)}")
        found: Tiers = []
        for number, entries in enumerate(periods):
            place = f"{self.what}, {name}[{number}]"
            if not _is_list(entries) or not entries:
                raise InputError(f"{place}: expected a list of tiers, got {_short(entries)}")
            found.append([(entry, f"{place}[{tier}]") for tier, entry in enumerate(entries)])
        for entry, place in (pair for pairs in found for pair in pairs):
            _check_tier(entry, place, known)
        return found


def open_record(source: Any) -> Record:
    """The one record in `source`, which is never changed.

    Raises
    ------
    InputError
        No record or several; a field that says something which cannot be priced: names it.
    """
    given = load_json(source, "URDB record")
    if isinstance(given, Mapping) and "items" in given:
        given = _only_item(given)
    if not isinstance(given, Mapping):
        raise InputError(
            f"URDB record: expected an object, its JSON text or the path of a file, got {_short(given)}"
        )
    fields: dict[str, Any] = {}
    for name, value in given.items():
        small = str(name).lower()
        if not _is_empty(value) and small in fields:
            raise InputError(f"URDB record: the field {small} comes twice")
        if not _is_empty(value):
            fields[small] = value
    shown = fields.get("label") or fields.get("name") or ""
    record = Record(f"URDB record {str(shown)[:80]!r}", fields)
    _check_fields(record)
    return record


def _only_item(answer: Mapping[Any, Any]) -> Any:
    items = answer["items"]
    if not _is_list(items) or len(items) != 1:
        count = len(items) if _is_list(items) else "no list of"
        raise InputError(
            f"URDB answer: {count} records in items; hand in one of them, such as answer['items'][0]"
        )
    return items[0]


def _check_fields(record: Record) -> None:
    for name, why in _REFUSED.items():
        if name in record and not _is_nothing(record.fields[name]):
            raise record.error(
                name, f"{why}; flipkit cannot price that. Without the field the rest can be read"
            )
    unknown = sorted(
        name for name in record.fields if name not in _PRICED | _INFORMATION | _REFUSED.keys()
    )
    if unknown:
        raise InputError(
            f"{record.what}: unknown field {', '.join(unknown)}; flipkit does not price what it does not know. "
            "Without it the rest can be read"
        )


def _check_tier(entry: Any, place: str, known: tuple[str, ...]) -> None:
    if not isinstance(entry, Mapping):
        raise InputError(f"{place}: expected an object, got {_short(entry)}")
    unknown = sorted(
        str(name) for name, value in entry.items() if name not in known and not _is_empty(value)
    )
    if unknown:
        raise InputError(f"{place}: cannot price {', '.join(unknown)}; known: {', '.join(known)}")
    if _is_empty(entry.get("rate")):
        raise InputError(f"{place}: no rate; write the price, 0 where there is none")


def number_of(value: Any, what: str) -> float:
    """`value` as a finite float.

    Raises
    ------
    InputError
        Anything else; the text begins with `what`.
    """
    number = isinstance(value, int | float | Decimal | np.integer | np.floating) and not isinstance(
        value, bool
    )
    try:
        found = float(value) if number else math.nan
    except (OverflowError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{what}: {_short(value)} is no finite number")
    return found + 0.0


@contextmanager
def located(what: str) -> Iterator[None]:
    """Name the place in the text of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{what}: {error}") from None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Sequence | Mapping) and len(value) == 0)


def _is_nothing(value: Any) -> bool:
    """Zero, or a list of zeros: a charge that charges nothing."""
    values = value if _is_list(value) else [value]
    return all(
        isinstance(each, int | float) and not isinstance(each, bool) and each == 0
        for each in values
    )


def _counted(value: Any) -> str:
    return f"{len(value)} values" if _is_list(value) else _short(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
