"""Cost rows as arrays, decoded from the bytes of an answer in chunks.

The row objects of a report of 100,000 rows take 40 MB if all exist at once, and allocating that
memory takes a third of the time. The objects of one chunk reuse the memory of those before.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import parse_times
from flipkit.errors import InputError, RequestInfo, UnexpectedAnswer
from flipkit.flatpeak.shapes import CostAnswer
from flipkit.http import Answer, Decoder
from flipkit.vocabulary import USUAL_FLOW, Direction, Float64, Int64

__all__ = [
    "CostColumns",
    "CostDecoder",
    "CostReport",
    "CostRows",
    "contract_error",
    "cost_columns",
    "in_kwh",
]

_CHUNK_BYTES = 500_000  # about 3,000 rows
_DATA = re.compile(rb'"data"\s*:\s*\[')
_BETWEEN_ROWS = re.compile(rb"(?<=\})\s*,\s*(?=\{)")
_UNITS_PER_KWH = {"WH": 1000.0, "KWH": 1.0}

Texts = list[str | None] | None
"""A column of text; None if it is null throughout."""


@dataclass(frozen=True, slots=True)
class CostRows:
    """The cost rows of one object under one tariff direction, ordered by start and end.

    Attributes
    ----------
    object_id : str or None
    tariff_direction : str
    currency, timezone : str or None
        Of the whole report.
    answered_utc : str or None
        Time of the answer, ISO 8601.
    start_us, end_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC.
    energy_kwh, cost, confidence : ndarray of float64, shape (n,)
    session_reference_id, record_reference_id, energy_flow_direction : list of str, or None
        None if the column is null throughout.
    """

    object_id: str | None
    tariff_direction: Direction
    currency: str | None
    timezone: str | None
    answered_utc: str | None
    start_us: Int64
    end_us: Int64
    energy_kwh: Float64
    cost: Float64
    confidence: Float64
    session_reference_id: Texts
    record_reference_id: Texts
    energy_flow_direction: Texts

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.cost)

    @property
    def is_usual_flow(self) -> np.ndarray:
        """Rows whose energy flows as usual for the direction; true if the service does not say.

        Energy the other way, such as what a battery supplied under IMPORT, is an avoided cost.
        """
        if self.energy_flow_direction is None:
            return np.ones(len(self), dtype=bool)
        usual = {None, USUAL_FLOW[self.tariff_direction]}
        return np.array([flow in usual for flow in self.energy_flow_direction], dtype=bool)


class CostColumns(NamedTuple):
    """Cost rows as columns, in the order and the energy unit of the answer."""

    start_us: Int64
    end_us: Int64
    energy: Float64
    cost: Float64
    confidence: Float64
    session_reference_id: Texts
    record_reference_id: Texts
    energy_flow_direction: Texts

    @classmethod
    def of_report(cls, answer: Answer[CostReport]) -> CostColumns:
        """Return the columns of an answer, ordered by start and end."""
        report = answer.value
        columns = report.columns
        if columns is None:
            columns = cost_columns(report.head.data or [], answer.request)
        # The usual case: the rows are in order, and nothing is copied.
        if (columns.start_us[1:] > columns.start_us[:-1]).all():
            return columns
        order = np.lexsort((columns.end_us, columns.start_us))
        return cls._make(_taken(column, order) for column in columns)

    @classmethod
    def of_rows(cls, rows: Sequence[Any]) -> CostColumns:
        """Return decoded rows as columns; an empty string is null.

        Raises
        ------
        InputError
            A time that is not valid.
        """
        start_us, end_us = _times(rows)
        count = len(rows)
        return cls(
            start_us=start_us,
            end_us=end_us,
            # From iterators: each number is touched once, while it is in the cache.
            energy=np.fromiter((row.energy.value for row in rows), np.float64, count),
            cost=np.fromiter((row.cost.value for row in rows), np.float64, count),
            confidence=np.fromiter((row.cost.confidence for row in rows), np.float64, count),
            session_reference_id=_texts([row.session_reference_id or None for row in rows]),
            record_reference_id=_texts([row.record_reference_id or None for row in rows]),
            energy_flow_direction=_texts([row.energy_flow_direction or None for row in rows]),
        )

    @classmethod
    def joined(cls, parts: Sequence[CostColumns]) -> CostColumns:
        """Return the rows of all parts, one part after another."""
        if len(parts) == 1:
            return parts[0]
        sizes = [len(part.cost) for part in parts]
        return cls._make(_joined(columns, sizes) for columns in zip(*parts, strict=True))


def cost_columns(rows: Sequence[Any], request: RequestInfo) -> CostColumns:
    """Return decoded rows as columns.

    Raises
    ------
    UnexpectedAnswer
        A time that is not valid; names the row.
    """
    try:
        return CostColumns.of_rows(rows)
    except InputError as error:
        raise contract_error(error, request) from None


def contract_error(error: InputError, request: RequestInfo) -> UnexpectedAnswer:
    """Return the error for an answer with a value that cannot be read."""
    reason = str(error).partition(";")[0]  # without the advice, which is for a user's own input
    return UnexpectedAnswer(f"the answer does not match the contract: {reason}", request)


def in_kwh(energy: Float64, units: Sequence[str] | str, request: RequestInfo) -> Float64:
    """Return energy in kWh; `units` is that of all rows or one for each row.

    Raises
    ------
    UnexpectedAnswer
        An unknown unit.
    """
    unknown = set([units] if isinstance(units, str) else units) - set(_UNITS_PER_KWH)
    if unknown:
        raise UnexpectedAnswer(
            f"the energy is in {min(unknown)!r}; the contract promises WH", request
        )
    if isinstance(units, str):
        return energy / _UNITS_PER_KWH[units]
    units_per_kwh = np.array([_UNITS_PER_KWH[unit] for unit in units], dtype=np.float64)
    kwh: Float64 = energy / units_per_kwh
    return kwh


def _times(rows: Sequence[Any]) -> tuple[Int64, Int64]:
    starts = [row.start_time for row in rows]
    ends = [row.end_time for row in rows]
    # Rows without a gap, as a meter makes them: parse each instant once, not twice.
    if ends[:-1] == starts[1:]:
        edges = parse_times([*starts, *ends[-1:]], "data[].start_time or end_time").view(np.int64)
        return edges[:-1], edges[1:]
    start_us = parse_times(starts, "data[].start_time").view(np.int64)
    end_us = parse_times(ends, "data[].end_time").view(np.int64)
    return start_us, end_us


def _texts(values: list[str | None]) -> Texts:
    return None if values.count(None) == len(values) else values


def _joined(columns: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return one column of several answers: an array, texts, or None if all of them are null."""
    if isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    if all(column is None for column in columns):
        return None
    texts: list[str | None] = []
    for column, size in zip(columns, sizes, strict=True):
        texts.extend([None] * size if column is None else column)
    return texts


def _taken(column: Any, order: Int64) -> Any:
    if isinstance(column, list):
        return [column[row] for row in order.tolist()]
    return None if column is None else column[order]


class CostReport(NamedTuple):
    """A decoded cost report.

    Attributes
    ----------
    head : CostAnswer
        Without its rows, if they are in `columns`.
    columns : CostColumns or None
    """

    head: CostAnswer[Any]
    columns: CostColumns | None


class CostDecoder(NamedTuple):
    """Decodes a cost report, in chunks if it is long."""

    answers: Decoder[CostAnswer[Any]]
    rows: Decoder[list[Any]]

    def decode(self, content: bytes, /) -> CostReport:
        """Return the report; raise `msgspec.DecodeError` if it is not valid."""
        if len(content) > 2 * _CHUNK_BYTES:
            # Any problem is raised by decoding the whole: then its message has the right path.
            with contextlib.suppress(ValueError, RecursionError):
                return self._decode_in_chunks(content)
        return CostReport(self.answers.decode(content), None)

    def _decode_in_chunks(self, content: bytes) -> CostReport:
        """Cut the text between two rows; a wrong cut, e.g. within a string, raises ValueError.

        It leaves a chunk that is not a list of rows, or a head without an empty list.
        """
        first, last = _bounds_of_rows(content)
        head = self.answers.decode(content[:first] + content[last:])
        if head.data != []:
            raise ValueError("these are not the rows of the answer")
        parts = [
            CostColumns.of_rows(self.rows.decode(chunk)) for chunk in _chunks(content, first, last)
        ]
        return CostReport(head, CostColumns.joined(parts))


def _bounds_of_rows(content: bytes) -> tuple[int, int]:
    """Return where the list of rows begins and ends, without its brackets."""
    opening = _DATA.search(content)
    if opening is None:
        raise ValueError("no list of rows")
    return opening.end(), content.rindex(b"]")


def _chunks(content: bytes, first: int, last: int) -> Iterator[bytes]:
    """Yield the rows between `first` and `last` as lists of their own."""
    while cut := _BETWEEN_ROWS.search(content, first + _CHUNK_BYTES, last):
        yield b"[%b]" % content[first : cut.start()]
        first = cut.end()
    yield b"[%b]" % content[first:last]
