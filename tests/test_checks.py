"""Checks of numbers and names: what counts as one, and the messages for what does not."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from flipkit import checks
from flipkit.errors import InputError

NOT_NUMBERS = [
    None,
    True,
    "1",
    b"1",
    [1.0],
    1j,
    Fraction(1, 2),
    float("nan"),
    float("inf"),
    -float("inf"),
    np.float64("nan"),
    np.bool_(True),
    10**400,
]


@pytest.mark.parametrize("value", [2, 2.0, np.float64(2), np.float32(2), np.int64(2), Decimal(2)])
def test_every_kind_of_number_becomes_a_float(value):
    found = checks.finite(value, "price")
    assert type(found) is float
    assert found == 2.0


def test_zero_has_one_sign():
    assert checks.finite(-0.0, "price").hex() == (0.0).hex()


@pytest.mark.parametrize("value", [*NOT_NUMBERS, Decimal("nan"), Decimal("sNaN"), Decimal("1e400")])
def test_what_is_not_a_finite_number_is_refused(value):
    with pytest.raises(InputError, match=r"^price .* is not a finite number$"):
        checks.finite(value, "price")


def test_bounds_are_named():
    assert checks.finite(0, "limit", at_least=0.0) == 0.0
    with pytest.raises(InputError, match=r"^limit 0 must be above 0$"):
        checks.finite(0, "limit", above=0.0)
    with pytest.raises(InputError, match=r"^limit -0.1 must be at least 0$"):
        checks.finite(-0.1, "limit", at_least=0.0)


def test_a_number_stays_an_int_or_float():
    assert repr(checks.number(3, "power", "a number")) == "3"
    assert repr(checks.number(np.float64(3), "power", "a number")) == "3.0"


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -1, 7.5])
def test_a_number_out_of_bounds_is_refused_with_what_is_wanted(value):
    with pytest.raises(InputError, match=r"^power .* must be 0 to 7 kW$"):
        checks.number(value, "power", "0 to 7 kW", most=7.0)


@pytest.mark.parametrize("value", [None, "", "  ", 7, b"peak"])
def test_what_is_not_a_name_is_refused(value):
    with pytest.raises(InputError, match=r"^period .* is not a name; write a string"):
        checks.name(value, "period")
    assert checks.name(" peak ", "period") == " peak "


def test_long_values_are_cut():
    assert checks.short_repr("a" * 100) == "'" + "a" * 56 + "..."
    assert checks.short_repr([1, 2]) == "[1, 2]"


def test_names_that_occur_twice_are_found_once():
    assert checks.repeated_names(["b", "a", "b", "c", "a", "b"]) == ["a", "b"]
    assert checks.repeated_names(["a", "b"]) == []


def test_a_value_of_another_type_is_refused_with_both_types():
    checks.instance_of("night", str, "tariff")
    with pytest.raises(InputError, match=r"^tariff: expected an Exception, got int$"):
        checks.instance_of(3, Exception, "tariff")
