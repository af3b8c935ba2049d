"""``POST /v1/fleet-data``: the records that are sent, and the status of each one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flipkit.calendar import check_month
from flipkit.errors import InputError
from flipkit.flip.answers import list_in
from flipkit.flip.json_values import is_null, to_id, without_nulls
from flipkit.flip.wire import EXPECTED_MONTH, EXPECTED_PRODUCTION, RESULT_ERRORS, RESULT_LISTS

__all__ = ["OutgoingRecord", "batches_of", "outgoing_records", "read_results", "status_columns"]

_BATCH_SIZE = 500  # Flip names no limit for this endpoint; its telemetry endpoint accepts 1,000
_OUTSIDE_DATA = ("external_id", "record_type")


@dataclass(slots=True)
class OutgoingRecord:
    """A record to send and its status.

    Attributes
    ----------
    row : int
        Position in the input.
    external_id, record_type : str or None
    data : dict or None
        What is sent; None if the record cannot be sent.
    status, error : str or None
        Filled in when the record has failed or Flip has answered.
    """

    row: int
    external_id: str | None = None
    record_type: str | None = None
    data: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The record as it is sent."""
        return {"external_id": self.external_id, "record_type": self.record_type, "data": self.data}

    def fail(self, error: str) -> None:
        """Set the status to ``FAILED``."""
        self.status = "FAILED"
        self.error = error


def outgoing_records(rows: Iterable[Mapping[str, Any]], record_type: str) -> list[OutgoingRecord]:
    """Return one record per row; a row that cannot be sent has failed, with the reason."""
    return [_record(number, row, record_type) for number, row in enumerate(rows)]


def _record(number: int, row: Mapping[str, Any], default_type: str) -> OutgoingRecord:
    record = OutgoingRecord(number)
    record_type = row.get("record_type")
    if is_null(record_type):
        record_type = default_type
    try:
        record.record_type = to_id(record_type, "record_type")
        record.external_id = to_id(row.get("external_id"), "external_id")
        record.data = _data(row)
    except InputError as error:
        record.fail(str(error))
    return record


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``data`` of a row in the service's own shape, else its other columns."""
    given = row.get("data")
    columns = {name: value for name, value in row.items() if name not in _OUTSIDE_DATA}
    if isinstance(given, Mapping):
        extra = [str(name) for name in columns if name != "data" and not is_null(columns[name])]
        if extra:
            raise InputError(
                f"{', '.join(extra)}: only {' and '.join(_OUTSIDE_DATA)} may stand beside data"
            )
        data = without_nulls(given, "data")
    else:
        data = without_nulls(columns, "")
    if EXPECTED_PRODUCTION in data and EXPECTED_MONTH in data:
        check_month(data[EXPECTED_MONTH], EXPECTED_MONTH)
    return data


def batches_of(records: Iterable[OutgoingRecord]) -> list[list[OutgoingRecord]]:
    """Return the records that can be sent, in order, in batches of 500."""
    sendable = [record for record in records if record.data is not None]
    starts = range(0, len(sendable), _BATCH_SIZE)
    return [sendable[start : start + _BATCH_SIZE] for start in starts]


def read_results(batch: Sequence[OutgoingRecord], value: Any) -> None:
    """Set the status of each record of a batch from the answer to an accepted call.

    Without a list of results, all records were accepted. A list is matched by position if its ids
    agree with the batch, else by ``external_id``; a record that it lacks is ``UNKNOWN``.
    """
    results = list_in(value, RESULT_LISTS)
    if results is None:
        results = [{}] * len(batch)
    elif not _matches_by_position(batch, results):
        by_id = {_id_in(result): result for result in results}
        results = [by_id.get(record.external_id) for record in batch]
    for record, result in zip(batch, results, strict=True):
        _read_result(record, result)


def _matches_by_position(batch: Sequence[OutgoingRecord], results: Sequence[Any]) -> bool:
    if len(results) != len(batch):
        return False
    pairs = zip(batch, results, strict=True)
    return all(_id_in(result) in {None, record.external_id} for record, result in pairs)


def _id_in(result: Any) -> str | None:
    external_id = result.get("external_id") if isinstance(result, Mapping) else None
    return None if external_id is None else str(external_id)


def _read_result(record: OutgoingRecord, result: Any) -> None:
    if not isinstance(result, Mapping):
        record.status = "UNKNOWN"
        record.error = "the call was accepted, but the answer does not mention this record"
        return
    record.error = _error_in(result)
    status = result.get("status")
    if isinstance(status, str):
        record.status = status
    else:
        record.status = "SUCCESS" if record.error is None else "FAILED"


def _error_in(result: Mapping[str, Any]) -> str | None:
    for name in RESULT_ERRORS:
        error = result.get(name)
        if error:
            return error if isinstance(error, str) else msgspec.json.encode(error).decode()
    return None


def status_columns(records: Sequence[OutgoingRecord]) -> dict[str, list[Any]]:
    """Return the columns of the fleet data frame."""
    return {
        "row": [record.row for record in records],
        "external_id": [record.external_id for record in records],
        "record_type": [record.record_type for record in records],
        "status": [record.status for record in records],
        "error": [record.error for record in records],
    }
