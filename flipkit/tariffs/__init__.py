"""What energy costs: tariffs, price series, bills, and the local calendar they live in."""

from flipkit.tariffs.bill import bill
from flipkit.tariffs.bill_matrix import bill_matrix
from flipkit.tariffs.charges import Adder, DemandCharge, DemandTier, DemandWindow, FixedCharge, Minimum, Ratchet, Tax
from flipkit.tariffs.export import Export
from flipkit.tariffs.rates import Rate, Tier
from flipkit.tariffs.series import PriceSeries
from flipkit.tariffs.tariff import Tariff

__all__ = [
    "Adder",
    "DemandCharge",
    "DemandTier",
    "DemandWindow",
    "Export",
    "FixedCharge",
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
