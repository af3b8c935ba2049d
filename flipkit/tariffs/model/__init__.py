"""The tariff as a value: prices, tiers, charges and price series."""

from flipkit.calendar import Holidays
from flipkit.tariffs.model.charges import (
    TAXABLE,
    Adder,
    FixedCharge,
    Minimum,
    Tax,
    standing_charge,
)
from flipkit.tariffs.model.clock import LocalClock
from flipkit.tariffs.model.consistency import (
    CHARGES,
    Validity,
    is_empty,
    overlap,
    shared_time,
    start_key,
)
from flipkit.tariffs.model.demand import DemandCharge, DemandTier, DemandWindow, Ratchet
from flipkit.tariffs.model.describe import describe_validity
from flipkit.tariffs.model.export import CREDITABLE, Export
from flipkit.tariffs.model.parts import (
    all_findings,
    has_tiers,
    is_net_metered,
    parts_in_force,
    parts_of,
    without_export,
)
from flipkit.tariffs.model.rate_table import (
    Schedule,
    added,
    canonical,
    equal_runs,
    period_names,
    rate_series,
    rate_table,
    schedule_changes,
    schedule_of,
)
from flipkit.tariffs.model.rates import (
    DAY_NAMES,
    HOLIDAY,
    MONTH_NAMES,
    TIER_RULES,
    Rate,
    Tier,
    TierReset,
    TierRule,
    clock_text,
    rate_of_window,
    seconds_of,
)
from flipkit.tariffs.model.series import PriceSeries, aligned, check_cover, joined
from flipkit.tariffs.model.tariff import Tariff

__all__ = [
    "CHARGES",
    "CREDITABLE",
    "DAY_NAMES",
    "HOLIDAY",
    "MONTH_NAMES",
    "TAXABLE",
    "TIER_RULES",
    "Adder",
    "DemandCharge",
    "DemandTier",
    "DemandWindow",
    "Export",
    "FixedCharge",
    "Holidays",
    "LocalClock",
    "Minimum",
    "PriceSeries",
    "Ratchet",
    "Rate",
    "Schedule",
    "Tariff",
    "Tax",
    "Tier",
    "TierReset",
    "TierRule",
    "Validity",
    "added",
    "aligned",
    "all_findings",
    "canonical",
    "check_cover",
    "clock_text",
    "describe_validity",
    "equal_runs",
    "has_tiers",
    "is_empty",
    "is_net_metered",
    "joined",
    "overlap",
    "parts_in_force",
    "parts_of",
    "period_names",
    "rate_of_window",
    "rate_series",
    "rate_table",
    "schedule_changes",
    "schedule_of",
    "seconds_of",
    "shared_time",
    "standing_charge",
    "start_key",
    "without_export",
]
