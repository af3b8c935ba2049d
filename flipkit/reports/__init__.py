"""Reports: performance, cost, and what lost production is worth."""

from flipkit.reports.cost import cost_report
from flipkit.reports.energy import site_energy
from flipkit.reports.lost_value import lost_value_report
from flipkit.reports.performance import performance_report
from flipkit.reports.text import bill_table, matrix_table, text_table

__all__ = [
    "bill_table",
    "cost_report",
    "lost_value_report",
    "matrix_table",
    "performance_report",
    "site_energy",
    "text_table",
]
