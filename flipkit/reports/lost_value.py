"""What lost production is worth to the customer, at the customer's own tariff."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import from_us, month_edges, read_window
from flipkit.errors import PriceUnavailable
from flipkit.frames import LOST_VALUE_REPORT, Finding, Frame, facts, returns, take
from flipkit.http import map_concurrent
from flipkit.money import round_money
from flipkit.reports.performance import performance_report
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.read import series_of_frame

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["lost_value_report"]


@returns(LOST_VALUE_REPORT)
def lost_value_report(kit: Kit, start: str, end: str) -> Frame:
    """Lost production of each site and month in money.

    Each lost kWh is valued as the site's own production of that month: the share it used itself at the import price
    (an import avoided), the rest at the export price, both prices weighted with the production at each moment. When
    the lost kWh would have come is not known, so the value is an approximation; ``lost_value_low`` and
    ``lost_value_high`` are the worth if all of it had been exported, or all of it used.

    Findings of the performance report stay; beside them: ``lost_value.no_location`` (Flatpeak has no location with
    the site's id), ``lost_value.no_price``, ``lost_value.no_export_price`` (export counted as worth nothing),
    ``lost_value.no_profile`` (no production records in the window to weight prices with),
    ``lost_value.profile_of_window`` (none in the month; those of the whole window are used).

    Parameters
    ----------
    kit : Kit
    start, end : str
        Months ``YYYY-MM``, both included.

    Returns
    -------
    DataFrame
        In the kit's library.

    Raises
    ------
    InputError
        A start or end that is no month, or an end before the start.
    FlipkitError
        A service did not answer.
    """
    report = performance_report(kit, start, end)
    lost = take(report, numbers=["lost_kwh"], texts=["site_id", "month", "finding"])
    sites = dict.fromkeys(lost["site_id"][lost["lost_kwh"] > 0])
    locations = _locations(kit)
    found = map_concurrent(
        lambda s: _worth(kit, locations.get(s), start, end), list(sites), what="lost value"
    )
    worth = dict(zip(sites, found, strict=True))
    rows = [
        _row(*row, worth, locations)
        for row in zip(
            lost["site_id"], lost["month"], lost["lost_kwh"], lost["finding"], strict=True
        )
    ]
    columns = {name: [row[name] for row in rows] for name in LOST_VALUE_REPORT.names}
    about = facts(report) | {"query": {"report": "lost value", "start": start, "end": end}}
    return LOST_VALUE_REPORT.build(columns, kit.frames, facts=about)


class _Location(NamedTuple):
    id: str
    zone: str
    currency: str


class _Price(NamedTuple):
    """What a lost kWh is worth in a month, per kWh."""

    value: float
    exported: float
    used: float
    finding: Finding | None = None


class _Worth(NamedTuple):
    """A site's prices by month, or why there are none."""

    months: dict[str, _Price]
    finding: Finding | None = None


def _locations(kit: Kit) -> dict[str, _Location]:
    columns = take(
        kit.flatpeak.locations(), texts=["reference_id", "location_id", "timezone", "currency"]
    )
    rows = zip(*columns.values(), strict=True)
    return {reference: _Location(*rest) for reference, *rest in rows if reference and all(rest)}


def _row(
    site: str,
    month: str,
    lost_kwh: float,
    finding: str | None,
    worth: dict[str, _Worth],
    locations: dict[str, _Location],
) -> dict[str, Any]:
    currency = locations[site].currency if site in locations else None
    row: dict[str, Any] = dict.fromkeys(LOST_VALUE_REPORT.names, np.nan)
    row |= {
        "site_id": site,
        "month": month,
        "lost_kwh": lost_kwh,
        "currency": currency,
        "finding": finding,
    }
    if not lost_kwh > 0:
        return row | (
            {"lost_value": 0.0, "lost_value_low": 0.0, "lost_value_high": 0.0}
            if lost_kwh == 0
            else {}
        )
    own = worth[site]
    price = own.months.get(month)
    more = [
        finding,
        own.finding and str(own.finding),
        price and price.finding and str(price.finding),
    ]
    row["finding"] = "; ".join(text for text in more if text) or None
    if price is None:
        return row
    amounts = [round_money(lost_kwh * per_kwh, currency) for per_kwh in price[:3]]
    return row | {
        "lost_value": amounts[0],
        "lost_value_low": min(amounts[1:]),
        "lost_value_high": max(amounts[1:]),
    }


def _worth(kit: Kit, location: _Location | None, start: str, end: str) -> _Worth:
    if location is None:
        return _Worth(
            {}, Finding("lost_value.no_location", "Flatpeak has no location with the site's id")
        )
    window = read_window(start, end).bounds(location.zone)
    try:
        imported = _prices(kit, location, window, "IMPORT")
    except PriceUnavailable as error:
        return _Worth({}, Finding("lost_value.no_price", str(error)))
    try:
        exported: PriceSeries | None = _prices(kit, location, window, "EXPORT")
        finding = None
    except PriceUnavailable:
        exported, finding = (
            None,
            Finding("lost_value.no_export_price", "export counted as worth nothing"),
        )
    profile = _Profile(kit, location, window)
    months = dict(_months(profile, imported, exported, location.zone, window))
    if not months:
        finding = Finding(
            "lost_value.no_profile", "no production records in the window to weight the prices with"
        )
    return _Worth(months, finding)


def _prices(kit: Kit, location: _Location, window: tuple[int, int], direction: str) -> PriceSeries:
    frame = kit.flatpeak.prices(
        location.id, from_us(window[0]), from_us(window[1]), tariff_direction=direction
    )
    return series_of_frame(frame)


class _Profile:
    """The site's own production as Flatpeak has it: what it used (LOCAL) and what it exported, by record."""

    def __init__(self, kit: Kit, location: _Location, window: tuple[int, int]) -> None:
        ask = partial(
            kit.flatpeak.cost_by_interval, location.id, from_us(window[0]), from_us(window[1])
        )
        frames = [
            take(_or_nothing(ask, d), times=["start_utc", "end_utc"], numbers=["energy_kwh"])
            for d in _FLOWS
        ]
        self.start = np.concatenate([f["start_utc"].view(np.int64) for f in frames])
        self.end = np.concatenate([f["end_utc"].view(np.int64) for f in frames])
        self.kwh = np.concatenate([f["energy_kwh"] for f in frames])
        self.is_used = np.repeat([True, False], [len(f["energy_kwh"]) for f in frames])


_FLOWS = ("LOCAL", "EXPORT")


def _or_nothing(ask: Any, direction: str) -> Any:
    try:
        return ask(tariff_direction=direction)
    except PriceUnavailable:
        return []


def _months(
    profile: _Profile,
    imported: PriceSeries,
    exported: PriceSeries | None,
    zone: str,
    window: tuple[int, int],
) -> Iterator[tuple[str, _Price]]:
    """The price of each month; nothing where the window has no production at all."""
    labels, edges = month_edges(zone, *window)
    used = imported.cost(profile.start, profile.end, profile.kwh)
    sold = (
        np.zeros(len(used))
        if exported is None
        else exported.cost(profile.start, profile.end, profile.kwh)
    )
    month = np.searchsorted(edges, profile.start, side="right") - 1
    whole = _price(profile, used, sold, np.ones(len(used), dtype=bool))
    if whole is None:
        return
    for number, label in enumerate(labels):
        own = _price(profile, used, sold, month == number)
        yield (
            label,
            own
            or whole._replace(
                finding=Finding(
                    "lost_value.profile_of_window", "no production records in the month"
                )
            ),
        )


def _price(
    profile: _Profile, used: np.ndarray, sold: np.ndarray, rows: np.ndarray
) -> _Price | None:
    kwh = fsum(profile.kwh[rows])
    if kwh <= 0:
        return None
    at_import, at_export = fsum(used[rows]) / kwh, fsum(sold[rows]) / kwh
    share = fsum(profile.kwh[rows & profile.is_used]) / kwh
    return _Price(share * at_import + (1 - share) * at_export, at_export, at_import)
