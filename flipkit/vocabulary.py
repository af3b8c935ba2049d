"""Words, units and array types of the whole package; each is defined here and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "DAY_S",
    "DAY_US",
    "DIRECTIONS",
    "DISPATCH_METHODS",
    "EPOCH",
    "FLOWS",
    "HOUR_US",
    "MINUTE_US",
    "SECOND_US",
    "USUAL_DIRECTION",
    "USUAL_FLOW",
    "WH_PER_UNIT",
    "Aggregation",
    "Direction",
    "DispatchMethod",
    "Float64",
    "Flow",
    "Int64",
    "Unit",
]

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
DAY_S = 86_400

Direction = Literal["IMPORT", "EXPORT", "LOCAL"]
"""Which price applies to energy."""
DIRECTIONS: tuple[Direction, ...] = ("IMPORT", "EXPORT", "LOCAL")

Flow = Literal["INBOUND", "OUTBOUND"]
"""Which way energy flowed through a meter, seen from the home."""
FLOWS: tuple[Flow, ...] = ("INBOUND", "OUTBOUND")
USUAL_FLOW = MappingProxyType({"IMPORT": "INBOUND", "EXPORT": "OUTBOUND", "LOCAL": "INBOUND"})
USUAL_DIRECTION = MappingProxyType({"INBOUND": "IMPORT", "OUTBOUND": "EXPORT"})

Aggregation = Literal["DAY", "MONTH"]

Unit = Literal["W", "KW", "WH", "KWH"]
WH_PER_UNIT = MappingProxyType({"W": 1.0, "KW": 1000.0, "WH": 1.0, "KWH": 1000.0})
"""Watt-hours in one unit; for a power, in one hour of it."""

DispatchMethod = Literal["rule", "rule_tou", "day_ahead", "optimal"]
DISPATCH_METHODS: tuple[DispatchMethod, ...] = ("rule", "rule_tou", "day_ahead", "optimal")
