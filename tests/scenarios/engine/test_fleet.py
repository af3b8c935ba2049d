"""Many homes with all changes at once: plain arithmetic, conservation of energy, executors."""

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.tariffs import Adder, DemandCharge, DemandTier, Export, FixedCharge, Rate, Tax, Tier

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)
SOLD = fk.Tariff.flat(0.15, name="sold", **GBP)
FULL = fk.Tariff(
    "full",
    "GBP",
    "Europe/London",
    (Rate(0.2, "00:00", "07:00"), Rate(0.3, "07:00", "24:00")),
    demand=(DemandCharge("peak", (DemandTier(2.0),)),),
    fixed=(FixedCharge("standing", per_day=0.5),),
    adders=(Adder("levy", 0.01),),
    taxes=(Tax("vat", 0.05),),
    export=Export("net_billing", (Rate(0.1),)),
)
LADDER = fk.Tariff(
    "ladder",
    "GBP",
    "Europe/London",
    (Rate(tiers=(Tier(0.1, 20.0), Tier(0.2, 60.0), Tier(0.4))),),
    tier_rule="chronological",
)
CAR = fk.EvCharging.weekly({"all": ("18:00", "07:00", 6.0)}, max_power_kw=7.4, strategy="cheapest")
HOURS = fk.Load(scale=1.1, shift=fk.Shift(0.3, "17:00-20:00", "11:00-14:00"))
NUMBERS = [
    *("consumption_kwh", "generation_kwh", "ev_kwh", "charge_kwh", "discharge_kwh"),
    *("import_kwh", "export_kwh", "import_cost", "export_credit"),
]


def energy(
    sites=1,
    days=10,
    *,
    seed=0,
    start=datetime(2025, 3, 25, tzinfo=UTC),
    minutes=30,
    make=pd.DataFrame,
):
    rng, count = np.random.default_rng(seed), days * 24 * 60 // minutes
    hour = (np.arange(count) * minutes / 60) % 24
    sun = np.maximum(0.0, np.sin((hour - 6) / 12 * np.pi))
    table = {"site_id": [], "start_utc": [], "consumption_kwh": [], "generation_kwh": []}
    for number in range(sites):
        table["site_id"] += [f"s{number:02d}"] * count
        table["start_utc"] += [start + k * timedelta(minutes=minutes) for k in range(count)]
        table["consumption_kwh"] += (rng.gamma(1.5, 0.3, count) * minutes / 30).tolist()
        table["generation_kwh"] += (sun * rng.uniform(0, 2, count) * minutes / 30).tolist()
    return make(table)


def rows(frame):
    return (frame.to_pandas() if isinstance(frame, pl.DataFrame) else frame).to_dict("records")


def summary(result, **options):
    return {(row["site_id"], row["scenario"]): row for row in rows(result.summary(**options))}


ALL = fk.Scenario(
    "all",
    tariff=NIGHT,
    export_tariff=SOLD,
    solar=fk.Solar.like_existing(2.0, 4.0),
    battery=fk.Battery(5, 2.5, export_from_battery=True),
    ev=CAR,
    load=HOURS,
)


@pytest.mark.parametrize("method", ["rule", "rule_tou", "day_ahead", "optimal"])
@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_energy_is_conserved_with_every_change_at_once(method, minutes):
    frame = energy(2, minutes=minutes)
    today = fk.Scenario("today", tariff=FLAT, export_tariff=SOLD)
    result = fk.simulate(frame, [today, ALL], dispatch=method)
    got = take(result.intervals(scenario="all"), numbers=NUMBERS)
    left = got["consumption_kwh"] + got["charge_kwh"] + got["export_kwh"]
    right = got["generation_kwh"] + got["discharge_kwh"] + got["import_kwh"]
    np.testing.assert_allclose(left, right, atol=1e-12)
    assert (np.minimum(got["import_kwh"], got["export_kwh"]) == 0).all()
    assert (np.minimum(got["charge_kwh"], got["discharge_kwh"]) == 0).all()
    np.testing.assert_allclose(got["generation_kwh"], 1.5 * frame["generation_kwh"], rtol=1e-12)
    own = frame["consumption_kwh"].sum() * 1.1
    assert got["consumption_kwh"].sum() == pytest.approx(own + got["ev_kwh"].sum(), rel=1e-12)
    assert got["ev_kwh"].sum() > 2 * 9 * 6.0 * 0.9
    for site in ("s00", "s01"):
        row = summary(result, band=False)[site, "all"]
        one = take(result.intervals(site_id=site, scenario="all"), numbers=NUMBERS)
        assert row["import_kwh"] == pytest.approx(one["import_kwh"].sum(), abs=1e-5)
        cost = one["import_cost"].sum() - one["export_credit"].sum()
        assert row["cost"] == pytest.approx(cost, abs=0.021)


@pytest.mark.parametrize("method", ["rule", "optimal"])
@pytest.mark.parametrize("tariff", [NIGHT, FULL], ids=["prices", "demand"])
def test_soc_is_charge_less_discharge_and_stored_value_is_what_more_of_it_saves(
    tariff, method, monkeypatch
):
    original = Limits.of

    def of(battery, step_h):
        return original(battery, step_h)._replace(end_kwh=2.0)

    monkeypatch.setattr(Limits, "of", of)  # both end at the same or above
    battery = fk.Battery(5, 2.5, reserve=0.1, initial_soc=0.5)
    more = fk.Battery(5, 2.5, reserve=0.1, initial_soc=0.5 + 1e-3 / 5)
    scenarios = [
        fk.Scenario("x", tariff=tariff, battery=battery),
        fk.Scenario("more", tariff=tariff, battery=more),
    ]
    frame = energy(1)
    result = fk.simulate(frame, [*scenarios, fk.Scenario("none", tariff=tariff)], dispatch=method)
    got = result._interval_result("s00", "x")
    change = (
        got.charge_kwh * battery.charge_efficiency
        - got.discharge_kwh / battery.discharge_efficiency
    )
    np.testing.assert_allclose(got.soc_kwh, 2.5 + np.cumsum(change), atol=1e-7)
    assert (got.soc_kwh >= 0.5 - 1e-9).all()
    assert (got.soc_kwh <= 5 + 1e-9).all()
    assert np.isnan(got.stored_value).all() == (method == "rule")
    if method == "optimal" and tariff is NIGHT:
        other = result._interval_result("s00", "more")
        saved = got.import_cost.sum() - other.import_cost.sum()
        assert got.stored_value[0] == pytest.approx(saved / 1e-3, abs=1e-6)
        assert got.stored_value[0] > 0
    assert np.isnan(result._interval_result("s00", "none").soc_kwh).all()


@pytest.mark.parametrize("tariff", [FULL, LADDER, FLAT], ids=["full", "ladder", "flat"])
def test_a_scenario_costs_what_the_bill_of_its_energy_is(tariff):
    """`fk.bill` of the metered energy is the reference; it has an oracle of its own."""
    battery = fk.Scenario("x", tariff=tariff, battery=fk.Battery(5, 2.5))
    result = fk.simulate(energy(2, days=40), [battery])
    for site in ("s00", "s01"):
        own = result.intervals(site_id=site)
        metered = pd.DataFrame(
            {
                "site_id": site,
                "start_utc": own["start_utc"],
                "consumption_kwh": own["import_kwh"],
                "generation_kwh": own["export_kwh"],
            }
        )
        billed = fk.bill(metered, tariff)["cost"]
        cost = summary(result, band=False)[site, "x"]["cost"]
        assert cost == pytest.approx(billed.sum(), abs=0.005 * len(billed))
    bills = result.bills()
    assert bills["cost"].sum() == pytest.approx(result.summary(band=False)["cost"].sum(), abs=1e-9)


def test_a_ladder_climbs_by_what_the_scenario_uses():
    result = fk.simulate(energy(1, days=40), [fk.Scenario("x", tariff=LADDER)])
    got = result._interval_result("s00", "x")
    local = pd.to_datetime(got.start_us, unit="us", utc=True).tz_convert("Europe/London")
    imports = pd.Series(got.import_kwh).groupby(local.month)
    before = imports.transform(lambda kwh: kwh.cumsum() - kwh)
    # A month that is cut has the share of each limit that it has of the days.
    days = {3: (7 - 1 / 24) / (31 - 1 / 24), 4: 1.0, 5: 3 / 31}
    limits = np.array([[20.0, 60.0]]) * np.array(local.month.map(days))[:, None]
    expected = (np.array(before)[:, None] >= limits - 1e-6).sum(axis=1)
    clear = (np.abs(np.array(before)[:, None] - limits) > 0.5).all(axis=1)
    np.testing.assert_array_equal(got.import_tier[clear], expected[clear])
    assert set(got.import_tier) == {0, 1, 2}
    bills = take(result.bills(), numbers=["cost"])["cost"]
    assert got.import_cost.sum() == pytest.approx(bills.sum(), abs=0.02)


@given(st.integers(0, 10_000), st.sampled_from(["GBP", "EUR"]))
@settings(max_examples=8, deadline=None)
def test_sites_of_other_zones_steps_and_currencies_do_not_touch_one_another(seed, currency):
    zone = {"GBP": "Europe/London", "EUR": "Europe/Brussels"}[currency]
    other = fk.Tariff.time_of_use(
        {"00:00-12:00": 0.1, "12:00-24:00": 0.2}, currency=currency, timezone=zone
    )
    pair = pd.concat(
        [energy(1, seed=seed), energy(1, minutes=15, seed=seed + 1).assign(site_id="z")]
    )
    plans = {"s00": NIGHT, "z": other}
    result = fk.simulate(pair, [fk.Scenario("x", tariff=plans, battery={"z": fk.Battery(4, 2)})])
    alone = fk.simulate(
        pair[pair["site_id"] == "z"], [fk.Scenario("x", tariff=other, battery=fk.Battery(4, 2))]
    )
    row, same = summary(result)["z", "x"], summary(alone)["z", "x"]
    assert all(row[name] == same[name] or row[name] != row[name] for name in row)
    assert pd.isna(summary(result)["s00", "x"]["dispatch"])
    assert (row["currency"], row["dispatch"]) == (currency, "rule")


def test_all_executors_return_the_same_bits():
    frame = energy(40, days=3)
    scenarios = [fk.Scenario("today", tariff=FLAT, export_tariff=SOLD), ALL]
    plain = fk.simulate(frame, scenarios, dispatch="optimal")
    with ThreadPoolExecutor(3) as pool:
        threads = fk.simulate(frame, scenarios, dispatch="optimal", executor=pool)
        pd.testing.assert_frame_equal(plain.summary(), threads.summary(), check_exact=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = fk.simulate(frame, scenarios, dispatch="rule", executor=pool)
        pd.testing.assert_frame_equal(
            fk.simulate(frame, scenarios).bills(), elsewhere.bills(), check_exact=True
        )
    one = fk.simulate(frame[frame["site_id"] == "s07"], scenarios, dispatch="optimal")
    both = plain.summary()[plain.summary()["site_id"] == "s07"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.summary(), both, check_exact=True)


def test_the_band_is_the_cost_under_each_method():
    frame = energy(3)
    scenarios = [fk.Scenario("today", tariff=NIGHT, export_tariff=SOLD), ALL]
    found = summary(fk.simulate(frame, scenarios, dispatch="rule_tou"))
    for method in ("rule", "day_ahead", "optimal"):
        alone = summary(fk.simulate(frame, scenarios, dispatch=method), band=False)
        for site in ("s00", "s01", "s02"):
            assert found[site, "all"][f"cost_{method}"] == alone[site, "all"]["cost"]
            assert np.isnan(alone[site, "all"]["cost_rule"])
            assert np.isnan(found[site, "today"][f"cost_{method}"])
    for site in ("s00", "s01", "s02"):
        row = found[site, "all"]
        others = [row["cost_rule"], row["cost_day_ahead"], row["cost"]]
        assert row["cost_optimal"] <= min(others) + 0.02


def test_payback_npv_and_irr_are_those_of_the_yearly_saving():
    days = 365
    frame = energy(1, days=days, start=datetime(2025, 1, 1, tzinfo=UTC))
    money = {"capex": 900.0, "lifetime_years": 10, "discount_rate": 0.03}
    less = fk.Scenario("less", tariff=FLAT, load=fk.Load(scale=0.5), **money)
    result = fk.simulate(frame, [fk.Scenario("today", tariff=FLAT), less])
    row, first = summary(result)["s00", "less"], summary(result)["s00", "today"]
    yearly = row["saving"] * 365.25 / days
    assert row["payback_years"] == pytest.approx(900.0 / yearly)
    assert row["npv"] == pytest.approx(-900 + sum(yearly / 1.03**year for year in range(1, 11)))
    npv_at_irr = -900 + sum(yearly / (1 + row["irr"]) ** year for year in range(1, 11))
    assert npv_at_irr == pytest.approx(0, abs=1e-6)
    assert np.isnan(first["payback_years"])
    short = summary(fk.simulate(frame[:480], [*result.scenarios]))["s00", "less"]
    assert "finance.part_year: 10 days" in short["finding"]


def test_findings_are_in_the_row():
    standing = fk.simulate(
        energy(1), [fk.Scenario("today", tariff=FLAT), fk.Scenario("x", tariff=FULL)]
    )
    assert "simulate.fixed_charges" in summary(standing)["s00", "x"]["finding"]
    assert "simulate.no_export_price" in summary(standing)["s00", "today"]["finding"]
    panels = fk.Solar(3.0, 30.0, 180.0, latitude=51.5, longitude=-0.1)
    modelled = fk.simulate(energy(1), [fk.Scenario("x", tariff=FULL, solar=panels)])
    assert "solar.weather: " in summary(modelled)["s00", "x"]["finding"]


@pytest.mark.parametrize("order", [["s00", "plain"], ["plain", "s00"]])
def test_a_home_without_panels_among_others_has_null_generation(order):
    homes = {
        "s00": energy(1),
        "plain": energy(1, seed=3).assign(site_id="plain").drop(columns="generation_kwh"),
    }
    mixed = pd.concat([homes[name] for name in order])
    result = summary(fk.simulate(mixed, [fk.Scenario("x", tariff=FLAT)]), band=False)
    alone = summary(fk.simulate(homes["plain"], [fk.Scenario("x", tariff=FLAT)]), band=False)
    assert result["plain", "x"]["cost"] == alone["plain", "x"]["cost"]
    assert np.isnan(result["plain", "x"]["self_consumption"])
    holes = mixed.assign(generation_kwh=mixed["generation_kwh"].where(mixed.index != 5))
    with pytest.raises(
        InputError, match="site s00, 2025-03-25T02:30:00Z: generation_kwh is missing"
    ):
        fk.simulate(holes, [fk.Scenario("x", tariff=FLAT)])


def test_scenarios_can_be_pickled():
    scenario = fk.Scenario("x", tariff={"a": FULL}, ev={"b": CAR}, load=HOURS)
    again = pickle.loads(pickle.dumps(scenario))  # noqa: S301
    assert again == fk.Scenario("x", tariff={"a": FULL}, ev={"b": CAR}, load=HOURS)


def test_a_grid_has_one_scenario_per_combination():
    found = fk.Scenario.grid(
        "home", battery=[None, fk.Battery(5, 2.5)], tariff=[FLAT, NIGHT], export_tariff=SOLD
    )
    assert [scenario.name for scenario in found] == [
        "home: no battery, tariff Flat rate",
        "home: no battery, tariff Time of use",
        "home: battery 5 kWh/2.5 kW, tariff Flat rate",
        "home: battery 5 kWh/2.5 kW, tariff Time of use",
    ]
    assert {scenario.export_tariff for scenario in found} == {SOLD}
    with pytest.raises(
        InputError, match="grid: unknown field batery; the fields are battery, capex"
    ):
        fk.Scenario.grid("home", batery=[None])


def test_a_site_or_scenario_that_was_not_simulated_has_no_intervals():
    result = fk.simulate(energy(1), [fk.Scenario("x", tariff=FLAT)])
    with pytest.raises(InputError, match="site_id: 's9' was not simulated; choose from s00"):
        result.intervals(site_id="s9")
    with pytest.raises(InputError, match="scenario: 'y' was not simulated; choose from x"):
        result.intervals(scenario=["x", "y"])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("battery", 5, "scenario 'x': battery: expected a Battery, or a mapping of site id"),
        ("ev", {"a": FLAT}, "scenario 'x': ev: expected EvCharging for site a"),
        ("capex", -1.0, "scenario 'x': investment: capex -1.0 must be"),
    ],
)
def test_a_change_of_another_kind_is_refused(field, value, words):
    with pytest.raises(InputError, match=words):
        fk.Scenario("x", **{field: value})


def test_solar_like_existing_needs_generation_and_names_the_site_without():
    none = energy(1).assign(generation_kwh=0.0)
    scenario = fk.Scenario("x", tariff=FLAT, solar=fk.Solar.like_existing(2.0, 4.0))
    with pytest.raises(InputError, match="site s00: solar: like_existing"):
        fk.simulate(none, [scenario])
