"""The results of a simulation as frames, text and pictures."""

from flipkit.scenarios.results.instant_bills import priced_by_service
from flipkit.scenarios.results.simulation import Simulation

__all__ = [
    "Simulation",
    "priced_by_service",
]
