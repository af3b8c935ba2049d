"""Sites: commissioning, monthly production, and the records that a customer system pushes.

A pushed record belongs to the site whose id, or else whose ``external_id``, equals the record's
``external_id``. If there is no such site, the record waits until one is commissioned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict

from flipkit.emulator.flip.wire import (
    CommissionBody,
    DeviceBody,
    Enrollment,
    FleetRecord,
    NewSite,
    SiteData,
    information_required,
    invalid,
    validation_message,
)

__all__ = [
    "SCHEMA",
    "StoredSite",
    "commission",
    "performance_report",
    "push",
    "put_production",
    "put_site",
    "site_documents",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS flip_sites (
    id TEXT PRIMARY KEY, external_id TEXT, document BLOB NOT NULL
);
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

# Expected production: a pushed value of this month, else of this month of any year, else the
# service's own.
_REPORT = """
SELECT
    s.document,
    p.actual_kwh,
    COALESCE(one.expected_kwh, each.expected_kwh, p.expected_kwh) AS expected_kwh
FROM flip_sites AS s
LEFT JOIN flip_production AS p ON p.site_id = s.id AND p.month = :month
LEFT JOIN flip_expected AS one ON one.site_id = s.id AND one.month = :month
LEFT JOIN flip_expected AS each ON each.site_id = s.id AND each.month = substr(:month, 6)
ORDER BY s.rowid
"""


class StoredSite(msgspec.Struct, kw_only=True):
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
    devices: list[DeviceBody] = []
    created_at: str
    updated_at: str


_decode_site = msgspec.json.Decoder(StoredSite).decode


def site_documents(db: sqlite3.Connection, skip: int, limit: int) -> list[bytes]:
    """Return sites as JSON, in the order of creation; a `limit` of -1 means no limit."""
    query = "SELECT document FROM flip_sites ORDER BY rowid LIMIT ? OFFSET ?"
    return [row["document"] for row in db.execute(query, (limit, skip))]


def _site_by_id(db: sqlite3.Connection, site_id: str) -> StoredSite | None:
    """Return the site with that id, or None."""
    return _first_site(db.execute("SELECT document FROM flip_sites WHERE id = ?", (site_id,)))


def _site_by_any_id(db: sqlite3.Connection, any_id: str) -> StoredSite | None:
    """Return the site with that id, or else the oldest one with that external id, or None."""
    query = "SELECT document FROM flip_sites WHERE external_id = ? ORDER BY rowid LIMIT 1"
    return _site_by_id(db, any_id) or _first_site(db.execute(query, (any_id,)))


def _first_site(cursor: sqlite3.Cursor) -> StoredSite | None:
    row = cursor.fetchone()
    return _decode_site(row["document"]) if row else None


def put_site(db: sqlite3.Connection, site: StoredSite) -> None:
    """Add a site, or replace the one with its id."""
    db.execute(
        "INSERT INTO flip_sites VALUES (?, ?, ?) ON CONFLICT (id) "
        "DO UPDATE SET external_id = excluded.external_id, document = excluded.document",
        (site.id, site.external_id, msgspec.json.encode(site)),
    )


def put_production(
    db: sqlite3.Connection, rows: Iterable[tuple[str, str, float | None, float | None]]
) -> None:
    """Add production by month: site, month, actual and expected kWh."""
    db.executemany("INSERT OR REPLACE INTO flip_production VALUES (?, ?, ?, ?)", rows)


def performance_report(db: sqlite3.Connection, month: str) -> list[dict[str, Any]]:
    """Return the performance of a month, one row per site."""
    rows = db.execute(_REPORT, {"month": month})
    return [_performance_row(row, month) for row in rows]


def _performance_row(row: sqlite3.Row, month: str) -> dict[str, Any]:
    site = _decode_site(row["document"])
    actual = row["actual_kwh"]
    expected = row["expected_kwh"]
    ratio = None
    if expected and actual is not None:
        ratio = round(actual / expected, 3)
    return {
        "site_id": site.id,
        "external_id": site.external_id,
        "customer_name": site.customer_name,
        "month": month,
        "system_size_kw": site.system_size_kw,
        "actual_production_kwh": actual,
        "expected_production_kwh": expected,
        "performance_ratio": ratio,
        "technology_provider_identifier": site.technology_provider_identifier,
    }


def push(db: sqlite3.Connection, records: list[FleetRecord]) -> list[dict[str, Any]]:
    """Accept records; the answer has the outcome of each record at the same index."""
    return [_push_one(db, record) for record in records]


def _push_one(db: sqlite3.Connection, record: FleetRecord) -> dict[str, Any]:
    outcome = {"external_id": record.external_id, "record_type": record.record_type}
    data = _checked(record)
    if isinstance(data, str):
        return {**outcome, "status": "FAILED", "error": data}

    site = _site_by_any_id(db, record.external_id)
    if site:
        _apply(db, site, record.external_id, data)
    else:
        # A record that is sent again waits once, and moves behind those that were sent since.
        db.execute(
            "INSERT OR REPLACE INTO flip_waiting (external_id, data) VALUES (?, ?)",
            (record.external_id, msgspec.json.encode(data)),
        )
    return {**outcome, "status": "SUCCESS"}


def _checked(record: FleetRecord) -> SiteData | str:
    """Return the data of a record, or what is wrong with it."""
    if record.record_type != "site":
        return f"record_type {record.record_type!r} is unknown; use 'site'"
    try:
        data = msgspec.convert(record.data, SiteData)
    except msgspec.ValidationError as error:
        return validation_message(error, "data")
    if (data.expected_production_kwh is UNSET) != (data.month is UNSET):
        return "expected_production_kwh and month (YYYY-MM) must be given together"
    return data


def _apply_waiting(db: sqlite3.Connection, site: StoredSite) -> None:
    """Apply the records that waited for a new site, in the order they were sent."""
    query = "SELECT data FROM flip_waiting WHERE external_id = ? ORDER BY n"
    for row in db.execute(query, (site.id,)).fetchall():
        _apply(db, site, site.id, msgspec.json.decode(row["data"], type=SiteData))
    db.execute("DELETE FROM flip_waiting WHERE external_id = ?", (site.id,))


def _apply(db: sqlite3.Connection, site: StoredSite, external_id: str, data: SiteData) -> None:
    # The first id under which a customer system knows the site stays.
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


_TERMS_VERSION = "2025-01-01"


class _Question(NamedTuple):
    name: str
    label: str
    type: str
    hint: str


class _Program(NamedTuple):
    """The requirements of a test program of Flip's sandbox.

    Attributes
    ----------
    has_terms : bool
        The current version of its terms must be accepted.
    site_attributes : tuple of str
        Fields of the site that must not be blank.
    questions : tuple of _Question
        The program's own enrollment form.
    """

    has_terms: bool = False
    site_attributes: tuple[str, ...] = ()
    questions: tuple[_Question, ...] = ()


_ACCOUNT_ID = _Question(
    name="account_id", label="Utility Account Number", type="string", hint="As printed on the bill"
)
# Flip documents the three zip codes but not how they differ; this split is inferred.
_PROGRAMS = {
    "88800": _Program(),
    "88801": _Program(has_terms=True),
    "88802": _Program(
        has_terms=True,
        site_attributes=("street_address", "city", "state_code"),
        questions=(_ACCOUNT_ID,),
    ),
}


def commission(db: sqlite3.Connection, body: CommissionBody, now: str) -> None:
    """Add or update a site: fields that were sent are replaced, the others stay.

    Raises
    ------
    FlipRefusal
        400 without devices; 422 if a program needs more information. Nothing is stored then.
    """
    if not body.devices:
        raise invalid("devices array must not be empty")
    missing = _missing_information(body)
    if missing:
        raise information_required(missing)

    site = _site_by_id(db, body.site.id)
    if site is None:
        site = StoredSite(id=body.site.id, status="CREATED", created_at=now, updated_at=now)
    _update(site, body, now)
    put_site(db, site)
    _apply_waiting(db, site)


def _update(site: StoredSite, body: CommissionBody, now: str) -> None:
    for name, value in asdict(body.site).items():
        if value is not None:
            setattr(site, name, value)
    # An enrollment begins as PENDING; at Flip, people decide about the later states.
    if site.status == "CREATED" and site.zip_code in _PROGRAMS:
        site.status = "PENDING"
    site.technology_provider_identifier = body.devices[0].technology_provider_identifier
    site.devices = _merged(site.devices, body.devices)
    site.updated_at = now


def _merged(old: Sequence[DeviceBody], new: Sequence[DeviceBody]) -> list[DeviceBody]:
    by_id = {device.id: device for device in [*old, *new]}
    return list(by_id.values())


def _missing_information(body: CommissionBody) -> dict[str, Any] | None:
    """Return the ``enrollment`` of a 422 with everything that is missing; None if nothing is."""
    program = _PROGRAMS.get(body.site.zip_code or "", _Program())
    enrollment = body.enrollment or Enrollment()
    missing = {
        **_missing_terms(program, enrollment),
        "missing_site_attributes": _blank_fields(program, body.site),
        "missing_program_specific_attributes": _open_questions(program, enrollment),
    }
    return missing if any(missing.values()) else None


def _missing_terms(program: _Program, enrollment: Enrollment) -> dict[str, bool]:
    version = enrollment.terms_and_conditions_version
    has_agreed = bool(enrollment.has_agreed_to_terms_and_conditions)
    has_version = bool(version)
    is_other_version = has_version and version != _TERMS_VERSION
    return {
        "incorrect_terms_and_conditions_version": program.has_terms and is_other_version,
        "missing_has_agreed_to_terms_and_conditions": program.has_terms and not has_agreed,
        "missing_terms_and_conditions_version": program.has_terms and not has_version,
    }


def _blank_fields(program: _Program, site: NewSite) -> list[str]:
    values = {name: getattr(site, name) or "" for name in program.site_attributes}
    return [name for name, value in values.items() if not value.strip()]


def _open_questions(program: _Program, enrollment: Enrollment) -> list[dict[str, str]]:
    answers = enrollment.program_specific_attributes
    answered = {answer.name for answer in answers if answer.value.strip()}
    open_questions = [each for each in program.questions if each.name not in answered]
    return [{**question._asdict(), "error": "required"} for question in open_questions]
