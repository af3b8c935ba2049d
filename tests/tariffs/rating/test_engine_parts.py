"""Parts equal the whole: windows and tariffs split in time, energy conserved, rows that add up."""

import os
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.engine_tariffs import PLACES, blocks, cases, some_dates, tariffs

from flipkit.calendar import Grid, billing_periods
from flipkit.tariffs import Export, Minimum, Rate, Tariff, Tier
from flipkit.tariffs.rating import Block, EnergySums, map_threads, rate
from flipkit.tariffs.rating.energy import processors, row_slices
from flipkit.tariffs.rating.rate_block import total_cost

often = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def table(bills):
    """{(month, line): (quantity, cost)} where the line is shown."""
    out = {}
    for each in bills:
        for line in each.lines:
            for number, label in enumerate(each.billing.labels):
                if line.shown[number]:
                    out[label, line.text] = line.quantity[0, number], line.cost[0, number]
    return out


def without_memory(tariff):
    """The same tariff with nothing that reaches from one billing period into another."""
    export = tariff.export
    if export is not None:
        export = replace(export, carry_over=None, payout_share=0.0)
    demand = tuple(replace(charge, ratchet=None) for charge in tariff.demand)
    minimum = None if tariff.minimum is None else Minimum(tariff.minimum.per_month)
    return replace(tariff, export=export, demand=demand, minimum=minimum)


def cut(block, begin_us, end_us):
    low, high = ((edge - block.grid.start_us) // block.grid.step_us for edge in (begin_us, end_us))
    made = None if block.generation_kwh is None else block.generation_kwh[:, low:high].copy()
    grid = Grid(block.grid.start_us + low * block.grid.step_us, block.grid.step_us, high - low)
    return Block(block.site_ids, grid, block.consumption_kwh[:, low:high].copy(), made)


@often
@given(cases(), st.lists(st.integers(3, 40), min_size=1, max_size=4), st.booleans())
def test_a_window_split_at_billing_edges_has_the_bills_of_the_whole_to_the_bit(
    case, spans, by_months
):
    block, tariff = case
    tariff = without_memory(tariff)
    dates = None if by_months else some_dates(block, tariff.timezone, spans)
    whole = rate(EnergySums(block), tariff, dates)
    edges = whole[0].billing.edges_us
    assume(((edges - block.grid.start_us) % block.grid.step_us == 0).all())
    parts = [rate(EnergySums(cut(block, a, b)), tariff, dates) for a, b in pairwise(edges)]
    assert table([each for part in parts for each in part]) == table(whole)


@often
@given(cases(), st.floats(0.01, 0.99))
def test_a_tariff_split_at_a_billing_edge_is_the_tariff(case, where):
    block, tariff = case
    tariff = without_memory(tariff)
    assume(tariff.series is None)
    edges = rate(EnergySums(block), tariff)[0].billing.edges_us[1:-1].tolist()
    assume(edges)
    edge = edges[int(where * len(edges))]
    parts = [
        replace(tariff, name="a", valid_to_us=edge),
        replace(tariff, name="b", valid_from_us=edge),
    ]
    assert table(rate(EnergySums(block), Tariff.successive(parts))) == table(
        rate(EnergySums(block), tariff)
    )


@often
@given(cases(days=20), st.floats(0.01, 0.99))
def test_a_change_to_the_same_prices_within_a_month_changes_no_sum(case, where):
    block, tariff = case
    assume(tariff.series is None)
    rates = tuple(replace(each, tiers=()) for each in tariff.rates)
    export = (
        tariff.export
        if tariff.export is not None and tariff.export.mode != "net_metering"
        else None
    )
    plain = replace(
        without_memory(replace(tariff, export=export)), rates=rates, demand=(), minimum=None
    )
    edge = block.grid.start_us + int(where * block.grid.intervals * block.grid.step_us)
    assume(block.grid.start_us < edge < block.grid.end_us)
    parts = [
        replace(plain, name="a", valid_to_us=edge),
        replace(plain, name="b", valid_from_us=edge),
    ]
    found, want = (
        total_cost(rate(EnergySums(block), Tariff.successive(parts))),
        total_cost(rate(EnergySums(block), plain)),
    )
    assert found == pytest.approx(want, abs=1e-9)


@often
@given(cases(sites=3, days=40))
def test_no_kwh_is_lost_or_counted_twice(case):
    block, tariff = case
    made = (
        np.zeros_like(block.consumption_kwh)
        if block.generation_kwh is None
        else block.generation_kwh
    )
    gross = tariff.export is not None and tariff.export.mode == "buy_all_sell_all"
    net = block.consumption_kwh - made
    bought = block.consumption_kwh if gross else np.maximum(net, 0)
    sold = made if gross else np.maximum(-net, 0)
    kwh = {"energy": 0.0, "export": 0.0, "carry over": 0.0}
    for line in (
        line
        for each in rate(EnergySums(block), tariff)
        for line in each.lines
        if line.unit == "kWh"
    ):
        if line.kind in kwh:
            kwh[line.kind] = kwh[line.kind] + line.quantity.sum(axis=1)
    if tariff.export is None or tariff.export.mode != "net_metering":
        assert kwh["energy"] == pytest.approx(bought.sum(axis=1), abs=1e-9)
        if tariff.export is not None or block.generation_kwh is not None:
            assert kwh["export"] == pytest.approx(sold.sum(axis=1), abs=1e-9)
    elif tariff.export.carry_over is None:
        assert kwh["energy"] - kwh["export"] == pytest.approx((bought - sold).sum(axis=1), abs=1e-9)


@often
@given(cases(sites=2))
def test_lines_without_any_cost_are_not_shown_and_lines_add_up(case):
    block, tariff = case
    (bills,) = rate(EnergySums(block), tariff)
    shape = (2, len(bills.billing))
    assert all(line.cost.shape == line.quantity.shape == shape for line in bills.lines)
    for line in bills.lines:
        assert (line.cost[:, ~line.shown] == 0.0).all()
        assert (line.quantity[:, ~line.shown] == 0.0).all()
    everything = sum(line.cost.sum(axis=1) for line in bills.lines)
    assert total_cost([bills]) == pytest.approx(everything, abs=1e-9)


@often
@given(st.sampled_from(PLACES), st.data())
def test_the_tier_rules_agree_where_the_tiers_have_one_price(place, data):
    block = data.draw(blocks(place))
    tariff = data.draw(tariffs(place, block.grid.start_us, block.grid.end_us))
    assume(tariff.series is None)
    assume(tariff.export is None or tariff.export.mode != "net_metering")
    same = tuple(
        replace(
            each,
            tiers=tuple(replace(tier, price_per_kwh=each.price_per_kwh) for tier in each.tiers),
        )
        for each in tariff.rates
    )
    rules = [
        replace(tariff, rates=same, tier_rule=rule)
        for rule in ("chronological", "prorate", "per_period")
    ]
    one, *others = [total_cost(rate(EnergySums(block), each)) for each in rules]
    assert all(other == pytest.approx(one, abs=1e-9) for other in others)


@often
@given(blocks(PLACES[0]), st.lists(st.integers(1, 300), min_size=1, max_size=4, unique=True))
def test_one_period_makes_the_tier_rules_one(block, limits):
    steps = (*(Tier(number / 10, limit) for number, limit in enumerate(sorted(limits))), Tier(1.5))
    rules = [
        Tariff("x", "GBP", "Europe/London", (Rate(tiers=steps),), tier_rule=rule)
        for rule in ("chronological", "prorate", "per_period")
    ]
    one, *others = [table(rate(EnergySums(block), each)) for each in rules]
    for other in others:
        assert other.keys() == one.keys()
        for key, value in one.items():
            assert other[key] == pytest.approx(value, abs=1e-9)


def without_negative_prices(rate):
    """The same hours and tiers of kWh, each price made positive."""
    tiers = tuple(
        replace(tier, price_per_kwh=abs(tier.price_per_kwh), per_kw=False) for tier in rate.tiers
    )
    return replace(rate, price_per_kwh=abs(rate.price_per_kwh), tiers=tiers)


@often
@given(st.data())
def test_more_energy_never_costs_less_where_no_price_is_negative(data):
    place = data.draw(st.sampled_from(PLACES))
    block = data.draw(blocks(place, days=40))
    tariff = data.draw(tariffs(place, block.grid.start_us, block.grid.end_us))
    assume(tariff.series is None)
    tariff = replace(
        tariff,
        rates=tuple(without_negative_prices(rate) for rate in tariff.rates),
        tier_rule="per_period",
        export=Export("buy_all_sell_all", [Rate(0.01)]),
    )
    more = Block(block.site_ids, block.grid, block.consumption_kwh + 0.25, block.generation_kwh)
    most, least = (total_cost(rate(EnergySums(each), tariff)) for each in (more, block))
    assert most >= least - 1e-9


@often
@given(
    st.sampled_from(PLACES),
    st.integers(0, 100_000),
    st.integers(1, 200_000),
    st.lists(st.integers(3, 40), min_size=1),
)
def test_days_and_shares_of_billing_periods_add_up(place, begin, minutes, spans):
    zone, _, day = place
    grid_start = np.datetime64(day, "m").astype(int) + begin
    start, end = int(grid_start) * 60_000_000, int(grid_start + minutes) * 60_000_000
    block = Block(("a",), Grid(start, end - start, 1), np.zeros((1, 1)), None)
    for dates in (None, some_dates(block, zone, spans)):
        whole = billing_periods(zone, start, end, dates)
        middle = start + (end - start) // 3
        one, two = (
            billing_periods(zone, start, middle, dates),
            billing_periods(zone, middle, end, dates),
        )
        assert one.days.sum() + two.days.sum() == pytest.approx(whole.days.sum(), abs=1e-9)
        assert one.share.sum() + two.share.sum() == pytest.approx(whole.share.sum(), abs=1e-9)
        assert (np.diff(whole.edges_us) > 0).all()
        assert (whole.edges_us[0], whole.edges_us[-1]) == (start, end)
        inner = slice(1, len(whole) - 1)
        assert (whole.share[inner] == 1.0).all()
        assert (whole.days[inner] == np.rint(whole.days[inner])).all()
        assert whole.closed[:-1].all()


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (0, [(0, 0)]),
        (1, [(0, 1)]),
        (2, [(0, 1), (1, 2)]),
        (3, [(0, 1), (1, 2), (2, 3)]),
        (7, [(0, 2), (2, 4), (4, 7)]),
    ],
)
def test_rows_are_divided_among_three_processors(monkeypatch, rows, parts):
    monkeypatch.setattr("flipkit.tariffs.rating.energy.processors", lambda: 3)
    assert row_slices(rows) == [slice(first, after) for first, after in parts]


@pytest.mark.parametrize(("count", "found"), [(6, 6), (None, 1)])
def test_without_affinity_the_processors_are_those_of_the_machine(monkeypatch, count, found):
    """As on macOS and Windows; `os.cpu_count` may not know."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert processors() == found


def test_a_single_item_needs_no_thread():
    def thread(item):
        return item, threading.current_thread() is threading.main_thread()

    assert map_threads(thread, iter([])) == []
    assert map_threads(thread, iter([5])) == [(5, True)]
    assert map_threads(thread, iter([5, 6])) == [(5, False), (6, False)]
