"""The check of the cost report: the service's own cost rows, rated with the location's tariffs.

The service reports energy in whole Wh but computes costs from the energy as submitted. So a row may
differ by the price of half a Wh, and under tiers by as much as so many halves shift the moment at
which a limit is reached. A larger difference is another price, and a finding if it changes the
rounded cost of the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from flipkit.calendar import month_edges
from flipkit.errors import InputError, InvalidRequest, NotFound, UnexpectedAnswer
from flipkit.flatpeak import CostRows, cost_rows, price_series
from flipkit.frames import Finding
from flipkit.money import round_money
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.model import has_tiers, joined, parts_of
from flipkit.tariffs.rating import Used, mean_prices
from flipkit.vocabulary import Float64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["LocalCost", "TariffObjects", "difference_findings", "local_cost", "tariff_objects"]

TariffObjects = Sequence[Mapping[str, Any]]

# Errors after which another way of rating is tried; a service out of reach fails the whole report.
_REFUSALS = (InputError, InvalidRequest, NotFound, UnexpectedAnswer)
_KINDS = ("COMMODITY", "NON_COMMODITY")
_HALF_WH = 0.0005  # kWh
_FLOAT_NOISE = 1e-9
_FOREVER_US = 1 << 62


class LocalCost(NamedTuple):
    """The cost of each row by the location's own tariff.

    Attributes
    ----------
    cost : ndarray of float64, shape (n,)
        NaN if it cannot be calculated; then `finding` may say why.
    tolerance : ndarray of float64, shape (n,)
        How far whole Wh can move it from the service's figure.
    source : {"tariff", "price_list", None}
    finding : Finding or None
    """

    cost: Float64
    tolerance: Float64
    source: Literal["tariff", "price_list"] | None
    finding: Finding | None = None

    @classmethod
    def none(cls, rows: CostRows, finding: Finding | None = None) -> LocalCost:
        """Return a null cost for every row."""
        nulls = np.full(len(rows), np.nan)
        return cls(nulls, nulls, None, finding)


def tariff_objects(kit: Kit, location_id: str) -> TariffObjects | None:
    """Return the tariff objects of a location; None if the service refuses."""
    try:
        return kit.flatpeak.tariff_objects(location_id)
    except _REFUSALS:
        return None  # then `local_cost_source` is "price_list"


def local_cost(
    kit: Kit, rows: CostRows, timezone: str, currency: str, objects: TariffObjects | None
) -> LocalCost:
    """Rate rows with the tariff objects, or with the price list if these cannot be used.

    Parameters
    ----------
    kit : Kit
        Asked for the price list, and under tiers for the rows since the month began.
    rows : CostRows
        Of a location.
    timezone, currency : str
    objects : sequence of mapping, or None
        Tariff objects of the location, in all directions; None if the service refused them.
    """
    if not rows.is_usual_flow.any():
        return LocalCost.none(rows)
    own = [each for each in objects or () if each.get("direction") == rows.tariff_direction]
    if not own and objects is not None and rows.tariff_direction == "LOCAL":
        return LocalCost.none(rows)  # own generation without a LOCAL tariff is free
    try:
        return _by_tariff(kit, rows, timezone, currency, own)
    except _REFUSALS as error:
        # Market prices, overlapping contracts, ...: the price list covers them.
        tariff_error = error
    try:
        return _by_price_list(kit, rows)
    except _REFUSALS as error:
        message = f"no usable tariff ({tariff_error}) and no price list ({error})"
        return LocalCost.none(rows, Finding("cost.unchecked", message))


def difference_findings(cost: float, local: float, currency: str | None) -> Iterator[Finding]:
    """Yield a finding if the rounded costs of a period, by service and tariff, differ."""
    by_service = round_money(cost, currency)
    by_tariff = round_money(local, currency)
    if by_service != by_tariff and round_money(abs(cost - local), currency) > 0:
        yield Finding(
            "cost.differs",
            f"{by_service} according to the service, {by_tariff} calculated from its tariffs",
        )


def _by_price_list(kit: Kit, rows: CostRows) -> LocalCost:
    assert rows.object_id is not None
    series = price_series(
        kit.flatpeak,
        rows.object_id,
        int(rows.start_us.min()),
        int(rows.end_us.max()),
        tariff_direction=rows.tariff_direction,
    )
    if series is None:
        raise InputError(f"the price list of {rows.object_id} is empty")
    return _at_prices(rows, _mean_price(series, rows), source="price_list")


def _by_tariff(
    kit: Kit, rows: CostRows, timezone: str, currency: str, objects: TariffObjects
) -> LocalCost:
    """Rate with commodity and non-commodity tariffs; the price is the sum of both."""
    tariffs = _tariffs_of(rows, timezone, currency, objects)
    start_us = int(rows.start_us.min())
    end_us = int(rows.end_us.max())
    # Without tiers the price depends on the time alone, not on what was used before.
    if not any(has_tiers(tariff) for tariff in tariffs):
        series = _sum([tariff.prices(start_us, end_us) for tariff in tariffs])
        return _at_prices(rows, _mean_price(series, rows), source="tariff")
    used = _used_since_month_began(kit, rows, timezone, start_us)
    return _by_tiers(rows, tariffs, used)


def _by_tiers(rows: CostRows, tariffs: Sequence[Tariff], used: Used) -> LocalCost:
    """Rate with tiers; the tolerance says how far the whole Wh of the records can move them."""

    def price_if_used(share: float) -> Float64:
        scaled = Used(used.times_us, share * used.kwh)
        return _mean_price(_sum([_tiered_prices(each, scaled, rows) for each in tariffs]), rows)

    # Each record is off by half a Wh at most, one way or the other; so is what fills the tiers.
    uncertainty = _HALF_WH * len(used.times_us) / max(float(used.kwh[-1]), _FLOAT_NOISE)
    price = price_if_used(1.0)
    if_more = price_if_used(1.0 + uncertainty)
    if_less = price_if_used(max(1.0 - uncertainty, 0.0))
    drift = np.maximum(np.abs(if_more - price), np.abs(if_less - price))
    return _at_prices(rows, price, source="tariff", drift=drift * rows.energy_kwh)


def _at_prices(
    rows: CostRows,
    price: Float64,
    *,
    source: Literal["tariff", "price_list"],
    drift: Float64 | float = 0.0,
) -> LocalCost:
    cost = price * rows.energy_kwh
    tolerance = _HALF_WH * np.abs(price) + drift + _FLOAT_NOISE
    return LocalCost(cost, tolerance, source)


def _tariffs_of(
    rows: CostRows, timezone: str, currency: str, objects: TariffObjects
) -> list[Tariff]:
    """Return the COMMODITY tariff, and the NON_COMMODITY one if there is one."""
    by_kind = [[each for each in objects if each.get("type") == kind] for kind in _KINDS]
    commodity, non_commodity = by_kind
    if not commodity:
        raise InputError(f"{rows.object_id} has no COMMODITY tariff for {rows.tariff_direction}")
    if len(commodity) + len(non_commodity) < len(objects):
        raise InputError(f"{rows.object_id} has a tariff of another type than {_KINDS}")
    return [
        Tariff.from_flatpeak(own, timezone=timezone, currency=currency) for own in by_kind if own
    ]


def _mean_price(series: PriceSeries, rows: CostRows) -> Float64:
    """Return the mean price per kWh of each row."""
    return series.cost(rows.start_us, rows.end_us, np.ones(len(rows)))


def _sum(parts: Sequence[PriceSeries]) -> PriceSeries:
    # At most two: COMMODITY and NON_COMMODITY.
    return parts[0] if len(parts) == 1 else parts[0].plus(parts[1])


def _tiered_prices(tariff: Tariff, used: Used, rows: CostRows) -> PriceSeries:
    """Return the prices of a tariff whose tiers are filled by `used`."""
    start_us = int(rows.start_us.min())
    end_us = int(rows.end_us.max())
    cuts = np.concatenate([rows.start_us, rows.end_us])
    series = []
    for contract in parts_of(tariff):
        # Tiers begin anew with each contract, so each is rated by itself.
        first, last = contract.validity
        first = -_FOREVER_US if first is None else first
        last = _FOREVER_US if last is None else last
        span = max(first, start_us), min(last, end_us)
        if span[0] >= span[1]:
            continue
        if has_tiers(contract):
            series.append(mean_prices(contract, used, (first, last), span, cuts))
        else:
            series.append(contract.prices(*span))
    return joined(series).clip(start_us, end_us)


def _used_since_month_began(kit: Kit, rows: CostRows, timezone: str, start_us: int) -> Used:
    """Return the energy that fills tiers: tiers count from the beginning of the local month."""
    parts = [rows]
    month_us = int(month_edges(timezone, start_us, start_us + 1).edges[0])
    if month_us < start_us:
        assert rows.object_id is not None
        earlier = cost_rows(
            kit.flatpeak,
            rows.object_id,
            month_us,
            start_us,
            tariff_direction=rows.tariff_direction,
        )
        parts.append(earlier)
    is_counted = np.concatenate([part.is_usual_flow for part in parts])
    starts = np.concatenate([part.start_us for part in parts])
    ends = np.concatenate([part.end_us for part in parts])
    kwh = np.concatenate([part.energy_kwh for part in parts])
    return Used.of(starts[is_counted], ends[is_counted], kwh[is_counted])
