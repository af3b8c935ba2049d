"""What one scenario means for one site: its changes, and the tariffs in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.scenarios.changes import Battery, Load, Scenario
from flipkit.scenarios.engine.market import SitePrices
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar
from flipkit.tariffs import Tariff

__all__ = ["Case", "case_of"]


class Case(NamedTuple):
    """One scenario at one site.

    Attributes
    ----------
    load, solar, ev, battery
        The changes; None for none.
    buy : Tariff
        What imports cost, with all charges of the bill.
    sell : Tariff or None
        What exports earn; None where `buy` settles them (or nobody pays).
    local : Tariff or None
        What own generation costs that the site uses itself, where somebody else owns the panels.
    findings : tuple of Finding
        What had to be assumed of today's tariffs.
    today : frozenset of str
        Directions priced by the location's own tariff.
    """

    load: Load | None
    solar: Solar | None
    ev: EvCharging | None
    battery: Battery | None
    buy: Tariff
    sell: Tariff | None
    local: Tariff | None
    findings: tuple[Finding, ...]
    today: frozenset[str]

    @property
    def key(self) -> tuple[int, ...]:
        """The same for sites that can be reckoned side by side."""
        return tuple(map(id, self[:-1]))

    @property
    def is_as_today(self) -> bool:
        """Whether consumption and generation are what they were."""
        return self.load is None and self.solar is None and self.ev is None

    @property
    def is_gross(self) -> bool:
        """Whether all generation is sold and all consumption bought."""
        return self.sell is None and any(
            part.export is not None and part.export.mode == "buy_all_sell_all"
            for part in self.buy.parts or (self.buy,)
        )

    @property
    def pays_exports(self) -> bool:
        """Whether anybody pays for what is exported."""
        return self.sell is not None or any(
            part.export is not None for part in self.buy.parts or (self.buy,)
        )


def case_of(site_id: str, scenario: Scenario, market: SitePrices | None) -> Case:
    """One scenario at one site.

    Raises
    ------
    InputError
        No import price, or tariffs in two currencies: names site and scenario.
    """
    today = market.tariffs if market else {}
    own = {
        "IMPORT": scenario.at(site_id, "tariff"),
        "EXPORT": scenario.at(site_id, "export_tariff"),
    }
    buy = own["IMPORT"] or today.get("IMPORT")
    if buy is None:
        raise InputError(
            f"site {site_id}, scenario {scenario.name!r}: no import price; give the scenario a tariff, or prices= "
            "a source that knows the site"
        )
    sell = own["EXPORT"]
    if sell is None and (own["IMPORT"] is None or own["IMPORT"].export is None):
        sell = today.get("EXPORT")
    _check_currency(site_id, scenario, [buy, sell, *today.values()])
    load, solar, ev, battery = (
        scenario.at(site_id, name) for name in ("load", "solar", "ev", "battery")
    )
    by_market = {"IMPORT": buy, "EXPORT": sell, "LOCAL": today.get("LOCAL")}
    same = frozenset(
        d for d, tariff in by_market.items() if tariff is not None and tariff is today.get(d)
    )
    bought, found = _without_export(buy) if sell else buy, market.findings if market else ()
    return Case(load, solar, ev, battery, bought, sell, today.get("LOCAL"), found, same)


@lru_cache(maxsize=256)
def _without_export(tariff: Tariff) -> Tariff:
    """The tariff as it is where another one pays for exports."""
    if tariff.parts:
        return replace(tariff, parts=tuple(map(_without_export, tariff.parts)))
    return tariff if tariff.export is None else replace(tariff, export=None)


def _check_currency(site_id: str, scenario: Scenario, tariffs: Sequence[Tariff | None]) -> None:
    currencies = {tariff.currency for tariff in tariffs if tariff is not None}
    if len(currencies) > 1:
        raise InputError(
            f"site {site_id}, scenario {scenario.name!r}: {', '.join(sorted(currencies))} in one bill; "
            "currencies are never added together, so give the site a tariff in its own"
        )
