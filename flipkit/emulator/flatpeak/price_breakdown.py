"""What a price is made of, component by component, as an audit shows it.

Of the components the contract names no more than they are (the rest is inferred): ``percentage`` is the money that the
percentage adds, (market + fixed) x fraction, so that market + fixed + percentage = aggregate, and aggregate +
non-commodity = total. Without market rates the whole price is ``fixed``. ``tier`` is the kWh of the month at which the
tier in force begins, 0 where there are none; of a month that a contract holds in part, it has its share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flipkit.emulator.flatpeak.contracts import Contract, nothing, stitched
from flipkit.emulator.flatpeak.pricing import Place, Pricer, Terms
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.model import rate_series
from flipkit.tariffs.rating import Span, step_starts
from flipkit.tariffs.read import read_schedule
from flipkit.vocabulary import Float64, Int64

__all__ = ["Breakdown", "breakdown"]


class Breakdown(NamedTuple):
    """Components of a price over stretches of time.

    Attributes
    ----------
    start_us, end_us : ndarray of int64, shape (n,)
    market, fixed, percentage, aggregate, fees, total : ndarray of float64, shape (n,)
        Major currency units per kWh.
    tier, fees_tier : ndarray of float64, shape (n,)
        Where the tiers of commodity and fees begin, kWh.
    confidence : ndarray of float64, shape (n,)
    markets : list of str
        Whose prices are in it, by name.
    """

    start_us: Int64
    end_us: Int64
    market: Float64
    fixed: Float64
    percentage: Float64
    tier: Float64
    aggregate: Float64
    fees: Float64
    fees_tier: Float64
    total: Float64
    confidence: Float64
    markets: list[str]


def breakdown(
    pricer: Pricer, db: sqlite3.Connection, place: Place, direction: str, window: Span
) -> Breakdown:
    """The components of what `Pricer.priced` says.

    Raises
    ------
    Refusal
        422 where the location has no tariff in that direction, or no price at some time of the window.
    """
    priced = pricer.priced(db, place, direction, *window)
    priced.check_covers(priced.series.start_us, priced.series.end_us)
    layers = _Layers(pricer, pricer.terms(db, place, direction, window), place.setting.timezone)
    found = layers.all()
    start = np.unique(np.concatenate([each.start_us for each in (priced.series, *found.values())]))
    values = {name: _at(series, series.price_per_kwh, start) for name, series in found.items()}
    percentage = (values["market"] + values["fixed"]) * values.pop("fraction")
    sure = (
        np.ones(len(priced.series))
        if priced.series.confidence is None
        else priced.series.confidence
    )
    total, confidence = (
        _at(priced.series, each, start) for each in (priced.series.price_per_kwh, sure)
    )
    return Breakdown(
        start,
        np.append(start[1:], window[1]),
        percentage=percentage,
        total=total,
        confidence=confidence,
        markets=layers.markets(),
        **values,
    )


class _Layers:
    """Each component as a series over the window."""

    def __init__(self, pricer: Pricer, terms: Terms, timezone: str) -> None:
        self._pricer, self._terms, self._timezone = pricer, terms, timezone

    def all(self) -> dict[str, PriceSeries]:
        """By the names of `Breakdown`, and the fraction that makes the percentage."""
        terms = self._terms
        values = {"market": self._market, "fixed": self._fixed, "fraction": self._fraction}
        values |= {"tier": self._tier, "aggregate": terms.prices}
        found = {
            name: stitched(terms.commodity, terms.window, value)[0]
            for name, value in values.items()
        }
        fees = {"fees": terms.prices, "fees_tier": self._tier}
        return found | {
            name: stitched(terms.fees, terms.window, value)[0] for name, value in fees.items()
        }

    def markets(self) -> list[str]:
        """The markets of the contracts that hold at some time of the window."""
        start, end = self._terms.window
        sources = [
            each.source
            for each in self._terms.commodity
            if each.from_us < end and start < each.to_us
        ]
        return sorted({source["market"] for source in sources if source["market_rates"]})

    def _market(self, contract: Contract, _in_force: Span, span: Span) -> PriceSeries:
        source = contract.source
        return (
            self._pricer.market(source["market"]).clip(*span)
            if source["market_rates"]
            else nothing(span)
        )

    def _fixed(self, contract: Contract, in_force: Span, span: Span) -> PriceSeries:
        if contract.source["market_rates"]:
            return self._surcharge(contract, "surcharge_fixed", span)
        return self._terms.prices(contract, in_force, span)

    def _fraction(self, contract: Contract, _in_force: Span, span: Span) -> PriceSeries:
        if contract.source["market_rates"]:
            return self._surcharge(contract, "surcharge_percentage", span)
        return nothing(span)

    def _surcharge(self, contract: Contract, field: str, span: Span) -> PriceSeries:
        schedule: Sequence[object] | None = contract.source.get("schedule")
        if not schedule:
            return nothing(span)
        rates = read_schedule(schedule, field, contract.tariff.name, default=0.0)
        return rate_series(rates, self._timezone, *span)

    def _tier(self, contract: Contract, in_force: Span, span: Span) -> PriceSeries:
        if not contract.tiered:
            return nothing(span)
        assert self._terms.used is not None
        return step_starts(contract.tariff, self._terms.used, in_force, span)


def _at(series: PriceSeries, values: Float64, times_us: Int64) -> Float64:
    return values[np.searchsorted(series.start_us, times_us, side="right") - 1]
