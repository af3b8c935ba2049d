"""Charging sessions from frames, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import to_text
from flipkit.errors import InputError
from flipkit.frames import TextRuns, take
from flipkit.scenarios.ev.sessions import Records, Sessions
from flipkit.vocabulary import Int64

__all__ = ["read_sessions", "read_sessions_by_site"]

_ID = "session_reference_id"
_SESSIONS, _METERED = "ev: sessions", "ev: metered"


def read_sessions(frame: Any, metered: Any = None) -> Sessions:
    """Sessions of one site.

    Parameters
    ----------
    frame : DataFrame or sequence of mapping
        ``arrive_utc, leave_utc, energy_kwh, max_power_kw`` and, where there are names, ``session_reference_id``.
        ``energy_kwh`` may be absent or null where a session has metered records.
    metered : DataFrame or sequence of mapping, optional
        ``session_reference_id, start_utc, end_utc, energy_kwh``: when energy flowed.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        A value that is missing, negative or infinite; a record that does not end after it begins, or whose session is
        not there; a session without a name, or with that of another, beside metered records. Names the row.
    """
    return _sessions(_taken(frame), metered)


def read_sessions_by_site(frame: Any, metered: Any = None) -> dict[str, Sessions]:
    """Sessions of each site, in the order of their ids.

    Parameters
    ----------
    frame, metered
        As `read_sessions`; `frame` with ``site_id``. Records find their site by their session.

    Raises
    ------
    MissingColumnError, NaiveTimestampError, InputError
        As `read_sessions`, or a row without a site.
    """
    columns = _taken(frame, "site_id")
    _refuse(_absent(columns["site_id"]), _SESSIONS, "no site_id")
    sites, codes = np.unique(columns["site_id"].astype(str), return_inverse=True)
    whole = _sessions(columns, metered, codes)
    cuts = np.searchsorted(codes[whole.rows], np.arange(len(sites) + 1)).tolist()
    return {site: whole.part(*cuts[at : at + 2]) for at, site in enumerate(sites.tolist())}


def _taken(frame: Any, *more: str) -> dict[str, Any]:
    return take(
        frame,
        times=["arrive_utc", "leave_utc"],
        numbers=["energy_kwh", "max_power_kw"],
        texts=[_ID, *more],
        optional=[_ID, "energy_kwh"],
        what=_SESSIONS,
    )


def _sessions(columns: dict[str, Any], metered: Any, sites: Int64 | None = None) -> Sessions:
    for name in ("arrive_utc", "leave_utc"):
        _refuse(np.isnat(columns[name]), _SESSIONS, f"no {name}")
    arrive, leave = (columns[name].astype(np.int64) for name in ("arrive_utc", "leave_utc"))
    order = np.lexsort((arrive,) if sites is None else (arrive, sites))
    records = (
        Records.none() if metered is None else _records(metered, _by_name(columns[_ID], order))
    )
    asked, power = (columns[name] for name in ("energy_kwh", "max_power_kw"))
    known = np.zeros(len(arrive), dtype=bool)
    known[order[records.session]] = True
    _refuse(
        ~_sound(asked) & ~(np.isnan(asked) & known),
        _SESSIONS,
        "energy_kwh must be a number of 0 or more",
    )
    _refuse(~_sound(power), _SESSIONS, "max_power_kw must be a number of 0 or more")
    names = columns[_ID]
    named = () if _absent(names).any() else tuple(names[order].tolist())
    return Sessions(arrive[order], leave[order], asked[order], power[order], named, order, records)


def _by_name(names: np.ndarray, order: Int64) -> dict[str, int]:
    """Position of each session by its name."""
    _refuse(_absent(names), _SESSIONS, f"no {_ID}, by which its metered records would be found")
    found = {name: at for at, name in enumerate(names[order].tolist())}
    if len(found) < len(names):
        row = next(row for row, name in enumerate(names.tolist()) if order[found[name]] != row)
        raise InputError(
            f"{_SESSIONS}, row {row}: {_ID} {names[row]!r} comes twice; metered records need it once"
        )
    return found


def _records(metered: Any, positions: dict[str, int]) -> Records:
    columns = take(
        metered, times=["start_utc", "end_utc"], numbers=["energy_kwh"], runs=[_ID], what=_METERED
    )  # fmt: skip
    runs: TextRuns = columns[_ID]
    lengths = np.diff(np.append(runs.starts, len(columns["energy_kwh"])))
    places = [
        *(positions.get(name, -1) for name in runs.labels),
        -1,
    ]  # a null has the code -1, the last
    session = np.repeat(np.array(places, dtype=np.int64)[runs.codes], lengths)
    nameless = np.repeat(runs.codes < 0, lengths)
    _refuse(
        nameless,
        _METERED,
        f"no {_ID}: Flatpeak tells it by session alone, see Flatpeak.cost_by_session",
    )
    _refuse(
        session < 0,
        _METERED,
        f"its {_ID} is not that of any session; leave the record out, or add the session",
    )
    for name in ("start_utc", "end_utc"):
        _refuse(np.isnat(columns[name]), _METERED, f"no {name}")
    start, end = (columns[name].astype(np.int64) for name in ("start_utc", "end_utc"))
    if (wrong := end <= start).any():
        at = int(np.argmax(wrong))
        times = f"end_utc {to_text(end[at])} is not after start_utc {to_text(start[at])}"
        raise InputError(f"{_METERED}, row {at}: {times}")
    _refuse(~_sound(columns["energy_kwh"]), _METERED, "energy_kwh must be a number of 0 or more")
    order = np.lexsort((end, start, session))
    return Records(session[order], start[order], end[order], columns["energy_kwh"][order])


def _absent(texts: np.ndarray) -> np.ndarray:
    return np.array([text is None for text in texts], dtype=bool)


def _sound(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(values) & (values >= 0))


def _refuse(wrong: np.ndarray, what: str, why: str) -> None:
    if wrong.any():
        raise InputError(
            f"{what}, row {int(np.argmax(wrong))}: {why} ({int(wrong.sum())} such rows)"
        )
