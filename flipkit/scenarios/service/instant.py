"""Every interval priced by the service itself: ``method="instant"``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import compress
from typing import Any, NamedTuple, Self

import numpy as np

from flipkit.calendar import month_edges
from flipkit.errors import InputError, RequestError
from flipkit.frames import Finding
from flipkit.http import shows_progress
from flipkit.money import round_money_array
from flipkit.scenarios.engine import Component, Fleet, IntervalResult, SiteTotals
from flipkit.scenarios.service.journal import Journal, key_of
from flipkit.scenarios.service.pricing import (
    Pair,
    PricedRecord,
    PriceRequest,
    directions_of,
    energy_and_cost,
    price_records,
    whole_wh,
)
from flipkit.vocabulary import DispatchMethod, Float64, Int64

__all__ = ["price_instantly", "priced_by_service"]


class InstantPricing(NamedTuple):
    """What each interval costs and earns according to the service.

    Attributes
    ----------
    import_cost, export_credit, own_use_cost : ndarray of float64, shape (n,)
        Major units, for the energy in whole Wh, half up; 0 without energy and for unpaid exports.
    calls : int
        Records priced in this run.
    from_journal : int
        Records priced in an earlier run.
    """

    import_cost: Float64
    export_credit: Float64
    own_use_cost: Float64
    calls: int
    from_journal: int


def price_instantly(
    client: Any,
    pairs: Sequence[Pair],
    result_of: Callable[[str, str], IntervalResult],
    *,
    journal: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[IntervalResult, InstantPricing]]:
    """Have the service price every interval of a simulation, one call each, and store nothing.

    Import and export of each interval are sent in whole Wh with ``non_persistent=true``,
    concurrently. Intervals without energy cost nothing and need no call. `price_records` says what
    happens to calls that fail.

    Parameters
    ----------
    client : Flatpeak
    pairs : sequence of tuple of str
        ``(site_id, scenario)``, priced one after another in this order.
    result_of : callable
        ``result_of(site_id, scenario)``; called for one pair after another, no result is kept.
    journal : path-like, optional
        A file that keeps each answer at once. The same call with the same file resumes after a
        crash and sends nothing twice; with a complete journal it sends nothing at all.

    Yields
    ------
    result : IntervalResult
        As returned by `result_of`.
    pricing : InstantPricing

    Raises
    ------
    InputError
        A scenario with a tariff of its own, which the service cannot price; another currency; a
        journal that cannot be used. Names site and scenario, or file and line.
    PriceUnavailable
        The service has no price for an interval.
    RequestError
        The service did not answer; earlier answers are in the journal.
    UnexpectedAnswer
        The service does not confirm that it stored nothing.

    Notes
    -----
    With tiers, the service prices each record on top of its stored records, not of the scenario's
    other intervals: the sum is not the scenario's bill.
    """
    with ExitStack() as stack:
        opened = None
        if journal is not None:
            service = f"{client.base_url}, version {client.version}"
            opened = stack.enter_context(Journal(journal, service))
        progress = stack.enter_context(_Progress())
        for number, pair in enumerate(pairs):
            result = result_of(*pair)
            progress.expect(len(result.start_us) * (len(pairs) - number))
            yield result, _ResultPricing(client, result, opened, progress).price()


class _ResultPricing:
    """Prices one result: its requests, direction by direction, and their costs."""

    def __init__(
        self, client: Any, result: IntervalResult, journal: Journal | None, progress: _Progress
    ) -> None:
        self._client = client
        self._result = result
        self._journal = journal
        self._progress = progress
        self._rows = {direction: _rows(result, direction) for direction in _directions(result)}
        self._requests = self._make_requests()
        self._keys: list[str] = []
        if journal is not None:
            # A record is known by all that its cost may depend on, so not by its number.
            self._keys = [key_of(*request[1:]) for request in self._requests]
        self._costs = np.zeros(len(self._requests))

    def price(self) -> InstantPricing:
        """Price what the journal does not have."""
        result = self._result
        is_missing = np.ones(len(self._requests), dtype=np.bool_)
        if self._journal is not None:
            # What an earlier run has priced is not sent again.
            known = self._journal.section(result.site_id, result.scenario, self._keys)
            for number, cost in known.items():
                self._costs[number] = cost
                is_missing[number] = False
        calls = int(is_missing.sum())
        self._progress.skip(len(result.start_us) - calls)
        missing = compress(self._requests, is_missing.tolist())
        try:
            price_records(self._client, missing, self._on_priced)
        except RequestError as error:
            error.add_note(self._note())
            raise
        return InstantPricing(
            import_cost=self._by_interval("IMPORT"),
            export_credit=self._by_interval("EXPORT"),
            own_use_cost=self._by_interval("LOCAL"),
            calls=calls,
            from_journal=len(self._requests) - calls,
        )

    def _make_requests(self) -> list[PriceRequest]:
        result = self._result
        requests: list[PriceRequest] = []
        for direction, rows in self._rows.items():
            kwh, _ = energy_and_cost(result, direction)
            energy_wh = whole_wh(kwh[rows]).tolist()
            starts_us = result.start_us[rows].tolist()
            ends_us = result.end_us[rows].tolist()
            for start_us, end_us, wh in zip(starts_us, ends_us, energy_wh, strict=True):
                request = PriceRequest(
                    number=len(requests),
                    location_id=str(result.location_id),
                    tariff_direction=direction,
                    start_us=start_us,
                    end_us=end_us,
                    energy_wh=wh,
                )
                requests.append(request)
        return requests

    def _on_priced(self, request: PriceRequest, priced: PricedRecord) -> None:
        if priced.currency != self._result.currency:
            raise InputError(
                f"site {self._result.site_id}: the service prices in {priced.currency}, the"
                f" simulation in {self._result.currency}; currencies are never added"
            )
        if self._journal is not None:
            self._journal.put(request.number, self._keys[request.number], priced.cost)
        self._costs[request.number] = priced.cost
        self._progress.step()

    def _by_interval(self, direction: str) -> Float64:
        by_interval = np.zeros(len(self._result.start_us))
        begin = 0
        for each, rows in self._rows.items():
            stop = begin + len(rows)
            if each == direction:
                by_interval[rows] = self._costs[begin:stop]
            begin = stop
        return by_interval

    def _note(self) -> str:
        where = f"site {self._result.site_id}, scenario {self._result.scenario!r}"
        if self._journal is None:
            return f"{where}: pass journal= to keep the answers and to resume from there"
        return f"{where}: the answers so far are in {self._journal.path}; repeat the call to resume"


def _directions(result: IntervalResult) -> list[str]:
    """The directions to price: those with energy that is paid for."""
    at_service, own_tariff = directions_of(result)
    if own_tariff:
        raise InputError(
            f"site {result.site_id}, scenario {result.scenario!r}: a tariff of its own"
            f" ({', '.join(own_tariff)}), which the service cannot price; leave such scenarios out,"
            " or simulate without method='instant'"
        )
    return [direction for direction in at_service if direction in result.is_today]


def _rows(result: IntervalResult, direction: str) -> Int64:
    kwh, _ = energy_and_cost(result, direction)
    return np.flatnonzero(whole_wh(kwh) > 0)


class _Progress:
    """A progress bar in intervals with the remaining time, shown in terminals and notebooks."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._is_shown = shows_progress()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, intervals: int) -> None:
        """Set the number of intervals that are still to come."""
        if not self._is_shown:
            return
        if self._bar is None:
            from tqdm.auto import tqdm  # needed only for long work in front of a person

            self._bar = tqdm(
                total=intervals, desc="pricing", unit=" intervals", delay=1.0, leave=False
            )
        self._bar.total = self._bar.n + intervals

    def skip(self, intervals: int) -> None:
        """Count intervals without a call, which say nothing about the remaining time."""
        if self._bar is not None:
            self._bar.initial += intervals
            self._bar.n += intervals

    def step(self) -> None:
        """Count one answer."""
        if self._bar is not None:
            self._bar.update()


_PRICED_BY_SERVICE = Finding(
    "simulate.instant", "each interval is priced by the service, on top of the records stored there"
)


def priced_by_service(
    fleet: Fleet,
    totals: Sequence[SiteTotals],
    method: DispatchMethod,
    client: Any,
    journal: str | os.PathLike[str] | None,
) -> list[SiteTotals]:
    """Return the totals with the service's costs, one per site and scenario.

    `journal` and further errors are those of `price_instantly`.

    Raises
    ------
    InputError
        `client` is not a Flatpeak client.
    """
    if not hasattr(client, "instant_cost"):
        raise InputError("method='instant': the service prices each interval; pass prices=kit")
    sites: dict[tuple[str, str], SiteTotals] = {}
    for part in totals:
        for row, site_id in enumerate(part.site_ids):
            sites[site_id, part.scenario] = part.of_site(row)
    scenarios = {scenario.name: scenario for scenario in fleet.scenarios}
    pairs = [(site_id, name) for site_id in fleet.site_ids for name in scenarios]

    def result_of(site_id: str, scenario: str) -> IntervalResult:
        return fleet.interval_result(site_id, scenarios[scenario], method)

    priced = []
    for result, costs in price_instantly(client, pairs, result_of, journal=journal):
        bill = _MonthlyBill(result)
        bill.add("import", result.import_kwh, costs.import_cost)
        bill.add("export", result.export_kwh, -costs.export_credit)
        if "LOCAL" in result.is_today:
            bill.add("own use", result.own_use_kwh, costs.own_use_cost)
        priced.append(bill.put_into(sites[result.site_id, result.scenario]))
    return priced


class _MonthlyBill:
    """The bills of one site; an interval belongs to the local month that it begins in."""

    def __init__(self, result: IntervalResult) -> None:
        start_us = int(result.start_us[0])
        months = month_edges(result.timezone, start_us, int(result.end_us[-1]))
        self._months = months.labels
        self._components: list[Component] = []
        self._currency = result.currency
        self._first_intervals = np.searchsorted(result.start_us, months.edges[:-1])

    def add(self, name: str, kwh: Float64, cost: Float64) -> None:
        """Add up energy and cost by month."""
        quantity = np.add.reduceat(kwh, self._first_intervals)[np.newaxis]
        amount = np.add.reduceat(cost, self._first_intervals)[np.newaxis]
        rounded = round_money_array(amount, self._currency)
        component = Component(name=name, unit="kWh", quantity=quantity, cost=rounded)
        self._components.append(component)

    def put_into(self, site: SiteTotals) -> SiteTotals:
        """Return the totals of the site with these bills."""
        [findings] = site.findings
        return site._replace(
            months=self._months,
            components=tuple(self._components),
            findings=((*findings, _PRICED_BY_SERVICE),),
        )
