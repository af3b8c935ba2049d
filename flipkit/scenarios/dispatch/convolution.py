"""One step backwards: the infimal convolution of a value function and an interval.

A value function says what the rest of the horizon costs with a given energy stored. One interval
earlier it is the minimum, over all actions of the battery, of the interval's cost and the later
value: an infimal convolution.

For two convex functions that is all their segments in order of slope: a few insertions in place.
What then reaches beyond the limits of storage is cut off at both ends. The segments lie in the
middle of a wide row, so that both ends can grow.

A function that is not convex is the lower envelope of its convex runs, so each pair of runs is
convolved and the lowest result kept: exact as well, and slower. Two representations occur there:
*segments* (slope and length, see ``segments``), and *pieces* (begin, value there, and slope), which
need not begin at 0.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import FLOAT, INT, ROW, STACK, TABLE, inner
from flipkit.scenarios.dispatch.segments import LENGTH, MAX_SEGMENTS, SLOPE
from flipkit.vocabulary import Float64

__all__ = ["MARGIN", "convolve", "convolve_convex", "copy_to_centre"]

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


BEGIN, VALUE, RISE = 0, 1, 2
"""Rows of pieces: where each begins, its value there, and its slope."""


@inner(TABLE, INT, INT, TABLE, INT, INT, FLOAT, FLOAT, FLOAT, TABLE)
def _merge_by_slope(
    value: Float64,
    first: int,
    last: int,
    interval: Float64,
    begin: int,
    end: int,
    excess: float,
    room: float,
    tiny: float,
    result: Float64,
) -> tuple[int, float]:
    """Merge the segments of two convex runs in order of slope.

    The length `excess` is left out at the left, then the length `room` is kept. Return the number
    of segments, and the change of value over the part left out.
    """
    count, change = 0, 0.0
    while first < last or begin < end:
        if begin < end and (first == last or interval[SLOPE, begin] <= value[SLOPE, first]):
            slope, length = interval[SLOPE, begin], interval[LENGTH, begin]
            begin += 1
        else:
            slope, length = value[SLOPE, first], value[LENGTH, first]
            first += 1
        if excess > 0.0:  # below an empty battery
            cut = min(excess, length)
            change += cut * slope
            excess -= cut
            length -= cut
            if excess <= tiny:
                excess = 0.0
            if length <= tiny:
                continue
        length = min(length, room)  # and no further than a full one
        room -= length
        if count and result[SLOPE, count - 1] == slope:
            result[LENGTH, count - 1] += length
        else:
            result[SLOPE, count] = slope
            result[LENGTH, count] = length
            count += 1
        if room <= tiny:
            break
    return count, change


@inner(TABLE, INT, FLOAT, FLOAT, FLOAT, FLOAT)
def _append(pieces: Float64, count: int, x: float, value: float, slope: float, close: float) -> int:
    """Append a piece, unless the last one continues to it, and return the number of pieces."""
    if count:
        last = count - 1
        continued = pieces[VALUE, last] + pieces[RISE, last] * (x - pieces[BEGIN, last])
        if pieces[RISE, last] == slope and abs(continued - value) <= close:
            return count
    pieces[BEGIN, count] = x
    pieces[VALUE, count] = value
    pieces[RISE, count] = slope
    return count + 1


@inner(TABLE, INT, FLOAT, FLOAT, TABLE)
def _move_tail(
    pieces: Float64, count: int, end: float, start: float, tail: Float64
) -> tuple[int, int]:
    """Copy what lies from `start` on to `tail`; return how many pieces stay and how many moved."""
    stay = count
    while stay and pieces[BEGIN, stay - 1] >= start:
        stay -= 1
    moved = 0
    if stay and start < end:
        last = stay - 1
        tail[BEGIN, 0] = start
        tail[VALUE, 0] = pieces[VALUE, last] + pieces[RISE, last] * (start - pieces[BEGIN, last])
        tail[RISE, 0] = pieces[RISE, last]
        moved = 1
    for k in range(stay, count):
        tail[BEGIN, moved] = pieces[BEGIN, k]
        tail[VALUE, moved] = pieces[VALUE, k]
        tail[RISE, moved] = pieces[RISE, k]
        moved += 1
    return stay, moved


@inner(TABLE, INT, *(FLOAT,) * 7)
def _append_lower_line(
    pieces: Float64,
    count: int,
    x: float,
    length: float,
    one: float,
    one_slope: float,
    two: float,
    two_slope: float,
    close: float,
) -> int:
    """Append the lower of two lines, which may cross, over a length; return the piece count."""
    before = two - one
    after = before + (two_slope - one_slope) * length
    if before >= -close and after >= -close:
        return _append(pieces, count, x, one, one_slope, close)
    if before <= close and after <= close:
        return _append(pieces, count, x, two, two_slope, close)
    # The lines cross within the length: append one up to the crossing, the other beyond.
    crossing = length * before / (before - after)
    if before < 0.0:
        count = _append(pieces, count, x, two, two_slope, close)
        at_crossing = one + one_slope * crossing
        return _append(pieces, count, x + crossing, at_crossing, one_slope, close)
    count = _append(pieces, count, x, one, one_slope, close)
    at_crossing = two + two_slope * crossing
    return _append(pieces, count, x + crossing, at_crossing, two_slope, close)


@inner(TABLE, INT, FLOAT, TABLE, INT, FLOAT, TABLE, FLOAT)
def _lower_envelope(
    f: Float64,
    count: int,
    f_end: float,
    g: Float64,
    g_count: int,
    g_end: float,
    tail: Float64,
    close: float,
) -> int:
    """Replace `f` by the lower of `f` and `g` where both are defined, and by either where one is.

    `f` begins at or before `g`; both and the scratch `tail` are pieces. Differences of up to
    `close` are rounding errors. Return the number of pieces, or -1 if `f` has no room for them.
    """
    # Where f overlaps g it is moved aside, and the lower of both is appended piece by piece.
    x = g[BEGIN, 0]
    end = max(f_end, g_end)
    count, moved = _move_tail(f, count, f_end, x, tail)
    # Each end of a piece in f or g begins at most two pieces: the next one, and a crossing.
    if count + 2 * (moved + g_count) > f.shape[1]:
        return -1
    i, j = 0, 0
    while x < end:  # up to the next corner of either function
        while i + 1 < moved and tail[BEGIN, i + 1] <= x:
            i += 1
        while j + 1 < g_count and g[BEGIN, j + 1] <= x:
            j += 1
        in_f = moved > 0 and x < f_end
        in_g = x < g_end
        stop = end
        if in_f:
            stop = min(stop, tail[BEGIN, i + 1] if i + 1 < moved else f_end)
        if in_g:
            stop = min(stop, g[BEGIN, j + 1] if j + 1 < g_count else g_end)
        of_f = tail[VALUE, i] + tail[RISE, i] * (x - tail[BEGIN, i]) if in_f else 0.0
        of_g = g[VALUE, j] + g[RISE, j] * (x - g[BEGIN, j]) if in_g else 0.0
        if not in_g:
            count = _append(f, count, x, of_f, tail[RISE, i], close)
        elif not in_f:
            count = _append(f, count, x, of_g, g[RISE, j], close)
        else:
            length = stop - x
            count = _append_lower_line(
                f, count, x, length, of_f, tail[RISE, i], of_g, g[RISE, j], close
            )
        x = stop
    return count


@inner(ROW, INT, INT)
def _convex_run_end(slope: Float64, first: int, count: int) -> int:
    """Return where the convex run that begins at `first` ends."""
    last = first + 1
    while last < count and slope[last] >= slope[last - 1]:
        last += 1
    return last


@inner(TABLE, INT, FLOAT, FLOAT, TABLE)
def _to_pieces(segments: Float64, count: int, start: float, value: float, pieces: Float64) -> float:
    """Convert segments to pieces from `start` and `value` on; return where the last one ends."""
    for k in range(count):
        slope, length = segments[SLOPE, k], segments[LENGTH, k]
        pieces[BEGIN, k] = start
        pieces[VALUE, k] = value
        pieces[RISE, k] = slope
        start += length
        value += slope * length
    return start


@inner(TABLE, INT, FLOAT, FLOAT, TABLE)
def _to_segments(pieces: Float64, count: int, width: float, tiny: float, segments: Float64) -> int:
    """Convert pieces to segments from 0 to `width`, and return their number."""
    written, begun = 0, 0.0
    for k in range(count):
        stop = pieces[BEGIN, k + 1] if k + 1 < count else width
        if stop - begun <= tiny and written:  # leave a rounding error to the next segment
            continue
        if written and segments[SLOPE, written - 1] == pieces[RISE, k]:
            segments[LENGTH, written - 1] += stop - begun
        else:
            segments[SLOPE, written] = pieces[RISE, k]
            segments[LENGTH, written] = stop - begun
            written += 1
        begun = stop
    segments[LENGTH, written - 1] += width - begun
    return written


@inner(TABLE, INT, INT, TABLE, INT, *(FLOAT,) * 5, TABLE, STACK)
def convolve(
    value: Float64,
    begin: int,
    count: int,
    interval: Float64,
    parts: int,
    max_stored: float,
    cost: float,
    width: float,
    tiny: float,
    close: float,
    result: Float64,
    work: Float64,
) -> tuple[int, float]:
    """Compute the infimal convolution on [0, width] of a value function and an interval.

    Parameters
    ----------
    value, interval, result : array of float, 2 x segments
        Segments of the value function, of the interval, and of the result (as long as a row of
        `work`).
    begin, count, parts : int
        Where the value function begins in its row, and the numbers of segments.
    max_stored, cost : float
        The interval's cost function begins at ``-max_stored`` with this cost.
    width : float
        Usable capacity.
    tiny, close : float
        The length and the difference in value that are rounding errors.
    work : array of float, 4 x 3 x pieces
        Scratch.

    Returns
    -------
    count : int
        Number of segments of the result; -1 if the buffers have no room for them.
    change : float
        The result at 0, less the value function at 0.
    """
    envelope, merged, candidate, tail = work[0], work[1], work[2], work[3]
    pieces, envelope_end = 0, 0.0
    first, last_value = begin, begin + count
    stored, value_there = 0.0, 0.0
    while first < last_value:
        # Each convex run of the value function with each convex run of the interval.
        last = _convex_run_end(value[SLOPE], first, last_value)
        part, start, cost_there = 0, stored - max_stored, value_there + cost
        while part < parts:
            last_part = _convex_run_end(interval[SLOPE], part, parts)
            excess = max(-start, 0.0)
            left = max(start, 0.0)
            room = width - left
            if room > tiny:
                found, change = _merge_by_slope(
                    value, first, last, interval, part, last_part, excess, room, tiny, merged
                )
                if found:
                    end = _to_pieces(merged, found, left, cost_there + change, candidate)
                    pieces = _lower_envelope(
                        envelope, pieces, envelope_end, candidate, found, end, tail, close
                    )
                    envelope_end = max(envelope_end, end)
                if pieces < 0:
                    return -1, 0.0
            # Move on to where the next run of the interval, then of the value function, begins.
            for k in range(part, last_part):
                start += interval[LENGTH, k]
                cost_there += interval[SLOPE, k] * interval[LENGTH, k]
            part = last_part
        for k in range(first, last):
            stored += value[LENGTH, k]
            value_there += value[SLOPE, k] * value[LENGTH, k]
        first = last
    count = _to_segments(envelope, pieces, width, tiny, result)
    return count, envelope[VALUE, 0]
