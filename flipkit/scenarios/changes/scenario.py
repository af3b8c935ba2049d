"""A scenario: what would be different."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from flipkit.errors import InputError
from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.by_site import check_by_site
from flipkit.scenarios.changes.finance import DISCOUNT_RATE, Investment
from flipkit.scenarios.changes.grid import grid
from flipkit.scenarios.changes.load import Load
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar
from flipkit.tariffs import Tariff

__all__ = ["CHANGES", "Scenario"]

_KINDS = {
    "tariff": Tariff,
    "export_tariff": Tariff,
    "solar": Solar,
    "battery": Battery,
    "ev": EvCharging,
    "load": Load,
}
CHANGES = tuple(_KINDS)
"""The fields that change a home, in the order of the constructor."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One what-if: today's home, with the changes that are named.

    Each change is one value for all sites, or a mapping by site id; a site that a mapping does not name stays as it is.
    Equal values make equal scenarios, and none can be changed: ``dataclasses.replace`` makes a variant.

    Attributes
    ----------
    name : str
        What results call it; one line.
    tariff : Tariff or mapping of str to Tariff, optional
        What imports cost, with every charge of the bill. Today's without.
    export_tariff : Tariff or mapping of str to Tariff, optional
        What exports earn, instead of what `tariff` says of exports. Today's without.
    solar : Solar or mapping of str to Solar, optional
        Panels beside those that are there.
    battery : Battery or mapping of str to Battery, optional
        How it is run is said to `simulate`.
    ev : EvCharging or mapping of str to EvCharging, optional
        Cars that are charged at home; `EvCharging.by_site` makes the mapping from one frame.
    load : Load or mapping of str to Load, optional
        What else is used, or when.
    capex : float, optional
        What it costs each site to build, in the site's currency: `Simulation.summary` then says whether it pays back.
        A site that mappings leave as it is pays nothing.
    lifetime_years : int, optional
        For how many years it saves; NPV and IRR need it.
    discount_rate : float
        A year, as a fraction, above inflation; 0.064 is the default of NREL's SAM for homes.

    Raises
    ------
    InputError
        A name that is no text, a change of another kind, or a capex, lifetime or discount rate that cannot be.
    """

    name: str
    tariff: Tariff | Mapping[str, Tariff] | None = None
    export_tariff: Tariff | Mapping[str, Tariff] | None = None
    solar: Solar | Mapping[str, Solar] | None = None
    battery: Battery | Mapping[str, Battery] | None = None
    ev: EvCharging | Mapping[str, EvCharging] | None = None
    load: Load | Mapping[str, Load] | None = None
    capex: float | None = None
    lifetime_years: int | None = None
    discount_rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"scenario: the name must be a text, got {self.name!r}")
        for field, kind in _KINDS.items():
            object.__setattr__(
                self,
                field,
                _checked(getattr(self, field), kind, f"scenario {self.name!r}: {field}"),
            )
        try:
            self.investment  # noqa: B018  made once to be checked
        except InputError as error:
            raise InputError(f"scenario {self.name!r}: {error}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        """A view of a mapping cannot be sent to another process; a copy can."""
        values = (getattr(self, field.name) for field in fields(self))
        return Scenario, tuple(
            dict(value) if isinstance(value, Mapping) else value for value in values
        )

    @classmethod
    def grid(cls, name: str, /, **lists: Iterable[Any] | Any) -> list[Scenario]:
        """The product of lists: one scenario for each combination, in the order of the lists, the last the fastest.

        Parameters
        ----------
        name : str
            What all names begin with; the values that differ follow.
        **lists
            Fields of `Scenario`; a list of values varies, anything else is the same in all.

        Raises
        ------
        InputError
            An unknown field, an empty list, or two combinations with one name.

        Examples
        --------
        >>> import flipkit as fk
        >>> [s.name for s in fk.Scenario.grid("home", battery=[None, fk.Battery(5, 2.5)])]
        ['home: no battery', 'home: battery 5 kWh/2.5 kW']
        """
        known = {field.name for field in fields(cls)} - {"name"}
        unknown = sorted(set(lists) - known)
        if unknown:
            raise InputError(
                f"grid: unknown field {', '.join(unknown)}; the fields are {', '.join(sorted(known))}"
            )
        return [cls(**values) for values in grid(name, **lists)]

    @property
    def investment(self) -> Investment | None:
        """What it costs to build, and what comes of that; None without a capex."""
        if self.capex is None:
            return None
        return Investment(self.capex, self.lifetime_years, self.discount_rate)

    def at(self, site_id: str, field: str) -> Any:
        """What a change is at a site; None for none."""
        value = getattr(self, field)
        return value.get(site_id) if isinstance(value, Mapping) else value


def _checked(value: Any, kind: type, what: str) -> Any:
    if value is None or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise InputError(f"{what}: expected {article} {kind.__name__}, or a mapping of site id to {kind.__name__}, got "
                         f"{type(value).__name__}")  # fmt: skip
    check_by_site(value, kind, what)
    return MappingProxyType(dict(value))
