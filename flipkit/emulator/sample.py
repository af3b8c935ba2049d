"""The sample fleet: where it is, and how it gets into a store."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from flipkit.emulator.flatpeak.api import SCHEMA as FLATPEAK_SCHEMA
from flipkit.emulator.flatpeak.sample import seed_flatpeak
from flipkit.emulator.flip.tables import SCHEMA, Site, put_production, put_site
from flipkit.emulator.store import Store
from flipkit.errors import ConfigurationError

__all__ = ["open_store", "sample_folder", "sample_sites", "sample_tariffs", "seed"]

_MEND = (
    "name a file of an emulator, or one that does not exist yet in a folder that can be written to"
)


def sample_folder() -> Path:
    """Where the sample fleet's files are.

    Returns
    -------
    Path
        ``sample_data`` in an installed package, ``data/sample`` in a checkout.

    Raises
    ------
    ConfigurationError
        It is in neither.
    """
    here = Path(__file__).parent
    folders = (here / "sample_data", here.parents[1] / "data" / "sample")
    for folder in folders:
        if (folder / "sites.json").is_file():
            return folder
    raise ConfigurationError(
        f"the sample fleet is in neither {folders[0]} nor {folders[1]}; install flipkit again, "
        "or start the emulator empty (flipkit emulator --empty)"
    )


def sample_sites() -> list[dict[str, Any]]:
    """The sites of the sample fleet, as ``data/README.md`` describes them: ids, place, devices, tariff keys."""
    sites: list[dict[str, Any]] = msgspec.json.decode((sample_folder() / "sites.json").read_bytes())
    return sites


def sample_tariffs() -> dict[str, dict[str, Any]]:
    """The sample fleet's tariffs by key: Flatpeak tariff objects, for `Tariff.from_flatpeak`, with their ``source``."""
    tariffs = msgspec.json.decode((sample_folder() / "tariffs.json").read_bytes())
    return {tariff["key"]: tariff for tariff in tariffs}


def open_store(path: str | Path | None, *, sample: bool) -> Store:
    """The store at `path` (in memory for None), with the sample fleet in it if it was empty and `sample` says so.

    Raises
    ------
    ConfigurationError
        The file cannot be opened as a store, or takes no sample fleet.
    """
    try:
        return _opened(path, sample=sample)
    except sqlite3.Error as error:  # no folder, no database, a disk that is full
        raise ConfigurationError(f"{path}: {error}; {_MEND}") from error


def _opened(path: str | Path | None, *, sample: bool) -> Store:
    store = Store(path)
    try:
        if sample:
            seed(store)
    except BaseException:
        store.close()
        raise
    return store


def _is_empty(store: Store) -> bool:
    """Whether neither API was ever told anything."""
    with store.read() as db:
        told = db.execute(
            "SELECT 1 FROM flip_sites UNION ALL SELECT 1 FROM flip_waiting LIMIT 1"
        ).fetchone()
    return store.is_empty() and told is None


def seed(store: Store) -> None:
    """Fill an empty store with the sample fleet, both APIs' part; one that is not empty stays as it is.

    In one transaction: a kill leaves no half of a fleet behind, and of two emulators that begin with the same file one
    fills it.

    Raises
    ------
    ConfigurationError
        The sample fleet's files are not there.
    """
    store.create(SCHEMA + FLATPEAK_SCHEMA)
    with store.write() as db:
        if _is_empty(store):
            folder = sample_folder()
            seed_flip(db, folder)
            seed_flatpeak(store, db, folder)


def seed_flip(db: sqlite3.Connection, folder: Path) -> None:
    """The Flip part: sites and their monthly production."""
    for site in sample_sites():
        put_site(db, _site(site))
    with (folder / "performance.csv").open(encoding="utf-8", newline="") as file:
        put_production(
            db, ((row["site_id"], row["month"], *_amounts(row)) for row in csv.DictReader(file))
        )


def _site(record: dict[str, Any]) -> Site:
    provider = record["technology_provider_identifier"]
    devices = [
        {"technology_provider_identifier": provider, **device} for device in record["devices"]
    ]
    return msgspec.convert({**record, "id": record["site_id"], "devices": devices}, Site)


def _amounts(row: dict[str, str]) -> tuple[float | None, float | None]:
    actual, expected = row["actual_production_kwh"], row["expected_production_kwh"]
    return float(actual) if actual else None, float(expected) if expected else None
