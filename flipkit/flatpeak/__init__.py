"""The Flatpeak API: the client, the names of each API generation, and the upload of meter records."""

from flipkit.flatpeak.client import Flatpeak
from flipkit.flatpeak.submission import Submission
from flipkit.frames import Finding

__all__ = ["Finding", "Flatpeak", "Submission"]
