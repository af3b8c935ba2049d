"""The bundled weather year: the typical cloudiness of three stations under the site's clear sky."""

from __future__ import annotations

import gzip
import io
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.solar.sky import Conditions, Sky, SolarSite, clear_sky, middles_us, pvlib
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["STATIONS", "TABLE", "Station", "conditions", "nearest_station"]

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


def nearest_station(latitude: float) -> str:
    """Return the key of the station with the nearest latitude, north or south."""
    return min(STATIONS, key=lambda key: abs(STATIONS[key].latitude - abs(latitude)))


def conditions(site: SolarSite, grid: Grid) -> tuple[Sky, Conditions]:
    """Return the clear sky and the bundled weather for the intervals of any year.

    The irradiance is the clear sky's at the site, times the station's share at the same true solar
    time and day of the year. 29 February repeats the 28th. South of the equator the station's year
    is shifted by half a year.
    """
    key = nearest_station(site.latitude)
    clear_share, temp_air, wind_speed = _table()[key]
    station_hours = _station_hours(STATIONS[key])
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
def _table() -> dict[str, Float64]:
    """Clear-sky share, degrees Celsius and m/s by station, shape (3, 8760) each."""
    file = resources.files("flipkit.scenarios.solar") / TABLE
    text = gzip.decompress(file.read_bytes())
    columns = np.loadtxt(io.BytesIO(text), delimiter=",", skiprows=1).T
    scale = np.array([[0.005], [1.0], [1.0]])
    by_station = columns.reshape(len(STATIONS), 3, _YEAR_HOURS) * scale
    return dict(zip(STATIONS, by_station, strict=True))


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
