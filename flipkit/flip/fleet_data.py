"""``POST /v1/fleet-data``: records out, and for each what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flipkit.calendar import check_month
from flipkit.errors import InputError
from flipkit.flip.plain import identifier, is_null, without_nulls
from flipkit.flip.read import list_in
from flipkit.flip.wire import EXPECTED_MONTH, EXPECTED_PRODUCTION, RESULT_ERRORS, RESULT_LISTS

__all__ = ["Entry", "batches_of", "entries_of", "outcome_columns", "settle"]

_BATCH = 500  # records a call; Flip names no limit, its telemetry takes 1,000
_ABOUT = ("external_id", "record_type")  # beside ``data`` in the service's own records


@dataclass(slots=True)
class Entry:
    """A record on its way.

    Attributes
    ----------
    row : int
        Where it stood in what was handed in.
    external_id, record_type : str or None
    data : dict or None
        What is sent; None where the record cannot be sent.
    status, error : str or None
        What became of it.
    """

    row: int
    external_id: str | None = None
    record_type: str | None = None
    data: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """As sent."""
        return {"external_id": self.external_id, "record_type": self.record_type, "data": self.data}

    def fail(self, error: str) -> None:
        """Note what is wrong."""
        self.status, self.error = "FAILED", error


def entries_of(records: Iterable[Mapping[str, Any]], record_type: str) -> list[Entry]:
    """The records as entries; one that cannot be sent has failed already, and says why."""
    return [_entry(row, record, record_type) for row, record in enumerate(records)]


def _entry(row: int, record: Mapping[str, Any], record_type: str) -> Entry:
    entry = Entry(row)
    try:
        kind = record.get("record_type")
        entry.record_type = identifier(record_type if is_null(kind) else kind, "record_type")
        entry.external_id = identifier(record.get("external_id"), "external_id")
        entry.data = _data(record)
    except InputError as error:
        entry.fail(str(error))
    return entry


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    """The members of ``data``: as handed in, or else every other column."""
    given = record.get("data")
    columns = {name: value for name, value in record.items() if name not in _ABOUT}
    beside = [str(name) for name, value in columns.items() if name != "data" and not is_null(value)]
    if isinstance(given, Mapping) and beside:
        raise InputError(f"{', '.join(beside)}: beside data there is only {' and '.join(_ABOUT)}")
    sent = (
        without_nulls(given, "data") if isinstance(given, Mapping) else without_nulls(columns, "")
    )
    if EXPECTED_PRODUCTION in sent and EXPECTED_MONTH in sent:
        check_month(sent[EXPECTED_MONTH], EXPECTED_MONTH)
    return sent


def batches_of(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries that can be sent, in their order, at most 500 a call."""
    good = [entry for entry in entries if entry.data is not None]
    return [good[start : start + _BATCH] for start in range(0, len(good), _BATCH)]


def settle(batch: Sequence[Entry], value: Any) -> None:
    """Note what the service says became of each record of a batch that it took.

    An answer without a list of records means all of them. A list counts by position; where it does not match the
    batch, by ``external_id``, and a record that it leaves out is ``UNKNOWN``.
    """
    items = list_in(value, RESULT_LISTS)
    if items is None:
        items = [{}] * len(batch)
    elif not _is_aligned(batch, items):
        by_id = {str(item.get("external_id")): item for item in items if isinstance(item, Mapping)}
        items = [by_id.get(str(entry.external_id)) for entry in batch]
    for entry, item in zip(batch, items, strict=True):
        _note(entry, item)


def _is_aligned(batch: Sequence[Entry], items: Sequence[Any]) -> bool:
    ids = [item.get("external_id") if isinstance(item, Mapping) else None for item in items]
    return len(ids) == len(batch) and all(
        given is None or str(given) == entry.external_id
        for given, entry in zip(ids, batch, strict=True)
    )


def _note(entry: Entry, item: Any) -> None:
    if not isinstance(item, Mapping):
        entry.status, entry.error = (
            "UNKNOWN",
            "the call was accepted, but the answer does not mention this record",
        )
        return
    said = next((item[name] for name in RESULT_ERRORS if item.get(name)), None)
    status = item.get("status")
    entry.error = (
        said if said is None or isinstance(said, str) else msgspec.json.encode(said).decode()
    )
    entry.status = status if isinstance(status, str) else "SUCCESS" if said is None else "FAILED"


def outcome_columns(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    """The columns of the fleet data frame."""
    return {
        name: [getattr(entry, name) for entry in entries]
        for name in ("row", "external_id", "record_type", "status", "error")
    }
