"""The buffers of the exact method grow when a value function needs more segments: same bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dispatch_cases import STEP_H, batteries, check, homes
from support.dispatch_oracle import cheapest

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import block, dispatch, dispatch_block

BATTERY = Battery(8, 3, 0.9, 0.95, 0.1, 0.5, export_from_battery=True)
EDGES = [0, 37, 240]
some = settings(max_examples=60, deadline=None)


def prices(kind, count=240):
    """Net consumption and prices, of which a third are not convex unless `kind` is convex."""
    rng = np.random.default_rng(3)
    net = rng.normal(0.3, 1.2, count)
    buy = rng.uniform(0.2, 0.4, count)
    sell = rng.uniform(0.0, 0.1, count)
    if kind == "export above import":
        sell[1::3] = buy[1::3] + rng.uniform(0.1, 0.2, len(sell[1::3]))
    if kind == "negative":
        buy[1::3], sell[1::3] = -0.08, -0.1
    return net, buy, sell


def with_room(segments, monkeypatch, home, battery, method):
    monkeypatch.setattr(block, "FIRST_ROOM", segments)
    return dispatch(*home, STEP_H, battery, method, day_edges=EDGES)


def assert_same_bits(one, other):
    assert one.flow_kwh.tobytes() == other.flow_kwh.tobytes()
    assert one.soc_kwh.tobytes() == other.soc_kwh.tobytes()
    assert one.marginal_value.tobytes() == other.marginal_value.tobytes()
    assert one.cost == other.cost
    assert (one.method_used, one.note) == (other.method_used, other.note)


@pytest.mark.parametrize("segments", [1, 2, 5, 33])
@pytest.mark.parametrize("kind", ["export above import", "negative", "convex"])
@pytest.mark.parametrize("method", ["optimal", "day_ahead"])
def test_with_little_room_at_first_the_result_has_the_same_bits(
    monkeypatch, segments, kind, method
):
    home = prices(kind)
    grown = with_room(segments, monkeypatch, home, BATTERY, method)
    check(grown, *home, BATTERY)
    assert_same_bits(grown, with_room(4096, monkeypatch, home, BATTERY, method))


@pytest.mark.parametrize("kind", ["export above import", "negative", "convex"])
def test_with_little_room_at_first_the_cost_is_that_of_the_milp(monkeypatch, kind):
    home = prices(kind, count=24)
    monkeypatch.setattr(block, "FIRST_ROOM", 1)
    result = dispatch(*home, STEP_H, BATTERY, "optimal")
    expected = cheapest(*home, STEP_H, BATTERY)
    assert result.cost == pytest.approx(expected, rel=1e-6, abs=1e-7)


@some
@given(homes(), batteries(), st.integers(1, 4))
def test_any_home_costs_the_same_with_little_room_at_first(home, battery, segments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "FIRST_ROOM", segments)
        grown = dispatch(*home, STEP_H, battery, "optimal")
    assert_same_bits(grown, dispatch(*home, STEP_H, battery, "optimal"))


def test_sites_after_one_that_needed_more_room_are_as_before(monkeypatch):
    net, buy, sell = prices("export above import")
    fleet = np.stack([np.zeros(240), net, np.full(240, 9.0), -net])
    wanted = dispatch_block(fleet, buy, sell, STEP_H, BATTERY, "optimal")
    monkeypatch.setattr(block, "FIRST_ROOM", 1)
    grown = dispatch_block(fleet, buy, sell, STEP_H, BATTERY, "optimal")
    assert grown.flow_kwh.tobytes() == wanted.flow_kwh.tobytes()
    assert grown.cost.tobytes() == wanted.cost.tobytes()
    assert grown.notes == wanted.notes
