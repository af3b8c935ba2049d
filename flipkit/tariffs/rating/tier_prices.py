"""Tiers as prices in time, once it is known when energy was used: kWh count in the order of time.

The count begins anew with each local calendar month, and with each contract: of a month that it holds in part, a
contract has the share of the limits that it has of the days, as `flipkit.bill` rates it. Energy is spread evenly over
its interval, and what is used at the same time climbs the tiers together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import BillingPeriods, billing_periods, month_edges
from flipkit.errors import InputError
from flipkit.tariffs.model import PriceSeries, Tariff, rate_table, schedule_changes, schedule_of
from flipkit.tariffs.rating.ladders import prices, tier_limits
from flipkit.vocabulary import Float64, Int64

__all__ = [
    "Span",
    "Used",
    "has_tiers",
    "mean_prices",
    "step_prices",
    "step_starts",
    "tiers_reached",
]

Span = tuple[int, int]

_NOISE_KWH = (
    1e-9  # a millionth of a Wh is the noise of floats: a limit that is nearer counts as reached
)


class Used(NamedTuple):
    """How much was used before a time; straight lines between the times, and level outside.

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
        """Energy spread evenly over intervals of a positive length, in any order; they may overlap."""
        count = len(start_us)
        if not count:
            return cls(np.zeros(1, dtype=np.int64), np.zeros(1))
        power = kwh / (end_us - start_us)
        times, change = np.concatenate([end_us, start_us]), np.concatenate([-power, power])
        begins = np.repeat([0, 1], count)
        order = np.lexsort(
            (begins, times)
        )  # what ends comes first, so that a row of intervals is idle in between
        times, level = times[order], np.cumsum(change[order])
        level -= _residue(level, np.cumsum(2 * begins[order] - 1) == 0)
        after = np.append(0.0, np.cumsum(level[:-1] * np.diff(times)))
        last = np.append(np.diff(times) > 0, True)
        return cls(times[last], np.maximum.accumulate(after[last]))

    def before(self, times_us: Int64) -> Float64:
        """KWh used before each time."""
        found: Float64 = np.interp(times_us, self.times_us, self.kwh)
        return found

    def reached(self, kwh: Float64) -> Int64:
        """The first whole microseconds by which that much was used; those that never come are left out."""
        at = np.searchsorted(self.kwh, kwh - _NOISE_KWH)
        inside = (at > 0) & (at < len(self.kwh))
        at, kwh = at[inside], kwh[inside]
        begin, low = self.times_us[at - 1], self.kwh[at - 1]
        share = np.clip((kwh - low) / (self.kwh[at] - low), 0.0, 1.0)
        return begin + np.ceil(share * (self.times_us[at] - begin)).astype(np.int64)


def has_tiers(tariff: Tariff) -> bool:
    """Whether what a kWh costs depends on what was used before it."""
    return any(rate.tiers for part in tariff.parts or (tariff,) for rate in part.rates)


def mean_prices(
    tariff: Tariff, used: Used, in_force: Span, window: Span, cuts: Int64
) -> PriceSeries:
    """The mean price of the energy used between any two cuts, to the last digit; what the next kWh costs where none is.

    Energy of an interval that begins and ends at cuts costs its kWh times these prices, however it is cut further.

    Parameters
    ----------
    tariff : Tariff
        Rates with tiers, no parts.
    used : Used
        From the beginning of the month in which `window` begins, at least.
    in_force : tuple of int
        From when until when the tariff holds, microseconds since 1970-01-01 UTC; it may reach beyond all energy.
    window : tuple of int
        Within `in_force`.
    cuts : ndarray of int64, shape (n,)
        In any order; those outside the window do not count.

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
    before, after = climb.before[:, None], climb.after[:, None]
    filled = np.maximum(
        np.minimum(after, climb.limits) - np.maximum(before, climb.lower_limits()), 0.0
    )
    price, step = climb.marginal(climb.before)
    across = np.flatnonzero(climb.after > climb.limits[np.arange(len(step)), step] + _NOISE_KWH)
    price[across] = (filled * climb.prices)[across].sum(axis=1) / filled[across].sum(axis=1)
    return PriceSeries(climb.edges_us[:-1], climb.edges_us[1:], price)


def step_prices(tariff: Tariff, used: Used, in_force: Span, window: Span) -> PriceSeries:
    """The price of the tier reached at every time, to the microsecond; parameters and errors as `mean_prices`."""
    climb = _climb_by_step(tariff, used, in_force, window)
    price, _ = climb.marginal((climb.before + climb.after) / 2)
    return PriceSeries(climb.edges_us[:-1], climb.edges_us[1:], price).merged()


def step_starts(tariff: Tariff, used: Used, in_force: Span, window: Span) -> PriceSeries:
    """Where the tier begins that `step_prices` gives the price of, in kWh of the month, in the place of the price."""
    climb = _climb_by_step(tariff, used, in_force, window)
    _, step = climb.marginal((climb.before + climb.after) / 2)
    begins = climb.lower_limits()[np.arange(len(step)), step]
    return PriceSeries(climb.edges_us[:-1], climb.edges_us[1:], begins).merged()


def tiers_reached(tariff: Tariff, used: Used, in_force: Span, at_us: Int64, end_us: int) -> Int64:
    """The tier, from 0, that the next kWh falls into at each time; other parameters and errors as `mean_prices`.

    Parameters
    ----------
    at_us : ndarray of int64, shape (n,)
        Ascending, within `in_force`.
    end_us : int
        After the last of them.
    """
    climb = _climb(tariff, used, in_force, (int(at_us[0]), end_us), at_us)
    steps = climb.marginal(climb.before)[1]
    return steps[np.searchsorted(climb.edges_us, at_us, side="right") - 1]


class _Climb(NamedTuple):
    """Stretches of time of one period, month and rate of use: kWh since the count began, and the ladder they are on."""

    edges_us: Int64
    base: Float64
    before: Float64
    after: Float64
    limits: Float64
    prices: Float64

    def lower_limits(self) -> Float64:
        """Where each tier begins."""
        return np.concatenate([np.zeros_like(self.limits[:, :1]), self.limits[:, :-1]], axis=1)

    def marginal(self, kwh: Float64) -> tuple[Float64, Int64]:
        """What the next kWh costs after so many, and on which step it is."""
        step = (kwh[:, None] >= self.limits - _NOISE_KWH).sum(axis=1)
        return self.prices[np.arange(len(step)), step], step


def _climb_by_step(tariff: Tariff, used: Used, in_force: Span, window: Span) -> _Climb:
    """Cut also where a tier is reached."""
    climb = _climb(tariff, used, in_force, window, np.zeros(0, dtype=np.int64))
    limits = climb.base[:, None] + climb.limits
    return _climb(
        tariff, used, in_force, window, used.reached(np.unique(limits[np.isfinite(limits)]))
    )


def _climb(tariff: Tariff, used: Used, in_force: Span, window: Span, cuts: Int64) -> _Climb:
    _check_rule(tariff)
    billing = _billing(tariff.timezone, in_force, window)
    table, (start, end) = rate_table(tariff.rates), window
    changes, periods = schedule_changes(
        schedule_of(tariff.rates), tariff.timezone, start, end, tariff.holidays
    )
    edges = np.unique(np.concatenate([changes, billing.edges_us, used.times_us, cuts, window]))
    edges = edges[(edges >= start) & (edges <= end)]
    month = np.searchsorted(billing.edges_us, edges[:-1], side="right") - 1
    period = periods[np.searchsorted(changes, edges[:-1], side="right") - 1]
    base, count = used.before(billing.edges_us)[month], used.before(edges)
    limits = tier_limits(table.periods, billing, None)[0, month, period]
    return _Climb(
        edges, base, count[:-1] - base, count[1:] - base, limits, prices(table.periods)[period]
    )


def _billing(zone: str, in_force: Span, window: Span) -> BillingPeriods:
    """The whole months of the window, cut to the time that the tariff holds."""
    whole = month_edges(zone, *window).edges
    return billing_periods(zone, max(in_force[0], int(whole[0])), min(in_force[1], int(whole[-1])))


def _check_rule(tariff: Tariff) -> None:
    if tariff.tier_rule != "chronological" or any(
        tier.per_kw for rate in tariff.rates for tier in rate.tiers
    ):
        raise InputError(
            f"tariff {tariff.name!r}: only tiers of kWh with tier_rule 'chronological' have a price by time; rate the "
            "energy with fk.bill(energy, tariff)"
        )


def _residue(level: Float64, idle: np.ndarray) -> Float64:
    """What rounding left of the power when nothing ran last."""
    rests = np.flatnonzero(idle)
    latest = np.searchsorted(rests, np.arange(len(level)), side="right") - 1
    return np.where(latest >= 0, level[rests[latest]], 0.0)
