"""What a bill has beside the price of a kWh: demand, fixed amounts, minimums, adders, taxes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from flipkit.checks import check_field, finite, instance_of, set_fields
from flipkit.checks import name as check_name
from flipkit.errors import InputError
from flipkit.tariffs.model.rates import clock_text, days_of, months_of, seconds_of
from flipkit.vocabulary import DAY_S

__all__ = [
    "TAXABLE",
    "Adder",
    "DemandCharge",
    "DemandTier",
    "DemandWindow",
    "FixedCharge",
    "Minimum",
    "Ratchet",
    "Tax",
]

TAXABLE = ("energy", "demand", "fixed", "adder", "minimum")
"""The kinds of charges that can be taxed."""


@dataclass(frozen=True, slots=True)
class DemandTier:
    """One step of a ladder of prices per kW.

    Attributes
    ----------
    price_per_kw : float
        Major currency units per kW of billing demand and billing period.
    up_to_kw : float or None
        Where the tier ends; None for the last.

    Raises
    ------
    InputError
        A price that is not a finite number, a limit that is not positive.
    """

    price_per_kw: float
    up_to_kw: float | None = None

    def __post_init__(self) -> None:
        check_field(self, "price_per_kw", "demand tier", check=finite)
        if self.up_to_kw is not None:
            check_field(self, "up_to_kw", "demand tier", check=finite, above=0.0)


@dataclass(frozen=True, slots=True)
class Ratchet:
    """A lower limit of the billing demand: a share of the highest demand of earlier periods.

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
        if not isinstance(self.months, int) or isinstance(self.months, bool) or self.months < 1:
            raise InputError(
                f"ratchet: months {self.months!r} is not a number of billing periods; "
                "write how many to look back, 1 or more"
            )
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

    Raises
    ------
    InputError
        No name, no tier, limits that do not rise, an unknown interval, hours that are not a
        multiple of it.
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

    def __post_init__(self) -> None:
        what = f"demand charge {check_name(self.name, 'demand charge: name')!r}"
        if self.interval_minutes not in (15, 30, 60):
            raise InputError(
                f"{what}: interval_minutes {self.interval_minutes!r} is not supported; "
                "write 15, 30 or 60"
            )
        if self.ratchet is not None:
            instance_of(self.ratchet, Ratchet, what)
        set_fields(
            self,
            tiers=_check_demand_tiers(self.tiers, what),
            months=months_of(self.months),
            also=tuple(self.also),
        )
        self._check_windows(what)

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


@dataclass(frozen=True, slots=True)
class FixedCharge:
    """A standing charge per day, per month, or both.

    Attributes
    ----------
    name : str
    per_day : float
        Major currency units per local day.
    per_month : float
        Per billing period; if it is cut, in proportion to its days.

    Raises
    ------
    InputError
        No name, an amount that is not a finite number.
    """

    name: str
    per_day: float = 0.0
    per_month: float = 0.0

    def __post_init__(self) -> None:
        what = f"fixed charge {check_name(self.name, 'fixed charge: name')!r}"
        check_field(self, "per_day", what, check=finite)
        check_field(self, "per_month", what, check=finite)


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that the charges of a bill come to, before taxes.

    Exports and credits count up to the charges that they offset, as in NREL's SAM: a bill of 30
    with exports of 25 is topped up from 5. What exports earn beyond that is paid on top of the
    minimum: no charges, exports of 72 and a minimum of 10 make a bill of -62. Under
    buy_all_sell_all, exports do not count at all.

    Attributes
    ----------
    per_month : float or None
        Per billing period; if it is cut, in proportion to its days.
    per_year : float or None
        Per whole calendar year, topped up in its last billing period.

    Raises
    ------
    InputError
        Neither is given, or one is negative or not a finite number.
    """

    per_month: float | None = None
    per_year: float | None = None

    def __post_init__(self) -> None:
        if self.per_month is None and self.per_year is None:
            raise InputError("minimum: give per_month, per_year or both")
        for field in ("per_month", "per_year"):
            if getattr(self, field) is not None:
                check_field(self, field, "minimum", check=finite, at_least=0.0)


@dataclass(frozen=True, slots=True)
class Adder:
    """An amount on every kWh that is charged, such as a levy or a grid fee.

    Attributes
    ----------
    name : str
    price_per_kwh : float
        Major currency units; may be negative.
    non_bypassable : bool
        Exports do not lower it: under net metering it is charged on every imported kWh, before
        exports are netted, and credits do not pay for it.

    Raises
    ------
    InputError
        No name, a price that is not a finite number.
    """

    name: str
    price_per_kwh: float
    non_bypassable: bool = False

    def __post_init__(self) -> None:
        what = f"adder {check_name(self.name, 'adder: name')!r}"
        check_field(self, "price_per_kwh", what, check=finite)
        instance_of(self.non_bypassable, bool, f"{what}: non_bypassable")


@dataclass(frozen=True, slots=True)
class Tax:
    """A share of charges of the named kinds.

    Attributes
    ----------
    name : str
    share : float
        0.05 for 5 %.
    on : tuple of str
        Of ``energy``, ``demand``, ``fixed``, ``adder``, ``minimum``; export credits are never
        taxed.

    Raises
    ------
    InputError
        No name, a share that is not a finite number, an unknown kind of charge.
    """

    name: str
    share: float
    on: tuple[str, ...] = TAXABLE

    def __post_init__(self) -> None:
        what = f"tax {check_name(self.name, 'tax: name')!r}"
        check_field(self, "share", what, check=finite)
        kinds = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        known = ", ".join(TAXABLE)
        if not kinds:
            raise InputError(f"{what}: on {kinds!r} has no charges; write some of {known}")
        for kind in kinds:
            if kind not in TAXABLE:
                raise InputError(f"{what}: on {kind!r} cannot be taxed; write some of {known}")
        # In one order, so that equal taxes are equal.
        on = tuple(kind for kind in TAXABLE if kind in kinds)
        set_fields(self, on=on)


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
