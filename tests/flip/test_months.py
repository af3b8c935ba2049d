"""Months: written as YYYY-MM, counted without a gap."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.flip.months import checked_month, month_in, months_from

months = st.dates(min_value=pd.Timestamp("1980-01-01").date(), max_value=pd.Timestamp("2099-12-31").date()).map(
    lambda day: day.strftime("%Y-%m")
)


@given(months, months)
def test_the_range_is_that_of_pandas(one, other):
    start, end = sorted([one, other])
    assert months_from(start, end) == [str(period) for period in pd.period_range(start, end, freq="M")]


@pytest.mark.parametrize(
    "bad", ["2025-13", "2025-00", "2025-6", "25-06", "2025-06-01", "", " 2025-06", "२०२५-०६", 202506]
)
def test_what_is_no_month_is_named(bad):
    with pytest.raises(InputError) as caught:
        checked_month(bad, "start")
    assert str(caught.value).startswith("start: ")
    assert repr(bad) in str(caught.value)


def test_an_end_before_the_start_is_an_error():
    with pytest.raises(InputError, match="end 2025-01 is before start 2025-02"):
        months_from("2025-02", "2025-01")


@pytest.mark.parametrize(
    ("text", "month"),
    [("2025-06", "2025-06"), ("2025-06-01", "2025-06"), ("2025-06-01T00:00:00Z", "2025-06")]
    + [(text, None) for text in ("2025-061", "June 2025", "2025-13-01", "2025", "")],
)
def test_the_month_of_a_longer_text(text, month):
    assert month_in(text) == month
