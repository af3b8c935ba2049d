"""What a home consumes, changed: scaled, moved within the day, and more of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid, day_edges
from flipkit.checks import number
from flipkit.errors import InputError
from flipkit.scenarios.changes.load_profile import LoadProfile
from flipkit.tariffs import Rate
from flipkit.tariffs.model import rate_series
from flipkit.vocabulary import Float64, Int64

__all__ = ["Load", "Shift"]


@dataclass(frozen=True, slots=True)
class Shift:
    """A share of the load in some local hours, moved to other hours of the same local day.

    What is moved is spread evenly over time in the hours it is moved to, on top of what is consumed there already. An
    interval belongs to the local day that it begins on, and is split in proportion to time where hours begin or end
    within it. A window that crosses midnight is its two halves, each on its own day. The hours are those of the clock
    on the wall: an hour that comes twice in autumn counts twice, one that is skipped in spring does not count.

    The energy of each local day stays what it was. On a day that is cut by the edge of the data, the part that would
    go to hours without data is not moved; so nothing is, where the data have none of the hours.

    Attributes
    ----------
    share : float
        Fraction of the energy in `from_hours` that is moved, 0 to 1.
    from_hours, to_hours : str
        Local hours ``"HH:MM-HH:MM"``, the end excluded; where the two overlap, some of what is moved comes back.

    Raises
    ------
    InputError
        A share outside 0 to 1, or hours that are no window of a day.
    """

    share: float
    from_hours: str
    to_hours: str

    def __post_init__(self) -> None:
        share = number(self.share, "shift: share", "a fraction from 0 to 1; 0.2 is 20 %", most=1.0)
        object.__setattr__(self, "share", share)
        for field in ("from_hours", "to_hours"):
            _window(getattr(self, field), field)

    def applied(
        self, consumption_kwh: Float64, start_us: Int64, end_us: Int64, timezone: str
    ) -> Float64:
        """Move the share; parameters and result as `Load.applied`."""
        grid = Grid(int(start_us[0]), int(end_us[0] - start_us[0]), len(start_us))
        moves = _moves(self.from_hours, self.to_hours, timezone, grid)
        taken = consumption_kwh * (self.share * moves.part)
        return consumption_kwh - taken + np.bincount(moves.day, taken)[moves.day] * moves.weight


@dataclass(frozen=True, slots=True)
class Load:
    """A change of consumption: first scaled, then shifted, then added to.

    Attributes
    ----------
    scale : float
        Factor on the consumption of every interval; 1.1 is 10 % more.
    shift : Shift, optional
        A share of the (scaled) load moved within the local day.
    add : DataFrame or sequence of mapping, optional
        A profile that comes on top, neither scaled nor shifted, such as a heat pump's: ``start_utc`` and ``kwh`` (or
        ``consumption_kwh``), in any step; longer intervals are spread evenly, shorter ones summed. It must cover the
        time of the energy. Kept as a `LoadProfile`.

    Raises
    ------
    InputError
        A scale that is negative or no number, a shift that is none, or a profile that cannot be read.
    """

    scale: float = 1.0
    shift: Shift | None = None
    add: Any = None

    def __post_init__(self) -> None:
        scale = number(self.scale, "load: scale", "a number of 0 or more; 1.1 is 10 % more")
        object.__setattr__(self, "scale", scale)
        if self.shift is not None and not isinstance(self.shift, Shift):
            raise InputError(f"load: shift: expected a Shift, got {type(self.shift).__name__}")
        if self.add is not None and not isinstance(self.add, LoadProfile):
            object.__setattr__(self, "add", LoadProfile.from_frame(self.add))

    @property
    def label(self) -> str:
        """In a few words: ``x 1.2, 20 % of 16:00-21:00 to 10:00-15:00, plus 3,100 kWh``."""
        parts = [f"x {self.scale:g}"] if self.scale != 1 else []
        if self.shift is not None:
            parts.append(
                f"{100 * self.shift.share:g} % of {self.shift.from_hours} to {self.shift.to_hours}"
            )
        if self.add is not None:
            parts.append(f"plus {self.add.kwh.sum():,.0f} kWh")
        return ", ".join(parts) or "unchanged"

    def applied(
        self, consumption_kwh: Float64, start_us: Int64, end_us: Int64, timezone: str
    ) -> Float64:
        """The changed consumption of one site: scaled, then shifted, then with the profile on top.

        Parameters
        ----------
        consumption_kwh : ndarray of float64, shape (n,)
            Energy of each interval, none negative.
        start_us, end_us : ndarray of int64, shape (n,)
            Intervals of one length, one after another, microseconds since 1970-01-01 UTC.
        timezone : str
            IANA time zone of the site's days and hours.

        Returns
        -------
        ndarray of float64, shape (n,)
            kWh, none negative.

        Raises
        ------
        InputError
            The added profile does not cover the intervals (names the first time without), or an unknown zone.
        """
        kwh = consumption_kwh * self.scale
        if self.shift is not None:
            kwh = self.shift.applied(kwh, start_us, end_us, timezone)
        return kwh if self.add is None else kwh + self.add.energy(start_us, end_us)


def _window(hours: Any, field: str) -> tuple[Rate, ...]:
    """The hours of a day as a rate of 1, and the others, where there are any, as one of 0."""
    try:
        begin, end = (part.strip() for part in hours.split("-"))
        inside = Rate(1.0, begin, end)
    except (AttributeError, ValueError):
        raise InputError(
            f"shift: {field} {hours!r} is no window of the day; write 'HH:MM-HH:MM', such as '16:00-21:00'"
        ) from None
    if (inside.start, inside.end) == ("00:00", "24:00"):
        return (inside,)
    return inside, Rate(0.0, "00:00" if inside.end == "24:00" else inside.end, inside.start)


class _Moves(NamedTuple):
    """What is moved where, but for how much: arrays by interval."""

    part: Float64  # of the energy that can be moved
    day: Int64
    weight: Float64  # of what is moved on that day, which comes here


@lru_cache(maxsize=32)  # the sites of a fleet share it
def _moves(from_hours: str, to_hours: str, timezone: str, grid: Grid) -> _Moves:
    start_us = grid.start_us + grid.step_us * np.arange(grid.intervals)
    end_us = start_us + grid.step_us
    days = day_edges(timezone, grid.start_us, grid.end_us).edges
    day = np.searchsorted(days, start_us, side="right") - 1
    target = _window(to_hours, "to_hours")
    room_us = _part_within(target, timezone, start_us, end_us) * grid.step_us
    there_us = np.bincount(day, room_us, minlength=len(days) - 1)
    whole_us = _part_within(target, timezone, days[:-1], days[1:]) * np.diff(days)
    # Not above one: an interval across midnight may bring a day more of the hours than it has.
    known = _ratio(there_us, np.maximum(there_us, whole_us))
    part = _part_within(_window(from_hours, "from_hours"), timezone, start_us, end_us) * known[day]
    return _Moves(part, day, _ratio(room_us, there_us[day]))


def _part_within(
    window: tuple[Rate, ...], timezone: str, start_us: Int64, end_us: Int64
) -> Float64:
    """Which part of each interval, by time, lies within the window."""
    inside = rate_series(window, timezone, int(start_us[0]), int(end_us[-1]))
    return inside.cost(start_us, end_us, np.ones(len(start_us)))


def _ratio(of: np.ndarray, to: np.ndarray) -> Float64:
    """Quotients; 0 where nothing is divided by nothing."""
    out: Float64 = np.divide(of, to, out=np.zeros(len(of)), where=to > 0)
    return out
