"""Meter records of the input: read, checked row by row, defaults filled in, findings.

A row that cannot be sent gets an error with its reason; the others are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import Finding, take
from flipkit.http import joined
from flipkit.plausibility import (
    LEAST_INTERVALS,
    MeterSeries,
    consumption_findings,
    generation_findings,
)
from flipkit.vocabulary import (
    DIRECTIONS,
    FLOWS,
    HOUR_US,
    USUAL_DIRECTION,
    WH_PER_UNIT,
    Float64,
    Int64,
)

__all__ = [
    "SERIES",
    "CheckedRecords",
    "contested_rows",
    "falling_registers",
    "implausible_intervals",
    "implausible_registers",
    "read_intervals",
    "read_readings",
    "repeats_and_overlaps",
    "series_codes",
]

SERIES = ("location_id", "device_id", "energy_flow_direction", "tariff_direction")
"""Columns that identify a series of records."""

_UNITS = tuple(WH_PER_UNIT)
_REGISTER_UNITS = ("WH", "KWH")
_IDS = ("location_id", "device_id", "session_reference_id")
_TEXTS = (*_IDS, "record_reference_id", "energy_flow_direction", "tariff_direction", "units")
_OPTIONAL = (
    "device_id",
    "session_reference_id",
    "record_reference_id",
    "energy_flow_direction",
    "tariff_direction",
    "confidence",
)
# A home draws some kW, a rapid charger a few hundred; a wrong unit is off by a factor of 1,000.
# Longer series are compared with the curve of a home, so that a factory is not taken for a slip.
_PLAUSIBLE_KW = 1_000.0


@dataclass(frozen=True)
class CheckedRecords:
    """Records as columns, and the error of each row that cannot be sent.

    Attributes
    ----------
    columns : dict of str to ndarray
    errors : dict of int to str
        By row number; all other rows can be sent.
    """

    columns: dict[str, np.ndarray]
    errors: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.columns["location_id"])

    @property
    def good(self) -> Int64:
        """The rows that can be sent, in the order of the input."""
        is_good = np.ones(len(self), dtype=bool)
        is_good[list(self.errors)] = False
        return np.flatnonzero(is_good)

    def reject(self, is_bad: np.ndarray, reason: Callable[[int], str] | str) -> None:
        """Set the error of each row of the mask that has none yet."""
        for row in np.flatnonzero(is_bad).tolist():
            if row not in self.errors:
                self.errors[row] = reason if isinstance(reason, str) else reason(row)


def read_intervals(records: Any) -> CheckedRecords:
    """Read records of energy or power over an interval; see `Flatpeak.submit_interval`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        The frame as a whole cannot be read.
    """
    checked = _read(records, times=("start_utc", "end_utc"), numbers=("value", "confidence"))
    _check_common(checked, _UNITS)
    columns = checked.columns
    checked.reject(
        columns["value"] < 0, "value is negative; give the direction as energy_flow_direction"
    )
    start = columns["start_utc"]
    end = columns["end_utc"]
    checked.reject(np.isnat(start), "start_utc is missing")
    checked.reject(np.isnat(end), "end_utc is missing")
    checked.reject(
        end <= start, lambda row: f"end_utc {end[row]}Z is not after start_utc {start[row]}Z"
    )
    confidence = columns["confidence"]
    checked.reject(
        (confidence < 0) | (confidence > 1),
        lambda row: f"confidence {confidence[row]:g} is not between 0 and 1",
    )
    return checked


def read_readings(records: Any) -> CheckedRecords:
    """Read readings of registers that only count up; see `Flatpeak.submit_cumulative`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        The frame as a whole cannot be read.
    """
    checked = _read(records, times=("time_utc",), numbers=("value",))
    _check_common(checked, _REGISTER_UNITS)
    columns = checked.columns
    checked.reject(columns["value"] < 0, "value is negative; a register counts up from 0")
    times = columns["time_utc"]
    checked.reject(np.isnat(times), "time_utc is missing")
    whole_seconds = times.astype("datetime64[s]").astype("datetime64[us]")
    checked.reject(
        whole_seconds != times,
        lambda row: f"time_utc {times[row]}Z has fractions; the API takes whole seconds only",
    )
    return checked


def _read(records: Any, *, times: Sequence[str], numbers: Sequence[str]) -> CheckedRecords:
    is_empty = isinstance(records, list | tuple) and not records
    optional = (*times, *numbers, *_TEXTS) if is_empty else _OPTIONAL
    errors: dict[int, str] = {}
    columns = take(
        records,
        times=times,
        numbers=numbers,
        texts=_TEXTS,
        optional=optional,
        what="meter records",
        faults=errors,
    )
    return CheckedRecords(columns, errors)


def _check_common(checked: CheckedRecords, units: Sequence[str]) -> None:
    columns = checked.columns
    checked.reject(_is_null(columns["location_id"]), "location_id is missing")
    for name in _IDS:
        _check_ids(checked, name)
    _check_words(checked, "units", units)
    _check_words(checked, "energy_flow_direction", FLOWS, default="INBOUND")
    _fill_directions(columns)
    _check_words(checked, "tariff_direction", DIRECTIONS)
    value = columns["value"]
    checked.reject(np.isnan(value), "value is missing")
    checked.reject(np.isinf(value), "value is not finite")


def _fill_directions(columns: dict[str, np.ndarray]) -> None:
    """Fill null tariff directions with the usual one of the flow."""
    flows = columns["energy_flow_direction"]
    usual = np.array([USUAL_DIRECTION.get(flow, flow) for flow in flows], dtype=object)
    directions = columns["tariff_direction"]
    columns["tariff_direction"] = np.where(_is_null(directions), usual, directions)


def _check_words(
    checked: CheckedRecords, name: str, allowed: Sequence[str], default: str | None = None
) -> None:
    """Replace a column of words, in any case, by those of the API."""
    # Few distinct words fill many rows: check each word once.
    codes, given = _codes_of(checked.columns[name])
    words = [default if word is None else word.strip().upper() for word in given]
    checked.columns[name] = np.array(words, dtype=object)[codes]
    is_unknown = np.array([word not in allowed for word in words], dtype=bool)
    shown = ["missing" if word is None else repr(word) for word in given]
    choice = ", ".join(allowed)
    checked.reject(
        is_unknown[codes], lambda row: f"{name} is {shown[codes[row]]}; use one of {choice}"
    )


def _check_ids(checked: CheckedRecords, name: str) -> None:
    codes, ids = _codes_of(checked.columns[name])
    reasons = [None if one is None else _reason_against(one) for one in ids]
    is_bad = np.array([reason is not None for reason in reasons], dtype=bool)
    checked.reject(is_bad[codes], lambda row: f"{name}: {reasons[codes[row]]}")


def _reason_against(one: str) -> str | None:
    try:
        joined([one])
    except InputError as error:
        return str(error)
    return None


def _is_null(values: np.ndarray) -> np.ndarray:
    return np.array([value is None for value in values], dtype=bool)


def _codes_of(values: np.ndarray) -> tuple[Int64, list[Any]]:
    """Return the number of each value, and the distinct values in the order of appearance."""
    listed = values.tolist()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(listed))}
    codes = np.fromiter(map(numbers.__getitem__, listed), dtype=np.int64, count=len(listed))
    return codes, list(numbers)


def series_codes(columns: dict[str, np.ndarray], rows: Int64, names: Sequence[str]) -> Int64:
    """Return a number for each row; equal where the rows agree in all named columns."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        more_codes, values = _codes_of(columns[name][rows])
        combined = codes * max(1, len(values)) + more_codes
        codes = np.unique(combined, return_inverse=True)[1]
    return codes


def contested_rows(checked: CheckedRecords) -> tuple[Int64, Int64]:
    """Return the rows that repeat, and the rows that overlap, another one of their series.

    Returns
    -------
    repeats : ndarray of int64
        Rows with the start and end of another row.
    overlaps : ndarray of int64
        Rows that share time with another row whose start or end differs.
    """
    rows = checked.good
    if len(rows) == 0:
        return rows, rows
    series = series_codes(checked.columns, rows, SERIES)
    start = checked.columns["start_utc"][rows].view(np.int64)
    end = checked.columns["end_utc"][rows].view(np.int64)
    order = np.lexsort((end, start, series))
    rows, series, start, end = rows[order], series[order], start[order], end[order]

    # Equal intervals are one group; overlaps are looked for between groups.
    same_series = series[1:] == series[:-1]
    same_times = (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    is_first = np.append(True, ~(same_series & same_times))
    group = np.cumsum(is_first) - 1
    is_repeated = np.bincount(group)[group] > 1
    is_overlapping = _overlapping(series[is_first], start[is_first], end[is_first])[group]
    return np.sort(rows[is_repeated]), np.sort(rows[is_overlapping])


def _overlapping(series: Int64, start: Int64, end: Int64) -> np.ndarray:
    """Return which intervals share time with another one of their series.

    The intervals are distinct and ordered by series, start and end.
    """
    # The latest end so far within the series, as a running maximum over (series, rank of end):
    # a new series begins above all ranks of the ones before.
    ends, rank = np.unique(end, return_inverse=True)
    latest = np.maximum.accumulate(series * len(ends) + rank)
    latest_end = ends[latest[:-1] % len(ends)]
    same_series = series[1:] == series[:-1]
    overlapping = np.zeros(len(start), dtype=bool)
    overlapping[1:] |= same_series & (start[1:] < latest_end)
    overlapping[:-1] |= same_series & (start[1:] < end[:-1])
    return overlapping


def repeats_and_overlaps(repeats: Int64, overlaps: Int64) -> list[Finding]:
    """Return the findings about `contested_rows`."""
    return [
        *_finding(
            "records.repeated",
            "same location, device, directions, start and end as another record; all are sent in "
            "order, and the last one wins (but a forecast does not replace an actual)",
            repeats,
        ),
        *_finding(
            "records.overlap",
            "shares time with another record of its series that has another start or end; all are "
            "sent, and their energy counts twice",
            overlaps,
        ),
    ]


def _finding(code: str, message: str, rows: Int64) -> list[Finding]:
    return [Finding(code, message, tuple(rows.tolist()))] if len(rows) else []


def implausible_intervals(checked: CheckedRecords) -> list[Finding]:
    """Return findings about likely slips: of whole series, or of records where there are few."""
    rows = checked.good
    columns = checked.columns
    series = series_codes(columns, rows, SERIES)
    start = columns["start_utc"][rows].view(np.int64)
    order = np.lexsort((start, series))
    rows, series = rows[order], series[order]

    hours = (columns["end_utc"][rows] - columns["start_utc"][rows]).astype(np.int64) / HOUR_US
    is_energy = np.array([unit in _REGISTER_UNITS for unit in columns["units"][rows]], dtype=bool)
    wh = _in_wh(columns, rows)
    with np.errstate(over="ignore"):  # infinite is above 1 MW too
        power_kw = wh / np.where(is_energy, hours, 1.0) / 1000
    few = np.bincount(series)[series] < LEAST_INTERVALS
    return [
        *_finding(
            "records.power",
            "mean power above 1 MW; check the unit",
            np.sort(rows[few & (power_kw > _PLAUSIBLE_KW)]),
        ),
        *_slips(columns, rows[~few], series[~few], power_kw[~few], hours[~few]),
    ]


def implausible_registers(checked: CheckedRecords) -> list[Finding]:
    """Return findings about likely slips in what registers count between their readings."""
    columns = checked.columns
    rows, series, times = _readings_in_order(checked)
    register_wh = _in_wh(columns, rows)
    hours = np.diff(times) / HOUR_US
    with np.errstate(invalid="ignore"):  # the difference of two numbers that are too large
        counted_wh = np.diff(register_wh)
    is_interval = (series[1:] == series[:-1]) & (hours > 0) & (counted_wh >= 0)
    hours = hours[is_interval]
    power_kw = counted_wh[is_interval] / hours / 1000
    return _slips(columns, rows[1:][is_interval], series[1:][is_interval], power_kw, hours)


class _PlacedSeries(NamedTuple):
    """The records of one series, in the order of time."""

    flow: str
    direction: str
    energy: MeterSeries
    rows: Int64


def _slips(
    columns: dict[str, np.ndarray], rows: Int64, series: Int64, power_kw: Float64, hours: Float64
) -> list[Finding]:
    """Return findings about series, one per code; the rows are sorted by series and time."""
    messages: dict[str, list[str]] = {}
    found_rows: dict[str, list[Int64]] = {}
    for of_place in _series_by_place(columns, rows, series, power_kw, hours):
        imports = [each.energy for each in of_place if each.direction == "IMPORT"]
        for each in of_place:
            if each.flow == "INBOUND":
                found = consumption_findings(each.energy)
            else:
                found = generation_findings(each.energy, imports[0] if imports else None)
            for finding in found:
                messages.setdefault(finding.name, []).append(finding.words)
                found_rows.setdefault(finding.name, []).append(each.rows)
    findings = []
    for code, of_code in messages.items():
        others = f" (and {len(of_code) - 1} more series)" if len(of_code) > 1 else ""
        all_rows = np.sort(np.concatenate(found_rows[code]))
        findings += _finding(code, f"{of_code[0]}{others}", all_rows)
    return findings


def _series_by_place(
    columns: dict[str, np.ndarray], rows: Int64, series: Int64, power_kw: Float64, hours: Float64
) -> Iterable[list[_PlacedSeries]]:
    """Return the series of each location and device."""
    places: dict[tuple[str, str | None], list[_PlacedSeries]] = {}
    edges = np.flatnonzero(np.diff(series, prepend=-1, append=-1))
    for first, last in pairwise(edges.tolist()):
        part = slice(first, last)
        location, device, flow, direction = (columns[name][rows[first]] for name in SERIES)
        device_text = f", device {device}" if device else ""
        energy = MeterSeries(
            name=f"location {location}{device_text}, {flow} {direction},",
            kwh=power_kw[part] * hours[part],
            hours=hours[part],
        )
        if np.isfinite(energy.kwh).all():
            placed = _PlacedSeries(flow, direction, energy, rows[part])
            places.setdefault((location, device), []).append(placed)
    return places.values()


def falling_registers(checked: CheckedRecords) -> list[Finding]:
    """Return findings about readings below the one before them, or of the same moment."""
    columns = checked.columns
    rows, series, times = _readings_in_order(checked)
    register_wh = _in_wh(columns, rows)
    same_series = series[1:] == series[:-1]
    # Compared with the reading before it in time, not in the input.
    fell = same_series & (register_wh[1:] < register_wh[:-1])
    repeated = same_series & (times[1:] == times[:-1])
    return [
        *_finding(
            "records.register_fell",
            "below the reading before it: a reset, a new meter, or a mistake",
            np.sort(rows[1:][fell]),
        ),
        *_finding(
            "records.repeated",
            "same series and time as another reading; the last one wins",
            np.sort(rows[1:][repeated]),
        ),
    ]


def _readings_in_order(checked: CheckedRecords) -> tuple[Int64, Int64, Int64]:
    """Return rows of readings by series and time, with the series and the time of each."""
    rows = checked.good
    series = series_codes(checked.columns, rows, SERIES)
    times = checked.columns["time_utc"][rows].view(np.int64)
    order = np.lexsort((rows, times, series))
    return rows[order], series[order], times[order]


def _in_wh(columns: dict[str, np.ndarray], rows: Int64) -> Float64:
    """Return values in Wh, or W; infinite where a number is too large."""
    units = columns["units"][rows]
    wh_per_unit = np.array([WH_PER_UNIT[unit] for unit in units], dtype=np.float64)
    with np.errstate(over="ignore"):
        wh: Float64 = columns["value"][rows] * wh_per_unit
    return wh
