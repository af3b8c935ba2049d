"""What-if: scenarios, and what each would cost."""

from flipkit.scenarios.changes import Battery, Load, Scenario, Shift
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.results import Simulation
from flipkit.scenarios.simulate import simulate
from flipkit.scenarios.solar import Solar

__all__ = [
    "Battery",
    "EvCharging",
    "Load",
    "Scenario",
    "Shift",
    "Simulation",
    "Solar",
    "simulate",
]
