"""The names that Flip uses: addresses, paths, and one table of field names per endpoint.

Flip documents the addresses, the paths, ``month``, the body of commission and its answers, and for
fleet data the keys ``external_id``, ``record_type``, ``data``, ``customer_name`` and
``system_size_kw``. Everything else is inferred from Flip's other APIs. Where an answer turns out to
be different, one line of a table below changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "COMMISSION",
    "DEVICE_FIELDS",
    "ENVIRONMENTS",
    "EXPECTED_MONTH",
    "EXPECTED_PRODUCTION",
    "FLEET_DATA",
    "INSTALLED",
    "PERFORMANCE",
    "PERFORMANCE_LISTS",
    "PERFORMANCE_NAMES",
    "RESULT_ERRORS",
    "RESULT_LISTS",
    "SITES",
    "SITE_LISTS",
    "SITE_NAMES",
    "STATE_CODES",
    "Aliases",
    "list_in",
]

Aliases = Mapping[str, tuple[str, ...]]
"""The field names of each column, most likely first. A name in ``_wh`` is converted to kWh."""

ENVIRONMENTS = {
    "production": "https://aggregator-api.flip.energy",
    "sandbox": "https://aggregator-api-sandbox.flip.energy",
}

SITES = ("v1", "sites")
PERFORMANCE = ("v1", "reports", "equipment_performance")
FLEET_DATA = ("v1", "fleet-data")
COMMISSION = ("v1", "commission")

# GET /v1/sites

SITE_LISTS = ("sites", "data")
SITE_NAMES: Aliases = {
    "site_id": ("id", "site_id"),
    "status": ("status",),
    "customer_name": ("customer_name",),
    "state_code": ("state_code",),
    "zip_code": ("zip_code",),
    "system_size_kw": ("system_size_kw",),
    "technology_provider_identifier": ("technology_provider_identifier",),
    "external_id": ("external_id",),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "company_name": ("company_name",),
    "email": ("email",),
    "street_address": ("street_address",),
    "city": ("city",),
    "created_utc": ("created_at",),
    "updated_utc": ("updated_at",),
}

# GET /v1/reports/equipment_performance

PERFORMANCE_LISTS = ("sites", "data", "rows", "report")
PERFORMANCE_NAMES: Aliases = {
    "site_id": ("site_id", "id"),
    "month": ("month",),
    "actual_production_kwh": (
        "actual_production_kwh",
        "actual_kwh",
        "performance_actual_energy_wh",
        "actual_energy_wh",
    ),
    "expected_production_kwh": (
        "expected_production_kwh",
        "expected_kwh",
        "performance_expected_energy_wh",
        "expected_energy_wh",
    ),
    "performance_index": ("performance_index", "performance_ratio"),
    "system_size_kw": ("system_size_kw",),
    "external_id": ("external_id",),
    "customer_name": ("customer_name",),
    "technology_provider_identifier": ("technology_provider_identifier",),
}

# POST /v1/fleet-data

EXPECTED_MONTH = "month"
EXPECTED_PRODUCTION = "expected_production_kwh"
"""With `EXPECTED_MONTH` in ``data``: the expected production of that month."""
RESULT_LISTS = ("records", "results", "data")
RESULT_ERRORS = ("error", "errors", "message")

# POST /v1/commission

DEVICE_FIELDS = ("id", "type", "technology_provider_identifier")
"""Required of each device, together with `INSTALLED`."""
INSTALLED = "install_date"
# The 50 states and Puerto Rico, as Flip's OEM API lists them.
_STATES = """
AK AL AR AZ CA CO CT DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV
NY OH OK OR PA PR RI SC SD TN TX UT VA VT WA WI WV WY
"""
STATE_CODES = frozenset(_STATES.split())


def list_in(value: Any, names: Sequence[str]) -> list[Any] | None:
    """Return `value` if it is a list, else the first of its members `names` that is, else None."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for name in names:
            if isinstance(value.get(name), list):
                return value[name]
    return None
