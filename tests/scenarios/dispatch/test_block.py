"""Many sites at once: each as if it were alone."""

import numpy as np
import pytest

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch, dispatch_block
from flipkit.vocabulary import DISPATCH_METHODS

SITES, COUNT, EDGES = 37, 96, [0, 46, 96]
BATTERY = Battery(10, 3, 0.95, 0.9, 0.1, 0.5, export_from_battery=True)


def fleet(seed=5):
    """Net consumption and import prices per site, and one row of export prices."""
    rng = np.random.default_rng(seed)
    net = rng.normal(0.2, 1, (SITES, COUNT))
    buy = rng.normal(0.2, 0.15, (SITES, COUNT))
    sell = rng.normal(0.1, 0.1, COUNT)
    return net, buy, sell


def assert_each_site_is_as_if_alone(block, net, buy, sell, method, edges):
    for row in range(len(net)):
        alone = dispatch(net[row], buy[row], sell, 0.5, BATTERY, method, day_edges=edges)
        np.testing.assert_array_equal(block.flow_kwh[row], alone.flow_kwh)
        assert block.cost[row] == alone.cost
        assert block.methods_used[row] == alone.method_used
        assert block.notes[row] == alone.note


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_each_site_is_dispatched_as_if_it_were_alone(method):
    net, buy, sell = fleet()
    block = dispatch_block(net, buy, sell, 0.5, BATTERY, method, day_edges=EDGES)
    assert_each_site_is_as_if_alone(block, net, buy, sell, method, EDGES)


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_a_single_interval_is_enough(method):
    net, buy, sell = (values[..., :1] for values in fleet())
    block = dispatch_block(net, buy, sell, 0.5, BATTERY, method, day_edges=[0, 1])
    assert_each_site_is_as_if_alone(block, net, buy, sell, method, [0, 1])


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_one_row_of_prices_serves_all_sites(method):
    net, buy, sell = fleet()
    one_row = dispatch_block(net, buy[0], sell, 0.5, BATTERY, method, day_edges=EDGES)
    repeated = np.tile(buy[0], (SITES, 1))
    row_per_site = dispatch_block(net, repeated, sell, 0.5, BATTERY, method, day_edges=EDGES)
    assert one_row.flow_kwh.tobytes() == row_per_site.flow_kwh.tobytes()
    assert one_row.cost.tobytes() == row_per_site.cost.tobytes()


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_a_block_without_sites_is_empty(method):
    no_sites, prices = np.zeros((0, 4)), np.zeros(4)
    block = dispatch_block(no_sites, prices, prices, 0.5, BATTERY, method, day_edges=[0, 4])
    assert block.flow_kwh.shape == (0, 4)
    assert block.notes == ()


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_the_input_is_not_changed(method):
    given = fleet()
    before = [each.copy() for each in given]
    for each in given:
        each.setflags(write=False)
    dispatch_block(*given, 0.5, BATTERY, method, day_edges=EDGES)
    for one, other in zip(given, before, strict=True):
        np.testing.assert_array_equal(one, other)
