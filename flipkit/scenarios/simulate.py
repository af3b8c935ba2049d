"""``fk.simulate``: each site under each scenario, priced locally; nothing is stored anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from numbers import Integral
from typing import Any, Literal

from flipkit.checks import repeated_names
from flipkit.errors import InputError
from flipkit.frames import library_of
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, SitePrices, current_prices
from flipkit.scenarios.results import Simulation
from flipkit.scenarios.service import priced_by_service
from flipkit.tariffs.rating import Energy, read_energy
from flipkit.vocabulary import DISPATCH_METHODS, DispatchMethod

__all__ = ["simulate"]


def simulate(
    energy: Any,
    scenarios: Iterable[Scenario],
    *,
    prices: Any = None,
    verify: int = 0,
    dispatch: DispatchMethod = "rule",
    method: Literal["local", "instant"] = "local",
    journal: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> Simulation:
    """Calculate what each site would cost under each scenario.

    A scenario changes a home in this order: load, solar, car, battery. Imports and exports are then
    netted within each interval: net = consumption - generation + charge - discharge, import =
    max(net, 0), export = max(-net, 0). Each local month is rated with all charges of the tariff, as
    `flipkit.bill` does it. Flatpeak's prices are per kWh, so the current cost under them has no
    standing charge. Energy is spread evenly over its interval: an interval across a price change is
    split in proportion to time. What a battery stores more or less at the end than at the
    beginning counts in the saving (see `Simulation.summary`); a plan ends at or above the
    beginning.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        ``site_id``, ``start_utc`` and ``consumption_kwh``, and ``generation_kwh`` if there is any
        generation; negative generation, which an inverter draws, counts as consumption. Each site
        has a constant step and no gaps; sites may differ in steps, time zones and currencies.
        Optional ``timezone`` and ``currency`` must be those of the site's tariffs.
    scenarios : iterable of Scenario
        Of different names. The first one is the baseline of the savings.
    prices : Kit, Flatpeak, Tariff, mapping of str to Tariff, or DataFrame, optional
        Current prices, for scenarios without a tariff of their own. With a kit or a Flatpeak client
        they are read once per site, from the location whose ``reference_id`` is the site id: its
        tariff objects, or its price list where these are not complete. One tariff holds for all
        sites, a mapping is by site id. A frame has ``site_id, start_utc, end_utc, tariff_direction,
        price_per_kwh, currency`` and ``timezone``, the site's IANA time zone; without that column
        it is that of the energy, of the first scenario with a tariff, or else UTC.
    verify : int
        Number of intervals, among those with Flatpeak's prices, to price by ``POST
        /costs/instant?non_persistent=true`` too. `Simulation.certificate` compares the costs.
    dispatch : {"rule", "rule_tou", "day_ahead", "optimal"}
        How batteries are run. "rule": surplus generation charges the battery, which then covers
        consumption. "rule_tou": the same, and it charges from the grid in the cheapest hours.
        "day_ahead": the best plan for each local day, with nothing known beyond it. "optimal": the
        best plan for the whole window, with perfect foresight.
    method : {"local", "instant"}
        "instant" lets Flatpeak price every interval with energy, one non-persistent call each: at
        least 17,520 calls per site and year. Scenarios with tariffs of their own are refused.
        `Simulation.intervals` keeps the local costs.
    journal : path-like, optional
        With "instant": a file that keeps every answer, so that the same call continues after an
        interruption.
    executor : concurrent.futures.Executor, optional
        Evaluates the fleet, for example ``dask.distributed.Client().get_executor()``. Processes
        must be spawned, not forked. Default: threads of this process. The results have the same
        bits.

    Returns
    -------
    Simulation
        Its frames are in the library of `energy`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        A column of `energy` is missing, or a timestamp has no time zone.
    InputError
        No scenario or two of the same name, invalid energy, a site without an import price or with
        tariffs in two currencies or of another place than its energy, prices that do not cover the
        energy, or an invalid option. The message names site and scenario.
    ConfigurationError
        "day_ahead" or "optimal" under tiers or demand charges, and HiGHS is not installed.
    RequestError
        Flatpeak did not answer.

    Examples
    --------
    >>> import flipkit as fk
    >>> gbp = {"currency": "GBP", "timezone": "Europe/London"}
    >>> night = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **gbp)
    >>> scenarios = [
    ...     fk.Scenario("flat", tariff=fk.Tariff.flat(0.25, **gbp)),
    ...     fk.Scenario("night and battery", tariff=night, battery=fk.Battery(5, 2.5)),
    ... ]
    >>> fk.simulate(energy, scenarios, dispatch="optimal").summary()  # doctest: +SKIP
    """
    _check_options(verify, dispatch, method, journal, executor)
    checked = _checked_scenarios(scenarios)
    frames = library_of(energy)
    metered = read_energy(energy)

    fleet = Fleet(metered, _site_prices(prices, metered, checked), checked, executor)
    totals = fleet.evaluate(checked, dispatch)
    if method == "instant":
        client = getattr(prices, "flatpeak", prices)
        totals = priced_by_service(fleet, totals, dispatch, client, journal)
    simulation = Simulation(fleet, dispatch, totals, frames)
    return simulation.verified(prices, int(verify)) if verify else simulation


def _check_options(verify: Any, dispatch: Any, method: Any, journal: Any, executor: Any) -> None:
    if isinstance(verify, bool) or not isinstance(verify, Integral) or verify < 0:
        raise InputError(f"verify={verify!r}: give a number of intervals, 0 or more")
    if dispatch not in DISPATCH_METHODS:
        raise InputError(f"dispatch={dispatch!r}: choose one of {', '.join(DISPATCH_METHODS)}")
    if method not in ("local", "instant"):
        raise InputError(f"method={method!r}: choose 'local' or 'instant'")
    if journal is not None and method != "instant":
        raise InputError(f"journal={journal!r}: only method='instant' keeps a journal")
    if executor is not None and not hasattr(executor, "submit"):
        raise InputError(
            f"executor={executor!r}: give a concurrent.futures.Executor, or leave it out to use "
            "threads"
        )


def _checked_scenarios(scenarios: Any) -> tuple[Scenario, ...]:
    if isinstance(scenarios, Scenario):
        raise InputError(
            "scenarios: expected a list of Scenario, got a single one; write [scenario]. The first "
            "one is the baseline"
        )
    if not isinstance(scenarios, Iterable):
        kind = type(scenarios).__name__
        raise InputError(f"scenarios: expected a list of Scenario, got {kind}")
    checked = tuple(scenarios)
    if not checked:
        raise InputError("scenarios: the list is empty; give at least one fk.Scenario(name)")
    for scenario in checked:
        if not isinstance(scenario, Scenario):
            raise InputError(f"scenarios: expected a Scenario, got {scenario!r}")
    names = [scenario.name for scenario in checked]
    for name in names:
        # The waterfall and the regret name their mixtures of scenarios with several lines.
        if "\n" in name:
            raise InputError(f"scenarios: the name {name!r} has several lines; give it one line")
    repeated = repeated_names(names)
    if repeated:
        raise InputError(
            f"scenarios: the name {', '.join(repeated)} is used more than once; give each scenario "
            "a name of its own"
        )
    return checked


def _site_prices(
    prices: Any, energy: Energy, scenarios: Sequence[Scenario]
) -> dict[str, SitePrices]:
    spans: dict[str, tuple[int, int]] = {}
    zones: dict[str, str] = {}
    for block in energy.blocks:
        for site_id in block.site_ids:
            spans[site_id] = (block.grid.start_us, block.grid.end_us)
            tariffs = [scenario.at(site_id, "tariff") for scenario in scenarios]
            known_zones = [tariff.timezone for tariff in tariffs if tariff is not None]
            if site_id in energy.timezones:
                known_zones.insert(0, energy.timezones[site_id])
            if known_zones:
                zones[site_id] = known_zones[0]
    return current_prices(prices, spans, zones)
