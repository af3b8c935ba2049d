"""The check of the cost report: the service's own records, rated here with the location's own tariffs.

The service gives energy in whole Wh and costs of the energy as it was submitted. So a record may differ by the price
of half a Wh, and under tiers by what so many halves move the instant a limit is reached. What is more than that, and
comes to a cent in the period, is another price, and a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import from_us, month_edges
from flipkit.errors import InputError, InvalidRequest, NotFound, UnexpectedAnswer
from flipkit.frames import Finding, Frame, take
from flipkit.money import round_money
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.model import joined
from flipkit.tariffs.rating import Used, has_tiers, mean_prices
from flipkit.tariffs.read import series_of_frame
from flipkit.vocabulary import Float64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = [
    "OWN_FLOW",
    "Local",
    "Records",
    "cost_columns",
    "difference",
    "rated",
    "records_of",
    "tariff_objects",
]

OWN_FLOW = {"IMPORT": "INBOUND", "EXPORT": "OUTBOUND", "LOCAL": "INBOUND"}
_KINDS = ("COMMODITY", "NON_COMMODITY")
# What another way of rating, or a finding, answers; a service that is out of reach stops the whole report.
_NO = (InputError, InvalidRequest, NotFound, UnexpectedAnswer)
_HALF_WH = 0.0005
_NOISE, _FAR_US = 1e-9, 1 << 62

Objects = Sequence[Mapping[str, Any]]


class Records(NamedTuple):
    """Records of a location under one tariff direction; energy the other way (`own` False) counts for nothing."""

    location_id: str
    direction: str
    zone: str
    currency: str
    start: np.ndarray
    end: np.ndarray
    kwh: Float64
    own: np.ndarray


class Local(NamedTuple):
    """What each record costs by the tariffs, how far whole Wh can take it from the service's figure, and why not."""

    cost: Float64
    slack: Float64
    finding: Finding | None = None


class _Window(NamedTuple):
    """What tiers are rated by: from the first to the last instant of the records, and the energy that counts."""

    start_us: int
    end_us: int
    used: Used


def tariff_objects(kit: Kit, location_id: str) -> Objects | None:
    """The tariff objects of a location as the service gives them; None where it says no."""
    try:
        return kit.flatpeak.tariff_objects(location_id)
    except _NO:
        return None


def cost_columns(costs: Frame) -> dict[str, Any]:
    """The service's cost rows as columns."""
    return take(
        costs,
        times=["start_utc", "end_utc"],
        numbers=["energy_kwh", "cost", "confidence"],
        texts=["currency", "timezone", "energy_flow_direction"],
    )


def records_of(
    columns: Mapping[str, Any], direction: str
) -> tuple[np.ndarray, np.ndarray, Float64, np.ndarray]:
    """Start, end, energy and whether it is the direction's own flow, of the columns of a cost frame."""
    own = np.array(
        [flow in {None, OWN_FLOW[direction]} for flow in columns["energy_flow_direction"]],
        dtype=bool,
    )
    start, end = (columns[name].view(np.int64) for name in ("start_utc", "end_utc"))
    return start, end, columns["energy_kwh"], own


def rated(kit: Kit, records: Records, objects: Objects | None) -> Local:
    """Rate records with the tariff objects, and where these cannot be read with the price list.

    Parameters
    ----------
    kit : Kit
        Asked for the price list, and under tiers for the records since the month began.
    records : Records
    objects : sequence of mapping, or None
        Of the location, in all directions.
    """
    nothing = np.full(len(records.start), np.nan)
    if not records.own.any():
        return Local(nothing, nothing)
    own = [each for each in objects or () if each.get("direction") == records.direction]
    if not own and objects is not None and records.direction == "LOCAL":
        return Local(nothing, nothing)
    try:
        return _by_objects(kit, records, own)
    except _NO:  # market prices, contracts that overlap, ...: the price list knows them
        pass
    try:
        price = _price(_listed(kit, records), records)
    except _NO as error:
        return Local(
            nothing,
            nothing,
            Finding("cost.unchecked", f"no tariff or price to rate it by: {error}"),
        )
    return Local(price * records.kwh, _HALF_WH * np.abs(price) + _NOISE)


def difference(cost: float, local: float, beyond: bool, currency: str | None) -> Iterator[Finding]:
    """The finding of a period whose two costs differ by the smallest unit of money or more.

    Parameters
    ----------
    cost, local : float
        Unrounded.
    beyond : bool
        Whether a record differs by more than whole Wh explain.
    currency : str or None
    """
    one, other = round_money(cost, currency), round_money(local, currency)
    if beyond and one != other and round_money(abs(cost - local), currency) > 0:
        yield Finding("cost.differs", f"{one} by the service, {other} by its tariffs, rated here")


def _by_objects(kit: Kit, records: Records, objects: Objects) -> Local:
    """Each kind of tariff rated for itself, and added."""
    kinds = [
        own for kind in _KINDS if (own := [each for each in objects if each.get("type") == kind])
    ]
    if not kinds or kinds[0][0]["type"] != "COMMODITY" or sum(map(len, kinds)) < len(objects):
        raise InputError(
            f"{records.location_id} has no COMMODITY tariff for {records.direction}, or one of another type"
        )
    tariffs = [
        Tariff.from_flatpeak(own, timezone=records.zone, currency=records.currency) for own in kinds
    ]
    start, end = int(records.start.min()), int(records.end.max())
    if not any(map(has_tiers, tariffs)):
        price = _price(_sum([tariff.prices(start, end) for tariff in tariffs]), records)
        return Local(price * records.kwh, _HALF_WH * np.abs(price) + _NOISE)
    window = _Window(start, end, _used(kit, records, start))
    # Each count of kWh is off by half a Wh a record at most, one way or the other.
    most = _HALF_WH * len(window.used.times_us) / max(float(window.used.kwh[-1]), _NOISE)
    price, more, less = (
        _price(_sum([_tiered(tariff, window, share, records) for tariff in tariffs]), records)
        for share in (1.0, 1.0 + most, max(1.0 - most, 0.0))
    )
    drift = np.maximum(np.abs(more - price), np.abs(less - price)) * records.kwh
    return Local(price * records.kwh, _HALF_WH * np.abs(price) + drift + _NOISE)


def _price(series: PriceSeries, records: Records) -> Float64:
    """The mean price of each record."""
    return series.cost(records.start, records.end, np.ones(len(records.kwh)))


def _sum(parts: Sequence[PriceSeries]) -> PriceSeries:
    return parts[0] if len(parts) == 1 else parts[0].plus(parts[1])


def _tiered(tariff: Tariff, window: _Window, share: float, records: Records) -> PriceSeries:
    """The prices of a tariff whose tiers are filled by `share` of the energy that counts."""
    used, cuts = (
        Used(window.used.times_us, share * window.used.kwh),
        np.concatenate([records.start, records.end]),
    )
    parts = []
    for part in tariff.parts or (tariff,):
        first, last = (
            (-_FAR_US if part.validity[0] is None else part.validity[0]),
            part.validity[1] or _FAR_US,
        )
        span = max(first, window.start_us), min(last, window.end_us)
        if span[0] < span[1]:
            tiers = has_tiers(part)
            parts.append(
                mean_prices(part, used, (first, last), span, cuts) if tiers else part.prices(*span)
            )
    return joined(parts).clip(window.start_us, window.end_us)


def _used(kit: Kit, records: Records, start_us: int) -> Used:
    """The energy that counts against tiers: from the beginning of the month of the first record."""
    start, end, kwh = (column[records.own] for column in (records.start, records.end, records.kwh))
    month = int(month_edges(records.zone, start_us, start_us + 1).edges[0])
    if month == start_us:
        return Used.of(start, end, kwh)
    asked = (records.location_id, from_us(month), from_us(start_us))
    rows = cost_columns(kit.flatpeak.cost_by_interval(*asked, tariff_direction=records.direction))
    earlier = records_of(rows, records.direction)
    columns = zip((start, end, kwh), (column[earlier[3]] for column in earlier[:3]), strict=True)
    return Used.of(*(np.concatenate(pair) for pair in columns))


def _listed(kit: Kit, records: Records) -> PriceSeries:
    """The price list over the time of the records."""
    span = from_us(int(records.start.min())), from_us(int(records.end.max()))
    return series_of_frame(
        kit.flatpeak.prices(records.location_id, *span, tariff_direction=records.direction)
    )
