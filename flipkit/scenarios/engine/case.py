"""The case of a site under a scenario: the changes of the home and the tariffs in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.scenarios.changes import Battery, Load, Scenario
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import parts_of, without_export

__all__ = ["Case", "SitePrices", "case_of"]


class SitePrices(NamedTuple):
    """The current tariffs of one site.

    Attributes
    ----------
    location_id : str or None
        The Flatpeak location that the tariffs come from.
    tariffs : dict of str to Tariff
        By direction; a direction without a price is absent.
    findings : tuple of Finding
        Assumptions about the tariffs.
    """

    location_id: str | None
    tariffs: dict[str, Tariff]
    findings: tuple[Finding, ...] = ()


class Case(NamedTuple):
    """One scenario at one site.

    Attributes
    ----------
    load, solar, ev, battery
        The changes of the home; None for no change.
    import_tariff : Tariff
        Prices imports, with all charges of the bill.
    export_tariff : Tariff or None
        Prices exports; None if `import_tariff` settles them, or they are not paid.
    local_tariff : Tariff or None
        Prices the generation that the site uses itself, for panels that somebody else owns.
    findings : tuple of Finding
        Assumptions about the current tariffs.
    current_directions : frozenset of str
        The directions that the site's current tariffs price.
    """

    load: Load | None
    solar: Solar | None
    ev: EvCharging | None
    battery: Battery | None
    import_tariff: Tariff
    export_tariff: Tariff | None
    local_tariff: Tariff | None
    findings: tuple[Finding, ...]
    current_directions: frozenset[str]

    @property
    def key(self) -> tuple[int, ...]:
        """A key that is equal for sites that can be evaluated together."""
        # Identity, not equality: values are shared between sites, and comparing long price
        # series for thousands of sites takes time.
        return tuple(id(value) for value in self[:-1])

    @property
    def tariffs(self) -> list[Tariff]:
        """The tariffs in force."""
        given = (self.import_tariff, self.export_tariff, self.local_tariff)
        return [tariff for tariff in given if tariff is not None]

    @property
    def changes_energy(self) -> bool:
        """Whether consumption or generation differ from the input."""
        return self.load is not None or self.solar is not None or self.ev is not None

    @property
    def is_gross(self) -> bool:
        """Whether all generation is exported and all consumption imported (gross metering)."""
        return self.export_tariff is None and "buy_all_sell_all" in self.export_modes

    @property
    def is_net_metered(self) -> bool:
        """Whether exports are netted with imports over the billing period."""
        return self.export_tariff is None and "net_metering" in self.export_modes

    @property
    def pays_exports(self) -> bool:
        """Whether exports are paid or netted."""
        return self.export_tariff is not None or bool(self.export_modes)

    @property
    def export_modes(self) -> set[str]:
        """How the import tariff settles exports; empty if it does not."""
        exports = [part.export for part in parts_of(self.import_tariff)]
        return {export.mode for export in exports if export is not None}


def case_of(site_id: str, scenario: Scenario, prices: SitePrices | None) -> Case:
    """Return one scenario at one site.

    Raises
    ------
    InputError
        No import price, or tariffs in two currencies.
    """
    current = prices.tariffs if prices else {}
    in_force = _tariffs_in_force(site_id, scenario, current)
    _check_currency(site_id, scenario, [*in_force.values(), *current.values()])

    import_tariff = in_force["IMPORT"]
    if "EXPORT" in in_force:
        import_tariff = without_export(import_tariff)
    current_directions = [
        direction for direction, tariff in in_force.items() if tariff is current.get(direction)
    ]
    return Case(
        load=scenario.at(site_id, "load"),
        solar=scenario.at(site_id, "solar"),
        ev=scenario.at(site_id, "ev"),
        battery=scenario.at(site_id, "battery"),
        import_tariff=import_tariff,
        export_tariff=in_force.get("EXPORT"),
        local_tariff=in_force.get("LOCAL"),
        findings=prices.findings if prices else (),
        current_directions=frozenset(current_directions),
    )


def _tariffs_in_force(
    site_id: str, scenario: Scenario, current: Mapping[str, Tariff]
) -> dict[str, Tariff]:
    """Return the tariffs by direction: the scenario's own, or else the current ones."""
    # No scenario changes the price of own use, so LOCAL is always a current one.
    in_force = dict(current)
    own_import = scenario.at(site_id, "tariff")
    own_export = scenario.at(site_id, "export_tariff")
    if own_import is not None:
        in_force["IMPORT"] = own_import
        if own_import.export is not None:  # it settles exports itself
            in_force.pop("EXPORT", None)
    if own_export is not None:
        in_force["EXPORT"] = own_export
    if "IMPORT" not in in_force:
        raise InputError(
            f"site {site_id}, scenario {scenario.name!r}: no import price; give the scenario a "
            "tariff, or pass prices= with a price for the site"
        )
    return in_force


def _check_currency(site_id: str, scenario: Scenario, tariffs: Sequence[Tariff]) -> None:
    currencies = {tariff.currency for tariff in tariffs}
    if len(currencies) > 1:
        listed = ", ".join(sorted(currencies))
        raise InputError(
            f"site {site_id}, scenario {scenario.name!r}: tariffs in {listed}; currencies are "
            "never added, so give all tariffs of the site in one currency"
        )
