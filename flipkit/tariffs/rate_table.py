"""Rates laid out by month, weekday and hour: checked for gaps and overlaps, in canonical form, as prices in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from flipkit.errors import InputError
from flipkit.tariffs.offsets import DAY_US, SECOND_US, Int64, offset_pieces
from flipkit.tariffs.rates import DAY_S, MONTH_NAMES, Rate, clock_text, days_of, days_text
from flipkit.tariffs.series import Float64, PriceSeries

__all__ = ["RateTable", "added", "canonical", "rate_series", "rate_table"]


@dataclass(frozen=True, slots=True, eq=False)
class RateTable:
    """Rates as an array, and as one list of price changes for each month and weekday.

    Attributes
    ----------
    edges_s : ndarray of int64, shape (k + 1,)
        Seconds after local midnight, 0 to 86,400.
    grid : ndarray of float64, shape (12, 7, k)
        Price by month (January first), weekday (Monday first) and stretch between two edges.
    head, changes_us, prices : ndarray
        The changes of (month m, weekday d) are ``head[7 * m + d] : head[7 * m + d + 1]`` of the other two:
        microseconds after local midnight, and the price from then on. The first of each is at midnight.
    """

    edges_s: Int64
    grid: Float64
    head: Int64
    changes_us: Int64
    prices: Float64


@lru_cache(maxsize=512)
def rate_table(rates: tuple[Rate, ...]) -> RateTable:
    """Lay rates out by month, weekday and hour.

    Raises
    ------
    InputError
        No rates, or an hour with no price or with two: names month, day kind and hours.
    """
    if not rates:
        raise InputError("a tariff needs at least one rate")
    edges = np.array(sorted({0, DAY_S, *(edge for rate in rates for window in rate.windows_s() for edge in window)}))
    grid, count = np.zeros((12, 7, len(edges) - 1)), np.zeros((12, 7, len(edges) - 1), dtype=np.int64)
    for rate in rates:
        for begin, stop in rate.windows_s():
            low, high = np.searchsorted(edges, (begin, stop))
            place = np.ix_(np.array(rate.month_numbers()) - 1, np.array(rate.weekday_numbers()), np.arange(low, high))
            grid[place] = rate.price_per_kwh
            count[place] += 1
    _check_once(count, edges)
    return _table_of(edges, grid)


def canonical(rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The one list of rates that stands for all lists with the same prices at the same hours.

    Months with the same prices are one season, weekdays with the same prices one kind of day, neighbouring hours with
    the same price one window; no window crosses midnight; seasons, days and hours ascend.

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
        As `rate_table`, for either.
    """
    one, two = rate_table(a), rate_table(b)
    edges = np.union1d(one.edges_s, two.edges_s)
    in_one, in_two = (np.searchsorted(table.edges_s, edges[:-1], side="right") - 1 for table in (one, two))
    grid = one.grid[:, :, in_one] + two.grid[:, :, in_two]
    return _rates_of(_table_of(edges, grid))


def rate_series(rates: tuple[Rate, ...], zone: str, start_us: int, end_us: int) -> PriceSeries:
    """The price in force at every instant of [start, end), neighbours of equal price made one.

    The price is looked up by the clock on the wall: the hour that comes twice in autumn has its price twice, the hour
    that the clock skips in spring has none.

    Parameters
    ----------
    rates : tuple of Rate
    zone : str
        IANA time zone of the hours.
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.

    Returns
    -------
    PriceSeries
    """
    table = rate_table(rates)
    edges, offsets = offset_pieces(zone, start_us, end_us)
    pieces = [_piece(table, *piece) for piece in zip(edges[:-1].tolist(), edges[1:].tolist(), offsets, strict=True)]
    starts = np.concatenate([piece[0] for piece in pieces])
    prices = np.concatenate([piece[1] for piece in pieces])
    new = np.append(True, prices[1:] != prices[:-1])
    starts = starts[new]
    return PriceSeries(starts, np.append(starts[1:], end_us), prices[new])


def _piece(table: RateTable, start_us: int, end_us: int, offset_us: int) -> tuple[Int64, Float64]:
    """Price changes within a stretch of constant offset, the first moved to its start."""
    days = np.arange((start_us + offset_us) // DAY_US, -(-(end_us + offset_us) // DAY_US), dtype=np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    templates = 7 * months + (days + 3) % 7  # 1970-01-01 was a Thursday
    counts = table.head[templates + 1] - table.head[templates]
    before = np.cumsum(counts) - counts
    source = np.arange(int(counts.sum())) + np.repeat(table.head[templates] - before, counts)
    times = np.repeat(days * DAY_US - offset_us, counts) + table.changes_us[source]
    first, last = int(np.searchsorted(times, start_us, side="right")) - 1, int(np.searchsorted(times, end_us))
    times[first] = start_us
    return times[first:last], table.prices[source[first:last]]


def _table_of(edges: Int64, grid: Float64) -> RateTable:
    rows = grid.reshape(84, -1)
    change = np.ones(rows.shape, dtype=bool)
    change[:, 1:] = rows[:, 1:] != rows[:, :-1]
    head = np.concatenate(([0], np.cumsum(change.sum(axis=1))))
    starts = np.broadcast_to(edges[:-1] * SECOND_US, rows.shape)
    return RateTable(edges, grid, head, starts[change], rows[change])


def _rates_of(table: RateTable) -> tuple[Rate, ...]:
    out = []
    for months in _alike(table.grid):
        for days in _alike(table.grid[months[0]]):
            begin, stop = table.head[7 * months[0] + days[0]], table.head[7 * months[0] + days[0] + 1]
            starts = (table.changes_us[begin:stop] // SECOND_US).tolist()
            numbers, prices = tuple(month + 1 for month in months), table.prices[begin:stop].tolist()
            for start, end, price in zip(starts, [*starts[1:], DAY_S], prices, strict=True):
                out.append(Rate(price, clock_text(start), clock_text(end), numbers, tuple(days)))
    return tuple(out)


def _check_once(count: Int64, edges: Int64) -> None:
    wrong = np.argwhere(count != 1)
    if len(wrong) == 0:
        return
    month, day, hour = wrong[0].tolist()
    bad = count[month] == 0 if count[month, day, hour] == 0 else count[month] > 1
    days = days_of(np.flatnonzero(bad[:, hour]).tolist())
    end = hour
    while end < len(edges) - 1 and bad[day, end]:
        end += 1
    hours = f"{clock_text(int(edges[hour]))}-{clock_text(int(edges[end]))}"
    kind = "a gap: no price" if count[month, day, hour] == 0 else "an overlap: more than one price"
    raise InputError(
        f"the rates have {kind} in {MONTH_NAMES[month]}, days {days_text(days)}, hours {hours}; "
        "every hour of every day needs exactly one"
    )


def _alike(rows: Float64) -> list[list[int]]:
    """Numbers of rows with equal values together, in the order in which each first comes."""
    groups: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row.tobytes(), []).append(number)
    return list(groups.values())
