"""Which tier the service has reached at a location, by the records that are stored there.

It prices a record on top of those, whatever a scenario would have used by then. So the cost of an interval can be
compared where both are on one tier, and there only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flipkit.calendar import BillingPeriods, billing_periods, from_us, month_edges
from flipkit.frames import take
from flipkit.tariffs import Tariff
from flipkit.tariffs.model import overlap, rate_table, schedule_changes, schedule_of
from flipkit.tariffs.rating import Span, Used, tier_limits
from flipkit.vocabulary import Float64, Int64

__all__ = ["ServiceTiers", "tier_steps"]

_HALF_WH = 0.0005  # kWh: what the whole Wh of a report may be off, a record
_NOISE_KWH = 1e-9
_ALWAYS = -(1 << 62), 1 << 62


class ServiceTiers:
    """The tiers of a client's locations; each location's records are read once.

    Parameters
    ----------
    client : Flatpeak
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._stored: dict[tuple[str, int, int], tuple[Used, Int64]] = {}

    def met(
        self, location_id: str, tariff: Tariff, start_us: Int64, end_us: Int64, kwh: Float64
    ) -> Int64:
        """The tier at which the service would price each of some imports, one at a time.

        Parameters
        ----------
        location_id : str
        tariff : Tariff
            With tiers; its own time zone says where months begin.
        start_us, end_us : ndarray of int64, shape (n,)
            Ascending.
        kwh : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
            From 0 on; -1 where the record would lie on two, or is so near to a limit that the whole Wh of the
            service's report do not tell.

        Raises
        ------
        RequestError
            The service does not tell what is stored.
        """
        used, starts = self._used(location_id, tariff.timezone, int(start_us[0]), int(end_us[-1]))
        months = month_edges(tariff.timezone, int(start_us[0]), int(end_us[-1])).edges
        first = months[np.searchsorted(months, start_us, side="right") - 1]
        records = np.searchsorted(starts, end_us) - np.searchsorted(starts, first)
        doubt = _HALF_WH * (records + 1).astype(np.float64)
        low = tier_steps(tariff, start_us, used, -doubt)
        # A stored record of these very times is replaced by the one that is asked about: at most both count.
        more: Float64 = used.before(end_us) - used.before(start_us) + kwh + doubt
        high = tier_steps(tariff, start_us, used, more)
        return np.where(low == high, low, -1)

    def _used(self, location_id: str, zone: str, start_us: int, end_us: int) -> tuple[Used, Int64]:
        months = month_edges(zone, start_us, end_us).edges
        key = location_id, int(months[0]), end_us
        if key not in self._stored:
            self._stored[key] = self._read(*key)
        return self._stored[key]

    def _read(self, location_id: str, start_us: int, end_us: int) -> tuple[Used, Int64]:
        report = self._client.cost_by_interval(location_id, from_us(start_us), from_us(end_us))
        columns = take(
            report,
            times=["start_utc", "end_utc"],
            numbers=["energy_kwh"],
            texts=["energy_flow_direction"],
        )
        counts = (
            columns["energy_flow_direction"] != "OUTBOUND"
        )  # supplied by a battery at the import price
        start, end = (columns[name][counts].astype(np.int64) for name in ("start_utc", "end_utc"))
        return Used.of(start, end, columns["energy_kwh"][counts]), np.sort(start)


def tier_steps(
    tariff: Tariff,
    times_us: Int64,
    used: Used,
    more_kwh: Float64 | float = 0.0,
    *,
    window: Span | None = None,
) -> Int64:
    """On which step of the ladder in force the next kWh would be, where kWh count in the order of time.

    Parameters
    ----------
    tariff : Tariff
        It counts by its own local months, and anew with each of its parts; a part of a month has its share of the
        limits.
    times_us : ndarray of int64, shape (n,)
        Ascending, n > 0.
    used : Used
        What was used by when, from the beginning of the first month on.
    more_kwh : float or ndarray of float64, shape (n,)
        Used besides, by each of the times.
    window : tuple of int, optional
        What is rated, where a month that it cuts has its share of the limits, as in a bill.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0 on; 0 where there are no tiers, -1 where the tariff does not hold.
    """
    steps = np.full(len(times_us), -1, dtype=np.int64)
    more = np.broadcast_to(np.asarray(more_kwh, dtype=np.float64), times_us.shape)
    for part in tariff.parts or (tariff,):
        begin, stop = overlap(part.validity, *(window or _ALWAYS))
        holds = (times_us >= begin) & (times_us < stop)
        if holds.any():
            span = begin, stop
            steps[holds] = (
                _steps(part, times_us[holds], used, more[holds], span) if part.rates else 0
            )
    return steps


def _steps(tariff: Tariff, times_us: Int64, used: Used, more_kwh: Float64, in_force: Span) -> Int64:
    start, end = int(times_us[0]), int(times_us[-1]) + 1
    billing = _billing(tariff.timezone, (start, end), in_force)
    changes, periods = schedule_changes(
        schedule_of(tariff.rates), tariff.timezone, start, end, tariff.holidays
    )
    month = np.searchsorted(billing.edges_us, times_us, side="right") - 1
    period = periods[np.searchsorted(changes, times_us, side="right") - 1]
    limits = tier_limits(rate_table(tariff.rates).periods, billing, None)[0, month, period]
    counted = used.before(times_us) - used.before(billing.edges_us)[month] + more_kwh
    found: Int64 = (counted[:, None] >= limits - _NOISE_KWH).sum(axis=1)
    return found


def _billing(zone: str, window: Span, in_force: Span) -> BillingPeriods:
    """The whole months of a window, cut to the time that the tariff holds."""
    whole = month_edges(zone, *window).edges
    return billing_periods(zone, max(in_force[0], int(whole[0])), min(in_force[1], int(whole[-1])))
