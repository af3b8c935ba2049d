"""How the kWh of a billing period fill the tiers."""

from __future__ import annotations

import numpy as np

from flipkit.calendar import BillingPeriods
from flipkit.tariffs.model import Rate, Tier
from flipkit.vocabulary import Float64

__all__ = ["per_period", "prices", "prorated", "tier_limits"]


def prices(periods: tuple[Rate, ...]) -> Float64:
    """Price by period and tier; shape (periods, most tiers), 0 where a period has fewer."""
    ladders = [
        [tier.price_per_kwh for tier in period.tiers] or [period.price_per_kwh]
        for period in periods
    ]
    out = np.zeros((len(periods), max(map(len, ladders))))
    for row, ladder in zip(out, ladders, strict=True):
        row[: len(ladder)] = ladder
    return out


def tier_limits(
    periods: tuple[Rate, ...], billing: BillingPeriods, peak_kw: Float64 | None
) -> Float64:
    """Where each tier ends, kWh from the start of the billing period; infinity from the last tier on.

    Parameters
    ----------
    periods : tuple of Rate
    billing : BillingPeriods
        A period that is cut has the share of its days.
    peak_kw : ndarray of float64, shape (sites, billing periods), or None
        Needed where a tier counts per kW.

    Returns
    -------
    ndarray of float64, shape (sites or 1, billing periods, periods, most tiers)
    """
    sites = 1 if peak_kw is None else len(peak_kw)
    most = max(len(period.tiers) or 1 for period in periods)
    out = np.full((sites, len(billing), len(periods), most), np.inf)
    for number, period in enumerate(periods):
        for step, tier in enumerate(period.tiers):
            if tier.up_to is not None:
                out[:, :, number, step] = _limit(tier, tier.up_to, billing, peak_kw)
    return out


def _limit(tier: Tier, up_to: float, billing: BillingPeriods, peak_kw: Float64 | None) -> Float64:
    limit = up_to * (billing.share if tier.per == "month" else billing.days)
    if not tier.per_kw:
        return limit
    assert peak_kw is not None
    return limit * peak_kw


def prorated(energy: Float64, limits: Float64) -> Float64:
    """The total fills the tiers (by each period's own limits); each period has its share of every tier.

    Parameters
    ----------
    energy : ndarray of float64, shape (sites, billing periods, periods)
    limits : ndarray of float64, shape (sites or 1, billing periods, periods, tiers)
    """
    total = np.zeros(energy.shape[:2])
    for number in range(energy.shape[2]):
        total += energy[:, :, number]
    filled = _filled(total[:, :, None], limits)
    share = np.divide(
        filled,
        total[:, :, None, None],
        out=np.zeros_like(filled),
        where=total[:, :, None, None] > 0.0,
    )
    return energy[..., None] * share


def per_period(energy: Float64, limits: Float64) -> Float64:
    """Each period fills its own ladder; shapes as `prorated`."""
    return _filled(energy, limits)


def _filled(energy: Float64, limits: Float64) -> Float64:
    """How much of `energy` lies in each tier."""
    lower = np.concatenate([np.zeros_like(limits[..., :1]), limits[..., :-1]], axis=-1)
    energy = energy[..., None]
    # Where a tier has no end above another without one, there is nothing between the two.
    with np.errstate(invalid="ignore"):
        part = np.minimum(energy, limits) - lower
    return np.where(energy > lower, part, 0.0)
