"""The Flatpeak API: the client, the names of each API generation, and the upload of meter records."""

from flipkit.flatpeak.client import Flatpeak
from flipkit.flatpeak.submission import Submission

__all__ = [
    "Flatpeak",
    "Submission",
]
