"""What-if: each site under each scenario, priced locally, with nothing stored anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flipkit.errors import InputError
from flipkit.frames import library_of
from flipkit.scenarios.certificate import certify
from flipkit.scenarios.outcome import Outcome, PricedBy
from flipkit.scenarios.prices import DIRECTIONS, Market, today
from flipkit.scenarios.scenario import Scenario
from flipkit.scenarios.simulation import Simulation
from flipkit.tariffs.energy import SiteEnergy, read_energy

__all__ = ["simulate"]

METHODS = ("rule", "rule_tou", "day_ahead", "optimal")


def simulate(
    energy: Any, scenarios: Sequence[Scenario], *, prices: Any = None, verify: int = 0, dispatch: str = "rule"
) -> Simulation:
    """Price each site under each scenario.

    Import and export are netted within each interval: net = consumption - generation + charge - discharge, import =
    max(net, 0), export = max(-net, 0), never both. Energy is spread evenly over its interval, so an interval across a
    price change is split in proportion to time. A battery is dispatched at the mean price of each interval. Cost is
    import at the import price less export at the export price; standing charges are not in it.

    Parameters
    ----------
    energy : DataFrame
        ``site_id, start_utc, consumption_kwh`` and, where there is any, ``generation_kwh``; one step a site, no holes.
    scenarios : sequence of Scenario
        The first is the one that the others are compared with.
    prices : Kit, Flatpeak or DataFrame, optional
        Today's prices, for scenarios without a tariff of their own: fetched once a site from Flatpeak (the location
        whose ``reference_id`` is the site's id), or a frame ``site_id, start_utc, end_utc, tariff_direction,
        price_per_kwh, currency``.
    verify : int
        Draw so many intervals that were priced with Flatpeak's series, send them through ``POST
        /costs/instant?non_persistent=true``, and set both costs side by side in `Simulation.certificate`.
    dispatch : {"rule", "rule_tou", "day_ahead", "optimal"}
        How batteries are run: self-consumption; and charging in the cheap hours; the best of each day, nothing known
        beyond it; the best of the whole window, known in advance.

    Returns
    -------
    Simulation
        Its frames are in the library of `energy`.

    Raises
    ------
    InputError
        No scenario or one name twice, energy that is not usable, a site without an import price, a tariff in another
        currency than the site's (names site and scenario), or a `verify` that is no count.
    """
    if not isinstance(verify, int) or verify < 0:
        raise InputError(f"verify={verify!r}: give a number of intervals, 0 or more")
    if dispatch not in METHODS:
        raise InputError(f"dispatch={dispatch!r}: choose one of {', '.join(METHODS)}")
    chosen = _checked(scenarios)
    sites = read_energy(energy)
    markets = today(prices, sites)
    outcomes = [_outcome(site, scenario, markets.get(site.site_id), dispatch) for site in sites for scenario in chosen]
    certificate = certify(prices, outcomes, verify) if verify else ()
    return Simulation(tuple(outcomes), tuple(certificate), library_of(energy))


def _checked(scenarios: Sequence[Scenario]) -> list[Scenario]:
    chosen = list(scenarios)
    if not chosen:
        raise InputError("scenarios: none given; give at least one fk.Scenario(name)")
    names = [s.name if isinstance(s, Scenario) else repr(s) for s in chosen]
    wrong = [name for s, name in zip(chosen, names, strict=True) if not isinstance(s, Scenario)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if wrong or twice:
        raise InputError(f"scenarios: no Scenario: {', '.join(wrong)}" if wrong else f"used twice: {', '.join(twice)}")
    return chosen


def _outcome(site: SiteEnergy, scenario: Scenario, market: Market | None, dispatch: str) -> Outcome:
    priced = {d: p for d in DIRECTIONS if (p := _priced_by(site, scenario, market, d)) is not None}
    if "IMPORT" not in priced:
        raise InputError(
            f"site {site.site_id}, scenario {scenario.name!r}: no import price; give the scenario a tariff, or prices= "
            "a source that knows the site"
        )
    currencies = {p.currency for p in priced.values()} | ({market.currency} if market else set())
    if len(currencies) > 1:
        raise InputError(
            f"site {site.site_id}, scenario {scenario.name!r}: {', '.join(sorted(map(str, currencies)))} in one bill; "
            "currencies are never added together, so give the site a tariff in its own"
        )
    return Outcome.of(site, scenario, priced, market, dispatch)


def _priced_by(site: SiteEnergy, scenario: Scenario, market: Market | None, direction: str) -> PricedBy | None:
    own = scenario.tariff_of(site.site_id, direction)
    if own is not None:
        return PricedBy(own.prices(*site.window), own.currency, own.timezone, is_today=False)
    if market is None or direction not in market.series:
        return None
    return PricedBy(market.series[direction].clip(*site.window), market.currency, market.timezone, is_today=True)
