"""The clock of a tariff: which local date, kind of day and time of day an instant has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Holidays, holiday_dates, offset_pieces
from flipkit.tariffs.model.rates import HOLIDAY
from flipkit.vocabulary import Int64

__all__ = ["LocalClock", "Stretches"]


class Stretches(NamedTuple):
    """Stretches of time in which both clocks keep their offset from UTC.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (n + 1,)
        Microseconds since 1970-01-01 UTC.
    date_offset_us, hour_offset_us : ndarray of int64, shape (n,)
        Local time minus UTC, of the clock of dates and of the clock of hours.
    """

    edges_us: Int64
    date_offset_us: Int64
    hour_offset_us: Int64


class LocalClock(NamedTuple):
    """The time zones and holidays that give an instant its local date, kind of day and hour.

    Attributes
    ----------
    timezone : str
        IANA time zone of dates: months, kinds of day, billing.
    hours_timezone : str or None
        IANA time zone of the time of day; None for `timezone`.
    holidays : Holidays or None
    """

    timezone: str
    hours_timezone: str | None = None
    holidays: Holidays | None = None

    def stretches(self, start_us: int, end_us: int) -> Stretches:
        """Split [start, end) where one of the clocks changes."""
        edges, offsets = offset_pieces(self.timezone, start_us, end_us)
        if self.hours_timezone is None:
            return Stretches(edges, offsets, offsets)
        hour_edges, hour_offsets = offset_pieces(self.hours_timezone, start_us, end_us)
        all_edges = np.union1d(edges, hour_edges)
        starts = all_edges[:-1]
        return Stretches(
            edges_us=all_edges,
            date_offset_us=offsets[np.searchsorted(edges, starts, side="right") - 1],
            hour_offset_us=hour_offsets[np.searchsorted(hour_edges, starts, side="right") - 1],
        )

    def day_kinds(self, days: Int64) -> Int64:
        """Return the kind of local dates (days since 1970): Monday 0 to Sunday 6, holiday 7."""
        kinds = (days + 3) % 7  # 1970-01-01 was a Thursday
        if self.holidays is not None and len(days):
            first_and_last = np.array([days.min(), days.max()]).astype("datetime64[D]")
            years = first_and_last.astype("datetime64[Y]").astype(np.int64) + 1970
            dates = holiday_dates(self.holidays, int(years[0]), int(years[1]))
            kinds[np.isin(days, dates)] = HOLIDAY
        return kinds
