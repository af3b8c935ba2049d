"""Time zone and currency of a postal address, for the countries that the emulator knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from flipkit.emulator.flatpeak.wire import Refusal

__all__ = ["Setting", "setting_of"]


class Setting(NamedTuple):
    """What the tariffs of a place depend on: IANA time zone and ISO 4217 currency."""

    timezone: str
    currency: str


# Where a state has two zones, the one of most of its population.
_US_ZONES = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
}
_US = {
    state: Setting(zone, "USD") for zone, states in _US_ZONES.items() for state in states.split()
}

# Currencies as of January 2026. Spain and Portugal: the mainland.
_COUNTRIES = {
    "AT": Setting("Europe/Vienna", "EUR"),
    "BE": Setting("Europe/Brussels", "EUR"),
    "BG": Setting("Europe/Sofia", "EUR"),
    "CH": Setting("Europe/Zurich", "CHF"),
    "CY": Setting("Asia/Nicosia", "EUR"),
    "CZ": Setting("Europe/Prague", "CZK"),
    "DE": Setting("Europe/Berlin", "EUR"),
    "DK": Setting("Europe/Copenhagen", "DKK"),
    "EE": Setting("Europe/Tallinn", "EUR"),
    "ES": Setting("Europe/Madrid", "EUR"),
    "FI": Setting("Europe/Helsinki", "EUR"),
    "FR": Setting("Europe/Paris", "EUR"),
    "GB": Setting("Europe/London", "GBP"),
    "GR": Setting("Europe/Athens", "EUR"),
    "HR": Setting("Europe/Zagreb", "EUR"),
    "HU": Setting("Europe/Budapest", "HUF"),
    "IE": Setting("Europe/Dublin", "EUR"),
    "IS": Setting("Atlantic/Reykjavik", "ISK"),
    "IT": Setting("Europe/Rome", "EUR"),
    "LT": Setting("Europe/Vilnius", "EUR"),
    "LU": Setting("Europe/Luxembourg", "EUR"),
    "LV": Setting("Europe/Riga", "EUR"),
    "MT": Setting("Europe/Malta", "EUR"),
    "NL": Setting("Europe/Amsterdam", "EUR"),
    "NO": Setting("Europe/Oslo", "NOK"),
    "PL": Setting("Europe/Warsaw", "PLN"),
    "PT": Setting("Europe/Lisbon", "EUR"),
    "RO": Setting("Europe/Bucharest", "RON"),
    "SE": Setting("Europe/Stockholm", "SEK"),
    "SI": Setting("Europe/Ljubljana", "EUR"),
    "SK": Setting("Europe/Bratislava", "EUR"),
}


def setting_of(address: Mapping[str, str]) -> Setting:
    """Return time zone and currency of a postal address.

    Parameters
    ----------
    address : mapping of str to str
        ``city`` and ``country_code`` (ISO 3166-1 alpha-2), and in the US ``state`` (two letters).

    Raises
    ------
    Refusal
        422 that names what is missing or unknown.
    """
    country = address.get("country_code", "").upper()
    if not country:
        raise Refusal.invalid(
            "Country code is required: postal_address.country_code is missing",
            "country_code_missing",
        )
    if not address.get("city"):
        raise Refusal.invalid("postal_address.city is missing")
    if country == "US":
        return _setting_of_state(address.get("state", "").upper())
    if country not in _COUNTRIES:
        supported = ", ".join(sorted(["US", *_COUNTRIES]))
        raise Refusal.invalid(
            f"postal_address.country_code {country!r} is not supported by the emulator; "
            f"use one of {supported}"
        )
    return _COUNTRIES[country]


def _setting_of_state(state: str) -> Setting:
    if not state:
        raise Refusal.invalid("postal_address.state is missing; it is required in the US")
    if state not in _US:
        raise Refusal.invalid(
            f"postal_address.state {state!r} is not a US state; use two letters such as 'CA'"
        )
    return _US[state]
