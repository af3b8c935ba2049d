"""Cars that are charged at home."""

from flipkit.scenarios.ev.charging import Charging, EvCharging

__all__ = ["Charging", "EvCharging"]
