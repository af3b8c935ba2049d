"""Which records a cost report holds, and their rows.

Where the contract is silent:

* A location's report holds its own records and those of devices there; a device's report those of the device alone.
* Anode chooses by price: ``tariff_direction`` IMPORT holds what is priced as IMPORT, whichever way it flowed. Nothing
  is netted: unaggregated there is a row a record; by DAY or MONTH energy against the usual flow (INBOUND for IMPORT
  and LOCAL, OUTBOUND for EXPORT), such as an avoided cost, has a row of its own that says so.
* Zero chooses by flow: ``direction`` IMPORT holds all energy that flowed in, LOCAL at its price of nothing added to
  IMPORT (documented); the query parameter ``tariff_rate`` (seen in a case study) narrows that to one price.
* Sold energy has a positive cost: what it earned.
* A window without bounds holds everything. A record that reaches beyond the window counts with its part inside. A
  day or month without records has no row.
* No tariff is a 422 where records need one, and where there are no records to show the lack of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from flask import request

from flipkit.calendar import day_edges, month_edges
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.pricing import Place, Priced, Pricer
from flipkit.emulator.flatpeak.readings import Readings, Series
from flipkit.emulator.flatpeak.requests import Window, choice, direction
from flipkit.emulator.flatpeak.rows import encode, joined_rows, priced_rows, summed
from flipkit.emulator.flatpeak.versions import USUAL_FLOW, Version
from flipkit.vocabulary import Int64

__all__ = ["Held", "Selection", "held_of", "place_of_device", "report", "selection"]

Held = list[tuple[Series, Readings]]

_DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")
_EDGES = {"DAY": day_edges, "MONTH": month_edges}
_OTHER = {"INBOUND": "OUTBOUND", "OUTBOUND": "INBOUND"}
_FAR_US = 1 << 62


class Selection(NamedTuple):
    """What a report is about.

    Attributes
    ----------
    word : str
        As the caller said it.
    tariff_directions : tuple of str
        The prices it holds.
    flow : str or None
        The flow it holds; None for both, kept apart.
    aggregation : str
        DAY, MONTH, or empty.
    """

    word: str
    tariff_directions: tuple[str, ...]
    flow: str | None
    aggregation: str

    def holds(self, series: Series) -> bool:
        """Whether records of the series belong in the report."""
        return series.tariff_direction in self.tariff_directions and self.flow in (
            None,
            series.flow,
        )


def selection(version: Version, body: Mapping[str, Any]) -> Selection:
    """What the query and the body ask for.

    Raises
    ------
    Refusal
        422 for an unknown word, or query and body that differ.
    """
    aggregation = choice(request.args.get("aggregation"), "aggregation", _EDGES, "")
    if not version.reports_by_flow:
        word = direction("tariff_direction", _DIRECTIONS, body)
        return Selection(word, (word,), None, aggregation)
    word = direction(version.report_direction, tuple(version.flows), body)
    rate = choice(
        request.args.get("tariff_rate"), "tariff_rate", _DIRECTIONS, "", "tariff_direction_invalid"
    )
    return Selection(word, (rate,) if rate else _DIRECTIONS, version.flows[word], aggregation)


def held_of(db: sqlite3.Connection, object_id: str, chosen: Selection, asked: Window) -> Held:
    """The chosen records of a location or device that touch the window, without the caller's ids of them."""
    start = -_FAR_US if asked.start_us is None else asked.start_us
    end = _FAR_US if asked.end_us is None else asked.end_us
    found = []
    for series_id, series in readings.series_of(db, object_id):
        columns = readings.read(db, series_id, start, end) if chosen.holds(series) else None
        if columns is not None:
            found.append((series, Readings(*columns.columns()[:4])))
    return found


def place_of_device(db: sqlite3.Connection, device_id: str) -> Place | None:
    """Where a device last had a new kind of record; None where it never had any."""
    known = [series for _, series in readings.series_of(db, device_id)]
    return place_of(objects.get(db, "location", known[-1].location_id)) if known else None


def report(
    db: sqlite3.Connection,
    pricer: Pricer,
    held: Held,
    place: Place | None,
    chosen: Selection,
    asked: Window,
    version: Version,
) -> list[Any]:
    """The rows of a report, as the version writes them.

    Parameters
    ----------
    db : sqlite3.Connection
    pricer : Pricer
    held : list of (Series, Readings)
        Records that touch the window.
    place : Place or None
        Whose local days and months count; None where there is no record at all.
    chosen : Selection
    asked : Window
    version : Version

    Raises
    ------
    Refusal
        422 ``no_tariff_connected``, ``no_price_data``, or records in several currencies.
    """
    if not held:
        _check_tariff(db, pricer, place, chosen)
        return []
    assert place is not None
    start, end = _extent(held, asked)
    edges = _edges(chosen.aggregation, place.setting.timezone, start, end, asked)
    cuts = np.concatenate(
        [edges, *(times for _, each in held for times in (each.start_us, each.end_us))]
    )
    prices = _Prices(db, pricer, place, (start, end), cuts)
    apart = chosen.flow is None
    parts = [priced_rows(*each, edges, prices.of(each[0]), flows_apart=apart) for each in held]
    rows = joined_rows(parts)
    if chosen.aggregation:
        rows = summed(rows, edges)
    return encode(rows, asked, version, odd_flow=_OTHER[USUAL_FLOW[chosen.word]] if apart else None)


class _Prices:
    """The prices of a report, each once."""

    def __init__(
        self,
        db: sqlite3.Connection,
        pricer: Pricer,
        place: Place,
        window: tuple[int, int],
        cuts: Int64,
    ) -> None:
        self._db, self._pricer, self._currency = db, pricer, place.setting.currency
        self._window, self._cuts = window, cuts
        self._known: dict[tuple[str, str], Priced] = {}

    def of(self, series: Series) -> Priced:
        key = series.location_id, series.tariff_direction
        if key not in self._known:
            place = place_of(objects.get(self._db, "location", series.location_id))
            if place.setting.currency != self._currency:
                raise Refusal.invalid(
                    f"records in {self._currency} and {place.setting.currency} do not add up"
                )
            self._known[key] = self._pricer.priced(
                self._db, place, series.tariff_direction, *self._window, cuts=self._cuts
            )
        return self._known[key]


def _check_tariff(
    db: sqlite3.Connection, pricer: Pricer, place: Place | None, chosen: Selection
) -> None:
    if place is not None:
        pricer.priced(db, place, chosen.word, 0, 1)


def _extent(held: Held, asked: Window) -> tuple[int, int]:
    """From the first to the last instant of the records inside the window."""
    first = min(int(columns.start_us[0]) for _, columns in held)
    last = max(int(columns.end_us.max()) for _, columns in held)
    start = first if asked.start_us is None else max(first, asked.start_us)
    return start, last if asked.end_us is None else min(last, asked.end_us)


def _edges(aggregation: str, timezone: str, start_us: int, end_us: int, asked: Window) -> Int64:
    """Where rows begin and end: at local midnights or months inside the window, or only at its ends."""
    if not aggregation:
        return np.array([start_us, end_us], dtype=np.int64)
    edges = _EDGES[aggregation](timezone, start_us, end_us).edges
    return np.clip(edges, asked.start_us, asked.end_us)
