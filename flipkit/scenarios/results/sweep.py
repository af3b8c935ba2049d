"""The sizes that a sweep varies, read from its scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flipkit.errors import InputError
from flipkit.scenarios.changes import CHANGES, Scenario, label

__all__ = ["Sweep", "sweep_of"]

# The attribute that is the size of a change, and its unit.
_SIZES = {"battery": ("capacity_kwh", "kWh"), "solar": ("kw_dc", "kW")}


class Sweep(NamedTuple):
    """What a sweep is drawn by.

    Attributes
    ----------
    sizes : dict of str to float
        By name of the scenario.
    lines : dict of str to str
        What else differs, by name of the scenario.
    label : str
        What the size is, with its unit.
    """

    sizes: dict[str, float]
    lines: dict[str, str]
    label: str


def sweep_of(scenarios: Sequence[Scenario], site_id: str) -> Sweep:
    """Return the size of each scenario: the battery's capacity, or else the added solar power.

    The first scenario is left out if another one has the same size and line.

    Raises
    ------
    InputError
        The scenarios differ in neither size.
    """
    swept = _swept_field(scenarios, site_id)
    others = []
    for field in CHANGES:
        values = {_described(scenario, site_id, field) for scenario in scenarios}
        if field != swept and len(values) > 1:
            others.append(field)

    sizes = {}
    lines = {}
    for scenario in scenarios:
        sizes[scenario.name] = _size(scenario, site_id, swept)
        described = [_described(scenario, site_id, field) for field in others]
        lines[scenario.name] = ", ".join(described)
    first, *rest = sizes
    if any(sizes[name] == sizes[first] and lines[name] == lines[first] for name in rest):
        del sizes[first], lines[first]
    _, unit = _SIZES[swept]
    return Sweep(sizes, lines, f"{swept}, {unit}")


def _swept_field(scenarios: Sequence[Scenario], site_id: str) -> str:
    for field in _SIZES:
        if len({_size(scenario, site_id, field) for scenario in scenarios}) > 1:
            return field
    raise InputError(
        "plot: no scenarios that differ in the size of battery or solar; make them with "
        "Scenario.grid"
    )


def _size(scenario: Scenario, site_id: str, field: str) -> float:
    change = scenario.at(site_id, field)
    attribute, _ = _SIZES[field]
    return 0.0 if change is None else float(getattr(change, attribute))


def _described(scenario: Scenario, site_id: str, field: str) -> str:
    """Return a field of a scenario in a few words."""
    change: Any = scenario.at(site_id, field)
    name = field.replace("_", " ")
    if change is None:
        absent = "today's" if field in ("tariff", "export_tariff", "load") else "no"
        return f"{absent} {name}"
    if field in _SIZES:
        _, unit = _SIZES[field]
        return f"{name} {_size(scenario, site_id, field):g} {unit}"
    return f"{name} {label(change)}"
