"""A scenario, and all combinations of choices as scenarios with names that tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from flipkit.checks import repeated_names
from flipkit.errors import InputError
from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.finance import DISCOUNT_RATE, Investment
from flipkit.scenarios.changes.load import Load
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.solar import Solar
from flipkit.tariffs import Tariff

__all__ = ["CHANGES", "Scenario", "change_name", "check_by_site", "combinations", "label"]

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

# In names of combinations: what a field is without a value, if not "no <field>".
_UNCHANGED = {
    "tariff": "today's tariff",
    "export_tariff": "today's export tariff",
    "load": "today's load",
}
_WORDS = {"ev": "car"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A what-if: today's home with the given changes.

    Each change is one value for all sites, or a mapping by site id; sites that the mapping leaves
    out stay as they are. A scenario is an immutable value; ``dataclasses.replace`` makes a variant.

    Parameters
    ----------
    name : str
        Name in all results; one line.
    tariff : Tariff or mapping of str to Tariff, optional
        What imports cost, with all charges of the bill. Default: today's tariff.
    export_tariff : Tariff or mapping of str to Tariff, optional
        What exports earn, instead of the export terms of `tariff`. Default: today's.
    solar : Solar or mapping of str to Solar, optional
        Panels in addition to the existing ones.
    battery : Battery or mapping of str to Battery, optional
        Its dispatch is an argument of `simulate`.
    ev : EvCharging or mapping of str to EvCharging, optional
        Cars that charge at home; `EvCharging.by_site` makes the mapping from one frame.
    load : Load or mapping of str to Load, optional
        More, less or shifted consumption.
    capex : float or callable, optional
        Cost to build per site, in the site's currency; `Simulation.summary` then has payback, NPV
        and IRR. Sites that all mappings leave out pay nothing. A function gets the scenario and
        returns its cost, or None; it is called once, and `capex` is the number. A variant made by
        ``dataclasses.replace`` keeps that number, unless it gets a capex of its own.
    lifetime_years : int, optional
        Years of savings, 1 to 100; needed for NPV and IRR.
    discount_rate : float, default 0.064
        Per year, as a fraction, above inflation. The default is that of NREL's SAM for homes.

    Raises
    ------
    InputError
        A name that is not a string, a change of the wrong type, an invalid capex, lifetime or
        discount rate; a function for the capex that fails.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Scenario("battery", battery=fk.Battery(5, 2.5), capex=4000).battery.label
    '5 kWh/2.5 kW'
    """

    name: str
    tariff: Tariff | Mapping[str, Tariff] | None = None
    export_tariff: Tariff | Mapping[str, Tariff] | None = None
    solar: Solar | Mapping[str, Solar] | None = None
    battery: Battery | Mapping[str, Battery] | None = None
    ev: EvCharging | Mapping[str, EvCharging] | None = None
    load: Load | Mapping[str, Load] | None = None
    capex: float | Callable[[Scenario], float | None] | None = None
    lifetime_years: int | None = None
    discount_rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"scenario: name must be a non-empty string, got {self.name!r}")
        for field, kind in _KINDS.items():
            what = f"scenario {self.name!r}: {field}"
            value = _checked_change(getattr(self, field), kind, what)
            object.__setattr__(self, field, value)
        if callable(self.capex):
            object.__setattr__(self, "capex", self._called(self.capex))
        try:
            self.investment  # noqa: B018  made once to be checked
        except InputError as error:
            raise InputError(f"scenario {self.name!r}: {error}") from None

    def _called(self, capex: Callable[[Scenario], float | None]) -> float | None:
        """Return what a function says this scenario costs to build."""
        try:
            return capex(self)
        except Exception as error:
            raise InputError(
                f"scenario {self.name!r}: capex: the function raised {type(error).__name__}:"
                f" {error}; a change that the scenario does not make is None"
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Send mappings to other processes as copies: a mapping proxy cannot be pickled."""
        values = []
        for field in fields(self):
            value = getattr(self, field.name)
            values.append(dict(value) if isinstance(value, Mapping) else value)
        return Scenario, tuple(values)

    @classmethod
    def grid(cls, name: str, /, **lists: Iterable[Any] | Any) -> list[Scenario]:
        """Return one scenario for each combination of the listed values.

        Parameters
        ----------
        name : str
            Start of all names; the values that vary follow.
        **lists
            Fields of `Scenario`. A list or tuple varies, anything else is the same in all. The
            first field varies slowest. `Simulation.summary`, `bills` and `intervals` have what
            varies in columns, and `Simulation.pivot` arranges it.

        Returns
        -------
        list of Scenario

        Raises
        ------
        InputError
            An unknown field, an empty list, or two combinations with one name.

        Examples
        --------
        >>> import flipkit as fk
        >>> [s.name for s in fk.Scenario.grid("home", battery=[None, fk.Battery(5, 2.5)])]
        ['home: no battery', 'home: battery 5 kWh/2.5 kW']

        The capex may depend on what varies:

        >>> sizes = [fk.Battery(5, 2.5), fk.Battery(10, 5)]
        >>> capex = lambda scenario: 350 * scenario.battery.capacity_kwh
        >>> [s.capex for s in fk.Scenario.grid("", battery=sizes, capex=capex)]
        [1750.0, 3500.0]
        """
        known = {field.name for field in fields(cls)} - {"name"}
        unknown = sorted(set(lists) - known)
        if unknown:
            raise InputError(
                f"grid: unknown field {', '.join(unknown)}; the fields are"
                f" {', '.join(sorted(known))}"
            )
        return [cls(**values) for values in combinations(name, **lists)]

    @property
    def investment(self) -> Investment | None:
        """The cost to build and what comes back; None without a capex."""
        if self.capex is None:
            return None
        # A function has become a number in `__post_init__`.
        return Investment(cast(float, self.capex), self.lifetime_years, self.discount_rate)

    def at(self, site_id: str, field: str) -> Any:
        """Return the change of a field at a site; None if it stays as it is."""
        value = getattr(self, field)
        return value.get(site_id) if isinstance(value, Mapping) else value


def _checked_change(value: Any, kind: type, what: str) -> Any:
    if value is None or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise InputError(
            f"{what}: expected {article} {kind.__name__}, or a mapping of site id to"
            f" {kind.__name__}, got {type(value).__name__}"
        )
    check_by_site(value, kind, what)
    # A read-only copy: later changes of the caller's mapping do not reach the scenario.
    return MappingProxyType(dict(value))


def check_by_site(values: Mapping[Any, Any], kind: type, what: str) -> None:
    """Raise an InputError for a key that is not a string, or a value that is not a `kind`."""
    for site_id in values:
        if not isinstance(site_id, str):
            raise InputError(
                f"{what}: {site_id!r} is not a site id; the keys are the strings in the energy's"
                " column site_id"
            )
    wrong = [site_id for site_id, value in values.items() if not isinstance(value, kind)]
    if wrong:
        raise InputError(
            f"{what}: expected {kind.__name__} for site {', '.join(wrong)}; leave out sites"
            " without one"
        )


class _Choice(NamedTuple):
    """One value of a field in a sweep, and its name; empty if the field does not vary."""

    field: str
    value: Any
    name: str


def combinations(name: str, **choices: Any) -> list[dict[str, Any]]:
    """Return the fields of a scenario for each combination of choices.

    Parameters
    ----------
    name : str
        Start of each name: ``"sweep: battery 5 kWh/2.5 kW, no solar"``.
    **choices
        By field: a list or tuple of choices, or one value for all, which the names leave out.

    Returns
    -------
    list of dict
        ``name`` and every field; the last field varies fastest.

    Raises
    ------
    InputError
        An empty list, or two choices of a field with one name.
    """
    choices_of_fields = [_choices(field, choice) for field, choice in choices.items()]
    scenarios = []
    for combination in product(*choices_of_fields):
        distinction = ", ".join(choice.name for choice in combination if choice.name)
        full_name = ": ".join(part for part in (name, distinction) if part)
        values = {choice.field: choice.value for choice in combination}
        scenarios.append({"name": full_name, **values})
    return scenarios


def _choices(field: str, choice: Any) -> list[_Choice]:
    values = choice if isinstance(choice, list | tuple) else [choice]
    names = _names(field, values)
    if len(values) == 1:
        names = [""]
    return [_Choice(field, value, name) for value, name in zip(values, names, strict=True)]


def label(value: Any) -> str:
    """Return a value in a few words: its ``label``, else its ``name``, else the value as text."""
    if isinstance(value, Mapping):
        return "by site"
    for attribute in ("label", "name"):
        text = getattr(value, attribute, None)
        if text and isinstance(text, str):
            return str(text)
    if isinstance(value, float):
        return str(value).removesuffix(".0")  # "capex 4000"
    if callable(value):
        return str(getattr(value, "__name__", "function"))
    return str(value)


def change_name(field: str, value: Any) -> str:
    """Return a field and its value as names of scenarios have them: ``battery 5 kWh/2.5 kW``."""
    word = _WORDS.get(field, field.replace("_", " "))
    if value is None:
        return _UNCHANGED.get(field, f"no {word}")
    return f"{word} {label(value)}"


def _names(field: str, values: Sequence[Any]) -> list[str]:
    """The name of each choice of a field, with the field."""
    if not values:
        raise InputError(f"grid: {field}: no choices; give at least one, or leave the field out")
    names = [change_name(field, value) for value in values]
    repeated = repeated_names(names)
    if repeated:
        raise InputError(
            f"grid: {field}: more than one choice is named {', '.join(map(repr, repeated))}; leave"
            " out duplicates, and make scenarios that differ in something else one by one"
        )
    return names
