"""What counts against the tiers of a location: its records and its devices', by tariff direction, as time goes.

Where the contract is silent: forecasts count like actuals. Energy against the usual flow of its direction (a battery
that supplies at the import price) is priced at the tier it meets, and does not count.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.readings import Readings, Series
from flipkit.emulator.flatpeak.versions import USUAL_FLOW
from flipkit.tariffs.rating import Span, Used

__all__ = ["New", "used_energy"]

New = tuple[Series, Readings]

_NONE = Readings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def used_energy(
    db: sqlite3.Connection, location_id: str, direction: str, window: Span, new: New | None = None
) -> Used:
    """The energy that counts over a window.

    Parameters
    ----------
    db : sqlite3.Connection
    location_id : str
    direction : str
        IMPORT, EXPORT or LOCAL.
    window : tuple of int
        Microseconds since 1970-01-01 UTC; records that only touch it are there with their whole energy.
    new : tuple of Series and Readings, optional
        Counts as if it were stored: a record with the same times is replaced as by `readings.write`.
    """
    counting = {
        each: number
        for number, each in readings.series_of(db, location_id)
        if _counts(each, direction)
    }
    stored = {series: readings.read(db, number, *window) for series, number in counting.items()}
    if new is not None and _counts(new[0], direction):
        stored[new[0]] = _merged(stored.get(new[0]), new[1])
    # By name, not in the order in which they came: the same records give the same bits.
    parts = [stored[series] for series in sorted(stored)]
    found = [part for part in parts if part is not None] or [_NONE]
    start, end, wh = (
        np.concatenate([getattr(part, name) for part in found])
        for name in ("start_us", "end_us", "wh")
    )
    return Used.of(start, end, wh / 1000.0)


def _merged(old: Readings | None, new: Readings) -> Readings:
    return readings.merged(new.at(slice(0)) if old is None else old, new)


def _counts(series: Series, direction: str) -> bool:
    return series.tariff_direction == direction and series.flow == USUAL_FLOW[direction]
