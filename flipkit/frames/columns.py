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


def _text(name: str, meaning: str) -> Column:
    return Column(name, "text", "", meaning)


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "number", unit, meaning)


def _boolean(name: str, meaning: str) -> Column:
    return Column(name, "boolean", "", meaning)


def _time(name: str, meaning: str) -> Column:
    return Column(name, "time", "UTC", meaning)


_COLUMNS = (
    # Ids
    _text("site_id", "Site id in Flip; reference_id of the Flatpeak location"),
    _text("external_id", "Site id in the customer's own system (CRM)"),
    _text("location_id", "Flatpeak location id"),
    _text("device_id", "Flatpeak device id"),
    _text("tariff_id", "Flatpeak tariff id"),
    _text("customer_id", "Flatpeak customer id"),
    _text("object_id", "Id of the location or device"),
    _text("object_type", "location or device"),
    _text("reference_id", "The caller's own id of the object"),
    _text("session_reference_id", "The caller's id of the charging session"),
    _text("record_reference_id", "The caller's id of the record"),
    _text("record_type", "What the fleet-data record describes, such as site"),
    _text("technology_provider_identifier", "Manufacturer, as named by Flip"),
    # Customers and addresses
    _text("customer_name", "Name of the customer"),
    _text("first_name", "First name of the customer"),
    _text("last_name", "Last name of the customer"),
    _text("company_name", "Company of the customer"),
    _text("email", "E-mail address of the customer"),
    _text("street_address", "Street and house number"),
    _text("city", "City"),
    _text("state_code", "US state, two letters; null outside the US"),
    _text("zip_code", "Postal code of the site"),
    _text("state", "State or province of the location"),
    _text("post_code", "Postal code of the location"),
    _text("country_code", "Country, ISO 3166-1 alpha-2"),
    _text("timezone", "IANA time zone of the location"),
    # Time
    _time("start_utc", "Start of the interval, inclusive"),
    _time("end_utc", "End of the interval, exclusive"),
    _time("created_utc", "When the object was created"),
    _time("updated_utc", "When the object was last updated"),
    _time("last_seen_utc", "When the device last contacted the service"),
    _time("contract_start_utc", "Start of the tariff contract"),
    _time("contract_end_utc", "End of the tariff contract"),
    _text("month", "Local month, YYYY-MM; first day of a billing period, YYYY-MM-DD"),
    _text("period", "Local day, YYYY-MM-DD, or local month, YYYY-MM"),
    # Energy and power
    _number("energy_kwh", "kWh", "Energy in the interval or period"),
    _number("energy_wh", "Wh", "Energy sent to the service, in whole watt-hours"),
    _number("system_size_kw", "kW", "Rated DC power of the solar system"),
    _number("actual_production_kwh", "kWh", "Measured solar production"),
    _number("expected_production_kwh", "kWh", "Expected solar production"),
    _number("performance_index", "1", "Actual / expected production"),
    _number("lost_kwh", "kWh", "Expected minus actual production, at least 0"),
    _number("consumption_kwh", "kWh", "Energy consumed on site"),
    _number("generation_kwh", "kWh", "Energy generated on site"),
    _number("import_kwh", "kWh", "Energy imported from the grid, netted per interval"),
    _number("export_kwh", "kWh", "Energy exported to the grid, netted per interval"),
    _number("ev_kwh", "kWh", "EV charging added by the scenario; negative if moved away"),
    _number("charge_kwh", "kWh", "Energy into the battery, at its AC terminals"),
    _number("discharge_kwh", "kWh", "Energy out of the battery, at its AC terminals"),
    _number("soc_kwh", "kWh", "State of charge at the end; null without a battery"),
    _text("dispatch", "Dispatch method of the battery; null without a battery"),
    _number("equivalent_cycles", "1", "Energy discharged from storage / capacity"),
    _number("peak_import_kw", "kW", "Highest import of any interval, as mean power"),
    _number("self_consumption", "1", "Share of generation used on site, directly or stored"),
    _number("self_sufficiency", "1", "Share of consumption that own generation served"),
    _number("quantity", "unit", "Billing determinant, in the unit of the row"),
    _text("unit", "Unit of the quantity"),
    _text("units", "W or KW: mean power; WH or KWH: energy of the interval"),
    _number("value", "units", "Meter reading, in the units of the row"),
    # Money
    _text("currency", "Currency of the amounts in the row, ISO 4217"),
    _number("cost", "currency", "Cost; earnings in EXPORT rows; credits in bills are < 0"),
    _number("price_per_kwh", "currency/kWh", "Price of 1 kWh"),
    _number("import_cost", "currency", "Cost of imported energy"),
    _number(
        "import_price", "currency/kWh", "Energy price of imports, or of the next kWh without any"
    ),
    _number("export_credit", "currency", "Credit for exported energy"),
    _number("own_use_cost", "currency", "Cost of generation used on site, usually 0"),
    _number(
        "stored_value", "currency/kWh", "Marginal value of stored energy; null for dispatch by rule"
    ),
    _number("stored_change_kwh", "kWh", "Energy stored at the end minus that at the start"),
    _number("stored_change_value", "currency", "What stored_change_kwh would save afterwards"),
    _number("saving", "currency", "Cost minus stored_change_value: baseline less this scenario"),
    _number("change", "currency", "Change in cost, averaged over all orders of the steps"),
    _number("cost_rule", "currency", "Cost by self-consumption, and what it then stores less"),
    _number("cost_day_ahead", "currency", "Cost with each day optimized on its own"),
    _number("cost_optimal", "currency", "Cost with perfect foresight, a lower bound"),
    _number("capex", "currency", "Cost to build; null where nothing is built"),
    _number("lifetime_years", "years", "Years of savings"),
    _number("discount_rate", "1", "Per year, above inflation"),
    _number("payback_years", "years", "Capex / yearly saving, undiscounted; null if none"),
    _number("npv", "currency", "Net present value of capex and savings over the lifetime"),
    _number("irr", "1", "Internal rate of return per year"),
    _number("lost_value", "currency", "Value of the lost production at the site's tariff"),
    _number("lost_value_low", "currency", "Value if all of it had been exported"),
    _number("lost_value_high", "currency", "Value if all of it had replaced imports"),
    _number("local_cost", "currency", "Cost of the same energy as calculated by flipkit"),
    _text("local_cost_source", "Prices behind local_cost: tariff or price_list"),
    _number("server_cost", "currency", "Cost of the interval as returned by the service"),
    _number("difference", "currency", "local_cost minus server_cost"),
    _number("regret", "currency", "Cost minus the cost of the cheapest choice"),
    _number("rule_spread", "1", "Range of cost over the tier rules / cost; 0 without tiers"),
    # Bills, tariffs and scenarios
    _text("component", "Line of the bill"),
    _text("tariff", "Name of the tariff; in a simulation today: the current one"),
    _text("export_tariff", "What exports earn; today: current, or as the tariff"),
    _number("solar_kw", "kW", "Rated DC power of the added panels; 0 without"),
    _number("battery_kwh", "kWh", "Capacity of the battery; 0 without"),
    _number("battery_kw", "kW", "Power of the battery; 0 without"),
    _text("ev", "Charging strategy of the car; none without a car"),
    _text("load", "Changes of the consumption; today: none"),
    _text("scenario", "Name of the scenario"),
    _text(
        "step",
        "Change: tariff, solar, battery, ev or load; first row: baseline; last row: difference",
    ),
    _text("import_plan", "Tariff for imports; today: the location's current one"),
    _text("export_plan", "Tariff for exports; today: current, or as the import plan"),
    _boolean("own", "Whether these are the scenario's own tariffs"),
    _boolean("best", "Whether this is the cheapest choice of the site"),
    _number("rank", "", "1: largest loss of the month, or cheapest tariff of the site"),
    _number("tier", "1", "Tier at the start of the interval, from 0; null without tiers"),
    _text("price_level", "Third of the site's prices; negative; or the only price"),
    _boolean("beside_change", "Whether a neighboring interval has another price"),
    _text("verdict", "agrees, differs or unanswered"),
    _text("slot", "Tariff slot of the location"),
    _text("display_name", "Display name of the tariff"),
    _text("tariff_type", "COMMODITY (energy) or NON_COMMODITY (grid fees, levies)"),
    _text("structure_type", "FIXED, TIME_OF_DAY, MARKET or DYNAMIC"),
    _text("connection_type", "DIRECT, MARKET, LIBRARY or MANUAL"),
    _text("provider", "Name of the energy supplier"),
    _boolean("market_rates", "Whether the price follows a market"),
    _text("tariff_commodity_import", "Status of the import tariff"),
    _text("tariff_commodity_export", "Status of the export tariff"),
    _text("tariff_non_commodity_import", "Status of the grid fees on imports"),
    _text("tariff_local", "Status of the local tariff"),
    # Status and quality
    _text("status", "Status as returned by the service"),
    _boolean("live_mode", "False for data of a test key"),
    _text(
        "energy_flow_direction",
        "INBOUND: into the site or device; OUTBOUND: out of it; null if the service omits it",
    ),
    _text("tariff_direction", "Which price applies: IMPORT, EXPORT or LOCAL"),
    _number("confidence", "1", "1: confirmed; below 1: forecast or estimate"),
    _number("coverage", "1", "Share of the period's time that has records"),
    Column("intervals", "integer", "", "Number of records in the period"),
    _text("finding", "Findings as code: message, separated by ;"),
    _text("error", "Error of the record"),
    Column("row", "integer", "", "Position in the input, from 0"),
    # Information that Flip asks for
    _text("kind", "site_attribute, terms or program_attribute"),
    _text("name", "Field or attribute name"),
    _text("label", "Label for a form"),
    _text("type", "Type of the value"),
    _text("hint", "Help text for a form"),
)

GLOSSARY: dict[str, Column] = {column.name: column for column in _COLUMNS}
"""All columns by name."""
