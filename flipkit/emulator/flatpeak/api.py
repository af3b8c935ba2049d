"""The Flatpeak API as a Flask blueprint: login, version and token checks, and all routes."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects, pricing, readings
from flipkit.emulator.flatpeak.caller import (
    ANODE,
    HEADER,
    LIFETIME_S,
    VERSIONS,
    Caller,
    Version,
    basic_pair,
    issue,
    verify,
)
from flipkit.emulator.flatpeak.costs import CostRoutes
from flipkit.emulator.flatpeak.locations import DeviceRoutes, LocationRoutes
from flipkit.emulator.flatpeak.meters import MeterRoutes
from flipkit.emulator.flatpeak.tariffs import PriceRoutes, TariffRoutes
from flipkit.emulator.flatpeak.wire import Refusal, Route, answer, error_answer
from flipkit.emulator.store import Store
from flipkit.vocabulary import SECOND_US

__all__ = ["SCHEMA", "flatpeak_blueprint"]

SCHEMA = objects.SCHEMA + readings.SCHEMA + pricing.SCHEMA

# Documented routes that no method of flipkit's client calls.
_NOT_IMPLEMENTED = (
    ("POST", "/customers", "customer_create"),
    ("GET", "/customers", "customer_list"),
    ("GET", "/customers/<object_id>", "customer_retrieve"),
    ("PATCH", "/customers/<object_id>", "customer_update"),
    ("DELETE", "/customers/<object_id>", "customer_delete"),
    ("GET", "/events", "event_list"),
    ("GET", "/events/<object_id>", "event_retrieve"),
    ("POST", "/audits/prices/<object_id>", "price_audit"),
    ("GET", "/tariffs/audit/<object_id>", "tariff_rate_audit"),
    ("POST", "/schedules", "schedule_create"),
    ("POST", "/schedules/amount/<object_id>", "schedule_by_amount"),
    ("POST", "/schedules/duration/<object_id>", "schedule_by_duration"),
    ("POST", "/schedules/limit/<object_id>", "schedule_by_limit"),
    ("GET", "/slots/time/<object_id>", "slot_time"),
    ("GET", "/slots/threshold/<object_id>", "slot_threshold"),
    ("POST", "/connect/token", "connect_token_create"),
    ("POST", "/connect/tariff/token", "connect_tariff_token_create"),
    ("GET", "/connect/tariff/token", "connect_tariff_token_retrieve"),
    ("POST", "/connect/tariff/batch", "connect_batch"),
)


def flatpeak_blueprint(store: Store, clock: Clock) -> Blueprint:
    """Return all routes of the Flatpeak API.

    Parameters
    ----------
    store : Store
        Missing tables are created.
    clock : Clock
        Decides when tokens expire, and separates confirmed prices from forecasts.

    Returns
    -------
    flask.Blueprint
    """
    store.create(SCHEMA)
    blueprint = Blueprint("flatpeak", __name__)
    authenticator = _Authenticator(clock)
    blueprint.add_url_rule("/login", "login", authenticator.login, methods=["GET"])
    for route in _all_routes(store, clock):
        blueprint.add_url_rule(
            route.path,
            route.name,
            authenticator.guarded(route),
            methods=[route.method],
            merge_slashes=False,  # a session id may contain a doubled slash
        )
    blueprint.after_request(_add_version)
    return blueprint


def _all_routes(store: Store, clock: Clock) -> list[Route]:
    pricer = pricing.Pricer(store, clock)
    return [
        *DeviceRoutes(store, clock).routes(),
        *LocationRoutes(store, clock, pricer).routes(),
        *TariffRoutes(store, clock, pricer).routes(),
        *MeterRoutes(store, clock).routes(),
        *CostRoutes(store, clock, pricer).routes(),
        *PriceRoutes(store, clock, pricer).routes(),
        *[Route(method, path, name, _not_implemented) for method, path, name in _NOT_IMPLEMENTED],
    ]


def _not_implemented(_caller: Caller, **_ids: str) -> Response:
    message = f"the emulator does not implement {request.method} {request.path}"
    raise Refusal(501, "not_implemented", message)


class _Authenticator:
    """Checks version and token of each request before its route, and writes refusals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def login(self) -> Response:
        """``GET /login``: any account id and key are accepted; only ``sk_live_`` keys are live."""
        # The version is checked first, as on every other route.
        pair = basic_pair(request.headers.get("Authorization", ""))
        try:
            version = _requested_version()
            if pair is None:
                raise Refusal(403, "bad_credentials", "Bad credentials")
        except Refusal as refusal:
            return self._refused(refusal, "login", live_mode=False)
        account_id, key = pair
        caller = Caller(account_id, key.startswith("sk_live_"), version)
        body = {
            "bearer_token": issue(caller, self._now_s()),
            "expires_in": LIFETIME_S,
            "live_mode": caller.live_mode,
        }
        return answer(body)

    def guarded(self, route: Route) -> Callable[..., Response]:
        """Return the view of a route behind the checks."""

        def view(**ids: str) -> Response:
            live_mode = False  # until the caller is known
            try:
                caller = self._caller(_requested_version())
                live_mode = caller.live_mode
                # Some addresses exist in one generation only, and both share one table of routes.
                if route.version not in (None, caller.version):
                    what = f"{caller.version.name} has no {route.method} {request.path}"
                    raise Refusal.unknown(what)
                return route.view(caller, **ids)
            except Refusal as refusal:
                return self._refused(refusal, route.name, live_mode=live_mode)

        return view

    def _caller(self, version: Version) -> Caller:
        caller = verify(request.headers.get("Authorization", ""), self._now_s(), version)
        if caller is None:
            raise Refusal(403, "bad_credentials", "Bad credentials")
        return caller

    def _refused(self, refusal: Refusal, name: str, *, live_mode: bool) -> Response:
        return error_answer(
            refusal.status,
            refusal.code,
            refusal.message,
            context=f"api.{name}",
            live_mode=live_mode,
            time_created=self._clock.text(),
        )

    def _now_s(self) -> int:
        return self._clock.now_us() // SECOND_US


def _requested_version() -> Version:
    """Return the version that the header names; Anode by default."""
    name = request.headers.get(HEADER, ANODE.name)
    if name not in VERSIONS:
        supported = " and ".join(VERSIONS)
        message = f"API version {name} is not supported; use {supported}"
        raise Refusal.invalid(message, "api_version_not_supported")
    return VERSIONS[name]


def _add_version(response: Response) -> Response:
    name = request.headers.get(HEADER, ANODE.name)
    response.headers["flatpeak-version"] = name if name in VERSIONS else ANODE.name
    return response
