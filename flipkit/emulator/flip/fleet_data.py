"""Fleet data: what the caller's customer system knows about a site and Flip does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from flipkit.emulator.flip.bodies import FleetRecord, SiteData, complaint
from flipkit.emulator.flip.tables import Site, find_site, put_site

__all__ = ["apply_waiting", "push"]


def push(db: sqlite3.Connection, records: list[FleetRecord]) -> list[dict[str, Any]]:
    """Take records in; the answer says at the same index what became of each.

    A record belongs to the site whose id, or else whose ``external_id``, is the record's ``external_id``. Without
    one it waits until such a site is commissioned.
    """
    return [_outcome(db, record) for record in records]


def _outcome(db: sqlite3.Connection, record: FleetRecord) -> dict[str, Any]:
    outcome = {"external_id": record.external_id, "record_type": record.record_type}
    data = _checked(record)
    if isinstance(data, str):
        return {**outcome, "status": "FAILED", "error": data}
    site = find_site(db, record.external_id)
    if site:
        _apply(db, site, record.external_id, data)
    else:
        # Sent again, it waits once, and behind what was sent since.
        waiting = (record.external_id, msgspec.json.encode(data))
        db.execute("INSERT OR REPLACE INTO flip_waiting (external_id, data) VALUES (?, ?)", waiting)
    return {**outcome, "status": "SUCCESS"}


def _checked(record: FleetRecord) -> SiteData | str:
    """The data, or what is wrong with it."""
    if record.record_type != "site":
        return f"unknown record_type {record.record_type!r}; known: 'site'"
    try:
        data = msgspec.convert(record.data, SiteData)
    except msgspec.ValidationError as error:
        return complaint(error, "data")
    if (data.expected_production_kwh is UNSET) != (data.month is UNSET):
        return "expected_production_kwh and month (YYYY-MM) belong together; one of them is missing"
    return data


def apply_waiting(db: sqlite3.Connection, site: Site) -> None:
    """Give a new site the records that came before it, in the order they came."""
    rows = db.execute(
        "SELECT data FROM flip_waiting WHERE external_id = ? ORDER BY n", (site.id,)
    ).fetchall()
    for row in rows:
        _apply(db, site, site.id, msgspec.json.decode(row["data"], type=SiteData))
    db.execute("DELETE FROM flip_waiting WHERE external_id = ?", (site.id,))


def _apply(db: sqlite3.Connection, site: Site, external_id: str, data: SiteData) -> None:
    site.external_id = site.external_id or external_id
    if data.customer_name is not UNSET:
        site.customer_name = data.customer_name
    if data.system_size_kw is not UNSET:
        site.system_size_kw = data.system_size_kw
    put_site(db, site)
    rows = [(site.id, month, expected) for month, expected in _expected(data)]
    db.executemany("INSERT OR REPLACE INTO flip_expected VALUES (?, ?, ?)", rows)


def _expected(data: SiteData) -> Iterator[tuple[str, float | None]]:
    if data.month is not UNSET and data.expected_production_kwh is not UNSET:
        yield data.month, data.expected_production_kwh
    if data.expected_monthly_production_kwh is not UNSET:
        for number, expected in enumerate(data.expected_monthly_production_kwh, start=1):
            yield f"{number:02}", expected
