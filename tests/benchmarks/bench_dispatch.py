"""A half-hourly site-year of a battery: the exact optimum beside a linear program, and the rules.

Also a year under demand charges and under tiers, by linear program and MILP; and how long the first
dispatch on a machine takes, in a folder without compiled code. Wall times are medians with their
spread. Beside them is the processor time of this thread, which other work disturbs less.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import report, seconds

from flipkit.calendar import Grid
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch, dispatch_block, dispatch_tariff
from flipkit.tariffs import DemandCharge, DemandTier, Export, Ratchet, Rate, Tariff, Tier

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.dispatch_oracle import cheapest

COUNT, STEP_H, STEP_US = 365 * 48, 0.5, 1_800_000_000
START_US = 1_735_689_600_000_000  # 2025-01-01 in London
GRID = Grid(START_US, STEP_US, COUNT)
BATTERY = Battery(13.5, 5, export_from_battery=True)
EDGES = np.arange(0, COUNT + 1, 48)


def net_consumption(seed=1):
    rng = np.random.default_rng(seed)
    hour = np.arange(COUNT) % 48 / 2
    season = 0.6 - 0.4 * np.cos(2 * np.pi * np.arange(COUNT) / COUNT)
    daylight = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    solar = 3 * daylight * rng.random(COUNT) * season
    return rng.gamma(1.5, 0.25, COUNT) - solar


def plans():
    """Name, import and export price, and whether a linear program gives the same optimum."""
    hour = np.arange(COUNT) % 48 / 2
    bands = np.where(hour < 7, 0.09, np.where((hour >= 16) & (hour < 19), 0.40, 0.27))
    noise = np.random.default_rng(2).normal(0, 0.05, COUNT)
    wild = 0.2 + 0.1 * np.sin((hour - 9) / 12 * 2 * np.pi) + noise
    low, high = np.full(COUNT, 0.05), np.full(COUNT, 0.15)
    yield "three bands", bands, low, True
    yield "half-hourly prices", np.maximum(wild, 0.06), low, True
    yield "half-hourly prices, some negative", wild, np.minimum(wild, low), False
    yield "export above import at night", bands, high, False
    yield "half-hourly prices, export often above", wild, high, False
    yield "export above import all year", np.full(COUNT, 0.10), high, False


def exact_optimum():
    net = net_consumption()
    for name, buy, sell, is_linear in plans():

        def work(buy=buy, sell=sell):
            return dispatch(net, buy, sell, STEP_H, BATTERY, "optimal")

        result = work()
        own = seconds(work, repeat=15)
        print(f"\n{name}: {ms(own)} (goal 15 ms), processor {processor_ms(work):.1f} ms")
        print(f"  {result.method_used}, {result.note}")
        if is_linear:
            compare_with_highs(net, buy, sell, result, own)


def compare_with_highs(net, buy, sell, result, own):
    costs = []

    def work():
        costs.append(cheapest(net, buy, sell, STEP_H, BATTERY, binaries=False))

    peer = seconds(work, repeat=3)
    report("  exact year", own, "the linear program in HiGHS", peer, goal=100)
    apart = abs(result.cost / costs[0] - 1)
    print(f"  cost {result.cost:.6f}, HiGHS {costs[0]:.6f}: {apart:.1e} apart")


def rules_and_blocks():
    net = net_consumption()
    _, buy, sell, _ = next(plans())
    for method in ("rule", "rule_tou", "day_ahead"):

        def one_site(method=method):
            return dispatch(net, buy, sell, STEP_H, BATTERY, method, day_edges=EDGES)

        one_site()
        wall = ms(seconds(one_site, repeat=51))
        print(f"{method}, one site-year: {wall}, processor {processor_ms(one_site):.2f} ms")
    fleet = np.stack([net_consumption(seed) for seed in range(100)])
    for method in ("rule", "optimal"):

        def block(method=method):
            return dispatch_block(fleet, buy, sell, STEP_H, BATTERY, method)

        block()
        times = [each / len(fleet) for each in seconds(block, repeat=5)]
        goal = " (goal 0.3 ms)" if method == "rule" else ""
        print(f"{method}, a site-year in a block of {len(fleet)}: {ms(times)}{goal}")


def tariffs():
    """Name, and a tariff that couples intervals."""
    bands = (Rate(0.09, end="07:00", period="night"), Rate(0.30, "07:00", period="day"))
    low, high = Export("net_billing", (Rate(0.05),)), Export("net_billing", (Rate(0.15),))
    monthly = DemandCharge("all", (DemandTier(10.0),), interval_minutes=30)
    ratchet = DemandCharge(
        "all",
        (DemandTier(6.0, 3.0), DemandTier(12.0)),
        interval_minutes=30,
        ratchet=Ratchet(0.8, 11),
    )
    peak = DemandCharge(
        "peak", (DemandTier(8.0),), "16:00", "20:00", days="weekday", interval_minutes=60
    )
    rising, falling = ladders(0.1, 0.1), ladders(-0.02, -0.03)
    yield "a demand charge each month", tariff(bands, demand=(monthly,), export=low)
    yield (
        "demand by period, tiers, a ratchet of 80 %",
        tariff(bands, demand=(ratchet, peak), export=low),
    )
    yield "three tiers that rise", tariff(rising, tier_rule="chronological", export=low)
    yield "three tiers that fall", tariff(falling, tier_rule="chronological", export=low)
    yield (
        "a demand charge, and export above import at night",
        tariff(bands, demand=(monthly,), export=high),
    )


def tariff(rates, **charges):
    return Tariff("benchmark", "GBP", "Europe/London", rates, **charges)


def ladders(first_rise, second_rise):
    """Night and day, each in three tiers."""
    rates = []
    for start, end, price in (("00:00", "07:00", 0.1), ("07:00", "24:00", 0.3)):
        tiers = (
            Tier(price, 150),
            Tier(price + first_rise, 300),
            Tier(price + (first_rise + second_rise), None),
        )
        rates.append(Rate(start=start, end=end, tiers=tiers, period=start))
    return tuple(rates)


def under_tariffs():
    net, battery = net_consumption(), Battery(13.5, 5)
    for name, plan in tariffs():
        for method in ("day_ahead", "optimal"):
            started = time.perf_counter()
            result = dispatch_tariff(net, GRID, plan, battery, method)
            spent = time.perf_counter() - started
            print(f"{name}, {method}: {spent:,.2f} s, cost {result.cost:,.2f}")
            print(f"  {result.method_used}, {result.note}")


FIRST_DISPATCH = """
import sys, time
import numpy as np
from flipkit.calendar import Grid
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch
started = time.perf_counter()
net, buy, sell = np.sin(np.arange(17520.0)), np.ones(17520), np.zeros(17520)
dispatch(net, buy, sell, 0.5, Battery(10, 5), sys.argv[1])
print(time.perf_counter() - started)
"""


def first_on_a_machine():
    """In a new process, without compiled code on disk and with it."""
    for method in ("rule", "optimal"):
        with tempfile.TemporaryDirectory() as folder:
            first = seconds_of_first_dispatch(method, folder)
            second = seconds_of_first_dispatch(method, folder)
        print(f"{method}, the first site on a machine: {first:.2f} s; next process {second:.2f} s")


def seconds_of_first_dispatch(method, cache_folder):
    command = [sys.executable, "-c", FIRST_DISPATCH, method]
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache_folder}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return float(done.stdout)


def processor_ms(work, repeat=15):
    """The shortest processor time of this thread over some runs."""
    best = float("inf")
    for _ in range(repeat):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return 1e3 * best


def ms(times):
    middle = statistics.median(times)
    return f"{1e3 * middle:,.2f} ms +-{(max(times) - min(times)) / 2 / middle:.0%}"


if __name__ == "__main__":
    rules_and_blocks()
    exact_optimum()
    under_tariffs()
    first_on_a_machine()
