"""Whether what a scenario costs to build comes back: simple payback, net present value, internal rate of return.

What is saved in the time that was simulated stands for every year of the life: savings in today's money stay the same.
So prices rise with general inflation and no faster, nothing wears, and there is no tax, loan, upkeep or residual value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flipkit.checks import number
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.vocabulary import DAY_US

__all__ = ["DISCOUNT_RATE", "Investment", "part_year", "yearly"]

DISCOUNT_RATE = 0.064
"""A year, above inflation: the default of NREL's SAM 7.1 for homes (PVWatts, residential; `real_discount_rate`)."""

YEAR_DAYS = 365.25
_NEARLY_DAYS = 7.0  # 52 weeks, a leap year, and several years of either are whole years
_LONGEST_YEARS = 100


@dataclass(frozen=True, slots=True)
class Investment:
    """What is paid at once, for savings that come at the end of every year of a life.

    Attributes
    ----------
    capex : float
        Paid at the beginning, in the currency of the savings.
    lifetime_years : int, optional
        Whole years of savings; without, there is a payback alone.
    discount_rate : float
        A year, as a fraction, above inflation; default `DISCOUNT_RATE`.

    Raises
    ------
    InputError
        A capex that is negative, a lifetime that is no whole number from 1 to 100, a rate outside 0 to 1.
    """

    capex: float
    lifetime_years: int | None = None
    discount_rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        self._check("capex", math.inf, "a number of 0 or more")
        self._check("discount_rate", 1.0, "a fraction from 0 to 1; 0.064 is 6.4 %")
        if self.lifetime_years is not None:
            wanted = f"a whole number of years from 1 to {_LONGEST_YEARS}"
            self._check("lifetime_years", _LONGEST_YEARS, wanted, least=1.0)
            if self.lifetime_years != int(self.lifetime_years):
                raise InputError(
                    f"investment: lifetime_years {self.lifetime_years!r} must be {wanted}"
                )

    def _check(self, field: str, most: float, wanted: str, least: float = 0.0) -> None:
        object.__setattr__(
            self, field, number(getattr(self, field), f"investment: {field}", wanted, least, most)
        )

    def payback_years(self, yearly_saving: float) -> float:
        """Years until the savings, undiscounted, have paid it back: capex / yearly saving; may be beyond the life.

        Returns
        -------
        float
            NaN where nothing is saved.
        """
        return self.capex / yearly_saving if yearly_saving > 0 else math.nan

    def npv(self, yearly_saving: float) -> float:
        """Net present value: sum over the years n of the life of saving / (1 + rate)^n, less capex.

        Returns
        -------
        float
            In the currency of the capex; NaN without a lifetime.
        """
        import numpy_financial as npf  # here, not above: most scenarios have no capex

        if self.lifetime_years is None:
            return math.nan
        return float(
            npf.npv(self.discount_rate, [-self.capex, *[yearly_saving] * int(self.lifetime_years)])
        )

    def irr(self, yearly_saving: float) -> float:
        """Internal rate of return: the discount rate at which the net present value is 0; negative where it loses.

        Returns
        -------
        float
            A year, as a fraction, above inflation. NaN where there is none: without a lifetime or capex, or where
            nothing is saved.
        """
        import numpy_financial as npf

        payback = self.payback_years(yearly_saving)
        if self.lifetime_years is None or not 0 < payback < math.inf:
            return math.nan
        # In yearly savings instead of money: of all currencies and sizes the polynomial sees the payback alone.
        return float(npf.irr([-payback, *[1.0] * int(self.lifetime_years)]))


def yearly(amount: float, start_us: int, end_us: int) -> float:
    """An amount of [start, end) as one of a year: amount x 365.25 days / length; see `part_year`.

    Parameters
    ----------
    amount : float
    start_us, end_us : int
        Microseconds since 1970-01-01 UTC, start before end.
    """
    return amount * YEAR_DAYS / _days(start_us, end_us)


def part_year(start_us: int, end_us: int) -> Finding | None:
    """Say where [start, end) is no whole number of years, give or take a week; None where it is.

    A year reckoned from a part of one takes the seasons that are there for those that are not.
    """
    days = _days(start_us, end_us)
    years = max(1, round(days / YEAR_DAYS))
    if abs(days - years * YEAR_DAYS) <= _NEARLY_DAYS:
        return None
    return Finding(
        "finance.part_year",
        f"{days:.4g} days are no whole number of years: the yearly saving is theirs x {YEAR_DAYS / days:.3g}, "
        "so the seasons do not count alike; payback, npv and irr are as good as that",
    )


def _days(start_us: int, end_us: int) -> float:
    return (end_us - start_us) / DAY_US
