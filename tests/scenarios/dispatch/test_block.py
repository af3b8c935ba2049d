"""Many sites at once: each as if it were alone, and the same bits on any number of threads."""

import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch, dispatch_block
from flipkit.scenarios.dispatch.problem import METHODS

SITES, COUNT, EDGES = 37, 96, [0, 46, 96]
BATTERY = Battery(10, 3, 0.95, 0.9, 0.1, 0.5, export_from_battery=True)


def fleet(seed=5):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0.2, 1, (SITES, COUNT)),
        rng.normal(0.2, 0.15, (SITES, COUNT)),
        rng.normal(0.1, 0.1, COUNT),
    )


@pytest.mark.parametrize("method", METHODS)
def test_each_site_as_if_it_were_alone(method):
    net, buy, sell = fleet()
    block = dispatch_block(net, buy, sell, 0.5, BATTERY, method, day_edges=EDGES, threads=2)
    for row in range(SITES):
        alone = dispatch(net[row], buy[row], sell, 0.5, BATTERY, method, day_edges=EDGES)
        np.testing.assert_array_equal(block.flow_kwh[row].clip(0), alone.charge_kwh)
        np.testing.assert_array_equal((-block.flow_kwh[row]).clip(0), alone.discharge_kwh)
        assert (block.cost[row], block.methods_used[row], block.notes[row]) == (
            alone.cost,
            alone.method_used,
            alone.note,
        )


@pytest.mark.parametrize("method", METHODS)
def test_the_same_bits_on_one_thread_and_on_more(method):
    one, two, many = (
        dispatch_block(*fleet(), 0.5, BATTERY, method, day_edges=EDGES, threads=threads)
        for threads in (1, 2, 7)
    )
    for other in (two, many):
        assert one.flow_kwh.tobytes() == other.flow_kwh.tobytes()
        assert one.cost.tobytes() == other.cost.tobytes()
        assert one.notes == other.notes


def test_prices_and_nights_in_one_row_serve_all_sites():
    net, buy, sell = fleet()
    night = np.arange(COUNT) % 48 < 14
    shared = dispatch_block(net, buy[0], sell, 0.5, BATTERY, "rule_tou", night=night)
    each = dispatch_block(
        net,
        np.tile(buy[0], (SITES, 1)),
        sell,
        0.5,
        BATTERY,
        "rule_tou",
        night=np.tile(night, (SITES, 1)),
    )
    assert shared.flow_kwh.tobytes() == each.flow_kwh.tobytes()
    assert shared.cost.tobytes() == each.cost.tobytes()


def test_no_sites_are_no_trouble():
    block = dispatch_block(np.zeros((0, 4)), np.zeros(4), np.zeros(4), 0.5, BATTERY, "optimal")
    assert block.flow_kwh.shape == (0, 4)
    assert block.notes == ()


def test_what_was_handed_in_stays_as_it_was():
    given = fleet()
    before = [each.copy() for each in given]
    for each in given:
        each.setflags(write=False)
    for method in METHODS:
        dispatch_block(*given, 0.5, BATTERY, method, day_edges=EDGES)
    assert all((one == other).all() for one, other in zip(given, before, strict=True))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"import_price": np.zeros((2, 4))}, "import_price: 2 x 4 values for net_kwh of 3 x 4"),
        ({"net_kwh": np.full((3, 4), np.nan)}, "net_kwh: interval 0 of row 0"),
        ({"net_kwh": np.zeros((1, 3, 4))}, "got 3 dimensions"),
        ({"threads": 0}, "threads=0"),
    ],
)
def test_what_cannot_be_used_is_named(changed, words):
    given = {
        "net_kwh": np.zeros((3, 4)),
        "import_price": np.zeros(4),
        "export_price": np.zeros(4),
        "threads": 1,
    }
    with pytest.raises(InputError, match=words):
        dispatch_block(**given | {"step_h": 0.5, "battery": BATTERY, "method": "rule"} | changed)
