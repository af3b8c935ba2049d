"""The metered energy of each site, as an energy frame for `simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flipkit.calendar import Window, read_window
from flipkit.errors import InputError
from flipkit.flatpeak import CostRows, cost_rows
from flipkit.frames import SITE_ENERGY, FrameType, returns
from flipkit.http import map_concurrent
from flipkit.reports.shared import (
    SiteLocation,
    ids_of_option,
    locations_of,
    report_facts,
    rows_or_none,
)
from flipkit.vocabulary import DIRECTIONS, Direction, Float64, Int64

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["site_energy"]


@returns(SITE_ENERGY)
def site_energy(
    kit: Kit[FrameType], start: Any, end: Any = None, *, site_id: str | Sequence[str] | None = None
) -> FrameType:
    """Return consumption and generation of each site by interval, from its records at Flatpeak.

    consumption = imported + self-consumed generation (LOCAL); generation = exported + self-consumed
    generation. Records of the location and its devices are added; all records of a site must share
    the same intervals.

    Parameters
    ----------
    kit : Kit
    start, end : str, date, datetime, Timestamp or Period
        ``"2025-01"`` and ``"2025-01-31"`` are local months and days of each site, both included; a
        time with a zone is an instant, the end not included. `end` defaults to the end of `start`.
    site_id : str or sequence of str, optional
        Default: every location with a ``reference_id``.

    Returns
    -------
    DataFrame
        In the kit's library. An interval without an import record is absent, so that `simulate`
        reports the gap. ``timezone`` and ``currency`` are those of the location: tariffs of
        another place are then refused.

    Raises
    ------
    InputError
        A site that Flatpeak does not know, an empty or invalid window, or records of one site that
        overlap without being the same interval.
    NaiveTimestampError
        A time without a zone.
    PriceUnavailable
        A location without an import price: the service does not report its energy.
    FlipkitError
        The service did not answer.
    """
    window = read_window(start, end)
    selected = _selected(locations_of(kit), site_id)
    jobs = [(location, direction) for location in selected for direction in DIRECTIONS]

    def rows_of(job: tuple[SiteLocation, Direction]) -> CostRows | None:
        location, direction = job
        bounds = _bounds(window, location)
        if direction == "IMPORT":  # without an import price the report fails
            return cost_rows(
                kit.flatpeak, location.location_id, *bounds, tariff_direction=direction
            )
        return rows_or_none(kit, location, bounds, direction)

    found = dict(zip(jobs, map_concurrent(rows_of, jobs, what="energy"), strict=True))
    parts = []
    for location in selected:
        part = _site_columns(
            location,
            imported=found[location, "IMPORT"],
            exported=found[location, "EXPORT"],
            self_consumed=found[location, "LOCAL"],
        )
        parts.append(part)
    columns: dict[str, Any] = {}
    for name in SITE_ENERGY.names:
        columns[name] = np.concatenate([part[name] for part in parts]) if parts else []
    answered = [rows.answered_utc for rows in found.values() if rows is not None]
    facts = report_facts(kit, "site energy", start, end, answered, site_id=site_id)
    return SITE_ENERGY.build(columns, kit.frames, facts=facts)


def _selected(
    locations: Sequence[SiteLocation], site_id: str | Sequence[str] | None
) -> list[SiteLocation]:
    """Return the locations of the wanted sites, each once; of all sites by default."""
    by_site = {location.site_id: location for location in locations if location.site_id}
    wanted = ids_of_option(site_id, by_site)
    unknown = [site for site in wanted if site not in by_site]
    if unknown:
        raise InputError(
            f"no location has the reference_id {', '.join(map(str, unknown))}; see "
            "kit.flatpeak.locations()"
        )
    return [by_site[site] for site in wanted]


def _bounds(window: Window, location: SiteLocation) -> tuple[int, int]:
    if window.needs_zone and not location.timezone:
        raise InputError(
            f"site {location.site_id} has no time zone at Flatpeak, so local dates cannot be read; "
            "give start and end as times with a zone"
        )
    return window.bounds(location.timezone or "UTC")


def _site_columns(
    location: SiteLocation,
    *,
    imported: CostRows | None,
    exported: CostRows | None,
    self_consumed: CostRows | None,
) -> dict[str, np.ndarray]:
    """Add up the records of each interval."""
    assert imported is not None
    site_id = location.site_id
    # The intervals are those of the imports: each interval has an import record, be it of 0 kWh.
    start_us, first = np.unique(imported.start_us, return_index=True)
    end_us = imported.end_us[first]
    import_wh = _wh_by_interval(site_id, start_us, end_us, imported)
    export_wh = _wh_by_interval(site_id, start_us, end_us, exported)
    self_consumed_wh = _wh_by_interval(site_id, start_us, end_us, self_consumed)
    return {
        "site_id": np.full(len(start_us), site_id, dtype=object),
        "timezone": np.full(len(start_us), location.timezone, dtype=object),
        "currency": np.full(len(start_us), location.currency, dtype=object),
        "start_utc": start_us,
        "end_utc": end_us,
        "consumption_kwh": (import_wh + self_consumed_wh) / 1000,
        "generation_kwh": (export_wh + self_consumed_wh) / 1000,
    }


def _wh_by_interval(
    site_id: str | None, start_us: Int64, end_us: Int64, rows: CostRows | None
) -> Float64:
    total = np.zeros(len(start_us))
    if not rows:
        return total
    interval = np.searchsorted(start_us, rows.start_us)
    interval = np.clip(interval, 0, max(len(start_us) - 1, 0))
    is_same = len(start_us) > 0 and (
        (start_us[interval] == rows.start_us).all() and (end_us[interval] == rows.end_us).all()
    )
    if not is_same:
        raise InputError(
            f"site {site_id}: its records do not share the same intervals, so they cannot be "
            "added; submit them with the same start and end times"
        )
    # Whole watt-hours: their sums are exact, in any order.
    np.add.at(total, interval, np.rint(rows.energy_kwh * 1000))
    return total
