"""The sizes that a sweep varies, read from its scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flipkit.errors import InputError
from flipkit.scenarios.changes import CHANGES, Scenario, label

__all__ = ["sizes"]

# What the size of each is, and its unit.
_SIZES = {"battery": ("capacity_kwh", "kWh"), "solar": ("kw_dc", "kW")}


def sizes(
    scenarios: Sequence[Scenario], site_id: str
) -> tuple[dict[str, float], dict[str, str], str]:
    """The size of each scenario, what else it is, and what the size is.

    The size is the battery's capacity, or, of scenarios with one battery or none, the solar power that is added. Of the
    first scenario and one that is like it, the first is left out.

    Parameters
    ----------
    scenarios : sequence of Scenario
    site_id : str

    Returns
    -------
    tuple of dict, dict and str
        Size and line by name of the scenario; the name of the size, with its unit.

    Raises
    ------
    InputError
        Scenarios that vary neither.
    """
    varied = [field for field in CHANGES if len({_words(s, site_id, field) for s in scenarios}) > 1]
    field = next(
        (each for each in _SIZES if len({_size(s, site_id, each) for s in scenarios}) > 1), None
    )
    if field is None:
        raise InputError(
            "plot: no scenarios that differ in the size of battery or solar; make them by Scenario.grid"
        )
    others = [each for each in varied if each != field]
    places = {
        s.name: (_size(s, site_id, field), ", ".join(_words(s, site_id, o) for o in others))
        for s in scenarios
    }
    first, *rest = places
    if places[first] in [places[name] for name in rest]:
        del places[first]
    x, lines = ({name: place[at] for name, place in places.items()} for at in (0, 1))
    return x, lines, f"{field}, {_SIZES[field][1]}"  # type: ignore[return-value]


def _size(scenario: Scenario, site_id: str, field: str) -> float:
    value = scenario.at(site_id, field)
    return 0.0 if value is None else float(getattr(value, _SIZES[field][0]))


def _words(scenario: Scenario, site_id: str, field: str) -> str:
    """What a scenario has of a field, in a few words."""
    value: Any = scenario.at(site_id, field)
    if field in _SIZES and value is not None:
        return f"{field} {_size(scenario, site_id, field):g} {_SIZES[field][1]}"
    called = field.replace("_", " ")
    absent = "today's" if field in ("tariff", "export_tariff", "load") else "no"
    return f"{absent} {called}" if value is None else f"{called} {label(value)}"
