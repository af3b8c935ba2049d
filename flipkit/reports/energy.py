"""The metered energy of each site, as an energy frame for `simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flipkit.calendar import Window, read_window
from flipkit.errors import InputError, PriceUnavailable
from flipkit.flatpeak import CostRows, cost_rows
from flipkit.frames import SITE_ENERGY, FrameType, returns
from flipkit.http import map_concurrent
from flipkit.reports.shared import SiteLocation, locations_of, report_facts
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
        reports the gap.

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

    def records(job: tuple[SiteLocation, Direction]) -> _Records:
        location, direction = job
        return _records(kit, location, _bounds(window, location), direction)

    found = dict(zip(jobs, map_concurrent(records, jobs, what="energy"), strict=True))
    parts = []
    for location in selected:
        part = _site_columns(
            location.site_id,
            imported=found[location, "IMPORT"],
            exported=found[location, "EXPORT"],
            self_consumed=found[location, "LOCAL"],
        )
        parts.append(part)
    columns: dict[str, Any] = {}
    for name in SITE_ENERGY.names:
        columns[name] = np.concatenate([part[name] for part in parts]) if parts else []
    answered = [records_found.answered_utc for records_found in found.values()]
    facts = report_facts(kit, "site energy", start, end, answered, site_id=site_id)
    return SITE_ENERGY.build(columns, kit.frames, facts=facts)


class _Records(NamedTuple):
    """Records of a location under one tariff direction."""

    start_us: Int64
    end_us: Int64
    energy_kwh: Float64
    answered_utc: str | None


def _selected(
    locations: Sequence[SiteLocation], site_id: str | Sequence[str] | None
) -> list[SiteLocation]:
    """Return the locations of the wanted sites, each once; of all sites by default."""
    by_site = {location.site_id: location for location in locations if location.site_id}
    if site_id is None:
        return [by_site[site] for site in sorted(by_site)]
    wanted = [site_id] if isinstance(site_id, str) else list(dict.fromkeys(site_id))
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


def _records(
    kit: Kit, location: SiteLocation, bounds: tuple[int, int], direction: Direction
) -> _Records:
    try:
        rows: CostRows = cost_rows(
            kit.flatpeak, location.location_id, *bounds, tariff_direction=direction
        )
    except PriceUnavailable:
        if direction == "IMPORT":
            raise
        # Without an export or local price there is no such energy to report.
        none = np.empty(0, dtype=np.int64)
        return _Records(start_us=none, end_us=none, energy_kwh=np.empty(0), answered_utc=None)
    return _Records(
        start_us=rows.start_us,
        end_us=rows.end_us,
        energy_kwh=rows.energy_kwh,
        answered_utc=rows.answered_utc,
    )


def _site_columns(
    site_id: str | None, *, imported: _Records, exported: _Records, self_consumed: _Records
) -> dict[str, np.ndarray]:
    """Add up the records of each interval."""
    # The intervals are those of the imports: each interval has an import record, be it of 0 kWh.
    start_us, first = np.unique(imported.start_us, return_index=True)
    end_us = imported.end_us[first]
    import_wh, export_wh, self_consumed_wh = (
        _wh_by_interval(site_id, start_us, end_us, records)
        for records in (imported, exported, self_consumed)
    )
    return {
        "site_id": np.full(len(start_us), site_id, dtype=object),
        "start_utc": start_us,
        "end_utc": end_us,
        "consumption_kwh": (import_wh + self_consumed_wh) / 1000,
        "generation_kwh": (export_wh + self_consumed_wh) / 1000,
    }


def _wh_by_interval(
    site_id: str | None, start_us: Int64, end_us: Int64, records: _Records
) -> Float64:
    total = np.zeros(len(start_us))
    if len(records.start_us) == 0:
        return total
    interval = np.searchsorted(start_us, records.start_us)
    interval = np.clip(interval, 0, max(len(start_us) - 1, 0))
    is_same = len(start_us) > 0 and (
        (start_us[interval] == records.start_us).all()
        and (end_us[interval] == records.end_us).all()
    )
    if not is_same:
        raise InputError(
            f"site {site_id}: its records do not share the same intervals, so they cannot be "
            "added; submit them with the same start and end times"
        )
    # Whole watt-hours: their sums are exact, in any order.
    np.add.at(total, interval, np.rint(records.energy_kwh * 1000))
    return total
