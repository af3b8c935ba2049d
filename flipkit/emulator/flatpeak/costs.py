"""Costs of meter records: of one record at once, of a location or device by interval, of a session.

Where the contract is silent:

* The report of a location holds its own records and those of its devices; that of a device holds
  the device's alone.
* Anode selects by price: ``tariff_direction`` IMPORT holds what is priced as IMPORT, whichever way
  it flowed. Nothing is netted: without aggregation there is one row per record; by DAY or MONTH,
  energy against the usual flow (INBOUND for IMPORT and LOCAL, OUTBOUND for EXPORT), such as an
  avoided cost, has its own row that says so.
* Zero selects by flow: ``direction`` IMPORT holds all energy that flowed in; LOCAL energy is added
  to IMPORT at its price of 0 (documented). The query parameter ``tariff_rate`` (seen in a case
  study) narrows that to one price.
* Exported energy has a positive cost: what it earned.
* A window without bounds holds everything. Of a record that reaches beyond the window, the part
  inside counts. A day or month without records has no row.
* A missing tariff is a 422, also if there are no records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from flask import Response, request

from flipkit.calendar import periods
from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects, readings
from flipkit.emulator.flatpeak.caller import Caller, Version
from flipkit.emulator.flatpeak.pricing import Priced, PricedLocation, Pricer
from flipkit.emulator.flatpeak.readings import FAR_US, Readings, Series, SeriesReadings
from flipkit.emulator.flatpeak.records import accept, record_type
from flipkit.emulator.flatpeak.rows import PricedRows, encode, joined_rows, priced_rows, summed
from flipkit.emulator.flatpeak.wire import (
    MALFORMED,
    Refusal,
    RequestWindow,
    Route,
    answer,
    choice,
    decoding_message,
    direction,
    flag,
    hash_id,
    json_object,
    request_window,
)
from flipkit.emulator.store import Store
from flipkit.tariffs.rating import Span
from flipkit.vocabulary import DIRECTIONS, FLOWS, USUAL_DIRECTION, USUAL_FLOW, Int64

__all__ = ["CostRoutes"]

_AGGREGATIONS = ("DAY", "MONTH")
_OTHER_FLOW = {"INBOUND": "OUTBOUND", "OUTBOUND": "INBOUND"}
_UNBOUNDED = RequestWindow(None, None, 0)


class Selection(NamedTuple):
    """Which records a report holds, and how they are summed.

    Attributes
    ----------
    word : str
        The direction as the caller named it.
    tariff_directions : tuple of str
        The prices it holds.
    flow : str or None
        The flow it holds; None for both, in separate rows.
    aggregation : str
        DAY, MONTH, or empty.
    """

    word: str
    tariff_directions: tuple[str, ...]
    flow: str | None
    aggregation: str

    def holds(self, series: Series) -> bool:
        """Return whether the records of a series belong to the report."""
        has_flow = self.flow is None or self.flow == series.flow
        return has_flow and series.tariff_direction in self.tariff_directions


@dataclass(frozen=True, slots=True)
class CostRoutes:
    """The routes below ``/costs``."""

    store: Store
    clock: Clock
    pricer: Pricer

    def routes(self) -> list[Route]:
        """Return all of them."""
        return [
            Route("POST", "/costs/instant", "cost_instant", self.instant),
            Route("POST", "/costs/interval/<object_id>", "cost_interval", self.interval),
            Route("POST", "/costs/session/<path:session_id>", "cost_session", self.session),
        ]

    def instant(self, caller: Caller) -> Response:
        """Answer the cost of a record; store it unless the query says ``non_persistent=true``.

        Without a price nothing is stored. A record that is not stored leaves no trace: its id is a
        hash.
        """
        version = caller.version
        non_persistent = flag("non_persistent")
        body = json_object()
        record = _decode_record(body, version)
        with self.store.read() if non_persistent else self.store.write() as db:
            location = PricedLocation.get(db, record.location_id)
            if record.device_id:
                objects.get(db, "device", record.device_id)
            series, columns = _accept_one(db, record, version)

            rows = self._rows_of_new(db, location, series, columns)
            echo = _echo(record, body, series, version) | {"non_persistent": non_persistent}
            # A new id would change a counter in the store.
            if non_persistent:
                record_id = hash_id("mre", caller, echo)
            else:
                readings.write(db, series, columns)
                record_id = self.store.new_id(db, "mre")

        [row] = encode(rows, request_window(body), version)
        record_body = {
            "id": record_id,
            "object": "meter_record",
            "live_mode": caller.live_mode,
            **_directions(series, version),
            **_units(location, version),
            "request": echo,
            "data": row,
            "time_created": self.clock.text(),
            "account_id": caller.account_id,
        }
        return answer(record_body)

    def _rows_of_new(
        self, db: sqlite3.Connection, location: PricedLocation, series: Series, columns: Readings
    ) -> PricedRows:
        """Price records as if they were already stored, so that they count towards tiers."""
        edges = np.array([columns.start_us[0], columns.end_us[0]])
        window = (int(edges[0]), int(edges[1]))
        prices = self.pricer.priced(
            db, location, series.tariff_direction, window, cuts=edges, new=(series, columns)
        )
        return priced_rows(series, columns, edges, prices, flows_apart=False)

    def interval(self, caller: Caller, object_id: str) -> Response:
        """Answer the costs of a location or device, by record, day or month."""
        body = json_object(may_be_empty=True)
        window = request_window(body)
        selection = _read_selection(caller.version, body)
        with self.store.read() as db:
            if objects.exists(db, "device", object_id):
                location = _location_of_device(db, object_id)
            else:
                location = PricedLocation.get(db, object_id)
            selected = _selected_readings(db, object_id, selection, window)
            report = _Report(db, self.pricer, location, selection, window)
            rows = report.rows(selected, caller.version)
        report_id = hash_id("ecs", object_id, tuple(window), tuple(selection))
        return answer(_report_body(caller, report_id, object_id, location, selection, rows))

    def session(self, caller: Caller, session_id: str) -> Response:
        """Answer the costs of a session, one row per record; there is no body."""
        selection = _read_selection(caller.version, {})._replace(aggregation="")
        with self.store.read() as db:
            everything = readings.session(db, session_id)
            if not everything:
                raise Refusal.unknown(f"no record of session {session_id!r}")
            latest_series, _ = everything[-1]
            location = PricedLocation.get(db, latest_series.location_id)
            selected = [each for each in everything if selection.holds(each[0])]
            report = _Report(db, self.pricer, location, selection, _UNBOUNDED)
            rows = report.rows(selected, caller.version)
        object_id = latest_series.device_id or latest_series.location_id
        report_id = hash_id("ecs", session_id, tuple(selection))
        return answer(_report_body(caller, report_id, object_id, location, selection, rows))


def _decode_record(body: Mapping[str, Any], version: Version) -> Any:
    try:
        return msgspec.convert(body, record_type(version.name))
    except MALFORMED as error:
        raise Refusal.invalid(decoding_message(error)) from None


def _accept_one(db: sqlite3.Connection, record: Any, version: Version) -> SeriesReadings:
    usual_direction: Mapping[str, str] = USUAL_DIRECTION
    if not version.reports_by_flow:
        # Anode documents IMPORT as the default of this one endpoint, whatever the flow.
        usual_direction = dict.fromkeys(FLOWS, "IMPORT")
    outcome = accept(db, [record], [], version, usual_direction=usual_direction)
    if outcome.failures:
        raise Refusal.invalid(outcome.failures[0].error)
    return outcome.groups[0]


def _directions(series: Series, version: Version) -> dict[str, str]:
    """Return flow and tariff direction under the names of the version."""
    return {
        version.name_of("energy_flow_direction"): version.flow_word(series.flow),
        version.name_of("tariff_direction"): series.tariff_direction,
    }


def _units(location: PricedLocation | None, version: Version) -> dict[str, str]:
    units = {"currency_code": location.currency} if location else {}
    units["energy_units"] = "WH"
    if version.carbon:
        units["carbon_units"] = "gCO2eq"
    return units


def _echo(record: Any, body: Mapping[str, Any], series: Series, version: Version) -> dict[str, Any]:
    """Return the record as submitted, with its defaults."""
    names = {version.name_of(name) for name in record.__struct_fields__}
    given = {name: value for name, value in body.items() if name in names and value is not None}
    echo: dict[str, Any] = {"confidence": 1}
    if version.measurand:
        echo["measurand"] = "TRANSFERRED"
    return echo | given | _directions(series, version)


def _report_body(
    caller: Caller,
    report_id: str,
    object_id: str,
    location: PricedLocation | None,
    selection: Selection,
    rows: list[Any],
) -> dict[str, Any]:
    timezone = {"location_timezone": location.timezone} if location else {}
    return {
        "id": report_id,
        "object": "energy_cost",
        "object_id": object_id,
        "live_mode": caller.live_mode,
        caller.version.report_direction: selection.word,
        **timezone,
        **_units(location, caller.version),
        "data": rows,
        "account_id": caller.account_id,
    }


def _read_selection(version: Version, body: Mapping[str, Any]) -> Selection:
    """Read what the query and the body select; 422 for an unknown word, or two that differ."""
    aggregation = choice(request.args.get("aggregation"), "aggregation", _AGGREGATIONS, "")
    if not version.reports_by_flow:
        word = direction("tariff_direction", DIRECTIONS, body)
        return Selection(word, (word,), None, aggregation)
    word = direction(version.report_direction, tuple(version.flows), body)
    rate = choice(
        request.args.get("tariff_rate"), "tariff_rate", DIRECTIONS, "", "tariff_direction_invalid"
    )
    return Selection(word, (rate,) if rate else DIRECTIONS, version.flows[word], aggregation)


def _selected_readings(
    db: sqlite3.Connection, object_id: str, selection: Selection, window: RequestWindow
) -> list[SeriesReadings]:
    """Return the selected records of a location or device that touch the window, without ids."""
    start = -FAR_US if window.start_us is None else window.start_us
    end = FAR_US if window.end_us is None else window.end_us
    selected = []
    for series_id, series in readings.series_of(db, object_id):
        if not selection.holds(series):
            continue
        columns = readings.read(db, series_id, start, end)
        if columns is not None:
            selected.append((series, columns.without_ids()))
    return selected


def _location_of_device(db: sqlite3.Connection, device_id: str) -> PricedLocation | None:
    """Return the location of a device's newest series; None if it has no records."""
    all_series = [series for _, series in readings.series_of(db, device_id)]
    return PricedLocation.get(db, all_series[-1].location_id) if all_series else None


@dataclass(frozen=True, slots=True)
class _Report:
    """Calculates the rows of a cost report.

    `location` says whose local days and months count; None if there is no record at all.
    """

    db: sqlite3.Connection
    pricer: Pricer
    location: PricedLocation | None
    selection: Selection
    window: RequestWindow

    def rows(self, selected: list[SeriesReadings], version: Version) -> list[Any]:
        """Return the rows as the version writes them.

        Raises
        ------
        Refusal
            422 ``no_tariff_connected``, ``no_price_data``, or records in several currencies.
        """
        if self.location is None:
            return []
        if not selected:  # without records, a missing tariff is still an error
            self.pricer.priced(self.db, self.location, self.selection.word, (0, 1))
            return []

        extent = self._extent(selected)
        edges = self._edges(self.location.timezone, extent)
        cuts = _cuts(edges, selected)
        flows_apart = self.selection.flow is None
        prices: dict[tuple[str, str], Priced] = {}
        parts = []
        for series, columns in selected:
            key = series.location_id, series.tariff_direction
            if key not in prices:
                prices[key] = self._priced(series, extent, cuts)
            parts.append(priced_rows(series, columns, edges, prices[key], flows_apart=flows_apart))
        rows = joined_rows(parts)
        if self.selection.aggregation:
            rows = summed(rows, edges)
        odd_flow = _OTHER_FLOW[USUAL_FLOW[self.selection.word]] if flows_apart else None
        return encode(rows, self.window, version, odd_flow=odd_flow)

    def _extent(self, selected: list[SeriesReadings]) -> Span:
        """Return the time from the first to the last record, inside the window."""
        start = min(int(columns.start_us[0]) for _, columns in selected)
        end = max(int(columns.end_us.max()) for _, columns in selected)
        if self.window.start_us is not None:
            start = max(start, self.window.start_us)
        if self.window.end_us is not None:
            end = min(end, self.window.end_us)
        return start, end

    def _edges(self, timezone: str, extent: Span) -> Int64:
        """Return where rows begin and end: at local days or months, or only at the ends."""
        if not self.selection.aggregation:
            return np.array(extent, dtype=np.int64)
        edges = periods(self.selection.aggregation, timezone, *extent).edges
        # The first and last period are cut where the caller's window is, not where records are.
        return np.clip(edges, self.window.start_us, self.window.end_us)

    def _priced(self, series: Series, extent: Span, cuts: Int64) -> Priced:
        """Return the prices of a series; a device may have been at several locations."""
        assert self.location is not None
        location = PricedLocation.get(self.db, series.location_id)
        currency = self.location.currency
        if location.currency != currency:
            message = f"records in {currency} and {location.currency} cannot be added"
            raise Refusal.invalid(message)
        return self.pricer.priced(self.db, location, series.tariff_direction, extent, cuts=cuts)


def _cuts(edges: Int64, selected: list[SeriesReadings]) -> Int64:
    """Return the edges of the report and of all records, where tiered prices must be cut."""
    times = [edges]
    for _, columns in selected:
        times += [columns.start_us, columns.end_us]
    return np.concatenate(times)
