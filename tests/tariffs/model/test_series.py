"""Price series: building, clipping, adding, and the cost of energy against them."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.tariffs import PriceSeries

HOUR = 3_600_000_000
DAY_2025 = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z


def hourly(prices, confidence=None, start=DAY_2025):
    edges = start + HOUR * np.arange(len(prices) + 1)
    return PriceSeries(edges[:-1], edges[1:], prices, confidence)


@st.composite
def series(draw, start=0, end=None):
    """Segments of any length in microseconds, between `start` and `end`."""
    end = draw(st.integers(2, 10**6)) if end is None else end
    marks = (
        draw(st.sets(st.integers(start + 1, end - 1), max_size=12)) if end - start > 1 else set()
    )
    edges = np.array(sorted({start, end, *marks}))
    n = len(edges) - 1
    prices = draw(st.lists(st.integers(-500, 2000).map(lambda k: k / 1000), min_size=n, max_size=n))
    some = st.lists(st.sampled_from([0.2, 0.5, 0.8, 1.0]), min_size=n, max_size=n)
    return PriceSeries(edges[:-1], edges[1:], prices, draw(st.none() | some))


def price_at(one, instant):
    (hit,) = [k for k in range(len(one)) if one.start_us[k] <= instant < one.end_us[k]]
    return float(one.price_per_kwh[hit]), 1.0 if one.confidence is None else float(
        one.confidence[hit]
    )


def oracle_cost(one, start, end, kwh):
    """Energy in each segment times its price, in fractions."""
    total = Fraction(0)
    for begin, stop, price in zip(
        one.start_us.tolist(), one.end_us.tolist(), one.price_per_kwh.tolist(), strict=True
    ):
        total += max(min(end, stop) - max(start, begin), 0) * Fraction(price)
    return Fraction(kwh) * total / (end - start)


@settings(max_examples=200, deadline=None)
@given(series(), st.data())
def test_cost_and_confidence_equal_the_sum_over_segments(one, data):
    end = int(one.end_us[-1])
    marks = st.integers(0, end) | st.sampled_from([0, *one.end_us.tolist()])
    spans = data.draw(st.lists(st.tuples(marks, marks).filter(lambda span: span[0] != span[1])))
    starts, ends = (np.array([pick(span) for span in spans], dtype=np.int64) for pick in (min, max))
    kwh = np.linspace(-3.0, 7.0, len(spans))
    costs, lowest = one.cost(starts, ends, kwh), one.minimum_confidence(starts, ends)
    assert costs.shape == lowest.shape == (len(spans),)
    for start, stop, energy, cost, least in zip(
        starts, ends, kwh.tolist(), costs.tolist(), lowest, strict=True
    ):
        want = oracle_cost(one, int(start), int(stop), energy)
        assert abs(cost - float(want)) <= 1e-13 * max(1.0, abs(energy)) * 2
        touched = (one.start_us < stop) & (one.end_us > start)
        assert least == (1.0 if one.confidence is None else one.confidence[touched].min())
        if touched.sum() == 1:
            assert cost == energy * one.price_per_kwh[touched][0]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(2, 10**6).flatmap(lambda end: st.tuples(series(end=end), series(end=end))),
    st.data(),
)
def test_a_sum_has_both_prices_at_every_instant_and_the_lower_confidence(pair, data):
    one, other = pair
    both = one.plus(other)
    assert set(both.start_us.tolist()) == set(one.start_us.tolist()) | set(other.start_us.tolist())
    for instant in data.draw(st.lists(st.integers(0, int(one.end_us[-1]) - 1), max_size=20)):
        (a, sure_a), (b, sure_b) = price_at(one, instant), price_at(other, instant)
        assert price_at(both, instant) == (a + b, min(sure_a, sure_b))
    assert both == other.plus(one)


@settings(max_examples=150, deadline=None)
@given(series(), st.data())
def test_clipping_and_merging_keep_every_price(one, data):
    end = int(one.end_us[-1])
    a, b = sorted(data.draw(st.lists(st.integers(0, end), min_size=2, max_size=2, unique=True)))
    cut = one.clip(a, b)
    assert (cut.start_us[0], cut.end_us[-1]) == (a, b)
    merged = cut.merged()
    assert all(
        (merged.price_per_kwh[1:] != merged.price_per_kwh[:-1]) | (merged.confidence is not None)
    )
    assert merged.merged() == merged
    for instant in data.draw(st.lists(st.integers(a, b - 1), max_size=20)):
        assert price_at(cut, instant) == price_at(merged, instant) == price_at(one, instant)
    assert one.clip(0, end) == one


def test_merging_joins_equal_neighbours_only():
    merged = hourly([0.1, 0.1, 0.2, 0.1, 0.1, 0.1]).merged()
    assert merged.price_per_kwh.tolist() == [0.1, 0.2, 0.1]
    assert ((merged.end_us - merged.start_us) // HOUR).tolist() == [2, 1, 3]
    assert len(hourly([0.1, 0.1], [1.0, 0.8]).merged()) == 2


def test_a_known_cost_by_hand():
    prices = hourly([0.10, 0.30, -0.05])
    half = HOUR // 2
    starts = DAY_2025 + np.array([0, half, 2 * HOUR, 0])
    ends = DAY_2025 + np.array([HOUR, 3 * half, 3 * HOUR, 3 * HOUR])
    kwh = np.array([2.0, 4.0, 10.0, 3.0])
    # 2 x 0.10; 2 x 0.10 + 2 x 0.30; 10 x -0.05; 0.10 + 0.30 - 0.05
    assert prices.cost(starts, ends, kwh) == pytest.approx([0.2, 0.8, -0.5, 0.35], abs=1e-15)


def test_unknown_energy_has_unknown_cost():
    assert np.isnan(hourly([0.1]).cost([DAY_2025], [DAY_2025 + HOUR], [np.nan])).all()


def test_no_intervals_no_costs():
    assert hourly([0.1]).cost([], [], []).tolist() == []
    assert hourly([0.1], [0.5]).minimum_confidence([], []).tolist() == []


def test_equal_by_value_and_safe_as_a_key():
    prices = np.array([0.1, 0.2])
    one = hourly(prices)
    prices[0] = 9.0
    assert one == hourly([0.1, 0.2])
    assert hash(one) == hash(hourly([0.1, 0.2]))
    assert hourly([0.0]) == hourly([-0.0])
    assert one != hourly([0.1, 0.2], [1.0, 1.0])
    assert one != hourly([0.1, 0.3])
    assert one != "prices"
    with pytest.raises(ValueError, match="read-only"):
        one.price_per_kwh[0] = 1.0
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  workers get series this way
    fresh = pickle.dumps(one)
    assert hash(one) == hash(pickle.loads(fresh))  # noqa: S301
    # The hash is not pickled: it has another value in another process.
    assert pickle.dumps(one) == fresh


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([], [], []), "no prices"),
        (([0, 5], [5], [0.1, 0.1]), "unequal shape"),
        (([0], [5], [0.1], [1.0, 1.0]), "unequal shape"),
        (([0], [5], [np.nan]), "row 0: price_per_kwh is nan"),
        (([0, 5], [5, 9], [0.1, np.inf]), "row 1: price_per_kwh is inf"),
        (([0], [5], [0.1], [np.nan]), "row 0: confidence is nan"),
        (
            ([0, 5], [5, 5], [0.1, 0.1]),
            "row 1: ends at 1970-01-01T00:00:00.000005Z, not after its start",
        ),
        (([0, 6], [5, 9], [0.1, 0.1]), "a gap between row 0"),
        (([0, 4], [5, 9], [0.1, 0.1]), "an overlap between row 0"),
    ],
)
def test_series_that_are_not_valid_are_refused(columns, words):
    with pytest.raises(InputError, match=words):
        PriceSeries(*columns)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (-1, 1, "first uncovered: 2024-12-31T23:00:00Z"),
        (1, 3, "first uncovered: 2025-01-01T02:00:00Z"),
        (5, 6, "first uncovered: 2025-01-01T05:00:00Z"),
        (1, 1, "empty"),
        (1, 0, "empty"),
    ],
)
def test_what_is_not_covered_is_named(start, end, words):
    prices = hourly([0.1, 0.2])
    a, b = DAY_2025 + start * HOUR, DAY_2025 + end * HOUR
    with pytest.raises(InputError, match=words):
        prices.clip(a, b)
    rows = [DAY_2025, a], [DAY_2025 + HOUR, b]
    with pytest.raises(InputError, match=f"interval in row 1: .*{words}"):
        prices.cost(*rows, [1.0, 1.0])
    with pytest.raises(InputError, match=f"interval in row 1: .*{words}"):
        prices.minimum_confidence(*rows)


def test_energies_must_match_intervals():
    with pytest.raises(InputError, match="one energy for each interval"):
        hourly([0.1]).cost([DAY_2025], [DAY_2025 + HOUR], [1.0, 2.0])


@pytest.mark.parametrize(
    ("other", "alone"),
    [
        (hourly([0.1, 0.1], start=DAY_2025 - HOUR), "2024-12-31T23:00:00Z"),
        (hourly([0.1]), "2025-01-01T01:00:00Z"),
    ],
)
def test_series_over_different_times_are_not_added(other, alone):
    with pytest.raises(InputError, match=f"only one has a price at {alone}"):
        hourly([0.1, 0.2]).plus(other)
    with pytest.raises(InputError, match=f"only one has a price at {alone}"):
        other.plus(hourly([0.1, 0.2]))
