"""A whole what-if against plain loops: every column of summary, bills and intervals."""

import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import whole_oracle as by_hand

import flipkit as fk
from flipkit.frames import CHANGE_COLUMNS, library_of, records_of

MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
ZONES = {
    "Europe/London": "GBP",
    "Europe/Brussels": "EUR",
    "America/Los_Angeles": "USD",
    "Australia/Lord_Howe": "AUD",  # its clock is changed by half an hour
}
# Clock changes in all zones, a leap day, ends of months and years.
DAYS = [
    date(2024, 2, 28),
    date(2024, 3, 9),
    date(2024, 3, 30),
    date(2024, 4, 6),
    date(2024, 10, 5),
    date(2024, 10, 26),
    date(2024, 11, 2),
    date(2024, 12, 30),
    date(2025, 2, 28),
    date(2025, 5, 30),
]


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def window(hours):
    return f"{clock(hours[0])}-{clock(hours[1] or 1440)}"


# Homes and plans.


def some_hours(draw, quantum):
    """Prices that cover the day, one of them across midnight."""
    edges = sorted(draw(st.sets(st.integers(0, 1440 // quantum - 1), min_size=2, max_size=4)))
    edges = [quantum * each for each in edges]
    prices = [draw(st.integers(-100, 600)) / 1000 for _ in edges]
    return dict(zip([*pairwise(edges), (edges[-1], edges[0])], prices, strict=True))


def some_window(draw, quantum):
    begin, length = (
        draw(st.integers(0, 1440 // quantum - 1)),
        draw(st.integers(1, 1440 // quantum - 1)),
    )
    return begin * quantum, (begin + length) % (1440 // quantum) * quantum


def some_stay(draw, quantum):
    """Often of an hour in the night of a clock change; sometimes of a whole day."""
    at_night = st.integers(60 // quantum, 180 // quantum).map(lambda n: n * quantum)
    arrive, leave = some_window(draw, quantum)
    return draw(st.just(arrive) | at_night), draw(st.just(leave) | st.just(arrive) | at_night)


@st.composite
def homes(draw, site_id="home"):
    zone, day = draw(st.sampled_from(sorted(ZONES))), draw(st.sampled_from(DAYS))
    step = draw(st.sampled_from([15, 30, 60]))
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) + timedelta(
        minutes=draw(st.integers(-96, 95)) * 15
    )
    count, random = draw(st.integers(2, 3 * 1440 // step)), Random(draw(st.integers(0, 999_999)))
    most = draw(st.sampled_from([0, 700, 3000]))
    used = [random.choice([0, random.randrange(2000)]) / 1000 for _ in range(count)]
    made = [
        random.choice([0, random.randrange(most)]) / 1000 if most else 0.0 for _ in range(count)
    ]
    made[-1] += 0.001 * (most > 0)  # where there are panels, they make something
    return by_hand.Home(site_id, zone, start, step, used, made)


@st.composite
def plans(draw, home, name="all"):
    fine = draw(st.sampled_from([5, 15, 30]))
    if home.start.minute % 15 or fine == 5:
        fine = 5
    shift = by_hand.Shift(
        draw(st.integers(0, 100)) / 100, some_window(draw, fine), some_window(draw, fine)
    )
    minutes = int((home.end - home.start) / by_hand.MINUTE)
    step = draw(st.sampled_from([10, 15, 60, 1440]))
    profile = (
        step,
        [Random(step).randrange(500) / 1000 for _ in range(max(2, -(-minutes // step)))],
    )
    days = draw(st.sets(st.sampled_from(by_hand.DAYS), min_size=1) | st.just(by_hand.DAYS))
    stays = {day: (*some_stay(draw, fine), draw(st.integers(0, 300)) / 10) for day in sorted(days)}
    car = by_hand.Car(stays, draw(st.sampled_from([0.0, 2.3, 7.4, 22.0])))
    size, reserve = draw(st.integers(0, 200)) / 10, draw(st.integers(0, 100)) / 100
    begins = draw(st.floats(reserve, 1.0))
    ways = [draw(st.integers(50, 100)) / 100 for _ in range(2)]
    battery = by_hand.Battery(
        size, draw(st.integers(0, 80)) / 10 if size else 0.0, *ways, reserve, begins
    )
    return by_hand.Plan(
        name,
        some_hours(draw, fine),
        draw(st.none() | st.just(some_hours(draw, fine))),
        draw(st.integers(0, 20)) / 10,
        draw(st.none() | st.just(shift)),
        draw(st.none() | st.just(profile)),
        draw(st.integers(0, 40)) / 10 if any(home.made) else 0.0,
        draw(st.none() | st.just(car)),
        draw(st.none() | st.just(battery)),
    )


@st.composite
def cases(draw):
    """Up to three homes that have nothing in common, and what is different at each."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        home = draw(homes(f"home {number}"))
        today = by_hand.Plan(
            "today", some_hours(draw, 30), draw(st.none() | st.just({(0, 0): 0.05}))
        )
        found.append((home, today, draw(plans(home))))
    return found


# The same for flipkit.


def energy(found, library):
    columns = defaultdict(list)
    for home, *_ in found:
        columns["site_id"] += [home.site_id] * len(home.used)
        columns["start_utc"] += [home.begin(n) for n in range(len(home.used))]
        columns["consumption_kwh"] += home.used
        columns["generation_kwh"] += home.made
    return MAKE[library](columns)


def tariff(home, hours, name):
    if hours is None:
        return None
    rates = {window(each): price for each, price in hours.items()}
    return fk.Tariff.time_of_use(rates, currency=ZONES[home.zone], timezone=home.zone, name=name)


def changes(home, plan):
    profile = None
    if plan.added is not None:
        step, kwh = plan.added
        profile = [
            {"start_utc": home.start + n * step * by_hand.MINUTE, "kwh": each}
            for n, each in enumerate(kwh)
        ]
    moved = None if plan.shift is None else fk.Shift(plan.shift.share, *map(window, plan.shift[1:]))
    load = (
        None
        if plan == by_hand.Plan(plan.name, plan.bought, plan.sold)
        else fk.Load(plan.scale, moved, profile)
    )
    car, battery = plan.car, plan.battery
    if car is not None:
        week = {
            day: (clock(arrive), clock(leave), kwh)
            for day, (arrive, leave, kwh) in car.stays.items()
        }
        car = fk.EvCharging.weekly(week, max_power_kw=car.power_kw)
    if battery is not None:
        battery = fk.Battery(*battery[:4], reserve=battery.reserve, initial_soc=battery.begins)
    return {
        "tariff": tariff(home, plan.bought, "bought"),
        "export_tariff": tariff(home, plan.sold, "sold"),
        "load": load,
        "solar": fk.Solar.like_existing(plan.solar * 4, 4) if plan.solar else None,
        "ev": car,
        "battery": battery,
    }


def scenario(found, place):
    """One scenario, every change of it by site."""
    by_field = defaultdict(dict)
    for home, *both in found:
        for field, value in changes(home, both[place]).items():
            if value is not None:
                by_field[field][home.site_id] = value
    return fk.Scenario(found[0][1 + place].name, **by_field)


def simulated(found, library):
    return fk.simulate(energy(found, library), [scenario(found, 0), scenario(found, 1)])


# What is compared.

NEAR = {"rel": 1e-9, "abs": 1e-8}


def is_near(value, wanted):
    if isinstance(value, float) and isinstance(wanted, float):
        return abs(value - wanted) <= 1e-8 + 1e-9 * abs(
            wanted
        )  # a thousand times faster than pytest.approx
    return value == wanted


def check_intervals(rows, home, plan, done):
    starts = [home.begin(n) for n in range(len(home.used) + 1)]
    wanted = {
        "start_utc": starts[:-1],
        "end_utc": starts[1:],
        "consumption_kwh": done.used,
        "generation_kwh": done.made,
        "ev_kwh": done.car,
        "charge_kwh": done.charge,
        "discharge_kwh": done.discharge,
        "soc_kwh": done.stored,
        "stored_value": [None] * len(home.used),
        "import_kwh": done.bought,
        "export_kwh": done.sold,
        "import_cost": done.paid,
        "export_credit": done.earned,
        "own_use_cost": [0.0] * len(home.used),
    }
    same = {"site_id": home.site_id, "scenario": plan.name, "currency": ZONES[home.zone]}
    wanted |= {name: [value] * len(home.used) for name, value in same.items()}
    assert set(rows[0]) == {*wanted, *CHANGE_COLUMNS, "import_price", "finding"}
    for row in rows:
        assert row["finding"] is None
        assert row["battery_kwh"] in (None, 0.0 if plan.battery is None else plan.battery[0])
        paid = row["import_kwh"] * row["import_price"]
        assert paid == pytest.approx(row["import_cost"], abs=1e-9)
    for name, values in wanted.items():
        wrong = [n for n, row in enumerate(rows) if not is_near(row[name], values[n])]
        assert not wrong, (name, wrong[0], rows[wrong[0]][name], values[wrong[0]])


def check_bills(rows, home, plan, done):
    """Costs are rounded row by row; the last bit decides where a sum is a tie."""
    assert [(row["month"], row["component"]) for row in rows] == sorted(
        done.bills, key=lambda k: (k[0], k[1] < "i")
    )
    for row in rows:
        quantity, cost = done.bills[row["month"], row["component"]]
        rounded, is_tie = by_hand.in_cents(cost)
        assert row["cost"] == rounded or (is_tie and abs(row["cost"] - cost) < 0.005 + 1e-6)
        assert row["quantity"] == pytest.approx(quantity, abs=1e-6)
        assert (row["site_id"], row["scenario"], row["unit"]) == (home.site_id, plan.name, "kWh")
        assert row["currency"] == ZONES[home.zone]


def check_summary(row, home, plan, done, bills, first):
    cost = round(sum(each["cost"] for each in bills), 2)
    made, used, bought, sold = (
        sum(each) for each in (done.made, done.used, done.bought, done.sold)
    )
    stored_value = row["stored_change_value"]
    if plan.battery is None:
        assert stored_value is None
    else:
        assert abs(stored_value - done.stored_value) <= 0.005 + 1e-6
    wanted = {
        "site_id": home.site_id,
        "scenario": plan.name,
        "cost": cost,
        "saving": round(comparable(first) - (cost - (stored_value or 0.0)), 2),
        "currency": ZONES[home.zone],
        "import_kwh": pytest.approx(bought, abs=1e-6),
        "export_kwh": pytest.approx(sold, abs=1e-6),
        "self_consumption": pytest.approx(1 - done.sold_made / made, abs=1e-8) if made else None,
        "self_sufficiency": pytest.approx(1 - done.bought_used / used, abs=1e-8) if used else None,
        "peak_import_kw": pytest.approx(max(done.bought) / home.hours, **NEAR),
        "dispatch": None if plan.battery is None else "rule",
        "stored_change_kwh": pytest.approx(done.stored_more, abs=1e-5) if plan.battery else None,
        "stored_change_value": stored_value,
        "equivalent_cycles": None if done.cycles is None else pytest.approx(done.cycles, **NEAR),
        "cycles_per_year": None,
        "throughput_kwh": None,
    }
    if done.cycles is not None:
        years = len(done.used) * home.hours / 24 / 365.25
        wanted["cycles_per_year"] = pytest.approx(done.cycles / years, **NEAR)
        wanted["throughput_kwh"] = pytest.approx(sum(done.discharge), abs=1e-6)
    wanted |= dict.fromkeys(("cost_rule", "cost_day_ahead", "cost_optimal"))
    wanted |= dict.fromkeys(("capex", "lifetime_years", "discount_rate"))
    wanted |= dict.fromkeys(("payback_years", "npv", "irr"))
    said = row.pop("finding")
    for name in CHANGE_COLUMNS:
        row.pop(name)
    assert row == wanted
    assert set(re.findall(r"(?:^|; )([a-z]+\.[a-z_]+): ", said or "")) == done.findings


def comparable(row):
    """The cost less the value of what is stored at the end."""
    return row["cost"] - (row["stored_change_value"] or 0.0)


def by_site(frame):
    found = defaultdict(list)
    for row in records_of(frame):
        found[row["site_id"], row["scenario"]].append(row)
    return found


def check(found, library):
    result = simulated(found, library)
    frames = result.summary(band=False), result.bills(), result.intervals()
    assert {library_of(frame) for frame in frames} == {library}
    summary, bills, intervals = map(by_site, frames)
    keys = [(home.site_id, plan.name) for home, *both in found for plan in both]
    assert [list(each) for each in (summary, bills, intervals)] == [keys] * 3
    for home, *both in found:
        for plan in both:
            done, key = by_hand.evaluate(home, plan), (home.site_id, plan.name)
            check_intervals(intervals[key], home, plan, done)
            check_bills(bills[key], home, plan, done)
            [row] = summary[key]
            [first] = summary[home.site_id, both[0].name]
            check_summary(row, home, plan, done, bills[key], first)
    return result


@pytest.mark.slow
@given(cases(), st.sampled_from(sorted(MAKE)))
@settings(max_examples=80, deadline=None)
def test_every_column_is_that_of_a_plain_loop(found, library):
    check(found, library)


@pytest.mark.slow
@given(cases())
@settings(max_examples=6, deadline=None)
def test_waterfall_regret_and_band_agree_with_the_summary(found):
    result = simulated(found, "polars")
    summary = {key: row for key, [row] in by_site(result.summary()).items()}
    for (site, name), rows in by_site(result.waterfall()).items():
        first, *steps, last = rows
        assert first["cost"] == round(comparable(summary[site, "today"]), 2)
        assert last["cost"] == round(comparable(summary[site, name]), 2)
        assert last["change"] == -summary[site, name]["saving"]
        assert round(sum(row["change"] for row in steps), 6) == last["change"]
        assert not steps or steps[-1]["cost"] == last["cost"]
    for key, rows in by_site(result.regret()).items():
        whole = [row for row in rows if row["month"] is None]
        [own] = [row for row in whole if row["own"]]
        assert own["cost"] == round(comparable(summary[key]), 2)
        assert own["regret"] == round(own["cost"] - min(row["cost"] for row in whole), 2)
        for row in whole:
            pair = row["import_plan"], row["export_plan"]
            months = [
                each["cost"] for each in rows if (each["import_plan"], each["export_plan"]) == pair
            ][:-1]
            assert round(sum(months), 6) == row["cost"]
    for row in summary.values():
        if row["dispatch"] is None:
            assert row["cost_rule"] is None
        else:
            # What the battery lacks at the end is to be bought; what it has more is not sold.
            lacking = max(0.0, -row["stored_change_value"])
            assert row["cost_rule"] == round(row["cost"] + lacking, 2)


CHANGES = [
    *[
        (zone, day)
        for zone in ("Europe/London", "Europe/Brussels")
        for day in (date(2024, 3, 30), date(2024, 10, 26))
    ],
    *[("America/Los_Angeles", day) for day in (date(2024, 3, 9), date(2024, 11, 2))],
    *[("Australia/Lord_Howe", day) for day in (date(2024, 4, 6), date(2024, 10, 5))],
]


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("arrive", [75, 105, 135, 165])
def test_a_car_that_arrives_when_the_clock_is_changed(zone, day, arrive):
    """At an hour that is skipped or repeated; at low power it charges for the whole stay."""
    start = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
    home = by_hand.Home("home", zone, start, 15, [0.2] * 96, [0.0] * 96)
    stays = dict.fromkeys(by_hand.DAYS, (arrive, 300, 99.0))
    today = by_hand.Plan("today", {(0, 150): 0.1, (150, 0): 0.3})
    check([(home, today, replace(today, name="car", car=by_hand.Car(stays, 2.0)))], "polars")


@pytest.mark.slow
def test_a_leap_year_in_two_hemispheres():
    """A year and a day in hourly steps, with all changes at once."""
    found = []
    for number, zone in enumerate(["Australia/Lord_Howe", "Europe/London"]):
        random, count = Random(number), 24 * 367
        start = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        used = [random.randrange(2500) / 1000 for _ in range(count)]
        made = [random.randrange(3000) / 1000 * (8 <= n % 24 < 18) for n in range(count)]
        home = by_hand.Home(f"home {number}", zone, start, 60, used, made)
        today = by_hand.Plan("today", {(0, 0): 0.3}, {(0, 0): 0.05})
        car = by_hand.Car(dict.fromkeys(by_hand.DAYS[:5], (1110, 420, 9.5)), 7.4)
        battery = by_hand.Battery(6.5, 3.0, 0.96, 0.94, 0.1, 0.5)
        prices, earned = (
            {(30, 450): 0.09, (450, 1020): 0.27, (1020, 30): 0.41},
            {(0, 960): 0.08, (960, 0): 0.19},
        )
        shift = by_hand.Shift(0.2, (1020, 1200), (90, 330))
        heat = (1440, [random.randrange(9000) / 1000 for _ in range(368)])
        plan = by_hand.Plan("all", prices, earned, 1.1, shift, heat, 0.5, car, battery)
        found.append((home, today, plan))
    check(found, "polars")
