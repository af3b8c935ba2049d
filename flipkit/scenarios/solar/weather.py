"""Weather on the time grid of the energy: from a user's frame, or a typical year of a station.

The bundled year has the typical cloudiness of three stations, under the site's clear sky.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid, to_text
from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.scenarios.solar.sky import (
    Conditions,
    Sky,
    SolarSite,
    clear_sky,
    mean_over,
    middles_us,
    pvlib,
)
from flipkit.vocabulary import DAY_US, HOUR_US, Float64, Int64

__all__ = ["STATIONS", "TABLE", "Weather", "nearest_station", "typical_conditions"]

_COLUMNS = ("ghi", "dni", "dhi", "temp_air", "wind_speed")
_LIMITS = {
    "ghi": (-50.0, 2000.0, "W/m2"),
    "dni": (-50.0, 2000.0, "W/m2"),
    "dhi": (-50.0, 2000.0, "W/m2"),
    "temp_air": (-90.0, 60.0, "degrees Celsius"),
    "wind_speed": (0.0, 120.0, "m/s"),
}
_DEFAULT_TEMP_AIR = 20.0
_DEFAULT_WIND_SPEED = 1.0
_DARK_W_M2 = 0.01  # below this a clear sky gives no shape: the index over it would be arbitrary

# Rows of the table that maps calendar days to weather: every month has 31, January begins at 31.
_28_FEBRUARY = 2 * 31 + 27
_29_FEBRUARY = _28_FEBRUARY + 1
_CALENDAR_DAYS = 14 * 31


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weather:
    """Weather in steps of one length; made by `Weather.from_frame`.

    Attributes
    ----------
    grid : Grid
        The intervals of the rows.
    ghi : ndarray of float64, shape (n,)
        Global horizontal irradiance, mean of each interval, W/m2.
    dni, dhi : ndarray of float64, shape (n,), optional
        Direct normal and diffuse horizontal irradiance, W/m2; both or neither.
    temp_air, wind_speed : ndarray of float64, shape (n,), optional
        Degrees Celsius; m/s at 10 m.
    """

    grid: Grid
    ghi: Float64
    dni: Float64 | None = None
    dhi: Float64 | None = None
    temp_air: Float64 | None = None
    wind_speed: Float64 | None = None

    @classmethod
    def from_frame(cls, frame: Any) -> Weather:
        """Read a frame of weather with one row per interval.

        Parameters
        ----------
        frame : DataFrame or sequence of mapping
            pandas or polars: ``start_utc`` (with a zone, in order, one step throughout), ``ghi``
            (W/m2) and, where known, ``dni`` and ``dhi`` (both or neither, W/m2), ``temp_air``
            (degrees Celsius), ``wind_speed`` (m/s). Irradiance is the mean of the interval that
            begins at ``start_utc``; values below zero, as sensors report at night, count as zero.

        Raises
        ------
        MissingColumnError
            No ``start_utc`` or no ``ghi``.
        NaiveTimestampError
            Times without a zone.
        InputError
            Fewer than two rows, an irregular step, a value that is missing or outside its limits,
            ``dni`` without ``dhi``.
        """
        columns = take(
            frame, times=("start_utc",), numbers=_COLUMNS, optional=_COLUMNS[1:], what="weather"
        )
        grid = _regular_grid(columns["start_utc"])
        values: dict[str, Any] = {}
        for name in _COLUMNS:
            values[name] = _checked(name, columns[name], grid)
        if (values["dni"] is None) != (values["dhi"] is None):
            raise InputError("weather: dni and dhi belong together; give both, or ghi alone")
        if values["ghi"] is None:
            raise InputError(
                "weather: ghi is null throughout; give global horizontal irradiance in W/m2"
            )
        return cls(grid=grid, **values)

    def conditions(self, site: SolarSite, grid: Grid) -> tuple[Sky, Conditions]:
        """Return the clear sky and the weather for the intervals of `grid`.

        Finer irradiance is averaged. Coarser irradiance keeps its clear-sky index within each of
        its intervals, separately for global, direct and diffuse: the shape is the clear sky's, the
        energy the weather's. Irradiance in an interval with a dark clear sky (below 0.01 W/m2) is
        dropped. Temperature and wind are averaged or repeated; 20 degrees Celsius and 1 m/s are
        assumed where they are unknown.

        Raises
        ------
        InputError
            The weather does not cover the intervals; names the first time.
        """
        cells, rows = self._cells_over(grid)
        cell_edges_us = cells.edges_us
        # The shape within a cell needs the clear sky of the whole cell, so of more than the grid.
        wide, before = _widened(grid, cells)
        sky = clear_sky(site, wide)

        def shaped(values: Float64, clear: Float64) -> Float64:
            in_shape = _in_clear_sky_shape(values[rows], clear, cell_edges_us, wide.edges_us)
            return in_shape[before : before + grid.intervals]

        def averaged(values: Float64 | None, default: float) -> Float64:
            if values is None:
                return np.full(grid.intervals, default)
            return mean_over(values[rows], cell_edges_us, grid.edges_us)

        weather = Conditions(
            ghi=shaped(self.ghi, sky.ghi),
            dni=None if self.dni is None else shaped(self.dni, sky.dni),
            dhi=None if self.dhi is None else shaped(self.dhi, sky.dhi),
            temp_air=averaged(self.temp_air, _DEFAULT_TEMP_AIR),
            wind_speed=averaged(self.wind_speed, _DEFAULT_WIND_SPEED),
        )
        return sky.part(before, grid.intervals), weather

    def _cells_over(self, grid: Grid) -> tuple[Grid, Int64]:
        """Intervals of the weather's step that cover `grid`, and the weather row of each."""
        step_us = self.grid.step_us
        steps_before = (grid.start_us - self.grid.start_us) // step_us
        start_us = self.grid.start_us + steps_before * step_us
        cells = Grid(start_us, step_us, -(-(grid.end_us - start_us) // step_us))
        starts_us = cells.edges_us[:-1]
        rows = (starts_us - self.grid.start_us) // step_us
        # Times that the weather covers keep their own row, even in a year of 366 days.
        is_outside = (rows < 0) | (rows >= self.grid.intervals)
        if self._is_a_year and is_outside.any():
            rows = np.where(is_outside, self._rows_by_calendar(starts_us), rows)
            is_outside = rows < 0
        if is_outside.any():
            first = int(starts_us[is_outside.argmax()])
            raise InputError(
                f"weather: no row for {to_text(first)}; it covers {self._span}, and only weather of"
                " one whole year (365 or 366 days) is used for other years"
            )
        return cells, rows

    @property
    def _is_a_year(self) -> bool:
        covered_us = self.grid.step_us * self.grid.intervals
        return DAY_US % self.grid.step_us == 0 and covered_us in (365 * DAY_US, 366 * DAY_US)

    def _rows_by_calendar(self, starts_us: Int64) -> Int64:
        """The row of the same month, day and time (UTC); -1 where the year has none.

        29 February takes the 28th in a year without one.
        """
        per_day = DAY_US // self.grid.step_us
        row_by_time = np.full((_CALENDAR_DAYS, per_day), -1, dtype=np.int64)
        row_by_time.ravel()[self._calendar_place(self.grid.edges_us[:-1])] = np.arange(
            self.grid.intervals
        )
        leap_day = row_by_time[_29_FEBRUARY]
        row_by_time[_29_FEBRUARY] = np.where(leap_day < 0, row_by_time[_28_FEBRUARY], leap_day)
        return row_by_time.ravel()[self._calendar_place(starts_us)]

    def _calendar_place(self, starts_us: Int64) -> Int64:
        """Position of each time in a year of months of 31 days."""
        days = starts_us.view("datetime64[us]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
        month = months.astype(np.int64) % 12 + 1
        calendar_day = month * 31 + day_of_month
        per_day = DAY_US // self.grid.step_us
        step_of_day = starts_us % DAY_US // self.grid.step_us
        return np.asarray(calendar_day * per_day + step_of_day)

    @property
    def _span(self) -> str:
        return f"{to_text(self.grid.start_us)} to {to_text(self.grid.end_us)}"

    @property
    def _values(self) -> tuple[Float64 | None, ...]:
        return self.ghi, self.dni, self.dhi, self.temp_air, self.wind_speed

    def __eq__(self, other: object) -> bool:
        """Whether times and values are equal."""
        if not isinstance(other, Weather):
            return NotImplemented
        pairs = zip(self._values, other._values, strict=True)
        return self.grid == other.grid and all(_equal(mine, its) for mine, its in pairs)

    def __hash__(self) -> int:
        """By times and global irradiance."""
        return hash((self.grid, self.ghi.tobytes()))

    def __repr__(self) -> str:
        """Span, step and columns."""
        columns = zip(_COLUMNS, self._values, strict=True)
        known = ", ".join(name for name, values in columns if values is not None)
        return f"<Weather {self._span} in steps of {self.grid.step_us / 6e7:g} min: {known}>"


def _equal(one: Float64 | None, other: Float64 | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _regular_grid(times: np.ndarray) -> Grid:
    if len(times) < 2:
        raise InputError(
            f"weather: {len(times)} rows are too few; two or more are needed to know the step"
        )
    is_missing = np.isnat(times)
    if is_missing.any():
        raise InputError(f"weather: start_utc is missing in row {int(is_missing.argmax())}")
    starts_us = times.astype("datetime64[us]").view(np.int64)
    step_us = int(starts_us[1] - starts_us[0])
    is_irregular = np.diff(starts_us) != step_us
    if step_us <= 0 or is_irregular.any():
        row = int(is_irregular.argmax()) + 1 if step_us > 0 else 1
        raise InputError(
            f"weather: row {row} ({to_text(int(starts_us[row]))}) does not follow the row before by"
            f" one step of {abs(step_us) / 6e7:g} minutes; sort by start_utc, fill gaps, and put a"
            " typical year whose months are from several years on one year"
        )
    return Grid(int(starts_us[0]), step_us, len(starts_us))


def _checked(name: str, values: Float64, grid: Grid) -> Float64 | None:
    """A checked, read-only column, irradiance clipped at zero; None if null throughout."""
    least, most, unit = _LIMITS[name]
    is_missing = np.isnan(values)
    if is_missing.all():
        return None
    is_wrong = is_missing | (values < least) | (values > most)
    if is_wrong.any():
        row = int(is_wrong.argmax())
        time = to_text(grid.start_us + row * grid.step_us)
        outside = f"{values[row]:g} is outside {least:g} to {most:g} {unit}"
        problem = "is missing" if is_missing[row] else outside
        raise InputError(f"weather: {name} in row {row} ({time}) {problem}")
    clipped = values if name == "temp_air" else np.maximum(values, 0.0)
    kept = np.array(clipped, dtype=np.float64)
    kept.flags.writeable = False
    return kept


def _widened(grid: Grid, cells: Grid) -> tuple[Grid, int]:
    """`grid` extended by whole steps to cover `cells`, and how many steps were put before."""
    before = -(-(grid.start_us - cells.start_us) // grid.step_us)
    after = max(0, -(-(cells.end_us - grid.end_us) // grid.step_us))
    start_us = grid.start_us - before * grid.step_us
    return Grid(start_us, grid.step_us, before + grid.intervals + after), before


def _in_clear_sky_shape(
    values: Float64, clear: Float64, cell_edges_us: Int64, wide_edges_us: Int64
) -> Float64:
    """Irradiance of the cells with the clear sky's shape within each; on the wide grid."""
    clear_mean = mean_over(clear, wide_edges_us, cell_edges_us)
    is_lit = clear_mean > _DARK_W_M2
    index = np.divide(values, clear_mean, out=np.zeros_like(values), where=is_lit)
    return mean_over(index, cell_edges_us, wide_edges_us) * clear


TABLE = "typical_weather.csv.gz"
"""One row per hour of a year of 365 days, three columns per station in the order of `STATIONS`:
clear-sky share in half per cents, degrees Celsius, m/s."""

_YEAR_HOURS = 365 * 24
_HALF_YEAR_HOURS = 182 * 24.0
_LEAP_DAY_HOUR = 59 * 24  # hours of January and February before 29 February


class Station(NamedTuple):
    """A station whose typical year is bundled.

    Attributes
    ----------
    name : str
        Place and source of the typical year.
    latitude, longitude : float
        Degrees north, degrees east.
    utc_offset : int
        Standard time less UTC, hours; the table is in standard time.
    """

    name: str
    latitude: float
    longitude: float
    utc_offset: int


STATIONS = {
    "greensboro": Station("Greensboro NC (TMY3 723170)", 36.1, -79.95, -5),
    "miami": Station("Miami FL (TMY2 12839)", 25.8, -80.27, -5),
    "sand_point": Station("Sand Point AK (TMY3 703165)", 55.317, -160.517, -9),
}


def nearest_station(latitude: float) -> Station:
    """Return the station with the nearest latitude, north or south."""
    return min(STATIONS.values(), key=lambda station: abs(station.latitude - abs(latitude)))


def typical_conditions(site: SolarSite, grid: Grid) -> tuple[Sky, Conditions]:
    """Return the clear sky and the bundled weather for the intervals of any year.

    The irradiance is the clear sky's at the site, times the station's share at the same true solar
    time and day of the year. 29 February repeats the 28th. South of the equator the station's year
    is shifted by half a year.
    """
    station = nearest_station(site.latitude)
    clear_share, temp_air, wind_speed = _table()[station]
    station_hours = _station_hours(station)
    sky = clear_sky(site, grid)
    hours = _hours_of_year(middles_us(grid), site.longitude, sky.day_of_year)
    if site.latitude < 0:
        hours = hours + _HALF_YEAR_HOURS

    def at_site(values: Float64) -> Float64:
        return np.interp(hours, station_hours, values, period=_YEAR_HOURS)

    weather = Conditions(
        ghi=sky.ghi * at_site(clear_share),
        dni=None,
        dhi=None,
        temp_air=at_site(temp_air),
        wind_speed=at_site(wind_speed),
    )
    return sky, weather


@lru_cache(maxsize=1)
def _table() -> dict[Station, Float64]:
    """Clear-sky share, degrees Celsius and m/s by station, shape (3, 8760) each."""
    file = resources.files("flipkit.scenarios.solar") / TABLE
    text = gzip.decompress(file.read_bytes())
    columns = np.loadtxt(io.BytesIO(text), delimiter=",", skiprows=1).T
    scale = np.array([[0.005], [1.0], [1.0]])
    by_station = columns.reshape(len(STATIONS), 3, _YEAR_HOURS) * scale
    return dict(zip(STATIONS.values(), by_station, strict=True))


def _station_hours(station: Station) -> Float64:
    """True solar time of the middle of each row of the table, hours since the year began."""
    standard = np.arange(_YEAR_HOURS) + 0.5
    equation_of_time_h = _equation_of_time_h(standard // 24 + 1)
    hours = standard - station.utc_offset + station.longitude / 15 + equation_of_time_h
    return np.asarray(hours)


def _hours_of_year(times_us: Int64, longitude: float, day_of_year: Int64) -> Float64:
    """True solar time in hours since the year began, as if no year had a 29 February."""
    ahead_h = longitude / 15 + _equation_of_time_h(day_of_year)
    solar_time = (times_us + (3.6e9 * ahead_h).astype(np.int64)).view("datetime64[us]")
    year = solar_time.astype("datetime64[Y]")
    hours = (solar_time - year.astype("datetime64[us]")).astype(np.int64) / HOUR_US
    is_after_february = hours >= _LEAP_DAY_HOUR
    return np.asarray(hours - 24.0 * (_is_leap(year) & is_after_february))


def _is_leap(year: np.ndarray) -> np.ndarray:
    first_day = year.astype("datetime64[D]")
    next_first_day = (year + np.timedelta64(1, "Y")).astype("datetime64[D]")
    return np.asarray(next_first_day - first_day > np.timedelta64(365, "D"))


def _equation_of_time_h(day_of_year: np.ndarray) -> Float64:
    minutes = pvlib("solarposition").equation_of_time_spencer71(day_of_year)
    return np.asarray(minutes / 60)
