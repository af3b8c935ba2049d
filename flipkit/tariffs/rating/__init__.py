"""Rating: energy and a tariff to bills."""

from flipkit.tariffs.rating.bill import LARGE, bill, bill_matrix
from flipkit.tariffs.rating.demand import DemandHours, demand_runs, meter_runs
from flipkit.tariffs.rating.energy import Block, map_threads, read_blocks
from flipkit.tariffs.rating.rate_block import check_covered, partition_of, rate
from flipkit.tariffs.rating.runs import DemandRuns, Partition, RatingCalendar, Runs, weights
from flipkit.tariffs.rating.sums import EnergySums, sum_cost
from flipkit.tariffs.rating.tiers import (
    Span,
    Used,
    has_tiers,
    mean_prices,
    step_prices,
    tier_limits,
    tier_prices,
    tiers_reached,
)

__all__ = [
    "LARGE",
    "Block",
    "DemandHours",
    "DemandRuns",
    "EnergySums",
    "Partition",
    "RatingCalendar",
    "Runs",
    "Span",
    "Used",
    "bill",
    "bill_matrix",
    "check_covered",
    "demand_runs",
    "has_tiers",
    "map_threads",
    "mean_prices",
    "meter_runs",
    "partition_of",
    "rate",
    "read_blocks",
    "step_prices",
    "sum_cost",
    "tier_limits",
    "tier_prices",
    "tiers_reached",
    "weights",
]
