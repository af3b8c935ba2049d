"""Whose energy a battery holds, and what more or less of it at the end of the energy is worth."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import whole_oracle as by_hand
from support.dispatch_cases import STEP_H, batteries, homes
from support.engine_help import energy

import flipkit as fk
from flipkit.frames import records_of
from flipkit.scenarios.dispatch import dispatch, foreign_energy, stored_change
from flipkit.vocabulary import DISPATCH_METHODS

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.30, **GBP)
# Octopus Go and Outgoing Octopus: the battery of the case buys at night and sells by day.
GO = fk.Tariff.time_of_use({"00:30-04:30": 0.085, "04:30-00:30": 0.2527}, **GBP)
OUTGOING = fk.Tariff.flat(0.15, **GBP)
LIBRARIES = {"pandas": pd, "polars": pl}
many = settings(max_examples=100, deadline=None)


def week(hours=0.0, generation=None, library=pd, minutes=30):
    """A home that uses 0.3 kWh per half-hour, for seven days and some hours."""
    count = round((7 * 24 + hours) * 60 / minutes)
    return energy(np.full(count, 0.01 * minutes), generation, minutes=minutes, library=library)


def last_row(result, *, band=False):
    return records_of(result.summary(band=band))[-1]


def with_battery(tariff, battery, frame, *, dispatch="rule", **changes):
    first = fk.Scenario("none", tariff=tariff, export_tariff=changes.get("export_tariff"))
    return fk.simulate(
        frame,
        [first, fk.Scenario("battery", tariff=tariff, battery=battery, **changes)],
        dispatch=dispatch,
    )


def within_0_and_1(row):
    for name in ("self_consumption", "self_sufficiency"):
        if row[name] is not None:
            assert 0.0 <= row[name] <= 1.0, (name, row[name])


@pytest.mark.parametrize("method", DISPATCH_METHODS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_battery_that_is_full_at_first_saves_nothing_at_one_price(method, library):
    """By hand: 10 kWh give 9.5 kWh, worth 2.85, and a battery without sun saves nothing."""
    battery = fk.Battery(10, 5, initial_soc=1.0)
    frame = week(library=LIBRARIES[library])
    result = with_battery(FLAT, battery, frame, dispatch=method, capex=5000, lifetime_years=10)
    row = last_row(result, band=True)
    assert row["saving"] == 0.0
    assert row["payback_years"] is None
    is_rule = method.startswith("rule")
    assert row["stored_change_kwh"] == (-10.0 if is_rule else 0.0)
    assert row["stored_change_value"] == (-2.85 if is_rule else 0.0)
    assert row["cost"] == (27.39 if is_rule else 30.24)  # the sum of the bills, as ever
    assert row["cost_rule"] == row["cost_day_ahead"] == row["cost_optimal"] == 30.24
    assert ("simulate.stored_energy: " in row["finding"]) == is_rule
    assert "<td>0.00</td>" in result._repr_html_()


@pytest.mark.parametrize(
    ("currency", "price", "value"), [("JPY", 30.0, -285.0), ("KWD", 0.03, -0.285)]
)
def test_the_value_is_rounded_as_money_of_its_currency(currency, price, value):
    tariff = fk.Tariff.flat(price, currency=currency, timezone="UTC")
    row = last_row(with_battery(tariff, fk.Battery(10, 5, initial_soc=1.0), week()))
    assert row["stored_change_value"] == value
    assert row["saving"] == 0.0


def test_less_than_a_battery_holds_within_the_week_is_worth_what_it_saved():
    """A home that uses 3.36 kWh a week: the week is repeated until the battery is empty."""
    frame = energy(np.full(336, 0.01), minutes=30)
    row = last_row(with_battery(FLAT, fk.Battery(10, 5, initial_soc=1.0), frame))
    assert row["stored_change_kwh"] == pytest.approx(-3.36 / 0.95, abs=1e-6)
    assert row["stored_change_value"] == -1.01
    assert row["saving"] == 0.0


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_energy_that_ends_in_the_cheap_hours_leaves_what_was_bought_with_its_value(minutes):
    """By hand: what is stored at 02:30 would be bought by 04:30 in any case, at 0.085 / 0.95."""
    battery = fk.Battery(8, 5)
    row = last_row(with_battery(GO, battery, week(2.5, minutes=minutes), dispatch="rule_tou"))
    whole = last_row(with_battery(GO, battery, week(minutes=minutes), dispatch="rule_tou"))
    assert row["stored_change_kwh"] == pytest.approx(8.0)
    assert row["stored_change_value"] == pytest.approx(8 / 0.95 * 0.085, abs=0.01)
    # Two hours of buying bring nothing yet; without the value they would cost 0.72.
    assert row["saving"] == pytest.approx(whole["saving"], abs=0.02)


def test_energy_that_ends_after_the_cheap_hours_leaves_what_it_will_replace():
    """By hand: 8 kWh bought by 04:30 replace 8 x 0.95 kWh at 0.2527 in the day that follows."""
    row = last_row(with_battery(GO, fk.Battery(8, 5), week(4.5), dispatch="rule_tou"))
    assert row["stored_change_value"] == pytest.approx(8 * 0.95 * 0.2527, abs=0.006)


def test_what_remains_in_a_year_that_begins_and_ends_empty_is_nothing():
    row = last_row(with_battery(GO, fk.Battery(8, 5), week(), dispatch="rule"))
    assert row["stored_change_kwh"] == 0.0
    assert row["stored_change_value"] == 0.0
    assert row["finding"] is None


def test_waterfall_and_regret_count_the_stored_energy_too():
    scenarios = [
        fk.Scenario("none", tariff=FLAT),
        fk.Scenario("both", tariff=GO, battery=fk.Battery(10, 5, initial_soc=1.0)),
    ]
    result = fk.simulate(week(4.0), scenarios, dispatch="rule_tou")
    first, row = records_of(result.summary(band=False))
    steps = records_of(result.waterfall())
    assert steps[-1]["change"] == pytest.approx(-row["saving"])
    own = [each for each in records_of(result.regret(scenario="both")) if each["own"]]
    [whole] = [each["cost"] for each in own if each["month"] is None]
    months = sum(each["cost"] for each in own if each["month"] is not None)
    assert whole == pytest.approx(row["cost"] - row["stored_change_value"])
    assert months == pytest.approx(whole)
    assert row["saving"] == pytest.approx(first["cost"] - whole)


# Shares.


def sunny(days=3):
    """A sunny home, by the half-hour."""
    half_hours = np.arange(48 * days) % 48
    return np.clip(np.sin((half_hours - 14) / 20 * np.pi), 0, None) * (half_hours < 34)


@pytest.mark.parametrize("method", DISPATCH_METHODS)
@pytest.mark.parametrize("exports", [False, True])
def test_shares_are_within_0_and_1_where_a_battery_buys_and_sells(method, exports):
    """Of these homes, dispatch from the grid gave shares of -3.71 and -0.99."""
    generation = sunny()
    frame = energy(np.full(len(generation), 0.05), 0.3 * generation, minutes=30)
    battery = fk.Battery(13.5, 5, initial_soc=0.5, export_from_battery=exports)
    result = with_battery(GO, battery, frame, dispatch=method, export_tariff=OUTGOING)
    within_0_and_1(last_row(result))


def test_shares_by_hand():
    """4 kWh of generation, without losses: 1 used at once, 3 stored beside 3 from the grid.

    Then 4 of the 6 are drawn, half of them generation: 3 for the home, and 1 is exported. So 1 + 3
    less the half that is exported is used on site (the rest stays), and 1 + 1.5 kWh are served.
    """
    battery = fk.Battery(10, 6, 1.0, 1.0)
    got = foreign_energy(
        np.array([[1.0, 3.0]]),
        np.array([[4.0, 0.0]]),
        np.array([[6.0, -4.0]]),
        1.0,
        battery,
        "optimal",
    )
    # Imports: 3 for the battery, 0 afterwards; consumption not served by generation: 1.5.
    assert got.import_kwh.tolist() == [3.0 - 1.5]
    # Exports: 1, of which 0.5 is generation.
    assert got.export_kwh.tolist() == [0.5]


def test_the_losses_of_exported_generation_are_exported_with_it():
    """All generation is stored and sold: nothing of it is used on site."""
    battery = fk.Battery(10, 6, 0.9, 0.8)
    flow = np.array([[5.0, -5.0 * 0.9 * 0.8]])
    got = foreign_energy(np.zeros((1, 2)), np.array([[5.0, 0.0]]), flow, 1.0, battery, "optimal")
    assert 3.6 - got.export_kwh[0] == pytest.approx(5.0)


def test_what_a_battery_holds_at_first_is_not_generation():
    row = last_row(with_battery(FLAT, fk.Battery(10, 5, initial_soc=1.0), week()))
    assert row["self_sufficiency"] == 0.0


@pytest.mark.parametrize("method", ["rule", "optimal"])
def test_under_gross_metering_nothing_is_used_on_site(method):
    gross = fk.Tariff(
        "gross",
        "GBP",
        "Europe/London",
        rates=(fk.Rate(0.1, end="07:00"), fk.Rate(0.3, "07:00")),
        export=fk.Export("buy_all_sell_all", (fk.Rate(0.15),)),
    )
    generation = sunny()
    frame = energy(np.full(len(generation), 0.3), generation, minutes=30)
    row = last_row(with_battery(gross, fk.Battery(10, 5), frame, dispatch=method))
    assert row["self_consumption"] == 0.0
    assert row["self_sufficiency"] == 0.0


@st.composite
def runs(draw):
    """Consumption, generation and prices, a battery, and how it is run."""
    net, buy, sell = draw(homes(intervals=30))
    used_at_once = draw(st.sampled_from([0.0, 0.4, 2.0]))
    consumption = np.maximum(net, 0.0) + used_at_once
    generation = np.maximum(-net, 0.0) + used_at_once
    battery = draw(batteries())
    method = draw(st.sampled_from(DISPATCH_METHODS))
    return consumption, generation, buy, sell, battery, method


@many
@given(runs())
def test_shares_are_those_of_a_ledger_of_two_kinds_of_energy(run):
    consumption, generation, buy, sell, battery, method = run
    net, edges = consumption - generation, [0, len(buy)]
    done = dispatch(net, buy, sell, STEP_H, battery, method, day_edges=edges)
    got = foreign_energy(
        consumption[None], generation[None], done.flow_kwh[None], STEP_H, battery, method
    )
    grid = net + done.flow_kwh
    exported = np.maximum(-grid, 0.0).sum() - got.export_kwh[0]
    served_elsewhere = np.maximum(grid, 0.0).sum() - got.import_kwh[0]
    begins = battery.reserve if battery.initial_soc is None else battery.initial_soc
    plain = by_hand.Battery(
        battery.capacity_kwh,
        battery.power_kw,
        battery.charge_efficiency,
        battery.discharge_efficiency,
        battery.reserve,
        begins,
    )
    expected = by_hand.sources(
        consumption.tolist(),
        generation.tolist(),
        done.charge_kwh.tolist(),
        done.discharge_kwh.tolist(),
        plain,
    )
    assert (exported, served_elsewhere) == pytest.approx(expected, abs=1e-6)
    assert -1e-9 <= exported <= generation.sum() + 1e-9
    assert -1e-9 <= served_elsewhere <= consumption.sum() + 1e-9


@many
@given(runs())
def test_what_is_stored_at_the_end_is_what_went_in_less_what_went_out(run):
    consumption, generation, buy, sell, battery, method = run
    net, edges = consumption - generation, [0, len(buy)]
    done = dispatch(net, buy, sell, STEP_H, battery, method, day_edges=edges)
    change = stored_change(
        net[None], buy, sell, STEP_H, battery, method, edges, done.flow_kwh[None]
    )
    begins = battery.reserve if battery.initial_soc is None else battery.initial_soc
    first = battery.capacity_kwh * begins
    assert change.kwh[0] == pytest.approx(done.soc_kwh[-1] - first, abs=2e-6)
    if method in ("day_ahead", "optimal"):
        assert change.kwh[0] >= 0.0
    if change.kwh[0] == 0.0:
        assert change.value[0] == 0.0
    # No kWh is worth more than the highest price, or less than the lowest.
    highest = max(np.abs(buy).max(), np.abs(sell).max()) / battery.charge_efficiency
    assert abs(change.value[0]) <= highest * abs(change.kwh[0]) + 1e-6


def test_a_finding_says_kwh_money_and_days():
    row = last_row(with_battery(FLAT, fk.Battery(10, 5, initial_soc=1.0), week()))
    said = re.search(r"simulate\.stored_energy: ([^;]+)", row["finding"])
    assert said[1].startswith("the battery ends with 10.00 kWh less than it began with")
