"""Today's prices of each site: from Flatpeak, or from a frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError, PriceUnavailable
from flipkit.frames import is_frame, take
from flipkit.http import side_by_side
from flipkit.tariffs.calendar import from_us
from flipkit.tariffs.energy import SiteEnergy
from flipkit.tariffs.price_frame import series_of_frame
from flipkit.tariffs.series import PriceSeries

__all__ = ["Market", "today"]

DIRECTIONS = ("IMPORT", "EXPORT")


class Market(NamedTuple):
    """Today's prices of one site.

    Attributes
    ----------
    location_id : str or None
        Where they come from Flatpeak.
    timezone : str or None
    currency : str or None
    series : dict of str to PriceSeries
        By direction; a direction without a price is absent.
    """

    location_id: str | None
    timezone: str | None
    currency: str | None
    series: dict[str, PriceSeries]


def today(prices: Any, sites: Sequence[SiteEnergy]) -> dict[str, Market]:
    """Today's prices by site id; nothing for a site that the source does not know.

    Parameters
    ----------
    prices : Kit, Flatpeak, DataFrame or None
        The price series of the locations whose ``reference_id`` is the site's id, or a frame with ``site_id,
        start_utc, end_utc, tariff_direction, price_per_kwh, currency``.
    sites : sequence of SiteEnergy

    Raises
    ------
    InputError
        Something else.
    """
    if prices is None:
        return {}
    client = getattr(prices, "flatpeak", prices)
    if hasattr(client, "prices") and hasattr(client, "locations"):
        return _from_flatpeak(client, sites)
    if is_frame(prices):
        return _from_frame(prices)
    raise InputError(f"prices: expected a kit, a Flatpeak client or a DataFrame, got {type(prices).__name__}")


def _from_flatpeak(client: Any, sites: Sequence[SiteEnergy]) -> dict[str, Market]:
    names = ["reference_id", "location_id", "timezone", "currency"]
    rows = zip(*take(client.locations(), texts=names).values(), strict=True)
    locations = {reference: rest for reference, *rest in rows if reference}
    known = [site for site in sites if site.site_id in locations]
    jobs = [(site, locations[site.site_id][0], direction) for site in known for direction in DIRECTIONS]
    series = iter(side_by_side(partial(_fetch, client), jobs, what="prices"))
    markets = {}
    for site in known:
        found = {direction: next(series) for direction in DIRECTIONS}
        location_id, zone, currency = locations[site.site_id]
        series_found = {direction: own for direction, own in found.items() if own is not None}
        markets[site.site_id] = Market(location_id, zone, currency, series_found)
    return markets


def _fetch(client: Any, job: tuple[SiteEnergy, str, str]) -> PriceSeries | None:
    site, location_id, direction = job
    start, end = map(from_us, site.window)
    try:
        return series_of_frame(client.prices(location_id, start, end, tariff_direction=direction))
    except PriceUnavailable:
        return None


def _from_frame(frame: Any) -> dict[str, Market]:
    columns = take(
        frame,
        times=["start_utc", "end_utc"],
        numbers=["price_per_kwh"],
        texts=["site_id", "tariff_direction", "currency"],
        what="prices",
    )
    markets: dict[str, Market] = {}
    for site in dict.fromkeys(columns["site_id"]):
        own = {name: values[columns["site_id"] == site] for name, values in columns.items()}
        currencies = set(own["currency"])
        if len(currencies) > 1:
            raise InputError(f"prices, site {site}: {', '.join(sorted(map(str, currencies)))} are never added together")
        markets[site] = Market(None, None, own["currency"][0], dict(_by_direction(own)))
    return markets


def _by_direction(own: dict[str, np.ndarray]) -> list[tuple[str, PriceSeries]]:
    found = []
    for direction in dict.fromkeys(own["tariff_direction"]):
        if direction not in DIRECTIONS:
            raise InputError(f"prices: tariff_direction {direction!r}; choose 'IMPORT' or 'EXPORT'")
        rows = np.flatnonzero(own["tariff_direction"] == direction)
        rows = rows[np.argsort(own["start_utc"][rows], kind="stable")]
        start, end = (own[name][rows].view(np.int64) for name in ("start_utc", "end_utc"))
        found.append((direction, PriceSeries(start, end, own["price_per_kwh"][rows])))
    return found
