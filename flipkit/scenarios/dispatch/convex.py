"""One step backwards where the value function and the interval are convex: in place, at the price of a few insertions.

The infimal convolution of two convex functions is all their segments in the order of their slopes; what then reaches
beyond the store is cut off at both ends. The segments lie in the middle of a wide row, so both ends can grow.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import NUMBERS, PLACE, SIZE, TABLE, called
from flipkit.scenarios.dispatch.segments import MOST
from flipkit.vocabulary import Float64

__all__ = ["MARGIN", "centre", "step"]

MARGIN = MOST + 1
"""Free places that `step` needs at either end."""


@called(TABLE, PLACE, PLACE, TABLE)
def centre(source: Float64, begin: int, count: int, v: Float64) -> int:
    """Copy `count` segments into the middle of `v`, which may be their own row; where they begin."""
    start: int = (v.shape[1] - count) // 2
    if start <= begin:
        for k in range(count):
            v[0, start + k], v[1, start + k] = source[0, begin + k], source[1, begin + k]
    else:
        for k in range(count - 1, -1, -1):
            v[0, start + k], v[1, start + k] = source[0, begin + k], source[1, begin + k]
    return start


@called(TABLE, PLACE, PLACE, PLACE, SIZE, SIZE)
def _insert(
    v: Float64, start: int, end: int, at: int, slope: float, length: float
) -> tuple[int, int, int]:
    """Put a segment before place `at`, moving the shorter side; where the row begins and ends, and what is next."""
    if at - start < end - at:
        for k in range(start, at):
            v[0, k - 1], v[1, k - 1] = v[0, k], v[1, k]
        v[0, at - 1], v[1, at - 1] = slope, length
        return start - 1, end, at
    for k in range(end, at, -1):
        v[0, k], v[1, k] = v[0, k - 1], v[1, k - 1]
    v[0, at], v[1, at] = slope, length
    return start, end + 1, at + 1


@called(TABLE, PLACE, PLACE, SIZE, SIZE)
def _cut_left(v: Float64, start: int, end: int, skip: float, tiny: float) -> tuple[int, float]:
    """Cut a length off at the left; where the row then begins, and the change of value over what was cut."""
    gained = 0.0
    while skip > 0.0:
        length = v[1, start]
        if length > skip + tiny or start == end - 1:
            gained += skip * v[0, start]
            v[1, start] = length - skip
            break
        gained += min(length, skip) * v[0, start]
        start += 1
        if length > skip:
            v[1, start] += length - skip
        skip -= length
    return start, gained


@called(TABLE, PLACE, PLACE, SIZE, SIZE)
def _cut_right(v: Float64, start: int, end: int, skip: float, tiny: float) -> int:
    while skip > 0.0:
        length = v[1, end - 1]
        if length > skip + tiny or start == end - 1:
            v[1, end - 1] = length - skip
            break
        end -= 1
        if length > skip:
            v[1, end - 1] += length - skip
        skip -= length
    return end


@called(TABLE, PLACE, PLACE, TABLE, PLACE, PLACE, SIZE, SIZE, NUMBERS)
def step(
    v: Float64,
    start: int,
    count: int,
    h: Float64,
    parts: int,
    charging: int,
    reach: float,
    tiny: float,
    level: Float64,
) -> tuple[int, int, float]:
    """The infimal convolution of the row `v` and an interval, both convex, in place.

    Parameters
    ----------
    v : array of float, 2 x segments
        Slopes and lengths of the value function, with room for three more segments at both ends.
    start, count : int
        Where in the row.
    h : array of float, 2 x 3
        Slopes and lengths of the interval.
    parts, charging : int
        How many, and how many of them charge; among equal slopes the battery does as little as it can.
    reach : float
        Length of those that charge: what is cut off at the left. What the others add is cut off at the right.
    tiny : float
        Shorter segments are rounding; their length goes to their neighbour.
    level : array of float, 3
        Set for each segment of `h`: how much of `v` lies before it.

    Returns
    -------
    start, count : int
    gained : float
        Change of value over what was cut off at the left.
    """
    end, at, passed, beyond = start + count, start, 0.0, 0.0
    for k in range(parts):
        slope = h[0, k]
        while at < end and v[0, at] < slope:
            passed += v[1, at]
            at += 1
        level[k] = level[k - 1] if 0 < k < charging and h[0, k - 1] == slope else passed
        if at < end and v[0, at] == slope:
            passed += v[1, at]
            at += 1
        if k >= charging:
            level[k] = passed
            beyond += h[1, k]
        if at > start and v[0, at - 1] == slope:
            v[1, at - 1] += h[1, k]
        else:
            start, end, at = _insert(v, start, end, at, slope, h[1, k])
    start, gained = _cut_left(v, start, end, reach, tiny)
    end = _cut_right(v, start, end, beyond, tiny)
    return start, end - start, gained
