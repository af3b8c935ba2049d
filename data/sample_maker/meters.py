"""The real meter readings in ``data/real``, as whole local weeks, with their defects counted."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["METERS", "Findings", "Meter", "read_meter", "swap_back"]

REAL = Path(__file__).resolve().parent.parent / "real"
Reading = tuple[datetime, float]


@dataclass(frozen=True)
class Source:
    """The format of one file of readings.

    Attributes
    ----------
    file : str
        Name in ``data/real``.
    timezone : str
        Time zone of the home.
    minutes : int
        Length of an interval.
    step_wh : int
        Resolution of the readings.
    swapped_dates : bool
        Whether days up to the 12th were written with day and month exchanged (see
        :func:`swap_back`).
    """

    file: str
    timezone: str
    minutes: int
    step_wh: int = 1
    swapped_dates: bool = False


METERS = {
    "uk_hourly": Source("uk_meter_hourly_2020_2022.csv.gz", "Europe/London", 60),
    "uk_half_hourly": Source(
        "uk_meter_halfhourly_2012_2014.csv.gz", "Europe/London", 30, swapped_dates=True
    ),
    "us_hourly": Source(
        "us_illinois_meter_hourly_2015_2018.csv.gz", "America/Chicago", 60, step_wh=10
    ),
}


@dataclass(frozen=True)
class Findings:
    """Counts of what one file of readings contains; nothing is dropped silently.

    Attributes
    ----------
    rows, kwh : int, float
        Rows of the file and their sum.
    repeated, repeated_kwh : int, float
        Rows left out because time and value are those of another row.
    swapped : int
        Rows whose day and month were exchanged back.
    gaps_as_written, gaps : int
        Places where intervals are missing, before and after exchanging dates back.
    missing : int
        Intervals missing in those gaps.
    weeks, weeks_left_out : int
        Whole local weeks that can serve as a pattern, and those that cannot (a gap or a clock
        change in them).
    """

    rows: int
    kwh: float
    repeated: int
    repeated_kwh: float
    swapped: int
    gaps_as_written: int
    gaps: int
    missing: int
    weeks: int
    weeks_left_out: int


@dataclass(frozen=True, eq=False)
class Meter:
    """Whole weeks of one real home.

    Attributes
    ----------
    kwh : ndarray of float64, shape (weeks, intervals of a week)
        Energy by the local wall clock, Monday to Sunday.
    thursday : ndarray of int64, shape (weeks,)
        Day of the year of each week's Thursday.
    per_day : int
        Intervals of a day: 24 or 48.
    step_wh : int
        Resolution of the readings.
    findings : Findings
        What the file contains.
    """

    kwh: NDArray[np.float64]
    thursday: NDArray[np.int64]
    per_day: int
    step_wh: int
    findings: Findings


def swap_back(moment: datetime) -> datetime:
    """Exchange day and month where both could be a month.

    The half-hourly file was written by a program that read ``05/03/2012`` as 3 May: every date with
    a day up to 12 has day and month exchanged. Exchanged back, its 27 gaps (ten of about a month)
    shrink to 3 single half-hours.
    """
    return moment.replace(month=moment.day, day=moment.month) if moment.day <= 12 else moment


def read_meter(name: str) -> Meter:
    """Read one of :data:`METERS`.

    Naive times of the half-hourly file are UTC: no time is missing or repeated where clocks change,
    and the home's night heating starts at the same written time before and after.

    Raises
    ------
    ValueError
        Where a time appears twice with different values.
    """
    source = METERS[name]
    written = _rows(REAL / source.file)
    step = timedelta(minutes=source.minutes)
    readings = [(swap_back(t), v) for t, v in written] if source.swapped_dates else written
    single = _without_repeats(readings, source.file)
    gaps = _gaps([t for t, _ in single], step)
    weeks, thursdays, left_out = _whole_weeks(single, source)
    repeated_kwh = sum(v for _, v in readings) - sum(v for _, v in single)
    findings = Findings(
        rows=len(written),
        kwh=round(sum(v for _, v in written), 3),
        repeated=len(readings) - len(single),
        repeated_kwh=round(repeated_kwh, 3),
        swapped=sum(a[0] != b[0] for a, b in zip(written, readings, strict=True)),
        gaps_as_written=len(_gaps(sorted({t for t, _ in written}), step)),
        gaps=len(gaps),
        missing=sum(gaps),
        weeks=len(weeks),
        weeks_left_out=left_out,
    )
    return Meter(
        np.array(weeks),
        np.array(thursdays, dtype=np.int64),
        1440 // source.minutes,
        source.step_wh,
        findings,
    )


def _rows(path: Path) -> list[Reading]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [
            (datetime.fromisoformat(row["start"]), float(row["value"]))
            for row in csv.DictReader(file)
        ]
    return [(t.astimezone(UTC) if t.tzinfo else t.replace(tzinfo=UTC), value) for t, value in rows]


def _without_repeats(readings: Iterable[Reading], file: str) -> list[Reading]:
    seen: dict[datetime, float] = {}
    for moment, value in readings:
        if seen.setdefault(moment, value) != value:
            raise ValueError(
                f"{file}: {moment.isoformat()} appears twice with different values; "
                "decide which one is right"
            )
    return sorted(seen.items())


def _gaps(moments: list[datetime], step: timedelta) -> list[int]:
    """Missing intervals of each gap."""
    between = (later - earlier for earlier, later in pairwise(moments))
    return [round(length / step) - 1 for length in between if length != step]


def _whole_weeks(
    readings: list[Reading], source: Source
) -> tuple[list[list[float]], list[int], int]:
    """Weeks in which every interval of the local wall clock was read exactly once."""
    zone = ZoneInfo(source.timezone)
    weeks: dict[date, list[float]] = {}
    clocks: dict[date, set[tuple[int, int, int]]] = {}
    for moment, value in readings:
        local = moment.astimezone(zone)
        monday = local.date() - timedelta(days=local.weekday())
        weeks.setdefault(monday, []).append(value)
        clocks.setdefault(monday, set()).add((local.weekday(), local.hour, local.minute))
    size = 7 * 1440 // source.minutes
    whole = [
        monday for monday in sorted(weeks) if len(weeks[monday]) == len(clocks[monday]) == size
    ]
    thursdays = [(monday + timedelta(days=3)).timetuple().tm_yday for monday in whole]
    return [weeks[monday] for monday in whole], thursdays, len(weeks) - len(whole)
