"""What became of the records of an upload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from flipkit.frames import FAILED_RECORDS, Finding, Frame, rows_text, take

__all__ = ["Finding", "Submission", "failed_frame"]

_SHOWN = 3


@dataclass(frozen=True, eq=False, repr=False)
class Submission:
    """What became of the records of an upload: every one was accepted, is in `failed`, or is in a finding.

    Attributes
    ----------
    submitted : int
        Records handed in.
    accepted : int
        Records that the service took.
    processed : int
        Those of them that it had processed when it answered; `Flatpeak.batch` tells how far it is.
    batch_ids : tuple of str
        One for each call that was answered.
    failed : DataFrame
        A row for each record that was not taken: ``row, location_id, device_id, record_reference_id, start_utc,
        end_utc, error``; `row` counts from 0 as the records were handed in.
    findings : tuple of Finding
        What to look at in records that were sent all the same.
    """

    submitted: int
    accepted: int
    processed: int
    batch_ids: tuple[str, ...]
    failed: Frame
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([self._headline(), *(f"  {line}" for line in self._details())])

    def _repr_html_(self) -> str:
        details = "".join(f"<li>{escape(line)}</li>" for line in self._details())
        return f"<div>{escape(self._headline())}{f'<ul>{details}</ul>' if details else ''}</div>"

    def _headline(self) -> str:
        calls = len(self.batch_ids)
        batches = "1 batch" if calls == 1 else f"{calls:,} batches"
        return f"{self.submitted:,} records: {self.accepted:,} accepted in {batches}, {len(self.failed):,} failed"

    def _details(self) -> list[str]:
        columns = take(self.failed, numbers=("row",), texts=("error",))
        errors: list[str] = columns["error"].tolist()
        causes = Counter(errors).most_common(_SHOWN)
        lines = [f"failed: {text}{rows_text(_rows_of(columns, text))}" for text, _ in causes]
        left = len(set(errors)) - len(causes)
        more = [f"failed: {left} other reasons, see .failed"] if left else []
        return [*lines, *more, *map(str, self.findings)]


def _rows_of(columns: dict[str, np.ndarray], error: str) -> tuple[int, ...]:
    return tuple(columns["row"][columns["error"] == error].astype(np.int64).tolist())


def failed_frame(errors: Mapping[int, str], columns: Mapping[str, np.ndarray], into: str) -> Frame:
    """The records that failed, from the columns they were handed in with."""
    rows = np.array(sorted(errors), dtype=np.int64)
    start = columns["start_utc" if "start_utc" in columns else "time_utc"]
    taken: dict[str, Any] = {
        "row": rows,
        **{
            name: columns[name][rows]
            for name in ("location_id", "device_id", "record_reference_id")
        },
        "start_utc": start[rows],
        "end_utc": columns["end_utc"][rows] if "end_utc" in columns else None,
        "error": [errors[row] for row in rows.tolist()],
    }
    return FAILED_RECORDS.build(taken, into, ordered=True)
