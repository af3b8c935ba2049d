"""Charging sessions that come again every week, in local time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import offset_pieces
from flipkit.checks import MOST, number
from flipkit.errors import InputError
from flipkit.scenarios.ev.sessions import Records, Sessions
from flipkit.tariffs.model import DAY_NAMES, DAY_S, seconds_of
from flipkit.vocabulary import DAY_US, Int64

__all__ = ["Stay", "Week", "read_week"]

_DAYS = {name.lower(): (number,) for number, name in enumerate(DAY_NAMES)}
_KINDS = {"all": tuple(range(7)), "weekday": tuple(range(5)), "weekend": (5, 6)}


class Stay(NamedTuple):
    """One session of the week.

    Attributes
    ----------
    weekday : int
        Of the arrival, 0 is Monday.
    arrive_s, leave_s : int
        Local clock, seconds after midnight of the day of arrival; a leave on the next day is above 86,400.
    energy_kwh : float
    """

    weekday: int
    arrive_s: int
    leave_s: int
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Week:
    """A week of charging sessions, again and again.

    Attributes
    ----------
    stays : tuple of Stay
    max_power_kw : float
    """

    stays: tuple[Stay, ...]
    max_power_kw: float

    def within(self, start_us: int, end_us: int, timezone: str) -> Sessions:
        """The sessions that touch [start, end), microseconds since 1970-01-01 UTC.

        A local time that the clock skips is read with the offset before the change (02:30 is 03:30 then); one that
        comes twice is its first: the rules of RFC 5545 and of ``zoneinfo``. A stay across the change is an hour shorter
        or longer.

        Raises
        ------
        InputError
            An unknown zone, or a time outside the years 1900 to 2200.
        """
        days = np.arange(start_us // DAY_US - 3, end_us // DAY_US + 3)
        columns = [np.array(column) for column in zip(*self.stays, strict=True)]
        weekday, arrive_s, leave_s, energy = columns
        day, stay = np.nonzero((days[:, None] + 3) % 7 == weekday)  # 1970-01-01 was a Thursday
        pieces = offset_pieces(timezone, int(days[0]) * DAY_US, int(days[-1] + 3) * DAY_US)
        arrive, leave = (
            _in_utc(days[day] * DAY_US + s[stay] * 1_000_000, *pieces) for s in (arrive_s, leave_s)
        )
        touches = (np.maximum(leave, arrive + 1) > start_us) & (arrive < end_us)
        order = np.flatnonzero(touches)[np.argsort(arrive[touches], kind="stable")]
        power = np.full(len(order), float(self.max_power_kw))
        rows = np.empty(0, dtype=np.int64)
        return Sessions(
            arrive[order], leave[order], energy[stay[order]], power, (), rows, Records.none()
        )


def read_week(pattern: Mapping[str, tuple[str, str, float]], max_power_kw: float) -> Week:
    """A week from its pattern, as `EvCharging.weekly` describes it.

    Raises
    ------
    InputError
        No pattern, unknown days, a time that is none, energy or power that is no number of 0 or more: names the days.
    """
    power = number(max_power_kw, "ev: max_power_kw", _WANTED, most=MOST)
    if not isinstance(pattern, Mapping) or not pattern:
        raise InputError(
            f"ev: weekly: expected {{days: (arrive, leave, kWh)}}, such as {_EXAMPLE}; got {pattern!r}"
        )
    return Week(
        tuple(sorted(stay for item in pattern.items() for stay in _stays(*item))), float(power)
    )


_WANTED = f"a number of 0 or more, up to {MOST:,.0f}"
_EXAMPLE = "{'mon-fri': ('18:00', '07:00', 8.0)}"


def _stays(days: Any, value: Any) -> list[Stay]:
    try:
        arrive, leave, energy = value
        arrive_s, leave_s = seconds_of(arrive), seconds_of(leave)
    except (TypeError, ValueError):  # an InputError is a ValueError
        raise InputError(
            f"ev: weekly, {days!r}: {value!r} is not (arrive, leave, kWh); write such as {_EXAMPLE}"
        ) from None
    kwh = float(number(energy, f"ev: weekly, {days!r}: kWh", _WANTED, most=MOST))
    leave_s += DAY_S if leave_s <= arrive_s else 0
    return [Stay(day, arrive_s, leave_s, kwh) for day in _weekdays(days)]


def _weekdays(days: Any) -> list[int]:
    """Numbers of the days in words: ``mon``, ``mon-fri``, ``sat,sun``, ``weekday``, ``weekend``, ``all``."""
    try:
        return [number for words in days.lower().split(",") for number in _run(words.strip())]
    except (AttributeError, KeyError):
        raise InputError(
            f"ev: weekly: days {days!r}; write 'mon', 'mon-fri', 'sat,sun', 'weekday', 'weekend' or 'all'"
        ) from None


def _run(words: str) -> tuple[int, ...]:
    first, dash, last = words.partition("-")
    if not dash:
        return (_DAYS | _KINDS)[words]
    (begin,), (end,) = _DAYS[first.strip()], _DAYS[last.strip()]
    return tuple((begin + n) % 7 for n in range((end - begin) % 7 + 1))


def _in_utc(local_us: Int64, edges: Int64, offsets: Int64) -> Int64:
    """Local clock times in UTC: a skipped one with the offset before the change, a repeated one its first."""
    until = edges[1:-1] + np.maximum(
        offsets[:-1], offsets[1:]
    )  # local clock up to which an offset is the one to take
    return local_us - offsets[np.searchsorted(until, local_us, side="right")]
