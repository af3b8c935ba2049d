"""The emulator: both APIs over one store, with a sample fleet, without an account or a network."""

from flipkit.emulator.app import create_app
from flipkit.emulator.clock import Clock
from flipkit.emulator.faults import FaultPlan, Limiter
from flipkit.emulator.sample import open_store, sample_folder, sample_sites, sample_tariffs
from flipkit.emulator.server import RunningEmulator, serve, start
from flipkit.emulator.store import Store

__all__ = [
    "Clock",
    "FaultPlan",
    "Limiter",
    "RunningEmulator",
    "Store",
    "create_app",
    "open_store",
    "sample_folder",
    "sample_sites",
    "sample_tariffs",
    "serve",
    "start",
]


def __dir__() -> list[str]:
    """List the public names only, for tab completion."""
    return __all__
