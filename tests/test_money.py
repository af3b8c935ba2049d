"""Rounding of money against whole-number arithmetic on the digits that a person reads."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.money import ISO_4217, round_money, round_money_array


def half_even(text, decimals):
    scaled = Fraction(text) * 10**decimals
    below = math.floor(scaled)
    rest = scaled - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1)
    return float(Fraction(below + up, 10**decimals))


@settings(max_examples=300, deadline=None)
@given(
    st.floats(-1e9, 1e9) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
    st.sampled_from([("EUR", 2), (None, 2), ("JPY", 0), ("XOF", 0), ("KWD", 3)]),
)
def test_money_is_rounded_half_to_even_in_the_smallest_unit(amount, unit):
    currency, decimals = unit
    assert round_money(amount, currency) == half_even(repr(amount), decimals)


@pytest.mark.parametrize(
    ("amount", "currency", "want"),
    [
        (0.285, "GBP", 0.28),
        (0.275, "GBP", 0.28),
        (2.5, "JPY", 2.0),
        (0.0005, "BHD", 0.0),
        (-0.001, "EUR", 0.0),
    ],
)
def test_ties_by_hand(amount, currency, want):
    assert round_money(amount, currency).hex() == want.hex()


def test_nan_stays_nan():
    assert math.isnan(round_money(math.nan, "EUR"))


def test_every_unit_belongs_to_a_currency():
    whole = {code for code in ISO_4217 if round_money(1.4, code) == 1.0}
    thousandths = {code for code in ISO_4217 if round_money(1.234, code) == 1.234}
    assert (len(whole), len(thousandths)) == (16, 7)


@given(
    st.lists(
        st.one_of(
            st.floats(-1e6, 1e6),
            st.integers(-(10**7), 10**7).map(lambda thousandths: thousandths / 1000),
            st.floats(allow_nan=True, allow_infinity=True),
        ),
        max_size=20,
    ),
    st.sampled_from(["GBP", "JPY", "KWD", None]),
)
def test_many_at_once_are_rounded_as_each_alone(amounts, currency):
    found = round_money_array(np.array(amounts), currency)
    np.testing.assert_array_equal(
        found, np.array([round_money(amount, currency) for amount in amounts])
    )
