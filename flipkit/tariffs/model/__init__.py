"""The tariff as a value: prices, tiers, charges and price series."""

from flipkit.tariffs.model.charges import (
    TAXABLE,
    Adder,
    DemandCharge,
    DemandTier,
    DemandWindow,
    Export,
    FixedCharge,
    Minimum,
    Ratchet,
    Tax,
)
from flipkit.tariffs.model.consistency import TIER_RULES, TierRule, overlap
from flipkit.tariffs.model.describe import describe_validity
from flipkit.tariffs.model.rate_table import (
    Schedule,
    added,
    canonical,
    day_kinds,
    period_names,
    rate_series,
    rate_table,
    schedule_changes,
    schedule_of,
)
from flipkit.tariffs.model.rates import (
    DAY_NAMES,
    DAY_S,
    HOLIDAY,
    MONTH_NAMES,
    Rate,
    Tier,
    clock_text,
    seconds_of,
)
from flipkit.tariffs.model.series import PriceSeries, aligned, check_cover, joined
from flipkit.tariffs.model.tariff import CHARGES, Tariff

__all__ = [
    "CHARGES",
    "DAY_NAMES",
    "DAY_S",
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
    "Minimum",
    "PriceSeries",
    "Ratchet",
    "Rate",
    "Schedule",
    "Tariff",
    "Tax",
    "Tier",
    "TierRule",
    "added",
    "aligned",
    "canonical",
    "check_cover",
    "clock_text",
    "day_kinds",
    "describe_validity",
    "joined",
    "overlap",
    "period_names",
    "rate_series",
    "rate_table",
    "schedule_changes",
    "schedule_of",
    "seconds_of",
]
