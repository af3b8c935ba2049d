"""Public holidays of a country or a part of it, as local dates."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from flipkit.errors import InputError
from flipkit.vocabulary import Int64

__all__ = ["check_holidays", "holiday_dates"]


def check_holidays(code: Any) -> str:
    """The code itself, if holidays are known for it: ``US``, ``US-CA``, ``GB-ENG``, ``BE``.

    Raises
    ------
    InputError
        Any other text.
    """
    holiday_dates(code, 2025, 2025)
    return str(code)


@lru_cache(maxsize=256)
def holiday_dates(code: str, first_year: int, last_year: int) -> Int64:
    """Days since 1970 of the public holidays (with the days on which they are observed), ascending.

    Parameters
    ----------
    code : str
        Country (ISO 3166-1, two letters), or country and subdivision with a hyphen.
    first_year, last_year : int

    Raises
    ------
    InputError
        No such country or subdivision.
    """
    # Here, not above: it is loaded only for tariffs that have holidays.
    import holidays

    country, _, part = code.partition("-") if isinstance(code, str) else ("", "", "")
    try:
        found = holidays.country_holidays(
            country, subdiv=part or None, years=range(first_year, last_year + 1)
        )
    except NotImplementedError:
        raise InputError(
            f"holidays {code!r}: no such country or part of it; write a code such as 'US', 'US-CA', 'GB-ENG' or 'BE'"
        ) from None
    dates = np.array(sorted(found), dtype="datetime64[D]").astype(np.int64)
    dates.flags.writeable = False
    return dates
