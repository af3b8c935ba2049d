"""Submission of meter records, by interval and by cumulative register, and the outcome of a batch.

A batch is processed at once, so ``records_processed`` equals ``records_accepted``. A record that
cannot be used is listed in a 200; a call that cannot be used as a whole is refused and stores
nothing.

The energy of an interval of a register is the difference of two consecutive readings. Where the
contract is silent: readings of a call are sorted by time; of two at one time the later in the call
wins; the latest reading of earlier calls is one of them. The first reading of a series makes no
interval. A reading below the one before it is refused, and counting continues from it: the meter
was changed or reset. Sending a call again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects, readings
from flipkit.emulator.flatpeak.caller import VERSIONS, Caller, Version
from flipkit.emulator.flatpeak.objects import StoredObject
from flipkit.emulator.flatpeak.readings import Readings, Series, id_column
from flipkit.emulator.flatpeak.records import (
    MAX_SPAN_US,
    MAX_WH,
    Accepted,
    Failure,
    accept,
    check_count,
    decode,
    reference_of,
    series_of_record,
)
from flipkit.emulator.flatpeak.wire import (
    LAST_US,
    MALFORMED,
    Refusal,
    Route,
    Text,
    answer,
    body_bytes,
    decoding_message,
)
from flipkit.emulator.store import Store
from flipkit.vocabulary import SECOND_US, WH_PER_UNIT, Direction

__all__ = ["MeterRoutes"]

_MAX_BODY_BYTES = 32 << 20  # 10,000 records with every field at its longest are 15 MB
_NOISE_WH = 1e-6  # of the difference of two floats


@dataclass(frozen=True, slots=True)
class MeterRoutes:
    """The routes below ``/meters``."""

    store: Store
    clock: Clock

    def routes(self) -> list[Route]:
        """Return all of them."""
        return [
            Route("PUT", "/meters/interval", "meter_interval", self.interval),
            Route("PUT", "/meters/cumulative/epoch", "meter_cumulative", self.cumulative),
            # The path on Anode's page is not known; the shorter one is a guess.
            Route("PUT", "/meters/cumulative", "meter_cumulative_alias", self.cumulative),
            Route("GET", "/meters/batch", "meter_batch", self.batch),
        ]

    def interval(self, caller: Caller) -> Response:
        """``PUT /meters/interval``: an array of records."""
        records, failures = decode(body_bytes(_MAX_BODY_BYTES), caller.version)
        with self.store.write() as db:
            outcome = accept(db, records, failures, caller.version)
            return self._stored_batch(db, caller, outcome, submitted=len(records))

    def cumulative(self, caller: Caller) -> Response:
        """``PUT /meters/cumulative/epoch``: a register and its readings."""
        call = _decode_registers(body_bytes(_MAX_BODY_BYTES), caller.version)
        with self.store.write() as db:
            outcome = _intervals(db, call)
            return self._stored_batch(db, caller, outcome, submitted=call.submitted)

    def batch(self, caller: Caller) -> Response:
        """``GET /meters/batch``: the outcome of an earlier call."""
        batch_id = request.args.get("batch_id")
        if not batch_id:
            raise Refusal.invalid("batch_id is missing")
        with self.store.read() as db:
            batch = objects.get(db, "meter_batch", batch_id)
        return answer(_batch_body(batch, caller))

    def _stored_batch(
        self, db: sqlite3.Connection, caller: Caller, outcome: Accepted, *, submitted: int
    ) -> Response:
        for series, columns in outcome.groups:
            readings.write(db, series, columns)
        body = {
            "records_submitted": submitted,
            "records_accepted": outcome.total,
            "records_processed": outcome.total,
            "failed_records": msgspec.to_builtins(outcome.failures),
        }
        batch = objects.create(self.store, db, "meter_batch", self.clock.text(), body)
        return answer(_batch_body(batch, caller))


def _batch_body(batch: StoredObject, caller: Caller) -> dict[str, Any]:
    common = batch.common_fields(caller)
    del common["live_mode"]  # the only object without it
    return common | batch.body


class _Point(NamedTuple):
    """A reading of a register.

    `number` is its position in the call, or None for the reading kept from an earlier call.
    """

    number: int | None
    time_us: int
    wh: float
    reference: str | None


_Step = tuple[_Point, _Point]


class _RegisterCall(NamedTuple):
    """A decoded call: what the register counts, and its readings, good and bad."""

    series: Series
    session: str | None
    points: list[_Point]
    failures: list[Failure]

    @property
    def submitted(self) -> int:
        """Number of readings in the call."""
        return len(self.points) + len(self.failures)


class _RegisterItem(msgspec.Struct, gc=False):
    time: int
    value: float
    record_reference_id: Text | None = None


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
        ("tariff_direction", Direction | None, None),
    ]
    return msgspec.defstruct("RegisterCall", fields, rename=dict(names.record))


def _decode_registers(body: bytes, version: Version) -> _RegisterCall:
    """Decode a call; 422 for a body that cannot be used as a whole."""
    try:
        call = msgspec.json.decode(body, type=_call_type(version.name))
    except MALFORMED as error:
        message = f"the body must be an object with data: {decoding_message(error)}"
        raise Refusal.invalid(message) from None
    check_count(call.data, "readings")

    points, failures = [], []
    for number, raw in enumerate(call.data):
        point = _decode_point(number, raw, WH_PER_UNIT[call.units])
        if isinstance(point, Failure):
            failures.append(point)
        else:
            points.append(point)

    series = series_of_record(call, version)
    return _RegisterCall(series, call.session_reference_id or None, points, failures)


def _decode_point(number: int, raw: msgspec.Raw, unit_wh: float) -> _Point | Failure:
    try:
        item = msgspec.json.decode(raw, type=_RegisterItem)
    except MALFORMED as error:
        return Failure(number, decoding_message(error), reference_of(raw))
    reference = item.record_reference_id or None
    wh = item.value * unit_wh
    if not 0 <= item.time <= LAST_US // SECOND_US:
        return Failure(number, "time must lie in the years 1970 to 2199", reference)
    if not 0 <= wh <= 1000 * MAX_WH:
        return Failure(number, "value must be from 0 to a thousand TWh", reference)
    return _Point(number, item.time * SECOND_US, wh, reference)


def _intervals(db: sqlite3.Connection, call: _RegisterCall) -> Accepted:
    """Turn readings into meter records, and keep the latest reading.

    Raises
    ------
    Refusal
        404 for an unknown location or device.
    """
    objects.get(db, "location", call.series.location_id)
    if call.series.device_id:
        objects.get(db, "device", call.series.device_id)

    # The latest reading of earlier calls begins the first interval of this one.
    kept = readings.register(db, call.series) if call.points else None
    points = _sorted_points(call.points, kept)
    if points:
        latest = points[-1]
        if kept is None or latest.time_us >= kept[0]:
            readings.keep_register(db, call.series, latest.time_us, latest.wh)

    steps, faults = _steps(points)
    failures = [*call.failures, *faults]
    failures.sort(key=lambda failure: failure.record_num)
    groups = [(call.series, _columns(steps, call.session))] if steps else []
    return Accepted(groups, failures, total=call.submitted - len(failures))


def _sorted_points(points: Sequence[_Point], kept: tuple[int, float] | None) -> list[_Point]:
    """Return one reading per time, with the kept one unless it lies after all of them."""
    by_time = {point.time_us: point for point in points}  # the last one of a time wins
    if kept is not None:
        time_us, wh = kept
        if time_us not in by_time and time_us < max(by_time):
            by_time[time_us] = _Point(None, time_us, wh, None)
    return [by_time[time_us] for time_us in sorted(by_time)]


def _steps(points: Sequence[_Point]) -> tuple[list[_Step], list[Failure]]:
    """Return pairs of consecutive readings, and those that make no interval."""
    steps, faults = [], []
    for earlier, later in pairwise(points):
        if later.number is None:  # the kept reading: an earlier call submitted that interval
            continue
        fault = _fault(earlier, later)
        if fault:
            faults.append(Failure(later.number, fault, later.reference))
        else:
            steps.append((earlier, later))
    return steps, faults


def _fault(earlier: _Point, later: _Point) -> str | None:
    if later.wh < earlier.wh - _NOISE_WH:
        return "value must not be below the reading before it; counting continues from here"
    if later.time_us - earlier.time_us > MAX_SPAN_US:
        return (
            "time must be at most 366 days after the reading before it; "
            "counting continues from here"
        )
    if later.wh - earlier.wh > MAX_WH:
        return "value must not be more than a TWh above the reading before it"
    return None


def _columns(steps: Sequence[_Step], session: str | None) -> Readings:
    return Readings(
        start_us=np.array([earlier.time_us for earlier, _ in steps], dtype=np.int64),
        end_us=np.array([later.time_us for _, later in steps], dtype=np.int64),
        # A fall within the noise of floats was not refused; it counts as 0.
        wh=np.array([max(later.wh - earlier.wh, 0.0) for earlier, later in steps]),
        confidence=np.ones(len(steps)),
        session=id_column([session] * len(steps)),
        record=id_column([later.reference for _, later in steps]),
    )
