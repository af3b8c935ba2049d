"""flipkit: performance, cost and what-if reports for fleets of solar, battery and car-charging sites."""

from __future__ import annotations

__version__ = "0.1.0"
