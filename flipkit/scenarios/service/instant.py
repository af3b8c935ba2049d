"""Every interval priced by the service itself: ``method="instant"``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import compress
from typing import Any, NamedTuple, Self

import numpy as np

from flipkit.errors import InputError, RequestError
from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.asked_energy import Pair, columns_of, directions_of
from flipkit.scenarios.service.asking import Asked, Question, ask_all, whole_wh
from flipkit.scenarios.service.journal import Journal, key_of
from flipkit.vocabulary import DIRECTIONS, Float64, Int64

__all__ = ["InstantCosts", "price_instantly"]


class InstantCosts(NamedTuple):
    """What the service says that each interval costs and earns.

    Attributes
    ----------
    import_cost, export_credit, own_use_cost : ndarray of float64, shape (n,)
        Major units, of the energy in whole Wh, half up: 0 where that is 0, and for exports that nobody pays.
    calls : int
        Records that were asked about in this run.
    from_journal : int
        Records that an earlier run had asked about.
    """

    import_cost: Float64
    export_credit: Float64
    own_use_cost: Float64
    calls: int
    from_journal: int


def price_instantly(
    client: Any,
    pairs: Sequence[Pair],
    outcome_of: Callable[[str, str], IntervalResult],
    *,
    journal: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[IntervalResult, InstantCosts]]:
    """Have the service price every interval of a simulation, one call each, and keep nothing of it.

    Import and export of each interval go out as whole Wh with ``non_persistent=true``, side by side; an interval
    without energy costs nothing and needs no call. See `ask_all` for what becomes of calls that fail.

    Parameters
    ----------
    client : Flatpeak
    pairs : sequence of tuple of str
        ``(site_id, scenario)``, priced one after another in this order.
    outcome_of : callable
        ``outcome_of(site_id, scenario)`` makes one outcome; they are made one after another, and none is kept.
    journal : path-like, optional
        A file that keeps each answer as it comes. The same call with the same file goes on after a kill where it was,
        and asks about nothing twice; with a whole journal it asks about nothing at all.

    Yields
    ------
    outcome : IntervalResult
        As `outcome_of` made it.
    costs : InstantCosts

    Raises
    ------
    InputError
        A scenario with a tariff of its own, which the service cannot price, another currency, or a journal that cannot
        be used; names site and scenario, or file and line.
    PriceUnavailable
        The service has no price for an interval.
    RequestError
        The service did not answer; what was answered before is in the journal.
    UnexpectedAnswer
        The service does not confirm that it kept nothing.

    Notes
    -----
    With tiers, the service prices each record on top of the records that are stored, not of the other intervals of
    the scenario: the sum is no bill of the scenario.
    """
    with ExitStack() as stack:
        service = f"{client.base_url}, version {client.version}"
        book = None if journal is None else stack.enter_context(Journal(journal, service))
        bar = stack.enter_context(_Bar())
        for number, pair in enumerate(pairs):
            outcome = outcome_of(*pair)
            bar.expect(len(outcome.start_us) * (len(pairs) - number))
            yield outcome, _Pricing(client, outcome, book, bar).costs()


class _Pricing:
    """One outcome on its way through the service."""

    def __init__(
        self, client: Any, outcome: IntervalResult, journal: Journal | None, bar: _Bar
    ) -> None:
        self._client, self._outcome, self._journal, self._bar = client, outcome, journal, bar
        self._rows = {direction: _rows(outcome, direction) for direction in _asked(outcome)}
        self._questions = list(_questions(outcome, self._rows))
        # Of each record all that its cost may depend on.
        self._keys = [key_of(*question[1:]) for question in self._questions] if journal else []
        self._costs = np.zeros(len(self._questions))

    def costs(self) -> InstantCosts:
        """Ask about what the journal does not know."""
        missing = np.ones(len(self._questions), dtype=np.bool_)
        if self._journal is not None:
            known = self._journal.section(self._outcome.site_id, self._outcome.scenario, self._keys)
            for number, cost in known.items():
                self._costs[number], missing[number] = cost, False
        calls = int(missing.sum())
        self._bar.skip(len(self._outcome.start_us) - calls)
        try:
            ask_all(self._client, compress(self._questions, missing.tolist()), self._answered)
        except RequestError as error:
            error.add_note(self._note())
            raise
        paid, earned, own_use = map(self._by_interval, DIRECTIONS)
        return InstantCosts(paid, earned, own_use, calls, len(self._questions) - calls)

    def _answered(self, question: Question, asked: Asked) -> None:
        if asked.currency != self._outcome.currency:
            raise InputError(
                f"site {self._outcome.site_id}: the service prices in {asked.currency}, the simulation in "
                f"{self._outcome.currency}; currencies are never added together"
            )
        if self._journal is not None:
            self._journal.put(question.number, self._keys[question.number], asked.cost)
        self._costs[question.number] = asked.cost
        self._bar.step()

    def _by_interval(self, direction: str) -> Float64:
        found = np.zeros(len(self._outcome.start_us))
        begin = 0
        for each, rows in self._rows.items():
            if each == direction:
                found[rows] = self._costs[begin : begin + len(rows)]
            begin += len(rows)
        return found

    def _note(self) -> str:
        where = f"site {self._outcome.site_id}, scenario {self._outcome.scenario!r}"
        if self._journal is None:
            return f"{where}: give a journal= to keep what is answered, and to go on from there"
        return f"{where}: what was answered is in {self._journal.path}; the same call goes on from there"


def _asked(outcome: IntervalResult) -> list[str]:
    """The directions to ask about: those with energy that somebody pays for."""
    asked, own = directions_of(outcome)
    if own:
        raise InputError(
            f"site {outcome.site_id}, scenario {outcome.scenario!r}: a tariff of its own ({', '.join(own)}), which the "
            "service cannot price; leave such scenarios out, or simulate without method='instant'"
        )
    return [direction for direction in asked if direction in outcome.is_today]


def _rows(outcome: IntervalResult, direction: str) -> Int64:
    return np.flatnonzero(whole_wh(columns_of(outcome, direction)[0]) > 0)


def _questions(outcome: IntervalResult, rows: Mapping[str, Int64]) -> Iterator[Question]:
    assert outcome.location_id is not None or not rows
    number = 0
    for direction, own in rows.items():
        energy = whole_wh(columns_of(outcome, direction)[0][own]).tolist()
        spans = outcome.start_us[own].tolist(), outcome.end_us[own].tolist()
        for start, end, energy_wh in zip(*spans, energy, strict=True):
            yield Question(number, str(outcome.location_id), direction, start, end, energy_wh)
            number += 1


class _Bar:
    """How far the pricing is, in intervals, and how long it will take; only where somebody looks."""

    def __init__(self) -> None:
        self._bar: Any = None
        # The second is tqdm's own variable, which its widget does not heed.
        self._is_seen = (sys.stderr.isatty() or "ipykernel" in sys.modules) and not os.environ.get(
            "TQDM_DISABLE"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, intervals: int) -> None:
        """So many are still to come."""
        if not self._is_seen:
            return
        if self._bar is None:
            from tqdm.auto import (
                tqdm,  # imported late: only long work in front of a person needs it
            )

            self._bar = tqdm(
                total=intervals, desc="pricing", unit=" intervals", delay=1.0, leave=False
            )
        self._bar.total = self._bar.n + intervals

    def skip(self, intervals: int) -> None:
        """So many took no call: they say nothing about the time that the others will take."""
        if self._bar is not None:
            self._bar.initial += intervals
            self._bar.n += intervals

    def step(self) -> None:
        """One more was answered."""
        if self._bar is not None:
            self._bar.update()
