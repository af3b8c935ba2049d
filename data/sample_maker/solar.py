"""AC production of a solar system: pvlib's PVWatts chain with the clear-sky index of a station."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pvlib
from numpy.typing import NDArray

from .clock import HALF_HOUR_S, HalfHours
from .weather import Weather, solar_hour

__all__ = ["Climate", "SolarSystem", "production_wh"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GAMMA_PER_K = -0.0035  # power coefficient of usual crystalline modules
DC_TO_AC = 1.2
INVERTER_EFFICIENCY = 0.96
WIND_M_S = 2.0
ALBEDO = 0.2


@dataclass(frozen=True)
class SolarSystem:
    """Size and place of a solar system.

    Attributes
    ----------
    latitude, longitude : float
        Degrees, degrees east.
    size_kw : float
        DC nameplate power.
    tilt, azimuth : float
        Degrees; azimuth clockwise from north.
    """

    latitude: float
    longitude: float
    size_kw: float
    tilt: float
    azimuth: float


@dataclass(frozen=True)
class Climate:
    """Simple model of the air temperature of a place, degrees Celsius.

    Attributes
    ----------
    january, july : float
        Mean of the coldest and of the warmest month.
    swing : float
        Half the difference between the warmest and the coldest hour of a day.
    """

    january: float
    july: float
    swing: float

    def temperature(self, day_of_year: Ints, hour: Floats) -> Floats:
        """Air temperature at true solar hours, shape (n,): warmest on 20 July at 15 h."""
        season = np.cos(2 * np.pi * (day_of_year - 200) / 365)
        mean = (self.january + self.july) / 2 + (self.july - self.january) / 2 * season
        return np.asarray(mean + self.swing * np.cos(2 * np.pi * (hour - 15) / 24))


def production_wh(
    system: SolarSystem, climate: Climate, clock: HalfHours, weather: Weather, weather_day: Ints
) -> Floats:
    """AC energy of each half-hour in Wh, shape (n,).

    Clear-sky irradiance (Ineichen, monthly Linke turbidity of the place) times the station's
    clear-sky index at the same true solar time; decomposition by Erbs; transposition by Hay-Davies;
    PVWatts module, losses (14.08 %) and inverter.

    Parameters
    ----------
    system : SolarSystem
        The system and its location.
    climate : Climate
        Air temperature.
    clock : HalfHours
        Half-hours to fill; each is evaluated at its middle.
    weather : Weather
        The station.
    weather_day : ndarray of int64, shape (n,)
        Day of the station's year that each half-hour has.
    """
    hour = solar_hour(clock.start_s + HALF_HOUR_S // 2, system.longitude)
    sun, clear = _sun_and_clear_sky(system.latitude, system.longitude, clock)
    times = sun.index
    ghi = clear * _share(weather, weather_day, hour)
    plane = _on_the_plane(system, sun, ghi, times)
    air = climate.temperature(times.day_of_year.to_numpy(), hour)
    return _pvwatts(system.size_kw, plane, air) * HALF_HOUR_S / 3600


@lru_cache(maxsize=2)  # the year and the current month of one site, each asked for several times
def _sun_and_clear_sky(
    latitude: float, longitude: float, clock: HalfHours
) -> tuple[pd.DataFrame, pd.Series]:
    """Position of the sun, and global horizontal irradiance of a clear sky, W/m2."""
    times = pd.to_datetime(clock.start_s + HALF_HOUR_S // 2, unit="s", utc=True)
    place = pvlib.location.Location(latitude, longitude)
    sun = place.get_solarposition(times)
    return sun, place.get_clearsky(times, model="ineichen", solar_position=sun)["ghi"]


def _share(weather: Weather, weather_day: Ints, hour: Floats) -> Floats:
    share = np.empty(len(hour))
    for day in np.unique(weather_day):
        here = weather_day == day
        share[here] = np.interp(hour[here], weather.hour[day], weather.share[day])
    return share


def _on_the_plane(
    system: SolarSystem, sun: pd.DataFrame, ghi: pd.Series, times: pd.DatetimeIndex
) -> Floats:
    """Plane-of-array irradiance, W/m2, shape (n,)."""
    parts = pvlib.irradiance.erbs(ghi, sun["zenith"], times)
    plane = pvlib.irradiance.get_total_irradiance(
        system.tilt,
        system.azimuth,
        sun["apparent_zenith"],
        sun["azimuth"],
        parts["dni"],
        ghi,
        parts["dhi"],
        dni_extra=pvlib.irradiance.get_extra_radiation(times),
        albedo=ALBEDO,
        model="haydavies",
    )
    return np.asarray(plane["poa_global"].fillna(0.0).to_numpy(float))


def _pvwatts(size_kw: float, plane: Floats, air: Floats) -> Floats:
    """AC power, W, shape (n,)."""
    roof = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["close_mount_glass_glass"]
    cell = pvlib.temperature.sapm_cell(plane, air, WIND_M_S, **roof)
    dc = pvlib.pvsystem.pvwatts_dc(plane, cell, 1000 * size_kw, GAMMA_PER_K)
    dc = dc * (1 - pvlib.pvsystem.pvwatts_losses() / 100)
    limit = 1000 * size_kw / DC_TO_AC / INVERTER_EFFICIENCY
    return np.asarray(np.maximum(pvlib.inverter.pvwatts(dc, limit, INVERTER_EFFICIENCY), 0.0))
