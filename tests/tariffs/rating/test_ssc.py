"""The plans of NREL's own tests of its bill calculator, on a profile of our own, against PySAM.

The plans are those of `cmod_utilityrate5_test.cpp` in NREL's ssc: a tariff of four energy periods
whose peak has another number in summer, under each metering option. NREL's figures are of two
profiles that are not kept here; PySAM is the code that these tests hold, so that each plan is
compared with it month by month.

Of NREL's cases, these have no counterpart: 25 years with an inflation of rates, and a true-up month
that does not exist, which flipkit refuses (`test_engine_model.py`).
"""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from support import sam_cases

import flipkit as fk
from flipkit.tariffs import Export, Minimum, Rate, Tariff, Tier

HOURS = 8760
SUMMER, WINTER = (5, 6, 7, 8, 9, 10), (1, 2, 3, 4, 11, 12)
ALL = "all"
# Period: price, hours on weekdays in winter and in summer. The first holds at all other times.
PRICES = {1: 0.10, 2: 0.05, 3: 0.20, 4: 0.25}
YEAR_END = 0.02789  # what a true-up pays, per kWh


def schedule():
    weekday = np.ones((12, 24))
    for month in WINTER:
        weekday[month - 1, 10:15] = 2
        weekday[month - 1, 15:20] = 3
    for month in SUMMER:
        weekday[month - 1, 15:20] = 4
    return weekday


def rates(prices):
    """Four periods; names are their numbers, which say nothing about hours."""

    def rate(number, **when):
        return Rate(prices[number], period=f"period {number}", **when)

    return (
        rate(1, months=WINTER, days="weekend"),
        rate(1, months=SUMMER, days="weekend"),
        rate(1, start="20:00", end="10:00", months=WINTER, days="weekday"),
        rate(2, start="10:00", end="15:00", months=WINTER, days="weekday"),
        rate(3, start="15:00", end="20:00", months=WINTER, days="weekday"),
        rate(1, start="20:00", end="15:00", months=SUMMER, days="weekday"),
        rate(4, start="15:00", end="20:00", months=SUMMER, days="weekday"),
    )


def inputs(option, sell=None, **more):
    """SAM's inputs; `sell` the selling price of each period."""
    sold = sell or dict.fromkeys(PRICES, 0.0)
    return {
        "ur_metering_option": option,
        "ur_nm_yearend_sell_rate": YEAR_END,
        "ur_nb_credit_expire": 0,
        "ur_ec_sched_weekday": schedule().tolist(),
        "ur_ec_sched_weekend": sam_cases.flat_schedule(),
        "ur_ec_tou_mat": [
            [number, 1, sam_cases.NO_LIMIT, 0, price, sold[number]]
            for number, price in PRICES.items()
        ],
    } | more


def energy():
    """A home whose panels make about what it uses: surplus by day from March to October."""
    dice = np.random.default_rng(5)
    times = pd.date_range("2018-01-01", periods=HOURS, freq="h", tz="UTC")
    hour, day = np.asarray(times.hour), np.asarray(times.day_of_year)
    used = 0.4 + 0.8 * (hour >= 17) * (hour < 23) + 0.3 * dice.random(HOURS)
    sun = np.maximum(0.0, 1 - np.abs(hour - 12.5) / 6) * (1 - np.abs(day - 182) / 220)
    made = 7.5 * sun * np.repeat(dice.random(365) ** 0.5, 24)
    return times, np.round(used, 3), np.round(made, 3)


def monthly(tariff):
    times, used, made = energy()
    frame = pd.DataFrame(
        {"site_id": "home", "start_utc": times, "consumption_kwh": used, "generation_kwh": made}
    )
    return fk.bill(frame, tariff).groupby("month")["cost"].sum().to_numpy()


def sam(given):
    _, used, made = energy()
    model = sam_cases.run(given, used, made)
    return np.array(model.Outputs.year1_monthly_utility_bill_w_sys)


LOWER = dict.fromkeys(PRICES, 0.05)
UNPAID = dict.fromkeys(PRICES, 0.0)


def netted(**more):
    return Export(
        "net_metering",
        carry_over="year",
        true_up_on="total",
        **({"payout_per_kwh": YEAR_END} | more),
    )


def carried(prices, **more):
    return Export(
        "net_billing",
        rates(prices),
        carry_over="credit",
        credit_on=("energy",),
        **({"payout_share": 1.0} | more),
    )


# The name of NREL's test, and its figure for the year with the system on NREL's profiles.
CASES = {
    "Residential_TOU_Rates: -11.9": (inputs(0), netted(), None),
    "net_metering_credits_in_may: 36.6": (
        inputs(0, ur_nm_credit_month=4),
        netted(true_up_month=5),
        None,
    ),
    "net_metering_credits_in_may_with_rollover: 36.6": (
        inputs(0, ur_nm_credit_month=4, ur_nm_credit_rollover=1),
        netted(true_up_month=5, payout_as_credit=True, credit_on=("energy",)),
        None,
    ),
    "net_metering_credits: 81.4": (
        inputs(1),
        Export("net_metering", rates(UNPAID), carry_over="credit", credit_on=("energy",)),
        None,
    ),
    "net_metering_credits, with selling prices": (
        inputs(1, PRICES),
        Export(
            "net_metering",
            rates(PRICES),
            carry_over="credit",
            credit_on=("energy",),
            payout_share=1.0,
        ),
        None,
    ),
    "net_billing: 441.4": (inputs(2), Export("net_billing", rates(UNPAID)), None),
    "net_billing_w_sell_rates: -150.02": (
        inputs(2, PRICES),
        Export("net_billing", rates(PRICES)),
        None,
    ),
    "net_billing_carryover: -150.02": (inputs(3, PRICES), carried(PRICES), None),
    "net_billing_carryover_april_reset: -57.12": (
        inputs(3, PRICES, ur_nm_credit_month=3),
        carried(PRICES, true_up_month=4),
        None,
    ),
    "net_billing_carryover_jan_reset: 19.12": (
        inputs(3, PRICES, ur_nm_credit_month=0),
        carried(PRICES, true_up_month=1),
        None,
    ),
    "net_billing_carryover_lower_sell_rate: 136.77": (inputs(3, LOWER), carried(LOWER), None),
    "net_billing_carryover_monthly_min: -40.02": (
        inputs(3, PRICES, ur_monthly_min_charge=10),
        carried(PRICES),
        Minimum(10),
    ),
    "net_billing_carryover_annual_min: -81.77": (
        inputs(3, PRICES, ur_annual_min_charge=100),
        carried(PRICES),
        Minimum(per_year=100),
    ),
    "buyall_sellall: -157.0": (
        inputs(4, PRICES),
        Export("buy_all_sell_all", rates(PRICES)),
        None,
    ),
    "no_credit: 64.03": (
        inputs(0, ur_nm_yearend_sell_rate=0),
        netted(payout_per_kwh=0.0),
        None,
    ),
    "annual_minimum: 100.0": (
        inputs(0, ur_nm_yearend_sell_rate=0, ur_annual_min_charge=100),
        netted(payout_per_kwh=0.0),
        Minimum(per_year=100),
    ),
    "credit that expires": (
        inputs(3, PRICES, ur_nb_credit_expire=1),
        carried(PRICES, payout_share=0.0),
        None,
    ),
    "credit from the next month on": (
        inputs(3, PRICES, ur_nb_apply_credit_current_month=0),
        carried(PRICES, credit_next_month=True),
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_costs_what_sam_bills(name):
    given, export, minimum = CASES[name]
    tariff = Tariff("TOU", "USD", "UTC", rates(PRICES), export=export, minimum=minimum)
    bills = sam(given)
    assert monthly(tariff) == pytest.approx(bills, abs=0.01)
    # A case that bills nothing else than one without panels would show nothing.
    assert abs(bills.sum() - sam(inputs(2)).sum()) > 1.0 or name.startswith("net_billing: ")


def test_tiers_whose_limits_differ_by_season():
    # Residential_TOU_Rates_w_tiers: 286.2 on NREL's profiles. 11.70 kWh a day in summer (June to
    # October), 11.96 in winter; the periods of each season have one ladder of limits.
    summer = (6, 7, 8, 9, 10)
    winter = tuple(month for month in range(1, 13) if month not in summer)
    prices = {
        "summer peak": (0.31868, 0.50884),
        "summer rest": (0.26425, 0.45441),
        "winter peak": (0.23241, 0.40853),
        "winter rest": (0.22394, 0.40006),
    }
    numbers = dict(zip(prices, (1, 2, 3, 4), strict=True))
    made, rows, table = [], [], np.zeros((12, 24))
    for season, months, limit in (("summer", summer, 11.7), ("winter", winter, 11.96)):
        for role, start, end in (("rest", 21, 16), ("peak", 16, 21)):
            name = f"{season} {role}"
            low, high = prices[name]
            hours = {"start": f"{start}:00", "end": f"{end}:00", "months": months}
            tiers = (Tier(low, limit, per="day"), Tier(high))
            made.append(Rate(low, tiers=tiers, period=name, **hours))
            rows += [
                [numbers[name], 1, limit, 2, low, 0],
                [numbers[name], 2, sam_cases.NO_LIMIT, 2, high, 0],
            ]
            own_hours = range(16, 21) if role == "peak" else [*range(16), *range(21, 24)]
            table[np.ix_(np.array(months) - 1, own_hours)] = numbers[name]
    tables = {
        "ur_ec_tou_mat": sorted(rows),
        "ur_ec_sched_weekday": table.tolist(),
        "ur_ec_sched_weekend": table.tolist(),
    }
    tariff = Tariff("E-TOU", "USD", "UTC", tuple(made), tier_rule="prorate", export=netted())
    assert monthly(tariff) == pytest.approx(sam(inputs(0) | tables), abs=0.01)


def test_the_profile_has_a_surplus_in_some_months_and_not_in_others():
    times, used, made = energy()
    assert times[0] == datetime(2018, 1, 1, tzinfo=UTC)
    by_month = pd.Series(made - used).groupby(times.month).sum()
    assert by_month.min() < -50
    assert by_month.max() > 50
