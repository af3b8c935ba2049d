"""Meter records as columns: one row of packed arrays per series and UTC month.

The arrays are sorted by start and end, and a year of half-hours is 12 rows to read instead of
17,520. Writing merges by the exact key (start, end): the last record written wins, but a forecast
(confidence below 1) never replaces an actual (confidence 1).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from flipkit.vocabulary import Float64, Int64

__all__ = [
    "FAR_US",
    "SCHEMA",
    "Objects",
    "Readings",
    "Series",
    "SeriesReadings",
    "delete_location",
    "id_column",
    "joined_ids",
    "keep_register",
    "merged",
    "read",
    "register",
    "selected_ids",
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
CREATE TABLE IF NOT EXISTS registers (
    series_id INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    wh REAL NOT NULL
);
"""

Objects = npt.NDArray[np.object_]
Rows = Int64 | npt.NDArray[np.bool_]
"""Some of the rows of a column: their numbers, or a mask."""

FAR_US = 1 << 62
"""Beyond any time of a record or contract; the bound of a window that has none."""

_SELECT_SERIES = """
SELECT id FROM series
WHERE location_id = ? AND device_id = ? AND flow = ? AND tariff_direction = ?
"""
_INSERT_SERIES = """
INSERT INTO series (location_id, device_id, flow, tariff_direction)
VALUES (?, ?, ?, ?) RETURNING id
"""
_SELECT_CHUNKS = """
SELECT * FROM chunks
WHERE series_id = ? AND last_end > ? AND first_start < ? ORDER BY month
"""
_SELECT_SESSION_SERIES = """
SELECT DISTINCT series.* FROM sessions JOIN series ON id = series_id
WHERE session_reference_id = ? ORDER BY id
"""
_SELECT_SESSION_MONTHS = """
SELECT month FROM sessions
WHERE session_reference_id = ? AND series_id = ? ORDER BY month
"""


class Series(NamedTuple):
    """What the records of a series have in common.

    Attributes
    ----------
    location_id : str
    device_id : str
        Empty for records of the location itself.
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
        Energy in Wh, as precise as it was submitted.
    confidence : ndarray of float64, shape (n,)
        1 for an actual, less for a forecast.
    session, record : ndarray of object, shape (n,), or None
        The caller's ids, str or None; None if no record has any.
    """

    start_us: Int64
    end_us: Int64
    wh: Float64
    confidence: Float64
    session: Objects | None = None
    record: Objects | None = None

    def at(self, rows: Rows) -> Readings:
        """Return some of the records."""
        return Readings(
            start_us=self.start_us[rows],
            end_us=self.end_us[rows],
            wh=self.wh[rows],
            confidence=self.confidence[rows],
            session=selected_ids(self.session, rows),
            record=selected_ids(self.record, rows),
        )

    def without_ids(self) -> Readings:
        """Return the records without the caller's ids."""
        return Readings(self.start_us, self.end_us, self.wh, self.confidence)

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.start_us)


SeriesReadings = tuple[Series, Readings]


def id_column(values: Sequence[str | None]) -> Objects | None:
    """Return ids as a column; None if there are none."""
    if all(value is None for value in values):
        return None
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def joined_ids(columns: Sequence[Objects | None], sizes: Sequence[int]) -> Objects | None:
    """Return columns of ids one after another; one that is None has no ids in its rows."""
    ids: list[str | None] = []
    for column, size in zip(columns, sizes, strict=True):
        ids += _id_list(column, size)
    return id_column(ids)


def selected_ids(column: Objects | None, rows: Rows) -> Objects | None:
    """Return some rows of a column of ids."""
    return None if column is None else column[rows]


def merged(old: Readings | None, new: Readings) -> Readings:
    """Merge records that were written one after the other.

    Returns
    -------
    Readings
        Sorted by start and end. For each (start, end) the last actual; if there is none, the last
        forecast.
    """
    both = new if old is None else _joined([old, new])
    is_actual = both.confidence >= 1.0
    # Of records with the same start and end, actuals sort last, and among them the last written.
    order = np.lexsort((np.arange(len(both)), is_actual, both.end_us, both.start_us))
    start = both.start_us[order]
    end = both.end_us[order]
    is_last_of_key = np.append((start[1:] != start[:-1]) | (end[1:] != end[:-1]), True)
    return both.at(order[is_last_of_key])


def write(db: sqlite3.Connection, series: Series, readings: Readings) -> None:
    """Merge records, in the order they were submitted, into a series; in a transaction."""
    series_id = _series_id(db, series)
    # A record belongs to the month of its start, even if it ends in a later one.
    months = readings.start_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    for month in np.unique(months).tolist():
        new = readings.at(months == month)
        _keep_chunk(db, series_id, month, merged(_chunk(db, series_id, month), new))
        _keep_sessions(db, series_id, month, new)


def read(
    db: sqlite3.Connection, series_id: int, start_us: int = -FAR_US, end_us: int = FAR_US
) -> Readings | None:
    """Return the records of a series that touch [start, end), sorted by start and end, or None."""
    rows = db.execute(_SELECT_CHUNKS, (series_id, start_us, end_us))
    chunks = [_unpacked(row) for row in rows]
    if not chunks:
        return None
    readings = _joined(chunks)
    # The first and last chunk may reach beyond the window, and a long record may begin before it.
    touches = (readings.end_us > start_us) & (readings.start_us < end_us)
    if not touches.any():
        return None
    return readings if touches.all() else readings.at(touches)


def series_of(db: sqlite3.Connection, object_id: str) -> Iterator[tuple[int, Series]]:
    """Yield all series, with their ids, of a device, or of a location and the devices there."""
    query = "SELECT * FROM series WHERE location_id = ? OR device_id = ? ORDER BY id"
    for row in db.execute(query, (object_id, object_id)):
        yield row["id"], _series(row)


def session(db: sqlite3.Connection, session_reference_id: str) -> list[SeriesReadings]:
    """Return the records that were submitted with a session id, by series."""
    found = []
    for row in db.execute(_SELECT_SESSION_SERIES, (session_reference_id,)).fetchall():
        chunks = _session_chunks(db, session_reference_id, row["id"])
        own = [_of_session(chunk, session_reference_id) for chunk in chunks]
        if any(len(part) for part in own):
            found.append((_series(row), _joined(own)))
    return found


def _of_session(chunk: Readings, session_reference_id: str) -> Readings:
    is_own = np.asarray(chunk.session == session_reference_id, dtype=bool)
    return chunk.at(is_own)


def _session_chunks(
    db: sqlite3.Connection, session_reference_id: str, series_id: int
) -> Iterator[Readings]:
    """Yield the chunks that may have records of a session."""
    for row in db.execute(_SELECT_SESSION_MONTHS, (session_reference_id, series_id)):
        chunk = _chunk(db, series_id, row["month"])
        # Later records may have overwritten all those with a session id.
        if chunk is not None and chunk.session is not None:
            yield chunk


def delete_location(db: sqlite3.Connection, location_id: str) -> None:
    """Delete every record of a location."""
    for table in ("chunks", "sessions", "registers"):
        db.execute(
            f"DELETE FROM {table} "  # noqa: S608  a table of this list
            "WHERE series_id IN (SELECT id FROM series WHERE location_id = ?)",
            (location_id,),
        )
    db.execute("DELETE FROM series WHERE location_id = ?", (location_id,))


def register(db: sqlite3.Connection, series: Series) -> tuple[int, float] | None:
    """Return time (microseconds UTC) and Wh of a register's latest reading, or None."""
    query = "SELECT * FROM registers WHERE series_id = ?"
    row = db.execute(query, (_series_id(db, series),)).fetchone()
    return (row["time_us"], row["wh"]) if row else None


def keep_register(db: sqlite3.Connection, series: Series, time_us: int, wh: float) -> None:
    """Store the latest reading of a register."""
    db.execute("REPLACE INTO registers VALUES (?, ?, ?)", (_series_id(db, series), time_us, wh))


def _series(row: sqlite3.Row) -> Series:
    return Series(
        location_id=row["location_id"],
        device_id=row["device_id"],
        flow=row["flow"],
        tariff_direction=row["tariff_direction"],
    )


def _series_id(db: sqlite3.Connection, series: Series) -> int:
    row = db.execute(_SELECT_SERIES, series).fetchone()
    if row is None:  # the first record of its kind
        row = db.execute(_INSERT_SERIES, series).fetchone()
    return int(row["id"])


def _chunk(db: sqlite3.Connection, series_id: int, month: int) -> Readings | None:
    query = "SELECT * FROM chunks WHERE series_id = ? AND month = ?"
    row = db.execute(query, (series_id, month)).fetchone()
    return _unpacked(row) if row else None


def _keep_chunk(db: sqlite3.Connection, series_id: int, month: int, chunk: Readings) -> None:
    # Confidences and ids take no space where there are none.
    all_actual = bool((chunk.confidence == 1.0).all())
    db.execute(
        "REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            series_id,
            month,
            int(chunk.start_us[0]),
            int(chunk.end_us.max()),
            chunk.start_us.tobytes(),
            chunk.end_us.tobytes(),
            chunk.wh.tobytes(),
            None if all_actual else chunk.confidence.tobytes(),
            _packed_ids(chunk),
        ),
    )


def _keep_sessions(db: sqlite3.Connection, series_id: int, month: int, new: Readings) -> None:
    if new.session is None:
        return
    names = sorted(set(new.session.tolist()) - {None})
    db.executemany(
        "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?)",
        [(name, series_id, month) for name in names],
    )


def _unpacked(row: sqlite3.Row) -> Readings:
    start = np.frombuffer(row["start"], dtype=np.int64)
    if row["confidence"] is None:
        confidence = np.ones(len(start))
    else:
        confidence = np.frombuffer(row["confidence"], dtype=np.float64)
    sessions, records = None, None
    if row["refs"] is not None:
        sessions, records = msgspec.msgpack.decode(row["refs"])
    return Readings(
        start_us=start,
        end_us=np.frombuffer(row["end"], dtype=np.int64),
        wh=np.frombuffer(row["wh"], dtype=np.float64),
        confidence=confidence,
        session=None if sessions is None else id_column(sessions),
        record=None if records is None else id_column(records),
    )


def _packed_ids(chunk: Readings) -> bytes | None:
    if chunk.session is None and chunk.record is None:
        return None
    sessions = _id_list(chunk.session, len(chunk))
    records = _id_list(chunk.record, len(chunk))
    if all(name is None for name in [*sessions, *records]):
        return None
    return msgspec.msgpack.encode([sessions, records])


def _joined(parts: Sequence[Readings]) -> Readings:
    """Return records one after another, in the given order."""
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part) for part in parts]
    return Readings(
        start_us=np.concatenate([part.start_us for part in parts]),
        end_us=np.concatenate([part.end_us for part in parts]),
        wh=np.concatenate([part.wh for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        session=joined_ids([part.session for part in parts], sizes),
        record=joined_ids([part.record for part in parts], sizes),
    )


def _id_list(column: Objects | None, length: int) -> list[str | None]:
    return [None] * length if column is None else column.tolist()
