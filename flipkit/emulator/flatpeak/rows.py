"""Cost rows: meter records cut at the edges of a report, priced, and added up by day or month.

Energy is spread evenly over a record. A record across an edge (of the window, a local day, a month) is split in
proportion to time. Its whole Wh, rounded half up, are shared out so that the pieces add up to it, whatever the edges
are and in whichever report they fall. Costs come from the energy as submitted and are not rounded. Energy is neither
netted nor mixed: a day with energy in both directions of flow has a row for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.emulator.flatpeak.pricing import Priced
from flipkit.emulator.flatpeak.readings import Objects, Readings, Series
from flipkit.emulator.flatpeak.requests import Window
from flipkit.emulator.flatpeak.versions import USUAL_FLOW, Version
from flipkit.vocabulary import Float64, Int64

__all__ = ["Rows", "cut", "encode", "joined_rows", "priced_rows", "summed", "whole_wh"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Cost rows in columns.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
    energy_wh : ndarray of int64, shape (n,)
    cost : ndarray of float64, shape (n,)
        Major currency units.
    confidence : ndarray of float64, shape (n,)
        The lower of the record's and the price's.
    odd_flow : ndarray of bool, shape (n,)
        Whether the energy flowed the other way than energy of this price does, such as OUTBOUND priced as IMPORT.
    bin : ndarray of int64, shape (n,)
        Which day or month, counted from the first edge.
    session, record : ndarray of object, shape (n,), or None
    """

    start_us: Int64
    end_us: Int64
    energy_wh: Int64
    cost: Float64
    confidence: Float64
    odd_flow: Any
    bin: Int64
    session: Objects | None = None
    record: Objects | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.start_us)


class _Pieces(NamedTuple):
    owner: Int64
    bin: Int64
    start_us: Int64
    end_us: Int64


def whole_wh(wh: Float64) -> Int64:
    """Energy as whole Wh, half up: 10283.5 is 10284; a millionth of a Wh is taken for the noise of a float."""
    return np.floor(np.round(wh, 6) + 0.5).astype(np.int64)


def cut(readings: Readings, edges: Int64) -> _Pieces:
    """Records cut at edges; what lies outside the first and last of them falls away.

    Parameters
    ----------
    readings : Readings
        Each of which touches [first edge, last edge).
    edges : ndarray of int64, shape (k + 1,)

    Returns
    -------
    owner : ndarray of int64, shape (n,)
        The record of each piece.
    bin : ndarray of int64, shape (n,)
        The piece lies in [edges[bin], edges[bin + 1]).
    start_us, end_us : ndarray of int64, shape (n,)
    """
    first = np.maximum(np.searchsorted(edges, readings.start_us, side="right") - 1, 0)
    last = np.minimum(np.searchsorted(edges, readings.end_us, side="left") - 1, len(edges) - 2)
    counts = last - first + 1
    owner = np.repeat(np.arange(len(readings)), counts)
    bins = np.arange(int(counts.sum())) - (np.cumsum(counts) - counts)[owner] + first[owner]
    start = np.maximum(readings.start_us[owner], edges[bins])
    return _Pieces(owner, bins, start, np.minimum(readings.end_us[owner], edges[bins + 1]))


def priced_rows(
    series: Series, readings: Readings, edges: Int64, prices: Priced, *, flows_apart: bool
) -> Rows:
    """A row for each piece of each record of a series, priced.

    Parameters
    ----------
    series : Series
    readings : Readings
        Each of which touches [first edge, last edge).
    edges : ndarray of int64, shape (k + 1,)
    prices : Priced
        Over all of the pieces' time.
    flows_apart : bool
        Whether rows against the usual flow are marked, and so kept from being added to the others.

    Raises
    ------
    Refusal
        422 ``no_price_data`` where a piece lies in a gap of the prices.
    """
    pieces = cut(readings, edges)
    owner = pieces.owner
    start, length = readings.start_us[owner], (readings.end_us - readings.start_us)[owner]
    done_before, done_after = (pieces.start_us - start) / length, (pieces.end_us - start) / length
    whole = whole_wh(readings.wh)[owner]
    energy = np.floor(whole * done_after + 0.5) - np.floor(whole * done_before + 0.5)
    kwh = readings.wh[owner] / 1000.0 * ((pieces.end_us - pieces.start_us) / length)
    prices.check_covers(pieces.start_us, pieces.end_us)
    cost = prices.series.cost(pieces.start_us, pieces.end_us, kwh)
    certain = prices.series.minimum_confidence(pieces.start_us, pieces.end_us)
    odd = np.full(len(owner), flows_apart and series.flow != USUAL_FLOW[series.tariff_direction])
    ids = (
        None if column is None else column[owner] for column in (readings.session, readings.record)
    )
    confidence = np.minimum(readings.confidence[owner], certain)
    return Rows(
        pieces.start_us,
        pieces.end_us,
        energy.astype(np.int64),
        cost,
        confidence,
        odd,
        pieces.bin,
        *ids,
    )


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of several series in one order: by start, then end, then as given."""
    start, end = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("start_us", "end_us")
    )
    order = np.lexsort((end, start))
    names = ("energy_wh", "cost", "confidence", "odd_flow", "bin")
    plain = (np.concatenate([getattr(part, name) for part in parts])[order] for name in names)
    ids = (
        _ids([getattr(part, name) for part in parts], parts, order)
        for name in ("session", "record")
    )
    return Rows(start[order], end[order], *plain, *ids)


def summed(rows: Rows, edges: Int64) -> Rows:
    """One row for each day or month and flow that has records; the usual flow first."""
    group = 2 * rows.bin + rows.odd_flow
    order = np.argsort(group, kind="stable")
    heads = np.flatnonzero(np.append(True, np.diff(group[order]) != 0))
    bins, odd = rows.bin[order][heads], rows.odd_flow[order][heads]
    energy, cost = (np.add.reduceat(column[order], heads) for column in (rows.energy_wh, rows.cost))
    confidence = np.minimum.reduceat(rows.confidence[order], heads)
    return Rows(edges[bins], edges[bins + 1], energy, cost, confidence, odd, bins)


class _Energy(msgspec.Struct, gc=False):
    value: int


class _Cost(msgspec.Struct, gc=False):
    value: float
    confidence: float


def encode(
    rows: Rows, window: Window, version: Version, *, odd_flow: str | None = None
) -> list[Any]:
    """Rows as Flatpeak writes them, with the ids of session and record where the rows have such columns.

    Parameters
    ----------
    rows : Rows
    window : Window
        How the caller writes times.
    version : Version
    odd_flow : str, optional
        What ``energy_flow_direction`` says on rows against the usual flow. The field is an addition of the emulator's:
        the contract has none that would tell an avoided cost from a cost.
    """
    starts, ends = window.texts(rows.start_us), window.texts(rows.end_us)
    energy = map(_Energy, rows.energy_wh.tolist())
    cost = map(_Cost, rows.cost.tolist(), rows.confidence.tolist())
    made = list(map(_row_type(version.cost), starts, ends, energy, cost))
    for number in np.flatnonzero(rows.odd_flow).tolist() if odd_flow else ():
        made[number].energy_flow_direction = odd_flow
    for name, column in (
        ("session_reference_id", rows.session),
        ("record_reference_id", rows.record),
    ):
        for row, value in zip(
            made, () if column is None else column.tolist(), strict=column is not None
        ):
            setattr(row, name, value)
    return made


@lru_cache(maxsize=4)
def _row_type(cost: str) -> Any:
    names = ("energy_flow_direction", "session_reference_id", "record_reference_id")
    optional = [(name, str | None, None) for name in names]
    fields: list[Any] = [
        ("start_time", str),
        ("end_time", str),
        ("energy", _Energy),
        ("cost", _Cost),
        *optional,
    ]
    return msgspec.defstruct("Row", fields, rename={"cost": cost}, omit_defaults=True, gc=False)


def _ids(columns: list[Objects | None], parts: Sequence[Rows], order: Int64) -> Objects | None:
    if all(column is None for column in columns):
        return None
    pairs = zip(columns, parts, strict=True)
    return np.concatenate(
        [np.full(len(part), None) if column is None else column for column, part in pairs]
    )[order]
