"""A location with tiers, end to end: read from the service, rated, and verified by the service.

The tier of each kWh is calculated again here, by a plain loop that shares no code with flipkit.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from support.kits import kit_over

import flipkit as fk
from flipkit.frames import facts, take
from flipkit.scenarios.service import certify
from flipkit.tariffs import Rate, Tier

LONDON = ZoneInfo("Europe/London")
PLACE = {"currency": "GBP", "timezone": "Europe/London"}
HALF_HOUR = timedelta(minutes=30)
BEGIN = datetime(2025, 5, 31, 23, tzinfo=UTC)  # midnight in London: the count of June begins
DAYS = 61
LIMITS = [200.0, 500.0]
PRICES = {"day": [0.20, 0.30, 0.45], "night": [0.10, 0.15, 0.25]}
FEE, SOLD = 0.03, 0.08


def rates(day=PRICES["day"], night=PRICES["night"], limits=LIMITS):
    ladders = [tuple(map(Tier, prices, [*limits, None])) for prices in (night, day)]
    return Rate(tiers=ladders[0], start="00:00", end="07:00"), Rate(
        tiers=ladders[1], start="07:00", end="24:00"
    )


def stored():
    """Wh of each half-hour: the home, a charger, and the solar generation."""
    rng = np.random.default_rng(11)
    count = DAYS * 48
    hour = np.arange(count) % 48 / 2
    home = rng.integers(100, 1000, count)
    car = np.where((hour >= 1) & (hour < 4), rng.integers(0, 400, count), 0)
    sun = np.maximum(0, 1600 - 400 * np.abs(hour - 12.5)).astype(int)
    return home, car, sun


@pytest.fixture(scope="module")
def tiered_kit():
    """A kit with one location: tiers by day and by night, a fee, and an export price."""
    kit = kit_over(frames="pandas")
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    ladder = fk.Tariff("ladder", "GBP", "Europe/London", rates(), tier_rule="chronological")
    flat = {way: fk.Tariff.flat(price, **PLACE) for way, price in (("fee", FEE), ("sold", SOLD))}
    kit.flatpeak.create_tariff(location, ladder)
    kit.flatpeak.create_tariff(location, flat["fee"].to_flatpeak(location, type="NON_COMMODITY"))
    kit.flatpeak.create_tariff(location, flat["sold"].to_flatpeak(location, direction="EXPORT"))
    charger = kit.flatpeak.create_device("charger")
    home, car, sun = stored()
    net = home - sun
    parts = [
        (np.maximum(net, 0), {}),
        (car, {"device_id": charger}),
        (np.maximum(-net, 0), {"energy_flow_direction": "OUTBOUND", "tariff_direction": "EXPORT"}),
        (np.minimum(home, sun), {"tariff_direction": "LOCAL"}),
    ]
    submit(kit, location, parts)
    return kit, location


def submit(kit, location, parts):
    start = pd.date_range(BEGIN, periods=DAYS * 48, freq="30min")
    times = {
        "location_id": location,
        "start_utc": start,
        "end_utc": start + HALF_HOUR,
        "units": "WH",
    }
    for wh, more in parts:
        records = pd.DataFrame(times | {"value": wh.astype(float)} | more)
        submission = kit.flatpeak.submit_interval(records)
        assert len(submission.failed) == 0


SCENARIOS = [
    fk.Scenario("today"),
    fk.Scenario("less", load=fk.Load(scale=0.75)),
    fk.Scenario("battery", battery=fk.Battery(capacity_kwh=6, power_kw=3)),
]


@pytest.fixture(scope="module")
def energy(tiered_kit):
    kit, _ = tiered_kit
    return fk.site_energy(kit, "2025-06", "2025-07")


@pytest.fixture(scope="module")
def simulated(tiered_kit, energy):
    kit, _ = tiered_kit
    return fk.simulate(energy, SCENARIOS, prices=kit, verify=90)


# By hand.


def counted(starts, kwh):
    """KWh of the local month before each half-hour, and after it."""
    before, after, total, month = [], [], 0.0, None
    for start, used in zip(starts, kwh, strict=True):
        local = start.astimezone(LONDON).strftime("%Y-%m")
        total = total if local == month else 0.0
        month = local
        before.append(total)
        total += used
        after.append(total)
    return before, after


def tier_of(kwh, limits=LIMITS):
    return bisect_right(limits, kwh + 1e-9)


def price_of(start, tier):
    return FEE + PRICES["night" if start.astimezone(LONDON).hour < 7 else "day"][tier]


def starts_of(frame):
    return [time.to_pydatetime() for time in frame["start_utc"]]


def imports_of(simulation, scenario):
    frame = simulation.intervals(scenario=scenario)
    return starts_of(frame), frame["import_kwh"].tolist()


def stored_kwh():
    home, car, sun = stored()
    starts = [BEGIN + number * HALF_HOUR for number in range(DAYS * 48)]
    return starts, ((np.maximum(home - sun, 0) + car) / 1000).tolist()


def comparable(starts, kwh, limits_of=lambda month: LIMITS):
    """The tier of each half-hour that is on one tier, the same in scenario and service."""
    there = dict(zip(stored_kwh()[0], zip(*counted(*stored_kwh()), strict=True), strict=True))
    found = {}
    for start, low, high, used in zip(starts, *counted(starts, kwh), kwh, strict=True):
        limits = limits_of(start.astimezone(LONDON).month)
        tier, (reached, _) = tier_of(low, limits), there[start]
        # The limit itself belongs to the tier below: what ends there has one price.
        at_once = {
            tier,
            tier_of(high - 1e-6, limits),
            tier_of(reached),
            tier_of(reached + used - 1e-6),
        }
        if len(at_once) == 1 and round(used * 1000) > 0:
            found[start] = tier
    return found


# What a certificate says.


def test_every_tier_that_is_reached_is_sampled_and_agrees(simulated):
    proof = simulated.proof
    assert proof.agrees
    assert proof.largest_difference < 1e-9
    rows = simulated.certificate()
    bought = rows[rows["tariff_direction"] == "IMPORT"]
    for scenario in ("today", "less", "battery"):
        starts, kwh = imports_of(simulated, scenario)
        reached = set(comparable(starts, kwh).values())
        assert set(bought.loc[bought["scenario"] == scenario, "tier"]) == reached
    assert set(bought["tier"]) == {0, 1, 2}
    assert rows.loc[rows["tariff_direction"] == "EXPORT", "tier"].isna().all()


def test_each_cost_is_that_of_the_tier_by_hand(simulated):
    rows = simulated.certificate()
    bought = rows[rows["tariff_direction"] == "IMPORT"]
    for start, wh, tier, reported in zip(
        starts_of(bought), bought["energy_wh"], bought["tier"], bought["server_cost"], strict=True
    ):
        assert reported == pytest.approx(wh / 1000 * price_of(start, int(tier)), abs=1e-9)


def test_both_sides_of_a_limit_are_sampled(simulated):
    """A wrong limit shows only there."""
    near = {0: [], 1: [], 2: []}
    rows = simulated.certificate()
    rows = rows[(rows["tariff_direction"] == "IMPORT") & (rows["scenario"] == "today")]
    starts, kwh = imports_of(simulated, "today")
    at = dict(zip(starts, counted(starts, kwh)[0], strict=True))
    for start, tier in zip(starts_of(rows), rows["tier"], strict=True):
        near[int(tier)].append(min(abs(at[start] - limit) for limit in LIMITS))
    assert all(min(distances) < 3.0 for distances in near.values())


@pytest.mark.parametrize("scenario", ["today", "less", "battery"])
def test_the_certificate_counts_what_was_compared_and_what_was_left_out(
    tiered_kit, simulated, scenario
):
    kit, _ = tiered_kit
    pair = [("home", scenario)]
    proof = certify(kit.flatpeak, pair, simulated._interval_result, 60)
    starts, kwh = imports_of(simulated, scenario)
    known = comparable(starts, kwh)
    bought = [row for row in proof.rows if row.tariff_direction == "IMPORT"]
    for row in bought:
        assert known[datetime.fromtimestamp(row.start_us / 1e6, UTC)] == row.tier
    [said] = [each.words for each in proof.findings if each.name == "certificate.other_tier"]
    left = int(said.rpartition("on the same tier; ")[2].split()[0].replace(",", ""))
    here = sum(round(used * 1000) > 0 for used in kwh)
    # Two records of whole Wh per half-hour leave a doubt of up to 1.5 kWh around each limit.
    assert 0 <= left - (here - len(known)) <= 40
    exported = sum(
        round(kwh * 1000) > 0 for kwh in simulated.intervals(scenario=scenario)["export_kwh"]
    )
    assert proof.intervals == here - left + exported
    assert left < 40 or scenario != "today"
    assert left > 200 or scenario == "today"


def test_the_statement_goes_with_the_frame(simulated):
    about = facts(simulated.certificate())
    assert about["statement"] == simulated.proof.statement
    for tier in (1, 2, 3):
        assert f"on tier {tier}" in about["statement"]


# What a scenario costs.


@pytest.mark.parametrize("scenario", ["less", "battery"])
def test_a_scenario_costs_what_the_service_would_bill_if_it_were_stored(simulated, scenario):
    """A second home whose stored records are the scenario: its cost report fills the same tiers."""
    kit = kit_over(frames="pandas")
    location = kit.flatpeak.create_location("twin", city="London", country_code="GB")
    kit.flatpeak.create_tariff(
        location, fk.Tariff("ladder", "GBP", "Europe/London", rates(), tier_rule="chronological")
    )
    fee = fk.Tariff.flat(FEE, **PLACE)
    kit.flatpeak.create_tariff(location, fee.to_flatpeak(location, type="NON_COMMODITY"))
    frame = simulated.intervals(scenario=scenario)
    submit(kit, location, [(frame["import_kwh"].to_numpy() * 1000, {})])
    reported = kit.flatpeak.cost_by_interval(
        location, BEGIN, BEGIN + DAYS * timedelta(days=1), aggregation="MONTH"
    )
    bills = simulated.bills()
    bills = bills[(bills["scenario"] == scenario) & (bills["component"] == "import")]
    assert len(bills) == 2
    # The bill is rounded to the penny.
    np.testing.assert_allclose(bills["cost"], reported["cost"], atol=0.00501)
    assert frame["import_cost"].sum() == pytest.approx(reported["cost"].sum(), abs=1e-6)


def test_the_price_list_on_its_own_would_be_wrong(tiered_kit, energy, simulated):
    """It has the tiers of the stored records: less use would still be at the third tier."""
    kit, location = tiered_kit
    listed = kit.flatpeak.prices(location, BEGIN, BEGIN + DAYS * timedelta(days=1))
    series = fk.Tariff.from_prices(listed, **PLACE)
    wrong = (
        fk.simulate(energy, SCENARIOS[:2], prices=series)
        .intervals(scenario="less")["import_cost"]
        .sum()
    )
    right = simulated.intervals(scenario="less")["import_cost"].sum()
    assert wrong > 1.05 * right


# Faults.


class Misread:
    """A client that reads other limits than the service prices by."""

    def __init__(self, client, factor):
        self._client, self._factor = client, factor

    def __getattr__(self, name):
        return getattr(self._client, name)

    def tariff_objects(self, location_id):
        found = self._client.tariff_objects(location_id)
        steps = [
            step
            for tariff in found
            for season in tariff["schedule"]
            for days in season["days_and_hours"]
            for hours in days["hours"]
            for step in hours["rate"]
        ]
        for step in steps:
            step["to_kwh"] = step["to_kwh"] and step["to_kwh"] * self._factor
        return found


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.02])
def test_wrong_limits_are_found_by_a_small_sample_whatever_the_seed(tiered_kit, energy, factor):
    kit, _ = tiered_kit
    wrong = fk.simulate(energy, SCENARIOS[:1], prices=Misread(kit.flatpeak, factor))
    outcome = wrong._interval_result("home", "today")
    for seed in range(3):
        proof = certify(kit.flatpeak, [("home", "today")], lambda *pair: outcome, 30, seed=seed)
        assert not proof.agrees
        assert {row.tariff_direction for row in proof.rows if row.verdict == "differs"} == {
            "IMPORT"
        }
    assert "Scenario 'today', IMPORT, tier " in proof.statement


def test_right_limits_agree_whatever_the_seed(tiered_kit, simulated):
    kit, _ = tiered_kit
    for seed in range(3):
        pairs = [("home", "today")]
        assert certify(kit.flatpeak, pairs, simulated._interval_result, 30, seed=seed).agrees


# Months that begin before the energy.


def test_of_a_month_that_begins_before_the_energy_only_equal_tiers_are_compared(tiered_kit):
    """From 11 June: flipkit starts at 0 with 2/3 of the limits, the service with ten days used."""
    kit, _ = tiered_kit
    energy = fk.site_energy(kit, "2025-06-11", "2025-07-31")
    result = fk.simulate(energy, SCENARIOS[:1], prices=kit, verify=90)
    proof = result.proof
    assert proof.agrees
    starts, kwh = imports_of(result, "today")
    known = comparable(
        starts, kwh, lambda month: [limit * (20 / 30 if month == 6 else 1) for limit in LIMITS]
    )
    sampled = {
        datetime.fromtimestamp(row.start_us / 1e6, UTC): row.tier
        for row in proof.rows
        if row.tariff_direction == "IMPORT"
    }
    assert all(known[start] == tier for start, tier in sampled.items())
    months = {
        month: sum(start.astimezone(LONDON).month == month for start in known) for month in (6, 7)
    }
    assert 0 < months[6] < 20 * 48 < months[7] * 1.5
    assert {start.astimezone(LONDON).month for start in sampled} == {6, 7}
    finding = take(result.summary(band=False), texts=["finding"])["finding"][0]
    assert "simulate.month_cut" in finding


def test_the_end_of_a_month_may_leave_nothing_to_compare_which_is_not_verified(tiered_kit):
    kit, _ = tiered_kit
    energy = fk.site_energy(kit, "2025-06-26", "2025-06-27").assign(generation_kwh=0.0)
    proof = fk.simulate(
        energy, [fk.Scenario("little", load=fk.Load(scale=0.05))], prices=kit, verify=10
    ).proof
    assert not proof.agrees
    assert not proof.rows
    assert "not compared at all" in proof.statement.lower()
    assert "site home, scenario 'little', tier 1" in proof.statement
