"""Charging sessions as columns: arrival, departure, energy, metered records; and their reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import to_text
from flipkit.checks import refuse_rows
from flipkit.errors import InputError
from flipkit.frames import TextRuns, take
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["SessionRecords", "Sessions", "read_sessions", "read_sessions_by_site"]

_ID = "session_reference_id"
_SESSIONS = "ev: sessions"
_METERED = "ev: metered"


class SessionRecords(NamedTuple):
    """Energy that flows evenly from a start to an end: arrays of one length.

    Attributes
    ----------
    session : ndarray of int64
        Position of the session that the record belongs to.
    start_us, end_us : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    energy_kwh : ndarray of float64
    """

    session: Int64
    start_us: Int64
    end_us: Int64
    energy_kwh: Float64

    @classmethod
    def empty(cls) -> SessionRecords:
        """Return no records."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(session=nothing, start_us=nothing, end_us=nothing, energy_kwh=np.empty(0))

    def where(self, chosen: Any) -> SessionRecords:
        """Return some of the records, chosen by a slice or a mask."""
        return SessionRecords._make(column[chosen] for column in self)


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Charging sessions of one site by arrival; equal if all values are, whatever the row order.

    Attributes
    ----------
    arrive_us, leave_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC, arrivals ascending.
    asked_kwh : ndarray of float64, shape (n,)
        Energy at the meter; NaN if only the records tell.
    max_power_kw : ndarray of float64, shape (n,)
        At the meter.
    names : tuple of str
        Session ids; empty if the sessions have none.
    rows : ndarray of int64, shape (n,)
        Rows in the frame; empty if there was no frame.
    metered : SessionRecords
        When energy flowed, by session; empty if unknown.
    """

    arrive_us: Int64
    leave_us: Int64
    asked_kwh: Float64
    max_power_kw: Float64
    names: tuple[str, ...]
    rows: Int64
    metered: SessionRecords

    def __len__(self) -> int:
        return len(self.arrive_us)

    def __repr__(self) -> str:
        return f"<{len(self):,} charging sessions, {self.energy_kwh.sum():,.1f} kWh>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sessions):
            return NotImplemented
        return self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[Any, ...]:
        columns = (self.arrive_us, self.leave_us, self.asked_kwh, self.max_power_kw, *self.metered)
        contents = tuple((column + 0).tobytes() for column in columns)  # -0.0 becomes 0.0
        return contents, self.names

    @property
    def is_metered(self) -> np.ndarray:
        """Whether each session has records."""
        return np.bincount(self.metered.session, minlength=len(self)) > 0

    @property
    def metered_kwh(self) -> Float64:
        """Sum of the records of each session."""
        sums = np.bincount(self.metered.session, self.metered.energy_kwh, minlength=len(self))
        return sums.astype(np.float64)

    @property
    def energy_kwh(self) -> Float64:
        """Metered energy of each session, so that moving it keeps the energy; else as asked."""
        return np.where(self.is_metered, self.metered_kwh, self.asked_kwh)

    @property
    def stay_us(self) -> Int64:
        """Length of each stay; 0 if the session does not leave after it arrives."""
        stay: Int64 = np.maximum(self.leave_us - self.arrive_us, 0)
        return stay

    @property
    def max_kwh(self) -> Float64:
        """Energy of each session at its maximum power for the whole stay."""
        return self.max_power_kw * (self.stay_us / HOUR_US)

    @property
    def span_us(self) -> tuple[Int64, Int64]:
        """First and last moment of each session, including its records."""
        first = self.arrive_us.copy()
        last = np.maximum(self.arrive_us, self.leave_us)
        np.minimum.at(first, self.metered.session, self.metered.start_us)
        np.maximum.at(last, self.metered.session, self.metered.end_us)
        return first, last

    def label(self, position: int) -> str:
        """Return the name and arrival of a session, for messages."""
        arrival = to_text(self.arrive_us[position])
        if not self.names:
            return f"session {arrival}"
        return f"session {self.names[position]} ({arrival})"

    def within(self, start_us: int, end_us: int, timezone: str) -> Sessions:
        """Return the sessions, whatever the window; the counterpart of `Week.within`."""
        return self

    def part(self, begin: int, stop: int) -> Sessions:
        """Return the sessions at the positions [begin, stop)."""
        kept = slice(begin, stop)
        first_record, after_record = np.searchsorted(self.metered.session, [begin, stop]).tolist()
        records = self.metered.where(slice(first_record, after_record))
        return Sessions(
            arrive_us=self.arrive_us[kept],
            leave_us=self.leave_us[kept],
            asked_kwh=self.asked_kwh[kept],
            max_power_kw=self.max_power_kw[kept],
            names=self.names[kept],
            rows=self.rows[kept],
            metered=records._replace(session=records.session - begin),
        )

    def at_once(self, energy_kwh: Float64) -> SessionRecords:
        """Return one record per session: maximum power from arrival until served or leaving."""
        served = np.minimum(energy_kwh, self.max_kwh)
        has_power = self.max_power_kw > 0
        hours = np.divide(served, self.max_power_kw, out=np.zeros(len(self)), where=has_power)
        # Whole microseconds, rounded up so that the power stays below the maximum.
        duration_us = np.minimum(np.ceil(hours * HOUR_US), self.stay_us).astype(np.int64)
        return SessionRecords(
            session=np.arange(len(self)),
            start_us=self.arrive_us,
            end_us=self.arrive_us + duration_us,
            energy_kwh=served,
        )

    def as_metered(self) -> SessionRecords:
        """Return the metered records, and `at_once` for sessions without any."""
        assumed = self.at_once(self.energy_kwh).where(~self.is_metered)
        return SessionRecords._make(map(np.append, self.metered, assumed))


def read_sessions(frame: Any, metered: Any = None) -> Sessions:
    """Read the sessions of one site.

    Parameters
    ----------
    frame : DataFrame or sequence of mapping
        ``arrive_utc, leave_utc, energy_kwh, max_power_kw`` and optionally ``session_reference_id``.
        ``energy_kwh`` may be absent or null where a session has metered records.
    metered : DataFrame or sequence of mapping, optional
        ``session_reference_id, start_utc, end_utc, energy_kwh``: when energy flowed.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        A value that is missing, negative or infinite; a record that does not end after it starts or
        has no session; with metered records, a session without an id or with a repeated one. Names
        the row.
    """
    return _sessions(_columns(frame), metered)


def read_sessions_by_site(frame: Any, metered: Any = None) -> dict[str, Sessions]:
    """Read the sessions of many sites, sorted by site id.

    Parameters and errors are those of `read_sessions`; `frame` also has ``site_id``. Records belong
    to the site of their session.
    """
    columns = _columns(frame, "site_id")
    _refuse(_is_none(columns["site_id"]), _SESSIONS, "no site_id")
    site_ids, codes = np.unique(columns["site_id"].astype(str), return_inverse=True)
    fleet = _sessions(columns, metered, codes)
    edges = np.searchsorted(codes[fleet.rows], np.arange(len(site_ids) + 1)).tolist()
    by_site = {}
    for number, site_id in enumerate(site_ids.tolist()):
        by_site[site_id] = fleet.part(edges[number], edges[number + 1])
    return by_site


def _columns(frame: Any, *more_text: str) -> dict[str, Any]:
    return take(
        frame,
        times=["arrive_utc", "leave_utc"],
        numbers=["energy_kwh", "max_power_kw"],
        texts=[_ID, *more_text],
        optional=[_ID, "energy_kwh"],
        what=_SESSIONS,
    )


def _sessions(columns: dict[str, Any], metered: Any, sites: Int64 | None = None) -> Sessions:
    """Sessions by arrival; with `sites`, one code per row, by site first."""
    arrive_us = _times_us(columns, "arrive_utc", _SESSIONS)
    leave_us = _times_us(columns, "leave_utc", _SESSIONS)
    order = np.lexsort((arrive_us,) if sites is None else (arrive_us, sites))
    ids = columns[_ID]
    records = SessionRecords.empty()
    if metered is not None:
        records = _read_records(metered, _positions(ids, order))

    asked_kwh, max_power_kw = columns["energy_kwh"], columns["max_power_kw"]
    has_records = np.zeros(len(arrive_us), dtype=bool)
    has_records[order[records.session]] = True
    _check_amounts(asked_kwh, max_power_kw, has_records)
    return Sessions(
        arrive_us=arrive_us[order],
        leave_us=leave_us[order],
        asked_kwh=asked_kwh[order],
        max_power_kw=max_power_kw[order],
        names=() if _is_none(ids).any() else tuple(ids[order].tolist()),
        rows=order,
        metered=records,
    )


def _check_amounts(asked_kwh: Float64, max_power_kw: Float64, has_records: np.ndarray) -> None:
    is_optional = np.isnan(asked_kwh) & has_records  # the records tell the energy
    is_wrong = ~_is_amount(asked_kwh) & ~is_optional
    _refuse(is_wrong, _SESSIONS, "energy_kwh must be a number of 0 or more")
    _refuse(~_is_amount(max_power_kw), _SESSIONS, "max_power_kw must be a number of 0 or more")


def _positions(ids: np.ndarray, order: Int64) -> dict[str, int]:
    """Position of each session by its id."""
    why = f"no {_ID}; metered records find their session by it"
    _refuse(_is_none(ids), _SESSIONS, why)
    positions: dict[str, int] = {}
    for position, name in enumerate(ids[order].tolist()):
        positions[name] = position
    for row, name in enumerate(ids.tolist()):
        if order[positions[name]] != row:
            raise InputError(
                f"{_SESSIONS}, row {row}: {_ID} {name!r} is not unique; metered records find their"
                " session by it"
            )
    return positions


def _read_records(metered: Any, positions: dict[str, int]) -> SessionRecords:
    columns = take(
        metered, times=["start_utc", "end_utc"], numbers=["energy_kwh"], runs=[_ID], what=_METERED
    )
    energy_kwh = columns["energy_kwh"]
    session = _sessions_of_records(columns[_ID], len(energy_kwh), positions)
    start_us = _times_us(columns, "start_utc", _METERED)
    end_us = _times_us(columns, "end_utc", _METERED)
    is_backwards = end_us <= start_us
    if is_backwards.any():
        row = int(np.argmax(is_backwards))
        end, start = to_text(end_us[row]), to_text(start_us[row])
        raise InputError(f"{_METERED}, row {row}: end_utc {end} is not after start_utc {start}")
    _refuse(~_is_amount(energy_kwh), _METERED, "energy_kwh must be a number of 0 or more")
    records = SessionRecords(session, start_us, end_us, energy_kwh)
    return records.where(np.lexsort((end_us, start_us, session)))


def _sessions_of_records(ids: TextRuns, records: int, positions: dict[str, int]) -> Int64:
    """The position of each record's session; equal ids come in runs."""
    run_lengths = np.diff(np.append(ids.starts, records))
    is_null = np.repeat(ids.codes < 0, run_lengths)
    _refuse(is_null, _METERED, f"no {_ID}; Flatpeak returns it by session, see cost_by_session")
    position_of_code = np.array([positions.get(name, -1) for name in ids.labels], dtype=np.int64)
    session: Int64 = np.repeat(position_of_code[ids.codes], run_lengths)
    why = f"its {_ID} belongs to no session; leave the record out, or add the session"
    _refuse(session < 0, _METERED, why)
    return session


def _times_us(columns: dict[str, Any], name: str, what: str) -> Int64:
    _refuse(np.isnat(columns[name]), what, f"no {name}")
    times_us: Int64 = columns[name].astype(np.int64)
    return times_us


def _is_none(values: np.ndarray) -> np.ndarray:
    return np.array([value is None for value in values], dtype=bool)


def _is_amount(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(values) & (values >= 0))


def _refuse(is_wrong: np.ndarray, what: str, why: str) -> None:
    refuse_rows(is_wrong, why, lambda row: f"{what}, row {row}")
