"""Changed consumption: scaled, shifted within the day, and with an added profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid, day_edges, to_text
from flipkit.checks import check_field, refuse_rows
from flipkit.errors import InputError, MissingColumnError
from flipkit.frames import take
from flipkit.tariffs import PriceSeries, Rate
from flipkit.tariffs.model import LocalClock, check_cover, rate_series
from flipkit.vocabulary import Float64, Int64

__all__ = ["Load", "LoadProfile", "Shift"]

_ENERGY_COLUMNS = ("kwh", "consumption_kwh")


@dataclass(frozen=True, slots=True)
class Shift:
    """A share of the load in some local hours, moved to other hours of the same local day.

    The moved energy is spread evenly over the target hours, on top of their own consumption. An
    interval belongs to the local day in which it starts, and is split in proportion to time where
    hours begin or end within it. A window across midnight is two halves, each on its own day. Hours
    are local clock hours: an hour that is repeated in autumn counts twice, one that is skipped in
    spring does not count.

    The energy of each local day stays the same. On a day that is cut by the edge of the data, the
    part that would go to hours without data is not moved.

    Parameters
    ----------
    share : float
        Fraction of the energy in `from_hours` that is moved, 0 to 1.
    from_hours, to_hours : str
        Local hours ``"HH:MM-HH:MM"``, end excluded. Where the two overlap, some of the moved energy
        returns.

    Raises
    ------
    InputError
        A share outside 0 to 1, or hours that are not a window of a day.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Load(shift=fk.Shift(0.2, "16:00-21:00", "10:00-15:00")).label
    '20 % of 16:00-21:00 to 10:00-15:00'
    """

    share: float
    from_hours: str
    to_hours: str

    def __post_init__(self) -> None:
        check_field(self, "share", "shift", "a fraction from 0 to 1; 0.2 is 20 %", most=1.0)
        for field in ("from_hours", "to_hours"):
            _window(getattr(self, field), field)  # raises if it is not valid

    def applied(self, consumption_kwh: Float64, grid: Grid, timezone: str) -> Float64:
        """Return the shifted consumption; parameters and result as for `Load.applied`."""
        moves = _moves(self.from_hours, self.to_hours, timezone, grid)
        taken = consumption_kwh * (self.share * moves.movable_share)
        taken_of_day = np.bincount(moves.day, taken)
        received = taken_of_day[moves.day] * moves.received_share
        return consumption_kwh - taken + received


@dataclass(frozen=True, slots=True)
class Load:
    """A change of consumption: first scaled, then shifted, then added to.

    Parameters
    ----------
    scale : float, default 1.0
        Factor for the consumption of every interval; 1.1 is 10 % more.
    shift : Shift, optional
        A share of the scaled load, moved within the local day.
    add : DataFrame or sequence of mapping, optional
        An additional profile such as a heat pump's, neither scaled nor shifted: ``start_utc`` (with
        a zone) and ``kwh`` (or ``consumption_kwh``) in any regular step. Longer intervals are
        spread evenly, shorter ones summed. It must cover the period of the energy. Kept as a
        `LoadProfile`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        A scale that is negative or not a number, a shift that is not a `Shift`, or a profile that
        cannot be read.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Load(1.2, fk.Shift(0.2, "16:00-21:00", "10:00-15:00")).label
    'x 1.2, 20 % of 16:00-21:00 to 10:00-15:00'
    """

    scale: float = 1.0
    shift: Shift | None = None
    add: Any = None

    def __post_init__(self) -> None:
        check_field(self, "scale", "load", "a number of 0 or more; 1.1 is 10 % more")
        if self.shift is not None and not isinstance(self.shift, Shift):
            raise InputError(f"load: shift: expected a Shift, got {type(self.shift).__name__}")
        if self.add is not None and not isinstance(self.add, LoadProfile):
            object.__setattr__(self, "add", LoadProfile.from_frame(self.add))

    @property
    def label(self) -> str:
        """The changes: ``x 1.2, 20 % of 16:00-21:00 to 10:00-15:00, plus 3,100 kWh``."""
        parts = []
        if self.scale != 1:
            parts.append(f"x {self.scale:g}")
        if self.shift is not None:
            percent = 100 * self.shift.share
            parts.append(f"{percent:g} % of {self.shift.from_hours} to {self.shift.to_hours}")
        if self.add is not None:
            parts.append(f"plus {self.add.kwh.sum():,.0f} kWh")
        return ", ".join(parts) or "unchanged"

    def applied(self, consumption_kwh: Float64, grid: Grid, timezone: str) -> Float64:
        """Return the changed consumption of one site.

        Parameters
        ----------
        consumption_kwh : ndarray of float64, shape (n,)
            Energy of each interval, 0 or more.
        grid : Grid
            The n intervals.
        timezone : str
            IANA time zone of the site's days and hours.

        Returns
        -------
        ndarray of float64, shape (n,)
            kWh, 0 or more.

        Raises
        ------
        InputError
            The added profile does not cover the intervals (names the first time), or an unknown
            zone.
        """
        kwh = consumption_kwh * self.scale
        if self.shift is not None:
            kwh = self.shift.applied(kwh, grid, timezone)
        if self.add is not None:
            kwh = kwh + self.add.energy(grid)
        return kwh


@dataclass(frozen=True, slots=True, eq=False)
class LoadProfile:
    """Energy of consecutive intervals of one length; equal if all values are equal.

    Attributes
    ----------
    start_us, step_us : int
        Start of the first interval (since 1970-01-01 UTC) and length of each, microseconds.
    kwh : ndarray of float64, shape (n,)
        Energy of each interval, read-only.
    """

    start_us: int
    step_us: int
    kwh: Float64

    @classmethod
    def from_frame(cls, frame: Any) -> LoadProfile:
        """Read a profile from ``start_utc`` and ``kwh`` (or ``consumption_kwh``), in any row order.

        The time between two rows is the length of an interval.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
        InputError
            Both energy columns, fewer than two rows, a gap, a repeated time, or energy that is
            missing, negative or infinite; names the time.
        """
        columns = take(
            frame,
            times=["start_utc"],
            numbers=_ENERGY_COLUMNS,
            optional=_ENERGY_COLUMNS,
            what="load: add",
        )
        times = columns["start_utc"]
        is_missing = np.isnat(times)
        if is_missing.any():
            raise InputError(f"load: add, row {int(np.argmax(is_missing))}: no start_utc")
        order = np.argsort(times, kind="stable")
        start_us = times[order].astype(np.int64)
        step_us = _profile_step(start_us)
        kwh = np.array(_energy_column(columns)[order])
        is_wrong = ~(kwh >= 0) | np.isinf(kwh)
        _refuse(start_us, is_wrong, "the energy is missing, negative or infinite")
        kwh.flags.writeable = False
        return cls(int(start_us[0]), step_us, kwh)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LoadProfile):
            return NotImplemented
        return self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[int, int, bytes]:
        return self.start_us, self.step_us, (self.kwh + 0.0).tobytes()  # -0.0 becomes 0.0

    def energy(self, grid: Grid) -> Float64:
        """Return the energy of each interval, kWh, spread evenly over the profile's own intervals.

        Raises
        ------
        InputError
            The profile does not cover the intervals; names the first time.
        """
        edges = self.start_us + self.step_us * np.arange(len(self.kwh) + 1)
        first_us, last_us = int(edges[0]), int(edges[-1])
        covering = "the rows of the added profile"
        check_cover(grid.start_us, grid.end_us, (first_us, last_us), covering, "load: add: ")
        first = np.searchsorted(edges, grid.start_us, side="right") - 1
        after = np.searchsorted(edges, grid.end_us)
        # A price series weights its steps by their time in each interval, as is needed here.
        series = PriceSeries(
            edges[first:after], edges[first + 1 : after + 1], self.kwh[first:after]
        )
        steps_per_interval = np.full(grid.intervals, grid.step_us / self.step_us)
        return series.cost(*grid.times_us, steps_per_interval)


def _window(hours: Any, field: str) -> tuple[Rate, ...]:
    """The hours of a day at a rate of 1, and the other hours, if any, at 0."""
    try:
        begin, end = hours.split("-")
        inside = Rate(1.0, begin.strip(), end.strip())
    except (AttributeError, ValueError):
        raise InputError(
            f"shift: {field} {hours!r} is not a window of the day; write 'HH:MM-HH:MM', such as"
            " '16:00-21:00'"
        ) from None
    if (inside.start, inside.end) == ("00:00", "24:00"):
        return (inside,)
    outside_start = "00:00" if inside.end == "24:00" else inside.end
    return inside, Rate(0.0, outside_start, inside.start)


class _Moves(NamedTuple):
    """Where energy is moved from and to, by interval; how much, the share of the shift says."""

    movable_share: Float64  # of the interval's energy
    day: Int64
    received_share: Float64  # of the energy that is moved on that day


@lru_cache(maxsize=32)  # the sites of a fleet share it
def _moves(from_hours: str, to_hours: str, timezone: str, grid: Grid) -> _Moves:
    start_us, end_us = grid.times_us
    day_edges_us = day_edges(timezone, grid.start_us, grid.end_us).edges
    day = np.searchsorted(day_edges_us, start_us, side="right") - 1
    day_starts_us, day_ends_us = day_edges_us[:-1], day_edges_us[1:]

    target = _window(to_hours, "to_hours")
    target_us = _share_within(target, timezone, start_us, end_us) * grid.step_us
    known_us = np.bincount(day, target_us, minlength=len(day_starts_us))
    day_lengths_us = day_ends_us - day_starts_us
    whole_us = _share_within(target, timezone, day_starts_us, day_ends_us) * day_lengths_us
    # At most 1: an interval across midnight may add target hours of the next day.
    known_share = _ratio(known_us, np.maximum(known_us, whole_us))

    source = _window(from_hours, "from_hours")
    source_share = _share_within(source, timezone, start_us, end_us)
    return _Moves(
        movable_share=source_share * known_share[day],
        day=day,
        received_share=_ratio(target_us, known_us[day]),
    )


def _share_within(
    window: tuple[Rate, ...], timezone: str, start_us: Int64, end_us: Int64
) -> Float64:
    """The share of each interval, by time, that is within the window."""
    # Rates know local hours and clock changes: the "cost" of 1 per interval is the share.
    inside = rate_series(window, LocalClock(timezone), int(start_us[0]), int(end_us[-1]))
    return inside.cost(start_us, end_us, np.ones(len(start_us)))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> Float64:
    """Quotients; 0 where both are 0."""
    zeros = np.zeros(len(numerator))
    ratio: Float64 = np.divide(numerator, denominator, out=zeros, where=denominator > 0)
    return ratio


def _energy_column(columns: dict[str, np.ndarray]) -> Float64:
    given = [name for name in _ENERGY_COLUMNS if not np.isnan(columns[name]).all()]
    if not given:
        raise MissingColumnError(
            "load: add: no energy; give a column kwh, the energy of each interval"
        )
    if len(given) > 1:
        raise InputError("load: add: energy in both kwh and consumption_kwh; leave one out")
    return columns[given[0]]


def _profile_step(start_us: Int64) -> int:
    if len(start_us) < 2:
        raise InputError(
            f"load: add: {len(start_us)} rows; two or more are needed to know the interval length"
        )
    steps_us = np.diff(start_us)
    step_us = int(steps_us.min())  # a gap is longer, a repeated time has 0
    _refuse(start_us[1:], steps_us == 0, "the time is repeated; give the profile of one site")
    expected_us = start_us[:-1] + step_us
    why = f"no interval; the others are {step_us / 6e7:g} minutes long"
    _refuse(expected_us, steps_us != step_us, why)
    return step_us


def _refuse(start_us: Int64, is_wrong: np.ndarray, why: str) -> None:
    refuse_rows(is_wrong, why, lambda row: f"load: add, {to_text(int(start_us[row]))}")
