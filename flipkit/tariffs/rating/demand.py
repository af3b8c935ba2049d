"""Demand charges: when demand is measured, by the local clock, and what its highest value costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, Grid, local_midnights
from flipkit.tariffs.model import (
    HOLIDAY,
    DemandCharge,
    DemandWindow,
    LocalClock,
    Ratchet,
    Rate,
    Tariff,
)
from flipkit.tariffs.rating.runs import DemandRuns, RatingCalendar, runs_between, stretch_at
from flipkit.tariffs.rating.sums import EnergySums, Line
from flipkit.vocabulary import DAY_US, SECOND_US, Float64, Int64

__all__ = ["DemandHours", "demand_lines", "demand_runs", "meter_runs"]

_SUNDAY = 6


class DemandHours(NamedTuple):
    """The hours in which a demand is measured, and the length of its intervals.

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
        """Return the hours of a charge; `any_month` for those that a ratchet looks back at."""
        months = None if any_month else charge.months
        return cls(charge.windows, months, charge.interval_minutes)


@lru_cache(maxsize=128)
def demand_runs(calendar: RatingCalendar, hours: DemandHours) -> DemandRuns:
    """Return the demand intervals of a charge.

    They follow the clock of the tariff's hours, and are cut where a clock changes, at the edges of
    billing periods and, as the day of each must be known, at local midnight.
    """
    span = calendar.start_us, calendar.end_us
    edges, date_offsets, hour_offsets = calendar.clock.stretches(*span)
    midnights = local_midnights(calendar.zone, *span)
    marks = _clock_marks(hours.interval_minutes, edges, hour_offsets)
    starts = np.concatenate([edges[:-1], calendar.billing.edges_us[:-1], midnights, *marks])
    starts = np.unique(starts)
    stretch = stretch_at(edges, starts)
    date_us = starts + date_offsets[stretch]
    hour_us = starts + hour_offsets[stretch]

    # A stretch outside the hours of the charge gets slot -1, and is left out below.
    slot = stretch_at(calendar.billing.edges_us, starts)
    slot[~_is_measured(hours, calendar.clock, date_us, hour_us)] = -1
    new = _begins_anew(calendar.grid, starts, np.append(starts[1:], calendar.end_us), slot)
    return _measured_runs(calendar, starts[new], slot[new])


def _clock_marks(minutes: int, edges: Int64, offsets: Int64) -> Iterator[Int64]:
    """When a demand interval begins by the local clock, from each of its changes to the next."""
    length_us = minutes * 60 * SECOND_US
    for begin, stop, offset in zip(edges[:-1], edges[1:], offsets, strict=True):
        first = -(-(begin + offset) // length_us) * length_us - offset
        yield np.arange(first, stop, length_us)


@lru_cache(maxsize=128)
def meter_runs(calendar: RatingCalendar) -> DemandRuns:
    """Return the meter's intervals, cut at billing edges: they give `Tier.per_kw` its peak."""
    grid = calendar.grid
    marks = grid.edges_us[:-1]
    inside = (marks >= calendar.start_us) & (marks < calendar.end_us)
    billing_edges = calendar.billing.edges_us
    starts = np.union1d(marks[inside], billing_edges[:-1])
    return _measured_runs(calendar, starts, stretch_at(billing_edges, starts))


def _measured_runs(calendar: RatingCalendar, starts: Int64, slot: Int64) -> DemandRuns:
    """The stretches that count in a billing period; those with slot -1 are left out."""
    runs = runs_between(calendar.grid, np.append(starts, calendar.end_us))
    is_measured = slot >= 0
    return DemandRuns(runs.where(is_measured), slot[is_measured], len(calendar.billing))


def _is_measured(
    hours: DemandHours, clock: LocalClock, date_us: Int64, hour_us: Int64
) -> np.ndarray:
    """Whether each local time is in one of the windows, in the months.

    `date_us` gives its date, `hour_us` its time of day.
    """
    day = date_us // DAY_US
    second = hour_us % DAY_US // SECOND_US
    kinds = clock.day_kinds(day)
    measured: np.ndarray = np.zeros(len(day), dtype=bool)
    for window in hours.windows:
        rate = Rate(0.0, window.start, window.end, days=window.days)
        weekdays = rate.weekday_numbers()
        # A public holiday is a Sunday to demand charges.
        if _SUNDAY in weekdays:
            weekdays = (*weekdays, HOLIDAY)
        in_days = np.isin(kinds, weekdays)
        for begin, stop in rate.windows_s():
            measured |= (second >= begin) & (second < stop) & in_days
    if hours.months is not None:
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        measured &= np.isin(month, hours.months)
    return measured


def _begins_anew(grid: Grid, starts: Int64, ends: Int64, slot: Int64) -> np.ndarray:
    """Which stretches do not share a meter interval, and so the power, with the one before."""
    first = (starts - grid.start_us) // grid.step_us
    last = (ends - 1 - grid.start_us) // grid.step_us
    is_same = (slot[1:] == slot[:-1]) & (first[:-1] == last[1:])
    return np.append(True, ~is_same)


def demand_lines(
    sums: EnergySums, tariff: Tariff, calendar: RatingCalendar, gross: bool
) -> Iterator[Line]:
    """Yield the lines of the demand charges, by tier."""
    for charge in tariff.demand:
        runs = demand_runs(calendar, DemandHours.of(charge))
        shown = np.isin(np.arange(runs.slots), runs.slot)
        kw = sums.peaks(runs, gross)
        if charge.ratchet is not None:
            any_month = demand_runs(calendar, DemandHours.of(charge, any_month=True))
            earlier_kw = sums.peaks(any_month, gross)
            billed_kw = _ratcheted(kw, earlier_kw, charge.ratchet, calendar.billing)
            kw = np.where(shown, billed_kw, 0.0)
        yield from _tier_lines(charge, kw, shown, calendar.billing.share)


def _tier_lines(
    charge: DemandCharge, kw: Float64, shown: np.ndarray, share: Float64
) -> Iterator[Line]:
    lower = 0.0
    for number, tier in enumerate(charge.tiers, 1):
        upper = np.inf if tier.up_to_kw is None else tier.up_to_kw
        in_tier = np.maximum(np.minimum(kw, upper) - lower, 0.0)
        text = f"demand {charge.name}"
        if len(charge.tiers) > 1:
            text += f" tier {number}"
        cost = in_tier * tier.price_per_kw * share
        yield Line("demand", text, "kW", in_tier, cost, shown, sparse=number > 1)
        lower = upper


def _ratcheted(
    kw: Float64, earlier_kw: Float64, ratchet: Ratchet, billing: BillingPeriods
) -> Float64:
    """The billing demand: at least a share of the highest of the billing periods before."""
    counts = np.ones(len(billing), dtype=bool)
    if ratchet.of_months is not None:
        counts = np.isin(billing.months, ratchet.of_months)
    billed = kw.copy()
    for number in range(len(billing)):
        before = slice(max(0, number - ratchet.months), number)
        highest = np.max(earlier_kw[:, before][:, counts[before]], axis=1, initial=0.0)
        billed[:, number] = np.maximum(kw[:, number], ratchet.share * highest)
    return billed
