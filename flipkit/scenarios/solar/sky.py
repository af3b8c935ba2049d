"""Where the sun stands, and what a clear sky would give, on a regular grid of times."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flipkit.errors import ConfigurationError

__all__ = [
    "Floats",
    "Grid",
    "Light",
    "Place",
    "Sky",
    "clear_sky",
    "day_of_year",
    "mean_over",
    "pvlib",
]

Floats: TypeAlias = NDArray[np.float64]


class Place(NamedTuple):
    """Degrees north and degrees east."""

    latitude: float
    longitude: float


class Grid(NamedTuple):
    """Intervals of one length without a gap, microseconds since 1970 UTC."""

    first_us: int
    step_us: int
    size: int

    @property
    def edges_us(self) -> NDArray[np.int64]:
        """Starts, and the last end, shape (size + 1,)."""
        return self.first_us + self.step_us * np.arange(self.size + 1, dtype=np.int64)

    @property
    def middles_us(self) -> NDArray[np.int64]:
        """The middle of each interval, shape (size,)."""
        return self.edges_us[:-1] + self.step_us // 2

    def finer(self, most_us: int) -> Grid:
        """The same stretch in equal parts of an interval that are no longer than `most_us`."""
        parts = -(-self.step_us // most_us)
        return Grid(self.first_us, self.step_us // parts, self.size * parts)


class Sky(NamedTuple):
    """The sun at the middle of each interval, and the light of a clear sky; shape (n,) each.

    Angles in degrees, `apparent_zenith` with refraction, `azimuth` clockwise from north; light in W/m2: global
    horizontal, direct normal, diffuse horizontal.
    """

    zenith: Floats
    apparent_zenith: Floats
    azimuth: Floats
    day_of_year: NDArray[np.int64]
    ghi: Floats
    dni: Floats
    dhi: Floats

    def cut(self, first: int, size: int) -> Sky:
        """The sky of some intervals in a row."""
        return Sky(*(column[first : first + size] for column in self))  # type: ignore[arg-type]  # a tuple loses which is which


class Light(NamedTuple):
    """The weather of each interval: light in W/m2, air temperature in degrees Celsius, wind in m/s; shape (n,) each.

    `dni` and `dhi` are both None where the weather knows global light alone.
    """

    ghi: Floats
    dni: Floats | None
    dhi: Floats | None
    temp_air: Floats
    wind_speed: Floats


def pvlib(module: str) -> Any:
    """One of pvlib's modules, imported when it is first needed.

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


def altitude(place: Place) -> float:
    """Metres above the sea, from pvlib's table; below 0 only where land is."""
    return float(pvlib("location").lookup_altitude(*place))


def clear_sky(place: Place, grid: Grid) -> Sky:
    """The sun by NREL's SPA, clear-sky light by Ineichen and Perez under the place's monthly Linke turbidity.

    Both are pvlib's; the altitude is that of its table.
    """
    height = altitude(place)
    pressure = pvlib("atmosphere").alt2pres(height)
    middles = grid.middles_us.view("datetime64[us]")
    days = day_of_year(middles)
    sun = pvlib("solarposition").spa_python(middles, *place, altitude=height, pressure=pressure)
    apparent = sun["apparent_zenith"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):  # a sun far below the horizon
        clear = pvlib("clearsky").ineichen(
            apparent,
            air_mass(apparent, height),
            _turbidity(place, days),
            altitude=height,
        )
    light = [
        np.nan_to_num(np.asarray(clear[name], dtype=np.float64)) for name in ("ghi", "dni", "dhi")
    ]
    return Sky(sun["zenith"].to_numpy(), apparent, sun["azimuth"].to_numpy(), days, *light)


def _turbidity(place: Place, days: NDArray[np.int64]) -> Floats:
    """Linke turbidity of pvlib's monthly maps, drawn from the middle of a month to that of the next."""
    middles = np.arange("2025-01", "2026-01", dtype="datetime64[M]").astype(
        "datetime64[D]"
    ) + np.timedelta64(14, "D")
    index = (
        pvlib("solarposition").spa_python(middles, *place).index
    )  # pvlib wants its own kind of times
    monthly = pvlib("clearsky").lookup_linke_turbidity(index, *place, interp_turbidity=False)
    return np.asarray(np.interp(days, day_of_year(middles), monthly.to_numpy(), period=365.0))


def air_mass(apparent_zenith: Floats, height: float) -> Floats:
    """Air mass at the height's pressure (Kasten and Young 1989); NaN where the sun is down."""
    atmosphere = pvlib("atmosphere")
    relative = atmosphere.get_relative_airmass(apparent_zenith)
    return np.asarray(atmosphere.get_absolute_airmass(relative, atmosphere.alt2pres(height)))


def day_of_year(times: NDArray[Any]) -> NDArray[np.int64]:
    """1 for the first of January (UTC) of datetime64 times, shape (n,)."""
    days = times.astype("datetime64[D]")
    return np.asarray(
        (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    )


def mean_over(values: Floats, edges_us: NDArray[np.int64], wanted_us: NDArray[np.int64]) -> Floats:
    """Mean values over other intervals, each old interval counted by how much of it lies in the new one.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Means over the intervals between `edges_us`.
    edges_us : ndarray of int64, shape (n + 1,)
    wanted_us : ndarray of int64, shape (m + 1,)

    Returns
    -------
    ndarray of float64, shape (m,)
        Sum of value x length over the whole is kept where the new intervals cover the old ones.
    """
    hours, wanted = (edges_us - edges_us[0]) / 3.6e9, (wanted_us - edges_us[0]) / 3.6e9
    whole = np.concatenate([[0.0], np.cumsum(values * np.diff(hours))])
    return np.asarray(np.diff(np.interp(wanted, hours, whole)) / np.diff(wanted))
