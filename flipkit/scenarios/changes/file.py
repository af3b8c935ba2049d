"""Scenarios from a TOML file, for the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flipkit.errors import InputError
from flipkit.scenarios.changes.file_changes import CHANGES, Files, refuse_unknown
from flipkit.scenarios.changes.scenario import Scenario

__all__ = ["read_scenarios"]

_MONEY = ("capex", "lifetime_years", "discount_rate")
_NONE = "none"


def read_scenarios(
    path: str | os.PathLike[str], *, site_ids: Collection[str] | None = None
) -> list[Scenario]:
    """Scenarios in the order of the file, those of sweeps last.

    Parameters
    ----------
    path : path-like
        TOML with a ``[[scenario]]`` for each: ``name`` and any of these. Files are named relative to it.

        * ``tariff``, ``export_tariff``: ``currency``, ``timezone`` and ``price_per_kwh`` or ``hours`` (a table of
          ``"HH:MM-HH:MM" = price``); or ``file``, a JSON that `flipkit.tariffs.read.file.read_plan` reads, with
          ``timezone``, ``currency`` and ``tier_rule`` where it needs them.
        * ``solar``, ``battery``: the fields of `Solar` and `Battery`; ``weather`` names a CSV or parquet file.
        * ``ev``: ``weekly`` and ``max_power_kw`` as `EvCharging.weekly`, or ``sessions`` and ``metered``, the names of
          files (with ``site_id``: each site its own); ``strategy``, ``included``.
        * ``load``: ``scale``, ``shift`` (the fields of `Shift`), ``add``, the name of a file.
        * ``capex``, ``lifetime_years``, ``discount_rate``.
        * ``sites``: a table for each site with changes of its own, instead of one for all.

        A ``[[grid]]`` is a sweep, as `Scenario.grid`: a change may be a list of tables, and ``"none"`` among them.
    site_ids : collection of str, optional
        The sites there are; a site that is not among them is refused.

    Returns
    -------
    list of Scenario

    Raises
    ------
    InputError
        No such file, no TOML, a key that is not known, a value that cannot be, a name twice, a site that is not there;
        names file, scenario and change.
    """
    content = _content(path)
    files = Files(Path(path).parent)
    scenarios = [
        _scenario(table, files, _where(path, "scenario", number, table), site_ids)
        for number, table in enumerate(content.get("scenario", []), start=1)
    ]
    for number, table in enumerate(content.get("grid", []), start=1):
        scenarios += _grid(table, files, _where(path, "grid", number, table))
    names = [each.name for each in scenarios]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}: scenario {', '.join(map(repr, twice))} is there twice; give each its own name"
        )
    return scenarios


def _content(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no TOML: {error}") from None
    strange = sorted(set(content) - {"scenario", "grid"})
    if not content or strange or not all(isinstance(tables, list) for tables in content.values()):
        found = ", ".join(strange or content) or "none"
        raise InputError(
            f"{path}: expected [[scenario]] (and [[grid]]) tables and nothing else, found {found}"
        )
    return content


def _where(path: str | os.PathLike[str], kind: str, number: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, Mapping) else None
    return (
        f"{path}, {kind} {name!r}" if isinstance(name, str) and name else f"{path}, {kind} {number}"
    )


def _scenario(table: Any, files: Files, where: str, site_ids: Collection[str] | None) -> Scenario:
    with _located(where):
        refuse_unknown(table, {"name", *CHANGES, *_MONEY, "sites"})
        if "name" not in table:
            raise InputError("no name")
    values: dict[str, Any] = {key: table[key] for key in ("name", *_MONEY) if key in table}
    values |= {key: _change(key, table[key], files, where) for key in CHANGES if key in table}
    own = _by_site(table.get("sites", {}), files, where)
    both = sorted(set(own) & set(values))
    with _located(where):
        if both:
            raise InputError(
                f"{', '.join(both)} is there for all sites and in sites; give it in one of the two"
            )
        if site_ids is not None:
            _check_sites(table.get("sites", {}), values, site_ids)
        return Scenario(**(values | own))


def _by_site(tables: Any, files: Files, where: str) -> dict[str, dict[str, Any]]:
    """Changes by field and site."""
    with _located(f"{where}, sites"):
        if not isinstance(tables, Mapping):
            raise InputError(f"expected a table for each site, got {tables!r}")
    found: dict[str, dict[str, Any]] = {}
    for site_id, table in tables.items():
        here = f"{where}, site {site_id}"
        with _located(here):
            refuse_unknown(table, CHANGES)
        for key in table:
            value = _change(key, table[key], files, here)
            with _located(here):
                if isinstance(value, Mapping):
                    raise InputError(f"{key}: the file names sites itself; give it for all sites")
            found.setdefault(key, {})[site_id] = value
    return found


def _check_sites(
    tables: Collection[str], values: Mapping[str, Any], site_ids: Collection[str]
) -> None:
    """A change for a site that is not there would change nothing, and nobody would see it."""
    there = f"it has {', '.join(sorted(site_ids)[:5])}{' ...' if len(site_ids) > 5 else ''}"
    unknown = sorted(set(tables) - set(site_ids))
    if unknown:
        raise InputError(f"sites: the energy has no site {', '.join(unknown[:5])}; {there}")
    for key, value in values.items():
        if isinstance(value, Mapping) and not set(value) & set(site_ids):
            raise InputError(f"{key}: the file has no site of the energy; {there}")


def _grid(table: Any, files: Files, where: str) -> list[Scenario]:
    with _located(where):
        refuse_unknown(table, {"name", *CHANGES, *_MONEY})
        if not isinstance(table.get("name"), str):
            raise InputError("no name; all names of the sweep begin with it")
    lists = {key: table[key] for key in _MONEY if key in table}
    for key in CHANGES:
        if isinstance(table.get(key), list):
            choices = enumerate(table[key], start=1)
            lists[key] = [
                None if one == _NONE else _change(key, one, files, where, f" {number}")
                for number, one in choices
            ]
        elif key in table:
            lists[key] = _change(key, table[key], files, where)
    with _located(where):
        return Scenario.grid(table["name"], **lists)


def _change(key: str, table: Any, files: Files, where: str, number: str = "") -> Any:
    with _located(f"{where}, {key}{number}", key):
        return CHANGES[key](table, files)


@contextmanager
def _located(where: str, key: str = "scenario") -> Iterator[None]:
    """Name the place in the text of an error, which may begin with it."""
    try:
        yield
    except InputError as error:
        text = str(error).removeprefix(f"{key}: ")
        own = where.rpartition(", ")[2] + ": "
        raise type(error)(f"{where}: {text.removeprefix(own)}") from None
