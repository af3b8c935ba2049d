"""The homes of a simulation: their energy and prices, reckoned under any scenario when asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine.case import Case, case_of
from flipkit.scenarios.engine.evaluate import SiteTotals, evaluate
from flipkit.scenarios.engine.flows import flows_of
from flipkit.scenarios.engine.market import SitePrices
from flipkit.scenarios.engine.outcome import IntervalResult
from flipkit.tariffs.rating import LARGE, Block, map_threads
from flipkit.vocabulary import Int64

__all__ = ["Fleet"]

_SITES_AT_ONCE = 16  # of a half-hourly year each: what is made of them on the way is 2 MB an array
_WAITING = (
    32  # parts that are sent to an executor before the first is taken back: bounds what is copied
)


class _Part(NamedTuple):
    """Some sites that have the same cases."""

    block: Block
    rows: slice | Int64
    names: tuple[str, ...]
    cases: tuple[Case, ...]

    def taken(self) -> _Part:
        """The same with no more energy than its own, to be sent elsewhere."""
        return self._replace(block=self.block.rows(self.rows), rows=slice(None))


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Energy and today's prices of some sites.

    Attributes
    ----------
    blocks : tuple of Block
    markets : mapping of str to SitePrices
        Today's prices by site.
    executor : Executor or None
        Where the work is done; threads of this process without.
    """

    blocks: tuple[Block, ...]
    markets: Mapping[str, SitePrices]
    executor: Executor | None = None

    @property
    def site_ids(self) -> list[str]:
        """All sites, in order."""
        return sorted(site_id for block in self.blocks for site_id in block.site_ids)

    def reckon(self, scenarios: Sequence[Scenario], method: str) -> list[SiteTotals]:
        """Every site under every scenario; in no particular order of sites.

        Parameters
        ----------
        scenarios : sequence of Scenario
        method : str
            How batteries are run.

        Raises
        ------
        InputError
            A site without an import price, or with tariffs in two currencies, in one scenario or in two of them.
        """
        size = sum(block.consumption_kwh.size for block in self.blocks) * len(scenarios)
        work = partial(_work, method=method, compiled=size >= LARGE)
        parts = [part for block in self.blocks for part in self._parts(block, scenarios)]
        if self.executor is None or _is_shut_down(self.executor):
            done = map_threads(work, parts)
        else:
            done = list(_elsewhere(self.executor, work, parts))
        return [each for several in done for each in several]

    def priced_today(self, scenarios: Sequence[Scenario]) -> list[tuple[str, str]]:
        """Site and scenario of all that Flatpeak can be asked about: a direction has the location's own price."""
        located = {
            site_id: market
            for site_id, market in self.markets.items()
            if market.location_id is not None
        }
        return [
            (site_id, scenario.name)
            for site_id in self.site_ids
            for scenario in scenarios
            if site_id in located and case_of(site_id, scenario, located[site_id]).today
        ]

    def outcome(self, site_id: str, scenario: Scenario, method: str) -> IntervalResult:
        """One site under one scenario, by interval."""
        for block in self.blocks:
            if site_id in block.site_ids:
                row, market = block.site_ids.index(site_id), self.markets.get(site_id)
                case = case_of(site_id, scenario, market)
                flows = flows_of(block.rows(slice(row, row + 1)), case, method, keep=True)
                return IntervalResult.of(
                    scenario.name, flows, case, market.location_id if market else None
                )
        raise InputError(f"site {site_id} has no energy")

    def _parts(self, block: Block, scenarios: Sequence[Scenario]) -> Iterator[_Part]:
        alike: dict[tuple[tuple[int, ...], ...], tuple[tuple[Case, ...], list[int]]] = {}
        for row, site_id in enumerate(block.site_ids):
            cases = tuple(
                case_of(site_id, scenario, self.markets.get(site_id)) for scenario in scenarios
            )
            known = alike.setdefault(tuple(case.key for case in cases), (cases, []))
            if not known[1]:
                _check_one_currency(site_id, scenarios, cases)
            known[1].append(row)
        names = tuple(scenario.name for scenario in scenarios)
        for cases, rows in alike.values():
            for first in range(0, len(rows), _SITES_AT_ONCE):
                yield _Part(block, _selection(rows[first : first + _SITES_AT_ONCE]), names, cases)


def _check_one_currency(site_id: str, scenarios: Sequence[Scenario], cases: Sequence[Case]) -> None:
    """Costs of scenarios are held against each other."""
    currency = cases[0].buy.currency
    for scenario, case in zip(scenarios, cases, strict=True):
        if case.buy.currency != currency:
            raise InputError(
                f"site {site_id}, scenario {scenario.name!r}: {case.buy.currency}, where {scenarios[0].name!r} is in "
                f"{currency}; currencies are never set against each other, so give the site tariffs in its own"
            )


def _selection(rows: list[int]) -> slice | Int64:
    """Rows as a slice where they follow one another: no copy."""
    is_run = rows[-1] - rows[0] + 1 == len(rows)
    return slice(rows[0], rows[-1] + 1) if is_run else np.array(rows, dtype=np.int64)


def _work(part: _Part, method: str, compiled: bool) -> list[SiteTotals]:
    block = part.block.rows(part.rows)
    found = []
    for name, case in zip(part.names, part.cases, strict=True):
        with _naming(block.site_ids, name):
            found.append(evaluate(name, flows_of(block, case, method), case, compiled))
    return found


@contextmanager
def _naming(site_ids: tuple[str, ...], scenario: str) -> Iterator[None]:
    """Put site and scenario before what is wrong; a part that knows the site has said it."""
    try:
        yield
    except InputError as error:
        more = f" and {len(site_ids) - 1} more with it" if len(site_ids) > 1 else ""
        where = "" if str(error).startswith("site ") else f"site {site_ids[0]}{more}: "
        raise InputError(f"scenario {scenario!r}, {where}{error}") from None


def _is_shut_down(executor: Executor) -> bool:
    """Whether its ``with`` block has ended: results are asked for after it as a rule."""
    try:
        executor.submit(bool)
    except BrokenExecutor:
        raise
    except RuntimeError:
        return True
    return False


def _elsewhere(
    executor: Executor, work: partial[list[SiteTotals]], parts: list[_Part]
) -> Iterator[list[SiteTotals]]:
    waiting: deque[Future[list[SiteTotals]]] = deque()
    for part in parts:
        if len(waiting) == _WAITING:
            yield waiting.popleft().result()
        waiting.append(executor.submit(work, part.taken()))
    yield from (each.result() for each in waiting)
