"""Reports: performance, cost, and what lost production is worth."""

from flipkit.reports.cost import cost_report
from flipkit.reports.energy import site_energy
from flipkit.reports.lost_value import lost_value_report
from flipkit.reports.performance import performance_report

__all__ = ["cost_report", "lost_value_report", "performance_report", "site_energy"]
