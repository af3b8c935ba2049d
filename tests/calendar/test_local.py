"""Local days and months against minute stepping with zoneinfo, and how times may be written."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit import calendar
from flipkit.errors import InputError, NaiveTimestampError

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(text):
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def stepped_days(name, start, end, minutes):
    """The first instant of each local date, found by reading the clock every few minutes."""
    place, step = ZoneInfo(name), timedelta(minutes=minutes)
    found, latest, instant = {}, None, start
    while instant < end:
        day = instant.astimezone(place).date()
        if latest is None or day > latest:
            found[day.isoformat()] = (instant - EPOCH) // timedelta(microseconds=1)
            latest = day
        instant += step
    return found


ZONE_YEARS = [
    ("Europe/London", 2024),
    ("America/Los_Angeles", 2025),
    ("Australia/Lord_Howe", 2025),
    ("America/Sao_Paulo", 2018),
    ("Africa/Cairo", 2024),
    ("Asia/Beirut", 2025),
    ("Africa/Casablanca", 2025),
    ("Asia/Kathmandu", 2024),
    ("Pacific/Apia", 2011),
    ("America/Havana", 2025),
    ("Antarctica/Troll", 2024),
    ("America/Scoresbysund", 2024),
    ("UTC", 2100),
]


@pytest.mark.parametrize(("name", "year"), ZONE_YEARS)
def test_days_and_months_of_a_year_equal_minute_stepping(name, year):
    at, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    begin, stop = us(at.isoformat()), us(until.isoformat())
    days = stepped_days(name, at - timedelta(days=40), until + timedelta(days=40), 1)
    months = {}
    for day, instant in days.items():
        months.setdefault(day[:7], instant)
    for found, (labels, edges) in (
        (days, calendar.day_edges(name, begin, stop)),
        (months, calendar.month_edges(name, begin, stop)),
    ):
        spans = zip(found, pairwise(found.values()), strict=False)
        touched = {label: span for label, span in spans if span[0] < stop and span[1] > begin}
        assert list(labels) == list(touched)
        assert list(pairwise(edges.tolist())) == list(touched.values())


@pytest.mark.parametrize(
    ("name", "middle"),
    [
        # Falls back at 00:01, so a minute of the new day comes early.
        ("America/St_Johns", "2010-11-07T00:00+00:00"),
        ("America/St_Johns", "2011-03-13T00:00+00:00"),  # springs forward at 00:01
        ("Pacific/Kwajalein", "1993-08-21T00:00+00:00"),  # skipped a date
        ("Pacific/Kwajalein", "1969-09-30T13:00+00:00"),  # had a date twice, a day of nearly two
        ("Asia/Manila", "1978-03-22T00:00+00:00"),
        # From an offset of 44 minutes and 30 seconds.
        ("Africa/Monrovia", "1972-01-07T00:00+00:00"),
        ("Asia/Gaza", "2011-08-01T00:00+00:00"),
    ],
)
def test_days_around_odd_changes_equal_minute_stepping(name, middle):
    half_minute = 0.5
    begin, stop = us(middle) - 48 * HOUR_US, us(middle) + 48 * HOUR_US
    at = datetime.fromisoformat(middle)
    found = stepped_days(name, at - timedelta(days=6), at + timedelta(days=6), half_minute)
    labels, edges = calendar.day_edges(name, begin, stop)
    assert dict(zip(labels, edges.tolist(), strict=False)) == {day: found[day] for day in labels}
    assert list(labels) == [day for day in found if labels[0] <= day <= labels[-1]]
    for instant in range(begin, stop, HOUR_US // 4):
        ((day,), span) = calendar.day_edges(name, instant, instant + 1)
        assert (day, tuple(span)) == next(
            (day, (start, end))
            for day, (start, end) in zip(found, pairwise(found.values()), strict=False)
            if start <= instant < end
        )


@pytest.mark.parametrize(
    ("name", "day", "begins", "half_hours"),
    [
        ("Europe/London", "2025-03-30", "2025-03-30T00:00+00:00", 46),
        ("Europe/London", "2025-10-26", "2025-10-25T23:00+00:00", 50),
        ("Europe/London", "2025-06-01", "2025-05-31T23:00+00:00", 48),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00+00:00", 49),
        ("Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30+00:00", 47),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00+00:00", 46),
        ("Asia/Beirut", "2025-03-30", "2025-03-29T22:00+00:00", 46),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00+00:00", 46),
        ("UTC", "2024-02-29", "2024-02-29T00:00+00:00", 48),
    ],
)
def test_a_day_begins_at_its_first_instant_and_has_its_own_number_of_half_hours(
    name, day, begins, half_hours
):
    start = calendar.to_us(day, name)
    assert start == us(begins)
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    end = calendar.to_us(following, name)
    assert np.diff(calendar.day_edges(name, start, end).edges).tolist() == [
        half_hours * 30 * MINUTE_US
    ]


def test_a_date_the_zone_skipped_means_the_next_one():
    assert calendar.to_us("2011-12-30", "Pacific/Apia") == calendar.to_us(
        "2011-12-31", "Pacific/Apia"
    )


def test_a_leap_february_has_29_days():
    start, end = (calendar.to_us(day, "Europe/Brussels") for day in ("2024-02-01", "2024-03-01"))
    edges = calendar.day_edges("Europe/Brussels", start, end).edges
    assert (len(edges), edges[0], edges[-1]) == (30, start, end)


instants = st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(
    [name for name, _ in ZONE_YEARS] + ["America/St_Johns", "Asia/Gaza", "Asia/Kolkata"]
)


@settings(max_examples=150, deadline=None)
@given(zones, instants, st.integers(1, 60 * 24 * 70))
def test_the_days_of_a_window_begin_at_its_midnights(name, at, minutes):
    start = us(at.replace(second=0, microsecond=0).isoformat())
    end = start + minutes * MINUTE_US
    labels, edges = calendar.day_edges(name, start, end)
    assert len(labels) == len(edges) - 1
    assert edges[0] <= start < edges[1]
    assert edges[-2] < end <= edges[-1]
    assert calendar.local.local_midnights(name, start, end).tolist() == [
        edge for edge in edges if start <= edge < end
    ]


@settings(max_examples=150, deadline=None)
@given(zones, instants)
def test_any_instant_lies_in_the_day_and_month_of_its_wall_clock(name, at):
    local, instant = at.astimezone(ZoneInfo(name)), us(at.isoformat())
    (day,), edges = calendar.day_edges(name, instant, instant + 1)
    assert edges[0] <= instant < edges[1]
    if local.fold == 0:  # in an hour that comes twice, the date may be the earlier one again
        assert day == local.date().isoformat()
        assert calendar.month_edges(name, instant, instant + 1).labels == (day[:7],)


def test_edges_are_shared_and_cannot_be_changed():
    edges = calendar.day_edges("UTC", 0, 24 * HOUR_US).edges
    with pytest.raises(ValueError, match="read-only"):
        edges[0] = 1


@pytest.mark.parametrize(
    "name", ["Europe/Londn", "", "Europe", "../../etc/passwd", "/etc/localtime", "a\0b", None, 3]
)
def test_an_unknown_zone_is_named(name):
    with pytest.raises(InputError, match="Europe/London") as caught:
        calendar.zone(name)
    assert not isinstance(name, str) or repr(name) in str(caught.value)


def test_windows_that_are_empty_or_far_away_are_refused():
    with pytest.raises(InputError, match=r"1970-01-01T00:00:00Z.*is empty"):
        calendar.day_edges("UTC", 0, 0)
    with pytest.raises(InputError, match="is empty"):
        calendar.month_edges("UTC", 5, 4)
    with pytest.raises(InputError, match="year 2286"):
        calendar.day_edges("UTC", 10**16, 10**16 + 1)


@pytest.mark.parametrize(
    "value",
    [
        "2025-06-01T10:00:00Z",
        "2025-06-01T12:00+02:00",
        datetime(2025, 6, 1, 10, tzinfo=UTC),
        datetime(2025, 6, 1, 15, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2025, 6, 1, 11, tzinfo=ZoneInfo("Europe/London")),
        pd.Timestamp("2025-06-01 06:00", tz="America/New_York"),
    ],
)
def test_every_way_to_write_an_instant(value):
    assert calendar.to_us(value) == calendar.to_us(value, "Asia/Tokyo") == 1_748_772_000_000_000


@settings(max_examples=50, deadline=None)
@given(instants)
def test_instants_go_to_microseconds_and_back(at):
    assert calendar.from_us(calendar.to_us(at)) == at
    assert datetime.fromisoformat(calendar.to_text(calendar.to_us(at))) == at


def test_the_hour_that_comes_twice_keeps_its_fold():
    place = ZoneInfo("Europe/London")
    first, second = (datetime(2025, 10, 26, 1, 30, tzinfo=place, fold=fold) for fold in (0, 1))
    assert calendar.to_us(second) - calendar.to_us(first) == HOUR_US


def test_dates_need_a_zone_and_get_its_midnight():
    assert calendar.to_us(date(2025, 7, 1), "America/Los_Angeles") == us("2025-07-01T07:00+00:00")
    for value in ("2025-07-01", date(2025, 7, 1)):
        with pytest.raises(NaiveTimestampError, match="zone"):
            calendar.to_us(value)


@pytest.mark.parametrize(
    "value", ["2025-07-01T10:00", datetime(2025, 7, 1), pd.Timestamp("2025-07-01 01:00")]
)
def test_naive_times_are_refused_with_the_fix_even_if_a_zone_is_given(value):
    with pytest.raises(NaiveTimestampError, match="give it a zone"):
        calendar.to_us(value, "Europe/London")


@pytest.mark.parametrize(
    "value",
    ["soon", "", "2025-02-30", "2025-13-01", 1_748_772_000, None, np.datetime64("2025-01-01")],
)
def test_other_values_are_refused_as_times(value):
    with pytest.raises(InputError):
        calendar.to_us(value, "Europe/London")


def test_day_starts_count_the_intervals_of_each_local_day():
    """Hours from 22:30 UTC on 29 March 2025 in London; the next day has 23 of them."""
    grid = calendar.Grid(us("2025-03-29T22:30:00+00:00"), HOUR_US, 30)
    assert calendar.day_starts("Europe/London", grid).tolist() == [0, 2, 25, 30]
