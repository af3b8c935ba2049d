"""What energy costs: tariffs, price series, and the local calendar they live in."""

from flipkit.tariffs.rates import Rate
from flipkit.tariffs.series import PriceSeries
from flipkit.tariffs.tariff import Tariff

__all__ = ["PriceSeries", "Rate", "Tariff"]
