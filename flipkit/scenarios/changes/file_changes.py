"""The changes of a scenario from the tables of a TOML file: tariff, solar, battery, car, load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flipkit.errors import InputError
from flipkit.frames import read_file, records_of
from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.load import Load, Shift
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar, Weather
from flipkit.tariffs import Tariff
from flipkit.tariffs.read import load_json, read_plan

__all__ = ["CHANGES", "Files", "refuse_unknown"]

_PLACE = ("currency", "timezone")
_Kind = TypeVar("_Kind", Battery, Load, Shift, Solar)


class Files:
    """The files that a TOML file names, relative to its folder; each is read once.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[Any, ...], Any] = {}

    def once(self, name: Any, read: Callable[..., Any], **options: str) -> Any:
        """``read(path, **options)``, or what that gave before: scenarios that share a tariff share the work.

        Raises
        ------
        InputError
            A name that is no text, or what `read` refuses.
        """
        if not isinstance(name, str) or not name or "\0" in name:
            raise InputError(f"expected the name of a file, got {name!r}")
        key = (name, read, *sorted(options.items()))
        if key not in self._known:
            self._known[key] = _read(read, self._folder / name, options)
        return self._known[key]


def _read(read: Callable[..., Any], path: Path, options: Mapping[str, str]) -> Any:
    try:
        return read(path, **options)
    except InputError as error:
        text = (
            str(error)
            .replace("--timezone", "the key timezone")
            .replace("--currency", "the key currency")
        )
        raise type(error)(text if str(path) in text else f"{path}: {text}") from None


def refuse_unknown(table: Any, known: Collection[str]) -> None:
    """Raise an `InputError` that names the keys that are not known, or says that it is no table."""
    if not isinstance(table, Mapping):
        raise InputError(f"expected a table with {', '.join(sorted(known))}; got {table!r}")
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise InputError(
            f"unknown key {', '.join(unknown)}; the keys are {', '.join(sorted(known))}"
        )


def _tariff(table: Any, files: Files, *, plan: Callable[..., Tariff] = read_plan) -> Tariff:
    refuse_unknown(table, {*_PLACE, "price_per_kwh", "hours", "file", "tier_rule"})
    forms = [key for key in ("price_per_kwh", "hours", "file") if key in table]
    if len(forms) != 1:
        raise InputError(
            f"give one of price_per_kwh, hours and file; found {' and '.join(forms) or 'none'}"
        )
    said = {key: _text(table, key) for key in (*_PLACE, "tier_rule") if key in table}
    if forms == ["file"]:
        return files.once(table["file"], plan, **said)  # type: ignore[no-any-return]
    if "tier_rule" in said:
        raise InputError("tier_rule is for a tariff with tiers, which comes from a file")
    for key in _PLACE:
        if key not in said:
            raise InputError(f"no {key}; give such as {key} = {_EXAMPLES[key]}")
    make = Tariff.flat if forms == ["price_per_kwh"] else Tariff.time_of_use
    return make(table[forms[0]], currency=said["currency"], timezone=said["timezone"])


_EXAMPLES = {"currency": '"GBP"', "timezone": '"Europe/London"'}


def _text(table: Mapping[str, Any], key: str) -> str:
    if not isinstance(table[key], str):
        raise InputError(f"{key} {table[key]!r} must be a text")
    return str(table[key])


def _export_plan(path: Path, **said: Any) -> Tariff:
    """What exports earn: Flatpeak objects of direction EXPORT alone, or any plan."""
    content = load_json(path, "tariff")
    objects = content if isinstance(content, list) else [content]
    if not objects or any(
        not isinstance(one, Mapping) or one.get("direction") != "EXPORT" for one in objects
    ):
        return read_plan(path, **said)
    place: dict[str, Any] = {
        key: said.get(key) or next((one[key] for one in objects if one.get(key)), None)
        for key in _PLACE
    }
    missing = [key for key, value in place.items() if not isinstance(value, str)]
    if missing:
        raise InputError(f"{path} does not name its {' and '.join(missing)}; give it beside file")
    return Tariff.from_flatpeak(objects, **place)


def _solar(table: Any, files: Files) -> Solar:
    refuse_unknown(table, _names(Solar))
    weather = {"weather": files.once(table["weather"], _weather)} if "weather" in table else {}
    return _made(Solar, {**table, **weather})


def _weather(path: Path) -> Weather:
    return Weather.from_frame(_rows(path, "ghi", "dni", "dhi", "temp_air", "wind_speed"))


def _battery(table: Any, _files: Files) -> Battery:
    return _made(Battery, table)


def _ev(table: Any, files: Files) -> EvCharging | dict[str, EvCharging]:
    refuse_unknown(table, {"weekly", "max_power_kw", "sessions", "metered", "strategy", "included"})
    how = {key: table[key] for key in ("strategy", "included") if key in table}
    own = {"weekly": ("max_power_kw",), "sessions": ("metered",)}
    forms = [form for form in own if form in table]
    if len(forms) != 1:
        raise InputError(f"give either weekly or sessions; found {' and '.join(forms) or 'none'}")
    for form, keys in own.items():
        stray = [key for key in keys if key in table and form not in table]
        if stray:
            raise InputError(f"{', '.join(stray)} belongs to {form}, and there is {forms[0]}")
    if forms == ["weekly"]:
        if "max_power_kw" not in table:
            raise InputError(
                "no max_power_kw; give the charger's power, such as max_power_kw = 7.4"
            )
        return EvCharging.weekly(table["weekly"], max_power_kw=table["max_power_kw"], **how)
    sessions = files.once(table["sessions"], _sessions)
    metered = files.once(table["metered"], _sessions) if "metered" in table else None
    if sessions and "site_id" in sessions[0]:
        return EvCharging.by_site(sessions, metered=metered, **how)
    return EvCharging(sessions, metered=metered, **how)


def _sessions(path: Path) -> list[dict[str, Any]]:
    return _rows(path, "energy_kwh", "max_power_kw")


def _load(table: Any, files: Files) -> Load:
    refuse_unknown(table, _names(Load))
    values = dict(table)
    if "shift" in table:
        values["shift"] = _made(Shift, table["shift"], "shift: ")
    if "add" in table:
        values["add"] = files.once(table["add"], _profile).add
    return _made(Load, values)


def _profile(path: Path) -> Load:
    """A load that only adds: it reads and checks the profile."""
    return Load(add=_rows(path, "kwh", "consumption_kwh"))


CHANGES: dict[str, Callable[[Any, Files], Any]] = {
    "tariff": _tariff,
    "export_tariff": partial(_tariff, plan=_export_plan),
    "solar": _solar,
    "battery": _battery,
    "ev": _ev,
    "load": _load,
}
"""How the table of each change of a `Scenario` is read; all raise `InputError`."""


def _made(kind: type[_Kind], table: Any, where: str = "") -> _Kind:
    """A value of a dataclass from a table with its fields."""
    refuse_unknown(table, _names(kind))
    missing = [
        field.name for field in fields(kind) if field.default is MISSING and field.name not in table
    ]
    if missing:
        raise InputError(f"{where}no {', '.join(missing)}")
    return kind(**table)


def _names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def _rows(path: Path, *numbers: str) -> list[dict[str, Any]]:
    """The rows of a CSV or parquet file, these columns as numbers; a cell that is none stays, to be named."""
    rows = records_of(read_file(path))
    for row in rows:
        row.update({name: _number(row[name]) for name in numbers if name in row})
    return rows


def _number(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return float(cell) if cell.strip() else None
    except ValueError:
        return cell
