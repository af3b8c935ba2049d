"""One step backwards where value function and interval are convex: a few insertions in place.

The infimal convolution of two convex functions is all their segments in order of slope. What then
reaches beyond the limits of storage is cut off at both ends. The segments lie in the middle of a
wide row, so that both ends can grow.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import FLOAT, INT, ROW, TABLE, inner
from flipkit.scenarios.dispatch.segments import MAX_SEGMENTS
from flipkit.vocabulary import Float64

__all__ = ["MARGIN", "convolve_convex", "copy_to_centre"]

MARGIN = MAX_SEGMENTS + 1
"""Free places that `convolve_convex` needs at either end of the row."""


@inner(TABLE, INT, INT, TABLE)
def copy_to_centre(source: Float64, begin: int, count: int, target: Float64) -> int:
    """Copy `count` segments into the middle of `target`, and return where they begin there."""
    start: int = (target.shape[1] - count) // 2
    # Source and target may be the same row, so copy in the direction that does not overwrite.
    if start <= begin:
        for k in range(count):
            target[0, start + k] = source[0, begin + k]
            target[1, start + k] = source[1, begin + k]
    else:
        for k in range(count - 1, -1, -1):
            target[0, start + k] = source[0, begin + k]
            target[1, start + k] = source[1, begin + k]
    return start


@inner(TABLE, INT, INT, INT, FLOAT, FLOAT)
def _insert(
    value: Float64, start: int, end: int, at: int, slope: float, length: float
) -> tuple[int, int, int]:
    """Insert a segment before `at`, moving the shorter side; return start, end and next place."""
    if at - start < end - at:
        for k in range(start, at):
            value[0, k - 1] = value[0, k]
            value[1, k - 1] = value[1, k]
        value[0, at - 1] = slope
        value[1, at - 1] = length
        return start - 1, end, at
    for k in range(end, at, -1):
        value[0, k] = value[0, k - 1]
        value[1, k] = value[1, k - 1]
    value[0, at] = slope
    value[1, at] = length
    return start, end + 1, at + 1


@inner(TABLE, INT, INT, FLOAT, FLOAT)
def _cut_left(
    value: Float64, start: int, end: int, excess: float, tiny: float
) -> tuple[int, float]:
    """Cut a length off at the left; return the new start and the change of value over it."""
    change = 0.0
    while excess > 0.0:
        length = value[1, start]
        if length > excess + tiny or start == end - 1:
            change += excess * value[0, start]
            value[1, start] = length - excess
            break
        change += min(length, excess) * value[0, start]
        start += 1
        if length > excess:  # by less than `tiny`: give it to the neighbour
            value[1, start] += length - excess
        excess -= length
    return start, change


@inner(TABLE, INT, INT, FLOAT, FLOAT)
def _cut_right(value: Float64, start: int, end: int, excess: float, tiny: float) -> int:
    """Cut a length off at the right, and return the new end."""
    while excess > 0.0:
        length = value[1, end - 1]
        if length > excess + tiny or start == end - 1:
            value[1, end - 1] = length - excess
            break
        end -= 1
        if length > excess:
            value[1, end - 1] += length - excess
        excess -= length
    return end


@inner(TABLE, INT, INT, TABLE, INT, INT, FLOAT, FLOAT, ROW)
def convolve_convex(
    value: Float64,
    start: int,
    count: int,
    interval: Float64,
    parts: int,
    charging: int,
    max_stored: float,
    tiny: float,
    level: Float64,
) -> tuple[int, int, float]:
    """Replace the value function by its infimal convolution with an interval, both convex.

    Parameters
    ----------
    value : array of float, 2 x segments
        Slopes and lengths of the value function, with `MARGIN` free places at both ends.
    start, count : int
        Where the value function begins in the row, and its number of segments.
    interval : array of float, 2 x MAX_SEGMENTS
        Slopes and lengths of the interval.
    parts, charging : int
        Number of segments of the interval, and how many of them charge.
    max_stored : float
        Total length of the charging segments: what is cut off at the left. The length of the
        discharging ones is cut off at the right.
    tiny : float
        Shorter segments are rounding errors; their length goes to a neighbour.
    level : array of float, MAX_SEGMENTS
        Set for each segment of the interval: the length of `value` that lies before it. Among equal
        slopes it is the one with which the battery does least.

    Returns
    -------
    start, count : int
    change : float
        Change of value over the part cut off at the left.
    """
    end = start + count
    at = start
    passed, discharging = 0.0, 0.0
    for k in range(parts):
        slope = interval[0, k]
        while at < end and value[0, at] < slope:
            passed += value[1, at]
            at += 1
        continues = 0 < k < charging and interval[0, k - 1] == slope
        level[k] = level[k - 1] if continues else passed
        if at < end and value[0, at] == slope:
            passed += value[1, at]
            at += 1
        if k >= charging:
            level[k] = passed
            discharging += interval[1, k]
        if at > start and value[0, at - 1] == slope:
            value[1, at - 1] += interval[1, k]
        else:
            start, end, at = _insert(value, start, end, at, slope, interval[1, k])
    start, change = _cut_left(value, start, end, max_stored, tiny)
    end = _cut_right(value, start, end, discharging, tiny)
    return start, end - start, change
