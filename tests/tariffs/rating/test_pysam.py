"""Bills against SAM's calculator (PySAM's Utilityrate5), month by month, within a cent.

Random cases are limited to what both calculate alike (`support/sam_cases.py`). Where SAM is known
to differ, a test here shows the difference:

* It takes 8,760 hours (times a whole number) and refuses the 8,784 of a leap year. Its year begins
  on a Monday and has no public holidays and no clock changes; random cases are of 2018 in UTC.
* Reading a rate of the rate database (`PySAM.UtilityRateTools`) edits the input: a second reading
  of the same rate shifts every period by one, and a ratchet of one month holds for all twelve.
* A month without any import makes its kWh/kW limits zero, and kWh rolled over from it are lost.
* A period's kWh roll over to itself only if it is in force on weekdays in the hours from 0:00,
  5:00, 11:00 or 17:00. The true-up pays the sum of all periods, as flipkit does where it is told.
* A yearly minimum is compared with the sum of bills before the monthly top-ups.
* Tiers are counted on one ladder. All periods must have the same limits; where one is a limit by kW
  and another is not, the first period's is used for both. A tier once reached is kept to the
  month's end in every period.
"""

import copy
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from PySAM import UtilityRateTools
from support import sam_cases
from support.bill_as_tariff import engine_bill
from support.bill_hand import D, bill_by, day_and_night, flat, numbers, profile, total
from support.bill_oracle import bill
from support.bill_plan import ALL_DAYS, MONTHS, Demand, Export, Plan, Profile, Ratchet, When
from support.sam_cases import NET_METERING, NO_LIMIT, START

HOURS = 8760
common = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


def by_month(rows):
    sums = total(rows)
    return [sums.get(f"2018-{month:02d}", 0.0) for month in range(1, 13)]


def year(kwh, at=None, generation=None):
    """Hourly energy of 2018 with other hours where they are named."""
    used, made = [float(kwh)] * HOURS, [0.0] * HOURS
    for index, value in (at or {}).items():
        used[index] = float(value)
    for index, value in (generation or {}).items():
        made[index] = float(value)
    return used, made


def sam(inputs, used, made):
    model = sam_cases.run(inputs, used, made)
    return list(model.Outputs.year1_monthly_utility_bill_w_sys)


def priced_hours(prices, hours_of, weekend_too=True):
    """SAM's tables of two prices, the second in some hours of weekdays or of all days."""
    rest, chosen = [1] * 24, [2 if hour in hours_of else 1 for hour in range(24)]
    return {
        "ur_ec_tou_mat": [[1, 1, NO_LIMIT, 0, prices[0], 0], [2, 1, NO_LIMIT, 0, prices[1], 0]],
        "ur_ec_sched_weekday": [chosen] * 12,
        "ur_ec_sched_weekend": [chosen if weekend_too else rest] * 12,
    }


def ours(plan, used, made):
    return by_month(engine_bill([plan], Profile(START, 60, numbers(*used), numbers(*made))))


# --- same results


@pytest.mark.slow
@settings(common, max_examples=40)
@given(sam_cases.cases())
def test_the_engine_bills_every_month_as_sam_does(case):
    assert by_month(engine_bill([case.plan], case.profile)) == pytest.approx(
        sam_cases.bills(case), abs=0.01
    )


@settings(common, max_examples=6)
@given(sam_cases.cases(steps=(1,)))
def test_the_oracle_bills_every_month_as_sam_does(case):
    assert by_month(bill([case.plan], case.profile)) == pytest.approx(
        sam_cases.bills(case), abs=0.01
    )


def test_prices_by_time_step():
    # one price for each hour, buying and selling
    used, made = year(1.5, generation=dict.fromkeys(range(12, HOURS, 24), 4))
    prices = [round(0.1 + 0.05 * (hour % 7) - 0.01 * (hour % 11), 4) for hour in range(HOURS)]
    inputs = {
        "ur_en_ts_buy_rate": 1,
        "ur_ts_buy_rate": prices,
        "ur_en_ts_sell_rate": 1,
        "ur_ts_sell_rate": prices[::-1],
    }
    buy, sell = (
        tuple(
            (START + timedelta(hours=hour), START + timedelta(hours=hour + 1), Decimal(price))
            for hour, price in enumerate(column)
        )
        for column in (prices, prices[::-1])
    )
    plan = Plan("UTC", series=buy, export=Export("net_billing", series=sell))
    assert ours(plan, used, made) == pytest.approx(sam(inputs, used, made), abs=0.01)


def test_a_ratchet_of_one_month_holds_up_the_months_after_it():
    used, made = year(1, at={24 * 200: 40, 24 * 20: 90})  # 90 kW in January, 40 kW in July
    ratchet = Ratchet(D("0.5"), 3, (7,))
    inputs = sam_cases.ratchet_inputs(ratchet) | {
        "ur_dc_enable": 1,
        "ur_dc_sched_weekday": sam_cases.flat_schedule(),
        "ur_dc_sched_weekend": sam_cases.flat_schedule(),
        "ur_dc_tou_mat": [[1, 1, NO_LIMIT, 0]],
        "ur_dc_flat_mat": [[month, 1, NO_LIMIT, 2] for month in range(12)],
    }
    plan = Plan(
        "UTC", (flat(0),), demands=(Demand("flat", numbers(2), minutes=60, ratchet=ratchet),)
    )
    assert ours(plan, used, made) == pytest.approx([180, 2, 2, 2, 2, 2, 80, 40, 40, 40, 2, 2])
    assert sam(inputs, used, made) == pytest.approx(ours(plan, used, made), abs=0.01)


# --- different results: SAM's figure first, then ours, calculated by hand


def test_sam_refuses_a_leap_year():
    with pytest.raises(Exception, match="8784"):
        sam_cases.run({}, [1.0] * 8784, [0.0] * 8784)
    energy = Profile(START.replace(year=2024), 60, numbers(*[1.0] * 8784), numbers(*[0.0] * 8784))
    assert sum(total(engine_bill([Plan("UTC", (flat(0.5),))], energy)).values()) == pytest.approx(
        4392
    )


@pytest.mark.parametrize("name", ["engine", "oracle"])
def test_sam_has_no_clock_changes(name):
    # Los Angeles, 1 kWh an hour: daylight saving time begins on 11 March and ends on 4 November, at
    # 2:00
    energy, used = profile("America/Los_Angeles", "2018-01-01", HOURS, 1), year(1)
    hours = [744, 672, 744, 720, 744, 720, 744, 744, 720, 744, 720, 744]
    real = [*hours[:2], 743, *hours[3:10], 721, 744]
    assert sam({"ur_ec_tou_mat": [[1, 1, NO_LIMIT, 0, 1, 0]]}, *used) == pytest.approx(hours)
    assert by_month(
        bill_by(name, [Plan("America/Los_Angeles", (flat(1),))], energy)
    ) == pytest.approx(real)
    # 1 kWh at 15:00 standard time, and a price from 16:00 to 17:00 by the clock on the wall
    at = dict.fromkeys(range(15, HOURS, 24), 1)
    summer = [0, 0, 21, 30, 31, 30, 31, 31, 30, 31, 3, 0]
    plan = Plan("America/Los_Angeles", day_and_night((1,), (0,), start=16, end=17))
    assert sam(priced_hours((0, 1), {16}), *year(0, at)) == pytest.approx([0] * 12)
    energy = profile("America/Los_Angeles", "2018-01-01", HOURS, at=at)
    assert by_month(bill_by(name, [plan], energy)) == pytest.approx(summer)
    # the hour from 1:00 to 2:00 comes twice in November, that from 2:00 to 3:00 not at all in March
    for hour, march, november in ((1, 31, 31), (2, 30, 30)):
        plan = Plan("America/Los_Angeles", day_and_night((1,), (0,), start=hour, end=hour + 1))
        months = by_month(
            bill_by(name, [plan], profile("America/Los_Angeles", "2018-01-01", HOURS, 1))
        )
        assert (months[2], months[10]) == pytest.approx((march, november))
        bills = sam(priced_hours((0, 1), {hour}), *used)
        assert (bills[2], bills[10]) == pytest.approx((31, 30))


@pytest.mark.parametrize("name", ["engine", "oracle"])
def test_sam_has_no_public_holidays(name):
    # 1 kWh an hour, a price on weekdays alone; the ten federal holidays of 2018 (11 November, a
    # Sunday, observed on 12)
    weekdays = [23, 20, 22, 21, 23, 21, 22, 23, 20, 23, 22, 21]
    days = [
        (1, 1),
        (1, 15),
        (2, 19),
        (5, 28),
        (7, 4),
        (9, 3),
        (10, 8),
        (11, 12),
        (11, 22),
        (12, 25),
    ]
    kept = [
        count - sum(month == number for month, _ in days)
        for number, count in enumerate(weekdays, 1)
    ]
    inputs = priced_hours((0, 1), range(24), weekend_too=False)
    assert sam(inputs, *year(1)) == pytest.approx([24 * count for count in weekdays])
    whens = (When(MONTHS, (0, 1, 2, 3, 4)),), (When(MONTHS, (5, 6)),)
    periods = tuple(
        flat(price, name=f"at {price}", whens=at) for price, at in zip((1, 0), whens, strict=True)
    )
    energy = Profile(START, 60, numbers(*year(1)[0]), numbers(*year(0)[1]))
    holidays = frozenset(date(2018, *day) for day in days)
    months = by_month(bill_by(name, [Plan("UTC", periods, region="US", holidays=holidays)], energy))
    assert months == pytest.approx([24 * count for count in kept])
    months = by_month(bill_by(name, [Plan("UTC", periods)], energy))
    assert months == pytest.approx([24 * count for count in weekdays])


@pytest.mark.parametrize("name", ["engine", "oracle"])
@pytest.mark.parametrize(
    ("start", "end", "found"), [(13, 16, False), (11, 16, True), (1, 5, False), (1, 6, True)]
)
def test_sam_rolls_over_by_four_hours_of_the_weekday(name, start, end, found):
    # 100 kWh too many in January in some hours, 60 kWh used in the same hours of February: nothing
    # to pay. SAM finds the period again only if it is in force at 0:00, 5:00, 11:00 or 17:00.
    february = 31 * 24
    used, made = year(0, at={february + start: 60}, generation={start: 100})
    inputs = {"ur_metering_option": NET_METERING} | priced_hours((0.2, 0.4), range(start, end))
    months = sam(inputs, used, made)
    assert months[:2] == pytest.approx([0, 0 if found else 60 * 0.4])
    periods = day_and_night((0.4,), (0.2,), start=start, end=end)
    plan = Plan(
        "UTC", periods, tier_rule="prorate", export=Export("net_metering", carry_over="year")
    )
    energy = Profile(START, 60, numbers(*used), numbers(*made))
    assert by_month(bill_by(name, [plan], energy))[:2] == pytest.approx([0, 0])


@pytest.mark.parametrize("name", ["engine", "oracle"])
def test_sam_keeps_the_tier_of_another_period(name):
    # noon to midnight has a limit of 100 kWh for each kW; SAM counts on the first period's ladder,
    # 100 kWh, and is in tier 2 when the afternoon begins. By its own limit, 100 x 150 kW, the
    # afternoon is in tier 1.
    used, made = year(0, at={10: 150, 14: 20, 34: 150, 36: 7})
    unit, table = {1: 0, 2: 1}, {1: (0.1, 0.2), 2: (0.3, 0.4)}
    inputs = priced_hours((0, 0), range(12, 24)) | {
        "ur_ec_tou_mat": [
            [period, tier, limit, unit[period], table[period][tier - 1], 0]
            for period in (1, 2)
            for tier, limit in ((1, 100), (2, NO_LIMIT))
        ]
    }
    assert sam(inputs, used, made)[0] == pytest.approx(100 * 0.1 + 200 * 0.2 + 27 * 0.4)
    morning, afternoon = (When(MONTHS, ALL_DAYS, begin * 60, begin * 60 + 720) for begin in (0, 12))
    periods = (
        flat(0.1, 100, prices=(0.2,), name="morning", whens=(morning,)),
        flat(0.3, 100, prices=(0.4,), name="afternoon", whens=(afternoon,), per_kw=True),
    )
    energy = Profile(START, 60, numbers(*used), numbers(*made))
    months = by_month(bill_by(name, [Plan("UTC", periods, tier_rule="chronological")], energy))
    assert months[0] == pytest.approx(100 * 0.1 + 200 * 0.2 + 27 * 0.3)


def test_sam_loses_what_rolls_over_from_a_month_without_import():
    # January: 744 kWh fed in, nothing bought; February: 672 kWh bought, all of them covered
    used, made = year(1, at=dict.fromkeys(range(744), 0), generation=dict.fromkeys(range(744), 1))
    table = [[1, 1, 100, 1, 0.1, 0], [1, 2, NO_LIMIT, 1, 0.1, 0]]
    inputs = {"ur_metering_option": NET_METERING, "ur_ec_tou_mat": table}
    plan = Plan(
        "UTC",
        (flat(0.1, 100, prices=(0.1,), per_kw=True),),
        tier_rule="prorate",
        export=Export("net_metering", carry_over="year"),
    )
    assert sam(inputs, used, made)[:3] == pytest.approx([0, 67.2, 74.4])
    assert ours(plan, used, made)[:3] == pytest.approx([0, 0, 67.2])


def test_sam_pays_the_true_up_on_the_sum_of_all_periods():
    # 100 kWh are left by day in December, 60 are bought by night: SAM pays for 40, we for what is
    # left by day, or for 40 where the plan says so
    used, made = year(0, at={HOURS - 24: 60}, generation={HOURS - 12: 100})
    schedule = [[1 if 7 <= hour < 23 else 2 for hour in range(24)] for _ in range(12)]
    table = [[1, 1, NO_LIMIT, 0, 0.4, 0], [2, 1, NO_LIMIT, 0, 0.2, 0]]
    inputs = {
        "ur_metering_option": NET_METERING,
        "ur_nm_yearend_sell_rate": 0.05,
        "ur_ec_tou_mat": table,
        "ur_ec_sched_weekday": schedule,
        "ur_ec_sched_weekend": schedule,
    }
    export = Export("net_metering", carry_over="year", payout=D("0.05"))
    plan = Plan("UTC", day_and_night((0.4,), (0.2,)), tier_rule="prorate", export=export)
    assert sam(inputs, used, made)[11] == pytest.approx(60 * 0.2 - 40 * 0.05)
    assert ours(plan, used, made)[11] == pytest.approx(60 * 0.2 - 100 * 0.05)
    on_total = replace(plan, export=replace(export, true_up_on="total"))
    assert ours(on_total, used, made)[11] == pytest.approx(60 * 0.2 - 40 * 0.05)


def test_sam_tops_up_the_year_on_top_of_the_months():
    # nothing used: 5 each month, 100 a year; SAM adds all 100 to the 60 already paid
    used, made = year(0)
    inputs = {"ur_monthly_min_charge": 5, "ur_annual_min_charge": 100}
    plan = Plan("UTC", (flat(0.4),), min_month=D(5), min_year=D(100))
    assert sum(sam(inputs, used, made)) == pytest.approx(160)
    assert sum(ours(plan, used, made)) == pytest.approx(100)


def test_sam_requires_equal_limits_in_all_periods():
    schedule = [[1] * 12 + [2] * 12 for _ in range(12)]
    table = [
        [1, 1, 100, 0, 0.1, 0],
        [1, 2, NO_LIMIT, 0, 0.2, 0],
        [2, 1, 200, 0, 0.3, 0],
        [2, 2, NO_LIMIT, 0, 0.4, 0],
    ]
    inputs = {
        "ur_ec_tou_mat": table,
        "ur_ec_sched_weekday": schedule,
        "ur_ec_sched_weekend": schedule,
    }
    with pytest.raises(Exception, match="same Max"):
        sam_cases.run(inputs, *year(1))


def test_sam_edits_the_rate_that_it_reads():
    rate = {
        "energyratestructure": [[{"rate": 0.1}], [{"rate": 0.2}]],
        "energyweekdayschedule": [[0] * 12 + [1] * 12 for _ in range(12)],
        "energyweekendschedule": [[0] * 24 for _ in range(12)],
    }
    before = copy.deepcopy(rate)
    first = UtilityRateTools.URDBv8_to_ElectricityRates(rate)
    first_hours = sorted({int(hour) for row in first["ur_ec_sched_weekday"] for hour in row})
    second = UtilityRateTools.URDBv8_to_ElectricityRates(rate)
    second_hours = sorted({int(hour) for row in second["ur_ec_sched_weekday"] for hour in row})
    assert (first_hours, second_hours) == ([1, 2], [2, 3])
    assert rate != before


def test_sam_spreads_a_ratchet_of_one_month_over_all():
    rate = {
        "energyratestructure": [[{"rate": 0.1}]],
        "energyweekdayschedule": [[0] * 24 for _ in range(12)],
        "energyweekendschedule": [[0] * 24 for _ in range(12)],
        "flatdemandstructure": [[{"rate": 2.0}]],
        "flatdemandmonths": [0] * 12,
        "lookbackpercent": 0.8,
        "lookbackrange": 11,
        "lookbackmonths": [1] + [0] * 11,
    }
    read = UtilityRateTools.URDBv8_to_ElectricityRates(rate)
    percents = [row[0] for row in read["ur_billing_demand_lookback_percentages"]]
    assert len([percent for percent in percents if percent]) == 12


def test_months_of_the_profile_are_those_of_sam():
    # a kWh at the first and at the last hour of each month costs what it should in that month
    starts = defaultdict(float)
    for hour in range(HOURS):
        month = (START + timedelta(hours=hour)).month
        if (START + timedelta(hours=hour - 1)).month != month or (
            START + timedelta(hours=hour + 1)
        ).month != month:
            starts[hour] = float(month)
    used, made = year(0, at=starts)
    inputs = {"ur_ec_tou_mat": [[1, 1, NO_LIMIT, 0, 1, 0]]}
    assert ours(Plan("UTC", (flat(1),)), used, made) == pytest.approx(sam(inputs, used, made))
