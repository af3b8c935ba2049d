"""Public holidays of a country or a part of it, as local dates."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.vocabulary import Int64

__all__ = ["check_holidays", "holiday_dates"]


def check_holidays(code: Any) -> None:
    """Raise InputError if no holidays are known for `code`, such as ``US`` or ``GB-ENG``."""
    holiday_dates(code, 2025, 2025)


@lru_cache(maxsize=256)
def holiday_dates(code: str, first_year: int, last_year: int) -> Int64:
    """Return the public holidays, with the days on which they are observed, as days since 1970.

    Parameters
    ----------
    code : str
        Country (ISO 3166-1, two letters), or country and subdivision with a hyphen.
    first_year, last_year : int

    Raises
    ------
    InputError
        The country or subdivision is unknown.
    """
    import holidays  # loaded only for tariffs that have holidays

    country, _, subdivision = code.partition("-") if isinstance(code, str) else ("", "", "")
    years = range(first_year, last_year + 1)
    try:
        days = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    except NotImplementedError:
        raise InputError(
            f"holidays {code!r}: unknown country or subdivision; "
            "write a code such as 'US', 'US-CA', 'GB-ENG' or 'BE'"
        ) from None
    dates = np.array(sorted(days), dtype="datetime64[D]").astype(np.int64)
    dates.flags.writeable = False
    return dates
