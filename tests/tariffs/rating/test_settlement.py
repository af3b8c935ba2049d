"""Net metering, credit, minimums and ladders across seasons, by hand: engine and oracle alike."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from support.bill_as_tariff import energy_frame, tariff_of
from support.bill_hand import D, bill_by, flat, numbers, profile, total
from support.bill_plan import ALL_DAYS, MONTHS, Export, Limit, Period, Plan, When

import flipkit as fk
from flipkit.frames import records_of
from flipkit.tariffs import Adder, Minimum, PriceSeries, Rate, Tariff
from flipkit.tariffs import Export as TariffExport

SUMMER = (6, 7, 8, 9)
WINTER = tuple(month for month in MONTHS if month not in SUMMER)
HOUR_OF_JUNE = 151 * 24  # in a year of 365 days
NET_YEAR = Export("net_metering", carry_over="year")


@pytest.fixture(params=["oracle", "engine"])
def rate(request):
    return partial(bill_by, request.param)


def cost(rows):
    return round(sum(total(rows).values()), 6)


def by_month(rows):
    return {month: round(money, 6) for month, money in total(rows).items()}


def in_season(name, price, months, start=0, end=24):
    when = When(months, ALL_DAYS, start * 60, end * 60)
    return Period(name, (when,), numbers(price))


def peak_and_rest(season, peak, rest, months, start=12, end=18):
    return (
        in_season(f"{season} peak", peak, months, start, end),
        in_season(f"{season} rest", rest, months, end, start),
    )


# --- net metering: which hours the kWh serve


def test_kwh_of_summer_serve_the_winter_at_another_price(rate):
    # PySAM 7.1, net metering: 1 kW all year, 2 kW of panels in June to September: 362.40
    plan = Plan(
        "UTC",
        (in_season("winter", 0.10, WINTER), in_season("summer", 0.15, SUMMER)),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    sun = dict.fromkeys(range(HOUR_OF_JUNE, HOUR_OF_JUNE + 122 * 24), 2)
    rows = rate([plan], profile("UTC", "2025-01-01", 8760, 1, generation=sun))
    assert cost(rows) == 362.40


@pytest.mark.parametrize("named", [True, False])
def test_a_surplus_by_day_serves_the_same_hours_of_the_next_season(rate, named):
    # PySAM 7.1: 1,000 kWh in September from 12:00 to 18:00; October uses 400 kWh in these hours and
    # 400 in others: 400 x 0.10
    plan = Plan(
        "UTC",
        peak_and_rest("summer", 0.3, 0.15, SUMMER) + peak_and_rest("winter", 0.2, 0.1, WINTER),
        tier_rule="prorate",
        export=NET_YEAR,
        named=named,
    )
    energy = profile(
        "UTC", "2025-09-01", 61 * 24, at={30 * 24 + 13: 400, 30 * 24: 400}, generation={14: 1000}
    )
    assert by_month(rate([plan], energy)) == {"2025-09": 0, "2025-10": 40.0}


@pytest.mark.parametrize("price", [0.1, 0.3])
def test_prices_that_change_places_do_not_take_the_kwh_along(rate, price):
    # In winter the peak costs what the rest costs in summer: hours decide, not prices.
    plan = Plan(
        "UTC",
        peak_and_rest("summer", 0.3, 0.1, SUMMER) + peak_and_rest("winter", 0.1, 0.3, WINTER),
        tier_rule="prorate",
        export=NET_YEAR,
        named=False,
    )
    at = {30 * 24 + (13 if price == 0.1 else 1): 50}
    energy = profile("UTC", "2025-09-01", 61 * 24, at=at, generation={14: 80})
    # With equal prices, the hours of a price are one period: within each month it is netted.
    frame = fk.bill(energy_frame(energy), tariff_of([plan]))
    charged = frame.filter(pl.col("component").str.starts_with("energy"))["cost"].sum()
    assert charged == pytest.approx(0.0 if price == 0.1 else 50 * 0.3)
    assert cost(rate([replace(plan, named=True)], energy)) == pytest.approx(charged)


def test_a_month_of_one_period_is_a_pool(rate):
    # Summer peak 30 and rest 20 kWh over; the winter has one price: 50 of its 60 kWh are covered.
    plan = Plan(
        "UTC",
        (*peak_and_rest("summer", 0.3, 0.15, SUMMER), in_season("winter", 0.2, WINTER)),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    energy = profile("UTC", "2025-09-01", 61 * 24, at={1000: 60}, generation={13: 30, 2: 20})
    assert by_month(rate([plan], energy)) == {"2025-09": 0, "2025-10": 2.0}


def test_a_pool_serves_the_hours_most_like_it(rate):
    # All hours of spring against 18 hours and 6 hours of summer: the 18 hours have more of them.
    plan = Plan(
        "UTC",
        (*peak_and_rest("summer", 0.3, 0.1, SUMMER), in_season("winter", 0.2, WINTER)),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    at = {31 * 24 + 13: 10, 31 * 24 + 2: 10}
    energy = profile("UTC", "2025-05-01", 61 * 24, at=at, generation={13: 15})
    assert by_month(rate([plan], energy)) == {"2025-05": 0, "2025-06": 3.0}


def test_a_peak_that_moves_keeps_its_kwh(rate):
    # 12:00 to 20:00 in summer, 17:00 to 20:00 in winter: the winter peak has 3 of its hours in
    # common with 8, the rest 5 with 24.
    plan = Plan(
        "UTC",
        peak_and_rest("summer", 0.3, 0.1, SUMMER, 12, 20)
        + peak_and_rest("winter", 0.2, 0.05, WINTER, 17, 20),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    at = {30 * 24 + 18: 7, 30 * 24 + 3: 9}
    energy = profile("UTC", "2025-09-01", 61 * 24, at=at, generation={13: 8})
    assert by_month(rate([plan], energy)) == {"2025-09": 0, "2025-10": 0.45}


def test_a_name_says_which_period_it_is_whatever_its_hours(rate):
    # A peak in the morning in winter, in the evening in summer, by one name and at one price.
    hours = (When(WINTER, ALL_DAYS, 360, 600), When(SUMMER, ALL_DAYS, 1020, 1260))
    rest = (When(WINTER, ALL_DAYS, 600, 360), When(SUMMER, ALL_DAYS, 1260, 1020))
    plan = Plan(
        "UTC",
        (Period("peak", hours, numbers(0.3)), Period("rest", rest, numbers(0.1))),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    at = {30 * 24 + 7: 5, 30 * 24 + 13: 5}
    energy = profile("UTC", "2025-09-01", 61 * 24, at=at, generation={18: 5})
    assert by_month(rate([plan], energy)) == {"2025-09": 0, "2025-10": 0.5}
    # Without names, 17:00 to 21:00 is most like the rest of the winter.
    unnamed = replace(plan, named=False)
    assert by_month(rate([unnamed], energy)) == {"2025-09": 0, "2025-10": 1.5}


def test_billing_dates_carry_kwh_across_a_season(rate):
    plan = Plan(
        "UTC",
        (in_season("winter", 0.1, WINTER), in_season("summer", 0.2, SUMMER)),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    # 20 kWh over on 20 September; 30 used on 20 October.
    energy = profile("UTC", "2025-09-15", 60 * 24, at={35 * 24: 30}, generation={5 * 24: 20})
    edges = [date(2025, 9, 15), date(2025, 10, 15), date(2025, 11, 14)]
    assert by_month(rate([plan], energy, edges)) == {"2025-09-15": 0, "2025-10-15": 1.0}


@pytest.mark.parametrize("named", [True, False])
def test_what_a_season_leaves_serves_the_next_within_the_billing_period(rate, named):
    # By hand: 20 kWh over at noon on 20 September, 15 used at noon on 5 October: 5 are left, and 8
    # used at noon on 20 October cost 3 x 0.2; 2 used at night on 6 October cost 2 x 0.1.
    plan = Plan(
        "UTC",
        (
            *peak_and_rest("summer", 0.4, 0.3, SUMMER),
            *peak_and_rest("winter", 0.2, 0.1, WINTER),
        ),
        named=named,
        tier_rule="prorate",
        export=NET_YEAR,
    )
    at = {20 * 24 + 12: 15, 21 * 24: 2, 35 * 24 + 12: 8}
    energy = profile("UTC", "2025-09-15", 60 * 24, at=at, generation={5 * 24 + 12: 20})
    edges = [date(2025, 9, 15), date(2025, 10, 15), date(2025, 11, 14)]
    found = by_month(rate([plan], energy, edges))
    assert found == pytest.approx({"2025-09-15": 0.2, "2025-10-15": 0.6})


def test_a_season_is_as_a_tariff_that_follows_on_its_first_day(rate):
    change = datetime(2025, 10, 1, tzinfo=UTC)
    summer = in_season("summer", 0.2, MONTHS)
    winter = in_season("winter", 0.1, MONTHS)
    parts = [
        Plan("UTC", (summer,), tier_rule="prorate", export=NET_YEAR, end=change),
        Plan("UTC", (winter,), tier_rule="prorate", export=NET_YEAR, start=change),
    ]
    seasons = Plan(
        "UTC",
        (in_season("winter", 0.1, WINTER), in_season("summer", 0.2, SUMMER)),
        tier_rule="prorate",
        export=NET_YEAR,
    )
    # By hand: 20 kWh over in August, 5 used in September and 18 in October: 3 x 0.1
    at = {40 * 24: 5, 65 * 24: 18}
    energy = profile("UTC", "2025-08-15", 80 * 24, at=at, generation={5 * 24: 20})
    edges = [date(2025, 8, 15), date(2025, 9, 20), date(2025, 10, 25), date(2025, 11, 3)]
    right = {"2025-08-15": 0, "2025-09-20": pytest.approx(0.3), "2025-10-25": 0}
    assert by_month(rate([seasons], energy, edges)) == right
    assert by_month(rate(parts, energy, edges)) == right


def test_a_change_of_prices_does_not_settle_what_is_carried(rate):
    # 20 kWh over in January; a new price from 11 February; 12 used before and 15 after it.
    change = datetime(2025, 2, 11, tzinfo=UTC)
    old = Plan("UTC", (flat(0.1),), tier_rule="prorate", export=NET_YEAR, end=change)
    new = Plan("UTC", (flat(0.3),), tier_rule="prorate", export=NET_YEAR, start=change)
    at = {32 * 24: 12, 45 * 24: 15}
    energy = profile("UTC", "2025-01-01", 59 * 24, at=at, generation={0: 20})
    assert by_month(rate([old, new], energy)) == {"2025-01": 0, "2025-02": pytest.approx(7 * 0.3)}


def test_another_way_of_settling_ends_what_is_carried(rate):
    change = datetime(2025, 2, 11, tzinfo=UTC)
    paid = replace(NET_YEAR, payout=D("0.05"))
    old = Plan("UTC", (flat(0.1),), tier_rule="prorate", export=paid, end=change)
    new = Plan("UTC", (flat(0.3),), start=change)
    energy = profile("UTC", "2025-01-01", 59 * 24, at={45 * 24: 15}, generation={0: 20})
    assert by_month(rate([old, new], energy)) == {"2025-01": 0, "2025-02": 15 * 0.3 - 20 * 0.05}


# --- true-up


@pytest.mark.parametrize(("true_up_on", "right"), [("period", 7.0), ("total", 10.0)])
def test_a_true_up_on_each_period_or_on_the_total(rate, true_up_on, right):
    # PySAM 7.1, ur_nm_yearend_sell_rate 0.05: 100 kWh left by day, 60 bought by night at 0.20: the
    # total of 40 kWh is paid, 10.00; by period, 100 kWh are.
    export = replace(NET_YEAR, payout=D("0.05"), true_up_on=true_up_on)
    periods = peak_and_rest("all", 0.4, 0.2, MONTHS, 7, 23)
    plan = Plan("UTC", periods, tier_rule="prorate", export=export)
    energy = profile("UTC", "2025-12-01", 31 * 24, at={0: 60}, generation={12: 100})
    assert by_month(rate([plan], energy)) == {"2025-12": right}


def test_a_payout_as_credit_pays_for_later_charges(rate):
    # PySAM 7.1, ur_nm_credit_rollover 1: 137 kWh left in March x 0.30 = 41.10 of credit on energy;
    # 20, 10, 10 of it used until June, 1.10 in July; demand and fixed charges are not paid by it.
    used = (5, 30, 0, 20, 10, 10, 10, 10, 10, 10, 50, 0)
    made = (172, *[0] * 11)
    firsts = [(date(2025, month, 1) - date(2025, 1, 1)).days * 24 for month in MONTHS]
    energy = profile(
        "UTC",
        "2025-01-01",
        8760,
        at=dict(zip(firsts, used, strict=True)),
        generation={hour + 12: kwh for hour, kwh in zip(firsts, made, strict=True)},
    )
    export = Export(
        "net_metering",
        carry_over="year",
        payout=D("0.3"),
        true_up_month=3,
        payout_as_credit=True,
        credit_on=("energy",),
    )
    plan = Plan("UTC", (flat(1),), fixed=(("f", D(0), D(7)),), export=export)
    bills = [7, 7, 7, 7, 7, 7, 15.9, 17, 17, 17, 57, 7]
    assert list(by_month(rate([plan], energy)).values()) == pytest.approx(bills)


# --- minimums


@pytest.mark.parametrize(
    ("mode", "used", "made", "right"),
    # PySAM 7.1, ur_monthly_min_charge 10, both prices 1, one month
    [
        ("net_billing", 0, 72, -62),
        ("net_billing", 5, 72, -57),
        ("net_billing", 6, 3, 10),
        ("net_billing", 50, 45, 10),
        ("net_billing", 50, 60, 0),
        ("buy_all_sell_all", 5, 72, -62),
        ("buy_all_sell_all", 6, 3, 7),
        ("buy_all_sell_all", 50, 45, 5),
        ("buy_all_sell_all", 50, 60, -10),
    ],
)
def test_a_minimum_tops_up_charges_before_exports_are_paid(rate, mode, used, made, right):
    plan = Plan("UTC", (flat(1),), export=Export(mode, (flat(1),)), min_month=D(10))
    energy = profile("UTC", "2025-01-01", 744, at={0: used}, generation={12: made})
    assert by_month(rate([plan], energy)) == {"2025-01": right}


def test_a_month_of_exports_alone(rate):
    # By hand: 720 kWh at 0.10 are 72 earned; a minimum of 10 is added: -62
    plan = Plan("UTC", (flat(0.2),), export=Export("net_billing", (flat(0.1),)), min_month=D(10))
    energy = profile("UTC", "2025-06-01", 720, generation=dict.fromkeys(range(720), 1))
    assert by_month(rate([plan], energy)) == {"2025-06": -62}


def test_a_true_up_is_paid_on_top_of_the_minimum(rate):
    # PySAM 7.1, net metering: eleven months of 10, December 10 - 72 x 1
    export = replace(NET_YEAR, payout=D(1))
    plan = Plan("UTC", (flat(1),), export=export, min_month=D(10))
    energy = profile("UTC", "2025-01-01", 8760, generation={12: 72})
    bills = list(by_month(rate([plan], energy)).values())
    assert bills == [10.0] * 11 + [-62.0]


def test_a_yearly_minimum_does_not_swallow_what_exports_earned(rate):
    # By hand: 30 charged, 300 earned, 100 a year: 70 are topped up on what is left of 0: 100 - 270
    export = Export("net_billing", (flat(1),))
    plan = Plan("UTC", (flat(1),), export=export, min_year=D(100))
    energy = profile("UTC", "2025-01-01", 8760, at={0: 30}, generation={12: 300})
    assert cost(rate([plan], energy)) == 30 - 300 + 100


# --- credit


@pytest.mark.parametrize(("credit_on", "right"), [(("energy",), 24.0), (("energy", "fixed"), 0.0)])
def test_fixed_charges_are_paid_by_credit_only_where_it_may(rate, credit_on, right):
    # By hand: 30 x 0.80 of base services beside a surplus
    export = Export("net_billing", (flat(0.1),), carry_over="credit", credit_on=credit_on)
    plan = Plan("UTC", (flat(0.3),), fixed=(("base", D("0.8"), D(0)),), export=export)
    energy = profile("UTC", "2025-06-01", 720, generation=dict.fromkeys(range(720), 1))
    assert by_month(rate([plan], energy)) == {"2025-06": right}


@pytest.mark.parametrize(("waits", "bills"), [(False, [5, 0, 0]), (True, [10, 0, 0])])
def test_credit_that_pays_from_the_next_month_on(rate, waits, bills):
    # PySAM 7.1, ur_nb_apply_credit_current_month 1 and 0: 5 used, 72 earned, then 30 used; 5 fixed
    export = Export(
        "net_billing",
        (flat(1),),
        carry_over="credit",
        credit_on=("energy",),
        credit_next_month=waits,
    )
    plan = Plan("UTC", (flat(1),), fixed=(("f", D(0), D(5)),), export=export)
    energy = profile("UTC", "2025-01-01", 90 * 24, at={0: 5, 31 * 24: 30}, generation={12: 72})
    assert list(by_month(rate([plan], energy)).values()) == [
        bill + 5 * (n > 0) for n, bill in enumerate(bills)
    ]


def test_surplus_kwh_as_credit(rate):
    # PySAM 7.1, option 1: 167 kWh over x 0.50 = 83.50 of credit on energy at 1.00
    export = Export(
        "net_metering", (flat(0.5),), carry_over="credit", credit_on=("energy",), payout_share=D(1)
    )
    plan = Plan("UTC", (flat(1),), export=export)
    at = {0: 5, 31 * 24: 30, 59 * 24: 60}
    energy = profile("UTC", "2025-01-01", 90 * 24, at=at, generation={12: 172})
    assert list(by_month(rate([plan], energy)).values()) == pytest.approx([0, 0, 6.5])


def test_adders_that_cannot_be_bypassed_are_on_every_imported_kwh(rate):
    # By hand: 100 kWh imported, 80 exported: (100 - 80) x 0.20 + 100 x 0.03, and 20 x 0.01
    plan = Plan(
        "UTC",
        (flat(0.2),),
        adders=(("A0", D("0.03")), ("A1", D("0.01"))),
        non_bypassable=("A0",),
        export=Export("net_metering"),
    )
    energy = profile("UTC", "2025-01-01", 744, at={0: 100}, generation={12: 80})
    assert by_month(rate([plan], energy)) == {"2025-01": pytest.approx(4 + 3 + 0.2)}


def test_credit_does_not_pay_for_adders_that_cannot_be_bypassed(rate):
    export = Export("net_billing", (flat(1),), carry_over="credit")
    plan = Plan(
        "UTC", (flat(0.2),), adders=(("A0", D("0.03")),), non_bypassable=("A0",), export=export
    )
    energy = profile("UTC", "2025-01-01", 744, at={0: 100}, generation={12: 80})
    assert by_month(rate([plan], energy)) == {"2025-01": 3.0}


# --- tiers across a season


@pytest.mark.parametrize("rule", ["chronological", "prorate", "per_period"])
def test_each_ladder_is_prorated_by_the_days_on_which_it_is_in_force(rate, rule):
    # By hand: 15 May to 16 June, 24 kWh a day. 17 days: 170 x 0.30 + 238 x 0.40; 15 days: 120 x
    # 0.35 + 240 x 0.45: 296.20
    plan = Plan(
        "UTC",
        (
            Period("winter", (When(WINTER),), numbers(0.3, 0.4), (Limit(D(10), daily=True),)),
            Period("summer", (When(SUMMER),), numbers(0.35, 0.45), (Limit(D(8), daily=True),)),
        ),
        tier_rule=rule,
    )
    energy = profile("UTC", "2025-05-15", 32 * 24, 1)
    rows = rate([plan], energy, [date(2025, 5, 15), date(2025, 6, 16)])
    assert cost(rows) == pytest.approx(296.20)


def test_monthly_limits_and_a_leap_day_are_prorated_too(rate):
    # 20 February to 20 March 2024: 10 and 19 of 29 days; limit 290: 100 and 190 kWh.
    early, late = When((1, 2)), When(tuple(range(3, 13)))
    plan = Plan(
        "UTC",
        (
            Period("early", (early,), numbers(0.1, 0.2), (Limit(D(290)),)),
            Period("late", (late,), numbers(0.3, 0.5), (Limit(D(290)),)),
        ),
        tier_rule="prorate",
    )
    energy = profile("UTC", "2024-02-20", 29 * 24, 0.5)
    rows = rate([plan], energy, [date(2024, 2, 20), date(2024, 3, 20)])
    assert cost(rows) == pytest.approx(100 * 0.1 + 20 * 0.2 + 190 * 0.3 + 38 * 0.5)


def test_net_metering_across_a_season_spreads_what_is_left_as_the_imports(rate):
    # All day at one ladder name; 240 imported in 10 days of May, 120 in 10 of June, 0 exported.
    periods = (
        Period("w", (When(WINTER),), numbers(0.1, 0.2), (Limit(D(10), daily=True),)),
        Period("s", (When(SUMMER),), numbers(0.3, 0.4), (Limit(D(10), daily=True),)),
    )
    plan = Plan("UTC", periods, tier_rule="prorate", export=Export("net_metering"))
    at = {**dict.fromkeys(range(240), 1), **dict.fromkeys(range(240, 480), 0.5)}
    energy = profile("UTC", "2025-05-22", 480, at=at, generation={250: 20.5})
    rows = rate([plan], energy, [date(2025, 5, 22), date(2025, 6, 11)])
    assert cost(rows) == pytest.approx(100 * 0.1 + 140 * 0.2 + 99.5 * 0.3)


# --- findings


def home(kwh, made, first="2025-01-01"):
    hours = len(kwh)
    return pd.DataFrame(
        {
            "site_id": "home",
            "start_utc": pd.date_range(first, periods=hours, freq="h", tz="UTC"),
            "consumption_kwh": np.asarray(kwh, dtype=float),
            "generation_kwh": np.asarray(made, dtype=float),
        }
    )


def findings(frame):
    rows = frame[frame["finding"].notna()]
    return list(zip(rows["month"], rows["component"], rows["finding"], strict=True))


def test_kwh_and_credit_that_are_lost_are_findings():
    made = np.zeros(8760)
    made[5] = 42.5
    net = Tariff(
        "x", "EUR", "UTC", (Rate(0.2),), export=TariffExport("net_metering", carry_over="year")
    )
    billing = replace(
        net, export=TariffExport("net_billing", (Rate(0.1),), carry_over="credit", payout_share=0.2)
    )
    energy = home(np.zeros(8760), made)
    assert findings(fk.bill(energy, net)) == [
        (
            "2025-12",
            "carry over",
            "carry_over.expired: 42.5 kWh are left at the true-up and not paid for",
        )
    ]
    ((month, _, text),) = findings(fk.bill(energy, billing))
    assert month == "2025-12"
    assert text.startswith("carry_over.expired: 3.4 EUR of credit are left at the true-up")


def sun_and_shade():
    """Two homes, and a tariff under which the one with a surplus loses it in January."""
    made = np.zeros(744)
    made[5] = 10
    sunny, shady = home(np.zeros(744), made), home(np.ones(744), np.zeros(744))
    shady["site_id"] = "shade"
    export = TariffExport("net_metering", carry_over="year", true_up_month=1)
    tariff = Tariff("x", "EUR", "UTC", (Rate(0.2),), export=export)
    return pd.concat([sunny, shady]), tariff


def test_a_finding_is_of_the_sites_that_lose_something():
    energy, tariff = sun_and_shade()
    as_polars = pl.DataFrame({name: energy[name].to_list() for name in energy})
    for given in (energy, as_polars):
        rows = records_of(fk.bill(given, tariff))
        assert {row["site_id"] for row in rows if row["finding"]} == {"home"}


def test_a_surplus_of_net_metering_that_earns_nothing_is_a_finding():
    made = np.zeros(744)
    made[5] = 10
    tariff = Tariff("x", "EUR", "UTC", (Rate(0.2),), export=TariffExport("net_metering"))
    ((_, component, text),) = findings(fk.bill(home(np.zeros(744), made), tariff))
    assert component == "export all"
    assert text.startswith("export.unpaid")


def test_net_metering_of_hourly_prices_says_that_all_imports_are_charged():
    start = 1_735_689_600_000_000  # 2025-01-01
    series = PriceSeries([start], [start + 744 * 3_600_000_000], [0.2])
    made = np.zeros(744)
    made[5] = 10
    tariff = Tariff("x", "EUR", "UTC", series=series, export=TariffExport("net_metering"))
    frame = fk.bill(home(np.ones(744), made), tariff)
    assert frame["cost"].sum() == pytest.approx(743 * 0.2)
    ((_, component, text),) = findings(frame)
    assert component == "energy all"
    assert text.startswith("net_metering.series: kWh netted over a billing period have no hour")


def test_simulations_say_what_expires_and_to_whom():
    energy, tariff = sun_and_shade()
    summary = fk.simulate(energy, [fk.Scenario("today", tariff=tariff)]).summary()
    noted = summary[summary["finding"].fillna("").str.contains("carry_over.expired")]
    assert noted["site_id"].tolist() == ["home"]


def test_the_matrix_ranks_by_these_rules():
    made = np.ones(720)
    energy = home(np.zeros(720), made, "2025-06-01")
    paid = Tariff(
        "paid",
        "EUR",
        "UTC",
        (Rate(0.2),),
        export=TariffExport("net_billing", (Rate(0.1),)),
        minimum=Minimum(10),
    )
    matrix = fk.bill_matrix(energy, [paid])
    assert matrix["cost"].tolist() == pytest.approx([-62])


def test_adders_are_public_with_their_field():
    adder = Adder("levy", 0.03, non_bypassable=True)
    assert adder.non_bypassable
    tariff = Tariff("x", "EUR", "UTC", (Rate(0.2),), adders=(adder,))
    assert "adder levy: 0.03 per kWh, whatever is exported" in tariff.describe()
