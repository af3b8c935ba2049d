"""Write the files of the sample; the bytes are the same on every run."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .build import PerformanceRow, SiteYear
from .car import Session
from .clock import HALF_HOUR_S, utc_text
from .faults import Trouble, months_of
from .market import MARKET, agile_prices

__all__ = [
    "write_energy",
    "write_json",
    "write_market",
    "write_performance",
    "write_sessions",
    "write_troubles",
]

ENERGY_COLUMNS = ("start_utc", "home_wh", "car_wh", "generation_wh", "charge_wh", "discharge_wh")


def write_json(path: Path, content: Any) -> None:
    """Write JSON as UTF-8, one key per line, with a newline at the end."""
    _put(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_energy(path: Path, year: SiteYear) -> None:
    """Write the half-hours of a site, whole Wh."""
    columns = (year.home, year.car, year.generation, year.charge, year.discharge)
    rows = zip(utc_text(year.clock.start_s), *(column.tolist() for column in columns), strict=True)
    _put_csv(path, ENERGY_COLUMNS, rows)


def write_sessions(path: Path, sessions: Iterable[Session]) -> None:
    """Write charging sessions, sorted by site and start."""
    ordered = sorted(sessions, key=lambda s: (s.site_id, s.start_s))
    starts = utc_text(np.array([s.start_s for s in ordered], dtype=np.int64))
    ends = utc_text(np.array([s.end_s for s in ordered], dtype=np.int64))
    rows = [
        (s.session_reference_id, s.site_id, start, end, s.energy_wh)
        for s, start, end in zip(ordered, starts, ends, strict=True)
    ]
    _put_csv(path, ("session_reference_id", "site_id", "start_utc", "end_utc", "energy_wh"), rows)


def write_performance(path: Path, rows: Iterable[PerformanceRow]) -> None:
    """Write performance by site and month; unknown values are empty."""
    columns = ("site_id", "month", "actual_production_kwh", "expected_production_kwh")
    ordered = sorted(rows, key=lambda row: row[:2])
    _put_csv(
        path, columns, [tuple("" if cell is None else cell for cell in row) for row in ordered]
    )


def write_market(path: Path) -> None:
    """Write the half-hourly price series."""
    clock, price = agile_prices()
    starts, ends = utc_text(clock.start_s), utc_text(clock.start_s + HALF_HOUR_S)
    rows = [
        (MARKET, *cells)
        for cells in zip(starts, ends, (f"{p:.5f}" for p in price.tolist()), strict=True)
    ]
    _put_csv(path, ("market", "start_utc", "end_utc", "price_per_kwh"), rows)


def write_troubles(path: Path, troubles: Sequence[Trouble]) -> None:
    """Write the faults of the fleet, for tests and readers."""
    write_json(path, [_trouble(trouble) for trouble in sorted(troubles, key=lambda t: t.site_id)])


def _trouble(trouble: Trouble) -> dict[str, Any]:
    return {
        "site_id": trouble.site_id,
        "kind": trouble.kind,
        "first_day": trouble.first.isoformat(),
        "last_day": trouble.last.isoformat(),
        "months": months_of(trouble),
        "in_energy": trouble.in_energy,
        "words": trouble.words,
    }


def _put_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    _put(path, "\n".join(lines) + "\n")


def _put(path: Path, text: str) -> None:
    """Write text; a name that ends in ``.gz`` is compressed, with no time and no name inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)
