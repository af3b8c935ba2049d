"""Requests to Flip: values as JSON, the body of a commission, and fleet data with its statuses."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import numpy as np

from flipkit.calendar import check_month, parse_time
from flipkit.errors import InputError, NaiveTimestampError
from flipkit.flip.wire import (
    DEVICE_FIELDS,
    EXPECTED_MONTH,
    EXPECTED_PRODUCTION,
    INSTALLED,
    RESULT_ERRORS,
    RESULT_LISTS,
    STATE_CODES,
    list_in,
)
from flipkit.frames import FLEET_DATA, records_of

__all__ = [
    "OutgoingRecord",
    "batches_of",
    "commission_body",
    "is_null",
    "missing_rows",
    "missing_text",
    "outgoing_records",
    "read_results",
    "status_columns",
    "to_id",
    "to_json",
    "to_rfc3339",
    "without_nulls",
]

_MAX_DEPTH = 32  # deeper nesting is a list that contains itself


def to_json(value: Any, where: str, depth: int = 0) -> Any:
    """Return `value` as a string, number, boolean, None, list or dict.

    Times become RFC 3339 text with their offset, dates ``YYYY-MM-DD``, nulls of any library None.
    Error messages begin with `where`.

    Raises
    ------
    NaiveTimestampError
        A time without a zone.
    InputError
        Infinity, text that is not valid Unicode, nesting deeper than 32 levels, or another type.
    """
    if is_null(value):
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.datetime64):
        raise NaiveTimestampError(
            f"{where}: {value} has no zone; use a datetime with tzinfo, or text with an offset"
        )
    if isinstance(value, np.generic) and not isinstance(value, np.timedelta64):
        value = value.item()
    if isinstance(value, bool | int | float | str | Decimal):
        return _to_scalar(value, where)
    if isinstance(value, datetime):
        return to_rfc3339(value, where)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple | np.ndarray):
        return _to_nested(value, where, depth)
    raise InputError(
        f"{where}: {type(value).__name__} cannot be written as JSON; use text or a number"
    )


def without_nulls(record: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return the members of `record` that are not null as JSON values; errors as in `to_json`."""
    members = {}
    for name, value in record.items():
        if is_null(value):
            continue
        path = f"{where}.{name}".lstrip(".")
        members[_to_key(name, where)] = to_json(value, path)
    return members


def to_id(value: Any, where: str) -> str:
    """Return an id as text; anything but text or an integer is an InputError, as is a blank one."""
    if is_null(value) or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{where} is missing")
    if isinstance(value, str):
        return str(to_json(value, where))
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    raise InputError(
        f"{where}: {reprlib.repr(value)} is not text; read that column as text to keep all digits"
    )


def to_rfc3339(value: Any, where: str) -> str:
    """Return a datetime or ISO 8601 text as RFC 3339 text, in its own zone.

    A value without a zone, or one that is not a time, is an error.
    """
    parse_time(value, where)  # raises
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    text: str = moment.isoformat()
    if text.endswith("+00:00"):
        return text.removesuffix("+00:00") + "Z"
    return text


def is_null(value: Any) -> bool:
    """Return whether `value` is None, NaN, or the missing value of pandas or numpy."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    can_be_nan = isinstance(value, float | np.floating | np.datetime64 | Decimal)
    return can_be_nan and bool(value != value)


def _to_scalar(value: bool | int | float | str | Decimal, where: str) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{where}: {value!a} is not valid Unicode") from None
        return str(value)
    if isinstance(value, int):
        return int(value)
    if not math.isfinite(value):
        raise InputError(f"{where}: {value} is not a finite number")
    return float(value)


def _to_nested(value: Any, where: str, depth: int) -> Any:
    if depth >= _MAX_DEPTH:
        raise InputError(f"{where}: nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        members = {}
        for name, member in value.items():
            members[_to_key(name, where)] = to_json(member, f"{where}.{name}", depth + 1)
        return members
    return [to_json(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]


def _to_key(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise InputError(f"{where or 'record'}: a key must be text, got {reprlib.repr(name)}")
    return str(to_json(name, where))


_AGREED = "has_agreed_to_terms_and_conditions"
_VERSION = "terms_and_conditions_version"
_ATTRIBUTE_FIELDS = ("name", "label", "type", "hint", "error")
_KINDS = {
    "site_attribute": "site fields",
    "terms": "terms",
    "program_attribute": "program attributes",
}

MissingRow = Mapping[str, str | None]


def commission_body(site: Any, devices: Any, enrollment: Any) -> dict[str, Any]:
    """Return the request body; the parameters are those of `Flip.commission`.

    Raises
    ------
    InputError
        A required field is missing or not an id, or the state code is unknown; names the field.
    NaiveTimestampError
        An install date without a zone.
    """
    body = {"site": _site(site), "devices": _devices(devices)}
    if enrollment is not None:
        body["enrollment"] = without_nulls(_dict(enrollment, "enrollment"), "enrollment")
    return body


def _site(site: Any) -> dict[str, Any]:
    fields = without_nulls(_dict(site, "site"), "site")
    fields["id"] = to_id(fields.get("id"), "site.id")
    state = fields.get("state_code")
    is_known = isinstance(state, str) and state in STATE_CODES
    if state is not None and not is_known:
        raise InputError(
            f"site.state_code: {state!r} is not one of the 51 that Flip accepts; "
            f"write the two capital letters of a US state, or PR"
        )
    return fields


def _devices(devices: Any) -> list[dict[str, Any]]:
    records = records_of(devices, what="devices")
    if not records:
        raise InputError("devices is empty; a site needs at least one device")
    return [_device(record, f"devices[{index}]") for index, record in enumerate(records)]


def _device(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    fields = without_nulls(record, where)
    required = (*DEVICE_FIELDS, INSTALLED)
    for name in required:
        if name not in fields:
            raise InputError(f"{where}.{name} is missing; a device needs {', '.join(required)}")
    for name in DEVICE_FIELDS:
        fields[name] = to_id(fields[name], f"{where}.{name}")
    fields[INSTALLED] = to_rfc3339(record[INSTALLED], f"{where}.{INSTALLED}")
    return fields


def _dict(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{what}: expected a dict, got {type(value).__name__}")
    return value


# ---- What is missing


def missing_rows(body: Any) -> list[MissingRow]:
    """Return one row per thing to collect from the body of a 422, ``{"enrollment": {...}}``.

    The keys are those of the missing information frame. A key that the body lacks asks for nothing.
    """
    enrollment = body.get("enrollment") if isinstance(body, Mapping) else None
    if not isinstance(enrollment, Mapping):
        return []
    site_attributes = _list(enrollment, "missing_site_attributes")
    program_attributes = _list(enrollment, "missing_program_specific_attributes")
    return [
        *(_row("site_attribute", name=_text(name), error="missing") for name in site_attributes),
        *_terms(enrollment),
        *map(_program_attribute, program_attributes),
    ]


def missing_text(rows: Sequence[MissingRow]) -> str:
    """Return the rows as an error message."""
    parts = []
    for kind, words in _KINDS.items():
        items = [_described(row) for row in rows if row["kind"] == kind]
        if items:
            parts.append(f"{words}: {', '.join(items)}")
    missing = "; ".join(parts) or "it does not say what"
    return f"Flip needs more information to commission this site: {missing}"


def _terms(enrollment: Mapping[str, Any]) -> Iterator[MissingRow]:
    if enrollment.get(f"missing_{_AGREED}") is True:
        yield _row("terms", name=_AGREED, type="boolean", error="missing")
    errors = [
        error for error in ("missing", "incorrect") if enrollment.get(f"{error}_{_VERSION}") is True
    ]
    if errors:
        yield _row("terms", name=_VERSION, type="string", error=" and ".join(errors))


def _program_attribute(item: Any) -> MissingRow:
    if not isinstance(item, Mapping):
        return _row("program_attribute", name=_text(item))
    fields = {name: _text(item.get(name)) for name in _ATTRIBUTE_FIELDS}
    return _row("program_attribute", **fields)


def _row(kind: str, **fields: str | None) -> MissingRow:
    empty = dict.fromkeys(_ATTRIBUTE_FIELDS)
    return {"kind": kind, **empty, **fields}


def _described(row: MissingRow) -> str:
    details = (row["label"], row["type"], row["hint"], row["error"])
    given = [detail for detail in details if detail and detail != "missing"]
    return f"{row['name']} ({'; '.join(given)})" if given else f"{row['name']}"


def _list(enrollment: Mapping[str, Any], name: str) -> list[Any]:
    value = enrollment.get(name)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value)[:400]


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
        # Of several results with one id the last counts, as for the records themselves.
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
    return {name: [getattr(record, name) for record in records] for name in FLEET_DATA.names}
