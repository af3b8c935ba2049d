"""The infimal convolution of piecewise-linear functions that need not be convex.

A value function says what the rest of the horizon costs with a given energy stored. One interval
earlier it is the minimum, over all actions of the battery, of the interval's cost and the later
value: an infimal convolution. For two convex functions that is all their segments in order of
slope. A function that is not convex is the lower envelope of its convex runs, so each pair of runs
is convolved and the lowest result kept: exact as well, and slower.

Two representations occur: *segments* (slope and length, see ``segments``), and *pieces* (begin,
value there, and slope), which need not begin at 0.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import FLOAT, INT, ROW, STACK, TABLE, inner
from flipkit.scenarios.dispatch.segments import LENGTH, SLOPE
from flipkit.vocabulary import Float64

__all__ = ["convolve"]

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
