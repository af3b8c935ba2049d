"""What-ifs: 1,000 homes under 4 tariffs x 3 batteries, and one site-year through the API.

The fleet is synthetic. Memory is the peak of the process, including the input frame.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

import flipkit as fk

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import kits

COUNT = 365 * 48
START = np.datetime64("2025-01-01T00:00", "us") + np.arange(COUNT) * np.timedelta64(30, "m")
GBP = {"currency": "GBP", "timezone": "Europe/London"}


def fleet(sites):
    rng = np.random.default_rng(0)
    sun = np.maximum(0.0, np.sin((np.arange(COUNT) % 48 - 12) / 24 * np.pi))
    used, made = np.empty(sites * COUNT), np.empty(sites * COUNT)
    for number in range(sites):
        rows = slice(number * COUNT, (number + 1) * COUNT)
        used[rows] = rng.gamma(1.5, 0.2, COUNT)
        made[rows] = sun * rng.uniform(0, 1.5) * rng.uniform(0.2, 1, COUNT)
    names = pl.Series("site_id", [f"s{number:04d}" for number in range(sites)], dtype=pl.String)
    columns = {
        "site_id": names.gather(np.repeat(np.arange(sites), COUNT)),
        "start_utc": pl.Series(np.tile(START, sites)).dt.replace_time_zone("UTC"),
        "consumption_kwh": used,
        "generation_kwh": made,
    }
    return pl.DataFrame(columns)


def scenarios():
    half_hours = pl.DataFrame({"start_utc": START, "end_utc": START + np.timedelta64(30, "m")})
    half_hours = half_hours.with_columns(pl.all().dt.replace_time_zone("UTC"))
    market = half_hours.with_columns(
        price_per_kwh=np.random.default_rng(1).uniform(0.05, 0.45, COUNT)
    )
    three = {"00:00-07:00": 0.2, "07:00-16:00": 0.25, "16:00-19:00": 0.45, "19:00-24:00": 0.25}
    tariffs = [
        fk.Tariff.flat(0.28, **GBP),
        fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.32}, name="nights", **GBP),
        fk.Tariff.time_of_use(three, name="three bands", **GBP),
        fk.Tariff.from_prices(market, name="half-hourly", **GBP),
    ]
    batteries = [None, fk.Battery(5, 2.5), fk.Battery(13.5, 5)]
    sold = fk.Tariff.flat(0.05, name="sold", **GBP)
    return fk.Scenario.grid("home", tariff=tariffs, battery=batteries, export_tariff=sold)


def by_fleet(sites):
    energy, chosen = fleet(sites), scenarios()
    print(f"{sites:,} sites, {len(chosen)} scenarios, {len(energy):,} rows")
    print(f"{_memory()} with the frame alone")
    for method, goal in (("rule", 10), ("optimal", 180)):
        begun = time.perf_counter()
        result = fk.simulate(energy, chosen, dispatch=method)
        done = time.perf_counter()
        rows = len(result.summary(band=False)) + len(result.bills())
        seconds = time.perf_counter() - done
        print(f"{method}: {done - begun:.1f} s (goal {goal} s), {_memory()} (goal 2 GiB)")
        print(f"{method}: summary and bills of {rows:,} rows in {seconds:.1f} s")


def through_the_api():
    """Count the calls that one site-year takes, by kind of price."""
    with fk.connect("emulator", frames="polars") as kit:
        for site in ("ca-01", "uk-01", "uk-02"):
            energy = fk.site_energy(kit, "2025-01", "2025-12", site_id=site)
            calls = kits.count_calls(kit)
            begun = time.perf_counter()
            home = fk.Scenario("battery", battery=fk.Battery(5, 2.5))
            result = fk.simulate(energy, [fk.Scenario("today"), home], prices=kit)
            seconds = time.perf_counter() - begun
            asked = len(calls)
            result.verified(kit, 50)
            print(f"{site}, a year: {asked} calls (goal 10), {seconds:.2f} s")
            print(f"{site}, certificate of 50 intervals: {len(calls) - asked} calls")


def _memory():
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"


if __name__ == "__main__":
    through_the_api()
    by_fleet(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
