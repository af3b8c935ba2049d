"""The bundled weather year: how cloudy three stations typically are, under the clear sky of the site."""

from __future__ import annotations

import gzip
import io
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipkit.scenarios.solar.sky import Floats, Grid, Light, Place, Sky, clear_sky, pvlib

__all__ = ["STATIONS", "TABLE", "Station", "light", "nearest_station"]

TABLE = "typical_weather.csv.gz"
"""A row an hour of a year of 365 days; for each station the share of clear-sky light, degrees Celsius, and m/s."""

_HOURS = 365 * 24


class Station(NamedTuple):
    """A station whose typical year is bundled.

    Attributes
    ----------
    name : str
        Place, and the typical year it is from.
    latitude, longitude : float
        Degrees, degrees east.
    utc_offset : int
        Hours; its hours are of standard time.
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
    """The key of the station whose latitude, north or south, is nearest."""
    return min(STATIONS, key=lambda key: abs(STATIONS[key].latitude - abs(latitude)))


def light(place: Place, wanted: Grid) -> tuple[Sky, Light]:
    """The sky and the bundled weather over the intervals wanted, of any year.

    Clear-sky light at the place times the station's share at the same true solar time and day of the year; 29 February
    is the 28th again, and south of the equator the station's year is moved by half a year.
    """
    key = nearest_station(place.latitude)
    station, (share, air, wind) = STATIONS[key], _table()[key]
    sky = clear_sky(place, wanted)
    hour = _hour_of_year(wanted.middles_us, place.longitude, sky.day_of_year)
    if place.latitude < 0:
        hour = hour + 182 * 24.0
    taken = (
        np.interp(hour, _station_hours(station), values, period=_HOURS)
        for values in (share, air, wind)
    )
    part, temp_air, wind_speed = taken
    return sky, Light(sky.ghi * part, None, None, temp_air, wind_speed)


@lru_cache(maxsize=1)
def _table() -> dict[str, NDArray[np.float64]]:
    """Share of clear-sky light, degrees Celsius and m/s by station, shape (3, 8760) each."""
    packed = (resources.files("flipkit.scenarios.solar") / TABLE).read_bytes()
    numbers = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", skiprows=1)
    scale = np.array([[0.005], [1.0], [1.0]])  # shares are written in half per cents
    return {key: numbers.T[3 * at : 3 * at + 3] * scale for at, key in enumerate(STATIONS)}


def _station_hours(station: Station) -> Floats:
    """True solar time of the middle of each row of the table, hours since the year began."""
    standard = np.arange(_HOURS) + 0.5
    drift = pvlib("solarposition").equation_of_time_spencer71(standard // 24 + 1) / 60
    return np.asarray(standard - station.utc_offset + station.longitude / 15 + drift)


def _hour_of_year(
    times_us: NDArray[np.int64], longitude: float, day_of_year: NDArray[np.int64]
) -> Floats:
    """True solar time in hours since the year began, in years without a 29 February."""
    drift_h = longitude / 15 + pvlib("solarposition").equation_of_time_spencer71(day_of_year) / 60
    solar = (times_us + (3.6e9 * drift_h).astype(np.int64)).view("datetime64[us]")
    year = solar.astype("datetime64[Y]")
    hour = (solar - year.astype("datetime64[us]")).astype(np.int64) / 3.6e9
    following = (year + np.timedelta64(1, "Y")).astype("datetime64[D]")
    leap = following - year.astype("datetime64[D]") > np.timedelta64(365, "D")
    return np.asarray(hour - 24.0 * (leap & (hour >= 59 * 24)))
