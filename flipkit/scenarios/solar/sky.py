"""The position of the sun and the irradiance of a clear sky on a regular grid of times."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.errors import ConfigurationError
from flipkit.vocabulary import Float64, Int64

__all__ = [
    "Conditions",
    "Sky",
    "SolarSite",
    "air_mass",
    "altitude",
    "clear_sky",
    "day_of_year",
    "mean_over",
    "middles_us",
    "pvlib",
]


class SolarSite(NamedTuple):
    """Where the modules are: degrees north and degrees east."""

    latitude: float
    longitude: float


class Sky(NamedTuple):
    """The sun at the middle of each interval and the irradiance of a clear sky, shape (n,) each.

    Angles are in degrees: `apparent_zenith` includes refraction, `azimuth` is clockwise from north.
    Irradiance is in W/m2: global horizontal, direct normal, diffuse horizontal.
    """

    zenith: Float64
    apparent_zenith: Float64
    azimuth: Float64
    day_of_year: Int64
    ghi: Float64
    dni: Float64
    dhi: Float64

    def part(self, first: int, count: int) -> Sky:
        """Return `count` intervals, beginning with the one at `first`."""
        kept = slice(first, first + count)
        return Sky._make(column[kept] for column in self)


class Conditions(NamedTuple):
    """The weather of each interval, shape (n,) each.

    Irradiance in W/m2, air temperature in degrees Celsius, wind in m/s. `dni` and `dhi` are both
    None where the weather has global irradiance only.
    """

    ghi: Float64
    dni: Float64 | None
    dhi: Float64 | None
    temp_air: Float64
    wind_speed: Float64


def pvlib(module: str) -> Any:
    """Import one of pvlib's modules on first use.

    Raises
    ------
    ConfigurationError
        pvlib is not installed.
    """
    try:
        return importlib.import_module(f"pvlib.{module}")
    except ImportError as error:
        raise ConfigurationError(
            f"Solar needs pvlib ({error}): pip install flipkit[solar]"
        ) from error


def altitude(site: SolarSite) -> float:
    """Return metres above sea level from pvlib's table."""
    return float(pvlib("location").lookup_altitude(site.latitude, site.longitude))


def clear_sky(site: SolarSite, grid: Grid) -> Sky:
    """Return the sun by NREL's SPA and the clear-sky irradiance by Ineichen and Perez.

    Both are pvlib's, with its monthly Linke turbidity and the altitude of its table.
    """
    height = altitude(site)
    times = middles_us(grid).view("datetime64[us]")
    days = day_of_year(times)
    sun = pvlib("solarposition").spa_python(
        times,
        site.latitude,
        site.longitude,
        altitude=height,
        pressure=pvlib("atmosphere").alt2pres(height),
    )
    apparent_zenith = sun["apparent_zenith"].to_numpy()
    turbidity = _turbidity(site, days)
    with np.errstate(divide="ignore", invalid="ignore"):  # the sun far below the horizon
        clear = pvlib("clearsky").ineichen(
            apparent_zenith, air_mass(apparent_zenith, height), turbidity, altitude=height
        )
    return Sky(
        zenith=sun["zenith"].to_numpy(),
        apparent_zenith=apparent_zenith,
        azimuth=sun["azimuth"].to_numpy(),
        day_of_year=days,
        ghi=_without_nan(clear["ghi"]),
        dni=_without_nan(clear["dni"]),
        dhi=_without_nan(clear["dhi"]),
    )


def _without_nan(irradiance: Any) -> Float64:
    return np.nan_to_num(np.asarray(irradiance, dtype=np.float64))


def _turbidity(site: SolarSite, days: Int64) -> Float64:
    """Linke turbidity of pvlib's monthly maps, interpolated between the middles of the months."""
    months = np.arange("2025-01", "2026-01", dtype="datetime64[M]")
    middles = months.astype("datetime64[D]") + np.timedelta64(14, "D")
    # pvlib wants a pandas index: the one of its own solar positions.
    positions = pvlib("solarposition").spa_python(middles, site.latitude, site.longitude)
    monthly = pvlib("clearsky").lookup_linke_turbidity(
        positions.index, site.latitude, site.longitude, interp_turbidity=False
    )
    turbidity = np.interp(days, day_of_year(middles), monthly.to_numpy(), period=365.0)
    return np.asarray(turbidity)


def air_mass(apparent_zenith: Float64, height: float) -> Float64:
    """Return the air mass (Kasten and Young 1989) at a height; NaN where the sun is down."""
    atmosphere = pvlib("atmosphere")
    relative = atmosphere.get_relative_airmass(apparent_zenith)
    return np.asarray(atmosphere.get_absolute_airmass(relative, atmosphere.alt2pres(height)))


def middles_us(grid: Grid) -> Int64:
    """Return the middle of each interval, microseconds UTC, shape (n,)."""
    return grid.edges_us[:-1] + grid.step_us // 2


def day_of_year(times: np.ndarray) -> Int64:
    """Return 1 for 1 January (UTC) and so on, of datetime64 times, shape (n,)."""
    days = times.astype("datetime64[D]")
    first_days = days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray((days - first_days).astype(np.int64) + 1)


def mean_over(values: Float64, edges_us: Int64, new_edges_us: Int64) -> Float64:
    """Average means of intervals over other intervals, weighted by time.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Means over the intervals between `edges_us`.
    edges_us : ndarray of int64, shape (n + 1,)
    new_edges_us : ndarray of int64, shape (m + 1,)

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    hours = (edges_us - edges_us[0]) / 3.6e9
    new_hours = (new_edges_us - edges_us[0]) / 3.6e9
    # The integral up to each edge: its differences keep the total where the intervals are covered.
    integral = np.concatenate([[0.0], np.cumsum(values * np.diff(hours))])
    parts = np.diff(np.interp(new_hours, hours, integral))
    return np.asarray(parts / np.diff(new_hours))
