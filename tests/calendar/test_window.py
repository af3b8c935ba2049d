"""Starts and ends as users write them, against pandas periods and zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.calendar import check_month, month_of, read_window, to_us
from flipkit.errors import InputError, NaiveTimestampError

LONDON, LOS_ANGELES = "Europe/London", "America/Los_Angeles"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

days = st.dates(min_value=date(1980, 1, 1), max_value=date(2099, 12, 31))
months = days.map(lambda day: day.strftime("%Y-%m"))


def us(local_text, zone=LONDON):
    local = datetime.fromisoformat(local_text).replace(tzinfo=ZoneInfo(zone))
    return (local.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("start", "first", "after"),
    [
        ("2025", "2025-01-01", "2026-01-01"),
        ("2025-06", "2025-06-01", "2025-07-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2025-06-15", "2025-06-15", "2025-06-16"),
        (" 2025-06 ", "2025-06-01", "2025-07-01"),
        (date(2025, 6, 15), "2025-06-15", "2025-06-16"),
        (pd.Period("2025", "Y"), "2025-01-01", "2026-01-01"),
        (pd.Period("2025Q2"), "2025-04-01", "2025-07-01"),
        (pd.Period("2025-06"), "2025-06-01", "2025-07-01"),
        (pd.Period("2025-06-15", "D"), "2025-06-15", "2025-06-16"),
    ],
)
@pytest.mark.parametrize("zone", [LONDON, LOS_ANGELES, "Asia/Kolkata"])
def test_a_start_alone_is_its_whole_local_year_month_or_day(start, first, after, zone):
    assert read_window(start).bounds(zone) == (us(first, zone), us(after, zone))


@given(days, days)
def test_dates_text_and_periods_mean_the_same_days(one, other):
    start, end = sorted([one, other])
    forms = [
        (start, end),
        (start.isoformat(), end.isoformat()),
        (pd.Period(start, "D"), pd.Period(end, "D")),
        (start.isoformat(), end),
    ]
    expected = (us(f"{start}T12:00", "UTC"), us(f"{end}T12:00", "UTC"))
    noon = 12 * 3_600_000_000
    for form in forms:
        begin, stop = read_window(*form).bounds("UTC")
        assert (begin, stop) == (expected[0] - noon, expected[1] + noon)


@given(months, months)
def test_the_months_are_those_of_pandas(one, other):
    start, end = sorted([one, other])
    expected = [str(period) for period in pd.period_range(start, end, freq="M")]
    assert read_window(start, end).months() == expected
    assert read_window(pd.Period(start), pd.Period(end)).months() == expected
    across = read_window(date.fromisoformat(f"{start}-01"), f"{end}-28")
    assert across.months() == expected


def test_instants_are_themselves_and_the_end_is_not_included():
    start = datetime(2025, 6, 1, tzinfo=ZoneInfo(LONDON))
    end = pd.Timestamp("2025-07-01", tz=LONDON)
    window = read_window(start, end)
    assert window.bounds(LOS_ANGELES) == (us("2025-06-01"), us("2025-07-01"))
    assert window.months() == ["2025-06"]
    assert not window.needs_zone
    assert read_window("2025-05-31T23:00:00Z", "2025-06-30T23:00:00Z").bounds("UTC") == (
        us("2025-06-01"),
        us("2025-07-01"),
    )


def test_dates_and_instants_may_be_mixed():
    window = read_window("2025-06", "2025-07-01T12:00:00Z")
    assert window.needs_zone
    assert window.bounds(LONDON) == (us("2025-06-01"), us("2025-07-01T13:00"))


def test_local_days_have_23_and_25_hours_at_clock_changes():
    lengths = [
        np.diff(read_window(day).bounds(LONDON))[0] / 3_600_000_000
        for day in ("2025-03-30", "2025-06-15", "2025-10-26")
    ]
    assert lengths == [23, 24, 25]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-07", "2025-06"),
        ("2025-06-15", "2025-06-14"),
        (date(2025, 6, 2), date(2025, 6, 1)),
        ("2025-06-01T00:00Z", "2025-06-01T00:00Z"),
        ("2025-06-01", "2025-06-01T00:00Z"),
        ("2025-06-02T00:00Z", "2025-06-01"),
    ],
)
def test_an_end_before_the_start_is_an_error(start, end):
    with pytest.raises(InputError, match="is empty; the end must be after the start"):
        read_window(start, end)


def test_a_window_may_turn_out_empty_only_in_some_zones():
    window = read_window("2025-06-01", "2025-06-01T12:00:00+14:00")
    with pytest.raises(InputError, match="is empty"):
        window.bounds(LONDON)
    assert window.bounds("Pacific/Kiritimati")


@pytest.mark.parametrize(
    "bad",
    [
        "2025-06-31",
        "2025-13",
        "0000",
        "soon",
        "",
        "25-06",
        "2025-6",
        "2025-06-15T",
        2025,
        None,
        pd.NaT,
        float("nan"),
        np.datetime64("2025-06"),
        ["2025"],
        pd.Period("2025-06-15 10:00", "h"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_forms_that_can(bad):
    with pytest.raises(InputError) as caught:
        read_window(bad, "2025-06")
    message = str(caught.value)
    assert message.startswith("start")
    assert repr(bad) in message
    assert "write '2025', '2025-06', '2025-06-15'" in message


def test_a_date_that_does_not_exist_says_why():
    with pytest.raises(
        InputError, match=r"end '2025-06-31' is not a valid date \(day is out of range"
    ):
        read_window("2025-06-01", "2025-06-31")


@pytest.mark.parametrize("naive", ["2025-06-15T00:00", datetime(2025, 6, 15)])
def test_a_time_without_a_zone_is_an_error_that_says_how_to_fix_it(naive):
    with pytest.raises(NaiveTimestampError, match=r"end: .* give it a zone"):
        read_window("2025-06-01", naive)


def test_an_instant_alone_needs_an_end():
    with pytest.raises(InputError, match="is an instant and needs an end"):
        read_window("2025-06-15T00:00Z")


def test_the_first_instant_of_anything():
    assert to_us("2025-06", LONDON) == us("2025-06-01")
    assert to_us(pd.Period("2025-06"), LOS_ANGELES) == us("2025-06-01", LOS_ANGELES)


@pytest.mark.parametrize(
    "bad",
    [
        "2025-13",
        "2025-00",
        "2025-6",
        "25-06",
        "2025-06-01",
        "",
        " 2025-06",
        "2025-06\n",
        "२०२५-०६",
        202506,
        None,
    ],
)
def test_a_month_that_is_not_valid_is_named(bad):
    with pytest.raises(InputError) as caught:
        check_month(bad, "start")
    assert str(caught.value).startswith("start ")
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "month"),
    [("2025-06", "2025-06"), ("2025-06-01", "2025-06"), ("2025-06-01T00:00:00Z", "2025-06")]
    + [(text, None) for text in ("2025-061", "June 2025", "2025-13-01", "2025", "")],
)
def test_the_month_of_a_longer_text(text, month):
    assert month_of(text) == month
