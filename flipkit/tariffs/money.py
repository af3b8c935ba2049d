"""Money in reports: rounded once, half to even, to the currency's smallest unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["rounded"]

# ISO 4217, "minor unit", where it is not 2.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
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
    if amount != amount:
        return amount
    unit = Decimal(1).scaleb(-_MINOR_UNITS.get(currency or "", 2))
    return float(Decimal(repr(float(amount))).quantize(unit, rounding=ROUND_HALF_EVEN)) + 0.0
