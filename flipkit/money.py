"""Money: ISO 4217 currencies, and amounts rounded once, half to even, to the smallest unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from flipkit.errors import InputError
from flipkit.vocabulary import Float64

__all__ = ["ISO_4217", "check_currency", "rounded", "rounded_all", "smallest_unit"]

# National currencies of ISO 4217, list one of 2026-01-01 (SIX, as the Python package iso4217 1.16.20260101 carries it;
# `money` has its minor units). Codes withdrawn since 2020 stay, for bills of those years: ANG, BGN, CUC, HRK, SLL, ZWL.
# Funds, units of account, metals and test codes are left out: no tariff is in them.
ISO_4217 = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
    GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
    KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
    """.split()  # noqa: SIM905  as words they can be read and compared with the standard
)

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
    with np.errstate(
        invalid="ignore", over="ignore"
    ):  # what is infinite goes the way of the others below
        scaled = np.asarray(amounts, dtype=np.float64) * units
        near = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-3
        out: Float64 = np.rint(scaled) / units + 0.0
    for place in zip(*np.nonzero(near | (np.abs(scaled) > 1e12)), strict=True):
        out[place] = rounded(float(amounts[place]), currency)
    return out


def smallest_unit(currency: str | None) -> float:
    """The smallest unit of a currency in major units: 0.01 of most."""
    return float(10.0 ** -_MINOR_UNITS.get(currency or "", 2))


def check_currency(code: str) -> str:
    """The code itself, if it is one of ISO 4217.

    Raises
    ------
    InputError
        Any other text; a code in small letters gets its mend named.
    """
    if isinstance(code, str) and code in ISO_4217:
        return code
    known = isinstance(code, str) and code.upper() in ISO_4217
    hint = f"write {code.upper()!r}" if known else "write a code such as 'USD', 'GBP' or 'EUR'"
    raise InputError(f"currency {code!r} is no ISO 4217 code; {hint}")
