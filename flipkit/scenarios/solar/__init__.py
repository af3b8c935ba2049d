"""Added solar modules and their weather."""

from flipkit.scenarios.solar.panels import Solar
from flipkit.scenarios.solar.weather import Weather

__all__ = [
    "Solar",
    "Weather",
]
