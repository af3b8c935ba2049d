"""Which sites produce less than expected, and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flipkit.calendar import read_window
from flipkit.frames import PERFORMANCE_REPORT, Finding, Frame, as_text, facts, returns, take

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["LOW", "performance_report"]

LOW = 0.9
"""A performance index below this is pointed out; healthy systems vary by about 5 % with the weather."""

_HIGH = 1.3  # above this the expected value is more likely wrong than the system that good


@returns(PERFORMANCE_REPORT)
def performance_report(kit: Kit, start: str, end: str) -> Frame:
    """Actual against expected production for each site and month, with what was lost.

    A site stays in the report whatever the data: where it cannot be judged, ``finding`` says why and the figures are
    null. The rank orders the sites of a month by what they lost; 1 lost most.

    Findings: ``performance.no_row`` (the service left the site out), ``performance.no_data``,
    ``performance.no_expected_value``, ``performance.expected_zero``, ``performance.not_monitored`` (neither, and no
    system size), ``performance.zero_production``, ``performance.low`` (index below 0.9), ``performance.implausible``
    (above 1.3), ``performance.month_to_date``.

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
        The service did not answer.
    """
    months = read_window(start, end).months()
    report = kit.flip.equipment_performance(start=start, end=end)
    answered = facts(report).get("data_time_utc")
    rows = _Rows(report)
    sites = sorted(
        {*take(kit.flip.sites(), texts=["site_id"])["site_id"], *(site for site, _ in rows.index)}
    )
    judged = [_judge(rows, site, month, (answered or "")[:7]) for site in sites for month in months]
    columns = {
        name: [row[name] for row in judged] for name in PERFORMANCE_REPORT.names if name != "rank"
    }
    ranks = _ranks(columns["month"], columns["lost_kwh"])
    query = {"report": "performance", "start": start, "end": end}
    about = {"query": query, "data_time_utc": answered, "environment": kit.environment}
    return PERFORMANCE_REPORT.build(columns | {"rank": ranks}, kit.frames, facts=about)


class _Rows:
    """The service's rows by site and month."""

    def __init__(self, report: Frame) -> None:
        numbers = ["actual_production_kwh", "expected_production_kwh", "system_size_kw"]
        self.columns = take(report, numbers=numbers, texts=["site_id", "month", "customer_name"])
        pairs = zip(self.columns["site_id"], self.columns["month"], strict=True)
        self.index = {pair: row for row, pair in enumerate(pairs)}

    def get(self, site: str, month: str) -> dict[str, object] | None:
        row = self.index.get((site, month))
        return None if row is None else {name: values[row] for name, values in self.columns.items()}


def _judge(rows: _Rows, site: str, month: str, current: str) -> dict[str, object]:
    row = rows.get(site, month)
    if row is None:
        missing = Finding(
            "performance.no_row", "the service's report for the month does not hold the site"
        )
        return dict.fromkeys(PERFORMANCE_REPORT.names) | {
            "site_id": site,
            "month": month,
            "finding": str(missing),
        }
    actual, expected = float(row["actual_production_kwh"]), float(row["expected_production_kwh"])  # type: ignore[arg-type]
    findings = _obstacles(actual, expected, float(row["system_size_kw"]))  # type: ignore[arg-type]
    index = lost = float("nan")
    if not findings:
        index, lost = actual / expected, max(expected - actual, 0.0)
        findings = _remarks(actual, index, lost)
    if month == current and actual == actual:
        findings.append(
            Finding("performance.month_to_date", "the month is not over; both figures are to date")
        )
    return row | {
        "performance_index": index,
        "lost_kwh": round(lost, 6),
        "finding": as_text(findings),
    }


def _obstacles(actual: float, expected: float, size_kw: float) -> list[Finding]:
    """Why the month cannot be judged."""
    if np.isnan([actual, expected, size_kw]).all():
        return [
            Finding(
                "performance.not_monitored",
                "no production, no expectation and no system size: no solar?",
            )
        ]
    found = []
    if np.isnan(actual):
        found.append(Finding("performance.no_data", "no production was reported for the month"))
    if np.isnan(expected):
        found.append(Finding("performance.no_expected_value", "push one with flip.push_fleet_data"))
    if expected <= 0:
        found.append(
            Finding("performance.expected_zero", f"the expected value is {expected:g} kWh")
        )
    return found


def _remarks(actual: float, index: float, lost: float) -> list[Finding]:
    """What stands out in a month that can be judged."""
    if actual == 0:
        return [
            Finding(
                "performance.zero_production",
                f"nothing was produced; {lost:,.0f} kWh were expected",
            )
        ]
    if index < LOW:
        return [Finding("performance.low", f"{1 - index:.0%} below the expectation")]
    if index > _HIGH:
        return [
            Finding(
                "performance.implausible",
                f"{index:.2f} times the expectation; check the expected value",
            )
        ]
    return []


def _ranks(months: list[object], lost: list[object]) -> np.ndarray:
    """1 for the row of its month that lost most; NaN where nothing could be judged. Ties keep the order of the rows."""
    month, kwh = np.array(months, dtype=object), np.array(lost, dtype=np.float64)
    ranks = np.full(len(kwh), np.nan)
    for name in set(months):
        rows = np.flatnonzero((month == name) & ~np.isnan(kwh))
        ranks[rows[np.argsort(-kwh[rows], kind="stable")]] = np.arange(1, len(rows) + 1)
    return ranks
