"""Times and weather that the tests of solar share."""

import numpy as np
import pandas as pd
import polars as pl

from flipkit.calendar import Grid

HOUR_US = 3_600_000_000


def intervals(first, last, minutes):
    """Starts and ends in microseconds."""
    start = np.arange(
        np.datetime64(first, "us"), np.datetime64(last, "us"), np.timedelta64(minutes, "m")
    ).view(np.int64)
    return start, start + minutes * 60_000_000


def grid(first, last, minutes):
    """The same intervals as a Grid."""
    start, _ = intervals(first, last, minutes)
    return Grid(int(start[0]), minutes * 60_000_000, len(start))


def weather_frame(start_us, library="pandas", **columns):
    """A frame of weather."""
    times = start_us.view("datetime64[us]")
    if library == "polars":
        frame = pl.DataFrame({"start_utc": times, **columns})
        return frame.with_columns(pl.col("start_utc").dt.replace_time_zone("UTC"))
    return pd.DataFrame({"start_utc": pd.to_datetime(times, utc=True), **columns})


def elevation(times_us, latitude, longitude):
    """Solar elevation by Cooper's declination and the equation of time; right to a degree."""
    times = times_us.view("datetime64[us]")
    day = (times - times.astype("datetime64[Y]").astype("datetime64[us]")).astype(
        np.int64
    ) / 8.64e10
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    wave = 2 * np.pi * (day - 81) / 364
    minutes = 9.87 * np.sin(2 * wave) - 7.53 * np.cos(wave) - 1.5 * np.sin(wave)
    angle = (
        2
        * np.pi
        * (times_us % (24 * HOUR_US) / HOUR_US / 24 + longitude / 360 + minutes / 1440 - 0.5)
    )
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    return np.degrees(np.arcsin(sine))
