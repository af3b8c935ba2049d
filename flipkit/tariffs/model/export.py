"""How exported energy is settled: net billing, net metering, or a meter of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from flipkit.checks import check_field, finite, instance_of, one_of, set_fields, short_repr
from flipkit.errors import InputError
from flipkit.tariffs.model.charges import check_kinds
from flipkit.tariffs.model.rate_table import check_rates, rate_table
from flipkit.tariffs.model.rates import Rate, TierReset, TierRule, check_tiers
from flipkit.tariffs.model.series import PriceSeries

__all__ = ["CREDITABLE", "Export"]

CREDITABLE = ("energy", "demand", "fixed", "adder")
"""The kinds of charges that credit can pay for."""

_CARRY_OVER = {
    "net_billing": (None, "credit"),
    "net_metering": (None, "year", "credit"),
    "buy_all_sell_all": (None,),
}


@dataclass(frozen=True, slots=True)
class Export:
    """How exported energy is settled.

    Net metering carries kWh to the energy period of the same name in the next billing period. If
    that is not in force, or has no name (one that is only a number, such as ``period 2``, says
    nothing), they serve the energy period whose hours are most like theirs, whatever its price: the
    most hours in common for the hours in either. Where a month has one energy period, that is it.
    In a billing period that crosses a season, the energy periods of each season are netted apart,
    and what the earlier one leaves serves the later one in the same way.

    A tariff that follows and settles exports in the same way takes the balance over; otherwise the
    balance is settled when the tariff ends.

    Attributes
    ----------
    mode : {"net_billing", "net_metering", "buy_all_sell_all"}
        net_billing: imports are charged, and each exported kWh earns the export price.
        net_metering: imports minus exports by billing period and energy period; a positive balance
        is charged. buy_all_sell_all: all consumption is charged, all generation earns the export
        price.
    rates : tuple of Rate
        Export prices. net_metering: without tiers, for carry_over ``"credit"`` only, what a kWh of
        surplus earns; imports and exports are then netted within the hours in which neither price
        changes.
    series : PriceSeries or None
        Export prices as a series, instead of rates; not for net_metering.
    tariff : Tariff or None
        Export prices as those of a tariff, such as one that `Tariff.from_octopus` reads from
        Outgoing, instead of rates or a series: prices that change in time, with or without an end,
        by hours of their own clock. A tariff of prices alone, without tiers; not for net_metering.
    carry_over : str or None
        What goes to the next billing period. ``"credit"``: money that exports (net_billing) or
        surplus kWh (net_metering) earned above the charges of `credit_on`. ``"year"``: surplus
        kWh of net_metering. None: nothing; what exports earn is paid out at once.
    payout_per_kwh : float
        net_metering: price of a surplus kWh, at once or at the true-up; not for ``"credit"``.
    payout_share : float
        Carried credit: the share of what is left at the true-up that is paid out; the rest is
        lost, and a finding says how much.
    true_up_month : int
        The calendar month after which the carry-over is settled; 12 for December.
    credit_on : tuple of str
        The kinds of charges that credit pays for: of ``energy``, ``demand``, ``fixed``, ``adder``;
        ``"all"`` for all of them. Non-bypassable adders are never paid by credit.
    credit_next_month : bool
        Carried credit: what a billing period earns pays for charges from the next one on.
    true_up_on : {"period", "total"}
        Carried kWh: paid is what each energy period has left, or what would be left if kWh were
        netted over all energy periods together (the net surplus of the year).
    payout_as_credit : bool
        Carried kWh: what the true-up pays becomes credit, for charges of its own billing period
        and those after it, and is not paid out. A bill shows it as ``carry over credit``.
    tier_rule, tier_reset : str
        How exported kWh fill the tiers of `rates`, and when their count begins anew: as in
        `Tariff`. `tier_rule` is required if there are tiers in several periods.

    Raises
    ------
    InputError
        An unknown mode, a field that the mode does not have, tiers that do not go with the mode,
        `tier_rule` or `tier_reset`, a kind of charge that credit cannot pay for.

    Notes
    -----
    In the terms of NREL's SAM (``ur_metering_option``): 0 is net_metering with ``"year"``, paid on
    the total; 1 is net_metering with ``"credit"`` on energy, paid out in full at the true-up; 2 is
    net_billing; 3 is net_billing with ``"credit"`` on energy, where ``ur_nb_credit_expire`` 0 is a
    payout share of 1 and ``ur_nb_apply_credit_current_month`` 0 is `credit_next_month`; 4 is
    buy_all_sell_all. ``ur_nm_credit_rollover`` is `payout_as_credit`.
    """

    mode: Literal["net_billing", "net_metering", "buy_all_sell_all"]
    rates: tuple[Rate, ...] = ()
    series: PriceSeries | None = None
    carry_over: Literal["credit", "year"] | None = None
    payout_per_kwh: float = 0.0
    payout_share: float = 0.0
    true_up_month: int = 12
    credit_on: tuple[str, ...] = CREDITABLE
    credit_next_month: bool = False
    true_up_on: Literal["period", "total"] = "period"
    payout_as_credit: bool = False
    tier_rule: TierRule | None = field(default=None, kw_only=True)
    tier_reset: TierReset = field(default="billing", kw_only=True)
    # A Tariff has an Export, so its class is not known here: the tariff checks it.
    tariff: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        one_of(self.mode, tuple(_CARRY_OVER), "export: mode")
        if self.carry_over not in _CARRY_OVER[self.mode]:
            known = " or ".join(map(repr, _CARRY_OVER[self.mode]))
            raise InputError(
                f"export: {self.mode} has no carry_over {self.carry_over!r}; write {known}"
            )
        if self.true_up_month not in range(1, 13) or isinstance(self.true_up_month, bool):
            raise InputError(
                f"export: true_up_month {self.true_up_month!r} is not a month; write 1 to 12"
            )
        one_of(self.true_up_on, ("period", "total"), "export: true_up_on")
        if isinstance(self.payout_per_kwh, Iterable | Rate):
            raise InputError(
                f"export: payout_per_kwh {short_repr(self.payout_per_kwh)} is not one price; what "
                "a surplus kWh of each period earns is said by rates with carry_over='credit'"
            )
        check_field(self, "payout_per_kwh", "export", check=finite)
        check_field(self, "payout_share", "export", check=finite, at_least=0.0)
        instance_of(self.credit_next_month, bool, "export: credit_next_month")
        instance_of(self.payout_as_credit, bool, "export: payout_as_credit")
        kinds: Any = self.credit_on
        set_fields(
            self,
            rates=check_rates(self.rates, "export, rates"),
            credit_on=check_kinds(
                CREDITABLE if kinds == "all" else kinds,
                CREDITABLE,
                what="export: credit_on",
                problem="cannot be paid by credit",
            ),
        )
        self._check_prices()
        self._check_carry_over()

    @property
    def has_credit(self) -> bool:
        """Whether exports leave credit that pays for the charges of other billing periods."""
        return self.carry_over == "credit" or self.payout_as_credit

    def _check_prices(self) -> None:
        self._check_tiers()
        if self.mode == "net_metering":
            self._check_surplus_prices()
        elif bool(self.rates) + (self.series is not None) + (self.tariff is not None) != 1:
            raise InputError(
                f"export: {self.mode} needs either rates or a price series, or a tariff of prices"
            )
        elif self.payout_per_kwh:
            raise InputError(
                f"export: payout_per_kwh is for net_metering; {self.mode} has rates or a series"
            )

    def _check_tiers(self) -> None:
        has_tiers = any(rate.tiers for rate in self.rates)
        if has_tiers and self.mode == "net_metering":
            raise InputError(
                "export: the price of net_metering's surplus has no tiers; give one price"
            )
        # In one period, all rules are the same.
        if has_tiers and self.tier_rule is None and len(rate_table(self.rates).periods) == 1:
            set_fields(self, tier_rule="chronological")
        check_tiers(self.rates, self.tier_rule, self.tier_reset, "export")

    def _check_surplus_prices(self) -> None:
        if self.series is not None or self.tariff is not None:
            raise InputError(
                "export: net_metering has no price series and no tariff; a surplus of kWh is left "
                "at the end of a billing period and has no hour"
            )
        if self.carry_over != "credit" and self.rates:
            raise InputError(
                "export: net_metering has no export price but payout_per_kwh; "
                "rates are for carry_over 'credit'"
            )
        if self.carry_over == "credit" and not self.rates:
            raise InputError(
                "export: net_metering with carry_over 'credit' needs rates: what a kWh of surplus "
                "earns"
            )
        self._refuse(
            "payout_per_kwh",
            self.carry_over == "credit" and self.payout_per_kwh != 0.0,
            "kWh; credit has rates",
        )

    def _check_carry_over(self) -> None:
        """Raise InputError for a field that would have no effect."""
        if self.carry_over != "credit":
            self._refuse("payout_share", self.payout_share != 0.0, "carry_over='credit'")
            self._refuse("credit_next_month", self.credit_next_month, "carry_over='credit'")
        if self.carry_over != "year":
            self._refuse("true_up_on", self.true_up_on != "period", "carry_over='year'")
            self._refuse("payout_as_credit", self.payout_as_credit, "carry_over='year'")
        if not self.has_credit:
            is_restricted = self.credit_on != CREDITABLE
            self._refuse("credit_on", is_restricted, "carry_over='credit' or payout_as_credit")

    def _refuse(self, name: str, is_given: bool, where: str) -> None:
        if is_given:
            raise InputError(
                f"export: {name} is for {where}, got {name}={getattr(self, name)!r} "
                f"with {self.mode} and carry_over={self.carry_over!r}"
            )
