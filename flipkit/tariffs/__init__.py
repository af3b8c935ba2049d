"""What energy costs: tariffs, price series and bills."""

from flipkit.tariffs.model import (
    Adder,
    DemandCharge,
    DemandTier,
    DemandWindow,
    Export,
    FixedCharge,
    Holidays,
    Minimum,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import bill, bill_matrix

__all__ = [
    "Adder",
    "DemandCharge",
    "DemandTier",
    "DemandWindow",
    "Export",
    "FixedCharge",
    "Holidays",
    "Minimum",
    "PriceSeries",
    "Ratchet",
    "Rate",
    "Tariff",
    "Tax",
    "Tier",
    "bill",
    "bill_matrix",
]
