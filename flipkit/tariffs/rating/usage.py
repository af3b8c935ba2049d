"""Energy of a block by run, cell and demand interval, each reckoned once for all plans that share a calendar."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from importlib import import_module
from typing import Any, Literal, TypeAlias

import numpy as np

from flipkit.tariffs.model import PriceSeries
from flipkit.tariffs.rating.demand import DemandRuns
from flipkit.tariffs.rating.energy import Block
from flipkit.tariffs.rating.runs import Partition, weights
from flipkit.vocabulary import Float64

__all__ = ["COMPILED", "EnergySums"]

COMPILED = "flipkit.tariffs.rating.kernels_large"
"""The module of the compiled kernels."""
_KEPT = 12
_Flow: TypeAlias = tuple[Partition, bool, bool]


class EnergySums:
    """What the sites of a block use and make, by the calendars of tariffs.

    Parameters
    ----------
    block : Block
    compiled : bool
        Whether by compiled code, which pays for large blocks. The bits are the same.
    """

    def __init__(self, block: Block, compiled: bool = False) -> None:
        self.block = block
        self.sites = len(block.site_ids)
        self._compiled = compiled
        # Here, not above: numba takes half a second to load.
        self._kernels = import_module(
            COMPILED if self._compiled else "flipkit.tariffs.rating.kernels_small"
        )
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._costs: dict[tuple[_Flow, PriceSeries], Float64] = {}

    def by_run(self, part: Partition, gross: bool) -> tuple[Float64, Float64 | None]:
        """Energy bought and sold by run, shape (sites, runs); `gross`: all consumption and all generation."""
        found: tuple[Float64, Float64 | None] = self._once(
            ("runs", part, gross), lambda: self._sums(part, gross)
        )
        return found

    def cells(
        self, part: Partition, gross: bool, flow: Literal["bought", "sold", "sold by import period"]
    ) -> Float64:
        """Energy by billing period and energy period; shape (sites, billing periods, periods)."""
        found: Float64 = self._once((flow, part, gross), lambda: self._cells(part, gross, flow))
        return found

    def costs(self, part: Partition, gross: bool, selling: bool, series: PriceSeries) -> Float64:
        """Energy times the prices of a series, by billing period; shape (sites, billing periods)."""
        flow = (part, gross, selling)
        if (flow, series) not in self._costs:
            self._price(flow, [series])
        return self._costs[flow, series]

    def price(self, part: Partition, gross: bool, selling: bool, series: list[PriceSeries]) -> None:
        """Reckon the costs of many series in one pass over the energy, for `costs` to find."""
        if self._compiled and not (part.runs.head.any() or part.runs.tail.any()):
            self._price((part, gross, selling), series)

    def peaks(self, demand: DemandRuns, gross: bool) -> Float64:
        """Highest mean import power, kW; shape (sites, billing periods)."""
        energy = self.block.consumption_kwh if gross else self.block.net_kwh
        found: Float64 = self._once(
            ("peaks", demand, gross), lambda: self._kernels.peaks(energy, demand)
        )
        return found

    def tiers(self, part: Partition, gross: bool, limits: Float64) -> Float64:
        """Energy bought by billing period, period and tier, counted in the order of time.

        Parameters
        ----------
        part : Partition
        gross : bool
        limits : ndarray of float64, shape (sites or 1, billing periods, periods, tiers)
        """
        found: Float64 = self._kernels.tiers(
            self.by_run(part, gross)[0], part.billing, part.period, limits
        )
        return found

    def _once(self, key: Hashable, work: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = work()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _sums(self, part: Partition, gross: bool) -> tuple[Float64, Float64 | None]:
        made = self.block.generation_kwh
        if made is None:
            return self._kernels.bought(self.block.consumption_kwh, part.runs), None
        if gross:
            return self._kernels.bought(
                self.block.consumption_kwh, part.runs
            ), self._kernels.bought(made, part.runs)
        bought, sold = self._kernels.sums(self.block.net_kwh, part.runs)
        return bought, sold

    def _cells(self, part: Partition, gross: bool, flow: str) -> Float64:
        by_run = self.by_run(part, gross)[flow != "bought"]
        period, count = (part.sold, part.solds) if flow == "sold" else (part.period, part.periods)
        shape = (self.sites, len(part.place.billing), count)
        if by_run is None:
            return np.zeros(shape)
        cell = part.billing * count + period
        found: Float64 = self._kernels.cells(by_run, cell, shape[1] * count)
        return found.reshape(shape)

    def _price(self, flow: _Flow, series: list[PriceSeries]) -> None:
        part, gross, selling = flow
        energy, sign = self.block.net_kwh, -1.0 if selling else 1.0
        if selling and self.block.generation_kwh is None:
            self._costs |= {
                (flow, each): np.zeros((self.sites, len(part.place.billing))) for each in series
            }
            return
        if gross:
            made = self.block.generation_kwh
            energy, sign = made if selling and made is not None else self.block.consumption_kwh, 1.0
        priced = [weights(part, each) for each in series]
        if len(series) == 1:
            by_run = self._kernels.costs(energy, sign, part.runs, priced[0])[..., None]
        else:
            by_run = self._kernels.costs_of_many(energy, sign, part.runs, priced)
        for number, each in enumerate(series):
            own = np.ascontiguousarray(by_run[:, :, number])
            self._costs[flow, each] = self._kernels.cells(
                own, part.billing, len(part.place.billing)
            )
