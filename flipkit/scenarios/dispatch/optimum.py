"""The cheapest dispatch with perfect foresight: values backwards, actions forwards; compiled, no solver.

Backwards, the value function of the energy stored is carried from interval to interval (see ``pieces``). While it and
the interval are convex, three levels are kept: each segment of the interval is used as far as the store then lies below
(charging) or above (discharging) its level. Elsewhere the whole value function is kept, and the forward pass looks for
the cheapest of its corners.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.scenarios.dispatch.compiled import (
    COUNTS,
    ENDS,
    GIVEN,
    LIMITS,
    NUMBERS,
    PLACE,
    ROW,
    SIZE,
    TABLE,
    called,
    compiled,
)
from flipkit.scenarios.dispatch.convex import MARGIN, centre, step
from flipkit.scenarios.dispatch.pieces import convolve
from flipkit.scenarios.dispatch.problem import Bools, Limits
from flipkit.scenarios.dispatch.segments import MOST, is_convex, segments
from flipkit.vocabulary import Float64

__all__ = ["optimal_rows"]

_ROWS = (
    *(GIVEN, GIVEN, GIVEN, ENDS, LIMITS),
    *(PLACE, PLACE, PLACE),
    *(TABLE, TABLE, TABLE, NUMBERS, COUNTS),
)

TINY = 1e-12
"""Share of the store, and of what it is worth, below which a difference is rounding."""


@called(TABLE, PLACE, PLACE, TABLE, PLACE)
def _keep(v: Float64, start: int, count: int, kept: Float64, used: int) -> Float64:
    """Write a value function behind those that are kept, in a larger room where it is full."""
    if used + count > kept.shape[1]:
        larger = np.empty((2, 2 * (used + count)))
        for k in range(
            used
        ):  # no slices: assigning them compiles the words of numpy's errors, a second
            larger[0, k], larger[1, k] = kept[0, k], kept[1, k]
        kept = larger
    for k in range(count):
        kept[0, used + k], kept[1, used + k] = v[0, start + k], v[1, start + k]
    return kept


@called(ROW)
def _largest(values: Float64) -> float:
    largest = 0.0
    for value in values:
        largest = max(largest, abs(value))
    return largest


@called(NUMBERS, PLACE, PLACE)
def _reach(length: Float64, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += length[k]
    return total


@called(TABLE, PLACE, PLACE, SIZE)
def _value_at(v: Float64, start: int, count: int, at: float) -> float:
    """Change of a value function from 0 to `at`."""
    value = 0.0
    for k in range(start, start + count):
        value += v[0, k] * min(v[1, k], at)
        at -= min(v[1, k], at)
    return value


@called(ROW, ROW, ROW, ENDS, LIMITS, SIZE, PLACE, TABLE, COUNTS, TABLE)
def _backwards(
    net: Float64,
    buy: Float64,
    sell: Float64,
    ends: Bools,
    limits: Limits,
    scale: float,
    most: int,
    levels: Float64,
    where: Any,
    kept: Float64,
) -> tuple[Float64, float, int, int]:
    """Fill `levels`, and `where`: the place in `kept` of a value function and its size, or -1 where levels suffice.

    Returns `kept`, the cost from the beginning on, how many intervals are not convex, and the most segments alive (-1
    where there were more than `most`).
    """
    v, w, h = np.empty((2, 2 * most + 64)), np.empty((2, most + 64)), np.empty((2, MOST))
    work = np.empty((4, 3, 4 * most + 64))
    width, tiny, close = limits.width, TINY * limits.width, 0.1 * TINY * scale * limits.width
    start, count, base, used, bent, alive, convex = MARGIN, 1, 0.0, 0, 0, 1, True
    for t in range(len(net) - 1, -1, -1):
        if ends[t]:
            w[0, 0], w[1, 0], convex, count = 0.0, width, True, 1
            start = centre(w, 0, count, v)
        parts, charging, cost = segments(net[t], buy[t], sell[t], limits, h[0], h[1])
        straight = is_convex(h[0], parts)
        bent += not straight
        where[t, 0], reach = -1, _reach(h[1], 0, charging)
        if parts == 0:
            base += cost
        elif convex and straight:
            start, count, gained = step(v, start, count, h, parts, charging, reach, tiny, levels[t])
            base += cost + gained
        else:
            kept = _keep(v, start, count, kept, used)
            where[t, 0], where[t, 1] = used, count
            used += count
            count, value = convolve(
                v, start, count, h, parts, reach, cost, width, tiny, close, w, work
            )
            if count < 0 or count > most:
                return kept, 0.0, bent, -1
            start, base, convex = centre(w, 0, count, v), base + value, is_convex(w[0], count)
        if count > most:
            return kept, 0.0, bent, -1
        if t % 64 == 0:  # lengths are added and cut for a year: let no rounding gather
            v[1, start + count - 1] += width - _reach(v[1], start, start + count)
        if start < MARGIN or start + count + MARGIN > v.shape[1]:
            start = centre(v, start, count, v)
        alive = max(alive, count)
    return kept, base + _value_at(v, start, count, limits.first), bent, alive


@called(SIZE, TABLE, PLACE, SIZE, NUMBERS, SIZE)
def _by_levels(
    at: float, h: Float64, parts: int, reach: float, level: Float64, width: float
) -> float:
    """The store afterwards, where all is convex: from the most discharging upwards, each segment to its level."""
    high, low = at + reach, at + reach - _reach(h[1], 0, parts)
    after = max(low, 0.0)
    for k in range(parts - 1, -1, -1):
        low += h[1, k]
        after = max(after, min(low, level[k]))
    return min(after, high, width)


@called(SIZE, TABLE, PLACE, SIZE, TABLE, PLACE, PLACE, SIZE, SIZE)
def _by_corners(
    at: float,
    h: Float64,
    parts: int,
    reach: float,
    v: Float64,
    place: int,
    count: int,
    width: float,
    close: float,
) -> float:
    """The store afterwards, where anything is not convex: the cheapest corner; of equals, what moves least."""
    low = at + reach - _reach(h[1], 0, parts)
    x, top = max(low, 0.0), min(at + reach, width)
    k, stop_h = parts - 1, low + h[1, parts - 1]
    i, last, stop_v = place, place + count - 1, v[1, place]
    best, cost, least = x, 0.0, 0.0
    while x < top:
        while k > 0 and stop_h <= x:
            k -= 1
            stop_h += h[1, k]
        while i < last and stop_v <= x:
            i += 1
            stop_v += v[1, i]
        stop = top
        if x < stop_h:
            stop = min(stop, stop_h)
        if x < stop_v:
            stop = min(stop, stop_v)
        cost += (v[0, i] - h[0, k]) * (stop - x)
        x = stop
        if cost < least - close or (cost <= least + close and abs(x - at) < abs(best - at)):
            best, least = x, min(cost, least)
    return best


@called(ROW, ROW, ROW, LIMITS, SIZE, TABLE, COUNTS, TABLE, NUMBERS, NUMBERS)
def _forwards(
    net: Float64,
    buy: Float64,
    sell: Float64,
    limits: Limits,
    scale: float,
    levels: Float64,
    where: Any,
    kept: Float64,
    flow: Float64,
    soc: Float64,
) -> None:
    """The actions: `flow` into the battery at its terminals, and the store at the end of each interval."""
    h, at = np.empty((2, MOST)), limits.first
    close, grain = TINY * scale * limits.width, TINY * limits.most
    for t in range(len(net)):
        parts, charging, _ = segments(net[t], buy[t], sell[t], limits, h[0], h[1])
        reach, place, count = _reach(h[1], 0, charging), where[t, 0], where[t, 1]
        if parts == 0:
            after = at
        elif place < 0:
            after = _by_levels(at, h, parts, reach, levels[t], limits.width)
        else:
            after = _by_corners(at, h, parts, reach, kept, place, count, limits.width, close)
        change, at = after - at, after
        kwh = (
            min(change / limits.into, limits.most)
            if change > 0.0
            else max(change * limits.out, -limits.most)
        )
        flow[t] = -net[t] if abs(kwh + net[t]) <= grain else kwh
        soc[t] = limits.floor + at


@called(SIZE, TABLE, PLACE, SIZE, SIZE)
def _sides(moved: float, h: Float64, parts: int, reach: float, tiny: float) -> tuple[float, float]:
    """Slope of an interval's cost on either side of what was drawn; without end where the battery can do no more."""
    left, right, begun = -np.inf, np.inf, -reach
    for k in range(parts):
        stop = begun + h[1, k]
        if begun + tiny < moved:
            left = h[0, k]
        if moved < stop - tiny:
            right = h[0, k]
            break
        begun = stop
    return left, right


@called(ROW, ROW, ROW, ENDS, LIMITS, NUMBERS, NUMBERS)
def _marginal(
    net: Float64,
    buy: Float64,
    sell: Float64,
    ends: Bools,
    limits: Limits,
    soc: Float64,
    marginal: Float64,
) -> None:
    """What one more kWh in the store at the beginning of an interval would save; the last one's where it is full.

    The slope of a convolution at its optimum lies on both sides within the slopes of its two parts.
    """
    h, tiny, left, right = np.empty((2, MOST)), 1e3 * TINY * limits.width, 0.0, 0.0
    for t in range(len(net) - 1, -1, -1):
        if ends[t]:
            left = right = 0.0
        after = soc[t] - limits.floor
        before = soc[t - 1] - limits.floor if t else limits.first
        if after <= tiny:
            left = -np.inf
        if after >= limits.width - tiny:
            right = np.inf
        parts, charging, _ = segments(net[t], buy[t], sell[t], limits, h[0], h[1])
        if parts:
            low, high = _sides(before - after, h, parts, _reach(h[1], 0, charging), tiny)
            left, right = max(left, low), min(right, high)
        saved = -left if before >= limits.width - tiny or right == np.inf else -right
        marginal[t] = saved if abs(saved) < np.inf else 0.0


@compiled(*_ROWS)
def optimal_rows(
    net: Float64,
    buy: Float64,
    sell: Float64,
    ends: Bools,
    limits: Limits,
    most: int,
    first: int,
    last: int,
    flow: Float64,
    soc: Float64,
    marginal: Float64,
    cost: Float64,
    seen: Any,
) -> None:
    """Dispatch the sites from `first` to `last`.

    Parameters
    ----------
    net, buy, sell, ends, limits
        As in `Problem`.
    most : int
        Most segments of a value function.
    first, last : int
        Which sites.
    flow : array of float, sites x intervals
        Set: energy into the battery, below 0 where it comes out.
    soc, marginal : array of float, sites x intervals or 1 x 1
        Set where there is room: the store at the end, and the value of one kWh more at the beginning.
    cost : array of float, sites
        Set: the value function at the beginning; with several ends, of the first part alone.
    seen : array of int, sites x 2
        Set: intervals that are not convex, and most segments alive; -1 where there were more than `most`.
    """
    count = net.shape[1]
    levels, where = np.empty((count, MOST)), np.empty((count, 2), dtype=np.int64)
    kept, spare = np.empty((2, 1024)), np.empty(count)
    for row in range(first, last):
        use, bought, sold = net[row], buy[row % len(buy)], sell[row % len(sell)]
        scale = max(_largest(bought), _largest(sold)) / limits.into
        kept, cost[row], seen[row, 0], seen[row, 1] = _backwards(
            use, bought, sold, ends, limits, scale, most, levels, where, kept
        )
        if seen[row, 1] < 0:
            continue
        store = soc[row] if soc.shape[1] == count else spare
        _forwards(use, bought, sold, limits, scale, levels, where, kept, flow[row], store)
        if marginal.shape[1] == count:
            _marginal(use, bought, sold, ends, limits, store, marginal[row])
