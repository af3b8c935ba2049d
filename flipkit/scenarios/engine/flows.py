"""The energy of homes under a scenario: what is used, made, stored, bought and sold in each interval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.marginal import Prices, prices_of
from flipkit.scenarios.engine.storage import stored
from flipkit.tariffs.rating import Block
from flipkit.vocabulary import Float64, Int64

if TYPE_CHECKING:
    from flipkit.scenarios.ev import EvCharging

__all__ = ["EnergyFlows", "flows_of", "times_of"]

Findings = tuple[Finding, ...]


class EnergyFlows(NamedTuple):
    """The energy of some sites, each array of shape (sites, intervals) in kWh.

    Attributes
    ----------
    block : Block
        What the sites use (the car with it) and make, and the net of both, without the battery.
    ev_kwh : ndarray or None
        What a car changes of the consumption.
    stored_kwh : ndarray or None
        Into the battery at its AC terminals, below 0 where it comes out.
    is_gross : bool
        Whether all generation is sold and all consumption bought, so that nothing is netted.
    methods : tuple of str or None
        A site each: how its battery was run.
    findings : tuple of tuple of Finding
        A site each.
    soc_kwh, stored_value : ndarray or None
        As `Stored`; None without a battery, and where they were not asked for.
    """

    block: Block
    ev_kwh: Float64 | None
    stored_kwh: Float64 | None
    is_gross: bool
    methods: tuple[str | None, ...]
    findings: tuple[Findings, ...]
    soc_kwh: Float64 | None
    stored_value: Float64 | None

    @property
    def net_kwh(self) -> Float64:
        """What the meter counts: above 0 bought, below 0 sold."""
        return (
            self.block.net_kwh if self.stored_kwh is None else self.block.net_kwh + self.stored_kwh
        )

    @property
    def generation_kwh(self) -> Float64:
        """What is made; zeros where nothing is."""
        made = self.block.generation_kwh
        return np.zeros_like(self.block.consumption_kwh) if made is None else made

    @property
    def import_kwh(self) -> Float64:
        """What is bought."""
        if not self.is_gross:
            return np.maximum(self.net_kwh, 0.0)
        return (
            self.block.consumption_kwh
            if self.stored_kwh is None
            else self.block.consumption_kwh + self.stored_kwh
        )

    @property
    def export_kwh(self) -> Float64:
        """What is sold."""
        return self.generation_kwh if self.is_gross else np.maximum(-self.net_kwh, 0.0)

    @property
    def metered(self) -> Block:
        """What a tariff rates."""
        if self.stored_kwh is None:
            return self.block
        names, grid, made = self.block.site_ids, self.block.grid, self.generation_kwh
        if self.is_gross:
            return Block(names, grid, self.import_kwh, made)
        return Block(names, grid, self.block.consumption_kwh, made, self.net_kwh)


def times_of(grid: Grid) -> tuple[Int64, Int64]:
    """Start and end of each interval."""
    start = grid.start_us + grid.step_us * np.arange(grid.intervals, dtype=np.int64)
    return start, start + grid.step_us


def flows_of(block: Block, case: Case, method: str, keep: bool = False) -> EnergyFlows:
    """The energy of sites under one scenario: load, then solar, then the car, then the battery.

    Parameters
    ----------
    block : Block
    case : Case
        The same for all of them.
    method : str
        How the battery is run.
    keep : bool
        Whether to tell what the battery holds, too.
    """
    used, made = _used(block, case), _made(block, case)
    findings = [[*case.findings, *_of_weather(case)] for _ in block.site_ids]
    prices = None if case.ev is None and case.battery is None else prices_of(case, block.grid)
    car = None
    if case.ev is not None and prices is not None:
        free = None if case.is_gross else made  # where all of it is sold, the car can have none
        car = _charged(
            Block(block.site_ids, block.grid, used, free),
            case.ev,
            case.buy.timezone,
            prices,
            findings,
        )
        used = used + car
    changed = block if case.is_as_today else Block(block.site_ids, block.grid, used, made)
    if case.battery is None or prices is None:
        nobody = (None,) * len(block.site_ids)
        return EnergyFlows(
            changed, car, None, case.is_gross, nobody, tuple(map(tuple, findings)), None, None
        )
    done = stored(changed, case, case.battery, prices, method, keep)
    said = tuple((*own, *more) for own, more in zip(findings, done.findings, strict=True))
    return EnergyFlows(
        changed, car, done.kwh, case.is_gross, done.methods, said, done.soc_kwh, done.value
    )


def _of_weather(case: Case) -> list[Finding]:
    """Say so where the light on new panels is not that of the place and time."""
    if (
        case.solar is None
        or case.solar.weather is not None
        or case.solar.existing_kw_dc is not None
    ):
        return []
    return [Finding("solar.weather", case.solar.weather_note)]


def _used(block: Block, case: Case) -> Float64:
    if case.load is None:
        return block.consumption_kwh
    times, zone = times_of(block.grid), case.buy.timezone
    return np.stack([case.load.applied(row, *times, zone) for row in block.consumption_kwh])


def _made(block: Block, case: Case) -> Float64 | None:
    if case.solar is None:
        return block.generation_kwh
    times, made = times_of(block.grid), block.generation_kwh
    made = np.zeros_like(block.consumption_kwh) if made is None else made
    rows = []
    for site_id, row in zip(block.site_ids, made, strict=True):
        with _naming(site_id):
            rows.append(row + case.solar.generation_kwh(*times, row))
    return np.stack(rows)


def _charged(
    block: Block, ev: EvCharging, zone: str, prices: Prices, findings: list[list[Finding]]
) -> Float64:
    times, rows = times_of(block.grid), []
    made = (
        np.zeros_like(block.consumption_kwh)
        if block.generation_kwh is None
        else block.generation_kwh
    )
    for number, site_id in enumerate(block.site_ids):
        with _naming(site_id):
            done = ev.charging(*times, zone, block.consumption_kwh[number], made[number], *prices)
        rows.append(done.consumption_kwh)
        findings[number].extend(done.findings)
    return np.stack(rows)


@contextmanager
def _naming(site_id: str) -> Iterator[None]:
    """Put the site before what a component says is wrong."""
    try:
        yield
    except InputError as error:
        raise InputError(f"site {site_id}: {error}") from None
