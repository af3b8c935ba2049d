"""Piecewise-linear functions of the energy stored: the sum of two where both may be split freely, and the lower of two.

A value function says what the rest of the horizon costs with so much stored. One interval earlier it is the least, over
all that the battery can do, of the interval's cost and the later value: an infimal convolution. Of two convex functions
that is all their segments in the order of their slopes. A function that is not convex is the lower envelope of its
convex runs, so each run is convolved on its own and the lowest kept: exact as well, and slower.
"""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import BLOCK, NUMBERS, PLACE, SIZE, TABLE, called
from flipkit.vocabulary import Float64

__all__ = ["convolve", "lower"]


@called(TABLE, PLACE, PLACE, TABLE, PLACE, PLACE, SIZE, SIZE, SIZE, TABLE)
def _merge(
    v: Float64,
    first: int,
    last: int,
    h: Float64,
    begin: int,
    end: int,
    skip: float,
    room: float,
    tiny: float,
    into: Float64,
) -> tuple[int, float]:
    """Segments of a value function and of an interval, both convex, in the order of their slopes.

    Leaves out the length `skip` at the left and keeps the length `room`; the number of segments, and the change of
    value over what was left out.
    """
    count, gained = 0, 0.0
    while first < last or begin < end:
        if begin < end and (first == last or h[0, begin] <= v[0, first]):
            slope, length = h[0, begin], h[1, begin]
            begin += 1
        else:
            slope, length = v[0, first], v[1, first]
            first += 1
        if skip > 0.0:
            part = min(skip, length)
            gained, skip, length = gained + part * slope, skip - part, length - part
            if skip <= tiny:
                skip = 0.0
            if length <= tiny:
                continue
        length = min(length, room)
        room -= length
        if count and into[0, count - 1] == slope:
            into[1, count - 1] += length
        else:
            into[0, count], into[1, count] = slope, length
            count += 1
        if room <= tiny:
            break
    return count, gained


@called(TABLE, PLACE, SIZE, SIZE, SIZE, SIZE)
def _put(f: Float64, count: int, x: float, value: float, slope: float, close: float) -> int:
    if count:
        last = count - 1
        if f[2, last] == slope and abs(f[1, last] + slope * (x - f[0, last]) - value) <= close:
            return count
    f[0, count], f[1, count], f[2, count] = x, value, slope
    return count + 1


@called(TABLE, PLACE, SIZE, SIZE, TABLE)
def _split(f: Float64, count: int, f_end: float, start: float, tail: Float64) -> tuple[int, int]:
    """Move what `f` holds from `start` on to `tail`; the numbers of segments that stay and that moved."""
    keep = count
    while keep and f[0, keep - 1] >= start:
        keep -= 1
    moved = 0
    if keep and start < f_end:
        last = keep - 1
        tail[0, 0], tail[2, 0] = start, f[2, last]
        tail[1, 0] = f[1, last] + f[2, last] * (start - f[0, last])
        moved = 1
    for k in range(keep, count):
        tail[0, moved], tail[1, moved], tail[2, moved] = f[0, k], f[1, k], f[2, k]
        moved += 1
    return keep, moved


@called(TABLE, PLACE, *(SIZE,) * 7)
def _lower_line(
    f: Float64,
    count: int,
    x: float,
    length: float,
    one: float,
    one_slope: float,
    two: float,
    two_slope: float,
    close: float,
) -> int:
    before = two - one
    after = before + (two_slope - one_slope) * length
    if before >= -close and after >= -close:
        return _put(f, count, x, one, one_slope, close)
    if before <= close and after <= close:
        return _put(f, count, x, two, two_slope, close)
    part = length * before / (before - after)
    if before < 0.0:
        count = _put(f, count, x, two, two_slope, close)
        return _put(f, count, x + part, one + one_slope * part, one_slope, close)
    count = _put(f, count, x, one, one_slope, close)
    return _put(f, count, x + part, two + two_slope * part, two_slope, close)


@called(TABLE, PLACE, SIZE, TABLE, PLACE, SIZE, TABLE, SIZE)
def lower(
    f: Float64,
    count: int,
    f_end: float,
    g: Float64,
    g_count: int,
    g_end: float,
    tail: Float64,
    close: float,
) -> int:
    """The lower of two functions where both are, and either where one is; `f` begins before `g` and holds the result.

    Rows of `f`, `g` and the scratch `tail` are where a segment begins, its value there, and its slope. Differences of
    up to `close` are rounding. The number of segments, or -1 where `f` has no room for them.
    """
    x, end = g[0, 0], max(f_end, g_end)
    count, moved = _split(f, count, f_end, x, tail)
    if count + 2 * (moved + g_count) > f.shape[1]:
        return -1
    i, j = 0, 0
    while x < end:
        while i + 1 < moved and tail[0, i + 1] <= x:
            i += 1
        while j + 1 < g_count and g[0, j + 1] <= x:
            j += 1
        in_f, in_g, stop = moved > 0 and x < f_end, x < g_end, end
        if in_f:
            stop = min(stop, tail[0, i + 1] if i + 1 < moved else f_end)
        if in_g:
            stop = min(stop, g[0, j + 1] if j + 1 < g_count else g_end)
        one = tail[1, i] + tail[2, i] * (x - tail[0, i]) if in_f else 0.0
        two = g[1, j] + g[2, j] * (x - g[0, j]) if in_g else 0.0
        if not in_g:
            count = _put(f, count, x, one, tail[2, i], close)
        elif not in_f:
            count = _put(f, count, x, two, g[2, j], close)
        else:
            count = _lower_line(f, count, x, stop - x, one, tail[2, i], two, g[2, j], close)
        x = stop
    return count


@called(NUMBERS, PLACE, PLACE)
def _run(slope: Float64, first: int, count: int) -> int:
    """Where the convex run that begins at `first` ends."""
    last = first + 1
    while last < count and slope[last] >= slope[last - 1]:
        last += 1
    return last


@called(TABLE, PLACE, SIZE, SIZE, TABLE)
def _place(g: Float64, count: int, start: float, value: float, placed: Float64) -> float:
    """Slopes and lengths to where each begins, its value and its slope; where the last one ends."""
    for k in range(count):
        placed[0, k], placed[1, k], placed[2, k] = start, value, g[0, k]
        start, value = start + g[1, k], value + g[0, k] * g[1, k]
    return start


@called(TABLE, PLACE, SIZE, SIZE, TABLE)
def _collect(f: Float64, count: int, width: float, tiny: float, into: Float64) -> int:
    """Where segments begin to slopes and lengths, from 0 to `width`."""
    found, begun = 0, 0.0
    for k in range(count):
        stop = f[0, k + 1] if k + 1 < count else width
        if stop - begun <= tiny and found:
            continue
        if found and into[0, found - 1] == f[2, k]:
            into[1, found - 1] += stop - begun
        else:
            into[0, found], into[1, found] = f[2, k], stop - begun
            found += 1
        begun = stop
    into[1, found - 1] += width - begun
    return found


@called(TABLE, PLACE, PLACE, TABLE, PLACE, *(SIZE,) * 5, TABLE, BLOCK)
def convolve(
    v: Float64,
    begun: int,
    count: int,
    h: Float64,
    h_count: int,
    reach: float,
    cost: float,
    width: float,
    tiny: float,
    close: float,
    into: Float64,
    work: Float64,
) -> tuple[int, float]:
    """The infimal convolution where either function may be not convex, on [0, width].

    Parameters
    ----------
    v, h, into : array of float, 2 x segments
        Slopes and lengths of the value function, of the interval, and of the result.
    begun, count, h_count : int
        Where in the row the value function begins, and the numbers of segments.
    reach, cost : float
        `h` begins at -reach, the most that can be stored within the interval, with this cost.
    width, tiny, close : float
        Most that is stored; the length and the difference in value that are rounding.
    work : array of float, 4 x 3 x segments
        Scratch.

    Returns
    -------
    count : int
        Segments of the result; -1 where there is no room for them.
    value : float
        The result at 0, less the value function at 0.
    """
    f, g, placed, tail = work[0], work[1], work[2], work[3]
    found, f_end, first, at, value = 0, 0.0, begun, 0.0, 0.0
    while first < begun + count:
        last = _run(v[0], first, begun + count)
        begin, start, spent = 0, at - reach, value + cost
        while begin < h_count:
            end = _run(h[0], begin, h_count)
            room = width - max(start, 0.0)
            if room > tiny:
                parts, gained = _merge(
                    v, first, last, h, begin, end, max(-start, 0.0), room, tiny, g
                )
                if parts:
                    g_end = _place(g, parts, max(start, 0.0), spent + gained, placed)
                    found = lower(f, found, f_end, placed, parts, g_end, tail, close)
                    f_end = max(f_end, g_end)
                if found < 0:
                    return -1, 0.0
            for k in range(begin, end):
                start, spent = start + h[1, k], spent + h[0, k] * h[1, k]
            begin = end
        for k in range(first, last):
            at, value = at + v[1, k], value + v[0, k] * v[1, k]
        first = last
    count = _collect(f, found, width, tiny, into)
    return count, f[1, 0]
