"""Rates laid out by month, kind of day and hour: checked, in canonical form, as prices in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import dates_at_offset, touched
from flipkit.checks import instance_of
from flipkit.errors import InputError
from flipkit.tariffs.model.clock import LocalClock
from flipkit.tariffs.model.rates import (
    HOLIDAY,
    MONTH_NAMES,
    Rate,
    clock_text,
    days_of,
    days_text,
)
from flipkit.tariffs.model.series import PriceSeries
from flipkit.vocabulary import DAY_S, DAY_US, SECOND_US, Int64

__all__ = [
    "RateTable",
    "Schedule",
    "added",
    "canonical",
    "check_rates",
    "equal_runs",
    "period_names",
    "rate_series",
    "rate_table",
    "schedule_changes",
    "schedule_of",
]

_SUNDAY = 6
_KINDS = 8  # kinds of day: seven weekdays and public holidays


@dataclass(frozen=True, slots=True, eq=False)
class RateTable:
    """Rates laid out by month, kind of day and hour.

    Attributes
    ----------
    periods : tuple of Rate
        The energy periods in the order of their first appearance in `grid`: price, tiers and name
        of each, as a rate for all hours.
    edges_s : ndarray of int64, shape (k + 1,)
        Seconds after local midnight, 0 to 86,400.
    grid : ndarray of int64, shape (12, 8, k)
        Index of the period by month (January first), kind of day (Monday first, public holidays
        last) and stretch between two edges.
    """

    periods: tuple[Rate, ...]
    edges_s: Int64
    grid: Int64


class Schedule(NamedTuple):
    """When which period of a `RateTable` begins, without its price.

    Hashable, so that tariffs with equal schedules share a calendar.

    Attributes
    ----------
    periods : int
        Number of periods.
    head, changes_us, period : bytes
        Arrays of int64. The changes of (month m, kind of day d) are
        ``head[8 * m + d] : head[8 * m + d + 1]`` of `changes_us`, microseconds after local
        midnight, and `period`, the index of the period from then on. The first change of each day
        is at midnight.
    """

    periods: int
    head: bytes
    changes_us: bytes
    period: bytes

    def arrays(self) -> tuple[Int64, Int64, Int64]:
        """Return head, changes and periods as arrays."""
        return (
            np.frombuffer(self.head, dtype=np.int64),
            np.frombuffer(self.changes_us, dtype=np.int64),
            np.frombuffer(self.period, dtype=np.int64),
        )


@lru_cache(maxsize=512)
def schedule_of(rates: tuple[Rate, ...]) -> Schedule:
    """Return the schedule of rates: which period begins when."""
    table = rate_table(rates)
    rows = table.grid.reshape(12 * _KINDS, -1)
    is_change = np.ones(rows.shape, dtype=bool)
    is_change[:, 1:] = rows[:, 1:] != rows[:, :-1]
    starts_us = np.broadcast_to(table.edges_s[:-1] * SECOND_US, rows.shape)
    head = np.concatenate(([0], np.cumsum(is_change.sum(axis=1))))
    return Schedule(
        periods=len(table.periods),
        head=head.tobytes(),
        changes_us=starts_us[is_change].tobytes(),
        period=rows[is_change].tobytes(),
    )


@lru_cache(maxsize=512)
def rate_table(rates: tuple[Rate, ...]) -> RateTable:
    """Lay rates out by month, kind of day and hour.

    Raises
    ------
    InputError
        No rates; an hour with no price or with two (the message names month, days and hours); one
        period name with two prices or ladders.
    """
    if not rates:
        raise InputError("a tariff needs at least one rate")
    edges = _window_edges(rates)
    shape = (12, _KINDS, len(edges) - 1)
    rate_index = np.zeros(shape, dtype=np.int64)
    count = np.zeros(shape, dtype=np.int64)
    for index, rate in enumerate(rates):
        months = np.array(rate.month_numbers()) - 1
        days = np.array(rate.weekday_numbers())
        for start, end in rate.windows_s():
            low, high = np.searchsorted(edges, (start, end))
            cells = np.ix_(months, days, np.arange(low, high))
            rate_index[cells] = index
            count[cells] += 1

    # Where no rate names public holidays, they have the prices of a Sunday.
    unnamed = count[:, HOLIDAY] == 0
    for array in (rate_index, count):
        array[:, HOLIDAY] = np.where(unnamed, array[:, _SUNDAY], array[:, HOLIDAY])
    _check_every_hour_has_one_price(count, edges)
    return _table_of(edges, rate_index, rates)


def canonical(rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """Return the one list of rates that stands for all lists with the same prices.

    Months with the same prices are one season, weekdays with the same prices one kind of day,
    neighbouring hours of one period one window. No window crosses midnight; seasons, days and hours
    ascend.
    """
    return _rates_of(rate_table(rates))


def check_rates(values: Any, what: str) -> tuple[Rate, ...]:
    """Return one or more rates in canonical form; none for an empty list.

    Raises InputError, which says what they are of, for anything else, a gap or an overlap.
    """
    rates = (values,) if isinstance(values, Rate) else tuple(values)
    for number, rate in enumerate(rates):
        instance_of(rate, Rate, f"{what}, item {number}")
    if not rates:
        return ()
    try:
        return canonical(rates)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None


def added(a: tuple[Rate, ...], b: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """Return the sum of two sets of rates, in canonical form.

    Raises
    ------
    InputError
        As `rate_table`, for either; both have tiers.
    """
    table_a = rate_table(a)
    table_b = rate_table(b)
    edges = np.union1d(table_a.edges_s, table_b.edges_s)
    in_a = np.searchsorted(table_a.edges_s, edges[:-1], side="right") - 1
    in_b = np.searchsorted(table_b.edges_s, edges[:-1], side="right") - 1

    # Each pair of periods that applies together is added once.
    count_b = len(table_b.periods)
    pairs = table_a.grid[:, :, in_a] * count_b + table_b.grid[:, :, in_b]
    distinct, index_of_sum = np.unique(pairs, return_inverse=True)
    sums = []
    for pair in distinct.tolist():
        index_a, index_b = divmod(pair, count_b)
        sums.append(_sum(table_a.periods[index_a], table_b.periods[index_b]))
    return _rates_of(_table_of(edges, index_of_sum.reshape(pairs.shape), tuple(sums)))


def period_names(rates: tuple[Rate, ...]) -> tuple[str, ...]:
    """Return how a bill names the periods of `rate_table`.

    Their own names; where they have none, ``all`` if there is one period, else ``period 1`` and so
    on.
    """
    periods = rate_table(rates).periods
    if len(periods) == 1:
        return (periods[0].period or "all",)
    used = {period.period for period in periods}
    candidates = [f"period {number}" for number in range(1, 2 * len(periods) + 1)]
    free = iter([name for name in candidates if name not in used])
    return tuple(period.period or next(free) for period in periods)


def equal_runs(values: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return runs of equal values: first index, last index (excluded), value."""
    changes = [index for index in range(1, len(values)) if values[index] != values[index - 1]]
    edges = [0, *changes, len(values)]
    return [(start, end, values[start]) for start, end in pairwise(edges)]


def rate_series(
    rates: tuple[Rate, ...], clock: LocalClock, start_us: int, end_us: int
) -> PriceSeries:
    """Return the price (of the first tier) at every instant of [start, end).

    Neighbours of equal price are one segment. Prices follow the local clock: the hour that comes
    twice in autumn has its price twice, the hour that is skipped in spring has none.

    Parameters
    ----------
    rates : tuple of Rate
    clock : LocalClock
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.
    """
    starts, periods = schedule_changes(schedule_of(rates), clock, start_us, end_us)
    price_of_period = np.array([period.price_per_kwh for period in rate_table(rates).periods])
    prices = price_of_period[periods]
    is_new = np.append(True, prices[1:] != prices[:-1])
    starts = starts[is_new]
    ends = np.append(starts[1:], end_us)
    return PriceSeries(starts, ends, prices[is_new])


def schedule_changes(
    schedule: Schedule, clock: LocalClock, start_us: int, end_us: int
) -> tuple[Int64, Int64]:
    """Return when which period of a schedule begins within [start, end); the first at `start_us`.

    This is the only place where the hours of rates become instants.

    Returns
    -------
    starts, periods : ndarray of int64, shape (n,)
        Neighbours may be of one period.
    """
    edges, date_offsets, hour_offsets = clock.stretches(start_us, end_us)
    ahead_us = (hour_offsets - date_offsets).tolist()
    spans = zip(edges[:-1].tolist(), edges[1:].tolist(), date_offsets, ahead_us, strict=True)
    pieces = []
    for start, end, offset, ahead in spans:
        by_date = _turned(schedule, ahead) if ahead else schedule
        pieces.append(_changes_at_offset(by_date, clock, start, end, offset))
    starts = np.concatenate([piece[0] for piece in pieces])
    periods = np.concatenate([piece[1] for piece in pieces])
    return starts, periods


@lru_cache(maxsize=512)
def _turned(schedule: Schedule, ahead_us: int) -> Schedule:
    """Return a schedule by the time of day of its dates; the clock of its hours is ahead of that.

    The date decides which changes apply, so each day keeps its own and only they are turned.
    """
    head, changes_us, period = schedule.arrays()
    new_head, new_changes, new_periods = [0], [], []
    for first, end in pairwise(head.tolist()):
        times = (changes_us[first:end] - ahead_us) % DAY_US
        turned = sorted(zip(times.tolist(), period[first:end].tolist(), strict=True))
        if turned[0][0] != 0:
            # At midnight is in force what begins last in the day by the turned clock.
            turned.insert(0, (0, turned[-1][1]))
        new_changes += [time for time, _ in turned]
        new_periods += [number for _, number in turned]
        new_head.append(len(new_changes))
    return Schedule(
        periods=schedule.periods,
        head=np.array(new_head, dtype=np.int64).tobytes(),
        changes_us=np.array(new_changes, dtype=np.int64).tobytes(),
        period=np.array(new_periods, dtype=np.int64).tobytes(),
    )


def _changes_at_offset(
    schedule: Schedule, clock: LocalClock, start_us: int, end_us: int, offset_us: int
) -> tuple[Int64, Int64]:
    """Return `schedule_changes` within a stretch of constant offset from UTC."""
    head, changes_us, period = schedule.arrays()
    days = dates_at_offset(start_us, end_us, offset_us)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12

    # Each day repeats the changes of its month and kind of day: `source` is where they are listed.
    templates = _KINDS * months + clock.day_kinds(days)
    counts = head[templates + 1] - head[templates]
    before = np.cumsum(counts) - counts
    source = np.arange(int(counts.sum())) + np.repeat(head[templates] - before, counts)
    times = np.repeat(days * DAY_US - offset_us, counts) + changes_us[source]

    # The first day begins before the stretch: what is in force at its start begins there.
    inside = touched(times, start_us, end_us)
    times[inside.start] = start_us
    return times[inside], period[source[inside]]


def _window_edges(rates: tuple[Rate, ...]) -> Int64:
    edges = {0, DAY_S}
    for rate in rates:
        for window in rate.windows_s():
            edges.update(window)
    return np.array(sorted(edges))


def _table_of(edges: Int64, rate_index: Int64, rates: tuple[Rate, ...]) -> RateTable:
    """Return the table of a grid of indices of rates.

    Rates with the same name, price and tiers are one period.
    """
    period_index: dict[Rate, int] = {}
    period_of_rate = np.zeros(len(rates), dtype=np.int64)
    for index in dict.fromkeys(rate_index.flat):  # in the order of first appearance
        period = replace(rates[index], start="00:00", end="24:00", months=None, days="all")
        period_of_rate[index] = period_index.setdefault(period, len(period_index))
    periods = tuple(period_index)
    _check_names(periods)
    return RateTable(periods, edges, period_of_rate[rate_index])


def _check_names(periods: tuple[Rate, ...]) -> None:
    by_name: dict[str, Rate] = {}
    for period in periods:
        if period.period is not None and by_name.setdefault(period.period, period) != period:
            raise InputError(
                f"the rates of period {period.period!r} have different prices or tiers; a period "
                "has one price or one ladder, so give the others names of their own, "
                "such as 'summer peak' and 'winter peak'"
            )


def _sum(a: Rate, b: Rate) -> Rate:
    """Return the sum of two prices, or a ladder with the other price added to each tier."""
    if a.tiers and b.tiers:
        raise InputError("cannot add two ladders of tiers; only one of two prices may have tiers")
    flat_price = b.price_per_kwh if a.tiers else a.price_per_kwh
    tiers = [
        replace(tier, price_per_kwh=tier.price_per_kwh + flat_price) for tier in a.tiers or b.tiers
    ]
    return Rate(
        a.price_per_kwh + b.price_per_kwh,
        tiers=tuple(tiers),
        period=a.period if b.period is None else b.period,
    )


def _rates_of(table: RateTable) -> tuple[Rate, ...]:
    """Return the rates of a table in canonical form: see `canonical`."""
    rates = []
    for months in _equal_rows(table.grid):
        for days in _equal_days(table.grid[months[0]]):
            for start, end, period in equal_runs(table.grid[months[0], days[0]].tolist()):
                rate = replace(
                    table.periods[period],
                    start=clock_text(int(table.edges_s[start])),
                    end=clock_text(int(table.edges_s[end])),
                    months=tuple(month + 1 for month in months),
                    days="holiday" if days == [HOLIDAY] else tuple(days),
                )
                rates.append(rate)
    return tuple(rates)


def _equal_days(rows: Int64) -> list[list[int]]:
    """Return weekdays grouped by equal prices; holidays only if they differ from Sundays."""
    kinds = _equal_rows(rows[:HOLIDAY])
    is_sunday = np.array_equal(rows[HOLIDAY], rows[_SUNDAY])
    return kinds if is_sunday else [*kinds, [HOLIDAY]]


def _equal_rows(rows: Int64) -> list[list[int]]:
    """Return the indices of equal rows, grouped, in the order of first appearance."""
    groups: dict[bytes, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(row.tobytes(), []).append(index)
    return list(groups.values())


def _check_every_hour_has_one_price(count: Int64, edges: Int64) -> None:
    """Raise InputError that names the first gap or overlap: month, all its days, and hours."""
    wrong = np.argwhere(count != 1)
    if len(wrong) == 0:
        return
    month, day, first = wrong[0].tolist()
    is_gap = count[month, day, first] == 0
    is_wrong = count[month] == 0 if is_gap else count[month] > 1
    end = first
    while end < len(edges) - 1 and is_wrong[day, end]:
        end += 1
    weekdays = np.flatnonzero(is_wrong[:HOLIDAY, first]).tolist()
    days = days_text(days_of(weekdays)) if weekdays else "holiday"
    hours = f"{clock_text(int(edges[first]))}-{clock_text(int(edges[end]))}"
    problem = "a gap: no price" if is_gap else "an overlap: more than one price"
    raise InputError(
        f"the rates have {problem} in {MONTH_NAMES[month]}, days {days}, hours {hours}; "
        "every hour of every day needs exactly one price"
    )
