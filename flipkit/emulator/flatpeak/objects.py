"""Devices, customers, locations, tariffs and meter batches: Flatpeak's stored objects, and lists of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from flask import request

from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.store import Store

__all__ = [
    "PREFIXES",
    "SCHEMA",
    "Stored",
    "as_list",
    "children",
    "create",
    "delete",
    "exists",
    "find",
    "get",
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

PREFIXES = {
    "device": "dev",
    "customer": "cus",
    "location": "loc",
    "tariff": "trf",
    "meter_batch": "bat",
}
_DEFAULT_LIMIT, _MOST = 30, 100


class Stored(NamedTuple):
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

    def frame(self, caller: Caller) -> dict[str, Any]:
        """The fields that every object bears. The emulator is one account's: whoever asks sees his own id."""
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
) -> Stored:
    """Keep a new object under a new id."""
    made = Stored(
        store.new_id(db, PREFIXES[kind]), kind, time_created, reference_id, parent_id, dict(body)
    )
    columns = "id, kind, time_created, reference_id, parent_id, body"
    db.execute(
        f"INSERT INTO flatpeak_objects ({columns}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608  the columns are ours
        (*made[:-1], msgspec.json.encode(made.body)),
    )
    return made


def get(db: sqlite3.Connection, kind: str, object_id: str) -> Stored:
    """The object of that id.

    Raises
    ------
    Refusal
        404 where there is none of that kind.
    """
    row = db.execute(
        "SELECT * FROM flatpeak_objects WHERE id = ? AND kind = ?", (object_id, kind)
    ).fetchone()
    if row is None:
        raise Refusal.unknown(f"no {kind} {object_id!r}")
    return _stored(row)


def exists(db: sqlite3.Connection, kind: str, object_id: str) -> bool:
    """Whether there is an object of that kind and id."""
    query = "SELECT 1 FROM flatpeak_objects WHERE id = ? AND kind = ?"
    return db.execute(query, (object_id, kind)).fetchone() is not None


def find(db: sqlite3.Connection, kind: str, reference_id: str) -> Stored | None:
    """The newest object of a kind with the caller's own id, or None."""
    query = "SELECT * FROM flatpeak_objects WHERE kind = ? AND reference_id = ? ORDER BY seq DESC LIMIT 1"
    row = db.execute(query, (kind, reference_id)).fetchone()
    return _stored(row) if row else None


def children(db: sqlite3.Connection, kind: str, parent_id: str) -> list[Stored]:
    """All objects of a kind that belong to another, oldest first."""
    query = "SELECT * FROM flatpeak_objects WHERE kind = ? AND parent_id = ? ORDER BY seq"
    return [_stored(row) for row in db.execute(query, (kind, parent_id))]


def replace(db: sqlite3.Connection, changed: Stored) -> None:
    """Keep the changed object instead of the one of the same id."""
    db.execute(
        "UPDATE flatpeak_objects SET reference_id = ?, parent_id = ?, body = ? WHERE id = ?",
        (changed.reference_id, changed.parent_id, msgspec.json.encode(changed.body), changed.id),
    )


def delete(db: sqlite3.Connection, kind: str, object_id: str) -> None:
    """Forget an object; 404 where there is none."""
    get(db, kind, object_id)
    db.execute("DELETE FROM flatpeak_objects WHERE id = ?", (object_id,))


def as_list(
    db: sqlite3.Connection, kind: str, filters: Mapping[str, str | None]
) -> tuple[list[Stored], bool]:
    """One page, newest first, by the cursors and the limit of the query.

    Parameters
    ----------
    db : sqlite3.Connection
    kind : str
    filters : mapping of str to str or None
        Columns ``reference_id`` or ``parent_id`` and the value each must have; None for any.

    Returns
    -------
    page : list of Stored
    has_more : bool
        Whether there are more in the direction of the cursor.

    Raises
    ------
    Refusal
        422 for a limit outside 1 to 100, both cursors, or a cursor that is no object of this kind.
    """
    limit, (cursor, newer) = _limit(), _cursor()
    conditions = [
        "kind = ?",
        *(f"{column} = ?" for column, value in filters.items() if value is not None),
    ]
    values: list[Any] = [kind, *(value for value in filters.values() if value is not None)]
    if cursor is not None:
        conditions.append(f"seq {'>' if newer else '<'} ?")
        values.append(_place(db, kind, cursor))
    query = (
        f"SELECT * FROM flatpeak_objects WHERE {' AND '.join(conditions)} "  # noqa: S608  the columns are ours
        f"ORDER BY seq {'ASC' if newer else 'DESC'} LIMIT ?"
    )
    found = [_stored(row) for row in db.execute(query, (*values, limit + 1))]
    page = found[:limit]
    return page[::-1] if newer else page, len(found) > limit


def _stored(row: sqlite3.Row) -> Stored:
    body = msgspec.json.decode(row["body"])
    return Stored(
        row["id"], row["kind"], row["time_created"], row["reference_id"], row["parent_id"], body
    )


def _limit() -> int:
    text = request.args.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= _MOST):
        raise Refusal.invalid(f"limit must be a whole number from 1 to {_MOST}")
    return int(text)


def _cursor() -> tuple[str | None, bool]:
    """The object to go on from, and whether towards newer ones."""
    after, before = request.args.get("starting_after"), request.args.get("ending_before")
    if after is not None and before is not None:
        raise Refusal.invalid("starting_after and ending_before exclude each other")
    return (after, False) if before is None else (before, True)


def _place(db: sqlite3.Connection, kind: str, object_id: str) -> int:
    row = db.execute(
        "SELECT seq FROM flatpeak_objects WHERE id = ? AND kind = ?", (object_id, kind)
    ).fetchone()
    if row is None:
        raise Refusal.invalid(f"the cursor {object_id!r} is no {kind}")
    return int(row["seq"])
