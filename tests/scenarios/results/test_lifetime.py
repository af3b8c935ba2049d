"""Savings by year: against SAM's bills and cash flow, simulations by hand, and closed forms."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PySAM import Cashloan
from support import sam_cases

import flipkit as fk
from flipkit.errors import InputError
from flipkit.scenarios.changes import Investment

EUR = {"currency": "EUR", "timezone": "UTC"}
FLAT = fk.Tariff.flat(0.25, **EUR)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **EUR)
YEAR_OF_SAM = 365.25 / 365  # flipkit scales to a mean year
BATTERY = fk.Battery(5, 2.5)
MORE_SOLAR = fk.Solar.like_existing(2, 4)
TWO_WEEKS = 365.25 / 14


def hours(consumption, generation, *, site_id="a"):
    count = len(consumption)
    return pd.DataFrame(
        {
            "site_id": site_id,
            "start_utc": pd.date_range("2018-01-01", periods=count, freq="h", tz="UTC"),
            "consumption_kwh": consumption,
            "generation_kwh": generation,
        }
    )


def two_weeks(site_id="a"):
    hour = np.arange(14 * 24) % 24
    return hours(0.6 + 0.4 * (hour > 16), 0.9 * ((hour > 8) & (hour < 16)), site_id=site_id)


def rows(energy, *scenarios, **options):
    """The rows of the summary by scenario, for one site."""
    options = {"dispatch": "rule_tou"} | options
    result = fk.simulate(energy, scenarios, **options).summary(band=False)
    return {row["scenario"]: row for row in result.to_dict("records")}


def npv(savings, capex, rate):
    return -capex + sum(saving / (1 + rate) ** (n + 1) for n, saving in enumerate(savings))


def sam_npv_and_payback(load, generation, *, years, degradation, escalation, capex):
    """SAM's residential cash flow, paid in cash, without tax, incentive, upkeep or inflation."""
    bill = sam_cases.run(
        {
            "analysis_period": years,
            "rate_escalation": [100 * escalation],
            "degradation": [100 * degradation],
            "ur_en_ts_sell_rate": 0,
            "ur_ec_tou_mat": [[1, 1, sam_cases.NO_LIMIT, 0, 0.25, 0.05]],
        },
        load,
        generation,
    )
    shared = ("annual_energy_value", "utility_bill_w_sys")
    outputs = {name: list(getattr(bill.Outputs, name)) for name in shared}
    money = Cashloan.from_existing(bill, "PVWattsResidential")  # resets what it shares
    inputs = {
        "analysis_period": years,
        "real_discount_rate": 6.4,
        "inflation_rate": 0,
        "total_installed_cost": capex,
        "debt_fraction": 0,
        "federal_tax_rate": [0],
        "state_tax_rate": [0],
        "itc_fed_percent": [0],
        "om_capacity": [0],
        "property_tax_rate": 0,
        "insurance_rate": 0,
        "salvage_percentage": 0,
        "gen": generation,
        "degradation": [100 * degradation],
        **outputs,
    }
    for name, value in inputs.items():
        money.value(name, value)
    money.execute()
    return money.Outputs.npv, money.Outputs.payback


@pytest.mark.parametrize(
    ("years", "degradation", "escalation", "peak_kw"),
    [(15, 0.0, 0.03, 0.6), (15, 0.005, 0.03, 2.5), (25, 0.02, -0.02, 4.0)],
)
def test_payback_and_npv_are_those_of_sam(years, degradation, escalation, peak_kw):
    hour = np.arange(8760) % 24
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(8760) / 8760)
    load = 0.4 + 0.6 * (hour > 16)
    generation = peak_kw * season * np.maximum(np.sin((hour - 6) * np.pi / 12), 0)
    capex = 3000.0
    sam_value, sam_payback = sam_npv_and_payback(
        load.tolist(),
        generation.tolist(),
        years=years,
        degradation=degradation,
        escalation=escalation,
        capex=capex,
    )

    # Existing panels of a billionth, so that the new ones are those of SAM.
    tariff = replace(FLAT, export=fk.Export("net_billing", (fk.Rate(0.05),)))
    scenario = fk.Scenario(
        "solar",
        tariff,
        solar=fk.Solar.like_existing(1e3, 1e-6),
        capex=capex,
        lifetime_years=years,
        escalation=escalation,
        panel_fade=degradation,
    )
    found = rows(hours(load, generation * 1e-9), fk.Scenario("now", tariff), scenario)["solar"]
    # Bills are rounded to cents, each month and component: 0.1 a year at most, and 1e-9 is there.
    assert found["npv"] + capex == pytest.approx((sam_value + capex) * YEAR_OF_SAM, abs=1.0)
    assert found["payback_years"] == pytest.approx(sam_payback / YEAR_OF_SAM, rel=2e-3)


def test_a_faded_battery_is_simulated_year_by_year():
    """By hand: each year its own battery, and the saving of that."""
    terms = {"capex": 1500.0, "lifetime_years": 6, "discount_rate": 0.05}
    whole = fk.Scenario("battery", NIGHT, battery=BATTERY, battery_fade=0.3, **terms)
    by_hand = [
        fk.Scenario(f"year {n}", NIGHT, battery=replace(BATTERY, capacity_kwh=5 * 0.7**n))
        for n in range(6)
    ]
    found = rows(two_weeks(), fk.Scenario("now", NIGHT), whole, *by_hand)
    savings = [found[f"year {n}"]["saving"] * TWO_WEEKS for n in range(6)]
    assert savings == sorted(savings, reverse=True)
    assert savings[0] > 2 * savings[-1] > 0
    assert found["battery"]["saving"] == found["year 0"]["saving"]
    assert found["battery"]["npv"] == pytest.approx(npv(savings, 1500, 0.05), rel=1e-9)
    # The saving of a smaller battery is not in proportion: each kWh that is left does more.
    in_proportion = [savings[0] * 0.7**n for n in range(6)]
    assert found["battery"]["npv"] > npv(in_proportion, 1500, 0.05) + 1


def test_both_fades_and_escalation_together_at_sites_of_their_own():
    energy = pd.concat([two_weeks("a"), two_weeks("b"), two_weeks("c")])
    terms = {"capex": 900.0, "lifetime_years": 4, "escalation": 0.1, "discount_rate": 0.0}
    scenario = fk.Scenario(
        "both",
        FLAT,
        battery={"a": BATTERY, "b": fk.Battery(2, 1)},
        solar={"b": MORE_SOLAR},
        battery_fade=0.2,
        panel_fade=0.1,
        **terms,
    )
    summary = fk.simulate(energy, [fk.Scenario("now", FLAT), scenario]).summary(band=False)
    found = summary[summary["scenario"] == "both"].set_index("site_id")
    for site_id, kwh, kw in (("a", 5.0, 0.0), ("b", 2.0, 2.0)):
        by_hand = []
        for n in range(4):
            battery = fk.Battery(kwh * 0.8**n, kwh / 2)
            solar = fk.Solar.like_existing(kw * 0.9**n, 4) if kw else None
            by_hand.append(fk.Scenario(f"year {n}", FLAT, battery=battery, solar=solar))
        alone = rows(two_weeks(site_id), fk.Scenario("now", FLAT), *by_hand, dispatch="rule")
        savings = [alone[f"year {n}"]["saving"] * TWO_WEEKS * 1.1**n for n in range(4)]
        assert found.loc[site_id, "npv"] == pytest.approx(npv(savings, 900, 0.0), rel=1e-9)
    assert math.isnan(found.loc["c", "npv"])  # a site that the mappings leave out pays nothing


def test_a_battery_that_fades_away_leaves_a_home_without_one():
    terms = {"capex": 100.0, "lifetime_years": 3, "discount_rate": 0.0}
    found = rows(
        two_weeks(),
        fk.Scenario("now", NIGHT),
        fk.Scenario("gone", NIGHT, battery=BATTERY, battery_fade=1.0, **terms),
    )["gone"]
    assert found["npv"] == pytest.approx(found["saving"] * TWO_WEEKS - 100)


def test_life_ends_at_the_earlier_of_years_and_cycles():
    """365.25 cycles a year, 913.125 cycles of life: worn out after 2.5 of 5 years."""
    terms = {"capex": 1000.0, "lifetime_years": 5, "discount_rate": 0.0}
    now = fk.Scenario("now", FLAT)
    plain = fk.Scenario("no battery", NIGHT)
    with_battery = fk.Scenario("battery", NIGHT, battery=BATTERY, **terms)
    per_year = rows(two_weeks(), now, with_battery)["battery"]["cycles_per_year"]
    worn = replace(with_battery, name="worn", battery=replace(BATTERY, cycle_life=2.5 * per_year))
    lasting = replace(
        with_battery, name="lasting", battery=replace(BATTERY, cycle_life=5 * per_year + 1)
    )
    found = rows(two_weeks(), now, plain, with_battery, worn, lasting)
    battery = found["battery"]["saving"] * TWO_WEEKS
    without = found["no battery"]["saving"] * TWO_WEEKS
    assert battery > without
    expected = 2.5 * battery + 2.5 * without - 1000
    assert found["worn"]["npv"] == pytest.approx(expected, rel=1e-9)
    assert "finance.cycle_life: the battery reaches its" in found["worn"]["finding"]
    assert "after 2.5 of 5 years" in found["worn"]["finding"]
    for name in ("npv", "irr", "payback_years"):
        assert found["lasting"][name] == found["battery"][name]
    assert "cycle_life" not in found["lasting"]["finding"]


def test_payback_ends_with_the_battery():
    """Two years of savings of a battery that costs three of them never pay it back."""
    now = fk.Scenario("now", NIGHT)
    battery = fk.Scenario("b", NIGHT, battery=BATTERY)
    first = rows(two_weeks(), now, battery)["b"]
    worn = fk.Scenario(
        "b",
        NIGHT,
        battery=replace(BATTERY, cycle_life=2 * first["cycles_per_year"]),
        capex=3 * first["saving"] * TWO_WEEKS,
        lifetime_years=10,
    )
    found = rows(two_weeks(), now, worn)["b"]
    assert math.isnan(found["payback_years"])
    assert found["npv"] < 0
    assert found["irr"] < 0


def test_cycles_per_year_and_throughput():
    """One cycle a day: 5 kWh drawn, 4.75 kWh delivered."""
    cheap_then_dear = rows(
        hours(np.ones(240), np.zeros(240)),
        fk.Scenario("now", NIGHT),
        fk.Scenario("b", NIGHT, battery=BATTERY),
    )
    assert cheap_then_dear["b"]["cycles_per_year"] == pytest.approx(365.25)
    assert cheap_then_dear["b"]["throughput_kwh"] == pytest.approx(47.5)
    assert math.isnan(cheap_then_dear["now"]["cycles_per_year"])
    assert math.isnan(cheap_then_dear["now"]["throughput_kwh"])


def test_throughput_is_the_discharge_of_the_intervals():
    scenarios = [fk.Scenario("now", FLAT), fk.Scenario("b", FLAT, battery=BATTERY)]
    result = fk.simulate(two_weeks(), scenarios)
    discharged = result.intervals(scenario="b")["discharge_kwh"].sum()
    found = result.summary(band=False).set_index("scenario").loc["b"]
    assert discharged > 10
    assert found["throughput_kwh"] == pytest.approx(discharged, abs=1e-6)


def test_without_fade_all_numbers_are_those_of_one_saving():
    terms = {"capex": 900.0, "lifetime_years": 12, "discount_rate": 0.03}
    found = rows(
        two_weeks(),
        fk.Scenario("now", NIGHT),
        fk.Scenario("b", NIGHT, battery=BATTERY, **terms),
        fk.Scenario("rise", NIGHT, battery=BATTERY, escalation=0.04, **terms),
        # Fades of what a scenario does not have change nothing.
        fk.Scenario("no solar", NIGHT, battery=BATTERY, panel_fade=0.1, **terms),
    )
    saving = found["b"]["saving"] * 365.25 / 14
    flat = Investment(900.0, 12, 0.03)
    assert found["b"]["npv"] == found["no solar"]["npv"] == flat.npv(saving)
    assert found["b"]["irr"] == found["no solar"]["irr"] == flat.irr(saving)
    rising = Investment(900.0, 12, 0.03, 0.04)
    assert found["rise"]["npv"] == rising.npv(saving) > flat.npv(saving)
    assert found["rise"]["payback_years"] < found["b"]["payback_years"]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"escalation": -1.01}, "escalation -1.01 must be a fraction from -1 to 1; 0.03 is 3 %"),
        ({"escalation": 3}, "escalation 3 must be"),
        ({"escalation": math.nan}, "escalation nan must be"),
        ({"battery_fade": 1.01}, "battery_fade 1.01 must be a fraction from 0 to 1; 0.02 is 2 %"),
        ({"battery_fade": "2 %"}, "battery_fade '2 %' must be"),
        ({"panel_fade": -0.1}, "panel_fade -0.1 must be"),
        ({"panel_fade": None}, "panel_fade None must be"),
        ({"capex": 1.0, "panel_fade": 0.1}, "panel_fade 0.1 without lifetime_years"),
        ({"capex": 1.0, "battery_fade": 0.1}, "battery_fade 0.1 without lifetime_years"),
    ],
)
def test_a_bad_rate_is_refused_by_scenario_and_field(terms, words):
    with pytest.raises(InputError, match="scenario 'x': ") as caught:
        fk.Scenario("x", FLAT, **terms)
    assert words in str(caught.value)


@pytest.mark.parametrize("cycles", [0, -5.0, math.inf, "6000"])
def test_a_bad_cycle_life_is_refused(cycles):
    with pytest.raises(InputError, match=r"battery: cycle_life .* must be a number of cycles of 1"):
        replace(BATTERY, cycle_life=cycles)
