"""The same bits: compiled or not, alone or in a fleet, in any order, on any number of threads."""

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.engine_help import energy
from support.engine_tariffs import cases

import flipkit
from flipkit.calendar import Grid, to_us
from flipkit.frames import take
from flipkit.tariffs import Export, FixedCharge, PriceSeries, Rate, Tariff, Tier
from flipkit.tariffs.model import LocalClock
from flipkit.tariffs.rating import Block, EnergySums, RatingCalendar, bill, bill_matrix, rate
from flipkit.tariffs.rating.rate_block import total_cost
from flipkit.tariffs.rating.runs import partition

BILL = sys.modules[
    "flipkit.tariffs.rating.bill"
]  # the module; the package's own name is the function
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def bits(bills):
    return [
        (line.text, line.quantity.tobytes(), line.cost.tobytes(), line.shown.tobytes())
        for each in bills
        for line in each.lines
    ]


def bits_of_site(bills, site):
    return [
        (line.text, line.quantity[site].tobytes(), line.cost[site].tobytes())
        for each in bills
        for line in each.lines
    ]


@often
@given(cases(sites=6, days=40))
def test_compiled_code_has_the_bits_of_numpy(case):
    block, tariff = case
    assert bits(rate(EnergySums(block, True), tariff)) == bits(
        rate(EnergySums(block, False), tariff)
    )
    same = total_cost(rate(EnergySums(block, True), tariff)) == total_cost(
        rate(EnergySums(block, False), tariff)
    )
    assert same.all()


@often
@given(cases(sites=7, days=20), st.permutations(range(7)), st.booleans())
def test_a_site_has_the_same_bits_alone_and_in_any_fleet(case, order, compiled):
    block, tariff = case
    fleet = rate(EnergySums(block, compiled), tariff)
    mixed = rate(EnergySums(block.rows(np.array(order)), compiled), tariff)
    for place, site in enumerate(order):
        alone = rate(EnergySums(block.rows(slice(site, site + 1)), False), tariff)
        assert bits_of_site(alone, 0) == bits_of_site(fleet, site) == bits_of_site(mixed, place)


@often
@given(cases(sites=2, days=20))
def test_rating_twice_leaves_energy_and_tariff_as_they_were(case):
    block, tariff = case
    before = block.consumption_kwh.tobytes(), hash(tariff)
    usage = EnergySums(block)
    assert (
        bits(rate(usage, tariff))
        == bits(rate(usage, tariff))
        == bits(rate(EnergySums(block), tariff))
    )
    assert (block.consumption_kwh.tobytes(), hash(tariff)) == before


def fleet(sites=9, hours=400, library=pd):
    rng = np.random.default_rng(5)
    frames = [
        energy(rng.random(hours), 2 * rng.random(hours), site=f"site {number}", library=library)
        for number in range(sites)
    ]
    return (pd if library is pd else pl).concat(frames)


PLAN = Tariff(
    "plan",
    "USD",
    "America/Los_Angeles",
    (
        Rate(start="16:00", end="21:00", tiers=(Tier(0.4, 20), Tier(0.6)), period="peak"),
        Rate(0.2, "21:00", "16:00"),
    ),
    tier_rule="chronological",
    fixed=[FixedCharge("x", per_day=0.2)],
    export=Export("net_billing", [Rate(0.07)]),
)


TEXTS = ("site_id", "month", "component", "unit", "currency", "tariff", "finding")


def columns(frame, numbers=("quantity", "cost"), texts=TEXTS):
    found = take(frame, numbers=numbers, texts=texts)
    return {
        name: values.tobytes() if name in numbers else values.tolist()
        for name, values in found.items()
    }


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_size_change_nothing(monkeypatch, threads):
    want = columns(bill(fleet(), PLAN))
    monkeypatch.setattr(BILL, "LARGE", 1)
    monkeypatch.setattr("flipkit.tariffs.rating.energy.processors", lambda: threads)
    assert columns(bill(fleet(), PLAN)) == want


def spot(number, hours):
    edges = to_us("2024-12-20", "UTC") + 3_600_000_000 * np.arange(hours + 1)
    prices = np.random.default_rng(number).integers(-500, 5000, hours) / 10_000
    return PriceSeries(edges[:-1], edges[1:], prices)


@pytest.mark.parametrize("start", ["2025-01-10", "2025-01-10T00:20:00Z"])
def test_many_price_series_in_one_pass_have_the_bits_of_each_alone(monkeypatch, start):
    series = [spot(number, 2000) for number in range(40)]
    kinds = [
        None,
        Export("net_billing", series=series[0]),
        Export("buy_all_sell_all", series=series[1]),
    ]
    plans = [
        Tariff(
            f"plan {number:02d}",
            "USD",
            "America/Los_Angeles",
            series=each,
            export=kinds[number % 3],
        )
        for number, each in enumerate(series)
    ]
    rng = np.random.default_rng(8)
    frame = pd.concat(
        [energy(rng.random(700), rng.random(700), site=f"s{n}", start=start) for n in range(10)]
    )
    want = columns(bill_matrix(frame, plans), ["cost", "regret"], ["site_id", "tariff"])
    singles = [columns(bill_matrix(frame, [plan]), ["cost"], ["site_id"])["cost"] for plan in plans]
    assert b"".join(
        np.frombuffer(want["cost"]).reshape(10, 40)[:, number].tobytes() for number in range(40)
    ) == b"".join(singles)
    monkeypatch.setattr(BILL, "LARGE", 1)
    monkeypatch.setattr("flipkit.tariffs.rating.energy.processors", lambda: 2)
    assert columns(bill_matrix(frame, plans), ["cost", "regret"], ["site_id", "tariff"]) == want


def test_several_callers_at_once_get_the_same(monkeypatch):
    monkeypatch.setattr(BILL, "LARGE", 1)
    frame, want = fleet(), columns(bill(fleet(), PLAN))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: columns(bill(frame, PLAN)), range(8)))
    assert all(each == want for each in found)


def test_rows_in_any_order_and_library_are_one_bill():
    want = columns(bill(fleet(), PLAN))
    shuffled = fleet().sample(frac=1, random_state=3)
    by_time = fleet().sort_values("start_utc", kind="stable")
    for frame in (
        shuffled,
        by_time,
        fleet(library=pl),
        fleet(library=pl).sample(fraction=1, shuffle=True, seed=1),
    ):
        assert columns(bill(frame, PLAN)) == want
    assert isinstance(bill(fleet(library=pl), PLAN), pl.DataFrame)


@pytest.mark.parametrize(
    "frames",
    [
        [energy(np.ones(24), site="a"), energy(np.ones(24), site="b", start="2025-02-10")],
        [energy(np.ones(24), site="a"), energy(np.ones(24), site="b", minutes=30)],
        [energy(np.ones(20), site="a"), energy(np.ones(28), site="b")],
        [energy(np.ones(24), site="a").iloc[::-1], energy(np.ones(24), site="b").iloc[::-1]],
        [
            energy(np.ones(24), site="a").iloc[:12],
            energy(np.ones(24), site="b"),
            energy(np.ones(24), site="a").iloc[12:],
        ],
    ],
)
def test_sites_that_differ_in_times_or_order_are_kept_apart(frames):
    alone = [
        bill(pd.concat(frames)[lambda f, site=site: f["site_id"] == site], PLAN)
        for site in ("a", "b")
    ]
    assert columns(bill(pd.concat(frames), PLAN)) == columns(pd.concat(alone))


def test_sites_of_different_windows_and_steps_are_rated_each_for_itself():
    frames = [
        energy(np.full(48, 0.5), site="b", minutes=30),
        energy(np.ones(24), site="a"),
        energy(np.ones(30), site="c", start="2025-01-31"),
        energy(np.ones(24), site="d"),
    ]
    together = columns(bill(pd.concat(frames), PLAN))
    apart = [
        columns(bill(frame, PLAN))
        for frame in sorted(frames, key=lambda frame: frame["site_id"].iloc[0])
    ]
    assert together["component"] == [text for each in apart for text in each["component"]]
    assert together["cost"] == b"".join(each["cost"] for each in apart)


def test_tariffs_by_site_and_in_lists():
    other = Tariff.flat(0.3, currency="EUR", timezone="America/Los_Angeles", name="other")
    frame = fleet(sites=3)
    mixed = bill(frame, {"site 0": PLAN, "site 1": other, "site 2": PLAN})
    both = bill(frame, [PLAN, other])
    assert mixed["currency"].unique().tolist() == ["USD", "EUR"]
    for site, name in (("site 0", "plan"), ("site 1", "other"), ("site 2", "plan")):
        one = both[(both["site_id"] == site) & (both["tariff"] == name)]
        assert one["cost"].tolist() == mixed[mixed["site_id"] == site]["cost"].tolist()
    assert (
        both.groupby("site_id", sort=False)["tariff"].unique().map(list).tolist()
        == [["other", "plan"]] * 3
    )


def test_what_is_large_depends_on_whether_the_code_is_there(monkeypatch):
    import flipkit.tariffs.rating.kernels_large  # noqa: F401

    block = Block(("a",), Grid(0, 1, 2_000_000), np.zeros((1, 2_000_000)), None)
    assert BILL.is_large(block)
    monkeypatch.delitem(sys.modules, "flipkit.tariffs.rating.kernels_large")
    assert not BILL.is_large(block)


@pytest.mark.slow
def test_without_a_folder_for_a_cache_code_is_compiled_again(monkeypatch):
    import numba

    make = numba.njit

    def njit(*signature, cache=False, **options):
        def refuse(function):
            raise RuntimeError("cannot cache function: no locator available")

        return refuse if cache else make(*signature, **options)

    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.delitem(sys.modules, "flipkit.tariffs.rating.kernels_large", raising=False)
    made = importlib.import_module("flipkit.tariffs.rating.kernels_large")
    part = partition(RatingCalendar(Grid(0, 10, 8), 0, 80, LocalClock("UTC"), None), None, None)
    assert made.imports_and_exports(np.ones((4, 8)), part.runs)[0].tolist() == [[8.0]] * 4


def test_a_single_site_does_not_wait_for_a_compiler():
    code = """
import sys
import polars as pl
import flipkit as fk
begin, end = pl.datetime(2025, 1, 1, time_zone="UTC"), pl.datetime(2026, 1, 1, time_zone="UTC")
start = pl.datetime_range(begin, end, "30m", closed="left", eager=True).alias("start_utc")
energy = start.to_frame().with_columns(site_id=pl.lit("a"), consumption_kwh=pl.lit(0.25))
hours = {"00:00-07:00": 0.1, "07:00-24:00": 0.3}
tariff = fk.Tariff.time_of_use(hours, currency="GBP", timezone="Europe/London")
assert len(fk.bill(energy, tariff)) == 24
assert len(fk.bill_matrix(energy, [tariff])) == 1
print(*{"numba", "pandas", "holidays"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(flipkit.__file__).parents[1]
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_a_matrix_is_the_sum_of_the_bills():
    other = Tariff.flat(0.3, currency="USD", timezone="America/Los_Angeles", name="other")
    frame = fleet(sites=4)
    matrix = bill_matrix(frame, [other, PLAN])
    sums = bill(frame, [other, PLAN]).groupby(["site_id", "tariff"])["cost"].sum()
    assert matrix["cost"].to_numpy() == pytest.approx(sums.to_numpy(), abs=1e-12)
