"""When cars charge: in the cheapest intervals of their stay, or on solar surplus first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid, split_at
from flipkit.scenarios.ev.sessions import SessionRecords, Sessions
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["ChargingSite", "SessionEnergy", "plan_charging", "spread"]


class ChargingSite(NamedTuple):
    """The site at which cars charge: a grid, and arrays by its intervals.

    Attributes
    ----------
    grid : Grid
    consumption_kwh, generation_kwh : ndarray of float64, shape (n,)
    import_price, export_price : ndarray of float64, shape (n,)
        Per kWh.
    """

    grid: Grid
    consumption_kwh: Float64
    generation_kwh: Float64
    import_price: Float64
    export_price: Float64


class SessionEnergy(NamedTuple):
    """Energy of sessions by interval: arrays of one length.

    Attributes
    ----------
    session, interval : ndarray of int64
        Positions.
    kwh : ndarray of float64
    """

    session: Int64
    interval: Int64
    kwh: Float64

    def of(self, is_chosen: np.ndarray) -> SessionEnergy:
        """Return the energy of some sessions, chosen by one flag per session."""
        kept = is_chosen[self.session]
        return SessionEnergy._make(column[kept] for column in self)

    def by_interval(self, intervals: int) -> Float64:
        """Return the sum of each interval."""
        return _sums(self.interval, self.kwh, intervals)

    def by_session(self, sessions: int) -> Float64:
        """Return the sum of each session."""
        return _sums(self.session, self.kwh, sessions)


def spread(records: SessionRecords, grid: Grid) -> SessionEnergy:
    """Spread records over intervals in proportion to time; what is outside the grid is left out."""
    pieces = split_at(grid.edges_us, records.start_us, records.end_us)
    kwh = records.energy_kwh[pieces.row] * pieces.share
    return SessionEnergy(records.session[pieces.row], pieces.period, kwh)


def plan_charging(
    sessions: Sessions,
    energy_kwh: Float64,
    surplus_kwh: Float64,
    site: ChargingSite,
    *,
    solar_first: bool,
) -> SessionEnergy:
    """Put the energy of each session where it is cheapest, within its stay and its maximum power.

    A kWh costs the export price while surplus lasts in its interval (what it would have earned),
    else the import price. Each session takes the cheapest kWh first, on equal prices the earlier,
    until it is served: nothing else costs it less. With `solar_first` all surplus comes before any
    import, whatever the prices. Sessions choose in the order of their arrival; surplus that an
    earlier one takes is gone for the later ones.

    Where exports earn more than imports cost, the first kWh of an interval are more expensive than
    the next, as generation and import are netted within it. Such an interval is valued at its mean
    price in full use; if it is then used in part, it may not have been the best choice.

    Parameters
    ----------
    sessions : Sessions
    energy_kwh : ndarray of float64, shape (number of sessions,)
        Energy of each session; 0 for those that are not planned.
    surplus_kwh : ndarray of float64, shape (n,)
        Generation that nothing else at the site uses.
    site : ChargingSite
    solar_first : bool

    Returns
    -------
    SessionEnergy
        The energy of each session, or less if its stay is too short.
    """
    # An empty stay has no pieces, so that sessions without energy cost no time.
    planned_until = np.where(energy_kwh > 0, sessions.leave_us, sessions.arrive_us)
    pieces = split_at(site.grid.edges_us, sessions.arrive_us, planned_until)
    session, interval = pieces.row, pieces.period
    hours = (pieces.end - pieces.start) / HOUR_US
    max_kwh = sessions.max_power_kw[session] * hours
    kwh = np.zeros(len(max_kwh))
    surplus_left = surplus_kwh.copy()
    turns = _turns(session, interval, len(sessions))[session]
    for turn in range(int(turns.max(initial=-1)) + 1):
        now = np.flatnonzero((turns == turn) & (max_kwh > 0))
        at = interval[now]
        kwh[now] = _cheapest(
            session=session[now],
            max_kwh=max_kwh[now],
            surplus_kwh=surplus_left[at],
            import_price=site.import_price[at],
            export_price=site.export_price[at],
            energy_kwh=energy_kwh,
            solar_first=solar_first,
        )
        surplus_left[at] -= np.minimum(kwh[now], surplus_left[at])
    return SessionEnergy(session, interval, kwh)


def _turns(session: Int64, interval: Int64, sessions: int) -> Int64:
    """The turn of each session: after all earlier ones with which it shares an interval.

    Sessions of one turn share no interval, so they are planned together as if one after another.
    """
    turns = np.zeros(sessions, dtype=np.int64)
    numbers, first_pieces = np.unique(session, return_index=True)
    last_pieces = np.searchsorted(session, numbers, side="right") - 1
    first_intervals = interval[first_pieces].tolist()
    last_intervals = interval[last_pieces].tolist()
    present: list[tuple[int, int]] = []  # last interval and turn of the cars that are still there
    for number, first, last in zip(numbers.tolist(), first_intervals, last_intervals, strict=True):
        present = [(until, turn) for until, turn in present if until >= first]
        turn = 1 + max((turn for _, turn in present), default=-1)
        turns[number] = turn
        present.append((last, turn))
    return turns


def _cheapest(
    session: Int64,
    max_kwh: Float64,
    surplus_kwh: Float64,
    import_price: Float64,
    export_price: Float64,
    energy_kwh: Float64,
    solar_first: bool,
) -> Float64:
    """Energy of each pair of session and interval, ordered by session; no interval comes twice."""
    solar_kwh = np.minimum(max_kwh, surplus_kwh)
    grid_kwh = max_kwh - solar_kwh
    prices = np.column_stack((export_price, import_price))  # of solar and of the grid
    if not solar_first:
        # Where solar is more expensive than the grid, both cost the mean of using all of it.
        mean_price = (export_price * solar_kwh + import_price * grid_kwh) / max_kwh
        is_inverted = (export_price > import_price) & (solar_kwh > 0)
        prices = np.where(is_inverted[:, None], mean_price[:, None], prices)
    # Two offers per interval, solar before grid; lexsort is stable, so ties keep this order.
    offer_session = np.repeat(session, 2)
    offer_price = prices.ravel()
    offer_kwh = np.column_stack((solar_kwh, grid_kwh)).ravel()
    is_deferred = np.tile([False, True], len(max_kwh)) & solar_first
    offers = np.flatnonzero(offer_kwh > 0)
    order = np.lexsort((offer_price[offers], is_deferred[offers], offer_session[offers]))
    offers = offers[order]
    taken_kwh = np.zeros(len(offer_kwh))
    taken_kwh[offers] = _until_served(offer_session[offers], offer_kwh[offers], energy_kwh)
    by_pair: Float64 = taken_kwh.reshape(-1, 2).sum(axis=1)
    return by_pair


def _until_served(session: Int64, offer_kwh: Float64, energy_kwh: Float64) -> Float64:
    """What each session takes of its offers, in their order, until it has its energy."""
    offered_before = np.cumsum(offer_kwh) - offer_kwh
    first_offer = np.searchsorted(session, session)
    own_before = offered_before - offered_before[first_offer]
    return np.clip(energy_kwh[session] - own_before, 0.0, offer_kwh)


def _sums(positions: Int64, kwh: Float64, count: int) -> Float64:
    # bincount of nothing returns integers.
    return np.bincount(positions, kwh, minlength=count).astype(np.float64, copy=False)
