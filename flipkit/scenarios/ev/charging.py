"""A car that is charged at home: its sessions, and when they take their energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Any

from flipkit.calendar import Grid
from flipkit.errors import InputError
from flipkit.scenarios.ev.charge import STRATEGIES, Charging, charge
from flipkit.scenarios.ev.plan import ChargingSite
from flipkit.scenarios.ev.sessions import Sessions, read_sessions, read_sessions_by_site
from flipkit.scenarios.ev.weekly import Week, read_week
from flipkit.vocabulary import Float64, Int64

__all__ = ["EvCharging"]

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
        return cls(read_week(pattern, max_power_kw), strategy, included)

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
        start_us: Int64,
        end_us: Int64,
        timezone: str,
        consumption_kwh: Float64,
        generation_kwh: Float64,
        import_price: Float64,
        export_price: Float64,
    ) -> Charging:
        """Return what the cars add to the consumption of one site.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Consecutive intervals of one length, microseconds since 1970-01-01 UTC.
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
        grid = Grid.of(start_us, end_us)
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
