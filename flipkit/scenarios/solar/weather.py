"""Measured or modelled weather that a user hands in, brought onto the times of the energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipkit.calendar import format_times
from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.scenarios.solar.sky import Floats, Grid, Light, Place, Sky, clear_sky, mean_over

__all__ = ["Weather"]

_DAY_US = 86_400_000_000
_LEAP_DAY, _DAY_BEFORE = 2 * 31 + 28, 2 * 31 + 27  # months of 31 days, counted from 31
_NUMBERS = ("ghi", "dni", "dhi", "temp_air", "wind_speed")
_LIMITS = {
    "ghi": (-50.0, 2000.0, "W/m2"),
    "dni": (-50.0, 2000.0, "W/m2"),
    "dhi": (-50.0, 2000.0, "W/m2"),
    "temp_air": (-90.0, 60.0, "degrees Celsius"),
    "wind_speed": (0.0, 120.0, "m/s"),
}
_DARK_W_M2 = (
    0.01  # a clear sky below it gives no shape: an index over it would be beyond all measure
)
_USUAL = {"temp_air": 20.0, "wind_speed": 1.0}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weather:
    """Weather in steps of one length; made by `Weather.from_frame`.

    Attributes
    ----------
    grid : Grid
        Its intervals.
    ghi : ndarray of float64, shape (n,)
        Global horizontal light, mean of each interval, W/m2.
    dni, dhi : ndarray of float64, shape (n,), optional
        Direct normal and diffuse horizontal light; both or none.
    temp_air, wind_speed : ndarray of float64, shape (n,), optional
        Degrees Celsius; m/s at 10 m.
    """

    grid: Grid
    ghi: Floats
    dni: Floats | None = None
    dhi: Floats | None = None
    temp_air: Floats | None = None
    wind_speed: Floats | None = None

    @classmethod
    def from_frame(cls, frame: Any) -> Weather:
        """Read a frame of weather, a row an interval.

        Parameters
        ----------
        frame : DataFrame or sequence of mapping
            pandas or polars: `start_utc` (with a zone, in order, one step throughout), `ghi` (W/m2) and, where known,
            `dni` and `dhi` (both or none), `temp_air` (degrees Celsius), `wind_speed` (m/s). Light is the mean of the
            interval that begins at `start_utc`. Light below zero, as sensors read at night, counts as zero.

        Raises
        ------
        MissingColumnError
            No `start_utc` or no `ghi`.
        NaiveTimestampError
            Times without a zone.
        InputError
            Fewer than two rows, no regular step, a value that is missing or beyond its limits, `dni` without `dhi`.
        """
        columns = take(
            frame, times=("start_utc",), numbers=_NUMBERS, optional=_NUMBERS[1:], what="weather"
        )
        times = columns["start_utc"]
        grid = _regular(times)
        known = {name: _checked(name, columns[name], times) for name in _NUMBERS}
        if (known["dni"] is None) != (known["dhi"] is None):
            raise InputError("weather: dni and dhi belong together: give both, or ghi alone")
        ghi = known["ghi"]
        if ghi is None:
            raise InputError(
                "weather: ghi is null throughout; it is the mean global horizontal light in W/m2"
            )
        return cls(grid, ghi, known["dni"], known["dhi"], known["temp_air"], known["wind_speed"])

    def light(self, place: Place, wanted: Grid) -> tuple[Sky, Light]:
        """The sky and the weather over the intervals wanted.

        Finer light is averaged. Coarser light keeps its clear-sky index over each of its intervals, apart for global,
        direct and diffuse: the shape is the clear sky's, the energy of the interval the weather's. (Light in an
        interval in which a clear sky is dark (0.01 W/m2) is left out.) Temperature and wind are averaged, or kept.

        Returns
        -------
        sky : Sky
        light : Light
            20 degrees and 1 m/s where the weather knows no temperature and no wind.

        Raises
        ------
        InputError
            The weather does not cover the times: names the first one.
        """
        cells, rows = self._over(wanted)
        before = -(-(wanted.first_us - cells.first_us) // wanted.step_us)
        after = max(0, -(-(cells.edges_us[-1] - wanted.edges_us[-1]) // wanted.step_us))
        wide = Grid(
            wanted.first_us - before * wanted.step_us,
            wanted.step_us,
            wanted.size + int(before + after),
        )
        sky = clear_sky(place, wide)
        kept = slice(before, before + wanted.size)
        parts = (
            None
            if values is None
            else _shaped(values[rows], clear, cells.edges_us, wide.edges_us)[kept]
            for values, clear in ((self.ghi, sky.ghi), (self.dni, sky.dni), (self.dhi, sky.dhi))
        )
        air = [
            np.full(wanted.size, _USUAL[name])
            if values is None
            else mean_over(values[rows], cells.edges_us, wanted.edges_us)
            for name, values in (("temp_air", self.temp_air), ("wind_speed", self.wind_speed))
        ]
        ghi, dni, dhi = parts
        assert ghi is not None
        return sky.cut(before, wanted.size), Light(ghi, dni, dhi, *air)

    def _over(self, wanted: Grid) -> tuple[Grid, NDArray[np.int64]]:
        """Intervals of the weather's length that cover those wanted, and the row that each takes its weather from."""
        step = self.grid.step_us
        first = self.grid.first_us + (wanted.first_us - self.grid.first_us) // step * step
        cells = Grid(first, step, int(-(-(wanted.edges_us[-1] - first) // step)))
        rows = (cells.edges_us[:-1] - self.grid.first_us) // step
        outside = (rows < 0) | (rows >= self.grid.size)
        if self._is_a_year and outside.any():
            rows = np.where(outside, self._by_calendar(cells.edges_us[:-1]), rows)
            outside = rows < 0
        if outside.any():
            time = cells.edges_us[:-1][outside][:1].view("datetime64[us]")
            raise InputError(
                f"weather: none for {format_times(time)[0]}; it covers {self._span}, and only weather of one whole year"
                " (365 or 366 days) stands for other years"
            )
        return cells, rows

    @property
    def _is_a_year(self) -> bool:
        step, count = self.grid.step_us, self.grid.size
        return _DAY_US % step == 0 and step * count in (365 * _DAY_US, 366 * _DAY_US)

    def _by_calendar(self, starts_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of the same month, day and time (UTC); 29 February is the 28th where the year has none; else -1."""
        per_day = _DAY_US // self.grid.step_us
        table = np.full(14 * 31 * per_day, -1, dtype=np.int64)
        table[self._calendar(self.grid.edges_us[:-1])] = np.arange(self.grid.size)
        leap = slice(_LEAP_DAY * per_day, (_LEAP_DAY + 1) * per_day)
        table[leap] = np.where(
            table[leap] < 0, table[_DAY_BEFORE * per_day : _LEAP_DAY * per_day], table[leap]
        )
        return np.asarray(table[self._calendar(starts_us)])

    def _calendar(self, starts_us: NDArray[np.int64]) -> NDArray[np.int64]:
        days = starts_us.view("datetime64[us]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        day = (months.astype(np.int64) % 12 + 1) * 31 + (
            days - months.astype("datetime64[D]")
        ).astype(np.int64)
        return np.asarray(
            day * (_DAY_US // self.grid.step_us) + starts_us % _DAY_US // self.grid.step_us
        )

    @property
    def _span(self) -> str:
        first, last = format_times(self.grid.edges_us[[0, -1]].view("datetime64[us]"))
        return f"{first} to {last}"

    @property
    def _columns(self) -> tuple[Floats | None, ...]:
        return self.ghi, self.dni, self.dhi, self.temp_air, self.wind_speed

    def __eq__(self, other: object) -> bool:
        """Whether the other is weather of the same times and values."""
        if not isinstance(other, Weather):
            return NotImplemented
        pairs = zip(self._columns, other._columns, strict=True)
        return self.grid == other.grid and all(
            a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs
        )

    def __hash__(self) -> int:
        """By times and global light."""
        return hash((self.grid, self.ghi.tobytes()))

    def __repr__(self) -> str:
        """Span, step and columns."""
        known = [
            name for name, values in zip(_NUMBERS, self._columns, strict=True) if values is not None
        ]
        return f"<Weather {self._span} in steps of {self.grid.step_us / 6e7:g} min: {', '.join(known)}>"


def _regular(times: NDArray[np.datetime64]) -> Grid:
    """The grid of regular times."""
    if len(times) < 2:
        raise InputError(
            f"weather: {len(times)} rows are too few; two or more are needed to know its step"
        )
    starts = times.astype("datetime64[us]").view(np.int64)
    if np.isnat(times).any():
        raise InputError(f"weather: start_utc is missing in row {int(np.isnat(times).argmax())}")
    step = int(starts[1] - starts[0])
    wrong = np.flatnonzero(np.diff(starts) != step)
    if step <= 0 or len(wrong):
        row = int(wrong[0]) + 1 if step > 0 else 1
        raise InputError(
            f"weather: row {row} ({format_times(times[row : row + 1])[0]}) does not follow the row before by one step"
            f" of {abs(step) / 6e7:g} minutes; sort it by start_utc, fill its gaps, and lay a typical year whose months"
            " are of several years on one year"
        )
    return Grid(int(starts[0]), step, len(starts))


def _checked(name: str, values: Floats, times: NDArray[np.datetime64]) -> Floats | None:
    """A column within its limits, light not below zero, read-only; None where it is null throughout."""
    least, most, unit = _LIMITS[name]
    missing = np.isnan(values)
    if missing.all():
        return None
    wrong = missing | (values < least) | (values > most)
    if wrong.any():
        row = int(wrong.argmax())
        what = (
            "is missing"
            if missing[row]
            else f"{values[row]:g} is beyond {least:g} to {most:g} {unit}"
        )
        raise InputError(
            f"weather: {name} in row {row} ({format_times(times[row : row + 1])[0]}) {what}"
        )
    kept = np.array(values if name == "temp_air" else np.maximum(values, 0.0), dtype=np.float64)
    kept.flags.writeable = False
    return kept


def _shaped(
    values: Floats, clear: Floats, cells_us: NDArray[np.int64], wide_us: NDArray[np.int64]
) -> Floats:
    """Light of the cells in the shape that a clear sky has within each; shape of the wide grid."""
    whole = mean_over(clear, wide_us, cells_us)
    index = np.divide(values, whole, out=np.zeros_like(values), where=whole > _DARK_W_M2)
    return mean_over(index, cells_us, wide_us) * clear
