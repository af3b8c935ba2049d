"""The tier that the service has reached at a location, by the records stored there.

The service prices a record on top of its stored records, whatever a scenario would have used by
then. So the cost of an interval can be compared only where both are on the same tier.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import from_us, month_edges
from flipkit.frames import take
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import has_tiers, parts_in_force
from flipkit.tariffs.rating import Span, Used, tiers_reached
from flipkit.vocabulary import Float64, Int64

__all__ = ["ServiceTiers", "tier_steps"]

_HALF_WH = 0.0005  # kWh: rounding of a record in a report of whole Wh
_ALWAYS = -(1 << 62), 1 << 62


class ServiceTiers:
    """The tiers of a client's locations; the records of each location are read once.

    Parameters
    ----------
    client : Flatpeak
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._stored: dict[tuple[str, int, int], tuple[Used, Int64]] = {}

    def tiers_at(
        self, location_id: str, tariff: Tariff, start_us: Int64, end_us: Int64, kwh: Float64
    ) -> Int64:
        """Return the tier at which the service would price each of some imports, one at a time.

        Parameters
        ----------
        location_id : str
        tariff : Tariff
            With tiers; months begin by its own time zone.
        start_us, end_us : ndarray of int64, shape (n,)
            Ascending.
        kwh : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
            From 0; -1 if the record would be on two tiers, or is so close to a limit that the whole
            Wh of the service's report leave a doubt.

        Raises
        ------
        RequestError
            The stored records could not be read.
        """
        first_us, last_us = int(start_us[0]), int(end_us[-1])
        months = month_edges(tariff.timezone, first_us, last_us).edges
        used, record_starts = self._used(location_id, int(months[0]), last_us)
        month_start = months[np.searchsorted(months, start_us, side="right") - 1]
        records_before_end = np.searchsorted(record_starts, end_us)
        records = records_before_end - np.searchsorted(record_starts, month_start)
        doubt = _HALF_WH * (records + 1).astype(np.float64)
        # Each stored record may have used half a Wh more or less than the report says.
        lowest = tier_steps(tariff, start_us, used, -doubt)
        # The priced record replaces a stored record of the same times: at most both count.
        stored_kwh = used.before(end_us) - used.before(start_us)
        highest = tier_steps(tariff, start_us, used, stored_kwh + kwh + doubt)
        return np.where(lowest == highest, lowest, -1)

    def _used(self, location_id: str, start_us: int, end_us: int) -> tuple[Used, Int64]:
        """Stored imports of [start, end), and the sorted starts of their records."""
        key = location_id, start_us, end_us
        if key not in self._stored:
            self._stored[key] = self._read(location_id, start_us, end_us)
        return self._stored[key]

    def _read(self, location_id: str, start_us: int, end_us: int) -> tuple[Used, Int64]:
        report = self._client.cost_by_interval(location_id, from_us(start_us), from_us(end_us))
        columns = take(
            report,
            times=["start_utc", "end_utc"],
            numbers=["energy_kwh"],
            texts=["energy_flow_direction"],
        )
        # Outbound energy at the import price is supplied by a battery and counts in no tier.
        is_counted = columns["energy_flow_direction"] != "OUTBOUND"
        record_start_us = columns["start_utc"][is_counted].astype(np.int64)
        record_end_us = columns["end_utc"][is_counted].astype(np.int64)
        used = Used.of(record_start_us, record_end_us, columns["energy_kwh"][is_counted])
        return used, np.sort(record_start_us)


def tier_steps(
    tariff: Tariff,
    times_us: Int64,
    used: Used,
    more_kwh: Float64 | float = 0.0,
    *,
    window: Span | None = None,
) -> Int64:
    """Return the tier of the next kWh at some times, where kWh count in the order of time.

    Parameters
    ----------
    tariff : Tariff
        Counts by its own local months, and starts again with each of its parts; a part of a month
        has its share of the limits.
    times_us : ndarray of int64, shape (n,)
        Ascending, n > 0.
    used : Used
        What was used by when, from the beginning of the first month.
    more_kwh : float or ndarray of float64, shape (n,)
        Additional use by each of the times.
    window : tuple of int, optional
        The rated period; a month that it cuts has its share of the limits, as in a bill.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0; 0 without tiers, -1 where the tariff is not valid.
    """
    steps = np.full(len(times_us), -1, dtype=np.int64)  # -1: no part is valid
    more = np.broadcast_to(np.asarray(more_kwh, dtype=np.float64), times_us.shape)
    for part, begin_us, stop_us in parts_in_force(tariff, *(window or _ALWAYS)):
        is_valid = (times_us >= begin_us) & (times_us < stop_us)
        if not is_valid.any():
            continue
        steps[is_valid] = 0
        if has_tiers(part):
            in_force = begin_us, stop_us
            times = times_us[is_valid]
            steps[is_valid] = tiers_reached(part, used, in_force, times, more[is_valid])
    return steps
