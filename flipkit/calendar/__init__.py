"""Time: timestamps, time zones, local days and months, billing periods, windows, holidays."""

from flipkit.calendar.billing import BillingPeriods, billing_periods, check_dates
from flipkit.calendar.grid import Grid
from flipkit.calendar.holidays import check_holidays, holiday_dates
from flipkit.calendar.local import day_edges, day_starts, local_midnights, month_edges
from flipkit.calendar.split import covered, split_at
from flipkit.calendar.timestamps import format_times, from_us, parse_time, parse_times, to_text
from flipkit.calendar.window import Window, check_month, month_of, periods, read_window, to_us
from flipkit.calendar.zones import offset_pieces, zone

__all__ = [
    "BillingPeriods",
    "Grid",
    "Window",
    "billing_periods",
    "check_dates",
    "check_holidays",
    "check_month",
    "covered",
    "day_edges",
    "day_starts",
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
    "read_window",
    "split_at",
    "to_text",
    "to_us",
    "zone",
]
