"""Hours by a clock of their own: prices, bills, demand, exports, plans and pictures."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from support.engine_help import billed, energy, hours_between

import flipkit as fk
from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs import Adder, DemandCharge, DemandTier, Export, Rate, Tariff, Tier

LONDON = {"currency": "GBP", "timezone": "Europe/London"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ECONOMY_7 = {"00:30-07:30": 0.15, "07:30-00:30": 0.30}


def economy7(**more):
    return Tariff.time_of_use(ECONOMY_7, **LONDON, **more)


def july_with_a_car(library=pd):
    """0.2 kW at all times, and a car with 6.8 kW from 00:30 to 04:30 in London."""
    count = hours_between("2025-07-01", "2025-08-01", "Europe/London", minutes=30)
    half_hour = np.arange(count) % 48
    charging = (half_hour >= 1) & (half_hour < 9)
    kwh = 0.1 + 3.4 * charging
    return energy(kwh, start="2025-07-01", zone="Europe/London", minutes=30, library=library)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_smart_meter_keeps_utc_all_summer(library):
    # Issue: July, car from 00:30 local: 196.23; with London hours 164.61. By hand, per day: the
    # night costs 7 h x 0.2 kW x 0.15, the day 17 h x 0.2 kW x 0.30, the car 27.2 kWh; of these
    # 6.8 kWh are before 01:30 and cost 0.30, not 0.15.
    day = 7 * 0.2 * 0.15 + 17 * 0.2 * 0.30
    by_utc = 31 * (day + 6.8 * 0.30 + 20.4 * 0.15)
    by_london = 31 * (day + 27.2 * 0.15)
    assert (round(by_utc, 2), round(by_london, 2)) == (196.23, 164.61)

    frame = july_with_a_car(library)
    utc = economy7(hours_timezone="UTC")
    assert sum(fk.bill(frame, utc)["cost"]) == pytest.approx(by_utc, abs=1e-9)
    assert sum(fk.bill(frame, economy7())["cost"]) == pytest.approx(by_london, abs=1e-9)
    plans = [utc.replace(name="UTC"), economy7(name="London")]
    matrix = fk.bill_matrix(frame, plans)
    found = dict(zip(matrix["tariff"], matrix["cost"], strict=True))
    assert found == pytest.approx({"UTC": by_utc, "London": by_london}, abs=1e-9)

    scenarios = [fk.Scenario("now", tariff=plans[1]), fk.Scenario("meter", tariff=plans[0])]
    summary = fk.simulate(frame, scenarios).summary()
    assert list(summary["cost"]) == pytest.approx([164.61, 196.23], abs=0.005)


@pytest.mark.parametrize("hours_zone", ["UTC", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_dates_are_local_and_hours_are_those_of_the_clock(hours_zone):
    # Minute by minute: the hour by one clock; season, weekday and holiday by the other.
    rates = [
        Rate(0.1, "00:00", "06:45", months=(7, 8)),
        Rate(0.2, "06:45", "24:00", days="weekday", months=(7, 8)),
        Rate(0.3, "06:45", "24:00", days="weekend", months=(7, 8)),
        Rate(0.9, "06:45", "24:00", days="holiday", months=(7, 8)),
        Rate(0.1, "00:00", "06:45", days="holiday", months=(7, 8)),
        Rate(0.5, months=(1, 2, 3, 4, 5, 6, 9, 10, 11, 12)),
    ]
    tariff = Tariff("x", "USD", "America/New_York", rates, holidays="US", hours_timezone=hours_zone)
    start, end = to_us("2025-06-29T12:00Z"), to_us("2025-07-08T12:00Z")
    series = tariff.prices(start, end)
    minutes = np.arange(start, end, 60_000_000)
    found = series.price_per_kwh[np.searchsorted(series.start_us, minutes, side="right") - 1]
    for at_us, price in zip(minutes[::5].tolist(), found[::5].tolist(), strict=True):
        at = EPOCH + timedelta(microseconds=at_us)
        date = at.astimezone(ZoneInfo("America/New_York")).date()
        hour = at.astimezone(ZoneInfo(hours_zone))
        is_night = 60 * hour.hour + hour.minute < 6 * 60 + 45
        if date.month == 6:
            want = 0.5
        elif is_night:
            want = 0.1
        elif (date.month, date.day) == (7, 4):
            want = 0.9
        else:
            want = 0.2 if date.weekday() < 5 else 0.3
        assert price == want, at


def test_every_charge_by_the_hour_goes_by_the_clock():
    # One kW at all times, 3 kW from 07:00 to 08:00 UTC (08:00 to 09:00 in London) every day.
    kwh = np.ones(hours_between("2025-07-01", "2025-08-01", "Europe/London"))
    hour = (np.arange(len(kwh)) - 1) % 24  # the first hour is 23:00 UTC
    kwh[hour == 7] = 3.0
    peak = DemandCharge("peak", DemandTier(2.0), "08:00", "10:00", interval_minutes=60)
    plan = Tariff.flat(0.2, **LONDON).replace(
        demand=peak,
        adders=Adder("grid", rates=[Rate(0.5, "08:00", "09:00"), Rate(0.0, "09:00", "08:00")]),
    )
    local = {key[1]: value for key, value in billed(kwh, plan, start="2025-07-01").items()}
    by_utc = billed(kwh, plan.replace(hours_timezone="UTC"), start="2025-07-01")
    utc = {key[1]: value for key, value in by_utc.items()}
    assert local["demand peak"] == pytest.approx((3.0, 6.0))
    assert utc["demand peak"] == pytest.approx((1.0, 2.0))
    adder_cost = [sum(v[1] for k, v in bill.items() if "grid" in k) for bill in (local, utc)]
    assert adder_cost == pytest.approx([31 * 3 * 0.5, 31 * 1 * 0.5])


def test_export_prices_go_by_the_clock():
    # 1 kWh out from 07:00 to 08:00 UTC, 1 kWh in at all other hours.
    count = hours_between("2025-07-01", "2025-08-01", "Europe/London")
    is_out = (np.arange(count) - 1) % 24 == 7
    rates = [Rate(0.4, "07:00", "08:00"), Rate(0.1, "08:00", "07:00")]
    tariff = Tariff.flat(0.2, **LONDON).replace(export=Export("net_billing", rates))
    earned = []
    for plan in (tariff, tariff.replace(hours_timezone="UTC")):
        found = billed(np.where(is_out, 0.0, 1.0), plan, 1.0 * is_out, start="2025-07-01")
        earned.append(-sum(cost for key, (_, cost) in found.items() if "export" in key[1]))
    assert earned == pytest.approx([31 * 0.1, 31 * 0.4])


def test_tiers_by_time_follow_the_clock():
    # The price of the next kWh: two ladders, in the hours of UTC. All July in one of them.
    ladder = [Tier(0.1, 10), Tier(0.2)]
    tariff = Tariff(
        "x",
        "GBP",
        "Europe/London",
        [
            Rate(tiers=ladder, start="00:00", end="12:00", period="a"),
            Rate(tiers=[Tier(0.5, 10), Tier(0.6)], start="12:00", end="24:00", period="b"),
        ],
        tier_rule="chronological",
        hours_timezone="UTC",
    )
    # 12 kWh between 12:00 and 13:00 London, which is before noon in UTC.
    kwh = np.zeros(24)
    kwh[12] = 12.0
    found = billed(kwh, tariff, start="2025-07-01", zone="Europe/London")
    cost = {key[1]: cost for key, (_, cost) in found.items() if cost}
    # A day of 31: the limit is 10/31 kWh.
    limit = 10 / 31
    assert cost == pytest.approx(
        {"energy a tier 1": limit * 0.1, "energy a tier 2": (12 - limit) * 0.2}
    )
    intervals = fk.simulate(
        energy(kwh, start="2025-07-01", zone="Europe/London"), [fk.Scenario("x", tariff=tariff)]
    ).intervals()
    assert sum(intervals["import_cost"]) == pytest.approx(limit * 0.1 + (12 - limit) * 0.2)


@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_a_battery_charges_in_the_hours_of_the_clock(method):
    count = hours_between("2025-07-01", "2025-07-04", "Europe/London", minutes=30)
    frame = energy(
        np.full(count, 0.25), start="2025-07-01", zone="Europe/London", minutes=30, library=pl
    )
    tariff = economy7(hours_timezone="UTC")
    scenario = fk.Scenario("x", tariff=tariff, battery=fk.Battery(2, 2))
    result = fk.simulate(frame, [scenario], dispatch=method).intervals()
    charged = [
        at for at, kwh in zip(result["start_utc"], result["charge_kwh"], strict=True) if kwh > 1e-9
    ]
    assert charged
    assert all(30 <= 60 * at.hour + at.minute < 450 for at in charged)


def test_it_is_a_field_like_the_others():
    utc = economy7(hours_timezone="UTC")
    assert utc != economy7()
    assert economy7(hours_timezone="Europe/London") == economy7()
    assert utc.describe().splitlines()[0] == (
        "Time of use: GBP per kWh, hours of UTC, days and months of Europe/London"
    )
    with pytest.raises(InputError, match="time zone 'Mars' is unknown"):
        economy7(hours_timezone="Mars")
    axes = utc.plot()
    assert axes.get_xlabel() == "local hour, UTC"
    prices = axes.collections[0].get_array()
    # All months have the same hours by this clock: night from 00:30 to 07:30.
    assert np.allclose(prices[:, 1:15], 0.15)
    assert np.allclose(np.delete(prices, range(1, 15), axis=1), 0.30)
    plt.close(axes.figure)


def test_parts_have_hours_of_their_own_clock():
    change = to_us("2025-07-16", "Europe/London")
    parts = [
        economy7(name="a").replace(valid_to_us=change),
        economy7(name="b", hours_timezone="UTC").replace(valid_from_us=change),
    ]
    both = Tariff.successive(parts)
    night = [both.prices(f"2025-07-{day}").start_us[1] for day in (15, 16)]
    assert night == [to_us("2025-07-14T23:30Z"), to_us("2025-07-16T00:30Z")]
    with pytest.raises(InputError, match="hours_timezone beside parts"):
        Tariff("x", "GBP", "Europe/London", parts=parts, hours_timezone="UTC")
    assert {part.hours_timezone for part in both.replace(hours_timezone="UTC").parts} == {"UTC"}
