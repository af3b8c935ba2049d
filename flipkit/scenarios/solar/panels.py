"""Added solar generation."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipkit.calendar import format_times
from flipkit.checks import number
from flipkit.errors import InputError
from flipkit.scenarios.solar import typical_weather
from flipkit.scenarios.solar.pvwatts import Array, ac_power
from flipkit.scenarios.solar.sky import Floats, Grid, Place
from flipkit.scenarios.solar.weather import Weather

__all__ = ["Solar"]

_LONGEST_US = 900_000_000
"""The sun is taken at the middle of parts of at most a quarter of an hour, whatever the energy's own step."""

_RANGES: dict[str, tuple[float, float, str]] = {
    "tilt": (0.0, 90.0, "0 (flat) to 90 degrees (upright)"),
    "azimuth": (0.0, 360.0, "0 to 360 degrees clockwise from north; south is 180"),
    "latitude": (-90.0, 90.0, "-90 to 90 degrees north"),
    "longitude": (-180.0, 180.0, "-180 to 180 degrees east"),
    "losses": (0.0, math.nextafter(1.0, 0.0), "a fraction of 0 or more and below 1; 0.14 is 14 %"),
    "dc_ac_ratio": (0.1, 10.0, "0.1 to 10: DC nameplate over AC rating"),
    "inverter_efficiency": (0.5, 1.0, "a fraction of 0.5 to 1; 0.96 is 96 %"),
    "gamma_pdc": (-0.02, 0.0, "a fraction by kelvin of -0.02 to 0; -0.0037 is -0.37 %/K"),
    "albedo": (0.0, 1.0, "a fraction of 0 to 1"),
}
_PLANE = ("tilt", "azimuth", "latitude", "longitude")


@dataclass(frozen=True, slots=True)
class Solar:
    """Solar modules that are added to a home: modelled by PVWatts, or like the ones it has.

    ``Solar(5, 30, 180, latitude=51.5, longitude=-0.13)`` is modelled; ``Solar.like_existing(2, 4)`` produces half of
    what the site's 4 kW produce.

    Attributes
    ----------
    kw_dc : float
        DC nameplate that is added.
    tilt, azimuth : float
        Degrees from the horizontal; degrees clockwise from north (180 is south).
    latitude, longitude : float
        Degrees north and east of the site.
    losses : float
        Fraction of the DC energy lost to soiling, wiring, mismatch, shade and age: 0.14, PVWatts's default (Dobos 2014,
        NREL/TP-6A20-62641, table 6).
    dc_ac_ratio : float
        DC nameplate over the inverter's AC rating; 1.2, the default of the PVWatts calculator.
    inverter_efficiency : float
        At the rating: 0.96, PVWatts's default.
    gamma_pdc : float
        Change of power by kelvin: -0.0037, PVWatts v8's standard module (premium -0.0035).
    albedo : float
        Share of light that the ground reflects: 0.2, PVWatts's default.
    weather : Weather or DataFrame, optional
        As in `Weather.from_frame`; `weather_note` says what it is. Without, the bundled typical year. A weather year
        of 365 or 366 days also stands for other years, by month, day and time in UTC; 29 February is the 28th where it
        has none.
    existing_kw_dc : float, optional
        DC nameplate the site has already; set by `like_existing` alone.

    Raises
    ------
    InputError
        A field that is missing, no number, or outside its range; weather that cannot be used.

    Notes
    -----
    A fixed roof mount. Snow, horizon and the shade of trees are not modelled but by `losses`.
    """

    kw_dc: float
    tilt: float | None = None
    azimuth: float | None = None
    _: KW_ONLY
    latitude: float | None = None
    longitude: float | None = None
    losses: float = 0.14
    dc_ac_ratio: float = 1.2
    inverter_efficiency: float = 0.96
    gamma_pdc: float = -0.0037
    albedo: float = 0.2
    weather: Any = None
    existing_kw_dc: float | None = None

    def __post_init__(self) -> None:
        self._check("kw_dc", 0.0, 1e6, "a number of 0 or more, in kW")
        if self.existing_kw_dc is not None:
            self._check("existing_kw_dc", 1e-6, 1e6, "a number above 0, in kW")
            self._check_nothing_modelled()
            return
        for field, (least, most, wanted) in _RANGES.items():
            self._check(field, least, most, wanted)
        if self.weather is not None and not isinstance(self.weather, Weather):
            object.__setattr__(self, "weather", Weather.from_frame(self.weather))

    def _check(self, field: str, least: float, most: float, wanted: str) -> None:
        object.__setattr__(
            self, field, number(getattr(self, field), f"solar: {field}", wanted, least, most)
        )

    @classmethod
    def like_existing(cls, kw_dc: float, existing_kw_dc: float) -> Solar:
        """Modules that produce like those the site has: its generation x `kw_dc` / `existing_kw_dc`.

        Parameters
        ----------
        kw_dc : float
            DC nameplate that is added.
        existing_kw_dc : float
            DC nameplate behind the site's `generation_kwh`.

        Raises
        ------
        InputError
            A nameplate that is no number, negative, or, of the existing one, zero.
        """
        return cls(kw_dc, existing_kw_dc=existing_kw_dc)

    @property
    def label(self) -> str:
        """A few words for names: ``4 kW``."""
        return f"{self.kw_dc:g} kW"

    @property
    def weather_note(self) -> str:
        """What the generation is reckoned from, for people who must judge it."""
        if self.existing_kw_dc is not None:
            return f"the site's own generation x {self.kw_dc / self.existing_kw_dc:g}"
        if self.weather is not None:
            return f"weather handed in: {self.weather!r}"
        station = typical_weather.STATIONS[typical_weather.nearest_station(self.latitude or 0.0)]
        return (
            f"a stand-in: the typical cloudiness of {station.name}, made lighter, under the clear sky of"
            f" {self.latitude:g}, {self.longitude:g}; a year's energy can be off by 20 %, a day's is any day's."
            " Give weather=... of the site for a figure to rely on"
        )

    def generation_kwh(
        self, start_us: NDArray[np.int64], end_us: NDArray[np.int64], existing_kwh: Floats | None
    ) -> Floats:
        """AC energy that is added in each interval.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Microseconds since 1970 UTC; intervals of one length, in order.
        existing_kwh : ndarray of float64, shape (n,), or None
            The site's own generation; `like_existing` alone needs it.

        Returns
        -------
        ndarray of float64, shape (n,)
            kWh, 0 or more, read-only where it is shared.

        Raises
        ------
        InputError
            Intervals of several lengths; weather that does not cover them; `like_existing` without generation.
        ConfigurationError
            pvlib (extra ``solar``) is not installed.
        """
        if self.existing_kw_dc is not None:
            return self._scaled(existing_kwh)
        if not len(start_us):
            return np.zeros(0)
        grid, at = _grid(start_us, end_us)
        return np.asarray(self.kw_dc * _kwh_per_kw(replace(self, kw_dc=1.0), grid)[at])

    def _scaled(self, existing_kwh: Floats | None) -> Floats:
        assert self.existing_kw_dc is not None
        if existing_kwh is None or (len(existing_kwh) and not np.any(existing_kwh > 0)):
            raise InputError(
                "solar: like_existing scales the site's generation, and it has none; give generation_kwh in the energy,"
                " or describe the modules: Solar(kw_dc, tilt, azimuth, latitude=..., longitude=...)"
            )
        return np.asarray(existing_kwh * (self.kw_dc / self.existing_kw_dc))

    def _check_nothing_modelled(self) -> None:
        for field in (*_PLANE, "weather"):
            if getattr(self, field) is not None:
                raise InputError(
                    f"solar: {field} and existing_kw_dc exclude each other; it is modelled, or like the existing one"
                )


def _grid(start_us: NDArray[np.int64], end_us: NDArray[np.int64]) -> tuple[Grid, NDArray[np.int64]]:
    """The regular grid that holds all intervals, and the position of each in it."""
    first, step = int(start_us[0]), int(end_us[0] - start_us[0])
    at, rest = np.divmod(start_us - first, max(step, 1))
    wrong = (end_us - start_us != step) | (rest != 0) | (at < 0) | (step <= 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"solar: the interval at {format_times(start_us[row : row + 1].view('datetime64[us]'))[0]} is not one of a"
            f" regular series of {step / 6e7:g} minutes from the first; give energy of one step"
        )
    return Grid(first, step, int(at.max()) + 1), at


@lru_cache(maxsize=64)
def _kwh_per_kw(solar: Solar, grid: Grid) -> Floats:
    """Energy of each interval for a value of 1 kW, kWh: a sweep over sizes is reckoned once."""
    assert solar.tilt is not None
    assert solar.azimuth is not None
    assert solar.latitude is not None
    assert solar.longitude is not None
    place, fine = Place(solar.latitude, solar.longitude), grid.finer(_LONGEST_US)
    array = Array(
        *(solar.tilt, solar.azimuth, solar.losses, solar.dc_ac_ratio),
        *(solar.inverter_efficiency, solar.gamma_pdc, solar.albedo),
    )
    power = ac_power(array, place, *_light(solar.weather, place, fine))
    kwh = power.reshape(grid.size, -1).mean(axis=1) * (grid.step_us / 3.6e9)
    kwh.flags.writeable = False
    return np.asarray(kwh)


@lru_cache(maxsize=4)
def _light(weather: Weather | None, place: Place, grid: Grid) -> Any:
    """Sky and light: all planes of one place share them."""
    return typical_weather.light(place, grid) if weather is None else weather.light(place, grid)
