"""Cost of meter records: at once for one, by interval for a location or device, by session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from flask import Response

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.answers import Refusal, answer, passing_id
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.pricing import Place, Pricer
from flipkit.emulator.flatpeak.readings import Series
from flipkit.emulator.flatpeak.records import USUAL_TARIFF, accept, record_type
from flipkit.emulator.flatpeak.reports import Selection, held_of, place_of_device, report, selection
from flipkit.emulator.flatpeak.requests import (
    MALFORMED,
    Window,
    flag,
    json_object,
    readable,
    window,
)
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.rows import encode, priced_rows
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import Version
from flipkit.emulator.store import Store

__all__ = ["Costs"]

_ALWAYS = Window(None, None, 0)


class Costs:
    """The routes below ``/costs``."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("POST", "/costs/instant", "cost_instant", self.instant),
            Route("POST", "/costs/interval/<object_id>", "cost_interval", self.interval),
            Route("POST", "/costs/session/<path:session_id>", "cost_session", self.session),
        ]

    def instant(self, caller: Caller) -> Response:
        """The cost of one record; it is stored unless the query says ``non_persistent=true``.

        Without a price nothing is stored either. A record that is not stored leaves no trace: its id is a hash.
        """
        passing, body = flag("non_persistent"), json_object()
        record = _record(body, caller.version)
        with self._store.read() if passing else self._store.write() as db:
            place = place_of(objects.get(db, "location", record.location_id))
            if record.device_id:
                objects.get(db, "device", record.device_id)
            accepted = accept(
                db, [record], [], caller.version, usual_tariff=_usual_tariff(caller.version)
            )
            if accepted.failures:
                raise Refusal.invalid(accepted.failures[0].error)
            [(series, columns)] = accepted.groups
            edges = np.array([columns.start_us[0], columns.end_us[0]])
            priced = self._pricer.priced(
                db,
                place,
                series.tariff_direction,
                int(edges[0]),
                int(edges[1]),
                cuts=edges,
                new=(series, columns),
            )
            rows = priced_rows(series, columns, edges, priced, flows_apart=False)
            if not passing:
                readings.write(db, series, columns)
            echo = _echo(record, body, series, caller.version) | {"non_persistent": passing}
            record_id = (
                passing_id("mre", caller, echo) if passing else self._store.new_id(db, "mre")
            )
        [row] = encode(rows, window(body), caller.version)
        extra = {"request": echo, "data": row}
        made = {"id": record_id, "object": "meter_record", "live_mode": caller.live_mode}
        made |= _words(series, caller.version) | _units(place, caller.version) | extra
        return answer(made | {"time_created": self._clock.text(), "account_id": caller.account_id})

    def interval(self, caller: Caller, object_id: str) -> Response:
        """The costs of a location or device, by record, day or month."""
        body = json_object(may_be_empty=True)
        asked, chosen = window(body), selection(caller.version, body)
        with self._store.read() as db:
            if objects.exists(db, "device", object_id):
                place = place_of_device(db, object_id)
            else:
                place = place_of(objects.get(db, "location", object_id))
            held = held_of(db, object_id, chosen, asked)
            rows = report(db, self._pricer, held, place, chosen, asked, caller.version)
        return answer(
            _energy_cost(
                caller, object_id, place, chosen, passing_id("ecs", object_id, asked, chosen), rows
            )
        )

    def session(self, caller: Caller, session_id: str) -> Response:
        """The costs of a session, a row for each of its records; no body."""
        chosen = selection(caller.version, {})._replace(aggregation="")
        with self._store.read() as db:
            everything = readings.session(db, session_id)
            if not everything:
                raise Refusal.unknown(f"no record of session {session_id!r}")
            latest = everything[-1][0]
            place = place_of(objects.get(db, "location", latest.location_id))
            held = [each for each in everything if chosen.holds(each[0])]
            rows = report(db, self._pricer, held, place, chosen, _ALWAYS, caller.version)
        object_id = latest.device_id or latest.location_id
        return answer(
            _energy_cost(
                caller, object_id, place, chosen, passing_id("ecs", session_id, chosen), rows
            )
        )


def _record(body: Mapping[str, Any], version: Version) -> Any:
    try:
        return msgspec.convert(body, record_type(version.name))
    except MALFORMED as error:
        raise Refusal.invalid(readable(error)) from None


def _usual_tariff(version: Version) -> Mapping[str, str]:
    """Anode's page of this one endpoint gives IMPORT as the default, whatever the flow."""
    return USUAL_TARIFF if version.reports_by_flow else dict.fromkeys(USUAL_TARIFF, "IMPORT")


def _words(series: Series, version: Version) -> dict[str, str]:
    values = {
        "energy_flow_direction": version.flow_word(series.flow),
        "tariff_direction": series.tariff_direction,
    }
    return {version.record.get(name, name): word for name, word in values.items()}


def _units(place: Place | None, version: Version) -> dict[str, str]:
    carbon = {"carbon_units": "gCO2eq"} if version.carbon else {}
    currency = {"currency_code": place.setting.currency} if place else {}
    return currency | {"energy_units": "WH"} | carbon


def _echo(record: Any, body: Mapping[str, Any], series: Series, version: Version) -> dict[str, Any]:
    """The record as submitted, with the defaults it was given."""
    names = {version.record.get(name, name) for name in record.__struct_fields__}
    given = {name: value for name, value in body.items() if name in names and value is not None}
    measurand = {"measurand": "TRANSFERRED"} if version.measurand else {}
    return {"confidence": 1} | measurand | given | _words(series, version)


def _energy_cost(
    caller: Caller,
    object_id: str,
    place: Place | None,
    chosen: Selection,
    report_id: str,
    rows: list[Any],
) -> dict[str, Any]:
    zone = {"location_timezone": place.setting.timezone} if place else {}
    return {
        "id": report_id,
        "object": "energy_cost",
        "object_id": object_id,
        "live_mode": caller.live_mode,
        caller.version.report_direction: chosen.word,
        **zone,
        **_units(place, caller.version),
        "data": rows,
        "account_id": caller.account_id,
    }
