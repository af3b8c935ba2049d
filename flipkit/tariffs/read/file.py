"""Tariffs from files, JSON or a table: the format is recognized by its fields or columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from flipkit.errors import InputError
from flipkit.frames import is_frame, read_file
from flipkit.tariffs.model import Export, Tariff, TierRule
from flipkit.tariffs.read import flatpeak, octopus
from flipkit.tariffs.read.octopus import UNIT_RATES
from flipkit.tariffs.read.source import is_list, load_json, located

__all__ = ["read_plan", "read_plans"]


class _Options(NamedTuple):
    """What the user gave beside the file, and the name of the file."""

    timezone: str | None
    currency: str | None
    tier_rule: TierRule | None
    path: Path

    def place(self) -> dict[str, Any]:
        """Return time zone and currency as far as they are given."""
        place = {"timezone": self.timezone, "currency": self.currency}
        return {name: value for name, value in place.items() if value is not None}


class _Format(NamedTuple):
    """A format of files: how its fields (in lower case) are recognized, and its reader."""

    is_recognized: Callable[[set[str]], bool]
    read: Callable[[Any, _Options], Tariff]


def read_plans(paths: Iterable[str | os.PathLike[str]], **options: Any) -> list[Tariff]:
    """Return the tariff of each file; tariffs with the same name get the names of their files.

    Parameters
    ----------
    paths : iterable of path-like
    **options
        As for `read_plan`.

    Raises
    ------
    InputError
        As for `read_plan`; the same file twice.
    """
    files = [Path(path) for path in paths]
    for number, path in enumerate(files):
        if path in files[:number]:
            raise InputError(f"{path}: given twice; name each tariff once")
    plans = [read_plan(path, **options) for path in files]
    names = [plan.name for plan in plans]
    stems = [path.stem for path in files]
    for number, (plan, path) in enumerate(zip(plans, files, strict=True)):
        if names.count(plan.name) > 1:
            label = path.stem if stems.count(path.stem) == 1 else str(path)
            plans[number] = replace(plan, name=f"{plan.name} ({label})")
    return plans


def read_plan(
    path: str | os.PathLike[str],
    *,
    timezone: str | None = None,
    currency: str | None = None,
    tier_rule: TierRule | None = None,
) -> Tariff:
    """Return the tariff of a file; see ``Tariff.from_file``."""
    if Path(path).suffix.lower() in (".csv", ".parquet"):
        content = read_file(path)
    else:
        content = load_json(Path(path), "tariff")
    options = _Options(timezone, currency, tier_rule, Path(path))
    fields = _fields(content)
    with located(str(path)):
        for each in _FORMATS:
            if each.is_recognized(fields):
                return each.read(content, options)
        raise InputError(
            "not a tariff that flipkit can read: neither a URDB record (energyratestructure), nor "
            "Octopus unit rates (results), nor Flatpeak tariff objects (direction, type, "
            "schedule), nor prices (start_utc, end_utc, price_per_kwh); "
            f"found {_describe_fields(content)}"
        )


def _fields(content: Any) -> set[str]:
    """Return the field names of an object, or of the first object of a list, in lower case."""
    if is_frame(content):
        return set(content.columns)
    if isinstance(content, Mapping) and is_list(content.get("data")) and "type" not in content:
        content = content["data"]  # the API's answer with a list
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, Mapping):
        return set()
    return {str(name).lower() for name in content}


def _describe_fields(content: Any) -> str:
    names = sorted(_fields(content))
    if not names:
        return f"no fields in a value of type {type(content).__name__}"
    more = " ..." if len(names) > 6 else ""
    return f"the fields {', '.join(names[:6])}{more}"


# ---- URDB and Octopus


def _read_urdb(content: Any, options: _Options) -> Tariff:
    if options.timezone is None:
        raise InputError(
            "a URDB record does not name its time zone; give it: --timezone America/Los_Angeles"
        )
    return Tariff.from_urdb(content, tier_rule=options.tier_rule, **options.place())


def _read_octopus(content: Any, options: _Options) -> Tariff:
    place = {"timezone": "Europe/London", "currency": "GBP"} | options.place()
    return octopus.read(content, None, name=options.path.stem, file_name=options.path.name, **place)


def _refuse_registers(_content: Any, _options: _Options) -> Tariff:
    raise InputError(
        "rates of a day and a night register do not state their hours; "
        "give both lists to Tariff.from_economy7"
    )


def _read_prices(content: Any, options: _Options) -> Tariff:
    if options.timezone is None or options.currency is None:
        raise InputError(
            "a price series does not name its time zone and currency; give them: "
            "--timezone Europe/Berlin --currency EUR"
        )
    return Tariff.from_prices(content, name=options.path.stem, **options.place())


# ---- Flatpeak


def _read_flatpeak(content: Any, options: _Options) -> Tariff:
    objects = flatpeak.tariff_objects(content)
    for number, each in enumerate(objects):
        if not isinstance(each, Mapping):
            raise InputError(
                f"item {number}: expected a Flatpeak tariff object, got {type(each).__name__}"
            )
    timezone = options.timezone or _only_value(objects, "timezone")
    currency = options.currency or _only_value(objects, "currency")
    # LOCAL objects stay with the imports, and are refused beside them.
    imports = [each for each in objects if each.get("direction") != "EXPORT"]
    exports = [each for each in objects if each.get("direction") == "EXPORT"]
    if not imports:
        raise InputError("only EXPORT tariffs; add the IMPORT objects of the same customer")
    tariff = Tariff.from_flatpeak(
        imports,
        timezone=timezone,
        currency=currency,
        tier_rule=options.tier_rule or "chronological",
    )
    if not exports:
        return tariff
    export_tariff = Tariff.from_flatpeak(exports, timezone=timezone, currency=currency)
    return _with_export(tariff, export_tariff)


def _only_value(objects: list[Any], field: str) -> str:
    """Return the value of a field that is the same in all objects that have it."""
    values = sorted({str(each[field]) for each in objects if each.get(field)})
    if not values:
        raise InputError(f"the Flatpeak objects do not name their {field}; give one: --{field}")
    if len(values) > 1:
        raise InputError(
            f"the Flatpeak objects name {' and '.join(values)} as their {field}; keep those of one"
        )
    return values[0]


def _with_export(tariff: Tariff, exports: Tariff) -> Tariff:
    """Return a tariff whose exports earn the prices of another one."""
    start, end = tariff.validity
    export_start, export_end = exports.validity
    starts_late = export_start is not None and (start is None or start < export_start)
    ends_early = export_end is not None and (end is None or end > export_end)
    if starts_late or ends_early:
        raise InputError(
            f"the EXPORT contract {exports.name!r} does not hold for all of the time of "
            f"{tariff.name!r}; give contracts for the same time"
        )
    return tariff.replace(export=Export("net_billing", tariff=exports))


_REGISTERS = {"day-unit-rates", "night-unit-rates"}
# In the order in which they are tried.
_FORMATS = (
    _Format(lambda fields: {"direction", "type"} <= fields, _read_flatpeak),
    _Format(lambda fields: bool({"results", "value_inc_vat", UNIT_RATES} & fields), _read_octopus),
    _Format(lambda fields: bool(_REGISTERS & fields), _refuse_registers),
    _Format(lambda fields: {"start_utc", "price_per_kwh"} <= fields, _read_prices),
    _Format(lambda fields: bool({"energyratestructure", "items"} & fields), _read_urdb),
)
