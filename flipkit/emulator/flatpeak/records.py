"""Meter records as Flatpeak takes them: each one checked, the good ones as columns, the bad ones named.

Where the contract is silent: a record without length is refused, for it lies in no price period; so is a negative
value, for the flow says which way energy goes; so is one that is longer than 366 days or more than a TWh.
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

from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.readings import Objects, Readings, Series
from flipkit.emulator.flatpeak.requests import FIRST_US, LAST_US, MALFORMED, Text, Time, readable
from flipkit.emulator.flatpeak.versions import VERSIONS, Version
from flipkit.vocabulary import DAY_US, Float64, Int64

__all__ = [
    "MAX_RECORDS",
    "MAX_SPAN_US",
    "MAX_WH",
    "USUAL_TARIFF",
    "Accepted",
    "Failure",
    "accept",
    "decode",
    "record_type",
]

MAX_RECORDS = 10_000
MAX_SPAN_US = 366 * DAY_US
MAX_WH = 1e12
_HOUR_US = 3_600_000_000
# Wh in one of each unit; of power, over an hour.
_WH = {"W": 1.0, "KW": 1000.0, "WH": 1.0, "KWH": 1000.0}
USUAL_TARIFF = {"INBOUND": "IMPORT", "OUTBOUND": "EXPORT"}


class Failure(msgspec.Struct, omit_defaults=True):
    """A record that was not accepted: its place in the call (from 0), the caller's id of it, and why."""

    record_num: int
    error: str
    record_reference_id: str | None = None


class Accepted(NamedTuple):
    """What became of the records of a call.

    Attributes
    ----------
    groups : list of (Series, Readings)
        The good ones, in the order of submission.
    failures : list of Failure
        The others.
    total : int
        How many were good.
    """

    groups: list[tuple[Series, Readings]]
    failures: list[Failure]
    total: int


@lru_cache(maxsize=4)
def record_type(version: str) -> Any:
    """The Struct that a record is decoded to; its fields bear Anode's names, on the wire those of the version."""
    names = VERSIONS[version]
    fields: list[Any] = [
        ("location_id", Text),
        ("units", Literal["W", "KW", "WH", "KWH"]),
        ("value", float),
        ("start_time", Time),
        ("end_time", Time),
        ("device_id", Text | None, None),
        ("session_reference_id", Text | None, None),
        ("record_reference_id", Text | None, None),
        ("energy_flow_direction", Literal[tuple(names.flows)] | None, None),
        ("tariff_direction", Literal["IMPORT", "EXPORT", "LOCAL"] | None, None),
        ("confidence", float | None, None),
    ]
    if names.measurand:
        fields.append(("measurand", Literal["TRANSFERRED"] | None, None))
    return msgspec.defstruct("Record", fields, rename=dict(names.record), gc=False)


def decode(body: bytes, version: Version) -> tuple[list[Any], list[Failure]]:
    """A JSON array of records; None in the place of one that has a field of the wrong kind.

    Raises
    ------
    Refusal
        422 for a body that is no array of JSON, or more than 10,000 records.
    """
    kind = record_type(version.name)
    try:
        return _at_most(msgspec.json.decode(body, type=GenericAlias(list, kind))), []
    except MALFORMED:
        return _decode_each(body, kind)


def accept(
    db: sqlite3.Connection,
    records: Sequence[Any],
    failures: list[Failure],
    version: Version,
    *,
    usual_tariff: Mapping[str, str] = USUAL_TARIFF,
) -> Accepted:
    """Check the records of a call against what is known and against each other's fields.

    Parameters
    ----------
    db : sqlite3.Connection
    records : sequence of Struct or None
        As `decode` gives them.
    failures : list of Failure
        Of those that are None.
    version : Version
    usual_tariff : mapping of str to str
        Tariff direction of a record that names none, by flow.
    """
    numbers = [number for number, record in enumerate(records) if record is not None]
    good = [records[number] for number in numbers]
    columns = _columns(good)
    errors = _errors(columns, good, db, version)
    failed = [
        Failure(numbers[row], text, good[row].record_reference_id or None)
        for row, text in errors.items()
    ]
    groups: dict[Series, list[int]] = defaultdict(list)
    for row, record in enumerate(good):
        if row not in errors:
            groups[_series(record, version, usual_tariff)].append(row)
    parts = [(series, columns.at(np.array(rows))) for series, rows in groups.items()]
    everything = sorted([*failures, *failed], key=lambda failure: failure.record_num)
    return Accepted(parts, everything, len(good) - len(errors))


def _at_most(records: list[Any]) -> list[Any]:
    if len(records) > MAX_RECORDS:
        raise Refusal.invalid(
            f"{len(records):,} records; at most {MAX_RECORDS:,} in one call, nothing was stored"
        )
    return records


def _decode_each(body: bytes, kind: Any) -> tuple[list[Any], list[Failure]]:
    try:
        raw = _at_most(msgspec.json.decode(body, type=list[msgspec.Raw]))
    except MALFORMED as error:
        raise Refusal.invalid(
            f"the body must be a JSON array of records: {readable(error)}"
        ) from None
    records, failures = [], []
    for number, each in enumerate(raw):
        try:
            records.append(msgspec.json.decode(each, type=kind))
        except MALFORMED as error:
            records.append(None)
            failures.append(Failure(number, readable(error), _reference(each)))
    return records, failures


class _Reference(msgspec.Struct):
    record_reference_id: str | None = None


def _reference(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_Reference).record_reference_id
    except MALFORMED:
        return None


def _columns(good: Sequence[Any]) -> Readings:
    start, end = (
        _instants([each.start_time for each in good]),
        _instants([each.end_time for each in good]),
    )
    value = np.array([each.value for each in good], dtype=np.float64)
    unit = np.array([_WH[each.units] for each in good], dtype=np.float64)
    power = np.array([each.units in ("W", "KW") for each in good], dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        wh = value * unit * np.where(power, (end - start) / _HOUR_US, 1.0)
    confidence = np.array(
        [1.0 if each.confidence is None else each.confidence for each in good], dtype=np.float64
    )
    sessions, references = ([getattr(each, name) or None for each in good] for name in _IDS)
    return Readings(start, end, wh, confidence, _ids(sessions), _ids(references))


_IDS = ("session_reference_id", "record_reference_id")


def _instants(moments: Sequence[Any]) -> Int64:
    # Seconds as floats are exact to the microsecond up to the year 2255; later ones are refused anyway.
    seconds: Float64 = np.array([moment.timestamp() for moment in moments], dtype=np.float64)
    return np.rint(seconds * 1e6).astype(np.int64)


def _ids(values: list[str | None]) -> Objects | None:
    if not any(values):
        return None
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _errors(
    columns: Readings, good: Sequence[Any], db: sqlite3.Connection, version: Version
) -> dict[int, str]:
    """What is wrong with which row; of several faults the first."""
    start, end = columns.start_us, columns.end_us
    flow = version.record.get("energy_flow_direction", "energy_flow_direction")
    value = np.array([each.value for each in good], dtype=np.float64)
    faults = (
        (end < start, "end_time must not be before start_time"),
        (
            end == start,
            "end_time must be after start_time: a record without length lies in no price period",
        ),
        (
            (start < FIRST_US) | (end > LAST_US),
            "start_time and end_time must lie in the years 1970 to 2199",
        ),
        (end - start > MAX_SPAN_US, "end_time must be at most 366 days after start_time"),
        (value < 0, f"value must not be negative; {flow} says which way the energy flows"),
        (~(columns.wh <= MAX_WH) & (value >= 0), "value must not be more than a TWh"),
        (
            ~((columns.confidence >= 0) & (columns.confidence <= 1)),
            "confidence must be from 0 to 1",
        ),
    )
    errors: dict[int, str] = {}
    for mask, text in faults:
        for row in np.flatnonzero(mask).tolist():
            errors.setdefault(row, text)
    for kind in ("location", "device"):
        _unknown(db, kind, good, errors)
    return errors


def _unknown(
    db: sqlite3.Connection, kind: str, good: Sequence[Any], errors: dict[int, str]
) -> None:
    name = f"{kind}_id"
    given = [getattr(each, name) for each in good]
    strange = {value for value in set(given) if value and not objects.exists(db, kind, value)}
    if kind == "location" and "" in given:
        strange.add("")
    for row, value in enumerate(given):
        if value in strange:
            errors.setdefault(row, f"{name}: there is no {value!r}")


def _series(record: Any, version: Version, usual_tariff: Mapping[str, str]) -> Series:
    flow = (
        version.flows[record.energy_flow_direction] if record.energy_flow_direction else "INBOUND"
    )
    return Series(
        record.location_id,
        record.device_id or "",
        flow,
        record.tariff_direction or usual_tariff[flow],
    )
