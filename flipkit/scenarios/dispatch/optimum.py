"""The cheapest dispatch with perfect foresight: values backwards, actions forwards, no solver.

Backwards, the value function of the energy stored is carried from interval to interval (see
``pieces``). While it and the interval are convex, one level per segment of the interval is kept:
the segment is used as far as the energy stored lies below (charging) or above (discharging) its
level. Elsewhere the whole value function is kept, and the forward pass searches its corners for the
cheapest.
"""

from __future__ import annotations

import numpy as np

from flipkit.scenarios.dispatch.compiled import (
    FLOAT,
    INPUT_MASK,
    INPUT_ROW,
    INPUT_TABLE,
    INT,
    INT_ROW,
    LIMITS,
    ROW,
    TABLE,
    entry,
    inner,
)
from flipkit.scenarios.dispatch.convolution import MARGIN, convolve, convolve_convex, copy_to_centre
from flipkit.scenarios.dispatch.problem import Bools, Limits
from flipkit.scenarios.dispatch.segments import (
    LENGTH,
    MAX_SEGMENTS,
    SLOPE,
    fill_segments,
    is_convex,
)
from flipkit.vocabulary import Float64, Int64

__all__ = ["optimal_rows"]

TINY = 1e-12
"""Share of the capacity, and of its value, below which a difference is a rounding error."""


@inner(TABLE, INT, INT, TABLE, INT)
def _keep(value: Float64, start: int, count: int, kept: Float64, used: int) -> Float64:
    """Append a value function to those kept, and return the array, a larger one if it was full."""
    if used + count > kept.shape[1]:
        larger = np.empty((2, 2 * (used + count)))
        # No slices: assigning one compiles the formatting of numpy's errors, which takes a second.
        for k in range(used):
            larger[SLOPE, k] = kept[SLOPE, k]
            larger[LENGTH, k] = kept[LENGTH, k]
        kept = larger
    for k in range(count):
        kept[SLOPE, used + k] = value[SLOPE, start + k]
        kept[LENGTH, used + k] = value[LENGTH, start + k]
    return kept


@inner(INPUT_ROW)
def _largest(values: Float64) -> float:
    largest = 0.0
    for value in values:
        largest = max(largest, abs(value))
    return largest


@inner(ROW, INT, INT)
def _total(length: Float64, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += length[k]
    return total


@inner(TABLE, INT, INT, FLOAT)
def _change_up_to(value: Float64, start: int, count: int, stored: float) -> float:
    """Return the change of a value function from 0 to `stored`."""
    change = 0.0
    for k in range(start, start + count):
        length = min(value[LENGTH, k], stored)
        change += value[SLOPE, k] * length
        stored -= length
    return change


@inner(LIMITS, FLOAT, TABLE)
def _end_segments(limits: Limits, highest_value: float, result: Float64) -> int:
    """Set the value function at the end of a horizon, and return its number of segments.

    Energy beyond `end_kwh` has no value. Less than that costs more than any kWh can bring, so no
    plan leaves it: a plan that does is mended by discharging less, which costs less.
    """
    result[SLOPE, 0] = 0.0
    result[LENGTH, 0] = limits.usable_kwh
    if limits.end_kwh <= 0.0:
        return 1
    result[SLOPE, 0] = -2.0 * highest_value if highest_value > 0.0 else -1.0
    result[LENGTH, 0] = limits.end_kwh
    if limits.end_kwh >= limits.usable_kwh:
        return 1
    result[SLOPE, 1] = 0.0
    result[LENGTH, 1] = limits.usable_kwh - limits.end_kwh
    return 2


@inner(
    *(INPUT_ROW, INPUT_ROW, INPUT_ROW, INPUT_MASK, LIMITS, FLOAT, INT),
    *(TABLE, INT_ROW, INT_ROW, TABLE),
)
def _backwards(
    net: Float64,
    import_price: Float64,
    export_price: Float64,
    horizon_ends: Bools,
    limits: Limits,
    highest_value: float,
    room: int,
    levels: Float64,
    kept_begin: Int64,
    kept_count: Int64,
    kept: Float64,
) -> tuple[Float64, float, int]:
    """Carry the value function of one site from the last interval to the first.

    Sets `levels`; and where these do not suffice, `kept` to the value function after the interval,
    with its place `kept_begin` (else -1) and its number of segments `kept_count`. Return `kept`
    (larger if it was full), the cost of the whole, and how many intervals are not convex; -1 if a
    value function has more than `room` segments.
    """
    # A convex value function grows at both ends from the middle of its row. The scratch is wider,
    # because an envelope may have many more pieces before neighbours of equal slope are joined.
    value = np.empty((2, 2 * room + 64))
    work = np.empty((4, 3, 4 * room + 64))
    result = np.empty((2, work.shape[2]))
    interval = np.empty((2, MAX_SEGMENTS))
    width = limits.usable_kwh
    tiny = TINY * width
    close = 0.1 * TINY * highest_value * width

    start, count = MARGIN, 1
    base, used, non_convex = 0.0, 0, 0
    value_is_convex = True
    for t in range(len(net) - 1, -1, -1):
        if horizon_ends[t]:
            count = _end_segments(limits, highest_value, result)
            base += result[SLOPE, 0] * -limits.end_kwh  # what `end_kwh` or more costs: nothing
            start = copy_to_centre(result, 0, count, value)
            value_is_convex = True
        parts, charging, cost = fill_segments(
            net[t], import_price[t], export_price[t], limits, interval[SLOPE], interval[LENGTH]
        )
        interval_is_convex = is_convex(interval[SLOPE], parts)
        non_convex += not interval_is_convex
        max_stored = _total(interval[LENGTH], 0, charging)
        kept_begin[t] = -1
        if parts == 0:  # the battery can do nothing
            base += cost
        elif value_is_convex and interval_is_convex:
            start, count, change = convolve_convex(
                value, start, count, interval, parts, charging, max_stored, tiny, levels[t]
            )
            base += cost + change
        else:
            kept = _keep(value, start, count, kept, used)
            kept_begin[t] = used
            kept_count[t] = count
            used += count
            count, change = convolve(
                value,
                start,
                count,
                interval,
                parts,
                max_stored,
                cost,
                width,
                tiny,
                close,
                result,
                work,
            )
            if count < 0 or count > room:
                return kept, 0.0, -1
            start = copy_to_centre(result, 0, count, value)
            base += change
            value_is_convex = is_convex(result[SLOPE], count)
        if count > room:
            return kept, 0.0, -1
        if t % 64 == 0:  # lengths are added and cut for a year: do not let rounding errors grow
            value[LENGTH, start + count - 1] += width - _total(value[LENGTH], start, start + count)
        if start < MARGIN or start + count + MARGIN > value.shape[1]:  # drifted to one side
            start = copy_to_centre(value, start, count, value)
    cost_of_all = base + _change_up_to(value, start, count, limits.initial_kwh)
    return kept, cost_of_all, non_convex


@inner(FLOAT, TABLE, INT, FLOAT, ROW, FLOAT)
def _stored_by_levels(
    stored: float,
    interval: Float64,
    parts: int,
    max_stored: float,
    level: Float64,
    width: float,
) -> float:
    """Return the energy stored afterwards, where all is convex: each segment up to its level."""
    highest = stored + max_stored
    low = highest - _total(interval[LENGTH], 0, parts)
    after = max(low, 0.0)
    # From the most discharging segment upwards: each brings storage up to its level at most.
    for k in range(parts - 1, -1, -1):
        low += interval[LENGTH, k]
        after = max(after, min(low, level[k]))
    return min(after, highest, width)


@inner(FLOAT, TABLE, INT, FLOAT, TABLE, INT, INT, FLOAT, FLOAT)
def _stored_by_corners(
    stored: float,
    interval: Float64,
    parts: int,
    max_stored: float,
    value: Float64,
    begin: int,
    count: int,
    width: float,
    close: float,
) -> float:
    """Return the energy stored afterwards, where something is not convex: the cheapest corner.

    Of corners that cost the same it is the one with which the battery moves least.
    """
    # Walk upwards over all energies x that can be stored, from corner to corner of both functions.
    # Segments of the interval run from the last (most discharging) to the first.
    low = stored + max_stored - _total(interval[LENGTH], 0, parts)
    x = max(low, 0.0)
    highest = min(stored + max_stored, width)
    k = parts - 1
    interval_stop = low + interval[LENGTH, k]
    i = begin
    value_stop = value[LENGTH, begin]
    last = begin + count - 1
    best, cost, least = x, 0.0, 0.0
    while x < highest:
        while k > 0 and interval_stop <= x:
            k -= 1
            interval_stop += interval[LENGTH, k]
        while i < last and value_stop <= x:
            i += 1
            value_stop += value[LENGTH, i]
        stop = highest
        if x < interval_stop:
            stop = min(stop, interval_stop)
        if x < value_stop:
            stop = min(stop, value_stop)
        cost += (value[SLOPE, i] - interval[SLOPE, k]) * (stop - x)
        x = stop
        moves_less = abs(x - stored) < abs(best - stored)
        if cost < least - close or (cost <= least + close and moves_less):
            best = x
            least = min(cost, least)
    return best


@inner(
    *(INPUT_ROW, INPUT_ROW, INPUT_ROW, LIMITS, FLOAT),
    *(TABLE, INT_ROW, INT_ROW, TABLE, ROW, ROW),
)
def _forwards(
    net: Float64,
    import_price: Float64,
    export_price: Float64,
    limits: Limits,
    highest_value: float,
    levels: Float64,
    kept_begin: Int64,
    kept_count: Int64,
    kept: Float64,
    flow_kwh: Float64,
    soc_kwh: Float64,
) -> None:
    """Set the flow into the battery of one site, and its state of charge after each interval."""
    interval = np.empty((2, MAX_SEGMENTS))
    width = limits.usable_kwh
    close = TINY * highest_value * width
    negligible_kwh = TINY * limits.max_kwh
    stored = limits.initial_kwh
    for t in range(len(net)):
        parts, charging, _ = fill_segments(
            net[t], import_price[t], export_price[t], limits, interval[SLOPE], interval[LENGTH]
        )
        max_stored = _total(interval[LENGTH], 0, charging)
        begin, count = kept_begin[t], kept_count[t]
        if parts == 0:
            after = stored
        elif begin < 0:
            after = _stored_by_levels(stored, interval, parts, max_stored, levels[t], width)
        else:
            after = _stored_by_corners(
                stored, interval, parts, max_stored, kept, begin, count, width, close
            )
        change = after - stored
        # From stored energy to energy at the AC terminals, within the battery's power.
        if change > 0.0:
            kwh = min(change / limits.charge_efficiency, limits.max_kwh)
        else:
            kwh = max(change * limits.discharge_efficiency, -limits.max_kwh)
        if abs(kwh + net[t]) <= negligible_kwh:  # nothing is imported or exported
            kwh = -net[t]
        flow_kwh[t] = kwh
        soc_kwh[t] = limits.reserve_kwh + after
        stored = after


@inner(FLOAT, TABLE, INT, FLOAT, FLOAT)
def _slopes_beside(
    drawn: float, interval: Float64, parts: int, max_stored: float, tiny: float
) -> tuple[float, float]:
    """Return the slopes of an interval's cost beside `drawn`; infinite beyond what it can do."""
    left, right = -np.inf, np.inf
    begin = -max_stored
    for k in range(parts):
        stop = begin + interval[LENGTH, k]
        if begin + tiny < drawn:
            left = interval[SLOPE, k]
        if drawn < stop - tiny:
            right = interval[SLOPE, k]
            break
        begin = stop
    return left, right


@inner(INPUT_ROW, INPUT_ROW, INPUT_ROW, INPUT_MASK, LIMITS, ROW, ROW)
def _marginal_values(
    net: Float64,
    import_price: Float64,
    export_price: Float64,
    horizon_ends: Bools,
    limits: Limits,
    soc_kwh: Float64,
    marginal_value: Float64,
) -> None:
    """Set what one more kWh stored at the beginning would save; of a full battery, the last one.

    At the optimum, the slope of a convolution lies within the slopes of both its parts, on either
    side. So the slopes that an interval allows narrow those of all intervals after it.
    """
    interval = np.empty((2, MAX_SEGMENTS))
    tiny = 1e3 * TINY * limits.usable_kwh
    full = limits.usable_kwh - tiny
    left, right = 0.0, 0.0
    for t in range(len(net) - 1, -1, -1):
        after = soc_kwh[t] - limits.reserve_kwh
        if horizon_ends[t]:
            right = 0.0
            left = 0.0 if after > limits.end_kwh + tiny else -np.inf  # no plan ends below it
        # At the limits of storage, only one side of the slope counts.
        before = soc_kwh[t - 1] - limits.reserve_kwh if t else limits.initial_kwh
        if after <= tiny:
            left = -np.inf
        if after >= full:
            right = np.inf
        parts, charging, _ = fill_segments(
            net[t], import_price[t], export_price[t], limits, interval[SLOPE], interval[LENGTH]
        )
        if parts:
            max_stored = _total(interval[LENGTH], 0, charging)
            low, high = _slopes_beside(before - after, interval, parts, max_stored, tiny)
            left = max(left, low)
            right = min(right, high)
        # The value function falls with the energy stored; a full battery has a left side only.
        saved = -left if before >= full or right == np.inf else -right
        marginal_value[t] = saved if abs(saved) < np.inf else 0.0


@entry(
    *(INPUT_TABLE, INPUT_TABLE, INPUT_TABLE, INPUT_MASK, LIMITS, INT),
    *(TABLE, TABLE, TABLE, ROW, INT_ROW),
)
def optimal_rows(
    net_kwh: Float64,
    import_price: Float64,
    export_price: Float64,
    horizon_ends: Bools,
    limits: Limits,
    room: int,
    flow_kwh: Float64,
    soc_kwh: Float64,
    marginal_value: Float64,
    cost: Float64,
    non_convex: Int64,
) -> None:
    """Dispatch each site at the lowest cost.

    Parameters
    ----------
    net_kwh, import_price, export_price, horizon_ends, limits
        As in `Problem`.
    room : int
        Segments of a value function to make room for at first; the room doubles whenever one has
        more. The results do not depend on it.
    flow_kwh : array of float, sites x intervals
        Set: energy into the battery at its AC terminals, negative out of it.
    soc_kwh, marginal_value : array of float, sites x intervals, or 0 x 0
        Set unless 0 x 0: the state of charge at the end of each interval, and what one more kWh at
        its beginning would save.
    cost : array of float, sites
        Set: the value function at the beginning; with several horizons, that of the first.
    non_convex : array of int, sites
        Set: how many intervals are not convex.
    """
    sites, intervals = net_kwh.shape
    levels = np.empty((intervals, MAX_SEGMENTS))
    kept_begin = np.empty(intervals, dtype=np.int64)
    kept_count = np.empty(intervals, dtype=np.int64)
    kept = np.empty((2, 1024))
    unused = np.empty(intervals)
    for row in range(sites):
        net = net_kwh[row]
        buy = import_price[row % len(import_price)]
        sell = export_price[row % len(export_price)]
        # No kWh stored is worth more: this scales what counts as a rounding error of values.
        highest_value = max(_largest(buy), _largest(sell)) / limits.charge_efficiency
        non_convex[row] = -1
        while non_convex[row] < 0:
            kept, cost[row], non_convex[row] = _backwards(
                net,
                buy,
                sell,
                horizon_ends,
                limits,
                highest_value,
                room,
                levels,
                kept_begin,
                kept_count,
                kept,
            )
            if non_convex[row] < 0:  # a value function outgrew the room: begin again with more
                room *= 2
        soc = soc_kwh[row] if soc_kwh.shape[1] == intervals else unused
        _forwards(
            net,
            buy,
            sell,
            limits,
            highest_value,
            levels,
            kept_begin,
            kept_count,
            kept,
            flow_kwh[row],
            soc,
        )
        if marginal_value.shape[1] == intervals:
            _marginal_values(net, buy, sell, horizon_ends, limits, soc, marginal_value[row])
