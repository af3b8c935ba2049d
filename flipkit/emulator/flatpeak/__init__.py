"""The Flatpeak API of the emulator."""

from flipkit.emulator.flatpeak.api import SCHEMA, flatpeak_blueprint
from flipkit.emulator.flatpeak.sample import seed_flatpeak
from flipkit.emulator.flatpeak.wire import error_answer

__all__ = [
    "SCHEMA",
    "error_answer",
    "flatpeak_blueprint",
    "seed_flatpeak",
]
