"""Bills of 1,000 half-hourly site-years against a one-pass floor and PySAM, and more.

The plan has a weekday peak, two seasons, two tiers counted in the order of time, an export price
and a fixed charge.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

# One core for the floor and for the kernels; set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from timing import report, seconds

from flipkit.calendar import Grid, to_us
from flipkit.tariffs import Export, FixedCharge, PriceSeries, Rate, Tariff, Tier
from flipkit.tariffs.rating import Block, EnergySums, bill, bill_matrix, rate
from flipkit.tariffs.rating.rate_block import total_cost

# A year of 365 days that begins on a Monday, without a change of the clock: the only one PySAM
# knows.
SITES, STEP_US, YEAR, ZONE = 1000, 1_800_000_000, 2018, "America/Phoenix"
SUMMER, WINTER = (6, 7, 8, 9), (1, 2, 3, 4, 5, 10, 11, 12)


def plan(name="plan", scale=1.0):
    def tiers(low, high):
        return (Tier(low * scale, 300.0), Tier(high * scale))

    rates = []
    for season, months, peak, rest in (
        ("summer", SUMMER, 0.45, 0.25),
        ("winter", WINTER, 0.33, 0.22),
    ):
        peak_hours = {"start": "16:00", "end": "21:00", "months": months, "days": "weekday"}
        rates += [
            Rate(**peak_hours, tiers=tiers(peak, peak + 0.1), period=f"{season} peak"),
            Rate(
                start="21:00",
                end="16:00",
                months=months,
                days="weekday",
                tiers=tiers(rest, rest + 0.1),
                period=season,
            ),
            Rate(months=months, days="weekend", tiers=tiers(rest, rest + 0.1), period=season),
        ]
    extras = {
        "fixed": [FixedCharge("service", per_month=12.0)],
        "export": Export("net_billing", [Rate(0.05)]),
    }
    return Tariff(name, "USD", ZONE, tuple(rates), tier_rule="chronological", **extras)


def energy():
    rng = np.random.default_rng(3)
    count = (to_us(f"{YEAR + 1}-01-01", ZONE) - to_us(f"{YEAR}-01-01", ZONE)) // STEP_US
    hour = np.arange(count) % 48 / 2
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    consumption = 0.2 + rng.random((SITES, count)) * 0.8
    return consumption, rng.random((SITES, 1)) * 3 * sun * rng.random((SITES, count))


def frame(consumption, generation, library):
    sites, count = consumption.shape
    start = np.datetime64(to_us(f"{YEAR}-01-01", ZONE), "us") + np.arange(count) * np.timedelta64(
        30, "m"
    )
    names = [f"site-{number:05d}" for number in range(sites)]
    kwh = {"consumption_kwh": consumption.ravel(), "generation_kwh": generation.ravel()}
    if library == "pandas":
        import pandas as pd

        times = pd.DatetimeIndex(np.tile(start, sites)).tz_localize("UTC")
        return pd.DataFrame(
            {"site_id": pd.array(names, dtype="str").repeat(count), "start_utc": times, **kwh}
        )
    import polars as pl

    sizes = (
        pl.Series("site_id", names).to_frame().select(pl.col("site_id").repeat_by(count).explode())
    )
    times = pl.Series("start_utc", np.tile(start, sites)).dt.replace_time_zone("UTC")
    return sizes.with_columns(times, **{name: pl.Series(values) for name, values in kwh.items()})


def sam(consumption, generation):
    """PySAM's bill of one site-year under the same plan."""
    from PySAM import Utilityrate5

    model = Utilityrate5.new()
    weekday = [[2 if 16 <= hour < 21 else 1 for hour in range(24)] for _ in range(12)]
    for month in SUMMER:
        weekday[month - 1] = [period + 2 for period in weekday[month - 1]]
    weekend = [[3 if month in SUMMER else 1] * 24 for month in range(1, 13)]
    table = []
    for period, low in ((1, 0.22), (2, 0.33), (3, 0.25), (4, 0.45)):
        table += [[period, 1, 300, 0, low, 0.05], [period, 2, 1e38, 0, low + 0.1, 0.05]]
    given = {
        "analysis_period": 1,
        "inflation_rate": 0,
        "en_electricity_rates": 1,
        "degradation": [0],
        "system_use_lifetime_output": 0,
        "load": list(2 * consumption),
        "gen": list(2 * generation),
        "load_escalation": [0],
        "rate_escalation": [0],
        "ur_metering_option": 2,
        "ur_ec_sched_weekday": weekday,
        "ur_ec_sched_weekend": weekend,
        "ur_ec_tou_mat": table,
        "ur_monthly_fixed_charge": 12,
    }
    for name, value in given.items():
        model.value(name, value)
    model.execute()
    return model.Outputs.utility_bill_w_sys_year1


def block(consumption, generation, sites=SITES):
    names = tuple(f"site-{number:05d}" for number in range(sites))
    grid = Grid(to_us(f"{YEAR}-01-01", ZONE), STEP_US, consumption.shape[1])
    return Block(
        names, grid, consumption[:sites], None if generation is None else generation[:sites]
    )


def against_the_floor(consumption, generation):
    """Time one core from a block to all lines of its bills, alternating with the floor.

    The calendar is known, and the block holds net energy, as when a frame has been read; the
    floor reads the same block once.
    """
    price, tariff = np.random.default_rng(4).random(consumption.shape[1]), plan()
    alone, netted = block(consumption, None), block(consumption, generation)
    work = {
        "floor": lambda: netted.net_kwh @ price,
        "with export": partial(_rated, netted, tariff),
        "consumption alone": partial(_rated, alone, tariff),
    }
    times = {what: [] for what in work}
    for turn in range(26):
        for what, each in work.items():
            time = seconds(each, repeat=1)
            times[what] += time if turn else []  # the first run compiles and fills the caches
    for what in ("with export", "consumption alone"):
        ratio = _ratio(times[what], times["floor"])
        floor = f"floor x2d @ price {_ms(times['floor'])}"
        print(f"{what}: {_ms(times[what])}, {floor}: {ratio:.2f} times (goal 3)")


def _rated(energy, tariff):
    return rate(EnergySums(energy, True), tariff)


def against_sam(consumption, generation):
    tariff, fleet, one = plan(), block(consumption, generation), block(consumption, generation, 1)
    own, peer = total_cost(_rated(fleet, tariff))[0], sam(consumption[0], generation[0])
    assert abs(peer - own) < 0.01, (peer, own)
    peer = seconds(lambda: sam(consumption[0], generation[0]), repeat=15)
    times = seconds(lambda: _rated(fleet, tariff), repeat=15)
    report(
        "1,000 site-years", times, "PySAM Utilityrate5", [SITES * time for time in peer], goal=100
    )
    alone = seconds(lambda: rate(EnergySums(one), tariff), repeat=35)
    report("a site-year alone, in numpy", alone, "PySAM Utilityrate5", peer, goal=1)


def long_frames(consumption, generation):
    for library in ("pandas", "polars"):
        rows = frame(consumption, generation, library)
        bill(rows, plan())
        times = seconds(lambda rows=rows: bill(rows, plan()), repeat=7)
        print(f"frame of {len(rows):,} rows in, bills out, {library}: {_ms(times)} (goal 300 ms)")


def many_plans(consumption, generation):
    rows = frame(consumption, generation, "polars")
    tiered = [plan(f"plan {number:02d}", 1 + number / 100) for number in range(50)]
    edges = to_us(f"{YEAR}-01-01", ZONE) + STEP_US * np.arange(consumption.shape[1] + 1)
    spot = [
        PriceSeries(edges[:-1], edges[1:], prices)
        for prices in np.random.default_rng(6).random((50, len(edges) - 1))
    ]
    priced = [
        Tariff(f"spot {number:02d}", "USD", ZONE, series=series)
        for number, series in enumerate(spot)
    ]
    for what, plans in (("tiered plans with one calendar", tiered), ("price series", priced)):
        bill_matrix(rows, plans)
        one = seconds(partial(bill_matrix, rows, plans[:1]), repeat=5)
        many = seconds(partial(bill_matrix, rows, plans), repeat=5)
        print(f"50 {what}: {_ms(many)}, one {_ms(one)}: {_ratio(many, one):.1f} times (goal 6)")


FIRST = """
import time
import polars as pl
import flipkit as fk
begin, end = pl.datetime(2025, 1, 1, time_zone="UTC"), pl.datetime(2026, 1, 1, time_zone="UTC")
start = pl.datetime_range(begin, end, "30m", closed="left", eager=True).alias("start_utc")
energy = start.to_frame().with_columns(site_id=pl.lit("a"), consumption_kwh=pl.lit(0.25))
begun = time.perf_counter()
fk.bill(energy, fk.Tariff.flat(0.3, currency="GBP", timezone="Europe/London"))
print(time.perf_counter() - begun)
begun = time.perf_counter()
import flipkit.tariffs.rating.kernels_large
print(time.perf_counter() - begun)
"""


def first_call(*_):
    """Time the first bill in a new process, with code compiled and with code loaded."""
    with tempfile.TemporaryDirectory() as kept:
        runs = []
        for _ in range(4):
            place = {
                **os.environ,
                "NUMBA_CACHE_DIR": kept,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            }
            done = subprocess.run(
                [sys.executable, "-c", FIRST], env=place, capture_output=True, text=True, check=True
            )
            runs.append([float(line) for line in done.stdout.split()])
    bills, loads = zip(*runs, strict=True)
    print(f"first bill of a process, one site-year: {_ms(bills)}, without a compiler")
    print(f"compiled code: made once {_ms(loads[:1])}, loaded by later processes {_ms(loads[1:])}")


def _ms(times):
    middle = statistics.median(times)
    return f"{1e3 * middle:,.1f} ms +-{(max(times) - min(times)) / 2 / middle:.0%}"


def _ratio(one, other):
    return statistics.median(one) / statistics.median(other)


def main(which):
    consumption, generation = energy()
    for work in (against_the_floor, against_sam, long_frames, many_plans, first_call):
        if not which or work.__name__ in which:
            work(consumption, generation)


if __name__ == "__main__":
    main(sys.argv[1:])
