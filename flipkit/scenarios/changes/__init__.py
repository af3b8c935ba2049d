"""What a scenario changes: battery, load, tariffs, capital cost."""

from flipkit.scenarios.changes.battery import Battery
from flipkit.scenarios.changes.by_site import check_by_site
from flipkit.scenarios.changes.file import read_scenarios
from flipkit.scenarios.changes.finance import Investment, part_year, yearly
from flipkit.scenarios.changes.grid import label
from flipkit.scenarios.changes.load import Load, Shift
from flipkit.scenarios.changes.scenario import CHANGES, Scenario

__all__ = [
    "CHANGES",
    "Battery",
    "Investment",
    "Load",
    "Scenario",
    "Shift",
    "check_by_site",
    "label",
    "part_year",
    "read_scenarios",
    "yearly",
]
