"""What-if: scenarios, and what each would cost."""

from flipkit.scenarios.battery import Battery
from flipkit.scenarios.ev import EvCharging
from flipkit.scenarios.load import Load, Shift
from flipkit.scenarios.scenario import Scenario
from flipkit.scenarios.simulate import simulate
from flipkit.scenarios.simulation import Simulation
from flipkit.scenarios.solar import Solar

__all__ = ["Battery", "EvCharging", "Load", "Scenario", "Shift", "Simulation", "Solar", "simulate"]
