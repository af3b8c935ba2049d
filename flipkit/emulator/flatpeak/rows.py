"""Cost rows: meter records cut at the edges of a report, priced, and summed by day or month.

Energy is spread evenly over a record. A record across an edge (of the window, a local day, a month)
is split in proportion to time. Its energy in whole Wh, rounded half up, is distributed so that the
pieces add up to it, whatever the edges are and in whichever report they fall. Costs are calculated
from the energy as submitted and are not rounded. Energy is neither netted nor mixed: a day with
energy in both flows has one row for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from flipkit.calendar import split_at
from flipkit.emulator.flatpeak.caller import Version
from flipkit.emulator.flatpeak.pricing import Priced
from flipkit.emulator.flatpeak.readings import Objects, Readings, Series, joined_ids, selected_ids
from flipkit.emulator.flatpeak.wire import RequestWindow
from flipkit.vocabulary import USUAL_FLOW, Float64, Int64

__all__ = ["PricedRows", "encode", "joined_rows", "priced_rows", "summed"]


@dataclass(frozen=True, slots=True, eq=False)
class PricedRows:
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
        The energy flowed against the usual flow of its price, such as OUTBOUND priced as IMPORT.
    period : ndarray of int64, shape (n,)
        Index of the day or month, counted from the first edge.
    session, record : ndarray of object, shape (n,), or None
    """

    start_us: Int64
    end_us: Int64
    energy_wh: Int64
    cost: Float64
    confidence: Float64
    odd_flow: npt.NDArray[np.bool_]
    period: Int64
    session: Objects | None = None
    record: Objects | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.start_us)


def priced_rows(
    series: Series, readings: Readings, edges: Int64, prices: Priced, *, flows_apart: bool
) -> PricedRows:
    """Return one row per piece of each record of a series, priced.

    Parameters
    ----------
    series : Series
    readings : Readings
        Each of them touches [first edge, last edge).
    edges : ndarray of int64, shape (k + 1,)
    prices : Priced
        Over the time of all pieces.
    flows_apart : bool
        Mark rows against the usual flow, so that they are not added to the others.

    Raises
    ------
    Refusal
        422 ``no_price_data`` if a piece lies in a gap of the prices.
    """
    pieces = split_at(edges, readings.start_us, readings.end_us)
    prices.check_covers(pieces.start, pieces.end)
    kwh = readings.wh[pieces.row] / 1000.0 * pieces.share
    price_confidence = prices.series.minimum_confidence(pieces.start, pieces.end)
    is_odd = flows_apart and series.flow != USUAL_FLOW[series.tariff_direction]
    return PricedRows(
        start_us=pieces.start,
        end_us=pieces.end,
        energy_wh=_distributed_wh(readings, pieces.row, pieces.start, pieces.end),
        cost=prices.series.cost(pieces.start, pieces.end, kwh),
        confidence=np.minimum(readings.confidence[pieces.row], price_confidence),
        odd_flow=np.full(len(kwh), is_odd),
        period=pieces.period,
        session=selected_ids(readings.session, pieces.row),
        record=selected_ids(readings.record, pieces.row),
    )


def _distributed_wh(readings: Readings, row: Int64, start_us: Int64, end_us: Int64) -> Int64:
    """Distribute the whole Wh of each record over its pieces, in proportion to time."""
    # Round half up: 10283.5 is 10284. A millionth of a Wh counts as noise of a float.
    record_wh = np.floor(np.round(readings.wh, 6) + 0.5).astype(np.int64)[row]
    record_start = readings.start_us[row]
    length = readings.end_us[row] - record_start
    # A piece has the Wh until its end less the Wh until its start, each rounded: so the pieces of
    # a record add up, and a piece is the same in whichever report it falls.
    until_start = np.floor(record_wh * ((start_us - record_start) / length) + 0.5)
    until_end = np.floor(record_wh * ((end_us - record_start) / length) + 0.5)
    distributed: Int64 = (until_end - until_start).astype(np.int64)
    return distributed


def joined_rows(parts: Sequence[PricedRows]) -> PricedRows:
    """Return the rows of several series sorted by start, then end, then in the given order."""

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    sizes = [len(part) for part in parts]
    start = joined("start_us")
    end = joined("end_us")
    order = np.lexsort((end, start))
    return PricedRows(
        start_us=start[order],
        end_us=end[order],
        energy_wh=joined("energy_wh")[order],
        cost=joined("cost")[order],
        confidence=joined("confidence")[order],
        odd_flow=joined("odd_flow")[order],
        period=joined("period")[order],
        session=selected_ids(joined_ids([part.session for part in parts], sizes), order),
        record=selected_ids(joined_ids([part.record for part in parts], sizes), order),
    )


def summed(rows: PricedRows, edges: Int64) -> PricedRows:
    """Return one row per day or month and flow that has records; the usual flow first."""
    # A stable sort keeps the order within a group, and with it the order of the float additions.
    group = 2 * rows.period + rows.odd_flow
    order = np.argsort(group, kind="stable")
    is_first = np.append(True, np.diff(group[order]) != 0)
    first = np.flatnonzero(is_first)
    period = rows.period[order][first]
    return PricedRows(
        start_us=edges[period],
        end_us=edges[period + 1],
        energy_wh=np.add.reduceat(rows.energy_wh[order], first),
        cost=np.add.reduceat(rows.cost[order], first),
        confidence=np.minimum.reduceat(rows.confidence[order], first),
        odd_flow=rows.odd_flow[order][first],
        period=period,
    )


class _EnergyField(msgspec.Struct, gc=False):
    value: int


class _CostField(msgspec.Struct, gc=False):
    value: float
    confidence: float


def encode(
    rows: PricedRows, window: RequestWindow, version: Version, *, odd_flow: str | None = None
) -> list[Any]:
    """Return rows as Flatpeak writes them, with ids of session and record if they have any.

    Parameters
    ----------
    rows : PricedRows
    window : RequestWindow
        How the caller writes times.
    version : Version
    odd_flow : str, optional
        ``energy_flow_direction`` of rows against the usual flow. This field is an addition of the
        emulator: the contract has none that distinguishes an avoided cost from a cost.
    """
    starts = window.texts(rows.start_us)
    ends = window.texts(rows.end_us)
    energies = map(_EnergyField, rows.energy_wh.tolist())
    costs = map(_CostField, rows.cost.tolist(), rows.confidence.tolist())
    # Structs made by `map` and encoded at once are several times as fast as dictionaries.
    encoded = list(map(_row_type(version.cost), starts, ends, energies, costs))
    if odd_flow is not None:
        for number in np.flatnonzero(rows.odd_flow).tolist():
            encoded[number].energy_flow_direction = odd_flow
    if rows.session is not None:
        for row, session in zip(encoded, rows.session.tolist(), strict=True):
            row.session_reference_id = session
    if rows.record is not None:
        for row, record in zip(encoded, rows.record.tolist(), strict=True):
            row.record_reference_id = record
    return encoded


@lru_cache(maxsize=4)
def _row_type(cost: str) -> Any:
    fields: list[Any] = [
        ("start_time", str),
        ("end_time", str),
        ("energy", _EnergyField),
        ("cost", _CostField),
        ("energy_flow_direction", str | None, None),
        ("session_reference_id", str | None, None),
        ("record_reference_id", str | None, None),
    ]
    return msgspec.defstruct("Row", fields, rename={"cost": cost}, omit_defaults=True, gc=False)
