"""What the energy of each interval costs, where a tariff says it interval by interval."""

from __future__ import annotations

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.engine.case import Case
from flipkit.scenarios.engine.marginal import export_prices
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import joined, overlap
from flipkit.tariffs.rating import Used, has_tiers, mean_prices, tiers_reached
from flipkit.vocabulary import Float64, Int64

__all__ = ["export_credits", "import_costs", "own_use_costs"]


def import_costs(
    case: Case, start: Int64, end: Int64, kwh: Float64
) -> tuple[Float64, Int64 | None]:
    """Cost of what each interval imports, and the tier it begins in; NaN where only the whole bill tells it."""
    in_time = all(part.tier_rule in (None, "chronological") for part in _parts(case.buy))
    if _is_netted(case) or not in_time:
        return np.full(len(kwh), np.nan), None
    if not has_tiers(case.buy):
        return case.buy.prices(int(start[0]), int(end[-1])).cost(start, end, kwh), None
    return _tiered(case.buy, start, end, kwh)


def export_credits(case: Case, start: Int64, end: Int64, kwh: Float64) -> Float64:
    """What each interval's exports earn; 0 where nobody pays, NaN where they are netted over the billing period."""
    if case.sell is not None:
        return case.sell.prices(int(start[0]), int(end[-1])).cost(start, end, kwh)
    return (
        np.full(len(kwh), np.nan)
        if _is_netted(case)
        else kwh * export_prices(case.buy, _grid(start, end))
    )


def own_use_costs(case: Case, start: Int64, end: Int64, kwh: Float64) -> Float64:
    """What own generation costs that the site uses itself; 0 where it is free."""
    if case.local is None:
        return np.zeros(len(kwh))
    return case.local.prices(int(start[0]), int(end[-1])).cost(start, end, kwh)


def _tiered(tariff: Tariff, start: Int64, end: Int64, kwh: Float64) -> tuple[Float64, Int64]:
    """Each part of a tariff counts its own kWh; a month that is cut has the share of each limit, as in the bill."""
    used, edges = Used.of(start, end, kwh), np.append(start, end[-1])
    prices, tiers = [], np.zeros(len(kwh), dtype=np.int64)
    for part in _parts(tariff):
        begin, stop = overlap(part.validity, int(start[0]), int(end[-1]))
        if begin >= stop:
            continue
        if not has_tiers(part):
            prices.append(part.prices(begin, stop))
            continue
        prices.append(mean_prices(part, used, (begin, stop), (begin, stop), edges))
        own = (start >= begin) & (start < stop)
        tiers[own] = tiers_reached(part, used, (begin, stop), start[own], stop)
    return joined(prices).cost(start, end, kwh), tiers


def _is_netted(case: Case) -> bool:
    modes = {part.export.mode for part in _parts(case.buy) if part.export is not None}
    return case.sell is None and "net_metering" in modes


def _parts(tariff: Tariff) -> tuple[Tariff, ...]:
    return tariff.parts or (tariff,)


def _grid(start: Int64, end: Int64) -> Grid:
    return Grid(int(start[0]), int(end[0] - start[0]), len(start))
