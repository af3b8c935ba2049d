"""Submitting meter records: by interval, by cumulative register, and asking what became of a batch.

A batch is processed at once, so ``records_processed`` equals ``records_accepted``. A record that cannot be used is
named in a 200; a call that cannot be used as a whole is refused and stores nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.answers import Refusal, answer
from flipkit.emulator.flatpeak.objects import Stored
from flipkit.emulator.flatpeak.records import Accepted, accept, decode
from flipkit.emulator.flatpeak.registers import decode_registers, intervals
from flipkit.emulator.flatpeak.requests import body_bytes
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.store import Store

__all__ = ["Meters"]

_MOST_BYTES = 32 << 20  # 10,000 records with every field at its longest are 15 MB


class Meters:
    """The routes below ``/meters``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("PUT", "/meters/interval", "meter_interval", self.interval),
            Route("PUT", "/meters/cumulative/epoch", "meter_cumulative", self.cumulative),
            # The path of Anode's page is not known; the shorter one is a guess at it.
            Route("PUT", "/meters/cumulative", "meter_cumulative_alias", self.cumulative),
            Route("GET", "/meters/batch", "meter_batch", self.batch),
        ]

    def interval(self, caller: Caller) -> Response:
        """``PUT /meters/interval``: an array of records."""
        records, failures = decode(body_bytes(_MOST_BYTES), caller.version)
        with self._store.write() as db:
            accepted = accept(db, records, failures, caller.version)
            return self._kept(db, caller, accepted, len(records))

    def cumulative(self, caller: Caller) -> Response:
        """``PUT /meters/cumulative/epoch``: one register and its readings."""
        call = decode_registers(body_bytes(_MOST_BYTES), caller.version)
        with self._store.write() as db:
            return self._kept(
                db, caller, intervals(db, call), len(call.points) + len(call.failures)
            )

    def batch(self, caller: Caller) -> Response:
        """``GET /meters/batch``: what became of a call."""
        batch_id = request.args.get("batch_id")
        if not batch_id:
            raise Refusal.invalid("batch_id is missing")
        with self._store.read() as db:
            return answer(_batch(objects.get(db, "meter_batch", batch_id), caller))

    def _kept(
        self, db: sqlite3.Connection, caller: Caller, accepted: Accepted, submitted: int
    ) -> Response:
        for series, columns in accepted.groups:
            readings.write(db, series, columns)
        body = {
            "records_submitted": submitted,
            "records_accepted": accepted.total,
            "records_processed": accepted.total,
            "failed_records": msgspec.to_builtins(accepted.failures),
        }
        return answer(
            _batch(objects.create(self._store, db, "meter_batch", self._clock.text(), body), caller)
        )


def _batch(batch: Stored, caller: Caller) -> dict[str, Any]:
    frame = batch.frame(caller)
    del frame["live_mode"]  # the one object without it
    return frame | batch.body
