"""What the Flip half of the emulator keeps: sites, monthly production, and records that wait for their site."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from flipkit.emulator.flip.bodies import Device

__all__ = [
    "SCHEMA",
    "Site",
    "find_site",
    "put_production",
    "put_site",
    "report",
    "site_by_id",
    "site_documents",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS flip_sites (id TEXT PRIMARY KEY, external_id TEXT, document BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS flip_sites_by_external_id ON flip_sites (external_id);
CREATE TABLE IF NOT EXISTS flip_production (
    site_id TEXT, month TEXT, actual_kwh REAL, expected_kwh REAL, PRIMARY KEY (site_id, month)
) WITHOUT ROWID;
-- pushed by the caller; month is 2025-06, or 06 for every June
CREATE TABLE IF NOT EXISTS flip_expected (
    site_id TEXT, month TEXT, expected_kwh REAL, PRIMARY KEY (site_id, month)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flip_waiting (
    n INTEGER PRIMARY KEY, external_id TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (external_id, data)
);
"""

_REPORT = """
SELECT s.document, p.actual_kwh, COALESCE(one.expected_kwh, each.expected_kwh, p.expected_kwh) AS expected_kwh
FROM flip_sites AS s
LEFT JOIN flip_production AS p ON p.site_id = s.id AND p.month = :month
LEFT JOIN flip_expected AS one ON one.site_id = s.id AND one.month = :month
LEFT JOIN flip_expected AS each ON each.site_id = s.id AND each.month = substr(:month, 6)
ORDER BY s.rowid
"""


class Site(msgspec.Struct, kw_only=True):
    """A site as ``GET /v1/sites`` shows it."""

    id: str
    status: str
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    customer_name: str | None = None
    email: str | None = None
    street_address: str | None = None
    street_address2: str | None = None
    city: str | None = None
    state_code: str | None = None
    zip_code: str | None = None
    service_account_id: str | None = None
    external_id: str | None = None
    system_size_kw: float | None = None
    technology_provider_identifier: str | None = None
    devices: list[Device] = []
    created_at: str
    updated_at: str


_decode_site = msgspec.json.Decoder(Site).decode


def site_documents(db: sqlite3.Connection, skip: int, limit: int) -> list[bytes]:
    """Sites as JSON, in the order they came; a `limit` of -1 is none."""
    rows = db.execute(
        "SELECT document FROM flip_sites ORDER BY rowid LIMIT ? OFFSET ?", (limit, skip)
    )
    return [row["document"] for row in rows]


def site_by_id(db: sqlite3.Connection, site_id: str) -> Site | None:
    """The site with that id."""
    return _one_site(db.execute("SELECT document FROM flip_sites WHERE id = ?", (site_id,)))


def find_site(db: sqlite3.Connection, any_id: str) -> Site | None:
    """The site with that id, or else the first with that id of the caller's own."""
    return site_by_id(db, any_id) or _one_site(
        db.execute(
            "SELECT document FROM flip_sites WHERE external_id = ? ORDER BY rowid LIMIT 1",
            (any_id,),
        )
    )


def _one_site(cursor: sqlite3.Cursor) -> Site | None:
    row = cursor.fetchone()
    return _decode_site(row["document"]) if row else None


def put_site(db: sqlite3.Connection, site: Site) -> None:
    """Add a site, or put it in the place of the one it had."""
    db.execute(
        "INSERT INTO flip_sites VALUES (?, ?, ?) ON CONFLICT (id) "
        "DO UPDATE SET external_id = excluded.external_id, document = excluded.document",
        (site.id, site.external_id, msgspec.json.encode(site)),
    )


def put_production(
    db: sqlite3.Connection, rows: Iterable[tuple[str, str, float | None, float | None]]
) -> None:
    """Add months of production: site, month, actual and expected kWh."""
    db.executemany("INSERT OR REPLACE INTO flip_production VALUES (?, ?, ?, ?)", rows)


def report(db: sqlite3.Connection, month: str) -> list[dict[str, Any]]:
    """The performance rows of a month, one for every site."""
    return [
        _report_row(_decode_site(row["document"]), month, row["actual_kwh"], row["expected_kwh"])
        for row in db.execute(_REPORT, {"month": month})
    ]


def _report_row(
    site: Site, month: str, actual: float | None, expected: float | None
) -> dict[str, Any]:
    return {
        "site_id": site.id,
        "external_id": site.external_id,
        "customer_name": site.customer_name,
        "month": month,
        "system_size_kw": site.system_size_kw,
        "actual_production_kwh": actual,
        "expected_production_kwh": expected,
        "performance_ratio": round(actual / expected, 3)
        if expected and actual is not None
        else None,
        "technology_provider_identifier": site.technology_provider_identifier,
    }
