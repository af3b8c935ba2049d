"""Whether a scenario pays back: simple payback, net present value, internal rate of return.

The saving of the simulated period represents the first year, in today's money, and every other year
of the lifetime unless prices escalate or equipment fades or wears out. Amounts are real: escalation
and discount rate are above general inflation. There is no tax, loan, maintenance or residual value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flipkit.checks import check_field
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.vocabulary import DAY_US

__all__ = ["DISCOUNT_RATE", "ESCALATION_RANGE", "Investment", "part_year", "yearly"]

DISCOUNT_RATE = 0.064
"""Per year, above inflation: the default of NREL's SAM 7.1 for homes (PVWatts, residential;
`real_discount_rate`)."""

ESCALATION_RANGE = "a fraction from -1 to 1; 0.03 is 3 %"

Savings = float | Sequence[float]

_YEAR_DAYS = 365.25
_TOLERANCE_DAYS = 7.0  # 52 weeks, a leap year, and several years of either are whole years
_MAX_LIFETIME_YEARS = 100


@dataclass(frozen=True, slots=True)
class Investment:
    """A payment at the beginning, for savings at the end of every year of a lifetime.

    Parameters
    ----------
    capex : float
        In the currency of the savings.
    lifetime_years : int, optional
        Whole years of savings, 1 to 100; without it there is only a payback.
    discount_rate : float, default `DISCOUNT_RATE`
        Per year, as a fraction, above inflation.
    escalation : float, default 0.0
        Rise of all prices per year, as a fraction, above inflation; the first year has none, as in
        SAM (``rate_escalation``).

    Raises
    ------
    InputError
        A negative capex, a lifetime that is not a whole number from 1 to 100, a rate outside 0 to
        1, an escalation outside -1 to 1.

    Notes
    -----
    A saving is one number, the same for all years before escalation, or one number per year.
    """

    capex: float
    lifetime_years: int | None = None
    discount_rate: float = DISCOUNT_RATE
    escalation: float = 0.0

    def __post_init__(self) -> None:
        check_field(self, "capex", "investment", "a number of 0 or more")
        wanted_rate = "a fraction from 0 to 1; 0.064 is 6.4 %"
        check_field(self, "discount_rate", "investment", wanted_rate, most=1.0)
        check_field(self, "escalation", "investment", ESCALATION_RANGE, least=-1.0, most=1.0)
        if self.lifetime_years is None:
            return
        wanted_years = f"a whole number of years from 1 to {_MAX_LIFETIME_YEARS}"
        check_field(self, "lifetime_years", "investment", wanted_years, 1.0, _MAX_LIFETIME_YEARS)
        if self.lifetime_years != int(self.lifetime_years):
            raise InputError(
                f"investment: lifetime_years {self.lifetime_years!r} must be {wanted_years}"
            )

    def payback_years(self, saving: Savings) -> float:
        """Return the years until the savings equal the capex, undiscounted.

        A year's saving is spread evenly over it. NaN if nothing is saved, or too little: savings by
        year end with the lifetime, escalated ones after 100 years; a constant saving has no end.
        """
        if not isinstance(saving, Sequence) and self.escalation == 0:
            return self.capex / saving if saving > 0 else math.nan
        remaining = self.capex
        for year, cash_flow in enumerate(self._cash_flows(saving, _MAX_LIFETIME_YEARS)):
            if cash_flow > 0 and cash_flow >= remaining:
                return year + remaining / cash_flow
            remaining -= cash_flow
        return math.nan

    def npv(self, saving: Savings) -> float:
        """Return the net present value: the sum over years n of saving / (1 + rate)^n, less capex.

        NaN without a lifetime.
        """
        import numpy_financial as npf  # most scenarios have no capex

        if self.lifetime_years is None:
            return math.nan
        cash_flows = self._cash_flows(saving, int(self.lifetime_years))
        return float(npf.npv(self.discount_rate, [-self.capex, *cash_flows]))

    def irr(self, saving: Savings) -> float:
        """Return the internal rate of return, the discount rate at which the NPV is 0.

        Per year, as a fraction, above inflation; negative for a loss. NaN without a lifetime or
        capex, and if nothing is saved.
        """
        import numpy_financial as npf

        if self.lifetime_years is None:
            return math.nan
        cash_flows = self._cash_flows(saving, int(self.lifetime_years))
        largest = max(cash_flows)
        if not largest > 0 or not 0 < self.capex / largest < math.inf:
            return math.nan
        # In units of the largest saving: the polynomial is the same for all currencies and sizes.
        in_units = [cash_flow / largest for cash_flow in cash_flows]
        return float(npf.irr([-self.capex / largest, *in_units]))

    def _cash_flows(self, saving: Savings, years: int) -> list[float]:
        """Return what each year saves, with prices escalated after the first year."""
        savings = saving if isinstance(saving, Sequence) else [saving] * years
        growth = 1 + self.escalation
        return [amount * growth**year for year, amount in enumerate(savings)]


def yearly(amount: float, start_us: int, end_us: int) -> float:
    """Scale an amount of [start, end), microseconds UTC, to a year of 365.25 days."""
    return amount * _YEAR_DAYS / _days(start_us, end_us)


def part_year(start_us: int, end_us: int) -> Finding | None:
    """Return a finding if [start, end) is not a whole number of years, within a week; else None.

    A year that is scaled from a part of one weights its seasons unevenly.
    """
    days = _days(start_us, end_us)
    years = max(1, round(days / _YEAR_DAYS))
    if abs(days - years * _YEAR_DAYS) <= _TOLERANCE_DAYS:
        return None
    return Finding(
        "finance.part_year",
        f"{days:.4g} days are not a whole number of years: the saving is scaled to a year by"
        f" {_YEAR_DAYS / days:.3g}, so payback, npv and irr weight the seasons unevenly",
    )


def _days(start_us: int, end_us: int) -> float:
    return (end_us - start_us) / DAY_US
