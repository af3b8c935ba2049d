"""Whether a scenario pays back: simple payback, net present value, internal rate of return.

The saving of the simulated period represents every year of the lifetime, in today's money: prices
rise with general inflation and no faster, nothing wears, and there is no tax, loan, maintenance or
residual value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flipkit.checks import check_field
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.vocabulary import DAY_US

__all__ = ["DISCOUNT_RATE", "Investment", "part_year", "yearly"]

DISCOUNT_RATE = 0.064
"""Per year, above inflation: the default of NREL's SAM 7.1 for homes (PVWatts, residential;
`real_discount_rate`)."""

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

    Raises
    ------
    InputError
        A negative capex, a lifetime that is not a whole number from 1 to 100, a rate outside 0 to
        1.
    """

    capex: float
    lifetime_years: int | None = None
    discount_rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        check_field(self, "capex", "investment", "a number of 0 or more")
        wanted_rate = "a fraction from 0 to 1; 0.064 is 6.4 %"
        check_field(self, "discount_rate", "investment", wanted_rate, most=1.0)
        if self.lifetime_years is None:
            return
        wanted_years = f"a whole number of years from 1 to {_MAX_LIFETIME_YEARS}"
        check_field(self, "lifetime_years", "investment", wanted_years, 1.0, _MAX_LIFETIME_YEARS)
        if self.lifetime_years != int(self.lifetime_years):
            raise InputError(
                f"investment: lifetime_years {self.lifetime_years!r} must be {wanted_years}"
            )

    def payback_years(self, yearly_saving: float) -> float:
        """Return capex / yearly saving, undiscounted; NaN if nothing is saved.

        It may be longer than the lifetime.
        """
        return self.capex / yearly_saving if yearly_saving > 0 else math.nan

    def npv(self, yearly_saving: float) -> float:
        """Return the net present value: the sum over years n of saving / (1 + rate)^n, less capex.

        NaN without a lifetime.
        """
        import numpy_financial as npf  # most scenarios have no capex

        if self.lifetime_years is None:
            return math.nan
        savings = [yearly_saving] * int(self.lifetime_years)
        return float(npf.npv(self.discount_rate, [-self.capex, *savings]))

    def irr(self, yearly_saving: float) -> float:
        """Return the internal rate of return, the discount rate at which the NPV is 0.

        Per year, as a fraction, above inflation; negative for a loss. NaN without a lifetime or
        capex, and if nothing is saved.
        """
        import numpy_financial as npf

        payback = self.payback_years(yearly_saving)
        if self.lifetime_years is None or not 0 < payback < math.inf:
            return math.nan
        # In units of the yearly saving: the polynomial is the same for all currencies and sizes.
        savings = [1.0] * int(self.lifetime_years)
        return float(npf.irr([-payback, *savings]))


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
