"""Cost rows of the wire as columns, a piece of the answer at a time.

The objects of 100,000 rows take 40 MB if they live at once, and finding clean memory for them takes a third of the
time; the objects of a piece leave their memory to those of the next.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from flipkit.calendar import parse_times
from flipkit.flatpeak.shapes import CostAnswer

__all__ = ["Report", "columns_of", "cost_decoder", "joined"]

_PIECE = 500_000  # bytes, some 3,000 rows
_DATA = re.compile(rb'"data"\s*:\s*\[')
_BETWEEN_ROWS = re.compile(rb"(?<=\})\s*,\s*(?=\{)")


class Report(NamedTuple):
    """An answer with cost rows.

    Attributes
    ----------
    head : CostAnswer
        Its rows are left out where `columns` holds them.
    columns : dict or None
        As `columns_of` makes them.
    """

    head: CostAnswer[Any]
    columns: dict[str, Any] | None


def cost_decoder(
    answers: msgspec.json.Decoder[CostAnswer[Any]], rows: msgspec.json.Decoder[list[Any]]
) -> msgspec.json.Decoder[Report]:
    """A decoder of reports, from one of whole answers and one of lists of rows; it can no more than ``decode``."""
    return cast(msgspec.json.Decoder[Report], _CostDecoder(answers, rows))


class _CostDecoder(NamedTuple):
    answers: msgspec.json.Decoder[CostAnswer[Any]]
    rows: msgspec.json.Decoder[list[Any]]

    def decode(self, content: bytes) -> Report:
        if len(content) > 2 * _PIECE:
            # What is wrong with the answer, if anything, is told of the whole.
            with contextlib.suppress(ValueError, RecursionError):
                return self._in_pieces(content)
        return Report(self.answers.decode(content), None)

    def _in_pieces(self, content: bytes) -> Report:
        """The answer with an empty list in place of its rows, and the rows.

        A wrong cut, such as one within a text, leaves a piece that is no list of rows, or a head without its list.

        Raises
        ------
        ValueError
            There is something wrong with the answer, or with the cuts.
        """
        first, last = _ends(content)
        head = self.answers.decode(content[:first] + content[last:])
        if head.data != []:
            raise ValueError("these are not the rows of the answer")
        pieces = _pieces(content, first, last)
        return Report(
            head, joined([columns_of(self.rows.decode(piece), parse_times) for piece in pieces])
        )


def _ends(content: bytes) -> tuple[int, int]:
    """Where the list of rows begins and ends, without its brackets."""
    opening = _DATA.search(content)
    if opening is None:
        raise ValueError("no list of rows")
    return opening.end(), content.rindex(b"]")


def _pieces(content: bytes, first: int, last: int) -> Iterator[bytes]:
    """The rows between `first` and `last` as lists of their own."""
    while cut := _BETWEEN_ROWS.search(content, first + _PIECE, last):
        yield b"[%b]" % content[first : cut.start()]
        first = cut.end()
    yield b"[%b]" % content[first:last]


def columns_of(
    rows: Sequence[Any], times: Callable[[Sequence[str], str], np.ndarray]
) -> dict[str, Any]:
    """Cost rows as columns; an empty text is null, and a text column that is null throughout is None.

    Parameters
    ----------
    rows : sequence of CostRow
    times : callable
        Reads times, given texts and their name: `parse_times` or `times_of`.

    Returns
    -------
    dict
        ``energy`` in the units of the wire.
    """
    start, end = _times(rows, times)
    return {
        "start_utc": start,
        "end_utc": end,
        # From an iterator: each number is touched once, while it is near.
        "energy": np.fromiter((row.energy.value for row in rows), np.float64, len(rows)),
        "cost": np.fromiter((row.cost.value for row in rows), np.float64, len(rows)),
        "confidence": np.fromiter((row.cost.confidence for row in rows), np.float64, len(rows)),
        "session_reference_id": _texts([row.session_reference_id or None for row in rows]),
        "record_reference_id": _texts([row.record_reference_id or None for row in rows]),
        "energy_flow_direction": _texts([row.energy_flow_direction or None for row in rows]),
    }


def _times(
    rows: Sequence[Any], times: Callable[[Sequence[str], str], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = [row.start_time for row in rows], [row.end_time for row in rows]
    if (
        ends[:-1] == starts[1:]
    ):  # rows without a gap, as a meter makes them: only the last end is news
        edges = times([*starts, *ends[-1:]], "data[].start_time or end_time")
        return edges[:-1], edges[1:]
    return times(starts, "data[].start_time"), times(ends, "data[].end_time")


def _texts(values: list[str | None]) -> list[str | None] | None:
    return None if values.count(None) == len(values) else values


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Columns one after another; a text or None in place of a column stands for all its rows."""
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part["cost"]) for part in parts]
    names = parts[0] if parts else {}
    return {name: _column([part[name] for part in parts], sizes) for name in names}


def _column(values: list[Any], sizes: list[int]) -> Any:
    if all(isinstance(value, np.ndarray) for value in values):
        return np.concatenate(values)
    if all(value is None or isinstance(value, str) for value in values):
        return (
            values[0] if len(set(values)) == 1 else np.repeat(np.array(values, dtype=object), sizes)
        )
    lists = (
        value if isinstance(value, list) else repeat(value, n)
        for value, n in zip(values, sizes, strict=True)
    )
    return list(chain.from_iterable(lists))
