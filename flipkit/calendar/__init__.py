"""Time: timestamps, time zones, local days and months, windows, billing periods, holidays.

* ``timestamps``: ISO 8601 text and datetimes to UTC microseconds and back, a column at a time.
* ``zones``: when a time zone changes its offset from UTC.
* ``local``: where each local day and month begins (`day_edges`, `month_edges`).
* ``window``: the ``start`` and ``end`` that users write (`read_window`).
* ``billing``: billing periods, by month or by given dates.
* ``intervals``: regular grids of intervals, and intervals split at the edges of periods.
* ``holidays``: public holidays.
"""

from flipkit.calendar.billing import (
    BillingPeriods,
    billing_periods,
    check_dates,
    day_periods,
    days_in_months,
)
from flipkit.calendar.holidays import Holidays, as_holidays, holiday_dates
from flipkit.calendar.intervals import Grid, covered, split_at, touched
from flipkit.calendar.local import (
    dates_at_offset,
    day_edges,
    day_starts,
    local_midnights,
    month_edges,
    offset_pieces,
    zone,
)
from flipkit.calendar.timestamps import format_times, from_us, parse_time, parse_times, to_text
from flipkit.calendar.window import (
    Window,
    check_month,
    month_of,
    periods,
    read_moment,
    read_window,
    to_us,
)

__all__ = [
    "BillingPeriods",
    "Grid",
    "Holidays",
    "Window",
    "as_holidays",
    "billing_periods",
    "check_dates",
    "check_month",
    "covered",
    "dates_at_offset",
    "day_edges",
    "day_periods",
    "day_starts",
    "days_in_months",
    "format_times",
    "from_us",
    "holiday_dates",
    "local_midnights",
    "month_edges",
    "month_of",
    "offset_pieces",
    "parse_time",
    "parse_times",
    "periods",
    "read_moment",
    "read_window",
    "split_at",
    "to_text",
    "to_us",
    "touched",
    "zone",
]
