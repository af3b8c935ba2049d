"""What the reports share: the locations of the account, and the provenance of a report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flipkit.flatpeak import location_columns

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["SiteLocation", "locations_of", "report_facts"]


class SiteLocation(NamedTuple):
    """A location at Flatpeak; its ``reference_id`` is the site's id."""

    location_id: str
    site_id: str | None
    timezone: str | None
    currency: str | None
    is_export_connected: bool


def locations_of(kit: Kit) -> list[SiteLocation]:
    """Return all locations of the account, ordered by location id."""
    columns = location_columns(kit.flatpeak)
    locations = []
    for row, location_id in enumerate(columns["location_id"]):
        location = SiteLocation(
            location_id=location_id,
            site_id=columns["reference_id"][row] or None,
            timezone=columns["timezone"][row],
            currency=columns["currency"][row],
            is_export_connected=columns["tariff_commodity_export"][row] == "CONNECTED",
        )
        locations.append(location)
    return locations


def report_facts(
    kit: Kit, name: str, start: Any, end: Any, answered: Iterable[str | None], **options: Any
) -> dict[str, Any]:
    """Return the provenance of a report: its query, and the time of the latest answer."""
    query = {"report": name, "start": str(start), "end": None if end is None else str(end)}
    times = [time for time in answered if time]
    return {
        "query": query | options,
        "data_time_utc": max(times, default=None),
        "environment": kit.environment,
    }
