"""Bills calculated by hand: round figures, one feature at a time."""

import numpy as np
import pytest
from support.engine_help import billed, costs, energy, hours_between, lines

from flipkit.calendar import to_us
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    Export,
    FixedCharge,
    Minimum,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import bill

HOUR = 3_600_000_000
JANUARY = np.ones(744)


def tariff(*rates, name="plan", currency="USD", timezone="UTC", **more):
    return Tariff(name, currency, timezone, rates or (Rate(0.2),), **more)


def ladder(*prices, limits, **more):
    return (
        *(Tier(price, limit, **more) for price, limit in zip(prices, limits, strict=False)),
        Tier(prices[-1], **more),
    )


def close(found, wanted):
    assert set(found) == set(wanted)
    for key, want in wanted.items():
        assert found[key] == pytest.approx(want, abs=1e-9), key


def test_a_flat_rate_with_everything_added():
    plan = tariff(
        fixed=[FixedCharge("service", per_day=0.5), FixedCharge("meter", per_month=3)],
        adders=[Adder("levy", 0.01)],
        taxes=[Tax("city", 0.05), Tax("state", 0.1, ("energy", "adder"))],
    )
    close(
        billed(JANUARY, plan),
        {
            ("2025-01", "energy all"): (744, 148.8),
            ("2025-01", "fixed service"): (31, 15.5),
            ("2025-01", "fixed meter"): (1, 3),
            ("2025-01", "adder levy"): (744, 7.44),
            ("2025-01", "tax city"): (174.74, 8.737),
            ("2025-01", "tax state"): (156.24, 15.624),
        },
    )


def test_a_bill_frame_has_its_columns_and_order():
    frame = bill(
        energy(np.ones(hours_between("2025-01-01", "2025-03-01"))),
        tariff(fixed=[FixedCharge("x", 1)]),
    )
    assert frame.columns.tolist() == [
        *(
            "site_id",
            "month",
            "component",
            "quantity",
            "unit",
            "cost",
            "currency",
            "tariff",
            "finding",
        ),
    ]
    assert frame["month"].tolist() == ["2025-01"] * 2 + ["2025-02"] * 2
    assert frame["unit"].tolist() == ["kWh", "day"] * 2
    assert (frame["currency"] == "USD").all()
    assert (frame["tariff"] == "plan").all()
    assert frame["finding"].isna().all()


def test_weekdays_weekends_and_holidays():
    plan = tariff(
        Rate(0.4, days="weekday", period="work"),
        Rate(0.2, days="weekend", period="rest"),
        Rate(0.1, days="holiday", period="holiday"),
        holidays="US",
    )
    # July 2025: 23 weekdays, one of them Independence Day; 8 days of weekends.
    found = billed(JANUARY, plan, start="2025-07-01")
    close(
        found,
        {
            ("2025-07", "energy work"): (22 * 24, 22 * 24 * 0.4),
            ("2025-07", "energy rest"): (8 * 24, 8 * 24 * 0.2),
            ("2025-07", "energy holiday"): (24, 2.4),
        },
    )


DAY_NIGHT = (
    Rate(start="08:00", end="20:00", tiers=ladder(0.3, 0.5, limits=[100]), period="day"),
    Rate(start="20:00", end="08:00", tiers=ladder(0.1, 0.2, limits=[100]), period="night"),
)


@pytest.mark.parametrize(
    ("rule", "day", "night"),
    [
        # 100 hours from the start are four days and four hours of night.
        ("chronological", (48, 324), (52, 320)),
        ("prorate", (50, 322), (50, 322)),
        ("per_period", (100, 272), (100, 272)),
    ],
)
def test_the_three_ways_to_fill_tiers(rule, day, night):
    found = billed(JANUARY, tariff(*DAY_NIGHT, tier_rule=rule))
    close(
        found,
        {
            ("2025-01", "energy day tier 1"): (day[0], day[0] * 0.3),
            ("2025-01", "energy day tier 2"): (day[1], day[1] * 0.5),
            ("2025-01", "energy night tier 1"): (night[0], night[0] * 0.1),
            ("2025-01", "energy night tier 2"): (night[1], night[1] * 0.2),
        },
    )


def test_tiers_count_anew_each_month_and_empty_tiers_are_left_out():
    kwh = np.zeros(hours_between("2025-01-01", "2025-03-01"))
    kwh[0], kwh[-1] = 120, 80
    plan = tariff(Rate(tiers=ladder(0.3, 0.5, limits=[100])), tier_rule="chronological")
    close(
        billed(kwh, plan),
        {
            ("2025-01", "energy all tier 1"): (100, 30),
            ("2025-01", "energy all tier 2"): (20, 10),
            ("2025-02", "energy all tier 1"): (80, 24),
        },
    )


def test_an_interval_larger_than_whole_tiers_fills_each_of_them():
    kwh = np.zeros(744)
    kwh[5] = 25
    plan = tariff(Rate(tiers=ladder(1, 2, 3, 4, limits=[5, 10, 20])), tier_rule="chronological")
    assert costs(billed(kwh, plan)) == {
        ("2025-01", "energy all tier 1"): 5,
        ("2025-01", "energy all tier 2"): 10,
        ("2025-01", "energy all tier 3"): 30,
        ("2025-01", "energy all tier 4"): 20,
    }


def test_periods_with_ladders_of_their_own_share_one_count():
    kwh = np.zeros(744)
    kwh[:3] = 10  # night: 30 kWh
    kwh[8] = 20  # day: from 30 to 50
    day = Rate(start="08:00", end="20:00", tiers=ladder(1, 2, limits=[40]), period="day")
    night = Rate(start="20:00", end="08:00", tiers=ladder(3, 4, 5, limits=[10, 25]), period="night")
    found = costs(billed(kwh, tariff(day, night, tier_rule="chronological")))
    assert found == {
        ("2025-01", "energy night tier 1"): 30,
        ("2025-01", "energy night tier 2"): 60,
        ("2025-01", "energy night tier 3"): 25,
        ("2025-01", "energy day tier 1"): 10,
        ("2025-01", "energy day tier 2"): 20,
    }


@pytest.mark.parametrize(
    ("tier", "limit"),
    [
        ({"limits": [2], "per": "day"}, 62),
        ({"limits": [100], "per_kw": True}, 300),
        ({"limits": [4], "per": "day", "per_kw": True}, 4 * 31 * 3),
    ],
)
def test_limits_by_day_and_by_kw(tier, limit):
    kwh = JANUARY.copy()
    kwh[100] = 3  # the peak: 3 kW
    plan = tariff(Rate(tiers=ladder(0.1, 0.2, **tier)), tier_rule="prorate")
    close(
        billed(kwh, plan),
        {
            ("2025-01", "energy all tier 1"): (limit, limit * 0.1),
            ("2025-01", "energy all tier 2"): (746 - limit, (746 - limit) * 0.2),
        },
    )


@pytest.mark.parametrize("rule", ["chronological", "prorate", "per_period"])
@pytest.mark.parametrize(("peak", "kwh"), [(3, (150, 150, 200, 246)), (1, (100, 0, 400, 244))])
def test_steps_of_kwh_end_with_their_block_of_hours(rule, peak, kwh):
    # 746 kWh and a peak of 3 kW, or 744 kWh and 1 kW: the first 100 hours are 300 or 100 kWh.
    used = JANUARY.copy()
    used[100] = peak
    steps = (
        Tier(0.5, 150, hours_of_use=100),
        Tier(0.4, hours_of_use=100),
        Tier(0.3, 500),
        Tier(0.2),
    )
    found = billed(used, tariff(Rate(tiers=steps), tier_rule=rule))
    expected = {}
    for number, (step, amount) in enumerate(zip(steps, kwh, strict=True), 1):
        if amount or number == 1:
            name = ("2025-01", f"energy all tier {number}")
            expected[name] = (amount, amount * step.price_per_kwh)
    close(found, expected)


def test_a_minimum_per_day_is_for_the_days_of_the_energy():
    # Twelve days of 1 kWh an hour at 0.01; the minimum is 0.5 a day and 31 a month.
    plan = tariff(Rate(0.01), minimum=Minimum(per_month=31, per_day=0.5))
    found = billed(np.ones(12 * 24), plan)
    assert found["2025-01", "minimum"] == (18, pytest.approx(18 - 2.88))


def test_a_day_that_is_cut_counts_as_the_fraction_of_its_length():
    plan = tariff(
        Rate(tiers=ladder(0.1, 0.2, limits=[12], per="day")),
        tier_rule="chronological",
        timezone="Europe/London",
        fixed=[FixedCharge("x", per_day=1), FixedCharge("y", per_month=31)],
    )
    # Half of a day of 24 hours, a day, and the first five hours of the one of 25.
    found = billed(np.ones(12 + 24 + 5), plan, start="2025-10-24T11:00:00Z")
    close(
        found,
        {
            ("2025-10", "energy all tier 1"): (12 * 1.7, 1.2 * 1.7),
            ("2025-10", "energy all tier 2"): (41 - 12 * 1.7, (41 - 12 * 1.7) * 0.2),
            ("2025-10", "fixed x"): (1.7, 1.7),
            ("2025-10", "fixed y"): (1.7 / 31, 1.7),
        },
    )


def test_a_limit_by_kw_and_a_demand_take_all_consumption_where_all_is_bought():
    plan = tariff(
        Rate(tiers=ladder(0.1, 0.2, limits=[100], per_kw=True)),
        tier_rule="prorate",
        demand=DemandCharge("d", DemandTier(5)),
        export=Export("buy_all_sell_all", [Rate(0.0)]),
    )
    found = billed(np.full(744, 2.0), plan, 1.5)
    assert found["2025-01", "energy all tier 1"] == (200, pytest.approx(20))
    assert found["2025-01", "demand d"] == (2, 10)


def test_a_site_that_uses_nothing_pays_nothing_by_tiers_of_its_peak():
    plan = tariff(Rate(tiers=ladder(0.1, 0.2, limits=[100], per_kw=True)), tier_rule="prorate")
    assert billed(np.zeros(744), plan) == {("2025-01", "energy all tier 1"): (0.0, 0.0)}


def test_a_price_series_of_another_step():
    start = to_us("2025-01-01", "UTC")
    edges = start + HOUR * np.array([-5, 1, 1.5, 800])
    plan = Tariff("spot", "EUR", "UTC", series=PriceSeries(edges[:-1], edges[1:], [0.1, 0.3, 0.2]))
    # Hour 0 at 0.1; hour 1 half at 0.3, half at 0.2; the rest at 0.2.
    close(billed(JANUARY, plan), {("2025-01", "energy all"): (744, 0.1 + 0.25 + 742 * 0.2)})


def test_an_interval_cut_by_export_hours_keeps_the_prices_of_its_own_minutes():
    start = to_us("2025-01-10T10:00:00Z")
    edges = start + HOUR // 4 * np.arange(9)
    spot = PriceSeries(edges[:-1], edges[1:], [0.1, 0.2, 0.4, 0.8, 0.0, 0.0, 0.0, 0.0])
    export = Export("net_billing", [Rate(0.3, "10:15", "10:30"), Rate(0.1, "10:30", "10:15")])
    plan = Tariff("spot", "EUR", "UTC", series=spot, export=export)
    found = billed([4.0, 0.0], plan, [0.0, 0.0], start="2025-01-10T10:00:00Z")
    assert found["2025-01", "energy all"] == (4, pytest.approx(1.5))
    sold = Export("net_billing", series=spot)
    rates = Rate(0.3, "10:15", "10:30", period="a"), Rate(0.1, "10:30", "10:15", period="b")
    found = billed(
        [0.0, 0.0], tariff(*rates, export=sold), [4.0, 0.0], start="2025-01-10T10:00:00Z"
    )
    assert found["2025-01", "export all"] == (4, pytest.approx(-1.5))


@pytest.mark.parametrize(("minutes", "kw"), [(15, 8), (30, 5), (60, 3.5)])
def test_demand_over_its_interval(minutes, kw):
    quarters = np.zeros(4 * 744)
    quarters[[4, 5, 6, 7]] = 0.5, 2, 1, 0  # 2, 8, 4, 0 kW from 01:00 on
    plan = tariff(Rate(0), demand=[DemandCharge("d", DemandTier(10), interval_minutes=minutes)])
    found = billed(quarters, plan, minutes=15)
    close(found, {("2025-01", "energy all"): (3.5, 0), ("2025-01", "demand d"): (kw, 10 * kw)})


def test_demand_of_coarser_energy_is_its_mean_power():
    plan = tariff(Rate(0), demand=[DemandCharge("d", DemandTier(10), "16:45", "17:00")])
    kwh = np.zeros(744)
    kwh[16], kwh[17] = 5, 50
    assert billed(kwh, plan)["2025-01", "demand d"] == (5, 50)


def test_demand_within_its_hours_days_and_months_by_tier():
    kwh = np.zeros(hours_between("2025-01-01", "2025-03-01"))
    kwh[18], kwh[3 * 24 + 18], kwh[10] = (
        12,
        40,
        50,
    )  # a Wednesday evening, a Saturday evening, a morning
    charge = DemandCharge(
        "peak", (DemandTier(1, 5), DemandTier(2)), "16:00", "21:00", (1,), "weekday", 60
    )
    close(
        {
            key: value
            for key, value in billed(kwh, tariff(Rate(0), demand=charge)).items()
            if "demand" in key[1]
        },
        {("2025-01", "demand peak tier 1"): (5, 5), ("2025-01", "demand peak tier 2"): (7, 14)},
    )


@pytest.mark.parametrize(
    ("days", "kw"),
    [("all", 9), ("weekend", 9), ((6,), 9), ("holiday", 9), ("weekday", 2), ((4,), 2)],
)
def test_a_demand_on_a_public_holiday_is_one_on_a_sunday(days, kw):
    kwh = np.zeros(744)
    kwh[3 * 24 + 12], kwh[10 * 24 + 12] = 9, 2  # Fridays: Independence Day, and a week later
    charge = DemandCharge("d", DemandTier(1), days=days, interval_minutes=60)
    found = billed(kwh, tariff(holidays="US", demand=charge), start="2025-07-01")
    assert found["2025-07", "demand d"] == (kw, kw)


def months_of(*peaks, first="2025-01-01"):
    """Hourly energy of 0.5 kWh, with one peak in the middle of each month from January on."""
    start = np.datetime64(first[:7], "M") + np.arange(len(peaks) + 1)
    counts = np.diff(start.astype("datetime64[h]").astype(int))
    parts = [np.full(count, 0.5) for count in counts]
    for part, peak in zip(parts, peaks, strict=True):
        part[len(part) // 2] = peak
    return np.concatenate(parts)


def demands(found):
    return [quantity for (_, component), (quantity, _) in found.items() if component == "demand d"]


@pytest.mark.parametrize(
    ("ratchet", "months", "want"),
    [
        (None, None, [4, 10, 2, 3, 2, 12]),
        (Ratchet(0.8, 2), None, [4, 10, 8, 8, 2.4, 12]),
        (Ratchet(0.8, 11), None, [4, 10, 8, 8, 8, 12]),
        (Ratchet(0.5, 11, (1,)), None, [4, 10, 2, 3, 2, 12]),
        (Ratchet(0.9, 11, (1,)), None, [4, 10, 3.6, 3.6, 3.6, 12]),
        (Ratchet(0.8, 11), (3, 4), [8, 8]),  # what it looks back at is measured in every month
    ],
)
def test_ratchets(ratchet, months, want):
    charge = DemandCharge("d", DemandTier(1), months=months, interval_minutes=60, ratchet=ratchet)
    assert demands(billed(months_of(4, 10, 2, 3, 2, 12), tariff(demand=charge))) == pytest.approx(
        want
    )


def test_net_billing_pays_each_exported_kwh():
    use, made = np.ones(744), np.zeros(744)
    made[12:18] = 3  # two kWh an hour are sold, at 12 to 16 for more than kWh cost
    export = Export(
        "net_billing", [Rate(0.5, "12:00", "16:00", period="high"), Rate(0.1, "16:00", "12:00")]
    )
    close(
        billed(use, tariff(export=export), made),
        {
            ("2025-01", "energy all"): (738, 147.6),
            ("2025-01", "export period 1"): (4, -0.4),
            ("2025-01", "export high"): (8, -4.0),
        },
    )


def test_all_is_bought_and_all_is_sold():
    export = Export("buy_all_sell_all", [Rate(0.5)])
    close(
        billed(np.ones(744), tariff(export=export), 3),
        {("2025-01", "energy all"): (744, 148.8), ("2025-01", "export all"): (3 * 744, -1.5 * 744)},
    )


def test_without_an_export_price_exports_earn_nothing_and_the_bill_says_so():
    frame = bill(energy(np.ones(744), 3), tariff())
    assert costs(lines(frame)) == {("2025-01", "energy all"): 0, ("2025-01", "export all"): 0}
    assert (
        frame["finding"].tolist()[1] == "export.unpaid: the tariff pays nothing for exported energy"
    )


NET_DAYS = (Rate(0.3, "08:00", "20:00", period="day"), Rate(0.1, "20:00", "08:00", period="night"))


def test_net_metering_by_the_month():
    made = np.zeros(744)
    made[12::24] = 15  # 31 x 15 = 465 kWh by day, of which 372 are used by day
    export = Export("net_metering", payout_per_kwh=0.05)
    close(
        billed(np.ones(744), tariff(*NET_DAYS, export=export), made),
        {
            ("2025-01", "energy day"): (0, 0),
            ("2025-01", "energy night"): (372, 37.2),
            ("2025-01", "export day"): (93, -4.65),
            ("2025-01", "export night"): (0, 0),
        },
    )


def test_net_metering_by_the_year_carries_kwh_to_the_same_period():
    edges = [0, 744, 744 + 672, 744 + 672 + 744]
    use, made = np.ones(edges[-1]), np.zeros(edges[-1])
    made[12] = 372 + 400  # January's day: 400 kWh over
    made[edges[1] + 12] = 36  # February's day: 336 used, 36 made, so 300 of the 400 go
    made[edges[2] + 12] = 372 + 50  # March's day: 50 over, and 100 from before; settled in March
    export = Export("net_metering", carry_over="year", payout_per_kwh=0.04, true_up_month=3)
    found = billed(use, tariff(*NET_DAYS, export=export), made)
    close(
        {key: value for key, value in found.items() if "night" not in key[1]},
        {
            ("2025-01", "energy day"): (0, 0),
            ("2025-01", "carry over"): (400, 0),
            ("2025-02", "energy day"): (0, 0),
            ("2025-02", "carry over"): (100, 0),
            ("2025-03", "energy day"): (0, 0),
            ("2025-03", "carry over"): (0, -150 * 0.04),
        },
    )


def test_tiers_under_net_metering_are_filled_by_what_is_left():
    made = np.zeros(744)
    made[12] = 372 - 50
    rates = (
        Rate(start="08:00", end="20:00", tiers=ladder(0.3, 0.5, limits=[211]), period="day"),
        Rate(start="20:00", end="08:00", tiers=ladder(0.1, 0.2, limits=[211]), period="night"),
    )
    found = billed(
        np.ones(744), tariff(*rates, tier_rule="prorate", export=Export("net_metering")), made
    )
    # 50 by day and 372 by night: 422, half of it in the first tier.
    close(
        {key: value for key, value in found.items() if "energy" in key[1]},
        {
            ("2025-01", "energy day tier 1"): (25, 7.5),
            ("2025-01", "energy day tier 2"): (25, 12.5),
            ("2025-01", "energy night tier 1"): (186, 18.6),
            ("2025-01", "energy night tier 2"): (186, 37.2),
        },
    )


@pytest.mark.parametrize(("share", "march"), [(0.0, 0.0), (0.5, -20.0)])
def test_credit_carried_over_and_settled(share, march):
    edges = [0, 744, 744 + 672, 744 + 672 + 744]
    use, made = np.zeros(edges[-1]), np.zeros(edges[-1])
    use[0], made[1] = 100, 600  # 20 charged + 5 fixed; 60 earned: 35 over
    use[edges[1]] = 30  # 6 + 5 charged: 24 left
    made[edges[2]] = 210  # 5 charged, 21 earned, 24 carried: 40 left at the true-up
    export = Export(
        "net_billing", [Rate(0.1)], carry_over="credit", payout_share=share, true_up_month=3
    )
    plan = tariff(export=export, fixed=[FixedCharge("x", per_month=5)])
    found = billed(use, plan, made)
    close(
        {key: value for key, value in found.items() if key[1] == "carry over"},
        {
            ("2025-01", "carry over"): (35, 35),
            ("2025-02", "carry over"): (24, 35 - 46),
            ("2025-03", "carry over"): (0, 40 * (1 - share) - 24),
        },
    )
    by_month = [
        sum(cost for (month, _), cost in costs(found).items() if month == f"2025-0{n}")
        for n in (1, 2, 3)
    ]
    assert by_month == pytest.approx([0, 0, march])


def test_credit_is_not_used_up_by_charges_below_zero():
    use, made = np.zeros(744), np.zeros(744)
    use[0], made[1] = 10, 10  # -2 charged, 1 earned and carried
    export = Export("net_billing", [Rate(0.1)], carry_over="credit")
    found = billed(use, tariff(Rate(-0.2), export=export), made)
    assert found["2025-01", "carry over"] == (1, 1)
    assert sum(costs(found).values()) == pytest.approx(-2)


def test_an_open_balance_at_the_end_of_the_energy_is_a_finding():
    export = Export("net_billing", [Rate(0.1)], carry_over="credit")
    frame = bill(energy(np.zeros(744), 1), tariff(export=export))
    row = frame[frame["component"] == "carry over"].iloc[0]
    assert row["quantity"] == pytest.approx(74.4)
    assert row["cost"] == pytest.approx(74.4)
    assert row["finding"].startswith("carry_over.open")


def test_a_true_up_is_at_the_end_of_its_month_or_of_the_tariff_and_not_before():
    export = Export("net_metering", carry_over="year", payout_per_kwh=0.1, true_up_month=1)

    def settled(hours, **more):
        frame = bill(energy(np.zeros(hours), 1), tariff(export=export, **more))
        return frame[frame["component"] == "carry over"][["quantity", "cost"]].to_numpy().tolist()

    assert settled(744) == [[0, pytest.approx(-74.4)]]
    assert settled(743) == [[743, 0]]
    # Several billing periods begin in January: the true-up is at the end of the last.
    dates = ["2025-01-01", "2025-01-11", "2025-01-21", "2025-02-20"]
    found = billed(np.zeros(744), tariff(export=export), 1, dates=dates)
    assert [found[day, "carry over"] for day in dates[:3]] == [(240, 0), (480, 0), (744, 0)]
    found = billed(np.zeros(480), tariff(export=export), 1, dates=dates[:3])
    assert [found[day, "carry over"] for day in dates[:2]] == [(240, 0), (0, pytest.approx(-48))]
    change = to_us("2025-01-11", "UTC")
    parts = [
        tariff(export=export, name="a", valid_to_us=change),
        tariff(name="b", valid_from_us=change),
    ]
    found = lines(bill(energy(np.zeros(744), 1), Tariff.successive(parts)))
    assert found["2025-01", "carry over"] == (0, pytest.approx(-24))


def test_the_minimum_of_a_month_and_of_a_year():
    year = np.full(8760, 0.1)
    year[:744] = 1
    plan = tariff(minimum=Minimum(per_month=20, per_year=400), taxes=[Tax("t", 0.1, "minimum")])
    found = billed(year, plan)
    assert found["2025-01", "minimum"] == (20, 0)
    assert found["2025-02", "minimum"] == pytest.approx((20, 20 - 672 * 0.02))
    total = 744 * 0.2 + 11 * 20
    assert found["2025-12", "minimum"] == pytest.approx((20, 20 - 744 * 0.02 + 400 - total))
    assert found["2025-12", "tax t"][1] == pytest.approx(0.1 * found["2025-12", "minimum"][1])


def test_the_yearly_minimum_of_a_part_of_a_year_is_not_applied_with_a_finding():
    frame = bill(energy(np.zeros(8759)), tariff(minimum=Minimum(per_year=400)))
    row = frame[frame["component"] == "minimum"].iloc[0]
    assert (row["month"], row["cost"]) == ("2025-12", 0)
    assert "minimum.open: the energy does not cover the whole year 2025" in row["finding"]
    found = billed(np.zeros(8760), tariff(minimum=Minimum(per_year=400)))
    assert found["2025-12", "minimum"] == (400, 400)


def test_billing_dates_have_no_yearly_minimum_with_a_finding():
    dates = [f"2025-{month:02d}-01" for month in range(1, 13)] + ["2026-01-01"]
    frame = bill(energy(np.zeros(8760)), tariff(minimum=Minimum(per_year=400)), billing_dates=dates)
    row = frame[frame["component"] == "minimum"].iloc[-1]
    assert (row["month"], row["cost"]) == ("2025-12-01", 0)
    why = "billing dates do not make calendar years, so the yearly minimum is not applied"
    assert row["finding"] == f"minimum.open: {why}"


def test_a_minimum_does_not_take_back_what_exports_earn():
    export = Export("net_billing", [Rate(0.1)])
    found = billed(np.zeros(744), tariff(export=export, minimum=Minimum(10)), 1)
    assert found["2025-01", "minimum"] == pytest.approx((10, 10))


def test_successive_tariffs_split_a_month_by_its_days():
    change = to_us("2025-01-11", "UTC")
    first = tariff(
        Rate(tiers=ladder(0.1, 0.2, limits=[93])),
        name="old",
        valid_to_us=change,
        tier_rule="chronological",
        fixed=[FixedCharge("x", per_month=31)],
        demand=[DemandCharge("d", DemandTier(31), interval_minutes=60)],
    )
    second = tariff(Rate(0.5), name="new", valid_from_us=change, minimum=Minimum(per_month=310))
    frame = bill(energy(JANUARY), Tariff.successive([first, second]))
    # Ten of 31 days: a limit of 30 kWh for 240 kWh; 21 of 31: a minimum of 210 for 504 kWh.
    close(
        lines(frame),
        {
            ("2025-01", "energy all tier 1"): (30, 3),
            ("2025-01", "energy all tier 2"): (210, 42),
            ("2025-01", "demand d"): (1, 10),
            ("2025-01", "fixed x"): (10 / 31, 10),
            ("2025-01", "energy all"): (504, 252),
            ("2025-01", "minimum"): (210, 0),
        },
    )
    findings = frame["finding"].tolist()
    assert findings[0] == "period.cut: 10 of 31 days, under old"
    assert findings[-1] == "period.cut: 21 of 31 days, under new"


def test_a_leap_year_has_its_day():
    plan = tariff(fixed=[FixedCharge("x", per_day=1)])
    found = billed(np.ones(hours_between("2024-02-01", "2024-03-01")), plan, start="2024-02-01")
    close(found, {("2024-02", "energy all"): (696, 139.2), ("2024-02", "fixed x"): (29, 29)})


@pytest.mark.parametrize(
    ("day", "night_hours", "hours"), [("2025-10-26", 4, 25), ("2025-03-30", 2, 23)]
)
def test_the_hours_of_a_day_on_which_the_clock_changes(day, night_hours, hours):
    rates = Rate(0.1, "00:00", "03:00", period="night"), Rate(0.3, "03:00", "24:00", period="day")
    plan = tariff(*rates, timezone="Europe/London", fixed=[FixedCharge("x", per_day=1)])
    found = billed(np.ones(hours), plan, start=day)
    wanted = {"energy night": night_hours, "energy day": hours - night_hours, "fixed x": 1}
    assert {component: quantity for (_, component), (quantity, _) in found.items()} == wanted


def test_hours_across_the_edge_of_a_month_are_split_in_proportion_to_time():
    plan = tariff(timezone="Asia/Kolkata")  # local midnight is 18:30 UTC
    found = billed([8.0, 8.0], plan, start="2025-01-31T18:00:00Z")
    assert costs(found) == {
        ("2025-01", "energy all"): 0.8,
        ("2025-02", "energy all"): pytest.approx(2.4),
    }


def test_an_interval_across_a_price_change_is_split():
    plan = tariff(Rate(0.1, "00:00", "00:20", period="a"), Rate(0.4, "00:20", period="b"))
    found = billed([6.0, 6.0], plan)
    close(found, {("2025-01", "energy a"): (2, 0.2), ("2025-01", "energy b"): (10, 4)})


def test_billing_dates():
    plan = tariff(
        Rate(tiers=ladder(0.1, 0.2, limits=[480])),
        tier_rule="chronological",
        fixed=[FixedCharge("d", per_day=1), FixedCharge("m", per_month=30)],
    )
    kwh = np.ones(hours_between("2025-01-11", "2025-02-25"))
    found = billed(kwh, plan, start="2025-01-11", dates=["2025-01-01", "2025-01-31", "2025-03-12"])
    # 20 of 30 days, then 25 of 40.
    close(
        found,
        {
            ("2025-01-01", "energy all tier 1"): (320, 32),
            ("2025-01-01", "energy all tier 2"): (160, 32),
            ("2025-01-01", "fixed d"): (20, 20),
            ("2025-01-01", "fixed m"): (20 / 30, 20),
            ("2025-01-31", "energy all tier 1"): (300, 30),
            ("2025-01-31", "energy all tier 2"): (300, 60),
            ("2025-01-31", "fixed d"): (25, 25),
            ("2025-01-31", "fixed m"): (25 / 40, 18.75),
        },
    )
