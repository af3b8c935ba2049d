"""Rating: energy and a tariff to bills."""

from flipkit.tariffs.rating.bill import LARGE, bill
from flipkit.tariffs.rating.bill_matrix import bill_matrix
from flipkit.tariffs.rating.demand import DemandHours, DemandRuns, demand_runs, meter_runs
from flipkit.tariffs.rating.energy import Block, read_blocks
from flipkit.tariffs.rating.ladders import prices, tier_limits
from flipkit.tariffs.rating.lines import added_up
from flipkit.tariffs.rating.rating import check_covered, partition_of, rate
from flipkit.tariffs.rating.runs import Partition, RatingCalendar, Runs, weights
from flipkit.tariffs.rating.threads import at_once
from flipkit.tariffs.rating.tier_prices import (
    Span,
    Used,
    has_tiers,
    mean_prices,
    step_prices,
    step_starts,
    tiers_reached,
)
from flipkit.tariffs.rating.usage import EnergySums

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
    "added_up",
    "at_once",
    "bill",
    "bill_matrix",
    "check_covered",
    "demand_runs",
    "has_tiers",
    "mean_prices",
    "meter_runs",
    "partition_of",
    "prices",
    "rate",
    "read_blocks",
    "step_prices",
    "step_starts",
    "tier_limits",
    "tiers_reached",
    "weights",
]
