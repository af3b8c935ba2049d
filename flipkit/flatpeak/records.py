"""Meter records as handed in: read, checked row by row, with the API's defaults filled in.

A row that cannot be sent is named with its reason; the rest goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.http import joined

__all__ = ["SERIES", "Checked", "codes_of", "read_intervals", "read_readings", "series_codes"]

SERIES = ("location_id", "device_id", "energy_flow_direction", "tariff_direction")

_FLOWS = ("INBOUND", "OUTBOUND")
_DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")
_FOLLOWS = {"INBOUND": "IMPORT", "OUTBOUND": "EXPORT"}
_UNITS = ("W", "KW", "WH", "KWH")
_REGISTER_UNITS = ("WH", "KWH")

_IDS = ("location_id", "device_id", "session_reference_id")
_TEXTS = (*_IDS, "record_reference_id", "energy_flow_direction", "tariff_direction", "units")
_OPTIONAL = (
    "device_id",
    "session_reference_id",
    "record_reference_id",
    "energy_flow_direction",
    "tariff_direction",
)


@dataclass(frozen=True)
class Checked:
    """Records as columns, and what is wrong with which row.

    Attributes
    ----------
    columns : dict of str to ndarray
    errors : dict of int to str
        By row; a row that is not in it can be sent.
    """

    columns: dict[str, np.ndarray]
    errors: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["location_id"])

    @property
    def good(self) -> np.ndarray:
        """The rows that can be sent, in their order."""
        good = np.ones(len(self), dtype=bool)
        good[list(self.errors)] = False
        return np.flatnonzero(good)

    def refuse(self, bad: np.ndarray, reason: Callable[[int], str] | str) -> None:
        """Note a reason for every row of the mask that has none yet."""
        for row in np.flatnonzero(bad).tolist():
            if row not in self.errors:
                self.errors[row] = reason if isinstance(reason, str) else reason(row)


def read_intervals(records: Any) -> Checked:
    """Records of energy or power over an interval.

    Parameters
    ----------
    records : DataFrame or list of dict
        ``location_id, units, value, start_utc, end_utc``, and where wanted ``device_id, session_reference_id,
        record_reference_id, energy_flow_direction, tariff_direction, confidence``.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        The frame as a whole cannot be read.
    """
    checked = _read(records, times=("start_utc", "end_utc"), numbers=("value", "confidence"))
    _check_common(checked, _UNITS)
    columns = checked.columns
    checked.refuse(
        columns["value"] < 0,
        "value is negative; the direction of the flow is energy_flow_direction",
    )
    start, end = columns["start_utc"], columns["end_utc"]
    checked.refuse(np.isnat(start), "start_utc is missing")
    checked.refuse(np.isnat(end), "end_utc is missing")
    checked.refuse(
        end <= start, lambda row: f"end_utc {end[row]}Z is not after start_utc {start[row]}Z"
    )
    share = columns["confidence"]
    checked.refuse(
        (share < 0) | (share > 1), lambda row: f"confidence {share[row]:g} is not within 0 and 1"
    )
    return checked


def read_readings(records: Any) -> Checked:
    """Readings of registers that only count up.

    Parameters
    ----------
    records : DataFrame or list of dict
        ``location_id, units, value, time_utc``, and where wanted ``device_id, session_reference_id,
        record_reference_id, energy_flow_direction, tariff_direction``.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        The frame as a whole cannot be read.
    """
    checked = _read(records, times=("time_utc",), numbers=("value",))
    _check_common(checked, _REGISTER_UNITS)
    columns = checked.columns
    checked.refuse(columns["value"] < 0, "value is negative; a register counts up from 0")
    times = columns["time_utc"]
    checked.refuse(np.isnat(times), "time_utc is missing")
    whole = times.astype("datetime64[s]").astype("datetime64[us]") == times
    checked.refuse(~whole, lambda row: f"time_utc {times[row]}Z: the API takes whole seconds only")
    return checked


def _read(records: Any, *, times: Sequence[str], numbers: Sequence[str]) -> Checked:
    nothing = isinstance(records, list | tuple) and not records
    optional = (*times, *numbers, *_TEXTS) if nothing else (*_OPTIONAL, "confidence")
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
    return Checked(columns, errors)


def _check_common(checked: Checked, units: Sequence[str]) -> None:
    columns = checked.columns
    checked.refuse(_is_null(columns["location_id"]), "location_id is missing")
    for name in _IDS:
        _check_ids(checked, name)
    _choose(checked, "units", units)
    _choose(checked, "energy_flow_direction", _FLOWS, default="INBOUND")
    follows = np.array(
        [_FOLLOWS.get(flow, flow) for flow in columns["energy_flow_direction"]], dtype=object
    )
    unset = _is_null(columns["tariff_direction"])
    columns["tariff_direction"] = np.where(unset, follows, columns["tariff_direction"])
    _choose(checked, "tariff_direction", _DIRECTIONS)
    value = columns["value"]
    checked.refuse(np.isnan(value), "value is missing")
    checked.refuse(np.isinf(value), "value is not finite")


def _choose(
    checked: Checked, name: str, allowed: Sequence[str], default: str | None = None
) -> None:
    """Replace a column of words by those of the API, whatever their case."""
    codes, words = codes_of(checked.columns[name])
    chosen = [default if word is None else word.strip().upper() for word in words]
    checked.columns[name] = _looked_up(chosen, codes)
    unknown = np.array([word not in allowed for word in chosen], dtype=bool)[codes]
    choice = ", ".join(allowed)
    given = _looked_up(["missing" if word is None else repr(word) for word in words], codes)
    checked.refuse(unknown, lambda row: f"{name} is {given[row]}; choose one of {choice}")


def _check_ids(checked: Checked, name: str) -> None:
    codes, ids = codes_of(checked.columns[name])
    reasons = _looked_up([None if one is None else _reason_against(one) for one in ids], codes)
    checked.refuse(~_is_null(reasons), lambda row: f"{name}: {reasons[row]}")


def _reason_against(one: str) -> str | None:
    try:
        joined([one])
    except InputError as error:
        return str(error)
    return None


def _is_null(values: np.ndarray) -> np.ndarray:
    return np.array([value is None for value in values], dtype=bool)


def _looked_up(values: Sequence[Any], codes: np.ndarray) -> np.ndarray:
    table = np.empty(len(values), dtype=object)
    table[:] = values
    found: np.ndarray = table[codes]
    return found


def codes_of(values: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Each value's number, and the values by number, in the order in which they first appear."""
    listed = values.tolist()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(listed))}
    codes = np.fromiter(map(numbers.__getitem__, listed), dtype=np.int64, count=len(listed))
    return codes, list(numbers)


def series_codes(
    columns: dict[str, np.ndarray], rows: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """A number for each of the rows, equal where they agree in all the named columns."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        more, values = codes_of(columns[name][rows])
        codes = np.unique(codes * max(1, len(values)) + more, return_inverse=True)[1]
    return codes
