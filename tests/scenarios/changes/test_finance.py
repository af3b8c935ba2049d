"""Payback, NPV and IRR: against the annuity formula, a bisection in decimals, and by hand."""

import math
import pickle
import subprocess
import sys
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.scenarios.changes import Investment, part_year, yearly
from flipkit.scenarios.changes.finance import DISCOUNT_RATE

DAY = 86_400_000_000
money = st.floats(0.01, 1e6)
years = st.integers(1, 40)
rates = st.just(0.0) | st.floats(1e-9, 1.0)


def annuity(rate, years):
    """Present value of 1 at the end of each year, in closed form."""
    return Decimal(years) if rate == 0 else (1 - (1 + rate) ** -years) / rate


def bisected(capex, saving, years):
    """The rate at which the annuity equals the capex, in 60 digits; it falls as the rate rises."""
    with localcontext() as context:
        context.prec = 60
        wanted = Decimal(capex) / Decimal(saving)
        low, high = Decimal("-0.9999999999"), Decimal(10) ** 9
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if annuity(middle, years) > wanted else (low, middle)
        return float(low)


@given(money, st.floats(-1e6, 1e6), years, rates)
def test_net_present_value_is_the_annuity_less_the_capex(capex, saving, years, rate):
    with localcontext() as context:
        context.prec = 40
        worth = Decimal(saving) * annuity(Decimal(rate), years)
        expected = float(worth - Decimal(capex))
    assert Investment(capex, years, rate).npv(saving) == pytest.approx(
        expected, rel=1e-9, abs=1e-12 * (capex + abs(saving) * years)
    )


@given(money, money, years)
def test_rate_of_return_is_that_of_a_bisection(capex, saving, years):
    found = Investment(capex, years).irr(saving)
    assert found == pytest.approx(bisected(capex, saving, years), rel=1e-9, abs=1e-9)
    assert (found > 0) == (saving * years > capex) or abs(saving * years / capex - 1) < 1e-9


@given(money, money, years)
def test_at_the_rate_of_return_the_net_present_value_is_zero(capex, saving, years):
    rate = Investment(capex, years).irr(saving)
    if 0 <= rate <= 1:
        assert abs(Investment(capex, years, rate).npv(saving)) <= 1e-9 * saving * years


@given(money, money)
def test_payback_times_saving_is_the_capex(capex, saving):
    assert Investment(capex).payback_years(saving) * saving == pytest.approx(capex, rel=1e-15)


def test_by_hand():
    """300 per year over 5 years are worth 1,137.236 at 10 % and 1,000 at 15.238 %."""
    one = Investment(1000.0, 5, 0.10)
    assert one.payback_years(300.0) == pytest.approx(3.3333333, abs=1e-7)
    assert one.npv(300.0) == pytest.approx(137.236, abs=5e-4)
    assert one.irr(300.0) == pytest.approx(0.15238, abs=5e-6)
    assert Investment(100.0, 1).irr(110.0) == pytest.approx(0.10, rel=1e-12)
    # Two years: 100 = 60 x + 60 x^2 has x = (sqrt(1 + 20/3) - 1) / 2.
    assert Investment(100.0, 2).irr(60.0) == pytest.approx(
        2 / (math.sqrt(1 + 20 / 3) - 1) - 1, rel=1e-12
    )
    assert Investment(100.0, 20).irr(5.0) == pytest.approx(0.0, abs=1e-12)
    assert Investment(100.0, 10).irr(5.0) < 0


@pytest.mark.parametrize("saving", [0.0, -0.0, -300.0, math.nan])
def test_without_savings_there_is_no_payback_and_no_rate(saving):
    one = Investment(1000.0, 5)
    assert math.isnan(one.payback_years(saving))
    assert math.isnan(one.irr(saving))
    assert one.npv(saving) <= -1000.0 or math.isnan(saving)


def test_a_free_investment_pays_back_at_once_and_has_no_rate():
    free = Investment(0.0, 5, 0.0)
    assert (free.payback_years(10.0), free.npv(10.0)) == (0.0, 50.0)
    assert math.isnan(free.irr(10.0))


def test_without_a_lifetime_there_is_only_a_payback():
    one = Investment(1000.0)
    assert one.payback_years(250.0) == 4.0
    assert math.isnan(one.npv(250.0))
    assert math.isnan(one.irr(250.0))
    assert one.discount_rate == DISCOUNT_RATE == 0.064


@pytest.mark.parametrize("saving", [5e-324, 1e-300, 1e-13, 1e13])
def test_tiny_and_huge_savings(saving):
    rate = Investment(1e4, 25).irr(saving)
    assert math.isnan(rate) if saving == 5e-324 else rate > -1


@given(money, money, years, rates, st.floats(-0.9, 0.9))
def test_escalated_savings_are_a_growing_annuity(capex, saving, years, rate, escalation):
    """In 60 digits: saving x (1 - (g / d)^n) / (d - g), g = 1 + escalation, d = 1 + rate."""
    with localcontext() as context:
        context.prec = 60
        growth, discount = 1 + Decimal(escalation), 1 + Decimal(rate)
        annuity_factor = years / discount
        if growth != discount:
            annuity_factor = (1 - (growth / discount) ** years) / (discount - growth)
        expected = float(Decimal(saving) * annuity_factor - Decimal(capex))
    one = Investment(capex, years, rate, escalation)
    scale = capex + saving * years * max(1.0, (1 + escalation) ** years)
    assert one.npv(saving) == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)
    by_year = [saving * (1 + escalation) ** year for year in range(years)]
    assert Investment(capex, years, rate).npv(by_year) == pytest.approx(one.npv(saving), rel=1e-12)


@given(money, money, years, st.floats(-0.3, 0.3))
def test_an_escalated_rate_of_return_is_the_constant_one_grown(capex, saving, years, escalation):
    """All cash flows grow by one factor a year, and so does 1 + the rate of return."""
    first = saving / (1 + escalation)  # a constant saving, seen from the year of building
    constant = Investment(capex, years).irr(first)
    found = Investment(capex, years, escalation=escalation).irr(saving)
    assert 1 + found == pytest.approx((1 + constant) * (1 + escalation), rel=1e-7)


def test_payback_of_changing_savings_by_hand():
    """100, 110 and 121: 250 are back after 2 years and 40 of the 121."""
    rising = Investment(250.0, 2, escalation=0.1)
    assert rising.payback_years(100.0) == pytest.approx(2 + 40 / 121)  # beyond the lifetime
    assert Investment(250.0, 3).payback_years([100.0, 110.0, 121.0]) == pytest.approx(2 + 40 / 121)
    assert math.isnan(Investment(250.0, 2).payback_years([100.0, 110.0]))
    # 100 a year, halved each year, never add up to more than 200.
    assert math.isnan(Investment(200.5, 30, escalation=-0.5).payback_years(100.0))
    assert Investment(150.0, 30, escalation=-0.5).payback_years(100.0) == pytest.approx(2.0)
    # Prices that fall to nothing leave the first year alone.
    assert Investment(150.0, 30, 0.0, -1.0).npv(100.0) == -50.0
    # A year of loss has to be earned again.
    assert Investment(100.0, 3).payback_years([60.0, -20.0, 120.0]) == pytest.approx(2.5)
    assert Investment(0.0, 3, escalation=0.1).payback_years(10.0) == 0.0
    assert math.isnan(Investment(10.0, 3, escalation=0.1).payback_years(-1.0))


def test_savings_that_end_have_the_rate_of_return_of_a_bisection():
    flows = [60.0, 60.0, 0.0, 0.0]
    found = Investment(100.0, 4).irr(flows)
    assert found == pytest.approx(bisected(100.0, 60.0, 2), rel=1e-9)
    assert math.isnan(Investment(100.0, 2).irr([0.0, 0.0]))


@pytest.mark.parametrize("escalation", [-1.5, 3.0, math.nan, "3 %", None])
def test_an_invalid_escalation_is_refused(escalation):
    with pytest.raises(InputError, match=r"investment: escalation .* must be a fraction from -1"):
        Investment(5000.0, 25, escalation=escalation)


def test_savings_are_scaled_to_a_year():
    assert yearly(100.0, 0, 365 * DAY + DAY // 4) == 100.0
    assert yearly(-30.0, 10 * DAY, 40 * DAY) == pytest.approx(-365.25)


@pytest.mark.parametrize("days", [359, 364, 365, 366, 372, 728, 731, 3653])
def test_whole_years_have_no_finding(days):
    assert part_year(5 * DAY, (5 + days) * DAY) is None


@pytest.mark.parametrize(
    ("days", "words"), [(30, "by 12.2,"), (358, "by 1.02,"), (373, "by 0.979,"), (548, "by 0.667,")]
)
def test_other_windows_are_a_finding(days, words):
    found = part_year(5 * DAY, (5 + days) * DAY)
    assert found.name == "finance.part_year"
    assert f"{days} days" in found.words
    assert words in found.words


@pytest.mark.parametrize("capex", [-1.0, math.nan, math.inf, "5000", True, None])
def test_an_invalid_capex_is_refused(capex):
    with pytest.raises(InputError, match=r"investment: capex .* must be a number of 0 or more"):
        Investment(capex)


@pytest.mark.parametrize("lifetime", [0, -5, 0.5, 12.5, 101, math.nan, "25", True])
def test_an_invalid_lifetime_is_refused(lifetime):
    with pytest.raises(
        InputError,
        match=r"investment: lifetime_years .* must be a whole number of years from 1 to 100",
    ):
        Investment(5000.0, lifetime)


@pytest.mark.parametrize("rate", [-0.01, 6.4, math.nan, "6.4 %", None])
def test_an_invalid_discount_rate_is_refused(rate):
    with pytest.raises(
        InputError,
        match=r"investment: discount_rate .* must be a fraction from 0 to 1; 0\.064 is 6\.4 %",
    ):
        Investment(5000.0, 25, rate)


def test_a_whole_number_of_years_may_be_a_float():
    assert Investment(5000.0, 25.0).npv(400.0) == Investment(5000.0, 25).npv(400.0)


def test_investments_are_values():
    one = Investment(5000.0, 25, 0.05)
    assert one == pickle.loads(pickle.dumps(one))  # noqa: S301
    assert len({one, Investment(5000.0, 25, 0.05), Investment(5000.0, 20, 0.05)}) == 2


def test_the_library_is_loaded_when_it_is_needed():
    code = """
import sys
from flipkit.scenarios.changes import Investment

one = Investment(1.0, 5)
print("numpy_financial" in sys.modules)
one.npv(1.0)
print("numpy_financial" in sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["False", "True"]
