"""A car that is charged at home: its sessions, and when it takes their energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Any

from flipkit.calendar import Grid
from flipkit.errors import InputError
from flipkit.scenarios.ev.charge import STRATEGIES, Charging, Home, charge
from flipkit.scenarios.ev.read import read_sessions, read_sessions_by_site
from flipkit.scenarios.ev.sessions import Sessions
from flipkit.scenarios.ev.weekly import Week, read_week
from flipkit.vocabulary import Float64, Int64

__all__ = ["Charging", "EvCharging"]


@dataclass(frozen=True, slots=True)
class EvCharging:
    """Charging sessions of a site's cars, and when they take their energy.

    A session is a stay at the charger and the energy it is to get, at the meter: losses of charger and car are in it.
    Its power is never above its maximum, and it charges only while it stays. Energy is netted with generation within
    each interval, so a car that is there for a part of an interval can use all surplus of it. Each session has a
    maximum power of its own; there is no common one for cars that charge at the same time. Cars are planned before the
    battery, which finds what they leave.

    Where sessions have metered records, those tell when energy flowed and how much, whatever the session asks; moving
    a session keeps that energy. Without records a session is taken to have come at maximum power from its arrival.

    Sessions that go beyond the time of the energy are not moved: in every strategy what lies within is charged as it
    came, so that strategies charge the same energy. Sessions that lie outside are left out.

    Attributes
    ----------
    sessions : DataFrame or sequence of mapping
        A row a session: ``arrive_utc, leave_utc, energy_kwh, max_power_kw`` and, where there are names,
        ``session_reference_id``; stays may overlap (two cars). Kept as `Sessions`; `weekly` makes a `Week`.
    strategy : {"as_came", "at_once", "cheapest", "solar_first"}
        When energy flows: as it was metered; at maximum power from arrival; in the cheapest hours of the stay, where
        surplus generation costs what its export would have earned; on surplus first (that of the lowest export price,
        then the earlier), the rest in the cheapest hours. Equal prices: the earlier. The last two know the whole stay
        in advance. Cars that stay at the same time choose in the order of their arrival.
    included : bool
        Whether the site's consumption already holds the sessions as they came; then they are moved, not added.
    metered : DataFrame or sequence of mapping, optional
        When energy flowed: ``session_reference_id, start_utc, end_utc, energy_kwh``, as `Flatpeak.cost_by_session`
        gives them; `Flatpeak.cost_by_interval` does not say which session a record is of. Kept in `sessions`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        An unknown strategy, or a value that is missing, negative or infinite, a record without a session or that does
        not end after it begins: names the row. A session that leaves before it arrives, or that needs more than it can
        take, is no error: `charging` serves what it can and says so.

    See Also
    --------
    dataclasses.replace : ``replace(ev, strategy="cheapest")`` is the same cars with another strategy.

    Examples
    --------
    >>> from flipkit.scenarios.ev import EvCharging
    >>> stay = {"arrive_utc": "2025-06-02T17:00:00Z", "leave_utc": "2025-06-03T06:00:00Z"}
    >>> EvCharging([stay | {"energy_kwh": 12.0, "max_power_kw": 7.4}], strategy="cheapest")
    EvCharging(sessions=<1 charging sessions, 12.0 kWh>, strategy='cheapest', included=False)
    """

    sessions: Any
    strategy: str = "at_once"
    included: bool = False
    metered: InitVar[Any] = None

    def __post_init__(self, metered: Any) -> None:
        if self.strategy not in STRATEGIES:
            raise InputError(
                f"ev: strategy {self.strategy!r}: choose one of {', '.join(STRATEGIES)}"
            )
        if not isinstance(self.included, bool):
            raise InputError(f"ev: included {self.included!r} must be True or False")
        if not isinstance(self.sessions, Sessions | Week):
            object.__setattr__(self, "sessions", read_sessions(self.sessions, metered))
        elif metered is not None:
            raise InputError("ev: metered: the sessions were read already; give both as frames")

    @classmethod
    def weekly(
        cls,
        pattern: Mapping[str, tuple[str, str, float]],
        *,
        max_power_kw: float,
        strategy: str = "at_once",
        included: bool = False,
    ) -> EvCharging:
        """The same sessions every week, by the clock of the site.

        A local time that the clock skips in spring is read with the offset before the change (02:30 is 03:30 then),
        one that comes twice in autumn is its first, as in RFC 5545; a stay across the change is an hour shorter or
        longer.

        Parameters
        ----------
        pattern : mapping of str to (str, str, float)
            Days of arrival to local arrival, local leaving and kWh at the meter. Days: ``mon``, ``mon-fri``,
            ``sat,sun``, ``weekday``, ``weekend``, ``all``. Who leaves at or before the hour of arrival leaves on the
            next day. A day that comes twice has two sessions.
        max_power_kw : float
        strategy, included
            As `EvCharging`.

        Raises
        ------
        InputError
            Unknown days, a time that is none, energy or power that is no number of 0 or more.

        Examples
        --------
        >>> from flipkit.scenarios.ev import EvCharging
        >>> EvCharging.weekly({"mon-fri": ("18:00", "07:00", 8), "sat": ("12:00", "20:00", 20)}, max_power_kw=7.4).label
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
        """The cars of a fleet from one frame: a value for each site that has sessions.

        Parameters
        ----------
        sessions : DataFrame or sequence of mapping
            As `EvCharging`, with ``site_id``.
        metered : DataFrame or sequence of mapping, optional
            As `EvCharging`; records find their site by their session, so its name must be there once in the fleet.
        strategy, included
            As `EvCharging`.

        Returns
        -------
        dict of str to EvCharging
            By site id, sorted; what `Scenario` takes as ``ev``.

        Raises
        ------
        MissingColumnError, NaiveTimestampError, InputError
            As `EvCharging`, or a row without a site.
        """
        return {
            site: cls(own, strategy, included)
            for site, own in read_sessions_by_site(sessions, metered).items()
        }

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
        """What the cars add to the consumption of one site.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Intervals of one length, one after another, microseconds since 1970-01-01 UTC.
        timezone : str
            IANA time zone of the site; a weekly pattern follows its clock.
        consumption_kwh, generation_kwh : ndarray of float64, shape (n,)
            Of the site without these cars, or with them where they are `included`.
        import_price, export_price : ndarray of float64, shape (n,)
            Per kWh; 0 where exports earn nothing.

        Returns
        -------
        Charging
            Findings: ``ev.outside``, ``ev.cut``, ``ev.backwards``, ``ev.metered``, ``ev.assumed``, ``ev.unserved``,
            ``ev.not_included``; one of each kind, about all sessions that it is true of.
        """
        grid = Grid(int(start_us[0]), int(end_us[0] - start_us[0]), len(start_us))
        sessions = self.sessions.within(grid.start_us, grid.end_us, timezone)
        home = Home(grid, consumption_kwh, generation_kwh, import_price, export_price)
        done = charge(sessions, self.strategy, self.included, home)
        if isinstance(self.sessions, Sessions):
            return done
        # A pattern has no beginning: that a night is cut at the edge of the data is nothing to know.
        return done._replace(
            findings=tuple(each for each in done.findings if each.name != "ev.cut")
        )
