"""Today's tariffs of each site: from Flatpeak, from a frame, or given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from flipkit.calendar import from_us
from flipkit.errors import InputError, PriceUnavailable
from flipkit.frames import is_frame, take
from flipkit.http import map_concurrent
from flipkit.scenarios.changes import check_by_site
from flipkit.scenarios.engine.market import DIRECTIONS, SitePrices
from flipkit.scenarios.engine.price_rows import markets_of_frame
from flipkit.tariffs import Tariff
from flipkit.tariffs.read import series_of_frame

__all__ = ["current_prices"]

Window = tuple[int, int]


class _Location(NamedTuple):
    id: str
    timezone: str
    currency: str


def current_prices(
    prices: Any, windows: Mapping[str, Window], zones: Mapping[str, str]
) -> dict[str, SitePrices]:
    """Today's tariffs by site id; nothing for a site that the source does not know.

    Parameters
    ----------
    prices : Kit, Flatpeak, Tariff, mapping of str to Tariff, DataFrame or None
        The locations whose ``reference_id`` is the site's id; one tariff for all sites or one for each; or a frame
        as `markets_of_frame` takes it.
    windows : mapping of str to tuple of int
        First start and last end of each site's energy, microseconds since 1970-01-01 UTC.
    zones : mapping of str to str
        Time zone of a site's months where a frame gives its prices.

    Raises
    ------
    InputError
        Something that is no source of prices, or a frame that is not usable.
    """
    if prices is None:
        return {}
    if isinstance(prices, Tariff):
        return {site_id: SitePrices(None, {"IMPORT": prices}) for site_id in windows}
    if isinstance(prices, Mapping):
        check_by_site(prices, Tariff, "prices")
        return {site_id: SitePrices(None, {"IMPORT": each}) for site_id, each in prices.items()}
    client = getattr(prices, "flatpeak", prices)
    if hasattr(client, "prices") and hasattr(client, "locations"):
        return _from_flatpeak(client, windows)
    if is_frame(prices):
        return markets_of_frame(prices, zones)
    raise InputError(
        f"prices: expected a kit, a Flatpeak client, a Tariff, a mapping of site id to Tariff or a DataFrame, got "
        f"{type(prices).__name__}"
    )


def _from_flatpeak(client: Any, windows: Mapping[str, Window]) -> dict[str, SitePrices]:
    names = ["reference_id", "location_id", "timezone", "currency"]
    rows = zip(*take(client.locations(), texts=names).values(), strict=True)
    locations = {reference: _Location(*rest) for reference, *rest in rows if reference}
    known = [site_id for site_id in windows if site_id in locations]
    jobs = [(locations[site_id], windows[site_id]) for site_id in known]
    return dict(
        zip(known, map_concurrent(partial(_market, client), jobs, what="prices"), strict=True)
    )


def _market(client: Any, job: tuple[_Location, Window]) -> SitePrices:
    """The tariffs of a location: as its tariff objects say, and by the price list where they do not say it all."""
    location, window = job
    objects = client.tariff_objects(location.id)
    tariffs = {}
    for direction in DIRECTIONS:
        own = [each for each in objects if each.get("direction") == direction]
        tariff = _of_direction(client, location, window, direction, own)
        if tariff is not None:
            tariffs[direction] = tariff
    return SitePrices(location.id, tariffs)


def _of_direction(
    client: Any, location: _Location, window: Window, direction: str, objects: list[Any]
) -> Tariff | None:
    if not objects:
        return None
    try:
        tariff = Tariff.from_flatpeak(
            objects, timezone=location.timezone, currency=location.currency
        )
        _check_covers(tariff, window)
    except (
        InputError
    ):  # market prices, contracts that do not cover the time, ...: the price list knows them
        return _listed(client, location, window, direction)
    return tariff


def _listed(client: Any, location: _Location, window: Window, direction: str) -> Tariff | None:
    """The price list, in windows of 90 days."""
    try:
        frame = client.prices(location.id, *map(from_us, window), tariff_direction=direction)
    except PriceUnavailable:
        return None
    series = series_of_frame(frame)
    return Tariff(f"{location.id} {direction}", location.currency, location.timezone, series=series)


def _check_covers(tariff: Tariff, window: Window) -> None:
    start, end = tariff.validity
    if (start is not None and start > window[0]) or (end is not None and end < window[1]):
        raise InputError(f"tariff {tariff.name!r} does not cover the energy")
