"""The current tariffs of each site: given, from the rows of a frame, or from Flatpeak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import from_us
from flipkit.errors import InputError, PriceUnavailable
from flipkit.frames import Finding, is_frame, library, library_of, take
from flipkit.http import map_concurrent
from flipkit.money import check_currency
from flipkit.scenarios.changes import check_by_site
from flipkit.scenarios.engine.case import SitePrices
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.read import series_of_frame
from flipkit.vocabulary import DIRECTIONS, Direction, Float64, Int64

__all__ = ["current_prices"]

Span = tuple[int, int]

_ZONE_IS_GUESSED = Finding(
    "simulate.utc",
    "hours and months are in UTC: neither a tariff nor the column timezone of prices says which "
    "time zone the site is in",
)


def current_prices(
    prices: Any, spans: Mapping[str, Span], zones: Mapping[str, str]
) -> dict[str, SitePrices]:
    """Return the current tariffs by site id; a site that the source does not know is absent.

    Parameters
    ----------
    prices : Kit, Flatpeak, Tariff, mapping of str to Tariff, DataFrame or None
        Flatpeak's locations are found by their ``reference_id``, which is the site id.
    spans : mapping of str to tuple of int
        First start and last end of each site's energy, microseconds since 1970-01-01 UTC.
    zones : mapping of str to str
        Time zones of sites, for a frame without the column ``timezone``.

    Raises
    ------
    InputError
        Not a source of prices, or a frame with invalid rows.
    """
    if prices is None:
        return {}
    if isinstance(prices, Tariff):
        return {site_id: SitePrices(None, {"IMPORT": prices}) for site_id in spans}
    if isinstance(prices, Mapping):
        check_by_site(prices, Tariff, "prices")
        return {site_id: SitePrices(None, {"IMPORT": each}) for site_id, each in prices.items()}
    client = getattr(prices, "flatpeak", prices)
    if hasattr(client, "prices") and hasattr(client, "locations"):
        return _prices_from_flatpeak(client, spans)
    if is_frame(prices):
        return _prices_from_frame(prices, zones)
    raise InputError(
        "prices: expected a kit, a Flatpeak client, a Tariff, a mapping of site id to Tariff or a "
        f"DataFrame, got {type(prices).__name__}"
    )


class _PricedLocation(NamedTuple):
    location_id: str
    timezone: str
    currency: str
    span: Span


def _prices_from_flatpeak(client: Any, spans: Mapping[str, Span]) -> dict[str, SitePrices]:
    names = ["reference_id", "location_id", "timezone", "currency"]
    columns = take(client.locations(), texts=names)  # one call for all sites
    locations: dict[str, _PricedLocation] = {}
    for site_id, location_id, timezone, currency in zip(*columns.values(), strict=True):
        if site_id in spans:
            span = spans[site_id]
            locations[site_id] = _PricedLocation(location_id, timezone, currency, span)
    known = {site_id: locations[site_id] for site_id in spans if site_id in locations}
    read = partial(_location_prices, client)
    site_prices = map_concurrent(read, list(known.values()), what="prices")
    return dict(zip(known, site_prices, strict=True))


def _location_prices(client: Any, location: _PricedLocation) -> SitePrices:
    objects = client.tariff_objects(location.location_id)
    tariffs: dict[str, Tariff] = {}
    for direction in DIRECTIONS:
        of_direction = [each for each in objects if each.get("direction") == direction]
        if not of_direction:
            continue
        tariff = _location_tariff(client, location, direction, of_direction)
        if tariff is not None:
            tariffs[direction] = tariff
    return SitePrices(location.location_id, tariffs)


def _location_tariff(
    client: Any, location: _PricedLocation, direction: Direction, objects: list[Any]
) -> Tariff | None:
    try:
        tariff = Tariff.from_flatpeak(
            objects, timezone=location.timezone, currency=location.currency
        )
    except InputError:
        # Market prices, contracts with gaps and the like: only the price list has the prices.
        return _listed_tariff(client, location, direction)
    if not _covers(tariff, location.span):
        return _listed_tariff(client, location, direction)
    return tariff


def _covers(tariff: Tariff, span: Span) -> bool:
    valid_from, valid_to = tariff.validity
    begins_late = valid_from is not None and valid_from > span[0]
    ends_early = valid_to is not None and valid_to < span[1]
    return not begins_late and not ends_early


def _listed_tariff(client: Any, location: _PricedLocation, direction: Direction) -> Tariff | None:
    start = from_us(location.span[0])
    end = from_us(location.span[1])
    try:
        frame = client.prices(location.location_id, start, end, tariff_direction=direction)
    except PriceUnavailable:
        return None
    return Tariff(
        name=f"{location.location_id} {direction}",
        currency=location.currency,
        timezone=location.timezone,
        series=series_of_frame(frame),
    )


_TEXT_COLUMNS = ("site_id", "tariff_direction", "currency", "timezone")


class _PriceRows(NamedTuple):
    """Rows of a price frame; a text column holds codes, which are positions in its labels."""

    start_us: Int64
    end_us: Int64
    price_per_kwh: Float64
    codes: dict[str, Int64]
    labels: dict[str, list[str | None]]

    def select(self, rows: slice | Int64) -> _PriceRows:
        """Return some of the rows."""
        return _PriceRows(
            start_us=self.start_us[rows],
            end_us=self.end_us[rows],
            price_per_kwh=self.price_per_kwh[rows],
            codes={name: codes[rows] for name, codes in self.codes.items()},
            labels=self.labels,
        )

    def grouped(self, name: str) -> Iterator[tuple[str | None, _PriceRows]]:
        """Yield each value of a text column and its rows, which keep their order."""
        ordered = self
        if (np.diff(self.codes[name]) < 0).any():  # a frame is large: copied only if needed
            ordered = self.select(np.argsort(self.codes[name], kind="stable"))
        codes = ordered.codes[name]
        changes = np.flatnonzero(np.diff(codes)) + 1
        for first, last in pairwise([0, *changes.tolist(), len(codes)]):
            if first < last:
                yield self.labels[name][codes[first]], ordered.select(slice(first, last))

    def unique(self, name: str) -> list[str | None]:
        """Return the different values of a text column."""
        return [self.labels[name][code] for code in np.unique(self.codes[name])]


def _prices_from_frame(frame: Any, zones: Mapping[str, str]) -> dict[str, SitePrices]:
    rows = _read_price_rows(frame)
    is_missing = rows.codes["site_id"] < 0
    if is_missing.any():
        raise InputError(f"prices, row {int(np.argmax(is_missing))}: no site_id")
    prices: dict[str, SitePrices] = {}
    for site, site_rows in rows.grouped("site_id"):
        site_id = str(site)
        try:
            prices[site_id] = _site_prices(site_id, site_rows, zones.get(site_id))
        except InputError as error:
            raise InputError(f"prices, site {site_id}: {error}") from None
    return prices


def _read_price_rows(frame: Any) -> _PriceRows:
    names = list(_TEXT_COLUMNS)
    if "timezone" not in library(library_of(frame)).names(frame):
        names.remove("timezone")
    columns = take(
        frame,
        times=["start_utc", "end_utc"],
        numbers=["price_per_kwh"],
        runs=names,
        what="prices",
    )
    count = len(columns["start_utc"])
    codes: dict[str, Int64] = {"timezone": np.full(count, -1)}
    labels: dict[str, list[str | None]] = {"timezone": [None]}
    for name in names:
        runs = columns[name]
        lengths = np.diff(np.append(runs.starts, count))
        codes[name] = np.repeat(runs.codes, lengths)
        labels[name] = [*runs.labels, None]  # the code of a null is -1: the last label
    return _PriceRows(
        start_us=columns["start_utc"].view(np.int64),
        end_us=columns["end_utc"].view(np.int64),
        price_per_kwh=columns["price_per_kwh"],
        codes=codes,
        labels=labels,
    )


def _site_prices(site_id: str, rows: _PriceRows, zone: str | None) -> SitePrices:
    currencies = rows.unique("currency")
    if len(currencies) > 1:
        raise InputError(f"currency {_listed(currencies)}; currencies are never added together")
    zones = rows.unique("timezone")
    if len(zones) > 1:
        raise InputError(f"timezone {_listed(zones)}; give the site one time zone")
    currency = check_currency(currencies[0] or "")
    timezone = zones[0] or zone

    tariffs: dict[str, Tariff] = {}
    for direction, priced in rows.grouped("tariff_direction"):
        if direction not in DIRECTIONS:
            known = ", ".join(DIRECTIONS)
            raise InputError(f"tariff_direction {direction!r}; choose one of {known}")
        ordered = priced.select(np.argsort(priced.start_us, kind="stable"))
        tariffs[direction] = Tariff(
            name=f"{site_id} {direction}",
            currency=currency,
            timezone=timezone or "UTC",
            series=PriceSeries(ordered.start_us, ordered.end_us, ordered.price_per_kwh),
        )
    findings = () if timezone else (_ZONE_IS_GUESSED,)
    return SitePrices(None, tariffs, findings)


def _listed(values: list[str | None]) -> str:
    return ", ".join(sorted(str(value) for value in values))
