"""Which sites produce less than expected, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flipkit import flip
from flipkit.calendar import read_window
from flipkit.frames import PERFORMANCE_REPORT, Finding, FrameType, as_text, returns
from flipkit.reports.shared import report_facts
from flipkit.vocabulary import Float64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["performance_columns", "performance_report"]

_LOW = 0.9  # healthy systems vary by about 5 % with the weather
_HIGH = 1.3  # above it, a wrong expected value is more likely than such a good system

_REPORTED = (
    "site_id",
    "month",
    "customer_name",
    "actual_production_kwh",
    "expected_production_kwh",
    "system_size_kw",
)


@returns(PERFORMANCE_REPORT)
def performance_report(kit: Kit[FrameType], start: Any, end: Any = None) -> FrameType:
    """Compare actual with expected production for each site and month.

    A site stays in the report whatever the data: if it cannot be evaluated, ``finding`` says why
    and the figures are null. The rank orders the sites of a month by lost production; 1 lost most.

    Findings: ``performance.no_row`` (the service's report lacks the site), ``performance.no_data``,
    ``performance.no_expected_value``, ``performance.expected_zero``, ``performance.not_monitored``
    (neither value, and no system size), ``performance.zero_production``, ``performance.low``
    (performance index below 0.9), ``performance.implausible`` (above 1.3),
    ``performance.month_to_date``.

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
        The service did not answer.
    """
    columns, answered_utc = performance_columns(kit, read_window(start, end).months())
    about = report_facts(kit, "performance", start, end, [answered_utc])
    return PERFORMANCE_REPORT.build(columns, kit.frames, facts=about)


def performance_columns(kit: Kit, months: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    """Return the columns of the report, one row per site and month, and the time of the data."""
    answer = flip.performance_columns(kit.flip, months)
    reported = _reported_rows(answer.columns)
    current_month = (answer.data_time_utc or "")[:7]

    listed_sites = flip.site_columns(kit.flip).columns["site_id"]
    sites = sorted({*listed_sites, *(site for site, _ in reported)})
    rows = []
    for site in sites:
        for month in months:
            row = _evaluated(site, month, reported.get((site, month)), month == current_month)
            rows.append(row)

    columns: dict[str, Any] = {}
    for name in PERFORMANCE_REPORT.names:
        columns[name] = [row.get(name) for row in rows]
    columns["rank"] = _ranks(columns["month"], columns["lost_kwh"])
    return columns, answer.data_time_utc


def _reported_rows(columns: Mapping[str, np.ndarray]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the service's rows by site and month."""
    rows = {}
    for number, key in enumerate(zip(columns["site_id"], columns["month"], strict=True)):
        rows[key] = {name: columns[name][number] for name in _REPORTED}
    return rows


def _evaluated(
    site: str, month: str, reported: dict[str, Any] | None, is_current: bool
) -> dict[str, Any]:
    """Return one row of the report, without its rank."""
    if reported is None:
        finding = Finding("performance.no_row", "the service's report lacks the site in this month")
        return {"site_id": site, "month": month, "finding": str(finding)}
    actual = float(reported["actual_production_kwh"])
    expected = float(reported["expected_production_kwh"])
    index = lost_kwh = float("nan")
    findings = list(_obstacles(actual, expected, float(reported["system_size_kw"])))
    if not findings:
        index = actual / expected
        lost_kwh = max(expected - actual, 0.0)
        findings = list(_remarks(actual, index, lost_kwh))
    if is_current and not np.isnan(actual):
        findings.append(
            Finding("performance.month_to_date", "the month is not over; both figures are to date")
        )
    return reported | {
        "performance_index": index,
        "lost_kwh": round(lost_kwh, 6),
        "finding": as_text(findings),
    }


def _obstacles(actual: float, expected: float, size_kw: float) -> Iterator[Finding]:
    """Yield why a month cannot be evaluated."""
    if np.isnan(actual) and np.isnan(expected) and np.isnan(size_kw):
        yield Finding(
            "performance.not_monitored",
            "no production, no expected value and no system size; the site may have no solar",
        )
        return
    if np.isnan(actual):
        yield Finding("performance.no_data", "no production was reported for the month")
    if np.isnan(expected):
        yield Finding("performance.no_expected_value", "push one with flip.push_fleet_data")
    if expected <= 0:
        yield Finding("performance.expected_zero", f"the expected value is {expected:g} kWh")


def _remarks(actual: float, index: float, lost_kwh: float) -> Iterator[Finding]:
    """Yield what stands out in a month that can be evaluated."""
    if actual == 0:
        yield Finding(
            "performance.zero_production",
            f"nothing was produced; {lost_kwh:,.0f} kWh were expected",
        )
    elif index < _LOW:
        yield Finding("performance.low", f"{1 - index:.0%} below the expected value")
    elif index > _HIGH:
        yield Finding(
            "performance.implausible",
            f"{index:.2f} times the expected value; check the expected value",
        )


def _ranks(months: Sequence[str], lost: Sequence[float | None]) -> Float64:
    """Return 1 for the largest loss of a month; ties keep the order of rows, nulls have no rank."""
    month = np.array(months, dtype=object)
    lost_kwh = np.array(lost, dtype=np.float64)
    ranks = np.full(len(lost_kwh), np.nan)
    for label in set(months):
        rows = np.flatnonzero((month == label) & ~np.isnan(lost_kwh))
        order = np.argsort(-lost_kwh[rows], kind="stable")
        ranks[rows[order]] = np.arange(1, len(rows) + 1)
    return ranks
