"""Demand charges: when demand is measured, by the local clock, and what its highest values cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid, day_edges, days_in_months, local_midnights
from flipkit.tariffs.model import HOLIDAY, DemandCharge, DemandWindow, LocalClock, Rate, Tariff
from flipkit.tariffs.rating.runs import DemandRuns, RatingCalendar, runs_between, stretch_at
from flipkit.tariffs.rating.sums import EnergySums, Line, sum_in_order
from flipkit.vocabulary import DAY_US, SECOND_US, Float64, Int64

__all__ = [
    "DemandHours",
    "demand_lines",
    "demand_runs",
    "earlier_periods",
    "looks_back",
    "meter_runs",
    "price_times",
]

_SUNDAY = 6


class DemandHours(NamedTuple):
    """The hours in which a demand is measured, and the length of its intervals.

    Attributes
    ----------
    windows : tuple of DemandWindow
    months : tuple of int or None
    interval_minutes : int
    by_day : bool
        Whether each local day has a peak of its own.
    """

    windows: tuple[DemandWindow, ...]
    months: tuple[int, ...] | None
    interval_minutes: int
    by_day: bool

    @classmethod
    def of(cls, charge: DemandCharge, *, any_month: bool = False) -> DemandHours:
        """Return the hours of a charge; `any_month` for those of earlier billing periods."""
        months = None if any_month else charge.months
        return cls(charge.windows, months, charge.interval_minutes, charge.peaks > 1)


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
    is_measured = _is_measured(hours, calendar.clock, date_us, hour_us)
    slot, billing = _slots(calendar, starts, is_measured, hours.by_day)
    slot[~is_measured] = -1
    new = _begins_anew(calendar.grid, starts, np.append(starts[1:], calendar.end_us), slot)
    return _measured_runs(calendar, starts[new], slot[new], billing)


def _slots(
    calendar: RatingCalendar, starts: Int64, is_measured: np.ndarray, by_day: bool
) -> tuple[Int64, Int64]:
    """The slot of each stretch (a billing period or a measured day), and their billing periods."""
    billing = stretch_at(calendar.billing.edges_us, starts)
    if not by_day:
        return billing, np.arange(len(calendar.billing))
    days = day_edges(calendar.zone, calendar.start_us, calendar.end_us).edges
    day = stretch_at(days, starts)
    measured_days, first = np.unique(day[is_measured], return_index=True)
    return np.searchsorted(measured_days, day), billing[is_measured][first]


def _clock_marks(minutes: int, edges: Int64, offsets: Int64) -> Iterator[Int64]:
    """When a demand interval begins by the local clock, from each of its changes to the next."""
    length_us = minutes * 60 * SECOND_US
    for begin, stop, offset in zip(edges[:-1], edges[1:], offsets, strict=True):
        first = -(-(begin + offset) // length_us) * length_us - offset
        yield np.arange(first, stop, length_us)


@lru_cache(maxsize=128)
def meter_runs(calendar: RatingCalendar) -> DemandRuns:
    """Return the meter's intervals, cut at billing edges: they give `Tier.counts_kw` its peak."""
    grid = calendar.grid
    marks = grid.edges_us[:-1]
    inside = (marks >= calendar.start_us) & (marks < calendar.end_us)
    billing_edges = calendar.billing.edges_us
    starts = np.union1d(marks[inside], billing_edges[:-1])
    slot = stretch_at(billing_edges, starts)
    return _measured_runs(calendar, starts, slot, np.arange(len(calendar.billing)))


def _measured_runs(
    calendar: RatingCalendar, starts: Int64, slot: Int64, billing: Int64
) -> DemandRuns:
    """The stretches that count in a slot; those with slot -1 are left out."""
    runs = runs_between(calendar.grid, np.append(starts, calendar.end_us))
    is_measured = slot >= 0
    in_billing = np.zeros(len(calendar.billing), dtype=bool)
    in_billing[billing[slot[is_measured]]] = True
    return DemandRuns(runs.where(is_measured), slot[is_measured], billing, in_billing)


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
        demand = _demand(sums, charge, calendar, gross)
        kw = demand.kw
        notes: dict[int, str] = {}
        if looks_back(charge):
            earlier = _demand(sums, charge, calendar.of_all_energy, gross, any_month=True)
            kw = _billing_demand(charge, demand, earlier, calendar)
            notes = _history_notes(charge, calendar)
        kw = np.where(demand.is_measured, kw, 0.0)
        yield from _tier_lines(charge, kw, demand.is_measured, calendar, notes)


class _PeriodDemand(NamedTuple):
    """The demand of a charge by billing period.

    Attributes
    ----------
    kw : ndarray of float64, shape (sites, billing periods)
    is_measured : ndarray of bool, shape (billing periods,)
        Whether the charge has hours in the billing period.
    """

    kw: Float64
    is_measured: np.ndarray


def _demand(
    sums: EnergySums,
    charge: DemandCharge,
    calendar: RatingCalendar,
    gross: bool,
    any_month: bool = False,
) -> _PeriodDemand:
    runs = demand_runs(calendar, DemandHours.of(charge, any_month=any_month))
    kw = sums.peaks(runs, gross)
    if charge.peaks > 1:
        kw = _mean_of_highest(kw, runs.billing, charge.peaks, len(calendar.billing))
    return _PeriodDemand(np.maximum(kw, charge.minimum_kw), runs.is_measured)


def _mean_of_highest(day_kw: Float64, billing: Int64, peaks: int, billings: int) -> Float64:
    """The mean of the highest daily peaks of each billing period; shape (sites, billing periods).

    `billing` is the billing period of each day.
    """
    mean = np.zeros((len(day_kw), billings))
    for number in np.unique(billing).tolist():
        ascending = np.sort(day_kw[:, billing == number], axis=1)
        highest = ascending[:, -peaks:]
        mean[:, number] = sum_in_order(highest) / highest.shape[1]
    return mean


def looks_back(charge: DemandCharge) -> bool:
    """Return whether earlier billing periods count."""
    return charge.ratchet is not None or charge.trailing_months > 1


@lru_cache(maxsize=128)
def earlier_periods(charge: DemandCharge, calendar: RatingCalendar) -> tuple[list[int], ...]:
    """Return the earlier ones that the demand of each billing period looks back at, in order.

    They are numbers of billing periods of all the energy: what a site drew counts whichever tariff
    was in force. In exactly one year, they come from its own end.
    """
    billing = calendar.of_all_energy.billing
    counts = np.ones(len(billing), dtype=bool)
    if charge.ratchet is not None and charge.ratchet.of_months is not None:
        counts = np.isin(billing.months, charge.ratchet.of_months)
    earlier = []
    for number in _numbers_in_energy(calendar):
        first = number - _periods_back(charge)
        if not billing.is_one_year:
            first = max(0, first)
        periods = [each % len(billing) for each in range(first, number)]
        earlier.append([each for each in periods if counts[each]])
    return tuple(earlier)


def _numbers_in_energy(calendar: RatingCalendar) -> list[int]:
    """Which billing period of all the energy each billing period is, or is a part of."""
    numbers = stretch_at(calendar.of_all_energy.billing.edges_us, calendar.billing.edges_us[:-1])
    return [int(number) for number in numbers]


def _periods_back(charge: DemandCharge) -> int:
    return charge.trailing_months - 1 if charge.ratchet is None else charge.ratchet.months


def _billing_demand(
    charge: DemandCharge, own: _PeriodDemand, earlier: _PeriodDemand, calendar: RatingCalendar
) -> Float64:
    """The billing demand: from the demand of each billing period and of those before."""
    billed = own.kw.copy()
    for number, periods in enumerate(earlier_periods(charge, calendar)):
        if charge.ratchet is not None:
            highest = np.max(earlier.kw[:, periods], axis=1, initial=0.0)
            billed[:, number] = np.maximum(own.kw[:, number], charge.ratchet.share * highest)
        else:
            known = [each for each in periods if earlier.is_measured[each]]
            total = sum_in_order(earlier.kw[:, known]) + own.kw[:, number]
            billed[:, number] = total / (len(known) + 1)
    return billed


def _history_notes(charge: DemandCharge, calendar: RatingCalendar) -> dict[int, str]:
    """The finding of billing periods that look back further than the energy reaches."""
    notes = {}
    back = _periods_back(charge)
    how = "but the energy holds fewer, and those count"
    if calendar.of_all_energy.billing.is_one_year:
        how = "and those before the energy, which is one year, are taken from its end"
    what = f"demand {charge.name} looks back at {back} billing periods"
    for number, in_energy in enumerate(_numbers_in_energy(calendar)):
        if in_energy < back:
            notes[number] = f"demand.history: {what}, {how}"
    return notes


def _tier_lines(
    charge: DemandCharge,
    kw: Float64,
    shown: np.ndarray,
    calendar: RatingCalendar,
    notes: dict[int, str],
) -> Iterator[Line]:
    billing = calendar.billing
    times = price_times(charge, calendar)
    lower = 0.0
    for number, tier in enumerate(charge.tiers, 1):
        upper = np.inf if tier.up_to_kw is None else tier.up_to_kw
        in_tier = np.maximum(np.minimum(kw, upper) - lower, 0.0)
        text = f"demand {charge.name}"
        if len(charge.tiers) > 1:
            text += f" tier {number}"
        cost = in_tier * tier.price_per_kw * times
        if tier.per_month:
            ends_here = (kw <= upper) & ((kw > lower) | (number == 1)) & shown
            cost = cost + ends_here * (tier.per_month * billing.share)
        is_first = number == 1
        yield Line(
            kind="demand",
            text=text,
            unit="kW",
            quantity=in_tier,
            cost=cost,
            shown=shown,
            sparse=not is_first,
            notes=notes if is_first else {},
        )
        lower = upper


def price_times(charge: DemandCharge, calendar: RatingCalendar) -> Float64:
    """Return how often the price of a kW is charged in each billing period."""
    if charge.per == "day":
        return days_in_months(calendar.billing, calendar.zone, charge.months)
    return calendar.billing.share
