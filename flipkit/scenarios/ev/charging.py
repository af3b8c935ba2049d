"""A car that is charged at home: its sessions, and when they take their energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import Grid, offset_pieces
from flipkit.checks import MOST, number
from flipkit.errors import InputError
from flipkit.scenarios.ev.plan import STRATEGIES, Charging, ChargingSite, charge
from flipkit.scenarios.ev.sessions import (
    SessionRecords,
    Sessions,
    read_sessions,
    read_sessions_by_site,
)
from flipkit.tariffs.model import DAY_NAMES, seconds_of
from flipkit.vocabulary import DAY_S, DAY_US, SECOND_US, Float64, Int64

__all__ = ["EvCharging"]

_WEEKDAYS = {name.lower(): weekday for weekday, name in enumerate(DAY_NAMES)}
_GROUPS = {"all": range(7), "weekday": range(5), "weekend": range(5, 7)}
_AMOUNT = f"a number of 0 or more, up to {MOST:,.0f}"
_EXAMPLE = "{'mon-fri': ('18:00', '07:00', 8.0)}"


class Stay(NamedTuple):
    """One session of the week.

    Attributes
    ----------
    weekday : int
        Of the arrival; 0 is Monday.
    arrive_s, leave_s : int
        Local clock, seconds after midnight of the day of arrival; above 86,400 on the next day.
    energy_kwh : float
    """

    weekday: int
    arrive_s: int
    leave_s: int
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Week:
    """A repeating week of charging sessions.

    Attributes
    ----------
    stays : tuple of Stay
    max_power_kw : float
    """

    stays: tuple[Stay, ...]
    max_power_kw: float

    def within(self, start_us: int, end_us: int, timezone: str) -> Sessions:
        """Return the sessions that touch [start, end), microseconds since 1970-01-01 UTC.

        Raises
        ------
        InputError
            An unknown zone, or a time outside the years 1900 to 2200.
        """
        # Stays last up to two days and offsets up to one: three days of margin.
        days = np.arange(start_us // DAY_US - 3, end_us // DAY_US + 3)
        stay, arrive_us, leave_us = self._on_days(days, timezone)
        # A stay that a clock change turns around still counts, at its arrival.
        ends_after_start = np.maximum(leave_us, arrive_us + 1) > start_us
        touching = np.flatnonzero(ends_after_start & (arrive_us < end_us))
        order = touching[np.argsort(arrive_us[touching], kind="stable")]
        return Sessions(
            arrive_us=arrive_us[order],
            leave_us=leave_us[order],
            asked_kwh=self._column("energy_kwh")[stay[order]],
            max_power_kw=np.full(len(order), float(self.max_power_kw)),
            names=(),
            rows=np.empty(0, dtype=np.int64),
            metered=SessionRecords.empty(),
        )

    def _on_days(self, days: Int64, timezone: str) -> tuple[Int64, Int64, Int64]:
        """Return the stays that begin on local days: their positions, arrivals and departures."""
        weekday_of_day = (days + 3) % 7  # 1970-01-01 was a Thursday
        day, stay = np.nonzero(weekday_of_day[:, None] == self._column("weekday"))
        midnight_us = days[day] * DAY_US
        arrive_local_us = midnight_us + self._column("arrive_s")[stay] * SECOND_US
        leave_local_us = midnight_us + self._column("leave_s")[stay] * SECOND_US

        first_us, after_us = int(days[0]) * DAY_US, int(days[-1] + 3) * DAY_US
        edges, offsets = offset_pieces(timezone, first_us, after_us)
        arrive_us = _to_utc(arrive_local_us, edges, offsets)
        leave_us = _to_utc(leave_local_us, edges, offsets)
        return stay, arrive_us, leave_us

    def _column(self, field: str) -> np.ndarray:
        return np.array([getattr(stay, field) for stay in self.stays])


def _read_week(pattern: Mapping[str, tuple[str, str, float]], max_power_kw: float) -> Week:
    """Read a week from its pattern; `EvCharging.weekly` describes it and its errors."""
    power = number(max_power_kw, "ev: max_power_kw", _AMOUNT, most=MOST)
    if not isinstance(pattern, Mapping) or not pattern:
        raise InputError(
            f"ev: weekly: expected {{days: (arrive, leave, kWh)}} such as {_EXAMPLE};"
            f" got {pattern!r}"
        )
    stays: list[Stay] = []
    for days, value in pattern.items():
        stays += _stays(days, value)
    return Week(tuple(sorted(stays)), float(power))


def _stays(days: Any, value: Any) -> list[Stay]:
    try:
        arrive, leave, energy = value
        arrive_s, leave_s = seconds_of(arrive), seconds_of(leave)
    except (TypeError, ValueError):  # an InputError is a ValueError
        raise InputError(
            f"ev: weekly, {days!r}: {value!r} is not (arrive, leave, kWh); write such as {_EXAMPLE}"
        ) from None
    kwh = float(number(energy, f"ev: weekly, {days!r}: kWh", _AMOUNT, most=MOST))
    if leave_s <= arrive_s:
        leave_s += DAY_S
    return [Stay(weekday, arrive_s, leave_s, kwh) for weekday in _weekdays(days)]


def _weekdays(days: Any) -> list[int]:
    """Numbers of ``mon``, ``mon-fri``, ``sat,sun``, ``weekday``, ``weekend`` or ``all``."""
    weekdays: list[int] = []
    try:
        for words in days.lower().split(","):
            weekdays += _weekdays_of(words.strip())
    except (AttributeError, KeyError):
        raise InputError(
            f"ev: weekly: unknown days {days!r}; write 'mon', 'mon-fri', 'sat,sun', 'weekday',"
            " 'weekend' or 'all'"
        ) from None
    return weekdays


def _weekdays_of(words: str) -> list[int]:
    if words in _GROUPS:
        return list(_GROUPS[words])
    first, dash, last = words.partition("-")
    begin = _WEEKDAYS[first.strip()]
    end = _WEEKDAYS[last.strip()] if dash else begin
    length = (end - begin) % 7 + 1
    return [(begin + step) % 7 for step in range(length)]


def _to_utc(local_us: Int64, edges: Int64, offsets: Int64) -> Int64:
    """Local clock times in UTC, by the rules of RFC 5545 and ``zoneinfo``.

    A skipped time takes the offset before the change, a repeated one its first occurrence.
    """
    # Each offset is used until the end of the skipped or repeated local hour that follows it.
    until_local = edges[1:-1] + np.maximum(offsets[:-1], offsets[1:])
    return local_us - offsets[np.searchsorted(until_local, local_us, side="right")]


_FORMER_NAME = "as_came"  # of as_metered


@dataclass(frozen=True, slots=True)
class EvCharging:
    """Charging sessions of a site's cars, and when they take their energy.

    A session is a stay at the charger and its energy at the meter, including losses of charger and
    car. It charges only during its stay and never above its maximum power; there is no common limit
    for cars that charge at the same time. Energy is netted with generation within each interval, so
    a car that is present for a part of an interval can use all of its surplus. Cars are planned
    before the battery, which gets what they leave.

    Metered records, where a session has them, determine when energy flowed and how much, whatever
    the session asks for; moving the session keeps that energy. Without records a session is assumed
    to have charged at maximum power from arrival.

    Sessions that extend beyond the period of the energy are not moved: under every strategy the
    part within it stays as metered, so that all strategies charge the same energy. Sessions outside
    the period are left out.

    Parameters
    ----------
    sessions : DataFrame or sequence of mapping
        One row per session: ``arrive_utc``, ``leave_utc`` (with a zone), ``energy_kwh`` (kWh),
        ``max_power_kw`` (kW) and optionally ``session_reference_id``. Stays may overlap (two cars).
        Kept as `Sessions`; `weekly` makes a `Week`.
    strategy : {"as_metered", "at_once", "cheapest", "solar_first"}, default "at_once"
        When energy flows:

        * ``as_metered``: when it was metered (``as_came`` is the former name);
        * ``at_once``: at maximum power from arrival;
        * ``cheapest``: in the cheapest hours of the stay, where surplus generation costs what its
          export would have earned;
        * ``solar_first``: on surplus first (at the lowest export price, then the earliest), the
          rest in the cheapest hours.

        On equal prices the earlier interval is used. The last two know the whole stay in advance.
        Cars that stay at the same time choose in the order of their arrival.
    included : bool, default False
        Whether the site's consumption already holds the sessions as metered; they are then moved
        instead of added.
    metered : DataFrame or sequence of mapping, optional
        When energy flowed: ``session_reference_id``, ``start_utc``, ``end_utc``, ``energy_kwh``, as
        returned by `Flatpeak.cost_by_session`. (`Flatpeak.cost_by_interval` does not tell the
        session of a record.) Kept in `sessions`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        An unknown strategy; a value that is missing, negative or infinite; a record that has no
        session or does not end after it starts. Names the row. A session that leaves before it
        arrives, or needs more than it can take, is not an error but a finding of `charging`.

    See Also
    --------
    dataclasses.replace : ``replace(ev, strategy="cheapest")`` is the same cars, other strategy.

    Examples
    --------
    >>> import flipkit as fk
    >>> stay = {"arrive_utc": "2025-06-02T17:00:00Z", "leave_utc": "2025-06-03T06:00:00Z"}
    >>> fk.EvCharging([stay | {"energy_kwh": 12.0, "max_power_kw": 7.4}], strategy="cheapest")
    EvCharging(sessions=<1 charging sessions, 12.0 kWh>, strategy='cheapest', included=False)
    """

    sessions: Any
    strategy: str = "at_once"
    included: bool = False
    metered: InitVar[Any] = None

    def __post_init__(self, metered: Any) -> None:
        if self.strategy == _FORMER_NAME:
            object.__setattr__(self, "strategy", "as_metered")
        if self.strategy not in STRATEGIES:
            raise InputError(
                f"ev: unknown strategy {self.strategy!r}; choose one of {', '.join(STRATEGIES)}"
            )
        if not isinstance(self.included, bool):
            raise InputError(f"ev: included {self.included!r} must be True or False")
        if not isinstance(self.sessions, Sessions | Week):
            object.__setattr__(self, "sessions", read_sessions(self.sessions, metered))
        elif metered is not None:
            raise InputError(
                "ev: metered has no effect on sessions that were read before; give both as frames"
            )

    @classmethod
    def weekly(
        cls,
        pattern: Mapping[str, tuple[str, str, float]],
        *,
        max_power_kw: float,
        strategy: str = "at_once",
        included: bool = False,
    ) -> EvCharging:
        """Return sessions that repeat every week in the site's local time.

        A local time that the clock skips in spring is read with the offset before the change (02:30
        becomes 03:30); one that occurs twice in autumn is its first occurrence, as in RFC 5545. A
        stay across the change is an hour shorter or longer.

        Parameters
        ----------
        pattern : mapping of str to (str, str, float)
            Days of arrival to local arrival (``HH:MM``), local departure and kWh at the meter.
            Days: ``mon``, ``mon-fri``, ``sat,sun``, ``weekday``, ``weekend``, ``all``. A departure
            at or before the time of arrival is on the next day. A day in two keys has two sessions.
        max_power_kw : float
            kW at the meter.
        strategy, included
            As for `EvCharging`.

        Raises
        ------
        InputError
            Unknown days, an invalid time, energy or power that is not a number of 0 or more.

        Examples
        --------
        >>> import flipkit as fk
        >>> pattern = {"mon-fri": ("18:00", "07:00", 8), "sat": ("12:00", "20:00", 20)}
        >>> fk.EvCharging.weekly(pattern, max_power_kw=7.4).label
        'at once'
        """
        return cls(_read_week(pattern, max_power_kw), strategy, included)

    @classmethod
    def by_site(
        cls,
        sessions: Any,
        *,
        metered: Any = None,
        strategy: str = "at_once",
        included: bool = False,
    ) -> dict[str, EvCharging]:
        """Return the cars of a fleet from one frame: one value per site with sessions.

        Parameters
        ----------
        sessions : DataFrame or sequence of mapping
            As for `EvCharging`, with ``site_id``.
        metered : DataFrame or sequence of mapping, optional
            As for `EvCharging`. Records find their site by their session, so session ids must be
            unique in the fleet.
        strategy, included
            As for `EvCharging`.

        Returns
        -------
        dict of str to EvCharging
            By site id, sorted; the ``ev`` of a `Scenario`.

        Raises
        ------
        MissingColumnError, NaiveTimestampError, InputError
            As for `EvCharging`, or a row without a site.
        """
        by_site = read_sessions_by_site(sessions, metered)
        return {site_id: cls(by_site[site_id], strategy, included) for site_id in by_site}

    @property
    def label(self) -> str:
        """The strategy in words: ``solar first``."""
        return self.strategy.replace("_", " ")

    def charging(
        self,
        grid: Grid,
        timezone: str,
        *,
        consumption_kwh: Float64,
        generation_kwh: Float64,
        import_price: Float64,
        export_price: Float64,
    ) -> Charging:
        """Return what the cars add to the consumption of one site.

        Parameters
        ----------
        grid : Grid
            The n intervals.
        timezone : str
            IANA time zone of the site; a weekly pattern follows its clock.
        consumption_kwh, generation_kwh : ndarray of float64, shape (n,)
            Of the site without these cars, or with them if they are `included`.
        import_price, export_price : ndarray of float64, shape (n,)
            Per kWh; 0 where exports earn nothing.

        Returns
        -------
        Charging
            Findings: ``ev.outside``, ``ev.cut``, ``ev.backwards``, ``ev.metered``, ``ev.assumed``,
            ``ev.unserved``, ``ev.not_included``; at most one of each, about all its sessions.
        """
        sessions = self.sessions.within(grid.start_us, grid.end_us, timezone)
        site = ChargingSite(
            grid=grid,
            consumption_kwh=consumption_kwh,
            generation_kwh=generation_kwh,
            import_price=import_price,
            export_price=export_price,
        )
        result = charge(sessions, self.strategy, self.included, site)
        if isinstance(self.sessions, Week):
            # A weekly pattern has no beginning: a night cut at the edge of the data means nothing.
            findings = tuple(each for each in result.findings if each.name != "ev.cut")
            return result._replace(findings=findings)
        return result
