"""Added solar, and the weather over it."""

from flipkit.scenarios.solar.panels import Solar
from flipkit.scenarios.solar.weather import Weather

__all__ = [
    "Solar",
    "Weather",
]
