"""Runs and demand intervals against the local clock, read minute by minute through zoneinfo."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays as published
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.engine_tariffs import PLACES, blocks, demand_charges, rate_lists

from flipkit.calendar import Grid, as_holidays
from flipkit.tariffs import Rate
from flipkit.tariffs.model import LocalClock, canonical, rate_table, schedule_of
from flipkit.tariffs.rating import DemandHours, RatingCalendar, demand_runs, meter_runs
from flipkit.tariffs.rating.runs import partition, runs_between
from flipkit.vocabulary import HOUR_US

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000
# Without summer time; with it at other dates, or the wrong way round; on the other side.
HOUR_ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo")
often = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def local(instant_us, zone):
    return (EPOCH + timedelta(microseconds=int(instant_us))).astimezone(ZoneInfo(zone))


@cache
def holidays_of(code, year):
    country, _, part = code.partition("-")
    return frozenset(published.country_holidays(country, subdiv=part or None, years=year))


def is_holiday(day, code):
    return bool(code) and day in holidays_of(code, day.year)


def in_hours(when, month, at):
    second = 3600 * at.hour + 60 * at.minute
    inside = any(begin <= second < stop for begin, stop in when.windows_s())
    return inside and month in when.month_numbers()


def oracle_rate(rates, at, hour, code):
    """The one rate in force: a holiday's own where one names it, else Sunday's.

    The date is that of one clock, the hour that of another.
    """
    timely = [rate for rate in rates if in_hours(rate, at.month, hour)]
    if is_holiday(at.date(), code):
        named = [rate for rate in timely if rate.days == "holiday"]
        (found,) = named or [rate for rate in timely if 6 in rate.weekday_numbers()]
    else:
        (found,) = [rate for rate in timely if at.weekday() in rate.weekday_numbers()]
    return found


def covered(grid, runs):
    """How much of each interval the runs hold."""
    share = np.zeros(grid.intervals + 2)
    for lo, hi, head, tail in zip(runs.lo, runs.hi, runs.head, runs.tail, strict=True):
        share[lo:hi] += 1
        share[lo - 1] += head
        share[hi] += tail
    return share[: grid.intervals]


@st.composite
def places(draw):
    """A place, cut at minutes that may lie within an interval."""
    where = draw(st.sampled_from(PLACES))
    grid = draw(blocks(where, days=14)).grid
    minutes = grid.intervals * grid.step_us // MINUTE_US
    begin = draw(st.sampled_from([0, 0, 1])) * draw(st.integers(0, minutes - 2))
    stop = draw(st.sampled_from([minutes, draw(st.integers(begin + 1, minutes))]))
    span = (grid.start_us + begin * MINUTE_US, grid.start_us + stop * MINUTE_US)
    code = where[1] if draw(st.booleans()) else None
    hours = draw(st.sampled_from([None, None, *HOUR_ZONES]))
    return RatingCalendar(grid, *span, LocalClock(where[0], hours, as_holidays(code)), None)


def hour_of(instant_us, place):
    return local(instant_us, place.clock.hours_timezone or place.zone)


def code_of(place):
    return place.clock.holidays.country if place.clock.holidays else None


@often
@given(places(), st.data())
def test_every_run_is_in_the_period_and_month_of_the_clock(place, data):
    rates = canonical(data.draw(rate_lists(True, code_of(place))))
    sold = canonical(data.draw(rate_lists(False, code_of(place))))
    part = partition(place, schedule_of(rates), schedule_of(sold))
    starts = place.start_us + np.append(0, np.rint(np.cumsum(part.runs.hours) * HOUR_US)).astype(
        np.int64
    )
    assert starts[-1] == place.end_us
    for number, (begin, stop) in enumerate(pairwise(starts)):
        for instant in {begin, (begin + stop) // 2 // MINUTE_US * MINUTE_US, stop - MINUTE_US}:
            at = local(max(instant, begin), place.zone)
            hour = hour_of(max(instant, begin), place)
            assert place.billing.labels[part.billing[number]] == f"{at:%Y-%m}"
            for of, each in ((part.import_period, rates), (part.export_period, sold)):
                table, want = rate_table(each), oracle_rate(each, at, hour, code_of(place))
                period = table.periods[of[number]]
                assert (period.price_per_kwh, period.tiers) == (want.price_per_kwh, want.tiers)
    inside = covered(place.grid, part.runs)
    assert np.isclose(inside.sum() * place.grid.step_us, place.end_us - place.start_us)
    assert (inside <= 1 + 1e-12).all()
    changed = np.diff(part.billing) | np.diff(part.import_period) | np.diff(part.export_period)
    assert changed.all()


@often
@given(places(), demand_charges(1), st.booleans())
def test_demand_intervals_are_those_of_the_clock(place, charge, any_month):
    runs = demand_runs(place, DemandHours.of(charge, any_month=any_month))
    when = Rate(0, charge.start, charge.end, None if any_month else charge.months, charge.days)
    share = np.zeros(place.grid.intervals)
    minutes = np.arange(place.start_us, place.end_us, MINUTE_US)
    for instant in minutes:
        at = local(instant, place.zone)
        day = 6 if is_holiday(at.date(), code_of(place)) else at.weekday()
        if in_hours(when, at.month, hour_of(instant, place)) and day in when.weekday_numbers():
            share[(instant - place.grid.start_us) // place.grid.step_us] += (
                MINUTE_US / place.grid.step_us
            )
    assert np.allclose(covered(place.grid, runs.runs), share)
    for slot in np.unique(runs.slot):
        assert place.billing.labels[slot] is not None


@often
@given(places())
def test_the_meters_own_intervals_are_each_there_once(place):
    runs = meter_runs(place)
    assert np.isclose(runs.runs.hours.sum() * HOUR_US, place.end_us - place.start_us)
    assert (runs.runs.hours * HOUR_US <= place.grid.step_us * (1 + 1e-12)).all()
    assert len(runs.runs) >= (place.end_us - place.start_us) // place.grid.step_us


@often
@given(st.integers(1, 50), st.integers(1, 30), st.data())
def test_pieces_of_any_cut_make_up_each_interval(step, count, data):
    grid = Grid(1000, step, count)
    marks = data.draw(st.sets(st.integers(0, step * count), min_size=2, max_size=12))
    edges = np.array(sorted({0, step * count} | marks)) + grid.start_us
    runs = runs_between(grid, edges)
    assert np.allclose(covered(grid, runs), 1.0)
    ones = [
        head + (hi - lo) + tail
        for lo, hi, head, tail in zip(runs.lo, runs.hi, runs.head, runs.tail, strict=True)
    ]
    assert np.allclose(np.array(ones) * step, np.diff(edges))
