"""What to look at in records before they are sent: repeats, overlaps, powers that no home has, registers that fall."""

from __future__ import annotations

import numpy as np

from flipkit.flatpeak.records import SERIES, Checked, series_codes
from flipkit.frames import Finding

__all__ = ["contested_rows", "falling_registers", "implausible_powers", "repeats_and_overlaps"]

_MOST_W = 1_000_000.0  # a home draws some kW, a rapid charger some hundred; a unit slip is a factor of 1,000
_TO_W = {"W": 1.0, "KW": 1000.0, "WH": 1.0, "KWH": 1000.0}
_US_PER_HOUR = 3_600_000_000


def contested_rows(checked: Checked) -> tuple[np.ndarray, np.ndarray]:
    """Rows that repeat, and rows that overlap, another one of their series.

    Returns
    -------
    repeats : ndarray of int64
        Rows whose start and end are those of another row.
    overlaps : ndarray of int64
        Rows that share time with another row whose start or end differ.
    """
    rows = checked.good
    if len(rows) == 0:
        return rows, rows
    series = series_codes(checked.columns, rows, SERIES)
    start, end = (checked.columns[name][rows].view(np.int64) for name in ("start_utc", "end_utc"))
    order = np.lexsort((end, start, series))
    series, start, end, rows = series[order], start[order], end[order], rows[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (series[1:] != series[:-1]) | (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    group = np.cumsum(new) - 1
    repeated = np.bincount(group)[group] > 1
    overlapping = _overlapping(series[new], start[new], end[new])[group]
    return np.sort(rows[repeated]), np.sort(rows[overlapping])


def _overlapping(series: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Which of distinct intervals, ordered by series, start and end, share time with another of their series."""
    rank = np.unique(end, return_inverse=True)[1]
    width = int(rank.max()) + 1
    latest = np.maximum.accumulate(
        series * width + rank
    )  # the latest end so far; a new series begins above all others
    ends = np.unique(end)
    out = np.zeros(len(start), dtype=bool)
    same_as_before = series[1:] == series[:-1]
    out[1:] |= same_as_before & (start[1:] < ends[latest[:-1] % width])
    out[:-1] |= same_as_before & (start[1:] < end[:-1])
    return out


def repeats_and_overlaps(repeats: np.ndarray, overlaps: np.ndarray) -> list[Finding]:
    """The findings about `contested_rows`."""
    return [
        *_finding(
            "records.repeated",
            "location, device, directions, start and end are those of another record; all are sent, in their order, "
            "and the last one wins (but a forecast does not replace an actual)",
            repeats,
        ),
        *_finding(
            "records.overlap",
            "shares time with another record of its series, without the same start and end; all are sent, and their "
            "energy counts twice",
            overlaps,
        ),
    ]


def _finding(name: str, words: str, rows: np.ndarray) -> list[Finding]:
    return [Finding(name, words, tuple(rows.tolist()))] if len(rows) else []


def implausible_powers(checked: Checked) -> list[Finding]:
    """Records whose mean power is beyond 1 MW."""
    rows = checked.good
    columns = checked.columns
    hours = (columns["end_utc"][rows] - columns["start_utc"][rows]).astype(np.int64) / _US_PER_HOUR
    units = columns["units"][rows]
    factor = np.array([_TO_W[unit] for unit in units], dtype=np.float64)
    is_energy = np.array([unit in {"WH", "KWH"} for unit in units], dtype=bool)
    with np.errstate(over="ignore"):  # beyond all numbers is beyond 1 MW
        watts = columns["value"][rows] * factor / np.where(is_energy, hours, 1.0)
    return _finding(
        "records.power", "mean power above 1 MW; is it the right unit?", rows[watts > _MOST_W]
    )


def falling_registers(checked: Checked) -> list[Finding]:
    """Readings below the one before them, and readings of one moment, in a series."""
    rows = checked.good
    columns = checked.columns
    series = series_codes(columns, rows, SERIES)
    times = columns["time_utc"][rows].view(np.int64)
    order = np.lexsort((rows, times, series))
    rows, series, times = rows[order], series[order], times[order]
    with np.errstate(over="ignore"):
        wh = columns["value"][rows] * np.array(
            [_TO_W[unit] for unit in columns["units"][rows]], dtype=np.float64
        )
    follows = series[1:] == series[:-1]
    fell = np.sort(rows[1:][follows & (wh[1:] < wh[:-1])])
    again = np.sort(rows[1:][follows & (times[1:] == times[:-1])])
    return [
        *_finding(
            "records.register_fell",
            "below the reading before it: a reset, a new meter, or a mistake",
            fell,
        ),
        *_finding(
            "records.repeated",
            "of the same series and moment as another reading; the last one wins",
            again,
        ),
    ]
