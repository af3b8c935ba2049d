"""The proof of a simulation: a sample of its intervals, priced once more by the service itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import take
from flipkit.scenarios.outcome import Outcome
from flipkit.tariffs.calendar import from_us

__all__ = ["Checked", "certify"]

_SEED = 20_250_601


class Checked(NamedTuple):
    """One interval, priced here and there."""

    site_id: str
    scenario: str
    start_us: int
    end_us: int
    tariff_direction: str
    local_cost: float
    server_cost: float
    currency: str | None


class _Draw(NamedTuple):
    outcome: Outcome
    row: int
    direction: str

    @property
    def energy_wh(self) -> float:
        kwh = self.outcome.import_kwh if self.direction == "IMPORT" else self.outcome.export_kwh
        return float(np.floor(kwh[self.row] * 1000 + 0.5))

    @property
    def local_cost(self) -> float:
        """The local cost of the whole watt-hours that the service counts."""
        by_import = self.direction == "IMPORT"
        costs, kwh = (
            (self.outcome.import_cost, self.outcome.import_kwh)
            if by_import
            else (
                self.outcome.export_credit,
                self.outcome.export_kwh,
            )
        )
        return float(costs[self.row] / kwh[self.row] * self.energy_wh / 1000)


def certify(prices: Any, outcomes: Sequence[Outcome], count: int) -> list[Checked]:
    """Price `count` intervals through the service, without leaving a trace there.

    Parameters
    ----------
    prices : Kit or Flatpeak
    outcomes : sequence of Outcome
    count : int
        Drawn evenly over all intervals with energy that were priced with the location's own series; a fixed seed.

    Raises
    ------
    InputError
        Prices that do not come from Flatpeak.
    """
    client = getattr(prices, "flatpeak", prices)
    if not hasattr(client, "simulate_costs"):
        raise InputError("verify: only prices that come from Flatpeak can be verified; pass prices=kit")
    draws = _drawn(outcomes, count)
    if not draws:
        return []
    answer = take(client.simulate_costs([_record(draw) for draw in draws]), numbers=["cost"])
    return [_checked(draw, float(cost)) for draw, cost in zip(draws, answer["cost"], strict=True)]


def _drawn(outcomes: Sequence[Outcome], count: int) -> list[_Draw]:
    pools = []
    for outcome in outcomes:
        for direction, kwh in (("IMPORT", outcome.import_kwh), ("EXPORT", outcome.export_kwh)):
            if direction in outcome.is_today and outcome.location_id:
                pools.append((outcome, direction, np.flatnonzero(np.floor(kwh * 1000 + 0.5) > 0)))
    edges = np.cumsum([0, *(len(rows) for _, _, rows in pools)])
    chosen = sorted(random.Random(_SEED).sample(range(int(edges[-1])), min(count, int(edges[-1]))))
    found = []
    for number in chosen:
        pool = int(np.searchsorted(edges, number, side="right")) - 1
        outcome, direction, rows = pools[pool]
        found.append(_Draw(outcome, int(rows[number - edges[pool]]), direction))
    return found


def _record(draw: _Draw) -> dict[str, Any]:
    return {
        "location_id": draw.outcome.location_id,
        "energy_flow_direction": "INBOUND" if draw.direction == "IMPORT" else "OUTBOUND",
        "tariff_direction": draw.direction,
        "units": "WH",
        "value": draw.energy_wh,
        "start_utc": from_us(int(draw.outcome.start_us[draw.row])),
        "end_utc": from_us(int(draw.outcome.end_us[draw.row])),
    }


def _checked(draw: _Draw, server_cost: float) -> Checked:
    outcome, row = draw.outcome, draw.row
    span = int(outcome.start_us[row]), int(outcome.end_us[row])
    return Checked(
        outcome.site_id, outcome.scenario, *span, draw.direction, draw.local_cost, server_cost, outcome.currency
    )
