"""What energy fed into the grid earns: net metering, net billing, buy-all-sell-all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flipkit.errors import InputError
from flipkit.tariffs.model.rates import Rate, check_number, check_price
from flipkit.tariffs.model.series import PriceSeries

__all__ = ["Export"]

_CARRY_OVER = {
    "net_billing": (None, "credit"),
    "net_metering": (None, "year"),
    "buy_all_sell_all": (None,),
}


@dataclass(frozen=True, slots=True)
class Export:
    """How exported energy is settled.

    Attributes
    ----------
    mode : {"net_billing", "net_metering", "buy_all_sell_all"}
        net_billing: imports are charged and each exported kWh earns the export price. net_metering: imports less
        exports by billing period and energy period; what is above zero is charged. buy_all_sell_all: all consumption
        is charged, all generation earns the export price.
    rates : tuple of Rate
        Export prices, without tiers; not for net_metering.
    series : PriceSeries or None
        Export prices as a series, instead of rates.
    carry_over : str or None
        net_billing: ``"credit"`` takes what the exports earned above the period's other charges to the next period
        instead of paying it out. net_metering: ``"year"`` takes kWh left over to the same energy period of the next
        billing period; None pays them at once.
    payout_per_kwh : float
        net_metering: price of a kWh left over, at once or at the true-up.
    payout_share : float
        net_billing with carry-over: which share of the credit left at the true-up is paid; the rest is lost.
    true_up_month : int
        After which calendar month what was carried over is settled; 12 for December.

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
            raise InputError(f"export: mode {self.mode!r}; write one of {', '.join(_CARRY_OVER)}")
        if self.carry_over not in _CARRY_OVER[self.mode]:
            known = " or ".join(map(repr, _CARRY_OVER[self.mode]))
            raise InputError(
                f"export: {self.mode} has no carry_over {self.carry_over!r}; write {known}"
            )
        if self.true_up_month not in range(1, 13) or isinstance(self.true_up_month, bool):
            raise InputError(f"export: true_up_month {self.true_up_month!r} is none; write 1 to 12")
        object.__setattr__(
            self, "payout_per_kwh", check_price(self.payout_per_kwh, "export, payout_per_kwh")
        )
        object.__setattr__(
            self,
            "payout_share",
            check_number(self.payout_share, "export: payout_share", at_least=0.0),
        )
        object.__setattr__(
            self, "rates", (self.rates,) if isinstance(self.rates, Rate) else tuple(self.rates)
        )
        self._check_prices()

    def _check_prices(self) -> None:
        given = bool(self.rates) + (self.series is not None)
        if given != (self.mode != "net_metering"):
            mend = (
                "has no export price but payout_per_kwh"
                if given
                else "needs either rates or a price series"
            )
            raise InputError(f"export: {self.mode} {mend}")
        if self.payout_per_kwh and self.mode != "net_metering":
            raise InputError(
                f"export: payout_per_kwh is for net_metering; {self.mode} has rates or a series"
            )
        if self.payout_share and self.carry_over != "credit":
            raise InputError("export: payout_share is for carry_over='credit'")
        for number, rate in enumerate(self.rates):
            if not isinstance(rate, Rate):
                raise InputError(
                    f"export, rates, item {number}: expected a Rate, got {type(rate).__name__}"
                )
            if rate.tiers:
                raise InputError(
                    f"export, rates, item {number}: export prices have no tiers; give one price"
                )
