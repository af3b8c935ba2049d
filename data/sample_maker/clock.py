"""The half-hours of a local year, with the local day and half-hour of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HALF_HOUR_S",
    "NOW",
    "YEAR",
    "HalfHours",
    "between",
    "local_midnight",
    "local_year",
    "month_to_date",
    "utc_text",
]

HALF_HOUR_S = 1800
YEAR = 2025
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
"""The fixed current time of the sample fleet."""


@dataclass(frozen=True, eq=False)
class HalfHours:
    """Half-hours without a gap, in UTC and in local time.

    Attributes
    ----------
    timezone : str
        Name in the tz database.
    start_s : ndarray of int64, shape (n,)
        Start of each half-hour, seconds since 1970 UTC.
    local_s : ndarray of int64, shape (n,)
        The same instants in local wall-clock time.
    """

    timezone: str
    start_s: NDArray[np.int64]
    local_s: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def day(self) -> NDArray[np.int64]:
        """Local date as days since 1970-01-01, shape (n,)."""
        return self.local_s // 86400

    @property
    def slot(self) -> NDArray[np.int64]:
        """Half-hour of the local day by the wall clock, 0..47, shape (n,)."""
        return self.local_s % 86400 // HALF_HOUR_S

    @property
    def weekday(self) -> NDArray[np.int64]:
        """Local day of the week, Monday 0, shape (n,)."""
        return (self.day + 3) % 7  # 1970-01-01 was a Thursday

    @property
    def month(self) -> NDArray[np.int64]:
        """Local month of the year, 1..12, shape (n,)."""
        return (
            self.local_s.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        )


def local_midnight(day: date, timezone: str) -> int:
    """Start of a local day, seconds since 1970 UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp())


def local_year(timezone: str) -> HalfHours:
    """The half-hours from local midnight of 1 January 2025 to that of 1 January 2026."""
    return between(
        timezone,
        local_midnight(date(YEAR, 1, 1), timezone),
        local_midnight(date(YEAR + 1, 1, 1), timezone),
    )


def month_to_date(timezone: str) -> HalfHours:
    """The half-hours from local midnight of 1 January 2026 to the fleet's "now"."""
    return between(timezone, local_midnight(date(YEAR + 1, 1, 1), timezone), int(NOW.timestamp()))


@lru_cache(maxsize=16)
def between(timezone: str, first_s: int, last_s: int) -> HalfHours:
    """The half-hours from one instant to another, both in seconds since 1970 UTC."""
    start_s = np.arange(first_s, last_s, HALF_HOUR_S, dtype=np.int64)
    zone = ZoneInfo(timezone)
    local = [datetime.fromtimestamp(int(s), zone) for s in start_s]
    local_s = np.array(
        [int(moment.replace(tzinfo=UTC).timestamp()) for moment in local], dtype=np.int64
    )
    return HalfHours(timezone, start_s, local_s)


def utc_text(seconds: NDArray[np.int64]) -> list[str]:
    """Instants as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return [
        text + "Z"
        for text in np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s").tolist()
    ]
