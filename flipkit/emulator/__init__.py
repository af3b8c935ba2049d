"""The emulator: both APIs over one store, with a sample fleet, for work without an account or a network."""

from flipkit.emulator.app import create_app
from flipkit.emulator.clock import Clock
from flipkit.emulator.faults import FaultPlan
from flipkit.emulator.limiter import Limiter
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
