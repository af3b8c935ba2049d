"""Helpers for tests of bills: energy as a frame, a bill as a dict."""

import numpy as np
import pandas as pd
import polars as pl

from flipkit.calendar import to_us
from flipkit.tariffs.rating import bill


def energy(
    consumption,
    generation=None,
    *,
    start="2025-01-01",
    zone="UTC",
    minutes=60,
    site="a",
    library=pd,
):
    """A frame of one site; `start` is a local date, or a time with its zone."""
    consumption = np.asarray(consumption, dtype=float)
    begin = np.datetime64(to_us(start, zone), "us")
    times = begin + np.arange(len(consumption)) * np.timedelta64(minutes, "m")
    columns = {"consumption_kwh": consumption}
    if generation is not None:
        columns["generation_kwh"] = np.broadcast_to(
            np.asarray(generation, dtype=float), consumption.shape
        ).copy()
    if library is pd:
        return pd.DataFrame(
            {"site_id": site, "start_utc": pd.DatetimeIndex(times).tz_localize("UTC"), **columns}
        )
    utc = pl.Series(times).dt.replace_time_zone("UTC")
    return pl.DataFrame({"start_utc": utc, **columns}).with_columns(site_id=pl.lit(site))


def hours_between(start, end, zone="UTC", minutes=60):
    return (to_us(end, zone) - to_us(start, zone)) // (minutes * 60_000_000)


def lines(frame):
    """{(month, component): (quantity, cost)} of a bill of one site; rows of one name are added."""
    out = {}
    for row in frame.to_dict("records"):
        key = row["month"], row["component"]
        quantity, cost = out.get(key, (0.0, 0.0))
        out[key] = quantity + row["quantity"], cost + row["cost"]
    return out


def billed(consumption, tariff, generation=None, *, dates=None, **more):
    more.setdefault("zone", tariff.timezone)
    return lines(bill(energy(consumption, generation, **more), tariff, billing_dates=dates))


def costs(found):
    return {key: cost for key, (_, cost) in found.items()}
