"""Scenarios from a TOML file, for the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flipkit.checks import repeated_names
from flipkit.errors import InputError
from flipkit.frames import read_file, records_of
from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.load import Load, Shift
from flipkit.scenarios.changes.scenario import Scenario
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar, Weather
from flipkit.tariffs import Tariff
from flipkit.tariffs.read import load_json, read_plan, tariff_objects

__all__ = ["read_scenarios"]

_MONEY = (
    "capex",
    "lifetime_years",
    "discount_rate",
    "escalation",
    "battery_fade",
    "panel_fade",
)
_NO_CHANGE = "none"
_LOCALE = ("currency", "timezone")
_LOCALE_EXAMPLES = {"currency": '"GBP"', "timezone": '"Europe/London"'}
_Kind = TypeVar("_Kind", Battery, Load, Shift, Solar)


def read_scenarios(
    path: str | os.PathLike[str], *, site_ids: Collection[str] | None = None
) -> list[Scenario]:
    """Read scenarios in the order of the file, those of sweeps last.

    Parameters
    ----------
    path : path-like
        TOML with one ``[[scenario]]`` table per scenario: ``name`` and any of the keys below. File
        names are relative to the TOML file.

        * ``tariff``, ``export_tariff``: ``currency``, ``timezone`` and ``price_per_kwh`` or
          ``hours`` (a table of ``"HH:MM-HH:MM" = price``), with ``standing_per_day``; or
          ``file``, for `Tariff.from_file`, with ``timezone``, ``currency`` and ``tier_rule`` where
          it needs them. All may have ``hours_timezone``.
        * ``solar``, ``battery``: the fields of `Solar` and `Battery`; ``weather`` names a CSV or
          parquet file.
        * ``ev``: ``weekly`` and ``max_power_kw`` as for `EvCharging.weekly`, or ``sessions`` and
          ``metered``, names of files (with ``site_id``: cars by site); ``strategy``, ``included``.
        * ``load``: ``scale``, ``shift`` (the fields of `Shift`), ``add``, the name of a file.
        * ``capex``, ``lifetime_years``, ``discount_rate``, ``escalation``, ``battery_fade``,
          ``panel_fade``.
        * ``sites``: one table of changes per site, instead of one change for all.

        A ``[[grid]]`` table is a sweep as by `Scenario.grid`: a change may be a list of tables,
        with ``"none"`` for no change.
    site_ids : collection of str, optional
        The sites of the energy; any other site is refused.

    Returns
    -------
    list of Scenario

    Raises
    ------
    InputError
        A missing or invalid file, an unknown key, an invalid value, a repeated name, an unknown
        site; names file, scenario and change.
    """
    content = _content(path)
    files = _Files(Path(path).parent)
    scenarios = []
    for number, table in enumerate(content.get("scenario", []), start=1):
        where = _where(path, "scenario", number, table)
        scenarios.append(_scenario(table, files, where, site_ids))
    for number, table in enumerate(content.get("grid", []), start=1):
        where = _where(path, "grid", number, table)
        scenarios += _grid(table, files, where)
    names = [scenario.name for scenario in scenarios]
    repeated = repeated_names(names)
    if repeated:
        raise InputError(
            f"{path}: scenario {', '.join(map(repr, repeated))} is defined twice; give each its own"
            " name"
        )
    return scenarios


class _Files:
    """The files that a TOML file names, relative to its folder; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents: dict[tuple[Any, ...], Any] = {}

    def read(self, name: Any, reader: Callable[..., Any], **options: str) -> Any:
        """Return ``reader(path, **options)``; scenarios that share a file share the result."""
        if not isinstance(name, str) or not name or "\0" in name:  # which no path may contain
            raise InputError(f"expected the name of a file, got {name!r}")
        key = (name, reader, *sorted(options.items()))
        if key not in self._contents:
            self._contents[key] = _read_located(reader, self._folder / name, options)
        return self._contents[key]


def _read_located(reader: Callable[..., Any], path: Path, options: Mapping[str, str]) -> Any:
    """Read a file; errors name it, and keys of the TOML file instead of command-line options."""
    try:
        return reader(path, **options)
    except InputError as error:
        text = str(error)
        for key in _LOCALE:
            text = text.replace(f"--{key}", f"the key {key}")
        raise type(error)(text if str(path) in text else f"{path}: {text}") from None


def _content(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        # Editors on Windows may begin a file with a byte order mark.
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # arrays may be nested too deeply
        raise InputError(f"{path}: not valid TOML: {error}") from None
    unknown = sorted(set(content) - {"scenario", "grid"})
    are_lists = all(isinstance(tables, list) for tables in content.values())
    if not content or unknown or not are_lists:
        found = ", ".join(unknown or content) or "none"
        raise InputError(f"{path}: expected only [[scenario]] and [[grid]] tables, found {found}")
    return content


def _where(path: str | os.PathLike[str], kind: str, number: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, Mapping) else None
    has_name = isinstance(name, str) and name
    return f"{path}, {kind} {name!r}" if has_name else f"{path}, {kind} {number}"


@contextmanager
def _located(where: str, prefix: str = "scenario") -> Iterator[None]:
    """Put the place before the text of an error, without repeating what the text begins with."""
    try:
        yield
    except InputError as error:
        last_place = where.rpartition(", ")[2]
        text = str(error).removeprefix(f"{prefix}: ").removeprefix(f"{last_place}: ")
        # The class stays: a caller may catch a NaiveTimestampError.
        raise type(error)(f"{where}: {text}") from None


def _scenario(table: Any, files: _Files, where: str, site_ids: Collection[str] | None) -> Scenario:
    with _located(where):
        _refuse_unknown(table, {"name", *_READERS, *_MONEY, "sites"})
        if "name" not in table:
            raise InputError("no name")
    values = {key: table[key] for key in ("name", *_MONEY) if key in table}
    for key in _READERS:
        if key in table:
            values[key] = _change(key, table[key], files, f"{where}, {key}")
    site_tables = table.get("sites", {})
    by_site = _changes_by_site(site_tables, files, where)
    with _located(where):
        repeated = sorted(set(by_site) & set(values))
        if repeated:
            raise InputError(
                f"{', '.join(repeated)} is given for all sites and in sites; give it in one of them"
            )
        if site_ids is not None:
            _check_sites(site_tables, values, site_ids)
        return Scenario(**(values | by_site))


def _changes_by_site(tables: Any, files: _Files, where: str) -> dict[str, dict[str, Any]]:
    """Changes by field and site."""
    with _located(f"{where}, sites"):
        if not isinstance(tables, Mapping):
            raise InputError(f"expected one table per site, got {tables!r}")
    changes: dict[str, dict[str, Any]] = {}
    for site_id, table in tables.items():
        where_site = f"{where}, site {site_id}"
        with _located(where_site):
            _refuse_unknown(table, _READERS)
        for key in table:
            value = _change(key, table[key], files, f"{where_site}, {key}")
            if isinstance(value, Mapping):
                raise InputError(
                    f"{where_site}: {key}: the file has a column site_id; give it for all sites"
                )
            changes.setdefault(key, {})[site_id] = value
    return changes


def _check_sites(
    site_tables: Collection[str], values: Mapping[str, Any], site_ids: Collection[str]
) -> None:
    """Refuse a change for an unknown site, which would silently change nothing."""
    more = " ..." if len(site_ids) > 5 else ""
    known = f"it has {', '.join(sorted(site_ids)[:5])}{more}"
    unknown = sorted(set(site_tables) - set(site_ids))
    if unknown:
        raise InputError(f"sites: the energy has no site {', '.join(unknown[:5])}; {known}")
    for key, value in values.items():
        if isinstance(value, Mapping) and not set(value) & set(site_ids):
            raise InputError(f"{key}: the file has no site of the energy; {known}")


def _grid(table: Any, files: _Files, where: str) -> list[Scenario]:
    with _located(where):
        _refuse_unknown(table, {"name", *_READERS, *_MONEY})
        if not isinstance(table.get("name"), str):
            raise InputError("no name; all names of the sweep begin with it")
    choices = {key: table[key] for key in _MONEY if key in table}
    for key in _READERS:
        if isinstance(table.get(key), list):
            choices[key] = _alternatives(key, table[key], files, where)
        elif key in table:
            choices[key] = _change(key, table[key], files, f"{where}, {key}")
    with _located(where):
        return Scenario.grid(table["name"], **choices)


def _alternatives(key: str, tables: list[Any], files: _Files, where: str) -> list[Any]:
    values: list[Any] = []
    for number, table in enumerate(tables, start=1):
        if table == _NO_CHANGE:
            values.append(None)
        else:
            values.append(_change(key, table, files, f"{where}, {key} {number}"))
    return values


def _change(key: str, table: Any, files: _Files, where: str) -> Any:
    with _located(where, key):
        return _READERS[key](table, files)


def _refuse_unknown(table: Any, known: Collection[str]) -> None:
    """Raise an InputError for something that is not a table, or a table with unknown keys."""
    if not isinstance(table, Mapping):
        raise InputError(f"expected a table with {', '.join(sorted(known))}; got {table!r}")
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise InputError(
            f"unknown key {', '.join(unknown)}; the keys are {', '.join(sorted(known))}"
        )


def _only(table: Mapping[str, Any], *forms: str) -> str:
    """The one of several keys that the table has."""
    given = [form for form in forms if form in table]
    if len(given) != 1:
        raise InputError(
            f"give one of {', '.join(forms)}; found {' and '.join(given) or 'none of them'}"
        )
    return given[0]


def _tariff(table: Any, files: _Files, *, reader: Callable[..., Tariff] = read_plan) -> Tariff:
    known = {*_LOCALE, "price_per_kwh", "hours", "file", "tier_rule"}
    _refuse_unknown(table, known | {"hours_timezone", "standing_per_day"})
    form = _only(table, "price_per_kwh", "hours", "file")
    options = {key: _string(table, key) for key in (*_LOCALE, "tier_rule") if key in table}
    if form == "file":
        if "standing_per_day" in table:
            raise InputError("standing_per_day is for price_per_kwh or hours; a file has its own")
        tariff: Tariff = files.read(table["file"], reader, **options)
    else:
        tariff = _written_tariff(table, form, options)
    if "hours_timezone" in table:
        tariff = tariff.replace(hours_timezone=_string(table, "hours_timezone"))
    return tariff


def _written_tariff(table: Mapping[str, Any], form: str, options: Mapping[str, str]) -> Tariff:
    """A tariff of the prices in a table."""
    if "tier_rule" in options:
        raise InputError("tier_rule is for a tariff with tiers, which comes from a file")
    for key in _LOCALE:
        if key not in options:
            raise InputError(f"no {key}; give such as {key} = {_LOCALE_EXAMPLES[key]}")
    make = Tariff.flat if form == "price_per_kwh" else Tariff.time_of_use
    return make(
        table[form],
        currency=options["currency"],
        timezone=options["timezone"],
        standing_per_day=table.get("standing_per_day"),
    )


def _string(table: Mapping[str, Any], key: str) -> str:
    if not isinstance(table[key], str):
        raise InputError(f"{key} {table[key]!r} must be a string")
    return str(table[key])


def _export_plan(path: Path, **options: Any) -> Tariff:
    """What exports earn: Flatpeak objects of direction EXPORT only, or any plan."""
    # A plan without imports is refused by `read_plan`, but is all that an export tariff needs.
    content = load_json(path, "tariff")
    objects = tariff_objects(content)
    if not objects or not all(_is_export(each) for each in objects):
        return read_plan(path, **options)
    locale: dict[str, Any] = {}
    for key in _LOCALE:
        in_file = (each[key] for each in objects if each.get(key))
        locale[key] = options.get(key) or next(in_file, None)
    missing = [key for key in _LOCALE if not isinstance(locale[key], str)]
    if missing:
        raise InputError(f"{path} has no {' and no '.join(missing)}; give it beside file")
    return Tariff.from_flatpeak(objects, **locale)


def _is_export(tariff_object: Any) -> bool:
    return isinstance(tariff_object, Mapping) and tariff_object.get("direction") == "EXPORT"


def _solar(table: Any, files: _Files) -> Solar:
    _refuse_unknown(table, _field_names(Solar))
    values = dict(table)
    if "weather" in table:
        values["weather"] = files.read(table["weather"], _weather)
    return _made(Solar, values)


def _weather(path: Path) -> Weather:
    return Weather.from_frame(_rows(path, "ghi", "dni", "dhi", "temp_air", "wind_speed"))


def _battery(table: Any, _files: _Files) -> Battery:
    return _made(Battery, table)


def _ev(table: Any, files: _Files) -> EvCharging | dict[str, EvCharging]:
    known = {"weekly", "max_power_kw", "sessions", "metered", "strategy", "included"}
    _refuse_unknown(table, known)
    form = _only(table, "weekly", "sessions")
    for key, its_form in {"max_power_kw": "weekly", "metered": "sessions"}.items():
        if key in table and form != its_form:
            raise InputError(f"{key} belongs to {its_form}, but {form} is given")
    options = {key: table[key] for key in ("strategy", "included") if key in table}
    if form == "weekly":
        if "max_power_kw" not in table:
            raise InputError(
                "no max_power_kw; give the charger's power, such as max_power_kw = 7.4"
            )
        return EvCharging.weekly(table["weekly"], max_power_kw=table["max_power_kw"], **options)
    sessions = files.read(table["sessions"], _sessions)
    metered = files.read(table["metered"], _sessions) if "metered" in table else None
    if sessions and "site_id" in sessions[0]:  # the rows of a file have the same columns
        return EvCharging.by_site(sessions, metered=metered, **options)
    return EvCharging(sessions, metered=metered, **options)


def _sessions(path: Path) -> list[dict[str, Any]]:
    return _rows(path, "energy_kwh", "max_power_kw")


def _load(table: Any, files: _Files) -> Load:
    _refuse_unknown(table, _field_names(Load))
    values = dict(table)
    if "shift" in table:
        values["shift"] = _made(Shift, table["shift"], "shift: ")
    if "add" in table:
        values["add"] = files.read(table["add"], _added_load).add
    return _made(Load, values)


def _added_load(path: Path) -> Load:
    """A load that only adds a profile, which is read and checked by this."""
    return Load(add=_rows(path, "kwh", "consumption_kwh"))


_READERS: dict[str, Callable[[Any, _Files], Any]] = {
    "tariff": _tariff,
    "export_tariff": partial(_tariff, reader=_export_plan),
    "solar": _solar,
    "battery": _battery,
    "ev": _ev,
    "load": _load,
}
"""Readers of the table of each change; all raise `InputError`."""


def _made(kind: type[_Kind], table: Any, where: str = "") -> _Kind:
    """A dataclass from a table with its fields."""
    _refuse_unknown(table, _field_names(kind))
    required = [field.name for field in fields(kind) if field.default is MISSING]
    missing = [name for name in required if name not in table]
    if missing:
        raise InputError(f"{where}no {', '.join(missing)}")
    return kind(**table)


def _field_names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def _rows(path: Path, *number_columns: str) -> list[dict[str, Any]]:
    """The rows of a CSV or parquet file; cells that are not numbers stay, for error messages."""
    rows = records_of(read_file(path))
    for row in rows:
        for name in number_columns:
            if name in row:
                row[name] = _number(row[name])
    return rows


def _number(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return float(cell) if cell.strip() else None
    except ValueError:
        return cell
