"""The Flip Aggregator API of the emulator."""

from flipkit.emulator.flip.api import flip_blueprint
from flipkit.emulator.flip.fleet import SCHEMA, StoredSite, put_production, put_site
from flipkit.emulator.flip.wire import FlipRefusal, framework_body, refused

__all__ = [
    "SCHEMA",
    "FlipRefusal",
    "StoredSite",
    "flip_blueprint",
    "framework_body",
    "put_production",
    "put_site",
    "refused",
]
