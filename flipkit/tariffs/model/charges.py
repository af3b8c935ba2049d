"""What a bill has beside the price of a kWh: fixed amounts, minimums, adders, taxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flipkit.checks import check_field, finite, instance_of, set_fields
from flipkit.checks import name as check_name
from flipkit.errors import InputError
from flipkit.tariffs.model.rate_table import check_rates
from flipkit.tariffs.model.rates import Rate, months_of

__all__ = [
    "TAXABLE",
    "Adder",
    "FixedCharge",
    "Minimum",
    "Tax",
    "check_kinds",
    "standing_charge",
]

TAXABLE = ("energy", "demand", "fixed", "adder", "minimum")
"""The kinds of charges that can be taxed."""


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
    per_day : float or None
        Per local day of the billing period; added to `per_month`.

    Raises
    ------
    InputError
        None of them is given, or one is negative or not a finite number.
    """

    per_month: float | None = None
    per_year: float | None = None
    per_day: float | None = None

    def __post_init__(self) -> None:
        if self.per_month is None and self.per_year is None and self.per_day is None:
            raise InputError("minimum: give per_month, per_year or per_day")
        for name in ("per_month", "per_year", "per_day"):
            if getattr(self, name) is not None:
                check_field(self, name, "minimum", check=finite, at_least=0.0)


@dataclass(frozen=True, slots=True)
class Adder:
    """An amount on every kWh that is charged, such as a levy or a grid fee.

    Attributes
    ----------
    name : str
    price_per_kwh : float
        Major currency units, at all times; may be negative.
    non_bypassable : bool
        Exports do not lower it: under net metering it is charged on every imported kWh, before
        exports are netted, and credits do not pay for it.
    rates : tuple of Rate
        Prices by season, kind of day and local hour, without tiers, instead of `price_per_kwh`:
        grid fees by the hour beside a price series, for example. Under net metering, the charged
        kWh of an energy period have no hour of their own; they spread over the hours of these rates
        in proportion to the imports of that period.

    Raises
    ------
    InputError
        No name, a price that is not a finite number, rates with tiers or beside a price.

    Examples
    --------
    >>> from flipkit.tariffs import Adder, Rate
    >>> evening = Rate(0.15, "17:00", "21:00", period="peak")
    >>> grid_fee = Adder("grid", rates=(evening, Rate(0.05, "21:00", "17:00")))
    """

    name: str
    price_per_kwh: float = None  # type: ignore[assignment]  # rates have their own prices
    non_bypassable: bool = False
    rates: tuple[Rate, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        what = f"adder {check_name(self.name, 'adder: name')!r}"
        rates = check_rates(self.rates, f"{what}, rates")
        if rates and self.price_per_kwh is None:
            set_fields(self, price_per_kwh=0.0)
        check_field(self, "price_per_kwh", what, check=finite)
        instance_of(self.non_bypassable, bool, f"{what}: non_bypassable")
        if rates and self.price_per_kwh:
            raise InputError(
                f"{what}: price_per_kwh {self.price_per_kwh!r} beside rates; leave one of them out"
            )
        if any(rate.tiers for rate in rates):
            raise InputError(f"{what}, rates: an adder has no tiers; give one price")
        set_fields(self, rates=rates)


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
    months : tuple of int or None
        Months in which it is charged; None for all. A billing period that lies in them in part
        is taxed in proportion to its days.

    Raises
    ------
    InputError
        No name, a share that is not a finite number, an unknown kind of charge, a month that does
        not exist.
    """

    name: str
    share: float
    on: tuple[str, ...] = TAXABLE
    months: tuple[int, ...] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        what = f"tax {check_name(self.name, 'tax: name')!r}"
        check_field(self, "share", what, check=finite)
        problem = "cannot be taxed (what exports earn, and a net of both, is not taxed)"
        on = check_kinds(self.on, TAXABLE, what=f"{what}: on", problem=problem)
        set_fields(self, on=on, months=months_of(self.months))


def check_kinds(given: Any, known: tuple[str, ...], *, what: str, problem: str) -> tuple[str, ...]:
    """Return kinds of charges in the order of the known ones, so that equal values are equal."""
    is_list = isinstance(given, Iterable) and not isinstance(given, str)
    kinds = tuple(given) if is_list else (given,)
    choice = f"write some of {', '.join(known)}"
    if not kinds:
        raise InputError(f"{what} {kinds!r} has no charges; {choice}")
    for kind in kinds:
        if kind not in known:
            raise InputError(f"{what} {kind!r} {problem}; {choice}")
    return tuple(kind for kind in known if kind in kinds)


def standing_charge(per_day: float | None) -> tuple[FixedCharge, ...]:
    """Return a standing charge per day; none for None."""
    return () if per_day is None else (FixedCharge("standing charge", per_day=per_day),)
