"""What breaks the exactness of a dispatch under a tariff is said, beside the method that was used; and bad input."""

import sys
from datetime import timedelta

import numpy as np
import pytest
from support.dispatch_bill_oracle import cheapest_bill
from support.dispatch_cases import check_feasible
from support.dispatch_tariffs import MIDNIGHT, billed, demand, ladder, planned, tariff

from flipkit.errors import ConfigurationError, InputError
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import planned as planning
from flipkit.tariffs import Export, Minimum, Rate, Tier

START, MINUTES, COUNT = MIDNIGHT - timedelta(hours=12), 60, 24
NET = np.random.default_rng(11).normal(0.4, 1.5, COUNT)
BATTERY = Battery(6, 3, 0.95, 0.9, 0.1, export_from_battery=True)
PEAK = (demand(30),)


def rates(night, day):
    """Prices, or ladders, until 07:00 and after."""
    prices = [
        {"tiers": each} if isinstance(each, tuple) else {"price_per_kwh": each}
        for each in (night, day)
    ]
    return (
        Rate(end="07:00", period="night", **prices[0]),
        Rate(start="07:00", period="day", **prices[1]),
    )


def sold(price, **more):
    return Export("net_billing", (Rate(price),), **more)


def dispatched(plan, method="optimal", battery=BATTERY, **more):
    result = planned(NET, START, MINUTES, plan, battery, method, **more)
    check_feasible(result, NET, battery, MINUTES / 60)
    if not more:
        assert result.cost == pytest.approx(billed(NET, START, MINUTES, plan, result), abs=1e-9)
        rule = planned(NET, START, MINUTES, plan, battery, "rule")
        assert method != "optimal" or result.cost <= rule.cost + 1e-9
    return result


EXACT = {
    "demand charge": (
        tariff(demand=PEAK),
        "lp",
        "exact: linear programme in HiGHS over the whole time",
    ),
    "tiers that rise": (
        tariff(rates(ladder(0.1, 20, 0.3), ladder(0.3, 20, 0.5)), tier_rule="chronological"),
        "lp",
        "exact: linear programme in HiGHS over the whole time",
    ),
    "tiers that fall": (
        tariff(rates(ladder(0.3, 400, 0.1), ladder(0.5, 400, 0.3)), tier_rule="prorate"),
        "milp",
        "exact: mixed-integer programme in HiGHS over the whole time (steps of ladders that fall: 2)",
    ),
    "demand tiers that fall": (
        tariff(demand=(demand(40, 1.0, 5),)),
        "milp",
        "exact: mixed-integer programme in HiGHS over the whole time (steps of ladders that fall: 2)",
    ),
    "export above import": (
        tariff(demand=PEAK, export=sold(0.2)),
        "milp",
        "exact: mixed-integer programme in HiGHS over the whole time (intervals whose export price is above their "
        "import price: 7)",
    ),
    "tiers that fall below the export price": (
        tariff((Rate(tiers=ladder(0.4, 400, 0.1)),), tier_rule="chronological", export=sold(0.3)),
        "milp",
        "exact: mixed-integer programme in HiGHS over the whole time (intervals whose export price is above their "
        "import price: 24, steps of ladders that fall: 2)",
    ),
    "a negative price and losses": (
        tariff(rates(-0.1, 0.3), demand=PEAK, export=sold(-0.2)),
        "milp",
        "exact: mixed-integer programme in HiGHS over the whole time (with a price below 0: 24)",
    ),
}


@pytest.mark.parametrize("kind", EXACT)
def test_each_condition_names_the_programme_that_it_needs(monkeypatch, kind):
    plan, used, note = EXACT[kind]
    monkeypatch.setattr(planning, "GAP", 1e-9)
    result = dispatched(plan)
    assert (result.method_used, result.note) == (used, note)
    assert (result.marginal_value is None) == (used == "milp")
    assert result.cost == pytest.approx(cheapest_bill(NET, START, MINUTES, plan, BATTERY), rel=1e-6)


def test_without_losses_a_negative_price_needs_no_whole_numbers():
    result = dispatched(
        tariff(rates(-0.1, 0.3), demand=PEAK, export=sold(-0.2)), battery=Battery(6, 3, 1.0, 1.0)
    )
    assert result.method_used == "lp"


PER_KW = (Tier(0.1, 50, per_kw=True), Tier(0.2))
NEGLECTED = {
    "tiers whose steps differ from period to period": tariff(
        rates(ladder(0.1, 20, 0.3), ladder(0.3, 20, 0.4)), tier_rule="chronological", demand=PEAK
    ),
    "each has the price of the tier that the billing period reaches without a battery": tariff(
        rates(0.1, ladder(0.3, 20, 0.4)), tier_rule="prorate"
    ),
    "their limits are taken to be those of the peak without a battery": tariff(
        (Rate(tiers=PER_KW),), tier_rule="per_period"
    ),
    "net metering: an exported kWh is taken to be worth what importing it costs then": tariff(
        export=Export("net_metering")
    ),
    "a demand charge with a price below 0, which the plan does not see": tariff(
        demand=(demand(-3),)
    ),
    "buy all, sell all": tariff(demand=PEAK, export=Export("buy_all_sell_all", (Rate(0.05),))),
    "the minimum bill, which the plan does not see": tariff(
        minimum=Minimum(per_month=400), demand=PEAK
    ),
    "the credit that exports leave for later billing periods, which the plan does not see": tariff(
        rates(0.05, 0.06), export=sold(0.5, carry_over="credit")
    ),
}


@pytest.mark.parametrize("reason", NEGLECTED)
@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_what_is_neglected_is_said(reason, method):
    result = dispatched(NEGLECTED[reason], method)
    assert result.method_used == "approximate"
    assert result.note.startswith("approximate: ")
    assert reason in result.note
    assert result.marginal_value is None


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            tariff(minimum=Minimum(per_month=1), demand=PEAK),
            "; the minimum bill adds nothing to it",
        ),
        (
            tariff(demand=PEAK, export=sold(0.02, carry_over="credit")),
            "; the credit that exports leave for later billing periods adds nothing to it",
        ),
    ],
)
def test_what_could_only_add_to_the_bill_and_does_not_leaves_the_optimum(plan, said):
    result = dispatched(plan)
    assert result.method_used == "lp"
    assert result.note == f"exact: linear programme in HiGHS over the whole time{said}"


def test_steps_that_differ_in_another_season_alone_are_exact():
    """Within each billing period all kWh climb steps that rise alike."""
    winter, summer = ladder(0.1, 20, 0.3), ladder(0.3, 15, 0.35, 50, 0.6)
    seasons = (
        Rate(tiers=winter, months=(1,), period="winter"),
        Rate(tiers=summer, months=range(2, 13), period="summer"),
    )
    plan = tariff(seasons, tier_rule="chronological")
    result = dispatched(plan)
    assert result.method_used == "lp"
    assert result.cost == pytest.approx(cheapest_bill(NET, START, MINUTES, plan, BATTERY), rel=1e-6)


@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_out_of_time_it_is_self_consumption_and_says_so(monkeypatch, method):
    monkeypatch.setattr(planning, "SECONDS", 0.0)
    result, rule = (dispatched(tariff(demand=PEAK), each) for each in (method, "rule"))
    assert result.method_used == "approximate"
    assert "found no plan in time for a part, which is self-consumption" in result.note
    np.testing.assert_allclose(result.charge_kwh, rule.charge_kwh, atol=1e-9)
    np.testing.assert_allclose(result.discharge_kwh, rule.discharge_kwh, atol=1e-9)


def test_the_best_found_in_time_comes_with_what_it_may_miss(monkeypatch):
    solve = planning.solve

    def not_proven(*given):
        found = solve(*given)
        return found._replace(bound=found.objective - 0.02 * abs(found.objective))

    monkeypatch.setattr(planning, "solve", not_proven)
    result = dispatched(tariff(demand=PEAK))
    assert result.method_used == "approximate"
    assert result.note.endswith("the best found in time, at most 2.00% above the optimum")


def test_a_claim_that_the_bill_does_not_bear_out_is_not_called_exact(monkeypatch):
    solve = planning.solve
    monkeypatch.setattr(
        planning,
        "solve",
        lambda *given: (found := solve(*given))._replace(objective=found.objective - 1),
    )
    result = dispatched(tariff(demand=PEAK))
    assert result.method_used == "approximate"
    assert "the bill is 1 above what the programme claims" in result.note


def test_the_cheap_window_under_tiers_is_that_of_the_first():
    plan = tariff(rates(ladder(0.1, 1, 0.9), ladder(0.3, 1, 1.1)), tier_rule="chronological")
    result = (
        dispatched(tariff(rates(0.1, 0.3)), "rule_tou"),
        planned(NET, START, MINUTES, plan, BATTERY, "rule_tou"),
    )
    np.testing.assert_array_equal(result[0].charge_kwh, result[1].charge_kwh)
    assert result[1].note == result[0].note + "; tiers: by the prices of the first"
    assert result[1].cost == pytest.approx(billed(NET, START, MINUTES, plan, result[1]))


def test_days_are_those_of_the_time_zone_that_is_given():
    """In Auckland the day ends at 11:00 in London: the cheap window of the London day is cut in two."""
    plan = tariff(rates(0.1, 0.3), demand=PEAK)
    here, there = (
        dispatched(plan, "day_ahead", timezone=zone)
        for zone in ("Europe/London", "Pacific/Auckland")
    )
    assert not np.array_equal(here.charge_kwh, there.charge_kwh)


def test_what_was_handed_in_stays_as_it_was():
    given = NET.copy()
    given.setflags(write=False)
    planned(given, START, MINUTES, tariff(demand=PEAK), BATTERY)
    np.testing.assert_array_equal(given, NET)


def test_without_the_solver_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flipkit\[milp\]'"):
        dispatched(tariff(demand=PEAK))
    assert dispatched(tariff(demand=PEAK), "rule").method_used == "rule"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "best"}, "method 'best': give one of rule, rule_tou, day_ahead, optimal"),
        ({"net": np.zeros((2, 3))}, "net_kwh: expected one row of intervals, got 2 dimensions"),
        ({"net": np.zeros(0)}, "net_kwh: holds no intervals"),
        ({"net": np.array([1.0, np.nan])}, "net_kwh: interval 1"),
        ({"export_price": np.zeros(3)}, "export_price: 1 x 3 values for net_kwh of 1 x 24"),
        ({"export_price": np.full(24, np.nan)}, "export_price: interval 0"),
        ({"minutes": 0}, "step_us 0"),
        (
            {"plan": tariff(demand=PEAK, valid_to_us=1738360800000000)},
            "'made up'.*2025-01-31T22:00",
        ),
    ],
)
def test_what_cannot_be_used_is_named(changed, words):
    given = {
        "net": NET,
        "start": START,
        "minutes": MINUTES,
        "plan": tariff(demand=PEAK),
        "battery": BATTERY,
    }
    with pytest.raises(InputError, match=words):
        planned(**given | {"method": "optimal"} | changed)
