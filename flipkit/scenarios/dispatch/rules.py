"""What a simple controller does: it knows the present interval and the store, nothing else."""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import (
    GIVEN,
    LIMITS,
    MASKS,
    NUMBERS,
    PLACE,
    TABLE,
    compiled,
)
from flipkit.scenarios.dispatch.problem import Bools, Limits
from flipkit.vocabulary import Float64

__all__ = ["costs", "rule_rows"]


@compiled(GIVEN, MASKS, LIMITS, PLACE, PLACE, TABLE, TABLE)
def rule_rows(
    net: Float64, window: Bools, limits: Limits, first: int, last: int, flow: Float64, soc: Float64
) -> None:
    """Self-consumption: surplus into the store, the store into the deficit; in the window at full power from the grid.

    Parameters
    ----------
    net, window, limits
        As in `Problem`.
    first, last : int
        Which sites.
    flow : array of float, sites x intervals
        Set: energy into the battery, below 0 where it comes out.
    soc : array of float, sites x intervals or 1 x 1
        Set where there is room: the store at the end.
    """
    most, into, per_out, keep = (
        limits.most,
        limits.into,
        1.0 / limits.out,
        soc.shape[1] == net.shape[1],
    )
    for row in range(first, last):
        at, cheap = limits.first, window[row % len(window)]
        for t in range(net.shape[1]):
            use = net[row, t]
            if cheap[t] or use < 0.0:
                wanted = most if cheap[t] else min(-use, most)
                stored = wanted * into
                if stored > limits.width - at:
                    stored = limits.width - at
                    wanted = stored / into
                at += stored
                flow[row, t] = wanted
            else:
                wanted = min(use, most)
                drawn = wanted * per_out
                if drawn > at:
                    drawn = at
                    wanted = drawn * limits.out
                at -= drawn
                flow[row, t] = -wanted
            if keep:
                soc[row, t] = limits.floor + at


@compiled(GIVEN, GIVEN, GIVEN, TABLE, PLACE, PLACE, NUMBERS)
def costs(
    net: Float64, buy: Float64, sell: Float64, flow: Float64, first: int, last: int, cost: Float64
) -> None:
    """Import at the import price less export at the export price, in the order of time."""
    for row in range(first, last):
        bought, sold, total = buy[row % len(buy)], sell[row % len(sell)], 0.0
        for t in range(net.shape[1]):
            imported = net[row, t] + flow[row, t]
            total += imported * (bought[t] if imported > 0.0 else sold[t])
        cost[row] = total
