"""What-if: each site under each scenario, priced locally, with nothing stored anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from numbers import Integral
from typing import Any

from flipkit.errors import InputError
from flipkit.frames import library_of
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SitePrices, current_prices
from flipkit.scenarios.results import Simulation, instantly
from flipkit.tariffs.rating import Block, read_blocks

__all__ = ["simulate"]

METHODS = ("rule", "rule_tou", "day_ahead", "optimal")


def simulate(
    energy: Any,
    scenarios: Iterable[Scenario],
    *,
    prices: Any = None,
    verify: int = 0,
    dispatch: str = "rule",
    method: str = "local",
    journal: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> Simulation:
    """Price each site under each scenario.

    A home is changed in the order load, solar, car, battery. Import and export are netted within each interval: net =
    consumption - generation + charge - discharge, import = max(net, 0), export = max(-net, 0), never both. Each local
    month is then rated with every charge of the tariff, as `flipkit.bill` does it: Flatpeak's prices are per kWh, so
    today's cost there has no standing charge in it. Energy is spread evenly over its interval, so an interval across a
    price change is split in proportion to time.

    Parameters
    ----------
    energy : DataFrame
        ``site_id, start_utc, consumption_kwh`` and, where there is any, ``generation_kwh``; one step a site, no holes.
        Sites may have different steps, zones and currencies.
    scenarios : iterable of Scenario
        The first is the one that the others are compared with.
    prices : Kit, Flatpeak, Tariff, mapping of str to Tariff, or DataFrame, optional
        Today's prices, for scenarios without a tariff of their own. From Flatpeak they are read once a site (the
        location whose ``reference_id`` is the site's id): its tariff objects, and its price list in windows of 90 days
        where these do not say it all. A frame has ``site_id, start_utc, end_utc, tariff_direction, price_per_kwh,
        currency`` and the site's ``timezone``; without that column hours and months are by the clock of the first
        scenario that has a tariff, or else UTC.
    verify : int
        Draw so many intervals that were priced with Flatpeak's prices, send them through ``POST
        /costs/instant?non_persistent=true``, and set both costs side by side in `Simulation.certificate`.
    dispatch : {"rule", "rule_tou", "day_ahead", "optimal"}
        How batteries are run: self-consumption; and charging in the cheap hours; the best of each day, nothing known
        beyond it; the best of the whole window, known in advance.
    method : {"local", "instant"}
        ``instant`` has Flatpeak price every interval with energy, one non-persistent call each: 17,520 and more a
        site-year, side by side. Scenarios with tariffs of their own cannot be asked about. `Simulation.intervals` keeps
        the prices reckoned here.
    journal : path-like, optional
        With ``instant``: a file that keeps every answer as it comes, so that the same call goes on after a kill.
    executor : concurrent.futures.Executor, optional
        Where fleets are reckoned, such as ``dask.distributed.Client().get_executor()``; processes must be spawned, not
        forked. Threads of this process by default. The results have the same bits.

    Returns
    -------
    Simulation
        Its frames are in the library of `energy`.

    Raises
    ------
    InputError
        No scenario or one name twice, energy that is not usable, a site without an import price or with scenarios in
        two currencies (names site and scenario), prices that end before the energy does, an option that is none.
    RequestError
        Flatpeak did not answer.
    """
    if isinstance(verify, bool) or not isinstance(verify, Integral) or verify < 0:
        raise InputError(f"verify={verify!r}: give a number of intervals, 0 or more")
    if executor is not None and not hasattr(executor, "submit"):
        raise InputError(
            f"executor={executor!r}: give a concurrent.futures.Executor, or leave it out for threads"
        )
    if dispatch not in METHODS:
        raise InputError(f"dispatch={dispatch!r}: choose one of {', '.join(METHODS)}")
    if method not in ("local", "instant") or (journal is not None and method != "instant"):
        raise InputError(
            f"method={method!r}: choose 'local' or 'instant'; a journal is kept by 'instant' alone"
        )
    chosen, frames = _checked(scenarios), library_of(energy)
    blocks = tuple(read_blocks(energy))
    fleet = Fleet(blocks, _markets(prices, blocks, chosen), executor)
    result = Simulation(
        fleet, tuple(chosen), dispatch, tuple(fleet.reckon(chosen, dispatch)), frames
    )
    if method == "instant":
        client = getattr(prices, "flatpeak", prices)
        result = replace(result, reckoned=tuple(instantly(result, client, journal)))
    return result.verified(prices, int(verify)) if verify else result


def _checked(scenarios: Iterable[Scenario]) -> list[Scenario]:
    if isinstance(scenarios, Scenario):
        raise InputError(
            "scenarios: one Scenario is no list; write [scenario], the first is what others are held against"
        )
    if not isinstance(scenarios, Iterable):
        raise InputError(f"scenarios: expected a list of Scenario, got {type(scenarios).__name__}")
    chosen = list(scenarios)
    if not chosen:
        raise InputError("scenarios: none given; give at least one fk.Scenario(name)")
    names = [s.name if isinstance(s, Scenario) else repr(s) for s in chosen]
    wrong = [name for s, name in zip(chosen, names, strict=True) if not isinstance(s, Scenario)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if wrong or twice:
        raise InputError(
            f"scenarios: no Scenario: {', '.join(wrong)}"
            if wrong
            else f"scenarios: used twice: {', '.join(twice)}; give each a name of its own"
        )
    if lines := [name for name in names if "\n" in name]:
        raise InputError(f"scenarios: {lines[0]!r}: a name of one line is needed")
    return chosen


def _markets(
    prices: Any, blocks: Sequence[Block], scenarios: Sequence[Scenario]
) -> dict[str, SitePrices]:
    windows = {
        site_id: (each.grid.start_us, each.grid.end_us)
        for each in blocks
        for site_id in each.site_ids
    }
    tariffs = [
        (site_id, scenario.at(site_id, "tariff"))
        for scenario in reversed(scenarios)
        for site_id in windows
    ]
    zones = {site_id: tariff.timezone for site_id, tariff in tariffs if tariff is not None}
    return current_prices(prices, windows, zones)
