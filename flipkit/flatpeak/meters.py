"""The upload of meter records."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from flipkit.flatpeak.delivery import (
    Call,
    Submission,
    deliver,
    failed_frame,
    interval_queues,
    register_queues,
)
from flipkit.flatpeak.records import (
    CheckedRecords,
    contested_rows,
    falling_registers,
    implausible_intervals,
    implausible_registers,
    read_intervals,
    read_readings,
    repeats_and_overlaps,
)
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Batch
from flipkit.frames import FAILED_RECORDS, Finding, FrameType

__all__ = ["Meters"]

_log = logging.getLogger("flipkit.flatpeak")
_BATCH = msgspec.json.Decoder(Batch)


class Meters(Service[FrameType]):
    """The methods for meter records."""

    def submit_interval(self, records: Any) -> Submission:
        """Submit energy or power over intervals.

        A record that cannot be sent, or that the service refuses, is in ``failed`` with its row and
        the reason. The others are sent concurrently, in calls of at most 10,000. Records that
        repeat or overlap each other are sent one call after another, in their order. Sending the
        same records again is harmless.

        Parameters
        ----------
        records : DataFrame or list of dict
            Required: ``location_id``, ``units`` (W, KW: power held over the interval; WH, KWH:
            energy in it), ``value`` (not negative), ``start_utc``, ``end_utc`` (with a zone).
            Optional: ``device_id`` (the record is then the device's), ``session_reference_id``,
            ``record_reference_id``, ``energy_flow_direction`` (INBOUND or OUTBOUND; default
            INBOUND), ``tariff_direction`` (IMPORT, EXPORT or LOCAL; default IMPORT for INBOUND,
            EXPORT for OUTBOUND), ``confidence`` (0 to 1, below 1 is a forecast; default 1).

        Returns
        -------
        Submission
            Its frame is of the library of `records`, if that is a frame. Findings:
            ``records.repeated``, ``records.overlap``, and likely slips: ``records.power`` (above 1
            MW, in series of few records), ``energy.unit`` (Wh or MWh for kWh), ``energy.register``
            (readings of a register), ``energy.peak`` (a stray reading). All records are sent.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
            The frame as a whole cannot be read; nothing was sent.
        AuthenticationFailed, ConnectionFailed
            The login failed; nothing was sent.
        """
        checked = read_intervals(records)
        repeats, overlaps = contested_rows(checked)
        return self._submit(
            checked,
            interval_queues(checked, np.union1d(repeats, overlaps), self._wire),
            [*repeats_and_overlaps(repeats, overlaps), *implausible_intervals(checked)],
            path=("meters", "interval"),
            into=self._library_of(records),
        )

    def submit_cumulative(self, records: Any) -> Submission:
        """Submit readings of registers that only count up.

        The service takes the difference of two consecutive readings of a series (location, device,
        directions) as the energy between them, also across calls. So the readings of a series are
        sent in order of time, one call after another, and different series concurrently.

        Parameters
        ----------
        records : DataFrame or list of dict
            Required: ``location_id``, ``units`` (WH or KWH), ``value`` (the register, not
            negative), ``time_utc`` (with a zone, whole seconds). Optional: ``device_id``,
            ``session_reference_id``, ``record_reference_id``, ``energy_flow_direction``,
            ``tariff_direction``, as for `submit_interval`.

        Returns
        -------
        Submission
            ``start_utc`` of its frame is the time of the reading. Findings:
            ``records.register_fell``, ``records.repeated``, and the likely slips of
            `submit_interval` in what the register counts between readings.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
            The frame as a whole cannot be read; nothing was sent.
        AuthenticationFailed, ConnectionFailed
            The login failed; nothing was sent.
        """
        checked = read_readings(records)
        return self._submit(
            checked,
            register_queues(checked, self._wire),
            [*falling_registers(checked), *implausible_registers(checked)],
            path=("meters", "cumulative", "epoch"),
            into=self._library_of(records),
        )

    def batch(self, batch_id: str) -> Submission:
        """Return the current state of a batch.

        Parameters
        ----------
        batch_id : str
            One of a submission's ``batch_ids``.

        Returns
        -------
        Submission
            ``row`` of its frame counts within the batch.

        Raises
        ------
        NotFound
            There is no such batch.
        """
        batch = self._ask(_BATCH, "GET", "meters", "batch", query={"batch_id": batch_id}).value
        records = batch.failed_records or []
        failed = {
            "row": [record.record_num for record in records],
            "record_reference_id": [record.record_reference_id or None for record in records],
            "error": [record.error for record in records],
        }
        return Submission(
            submitted=batch.records_submitted or 0,
            accepted=batch.records_accepted or 0,
            processed=batch.records_processed or 0,
            batch_ids=(batch.id or batch_id,),
            failed=FAILED_RECORDS.build(failed, self.frames),
        )

    def _submit(
        self,
        checked: CheckedRecords,
        queues: Sequence[Sequence[Call]],
        findings: list[Finding],
        *,
        path: tuple[str, ...],
        into: str,
    ) -> Submission:
        for finding in findings:
            _log.warning("%s", finding)
        if queues:
            self._token.secret()  # wrong keys are one error now, not one for each record later
        result = deliver(lambda body: self._ask(_BATCH, "PUT", *path, body=body).value, queues)
        return Submission(
            submitted=len(checked),
            accepted=result.accepted,
            processed=result.processed,
            batch_ids=tuple(result.batch_ids),
            failed=failed_frame(checked.errors | result.errors, checked.columns, into),
            findings=(*findings, *result.findings),
        )
