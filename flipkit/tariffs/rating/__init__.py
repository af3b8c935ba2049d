"""Rating: energy and a tariff to bills."""

from flipkit.tariffs.rating.bill import LARGE, bill
from flipkit.tariffs.rating.demand import (
    DemandHours,
    demand_runs,
    earlier_periods,
    looks_back,
    meter_runs,
    price_times,
)
from flipkit.tariffs.rating.energy import Block, Energy, map_threads, read_energy
from flipkit.tariffs.rating.findings import check_site, findings_by_part
from flipkit.tariffs.rating.ladders import Ladders, TierCounts, tier_counts
from flipkit.tariffs.rating.matrix import bill_matrix
from flipkit.tariffs.rating.rate_block import calendars, check_covered, partition_of, rate
from flipkit.tariffs.rating.runs import (
    DemandRuns,
    Partition,
    RatingCalendar,
    RunPieces,
    Runs,
    partition,
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
    "Energy",
    "EnergySums",
    "Ladders",
    "Partition",
    "RatingCalendar",
    "RunPieces",
    "Runs",
    "Span",
    "TierCounts",
    "Used",
    "bill",
    "bill_matrix",
    "calendars",
    "check_covered",
    "check_site",
    "component_kind",
    "demand_runs",
    "earlier_periods",
    "findings_by_part",
    "looks_back",
    "map_threads",
    "mean_prices",
    "meter_runs",
    "partition",
    "partition_of",
    "piece_prices",
    "pieces_of",
    "price_times",
    "rate",
    "read_energy",
    "step_prices",
    "sum_cost",
    "tier_counts",
    "tier_limits",
    "tier_prices",
    "tiers_reached",
    "weights",
]
