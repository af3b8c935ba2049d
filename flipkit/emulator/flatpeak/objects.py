"""Flatpeak's stored objects: devices, customers, locations, tariffs, meter batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from flask import request

from flipkit.emulator.flatpeak.caller import Caller
from flipkit.emulator.flatpeak.wire import Refusal
from flipkit.emulator.store import Store

__all__ = [
    "SCHEMA",
    "StoredObject",
    "children",
    "create",
    "delete",
    "exists",
    "find",
    "get",
    "page",
    "replace",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS flatpeak_objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    reference_id TEXT,
    parent_id TEXT,
    time_created TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS flatpeak_objects_by_reference ON flatpeak_objects (kind, reference_id);
CREATE INDEX IF NOT EXISTS flatpeak_objects_by_parent ON flatpeak_objects (kind, parent_id);
"""

_PREFIXES = {
    "device": "dev",
    "customer": "cus",
    "location": "loc",
    "tariff": "trf",
    "meter_batch": "bat",
}
_DEFAULT_LIMIT = 30
_MAX_LIMIT = 100

_INSERT = """
INSERT INTO flatpeak_objects (id, kind, time_created, reference_id, parent_id, body)
VALUES (?, ?, ?, ?, ?, ?)
"""
_SELECT = "SELECT * FROM flatpeak_objects WHERE kind = ?"


class StoredObject(NamedTuple):
    """An object as it is kept.

    Attributes
    ----------
    id, kind, time_created : str
    reference_id : str or None
        The caller's own id.
    parent_id : str or None
        A location's customer, a tariff's location.
    body : dict
        Everything else.
    """

    id: str
    kind: str
    time_created: str
    reference_id: str | None
    parent_id: str | None
    body: dict[str, Any]

    def common_fields(self, caller: Caller) -> dict[str, Any]:
        """Return the fields of every object.

        The emulator holds the data of one account: all callers see their own id.
        """
        return {
            "id": self.id,
            "object": self.kind,
            "live_mode": caller.live_mode,
            "time_created": self.time_created,
            "account_id": caller.account_id,
        }


def create(
    store: Store,
    db: sqlite3.Connection,
    kind: str,
    time_created: str,
    body: Mapping[str, Any],
    *,
    reference_id: str | None = None,
    parent_id: str | None = None,
) -> StoredObject:
    """Store a new object under a new id."""
    created = StoredObject(
        id=store.new_id(db, _PREFIXES[kind]),
        kind=kind,
        time_created=time_created,
        reference_id=reference_id,
        parent_id=parent_id,
        body=dict(body),
    )
    db.execute(_INSERT, (*created[:-1], msgspec.json.encode(created.body)))
    return created


def get(db: sqlite3.Connection, kind: str, object_id: str) -> StoredObject:
    """Return an object of a kind.

    Raises
    ------
    Refusal
        404 if there is no such object.
    """
    row = _row(db, kind, object_id)
    if row is None:
        raise Refusal.unknown(f"no {kind} {object_id!r}")
    return _stored(row)


def exists(db: sqlite3.Connection, kind: str, object_id: str) -> bool:
    """Return whether there is an object of that kind and id."""
    return _row(db, kind, object_id) is not None


def find(db: sqlite3.Connection, kind: str, reference_id: str) -> StoredObject | None:
    """Return the newest object of a kind with the caller's own id, or None."""
    query = f"{_SELECT} AND reference_id = ? ORDER BY seq DESC LIMIT 1"
    row = db.execute(query, (kind, reference_id)).fetchone()
    return _stored(row) if row else None


def children(db: sqlite3.Connection, kind: str, parent_id: str) -> list[StoredObject]:
    """Return all objects of a kind that belong to another object, oldest first."""
    query = f"{_SELECT} AND parent_id = ? ORDER BY seq"
    return [_stored(row) for row in db.execute(query, (kind, parent_id))]


def replace(db: sqlite3.Connection, changed: StoredObject) -> None:
    """Store a changed object in place of the one with the same id."""
    db.execute(
        "UPDATE flatpeak_objects SET reference_id = ?, parent_id = ?, body = ? WHERE id = ?",
        (changed.reference_id, changed.parent_id, msgspec.json.encode(changed.body), changed.id),
    )


def delete(db: sqlite3.Connection, kind: str, object_id: str) -> None:
    """Delete an object; 404 if it does not exist."""
    get(db, kind, object_id)
    db.execute("DELETE FROM flatpeak_objects WHERE id = ?", (object_id,))


def page(
    db: sqlite3.Connection,
    kind: str,
    *,
    reference_id: str | None = None,
    parent_id: str | None = None,
) -> tuple[list[StoredObject], bool]:
    """Return one page of objects, newest first, by the cursor and the limit of the query.

    Returns
    -------
    page : list of StoredObject
        With the given reference and parent; None for any.
    has_more : bool
        There are more in the direction of the cursor.

    Raises
    ------
    Refusal
        422 for a limit outside 1 to 100, two cursors, or a cursor of another kind.
    """
    # Cursors are ids; the sequence numbers behind them give the order of creation.
    limit = _limit()
    after = request.args.get("starting_after")
    before = request.args.get("ending_before")
    if after is not None and before is not None:
        raise Refusal.invalid("starting_after and ending_before cannot be combined")

    query = _SELECT
    values: list[Any] = [kind]
    if reference_id is not None:
        query += " AND reference_id = ?"
        values.append(reference_id)
    if parent_id is not None:
        query += " AND parent_id = ?"
        values.append(parent_id)
    if before is not None:
        query += " AND seq > ? ORDER BY seq ASC LIMIT ?"
        values.append(_sequence_number(db, kind, before))
    elif after is not None:
        query += " AND seq < ? ORDER BY seq DESC LIMIT ?"
        values.append(_sequence_number(db, kind, after))
    else:
        query += " ORDER BY seq DESC LIMIT ?"
    values.append(limit + 1)  # one more shows whether there are more

    found = [_stored(row) for row in db.execute(query, values)]
    selected = found[:limit]
    if before is not None:  # they were read from the cursor on, oldest first
        selected.reverse()
    return selected, len(found) > limit


def _row(db: sqlite3.Connection, kind: str, object_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(f"{_SELECT} AND id = ?", (kind, object_id)).fetchone()
    return row


def _stored(row: sqlite3.Row) -> StoredObject:
    return StoredObject(
        id=row["id"],
        kind=row["kind"],
        time_created=row["time_created"],
        reference_id=row["reference_id"],
        parent_id=row["parent_id"],
        body=msgspec.json.decode(row["body"]),
    )


def _limit() -> int:
    text = request.args.get("limit", str(_DEFAULT_LIMIT))
    is_number = text.isascii() and text.isdigit() and len(text) <= 3
    if not is_number or not 1 <= int(text) <= _MAX_LIMIT:
        raise Refusal.invalid(f"limit must be a whole number from 1 to {_MAX_LIMIT}")
    return int(text)


def _sequence_number(db: sqlite3.Connection, kind: str, cursor: str) -> int:
    row = _row(db, kind, cursor)
    if row is None:
        raise Refusal.invalid(f"the cursor {cursor!r} is not a {kind}")
    return int(row["seq"])
