"""The results of a simulation as frames, text and pictures."""

from flipkit.scenarios.results.simulation import Simulation

__all__ = ["Simulation"]
