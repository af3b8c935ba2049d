"""Charging sessions that repeat every week in local time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import offset_pieces
from flipkit.checks import MOST, number
from flipkit.errors import InputError
from flipkit.scenarios.ev.sessions import SessionRecords, Sessions
from flipkit.tariffs.model import DAY_NAMES, seconds_of
from flipkit.vocabulary import DAY_S, DAY_US, SECOND_US, Int64

__all__ = ["Stay", "Week", "read_week"]

_WEEKDAYS = {name.lower(): weekday for weekday, name in enumerate(DAY_NAMES)}
_GROUPS = {"all": range(7), "weekday": range(5), "weekend": range(5, 7)}
_AMOUNT = f"a number of 0 or more, up to {MOST:,.0f}"
_EXAMPLE = "{'mon-fri': ('18:00', '07:00', 8.0)}"


class Stay(NamedTuple):
    """One session of the week.

    Attributes
    ----------
    weekday : int
        Of the arrival; 0 is Monday.
    arrive_s, leave_s : int
        Local clock, seconds after midnight of the day of arrival; above 86,400 on the next day.
    energy_kwh : float
    """

    weekday: int
    arrive_s: int
    leave_s: int
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Week:
    """A repeating week of charging sessions.

    Attributes
    ----------
    stays : tuple of Stay
    max_power_kw : float
    """

    stays: tuple[Stay, ...]
    max_power_kw: float

    def within(self, start_us: int, end_us: int, timezone: str) -> Sessions:
        """Return the sessions that touch [start, end), microseconds since 1970-01-01 UTC.

        Raises
        ------
        InputError
            An unknown zone, or a time outside the years 1900 to 2200.
        """
        # Stays last up to two days and offsets up to one: three days of margin.
        days = np.arange(start_us // DAY_US - 3, end_us // DAY_US + 3)
        stay, arrive_us, leave_us = self._on_days(days, timezone)
        # A stay that a clock change turns around still counts, at its arrival.
        ends_after_start = np.maximum(leave_us, arrive_us + 1) > start_us
        touching = np.flatnonzero(ends_after_start & (arrive_us < end_us))
        order = touching[np.argsort(arrive_us[touching], kind="stable")]
        return Sessions(
            arrive_us=arrive_us[order],
            leave_us=leave_us[order],
            asked_kwh=self._column("energy_kwh")[stay[order]],
            max_power_kw=np.full(len(order), float(self.max_power_kw)),
            names=(),
            rows=np.empty(0, dtype=np.int64),
            metered=SessionRecords.empty(),
        )

    def _on_days(self, days: Int64, timezone: str) -> tuple[Int64, Int64, Int64]:
        """Return the stays that begin on local days: their positions, arrivals and departures."""
        weekday_of_day = (days + 3) % 7  # 1970-01-01 was a Thursday
        day, stay = np.nonzero(weekday_of_day[:, None] == self._column("weekday"))
        midnight_us = days[day] * DAY_US
        arrive_local_us = midnight_us + self._column("arrive_s")[stay] * SECOND_US
        leave_local_us = midnight_us + self._column("leave_s")[stay] * SECOND_US

        first_us, after_us = int(days[0]) * DAY_US, int(days[-1] + 3) * DAY_US
        edges, offsets = offset_pieces(timezone, first_us, after_us)
        arrive_us = _to_utc(arrive_local_us, edges, offsets)
        leave_us = _to_utc(leave_local_us, edges, offsets)
        return stay, arrive_us, leave_us

    def _column(self, field: str) -> np.ndarray:
        return np.array([getattr(stay, field) for stay in self.stays])


def read_week(pattern: Mapping[str, tuple[str, str, float]], max_power_kw: float) -> Week:
    """Read a week from its pattern; `EvCharging.weekly` describes it and its errors."""
    power = number(max_power_kw, "ev: max_power_kw", _AMOUNT, most=MOST)
    if not isinstance(pattern, Mapping) or not pattern:
        raise InputError(
            f"ev: weekly: expected {{days: (arrive, leave, kWh)}} such as {_EXAMPLE};"
            f" got {pattern!r}"
        )
    stays: list[Stay] = []
    for days, value in pattern.items():
        stays += _stays(days, value)
    return Week(tuple(sorted(stays)), float(power))


def _stays(days: Any, value: Any) -> list[Stay]:
    try:
        arrive, leave, energy = value
        arrive_s, leave_s = seconds_of(arrive), seconds_of(leave)
    except (TypeError, ValueError):  # an InputError is a ValueError
        raise InputError(
            f"ev: weekly, {days!r}: {value!r} is not (arrive, leave, kWh); write such as {_EXAMPLE}"
        ) from None
    kwh = float(number(energy, f"ev: weekly, {days!r}: kWh", _AMOUNT, most=MOST))
    if leave_s <= arrive_s:
        leave_s += DAY_S
    return [Stay(weekday, arrive_s, leave_s, kwh) for weekday in _weekdays(days)]


def _weekdays(days: Any) -> list[int]:
    """Numbers of ``mon``, ``mon-fri``, ``sat,sun``, ``weekday``, ``weekend`` or ``all``."""
    weekdays: list[int] = []
    try:
        for words in days.lower().split(","):
            weekdays += _weekdays_of(words.strip())
    except (AttributeError, KeyError):
        raise InputError(
            f"ev: weekly: unknown days {days!r}; write 'mon', 'mon-fri', 'sat,sun', 'weekday',"
            " 'weekend' or 'all'"
        ) from None
    return weekdays


def _weekdays_of(words: str) -> list[int]:
    if words in _GROUPS:
        return list(_GROUPS[words])
    first, dash, last = words.partition("-")
    begin = _WEEKDAYS[first.strip()]
    end = _WEEKDAYS[last.strip()] if dash else begin
    length = (end - begin) % 7 + 1
    return [(begin + step) % 7 for step in range(length)]


def _to_utc(local_us: Int64, edges: Int64, offsets: Int64) -> Int64:
    """Local clock times in UTC, by the rules of RFC 5545 and ``zoneinfo``.

    A skipped time takes the offset before the change, a repeated one its first occurrence.
    """
    # Each offset is used until the end of the skipped or repeated local hour that follows it.
    until_local = edges[1:-1] + np.maximum(offsets[:-1], offsets[1:])
    return local_us - offsets[np.searchsorted(until_local, local_us, side="right")]
