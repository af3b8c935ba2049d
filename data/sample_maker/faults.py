"""The faults of the fleet: what is wrong, where, when, and whether the energy or only the report
shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

__all__ = ["TROUBLES", "Trouble", "energy_factor", "months_of", "reported"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Trouble:
    """A fault of the equipment, the monitoring or the data of a site.

    Attributes
    ----------
    site_id, kind : str
        Site, and kind of fault.
    first, last : date
        First and last local day of the fault, both included.
    words : str
        Description for readers.
    in_energy : bool
        Whether the metered energy shows it; otherwise only the performance report does.
    depth : float
        dead_string: share of production lost; soiling: further share lost per day.
    """

    site_id: str
    kind: str
    first: date
    last: date
    words: str
    in_energy: bool
    depth: float = 0.0


_FIRST, _LAST = date(2025, 1, 1), date(2026, 1, 31)

TROUBLES = (
    Trouble(
        "ca-03",
        "dead_string",
        date(2025, 6, 11),
        _LAST,
        "One of three strings is dead from 2025-06-11 on and never mended: "
        "a third of the production is lost.",
        in_energy=True,
        depth=1 / 3,
    ),
    Trouble(
        "ca-05",
        "soiling",
        date(2025, 5, 1),
        date(2025, 10, 13),
        "Dust gathers in the dry season, 0.15 % of the production more each day, "
        "until rain on 2025-10-14.",
        in_energy=True,
        depth=0.0015,
    ),
    Trouble(
        "ca-08",
        "zero_production",
        date(2025, 10, 29),
        date(2025, 12, 2),
        "The inverter is off from 2025-10-29 to 2025-12-02: November 2025 is zero, "
        "October and December are short.",
        in_energy=True,
    ),
    Trouble(
        "uk-04",
        "no_report_data",
        date(2025, 8, 1),
        date(2025, 8, 31),
        "The monitoring link was down for August 2025: the report has no actual production. "
        "The meter has the energy.",
        in_energy=False,
    ),
    Trouble(
        "be-04",
        "no_expected",
        _FIRST,
        _LAST,
        "Nobody ever gave an expected production for this site: it is empty in every month.",
        in_energy=False,
    ),
    Trouble(
        "uk-07",
        "zero_expected",
        date(2025, 12, 1),
        date(2025, 12, 31),
        "The expected production of December 2025 was entered as 0.",
        in_energy=False,
    ),
    Trouble(
        "be-05",
        "tiny_expected",
        date(2025, 7, 1),
        date(2025, 7, 31),
        "The expected production of July 2025 was entered in MWh instead of kWh: "
        "a thousandth of what it should be.",
        in_energy=False,
    ),
)


def energy_factor(site_id: str, days: Ints) -> Floats:
    """Share of the production that faults leave on each local day (days since 1970), shape (n,)."""
    left = np.ones(len(days))
    for trouble in TROUBLES:
        if trouble.site_id == site_id and trouble.in_energy:
            left *= _left_by(trouble, days)
    return left


def _left_by(trouble: Trouble, days: Ints) -> Floats:
    since = days - _day_number(trouble.first)
    holds = (since >= 0) & (days <= _day_number(trouble.last))
    lost = np.full(len(days), 1.0 if trouble.kind == "zero_production" else trouble.depth)
    if trouble.kind == "soiling":
        lost *= since + 1
    return np.where(holds, 1.0 - lost, 1.0)


def reported(
    site_id: str, month: str, actual: float, expected: float
) -> tuple[float | None, float | None]:
    """Actual (to the Wh) and expected (to 0.1 kWh) production of a month in the performance report.

    Faults of the report are applied.
    """
    kinds = {t.kind for t in TROUBLES if t.site_id == site_id and month in months_of(t)}
    shown = None if "no_report_data" in kinds else round(actual, 3)
    if "no_expected" in kinds:
        return shown, None
    if "zero_expected" in kinds:
        return shown, 0.0
    return shown, round(expected / 1000, 3) if "tiny_expected" in kinds else round(expected, 1)


def months_of(trouble: Trouble) -> list[str]:
    """The months (``YYYY-MM``) that a trouble touches."""
    first = trouble.first.year * 12 + trouble.first.month - 1
    last = trouble.last.year * 12 + trouble.last.month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(first, last + 1)]


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
