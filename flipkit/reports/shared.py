"""What the reports share: locations, cost rows of a location, the provenance of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flipkit.errors import PriceUnavailable
from flipkit.flatpeak import CostRows, cost_rows, location_columns
from flipkit.vocabulary import Direction

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["SiteLocation", "ids_of_option", "locations_of", "report_facts", "rows_or_none"]


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


def ids_of_option(option: str | Sequence[str] | None, all_ids: Iterable[str]) -> list[str]:
    """Return the ids of an option that takes one id, many, or None for all, each once."""
    if option is None:
        return sorted(all_ids)
    return [option] if isinstance(option, str) else list(dict.fromkeys(option))


def rows_or_none(
    kit: Kit, location: SiteLocation, bounds: tuple[int, int], direction: Direction
) -> CostRows | None:
    """Return the cost rows of a location; None if the service reports none without a price."""
    try:
        return cost_rows(kit.flatpeak, location.location_id, *bounds, tariff_direction=direction)
    except PriceUnavailable:
        return None


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
