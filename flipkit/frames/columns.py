"""The glossary: every column flipkit knows, with its kind, unit and meaning, declared once.

The declaration makes the dtypes, the CSV header, the docstring tables and the ``.meta.json``. A name means the
same thing in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["GLOSSARY", "Column", "Kind"]

Kind = Literal["text", "number", "count", "flag", "time"]

DTYPES: dict[Kind, tuple[str, str]] = {
    "text": ("str", "String"),
    "number": ("float64", "Float64"),
    "count": ("int64", "Int64"),
    "flag": ("bool", "Boolean"),
    "time": ("datetime64[us, UTC]", "Datetime(us, UTC)"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, kind, unit and meaning.

    Attributes
    ----------
    name : str
    kind : {"text", "number", "count", "flag", "time"}
        Decides the dtype in both libraries; text, numbers and times may be null.
    unit : str
        ``kWh``, ``kW``, ``currency`` (that of the row), ``1`` for ratios, ``UTC``, or empty.
    meaning : str
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


def _glossary(*rows: tuple[str, Kind, str, str]) -> dict[str, Column]:
    return {name: Column(name, kind, unit, meaning) for name, kind, unit, meaning in rows}


_IDS = _glossary(
    (
        "site_id",
        "text",
        "",
        "the site's id in Flip; also the reference_id of its Flatpeak location",
    ),
    ("external_id", "text", "", "the site's id in the customer's own records (CRM)"),
    ("location_id", "text", "", "Flatpeak's id of the location"),
    ("device_id", "text", "", "Flatpeak's id of the device"),
    ("tariff_id", "text", "", "Flatpeak's id of the tariff"),
    ("customer_id", "text", "", "Flatpeak's id of the customer"),
    ("object_id", "text", "", "the location or device the row is about"),
    ("object_type", "text", "", "location or device"),
    ("reference_id", "text", "", "the caller's own id of the object"),
    (
        "session_reference_id",
        "text",
        "",
        "the caller's id of a group of records, e.g. a charging session",
    ),
    ("record_reference_id", "text", "", "the caller's id of the record"),
    ("record_type", "text", "", "what the fleet-data record describes"),
    (
        "technology_provider_identifier",
        "text",
        "",
        "maker of the monitored equipment, as Flip names it",
    ),
)

_PEOPLE = _glossary(
    ("customer_name", "text", "", "the customer's name"),
    ("first_name", "text", "", "the customer's first name"),
    ("last_name", "text", "", "the customer's last name"),
    ("company_name", "text", "", "the customer's company"),
    ("email", "text", "", "the customer's e-mail address"),
    ("street_address", "text", "", "street and number"),
    ("city", "text", "", "city"),
    ("state_code", "text", "", "US state, two letters; null elsewhere"),
    ("zip_code", "text", "", "postal code"),
    ("state", "text", "", "state or province of the location"),
    ("post_code", "text", "", "postal code of the location"),
    ("country_code", "text", "", "country, ISO 3166-1 alpha-2"),
    ("timezone", "text", "", "IANA time zone of the location"),
)

_TIMES = _glossary(
    ("start_utc", "time", "UTC", "start of the interval, included"),
    ("end_utc", "time", "UTC", "end of the interval, not included"),
    ("created_utc", "time", "UTC", "when the object was created"),
    ("updated_utc", "time", "UTC", "when the object was last changed"),
    ("last_seen_utc", "time", "UTC", "when the device last asked the service"),
    ("contract_start_utc", "time", "UTC", "start of the tariff's validity"),
    ("contract_end_utc", "time", "UTC", "end of the tariff's validity"),
    (
        "month",
        "text",
        "",
        "calendar month, local to the site, YYYY-MM; by billing dates the first day, YYYY-MM-DD",
    ),
    ("period", "text", "", "local calendar day (YYYY-MM-DD) or month (YYYY-MM)"),
)

_ENERGY = _glossary(
    ("energy_kwh", "number", "kWh", "energy of the interval"),
    ("system_size_kw", "number", "kW", "rated DC power of the solar system"),
    ("actual_production_kwh", "number", "kWh", "solar production that was measured"),
    ("expected_production_kwh", "number", "kWh", "solar production that was expected"),
    ("performance_index", "number", "1", "actual / expected production; 1 is as expected"),
    ("lost_kwh", "number", "kWh", "expected less actual production, not below zero"),
    ("consumption_kwh", "number", "kWh", "energy the site used"),
    ("generation_kwh", "number", "kWh", "energy the site generated"),
    ("import_kwh", "number", "kWh", "energy drawn from the grid, netted within each interval"),
    ("export_kwh", "number", "kWh", "energy fed into the grid, netted within each interval"),
    (
        "ev_kwh",
        "number",
        "kWh",
        "what the scenario's car adds to the consumption; below 0 where charging moved away",
    ),
    ("charge_kwh", "number", "kWh", "energy that went into the battery, at its AC terminals"),
    ("discharge_kwh", "number", "kWh", "energy that came out of the battery, at its AC terminals"),
    (
        "soc_kwh",
        "number",
        "kWh",
        "energy that the battery holds at the end of the interval; null without one",
    ),
    ("dispatch", "text", "", "how the battery was run; null without one"),
    ("equivalent_cycles", "number", "1", "energy drawn from the battery's store over its capacity"),
    ("peak_import_kw", "number", "kW", "highest mean import power of any interval"),
    ("self_consumption", "number", "1", "share of the generation that the site used itself"),
    ("self_sufficiency", "number", "1", "share of the consumption that did not come from the grid"),
    ("quantity", "number", "unit", "billing determinant, in the unit of its row"),
    ("unit", "text", "", "unit of the quantity"),
    ("units", "text", "", "W, KW: power held over the interval; WH, KWH: energy in it"),
    ("value", "number", "units", "the reading, in the units of its row"),
)

_MONEY = _glossary(
    (
        "cost",
        "number",
        "currency",
        "what it cost; in rows of direction EXPORT what it earned; in bills a credit is below 0",
    ),
    ("currency", "text", "", "currency of the row, ISO 4217"),
    ("price_per_kwh", "number", "currency/kWh", "price of a kWh"),
    ("import_cost", "number", "currency", "cost of the energy drawn from the grid"),
    ("export_credit", "number", "currency", "worth of the energy fed into the grid"),
    (
        "stored_value",
        "number",
        "currency/kWh",
        "what one kWh more in the store would save; null with the rules",
    ),
    (
        "own_use_cost",
        "number",
        "currency",
        "cost of own generation used on the site; 0 where it is free",
    ),
    ("saving", "number", "currency", "cost of the first scenario less cost of this one"),
    (
        "change",
        "number",
        "currency",
        "what the step changes of the cost, whatever the order of the steps",
    ),
    (
        "cost_rule",
        "number",
        "currency",
        "cost if the battery serves self-consumption alone; null without one",
    ),
    (
        "cost_day_ahead",
        "number",
        "currency",
        "cost if each day is run at its best, nothing known beyond it",
    ),
    (
        "cost_optimal",
        "number",
        "currency",
        "cost with perfect foresight: no controller can do better",
    ),
    (
        "payback_years",
        "number",
        "years",
        "capex over the yearly saving, undiscounted; null where nothing is saved",
    ),
    ("npv", "number", "currency", "net present value of capex and savings over the lifetime"),
    ("irr", "number", "1", "discount rate, a year, at which the net present value is 0"),
    ("lost_value", "number", "currency", "worth of the lost production at the site's own tariff"),
    ("lost_value_low", "number", "currency", "its worth if every lost kWh had been exported"),
    ("lost_value_high", "number", "currency", "its worth if every lost kWh had replaced an import"),
    ("local_cost", "number", "currency", "the same energy rated here, as a check on the service"),
    ("server_cost", "number", "currency", "the interval's cost as the service computed it"),
    ("difference", "number", "currency", "local less server cost"),
    ("component", "text", "", "part of the bill"),
    ("tariff", "text", "", "name of the tariff"),
    ("regret", "number", "currency", "cost less that of the site's cheapest choice"),
    (
        "rule_spread",
        "number",
        "1",
        "highest less lowest cost under the tier rules, over the cost; 0 without tiers",
    ),
    ("scenario", "text", "", "name of the scenario"),
    ("energy_wh", "number", "Wh", "what the service was asked about, whole as it counts"),
    (
        "price_level",
        "text",
        "",
        "third of the site's prices: cheapest, middle, most expensive; negative; the only price",
    ),
    ("beside_change", "flag", "", "whether the interval before or after has another price"),
    (
        "tier",
        "number",
        "1",
        "tier that the interval begins in, from 0; null where the tariff has none",
    ),
    ("verdict", "text", "", "agrees, differs, or unanswered"),
    (
        "step",
        "text",
        "",
        "the change: tariff, solar, battery, ev, load; first the first scenario, last difference",
    ),
    ("import_plan", "text", "", "what imports are charged by; today for the location's own tariff"),
    (
        "export_plan",
        "text",
        "",
        "what exports earn by; today: the location's own tariff, or as the import plan says",
    ),
    ("own", "flag", "", "whether these are the scenario's own plans"),
)

_STATE = _glossary(
    ("status", "text", "", "as the service gives it; unknown words pass through"),
    (
        "energy_flow_direction",
        "text",
        "",
        "INBOUND: into the site or device; OUTBOUND: out of it; null where the service does not say",
    ),
    ("tariff_direction", "text", "", "which price applies: IMPORT, EXPORT or LOCAL"),
    ("confidence", "number", "1", "1 is confirmed; below 1 is a forecast or an estimate"),
    ("coverage", "number", "1", "share of the period's time that has records"),
    ("intervals", "count", "", "records counted in the period"),
    (
        "rank",
        "number",
        "",
        "1 is first: the site that lost most in that month, the cheapest tariff; null: not judged",
    ),
    ("best", "flag", "", "whether it is the site's cheapest choice"),
    (
        "finding",
        "text",
        "",
        "what is wrong or could not be judged: dotted.name: words; empty where nothing is",
    ),
    ("error", "text", "", "what is wrong with the record"),
    ("row", "count", "", "position in what was handed in, from 0"),
    ("kind", "text", "", "site_attribute, terms or program_attribute"),
    ("name", "text", "", "machine name"),
    ("label", "text", "", "text for a form"),
    ("type", "text", "", "type of the value to collect"),
    ("hint", "text", "", "help for the person who fills the form"),
    ("slot", "text", "", "which of the location's tariffs"),
    ("display_name", "text", "", "name of the tariff for people"),
    ("tariff_type", "text", "", "COMMODITY (energy) or NON_COMMODITY (grid fees, levies)"),
    ("structure_type", "text", "", "FIXED, TIME_OF_DAY, MARKET or DYNAMIC"),
    (
        "connection_type",
        "text",
        "",
        "how the tariff is connected: DIRECT, MARKET, LIBRARY or MANUAL",
    ),
    ("provider", "text", "", "name of the energy supplier"),
    ("market_rates", "flag", "", "whether the price follows a market"),
    ("live_mode", "flag", "", "false for data of a test key"),
    ("tariff_commodity_import", "text", "", "status of the import tariff"),
    ("tariff_commodity_export", "text", "", "status of the export tariff"),
    ("tariff_non_commodity_import", "text", "", "status of the grid fees on import"),
    ("tariff_local", "text", "", "status of the local tariff"),
)

GLOSSARY: dict[str, Column] = _IDS | _PEOPLE | _TIMES | _ENERGY | _MONEY | _STATE
