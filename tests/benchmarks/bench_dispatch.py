"""A half-hourly site-year of a battery: the exact optimum beside the same linear programme in HiGHS, and the rules.

Also what a bill adds: a year under demand charges and under tiers, by the programme in HiGHS; and what the first
dispatch on a machine waits for, in a folder without compiled code. Wall times are medians with their spread; beside
them the processor time of this thread, which other work on the machine disturbs less.
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

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch, dispatch_block, dispatch_tariff
from flipkit.tariffs import DemandCharge, DemandTier, Export, Ratchet, Rate, Tariff, Tier

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.dispatch_oracle import cheapest

COUNT, STEP_H = 365 * 48, 0.5
BATTERY = Battery(13.5, 5, export_from_battery=True)
EDGES = np.arange(0, COUNT + 1, 48)


def home(seed=1):
    rng, hour = np.random.default_rng(seed), np.arange(COUNT) % 48 / 2
    season = 0.6 - 0.4 * np.cos(2 * np.pi * np.arange(COUNT) / COUNT)
    sun = 3 * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.random(COUNT) * season
    return rng.gamma(1.5, 0.25, COUNT) - sun


def plans():
    """Name, import and export price, and whether a linear programme can say the same."""
    hour = np.arange(COUNT) % 48 / 2
    bands = np.where(hour < 7, 0.09, np.where((hour >= 16) & (hour < 19), 0.40, 0.27))
    wild = (
        0.2
        + 0.1 * np.sin((hour - 9) / 12 * 2 * np.pi)
        + np.random.default_rng(2).normal(0, 0.05, COUNT)
    )
    low, high = np.full(COUNT, 0.05), np.full(COUNT, 0.15)
    yield "three bands", bands, low, True
    yield "half-hourly prices", np.maximum(wild, 0.06), low, True
    yield "half-hourly prices, some negative", wild, np.minimum(wild, low), False
    yield "export above import at night", bands, high, False
    yield "half-hourly prices, export often above", wild, high, False
    yield "export above import all year", np.full(COUNT, 0.10), high, False


def against_highs():
    net = home()
    for name, buy, sell, is_linear in plans():
        result = dispatch(net, buy, sell, STEP_H, BATTERY, "optimal")
        own = seconds(lambda: dispatch(net, buy, sell, STEP_H, BATTERY, "optimal"), repeat=15)  # noqa: B023
        busy = processor_ms(lambda: dispatch(net, buy, sell, STEP_H, BATTERY, "optimal"))  # noqa: B023
        print(
            f"\n{name}: {ms(own)} (goal 15 ms), processor {busy:.1f} ms; {result.method_used}, {result.note}"
        )
        if is_linear:
            claims = []
            peer = seconds(
                lambda: claims.append(cheapest(net, buy, sell, STEP_H, BATTERY, whole=False)),  # noqa: B023
                repeat=3,
            )
            report("  exact year", own, "the linear programme in HiGHS", peer, goal=100)
            print(
                f"  cost {result.cost:.6f}, HiGHS {claims[0]:.6f}: {abs(result.cost / claims[0] - 1):.1e} apart"
            )


def rules():
    net, (_, buy, sell, _) = home(), next(plans())
    for method in ("rule", "rule_tou", "day_ahead"):

        def work(method=method):
            return dispatch(net, buy, sell, STEP_H, BATTERY, method, day_edges=EDGES)

        work()
        print(
            f"{method}, one site-year: {ms(seconds(work, repeat=51))}, processor {processor_ms(work):.2f} ms"
        )
    fleet = np.stack([home(seed) for seed in range(100)])
    for method in ("rule", "optimal"):

        def block(threads, method=method):
            return dispatch_block(fleet, buy, sell, STEP_H, BATTERY, method, threads=threads)

        block(1)
        for threads in (1, 2):
            times = [each / len(fleet) for each in seconds(lambda: block(threads), repeat=5)]  # noqa: B023
            goal = " (goal 0.3 ms)" if method == "rule" else ""
            print(
                f"{method}, a site-year in a block of {len(fleet)}, {threads} threads: {ms(times)}{goal}"
            )


def tariffs():
    """Name, and a tariff that couples intervals."""
    bands = (Rate(0.09, end="07:00", period="night"), Rate(0.30, "07:00", period="day"))
    sold, low = Export("net_billing", (Rate(0.05),)), Export("net_billing", (Rate(0.15),))
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
    yield "a demand charge each month", tariff(bands, demand=(monthly,), export=sold)
    yield (
        "demand by period, tiers, a ratchet of 80 %",
        tariff(bands, demand=(ratchet, peak), export=sold),
    )
    yield "three tiers that rise", tariff(ladders(0.1, 0.1), tier_rule="chronological", export=sold)
    yield (
        "three tiers that fall",
        tariff(ladders(-0.02, -0.03), tier_rule="chronological", export=sold),
    )
    yield (
        "a demand charge, and export above import at night",
        tariff(bands, demand=(monthly,), export=low),
    )


def tariff(rates, **charges):
    return Tariff("benchmark", "GBP", "Europe/London", rates, **charges)


def ladders(*rises):
    starts, steps = {"00:00": 0.1, "07:00": 0.3}, (0.0, rises[0], sum(rises))
    tiers = {
        begin: [
            Tier(first + rise, limit) for rise, limit in zip(steps, (150, 300, None), strict=True)
        ]
        for begin, first in starts.items()
    }
    return tuple(Rate(start=begin, end="07:00" if begin == "00:00" else "24:00", tiers=tuple(each), period=begin)
                 for begin, each in tiers.items())  # fmt: skip


def under_tariffs():
    net, begin, battery = home(), 1_735_689_600_000_000, Battery(13.5, 5)  # 2025-01-01 in London
    for name, plan in tariffs():
        for method in ("rule", "day_ahead", "optimal"):
            begun = time.perf_counter()
            result = dispatch_tariff(net, begin, 1_800_000_000, plan, battery, method)
            spent = time.perf_counter() - begun
            print(
                f"{name}, {method}: {spent:,.2f} s, cost {result.cost:,.2f}; {result.method_used}, {result.note}"
            )


def first_on_a_machine():
    """In a process of its own, with and without compiled code on disk."""
    code = """
import sys, time, numpy as np
from flipkit.scenarios.battery import Battery
from flipkit.scenarios.dispatch import dispatch
begun = time.perf_counter()
dispatch(np.sin(np.arange(17520.0)), np.ones(17520), np.zeros(17520), 0.5, Battery(10, 5), sys.argv[1])
print(time.perf_counter() - begun)
"""
    for method in ("rule", "optimal"):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            first, second = (
                float(
                    subprocess.run(
                        [sys.executable, "-c", code, method],
                        env=environment,
                        capture_output=True,
                        check=True,
                    ).stdout
                )
                for _ in range(2)
            )
        print(
            f"{method}, the first site on a machine: {first:.2f} s; in the next process {second:.2f} s"
        )


def processor_ms(work, repeat=15):
    """The least processor time of this thread over some runs."""
    best = float("inf")
    for _ in range(repeat):
        begun = time.thread_time()
        work()
        best = min(best, time.thread_time() - begun)
    return 1e3 * best


def ms(times):
    middle = statistics.median(times)
    return f"{1e3 * middle:,.2f} ms +-{(max(times) - min(times)) / 2 / middle:.0%}"


if __name__ == "__main__":
    rules()
    against_highs()
    under_tariffs()
    first_on_a_machine()
