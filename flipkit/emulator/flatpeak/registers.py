"""Cumulative meter readings: the energy of an interval is the difference of two readings next to each other.

Where the contract is silent: the readings of a call are put in order of time, of two at one time the later in the call
holds, and the latest reading of earlier calls is one of them. The first reading of a series makes no interval. A
reading below the one before it is refused, and counting goes on from it: a meter was changed or began anew. Sending a
call again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.readings import Readings, Series
from flipkit.emulator.flatpeak.records import (
    MAX_RECORDS,
    MAX_SPAN_US,
    MAX_WH,
    USUAL_TARIFF,
    Accepted,
    Failure,
)
from flipkit.emulator.flatpeak.requests import LAST_US, MALFORMED, Text, readable
from flipkit.emulator.flatpeak.versions import VERSIONS, Version

__all__ = ["RegisterCall", "decode_registers", "intervals"]

_WH = {"WH": 1.0, "KWH": 1000.0}
_NOISE_WH = 1e-6  # of a difference of two floats


class RegisterCall(NamedTuple):
    """A call, decoded.

    Attributes
    ----------
    series : Series
        What the register counts.
    session : str or None
        The caller's session id, of all readings.
    points : list of _Point
        The readings that have the right form.
    failures : list of Failure
        The others.
    """

    series: Series
    session: str | None
    points: list[_Point]
    failures: list[Failure]


class _Point(NamedTuple):
    number: int
    time_us: int
    wh: float
    reference: str | None


class _Item(msgspec.Struct, gc=False):
    time: int
    value: float
    record_reference_id: Text | None = None


class _Reference(msgspec.Struct):
    record_reference_id: str | None = None


def decode_registers(body: bytes, version: Version) -> RegisterCall:
    """The body of a call.

    Raises
    ------
    Refusal
        422 for a body that cannot be used as a whole, or more than 10,000 readings.
    """
    try:
        call = msgspec.json.decode(body, type=_call_type(version.name))
    except MALFORMED as error:
        raise Refusal.invalid(f"the body must be an object with data: {readable(error)}") from None
    if len(call.data) > MAX_RECORDS:
        raise Refusal.invalid(
            f"{len(call.data):,} readings; at most {MAX_RECORDS:,} in one call, nothing was stored"
        )
    flow = version.flows[call.energy_flow_direction] if call.energy_flow_direction else "INBOUND"
    series = Series(
        call.location_id, call.device_id or "", flow, call.tariff_direction or USUAL_TARIFF[flow]
    )
    found = [_point(number, raw, _WH[call.units]) for number, raw in enumerate(call.data)]
    points = [each for each in found if isinstance(each, _Point)]
    failures = [each for each in found if isinstance(each, Failure)]
    return RegisterCall(series, call.session_reference_id or None, points, failures)


def intervals(db: sqlite3.Connection, call: RegisterCall) -> Accepted:
    """The meter records that the readings make; the latest reading is remembered.

    Raises
    ------
    Refusal
        404 for an unknown location or device.
    """
    objects.get(db, "location", call.series.location_id)
    if call.series.device_id:
        objects.get(db, "device", call.series.device_id)
    before = readings.register(db, call.series) if call.points else None
    failures, made = list(call.failures), []
    ordered = list(_in_order(call.points, before))
    for earlier, later in pairwise(ordered):
        if later.number < 0:
            continue
        fault = _fault(earlier, later)
        if fault:
            failures.append(Failure(later.number, fault, later.reference))
        else:
            made.append(
                (earlier.time_us, later.time_us, max(later.wh - earlier.wh, 0.0), later.reference)
            )
    if ordered and (before is None or ordered[-1].time_us >= before[0]):
        readings.keep_register(db, call.series, ordered[-1].time_us, ordered[-1].wh)
    failures.sort(key=lambda failure: failure.record_num)
    groups = [(call.series, _columns(made, call.session))] if made else []
    submitted = len(call.points) + len(call.failures)
    return Accepted(groups, failures, submitted - len(failures))


@lru_cache(maxsize=4)
def _call_type(version: str) -> Any:
    names = VERSIONS[version]
    fields: list[Any] = [
        ("location_id", Text),
        ("units", Literal["WH", "KWH"]),
        ("data", list[msgspec.Raw]),
        ("device_id", Text | None, None),
        ("session_reference_id", Text | None, None),
        ("energy_flow_direction", Literal[tuple(names.flows)] | None, None),
        ("tariff_direction", Literal["IMPORT", "EXPORT", "LOCAL"] | None, None),
    ]
    return msgspec.defstruct("RegisterCall", fields, rename=dict(names.record))


def _point(number: int, raw: msgspec.Raw, unit_wh: float) -> _Point | Failure:
    try:
        item = msgspec.json.decode(raw, type=_Item)
    except MALFORMED as error:
        return Failure(number, readable(error), _reference(raw))
    reference = item.record_reference_id or None
    if not 0 <= item.time <= LAST_US // 1_000_000:
        return Failure(number, "time must lie in the years 1970 to 2199", reference)
    if not 0 <= item.value * unit_wh <= 1000 * MAX_WH:
        return Failure(number, "value must be from 0 to a thousand TWh", reference)
    return _Point(number, item.time * 1_000_000, item.value * unit_wh, reference)


def _reference(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_Reference).record_reference_id
    except MALFORMED:
        return None


def _in_order(points: Sequence[_Point], before: tuple[int, float] | None) -> Iterator[_Point]:
    """Readings by time, one at each, with the latest of earlier calls unless it lies after all of them."""
    at = {each.time_us: each for each in points}
    if before is not None and before[0] not in at and before[0] < max(at):
        at[before[0]] = _Point(-1, before[0], before[1], None)
    return (at[time] for time in sorted(at))


def _fault(earlier: _Point, later: _Point) -> str | None:
    if later.wh < earlier.wh - _NOISE_WH:
        return "value must not be below the reading before it; counting goes on from here"
    if later.time_us - earlier.time_us > MAX_SPAN_US:
        return (
            "time must be at most 366 days after the reading before it; counting goes on from here"
        )
    return (
        "value must not be more than a TWh above the reading before it"
        if later.wh - earlier.wh > MAX_WH
        else None
    )


def _columns(made: Sequence[tuple[int, int, float, str | None]], session: str | None) -> Readings:
    start, end, wh, references = zip(*made, strict=True)
    ids, sessions = np.empty(len(made), dtype=object), np.full(len(made), session, dtype=object)
    ids[:] = references
    times = np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)
    has_ids = any(reference is not None for reference in references)
    return Readings(
        *times,
        np.array(wh),
        np.ones(len(made)),
        sessions if session else None,
        ids if has_ids else None,
    )
