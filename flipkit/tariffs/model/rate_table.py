"""Rates laid out by month, day and hour: checked for gaps and overlaps, in canonical form, as prices in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.calendar import holiday_dates, offset_pieces
from flipkit.errors import InputError
from flipkit.tariffs.model.rates import (
    DAY_S,
    HOLIDAY,
    MONTH_NAMES,
    Rate,
    clock_text,
    days_of,
    days_text,
)
from flipkit.tariffs.model.series import PriceSeries
from flipkit.vocabulary import DAY_US, SECOND_US, Float64, Int64

__all__ = [
    "RateTable",
    "Schedule",
    "added",
    "canonical",
    "day_kinds",
    "period_names",
    "rate_series",
    "rate_table",
    "schedule_changes",
    "schedule_of",
]

_SUNDAY, _KINDS = 6, 8
_FULL_DAY = {"start": "00:00", "end": "24:00", "months": None, "days": "all"}


@dataclass(frozen=True, slots=True, eq=False)
class RateTable:
    """Rates as an array, and as one list of price changes for each month and kind of day.

    Attributes
    ----------
    periods : tuple of Rate
        The energy periods in the order in which each first comes in `grid`: price, tiers and name of each; as rates
        they hold all day.
    edges_s : ndarray of int64, shape (k + 1,)
        Seconds after local midnight, 0 to 86,400.
    grid : ndarray of float64, shape (12, 8, k)
        Price (of the first tier) by month (January first), kind of day (Monday first, public holidays last) and
        stretch between two edges.
    head, changes_us, period : ndarray of int64
        The changes of (month m, kind of day d) are ``head[8 * m + d] : head[8 * m + d + 1]`` of the other two:
        microseconds after local midnight, and the number of the period from then on. The first of each is at midnight.
    """

    periods: tuple[Rate, ...]
    edges_s: Int64
    grid: Float64
    head: Int64
    changes_us: Int64
    period: Int64


class Schedule(NamedTuple):
    """When which period of a `RateTable` holds, whatever its price; tariffs with equal schedules share a calendar.

    Attributes
    ----------
    periods : int
    head, changes_us, period : bytes
        Those of the table, as int64.
    """

    periods: int
    head: bytes
    changes_us: bytes
    period: bytes

    def arrays(self) -> tuple[Int64, Int64, Int64]:
        """Head, changes and periods as arrays."""
        head, changes, period = (np.frombuffer(each, dtype=np.int64) for each in self[1:])
        return head, changes, period


@lru_cache(maxsize=512)
def schedule_of(rates: tuple[Rate, ...]) -> Schedule:
    """The schedule of rates: what remains of them without their prices."""
    table = rate_table(rates)
    return Schedule(
        len(table.periods), table.head.tobytes(), table.changes_us.tobytes(), table.period.tobytes()
    )


@lru_cache(maxsize=512)
def rate_table(rates: tuple[Rate, ...]) -> RateTable:
    """Lay rates out by month, kind of day and hour.

    Raises
    ------
    InputError
        No rates, or an hour with no price or with two: names month, day kind and hours. One period name with two
        different prices or ladders.
    """
    if not rates:
        raise InputError("a tariff needs at least one rate")
    edges = np.array(
        sorted(
            {0, DAY_S, *(edge for rate in rates for window in rate.windows_s() for edge in window)}
        )
    )
    grid, count = (np.zeros((12, _KINDS, len(edges) - 1), dtype=np.int64) for _ in range(2))
    for number, rate in enumerate(rates):
        for begin, stop in rate.windows_s():
            low, high = np.searchsorted(edges, (begin, stop))
            place = np.ix_(
                np.array(rate.month_numbers()) - 1,
                np.array(rate.weekday_numbers()),
                np.arange(low, high),
            )
            grid[place] = number
            count[place] += 1
    unnamed = count[:, HOLIDAY] == 0
    for array in (grid, count):
        array[:, HOLIDAY] = np.where(unnamed, array[:, _SUNDAY], array[:, HOLIDAY])
    _check_once(count, edges)
    return _table_of(edges, grid, rates)


def canonical(rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The one list of rates that stands for all lists with the same prices at the same hours.

    Months with the same prices are one season, weekdays with the same prices one kind of day, neighbouring hours of
    one period one window; no window crosses midnight; seasons, days and hours ascend.

    Raises
    ------
    InputError
        As `rate_table`.
    """
    return _rates_of(rate_table(rates))


def added(a: tuple[Rate, ...], b: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The sum of two sets of rates, in canonical form.

    Raises
    ------
    InputError
        As `rate_table`, for either; tiers in both, which have no sum.
    """
    one, two = rate_table(a), rate_table(b)
    edges = np.union1d(one.edges_s, two.edges_s)
    in_one, in_two = (
        np.searchsorted(table.edges_s, edges[:-1], side="right") - 1 for table in (one, two)
    )
    pairs = _period_grid(one)[:, :, in_one] * len(two.periods) + _period_grid(two)[:, :, in_two]
    sums = {
        pair: _sum(one.periods[pair // len(two.periods)], two.periods[pair % len(two.periods)])
        for pair in set(pairs.flat)
    }
    numbers = {pair: number for number, pair in enumerate(sums)}
    grid = np.vectorize(numbers.__getitem__, otypes=[np.int64])(pairs)
    return _rates_of(_table_of(edges, grid, tuple(sums.values())))


def period_names(rates: tuple[Rate, ...]) -> tuple[str, ...]:
    """What the lines of a bill call the periods of `rate_table`: their own names, else ``all`` or ``period 1``."""
    periods = rate_table(rates).periods
    if len(periods) == 1:
        return (periods[0].period or "all",)
    taken = {period.period for period in periods}
    free = (
        text
        for number in range(1, 2 * len(periods) + 1)
        if (text := f"period {number}") not in taken
    )
    return tuple(period.period or next(free) for period in periods)


def day_kinds(days: Int64, holidays: str | None) -> Int64:
    """The kind of each local date (days since 1970): Monday 0 to Sunday 6, public holiday 7."""
    kinds = (days + 3) % 7  # 1970-01-01 was a Thursday
    if holidays is not None and len(days):
        years = (
            np.array([days.min(), days.max()])
            .astype("datetime64[D]")
            .astype("datetime64[Y]")
            .astype(np.int64)
            + 1970
        )
        kinds[np.isin(days, holiday_dates(holidays, int(years[0]), int(years[1])))] = HOLIDAY
    return kinds


def rate_series(
    rates: tuple[Rate, ...], zone: str, start_us: int, end_us: int, holidays: str | None = None
) -> PriceSeries:
    """The price (of the first tier) in force at every instant of [start, end), neighbours of equal price made one.

    The price is looked up by the clock on the wall: the hour that comes twice in autumn has its price twice, the hour
    that the clock skips in spring has none.

    Parameters
    ----------
    rates : tuple of Rate
    zone : str
        IANA time zone of the hours.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.
    holidays : str, optional
        Whose public holidays; none by default.

    Returns
    -------
    PriceSeries
    """
    starts, periods = schedule_changes(schedule_of(rates), zone, start_us, end_us, holidays)
    prices = np.array([period.price_per_kwh for period in rate_table(rates).periods])[periods]
    new = np.append(True, prices[1:] != prices[:-1])
    starts = starts[new]
    return PriceSeries(starts, np.append(starts[1:], end_us), prices[new])


def schedule_changes(
    schedule: Schedule, zone: str, start_us: int, end_us: int, holidays: str | None
) -> tuple[Int64, Int64]:
    """From when on which period holds, within [start, end); the first at `start_us`.

    Returns
    -------
    starts, periods : ndarray of int64, shape (n,)
        Neighbours may be of one period.
    """
    edges, offsets = offset_pieces(zone, start_us, end_us)
    spans = zip(edges[:-1].tolist(), edges[1:].tolist(), offsets, strict=True)
    pieces = [_piece(schedule, holidays, *span) for span in spans]
    return np.concatenate([piece[0] for piece in pieces]), np.concatenate(
        [piece[1] for piece in pieces]
    )


def _piece(
    schedule: Schedule, holidays: str | None, start_us: int, end_us: int, offset_us: int
) -> tuple[Int64, Int64]:
    """Changes of the period within a stretch of constant offset, the first moved to its start."""
    head, changes_us, period = schedule.arrays()
    days = np.arange(
        (start_us + offset_us) // DAY_US, -(-(end_us + offset_us) // DAY_US), dtype=np.int64
    )
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    templates = _KINDS * months + day_kinds(days, holidays)
    counts = head[templates + 1] - head[templates]
    before = np.cumsum(counts) - counts
    source = np.arange(int(counts.sum())) + np.repeat(head[templates] - before, counts)
    times = np.repeat(days * DAY_US - offset_us, counts) + changes_us[source]
    first, last = (
        int(np.searchsorted(times, start_us, side="right")) - 1,
        int(np.searchsorted(times, end_us)),
    )
    times[first] = start_us
    return times[first:last], period[source[first:last]]


def _table_of(edges: Int64, grid: Int64, rates: tuple[Rate, ...]) -> RateTable:
    """The table of a grid of numbers of rates; rates of one name, ladder and price are one period."""
    numbers: dict[Rate, int] = {}
    own = {number: replace(rates[number], **_FULL_DAY) for number in dict.fromkeys(grid.flat)}  # type: ignore[arg-type]
    for period in own.values():
        numbers.setdefault(period, len(numbers))
    _check_names(tuple(numbers))
    place = np.zeros(len(rates), dtype=np.int64)
    for number, period in own.items():
        place[number] = numbers[period]
    rows = place[grid].reshape(12 * _KINDS, -1)
    change = np.ones(rows.shape, dtype=bool)
    change[:, 1:] = rows[:, 1:] != rows[:, :-1]
    head = np.concatenate(([0], np.cumsum(change.sum(axis=1))))
    starts = np.broadcast_to(edges[:-1] * SECOND_US, rows.shape)
    prices = np.array([period.price_per_kwh for period in numbers])[rows].reshape(grid.shape)
    return RateTable(tuple(numbers), edges, prices, head, starts[change], rows[change])


def _check_names(periods: tuple[Rate, ...]) -> None:
    seen: dict[str, Rate] = {}
    for period in periods:
        if period.period is not None and seen.setdefault(period.period, period) != period:
            raise InputError(
                f"the rates of period {period.period!r} have different prices or tiers; a period has one price or one "
                "ladder, so give the others names of their own, such as 'summer peak' and 'winter peak'"
            )


def _sum(a: Rate, b: Rate) -> Rate:
    """Price and price, or a ladder with the other price on each of its steps."""
    if a.tiers and b.tiers:
        raise InputError(
            "two ladders of tiers have no sum; only one of the two prices may have tiers"
        )
    period = a.period if b.period is None else b.period
    amount = (b if a.tiers else a).price_per_kwh
    tiers = [
        replace(tier, price_per_kwh=tier.price_per_kwh + amount) for tier in a.tiers or b.tiers
    ]
    return Rate(a.price_per_kwh + b.price_per_kwh, tiers=tuple(tiers), period=period)


def _period_grid(table: RateTable) -> Int64:
    counts = np.diff(table.head)
    ends = np.append(table.changes_us[1:], 0) // SECOND_US
    ends[table.head[1:] - 1] = DAY_S
    low = np.searchsorted(table.edges_s, table.changes_us // SECOND_US)
    wide = np.searchsorted(table.edges_s, ends) - low
    assert counts.sum() == len(wide)
    return np.repeat(table.period, wide).reshape(12, _KINDS, -1)


def _rates_of(table: RateTable) -> tuple[Rate, ...]:
    out = []
    grid = _period_grid(table)
    for months in _alike(grid):
        for days in _kinds_of(grid[months[0]]):
            begin, stop = (
                table.head[_KINDS * months[0] + days[0]],
                table.head[_KINDS * months[0] + days[0] + 1],
            )
            starts = (table.changes_us[begin:stop] // SECOND_US).tolist()
            numbers, periods = (
                tuple(month + 1 for month in months),
                table.period[begin:stop].tolist(),
            )
            kind = "holiday" if days == [HOLIDAY] else tuple(days)
            for start, end, period in zip(starts, [*starts[1:], DAY_S], periods, strict=True):
                window = {
                    "start": clock_text(start),
                    "end": clock_text(end),
                    "months": numbers,
                    "days": kind,
                }
                out.append(replace(table.periods[period], **window))
    return tuple(out)


def _kinds_of(rows: Int64) -> list[list[int]]:
    """Weekdays alike together; public holidays alone, and only where they are no Sundays."""
    kinds = _alike(rows[:HOLIDAY])
    return kinds if np.array_equal(rows[HOLIDAY], rows[_SUNDAY]) else [*kinds, [HOLIDAY]]


def _check_once(count: Int64, edges: Int64) -> None:
    wrong = np.argwhere(count != 1)
    if len(wrong) == 0:
        return
    month, day, hour = wrong[0].tolist()
    bad = count[month] == 0 if count[month, day, hour] == 0 else count[month] > 1
    numbers = np.flatnonzero(bad[:HOLIDAY, hour]).tolist()
    days = days_of(numbers) if numbers else "holiday"
    end = hour
    while end < len(edges) - 1 and bad[day, end]:
        end += 1
    hours = f"{clock_text(int(edges[hour]))}-{clock_text(int(edges[end]))}"
    kind = "a gap: no price" if count[month, day, hour] == 0 else "an overlap: more than one price"
    raise InputError(
        f"the rates have {kind} in {MONTH_NAMES[month]}, days {days_text(days)}, hours {hours}; "
        "every hour of every day needs exactly one"
    )


def _alike(rows: Int64) -> list[list[int]]:
    """Numbers of rows with equal values together, in the order in which each first comes."""
    groups: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row.tobytes(), []).append(number)
    return list(groups.values())
