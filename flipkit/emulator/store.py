"""The emulator's data: one SQLite database, in memory or in a file."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_NEXT_NUMBER = """
INSERT INTO counters VALUES (?, 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value
"""


class Store:
    """The data of an emulator.

    Parameters
    ----------
    path : str or Path, optional
        A file that survives a restart; in memory by default.

    Notes
    -----
    One connection behind one lock: requests come from many threads, and each sees all of another's
    changes or none. A file is kept in write-ahead mode and flushed at each commit, so that a kill
    loses nothing that was answered.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        # For a store that nobody closed: Python 3.13 would warn.
        weakref.finalize(self, self._db.close)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self.create(_SCHEMA)

    def create(self, schema: str) -> None:
        """Create the tables of `schema` (``CREATE ... IF NOT EXISTS``)."""
        with self._lock:
            self._db.executescript(schema)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the database for reading only."""
        with self._lock:
            yield self._db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the database in a transaction: after the block all changes hold, or none."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def new_id(self, db: sqlite3.Connection, prefix: str) -> str:
        """Return ``dev_`` and 24 hex digits, for example; each new store has the same sequence."""
        number = db.execute(_NEXT_NUMBER, (prefix,)).fetchone()[0]
        digest = hashlib.sha256(f"{prefix}:{number}".encode()).hexdigest()
        return f"{prefix}_{digest[:24]}"

    def is_empty(self) -> bool:
        """Return whether no id was ever given out."""
        with self.read() as db:
            return db.execute("SELECT 1 FROM counters LIMIT 1").fetchone() is None

    def digest(self) -> str:
        """Return a hash of every byte of the database, to prove that a call left no trace."""
        with self.read() as db:
            return hashlib.sha256(db.serialize()).hexdigest()

    def close(self) -> None:
        """Close the database; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()
