"""The glossary: every column of every frame, with its kind, unit and meaning.

A column is declared here once. The declaration decides the dtype in pandas and polars, the column's
row in docstrings, and its entry in the ``.meta.json`` beside a CSV. A name means the same thing in
every frame; which frame has which columns is declared in `flipkit.frames.tables`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DTYPES", "GLOSSARY", "Column", "Kind"]

Kind = Literal["text", "number", "integer", "boolean", "time"]

DTYPES: dict[Kind, str] = {
    "text": "str",
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
    "time": "datetime64[us, UTC]",
}
"""The dtype of each kind in pandas, as docstrings and ``.meta.json`` name it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, kind, unit and meaning.

    Attributes
    ----------
    name : str
    kind : {"text", "number", "integer", "boolean", "time"}
        Decides the dtype in both libraries. Text, numbers and times can be null.
    unit : str
        ``kWh``, ``kW``, ``currency`` (that of the row), ``1`` for ratios, ``UTC``, or empty.
    meaning : str
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


_COLUMNS = (
    # Ids
    Column("site_id", "text", "", "Site id in Flip; reference_id of the Flatpeak location"),
    Column("external_id", "text", "", "Site id in the customer's own system (CRM)"),
    Column("location_id", "text", "", "Flatpeak location id"),
    Column("device_id", "text", "", "Flatpeak device id"),
    Column("tariff_id", "text", "", "Flatpeak tariff id"),
    Column("customer_id", "text", "", "Flatpeak customer id"),
    Column("object_id", "text", "", "Id of the location or device"),
    Column("object_type", "text", "", "location or device"),
    Column("reference_id", "text", "", "The caller's own id of the object"),
    Column("session_reference_id", "text", "", "The caller's id of the charging session"),
    Column("record_reference_id", "text", "", "The caller's id of the record"),
    Column("record_type", "text", "", "What the fleet-data record describes, such as site"),
    Column("technology_provider_identifier", "text", "", "Manufacturer, as named by Flip"),
    # Customers and addresses
    Column("customer_name", "text", "", "Name of the customer"),
    Column("first_name", "text", "", "First name of the customer"),
    Column("last_name", "text", "", "Last name of the customer"),
    Column("company_name", "text", "", "Company of the customer"),
    Column("email", "text", "", "E-mail address of the customer"),
    Column("street_address", "text", "", "Street and house number"),
    Column("city", "text", "", "City"),
    Column("state_code", "text", "", "US state, two letters; null outside the US"),
    Column("zip_code", "text", "", "Postal code of the site"),
    Column("state", "text", "", "State or province of the location"),
    Column("post_code", "text", "", "Postal code of the location"),
    Column("country_code", "text", "", "Country, ISO 3166-1 alpha-2"),
    Column("timezone", "text", "", "IANA time zone of the location"),
    # Time
    Column("start_utc", "time", "UTC", "Start of the interval, inclusive"),
    Column("end_utc", "time", "UTC", "End of the interval, exclusive"),
    Column("created_utc", "time", "UTC", "When the object was created"),
    Column("updated_utc", "time", "UTC", "When the object was last updated"),
    Column("last_seen_utc", "time", "UTC", "When the device last contacted the service"),
    Column("contract_start_utc", "time", "UTC", "Start of the tariff contract"),
    Column("contract_end_utc", "time", "UTC", "End of the tariff contract"),
    Column("month", "text", "", "Local month, YYYY-MM; first day of a billing period, YYYY-MM-DD"),
    Column("period", "text", "", "Local day, YYYY-MM-DD, or local month, YYYY-MM"),
    # Energy and power
    Column("energy_kwh", "number", "kWh", "Energy in the interval or period"),
    Column("energy_wh", "number", "Wh", "Energy sent to the service, in whole watt-hours"),
    Column("system_size_kw", "number", "kW", "Rated DC power of the solar system"),
    Column("actual_production_kwh", "number", "kWh", "Measured solar production"),
    Column("expected_production_kwh", "number", "kWh", "Expected solar production"),
    Column("performance_index", "number", "1", "Actual / expected production"),
    Column("lost_kwh", "number", "kWh", "Expected minus actual production, at least 0"),
    Column("consumption_kwh", "number", "kWh", "Energy consumed on site"),
    Column("generation_kwh", "number", "kWh", "Energy generated on site"),
    Column("import_kwh", "number", "kWh", "Energy imported from the grid, netted per interval"),
    Column("export_kwh", "number", "kWh", "Energy exported to the grid, netted per interval"),
    Column("ev_kwh", "number", "kWh", "EV charging added by the scenario; negative if moved away"),
    Column("charge_kwh", "number", "kWh", "Energy into the battery, at its AC terminals"),
    Column("discharge_kwh", "number", "kWh", "Energy out of the battery, at its AC terminals"),
    Column("soc_kwh", "number", "kWh", "State of charge at the end; null without a battery"),
    Column("dispatch", "text", "", "Dispatch method of the battery; null without a battery"),
    Column("equivalent_cycles", "number", "1", "Energy discharged from storage / capacity"),
    Column("peak_import_kw", "number", "kW", "Highest import of any interval, as mean power"),
    Column("self_consumption", "number", "1", "Share of generation used on site"),
    Column("self_sufficiency", "number", "1", "Share of consumption not imported from the grid"),
    Column("quantity", "number", "unit", "Billing determinant, in the unit of the row"),
    Column("unit", "text", "", "Unit of the quantity"),
    Column("units", "text", "", "W or KW: mean power; WH or KWH: energy of the interval"),
    Column("value", "number", "units", "Meter reading, in the units of the row"),
    # Money
    Column("currency", "text", "", "Currency of the amounts in the row, ISO 4217"),
    Column("cost", "number", "currency", "Cost; earnings in EXPORT rows; credits in bills are < 0"),
    Column("price_per_kwh", "number", "currency/kWh", "Price of 1 kWh"),
    Column("import_cost", "number", "currency", "Cost of imported energy"),
    Column("export_credit", "number", "currency", "Credit for exported energy"),
    Column("own_use_cost", "number", "currency", "Cost of generation used on site, usually 0"),
    Column(
        "stored_value",
        "number",
        "currency/kWh",
        "Marginal value of stored energy; null for dispatch by rule",
    ),
    Column("saving", "number", "currency", "Cost of the baseline scenario minus cost of this one"),
    Column("change", "number", "currency", "Change in cost, averaged over all orders of the steps"),
    Column("cost_rule", "number", "currency", "Cost if the battery only serves self-consumption"),
    Column("cost_day_ahead", "number", "currency", "Cost with each day optimized on its own"),
    Column("cost_optimal", "number", "currency", "Cost with perfect foresight, a lower bound"),
    Column("payback_years", "number", "years", "Capex / yearly saving, undiscounted; null if none"),
    Column("npv", "number", "currency", "Net present value of capex and savings over the lifetime"),
    Column("irr", "number", "1", "Internal rate of return per year"),
    Column("lost_value", "number", "currency", "Value of the lost production at the site's tariff"),
    Column("lost_value_low", "number", "currency", "Value if all of it had been exported"),
    Column("lost_value_high", "number", "currency", "Value if all of it had replaced imports"),
    Column("local_cost", "number", "currency", "Cost of the same energy as calculated by flipkit"),
    Column("local_cost_source", "text", "", "Prices behind local_cost: tariff or price_list"),
    Column("server_cost", "number", "currency", "Cost of the interval as returned by the service"),
    Column("difference", "number", "currency", "local_cost minus server_cost"),
    Column("regret", "number", "currency", "Cost minus the cost of the cheapest choice"),
    Column(
        "rule_spread", "number", "1", "Range of cost over the tier rules / cost; 0 without tiers"
    ),
    # Bills, tariffs and scenarios
    Column("component", "text", "", "Line of the bill"),
    Column("tariff", "text", "", "Name of the tariff"),
    Column("scenario", "text", "", "Name of the scenario"),
    Column(
        "step",
        "text",
        "",
        "Change: tariff, solar, battery, ev or load; first row: baseline; last row: difference",
    ),
    Column("import_plan", "text", "", "Tariff for imports; today: the location's current one"),
    Column("export_plan", "text", "", "Tariff for exports; today: current, or as the import plan"),
    Column("own", "boolean", "", "Whether these are the scenario's own tariffs"),
    Column("best", "boolean", "", "Whether this is the cheapest choice of the site"),
    Column("rank", "number", "", "1: largest loss of the month, or cheapest tariff of the site"),
    Column("tier", "number", "1", "Tier at the start of the interval, from 0; null without tiers"),
    Column("price_level", "text", "", "Third of the site's prices; negative; or the only price"),
    Column("beside_change", "boolean", "", "Whether a neighboring interval has another price"),
    Column("verdict", "text", "", "agrees, differs or unanswered"),
    Column("slot", "text", "", "Tariff slot of the location"),
    Column("display_name", "text", "", "Display name of the tariff"),
    Column("tariff_type", "text", "", "COMMODITY (energy) or NON_COMMODITY (grid fees, levies)"),
    Column("structure_type", "text", "", "FIXED, TIME_OF_DAY, MARKET or DYNAMIC"),
    Column("connection_type", "text", "", "DIRECT, MARKET, LIBRARY or MANUAL"),
    Column("provider", "text", "", "Name of the energy supplier"),
    Column("market_rates", "boolean", "", "Whether the price follows a market"),
    Column("tariff_commodity_import", "text", "", "Status of the import tariff"),
    Column("tariff_commodity_export", "text", "", "Status of the export tariff"),
    Column("tariff_non_commodity_import", "text", "", "Status of the grid fees on imports"),
    Column("tariff_local", "text", "", "Status of the local tariff"),
    # Status and quality
    Column("status", "text", "", "Status as returned by the service"),
    Column("live_mode", "boolean", "", "False for data of a test key"),
    Column(
        "energy_flow_direction",
        "text",
        "",
        "INBOUND: into the site or device; OUTBOUND: out of it; null if the service omits it",
    ),
    Column("tariff_direction", "text", "", "Which price applies: IMPORT, EXPORT or LOCAL"),
    Column("confidence", "number", "1", "1: confirmed; below 1: forecast or estimate"),
    Column("coverage", "number", "1", "Share of the period's time that has records"),
    Column("intervals", "integer", "", "Number of records in the period"),
    Column("finding", "text", "", "Findings as code: message, separated by ;"),
    Column("error", "text", "", "Error of the record"),
    Column("row", "integer", "", "Position in the input, from 0"),
    # Information that Flip asks for
    Column("kind", "text", "", "site_attribute, terms or program_attribute"),
    Column("name", "text", "", "Field or attribute name"),
    Column("label", "text", "", "Label for a form"),
    Column("type", "text", "", "Type of the value"),
    Column("hint", "text", "", "Help text for a form"),
)

GLOSSARY: dict[str, Column] = {column.name: column for column in _COLUMNS}
"""All columns by name."""
