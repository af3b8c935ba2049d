"""When cars charge that can wait: in the cheapest intervals of their stay, or on solar surplus first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid
from flipkit.scenarios.ev.flows import Flows, overlaps
from flipkit.scenarios.ev.sessions import Sessions
from flipkit.vocabulary import Float64, Int64

__all__ = ["Site", "planned"]


class Site(NamedTuple):
    """What a car finds at a site: arrays by interval.

    Attributes
    ----------
    surplus_kwh : ndarray of float64
        Generation that nothing else at the site uses.
    import_price, export_price : ndarray of float64
        Per kWh.
    """

    surplus_kwh: Float64
    import_price: Float64
    export_price: Float64


def planned(
    sessions: Sessions, energy_kwh: Float64, grid: Grid, site: Site, *, solar_first: bool
) -> Flows:
    """The energy of each session where it is cheapest for it, within its stay and its maximum power.

    A kWh costs the export price while surplus lasts in its interval (that is what it would have earned), else the
    import price. Each session takes the cheapest kWh first, on equal prices the earlier, until it is served: no other
    way costs it less. With `solar_first` all surplus comes before any import, whatever the prices. Sessions choose in
    the order of their arrival; what an earlier one takes of the surplus is not there for a later one.

    Where exports earn more than imports cost, the first kWh of an interval are dearer than the next (what is generated
    and what is drawn are netted within it). There an interval is weighed by its mean price if it were used in full;
    the one that is then used in part may not be the best choice.

    Parameters
    ----------
    sessions : Sessions
        n of them.
    energy_kwh : ndarray of float64, shape (n,)
        What each is to get; 0 for the ones that are left out.
    grid : Grid
    site : Site
    solar_first : bool

    Returns
    -------
    Flows
        What each is served: its energy, or less where its stay is too short for it.
    """
    wanting = np.where(energy_kwh > 0, sessions.leave_us, sessions.arrive_us)
    stays = overlaps(sessions.arrive_us, wanting, grid)
    room = sessions.max_power_kw[stays.span] * (stays.us / 3.6e9)
    kwh = np.zeros(len(room))
    left = site.surplus_kwh.copy()
    turns = _turns(stays.span, stays.interval, len(sessions))[stays.span]
    for turn in range(int(turns.max(initial=-1)) + 1):
        now = np.flatnonzero((turns == turn) & (room > 0))
        when = stays.interval[now]
        part = Site(left[when], site.import_price[when], site.export_price[when])
        kwh[now] = _chosen(stays.span[now], room[now], part, energy_kwh, solar_first)
        left[when] -= np.minimum(kwh[now], left[when])
    return Flows(stays.span, stays.interval, kwh)


def _turns(session: Int64, interval: Int64, sessions: int) -> Int64:
    """Whose turn it is when: sessions of one turn share no interval, and come after all that they share one with.

    So the sessions of a turn can choose side by side, as if one after another.
    """
    turns = np.zeros(sessions, dtype=np.int64)
    there, first = np.unique(session, return_index=True)
    last = np.searchsorted(session, there, side="right") - 1
    present: list[tuple[int, int]] = []
    for number, begin, end in zip(
        there.tolist(), interval[first].tolist(), interval[last].tolist(), strict=True
    ):
        present = [(until, turn) for until, turn in present if until >= begin]
        turns[number] = own = 1 + max((turn for _, turn in present), default=-1)
        present.append((end, own))
    return turns


def _chosen(
    session: Int64, room: Float64, here: Site, energy_kwh: Float64, solar_first: bool
) -> Float64:
    """The energy of each pair of session and interval, by session; no interval comes twice."""
    solar = np.minimum(room, here.surplus_kwh)
    free, bought = here.export_price, here.import_price
    if not solar_first:
        mean = (free * solar + bought * (room - solar)) / room
        upside_down = (free > bought) & (solar > 0)
        free, bought = np.where(upside_down, mean, free), np.where(upside_down, mean, bought)
    # Two offers an interval, solar before import; a stable sort keeps them, and the intervals, in their order.
    session, price = np.repeat(session, 2), np.column_stack((free, bought)).ravel()
    offer = np.column_stack((solar, room - solar)).ravel()
    second = np.tile([False, True], len(room)) & solar_first
    some = np.flatnonzero(offer > 0)
    order = some[np.lexsort((price[some], second[some], session[some]))]
    taken = np.zeros(len(offer))
    taken[order] = _served(session[order], offer[order], energy_kwh)
    each: Float64 = taken.reshape(-1, 2).sum(axis=1)
    return each


def _served(session: Int64, offer: Float64, energy_kwh: Float64) -> Float64:
    """Each session takes offers in their order until it has its energy."""
    before = np.cumsum(offer) - offer
    first = np.searchsorted(session, session)
    return np.clip(energy_kwh[session] - (before - before[first]), 0.0, offer)
