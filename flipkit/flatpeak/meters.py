"""Meter records on their way to the service."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from flipkit.flatpeak.delivery import Call, deliver
from flipkit.flatpeak.findings import (
    contested_rows,
    falling_registers,
    implausible_powers,
    repeats_and_overlaps,
)
from flipkit.flatpeak.lanes import interval_lanes, register_lanes
from flipkit.flatpeak.records import Checked, read_intervals, read_readings
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Batch
from flipkit.flatpeak.submission import Submission, failed_frame
from flipkit.frames import FAILED_RECORDS, Finding, is_frame, library_of

__all__ = ["Meters"]

_log = logging.getLogger("flipkit.flatpeak")
_BATCH = msgspec.json.Decoder(Batch)


class Meters(Service):
    """The verbs for meter records."""

    def submit_interval(self, records: Any) -> Submission:
        """Submit energy or power over intervals.

        A record that cannot be sent, or that the service refuses, is in ``failed`` with its row and the reason; the
        rest goes, in calls of at most 10,000, side by side. Records that repeat or overlap each other go one call
        after another, in their order. Sending the same records again does no harm.

        Parameters
        ----------
        records : DataFrame or list of dict
            Needed: ``location_id``, ``units`` (W, KW: power held over the interval; WH, KWH: energy in it), ``value``
            (not negative), ``start_utc``, ``end_utc`` (with a zone). Optional: ``device_id`` (the record is then the
            device's), ``session_reference_id``, ``record_reference_id``, ``energy_flow_direction`` (INBOUND or
            OUTBOUND; INBOUND), ``tariff_direction`` (IMPORT, EXPORT or LOCAL; IMPORT for INBOUND, EXPORT for
            OUTBOUND), ``confidence`` (0 to 1, below 1 is a forecast; 1).

        Returns
        -------
        Submission
            Its frame is of the library of `records`, where that is a frame.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
            The frame as a whole cannot be read; nothing was sent.
        AuthenticationFailed, ConnectionFailed
            The login failed; nothing was sent.
        """
        checked = read_intervals(records)
        repeats, overlaps = contested_rows(checked)
        findings = [*repeats_and_overlaps(repeats, overlaps), *implausible_powers(checked)]
        lanes = interval_lanes(checked, np.union1d(repeats, overlaps), self._wire)
        return self._submit(
            checked, lanes, findings, ("meters", "interval"), _library(records, self.frames)
        )

    def submit_cumulative(self, records: Any) -> Submission:
        """Submit readings of registers that only count up.

        The service takes the energy of an interval as the difference of two readings that follow each other in a
        series (location, device, directions), also from one call to the next. So the readings of a series go in order
        of time, one call after another, and series go side by side.

        Parameters
        ----------
        records : DataFrame or list of dict
            Needed: ``location_id``, ``units`` (WH or KWH), ``value`` (the register, not negative), ``time_utc`` (with
            a zone, whole seconds). Optional: ``device_id``, ``session_reference_id``, ``record_reference_id``,
            ``energy_flow_direction``, ``tariff_direction``, as for `submit_interval`.

        Returns
        -------
        Submission
            ``start_utc`` of its frame is the time of the reading.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
            The frame as a whole cannot be read; nothing was sent.
        AuthenticationFailed, ConnectionFailed
            The login failed; nothing was sent.
        """
        checked = read_readings(records)
        findings = falling_registers(checked)
        lanes = register_lanes(checked, self._wire)
        return self._submit(
            checked,
            lanes,
            findings,
            ("meters", "cumulative", "epoch"),
            _library(records, self.frames),
        )

    def batch(self, batch_id: str) -> Submission:
        """How far the service is with a batch.

        Parameters
        ----------
        batch_id : str
            One of a submission's ``batch_ids``.

        Returns
        -------
        Submission
            ``row`` of its frame counts within the batch.
        """
        batch = self._ask(_BATCH, "GET", "meters", "batch", query={"batch_id": batch_id}).value
        named = batch.failed_records or []
        columns = {
            "row": [record.record_num for record in named],
            "record_reference_id": [record.record_reference_id or None for record in named],
            "error": [record.error for record in named],
        }
        failed = FAILED_RECORDS.build(columns, self.frames)
        counts = (
            batch.records_submitted or 0,
            batch.records_accepted or 0,
            batch.records_processed or 0,
        )
        return Submission(*counts, (batch.id or batch_id,), failed)

    def _submit(
        self,
        checked: Checked,
        lanes: Sequence[Sequence[Call]],
        findings: list[Finding],
        path: tuple[str, ...],
        into: str,
    ) -> Submission:
        for finding in findings:
            _log.warning("%s", finding)
        lanes = [lane for lane in lanes if lane]
        if lanes:
            self._token.secret()  # wrong keys are one error now, not one for every record later
        outcome = deliver(lambda body: self._ask(_BATCH, "PUT", *path, body=body).value, lanes)
        failed = failed_frame(checked.errors | outcome.errors, checked.columns, into)
        ids = tuple(outcome.batch_ids)
        return Submission(
            len(checked),
            outcome.accepted,
            outcome.processed,
            ids,
            failed,
            (*findings, *outcome.findings),
        )


def _library(records: Any, otherwise: str) -> str:
    return library_of(records) if is_frame(records) else otherwise
