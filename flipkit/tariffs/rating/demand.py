"""When demand is measured: the intervals of a demand charge by the local clock, and those of the meter itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid, offset_pieces
from flipkit.tariffs.model import DAY_S, HOLIDAY, DemandCharge, DemandWindow, Rate, day_kinds
from flipkit.tariffs.rating.runs import RatingCalendar, Runs, runs_between
from flipkit.vocabulary import DAY_US, SECOND_US, Int64

__all__ = ["DemandHours", "DemandRuns", "demand_runs", "meter_runs"]

_SUNDAY = 6


class DemandHours(NamedTuple):
    """In which hours a demand is measured, and over which intervals.

    Attributes
    ----------
    windows : tuple of DemandWindow
    months : tuple of int or None
    interval_minutes : int
    """

    windows: tuple[DemandWindow, ...]
    months: tuple[int, ...] | None
    interval_minutes: int

    @classmethod
    def of(cls, charge: DemandCharge, *, any_month: bool = False) -> DemandHours:
        """The hours of a charge; `any_month` for those that a ratchet looks back at."""
        return cls(charge.windows, None if any_month else charge.months, charge.interval_minutes)


@dataclass(frozen=True, slots=True, eq=False)
class DemandRuns:
    """Demand intervals, and which billing period each counts in.

    Attributes
    ----------
    runs : Runs
    slot : ndarray of int64, shape (n,)
        Number of the billing period.
    slots : int
        How many billing periods there are.
    """

    runs: Runs
    slot: Int64
    slots: int


@lru_cache(maxsize=128)
def demand_runs(place: RatingCalendar, hours: DemandHours) -> DemandRuns:
    """The demand intervals of a charge: stretches of the local clock, cut where it changes and at billing edges."""
    length_us = hours.interval_minutes * 60 * SECOND_US
    edges, offsets = offset_pieces(place.zone, place.start_us, place.end_us)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), offsets.tolist(), strict=True))
    marks = [np.arange(-(-(a + o) // length_us) * length_us - o, b, length_us) for a, b, o in spans]
    starts = np.unique(np.concatenate([edges[:-1], place.billing.edges_us[:-1], *marks]))
    local = starts + offsets[np.searchsorted(edges, starts, side="right") - 1]
    slot = _billing_of(place, starts)
    slot[~_within(hours, local, place.holidays)] = -1
    new = _apart(place.grid, starts, np.append(starts[1:], place.end_us), slot)
    return _counted(place, np.append(starts[new], place.end_us), slot[new])


@lru_cache(maxsize=128)
def meter_runs(place: RatingCalendar) -> DemandRuns:
    """The meter's own intervals, cut at billing edges: what `Tier.per_kw` takes its peak from."""
    grid, billing = place.grid, place.billing.edges_us
    marks = grid.start_us + grid.step_us * np.arange(grid.intervals)
    starts = np.union1d(marks[(marks >= place.start_us) & (marks < place.end_us)], billing[:-1])
    return _counted(place, np.append(starts, place.end_us), _billing_of(place, starts))


def _counted(place: RatingCalendar, edges: Int64, slot: Int64) -> DemandRuns:
    runs = runs_between(place.grid, edges)
    inside = slot >= 0
    kept = Runs(
        *(getattr(runs, name)[inside] for name in ("start_us", "lo", "hi", "head", "tail", "hours"))
    )
    return DemandRuns(kept, slot[inside], len(place.billing))


def _billing_of(place: RatingCalendar, starts: Int64) -> Int64:
    return np.searchsorted(place.billing.edges_us, starts, side="right") - 1


def _within(hours: DemandHours, local_us: Int64, holidays: str | None) -> np.ndarray:
    """Whether each local time is in one of the windows, in the months."""
    days = local_us // DAY_US
    kinds, second = day_kinds(days, holidays), local_us % DAY_US // SECOND_US
    assert second.max() < DAY_S
    inside: np.ndarray = np.zeros(len(local_us), dtype=bool)
    for window in hours.windows:
        when = Rate(0.0, window.start, window.end, hours.months, window.days)
        numbers = when.weekday_numbers()
        if _SUNDAY in numbers:
            numbers = (*numbers, HOLIDAY)
        in_hours = np.any(
            [(second >= begin) & (second < stop) for begin, stop in when.windows_s()], axis=0
        )
        inside |= in_hours & np.isin(kinds, numbers)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return inside if hours.months is None else inside & np.isin(months, hours.months)


def _apart(grid: Grid, starts: Int64, ends: Int64, slot: Int64) -> np.ndarray:
    """Which stretches begin anew: all but those in one meter interval with the one before, whose power is the same."""
    first, last = (
        (starts - grid.start_us) // grid.step_us,
        (ends - 1 - grid.start_us) // grid.step_us,
    )
    alike = (slot[1:] == slot[:-1]) & (first[:-1] == last[1:])
    return np.append(True, ~alike)
