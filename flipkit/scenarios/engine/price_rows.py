"""Today's tariffs from the rows of a price frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import InputError
from flipkit.frames import Finding, library, library_of, take
from flipkit.money import check_currency
from flipkit.scenarios.engine.market import DIRECTIONS, SitePrices
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.vocabulary import Float64, Int64

__all__ = ["markets_of_frame"]

_ZONE_IS_GUESSED = Finding(
    "simulate.utc",
    "hours and months are UTC's, for neither a tariff nor a column timezone of prices names the site's time zone",
)


class _Rows(NamedTuple):
    """Rows of a price frame: arrays of one length; texts as codes, -1 for null, into the labels."""

    start_us: Int64
    end_us: Int64
    price_per_kwh: Float64
    site_id: Int64
    tariff_direction: Int64
    currency: Int64
    timezone: Int64

    def rows(self, rows: slice | Int64) -> _Rows:
        """Some of them."""
        return _Rows._make(values[rows] for values in self)


_TEXTS = ("site_id", "tariff_direction", "currency", "timezone")
_Labels = dict[str, list[str | None]]


def markets_of_frame(frame: Any, zones: Mapping[str, str]) -> dict[str, SitePrices]:
    """Today's tariffs by site id.

    Parameters
    ----------
    frame : DataFrame
        ``site_id, start_utc, end_utc, tariff_direction, price_per_kwh, currency`` and, where it is known,
        ``timezone``; rows in any order.
    zones : mapping of str to str
        Time zone of a site where the frame does not name it; UTC where nothing does, with a finding.

    Raises
    ------
    InputError
        A row without a site, a gap or an overlap, a direction that is none, two currencies or zones: names the site.
    """
    table, labels = _read(frame)
    if (nameless := table.site_id < 0).any():
        raise InputError(f"prices, row {int(np.argmax(nameless))}: no site_id")
    table = table.rows(np.lexsort((table.start_us, table.site_id)))
    markets: dict[str, SitePrices] = {}
    for site, own in _stretches(table, "site_id", labels):
        try:
            markets[str(site)] = _of_site(str(site), zones.get(str(site)), own, labels)
        except InputError as error:
            raise InputError(f"prices, site {site}: {error}") from None
    return markets


def _read(frame: Any) -> tuple[_Rows, _Labels]:
    names = [
        name
        for name in _TEXTS
        if name != "timezone" or name in library(library_of(frame)).names(frame)
    ]
    times = ["start_utc", "end_utc"]
    columns = take(frame, times=times, numbers=["price_per_kwh"], runs=names, what="prices")
    rows = len(columns["start_utc"])
    codes = {
        n: np.repeat(columns[n].codes, np.diff(np.append(columns[n].starts, rows))) for n in names
    }
    labels: _Labels = {
        name: [*columns[name].labels, None] for name in names
    }  # the code of a null, -1, is the last
    start, end = (columns[name].view(np.int64) for name in times)
    labels.setdefault("timezone", [None])
    codes.setdefault("timezone", np.full(rows, -1))
    return _Rows(start, end, columns["price_per_kwh"], **codes), labels


def _stretches(table: _Rows, name: str, labels: _Labels) -> Iterator[tuple[str | None, _Rows]]:
    """Each text of a column that the rows are sorted by, and its rows."""
    codes = getattr(table, name)
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for begin, stop in pairwise(edges) if len(codes) else ():
        yield labels[name][codes[begin]], table.rows(slice(begin, stop))


def _of_site(site: str, zone: str | None, own: _Rows, labels: _Labels) -> SitePrices:
    currency = check_currency(_only(own, "currency", labels) or "")
    named = _only(own, "timezone", labels) or zone
    tariffs = {}
    by_direction = own.rows(np.argsort(own.tariff_direction, kind="stable"))
    for direction, rows in _stretches(by_direction, "tariff_direction", labels):
        if direction not in DIRECTIONS:
            raise InputError(
                f"tariff_direction {direction!r}; choose one of {', '.join(DIRECTIONS)}"
            )
        series = PriceSeries(rows.start_us, rows.end_us, rows.price_per_kwh)
        tariffs[direction] = Tariff(f"{site} {direction}", currency, named or "UTC", series=series)
    return SitePrices(None, tariffs, () if named else (_ZONE_IS_GUESSED,))


def _only(own: _Rows, name: str, labels: _Labels) -> str | None:
    """The one text of a column."""
    found: list[str | None] = [labels[name][code] for code in np.unique(getattr(own, name))]
    if len(found) > 1:
        what = ", ".join(sorted(map(str, found)))
        why = (
            "are never added together" if name == "currency" else "in one site; give each site one"
        )
        raise InputError(f"{name} {what} {why}")
    return found[0]
