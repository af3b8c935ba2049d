"""Car charging in plain Python: whole granules of five minutes, by exhaustive search.

All energy is counted in granules at the car's maximum power, so every quantity is a whole number
and the best plan is found by trying all of them, interval by interval. Whole weeks, to the second,
are left to a linear program. Shares no code with flipkit.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

GRANULE_MIN = 5


class Car(NamedTuple):
    """Arrival and departure (granules after the start) and the energy it needs (granules)."""

    arrive: int
    leave: int
    wanted: int


def present(car, interval, step):
    """Granules of an interval of `step` granules during which the car is there."""
    return sum(
        car.arrive <= granule < car.leave
        for granule in range(interval * step, (interval + 1) * step)
    )


def at_once(car, intervals, step):
    """Granules charged in each interval: those of the stay in order, until it has enough."""
    charged, had = [0] * intervals, 0
    for granule in range(car.arrive, car.leave):
        if had < car.wanted:
            charged[granule // step] += 1
            had += 1
    return charged


def best(car, intervals, step, surplus, buy, sell, solar_first):
    """Granules charged in each interval by the best plan, and its cost.

    Best is the most surplus used (with `solar_first` only), then the least cost, then the earliest.
    All ways of spreading the energy over the intervals are tried; of those with the same energy so
    far only the best is continued.
    """
    rooms = [present(car, interval, step) for interval in range(intervals)]
    wanted = min(car.wanted, sum(rooms))
    ways = {0: (0, 0, ())}
    for interval, room in enumerate(rooms):
        longer = {}
        for had, (used, cost, taken) in ways.items():
            for more in range(min(room, wanted - had) + 1):
                own = min(more, surplus[interval])
                price = own * sell[interval] + (more - own) * buy[interval]
                way = (used - own if solar_first else 0, cost + price, (*taken, -more))
                longer[had + more] = min(way, longer.get(had + more, way))
        ways = longer
    _, cost, taken = ways[wanted]
    return [-more for more in taken], cost


def one_after_another(cars, intervals, step, surplus, buy, sell, solar_first):
    """Granules charged by all cars: the first to arrive chooses first and uses up surplus."""
    left, total = list(surplus), [0] * intervals
    for car in sorted(cars, key=lambda car: car.arrive):
        for interval, more in enumerate(
            best(car, intervals, step, left, buy, sell, solar_first)[0]
        ):
            total[interval] += more
            left[interval] -= min(more, left[interval])
    return total


def cost_of(charged, surplus, buy, sell):
    """Change of the bill: surplus that is not sold, and what is bought."""
    return sum(
        min(more, own) * sold + max(more - own, 0) * bought
        for more, own, bought, sold in zip(charged, surplus, buy, sell, strict=True)
    )


def least_cost(wanted, rooms, surplus, buy, sell):
    """Least cost of all cars together, by HiGHS; `rooms` is an array of kWh by interval per car.

    Holds where no export earns more than an import costs.
    """
    pairs = [(car, interval) for car, room in enumerate(rooms) for interval in np.flatnonzero(room)]
    car, interval = np.array(pairs).T
    # The variables: of each pair what comes from surplus, then what is bought.
    each_pair = np.hstack([np.eye(len(pairs))] * 2)
    shared = np.hstack(
        [interval == np.arange(len(surplus))[:, None], np.zeros((len(surplus), len(pairs)))]
    )
    room = np.array([rooms[c][i] for c, i in pairs])
    solved = linprog(
        np.concatenate([sell[interval], buy[interval]]),
        A_ub=np.vstack([each_pair, shared]),
        b_ub=np.concatenate([room, surplus]),
        A_eq=np.tile(car == np.arange(len(wanted))[:, None], 2),
        b_eq=wanted,
    )
    assert solved.success, solved.message
    return solved.fun
