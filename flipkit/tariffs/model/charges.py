"""What a bill has beside the price of a kWh: demand, fixed amounts, minimums, taxes, exports."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from flipkit.checks import check_field, finite, instance_of, set_fields
from flipkit.checks import name as check_name
from flipkit.errors import InputError
from flipkit.tariffs.model.rates import (
    Rate,
    check_rates,
    clock_text,
    days_of,
    months_of,
    seconds_of,
)
from flipkit.tariffs.model.series import PriceSeries
from flipkit.vocabulary import DAY_S

__all__ = [
    "TAXABLE",
    "Adder",
    "DemandCharge",
    "DemandTier",
    "DemandWindow",
    "Export",
    "FixedCharge",
    "Minimum",
    "Ratchet",
    "Tax",
    "standing_charge",
]

TAXABLE = ("energy", "demand", "fixed", "adder", "minimum")
"""The kinds of charges that can be taxed."""
_CARRY_OVER = {
    "net_billing": (None, "credit"),
    "net_metering": (None, "year"),
    "buy_all_sell_all": (None,),
}


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
    """The least that a bill comes to, before taxes.

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

    Raises
    ------
    InputError
        No name, a price that is not a finite number.
    """

    name: str
    price_per_kwh: float

    def __post_init__(self) -> None:
        what = f"adder {check_name(self.name, 'adder: name')!r}"
        check_field(self, "price_per_kwh", what, check=finite)


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


@dataclass(frozen=True, slots=True)
class Export:
    """How exported energy is settled.

    Attributes
    ----------
    mode : {"net_billing", "net_metering", "buy_all_sell_all"}
        net_billing: imports are charged, and each exported kWh earns the export price.
        net_metering: imports minus exports by billing period and energy period; a positive balance
        is charged. buy_all_sell_all: all consumption is charged, all generation earns the export
        price.
    rates : tuple of Rate
        Export prices, without tiers; not for net_metering.
    series : PriceSeries or None
        Export prices as a series, instead of rates.
    carry_over : str or None
        net_billing: ``"credit"`` carries what exports earned above the period's other charges to
        the next period; None pays it out. net_metering: ``"year"`` carries surplus kWh to the same
        energy period of the next billing period; None pays for them at once.
    payout_per_kwh : float
        net_metering: price of a surplus kWh, at once or at the true-up.
    payout_share : float
        net_billing with carry-over: the share of the credit left at the true-up that is paid out;
        the rest is lost.
    true_up_month : int
        The calendar month after which the carry-over is settled; 12 for December.

    Raises
    ------
    InputError
        An unknown mode, a field that the mode does not have, tiers among the export rates.
    """

    mode: Literal["net_billing", "net_metering", "buy_all_sell_all"]
    rates: tuple[Rate, ...] = ()
    series: PriceSeries | None = None
    carry_over: Literal["credit", "year"] | None = None
    payout_per_kwh: float = 0.0
    payout_share: float = 0.0
    true_up_month: int = 12

    def __post_init__(self) -> None:
        if self.mode not in _CARRY_OVER:
            known = ", ".join(_CARRY_OVER)
            raise InputError(f"export: mode {self.mode!r} is not known; write one of {known}")
        if self.carry_over not in _CARRY_OVER[self.mode]:
            known = " or ".join(map(repr, _CARRY_OVER[self.mode]))
            raise InputError(
                f"export: {self.mode} has no carry_over {self.carry_over!r}; write {known}"
            )
        if self.true_up_month not in range(1, 13) or isinstance(self.true_up_month, bool):
            raise InputError(
                f"export: true_up_month {self.true_up_month!r} is not a month; write 1 to 12"
            )
        check_field(self, "payout_per_kwh", "export", check=finite)
        check_field(self, "payout_share", "export", check=finite, at_least=0.0)
        set_fields(self, rates=check_rates(self.rates, "export, rates"))
        self._check_prices()

    def _check_prices(self) -> None:
        has_prices = bool(self.rates) + (self.series is not None)
        if self.mode == "net_metering":
            if has_prices:
                raise InputError("export: net_metering has no export price but payout_per_kwh")
        elif has_prices != 1:
            raise InputError(f"export: {self.mode} needs either rates or a price series")
        if self.payout_per_kwh and self.mode != "net_metering":
            raise InputError(
                f"export: payout_per_kwh is for net_metering; {self.mode} has rates or a series"
            )
        if self.payout_share and self.carry_over != "credit":
            raise InputError("export: payout_share is for carry_over='credit'")
        for number, rate in enumerate(self.rates):
            if rate.tiers:
                raise InputError(
                    f"export, rates, item {number}: export prices have no tiers; give one price"
                )


def standing_charge(per_day: Any) -> tuple[FixedCharge, ...]:
    """Return a standing charge per day; none for None."""
    return () if per_day is None else (FixedCharge("standing charge", per_day=per_day),)


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
