"""A simulation calculates once what its methods need, and says how it was run."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import flipkit as fk
from flipkit.scenarios.engine import Fleet, fleet
from flipkit.tariffs import DemandCharge, DemandTier, Rate, Tier

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)
SOLD = fk.Tariff.flat(0.05, name="sold", **GBP)
SCENARIOS = [
    fk.Scenario("today", tariff=FLAT, export_tariff=SOLD),
    fk.Scenario("night", tariff=NIGHT, export_tariff=SOLD),
    fk.Scenario("battery", tariff=NIGHT, export_tariff=SOLD, battery=fk.Battery(5, 2.5)),
]


def energy(sites=("a", "b"), days=3):
    frames = []
    for seed, site in enumerate(sites):
        rng, count = np.random.default_rng(seed), 48 * days
        start = datetime(2025, 6, 1, tzinfo=UTC)
        times = [start + number * timedelta(minutes=30) for number in range(count)]
        columns = {
            "site_id": site,
            "start_utc": times,
            "consumption_kwh": rng.uniform(0, 1, count),
            "generation_kwh": rng.uniform(0, 1, count),
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames)


@pytest.fixture
def evaluations(monkeypatch):
    """The scenarios and the method of each evaluation of a fleet, in order."""
    calls = []
    original = Fleet.evaluate

    def evaluate(self, scenarios, method):
        calls.append(([scenario.name for scenario in scenarios], method))
        return original(self, scenarios, method)

    monkeypatch.setattr(Fleet, "evaluate", evaluate)
    return calls


def test_the_band_is_calculated_once(evaluations, tmp_path):
    result = fk.simulate(energy(), SCENARIOS)
    assert evaluations == [(["today", "night", "battery"], "rule")]
    first = result.summary()
    band = [(["battery"], "day_ahead"), (["battery"], "optimal")]  # the rule is known
    assert evaluations[1:] == band
    pd.testing.assert_frame_equal(result.summary(), first, check_exact=True)
    result.plot("savings")
    result.to_csv(tmp_path)
    assert evaluations[1:3] == band
    assert [method for _, method in evaluations[3:]] == ["rule"]  # the mixtures of the waterfall


def test_waterfall_and_regret_are_calculated_once(evaluations):
    result = fk.simulate(energy(), SCENARIOS)
    frames = result.waterfall(), result.regret(), result.regret(scenario="battery")
    assert len(evaluations) == 4
    again = result.waterfall(), result.regret(), result.regret(scenario="battery")
    assert len(evaluations) == 4
    for frame, same in zip(frames, again, strict=True):
        pd.testing.assert_frame_equal(frame, same, check_exact=True)


def test_a_frame_that_is_edited_does_not_change_the_next_one():
    result = fk.simulate(energy(), SCENARIOS)
    for method in (result.summary, result.bills, result.waterfall, result.regret):
        frame = method()
        wanted = frame["cost"].tolist()
        frame.loc[:, "cost"] = -1.0
        assert method()["cost"].tolist() == wanted


def test_each_site_and_scenario_has_one_case(monkeypatch):
    calls = []
    original = fleet.case_of

    def case_of(site_id, scenario, prices):
        calls.append((site_id, scenario.name))
        return original(site_id, scenario, prices)

    monkeypatch.setattr(fleet, "case_of", case_of)
    result = fk.simulate(energy(), SCENARIOS)
    result.summary()
    result.intervals()
    names = [scenario.name for scenario in SCENARIOS]
    assert calls == [(site, name) for site in ("a", "b") for name in names]


PEAK = fk.Tariff(
    "peak",
    "GBP",
    "Europe/London",
    (Rate(0.2, "00:00", "07:00"), Rate(0.3, "07:00", "24:00")),
    demand=(DemandCharge("peak", (DemandTier(2.0),)),),
)


def test_without_highs_the_band_has_the_rule_alone_and_a_finding(monkeypatch):
    monkeypatch.setitem(sys.modules, "highspy", None)
    battery = fk.Scenario("battery", tariff=PEAK, battery=fk.Battery(5, 2.5))
    [row] = fk.simulate(energy(["a"]), [battery]).summary().to_dict("records")
    assert row["cost_rule"] == row["cost"]
    assert np.isnan(row["cost_day_ahead"])
    assert np.isnan(row["cost_optimal"])
    assert "simulate.band: cost_day_ahead, cost_optimal under this tariff" in row["finding"]


def test_a_plan_of_the_band_says_how_exact_it_is():
    """A second tier that is cheaper than the first needs a mixed-integer program."""
    rate = Rate(tiers=(Tier(0.4, 20.0), Tier(0.1)))
    falling = fk.Tariff("falling", "GBP", "Europe/London", (rate,), tier_rule="chronological")
    battery = fk.Scenario("battery", tariff=falling, battery=fk.Battery(5, 2.5))
    [row] = fk.simulate(energy(["a"]), [battery]).summary().to_dict("records")
    assert row["cost_optimal"] <= row["cost_rule"]
    assert "dispatch.milp: cost_day_ahead: " in row["finding"]
    assert "dispatch.milp: cost_optimal: " in row["finding"]


@pytest.mark.slow
def test_a_plan_by_the_bill_knows_the_export_tariff_of_its_own():
    """Its price moves energy as the same price among the terms of the import tariff does."""
    terms = fk.Export("net_billing", (Rate(0.28),))
    battery = fk.Battery(5, 2.5, export_from_battery=True)
    sold = fk.Tariff.flat(0.28, name="sold", **GBP)
    scenarios = [
        fk.Scenario("own", tariff=PEAK, export_tariff=sold, battery=battery),
        fk.Scenario("terms", tariff=replace(PEAK, export=terms), battery=battery),
        fk.Scenario("unpaid", tariff=PEAK, battery=battery),
    ]
    result = fk.simulate(energy(["a"]), scenarios, dispatch="optimal")
    own, same, unpaid = result.summary(band=False).to_dict("records")
    assert own["cost"] == pytest.approx(same["cost"], abs=0.011)
    assert own["export_kwh"] == pytest.approx(same["export_kwh"], abs=0.05)
    assert own["export_kwh"] > unpaid["export_kwh"] + 1.0


def test_a_plan_that_neglects_a_charge_says_which():
    credit = fk.Export("net_metering")
    metered = fk.Tariff("metered", "GBP", "Europe/London", (Rate(0.25),), export=credit)
    battery = fk.Scenario("battery", tariff=metered, battery=fk.Battery(5, 2.5))
    result = fk.simulate(energy(["a"]), [battery], dispatch="optimal")
    [row] = result.summary(band=False).to_dict("records")
    assert row["finding"].startswith(
        "dispatch.approximate: net metering: an exported kWh is valued at the import price of its"
    )


def test_a_file_that_cannot_be_written_is_an_error(monkeypatch, tmp_path):
    def full(_descriptor):
        raise OSError("disk full")

    monkeypatch.setattr("flipkit.frames.files.os.fsync", full)
    result = fk.simulate(energy(["a"]), SCENARIOS[:1])
    with pytest.raises(OSError, match="disk full"):
        result.to_csv(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_attributes_say_how_it_was_run():
    result = fk.simulate(energy(), SCENARIOS, dispatch="day_ahead")
    assert result.scenarios == tuple(SCENARIOS)
    assert (result.dispatch, result.frames, result.proof) == ("day_ahead", "pandas", None)
    public = [name for name in vars(result) if not name.startswith("_")]
    assert sorted(public) == ["dispatch", "frames", "proof", "refused", "scenarios"]
