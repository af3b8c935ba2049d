"""What energy cost by local month or day, with the coverage and confidence of the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import Window, billing_periods, covered, periods, read_window, split_at
from flipkit.errors import InvalidRequest, NotFound
from flipkit.flatpeak import CostRows, cost_rows
from flipkit.frames import COST_REPORT, Finding, FrameType, as_text, returns
from flipkit.http import map_concurrent
from flipkit.money import round_money
from flipkit.reports.local_cost import (
    LocalCost,
    TariffObjects,
    difference_findings,
    local_cost,
    tariff_objects,
)
from flipkit.reports.shared import SiteLocation, ids_of_option, locations_of, report_facts
from flipkit.vocabulary import DAY_US, DIRECTIONS, HOUR_US, Aggregation, Direction, Float64, Int64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["cost_report"]


@returns(COST_REPORT)
def cost_report(
    kit: Kit[FrameType],
    start: Any,
    end: Any = None,
    *,
    aggregation: Aggregation = "MONTH",
    object_id: str | Sequence[str] | None = None,
) -> FrameType:
    """Return energy and its cost per location or device, tariff direction, and local month or day.

    The figures are sums over the service's own cost rows, one per record. A row across a local
    midnight is split in proportion to time. ``coverage`` is the time with records as a share of the
    whole local period (23, 24 or 25 hours for a day), ``confidence`` the lowest of any row. Cost is
    rounded once, half to even, to the currency's smallest unit; under EXPORT it is what the energy
    earned. Do not add rows of different currencies.

    ``local_cost`` is a check: the same rows, rated by flipkit. ``local_cost_source`` says how:
    ``tariff`` (the location's own tariff objects, COMMODITY and NON_COMMODITY, with tiers) or
    ``price_list`` (the service's price list, if the tariff objects cannot be used, e.g. for market
    rates). Both are null where there is no cost, and for LOCAL energy without a LOCAL tariff.

    A location's report includes the records of its devices: add locations or devices, not both.

    Findings: ``period.cut`` (the window contains only a part of the period), ``coverage.none``,
    ``coverage.partial``, ``confidence.estimated``, ``cost.unavailable`` (the service has no price
    or no such object; its message follows), ``cost.differs`` (``local_cost`` is different, by more
    than whole Wh explain), ``cost.unchecked`` (no tariff and no price list; the tariff of a device
    is not known), ``cost.other_flow`` (energy against the usual flow of the direction, such as what
    a battery supplied under IMPORT, is an avoided cost and not in the figures; visible only if the
    service reports the flow, which its documentation does not mention).

    Parameters
    ----------
    kit : Kit
    start, end : str, date, datetime, Timestamp or Period
        ``"2025-01"`` and ``"2025-01-31"`` are local months and days of each site, both included; a
        time with a zone is an instant, the end not included. `end` defaults to the end of `start`.
    aggregation : {"MONTH", "DAY"}
    object_id : str or sequence of str, optional
        Locations or devices; default: every location.

    Returns
    -------
    DataFrame
        In the kit's library.

    Raises
    ------
    InputError
        An empty or invalid window, or another aggregation.
    NaiveTimestampError
        A time without a zone.
    FlipkitError
        The service did not answer.
    """
    window = read_window(start, end)
    jobs = _jobs(locations_of(kit), object_id)
    locations = dict.fromkeys(job.object_id for job in jobs if job.location)
    objects = map_concurrent(partial(tariff_objects, kit), list(locations), what="tariffs")
    query = _Query(kit, window, aggregation, dict(zip(locations, objects, strict=True)))
    parts = map_concurrent(partial(_rows_of_job, query), jobs, what="cost report")

    rows = [row for part in parts for row in part.rows]
    columns = {name: [row[name] for row in rows] for name in COST_REPORT.names}
    facts = report_facts(
        kit,
        "cost",
        start,
        end,
        [part.answered_utc for part in parts],
        aggregation=aggregation,
        object_id=object_id,
    )
    return COST_REPORT.build(columns, kit.frames, facts=facts)


class _Query(NamedTuple):
    """What the report is about, and the tariff objects of its locations."""

    kit: Kit
    window: Window
    aggregation: Aggregation
    objects: Mapping[str, TariffObjects | None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One object under one tariff direction; a device has no known location."""

    object_id: str
    direction: Direction
    location: SiteLocation | None

    @property
    def are_rows_expected(self) -> bool:
        """Whether it is a finding if there are no rows."""
        if self.direction == "EXPORT":
            return self.location is not None and self.location.is_export_connected
        return self.direction == "IMPORT"

    @property
    def timezone(self) -> str | None:
        return self.location.timezone if self.location else None

    @property
    def currency(self) -> str | None:
        return self.location.currency if self.location else None


class _JobRows(NamedTuple):
    """Rows of the report for one job."""

    rows: list[dict[str, Any]]
    answered_utc: str | None = None


class _Period(NamedTuple):
    """A local month or day, as far as it is in the window.

    Attributes
    ----------
    label : str
    start_us, end_us : int
        Cut by the window.
    whole_us : int
        Length of the whole period.
    findings : tuple of Finding
        ``period.cut``, or none.
    """

    label: str
    start_us: int
    end_us: int
    whole_us: int
    findings: tuple[Finding, ...]


def _jobs(locations: Sequence[SiteLocation], object_id: str | Sequence[str] | None) -> list[_Job]:
    by_id = {location.location_id: location for location in locations}
    jobs = []
    for one in ids_of_option(object_id, by_id):
        for direction in DIRECTIONS:
            jobs.append(_Job(object_id=one, direction=direction, location=by_id.get(one)))
    return jobs


def _rows_of_job(query: _Query, job: _Job) -> _JobRows:
    start_us, end_us = query.window.bounds(job.timezone or "UTC")
    # The time zone of a device comes with its rows: ask for a day more, and cut it off below.
    margin_us = 0 if job.timezone else DAY_US
    try:
        rows = cost_rows(
            query.kit.flatpeak,
            job.object_id,
            start_us - margin_us,
            end_us + margin_us,
            tariff_direction=job.direction,
        )
    except (InvalidRequest, NotFound) as error:
        return _unavailable(query, job, error)
    # Most locations have no LOCAL energy; a row without any would only be noise.
    if not len(rows) and not job.are_rows_expected:
        return _JobRows([])
    if not len(rows):
        # Nothing was metered there, so the place of a device is not known: UTC, no currency.
        rows = replace(rows, currency=None, timezone=None)
    periods_found = _periods(query, job.timezone or rows.timezone or "UTC")
    local = _local_cost(query, job, rows)
    return _JobRows(list(_aggregated(job, rows, local, periods_found)), rows.answered_utc)


def _local_cost(query: _Query, job: _Job, rows: CostRows) -> LocalCost:
    currency = rows.currency or job.currency
    if job.timezone and currency:
        objects = query.objects[job.object_id]
        return local_cost(query.kit, rows, job.timezone, currency, objects)
    if job.direction == "LOCAL":
        return LocalCost.none(rows)
    finding = Finding("cost.unchecked", "the location, and so the tariff, of a device is not known")
    return LocalCost.none(rows, finding)


def _periods(query: _Query, timezone: str) -> list[_Period]:
    bounds = query.window.bounds(timezone)
    labels, whole = periods(query.aggregation, timezone, *bounds)
    edges = np.clip(whole, *bounds)
    found = []
    for number, label in enumerate(labels):
        period = _Period(
            label=label,
            start_us=int(edges[number]),
            end_us=int(edges[number + 1]),
            whole_us=int(whole[number + 1] - whole[number]),
            findings=(),
        )
        if period.end_us - period.start_us < period.whole_us:
            cut = _cut_finding(query.aggregation, timezone, period)
            period = period._replace(findings=(cut,))
        found.append(period)
    return found


def _cut_finding(aggregation: Aggregation, timezone: str, period: _Period) -> Finding:
    if aggregation == "DAY":
        hours = (period.end_us - period.start_us) / HOUR_US
        return Finding("period.cut", f"{hours:.6g} of {period.whole_us / HOUR_US:.6g} hours")
    month = billing_periods(timezone, period.start_us, period.end_us)
    days = month.days[0]
    return Finding("period.cut", f"{days:.6g} of {days / month.share[0]:.6g} days")


class _RowsInPeriod(NamedTuple):
    """Cost rows in one period: their numbers, and the share of each that is inside."""

    row: Int64
    share: Float64

    def __bool__(self) -> bool:
        return len(self.row) > 0

    def total(self, column: Float64) -> float:
        """Return the exactly rounded sum over the rows; NaN if there are none."""
        return fsum(column[self.row] * self.share) if self else np.nan


def _aggregated(
    job: _Job, rows: CostRows, local: LocalCost, all_periods: Sequence[_Period]
) -> Iterator[dict[str, Any]]:
    """Yield one row per period."""
    # Rows are split at the cut edges: what lies outside the window is left out.
    edges = np.array([*(period.start_us for period in all_periods), all_periods[-1].end_us])
    pieces = split_at(edges, rows.start_us, rows.end_us)
    covered_us = covered(pieces, len(all_periods))
    is_counted = rows.is_usual_flow[pieces.row]
    currency = rows.currency or job.currency
    for number, period in enumerate(all_periods):
        in_period = pieces.period == number
        selected = in_period & is_counted
        inside = _RowsInPeriod(pieces.row[selected], pieces.share[selected])
        other_flow = int((in_period & ~is_counted).sum())
        findings = [
            *period.findings,
            *_coverage_findings(int(covered_us[number]), period),
            *_row_findings(rows.confidence[inside.row], other_flow=other_flow),
            *_check_findings(rows, local, inside, currency),
        ]
        figures = _figures(rows, local, inside, currency)
        figures["coverage"] = covered_us[number] / period.whole_us
        yield _null_row(job, period, findings) | figures


def _check_findings(
    rows: CostRows, local: LocalCost, inside: _RowsInPeriod, currency: str | None
) -> Iterator[Finding]:
    """Yield what the check of the costs of a period found; without rows there is no cost."""
    difference = np.abs(local.cost[inside.row] - rows.cost[inside.row])
    if (difference > local.tolerance[inside.row]).any():
        cost = inside.total(rows.cost)
        yield from difference_findings(cost, inside.total(local.cost), currency)
    if local.finding and inside:
        yield local.finding


def _figures(
    rows: CostRows, local: LocalCost, inside: _RowsInPeriod, currency: str | None
) -> dict[str, Any]:
    """Return what the cost rows of a period add up to."""
    own_cost = inside.total(local.cost)
    return {
        "energy_kwh": round(inside.total(rows.energy_kwh), 6),
        "cost": round_money(inside.total(rows.cost), currency),
        "local_cost": round_money(own_cost, currency),
        "local_cost_source": None if np.isnan(own_cost) else local.source,
        "currency": currency,
        "intervals": len(inside.row),
        "confidence": float(rows.confidence[inside.row].min()) if inside else np.nan,
    }


def _null_row(job: _Job, period: _Period, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return a row of the report without figures."""
    return {
        "site_id": job.location.site_id if job.location else None,
        "object_id": job.object_id,
        "object_type": "location" if job.object_id.startswith("loc_") else "device",
        "period": period.label,
        "start_utc": np.datetime64(period.start_us, "us"),
        "end_utc": np.datetime64(period.end_us, "us"),
        "tariff_direction": job.direction,
        "energy_kwh": np.nan,
        "cost": np.nan,
        "local_cost": np.nan,
        "local_cost_source": None,
        "currency": job.currency,
        "intervals": 0,
        "coverage": np.nan,
        "confidence": np.nan,
        "finding": as_text(findings),
    }


def _coverage_findings(covered_us: int, period: _Period) -> Iterator[Finding]:
    in_window_us = period.end_us - period.start_us
    if covered_us == 0:
        yield Finding("coverage.none", "no records in the period")
    elif covered_us < in_window_us:
        yield Finding(
            "coverage.partial",
            f"records cover {covered_us / in_window_us:.1%} of the time; the rest is not in the "
            "figures",
        )


def _row_findings(confidence: Float64, *, other_flow: int) -> Iterator[Finding]:
    uncertain = int((confidence < 1).sum())
    if uncertain:
        yield Finding(
            "confidence.estimated",
            f"{uncertain:,} of {len(confidence):,} rows are estimates or forecasts",
        )
    if other_flow:
        yield Finding(
            "cost.other_flow",
            f"{other_flow:,} rows of energy in the other direction are not in the figures",
        )


def _unavailable(query: _Query, job: _Job, error: Exception) -> _JobRows:
    """Return the rows of an object whose cost the service refuses."""
    if not job.are_rows_expected:
        return _JobRows([])
    finding = Finding("cost.unavailable", str(error))
    rows = []
    for period in _periods(query, job.timezone or "UTC"):
        rows.append(_null_row(job, period, [*period.findings, finding]))
    return _JobRows(rows)
