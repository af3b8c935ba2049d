"""Prices and costs of random tariffs against a slow reading of the local clock, in fractions.

The oracle below knows months, weekdays and hours only; it shares no code with the package.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.tariffs import Rate, Tariff

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A zone, and a moment of interest in it: most are a change of the clock or of the month.
MOMENTS = [
    ("Europe/London", "2025-03-30T01:00"),
    ("Europe/London", "2025-10-26T01:00"),
    ("America/Los_Angeles", "2025-11-02T09:00"),
    ("America/Los_Angeles", "2025-06-01T07:00"),
    ("Australia/Lord_Howe", "2025-04-05T15:00"),
    ("Australia/Lord_Howe", "2025-10-04T15:30"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("America/Sao_Paulo", "2019-02-17T02:00"),
    ("Africa/Cairo", "2024-04-25T22:00"),
    ("Asia/Beirut", "2025-03-29T22:00"),
    ("Asia/Kathmandu", "2024-02-29T18:15"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("UTC", "2024-12-31T23:59"),
]

prices = st.integers(-20_000, 100_000).map(lambda n: n / 100_000)
# Made once: Hypothesis examines each new strategy, which takes longer than to draw from it.
seasons = st.lists(st.integers(0, 2), min_size=12, max_size=12)
day_kinds = st.sampled_from(["0000000", "0000011", "0101010", "1000022"])
hour_cuts = st.sets(st.integers(0, 287).map(lambda n: 5 * n), max_size=4)


@st.composite
def tariffs(draw):
    """Entries (months, weekdays, from minute, to minute, price): every minute of the year once."""
    entries = []
    season_of = draw(seasons)
    for season in sorted(set(season_of)):
        months = tuple(month + 1 for month in range(12) if season_of[month] == season)
        kind_of = draw(day_kinds)
        for kind in sorted(set(kind_of)):
            days = tuple(day for day in range(7) if kind_of[day] == kind)
            cuts = sorted(draw(hour_cuts))
            windows = list(pairwise([*cuts, cuts[0]])) if len(cuts) > 1 else [(0, 1440)]
            entries += [(months, days, *window, draw(prices)) for window in windows]
    return draw(st.permutations(entries))


def as_tariff(entries, zone):
    def clock(minute):
        return f"{minute // 60:02d}:{minute % 60:02d}"

    rates = [
        Rate(price, clock(begin), clock(end), months, days)
        for months, days, begin, end, price in entries
    ]
    return Tariff.time_of_use(rates, currency="EUR", timezone=zone)


def oracle_price(entries, local):
    minute, found = 60 * local.hour + local.minute, []
    for months, days, begin, end, price in entries:
        inside = begin <= minute < end if begin < end else (minute >= begin or minute < end)
        if local.month in months and local.weekday() in days and inside:
            found.append(price)
    (price,) = found
    return price


def oracle_prices(entries, zone, start, minutes):
    place = ZoneInfo(zone)
    return [oracle_price(entries, (start + n * MINUTE).astimezone(place)) for n in range(minutes)]


def us(instant):
    return (instant - EPOCH) // timedelta(microseconds=1)


@settings(max_examples=120, deadline=None)
@given(
    tariffs(),
    st.sampled_from(MOMENTS),
    st.integers(-2000, 100),
    st.integers(1, 2500),
    st.lists(st.integers(0, 2500)),
)
def test_every_minute_and_every_interval_cost_what_the_wall_clock_says(
    entries, moment, before, minutes, marks
):
    zone, at = moment
    start = datetime.fromisoformat(at).replace(tzinfo=UTC) + before * MINUTE
    by_minute = oracle_prices(entries, zone, start, minutes)
    series = as_tariff(entries, zone).prices(us(start), us(start) + minutes * MINUTE_US)

    assert series.start_us[0] == us(start)
    assert series.end_us[-1] == us(start) + minutes * MINUTE_US
    held = (series.end_us - series.start_us) // MINUTE_US
    assert (held * MINUTE_US == series.end_us - series.start_us).all()
    assert np.repeat(series.price_per_kwh, held).tolist() == by_minute

    edges = sorted({0, minutes, *(mark for mark in marks if mark < minutes)})
    energy = [0.001 * (7 * edge % 5000) - 0.5 for edge in edges[1:]]
    got = series.cost(
        us(start) + np.array(edges[:-1]) * MINUTE_US,
        us(start) + np.array(edges[1:]) * MINUTE_US,
        np.array(energy),
    )
    for (a, b), kwh, cost in zip(pairwise(edges), energy, got.tolist(), strict=True):
        values = [Fraction(price) for price in by_minute[a:b]]
        want = Fraction(kwh) * sum(values) / (b - a)
        scale = abs(kwh) * float(max(abs(value) for value in values))
        assert abs(cost - float(want)) <= 1e-15 + 1e-14 * scale
        if len(set(values)) == 1:
            assert cost == kwh * by_minute[a]


@settings(max_examples=120, deadline=None)
@given(tariffs(), st.sampled_from(MOMENTS), st.integers(2, 40 * 86_400), st.data())
def test_the_parts_of_a_split_window_are_the_whole(entries, moment, seconds, data):
    zone, at = moment
    tariff = as_tariff(entries, zone)
    start = us(datetime.fromisoformat(at).replace(tzinfo=UTC)) - 2 * 86_400_000_000 + 1
    end = start + seconds * 1_000_000
    middle = data.draw(st.integers(start + 1, end - 1))
    whole, early, late = (
        tariff.prices(start, end),
        tariff.prices(start, middle),
        tariff.prices(middle, end),
    )
    assert whole.clip(start, middle) == early
    assert whole.clip(middle, end) == late
    kwh, share = 12.5, (middle - start) / (end - start)
    (all_of_it,) = whole.cost([start], [end], [kwh])
    (first,), (second,) = (
        early.cost([start], [middle], [kwh * share]),
        late.cost([middle], [end], [kwh * (1 - share)]),
    )
    assert abs(all_of_it - (first + second)) <= 1e-12


@settings(max_examples=60, deadline=None)
@given(tariffs(), st.randoms(use_true_random=False))
def test_the_order_of_rates_and_where_windows_are_cut_change_nothing(entries, random):
    cut = []
    for months, days, begin, end, price in entries:
        stop = end if end > begin else end + 1440
        marks = sorted(
            {begin, stop, *(5 * random.randrange(begin // 5, stop // 5 + 1) for _ in range(2))}
        )
        parts = [(a % 1440, b % 1440 or 1440) for a, b in pairwise(marks)]
        cut += [
            ((month,), (day,), *part, price) for month in months for day in days for part in parts
        ]
    random.shuffle(cut)
    one, other = as_tariff(entries, "Europe/Brussels"), as_tariff(cut, "Europe/Brussels")
    assert one == other
    assert hash(one) == hash(other)
    assert as_tariff(entries, "Europe/Paris") != one


@settings(max_examples=60, deadline=None)
@given(tariffs(), st.sampled_from(MOMENTS), st.sampled_from(["IMPORT", "EXPORT", "LOCAL"]))
def test_flatpeak_reads_back_what_was_written(entries, moment, direction):
    tariff = as_tariff(entries, moment[0])
    body = tariff.to_flatpeak("loc_1", direction=direction)
    assert Tariff.from_flatpeak(body, timezone=moment[0], currency="EUR") == tariff


@settings(max_examples=40, deadline=None)
@given(tariffs(), tariffs(), st.sampled_from(MOMENTS))
def test_commodity_and_non_commodity_are_added_hour_by_hour(energy, network, moment):
    zone, at = moment
    bodies = [
        as_tariff(energy, zone).to_flatpeak("loc_1"),
        as_tariff(network, zone).to_flatpeak("loc_1", type="NON_COMMODITY"),
    ]
    start, minutes = datetime.fromisoformat(at).replace(tzinfo=UTC) - 600 * MINUTE, 1500
    series = Tariff.from_flatpeak(bodies, timezone=zone, currency="EUR").prices(
        us(start), us(start) + minutes * MINUTE_US
    )
    held = (series.end_us - series.start_us) // MINUTE_US
    want = zip(
        oracle_prices(energy, zone, start, minutes),
        oracle_prices(network, zone, start, minutes),
        strict=True,
    )
    assert np.repeat(series.price_per_kwh, held).tolist() == [a + b for a, b in want]
