"""The note of a dispatch under a tariff says which method was used, and why it is not exact."""

import sys
from datetime import timedelta

import numpy as np
import pytest
from support.dispatch_bill_oracle import cheapest_bill
from support.dispatch_cases import check_feasible
from support.dispatch_tariffs import (
    MIDNIGHT,
    billed,
    demand,
    ladder,
    planned,
    rule_dispatch,
    tariff,
    us,
)

from flipkit.calendar import Grid
from flipkit.errors import ConfigurationError
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import tariff_dispatch
from flipkit.scenarios.dispatch.charge_terms import tariff_terms
from flipkit.tariffs import Adder, Export, Minimum, Rate, Tier

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


def dispatched(plan, method="optimal", battery=BATTERY):
    """Dispatch a day, and check what holds of every dispatch."""
    result = planned(NET, START, MINUTES, plan, battery, method)
    check_feasible(result, NET, battery, MINUTES / 60)
    assert result.cost == pytest.approx(billed(NET, START, MINUTES, plan, result), abs=1e-9)
    rule = rule_dispatch(NET, START, MINUTES, plan, battery)
    assert method != "optimal" or result.cost <= rule.cost + 1e-9
    return result


LP = "exact: linear program (LP) in HiGHS over the whole time"
MILP = "exact: MILP in HiGHS over the whole time"
EXPORT_ABOVE = "intervals whose export price is above their import price"
FALLING = "tier steps with a falling price"


EXACT = {
    "demand charge": (tariff(demand=PEAK), "lp", LP),
    "tiers that rise": (
        tariff(rates(ladder(0.1, 20, 0.3), ladder(0.3, 20, 0.5)), tier_rule="chronological"),
        "lp",
        LP,
    ),
    "tiers that fall": (
        tariff(rates(ladder(0.3, 400, 0.1), ladder(0.5, 400, 0.3)), tier_rule="prorate"),
        "milp",
        f"{MILP} ({FALLING}: 2)",
    ),
    "demand tiers that fall": (
        tariff(demand=(demand(40, 1.0, 5),)),
        "milp",
        f"{MILP} ({FALLING}: 2)",
    ),
    "export above import": (
        tariff(demand=PEAK, export=sold(0.2)),
        "milp",
        f"{MILP} ({EXPORT_ABOVE}: 7)",
    ),
    "tiers that fall below the export price": (
        tariff((Rate(tiers=ladder(0.4, 400, 0.1)),), tier_rule="chronological", export=sold(0.3)),
        "milp",
        f"{MILP} ({EXPORT_ABOVE}: 24, {FALLING}: 2)",
    ),
    "a negative price and losses": (
        tariff(rates(-0.1, 0.3), demand=PEAK, export=sold(-0.2)),
        "milp",
        f"{MILP} (intervals with a negative price: 24)",
    ),
}


@pytest.mark.parametrize("kind", EXACT)
def test_each_condition_names_the_program_that_it_needs(monkeypatch, kind):
    plan, used, note = EXACT[kind]
    monkeypatch.setattr(tariff_dispatch, "GAP", 1e-9)
    result = dispatched(plan)
    assert (result.method_used, result.note) == (used, note)
    assert (result.marginal_value is None) == (used == "milp")
    assert result.cost == pytest.approx(cheapest_bill(NET, START, MINUTES, plan, BATTERY), rel=1e-6)


def test_without_losses_a_negative_price_needs_no_binary_columns():
    result = dispatched(
        tariff(rates(-0.1, 0.3), demand=PEAK, export=sold(-0.2)), battery=Battery(6, 3, 1.0, 1.0)
    )
    assert result.method_used == "lp"


PER_KW = (Tier(0.1, 50, per_kw=True), Tier(0.2))
NEGLECTED = {
    "tiers whose steps differ between periods": tariff(
        rates(ladder(0.1, 20, 0.3), ladder(0.3, 20, 0.4)), tier_rule="chronological", demand=PEAK
    ),
    "each period has the price of the tier that the billing period reaches": tariff(
        rates(0.1, ladder(0.3, 20, 0.4)), tier_rule="prorate"
    ),
    "their limits are those of the peak without a battery": tariff(
        (Rate(tiers=PER_KW),), tier_rule="per_period"
    ),
    "limits are those of the peak without a battery": tariff(
        (Rate(tiers=(Tier(0.1, 50, hours_of_use=40), Tier(0.2))),), tier_rule="per_period"
    ),
    "net metering: an exported kWh is valued at the import price of its interval": tariff(
        export=Export("net_metering")
    ),
    "a demand charge with a negative price, which the plan ignores": tariff(demand=(demand(-3),)),
    "buy all, sell all": tariff(demand=PEAK, export=Export("buy_all_sell_all", (Rate(0.05),))),
    "the minimum bill, which the plan ignores": tariff(minimum=Minimum(per_month=400), demand=PEAK),
    "the credit that exports leave for later billing periods, which the plan ignores": tariff(
        rates(0.05, 0.06), export=sold(0.5, carry_over="credit")
    ),
}


@pytest.mark.parametrize("reason", NEGLECTED)
@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_the_note_names_what_the_plan_neglects(reason, method):
    result = dispatched(NEGLECTED[reason], method)
    assert result.method_used == "approximate"
    assert result.note.startswith("approximate: ")
    assert reason in result.note
    assert result.marginal_value is None


@pytest.mark.parametrize(
    ("plan", "words"),
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
def test_a_charge_that_can_only_add_to_the_bill_and_does_not_keeps_the_plan_exact(plan, words):
    result = dispatched(plan)
    assert result.method_used == "lp"
    assert result.note == LP + words


def test_steps_that_differ_between_seasons_only_are_exact():
    """Within each billing period, all tiers have the same steps."""
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
def test_without_time_it_is_self_consumption_with_a_note(monkeypatch, method):
    monkeypatch.setattr(tariff_dispatch, "SECONDS", 0.0)
    plan = tariff(demand=PEAK)
    result = dispatched(plan, method)
    rule = rule_dispatch(NET, START, MINUTES, plan, BATTERY)
    assert result.method_used == "approximate"
    assert "found no plan in time for a part, which is self-consumption" in result.note
    np.testing.assert_allclose(result.charge_kwh, rule.charge_kwh, atol=1e-9)
    np.testing.assert_allclose(result.discharge_kwh, rule.discharge_kwh, atol=1e-9)


def test_the_best_plan_found_in_time_says_how_far_from_the_optimum_it_may_be(monkeypatch):
    solve = tariff_dispatch.solve_window

    def not_proven(*given):
        plan = solve(*given)
        return plan._replace(bound=plan.objective - 0.02 * abs(plan.objective))

    monkeypatch.setattr(tariff_dispatch, "solve_window", not_proven)
    result = dispatched(tariff(demand=PEAK))
    assert result.method_used == "approximate"
    assert result.note.endswith("the best plan found in time, at most 2.00% above the optimum")


def test_a_plan_whose_bill_is_above_the_solvers_cost_is_not_called_exact(monkeypatch):
    solve = tariff_dispatch.solve_window

    def too_cheap(*given):
        plan = solve(*given)
        return plan._replace(objective=plan.objective - 1)

    monkeypatch.setattr(tariff_dispatch, "solve_window", too_cheap)
    result = dispatched(tariff(demand=PEAK))
    assert result.method_used == "approximate"
    assert "the bill is 1 above the cost of the linear program" in result.note


def test_the_input_is_not_changed():
    given = NET.copy()
    given.setflags(write=False)
    planned(given, START, MINUTES, tariff(demand=PEAK), BATTERY)
    np.testing.assert_array_equal(given, NET)


def test_without_the_solver_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flipkit\[milp\]'"):
        dispatched(tariff(demand=PEAK))


LATER = "the credit that exports leave for later billing periods, which the plan ignores"


@pytest.mark.parametrize(
    "export",
    [
        sold(0.6, carry_over="credit", credit_on=("fixed",)),
        sold(0.2, carry_over="credit", credit_next_month=True),
    ],
)
def test_credit_that_may_not_pay_for_the_charges_makes_the_plan_approximate(export):
    result = dispatched(tariff(demand=PEAK, export=export))
    assert result.method_used == "approximate"
    assert LATER in result.note


def test_credit_on_energy_that_is_used_up_keeps_the_plan_exact():
    export = sold(0.02, carry_over="credit", credit_on=("energy",))
    result = dispatched(tariff(demand=PEAK, export=export))
    assert result.method_used == "lp"


@pytest.mark.parametrize("carry_over", ["year", "credit"])
def test_net_metering_with_adders_on_every_import_says_that_it_approximates(carry_over):
    adders = (Adder("levy", 0.05, non_bypassable=True), Adder("fee", 0.01))
    surplus = (Rate(0.05),) if carry_over == "credit" else ()
    export = Export("net_metering", surplus, carry_over=carry_over)
    result = dispatched(tariff(export=export, adders=adders))
    assert result.method_used == "approximate"
    assert "net metering" in result.note


def test_an_export_under_net_metering_does_not_save_an_adder_on_every_import():
    adders = (Adder("levy", 0.05, non_bypassable=True), Adder("fee", 0.01))
    plan = tariff(export=Export("net_metering"), adders=adders)
    grid = Grid(us(START), MINUTES * 60_000_000, COUNT)
    terms = tariff_terms(plan, grid, NET, None)
    assert terms.import_price - terms.export_price == pytest.approx(np.full(COUNT, 0.05))
    night = np.array([(START + timedelta(hours=hour)).hour < 7 for hour in range(COUNT)])
    assert terms.import_price == pytest.approx(np.where(night, 0.16, 0.36))
