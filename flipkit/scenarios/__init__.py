"""What-if: scenarios, and what each would cost."""

from flipkit.scenarios.scenario import Load, Scenario
from flipkit.scenarios.simulate import simulate
from flipkit.scenarios.simulation import Simulation

__all__ = ["Load", "Scenario", "Simulation", "simulate"]
