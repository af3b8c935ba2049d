"""Many records priced by the service, one call each, none of them stored there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from flipkit.calendar import from_us
from flipkit.errors import (
    ConnectionFailed,
    FlipkitError,
    InvalidRequest,
    NotFound,
    RateLimited,
    RequestError,
    ServerError,
    UnexpectedAnswer,
)
from flipkit.frames import take
from flipkit.http import WORKERS, RetryPolicy, map_concurrent
from flipkit.scenarios.engine import IntervalResult
from flipkit.vocabulary import DIRECTIONS, USUAL_FLOW, Float64, Int64

__all__ = [
    "Pair",
    "PriceRequest",
    "PricedRecord",
    "directions_of",
    "energy_and_cost",
    "price_records",
    "whole_wh",
]

_INITIAL_THREADS = 4  # doubled after each block without a 429, halved after one with it
_BLOCK_PER_THREAD = 32  # requests per thread in a block: bounds the memory
_RETRY_ROUNDS = 3
# So many failures in a row, each after all its attempts: the service is down.
_MAX_CONSECUTIVE_FAILURES = 2 * WORKERS
_MAX_RETRY_AFTER_S = RetryPolicy().retry_after_max_s
_TEMPORARY = (ConnectionFailed, RateLimited, ServerError)
_PERMANENT = (InvalidRequest, NotFound)

Pair: TypeAlias = tuple[str, str]
"""A site id and the name of a scenario."""


class PriceRequest(NamedTuple):
    """A record whose cost is requested.

    Attributes
    ----------
    number : int
        The caller's own.
    location_id : str
    tariff_direction : str
        IMPORT, EXPORT or LOCAL; the energy flows as is usual for it.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC.
    energy_wh : int
    """

    number: int
    location_id: str
    tariff_direction: str
    start_us: int
    end_us: int
    energy_wh: int

    def record(self) -> dict[str, Any]:
        """Return the record for `Flatpeak.instant_cost`."""
        return {
            "location_id": self.location_id,
            "energy_flow_direction": USUAL_FLOW[self.tariff_direction],
            "tariff_direction": self.tariff_direction,
            "units": "WH",
            "value": self.energy_wh,
            "start_utc": from_us(self.start_us),
            "end_utc": from_us(self.end_us),
        }


class PricedRecord(NamedTuple):
    """The service's answer: the cost in major units, and the energy that it counted."""

    cost: float
    energy_wh: float
    currency: str | None


OnPriced: TypeAlias = Callable[[PriceRequest, PricedRecord], None]
OnRefused: TypeAlias = Callable[[PriceRequest, FlipkitError], None]


def whole_wh(kwh: Float64) -> Int64:
    """Return kWh in whole Wh, half up, as the service counts; noise below 1e-6 Wh is removed."""
    wh: Int64 = np.floor(np.round(kwh * 1000.0, 6) + 0.5).astype(np.int64)
    return wh


def energy_and_cost(result: IntervalResult, direction: str) -> tuple[Float64, Float64]:
    """Return the kWh of a direction and what they cost or earn, by interval."""
    if direction == "IMPORT":
        return result.import_kwh, result.import_cost
    if direction == "EXPORT":
        return result.export_kwh, result.export_credit
    return result.own_use_kwh, result.own_use_cost


def directions_of(result: IntervalResult) -> tuple[list[str], list[str]]:
    """Return the directions with energy that the service can price, and those that it cannot.

    The service prices by the location's own tariffs; other tariffs of a scenario it does not know.
    """
    at_service: list[str] = []
    own_tariff: list[str] = []
    for direction in DIRECTIONS:
        is_today = direction in result.is_today
        if direction == "LOCAL" and not is_today:
            continue  # free self-consumption
        kwh, _ = energy_and_cost(result, direction)
        if not (whole_wh(kwh) > 0).any():
            continue
        is_unpaid_export = direction == "EXPORT" and not result.has_export_price
        if result.location_id is not None and (is_today or is_unpaid_export):
            at_service.append(direction)
        else:
            own_tariff.append(direction)
    return at_service, own_tariff


def price_records(
    client: Any,
    requests: Iterable[PriceRequest],
    on_priced: OnPriced,
    on_refused: OnRefused | None = None,
) -> None:
    """Price records with ``non_persistent=true``, concurrently; each is answered or refused once.

    The first request goes alone, to find out whether the service confirms that it stores nothing.
    A pause that the service asks for holds for all calls, and a 429 halves the concurrency.
    Temporary failures (no connection, 429, 5xx, after all attempts of the session) are tried again
    after the others. After many failures in a row the rest is not sent.

    Parameters
    ----------
    client : Flatpeak
    requests : iterable of PriceRequest
        Consumed as they are sent; at most a few thousand are held.
    on_priced : callable
        ``on_priced(request, priced)`` for each answer, from many threads, one at a time.
    on_refused : callable, optional
        ``on_refused(request, error)`` for a record that the service does not price. Without it the
        error is raised.

    Raises
    ------
    AuthenticationFailed
        Always raised, as is every error that concerns more than one record.
    UnexpectedAnswer
        The service does not confirm that it stored nothing.
    """
    run = _PricingRun(client, on_priced, on_refused)
    source = iter(requests)
    # One at a time until an answer confirms that nothing is stored.
    for request in source:
        run.send(iter([request]))
        if run.is_confirmed or run.stopped_by:
            break
    run.send(source)
    for _ in range(_RETRY_ROUNDS):
        postponed, run.postponed = run.postponed, []
        run.send(request for request, _ in postponed)
    for request, error in run.postponed:
        run.refuse(request, error)


class _PricingRun:
    """The state that concurrent calls share."""

    def __init__(self, client: Any, on_priced: OnPriced, on_refused: OnRefused | None) -> None:
        self._client = client
        self._on_priced = on_priced
        self._on_refused = on_refused
        self._lock = threading.Lock()
        self._consecutive_failures = 0
        self._threads = _INITIAL_THREADS
        self._is_throttled = False
        self.is_confirmed = False  # one answer has confirmed that nothing is stored
        self.postponed: list[tuple[PriceRequest, RequestError]] = []
        self.stopped_by: RequestError | None = None

    def send(self, requests: Iterator[PriceRequest]) -> None:
        """Send each request once."""
        # In blocks, so that the concurrency can follow what the service allows.
        while block := list(islice(requests, self._threads * _BLOCK_PER_THREAD)):
            self._is_throttled = False
            map_concurrent(self._price, block, workers=self._threads)
            if self.stopped_by and self._on_refused is None:
                raise self.stopped_by
            if self._is_throttled:
                self._threads = max(1, self._threads // 2)
            else:
                self._threads = min(WORKERS, self._threads * 2)

    def refuse(self, request: PriceRequest, error: RequestError) -> None:
        if self._on_refused is None:
            raise error
        with self._lock:
            self._on_refused(request, error)

    def _price(self, request: PriceRequest) -> None:
        if self.stopped_by:
            self._postpone(request, self.stopped_by)
            return
        try:
            priced = _instant_cost(self._client, request)
        except _PERMANENT as error:
            self.refuse(request, error)
            return
        except _TEMPORARY as error:
            self._postpone(request, error)
            return
        except UnexpectedAnswer as error:
            # The session retries truncated answers; a complete answer that is wrong stays wrong.
            if error.request.attempts == 1 or not self.is_confirmed:
                raise
            self._postpone(request, error)
            return
        with self._lock:
            self._consecutive_failures = 0
            self.is_confirmed = True
            self._on_priced(request, priced)

    def _postpone(self, request: PriceRequest, error: RequestError) -> None:
        with self._lock:
            self.postponed.append((request, error))
            self._consecutive_failures += 1
            wait_s = 0.0
            if isinstance(error, RateLimited):
                self._is_throttled = True
                wait_s = error.retry_after_s or 0.0
            is_down = self._consecutive_failures >= _MAX_CONSECUTIVE_FAILURES
            if is_down or wait_s > _MAX_RETRY_AFTER_S:
                self.stopped_by = error


def _instant_cost(client: Any, request: PriceRequest) -> PricedRecord:
    answer = client.instant_cost(request.record(), non_persistent=True)
    row = take(answer, numbers=["cost", "energy_kwh"], texts=["currency"])
    return PricedRecord(
        cost=float(row["cost"][0]),
        energy_wh=float(row["energy_kwh"][0]) * 1000.0,
        currency=row["currency"][0],
    )
