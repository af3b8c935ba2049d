"""The sample fleet: where its files are, and how it is written to a store."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from flipkit.emulator import flatpeak, flip
from flipkit.emulator.flatpeak import seed_flatpeak
from flipkit.emulator.flip import StoredSite, put_production, put_site
from flipkit.emulator.store import Store
from flipkit.errors import ConfigurationError

__all__ = ["open_store", "sample_folder", "sample_sites", "sample_tariffs"]


def sample_folder() -> Path:
    """Return the folder with the files of the sample fleet.

    Returns
    -------
    Path
        ``sample_data`` in an installed package, ``data/sample`` in a checkout.

    Raises
    ------
    ConfigurationError
        The files are in neither of the two.
    """
    here = Path(__file__).parent
    installed = here / "sample_data"
    checkout = here.parents[1] / "data" / "sample"
    for folder in (installed, checkout):
        if (folder / "sites.json").is_file():
            return folder
    raise ConfigurationError(
        f"the sample fleet is in neither {installed} nor {checkout}; install flipkit again, "
        "or start the emulator empty (flipkit emulator --empty)"
    )


def sample_sites() -> list[dict[str, Any]]:
    """Return the sites of the sample fleet: ids, place, devices, tariff keys.

    Returns
    -------
    list of dict
        One entry per site, with the fields that ``data/README.md`` describes.

    Raises
    ------
    ConfigurationError
        The files of the sample fleet are missing.
    """
    return _read_list("sites.json")


def sample_tariffs() -> dict[str, dict[str, Any]]:
    """Return the tariffs of the sample fleet by key.

    Returns
    -------
    dict of str to dict
        Flatpeak tariff objects, for `Tariff.from_flatpeak`, with their ``source``.

    Raises
    ------
    ConfigurationError
        The files of the sample fleet are missing.
    """
    return {tariff["key"]: tariff for tariff in _read_list("tariffs.json")}


def _read_list(name: str) -> list[dict[str, Any]]:
    path = sample_folder() / name
    return msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])


def open_store(path: str | Path | None, *, sample: bool) -> Store:
    """Open a store.

    Parameters
    ----------
    path : path-like or None
        A file; None for a store in memory.
    sample : bool
        Write the sample fleet to the store if it is empty.

    Returns
    -------
    Store

    Raises
    ------
    ConfigurationError
        The file cannot be opened as a store or cannot hold the sample fleet, or the files of the
        sample fleet are missing.
    """
    try:
        return _opened(path, sample=sample)
    except sqlite3.Error as error:  # no folder, not a database, a full disk
        raise ConfigurationError(
            f"{path}: {error}; name a file of an emulator, or a new file in a folder that can be "
            "written to"
        ) from error


def _opened(path: str | Path | None, *, sample: bool) -> Store:
    store = Store(path)
    try:
        if sample:
            seed(store)
    except BaseException:
        store.close()
        raise
    return store


def seed(store: Store) -> None:
    """Write the sample fleet to an empty store; one that is not empty stays as it is.

    In one transaction: a kill leaves no half of a fleet behind, and if two emulators start with the
    same file, one of them fills it.
    """
    store.create(flip.SCHEMA + flatpeak.SCHEMA)
    with store.write() as db:
        if _is_empty(store):
            folder = sample_folder()
            seed_flip(db, folder)
            seed_flatpeak(store, db, folder)


def _is_empty(store: Store) -> bool:
    """Return whether neither API ever received anything."""
    query = "SELECT 1 FROM flip_sites UNION ALL SELECT 1 FROM flip_waiting LIMIT 1"
    with store.read() as db:
        received = db.execute(query).fetchone()
    return store.is_empty() and received is None


def seed_flip(db: sqlite3.Connection, folder: Path) -> None:
    """Write Flip's part of the sample fleet: sites and their monthly production."""
    for record in sample_sites():
        put_site(db, _site(record))
    with (folder / "performance.csv").open(encoding="utf-8", newline="") as file:
        put_production(db, [_production(row) for row in csv.DictReader(file)])


def _site(record: dict[str, Any]) -> StoredSite:
    provider = {"technology_provider_identifier": record["technology_provider_identifier"]}
    devices = [provider | device for device in record["devices"]]
    return msgspec.convert({**record, "id": record["site_id"], "devices": devices}, StoredSite)


def _production(row: dict[str, str]) -> tuple[str, str, float | None, float | None]:
    actual = row["actual_production_kwh"]
    expected = row["expected_production_kwh"]
    return (
        row["site_id"],
        row["month"],
        float(actual) if actual else None,
        float(expected) if expected else None,
    )
