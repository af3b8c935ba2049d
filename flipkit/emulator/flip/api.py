"""The four endpoints of the Flip Aggregator API."""

from __future__ import annotations

import re

import msgspec
from flask import Blueprint, Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flip import fleet
from flipkit.emulator.flip.fleet import commission
from flipkit.emulator.flip.wire import (
    MONTH,
    CommissionBody,
    FleetDataBody,
    FlipRefusal,
    decode,
    framework_body,
    general,
    invalid,
    json_answer,
    refused,
)
from flipkit.emulator.store import Store

__all__ = ["flip_blueprint"]

_BEARER = re.compile(r"Bearer +[!-~]+", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,9}")


def flip_blueprint(store: Store, clock: Clock) -> Blueprint:
    """Return the routes below ``/v1``; the clock says which month (in UTC) is the current one."""
    store.create(fleet.SCHEMA)
    flip = Blueprint("flip", __name__, url_prefix="/v1")
    flip.before_request(_check_key)
    flip.register_error_handler(FlipRefusal, refused)

    @flip.get("/sites")
    def sites() -> Response:
        skip = _count("skip", 0)
        limit = _count("limit", -1)
        with store.read() as db:
            documents = fleet.site_documents(db, skip, limit)
        return json_answer([msgspec.Raw(document) for document in documents])

    @flip.get("/reports/equipment_performance")
    def equipment_performance() -> Response:
        month = _month(clock)
        with store.read() as db:
            return json_answer(fleet.performance_report(db, month))

    @flip.post("/fleet-data")
    def fleet_data() -> Response:
        body = decode(_content(), FleetDataBody)
        if not body.records:
            raise invalid("records array must not be empty")
        with store.write() as db:
            outcomes = fleet.push(db, body.records)
        return json_answer({"records": outcomes})

    @flip.post("/commission")
    def commission_site() -> Response:
        body = decode(_content(), CommissionBody)
        with store.write() as db:
            commission(db, body, clock.text())
        empty = Response(status=201)  # documented: success has no body
        del empty.headers["Content-Type"]
        return empty

    return flip


def _check_key() -> None:
    if not _BEARER.fullmatch(request.headers.get("Authorization", "")):
        message = "Send 'Authorization: Bearer <api key>' with every request"
        raise general(401, "UNAUTHORIZED", message)


def _content() -> bytes:
    if request.mimetype != "application/json":
        message = f"Unsupported Media Type: {request.mimetype or 'none'}"
        raise FlipRefusal(415, framework_body(415, message))
    return request.get_data()


def _month(clock: Clock) -> str:
    month = request.args.get("month", clock.text()[:7])
    if not re.match(MONTH, month):
        raise invalid(f"month must be YYYY-MM, such as 2025-06; got {month!r}")
    return month


def _count(name: str, default: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not _COUNT.fullmatch(text):
        raise invalid(f"{name} must be a whole number of at most 9 digits; got {text!r}")
    return int(text)
