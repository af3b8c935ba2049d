"""When cars charge, what that does to a site's consumption, and the findings about it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flipkit.calendar import Grid, split_at, to_text
from flipkit.frames import Finding
from flipkit.scenarios.ev.sessions import SessionRecords, Sessions
from flipkit.vocabulary import HOUR_US, Float64, Int64

__all__ = ["STRATEGIES", "Charging", "ChargingSite", "charge"]


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


def _spread(records: SessionRecords, grid: Grid) -> SessionEnergy:
    """Spread records over intervals in proportion to time; what is outside the grid is left out."""
    pieces = split_at(grid.edges_us, records.start_us, records.end_us)
    kwh = records.energy_kwh[pieces.row] * pieces.share
    return SessionEnergy(records.session[pieces.row], pieces.period, kwh)


def _plan_charging(
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


STRATEGIES = ("as_metered", "at_once", "cheapest", "solar_first")

_NEGLIGIBLE_KWH = 1e-6  # a thousandth of the smallest unit that meters count
_METERED_TOLERANCE = 0.01  # asked and metered energy may differ by losses and rounding


class Charging(NamedTuple):
    """What charging does to a site's consumption.

    Attributes
    ----------
    consumption_kwh : ndarray of float64, shape (n,)
        Added energy of each interval; negative only where sessions were part of the consumption and
        are moved away.
    findings : tuple of Finding
        Sessions that could not be served or moved, and assumptions.
    """

    consumption_kwh: Float64
    findings: tuple[Finding, ...]


class _Baseline(NamedTuple):
    """The state before sessions are planned.

    `change_kwh` and `missing_kwh` are by interval, `energy_kwh` by session: what is still to be
    planned. `missing_kwh` is said to be in the consumption, but is not there.
    """

    change_kwh: Float64
    energy_kwh: Float64
    missing_kwh: Float64


def charge(sessions: Sessions, strategy: str, included: bool, site: ChargingSite) -> Charging:
    """Charge sessions at a site; `EvCharging` describes `strategy` and `included`."""
    grid = site.grid
    first_us, last_us = sessions.span_us
    is_seen = (last_us > grid.start_us) & (first_us < grid.end_us)
    is_cut = is_seen & ((first_us < grid.start_us) | (last_us > grid.end_us))
    stays_as_metered = strategy == "as_metered"
    is_moved = is_seen & ~is_cut & (sessions.stay_us > 0) & (not stays_as_metered)

    baseline = (
        _taken_out(sessions, is_moved, site) if included else _added(sessions, is_moved, grid)
    )
    planned = _plan(sessions, baseline, strategy, site).by_interval(grid.intervals)
    # Metered sessions that are not moved need neither their own power nor their stay.
    is_assumed = is_seen & ~sessions.is_metered
    needed_kwh = np.where(is_assumed, sessions.energy_kwh, 0.0)
    needed_kwh = np.where(is_moved, baseline.energy_kwh, needed_kwh)

    findings = _outside(sessions, ~is_seen)
    if not stays_as_metered:
        findings += _cut(sessions, is_cut)
    findings += _backwards(sessions, is_seen)
    findings += _differing(sessions, is_seen)
    if included or stays_as_metered:
        findings += _assumed(sessions, is_assumed)
    findings += _unserved(sessions, needed_kwh)
    findings += _not_included(baseline.missing_kwh, grid)
    return Charging(baseline.change_kwh + planned, tuple(findings))


def _added(sessions: Sessions, is_moved: np.ndarray, grid: Grid) -> _Baseline:
    """Sessions on top of the consumption: those that are not moved stay as metered."""
    unmoved = _spread(sessions.as_metered(), grid).of(~is_moved)
    return _Baseline(
        change_kwh=unmoved.by_interval(grid.intervals),
        energy_kwh=np.where(is_moved, sessions.energy_kwh, 0.0),
        missing_kwh=np.zeros(grid.intervals),
    )


def _taken_out(sessions: Sessions, is_moved: np.ndarray, site: ChargingSite) -> _Baseline:
    """Sessions within the consumption: those that are moved come out of it, as far as it holds."""
    metered = _spread(sessions.as_metered(), site.grid).of(is_moved)
    total = metered.by_interval(site.grid.intervals)
    removed = np.minimum(total, site.consumption_kwh)
    share = np.divide(removed, total, out=np.zeros(len(total)), where=total > 0)
    found = metered._replace(kwh=metered.kwh * share[metered.interval])
    return _Baseline(
        change_kwh=-removed,
        energy_kwh=found.by_session(len(sessions)),
        missing_kwh=total - removed,
    )


def _plan(
    sessions: Sessions, baseline: _Baseline, strategy: str, site: ChargingSite
) -> SessionEnergy:
    if strategy in ("as_metered", "at_once"):
        return _spread(sessions.at_once(baseline.energy_kwh), site.grid)
    surplus = site.generation_kwh - site.consumption_kwh - baseline.change_kwh
    return _plan_charging(
        sessions,
        baseline.energy_kwh,
        np.maximum(surplus, 0.0),
        site,
        solar_first=strategy == "solar_first",
    )


def _outside(sessions: Sessions, is_outside: np.ndarray) -> list[Finding]:
    message = "is outside the period of the energy and is left out"
    return _finding("ev.outside", sessions, is_outside, message)


def _cut(sessions: Sessions, is_cut: np.ndarray) -> list[Finding]:
    message = "extends beyond the period of the energy: the part within it stays as metered"
    return _finding("ev.cut", sessions, is_cut, message)


def _backwards(sessions: Sessions, is_seen: np.ndarray) -> list[Finding]:
    is_wrong = is_seen & (sessions.leave_us <= sessions.arrive_us)
    if not is_wrong.any():
        return []
    leaves = to_text(sessions.leave_us[np.argmax(is_wrong)])
    message = f"leaves at {leaves}, not after it arrives; only metered energy is charged"
    lost_kwh = np.where(sessions.is_metered, 0.0, sessions.energy_kwh)
    return _finding("ev.backwards", sessions, is_wrong, message, lost_kwh)


def _differing(sessions: Sessions, is_seen: np.ndarray) -> list[Finding]:
    asked, metered = sessions.asked_kwh, sessions.metered_kwh
    tolerance = _METERED_TOLERANCE * np.maximum(asked, metered)
    differs = np.abs(asked - metered) > tolerance  # False where nothing is asked, which is NaN
    is_wrong = is_seen & sessions.is_metered & differs
    if not is_wrong.any():
        return []
    first = int(np.argmax(is_wrong))
    message = (
        f"asks for {asked[first]:.6g} kWh, but {metered[first]:.6g} kWh were metered; the metered"
        " energy is used"
    )
    return _finding("ev.metered", sessions, is_wrong, message)


def _assumed(sessions: Sessions, is_assumed: np.ndarray) -> list[Finding]:
    message = "has no metered records: charging at maximum power from arrival is assumed"
    return _finding("ev.assumed", sessions, is_assumed & (sessions.energy_kwh > 0), message)


def _unserved(sessions: Sessions, needed_kwh: Float64) -> list[Finding]:
    max_kwh = sessions.max_kwh
    missing_kwh = needed_kwh - max_kwh
    is_wrong = (missing_kwh > _NEGLIGIBLE_KWH) & (sessions.stay_us > 0)
    if not is_wrong.any():
        return []
    first = int(np.argmax(is_wrong))
    hours = sessions.stay_us[first] / HOUR_US
    message = (
        f"gets {max_kwh[first]:.6g} of {needed_kwh[first]:.6g} kWh, as it stays {hours:.4g} h at no"
        f" more than {sessions.max_power_kw[first]:.4g} kW"
    )
    return _finding("ev.unserved", sessions, is_wrong, message, missing_kwh)


def _not_included(missing_kwh: Float64, grid: Grid) -> list[Finding]:
    intervals = np.flatnonzero(missing_kwh > _NEGLIGIBLE_KWH)
    if not len(intervals):
        return []
    first = to_text(grid.start_us + int(intervals[0]) * grid.step_us)
    message = (
        f"{missing_kwh[intervals].sum():.6g} kWh of the sessions are not in the consumption, first"
        f" at {first} ({len(intervals):,} intervals); only what is there is moved"
    )
    return [Finding("ev.not_included", message)]


def _finding(
    code: str,
    sessions: Sessions,
    is_wrong: np.ndarray,
    message: str,
    missing_kwh: Float64 | None = None,
) -> list[Finding]:
    """One finding for all such sessions; `message` is about the first."""
    positions = np.flatnonzero(is_wrong)
    if not len(positions):
        return []
    text = f"{sessions.label(int(positions[0]))} {message}"
    if len(positions) > 1:
        text += f", and {len(positions) - 1:,} more"
    if missing_kwh is not None:
        text += f" ({missing_kwh[positions].sum():.6g} kWh not charged in total)"
    rows = sessions.rows[positions].tolist() if len(sessions.rows) else ()
    return [Finding(code, text, tuple(rows))]
