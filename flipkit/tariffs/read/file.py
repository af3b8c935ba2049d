"""Tariffs from JSON files, for the command line: the form is recognised by its fields."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flipkit.errors import InputError
from flipkit.tariffs.model import Export, Tariff, TierRule
from flipkit.tariffs.read.json_source import load_json
from flipkit.tariffs.read.urdb_record import located

__all__ = ["read_plan", "read_plans"]

# The fields that tell one form from another, any of which is enough, but for Flatpeak's, which all objects have.
_URDB, _FLATPEAK = {"energyratestructure", "items"}, {"direction", "type"}
_UNIT_RATES, _STANDING_CHARGES = (
    "standard-unit-rates",
    "standing-charges",
)  # the two lists of Octopus, by their paths
_OCTOPUS = {"results", _UNIT_RATES}


def read_plans(paths: Iterable[str | os.PathLike[str]], **options: Any) -> list[Tariff]:
    """The tariff of each file; where two have one name, their files tell them apart.

    Parameters
    ----------
    paths : iterable of path-like
    **options
        As for `read_plan`.

    Raises
    ------
    InputError
        As for `read_plan`; a file twice.
    """
    files = [Path(path) for path in paths]
    twice = next((path for number, path in enumerate(files) if path in files[:number]), None)
    if twice is not None:
        raise InputError(f"{twice}: given twice; name each tariff once")
    plans = [read_plan(path, **options) for path in files]
    names, stems = [plan.name for plan in plans], [path.stem for path in files]
    return [
        plan
        if names.count(plan.name) == 1
        else replace(plan, name=f"{plan.name} ({_label(path, stems)})")
        for plan, path in zip(plans, files, strict=True)
    ]


def _label(path: Path, stems: list[str]) -> str:
    return path.stem if stems.count(path.stem) == 1 else str(path)


def read_plan(
    path: str | os.PathLike[str],
    *,
    timezone: str | None = None,
    currency: str | None = None,
    tier_rule: TierRule | None = None,
) -> Tariff:
    """One tariff from a file.

    Parameters
    ----------
    path : path-like
        JSON: a URDB record (or the API's answer with one), Octopus unit rates as the API answers (or a list of its
        pages; with standing charges an object of both lists, ``standard-unit-rates`` and ``standing-charges``), or
        Flatpeak tariff objects. Those of direction EXPORT beside the imports are net billing.
    timezone : str, optional
        IANA name; needed where the file does not say. Octopus: Europe/London by default.
    currency : str, optional
        ISO 4217; needed for Flatpeak objects that do not say. USD for URDB and GBP for Octopus by default.
    tier_rule : str, optional
        As for `Tariff`; needed for a URDB record with tiers.

    Raises
    ------
    InputError
        No such file, no JSON, none of these forms, or what the reader of the form refuses; names the file.
    """
    content = load_json(Path(path), "tariff")
    given = {
        name: value
        for name, value in {"timezone": timezone, "currency": currency}.items()
        if value is not None
    }
    with located(str(path)):
        form = _fields(content)
        if form >= _FLATPEAK:
            return _flatpeak(content, given, tier_rule or "chronological")
        if form & _OCTOPUS:
            return _octopus(content, Path(path).stem, given)
        if form & _URDB:
            if timezone is None:
                raise InputError(
                    "a URDB record does not name its time zone; give it: --timezone America/Los_Angeles"
                )
            return Tariff.from_urdb(content, tier_rule=tier_rule, **given)
        raise InputError(
            "this is no tariff that can be read: neither a URDB record (energyratestructure), nor Octopus unit rates "
            f"(results), nor Flatpeak tariff objects (direction, type, schedule); found {_found(content)}"
        )


def _fields(content: Any) -> set[str]:
    """The names of its fields in small letters; of a list those of the first object."""
    first = content[0] if isinstance(content, list) and content else content
    return {str(name).lower() for name in first} if isinstance(first, Mapping) else set()


def _found(content: Any) -> str:
    names = sorted(_fields(content))
    shown = ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
    return (
        f"the fields {shown}" if names else f"no fields in what is of type {type(content).__name__}"
    )


def _octopus(content: Any, name: str, given: dict[str, str]) -> Tariff:
    lists = (
        content
        if isinstance(content, Mapping) and _UNIT_RATES in content
        else {_UNIT_RATES: content}
    )
    if unknown := sorted(set(lists) - {_UNIT_RATES, _STANDING_CHARGES}):
        raise InputError(
            f"cannot price {', '.join(unknown)} beside {_UNIT_RATES}; known: {_STANDING_CHARGES}"
        )
    return Tariff.from_octopus(lists[_UNIT_RATES], lists.get(_STANDING_CHARGES), name=name, **given)


def _flatpeak(content: Any, given: dict[str, str], tier_rule: TierRule) -> Tariff:
    objects = content if isinstance(content, list) else [content]
    for number, each in enumerate(objects):
        if not isinstance(each, Mapping):
            raise InputError(
                f"item {number}: expected a Flatpeak tariff object, got {type(each).__name__}"
            )
    place: dict[str, Any] = {
        name: given.get(name) or _said(objects, name) for name in ("timezone", "currency")
    }
    bought = [each for each in objects if each.get("direction") != "EXPORT"]
    sold = [each for each in objects if each.get("direction") == "EXPORT"]
    if not bought:
        raise InputError(
            "only EXPORT tariffs; put the IMPORT objects of the same customer into the list"
        )
    tariff = Tariff.from_flatpeak(bought, tier_rule=tier_rule, **place)
    return _with_export(tariff, Tariff.from_flatpeak(sold, **place)) if sold else tariff


def _said(objects: list[Any], field: str) -> str:
    """What all objects say that name the field at all."""
    values = sorted({str(each[field]) for each in objects if each.get(field)})
    if len(values) != 1:
        if values:
            raise InputError(
                f"the Flatpeak objects name {' and '.join(values)} as their {field}; keep those of one"
            )
        raise InputError(f"the Flatpeak objects do not name their {field}; give one: --{field}")
    return values[0]


def _with_export(tariff: Tariff, sold: Tariff) -> Tariff:
    if sold.parts:
        raise InputError(
            f"several EXPORT contracts one after another, {sold.name}; keep the one that holds"
        )
    (begin, end), (first, last) = tariff.validity, sold.validity
    early = first is not None and (begin is None or begin < first)
    if early or (last is not None and (end is None or end > last)):
        raise InputError(
            f"the EXPORT contract {sold.name!r} does not hold for all of the time of {tariff.name!r}"
        )
    export = Export("net_billing", sold.rates, sold.series)
    if tariff.parts:
        return replace(tariff, parts=tuple(replace(part, export=export) for part in tariff.parts))
    return replace(tariff, export=export)
