"""NREL's PVWatts: from light on the horizon to AC power.

The chain of version 8 (SAM's ``pvwattsv8``) by pvlib's functions: Perez onto the plane, reflection at coated glass,
De Soto's spectral polynomial, NOCT cell temperature, linear module, losses, inverter curve.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flipkit.scenarios.solar.sky import Floats, Light, Place, Sky, air_mass, altitude, pvlib

__all__ = ["Array", "ac_power"]

_ROOF_NOCT = 49.0  # degrees Celsius, PVWatts's installed NOCT of a fixed roof mount
_MODULE_EFFICIENCY = 0.19  # PVWatts v8, standard module; for its temperature alone
_COATING = {"n_ar": 1.3}  # refractive index of PVWatts's anti-reflective coating
_MOST_AIR_MASS = 10.0  # beyond it the polynomial falls to nothing, though the sun still shines
_SPECTRUM = {"A0": 0.918093, "A1": 0.086257, "A2": -0.024459, "A3": 0.002816, "A4": -0.000126}
"""Of polycrystalline silicon, De Soto et al. (2006), Solar Energy 80 (1), as in PVWatts v8."""


class Array(NamedTuple):
    """One kW of modules on one plane, and their inverter; as in `Solar`."""

    tilt: float
    azimuth: float
    losses: float
    dc_ac_ratio: float
    inverter_efficiency: float
    gamma_pdc: float
    albedo: float


def ac_power(array: Array, place: Place, sky: Sky, light: Light) -> Floats:
    """AC power by kW of DC nameplate, kW/kW, shape (n,); never above ``1 / dc_ac_ratio``.

    Parameters
    ----------
    array : Array
    place : Place
    sky : Sky
        The sun at the middle of each interval.
    light : Light
        Where it knows global light alone, Erbs (1982) parts it.

    Notes
    -----
    DC: effective light / 1000 x (1 + gamma (cell temperature - 25)) x (1 - losses). AC, of the load
    z = DC x ratio x efficiency: DC x efficiency / 0.9637 x (-0.0162 z - 0.0059 / z + 0.9858), at most 1 / ratio.
    Dobos (2014), PVWatts Version 5 Manual, NREL/TP-6A20-62641, equations 8 to 12.
    """
    air = air_mass(sky.apparent_zenith, altitude(place))
    plane = _on_the_plane(array, sky, light, air)
    cell = pvlib("temperature").noct_sam(
        plane["poa_global"], light.temp_air, light.wind_speed, _ROOF_NOCT, _MODULE_EFFICIENCY
    )
    dc = pvlib("pvsystem").pvwatts_dc(_absorbed(array, sky, plane, air), cell, 1.0, array.gamma_pdc)
    most_dc = 1 / array.dc_ac_ratio / array.inverter_efficiency
    with np.errstate(
        over="ignore"
    ):  # no light to speak of: 0.0059 / z is beyond all numbers, the power zero
        ac = pvlib("inverter").pvwatts(dc * (1 - array.losses), most_dc, array.inverter_efficiency)
    return np.asarray(ac, dtype=np.float64)


def _on_the_plane(array: Array, sky: Sky, light: Light, air: Floats) -> dict[str, Floats]:
    """Light on the modules, W/m2: global, direct, sky diffuse, ground reflected; zero while the sun is down."""
    irradiance = pvlib("irradiance")
    dni, dhi = light.dni, light.dhi
    if dni is None or dhi is None:
        parts = irradiance.erbs(light.ghi, sky.zenith, sky.day_of_year)
        dni, dhi = parts["dni"], parts["dhi"]
    with np.errstate(divide="ignore", invalid="ignore"):  # the sun below the horizon
        plane: dict[str, Any] = irradiance.get_total_irradiance(
            *(array.tilt, array.azimuth, sky.apparent_zenith, sky.azimuth, dni, light.ghi, dhi),
            dni_extra=irradiance.get_extra_radiation(sky.day_of_year),
            airmass=air,
            albedo=array.albedo,
            model="perez",
        )
    return {
        name: np.where(sky.apparent_zenith < 90, np.nan_to_num(values), 0.0)
        for name, values in plane.items()
    }


def _absorbed(array: Array, sky: Sky, plane: dict[str, Floats], air: Floats) -> Floats:
    """Effective light, W/m2: less what the glass reflects, weighed by the cell's answer to the spectrum."""
    iam = pvlib("iam")
    incidence = pvlib("irradiance").aoi(array.tilt, array.azimuth, sky.apparent_zenith, sky.azimuth)
    diffuse = iam.marion_diffuse("physical", array.tilt, **_COATING)
    light = (
        plane["poa_direct"] * iam.physical(incidence, **_COATING)
        + plane["poa_sky_diffuse"] * diffuse["sky"]
        + plane["poa_ground_diffuse"] * diffuse["ground"]
    )
    spectrum = pvlib("spectrum").spectral_factor_sapm(np.minimum(air, _MOST_AIR_MASS), _SPECTRUM)
    return np.asarray(light * spectrum)
