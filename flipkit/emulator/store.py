"""Where the emulator keeps what it was told: one SQLite database, in memory or in a file."""

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


class Store:
    """The emulator's memory.

    Parameters
    ----------
    path : str or Path, optional
        A file that survives a restart; in memory without.

    Notes
    -----
    One connection behind one lock: requests come from many threads, each sees all of another's changes or none.
    A file is kept in write-ahead mode and flushed at each commit, so that a kill loses nothing that was answered.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        weakref.finalize(
            self, self._db.close
        )  # of a store that nobody closed: Python 3.13 warns otherwise
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self.create(_SCHEMA)

    def create(self, schema: str) -> None:
        """Make the tables of `schema` (``CREATE ... IF NOT EXISTS``)."""
        with self._lock:
            self._db.executescript(schema)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The database, to look only."""
        with self._lock:
            yield self._db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The database in a transaction: all of it holds after the block, or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def new_id(self, db: sqlite3.Connection, prefix: str) -> str:
        """The next id of a kind, ``dev_`` and 24 hex digits; the same sequence in every new store."""
        row = db.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (prefix,),
        ).fetchone()
        return f"{prefix}_{hashlib.sha256(f'{prefix}:{row[0]}'.encode()).hexdigest()[:24]}"

    def is_empty(self) -> bool:
        """Whether nothing was ever created here."""
        with self.read() as db:
            return db.execute("SELECT 1 FROM counters LIMIT 1").fetchone() is None

    def digest(self) -> str:
        """A hash over every byte of the database, to prove that a call left no trace."""
        with self.read() as db:
            return hashlib.sha256(db.serialize()).hexdigest()

    def close(self) -> None:
        """Close the file; the store answers no more."""
        with self._lock:
            self._db.close()
