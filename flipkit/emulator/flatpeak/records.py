"""Meter records of a call: each is checked, good ones become columns, bad ones are listed.

Where the contract is silent, these records are refused: one of zero length, which lies in no price
period; one with a negative value, as the flow says which way energy goes; one that is longer than
366 days; one of more than a TWh.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from flipkit.emulator.flatpeak import objects
from flipkit.emulator.flatpeak.caller import VERSIONS, Version
from flipkit.emulator.flatpeak.readings import Readings, Series, SeriesReadings, id_column
from flipkit.emulator.flatpeak.wire import (
    FIRST_US,
    LAST_US,
    MALFORMED,
    Refusal,
    Text,
    Time,
    decoding_message,
)
from flipkit.vocabulary import (
    DAY_US,
    HOUR_US,
    USUAL_DIRECTION,
    WH_PER_UNIT,
    Direction,
    Float64,
    Int64,
    Unit,
)

__all__ = [
    "MAX_SPAN_US",
    "MAX_WH",
    "Accepted",
    "Failure",
    "accept",
    "check_count",
    "decode",
    "record_type",
    "reference_of",
    "series_of_record",
]

MAX_SPAN_US = 366 * DAY_US
MAX_WH = 1e12
_MAX_RECORDS = 10_000
_POWER_UNITS = ("W", "KW")


class Failure(msgspec.Struct, omit_defaults=True):
    """A record that was not accepted: its position in the call (from 0), why, and its id."""

    record_num: int
    error: str
    record_reference_id: str | None = None


class Accepted(NamedTuple):
    """The outcome of the records of a call.

    Attributes
    ----------
    groups : list of (Series, Readings)
        Good records, in the order of submission.
    failures : list of Failure
        The others.
    total : int
        Number of good records.
    """

    groups: list[SeriesReadings]
    failures: list[Failure]
    total: int


@lru_cache(maxsize=4)
def record_type(version: str) -> Any:
    """Return the Struct of a record: attributes have Anode's names, JSON those of the version."""
    names = VERSIONS[version]
    fields: list[Any] = [
        ("location_id", Text),
        ("units", Unit),
        ("value", float),
        ("start_time", Time),
        ("end_time", Time),
        ("device_id", Text | None, None),
        ("session_reference_id", Text | None, None),
        ("record_reference_id", Text | None, None),
        ("energy_flow_direction", Literal[tuple(names.flows)] | None, None),
        ("tariff_direction", Direction | None, None),
        ("confidence", float | None, None),
    ]
    if names.measurand:
        fields.append(("measurand", Literal["TRANSFERRED"] | None, None))
    return msgspec.defstruct("Record", fields, rename=dict(names.record), gc=False)


def decode(body: bytes, version: Version) -> tuple[list[Any], list[Failure]]:
    """Decode a JSON array of records; a record with a field of the wrong type becomes None.

    Raises
    ------
    Refusal
        422 for a body that is not a JSON array, or for more than 10,000 records.
    """
    kind = record_type(version.name)
    # All at once is the fast way; one by one only to find out which records are wrong.
    try:
        records: list[Any] = msgspec.json.decode(body, type=GenericAlias(list, kind))
    except MALFORMED:
        return _decode_each(body, kind)
    check_count(records, "records")
    return records, []


def check_count(items: Sequence[Any], what: str) -> None:
    """Refuse more than 10,000 records or readings in a call."""
    if len(items) > _MAX_RECORDS:
        raise Refusal.invalid(
            f"{len(items):,} {what}; at most {_MAX_RECORDS:,} in one call, nothing was stored"
        )


def reference_of(raw: msgspec.Raw) -> str | None:
    """Return the ``record_reference_id`` of a record that cannot be decoded, if possible."""
    try:
        return msgspec.json.decode(raw, type=_Reference).record_reference_id
    except MALFORMED:
        return None


class _Reference(msgspec.Struct):
    record_reference_id: str | None = None


def _decode_each(body: bytes, kind: Any) -> tuple[list[Any], list[Failure]]:
    try:
        raw_records = msgspec.json.decode(body, type=list[msgspec.Raw])
    except MALFORMED as error:
        message = f"the body must be a JSON array of records: {decoding_message(error)}"
        raise Refusal.invalid(message) from None
    check_count(raw_records, "records")

    records, failures = [], []
    for number, raw in enumerate(raw_records):
        try:
            records.append(msgspec.json.decode(raw, type=kind))
        except MALFORMED as error:
            records.append(None)
            failures.append(Failure(number, decoding_message(error), reference_of(raw)))
    return records, failures


def accept(
    db: sqlite3.Connection,
    records: Sequence[Any],
    failures: list[Failure],
    version: Version,
    *,
    usual_direction: Mapping[str, str] = USUAL_DIRECTION,
) -> Accepted:
    """Check the records of a call.

    Parameters
    ----------
    db : sqlite3.Connection
    records, failures
        As `decode` returns them.
    version : Version
    usual_direction : mapping of str to str
        Tariff direction, by flow, of a record that has none.
    """
    numbers = [number for number, record in enumerate(records) if record is not None]
    decoded = [records[number] for number in numbers]
    columns = _columns(decoded)
    errors = _errors(columns, decoded, db, version)

    all_failures = list(failures)
    for row, message in errors.items():
        reference = decoded[row].record_reference_id or None
        all_failures.append(Failure(numbers[row], message, reference))
    all_failures.sort(key=lambda failure: failure.record_num)

    # A group per series, as each is written to chunks of its own.
    rows_by_series: dict[Series, list[int]] = defaultdict(list)
    for row, record in enumerate(decoded):
        if row not in errors:
            rows_by_series[series_of_record(record, version, usual_direction)].append(row)
    groups = [(series, columns.at(np.array(rows))) for series, rows in rows_by_series.items()]
    return Accepted(groups, all_failures, total=len(decoded) - len(errors))


def _columns(records: Sequence[Any]) -> Readings:
    start = _instants([record.start_time for record in records])
    end = _instants([record.end_time for record in records])
    value = np.array([record.value for record in records], dtype=np.float64)
    unit_wh = np.array([WH_PER_UNIT[record.units] for record in records], dtype=np.float64)
    is_power = np.array([record.units in _POWER_UNITS for record in records], dtype=bool)
    hours = np.where(is_power, (end - start) / HOUR_US, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by `_errors`
        wh = value * unit_wh * hours
    confidence = [1.0 if record.confidence is None else record.confidence for record in records]
    return Readings(
        start_us=start,
        end_us=end,
        wh=wh,
        confidence=np.array(confidence, dtype=np.float64),
        session=id_column([record.session_reference_id or None for record in records]),
        record=id_column([record.record_reference_id or None for record in records]),
    )


def _instants(moments: Sequence[Any]) -> Int64:
    # Float seconds are exact to the microsecond until the year 2255; later times are refused.
    seconds: Float64 = np.array([moment.timestamp() for moment in moments], dtype=np.float64)
    return np.rint(seconds * 1e6).astype(np.int64)


def _errors(
    columns: Readings, records: Sequence[Any], db: sqlite3.Connection, version: Version
) -> dict[int, str]:
    """Return what is wrong by row; of several faults the first."""
    start = columns.start_us
    end = columns.end_us
    confidence = columns.confidence
    value = np.array([record.value for record in records], dtype=np.float64)
    flow_field = version.name_of("energy_flow_direction")
    # Where a NaN must be a fault, the test is negated: NaN fails every comparison.
    faults = [
        (end < start, "end_time must not be before start_time"),
        (
            end == start,
            "end_time must be after start_time: a record of zero length lies in no price period",
        ),
        (
            (start < FIRST_US) | (end > LAST_US),
            "start_time and end_time must lie in the years 1970 to 2199",
        ),
        (end - start > MAX_SPAN_US, "end_time must be at most 366 days after start_time"),
        (value < 0, f"value must not be negative; {flow_field} says which way the energy flows"),
        (~(columns.wh <= MAX_WH) & (value >= 0), "value must not be more than a TWh"),
        (~((confidence >= 0) & (confidence <= 1)), "confidence must be from 0 to 1"),
    ]
    errors: dict[int, str] = {}
    for is_fault, message in faults:
        for row in np.flatnonzero(is_fault).tolist():
            errors.setdefault(row, message)

    _add_unknown_ids(errors, db, "location", [record.location_id for record in records])
    # An empty device id means that the record belongs to the location itself.
    _add_unknown_ids(errors, db, "device", [record.device_id or None for record in records])
    return errors


def _add_unknown_ids(
    errors: dict[int, str], db: sqlite3.Connection, kind: str, ids: Sequence[str | None]
) -> None:
    given = set(ids) - {None}
    unknown = {each for each in given if each is not None and not objects.exists(db, kind, each)}
    for row, value in enumerate(ids):
        if value in unknown:
            errors.setdefault(row, f"{kind}_id: there is no {value!r}")


def series_of_record(
    record: Any, version: Version, usual_direction: Mapping[str, str] = USUAL_DIRECTION
) -> Series:
    """Return the series of a record, or of a register, with the defaults filled in."""
    flow = "INBOUND"
    if record.energy_flow_direction:
        flow = version.flows[record.energy_flow_direction]
    return Series(
        location_id=record.location_id,
        device_id=record.device_id or "",
        flow=flow,
        tariff_direction=record.tariff_direction or usual_direction[flow],
    )
