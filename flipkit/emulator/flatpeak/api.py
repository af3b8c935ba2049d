"""The Flatpeak API as a Flask blueprint: login, version, and every route that `Route` lists name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects as flatpeak_objects
from flipkit.emulator.flatpeak import pricing, readings
from flipkit.emulator.flatpeak.answers import Refusal, answer, envelope
from flipkit.emulator.flatpeak.audits import Audits
from flipkit.emulator.flatpeak.connect import Connect
from flipkit.emulator.flatpeak.costs import Costs
from flipkit.emulator.flatpeak.locations import Customers, Devices, Locations
from flipkit.emulator.flatpeak.meters import Meters
from flipkit.emulator.flatpeak.prices import Prices
from flipkit.emulator.flatpeak.pricing import Pricer
from flipkit.emulator.flatpeak.routes import Route
from flipkit.emulator.flatpeak.schedules import Schedules
from flipkit.emulator.flatpeak.tariffs import Tariffs
from flipkit.emulator.flatpeak.tokens import LIFETIME_S, Caller, basic_pair, issue, verify
from flipkit.emulator.flatpeak.versions import ANODE, HEADER, VERSIONS, Version
from flipkit.emulator.store import Store

__all__ = ["SCHEMA", "flatpeak_blueprint"]

SCHEMA = flatpeak_objects.SCHEMA + readings.SCHEMA + pricing.SCHEMA

# Documented, and not built: Connect sessions; schedules by amount, whose savings are against a cost nowhere defined.
_ABSENT = (
    ("POST", "/schedules", "schedule_create"),
    ("POST", "/schedules/amount/<object_id>", "schedule_by_amount"),
    ("GET", "/connect/tariff/token", "connect_tariff_token_retrieve"),
    ("POST", "/connect/tariff/batch", "connect_batch"),
)


def flatpeak_blueprint(store: Store, clock: Clock) -> Blueprint:
    """All routes of the Flatpeak API.

    Parameters
    ----------
    store : Store
        Its tables are made where they are missing.
    clock : Clock
        What tokens expire by, and what divides confirmed prices from forecasts.

    Returns
    -------
    flask.Blueprint
    """
    store.create(SCHEMA)
    blueprint, desk = Blueprint("flatpeak", __name__), _Desk(clock)
    pricer = Pricer(store, clock)
    parts = (
        Devices(store, clock),
        Customers(store, clock),
        Locations(store, clock, pricer),
        Tariffs(store, clock, pricer),
        Meters(store, clock),
        Costs(store, clock, pricer),
        Prices(store, clock, pricer),
        Audits(store, clock, pricer),
        Schedules(store, clock, pricer),
        Connect(store, clock),
    )
    blueprint.add_url_rule("/login", "login", desk.login, methods=["GET"])
    for route in (*(route for part in parts for route in part.routes()), *_other_routes()):
        # A doubled slash may belong to a session id; it is no address to be mended by a redirect.
        methods, view = [route.method], desk.view(route)
        blueprint.add_url_rule(route.path, route.name, view, methods=methods, merge_slashes=False)
    blueprint.after_request(_name_version)
    return blueprint


class _Desk:
    """What every request passes: its version, its token, and how a refusal is written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def login(self) -> Response:
        """``GET /login``: any account id and any key open the emulator; only ``sk_live_`` keys are live."""
        pair = basic_pair(request.headers.get("Authorization", ""))
        try:
            version = _version()
            if pair is None:
                raise Refusal(403, "bad_credentials", "Bad credentials")
        except Refusal as refusal:
            return self._refused(refusal, "login", live_mode=False)
        caller = Caller(pair[0], pair[1].startswith("sk_live_"), version)
        token = issue(caller, self._now_s())
        return answer(
            {"bearer_token": token, "expires_in": LIFETIME_S, "live_mode": caller.live_mode}
        )

    def view(self, route: Route) -> Callable[..., Response]:
        """The route's view behind version and token."""

        def call(**ids: str) -> Response:
            live_mode = False
            try:
                caller = self._caller(_version())
                live_mode = caller.live_mode
                if route.version not in (None, caller.version):
                    raise Refusal.unknown(
                        f"{caller.version.name} has no {route.method} {request.path}"
                    )
                return route.view(caller, **ids)
            except Refusal as refusal:
                return self._refused(refusal, route.name, live_mode=live_mode)

        return call

    def _caller(self, version: Version) -> Caller:
        caller = verify(request.headers.get("Authorization", ""), self._now_s(), version)
        if caller is None:
            raise Refusal(403, "bad_credentials", "Bad credentials")
        return caller

    def _refused(self, refusal: Refusal, name: str, *, live_mode: bool) -> Response:
        said = refusal.status, refusal.code, refusal.message
        return envelope(
            *said, context=f"api.{name}", live_mode=live_mode, time_created=self._clock.text()
        )

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000


def _version() -> Version:
    """The version the header names; Anode where it names none."""
    name = request.headers.get(HEADER, ANODE.name)
    if name not in VERSIONS:
        known = " and ".join(VERSIONS)
        raise Refusal.invalid(
            f"Requested API version {name} is not supported; known: {known}",
            "api_version_not_supported",
        )
    return VERSIONS[name]


def _name_version(response: Response) -> Response:
    name = request.headers.get(HEADER, ANODE.name)
    response.headers["flatpeak-version"] = name if name in VERSIONS else ANODE.name
    return response


def _other_routes() -> Iterator[Route]:
    yield Route("GET", "/events", "event_list", _no_events)
    yield Route("GET", "/events/<object_id>", "event_retrieve", _no_event)
    for method, path, name in _ABSENT:
        yield Route(method, path, name, _absent)


def _no_events(_caller: Caller) -> Response:
    return answer({"object": "list", "url": "/events", "has_more": False, "data": []})


def _no_event(_caller: Caller, object_id: str) -> Response:
    raise Refusal.unknown(f"no event {object_id!r}")


def _absent(_caller: Caller, **_ids: str) -> Response:
    raise Refusal(
        501, "not_implemented", f"the emulator does not have {request.method} {request.path}"
    )
