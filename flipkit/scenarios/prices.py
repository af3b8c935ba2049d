"""Today's tariffs of each site: from Flatpeak, from a frame, or given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError, PriceUnavailable
from flipkit.frames import is_frame, take
from flipkit.http import side_by_side
from flipkit.scenarios.by_site import check_by_site
from flipkit.tariffs import Tariff
from flipkit.tariffs.calendar import from_us
from flipkit.tariffs.currencies import check_currency
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.price_frame import series_of_frame
from flipkit.tariffs.series import Float64, PriceSeries

__all__ = ["DIRECTIONS", "Market", "today"]

Window = tuple[int, int]
DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")


class Market(NamedTuple):
    """Today's tariffs of one site.

    Attributes
    ----------
    location_id : str or None
        Where they come from Flatpeak.
    tariffs : dict of str to Tariff
        By direction; a direction without a price is absent.
    """

    location_id: str | None
    tariffs: dict[str, Tariff]


class _Location(NamedTuple):
    id: str
    timezone: str
    currency: str


def today(prices: Any, windows: Mapping[str, Window], zones: Mapping[str, str]) -> dict[str, Market]:
    """Today's tariffs by site id; nothing for a site that the source does not know.

    Parameters
    ----------
    prices : Kit, Flatpeak, Tariff, mapping of str to Tariff, DataFrame or None
        The locations whose ``reference_id`` is the site's id; one tariff for all sites or one for each; or a frame
        with ``site_id, start_utc, end_utc, tariff_direction, price_per_kwh, currency``.
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
        return {site_id: Market(None, {"IMPORT": prices}) for site_id in windows}
    if isinstance(prices, Mapping):
        check_by_site(prices, Tariff, "prices")
        return {site_id: Market(None, {"IMPORT": each}) for site_id, each in prices.items()}
    client = getattr(prices, "flatpeak", prices)
    if hasattr(client, "prices") and hasattr(client, "locations"):
        return _from_flatpeak(client, windows)
    if is_frame(prices):
        return _from_frame(prices, zones)
    raise InputError(
        f"prices: expected a kit, a Flatpeak client, a Tariff, a mapping of site id to Tariff or a DataFrame, got "
        f"{type(prices).__name__}"
    )


def _from_flatpeak(client: Any, windows: Mapping[str, Window]) -> dict[str, Market]:
    names = ["reference_id", "location_id", "timezone", "currency"]
    rows = zip(*take(client.locations(), texts=names).values(), strict=True)
    locations = {reference: _Location(*rest) for reference, *rest in rows if reference}
    known = [site_id for site_id in windows if site_id in locations]
    jobs = [(locations[site_id], windows[site_id]) for site_id in known]
    return dict(zip(known, side_by_side(partial(_market, client), jobs, what="prices"), strict=True))


def _market(client: Any, job: tuple[_Location, Window]) -> Market:
    """The tariffs of a location: as its tariff objects say, and by the price list where they do not say it all."""
    location, window = job
    objects = client.tariff_objects(location.id)
    tariffs = {}
    for direction in DIRECTIONS:
        own = [each for each in objects if each.get("direction") == direction]
        tariff = _of_direction(client, location, window, direction, own)
        if tariff is not None:
            tariffs[direction] = tariff
    return Market(location.id, tariffs)


def _of_direction(
    client: Any, location: _Location, window: Window, direction: str, objects: list[Any]
) -> Tariff | None:
    if not objects:
        return None
    try:
        tariff = Tariff.from_flatpeak(objects, timezone=location.timezone, currency=location.currency)
        _check_covers(tariff, window)
    except InputError:  # market prices, contracts that do not cover the time, ...: the price list knows them
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


class _Listed(NamedTuple):
    """Rows of a price frame: arrays of one length; texts as codes, -1 for null, into `labels`."""

    start_us: Int64
    end_us: Int64
    price_per_kwh: Float64
    site_id: Int64
    tariff_direction: Int64
    currency: Int64

    def rows(self, rows: slice | Int64) -> _Listed:
        """Some of them."""
        return _Listed._make(values[rows] for values in self)


_Labels = dict[str, list[str | None]]


def _from_frame(frame: Any, zones: Mapping[str, str]) -> dict[str, Market]:
    listed, labels = _listed_rows(frame)
    if (nameless := listed.site_id < 0).any():
        raise InputError(f"prices, row {int(np.argmax(nameless))}: no site_id")
    listed = listed.rows(np.lexsort((listed.start_us, listed.site_id)))
    markets: dict[str, Market] = {}
    for site, own in _runs(listed, "site_id", labels):
        try:
            tariffs = _of_site(str(site), zones.get(str(site), "UTC"), own, labels)
        except InputError as error:
            raise InputError(f"prices, site {site}: {error}") from None
        markets[str(site)] = Market(None, tariffs)
    return markets


def _listed_rows(frame: Any) -> tuple[_Listed, _Labels]:
    names = ["site_id", "tariff_direction", "currency"]
    times, numbers = ["start_utc", "end_utc"], ["price_per_kwh"]
    columns = take(frame, times=times, numbers=numbers, runs=names, what="prices")
    start, end = (columns[name].view(np.int64) for name in times)
    codes = [np.repeat(r.codes, np.diff(np.append(r.starts, len(start)))) for r in (columns[name] for name in names)]
    labels = {name: [*columns[name].labels, None] for name in names}  # the code of a null, -1, is the last
    return _Listed(start, end, columns["price_per_kwh"], *codes), labels


def _runs(listed: _Listed, name: str, labels: _Labels) -> Iterator[tuple[str | None, _Listed]]:
    """Each text of a column that the rows are sorted by, and its rows."""
    codes = getattr(listed, name)
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for begin, stop in pairwise(edges) if len(codes) else ():
        yield labels[name][codes[begin]], listed.rows(slice(begin, stop))


def _of_site(site: str, timezone: str, own: _Listed, labels: _Labels) -> dict[str, Tariff]:
    currency, *others = [labels["currency"][code] for code in np.unique(own.currency)]
    if others:
        raise InputError(f"{', '.join(sorted(map(str, (currency, *others))))} are never added together")
    check_currency(currency)
    tariffs = {}
    by_direction = own.rows(np.argsort(own.tariff_direction, kind="stable"))
    for direction, rows in _runs(by_direction, "tariff_direction", labels):
        if direction not in DIRECTIONS:
            raise InputError(f"tariff_direction {direction!r}; choose one of {', '.join(DIRECTIONS)}")
        series = PriceSeries(rows.start_us, rows.end_us, rows.price_per_kwh)
        tariffs[direction] = Tariff(f"{site} {direction}", str(currency), timezone, series=series)
    return tariffs
