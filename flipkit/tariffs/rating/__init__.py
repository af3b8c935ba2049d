"""Rating: energy and a tariff to bills."""

from flipkit.tariffs.rating.bill import LARGE, bill, bill_matrix
from flipkit.tariffs.rating.demand import DemandHours, demand_runs, meter_runs
from flipkit.tariffs.rating.energy import Block, map_threads, read_blocks
from flipkit.tariffs.rating.rate_block import calendars, check_covered, partition_of, rate
from flipkit.tariffs.rating.runs import (
    DemandRuns,
    Partition,
    RatingCalendar,
    RunPieces,
    Runs,
    piece_prices,
    pieces_of,
    weights,
)
from flipkit.tariffs.rating.sums import EnergySums, component_kind, sum_cost
from flipkit.tariffs.rating.tiers import (
    Span,
    Used,
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
    "RunPieces",
    "Runs",
    "Span",
    "Used",
    "bill",
    "bill_matrix",
    "calendars",
    "check_covered",
    "component_kind",
    "demand_runs",
    "map_threads",
    "mean_prices",
    "meter_runs",
    "partition_of",
    "piece_prices",
    "pieces_of",
    "rate",
    "read_blocks",
    "step_prices",
    "sum_cost",
    "tier_limits",
    "tier_prices",
    "tiers_reached",
    "weights",
]
