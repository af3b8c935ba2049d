"""Added solar generation: NREL's PVWatts by pvlib, or in proportion to existing modules.

The chain is that of PVWatts version 8 (SAM's ``pvwattsv8``): Perez onto the plane, reflection at
coated glass, De Soto's spectral polynomial, NOCT cell temperature, linear module, losses, inverter
curve.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from flipkit.calendar import Grid
from flipkit.checks import MOST, check_field
from flipkit.errors import InputError
from flipkit.scenarios.solar.sky import Conditions, Sky, SolarSite, air_mass, altitude, pvlib
from flipkit.scenarios.solar.weather import Weather, nearest_station, typical_conditions
from flipkit.vocabulary import HOUR_US, Float64

__all__ = ["Solar", "ac_power"]

# The sun is taken at the middle of parts of at most this length, whatever the energy's step.
_LONGEST_PART_US = HOUR_US // 4

_RANGES: dict[str, tuple[float, float, str]] = {
    "tilt": (0.0, 90.0, "0 (flat) to 90 degrees (upright)"),
    "azimuth": (0.0, 360.0, "0 to 360 degrees clockwise from north; south is 180"),
    "latitude": (-90.0, 90.0, "-90 to 90 degrees north"),
    "longitude": (-180.0, 180.0, "-180 to 180 degrees east"),
    "losses": (0.0, math.nextafter(1.0, 0.0), "a fraction of 0 or more and below 1; 0.14 is 14 %"),
    "dc_ac_ratio": (0.1, 10.0, "0.1 to 10: DC nameplate over AC rating"),
    "inverter_efficiency": (0.5, 1.0, "a fraction of 0.5 to 1; 0.96 is 96 %"),
    "gamma_pdc": (-0.02, 0.0, "a fraction per kelvin of -0.02 to 0; -0.0037 is -0.37 %/K"),
    "albedo": (0.0, 1.0, "a fraction of 0 to 1"),
}
_MODELLED_ONLY = ("tilt", "azimuth", "latitude", "longitude", "weather")

# Constants of PVWatts v8.
_ROOF_NOCT = 49.0  # degrees Celsius, installed NOCT of a fixed roof mount
_MODULE_EFFICIENCY = 0.19  # standard module; used for its temperature only
_COATING = {"n_ar": 1.3}  # refractive index of the anti-reflective coating
_MAX_AIR_MASS = 10.0  # beyond it the polynomial falls to zero although the sun still shines
# Polycrystalline silicon, De Soto et al. (2006), Solar Energy 80 (1).
_SPECTRUM = {"A0": 0.918093, "A1": 0.086257, "A2": -0.024459, "A3": 0.002816, "A4": -0.000126}


@dataclass(frozen=True, slots=True)
class Solar:
    """Solar modules added to a home, modelled by PVWatts or in proportion to the existing ones.

    ``Solar(5, 30, 180, latitude=51.5, longitude=-0.13)`` is modelled; ``Solar.like_existing(2, 4)``
    produces half of what the site's existing 4 kW produce.

    Parameters
    ----------
    kw_dc : float
        Added DC nameplate, kW, 0 or more.
    tilt : float
        Degrees from the horizontal, 0 to 90.
    azimuth : float
        Degrees clockwise from north, 0 to 360; south is 180.
    latitude, longitude : float
        Degrees north and degrees east of the site.
    losses : float, default 0.14
        Fraction of the DC energy lost to soiling, wiring, mismatch, shading and age. The default is
        that of PVWatts (Dobos 2014, NREL/TP-6A20-62641, table 6).
    dc_ac_ratio : float, default 1.2
        DC nameplate over the inverter's AC rating. The default is that of the PVWatts calculator.
    inverter_efficiency : float, default 0.96
        At the rating. The default is that of PVWatts.
    gamma_pdc : float, default -0.0037
        Change of power per kelvin, as a fraction. The default is the standard module of PVWatts v8;
        its premium module has -0.0035.
    albedo : float, default 0.2
        Fraction of the irradiance that the ground reflects. The default is that of PVWatts.
    weather : Weather or DataFrame, optional
        Columns as in `Weather.from_frame`: ``start_utc``, ``ghi`` and optionally ``dni``, ``dhi``
        (W/m2), ``temp_air`` (degrees Celsius), ``wind_speed`` (m/s). Weather of 365 or 366 days is
        also used for other years, by month, day and time in UTC; 29 February takes the 28th where
        the year has none. Default: the bundled typical year, a stand-in; see `weather_note`.
    existing_kw_dc : float, optional
        Existing DC nameplate, kW; set by `like_existing` only.

    Raises
    ------
    InputError
        A field that is missing, not a number or out of range; weather that cannot be used.

    Notes
    -----
    A fixed roof mount. Snow, horizon and shading are covered by `losses` only.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Solar(5, 30, 180, latitude=51.5, longitude=-0.13).label
    '5 kW'
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
        check_field(self, "kw_dc", "solar", "a number of 0 or more, in kW", most=MOST)
        if self.existing_kw_dc is not None:
            wanted = "a number above 0, in kW"
            check_field(self, "existing_kw_dc", "solar", wanted, least=1e-6, most=MOST)
            self._check_not_modelled()
            return
        for field, (least, most, wanted) in _RANGES.items():
            check_field(self, field, "solar", wanted, least, most)
        if self.weather is not None and not isinstance(self.weather, Weather):
            object.__setattr__(self, "weather", Weather.from_frame(self.weather))

    @classmethod
    def like_existing(cls, kw_dc: float, existing_kw_dc: float) -> Solar:
        """Return modules that produce the site's own generation x `kw_dc` / `existing_kw_dc`.

        Parameters
        ----------
        kw_dc : float
            Added DC nameplate, kW.
        existing_kw_dc : float
            DC nameplate behind the site's ``generation_kwh``, kW, above 0.

        Raises
        ------
        InputError
            A nameplate that is not a number, negative, or zero for the existing one.
        """
        return cls(kw_dc, existing_kw_dc=existing_kw_dc)

    @property
    def label(self) -> str:
        """The size, for names of scenarios: ``4 kW``."""
        return f"{self.kw_dc:g} kW"

    @property
    def weather_note(self) -> str:
        """What the generation is calculated from, in words."""
        if self.existing_kw_dc is not None:
            return f"the site's own generation x {self.kw_dc / self.existing_kw_dc:g}"
        if self.weather is not None:
            return f"the given weather: {self.weather!r}"
        site = self._site
        station = nearest_station(site.latitude)
        return (
            f"a stand-in: the typical cloudiness of {station.name}, made lighter, under the clear"
            f" sky of {site.latitude:g}, {site.longitude:g}; a year's energy can be off by 20 %,"
            " and single days are not those of the calendar. Pass weather=... of the site for"
            " reliable figures"
        )

    @property
    def _site(self) -> SolarSite:
        assert self.latitude is not None
        assert self.longitude is not None
        return SolarSite(self.latitude, self.longitude)

    def generation_kwh(self, grid: Grid, existing_kwh: Float64 | None) -> Float64:
        """Return the AC energy that is added in each interval.

        Parameters
        ----------
        grid : Grid
            The n intervals.
        existing_kwh : ndarray of float64, shape (n,), or None
            The site's own generation, kWh; needed by `like_existing` only.

        Returns
        -------
        ndarray of float64, shape (n,)
            kWh, 0 or more.

        Raises
        ------
        InputError
            Weather that does not cover the intervals; `like_existing` without generation.
        ConfigurationError
            pvlib (extra ``solar``) is not installed.
        """
        if self.existing_kw_dc is not None:
            return self._scaled(existing_kwh)
        one_kw = replace(self, kw_dc=1.0)  # energy is proportional to the size
        return np.asarray(self.kw_dc * _kwh_per_kw(one_kw, grid))

    def _scaled(self, existing_kwh: Float64 | None) -> Float64:
        assert self.existing_kw_dc is not None
        if existing_kwh is None or (len(existing_kwh) and not np.any(existing_kwh > 0)):
            raise InputError(
                "solar: like_existing scales the site's generation, but the site has none; give"
                " generation_kwh in the energy, or describe the modules: Solar(kw_dc, tilt,"
                " azimuth, latitude=..., longitude=...)"
            )
        return np.asarray(existing_kwh * (self.kw_dc / self.existing_kw_dc))

    def _check_not_modelled(self) -> None:
        for field in _MODELLED_ONLY:
            if getattr(self, field) is not None:
                raise InputError(
                    f"solar: {field} and existing_kw_dc exclude each other; describe the modules,"
                    " or scale the existing ones"
                )


@lru_cache(maxsize=64)
def _kwh_per_kw(solar: Solar, grid: Grid) -> Float64:
    """Energy of each interval for 1 kW, kWh; cached, so that a sweep over sizes runs once."""
    parts = -(-grid.step_us // _LONGEST_PART_US)  # rounded up
    fine = Grid(grid.start_us, grid.step_us // parts, grid.intervals * parts)
    sky, conditions = _conditions(solar.weather, solar._site, fine)
    power = ac_power(solar, sky, conditions)
    kwh = power.reshape(grid.intervals, -1).mean(axis=1) * (grid.step_us / HOUR_US)
    kwh.flags.writeable = False
    return np.asarray(kwh)


@lru_cache(maxsize=4)
def _conditions(weather: Weather | None, site: SolarSite, grid: Grid) -> tuple[Sky, Conditions]:
    """Sky and weather; cached, because all planes of one site share them."""
    if weather is None:
        return typical_conditions(site, grid)
    return weather.conditions(site, grid)


def ac_power(solar: Solar, sky: Sky, conditions: Conditions) -> Float64:
    """Return AC power per kW of DC nameplate, shape (n,); never above ``1 / dc_ac_ratio``.

    Global irradiance without its parts is divided by Erbs (1982).

    Notes
    -----
    DC: effective irradiance / 1000 x (1 + gamma (cell temperature - 25)) x (1 - losses). AC, with
    the load z = DC x ratio x efficiency: DC x efficiency / 0.9637 x (-0.0162 z - 0.0059 / z +
    0.9858), at most 1 / ratio. Dobos (2014), PVWatts Version 5 Manual, NREL/TP-6A20-62641,
    equations 8 to 12.
    """
    air = air_mass(sky.apparent_zenith, altitude(solar._site))
    plane = _plane_of_array(solar, sky, conditions, air)
    cell_temperature = pvlib("temperature").noct_sam(
        plane["poa_global"],
        conditions.temp_air,
        conditions.wind_speed,
        _ROOF_NOCT,
        _MODULE_EFFICIENCY,
    )
    effective = _effective_irradiance(solar, sky, plane, air)
    dc = pvlib("pvsystem").pvwatts_dc(effective, cell_temperature, 1.0, solar.gamma_pdc)
    max_dc = 1 / solar.dc_ac_ratio / solar.inverter_efficiency
    # With hardly any irradiance 0.0059 / z overflows, and the power is zero.
    with np.errstate(over="ignore"):
        ac = pvlib("inverter").pvwatts(dc * (1 - solar.losses), max_dc, solar.inverter_efficiency)
    return np.asarray(ac, dtype=np.float64)


def _plane_of_array(
    solar: Solar, sky: Sky, conditions: Conditions, air: Float64
) -> dict[str, Float64]:
    """Plane-of-array irradiance by component, W/m2; zero while the sun is down."""
    irradiance = pvlib("irradiance")
    dni, dhi = conditions.dni, conditions.dhi
    if dni is None or dhi is None:
        split = irradiance.erbs(conditions.ghi, sky.zenith, sky.day_of_year)
        dni, dhi = split["dni"], split["dhi"]
    with np.errstate(divide="ignore", invalid="ignore"):  # the sun below the horizon
        plane: dict[str, Any] = irradiance.get_total_irradiance(
            solar.tilt,
            solar.azimuth,
            sky.apparent_zenith,
            sky.azimuth,
            dni,
            conditions.ghi,
            dhi,
            dni_extra=irradiance.get_extra_radiation(sky.day_of_year),
            airmass=air,
            albedo=solar.albedo,
            model="perez",
        )
    is_day = sky.apparent_zenith < 90
    return {name: np.where(is_day, np.nan_to_num(plane[name]), 0.0) for name in plane}


def _effective_irradiance(
    solar: Solar, sky: Sky, plane: dict[str, Float64], air: Float64
) -> Float64:
    """Irradiance that the cells use, W/m2: less reflection, weighted by their spectral response."""
    iam = pvlib("iam")
    incidence = pvlib("irradiance").aoi(solar.tilt, solar.azimuth, sky.apparent_zenith, sky.azimuth)
    diffuse = iam.marion_diffuse("physical", solar.tilt, **_COATING)
    absorbed = (
        plane["poa_direct"] * iam.physical(incidence, **_COATING)
        + plane["poa_sky_diffuse"] * diffuse["sky"]
        + plane["poa_ground_diffuse"] * diffuse["ground"]
    )
    limited_air_mass = np.minimum(air, _MAX_AIR_MASS)
    spectral = pvlib("spectrum").spectral_factor_sapm(limited_air_mass, _SPECTRUM)
    return np.asarray(absorbed * spectral)
