"""Pictures: each function draws on the given Axes, or on a new one, and returns it."""

from flipkit.plots.axes import write_png
from flipkit.plots.bill import (
    bill_bars,
    plan_regret_by_month,
    plan_regret_heatmap,
    regret_by_month,
    regret_heatmap,
)
from flipkit.plots.reports import cost_bars, lost_value_bars, performance_heatmap
from flipkit.plots.scenario import savings_waterfall, scenario_savings
from flipkit.plots.sweep import sweep_heatmap, sweep_lines
from flipkit.plots.tariff import tariff_heatmap
from flipkit.plots.week import dispatch_week

__all__ = [
    "bill_bars",
    "cost_bars",
    "dispatch_week",
    "lost_value_bars",
    "performance_heatmap",
    "plan_regret_by_month",
    "plan_regret_heatmap",
    "regret_by_month",
    "regret_heatmap",
    "savings_waterfall",
    "scenario_savings",
    "sweep_heatmap",
    "sweep_lines",
    "tariff_heatmap",
    "write_png",
]
