"""The metered energy of each site, in the shape that `simulate` takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from flipkit.calendar import from_us, read_window
from flipkit.errors import InputError, PriceUnavailable
from flipkit.frames import SITE_ENERGY, Frame, facts, returns, take
from flipkit.http import map_concurrent

if TYPE_CHECKING:
    from flipkit.connect import Kit

__all__ = ["site_energy"]

_DIRECTIONS = ("IMPORT", "EXPORT", "LOCAL")


@returns(SITE_ENERGY)
def site_energy(
    kit: Kit, start: Any, end: Any, *, site_id: str | Sequence[str] | None = None
) -> Frame:
    """Consumption and generation of each site by interval, from its meter records at Flatpeak.

    consumption = imported + own generation used (LOCAL); generation = exported + own generation used. Records of the
    location and its devices are added; every record of a site must be on one grid of times.

    Parameters
    ----------
    kit : Kit
    start, end : str or datetime
        ``"2025-01"`` and ``"2025-01-31"`` are local months and days of each site, both ends included; a time with a
        zone is an instant, the end not included.
    site_id : str or sequence of str, optional
        Every location with a ``reference_id`` by default.

    Returns
    -------
    DataFrame
        In the kit's library; an interval without an import record is absent, so that `simulate` points at the hole.

    Raises
    ------
    InputError
        A site that Flatpeak does not know, or records of one site that overlap without being the same interval.
    FlipkitError
        The service did not answer.
    """
    wanted = [site_id] if isinstance(site_id, str) else site_id
    columns = take(kit.flatpeak.locations(), texts=["reference_id", "location_id", "timezone"])
    known = {
        site: (location, zone)
        for site, location, zone in zip(*columns.values(), strict=True)
        if site
    }
    unknown = [site for site in wanted or () if site not in known]
    if unknown:
        raise InputError(
            f"no location with the reference_id {', '.join(unknown)}; see kit.flatpeak.locations()"
        )
    sites = sorted(known) if wanted is None else list(dict.fromkeys(wanted))
    jobs = [(site, *known[site], direction) for site in sites for direction in _DIRECTIONS]
    answers = map_concurrent(partial(_records, kit, start, end), jobs, what="energy")
    parts = [_site(site, answers[3 * number : 3 * number + 3]) for number, site in enumerate(sites)]
    merged = {name: _joined([part[name] for part in parts]) for name in SITE_ENERGY.names}
    times = [time for *_, time in answers if time]
    query = {"report": "site energy", "start": str(start), "end": str(end), "site_id": site_id}
    about = {
        "query": query,
        "data_time_utc": max(times, default=None),
        "environment": kit.environment,
    }
    return SITE_ENERGY.build(merged, kit.frames, facts=about)


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=object)


def _records(
    kit: Kit, start: Any, end: Any, job: tuple[str, str, str, str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str | None]:
    """Start, end and energy of a location's records of one direction, and when the service answered."""
    _, location, zone, direction = job
    begin, stop = map(from_us, read_window(start, end).bounds(zone))
    try:
        costs = kit.flatpeak.cost_by_interval(location, begin, stop, tariff_direction=direction)
    except PriceUnavailable:
        if direction == "IMPORT":
            raise
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), None
    columns = take(costs, times=["start_utc", "end_utc"], numbers=["energy_kwh"])
    begins, ends = columns["start_utc"].view(np.int64), columns["end_utc"].view(np.int64)
    return begins, ends, columns["energy_kwh"], facts(costs).get("data_time_utc")


def _site(
    site: str, answers: list[tuple[np.ndarray, np.ndarray, np.ndarray, str | None]]
) -> dict[str, np.ndarray]:
    """Sum the records of each interval, in watt-hours, which add without rounding."""
    grid, first = np.unique(answers[0][0], return_index=True)
    ends = answers[0][1][first]
    imported, exported, used = (_on_grid(site, grid, ends, *answer[:3]) for answer in answers)
    return {
        "site_id": np.full(len(grid), site, dtype=object),
        "start_utc": grid,
        "end_utc": ends,
        "consumption_kwh": (imported + used) / 1000,
        "generation_kwh": (exported + used) / 1000,
    }


def _on_grid(
    site: str,
    grid: np.ndarray,
    ends: np.ndarray,
    begin: np.ndarray,
    stop: np.ndarray,
    kwh: np.ndarray,
) -> np.ndarray:
    total = np.zeros(len(grid))
    if not len(begin):
        return total
    place = np.clip(np.searchsorted(grid, begin), 0, max(len(grid) - 1, 0))
    if not len(grid) or (grid[place] != begin).any() or (ends[place] != stop).any():
        raise InputError(
            f"site {site}: records of different lengths or times; they cannot be put on one grid"
        )
    np.add.at(total, place, np.rint(kwh * 1000))
    return total
