"""Sending records in calls, side by side where their order does not matter, one after another where it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flipkit.errors import RequestError
from flipkit.flatpeak.shapes import Batch, FailedRecord
from flipkit.frames import Finding
from flipkit.http import map_concurrent

__all__ = ["LARGEST_CALL", "Call", "CallResult", "chunks", "deliver"]

LARGEST_CALL = 10_000  # records; the API's own limit


@dataclass(frozen=True)
class Call:
    """Records that go out together.

    Attributes
    ----------
    rows : ndarray of int64
        Their rows in what was handed in, in the order of the body.
    body : callable
        Makes the body when its turn comes.
    """

    rows: np.ndarray
    body: Callable[[], Any]


@dataclass
class CallResult:
    """What became of one call, or of all."""

    accepted: int = 0
    processed: int = 0
    batch_ids: list[str] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: CallResult) -> None:
        """Count another one in."""
        self.accepted += other.accepted
        self.processed += other.processed
        self.batch_ids += other.batch_ids
        self.errors |= other.errors
        self.findings += other.findings


def chunks(rows: np.ndarray) -> list[np.ndarray]:
    """Rows in parts that fit a call."""
    return [rows[at : at + LARGEST_CALL] for at in range(0, len(rows), LARGEST_CALL)]


def deliver(send: Callable[[Any], Batch], lanes: Sequence[Sequence[Call]]) -> CallResult:
    """Send the calls: lanes side by side, the calls of a lane one after another.

    Parameters
    ----------
    send : callable
        Sends one body; raises RequestError.
    lanes : sequence of sequences of Call
        When a call of a lane fails, the ones after it are not sent: they would arrive before it once it is repeated.
    """
    total = CallResult()
    for outcome in map_concurrent(lambda lane: _run(send, lane), lanes, what="submitting"):
        total.add(outcome)
    return total


def _run(send: Callable[[Any], Batch], lane: Sequence[Call]) -> CallResult:
    outcome = CallResult()
    for position, call in enumerate(lane):
        try:
            batch = send(call.body())
        except RequestError as error:
            outcome.add(_failed(call, str(error)))
            for later in lane[position + 1 :]:
                outcome.add(
                    _failed(
                        later, f"not sent: records of its series that go before it failed: {error}"
                    )
                )
            return outcome
        outcome.add(_answered(call, batch))
    return outcome


def _failed(call: Call, reason: str) -> CallResult:
    return CallResult(errors=dict.fromkeys(call.rows.tolist(), reason))


def _answered(call: Call, batch: Batch) -> CallResult:
    named = batch.failed_records or []
    ours = [record for record in named if record.record_num < len(call.rows)]
    errors = {int(call.rows[record.record_num]): record.error for record in ours}
    left = len(call.rows) - len(errors)
    accepted = left if batch.records_accepted is None else batch.records_accepted
    findings = _unnamed(
        batch, [record for record in named if record.record_num >= len(call.rows)], left, accepted
    )
    return CallResult(
        accepted, batch.records_processed or 0, [batch.id] if batch.id else [], errors, findings
    )


def _unnamed(batch: Batch, strange: list[FailedRecord], left: int, accepted: int) -> list[Finding]:
    """Counts of the service that do not add up: nothing may be lost in silence."""
    findings = []
    if strange:
        words = f"batch {batch.id} names failed records that it does not hold: {strange[0].record_num}: "
        findings.append(Finding("batch.unknown_record", words + strange[0].error))
    if accepted != left:
        words = f"batch {batch.id} accepted {accepted:,} records, but {left:,} were sent and not named as failed"
        findings.append(Finding("batch.counts", words))
    return findings
