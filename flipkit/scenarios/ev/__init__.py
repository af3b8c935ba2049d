"""Cars that are charged at home."""

from flipkit.scenarios.ev.charging import EvCharging

__all__ = [
    "EvCharging",
]
