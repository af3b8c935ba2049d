"""Pictures: one function each; it draws on the Axes it is given, or on a new one, and returns it."""

from flipkit.plots.axes import write_png
from flipkit.plots.bill import bill_bars, regret_by_month, regret_heatmap
from flipkit.plots.cost import cost_bars, scenario_savings
from flipkit.plots.performance import lost_value_bars, performance_heatmap
from flipkit.plots.tariff import tariff_heatmap

__all__ = [
    "bill_bars",
    "cost_bars",
    "lost_value_bars",
    "performance_heatmap",
    "regret_by_month",
    "regret_heatmap",
    "scenario_savings",
    "tariff_heatmap",
    "write_png",
]
