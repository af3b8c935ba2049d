"""Sums that bills are made of: energy by run, period and demand interval, and cost by bill line."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

import numpy as np

from flipkit.tariffs.model import PriceSeries
from flipkit.tariffs.rating.energy import Block
from flipkit.tariffs.rating.runs import DemandRuns, Partition, weights
from flipkit.vocabulary import Float64, Int64

__all__ = [
    "COMPILED",
    "EnergySums",
    "Line",
    "PricedFlow",
    "component_kind",
    "sum_cost",
    "sum_in_order",
]

COMPILED = "flipkit.tariffs.rating.kernels_large"
"""The module of the compiled kernels."""
_PLAIN = "flipkit.tariffs.rating.kernels_small"
# Sums kept for tariffs that follow with the same calendar; each is as large as sites x runs.
_KEPT = 12

Args = ParamSpec("Args")
Result = TypeVar("Result")

LineKind = Literal["energy", "demand", "fixed", "adder", "export", "carry over", "minimum", "tax"]


class PricedFlow(NamedTuple):
    """The imports or exports of a block, by a calendar; `gross`: generation is not netted."""

    part: Partition
    gross: bool
    is_export: bool


def _kept(
    compute: Callable[Concatenate[EnergySums, Args], Result],
) -> Callable[Concatenate[EnergySums, Args], Result]:
    """Calculate the result of a method, unless it is among the latest."""

    @wraps(compute)
    def result_of(sums: EnergySums, /, *args: Args.args, **names: Args.kwargs) -> Result:
        latest = sums._latest
        key = (compute.__name__, *args, *names.values())
        if key not in latest:
            latest[key] = compute(sums, *args, **names)
            if len(latest) > _KEPT:
                latest.popitem(last=False)
        latest.move_to_end(key)
        result: Result = latest[key]
        return result

    return result_of


class EnergySums:
    """The energy of a block by the calendars of tariffs, each sum calculated once.

    Parameters
    ----------
    block : Block
    compiled : bool
        Whether to use compiled code, which pays for large blocks. The bits are the same.
    """

    def __init__(self, block: Block, compiled: bool = False) -> None:
        self.block = block
        self.sites = len(block.site_ids)
        self._compiled = compiled
        # Imported here because numba takes half a second to load.
        self._kernels = import_module(COMPILED if compiled else _PLAIN)
        self._latest: OrderedDict[Hashable, Any] = OrderedDict()
        self._costs: dict[tuple[PricedFlow, PriceSeries], Float64] = {}

    @_kept
    def by_run(self, part: Partition, gross: bool) -> tuple[Float64, Float64 | None]:
        """Return imports and exports by run, each of shape (sites, runs).

        `gross` counts all consumption as imported and all generation as exported.
        """
        consumption = self.block.consumption_kwh
        generation = self.block.generation_kwh
        if generation is None:
            return self._kernels.imports(consumption, part.runs), None
        if gross:
            imported = self._kernels.imports(consumption, part.runs)
            return imported, self._kernels.imports(generation, part.runs)
        # One pass over the energy for both.
        imported, exported = self._kernels.imports_and_exports(self.block.net_kwh, part.runs)
        return imported, exported

    @_kept
    def imports(self, part: Partition, gross: bool) -> Float64:
        """Return imports by import period; shape (sites, billing periods, periods)."""
        imported, _ = self.by_run(part, gross)
        return self._by_period(imported, part, part.import_period, part.import_periods)

    @_kept
    def exports(self, part: Partition, gross: bool) -> Float64:
        """Return exports by export period; shape (sites, billing periods, periods)."""
        _, exported = self.by_run(part, gross)
        return self._by_period(exported, part, part.export_period, part.export_periods)

    @_kept
    def exports_by_import_period(self, part: Partition) -> Float64:
        """Return exports by import period, which net metering sets off against imports."""
        _, exported = self.by_run(part, False)
        return self._by_period(exported, part, part.import_period, part.import_periods)

    def imports_by_both_periods(self, part: Partition, gross: bool) -> Float64:
        """Return imports by import period and export period.

        Shape (sites, billing periods, import periods, export periods).
        """
        imported, _ = self.by_run(part, gross)
        return self._by_both_periods(imported, part)

    @_kept
    def net_by_both_periods(self, part: Partition) -> Float64:
        """Return imports less exports, as `imports_by_both_periods`."""
        imported, exported = self.by_run(part, False)
        return self._by_both_periods(imported, part) - self._by_both_periods(exported, part)

    @_kept
    def peaks(self, demand: DemandRuns, gross: bool) -> Float64:
        """Return the highest mean import power, kW; shape (sites, billing periods)."""
        energy = self.block.consumption_kwh if gross else self.block.net_kwh
        peak_kw: Float64 = self._kernels.peaks(energy, demand)
        return peak_kw

    def costs(self, flow: PricedFlow, series: PriceSeries) -> Float64:
        """Return energy times the prices of a series; shape (sites, billing periods)."""
        if (flow, series) not in self._costs:
            self._price(flow, [series])
        return self._costs[flow, series]

    def price_all(self, flow: PricedFlow, series: list[PriceSeries]) -> None:
        """Calculate the costs of many series in one pass over the energy, for `costs` to find."""
        runs = flow.part.runs
        # The kernel for many series takes whole intervals only; `costs` calculates the others.
        if self._compiled and not (runs.head.any() or runs.tail.any()):
            self._price(flow, series)

    def tiers(self, flow: PricedFlow, count: Int64, limits: Float64) -> Float64:
        """Return a flow by count, period and tier, counted in the order of time.

        `count` is the number of the count of each run: a billing period, or a day. `limits` has
        the shape (sites or 1, counts, periods, tiers).
        """
        by_run, period, _ = self._runs_of(flow)
        if by_run is None:
            return np.zeros((self.sites, *limits.shape[1:]))
        filled: Float64 = self._kernels.tiers(by_run, count, period, limits)
        return filled

    def by_count(self, flow: PricedFlow, count: Int64, counts: int) -> Float64:
        """Return a flow by count and period; shape (sites, counts, periods)."""
        by_run, period, periods = self._runs_of(flow)
        return self._by_cell(by_run, count, counts, period, periods)

    def _runs_of(self, flow: PricedFlow) -> tuple[Float64 | None, Int64, int]:
        """A flow by run, with the period of each run and the number of periods."""
        part = flow.part
        imported, exported = self.by_run(part, flow.gross)
        if flow.is_export:
            return exported, part.export_period, part.export_periods
        return imported, part.import_period, part.import_periods

    def _by_period(
        self, by_run: Float64 | None, part: Partition, period: Int64, periods: int
    ) -> Float64:
        return self._by_cell(by_run, part.billing, len(part.calendar.billing), period, periods)

    def _by_both_periods(self, by_run: Float64 | None, part: Partition) -> Float64:
        periods = part.import_periods * part.export_periods
        sums = self._by_period(by_run, part, part.both_periods, periods)
        return sums.reshape(*sums.shape[:2], part.import_periods, part.export_periods)

    def _by_cell(
        self, by_run: Float64 | None, count: Int64, counts: int, period: Int64, periods: int
    ) -> Float64:
        shape = (self.sites, counts, periods)
        if by_run is None:
            return np.zeros(shape)
        cell = count * periods + period
        sums: Float64 = self._kernels.cells(by_run, cell, counts * periods)
        return sums.reshape(shape)

    def _price(self, flow: PricedFlow, series: list[PriceSeries]) -> None:
        """Calculate the costs of a flow under each series, and keep them."""
        part = flow.part
        billings = len(part.calendar.billing)
        energy, sign = self._energy_of(flow)
        if energy is None:
            self._costs |= {(flow, each): np.zeros((self.sites, billings)) for each in series}
            return
        priced = [weights(part, each) for each in series]
        if len(series) == 1:
            costs = [self._kernels.costs(energy, sign, part.runs, priced[0])]
        else:
            costs = self._kernels.costs_of_many(energy, sign, part.runs, priced)
        for each, by_run in zip(series, costs, strict=True):
            self._costs[flow, each] = self._kernels.cells(by_run, part.billing, billings)

    def _energy_of(self, flow: PricedFlow) -> tuple[Float64 | None, float]:
        """The array that holds a flow, and the sign with which it counts there."""
        block = self.block
        if flow.is_export and block.generation_kwh is None:
            return None, 0.0
        if not flow.gross:
            return block.net_kwh, -1.0 if flow.is_export else 1.0
        return block.generation_kwh if flow.is_export else block.consumption_kwh, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One component of a bill, for all sites and billing periods.

    Attributes
    ----------
    kind : str
        What taxes and minimums refer to.
    text : str
        Name of the component in the bill, such as ``energy peak tier 2``.
    unit : str
        Unit of the quantity.
    quantity, cost : ndarray of float64, shape (sites, billing periods)
        The cost is in the tariff's currency, unrounded; credits are negative.
    shown : ndarray of bool, shape (billing periods,)
        Where the component is charged; quantity and cost are 0 elsewhere. Everywhere by default.
    sparse : bool
        Whether rows with quantity 0 are left out of the bill.
    notes : mapping of int to str, or to ndarray of object, shape (sites,)
        Findings by billing period. A text holds where the quantity is not 0; an array has the text
        of each site, or None.
    """

    kind: LineKind
    text: str
    unit: str
    quantity: Float64
    cost: Float64
    shown: np.ndarray = None  # type: ignore[assignment]
    sparse: bool = False
    notes: Mapping[int, str | np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shown is None:
            object.__setattr__(self, "shown", np.ones(self.cost.shape[1], dtype=bool))

    def site_notes(self, period: int) -> np.ndarray | None:
        """Return the finding of each site in a billing period, or None if there are none."""
        note = self.notes.get(period)
        if note is None or isinstance(note, np.ndarray):
            return note
        texts = np.full(len(self.quantity), None, dtype=object)
        texts[self.quantity[:, period] != 0.0] = note
        return texts


def component_kind(component: str) -> str:
    """Return the kind of a bill's component: ``energy`` of ``energy period 1``."""
    return "carry over" if component.startswith("carry over") else component.partition(" ")[0]


def sum_in_order(values: Float64, axis: int = -1) -> Float64:
    """Return the sum over an axis, added one after another (`numpy.sum` adds in pairs)."""
    along_axis = np.moveaxis(values, axis, 0)
    total: Float64 = np.zeros(along_axis.shape[1:])
    for each in along_axis:
        total += each
    return total


def sum_cost(
    lines: Iterable[Line], shape: tuple[int, int], kinds: Iterable[str] | None = None
) -> Float64:
    """Return the cost of lines together, added in their order; all kinds by default."""
    total = np.zeros(shape)
    # Not `sum` or `numpy.sum`: the order of the additions decides the last bits.
    for line in lines:
        if kinds is None or line.kind in kinds:
            total += line.cost
    return total
