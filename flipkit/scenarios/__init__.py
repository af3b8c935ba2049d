"""What-if: scenarios, and what each would cost."""

from flipkit.scenarios.battery import Battery
from flipkit.scenarios.scenario import Load, Scenario
from flipkit.scenarios.simulate import simulate
from flipkit.scenarios.simulation import Simulation

__all__ = ["Battery", "Load", "Scenario", "Simulation", "simulate"]
