"""Sending records: batches that keep the order where it matters, and the report of an upload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from flipkit.calendar import format_times
from flipkit.errors import RequestError
from flipkit.flatpeak.generations import Reading, Wire
from flipkit.flatpeak.records import SERIES, CheckedRecords, series_codes
from flipkit.flatpeak.shapes import Batch
from flipkit.frames import FAILED_RECORDS, Finding, Frame, rows_text, take
from flipkit.http import WORKERS, map_concurrent
from flipkit.vocabulary import Int64

__all__ = [
    "LARGEST_CALL",
    "Call",
    "CallResult",
    "Submission",
    "deliver",
    "failed_frame",
    "interval_queues",
    "record_bodies",
    "register_queues",
]

LARGEST_CALL = 10_000  # records; the API's own limit
_SHOWN_CAUSES = 3


@dataclass(frozen=True, eq=False, repr=False)
class Submission:
    """Report of an upload: each record was accepted, is in `failed`, or is in a finding.

    Attributes
    ----------
    submitted : int
        Records in the input.
    accepted : int
        Records that the service accepted.
    processed : int
        Accepted records that it had processed when it answered; `Flatpeak.batch` tells the current
        state.
    batch_ids : tuple of str
        One for each call that was answered.
    failed : DataFrame
        One row per record that was not accepted: ``row, location_id, device_id,
        record_reference_id, start_utc, end_utc, error``; `row` counts from 0 in the input.
    findings : tuple of Finding
        What to check in records that were sent nevertheless.
    """

    submitted: int
    accepted: int
    processed: int
    batch_ids: tuple[str, ...]
    failed: Frame
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        details = [f"  {line}" for line in self._details()]
        return "\n".join([self._headline(), *details])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(line)}</li>" for line in self._details())
        details = f"<ul>{items}</ul>" if items else ""
        return f"<div>{escape(self._headline())}{details}</div>"

    def _headline(self) -> str:
        calls = len(self.batch_ids)
        batches = "1 batch" if calls == 1 else f"{calls:,} batches"
        return (
            f"{self.submitted:,} records: {self.accepted:,} accepted in {batches}, "
            f"{len(self.failed):,} failed"
        )

    def _details(self) -> list[str]:
        columns = take(self.failed, numbers=("row",), texts=("error",))
        errors = columns["error"]
        counts = Counter(errors.tolist())
        lines = []
        for error, _ in counts.most_common(_SHOWN_CAUSES):
            rows = columns["row"][errors == error].astype(np.int64)
            lines.append(f"failed: {error}{rows_text(tuple(rows.tolist()))}")
        if len(counts) > _SHOWN_CAUSES:
            lines.append(f"failed: {len(counts) - _SHOWN_CAUSES} other reasons, see .failed")
        return [*lines, *map(str, self.findings)]


def failed_frame(errors: Mapping[int, str], columns: Mapping[str, np.ndarray], into: str) -> Frame:
    """Return the frame of failed records, with the columns of the input."""
    rows = np.array(sorted(errors), dtype=np.int64)
    is_interval = "start_utc" in columns
    start = columns["start_utc"] if is_interval else columns["time_utc"]
    failed = {
        "row": rows,
        "location_id": columns["location_id"][rows],
        "device_id": columns["device_id"][rows],
        "record_reference_id": columns["record_reference_id"][rows],
        "start_utc": start[rows],
        "end_utc": columns["end_utc"][rows] if is_interval else None,
        "error": [errors[row] for row in rows.tolist()],
    }
    return FAILED_RECORDS.build(failed, into, ordered=True)


@dataclass(frozen=True)
class Call:
    """Records that are sent together.

    Attributes
    ----------
    rows : ndarray of int64
        Their rows in the input, in the order of the body.
    body : callable
        Makes the body when the call is sent.
    """

    rows: Int64
    body: Callable[[], Any]


@dataclass
class CallResult:
    """Result of one call, or of several together."""

    accepted: int = 0
    processed: int = 0
    batch_ids: list[str] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: CallResult) -> None:
        """Add another result."""
        self.accepted += other.accepted
        self.processed += other.processed
        self.batch_ids += other.batch_ids
        self.errors |= other.errors
        self.findings += other.findings


def deliver(send: Callable[[Any], Batch], queues: Sequence[Sequence[Call]]) -> CallResult:
    """Send queues concurrently, and the calls of a queue one after another.

    Parameters
    ----------
    send : callable
        Sends one body; raises RequestError.
    queues : sequence of sequences of Call
        When a call fails, the rest of its queue is not sent: it would arrive before the repeat.
    """
    total = CallResult()
    for result in map_concurrent(partial(_send_queue, send), queues, what="submitting"):
        total.add(result)
    return total


def _send_queue(send: Callable[[Any], Batch], queue: Sequence[Call]) -> CallResult:
    total = CallResult()
    for position, call in enumerate(queue):
        try:
            batch = send(call.body())
        except RequestError as error:
            total.add(_failed(call, str(error)))
            reason = f"not sent: an earlier call with records of the same series failed: {error}"
            for later in queue[position + 1 :]:
                total.add(_failed(later, reason))
            break
        total.add(_answered(call, batch))
    return total


def _failed(call: Call, reason: str) -> CallResult:
    return CallResult(errors=dict.fromkeys(call.rows.tolist(), reason))


def _answered(call: Call, batch: Batch) -> CallResult:
    result = CallResult(processed=batch.records_processed or 0)
    if batch.id:
        result.batch_ids.append(batch.id)
    for record in batch.failed_records or []:
        if record.record_num < len(call.rows):
            result.errors[int(call.rows[record.record_num])] = record.error
        else:
            result.findings.append(
                Finding(
                    "batch.unknown_record",
                    f"batch {batch.id} reports the failure of record {record.record_num}, which it "
                    f"does not contain: {record.error}",
                )
            )
    # No record may be lost silently: counts that do not add up are a finding.
    not_failed = len(call.rows) - len(result.errors)
    result.accepted = not_failed if batch.records_accepted is None else batch.records_accepted
    if result.accepted != not_failed:
        result.findings.append(
            Finding(
                "batch.counts",
                f"batch {batch.id} accepted {result.accepted:,} records, but {not_failed:,} were "
                "sent and not reported as failed",
            )
        )
    return result


def interval_queues(checked: CheckedRecords, contested: Int64, wire: Wire) -> list[list[Call]]:
    """Return the calls for interval records.

    The order matters only among contested records, so those of a series share a queue. Each other
    call is a queue of its own.
    """

    def calls(rows: Int64) -> list[Call]:
        return [
            Call(part, partial(record_bodies, checked.columns, part, wire)) for part in _parts(rows)
        ]

    uncontested = np.setdiff1d(checked.good, contested, assume_unique=True)
    queues = [[call] for call in calls(uncontested)]
    # Contested records that fit into one call are sent in one, in their order.
    if len(contested) <= LARGEST_CALL:
        queue_numbers = np.zeros(len(contested), dtype=np.int64)
    else:
        queue_numbers = series_codes(checked.columns, contested, SERIES) % WORKERS
    for number in np.unique(queue_numbers):
        queues.append(calls(contested[queue_numbers == number]))
    return queues


def record_bodies(columns: dict[str, np.ndarray], rows: Int64, wire: Wire) -> list[Any]:
    """Return the bodies of records."""
    selected = {name: column[rows] for name, column in columns.items()}
    confidence = [
        None if number != number else number for number in selected["confidence"].tolist()
    ]
    # By position, in the order of `Wire.record`: keywords would double the time of a large upload.
    return list(
        map(
            wire.record,
            selected["location_id"].tolist(),
            [wire.flows[flow] for flow in selected["energy_flow_direction"]],
            selected["tariff_direction"].tolist(),
            selected["units"].tolist(),
            selected["value"].tolist(),
            format_times(selected["start_utc"]),
            format_times(selected["end_utc"]),
            selected["device_id"].tolist(),
            selected["session_reference_id"].tolist(),
            selected["record_reference_id"].tolist(),
            confidence,
        )
    )


def register_queues(checked: CheckedRecords, wire: Wire) -> list[list[Call]]:
    """Return the calls for readings: one queue per series, in order of time.

    A call holds readings of one session and unit, because its body names them only once.
    """
    rows = checked.good
    series = series_codes(checked.columns, rows, SERIES)
    heads = series_codes(checked.columns, rows, ("session_reference_id", "units"))
    times = checked.columns["time_utc"][rows].view(np.int64)
    order = np.lexsort((rows, times, series))
    rows, series, heads = rows[order], series[order], heads[order]
    queues = []
    for of_series in _runs(series):
        queue = []
        for of_head in _runs(heads[of_series]):
            for part in _parts(rows[of_series][of_head]):
                queue.append(Call(part, partial(_register_body, checked, wire, part)))
        queues.append(queue)
    return queues


def _parts(rows: Int64) -> list[Int64]:
    """Split rows into parts that fit into one call."""
    return [rows[first : first + LARGEST_CALL] for first in range(0, len(rows), LARGEST_CALL)]


def _runs(codes: Int64) -> list[slice]:
    """Return the stretches of equal codes."""
    if len(codes) == 0:
        return []
    changes = np.flatnonzero(np.diff(codes)) + 1
    return [slice(first, last) for first, last in pairwise([0, *changes.tolist(), len(codes)])]


def _register_body(checked: CheckedRecords, wire: Wire, rows: Int64) -> dict[str, Any]:
    selected = {name: column[rows] for name, column in checked.columns.items()}
    body: dict[str, Any] = {}
    for name in (*SERIES, "session_reference_id", "units"):
        value = selected[name][0]
        if name == "energy_flow_direction":
            value = wire.flows[value]
        if value is not None:
            body[wire.names.get(name, name)] = value
    seconds = selected["time_utc"].astype("datetime64[s]").astype(np.int64).tolist()
    values = selected["value"].tolist()
    references = selected["record_reference_id"].tolist()
    body["data"] = list(map(Reading, seconds, values, references))
    return body
