"""What each scenario changes at each site, as the columns of the simulation's frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from flipkit.scenarios.changes import Scenario, label

__all__ = ["ChangeColumns"]


class _ChangeColumn(NamedTuple):
    """A column: the field of the scenario, its cell from a change, and its cell without one."""

    field: str
    cell: Callable[[Any], Any]
    unchanged: Any


_COLUMNS = {
    "tariff": _ChangeColumn("tariff", label, "today"),
    "export_tariff": _ChangeColumn("export_tariff", label, "today"),
    "solar_kw": _ChangeColumn("solar", attrgetter("kw_dc"), 0.0),
    "battery_kwh": _ChangeColumn("battery", attrgetter("capacity_kwh"), 0.0),
    "battery_kw": _ChangeColumn("battery", attrgetter("power_kw"), 0.0),
    "ev": _ChangeColumn("ev", label, "none"),
    "load": _ChangeColumn("load", label, "today"),
}


class ChangeColumns:
    """The columns of the changes that any scenario makes; the others are null in the frames.

    Attributes
    ----------
    names : tuple of str
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = {scenario.name: scenario for scenario in scenarios}
        self.names = tuple(name for name, column in _COLUMNS.items() if self._is_used(column))

    def _is_used(self, column: _ChangeColumn) -> bool:
        return any(getattr(each, column.field) is not None for each in self._scenarios.values())

    def cells(self, scenario: str, site_ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the cells of some sites by column."""
        chosen = self._scenarios[scenario]
        return {name: _cells(_COLUMNS[name], chosen, site_ids) for name in self.names}

    def varied(self, site_id: str) -> list[str]:
        """Return the columns in which the scenarios after the first differ at a site.

        Without the power of batteries whose capacity tells it.
        """
        _, *others = self._scenarios
        values: dict[str, list[Any]] = {name: [] for name in self.names}
        for scenario in others:
            for name, [cell] in self.cells(scenario, [site_id]).items():
                values[name].append(cell)
        varied = [name for name, cells in values.items() if len(set(cells)) > 1]
        if "battery_kw" in varied:
            sizes = set(zip(values["battery_kwh"], values["battery_kw"], strict=True))
            if len(sizes) == len(set(values["battery_kwh"])):
                varied.remove("battery_kw")
        return varied


def _cells(column: _ChangeColumn, scenario: Scenario, site_ids: Sequence[str]) -> np.ndarray:
    value = getattr(scenario, column.field)
    dtype: Any = object if isinstance(column.unchanged, str) else np.float64
    if not isinstance(value, Mapping):
        return np.full(len(site_ids), _cell(column, value), dtype=dtype)
    cells = [_cell(column, value.get(site_id)) for site_id in site_ids]
    return np.array(cells, dtype=dtype)


def _cell(column: _ChangeColumn, value: Any) -> Any:
    return column.unchanged if value is None else column.cell(value)
