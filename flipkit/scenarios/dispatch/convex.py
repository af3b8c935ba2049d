"""One step backwards where value function and interval are convex: a few insertions in place.

The infimal convolution of two convex functions is all their segments in order of slope. What then
reaches beyond the limits of storage is cut off at both ends. The segments lie in the middle of a
wide row, so that both ends can grow.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import FLOAT, INT, ROW, TABLE, inner
from flipkit.scenarios.dispatch.segments import LENGTH, MAX_SEGMENTS, SLOPE
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
            target[SLOPE, start + k] = source[SLOPE, begin + k]
            target[LENGTH, start + k] = source[LENGTH, begin + k]
    else:
        for k in range(count - 1, -1, -1):
            target[SLOPE, start + k] = source[SLOPE, begin + k]
            target[LENGTH, start + k] = source[LENGTH, begin + k]
    return start


@inner(TABLE, INT, INT, INT, FLOAT, FLOAT)
def _insert(
    value: Float64, start: int, end: int, at: int, slope: float, length: float
) -> tuple[int, int, int]:
    """Insert a segment before `at`, moving the shorter side; return start, end and next place."""
    if at - start < end - at:  # fewer segments lie before than after
        for k in range(start, at):
            value[SLOPE, k - 1] = value[SLOPE, k]
            value[LENGTH, k - 1] = value[LENGTH, k]
        value[SLOPE, at - 1] = slope
        value[LENGTH, at - 1] = length
        return start - 1, end, at
    for k in range(end, at, -1):
        value[SLOPE, k] = value[SLOPE, k - 1]
        value[LENGTH, k] = value[LENGTH, k - 1]
    value[SLOPE, at] = slope
    value[LENGTH, at] = length
    return start, end + 1, at + 1


@inner(TABLE, INT, INT, FLOAT, FLOAT)
def _cut_left(
    value: Float64, start: int, end: int, excess: float, tiny: float
) -> tuple[int, float]:
    """Cut a length off at the left; return the new start and the change of value over it."""
    change = 0.0
    while excess > 0.0:
        length = value[LENGTH, start]
        if length > excess + tiny or start == end - 1:
            change += excess * value[SLOPE, start]
            value[LENGTH, start] = length - excess
            break
        change += min(length, excess) * value[SLOPE, start]
        start += 1
        if length > excess:  # by less than `tiny`: give it to the neighbour
            value[LENGTH, start] += length - excess
        excess -= length
    return start, change


@inner(TABLE, INT, INT, FLOAT, FLOAT)
def _cut_right(value: Float64, start: int, end: int, excess: float, tiny: float) -> int:
    """Cut a length off at the right, and return the new end."""
    while excess > 0.0:
        length = value[LENGTH, end - 1]
        if length > excess + tiny or start == end - 1:
            value[LENGTH, end - 1] = length - excess
            break
        end -= 1
        if length > excess:
            value[LENGTH, end - 1] += length - excess
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
    # Both functions ascend by slope, so one pass over the value function finds all places.
    for k in range(parts):
        slope = interval[SLOPE, k]
        while at < end and value[SLOPE, at] < slope:
            passed += value[LENGTH, at]
            at += 1
        continues = 0 < k < charging and interval[SLOPE, k - 1] == slope
        level[k] = level[k - 1] if continues else passed
        if at < end and value[SLOPE, at] == slope:
            passed += value[LENGTH, at]
            at += 1
        if k >= charging:
            level[k] = passed
            discharging += interval[LENGTH, k]
        # Segments of equal slope are one segment.
        if at > start and value[SLOPE, at - 1] == slope:
            value[LENGTH, at - 1] += interval[LENGTH, k]
        else:
            start, end, at = _insert(value, start, end, at, slope, interval[LENGTH, k])
    # What lies below an empty battery and above a full one is out of reach.
    start, change = _cut_left(value, start, end, max_stored, tiny)
    end = _cut_right(value, start, end, discharging, tiny)
    return start, end - start, change
