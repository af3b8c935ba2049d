"""The sites of a simulation: their energy and prices, evaluated under any scenario."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine.case import Case, SitePrices, case_of
from flipkit.scenarios.engine.flows import energy_flows
from flipkit.scenarios.engine.totals import IntervalResult, SiteTotals, evaluate, interval_result
from flipkit.tariffs.rating import LARGE, Block, Energy, check_site, map_threads
from flipkit.vocabulary import DispatchMethod, Int64

__all__ = ["Fleet"]

# Of a half-hourly year each: an array of intermediate results takes 2 MB.
_SITES_AT_ONCE = 16
# Parts that wait in an executor before the first result is taken: bounds the copies of energy.
_MOST_WAITING = 32

Cases = tuple[Case, ...]


@dataclass(frozen=True, eq=False)
class Fleet:
    """Energy and current prices of some sites, and the scenarios of their simulation.

    Attributes
    ----------
    energy : Energy
    prices : mapping of str to SitePrices
        Current prices by site id.
    scenarios : tuple of Scenario
        Of different names.
    executor : Executor or None
        Does the work; None for threads of this process.
    """

    energy: Energy
    prices: Mapping[str, SitePrices]
    scenarios: tuple[Scenario, ...]
    executor: Executor | None = None

    @property
    def site_ids(self) -> list[str]:
        """The ids of all sites that are evaluated, sorted."""
        return sorted(site_id for block in self.energy.blocks for site_id in block.site_ids)

    def of_site(self, site_id: str) -> Fleet:
        """Return the fleet of one site alone, without an executor."""
        energy = replace(self.energy, blocks=[self._block_of(site_id)], refused={})
        return replace(self, energy=energy, executor=None)

    def case(self, site_id: str, scenario: Scenario) -> Case:
        """Return a site under a scenario of the simulation."""
        return self._cases[site_id, scenario.name]

    def priced_currently(self) -> list[tuple[str, str]]:
        """Return site and scenario of all cases that a Flatpeak location prices in a direction."""
        pairs = []
        for site_id in self.site_ids:
            if self._location_id(site_id) is None:
                continue
            for scenario in self.scenarios:
                if self.case(site_id, scenario).current_directions:
                    pairs.append((site_id, scenario.name))
        return pairs

    def evaluate(self, scenarios: Sequence[Scenario], method: DispatchMethod) -> list[SiteTotals]:
        """Evaluate every site under every scenario; the sites are in no particular order.

        Parameters
        ----------
        scenarios : sequence of Scenario
            Those of the simulation, or others; different scenarios have different names.
        method : str
            How batteries are run.

        Raises
        ------
        InputError
            A site without an import price, or with tariffs in two currencies.
        """
        # Compiled code takes half a second to load: it pays for large fleets alone.
        size = len(scenarios) * sum(block.consumption_kwh.size for block in self.energy.blocks)
        work = partial(_evaluate_part, method=method, compiled=size >= LARGE)
        parts = [part for block in self.energy.blocks for part in self._parts(block, scenarios)]
        if self.executor is None or _is_shut_down(self.executor):
            done = map_threads(work, parts)
        else:
            done = list(_evaluate_elsewhere(self.executor, work, parts))
        return [self._with_findings(totals) for part in done for totals in part]

    def _with_findings(self, totals: SiteTotals) -> SiteTotals:
        """Return totals with what is known about the energy of each site."""
        known = self.energy.findings
        findings = [
            (*known.get(site_id, ()), *of_site)
            for site_id, of_site in zip(totals.site_ids, totals.findings, strict=True)
        ]
        return totals._replace(findings=tuple(findings))

    def interval_result(
        self, site_id: str, scenario: Scenario, method: DispatchMethod
    ) -> IntervalResult:
        """Return one site under one scenario of the simulation, by interval."""
        case = self.case(site_id, scenario)
        flows = energy_flows(self._block_of(site_id), case, method, with_soc=True)
        return interval_result(scenario.name, flows, case, self._location_id(site_id))

    def _block_of(self, site_id: str) -> Block:
        """Return the energy of one site."""
        for block in self.energy.blocks:
            if site_id in block.site_ids:
                row = block.site_ids.index(site_id)
                return block.rows(slice(row, row + 1))
        raise KeyError(site_id)

    def _location_id(self, site_id: str) -> str | None:
        prices = self.prices.get(site_id)
        return None if prices is None else prices.location_id

    @cached_property
    def _cases(self) -> dict[tuple[str, str], Case]:
        """The cases of the simulation's scenarios, by site id and scenario name."""
        cases = {}
        for block in self.energy.blocks:
            for site_id in block.site_ids:
                for scenario in self.scenarios:
                    case = case_of(site_id, scenario, self.prices.get(site_id))
                    with _named_scenario((site_id,), scenario.name):
                        for tariff in case.tariffs:
                            check_site(self.energy, site_id, tariff, block.grid)
                    cases[site_id, scenario.name] = case
        return cases

    def _cases_of(self, site_id: str, scenarios: Sequence[Scenario]) -> Cases:
        """Return a site under each scenario, in one currency."""
        cases = []
        for scenario in scenarios:
            case = self._cases.get((site_id, scenario.name))
            if case is None:  # a mixture of scenarios, used once: not worth keeping
                case = case_of(site_id, scenario, self.prices.get(site_id))
            cases.append(case)
        _check_one_currency(site_id, scenarios, cases)
        return tuple(cases)

    def _parts(self, block: Block, scenarios: Sequence[Scenario]) -> Iterator[_Part]:
        """Yield the sites of a block, a few at a time, those with the same cases together."""
        rows_by_key: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        cases_by_key: dict[tuple[tuple[int, ...], ...], Cases] = {}
        for row, site_id in enumerate(block.site_ids):
            cases = self._cases_of(site_id, scenarios)
            key = tuple(case.key for case in cases)
            cases_by_key.setdefault(key, cases)
            rows_by_key.setdefault(key, []).append(row)
        names = tuple(scenario.name for scenario in scenarios)
        # A block has sites of one time grid, so sites with the same cases share prices and plans.
        for key, rows in rows_by_key.items():
            for first in range(0, len(rows), _SITES_AT_ONCE):
                part_rows = _as_slice(rows[first : first + _SITES_AT_ONCE])
                yield _Part(block, part_rows, names, cases_by_key[key])


def _check_one_currency(site_id: str, scenarios: Sequence[Scenario], cases: Sequence[Case]) -> None:
    """Raise InputError if the costs of a site's scenarios cannot be compared."""
    currency = cases[0].import_tariff.currency
    for scenario, case in zip(scenarios, cases, strict=True):
        its_currency = case.import_tariff.currency
        if its_currency != currency:
            raise InputError(
                f"site {site_id}, scenario {scenario.name!r}: its tariff is in {its_currency}, "
                f"that of scenario {scenarios[0].name!r} in {currency}; currencies are never "
                "compared, so give all tariffs of the site in one currency"
            )


class _Part(NamedTuple):
    """Some sites of a block that have the same cases."""

    block: Block
    rows: slice | Int64
    scenarios: tuple[str, ...]
    cases: Cases

    def detached(self) -> _Part:
        """Return the part with the energy of its own sites alone, to be sent elsewhere."""
        return self._replace(block=self.block.rows(self.rows), rows=slice(None))


_Work = Callable[[_Part], list[SiteTotals]]


def _as_slice(rows: list[int]) -> slice | Int64:
    """Return rows as a slice if they follow one another, which selects without a copy."""
    if rows[-1] - rows[0] + 1 == len(rows):
        return slice(rows[0], rows[-1] + 1)
    return np.array(rows, dtype=np.int64)


def _evaluate_part(part: _Part, method: DispatchMethod, compiled: bool) -> list[SiteTotals]:
    block = part.block.rows(part.rows)
    totals = []
    for scenario, case in zip(part.scenarios, part.cases, strict=True):
        with _named_scenario(block.site_ids, scenario):
            flows = energy_flows(block, case, method)
            totals.append(evaluate(scenario, flows, case, compiled=compiled))
    return totals


@contextmanager
def _named_scenario(site_ids: tuple[str, ...], scenario: str) -> Iterator[None]:
    """Name scenario and site in an error; a part that knows the site has named it already."""
    try:
        yield
    except InputError as error:
        where = f"scenario {scenario!r}, "
        if not str(error).startswith("site "):
            others = f" and {len(site_ids) - 1} others" if len(site_ids) > 1 else ""
            where += f"site {site_ids[0]}{others}: "
        raise InputError(f"{where}{error}") from None


def _is_shut_down(executor: Executor) -> bool:
    """Whether the executor's ``with`` block has ended, as it usually has when results are read."""
    try:
        executor.submit(bool)
    except BrokenExecutor:
        raise
    except RuntimeError:
        return True
    return False


def _evaluate_elsewhere(
    executor: Executor, work: _Work, parts: Sequence[_Part]
) -> Iterator[list[SiteTotals]]:
    waiting: deque[Future[list[SiteTotals]]] = deque()
    for part in parts:
        if len(waiting) == _MOST_WAITING:
            yield waiting.popleft().result()
        waiting.append(executor.submit(work, part.detached()))
    for future in waiting:
        yield future.result()
