"""Cheap and dear times, by duration and by limit: Anode's ``POST /schedules/...``, Zero's ``GET /slots/...``.

Nothing is stored. What the contract leaves open: a duration longer than the window and a relative limit outside 0.01
to 1 are refused. Zero's description wants both limits echoed, though one of them is enough: the other is 0 there. It
wants the average price as ``rate_avg``, but in a threshold slot also ``rate``: both are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from flask import Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as objects
from flipkit.emulator.flatpeak.answers import Refusal, answer, passing_id
from flipkit.emulator.flatpeak.asked import Asked, around, asked_for, next_update
from flipkit.emulator.flatpeak.locations import place_of
from flipkit.emulator.flatpeak.price_slots import Slots, by_duration, by_limit, limit_of
from flipkit.emulator.flatpeak.pricing import Pricer
from flipkit.emulator.flatpeak.requests import Window, choice, direction, json_object, number
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.emulator.flatpeak.versions import ANODE, ZERO, Version
from flipkit.emulator.store import Store
from flipkit.tariffs import PriceSeries

__all__ = ["Schedules"]

_MINUTE_US = 60_000_000
_MOST_DAYS = {ANODE.name: 3, ZERO.name: 90}


class _Wish(NamedTuple):
    """What was asked for: its words as they are echoed, and what finds it in prices."""

    echo: dict[str, Any]
    find: Callable[[PriceSeries], Slots]


class Schedules:
    """The routes of schedules by duration and by limit."""

    def __init__(self, store: Store, clock: Clock, pricer: Pricer) -> None:
        self._store, self._clock, self._pricer = store, clock, pricer

    def routes(self) -> list[Route]:
        """Two for each generation."""
        return [
            Route(
                "POST",
                "/schedules/duration/<object_id>",
                "schedule_by_duration",
                self.duration,
                ANODE,
            ),
            Route("POST", "/schedules/limit/<object_id>", "schedule_by_limit", self.limit, ANODE),
            Route("GET", "/slots/time/<object_id>", "slot_time", self.slot_time, ZERO),
            Route(
                "GET", "/slots/threshold/<object_id>", "slot_threshold", self.slot_threshold, ZERO
            ),
        ]

    def duration(self, caller: Caller, object_id: str) -> Response:
        """Anode: object ``schedule_duration``."""
        return self._by_duration(
            caller, object_id, _anode_body(), {"id": "std", "object": "schedule_duration"}
        )

    def slot_time(self, caller: Caller, object_id: str) -> Response:
        """Zero: object ``slot_time``."""
        return self._by_duration(
            caller, object_id, _zero_query(), {"id": "sta", "object": "slot_time"}
        )

    def limit(self, caller: Caller, object_id: str) -> Response:
        """Anode: object ``schedule_limit``."""
        return self._by_limit(
            caller, object_id, _anode_body(), {"id": "spl", "object": "schedule_limit"}
        )

    def slot_threshold(self, caller: Caller, object_id: str) -> Response:
        """Zero: object ``slot_threshold``."""
        return self._by_limit(
            caller, object_id, _zero_query(), {"id": "slt", "object": "slot_threshold"}
        )

    def _by_duration(
        self, caller: Caller, object_id: str, fields: Mapping[str, Any], head: dict[str, str]
    ) -> Response:
        asked = asked_for(fields, self._clock, _MOST_DAYS[caller.version.name])
        found, _ = self._found(caller, object_id, fields, asked, _for_so_long(fields, asked))
        return answer(found | head | {"id": passing_id(head["id"], object_id, found["request"])})

    def _by_limit(
        self, caller: Caller, object_id: str, fields: Mapping[str, Any], head: dict[str, str]
    ) -> Response:
        asked = asked_for(fields, self._clock, _MOST_DAYS[caller.version.name])
        found, slots = self._found(
            caller, object_id, fields, asked, _within_limit(fields, caller.version)
        )
        total = {"duration": _number((slots.end_us - slots.start_us).sum() / _MINUTE_US)}
        return answer(
            found | head | total | {"id": passing_id(head["id"], object_id, found["request"])}
        )

    def _found(
        self, caller: Caller, object_id: str, fields: Mapping[str, Any], asked: Asked, wish: _Wish
    ) -> tuple[dict[str, Any], Slots]:
        version = caller.version
        known = ("IMPORT", "EXPORT") if version.reports_by_flow else ("IMPORT", "EXPORT", "LOCAL")
        word = direction(version.report_direction, known, fields)
        with self._store.read() as db:
            place = place_of(objects.get(db, "location", object_id))
            priced = self._pricer.priced(db, place, word, *asked.span)
        priced.check_covers(priced.series.start_us, priced.series.end_us)
        slots, chosen = wish.find(priced.series), {version.report_direction: word}
        content = {
            **around(caller, place, self._clock),
            **chosen,
            "next_update": next_update(self._clock),
            "request": chosen | wish.echo | asked.echo(),
            "data": list(_rows(slots, asked.window, version)),
        }
        return content, slots


def _anode_body() -> dict[str, Any]:
    body = json_object()
    if body.get("start_time") is None:
        raise Refusal.invalid("start_time is missing")
    return body


def _zero_query() -> dict[str, Any]:
    numbers = {
        name: number(request.args, name, text=True) for name in ("duration", "relative", "absolute")
    }
    return dict(request.args) | numbers


def _segment(fields: Mapping[str, Any]) -> str:
    found = choice(fields.get("segment"), "segment", ("LOW", "HIGH"), "")
    if not found:
        raise Refusal.invalid("segment is missing; write LOW or HIGH")
    return found


def _for_so_long(fields: Mapping[str, Any], asked: Asked) -> _Wish:
    segment, minutes = _segment(fields), number(fields, "duration")
    if minutes is None:
        raise Refusal.invalid("duration is missing; write minutes")
    longest = (asked.span[1] - asked.span[0]) / _MINUTE_US
    if not 0 < minutes <= longest or not round(minutes * _MINUTE_US):
        raise Refusal.invalid(
            f"duration must be more than 0 and at most the {longest:g} minutes of the window"
        )
    length = round(minutes * _MINUTE_US)
    echo = {"segment": segment, "duration": _number(minutes)}
    return _Wish(echo, lambda prices: by_duration(prices, length, segment))


def _within_limit(fields: Mapping[str, Any], version: Version) -> _Wish:
    """An absolute limit overrides a relative one."""
    segment = _segment(fields)
    given = {name: number(fields, name) for name in ("absolute", "relative")}
    absolute, relative = given["absolute"], given["relative"]
    if absolute is None and relative is None:
        raise Refusal.invalid("relative or absolute is missing; write one of them")
    if relative is not None and not 0.01 <= relative <= 1:
        raise Refusal.invalid(
            "relative must lie between 0.01, the lowest price, and 1, the highest"
        )
    unset = {} if version is ANODE else dict.fromkeys(given, 0)
    echo = (
        {"segment": segment}
        | unset
        | {name: value for name, value in given.items() if value is not None}
    )

    def find(prices: PriceSeries) -> Slots:
        limit = limit_of(prices, relative or 0.0) if absolute is None else absolute
        return by_limit(prices, limit, segment)

    return _Wish(echo, find)


def _rows(slots: Slots, window: Window, version: Version) -> Iterator[dict[str, Any]]:
    names = ("average",) if version is ANODE else ("rate_avg", "rate")
    columns = (window.texts(slots.start_us), window.texts(slots.end_us), slots.average.tolist())
    for start, end, average, confidence in zip(*columns, slots.confidence.tolist(), strict=True):
        price = dict.fromkeys(names, average) | {"confidence": confidence}
        yield {"start_time": start, "end_time": end, version.price: price}


def _number(value: float) -> float | int:
    """A whole number without a decimal point."""
    return int(value) if float(value).is_integer() else float(value)
