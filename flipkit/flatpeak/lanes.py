"""Checked records as calls: which go side by side, which one after another, and the body of each."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from flipkit.calendar import format_times
from flipkit.flatpeak.delivery import LARGEST_CALL, Call, chunks
from flipkit.flatpeak.records import SERIES, Checked, series_codes
from flipkit.flatpeak.wire import Reading, Wire
from flipkit.http import WORKERS

__all__ = ["interval_lanes", "record_bodies", "register_lanes"]


def interval_lanes(checked: Checked, contested: np.ndarray, wire: Wire) -> list[list[Call]]:
    """The order decides only among contested records: those of a series share a lane, other calls have their own."""

    def calls(rows: np.ndarray) -> list[Call]:
        return [
            Call(part, partial(record_bodies, checked.columns, part, wire)) for part in chunks(rows)
        ]

    alone = np.setdiff1d(checked.good, contested, assume_unique=True)
    few = len(contested) <= LARGEST_CALL
    lane = 0 * contested if few else series_codes(checked.columns, contested, SERIES) % WORKERS
    return [[call] for call in calls(alone)] + [
        calls(contested[lane == one]) for one in np.unique(lane)
    ]


def record_bodies(columns: dict[str, np.ndarray], rows: np.ndarray, wire: Wire) -> list[Any]:
    """The bodies of records, in the fields' order of `Wire.record`."""
    taken = {name: column[rows] for name, column in columns.items()}
    shares = [None if share != share else share for share in taken["confidence"].tolist()]
    texts = ("device_id", "session_reference_id", "record_reference_id")
    fields = (
        taken["location_id"].tolist(),
        [wire.flows[flow] for flow in taken["energy_flow_direction"]],
        taken["tariff_direction"].tolist(),
        taken["units"].tolist(),
        taken["value"].tolist(),
        format_times(taken["start_utc"]),
        format_times(taken["end_utc"]),
        *(taken[name].tolist() for name in texts),
        shares,
    )
    return list(map(wire.record, *fields))


def register_lanes(checked: Checked, wire: Wire) -> list[list[Call]]:
    """A lane a series; a call holds readings of one session and unit, because it names them only once."""
    rows = checked.good
    series = series_codes(checked.columns, rows, SERIES)
    heads = series_codes(checked.columns, rows, ("session_reference_id", "units"))
    order = np.lexsort((rows, checked.columns["time_utc"][rows].view(np.int64), series))
    rows, series, heads = rows[order], series[order], heads[order]
    lanes = []
    for lane in _runs(series):
        runs = [rows[lane][run] for run in _runs(heads[lane])]
        parts = [part for run in runs for part in chunks(run)]
        lanes.append([Call(part, partial(_register_body, checked, wire, part)) for part in parts])
    return lanes


def _runs(codes: np.ndarray) -> list[slice]:
    """Where a code stays the same."""
    edges = np.flatnonzero(np.diff(codes)) + 1
    bounds = [0, *edges.tolist(), len(codes)] if len(codes) else []
    return [slice(first, last) for first, last in pairwise(bounds)]


def _register_body(checked: Checked, wire: Wire, rows: np.ndarray) -> dict[str, Any]:
    taken = {name: column[rows] for name, column in checked.columns.items()}
    names = (
        "location_id",
        "device_id",
        "session_reference_id",
        "energy_flow_direction",
        "tariff_direction",
        "units",
    )
    head = {name: taken[name][0] for name in names if taken[name][0] is not None}
    head["energy_flow_direction"] = wire.flows[head["energy_flow_direction"]]
    seconds = taken["time_utc"].astype("datetime64[s]").astype(np.int64).tolist()
    readings = map(Reading, seconds, taken["value"].tolist(), taken["record_reference_id"].tolist())
    return {
        **{wire.names.get(name, name): value for name, value in head.items()},
        "data": list(readings),
    }
