"""Plans of several countries: daily tiers, demand, look-backs and adders by hour, by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import flipkit as fk
from flipkit.calendar import Grid
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    Export,
    Minimum,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import Block, EnergySums, rate

SYDNEY, BRUSSELS, OSLO = "Australia/Sydney", "Europe/Brussels", "Europe/Oslo"
DAILY = {"tier_rule": "chronological", "tier_reset": "day"}
FIRST_15_KWH = (Tier(0.20, 15, per="day"), Tier(0.30))


def energy(zone, start, end, kwh, generation=None, *, step="1h", site="home"):
    """An energy frame; `kwh` and `generation` are numbers, or functions of the local times."""
    times = pd.date_range(
        pd.Timestamp(start, tz=zone), pd.Timestamp(end, tz=zone), freq=step, inclusive="left"
    )
    columns = {"site_id": site, "start_utc": times.tz_convert("UTC")}
    for name, value in (("consumption_kwh", kwh), ("generation_kwh", generation)):
        if value is not None:
            values = value(times) if callable(value) else value
            columns[name] = np.broadcast_to(np.asarray(values, dtype=float), len(times))
    return pd.DataFrame(columns)


def costs(frame, tariff, **options):
    """Cost by component, over all months."""
    bill = fk.bill(frame, tariff, **options)
    return bill.groupby("component")["cost"].sum().to_dict()


def findings(frame, tariff):
    return sorted(set(fk.bill(frame, tariff)["finding"].dropna()))


NO_PRICE = (Rate(0.0),)


def plan(zone=SYDNEY, rates=NO_PRICE, **charges):
    return Tariff("plan", "EUR", zone, rates, **charges)


# --- tiers that begin anew each day (Australia: the first 15 kWh of a day are cheaper)


def test_a_day_without_use_does_not_help_the_next():
    # 30 and 0 kWh: 15 x 0.20 + 15 x 0.30; counted over both days it would be 30 x 0.20
    frame = energy(SYDNEY, "2025-06-01", "2025-06-03", lambda t: np.where(t.day == 1, 1.25, 0.0))
    for rule in ("chronological", "prorate", "per_period"):
        daily = plan(rates=[Rate(tiers=FIRST_15_KWH)], tier_rule=rule, tier_reset="day")
        assert sum(costs(frame, daily).values()) == pytest.approx(7.50)
    monthly = plan(rates=[Rate(tiers=FIRST_15_KWH)], tier_rule="chronological")
    assert sum(costs(frame, monthly).values()) == pytest.approx(6.00)


@pytest.mark.parametrize(("day", "hours"), [("2025-10-05", 23), ("2025-04-06", 25)])
def test_a_day_of_23_or_25_hours_is_one_day(day, hours):
    after = pd.Timestamp(day) + pd.Timedelta(days=1)
    frame = energy(SYDNEY, day, after, 1.0)
    assert len(frame) == hours
    found = costs(frame, plan(rates=[Rate(tiers=FIRST_15_KWH)], **DAILY))
    assert sum(found.values()) == pytest.approx(15 * 0.20 + (hours - 15) * 0.30)


def test_half_a_day_has_half_of_its_limit():
    frame = energy(SYDNEY, "2025-06-01", "2025-06-01 12:00", 1.0)
    found = costs(frame, plan(rates=[Rate(tiers=FIRST_15_KWH)], **DAILY))
    assert sum(found.values()) == pytest.approx(7.5 * 0.20 + 4.5 * 0.30)


def test_the_first_kwh_that_are_fed_in_each_day_are_paid_more():
    # 20 and 10 kWh: 15 x 0.12 + 5 x 0.04, and 10 x 0.12
    frame = energy(
        SYDNEY, "2025-06-01", "2025-06-03", 0.0, lambda t: np.where(t.day == 1, 20, 10) / 24
    )
    feed_in = Rate(tiers=(Tier(0.12, 15, per="day"), Tier(0.04)))
    for mode in ("net_billing", "buy_all_sell_all"):
        found = costs(frame, plan(export=Export(mode, feed_in, tier_reset="day")))
        assert found["export all tier 1"] == pytest.approx(-25 * 0.12)
        assert found["export all tier 2"] == pytest.approx(-5 * 0.04)


def test_net_billing_with_daily_tiers_both_ways():
    # By day: 18 kWh drawn at night, 16 fed in at noon.
    frame = energy(
        SYDNEY,
        "2025-06-01",
        "2025-07-01",
        lambda t: np.where(t.hour < 6, 3.0, 0.0),
        lambda t: np.where((t.hour >= 10) & (t.hour < 14), 4.0, 0.0),
    )
    feed_in = Export(
        "net_billing", Rate(tiers=(Tier(0.12, 15, per="day"), Tier(0.04))), tier_reset="day"
    )
    found = costs(frame, plan(rates=[Rate(tiers=FIRST_15_KWH)], export=feed_in, **DAILY))
    assert sum(found.values()) == pytest.approx(30 * (15 * 0.20 + 3 * 0.30 - 15 * 0.12 - 1 * 0.04))


def test_a_plan_that_changes_at_noon_has_half_of_each_limit():
    noon = pd.Timestamp("2025-06-01 12:00", tz=SYDNEY).value // 1000
    tiers = [Rate(tiers=FIRST_15_KWH)]
    parts = [
        Tariff("a", "AUD", SYDNEY, tiers, valid_to_us=noon, **DAILY),
        Tariff("b", "AUD", SYDNEY, tiers, valid_from_us=noon, **DAILY),
    ]
    frame = energy(SYDNEY, "2025-06-01", "2025-06-02", 1.0)
    found = costs(frame, Tariff.successive(parts))
    assert sum(found.values()) == pytest.approx(15 * 0.20 + 9 * 0.30)


def test_a_daily_limit_beside_billing_dates_and_the_matrix():
    frame = energy(SYDNEY, "2025-06-05", "2025-07-05", lambda t: np.where(t.day % 2, 1.25, 0.0))
    daily = plan(rates=[Rate(tiers=FIRST_15_KWH)], **DAILY)
    days = len(set(frame.start_utc.dt.tz_convert(SYDNEY).dt.date[frame.consumption_kwh > 0]))
    right = days * 7.50
    dates = ["2025-06-05", "2025-07-05"]
    assert sum(costs(frame, daily, billing_dates=dates).values()) == pytest.approx(right)
    columns = {
        "site_id": frame.site_id.to_list(),
        "start_utc": pl.Series(frame.start_utc.to_list(), dtype=pl.Datetime("us", "UTC")),
        "consumption_kwh": frame.consumption_kwh.to_list(),
    }
    matrix = fk.bill_matrix(pl.DataFrame(columns), [daily], billing_dates=dates)
    assert matrix["cost"].to_list() == [pytest.approx(right)]
    assert matrix["rule_spread"].to_list() == [pytest.approx(0.0, abs=1e-12)]


def test_intervals_have_the_price_of_the_tier_that_their_day_has_reached():
    frame = energy(SYDNEY, "2025-06-01", "2025-06-04", lambda t: np.where(t.day == 2, 1.25, 0.1))
    scenario = fk.Scenario("today", plan(rates=[Rate(tiers=FIRST_15_KWH)], **DAILY))
    result = fk.simulate(frame, [scenario])
    intervals = result.intervals()
    assert intervals["import_cost"].sum() == pytest.approx(7.50 + 2 * 2.4 * 0.20)


def test_intervals_earn_the_price_of_the_tier_that_their_day_has_reached():
    frame = energy(SYDNEY, "2025-06-01", "2025-06-03", 0.0, 1.0)
    feed_in = Rate(tiers=(Tier(0.12, 15, per="day"), Tier(0.04)))
    own_terms = plan(export=Export("net_billing", feed_in, tier_reset="day"))
    apart = Tariff("feed-in", "EUR", SYDNEY, [feed_in], **DAILY)
    scenarios = [
        fk.Scenario("own terms", own_terms),
        fk.Scenario("apart", plan(), export_tariff=apart),
    ]
    result = fk.simulate(frame, scenarios)
    earned = result.intervals().groupby("scenario")["export_credit"].sum()
    right = 2 * (15 * 0.12 + 9 * 0.04)
    assert earned.to_dict() == pytest.approx({"own terms": right, "apart": right})
    costs_by_scenario = result.summary().set_index("scenario")["cost"]
    assert costs_by_scenario.to_dict() == pytest.approx({"own terms": -right, "apart": -right})


# --- demand


def one_peak(kw, day=3, hour=18):
    return lambda t: np.where((t.day == day) & (t.hour == hour), kw, 0.1)


def test_demand_per_kw_and_day():
    # Australia: 0.20 per kW and day, 5 kW, 31 days
    frame = energy(SYDNEY, "2025-07-01", "2025-08-01", one_peak(5.0))
    charge = DemandCharge("demand", DemandTier(0.20), per="day", interval_minutes=60)
    assert costs(frame, plan(demand=charge))["demand demand"] == pytest.approx(31.00)
    leap = energy(SYDNEY, "2024-02-01", "2024-03-01", one_peak(5.0))
    assert costs(leap, plan(demand=charge))["demand demand"] == pytest.approx(29.00)
    half = energy(SYDNEY, "2025-07-01", "2025-07-16 12:00", one_peak(5.0))
    assert costs(half, plan(demand=charge))["demand demand"] == pytest.approx(15.50)


def test_demand_per_day_counts_the_days_in_its_months():
    # 15 May to 16 June: 16 days of June
    frame = energy("UTC", "2025-05-15", "2025-06-17", one_peak(5.0, day=10))
    charge = DemandCharge("d", DemandTier(0.20), months=(6,), per="day", interval_minutes=60)
    dates = ["2025-05-15", "2025-06-17"]
    found = costs(frame, plan("UTC", demand=charge), billing_dates=dates)
    assert found["demand d"] == pytest.approx(16 * 0.20 * 5)


def test_the_mean_of_the_three_highest_days():
    # Norway and Sweden: hours of three different days; a second high hour of a day does not count
    peaks = {(4, 8): 6.0, (4, 9): 5.5, (11, 18): 4.0, (20, 19): 3.5, (21, 7): 3.0}

    def kwh(times):
        used = np.full(len(times), 0.5)
        for (day, hour), kw in peaks.items():
            used[(times.day == day) & (times.hour == hour)] = kw
        return used

    frame = energy(OSLO, "2025-01-01", "2025-02-01", kwh)
    charge = DemandCharge("kapasitet", DemandTier(50), interval_minutes=60, peaks=3)
    bill = fk.bill(frame, plan(OSLO, demand=charge)).set_index("component")
    assert bill.loc["demand kapasitet", "quantity"] == pytest.approx((6.0 + 4.0 + 3.5) / 3)
    assert bill.loc["demand kapasitet", "cost"] == pytest.approx(225.0)


@pytest.mark.parametrize(
    ("kw", "amount"), [(0.0, 125), (1.9, 125), (2.0, 125), (2.1, 206), (5.0, 206), (9.0, 350)]
)
def test_capacity_steps_are_amounts(kw, amount):
    # The first steps of Elvia's network tariff of 2023: 125 NOK up to 2 kW, 206 NOK up to 5 kW
    steps = (DemandTier(0, 2, 125), DemandTier(0, 5, 206), DemandTier(0, None, 350))
    charge = DemandCharge("capacity", steps, interval_minutes=60, peaks=3)
    frame = energy(OSLO, "2025-01-01", "2025-02-01", kw)
    found = costs(frame, plan(OSLO, demand=charge))
    assert sum(found.values()) == pytest.approx(amount)


def test_fewer_days_than_peaks_are_the_mean_of_those():
    frame = energy(OSLO, "2025-01-01", "2025-01-03", lambda t: np.where(t.day == 1, 4.0, 2.0))
    charge = DemandCharge("d", DemandTier(31), interval_minutes=60, peaks=3)
    assert costs(frame, plan(OSLO, demand=charge))["demand d"] == pytest.approx(2 * 3.0)


FLANDERS = DemandCharge("capacity", DemandTier(47.33 / 12), minimum_kw=2.5, trailing_months=12)


def test_the_flemish_floor():
    # Capacity tariff, 2.5 kW at least: a year costs 118.33, February alone 9.86
    year = energy(BRUSSELS, "2025-01-01", "2026-01-01", 0.3)
    assert costs(year, plan(BRUSSELS, demand=FLANDERS))["demand capacity"] == pytest.approx(
        118.33, abs=0.01
    )
    february = energy(BRUSSELS, "2025-02-01", "2025-03-01", 0.3)
    assert costs(february, plan(BRUSSELS, demand=FLANDERS))["demand capacity"] == pytest.approx(
        9.86, abs=0.005
    )


def test_the_trailing_mean_of_monthly_peaks():
    # Peaks of 1 to 12 kW by month: those below 2.5 count as 2.5.
    peaks = np.maximum(np.arange(1, 13), 2.5)
    frame = energy(BRUSSELS, "2024-01-01", "2026-01-01", lambda t: t.month.to_numpy(float))
    bill = fk.bill(frame, plan(BRUSSELS, demand=FLANDERS))
    kw = bill[bill.component == "demand capacity"].set_index("month")["quantity"]
    assert kw["2024-03"] == pytest.approx(peaks[:3].mean())
    assert kw["2024-12"] == pytest.approx(peaks.mean())
    assert kw["2025-06"] == pytest.approx(peaks.mean())
    history = bill[bill.component == "demand capacity"].set_index("month")["finding"]
    assert history["2024-01":"2024-11"].str.startswith("demand.history: demand capacity").all()
    assert history["2024-12":].isna().all()


@pytest.mark.parametrize("change", ["2025-07-01", "2025-03-01"])
@pytest.mark.parametrize("last", ["2026-01-01", "2025-10-01"])
def test_what_was_drawn_under_the_tariff_before_counts(change, last):
    # A change of the price of a kWh does not change what the months before drew.
    ratchet = DemandCharge("ratchet", DemandTier(5), ratchet=Ratchet(0.8, 11))
    whole = plan(BRUSSELS, demand=[FLANDERS, ratchet])
    change_us = pd.Timestamp(change, tz=BRUSSELS).value // 1000
    parts = [
        whole.replace(name="a", valid_to_us=change_us),
        whole.replace(name="b", valid_from_us=change_us),
    ]
    frame = energy(BRUSSELS, "2025-01-01", last, lambda t: 13.0 - t.month.to_numpy(float))
    unchanged = fk.bill(frame, whole)
    changed = fk.bill(frame, Tariff.successive(parts))
    assert list(changed["quantity"]) == pytest.approx(list(unchanged["quantity"]))
    assert list(changed["cost"]) == pytest.approx(list(unchanged["cost"]))
    assert list(changed["finding"]) == list(unchanged["finding"])


def test_a_change_within_a_month_looks_back_at_the_months_before_it():
    # Peaks of 1, 2, 3, 4 kW in January to April; another tariff holds from 16 April on: 0.8 x 3 is
    # less than the 4 of its own half of April.
    ratchet = DemandCharge("r", DemandTier(1), ratchet=Ratchet(0.8, 1))
    mean = DemandCharge("m", DemandTier(1), trailing_months=3)
    change_us = pd.Timestamp("2025-04-16", tz=BRUSSELS).value // 1000
    whole = plan(BRUSSELS, demand=[ratchet, mean])
    parts = [
        whole.replace(name="a", valid_to_us=change_us),
        whole.replace(name="b", valid_from_us=change_us),
    ]
    frame = energy(BRUSSELS, "2025-01-01", "2025-05-01", lambda t: t.month.to_numpy(float))
    bill = fk.bill(frame, Tariff.successive(parts))
    april = bill[bill.month == "2025-04"]
    assert list(april[april.component == "demand r"]["quantity"]) == [4.0, 4.0]
    assert list(april[april.component == "demand m"]["quantity"]) == [3.0, 3.0]


def test_one_year_alone_is_as_the_second_of_two_equal_years():
    kwh = np.tile(np.random.default_rng(3).random(8760), 2)
    one = energy("UTC", "2021-01-01", "2022-01-01", kwh[:8760])
    two = energy("UTC", "2021-01-01", "2023-01-01", kwh)
    charges = [
        DemandCharge("t", DemandTier(3), trailing_months=12, peaks=2, interval_minutes=60),
        DemandCharge("r", DemandTier(5), ratchet=Ratchet(0.95, 11, (1, 7)), interval_minutes=60),
        DemandCharge(
            "s", DemandTier(5), months=(2, 3), ratchet=Ratchet(1.0, 5), interval_minutes=60
        ),
    ]
    tariff = plan("UTC", demand=charges)
    alone = fk.bill(one, tariff)
    second = fk.bill(two, tariff)
    second = second[second.month >= "2022"]
    assert list(alone["component"]) == list(second["component"])
    np.testing.assert_array_equal(alone["cost"], second["cost"])
    assert alone["finding"].dropna().str.contains("one year, are taken from its end").all()
    assert second["finding"].isna().all()


@pytest.mark.parametrize(
    ("first", "last", "dates", "is_year"),
    [
        ("2024-01-01", "2025-01-01", None, True),  # 366 days
        ("2024-07-01", "2025-07-01", None, True),  # twelve months of two years
        ("2025-01-15", "2026-01-15", 12, True),  # from the 15th to the 15th
        ("2025-01-01", "2025-12-31", None, False),  # a day is missing
        ("2025-01-01", "2026-02-01", None, False),  # thirteen months
        ("2025-01-06", "2025-03-31", "week", False),  # twelve weeks
    ],
)
def test_what_is_exactly_one_year(first, last, dates, is_year):
    # A peak of 10 kW in the last billing period, 1 kW before: half of it is charged in the first
    frame = energy(OSLO, first, last, 1.0)
    frame.loc[frame.index[-30], "consumption_kwh"] = 10.0
    charge = DemandCharge("d", DemandTier(1), ratchet=Ratchet(0.5, 1), interval_minutes=60)
    billing_dates = None
    if dates == 12:
        billing_dates = [*(f"2025-{month:02d}-15" for month in range(1, 13)), last]
    elif dates == "week":
        billing_dates = [day.date() for day in pd.date_range(first, last, freq="7D")]
    bill = fk.bill(frame, plan(OSLO, demand=charge), billing_dates=billing_dates)
    kw = bill[bill.component == "demand d"]["quantity"]
    assert kw.iloc[0] == pytest.approx(5.0 if is_year else 1.0)


@pytest.mark.parametrize(
    ("ratchet", "cost"),
    [
        # NREL/REopt.jl, test/runtests.jl, "Lookback Demand Charges", cases 2 and 3: monthly peaks
        # 300, 300, 300, 400, 300, 500, 300, ... and 225, 225, 225, 400, 300, 500, 375, ...
        (Ratchet(0.75, 11, (1, 4, 12)), 74_500.0),
        (Ratchet(0.75, 6), 79_375.0),
    ],
)
def test_the_closed_form_of_reopt_with_one_year(ratchet, cost):
    kw = np.full(8760, 100.0)
    kw[[21, 2402, 4087, 8332]] = 200.0, 400.0, 500.0, 300.0
    prices = [10, 10, 20, 50, 20, 10, 20, 20, 20, 20, 20, 5]
    charges = [
        DemandCharge(
            f"month {month}",
            DemandTier(price),
            months=(month,),
            interval_minutes=60,
            ratchet=ratchet,
        )
        for month, price in enumerate(prices, 1)
    ]
    frame = energy("UTC", "2022-01-01", "2023-01-01", kw)
    assert sum(costs(frame, plan("UTC", demand=charges)).values()) == pytest.approx(cost)
    # The second of two equal years.
    two = energy("UTC", "2022-01-01", "2024-01-01", np.tile(kw, 2))
    bill = fk.bill(two, plan("UTC", demand=charges))
    assert bill[bill.month >= "2023"]["cost"].sum() == pytest.approx(cost)


def test_a_look_back_beyond_the_energy_is_a_finding():
    frame = energy("UTC", "2022-03-01", "2022-06-01", 1.0)
    charge = DemandCharge("d", DemandTier(5), ratchet=Ratchet(0.8, 11), interval_minutes=60)
    assert findings(frame, plan("UTC", demand=charge)) == [
        "demand.history: demand d looks back at 11 billing periods, but the energy holds fewer, "
        "and those count"
    ]


# --- adders and taxes by hour and season

EVENING = (Rate(0.15, "17:00", "21:00", period="peak"), Rate(0.05, "21:00", "17:00", period="low"))


def test_grid_fees_by_hour_beside_a_price_series():
    # As in Germany (section 14a, module 3) and Denmark: a time tariff beside a spot price
    frame = energy(BRUSSELS, "2025-03-01", "2025-04-01", lambda t: t.hour + 1.0)
    hours = pd.date_range("2025-02-28 23:00", "2025-03-31 22:00", freq="1h", inclusive="left")
    starts = hours.to_numpy().astype("datetime64[us]").astype(np.int64)
    spot = PriceSeries(starts, starts + 3_600_000_000, np.linspace(-0.1, 0.4, len(starts)))
    dynamic = Tariff("dynamic", "EUR", BRUSSELS, (), spot, adders=Adder("grid", rates=EVENING))
    local = frame.start_utc.dt.tz_convert(BRUSSELS).dt.hour
    is_peak = local.isin([17, 18, 19, 20])
    found = fk.bill(frame, dynamic).set_index("component")
    peak_kwh = frame.consumption_kwh[is_peak].sum()
    low_kwh = frame.consumption_kwh[~is_peak].sum()
    assert found.loc["adder grid peak", "quantity"] == pytest.approx(peak_kwh)
    assert found.loc["adder grid peak", "cost"] == pytest.approx(0.15 * peak_kwh)
    assert found.loc["adder grid low", "cost"] == pytest.approx(0.05 * low_kwh)


def homes():
    rng = np.random.default_rng(11)
    frame = energy(BRUSSELS, "2025-03-10", "2025-07-05", lambda t: rng.random(len(t)) * 2)
    frame["generation_kwh"] = rng.random(len(frame)) * 3 * (frame.start_utc.dt.hour % 24 > 8)
    return frame


LADDER = (Tier(0.2, 100), Tier(0.3))
EXPORTS = {
    "none": None,
    "net billing": Export("net_billing", Rate(0.05), carry_over="credit"),
    "net metering": Export("net_metering", carry_over="year"),
    "gross": Export("buy_all_sell_all", Rate(0.05)),
}


@pytest.mark.parametrize("non_bypassable", [False, True])
@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_an_adder_of_one_price_is_the_same_by_hour(export, non_bypassable):
    rates = (
        Rate(start="07:00", end="22:00", tiers=LADDER),
        Rate(0.1, "22:00", "07:00"),
    )

    def total(**terms):
        adder = Adder("grid", non_bypassable=non_bypassable, **terms)
        tax = Tax("VAT", 0.2, "adder")
        tariff = plan(
            BRUSSELS,
            rates,
            adders=adder,
            taxes=tax,
            export=export,
            tier_rule="prorate",
            minimum=Minimum(30),
        )
        return sum(costs(homes(), tariff).values())

    one_price = (Rate(0.04, "17:00", "21:00", period="a"), Rate(0.04, "21:00", "17:00", period="b"))
    assert total(rates=one_price) == pytest.approx(total(price_per_kwh=0.04))


def test_an_adder_with_the_hours_of_the_energy_follows_what_net_metering_charges():
    rates = (Rate(0.3, "17:00", "21:00", period="peak"), Rate(0.2, "21:00", "17:00", period="low"))
    export = Export("net_metering")
    tariff = plan(BRUSSELS, rates, adders=Adder("grid", rates=EVENING), export=export)
    bill = fk.bill(homes(), tariff)
    kwh = bill.pivot_table(index="month", columns="component", values="quantity")
    np.testing.assert_allclose(kwh["adder grid peak"], kwh["energy peak"])
    np.testing.assert_allclose(kwh["adder grid low"], kwh["energy low"])
    assert not bill["finding"].dropna().str.contains("adder.spread").any()
    flat = plan(BRUSSELS, [Rate(0.2)], adders=Adder("grid", rates=EVENING), export=export)
    assert any("adder.spread" in text for text in findings(homes(), flat))


def test_an_adder_by_season():
    frame = energy("UTC", "2025-01-01", "2026-01-01", 1.0)
    winter = (Rate(0.03, months=(1, 2, 12), period="winter"), Rate(0.01, months=range(3, 12)))
    found = costs(frame, plan("UTC", adders=Adder("grid", rates=winter)))
    assert found["adder grid winter"] == pytest.approx(0.03 * 90 * 24)
    assert sum(found.values()) == pytest.approx(0.03 * 90 * 24 + 0.01 * 275 * 24)


def test_a_tax_in_some_months():
    # 0.10 x 24 kWh a day; 15 May to 16 June has 16 of 33 days in June
    frame = energy("UTC", "2025-05-15", "2025-06-17", 1.0)
    tariff = plan("UTC", [Rate(0.10)], taxes=Tax("VAT", 0.25, "energy", months=(6, 7)))
    by_month = fk.bill(frame, tariff).set_index(["month", "component"])["cost"]
    assert ("2025-05", "tax VAT") not in by_month.index
    assert by_month["2025-06", "tax VAT"] == pytest.approx(0.25 * 16 * 2.4)
    dates = ["2025-05-15", "2025-06-17"]
    assert costs(frame, tariff, billing_dates=dates)["tax VAT"] == pytest.approx(0.25 * 16 * 2.4)


# --- the same everywhere


def everything():
    return plan(
        BRUSSELS,
        [Rate(tiers=FIRST_15_KWH)],
        **DAILY,
        demand=[
            FLANDERS,
            DemandCharge("days", DemandTier(0.1), per="day", peaks=3, interval_minutes=60),
        ],
        adders=Adder("grid", rates=EVENING),
        taxes=Tax("VAT", 0.21, months=(4, 5)),
        export=Export(
            "net_billing", Rate(tiers=(Tier(0.12, 5, per="day"), Tier(0.04))), tier_reset="day"
        ),
    )


def test_a_fleet_in_compiled_code_has_the_bits_of_each_home_alone():
    rng = np.random.default_rng(8)
    start = pd.Timestamp("2025-03-10 00:20", tz=BRUSSELS).value // 1000
    grid = Grid(start, 3_600_000_000, 24 * 110)
    use = rng.random((9, grid.intervals)) * 2
    made = rng.random((9, grid.intervals)) * 3
    names = tuple(f"s{number}" for number in range(9))

    def lines(rows, compiled):
        block = Block(names[rows], grid, use[rows], made[rows])
        (bill,) = rate(EnergySums(block, compiled=compiled), everything())
        return bill.lines

    fleet = lines(slice(9), compiled=True)
    for number in range(9):
        alone = lines(slice(number, number + 1), compiled=False)
        for ours, theirs in zip(fleet, alone, strict=True):
            assert ours.text == theirs.text
            np.testing.assert_array_equal(ours.cost[number], theirs.cost[0])


def test_two_parts_in_the_middle_of_the_time_are_rated_part_by_part():
    middle = pd.Timestamp("2025-05-20", tz=BRUSSELS).value // 1000
    whole = everything()
    early = Tariff.successive(
        [
            fk.Tariff(**{**fields(whole), "valid_to_us": middle}),
            fk.Tariff(**{**fields(whole), "name": "later", "valid_from_us": middle}),
        ]
    )
    ours = costs(homes(), early)
    for component in ("energy all tier 1", "energy all tier 2", "adder grid peak"):
        assert ours[component] == pytest.approx(costs(homes(), whole)[component])


def fields(tariff):
    from dataclasses import fields as fields_of

    return {each.name: getattr(tariff, each.name) for each in fields_of(tariff)}


def test_flatpeak_cannot_say_any_of_it():
    for tariff, words in (
        (plan(rates=[Rate(tiers=FIRST_15_KWH)], **DAILY), "tiers by day"),
        (plan(demand=FLANDERS), "demand"),
        (plan(adders=Adder("grid", rates=EVENING)), "adders"),
    ):
        with pytest.raises(fk.InputError, match=words):
            tariff.to_flatpeak("loc_1")


def test_what_saves_a_kwh_includes_adders_by_hour_and_taxes_of_the_month():
    from flipkit.scenarios.engine.marginal_prices import _import_prices

    start = pd.Timestamp("2025-03-31", tz=BRUSSELS).value // 1000
    tariff = plan(
        BRUSSELS,
        [Rate(0.2)],
        adders=[Adder("grid", rates=EVENING), Adder("levy", 0.01)],
        taxes=Tax("VAT", 0.1, months=(4,)),
    )
    prices = _import_prices(tariff, Grid(start, 3_600_000_000, 48))
    hour = np.arange(48) % 24
    grid = np.where((hour >= 17) & (hour < 21), 0.15, 0.05)
    vat = np.where(np.arange(48) < 24, 1.0, 1.1)
    np.testing.assert_allclose(prices, (0.2 + 0.01 + grid) * vat)


@pytest.mark.parametrize("apart", [False, True])
def test_a_battery_says_that_it_neglects_the_tiers_of_exports(apart):
    feed_in = Rate(tiers=(Tier(0.12, 5, per="day"), Tier(0.04)))
    frame = homes().head(24 * 4)
    if apart:
        tariff = plan(BRUSSELS, [Rate(0.3)])
        terms = {"export_tariff": Tariff("feed-in", "EUR", BRUSSELS, [feed_in], **DAILY)}
    else:
        tariff = plan(
            BRUSSELS, [Rate(0.3)], export=Export("net_billing", feed_in, tier_reset="day")
        )
        terms = {}
    battery = fk.Battery(capacity_kwh=4, power_kw=2)
    scenario = fk.Scenario("battery", tariff, battery=battery, **terms)
    summary = fk.simulate(frame, [scenario], dispatch="optimal").summary()
    assert "tiers of the export price" in summary["finding"].iloc[0]


def test_controlled_load_beside_the_other_register_is_refused_and_is_a_site_of_its_own():
    frame = energy(SYDNEY, "2025-06-01", "2025-06-03", 1.0)
    with pytest.raises(fk.InputError, match=r"column 'controlled_load_kwh': .* site of its own"):
        fk.bill(frame.assign(controlled_load_kwh=2.0), plan())
    controlled = frame.assign(site_id="home controlled", consumption_kwh=2.0)
    tariffs = {"home": plan(rates=[Rate(0.3)]), "home controlled": plan(rates=[Rate(0.2)])}
    assert fk.bill(pd.concat([frame, controlled]), tariffs)["cost"].sum() == pytest.approx(
        48 * (0.3 + 2 * 0.2)
    )


def test_a_simulation_and_the_matrix_cost_what_the_bill_does():
    frame = homes()
    right = sum(costs(frame, everything()).values())
    matrix = fk.bill_matrix(frame, [everything()])
    assert matrix.set_index("tariff").loc["plan", "cost"] == pytest.approx(right)
    summary = fk.simulate(frame, [fk.Scenario("today", everything())]).summary()
    assert summary["cost"].iloc[0] == pytest.approx(right, abs=0.5)  # rounded by component
    assert "demand.history" in summary["finding"].iloc[0]
