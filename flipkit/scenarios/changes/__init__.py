"""What a scenario changes: tariffs, solar, battery, car and load; and what that costs to build."""

from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.file import read_scenarios
from flipkit.scenarios.changes.finance import Investment, part_year, yearly
from flipkit.scenarios.changes.load import Load, Shift
from flipkit.scenarios.changes.scenario import (
    CHANGES,
    Scenario,
    change_name,
    check_by_site,
    label,
)

__all__ = [
    "CHANGES",
    "Battery",
    "Investment",
    "Load",
    "Scenario",
    "Shift",
    "change_name",
    "check_by_site",
    "label",
    "part_year",
    "read_scenarios",
    "yearly",
]
