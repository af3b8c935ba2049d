"""Meter records as columns: for each series and UTC month one row of packed arrays, sorted by start and end.

A year of half-hours is 12 rows to read instead of 17,520. Writing merges by the exact key (start, end): the last one
written holds, but a forecast (confidence below 1) never replaces an actual (confidence 1).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from flipkit.vocabulary import Float64, Int64

__all__ = [
    "SCHEMA",
    "Objects",
    "Readings",
    "Series",
    "delete_location",
    "joined",
    "keep_register",
    "merged",
    "read",
    "register",
    "series_of",
    "session",
    "write",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    location_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    flow TEXT NOT NULL,
    tariff_direction TEXT NOT NULL,
    UNIQUE (location_id, device_id, flow, tariff_direction)
);
CREATE INDEX IF NOT EXISTS series_by_device ON series (device_id);
CREATE TABLE IF NOT EXISTS chunks (
    series_id INTEGER NOT NULL REFERENCES series (id),
    month INTEGER NOT NULL,
    first_start INTEGER NOT NULL,
    last_end INTEGER NOT NULL,
    start BLOB NOT NULL,
    "end" BLOB NOT NULL,
    wh BLOB NOT NULL,
    confidence BLOB,
    refs BLOB,
    UNIQUE (series_id, month)
);
CREATE TABLE IF NOT EXISTS sessions (
    session_reference_id TEXT NOT NULL,
    series_id INTEGER NOT NULL,
    month INTEGER NOT NULL,
    PRIMARY KEY (session_reference_id, series_id, month)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registers (series_id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, wh REAL NOT NULL);
"""

Objects = npt.NDArray[np.object_]

_FAR_US = 1 << 62


class Series(NamedTuple):
    """What records of one kind have in common.

    Attributes
    ----------
    location_id : str
    device_id : str
        Empty where the records are the location's own.
    flow : str
        INBOUND or OUTBOUND.
    tariff_direction : str
        IMPORT, EXPORT or LOCAL.
    """

    location_id: str
    device_id: str
    flow: str
    tariff_direction: str


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Meter records in columns.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC.
    wh : ndarray of float64, shape (n,)
        Energy, Wh, as exact as it was submitted.
    confidence : ndarray of float64, shape (n,)
        1 for an actual, less for a forecast.
    session, record : ndarray of object, shape (n,), or None
        The caller's ids, str or None; None where no record bears any.
    """

    start_us: Int64
    end_us: Int64
    wh: Float64
    confidence: Float64
    session: Objects | None = None
    record: Objects | None = None

    def at(self, rows: Int64 | npt.NDArray[np.bool_] | slice) -> Readings:
        """Some of the records."""
        session, record = (
            None if ids is None else ids[rows] for ids in (self.session, self.record)
        )
        return Readings(
            self.start_us[rows],
            self.end_us[rows],
            self.wh[rows],
            self.confidence[rows],
            session,
            record,
        )

    def columns(self) -> tuple[Any, ...]:
        """The six columns in the order above."""
        return self.start_us, self.end_us, self.wh, self.confidence, self.session, self.record

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.start_us)


def merged(old: Readings, new: Readings) -> Readings:
    """Both, sorted by start and end, of each pair of them one record.

    Parameters
    ----------
    old, new : Readings
        In the order in which they were written.

    Returns
    -------
    Readings
        For each (start, end) the last actual, and where there is none the last forecast.
    """
    both = joined([old, new])
    actual = both.confidence >= 1.0
    order = np.lexsort((np.arange(len(both)), actual, both.end_us, both.start_us))
    start, end = both.start_us[order], both.end_us[order]
    last = np.append((start[1:] != start[:-1]) | (end[1:] != end[:-1]), True)
    return both.at(order[last])


def joined(parts: Sequence[Readings]) -> Readings:
    """Records one after another, as they are."""
    if len(parts) == 1:
        return parts[0]
    start, end, wh, confidence, *ids = zip(*(part.columns() for part in parts), strict=True)
    lengths = [len(part) for part in parts]
    session, record = (_ids_joined(column, lengths) for column in ids)
    plain = (
        np.concatenate(start),
        np.concatenate(end),
        np.concatenate(wh),
        np.concatenate(confidence),
    )
    return Readings(*plain, session, record)


def write(db: sqlite3.Connection, series: Series, readings: Readings) -> int:
    """Merge records into a series; the id of the series.

    Parameters
    ----------
    db : sqlite3.Connection
        In a transaction.
    series : Series
    readings : Readings
        In the order in which they were submitted.
    """
    series_id = _series_id(db, series)
    months = readings.start_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    for month in np.unique(months).tolist():
        new = readings.at(months == month)
        old = _chunk(db, series_id, month)
        whole = merged(old, new) if old else merged(new.at(slice(0)), new)
        _keep(db, series_id, month, whole)
        _keep_sessions(db, series_id, month, new)
    return series_id


def read(
    db: sqlite3.Connection, series_id: int, start_us: int = -_FAR_US, end_us: int = _FAR_US
) -> Readings | None:
    """The records of a series that touch [start, end), sorted by start and end; None where there are none."""
    rows = db.execute(
        "SELECT * FROM chunks WHERE series_id = ? AND last_end > ? AND first_start < ? ORDER BY month",
        (series_id, start_us, end_us),
    )
    parts = [_unpacked(row) for row in rows]
    if not parts:
        return None
    found = joined(parts)
    inside = (found.end_us > start_us) & (found.start_us < end_us)
    if not inside.any():
        return None
    return found if inside.all() else found.at(inside)


def series_of(db: sqlite3.Connection, object_id: str) -> Iterator[tuple[int, Series]]:
    """All series of a location, those of devices there among them, or of a device; with their ids."""
    for row in db.execute(
        "SELECT * FROM series WHERE location_id = ? OR device_id = ? ORDER BY id", (object_id,) * 2
    ):
        yield row["id"], Series(*tuple(row)[1:])


def session(db: sqlite3.Connection, session_reference_id: str) -> list[tuple[Series, Readings]]:
    """The records submitted with that id, by series."""
    found = []
    where = "WHERE session_reference_id = ? ORDER BY id"
    query = f"SELECT DISTINCT series.* FROM sessions JOIN series ON id = series_id {where}"  # noqa: S608
    for row in db.execute(query, (session_reference_id,)).fetchall():
        months = "SELECT month FROM sessions WHERE session_reference_id = ? AND series_id = ? ORDER BY month"
        chunks = [
            _chunk(db, row["id"], each["month"])
            for each in db.execute(months, (session_reference_id, row["id"]))
        ]
        own = [_of_session(chunk, session_reference_id) for chunk in chunks if chunk is not None]
        if any(len(part) for part in own):
            found.append((Series(*tuple(row)[1:]), joined(own)))
    return found


def delete_location(db: sqlite3.Connection, location_id: str) -> None:
    """Forget every record of a location."""
    for table in ("chunks", "sessions", "registers"):
        db.execute(
            f"DELETE FROM {table} WHERE series_id IN (SELECT id FROM series WHERE location_id = ?)",  # noqa: S608
            (location_id,),
        )
    db.execute("DELETE FROM series WHERE location_id = ?", (location_id,))


def register(db: sqlite3.Connection, series: Series) -> tuple[int, float] | None:
    """The latest reading of a series' register: when (microseconds since 1970-01-01 UTC), and Wh."""
    row = db.execute(
        "SELECT * FROM registers WHERE series_id = ?", (_series_id(db, series),)
    ).fetchone()
    return (row["time_us"], row["wh"]) if row else None


def keep_register(db: sqlite3.Connection, series: Series, time_us: int, wh: float) -> None:
    """Remember the latest reading of a series' register."""
    db.execute("REPLACE INTO registers VALUES (?, ?, ?)", (_series_id(db, series), time_us, wh))


def _of_session(chunk: Readings, session_reference_id: str) -> Readings:
    if chunk.session is None:
        return chunk.at(slice(0))
    return chunk.at(np.asarray(chunk.session == session_reference_id, dtype=bool))


def _series_id(db: sqlite3.Connection, series: Series) -> int:
    query = "SELECT id FROM series WHERE location_id = ? AND device_id = ? AND flow = ? AND tariff_direction = ?"
    row = db.execute(query, series).fetchone()
    if row is None:
        columns = "location_id, device_id, flow, tariff_direction"
        row = db.execute(
            f"INSERT INTO series ({columns}) VALUES (?, ?, ?, ?) RETURNING id",  # noqa: S608
            series,
        ).fetchone()
    return int(row["id"])


def _chunk(db: sqlite3.Connection, series_id: int, month: int) -> Readings | None:
    row = db.execute(
        "SELECT * FROM chunks WHERE series_id = ? AND month = ?", (series_id, month)
    ).fetchone()
    return _unpacked(row) if row else None


def _keep(db: sqlite3.Connection, series_id: int, month: int, whole: Readings) -> None:
    certain = bool((whole.confidence == 1.0).all())
    packed = (
        int(whole.start_us[0]),
        int(whole.end_us.max()),
        *(column.tobytes() for column in (whole.start_us, whole.end_us, whole.wh)),
        None if certain else whole.confidence.tobytes(),
        _ids_packed(whole),
    )
    db.execute(
        "REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (series_id, month, *packed)
    )


def _keep_sessions(db: sqlite3.Connection, series_id: int, month: int, new: Readings) -> None:
    names: Iterable[str] = set() if new.session is None else set(new.session.tolist()) - {None}
    db.executemany(
        "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?)",
        [(name, series_id, month) for name in sorted(names)],
    )


def _unpacked(row: sqlite3.Row) -> Readings:
    start, end = (
        np.frombuffer(row["start"], dtype=np.int64),
        np.frombuffer(row["end"], dtype=np.int64),
    )
    confidence = row["confidence"]
    certain = (
        np.ones(len(start)) if confidence is None else np.frombuffer(confidence, dtype=np.float64)
    )
    ids = (
        (None, None) if row["refs"] is None else map(_objects, msgspec.msgpack.decode(row["refs"]))
    )
    return Readings(start, end, np.frombuffer(row["wh"], dtype=np.float64), certain, *ids)


def _ids_packed(whole: Readings) -> bytes | None:
    if whole.session is None and whole.record is None:
        return None
    columns = [
        [None] * len(whole) if ids is None else ids.tolist()
        for ids in (whole.session, whole.record)
    ]
    if not any(name is not None for column in columns for name in column):
        return None
    return msgspec.msgpack.encode(columns)


def _ids_joined(parts: Sequence[Objects | None], lengths: Sequence[int]) -> Objects | None:
    if all(ids is None for ids in parts):
        return None
    pairs = zip(parts, lengths, strict=True)
    return np.concatenate([np.full(length, None) if ids is None else ids for ids, length in pairs])


def _objects(values: list[str | None]) -> Objects:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
