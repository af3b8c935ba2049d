"""Demand charges: a price per kW of the highest import power."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from flipkit.checks import check_field, finite, instance_of, one_of, set_fields
from flipkit.checks import name as check_name
from flipkit.errors import InputError
from flipkit.tariffs.model.rates import clock_text, days_of, months_of, seconds_of
from flipkit.vocabulary import DAY_S

__all__ = ["DemandCharge", "DemandTier", "DemandWindow", "Ratchet"]


@dataclass(frozen=True, slots=True)
class DemandTier:
    """One step of a ladder of prices per kW.

    Attributes
    ----------
    price_per_kw : float
        Major currency units per kW of billing demand in this tier, and per billing period or day
        (`DemandCharge.per`).
    up_to_kw : float or None
        Where the tier ends; None for the last.
    per_month : float
        An amount for a billing demand that ends in this tier, as in Norwegian capacity steps. Per
        billing period; if it is cut, in proportion to its days.

    Raises
    ------
    InputError
        A price that is not a finite number, a limit that is not positive.
    """

    price_per_kw: float
    up_to_kw: float | None = None
    per_month: float = 0.0

    def __post_init__(self) -> None:
        check_field(self, "price_per_kw", "demand tier", check=finite)
        check_field(self, "per_month", "demand tier", check=finite)
        if self.up_to_kw is not None:
            check_field(self, "up_to_kw", "demand tier", check=finite, above=0.0)


@dataclass(frozen=True, slots=True)
class Ratchet:
    """A lower limit of the billing demand: a share of the highest demand of earlier periods.

    All billing periods of the energy count, whichever tariff was in force (`Tariff.successive`).
    If the energy is exactly one year, the billing periods before it are taken from its own end, as
    though the year before had been the same (finding ``demand.history``).

    Attributes
    ----------
    share : float
        0.8 for 80 %.
    months : int
        Number of billing periods to look back.
    of_months : tuple of int or None
        Only the billing periods that begin in these calendar months (1 to 12); None for all.

    Raises
    ------
    InputError
        A share that is negative or not a number, no period to look back to, a month that does not
        exist.
    """

    share: float
    months: int
    of_months: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_field(self, "share", "ratchet", check=finite, at_least=0.0)
        _check_count(self.months, "ratchet: months", "billing periods")
        set_fields(self, of_months=months_of(self.of_months))


@dataclass(frozen=True, slots=True)
class DemandWindow:
    """Hours on some days in which a demand is measured.

    Attributes
    ----------
    start, end : str
        Local hours, the end excluded, as in `Rate`.
    days : str or tuple of int
        As in `Rate`.

    Raises
    ------
    InputError
        A window without length, an hour or day that does not exist.
    """

    start: str = "00:00"
    end: str = "24:00"
    days: str | tuple[int, ...] = "all"

    def __post_init__(self) -> None:
        start = seconds_of(self.start)
        end = seconds_of(self.end) or DAY_S
        if start in (end, DAY_S):
            raise InputError(f"demand: the window from {self.start} to {self.end} has no length")
        set_fields(self, start=clock_text(start), end=clock_text(end), days=days_of(self.days))

    def cuts(self, minutes: int) -> bool:
        """Return whether it begins or ends within a demand interval of `minutes`."""
        length_s = 60 * minutes
        return bool(seconds_of(self.start) % length_s or seconds_of(self.end) % length_s)


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """A charge on the highest mean import power of a billing period, within the charge's hours.

    The demand of a billing period is its highest mean power, or the mean of its highest days
    (`peaks`), and at least `minimum_kw`. The billing demand, for which `tiers` are charged, follows
    from it and from the billing periods before (`ratchet` or `trailing_months`).

    Attributes
    ----------
    name : str
    tiers : tuple of DemandTier
        The last tier has no limit.
    start, end : str
        Local hours, the end excluded, as in `Rate`; multiples of the demand interval.
    months : tuple of int or None
        Months in which it is charged; None for all.
    days : str or tuple of int
        As in `Rate`; a public holiday counts as a Sunday unless `days` is ``"holiday"``.
    interval_minutes : {15, 30, 60}
        Over which the power is averaged, aligned with the local clock.
    ratchet : Ratchet or None
    also : tuple of DemandWindow
        More hours of the same charge: one billing demand, the highest over all windows.
    per : {"month", "day"}
        What the prices of `tiers` are per: the billing period (if it is cut, in proportion to its
        days), or each local day of it that lies in `months`.
    peaks : int
        How many peaks the demand is the mean of, the highest ones of different local days: 3 in
        many networks of Norway and Sweden. If fewer days are measured, the mean of those.
    minimum_kw : float
        The least demand of a billing period.
    trailing_months : int
        How many billing periods the billing demand is the mean of, up to the present one: 12 in
        Flanders. Earlier ones are measured in the charge's hours of any month and whichever tariff
        was in force, as by a ratchet.
        If the energy does not reach so far back, the mean of those that it holds, or, if the energy
        is exactly one year, of those at its own end (finding ``demand.history``).

    Raises
    ------
    InputError
        No name, no tier, limits that do not rise, an unknown interval, hours that are not a
        multiple of it, a number of peaks or months below 1, a ratchet beside trailing months.

    Examples
    --------
    The Flemish capacity tariff, and the capacity steps of a Norwegian network:

    >>> from flipkit.tariffs import DemandCharge, DemandTier
    >>> flanders = DemandCharge(
    ...     "capacity", DemandTier(47.33 / 12), minimum_kw=2.5, trailing_months=12
    ... )
    >>> steps = (
    ...     DemandTier(0.0, up_to_kw=2.0, per_month=125.0),
    ...     DemandTier(0.0, up_to_kw=5.0, per_month=206.0),
    ...     DemandTier(0.0, per_month=350.0),
    ... )
    >>> norway = DemandCharge("capacity", steps, interval_minutes=60, peaks=3)
    """

    name: str
    tiers: tuple[DemandTier, ...]
    start: str = "00:00"
    end: str = "24:00"
    months: tuple[int, ...] | None = None
    days: str | tuple[int, ...] = "all"
    interval_minutes: Literal[15, 30, 60] = 15
    ratchet: Ratchet | None = None
    also: tuple[DemandWindow, ...] = ()
    per: Literal["month", "day"] = field(default="month", kw_only=True)
    peaks: int = field(default=1, kw_only=True)
    minimum_kw: float = field(default=0.0, kw_only=True)
    trailing_months: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        what = f"demand charge {check_name(self.name, 'demand charge: name')!r}"
        if self.interval_minutes not in (15, 30, 60):
            raise InputError(
                f"{what}: interval_minutes {self.interval_minutes!r} is not supported; "
                "write 15, 30 or 60"
            )
        if self.ratchet is not None:
            instance_of(self.ratchet, Ratchet, what)
        self._check_demand(what)
        set_fields(
            self,
            tiers=_check_demand_tiers(self.tiers, what),
            months=months_of(self.months),
            also=tuple(self.also),
        )
        self._check_windows(what)

    def _check_demand(self, what: str) -> None:
        one_of(self.per, ("month", "day"), f"{what}: per")
        _check_count(self.peaks, f"{what}: peaks", "days")
        _check_count(self.trailing_months, f"{what}: trailing_months", "billing periods")
        check_field(self, "minimum_kw", what, check=finite, at_least=0.0)
        if self.ratchet is not None and self.trailing_months > 1:
            raise InputError(
                f"{what}: a ratchet beside trailing_months {self.trailing_months}; "
                "earlier billing periods count by one of the two, leave the other out"
            )

    @property
    def windows(self) -> tuple[DemandWindow, ...]:
        """All hours of the charge."""
        return (DemandWindow(self.start, self.end, self.days), *self.also)

    def _check_windows(self, what: str) -> None:
        for window in self.also:
            instance_of(window, DemandWindow, f"{what}: also")
        try:
            windows = self.windows
        except InputError as error:
            # The window does not know the name of its charge.
            raise InputError(str(error).replace("demand", what, 1)) from None
        for window in windows:
            if window.cuts(self.interval_minutes):
                raise InputError(
                    f"{what}: hours {window.start} to {window.end} cut its "
                    f"{self.interval_minutes}-minute intervals; begin and end on a multiple of them"
                )
        first = windows[0]
        set_fields(self, start=first.start, end=first.end, days=first.days)


def _check_count(value: Any, field: str, counted: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(
            f"{field} {value!r} is not a number of {counted}; write how many, 1 or more"
        )


def _check_demand_tiers(tiers: Any, what: str) -> tuple[DemandTier, ...]:
    steps = tuple(tiers) if isinstance(tiers, list | tuple) else (tiers,)
    if not steps or not all(isinstance(step, DemandTier) for step in steps):
        raise InputError(f"{what}: tiers {tiers!r} are not valid; give at least one DemandTier")
    if steps[-1].up_to_kw is not None:
        raise InputError(
            f"{what}: tier {len(steps)}, the last, ends at {steps[-1].up_to_kw:g} kW; "
            "leave up_to_kw out"
        )
    for number, (lower, upper) in enumerate(pairwise(steps), 1):
        if lower.up_to_kw is None:
            raise InputError(
                f"{what}: tier {number} of {len(steps)} has no limit; "
                "only the last tier may be without a limit"
            )
        if upper.up_to_kw is not None and upper.up_to_kw <= lower.up_to_kw:
            raise InputError(
                f"{what}: tier {number + 1} ends at {upper.up_to_kw:g} kW, not above tier {number}"
            )
    return steps
