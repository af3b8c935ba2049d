"""Scenarios from a TOML file, for the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flipkit.errors import InputError
from flipkit.scenarios.scenario import Load, Scenario
from flipkit.tariffs import Tariff

__all__ = ["read_scenarios"]

_KEYS = {"name", "tariff", "export_tariff", "load"}
_TARIFF_KEYS = {"currency", "timezone", "price_per_kwh", "hours"}


def read_scenarios(path: str | os.PathLike[str]) -> list[Scenario]:
    """Scenarios in the order of the file.

    Parameters
    ----------
    path : path-like
        TOML with a ``[[scenario]]`` for each: ``name``, and any of ``tariff`` and ``export_tariff`` (``currency``,
        ``timezone``, and ``price_per_kwh`` or ``hours``, a table of ``"HH:MM-HH:MM" = price``) and ``load``
        (``scale``).

    Raises
    ------
    InputError
        No such file, no TOML, or a key that is not known; names file and scenario.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: no TOML: {error}") from None
    tables = content.get("scenario")
    if set(content) != {"scenario"} or not isinstance(tables, list):
        raise InputError(f"{path}: expected [[scenario]] tables and nothing else, found {', '.join(content) or 'none'}")
    return [_scenario(table, f"{path}, scenario {number}") for number, table in enumerate(tables, start=1)]


def _scenario(table: Mapping[str, Any], where: str) -> Scenario:
    _refuse_unknown(table, _KEYS, where)
    if "name" not in table:
        raise InputError(f"{where}: no name")
    try:
        return Scenario(
            table["name"],
            tariff=_tariff(table.get("tariff"), f"{where}, tariff"),
            export_tariff=_tariff(table.get("export_tariff"), f"{where}, export_tariff"),
            load=_load(table.get("load"), where),
        )
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(where) else f"{where}: {text}") from None


def _tariff(table: Any, where: str) -> Tariff | None:
    if table is None:
        return None
    _refuse_unknown(table, _TARIFF_KEYS, where)
    place = {}
    for key in ("currency", "timezone"):
        if key not in table:
            raise InputError(f"{where}: no {key}")
        place[key] = table[key]
    if ("price_per_kwh" in table) == ("hours" in table):
        raise InputError(f"{where}: give either price_per_kwh or hours")
    if "hours" in table:
        return Tariff.time_of_use(table["hours"], **place)
    return Tariff.flat(table["price_per_kwh"], **place)


def _load(table: Any, where: str) -> Load | None:
    if table is None:
        return None
    _refuse_unknown(table, {"scale"}, f"{where}, load")
    return Load(**table)


def _refuse_unknown(table: Any, known: set[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: expected a table with {', '.join(sorted(known))}")
    unknown = sorted(set(table) - known)
    if unknown:
        raise InputError(f"{where}: unknown key {', '.join(unknown)}; the keys are {', '.join(sorted(known))}")
