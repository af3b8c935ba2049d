"""The weather of the stations that pvlib includes, as clear-sky index by hour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
from numpy.typing import NDArray

from .chance import Chance

__all__ = ["STATIONS", "Weather", "actual_days", "clear_share", "solar_hour", "typical_days"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LIGHTER = 0.5
"""Exponent of the clear-sky index: the stations are cloudier than the sites (data/README.md)."""

LOW_LIGHT_W_M2 = 40.0  # below this clear-sky irradiance the index is noise
REPLACED = 0.15  # share of days on which a site differs from its region


@dataclass(frozen=True)
class Station:
    """A station whose typical meteorological year comes with pvlib.

    Attributes
    ----------
    file : str
        Name in pvlib's data folder.
    latitude, longitude, altitude : float
        Degrees, degrees east, metres.
    utc_offset : int
        Hours; the file is in standard time.
    """

    file: str
    latitude: float
    longitude: float
    altitude: float
    utc_offset: int


STATIONS = {
    "greensboro": Station("723170TYA.CSV", 36.1, -79.95, 273, -5),
    "miami": Station("12839.tm2", 25.8, -80.27, 2, -5),
    "sand_point": Station("703165TY.csv", 55.317, -160.517, 7, -9),
}


@dataclass(frozen=True, eq=False)
class Weather:
    """Clear-sky index (of global horizontal irradiance) by day and true solar time.

    Attributes
    ----------
    hour : ndarray of float64, shape (365, 24)
        True solar time of the middle of each measured hour.
    share : ndarray of float64, shape (365, 24)
        Measured over clear-sky irradiance; dark hours have the value of the nearest bright hour.
    """

    hour: Floats
    share: Floats


def solar_hour(seconds: Ints, longitude: float) -> Floats:
    """True solar time in hours, 0..24, of instants given as seconds since 1970 UTC."""
    day_of_year = _day_of_year(seconds)
    minutes = pvlib.solarposition.equation_of_time_spencer71(day_of_year) + 4 * longitude
    return np.asarray(seconds % 86400 / 3600 + minutes / 60) % 24


@lru_cache(maxsize=4)
def clear_share(name: str) -> Weather:
    """The raised clear-sky index of a station for each hour of its typical year, put on 2025."""
    station = STATIONS[name]
    start = int(pd.Timestamp("2025-01-01").timestamp()) - 3600 * station.utc_offset
    middle = start + 1800 + 3600 * np.arange(8760)
    clear = _hourly_clear_sky(station, middle)
    bright = clear > LOW_LIGHT_W_M2
    share = np.where(bright, _measured_ghi(station) / np.maximum(clear, 1), np.nan).reshape(365, 24)
    filled = np.array([_nearest(day) for day in share])
    hour = solar_hour(middle, station.longitude).reshape(365, 24)
    # True solar time may move an hour across midnight, where it is dark; interpolation needs
    # increasing hours.
    hour = hour + np.where(
        hour - np.arange(24) > 12, -24, np.where(hour - np.arange(24) < -12, 24, 0)
    )
    return Weather(hour, np.clip(filled, 0.02, 1.15) ** LIGHTER)


def typical_days(days: Ints) -> Ints:
    """The station's days in their own order: day of the year, 0..364, of each date."""
    return np.minimum(_day_of_year(days * 86400) - 1, 364)


def actual_days(days: Ints, region: str, site_id: str) -> Ints:
    """The station's days shuffled within each month, by region, with exceptions for each site.

    Parameters
    ----------
    days : ndarray of int64, shape (n,)
        Distinct local dates, days since 1970.
    region, site_id : str
        Seeds of the region's order and the site's exceptions.

    Returns
    -------
    ndarray of int64, shape (n,)
        Day of the station's year, 0..364, for each date.
    """
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    drawn = typical_days(days)
    for month in np.unique(months):
        place = np.flatnonzero(months == month)
        first_day, next_first = (
            m.astype("datetime64[D]").astype(np.int64) for m in (month, month + 1)
        )
        first, length = int(typical_days(first_day[None])[0]), int(next_first - first_day)
        drawn[place] = first + Chance(f"weather {region} {month}").order(length)[: len(place)]
        own = Chance(f"weather {site_id} {month}")
        other = first + own.pick(len(place), length)
        drawn[place] = np.where(own.uniform(len(place)) < REPLACED, other, drawn[place])
    return drawn


def _day_of_year(seconds: Ints) -> Ints:
    dates = seconds.astype("datetime64[s]")
    since = dates.astype("datetime64[D]") - dates.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(since.astype(np.int64) + 1)


def _measured_ghi(station: Station) -> Floats:
    """Global horizontal irradiance of each hour, W/m2, shape (8760,)."""
    path = Path(pvlib.__file__).parent / "data" / station.file
    if path.suffix == ".tm2":
        return np.asarray(pvlib.iotools.read_tmy2(path)[0]["GHI"], dtype=float)
    return np.asarray(
        pvlib.iotools.read_tmy3(path, coerce_year=2025, map_variables=True)[0]["ghi"], dtype=float
    )


def _hourly_clear_sky(station: Station, middle: Ints) -> Floats:
    """Mean clear-sky irradiance of each hour, from its four quarters, W/m2, shape (8760,)."""
    quarters = (middle[:, None] + np.array([-1350, -450, 450, 1350])).ravel()
    place = pvlib.location.Location(station.latitude, station.longitude, altitude=station.altitude)
    times = pd.to_datetime(quarters, unit="s", utc=True)
    ghi = place.get_clearsky(times, model="ineichen")["ghi"].to_numpy(float)
    return np.asarray(ghi.reshape(-1, 4).mean(axis=1))


def _nearest(day: Floats) -> Floats:
    """Fill the dark hours of one day with the index of the nearest bright hour."""
    bright = np.flatnonzero(~np.isnan(day))
    nearest = bright[np.abs(np.arange(24)[:, None] - bright).argmin(axis=1)]
    return np.asarray(day[nearest])
