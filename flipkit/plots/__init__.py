"""Pictures: one function each; it draws on the Axes it is given, or on a new one, and returns it."""

from flipkit.plots.axes import write_png
from flipkit.plots.bill import bill_bars, regret_by_month, regret_heatmap
from flipkit.plots.cost import cost_bars
from flipkit.plots.performance import lost_value_bars, performance_heatmap
from flipkit.plots.scenario_bars import scenario_savings
from flipkit.plots.scenario_frame import only
from flipkit.plots.scenario_plans import plan_regret_by_month, plan_regret_heatmap
from flipkit.plots.scenario_steps import savings_waterfall
from flipkit.plots.scenario_sweep import sweep_lines
from flipkit.plots.scenario_week import dispatch_week
from flipkit.plots.tariff import tariff_heatmap

__all__ = [
    "bill_bars",
    "cost_bars",
    "dispatch_week",
    "lost_value_bars",
    "only",
    "performance_heatmap",
    "plan_regret_by_month",
    "plan_regret_heatmap",
    "regret_by_month",
    "regret_heatmap",
    "savings_waterfall",
    "scenario_savings",
    "sweep_lines",
    "tariff_heatmap",
    "write_png",
]
