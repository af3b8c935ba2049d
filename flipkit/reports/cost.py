"""What energy cost, by local month or day, with how much of the time the figure covers and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import covered, from_us, periods, read_window, split_at
from flipkit.errors import InvalidRequest, NotFound
from flipkit.frames import COST_REPORT, Finding, Frame, as_text, facts, returns, take
from flipkit.http import map_concurrent
from flipkit.money import round_money
from flipkit.reports.check import (
    Local,
    Objects,
    Records,
    cost_columns,
    difference,
    rated,
    records_of,
    tariff_objects,
)
from flipkit.vocabulary import DAY_US

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["cost_report"]


@returns(COST_REPORT)
def cost_report(
    kit: Kit,
    start: Any,
    end: Any,
    *,
    aggregation: str = "MONTH",
    object_id: str | Sequence[str] | None = None,
) -> Frame:
    """Energy and its cost per location (or device), tariff direction, and local month or day.

    The figures are sums over the service's own cost rows, one a record; a row across a local midnight is split in
    proportion to time. ``coverage`` counts the time that has records against the local period (23, 24 or 25 hours a
    day), ``confidence`` is the lowest of any row. Cost is rounded once, half to even, to the currency's smallest
    unit; under EXPORT it is what the energy earned. Rows of different currencies are not to be added.

    ``local_cost`` is the check: the same records rated here with the location's own tariff objects (COMMODITY and
    NON_COMMODITY, tiers included), or where these cannot be read, such as market rates, with the service's price list.
    Where it differs from ``cost`` by the smallest unit or more, and records by more than whole Wh explain, the row says
    so. Null where there is no cost, and for LOCAL energy without a LOCAL tariff.

    A location's report holds the records of its devices too: add locations or devices, not both.

    Findings: ``coverage.none``, ``coverage.partial``, ``confidence.estimated``, ``cost.unavailable`` (the service has
    no price or no such object; its own words follow), ``cost.differs`` (from ``local_cost``; both figures follow),
    ``cost.unchecked`` (there is nothing to rate it by; whose tariff a device has is not known), ``cost.other_flow``
    (energy against the direction's own flow, such as what a battery supplied under IMPORT, is an avoided cost and not
    in the figures; the contract has no field for it, so it is seen only where the service says so).

    Parameters
    ----------
    kit : Kit
    start, end : str or datetime
        ``"2025-01"`` and ``"2025-01-31"`` are local months and days of each site, both ends included; a time with a
        zone is an instant, the end not included.
    aggregation : {"MONTH", "DAY"}
    object_id : str or sequence of str, optional
        Locations or devices; every location by default.

    Returns
    -------
    DataFrame
        In the kit's library.

    Raises
    ------
    InputError
        A window that is empty or no time, another aggregation.
    FlipkitError
        The service did not answer.
    """
    jobs = list(_jobs(kit, object_id))
    places = list(dict.fromkeys(job.object_id for job in jobs if job.zone))
    objects = dict(
        zip(
            places,
            map_concurrent(partial(tariff_objects, kit), places, what="tariffs"),
            strict=True,
        )
    )
    ask = _Ask(kit, start, end, aggregation, objects)
    parts = map_concurrent(partial(_report, ask), jobs, what="cost report")
    columns = {name: [row[name] for rows, _ in parts for row in rows] for name in COST_REPORT.names}
    times = [time for _, time in parts if time]
    about = {
        "report": "cost",
        "start": str(start),
        "end": str(end),
        "aggregation": aggregation,
        "object_id": object_id,
    }
    return COST_REPORT.build(
        columns,
        kit.frames,
        facts={
            "query": about,
            "data_time_utc": max(times, default=None),
            "environment": kit.environment,
        },
    )


class _Ask(NamedTuple):
    """What the report is about, and the tariff objects of its locations."""

    kit: Kit
    start: Any
    end: Any
    aggregation: str
    objects: Mapping[str, Objects | None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One object under one tariff direction; `zone` is None until the service tells it."""

    object_id: str
    site_id: str | None
    direction: str
    zone: str | None
    currency: str | None
    expected: bool  # whether records are expected, so that their absence is a finding


def _jobs(kit: Kit, object_id: str | Sequence[str] | None) -> Iterator[_Job]:
    wanted = [object_id] if isinstance(object_id, str) else object_id
    columns = take(
        kit.flatpeak.locations(),
        texts=["location_id", "reference_id", "timezone", "currency", "tariff_commodity_export"],
    )
    locations = {row[0]: row for row in zip(*columns.values(), strict=True)}
    for key in sorted(locations) if wanted is None else dict.fromkeys(wanted):
        _, site, zone, currency, export = locations.get(key, (key, None, None, None, None))
        yield _Job(key, site, "IMPORT", zone, currency, expected=True)
        yield _Job(key, site, "EXPORT", zone, currency, expected=export == "CONNECTED")
        yield _Job(key, site, "LOCAL", zone, currency, expected=False)


def _report(ask: _Ask, job: _Job) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of one job, and when the service answered."""
    window = read_window(ask.start, ask.end).bounds(job.zone or "UTC")
    margin = (
        0 if job.zone else DAY_US
    )  # a device's zone comes with its rows; what is too much is cut off again
    asked = [from_us(window[0] - margin), from_us(window[1] + margin)]
    try:
        costs = ask.kit.flatpeak.cost_by_interval(
            job.object_id, *asked, tariff_direction=job.direction
        )
    except (InvalidRequest, NotFound) as error:
        finding = Finding("cost.unavailable", str(error))
        return (
            list(_unavailable(job, window, ask.aggregation, finding)) if job.expected else []
        ), None
    rows = _Rows(costs, job.direction)
    if not len(rows.start) and not job.expected:
        return [], None
    zone = job.zone or rows.zone or "UTC"
    window = read_window(ask.start, ask.end).bounds(zone)
    found = _aggregated(
        job, rows, _local(ask, job, rows), *periods(ask.aggregation, zone, *window), window
    )
    return list(found), facts(costs).get("data_time_utc")


class _Rows:
    """The service's cost rows as columns."""

    def __init__(self, costs: Frame, direction: str) -> None:
        columns = cost_columns(costs)
        self.start, self.end, self.energy, self.own = records_of(columns, direction)
        self.cost, self.confidence = columns["cost"], columns["confidence"]
        self.currency = next(iter(columns["currency"]), None)
        self.zone = next(iter(columns["timezone"]), None)


def _local(ask: _Ask, job: _Job, rows: _Rows) -> Local:
    """The rows rated here."""
    currency = rows.currency or job.currency
    if job.zone and currency:
        found = (
            job.object_id,
            job.direction,
            job.zone,
            currency,
            rows.start,
            rows.end,
            rows.energy,
            rows.own,
        )
        return rated(ask.kit, Records(*found), ask.objects[job.object_id])
    nothing = np.full(len(rows.start), np.nan)
    silent = job.direction == "LOCAL"
    return Local(
        nothing,
        nothing,
        None if silent else Finding("cost.unchecked", "whose tariff it has is not known"),
    )


def _aggregated(
    job: _Job,
    rows: _Rows,
    local: Local,
    labels: tuple[str, ...],
    edges: np.ndarray,
    window: tuple[int, int],
) -> Iterator[dict[str, Any]]:
    edges = np.clip(edges, *window)
    pieces = split_at(edges, rows.start, rows.end)
    time = covered(pieces, len(labels))
    currency = rows.currency or job.currency
    beyond = np.abs(local.cost - rows.cost) > local.slack
    for period, label in enumerate(labels):
        there = pieces.period == period
        own = there & rows.own[pieces.row]
        row, share = pieces.row[own], pieces.share[own]
        confidence = rows.confidence[row]
        coverage = float(time[period] / (edges[period + 1] - edges[period]))
        cost, here = (
            fsum(column[row] * share) if len(row) else np.nan for column in (rows.cost, local.cost)
        )
        found = [*_findings(coverage, confidence, int((there & ~own).sum()))]
        found += [*difference(cost, here, bool(beyond[row].any()), currency)]
        found += [local.finding] if local.finding and len(row) else []
        yield _base(job, label, edges, period) | {
            "energy_kwh": round(fsum(rows.energy[row] * share), 6) if len(row) else np.nan,
            "cost": round_money(cost, currency),
            "local_cost": round_money(here, currency),
            "currency": currency,
            "intervals": len(row),
            "coverage": coverage,
            "confidence": float(confidence.min()) if len(row) else np.nan,
            "finding": as_text(found),
        }


def _base(job: _Job, label: str, edges: np.ndarray, period: int) -> dict[str, Any]:
    return {
        "site_id": job.site_id,
        "object_id": job.object_id,
        "object_type": "location" if job.object_id.startswith("loc_") else "device",
        "period": label,
        "start_utc": edges[period].astype("datetime64[us]"),
        "end_utc": edges[period + 1].astype("datetime64[us]"),
        "tariff_direction": job.direction,
    }


def _findings(coverage: float, confidence: np.ndarray, others: int) -> Iterator[Finding]:
    if coverage == 0:
        yield Finding("coverage.none", "no records in the period")
    elif coverage < 1:
        yield Finding(
            "coverage.partial",
            f"records for {coverage:.1%} of the time; the rest is not in the figures",
        )
    unsure = int((confidence < 1).sum())
    if unsure:
        yield Finding(
            "confidence.estimated",
            f"{unsure:,} of {len(confidence):,} rows are estimates or forecasts",
        )
    if others:
        yield Finding(
            "cost.other_flow", f"{others:,} rows of energy the other way are not in the figures"
        )


def _unavailable(
    job: _Job, window: tuple[int, int], aggregation: str, finding: Finding
) -> Iterator[dict[str, Any]]:
    labels, edges = periods(aggregation, job.zone or "UTC", *window)
    edges = np.clip(edges, *window)
    numbers = ("energy_kwh", "cost", "local_cost", "coverage", "confidence")
    nothing = dict.fromkeys(numbers, np.nan) | {"intervals": 0}
    for period, label in enumerate(labels):
        yield (
            _base(job, label, edges, period)
            | nothing
            | {"currency": job.currency, "finding": str(finding)}
        )
