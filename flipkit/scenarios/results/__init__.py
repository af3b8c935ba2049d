"""The results of a simulation as frames, text and pictures."""

from flipkit.scenarios.results.instant_bills import instantly
from flipkit.scenarios.results.simulation import Simulation

__all__ = [
    "Simulation",
    "instantly",
]
