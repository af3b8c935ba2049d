"""What a bill charges beside the price of a kWh: demand, fixed amounts, minimums, adders and taxes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from flipkit.errors import InputError
from flipkit.tariffs.model.rates import (
    DAY_S,
    check_name,
    check_number,
    check_price,
    clock_text,
    days_of,
    month_numbers_of,
    seconds_of,
)

__all__ = [
    "TAXABLE",
    "Adder",
    "DemandCharge",
    "DemandTier",
    "FixedCharge",
    "Minimum",
    "Ratchet",
    "Tax",
    "distinct",
]

TAXABLE = ("energy", "demand", "fixed", "adder", "minimum")
"""The kinds of charges that a tax can be on."""


@dataclass(frozen=True, slots=True)
class DemandTier:
    """One step of a ladder of prices per kW.

    Attributes
    ----------
    price_per_kw : float
        Major currency units per kW of billing demand and billing period.
    up_to_kw : float or None
        Where the step ends; None for the last.

    Raises
    ------
    InputError
        A price that is no finite number, a limit that is not positive.
    """

    price_per_kw: float
    up_to_kw: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "price_per_kw", check_price(self.price_per_kw, "demand tier"))
        if self.up_to_kw is not None:
            object.__setattr__(
                self, "up_to_kw", check_number(self.up_to_kw, "demand tier: up_to_kw", above=0.0)
            )


@dataclass(frozen=True, slots=True)
class Ratchet:
    """A floor under the billing demand: a share of the highest demand of earlier billing periods.

    Attributes
    ----------
    share : float
        0.8 for 80 %.
    months : int
        How many billing periods to look back.
    of_months : tuple of int or None
        Only those of them that begin in these calendar months (1 to 12); None for all.

    Raises
    ------
    InputError
        A share that is negative or no number, no period to look back to, a month that does not exist.
    """

    share: float
    months: int
    of_months: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", check_number(self.share, "ratchet: share", at_least=0.0))
        if not isinstance(self.months, int) or isinstance(self.months, bool) or self.months < 1:
            raise InputError(
                f"ratchet: months {self.months!r}; write how many billing periods to look back, 1 or more"
            )
        months = month_numbers_of(self.of_months)
        object.__setattr__(self, "of_months", None if len(months) == 12 else months)


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
        Hours without length, unknown hours or days.
    """

    start: str = "00:00"
    end: str = "24:00"
    days: str | tuple[int, ...] = "all"

    def __post_init__(self) -> None:
        begin, stop = seconds_of(self.start), seconds_of(self.end) or DAY_S
        if begin in (stop, DAY_S):
            raise InputError(f"demand: the window from {self.start} to {self.end} has no length")
        object.__setattr__(self, "start", clock_text(begin))
        object.__setattr__(self, "end", clock_text(stop))
        object.__setattr__(self, "days", days_of(self.days))

    def cuts(self, minutes: int) -> bool:
        """Whether it begins or ends within a demand interval of so many minutes."""
        return any(seconds_of(hour) % (60 * minutes) for hour in (self.start, self.end))


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """A charge on the highest mean import power of a billing period, within the charge's own hours.

    Attributes
    ----------
    name : str
    tiers : tuple of DemandTier
        The last without a limit.
    start, end : str
        Local hours, the end excluded, as in `Rate`; multiples of the demand interval.
    months : tuple of int or None
        In which months it is charged; None for all.
    days : str or tuple of int
        As in `Rate`; a public holiday counts as a Sunday unless the days are ``"holiday"``.
    interval_minutes : {15, 30, 60}
        Over which the power is averaged, aligned with the local clock.
    ratchet : Ratchet or None
    also : tuple of DemandWindow
        More hours of the same charge: one billing demand, the highest over all of them.

    Raises
    ------
    InputError
        No name, no tier, limits that do not rise, hours that are no multiple of the interval, an unknown interval.
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
        if self.interval_minutes not in (15, 30, 60) or isinstance(self.interval_minutes, bool):
            raise InputError(
                f"{what}: interval_minutes {self.interval_minutes!r}; write 15, 30 or 60"
            )
        if self.ratchet is not None and not isinstance(self.ratchet, Ratchet):
            raise InputError(f"{what}: expected a Ratchet, got {type(self.ratchet).__name__}")
        object.__setattr__(self, "tiers", _steps(self.tiers, what))
        months = month_numbers_of(self.months)
        object.__setattr__(self, "months", None if len(months) == 12 else months)
        object.__setattr__(self, "also", tuple(self.also))
        first = self._checked_windows(what)
        for name in ("start", "end", "days"):
            object.__setattr__(self, name, getattr(first, name))

    @property
    def windows(self) -> tuple[DemandWindow, ...]:
        """All hours of the charge."""
        return (DemandWindow(self.start, self.end, self.days), *self.also)

    def _checked_windows(self, what: str) -> DemandWindow:
        if wrong := [each for each in self.also if not isinstance(each, DemandWindow)]:
            raise InputError(
                f"{what}: also: expected a DemandWindow, got {type(wrong[0]).__name__}"
            )
        try:
            windows = self.windows
        except InputError as error:
            raise InputError(str(error).replace("demand", what, 1)) from None
        for each in windows:
            if each.cuts(self.interval_minutes):
                raise InputError(
                    f"{what}: hours {each.start} to {each.end} cut its {self.interval_minutes}-minute intervals; "
                    "begin and end on a multiple of them"
                )
        return windows[0]


@dataclass(frozen=True, slots=True)
class FixedCharge:
    """A standing charge by day, by month, or both.

    Attributes
    ----------
    name : str
    per_day : float
        Major currency units for each local day.
    per_month : float
        For each billing period; one that is cut short pays the share of its days.

    Raises
    ------
    InputError
        No name, an amount that is no finite number.
    """

    name: str
    per_day: float = 0.0
    per_month: float = 0.0

    def __post_init__(self) -> None:
        what = f"fixed charge {check_name(self.name, 'fixed charge: name')!r}"
        object.__setattr__(self, "per_day", check_number(self.per_day, f"{what}: per_day"))
        object.__setattr__(self, "per_month", check_number(self.per_month, f"{what}: per_month"))


@dataclass(frozen=True, slots=True)
class Minimum:
    """What a bill comes to at least, before taxes.

    Attributes
    ----------
    per_month : float or None
        For each billing period; one that is cut short pays the share of its days.
    per_year : float or None
        For each whole calendar year, topped up in its last billing period.

    Raises
    ------
    InputError
        Neither is given, or one is negative or no finite number.
    """

    per_month: float | None = None
    per_year: float | None = None

    def __post_init__(self) -> None:
        for name in ("per_month", "per_year"):
            if getattr(self, name) is not None:
                object.__setattr__(
                    self, name, check_number(getattr(self, name), f"minimum: {name}", at_least=0.0)
                )
        if self.per_month is None and self.per_year is None:
            raise InputError("minimum: give per_month, per_year or both")


@dataclass(frozen=True, slots=True)
class Adder:
    """An amount on every kWh that is charged: a levy, a grid fee.

    Attributes
    ----------
    name : str
    price_per_kwh : float
        Major currency units; may be negative.

    Raises
    ------
    InputError
        No name, a price that is no finite number.
    """

    name: str
    price_per_kwh: float

    def __post_init__(self) -> None:
        what = f"adder {check_name(self.name, 'adder: name')!r}"
        object.__setattr__(self, "price_per_kwh", check_price(self.price_per_kwh, what))


@dataclass(frozen=True, slots=True)
class Tax:
    """A share of charges of the named kinds.

    Attributes
    ----------
    name : str
    share : float
        0.05 for 5 %.
    on : tuple of str
        Of ``energy``, ``demand``, ``fixed``, ``adder``, ``minimum``; export credits are never taxed.

    Raises
    ------
    InputError
        No name, a share that is no finite number, a kind that is none.
    """

    name: str
    share: float
    on: tuple[str, ...] = TAXABLE

    def __post_init__(self) -> None:
        what = f"tax {check_name(self.name, 'tax: name')!r}"
        object.__setattr__(self, "share", check_number(self.share, f"{what}: share"))
        kinds = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        wrong = [kind for kind in kinds if kind not in TAXABLE]
        if wrong or not kinds:
            raise InputError(
                f"{what}: on {wrong[0] if wrong else kinds!r}; write some of {', '.join(TAXABLE)}"
            )
        object.__setattr__(self, "on", tuple(kind for kind in TAXABLE if kind in kinds))


def distinct(values: Any, kind: type, what: str) -> tuple[Any, ...]:
    """`values` as a tuple of `kind` with names used once.

    Raises
    ------
    InputError
        Something else among them, or a name twice.
    """
    found = tuple(values) if isinstance(values, list | tuple) else (values,)
    for number, value in enumerate(found):
        if not isinstance(value, kind):
            raise InputError(
                f"{what}, item {number}: expected {kind.__name__}, got {type(value).__name__}"
            )
    names = [value.name for value in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{what}: {', '.join(map(repr, twice))} used twice; the lines of a bill need names of their own"
        )
    return found


def _steps(tiers: Any, what: str) -> tuple[DemandTier, ...]:
    steps = tuple(tiers) if isinstance(tiers, list | tuple) else (tiers,)
    if not steps or not all(isinstance(step, DemandTier) for step in steps):
        raise InputError(f"{what}: tiers {tiers!r}; give at least one DemandTier")
    if steps[-1].up_to_kw is not None:
        raise InputError(
            f"{what}: tier {len(steps)}, the last, ends at {steps[-1].up_to_kw:g} kW; leave up_to_kw out"
        )
    for number, (lower, upper) in enumerate(pairwise(steps), 1):
        if lower.up_to_kw is None:
            raise InputError(
                f"{what}: tier {number} of {len(steps)} has no limit; only the last may be without"
            )
        if upper.up_to_kw is not None and upper.up_to_kw <= lower.up_to_kw:
            raise InputError(
                f"{what}: tier {number + 1} ends at {upper.up_to_kw:g} kW, not above tier {number}"
            )
    return steps
