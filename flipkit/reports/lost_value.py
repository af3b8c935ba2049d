"""What lost production is worth to the customer, at the customer's own tariff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import Window, month_edges, read_window
from flipkit.errors import PriceUnavailable
from flipkit.flatpeak import price_series
from flipkit.frames import LOST_VALUE_REPORT, Finding, FrameType, as_text, returns
from flipkit.http import map_concurrent
from flipkit.money import round_money
from flipkit.reports.performance import performance_columns
from flipkit.reports.shared import SiteLocation, locations_of, report_facts, rows_or_none
from flipkit.tariffs import PriceSeries
from flipkit.vocabulary import Float64, Int64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["lost_value_report"]


@returns(LOST_VALUE_REPORT)
def lost_value_report(kit: Kit[FrameType], start: Any, end: Any = None) -> FrameType:
    """Return the value of the lost production of each site and month.

    Each lost kWh is valued as the site's own production of that month: the share that it consumed
    itself at the import price (an avoided import), the rest at the export price, both weighted
    with the production over time. When the lost kWh would have been produced is not known, so the
    value is an approximation: ``lost_value_low`` and ``lost_value_high`` are the values if all of
    it had been exported, or all of it self-consumed.

    The findings of the performance report are kept. Others: ``lost_value.no_location`` (Flatpeak
    has no location with the site's id), ``lost_value.no_price``, ``lost_value.no_export_price``
    (exported energy is valued at zero), ``lost_value.no_profile`` (no production records in the
    window to weight prices with), ``lost_value.profile_of_window`` (no production records in the
    month; those of the whole window are used).

    Parameters
    ----------
    kit : Kit
    start, end : str, date, datetime, Timestamp or Period
        The report covers each month that the window touches, in full. `end` defaults to the end
        of `start`.

    Returns
    -------
    DataFrame
        In the kit's library.

    Raises
    ------
    InputError
        An empty or invalid window.
    NaiveTimestampError
        A time without a zone.
    FlipkitError
        A service did not answer.
    """
    months = read_window(start, end).months()
    window = read_window(months[0], months[-1])  # whole months, as Flip reports them
    performance, answered_utc = performance_columns(kit, months)
    rows = _rows(kit, window, performance)
    columns = {name: [row[name] for row in rows] for name in LOST_VALUE_REPORT.names}
    about = report_facts(kit, "lost value", start, end, [answered_utc])
    return LOST_VALUE_REPORT.build(columns, kit.frames, facts=about)


def _rows(kit: Kit, window: Window, performance: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per row of the performance report."""
    locations = _locations_by_site(kit)
    sites = _sites_with_losses(performance)
    located = [locations.get(site) for site in sites]
    values = map_concurrent(partial(_site_value, kit, window), located, what="lost value")
    value_by_site = dict(zip(sites, values, strict=True))

    rows = []
    for number, site in enumerate(performance["site_id"]):
        lost_kwh = performance["lost_kwh"][number]
        row = _row(
            site_id=site,
            month=performance["month"][number],
            lost_kwh=np.nan if lost_kwh is None else lost_kwh,
            finding=performance["finding"][number],
            value=value_by_site.get(site),
            currency=locations[site].currency if site in locations else None,
        )
        rows.append(row)
    return rows


def _sites_with_losses(performance: dict[str, Any]) -> list[str]:
    pairs = zip(performance["site_id"], performance["lost_kwh"], strict=True)
    return list(dict.fromkeys(site for site, lost_kwh in pairs if lost_kwh and lost_kwh > 0))


def _locations_by_site(kit: Kit) -> dict[str, SiteLocation]:
    """Return the locations that can be valued: with a time zone and a currency."""
    found = {}
    for location in locations_of(kit):
        if location.site_id and location.timezone and location.currency:
            found[location.site_id] = location
    return found


class _KwhValue(NamedTuple):
    """What a lost kWh is worth in a month.

    Attributes
    ----------
    mean, exported, self_consumed : float
        Per kWh: as the site's own production, if all was exported, if all was self-consumed.
    finding : Finding or None
    """

    mean: float
    exported: float
    self_consumed: float
    finding: Finding | None = None


class _SiteValue(NamedTuple):
    """Values by month, and a finding about all of them or about why there are none."""

    by_month: dict[str, _KwhValue]
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class _Production:
    """A site's own production by record, with its value both ways.

    Attributes
    ----------
    start_us : ndarray of int64, shape (n,)
    kwh, import_value, export_value : ndarray of float64, shape (n,)
        Energy, and its value at the import and at the export price.
    is_self_consumed : ndarray of bool, shape (n,)
    """

    start_us: Int64
    kwh: Float64
    import_value: Float64
    export_value: Float64
    is_self_consumed: np.ndarray

    def kwh_value(self, rows: np.ndarray) -> _KwhValue | None:
        """Return the value of a kWh of the selected records; None if they have no energy."""
        kwh = fsum(self.kwh[rows])
        if kwh <= 0:
            return None
        self_consumed = fsum(self.import_value[rows]) / kwh
        exported = fsum(self.export_value[rows]) / kwh
        share = fsum(self.kwh[rows & self.is_self_consumed]) / kwh
        mean = share * self_consumed + (1 - share) * exported
        return _KwhValue(mean=mean, exported=exported, self_consumed=self_consumed)


def _row(
    *,
    site_id: str,
    month: str,
    lost_kwh: float,
    finding: str | None,
    value: _SiteValue | None,
    currency: str | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "site_id": site_id,
        "month": month,
        "lost_kwh": lost_kwh,
        "lost_value": np.nan,
        "lost_value_low": np.nan,
        "lost_value_high": np.nan,
        "currency": currency,
        "finding": finding,
    }
    if lost_kwh == 0:
        row |= {"lost_value": 0.0, "lost_value_low": 0.0, "lost_value_high": 0.0}
    if value is None or not lost_kwh > 0:
        return row
    kwh_value = value.by_month.get(month)
    findings = [finding, value.finding, kwh_value and kwh_value.finding]
    row["finding"] = as_text(findings)
    if kwh_value is None:
        return row
    exported = round_money(lost_kwh * kwh_value.exported, currency)
    self_consumed = round_money(lost_kwh * kwh_value.self_consumed, currency)
    row["lost_value"] = round_money(lost_kwh * kwh_value.mean, currency)
    row["lost_value_low"] = min(exported, self_consumed)
    row["lost_value_high"] = max(exported, self_consumed)
    return row


def _site_value(kit: Kit, window: Window, location: SiteLocation | None) -> _SiteValue:
    if location is None or location.timezone is None:
        return _SiteValue(
            {}, Finding("lost_value.no_location", "Flatpeak has no location with the site's id")
        )
    bounds = window.bounds(location.timezone)
    prices = partial(price_series, kit.flatpeak, location.location_id, *bounds)
    try:
        imported = prices(tariff_direction="IMPORT")
    except PriceUnavailable as error:
        return _SiteValue({}, Finding("lost_value.no_price", str(error)))
    if imported is None:
        return _SiteValue({}, Finding("lost_value.no_price", "the price list is empty"))

    finding = None
    try:
        exported = prices(tariff_direction="EXPORT")
    except PriceUnavailable:
        exported = None
    if exported is None:
        finding = Finding("lost_value.no_export_price", "exported energy is valued at zero")

    production = _production(kit, location, bounds, imported, exported)
    by_month = _values_by_month(production, location.timezone, bounds)
    if not by_month:
        finding = Finding(
            "lost_value.no_profile", "no production records in the window to weight prices with"
        )
    return _SiteValue(by_month, finding)


def _production(
    kit: Kit,
    location: SiteLocation,
    bounds: tuple[int, int],
    imported: PriceSeries,
    exported: PriceSeries | None,
) -> _Production:
    self_consumed = rows_or_none(kit, location, bounds, "LOCAL")
    exported_rows = rows_or_none(kit, location, bounds, "EXPORT")
    parts = [rows for rows in (self_consumed, exported_rows) if rows is not None]
    start_us = _concatenated([part.start_us for part in parts], np.int64)
    end_us = _concatenated([part.end_us for part in parts], np.int64)
    kwh = _concatenated([part.energy_kwh for part in parts], np.float64)
    count = len(self_consumed) if self_consumed else 0
    no_value = np.zeros(len(kwh))
    return _Production(
        start_us=start_us,
        kwh=kwh,
        import_value=imported.cost(start_us, end_us, kwh),
        export_value=exported.cost(start_us, end_us, kwh) if exported else no_value,
        is_self_consumed=np.arange(len(kwh)) < count,
    )


def _concatenated(arrays: Sequence[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=dtype), *arrays])


def _values_by_month(
    production: _Production, timezone: str, bounds: tuple[int, int]
) -> dict[str, _KwhValue]:
    """Return the value of a kWh in each month; empty without any production in the window."""
    of_window = production.kwh_value(np.ones(len(production.kwh), dtype=bool))
    if of_window is None:
        return {}
    substitute = of_window._replace(
        finding=Finding("lost_value.profile_of_window", "no production records in the month")
    )
    # A record belongs to the month in which it begins.
    labels, edges = month_edges(timezone, *bounds)
    month = np.searchsorted(edges, production.start_us, side="right") - 1
    values = {}
    for number, label in enumerate(labels):
        values[label] = production.kwh_value(month == number) or substitute
    return values
