"""What a bill has beside the price of a kWh: fixed amounts, minimums, taxes, exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from flipkit.checks import check_field, finite, set_fields
from flipkit.checks import name as check_name
from flipkit.errors import InputError
from flipkit.tariffs.model.rate_table import canonical, rate_table
from flipkit.tariffs.model.rates import (
    Rate,
    TierReset,
    TierRule,
    check_rates,
    check_tiers,
    months_of,
)
from flipkit.tariffs.model.series import PriceSeries

__all__ = [
    "TAXABLE",
    "Adder",
    "Export",
    "FixedCharge",
    "Minimum",
    "Tax",
]

TAXABLE = ("energy", "demand", "fixed", "adder", "minimum")
"""The kinds of charges that can be taxed."""
_CARRY_OVER = {
    "net_billing": (None, "credit"),
    "net_metering": (None, "year"),
    "buy_all_sell_all": (None,),
}


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
        for name in ("per_month", "per_year"):
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
    >>> import flipkit as fk
    >>> evening = fk.Rate(0.15, "17:00", "21:00", period="peak")
    >>> grid_fee = fk.Adder("grid", rates=(evening, fk.Rate(0.05, "21:00", "17:00")))
    """

    name: str
    price_per_kwh: float = None  # type: ignore[assignment]  # rates have their own prices
    rates: tuple[Rate, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        what = f"adder {check_name(self.name, 'adder: name')!r}"
        rates = check_rates(self.rates, f"{what}, rates")
        if rates and self.price_per_kwh is None:
            set_fields(self, price_per_kwh=0.0)
        check_field(self, "price_per_kwh", what, check=finite)
        if rates and self.price_per_kwh:
            raise InputError(
                f"{what}: price_per_kwh {self.price_per_kwh!r} beside rates; leave one of them out"
            )
        for number, rate in enumerate(rates):
            if rate.tiers:
                raise InputError(
                    f"{what}, rates, item {number}: an adder has no tiers; give one price"
                )
        set_fields(self, rates=canonical(rates) if rates else ())


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
        kinds = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        known = ", ".join(TAXABLE)
        if not kinds:
            raise InputError(f"{what}: on {kinds!r} has no charges; write some of {known}")
        for kind in kinds:
            if kind not in TAXABLE:
                raise InputError(f"{what}: on {kind!r} cannot be taxed; write some of {known}")
        # In one order, so that equal taxes are equal.
        on = tuple(kind for kind in TAXABLE if kind in kinds)
        set_fields(self, on=on, months=months_of(self.months))


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
        Export prices; not for net_metering.
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
    tier_rule, tier_reset : str
        How exported kWh fill the tiers of `rates`, and when their count begins anew: as in
        `Tariff`. `tier_rule` is required if several periods have tiers.

    Raises
    ------
    InputError
        An unknown mode, a field that the mode does not have, tiers that count in another way than
        `tier_reset`.
    """

    mode: Literal["net_billing", "net_metering", "buy_all_sell_all"]
    rates: tuple[Rate, ...] = ()
    series: PriceSeries | None = None
    carry_over: Literal["credit", "year"] | None = None
    payout_per_kwh: float = 0.0
    payout_share: float = 0.0
    true_up_month: int = 12
    tier_rule: TierRule | None = field(default=None, kw_only=True)
    tier_reset: TierReset = field(default="billing", kw_only=True)

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
        self._check_tiers()

    def _check_tiers(self) -> None:
        has_tiers = any(rate.tiers for rate in self.rates)
        # In one period, all rules are the same.
        if has_tiers and self.tier_rule is None and len(rate_table(self.rates).periods) == 1:
            set_fields(self, tier_rule="chronological")
        check_tiers(self.rates, self.tier_rule, self.tier_reset, "export")
