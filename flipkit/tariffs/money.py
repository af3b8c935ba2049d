"""Money in reports: rounded once, half to even, to the currency's smallest unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from flipkit.tariffs.series import Float64

__all__ = ["rounded", "rounded_all", "smallest_unit"]

# ISO 4217, "minor unit", where it is not 2.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_NO_CENTS = 2.0**53  # beyond, a float has no fractions
_MINOR_UNITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)


def rounded(amount: float, currency: str | None) -> float:
    """An amount in the currency's smallest unit, half to even; NaN stays NaN.

    Parameters
    ----------
    amount : float
        Major units.
    currency : str or None
        ISO 4217; two decimals where it is unknown.

    Notes
    -----
    Rounds the shortest decimal text of the number, as a person reads it: 0.285 is a tie, though its binary is less.
    """
    if amount != amount or abs(amount) > _NO_CENTS:
        return amount
    unit = Decimal(1).scaleb(-_MINOR_UNITS.get(currency or "", 2))
    return float(Decimal(repr(float(amount))).quantize(unit, rounding=ROUND_HALF_EVEN)) + 0.0


def rounded_all(amounts: Float64, currency: str | None) -> Float64:
    """`rounded` for an array; what lies clearly on one side of a tie is rounded in one go."""
    units = float(10 ** _MINOR_UNITS.get(currency or "", 2))
    with np.errstate(invalid="ignore", over="ignore"):  # what is infinite goes the way of the others below
        scaled = np.asarray(amounts, dtype=np.float64) * units
        near = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-3
        out: Float64 = np.rint(scaled) / units + 0.0
    for place in zip(*np.nonzero(near | (np.abs(scaled) > 1e12)), strict=True):
        out[place] = rounded(float(amounts[place]), currency)
    return out


def smallest_unit(currency: str | None) -> float:
    """The smallest unit of a currency in major units: 0.01 of most."""
    return float(10.0 ** -_MINOR_UNITS.get(currency or "", 2))
