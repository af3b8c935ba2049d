"""Every frame that flipkit returns: its columns and the order of its rows.

What a column means, its dtype and its unit are declared in `flipkit.frames.columns`.
"""

from __future__ import annotations

from flipkit.frames.table import Table

SITES = Table(
    "sites",
    (
        "site_id",
        "status",
        "customer_name",
        "state_code",
        "zip_code",
        "system_size_kw",
        "technology_provider_identifier",
        "external_id",
        "first_name",
        "last_name",
        "company_name",
        "email",
        "street_address",
        "city",
        "created_utc",
        "updated_utc",
    ),
    key=("site_id",),
)

EQUIPMENT_PERFORMANCE = Table(
    "equipment performance",
    (
        "site_id",
        "month",
        "actual_production_kwh",
        "expected_production_kwh",
        "performance_index",
        "system_size_kw",
        "external_id",
        "customer_name",
        "technology_provider_identifier",
    ),
    key=("site_id", "month"),
)

FLEET_DATA = Table(
    "fleet data", ("row", "external_id", "record_type", "status", "error"), key=("row",)
)

MISSING_INFORMATION = Table(
    "missing information", ("kind", "name", "label", "type", "hint", "error"), key=("kind", "name")
)

DEVICES = Table(
    "devices",
    ("device_id", "reference_id", "last_seen_utc", "created_utc", "live_mode"),
    key=("device_id",),
)

LOCATIONS = Table(
    "locations",
    (
        "location_id",
        "reference_id",
        "customer_id",
        "timezone",
        "currency",
        "country_code",
        "state",
        "city",
        "post_code",
        "tariff_commodity_import",
        "tariff_commodity_export",
        "tariff_non_commodity_import",
        "tariff_local",
        "created_utc",
        "live_mode",
    ),
    key=("location_id",),
)

LOCATION_STATUS = Table(
    "location status",
    (
        "location_id",
        "slot",
        "status",
        "connection_type",
        "provider",
        "tariff_id",
        "display_name",
        "structure_type",
        "contract_end_utc",
    ),
    key=("location_id", "slot"),
)

TARIFFS = Table(
    "tariffs",
    (
        "tariff_id",
        "location_id",
        "tariff_direction",
        "tariff_type",
        "display_name",
        "market_rates",
        "contract_start_utc",
        "contract_end_utc",
        "status",
    ),
    key=("location_id", "tariff_direction", "tariff_type", "contract_start_utc", "tariff_id"),
)

FAILED_RECORDS = Table(
    "failed records",
    ("row", "location_id", "device_id", "record_reference_id", "start_utc", "end_utc", "error"),
    key=("row",),
)

COSTS = Table(
    "costs",
    (
        "object_id",
        "start_utc",
        "end_utc",
        "tariff_direction",
        "energy_kwh",
        "cost",
        "currency",
        "confidence",
        "session_reference_id",
        "record_reference_id",
        "timezone",
        "energy_flow_direction",
    ),
    key=("object_id", "tariff_direction", "start_utc", "end_utc"),
)

INSTANT_COSTS = Table(
    "instant costs",
    (
        "row",
        "location_id",
        "device_id",
        "start_utc",
        "end_utc",
        "energy_flow_direction",
        "tariff_direction",
        "energy_kwh",
        "cost",
        "currency",
        "confidence",
        "session_reference_id",
        "record_reference_id",
        "finding",
    ),
    key=("row",),
)

PRICES = Table(
    "prices",
    (
        "location_id",
        "start_utc",
        "end_utc",
        "tariff_direction",
        "price_per_kwh",
        "currency",
        "confidence",
    ),
    key=("location_id", "tariff_direction", "start_utc"),
)

PERFORMANCE_REPORT = Table(
    "performance report",
    (
        "site_id",
        "month",
        "customer_name",
        "system_size_kw",
        "actual_production_kwh",
        "expected_production_kwh",
        "performance_index",
        "lost_kwh",
        "rank",
        "finding",
    ),
    key=("site_id", "month"),
)

COST_REPORT = Table(
    "cost report",
    (
        "site_id",
        "object_id",
        "object_type",
        "period",
        "start_utc",
        "end_utc",
        "tariff_direction",
        "energy_kwh",
        "cost",
        "local_cost",
        "local_cost_source",
        "currency",
        "intervals",
        "coverage",
        "confidence",
        "finding",
    ),
    key=("site_id", "object_type", "object_id", "tariff_direction", "start_utc"),
)

SITE_ENERGY = Table(
    "site energy",
    (
        "site_id",
        "start_utc",
        "end_utc",
        "consumption_kwh",
        "generation_kwh",
        "timezone",
        "currency",
    ),
    key=("site_id", "start_utc"),
)

LOST_VALUE_REPORT = Table(
    "lost value report",
    (
        "site_id",
        "month",
        "lost_kwh",
        "lost_value",
        "lost_value_low",
        "lost_value_high",
        "currency",
        "finding",
    ),
    key=("site_id", "month"),
)

BILL = Table(
    "bill",
    ("site_id", "month", "component", "quantity", "unit", "cost", "currency", "tariff", "finding"),
    key=("site_id", "tariff", "month"),
)

BILL_MATRIX = Table(
    "bill matrix",
    ("site_id", "tariff", "cost", "currency", "rank", "best", "regret", "rule_spread", "finding"),
    key=("site_id", "tariff"),
)

# What a scenario changes at a site. A column is null where no scenario of a simulation changes it.
CHANGE_COLUMNS = (
    "tariff",
    "export_tariff",
    "solar_kw",
    "battery_kwh",
    "battery_kw",
    "ev",
    "load",
)

SIMULATION_SUMMARY = Table(
    "simulation summary",
    (
        "site_id",
        "scenario",
        "cost",
        "saving",
        "currency",
        "import_kwh",
        "export_kwh",
        "self_consumption",
        "self_sufficiency",
        "peak_import_kw",
        *CHANGE_COLUMNS,
        "dispatch",
        "equivalent_cycles",
        "stored_change_kwh",
        "stored_change_value",
        "cost_rule",
        "cost_day_ahead",
        "cost_optimal",
        "capex",
        "lifetime_years",
        "discount_rate",
        "payback_years",
        "npv",
        "irr",
        "finding",
    ),
    key=(),
)

SIMULATION_BILLS = Table(
    "simulation bills",
    (
        "site_id",
        "scenario",
        "month",
        "component",
        "quantity",
        "unit",
        "cost",
        "currency",
        *CHANGE_COLUMNS,
    ),
    key=(),
)

SIMULATION_INTERVALS = Table(
    "simulation intervals",
    (
        "site_id",
        "scenario",
        "start_utc",
        "end_utc",
        "consumption_kwh",
        "generation_kwh",
        "ev_kwh",
        "charge_kwh",
        "discharge_kwh",
        "soc_kwh",
        "stored_value",
        "import_kwh",
        "export_kwh",
        "import_cost",
        "import_price",
        "export_credit",
        "own_use_cost",
        "currency",
        *CHANGE_COLUMNS,
    ),
    key=(),
)

WATERFALL = Table(
    "waterfall",
    ("site_id", "scenario", "step", "change", "cost", "currency"),
    key=(),
)

REGRET = Table(
    "regret",
    (
        "site_id",
        "scenario",
        "month",
        "import_plan",
        "export_plan",
        "cost",
        "regret",
        "best",
        "own",
        "currency",
    ),
    key=(),
)

CERTIFICATE = Table(
    "certificate",
    (
        "site_id",
        "scenario",
        "start_utc",
        "end_utc",
        "tariff_direction",
        "local_cost",
        "server_cost",
        "difference",
        "currency",
        "energy_wh",
        "price_level",
        "beside_change",
        "tier",
        "verdict",
        "finding",
    ),
    key=(),
)
