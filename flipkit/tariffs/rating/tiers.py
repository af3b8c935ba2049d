"""Tiers: how the kWh of a billing period fill them, and the price of the tier reached by time.

Where tiers count kWh in the order of time, they have a price at every time once it is known when
energy was used. The count begins anew with each local calendar month (or day, where the tariff says
so) and with each contract. A contract that holds part of a month has the same share of the limits
as of the days, as `flipkit.bill` rates it. Energy is spread evenly over its interval, and energy
used at the same time climbs the tiers together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, billing_periods, day_edges, day_periods, month_edges
from flipkit.errors import InputError
from flipkit.tariffs.model import (
    PriceSeries,
    Rate,
    Tariff,
    Tier,
    rate_table,
    schedule_changes,
    schedule_of,
)
from flipkit.tariffs.rating.runs import stretch_at
from flipkit.vocabulary import Float64, Int64

__all__ = [
    "Span",
    "Used",
    "fill_by_period",
    "fill_prorated",
    "mean_prices",
    "step_prices",
    "tier_limits",
    "tier_prices",
    "tiers_reached",
]

Span = tuple[int, int]
"""From when until when, microseconds since 1970-01-01 UTC."""

# A limit that is nearer counts as reached: a millionth of a Wh is the noise of floats.
_NOISE_KWH = 1e-9


def tier_prices(periods: tuple[Rate, ...]) -> Float64:
    """Return the price by period and tier; 0 where a period has fewer tiers than others."""
    most = max(len(period.tiers) or 1 for period in periods)
    prices = np.zeros((len(periods), most))
    for row, period in zip(prices, periods, strict=True):
        if period.tiers:
            row[: len(period.tiers)] = [tier.price_per_kwh for tier in period.tiers]
        else:
            row[0] = period.price_per_kwh
    return prices


def tier_limits(
    periods: tuple[Rate, ...], billing: BillingPeriods, peak_kw: Float64 | None
) -> Float64:
    """Return the end of each tier, kWh from the start of the billing period.

    Infinity from the last tier of a period on. A billing period that is cut has the share of its
    days.

    Parameters
    ----------
    periods : tuple of Rate
    billing : BillingPeriods
    peak_kw : ndarray of float64, shape (sites, billing periods), or None
        Needed where a tier counts per kW.

    Returns
    -------
    ndarray of float64, shape (sites or 1, billing periods, periods, most tiers)
    """
    sites = 1 if peak_kw is None else len(peak_kw)
    most = max(len(period.tiers) or 1 for period in periods)
    limits = np.full((sites, len(billing), len(periods), most), np.inf)
    for number, period in enumerate(periods):
        for step, tier in enumerate(period.tiers):
            if tier.has_limit:
                limits[:, :, number, step] = _limit(tier, billing, peak_kw)
    if any(tier.hours_of_use is not None for period in periods for tier in period.tiers):
        # The block of a step may end below the step before it; then the step has no width.
        limits = np.maximum.accumulate(limits, axis=3)
    return limits


def _limit(tier: Tier, billing: BillingPeriods, peak_kw: Float64 | None) -> Float64:
    scale = billing.share if tier.per == "month" else billing.days
    limit: Float64 = np.array(np.inf)
    if tier.up_to is not None:
        limit = tier.up_to * scale
    if not tier.counts_kw:
        return limit
    assert peak_kw is not None
    if tier.hours_of_use is None:
        return limit * peak_kw
    return np.minimum(limit, tier.hours_of_use * scale * peak_kw)


def fill_prorated(energy: Float64, limits: Float64) -> Float64:
    """Return energy by tier where the sum of all periods fills them.

    Each period takes its share of every tier.

    Parameters
    ----------
    energy : ndarray of float64, shape (sites, billing periods, periods)
    limits : ndarray of float64, shape (sites or 1, billing periods, periods, tiers)

    Returns
    -------
    ndarray of float64, shape (sites, billing periods, periods, tiers)
    """
    total = np.zeros(energy.shape[:2])
    for number in range(energy.shape[2]):
        total += energy[:, :, number]
    filled = fill_by_period(total[:, :, None], limits)
    total = total[:, :, None, None]
    share = np.divide(filled, total, out=np.zeros_like(filled), where=total > 0.0)
    return energy[..., None] * share


def fill_by_period(energy: Float64, limits: Float64) -> Float64:
    """Return energy by tier where each period fills its own; shapes as in `fill_prorated`."""
    lower = _lower_limits(limits)
    energy = energy[..., None]
    # Above the last tier of a period, both limits are infinite and their difference is NaN.
    with np.errstate(invalid="ignore"):
        inside = np.minimum(energy, limits) - lower
    return np.where(energy > lower, inside, 0.0)


def _lower_limits(limits: Float64) -> Float64:
    """The start of each tier."""
    return np.concatenate([np.zeros_like(limits[..., :1]), limits[..., :-1]], axis=-1)


class Used(NamedTuple):
    """Energy used before each time; linear between the times, constant outside.

    Attributes
    ----------
    times_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC, ascending, n > 0.
    kwh : ndarray of float64, shape (n,)
    """

    times_us: Int64
    kwh: Float64

    @classmethod
    def of(cls, start_us: Int64, end_us: Int64, kwh: Float64) -> Used:
        """Add up energy spread evenly over intervals, in any order; they may overlap."""
        count = len(start_us)
        if not count:
            return cls(np.zeros(1, dtype=np.int64), np.zeros(1))
        power = kwh / (end_us - start_us)
        times = np.concatenate([end_us, start_us])
        change = np.concatenate([-power, power])
        begins = np.repeat([0, 1], count)
        # The level is the power at a time: each interval raises it, and lowers it at its end.
        # Ends come before starts, so that nothing runs for a moment between adjacent intervals.
        order = np.lexsort((begins, times))
        times = times[order]
        level = np.cumsum(change[order])
        running = np.cumsum(2 * begins[order] - 1)
        level -= _residue(level, running == 0)

        lengths = np.diff(times)
        kwh_before = np.append(0.0, np.cumsum(level[:-1] * lengths))
        is_last = np.append(lengths > 0, True)
        return cls(times[is_last], np.maximum.accumulate(kwh_before[is_last]))

    def before(self, times_us: Int64) -> Float64:
        """Return the kWh used before each time."""
        kwh: Float64 = np.interp(times_us, self.times_us, self.kwh)
        return kwh

    def reached(self, kwh: Float64) -> Int64:
        """Return the first whole microsecond by which each amount was used, if it ever was."""
        after = np.searchsorted(self.kwh, kwh - _NOISE_KWH)
        comes = (after > 0) & (after < len(self.kwh))
        after = after[comes]
        begin = self.times_us[after - 1]
        low = self.kwh[after - 1]
        share = np.clip((kwh[comes] - low) / (self.kwh[after] - low), 0.0, 1.0)
        return begin + np.ceil(share * (self.times_us[after] - begin)).astype(np.int64)


def _residue(level: Float64, idle: np.ndarray) -> Float64:
    """The power that rounding left over when nothing ran last."""
    rests = np.flatnonzero(idle)
    latest = np.searchsorted(rests, np.arange(len(level)), side="right") - 1
    return np.where(latest >= 0, level[rests[latest]], 0.0)


def mean_prices(
    tariff: Tariff, used: Used, in_force: Span, window: Span, cuts: Int64
) -> PriceSeries:
    """Return the exact mean price of the energy used between any two cuts.

    Energy of an interval that begins and ends at cuts costs its kWh times these prices, however it
    is cut further. Where no energy was used, the price is that of the next kWh.

    Parameters
    ----------
    tariff : Tariff
        Rates with tiers, no parts.
    used : Used
        At least from the beginning of the month in which `window` begins.
    in_force : Span
        When the tariff holds; it may reach beyond all energy.
    window : Span
        Within `in_force`.
    cuts : ndarray of int64, shape (n,)
        In any order; those outside the window are ignored.

    Returns
    -------
    PriceSeries
        Over the window.

    Raises
    ------
    InputError
        Tiers that do not count kWh in the order of time.
    """
    climb = _climb(tariff, used, in_force, window, cuts)
    price, step = climb.next_kwh(climb.before)
    # Only stretches that pass a limit have a mean of several prices; the others keep theirs to the
    # bit.
    passes_limit = climb.after > climb.limits[np.arange(len(step)), step] + _NOISE_KWH
    across = np.flatnonzero(passes_limit)
    upper = np.minimum(climb.after[:, None], climb.limits)
    lower = np.maximum(climb.before[:, None], _lower_limits(climb.limits))
    filled = np.maximum(upper - lower, 0.0)
    cost = (filled * climb.prices)[across].sum(axis=1)
    price[across] = cost / filled[across].sum(axis=1)
    return climb.series(price)


def step_prices(tariff: Tariff, used: Used, in_force: Span, window: Span) -> PriceSeries:
    """Return the price of the tier reached at every time; other than that as `mean_prices`."""
    climb = _climb(tariff, used, in_force, window, np.zeros(0, dtype=np.int64))
    # Cut again where a tier is reached.
    limits = climb.base[:, None] + climb.limits
    cuts = used.reached(np.unique(limits[np.isfinite(limits)]))
    climb = _climb(tariff, used, in_force, window, cuts)
    price, _ = climb.next_kwh((climb.before + climb.after) / 2)
    return climb.series(price).merged()


def tiers_reached(
    tariff: Tariff, used: Used, in_force: Span, at_us: Int64, more_kwh: Float64 | float = 0.0
) -> Int64:
    """Return the tier, from 0, into which the next kWh falls at each time.

    Parameters
    ----------
    tariff, used, in_force
        As in `mean_prices`, with its errors.
    at_us : ndarray of int64, shape (n,)
        Ascending, within `in_force`.
    more_kwh : float or ndarray of float64, shape (n,)
        Used by each of the times in addition to `used`.
    """
    climb = _climb(tariff, used, in_force, (int(at_us[0]), int(at_us[-1]) + 1), at_us)
    stretch = stretch_at(climb.edges_us, at_us)
    return _step_at(climb.before[stretch] + more_kwh, climb.limits[stretch])


def _step_at(count: Float64, limits: Float64) -> Int64:
    """The tier of the next kWh at each count."""
    steps: Int64 = (count[:, None] >= limits - _NOISE_KWH).sum(axis=1)
    return steps


def _whole_counts(tariff: Tariff, in_force: Span, window: Span) -> BillingPeriods:
    """Return the months (or days) that a window touches, cut to the time that the tariff holds."""
    zone = tariff.timezone
    is_daily = tariff.tier_reset == "day"
    edges = (day_edges if is_daily else month_edges)(zone, *window).edges
    start = max(in_force[0], int(edges[0]))
    end = min(in_force[1], int(edges[-1]))
    return day_periods(zone, start, end) if is_daily else billing_periods(zone, start, end)


class _Climb(NamedTuple):
    """Stretches of one period, count and rate of use, and the tiers that their energy climbs.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (n + 1,)
    base : ndarray of float64, shape (n,)
        KWh of `Used` at which the count began.
    before, after : ndarray of float64, shape (n,)
        The count at the start and at the end, kWh.
    limits, prices : ndarray of float64, shape (n, tiers)
    """

    edges_us: Int64
    base: Float64
    before: Float64
    after: Float64
    limits: Float64
    prices: Float64

    def next_kwh(self, count: Float64) -> tuple[Float64, Int64]:
        """Return the price and the tier of the next kWh at a count."""
        step = _step_at(count, self.limits)
        return self.prices[np.arange(len(step)), step], step

    def series(self, values: Float64) -> PriceSeries:
        """Return one value for each stretch, as prices."""
        return PriceSeries(self.edges_us[:-1], self.edges_us[1:], values)


def _climb(tariff: Tariff, used: Used, in_force: Span, window: Span, cuts: Int64) -> _Climb:
    _check_rule(tariff)
    start, end = window
    counts = _whole_counts(tariff, in_force, window)
    schedule = schedule_of(tariff.rates)
    changes, periods = schedule_changes(schedule, tariff.clock, start, end)

    edges = np.unique(np.concatenate([changes, counts.edges_us, used.times_us, cuts, window]))
    edges = edges[(edges >= start) & (edges <= end)]
    count = stretch_at(counts.edges_us, edges[:-1])
    period = periods[stretch_at(changes, edges[:-1])]
    base = used.before(counts.edges_us)[count]
    kwh = used.before(edges)

    rates = rate_table(tariff.rates).periods
    return _Climb(
        edges_us=edges,
        base=base,
        before=kwh[:-1] - base,
        after=kwh[1:] - base,
        limits=tier_limits(rates, counts, None)[0, count, period],
        prices=tier_prices(rates)[period],
    )


def _check_rule(tariff: Tariff) -> None:
    counts_kw = any(tier.counts_kw for rate in tariff.rates for tier in rate.tiers)
    if tariff.tier_rule != "chronological" or counts_kw:
        raise InputError(
            f"tariff {tariff.name!r}: only tiers of kWh with tier_rule 'chronological' have a "
            "price by time; rate the energy with fk.bill(energy, tariff)"
        )
