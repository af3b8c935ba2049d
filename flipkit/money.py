"""Money: ISO 4217 currencies, and rounding half to even to the smallest unit of a currency."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from flipkit.errors import InputError
from flipkit.vocabulary import Float64

__all__ = ["ISO_4217", "check_currency", "round_money", "round_money_array", "smallest_unit"]

# National currencies of ISO 4217, list one of 2026-01-01 (from the Python package iso4217
# 1.16.20260101). Codes withdrawn since 2020 stay, for bills of those years: ANG, BGN, CUC, HRK,
# SLL, ZWL. Funds, units of account, metals and test codes are left out: no tariff uses them.
ISO_4217 = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES
    KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
    MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
    """.split()  # noqa: SIM905  as words they can be read and compared with the standard
)

# ISO 4217, "minor unit", where it is not 2.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_WHOLE_FLOATS = 2.0**53  # from here on a float has no fraction
_MINOR_UNITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)


def round_money(amount: float, currency: str | None) -> float:
    """Round an amount half to even to the smallest unit of a currency; NaN stays NaN.

    Parameters
    ----------
    amount : float
        Major units.
    currency : str or None
        ISO 4217; two decimals where it is unknown.

    Notes
    -----
    Rounds the shortest decimal text of the number, as a person reads it: 0.285 is a tie, although
    the nearest binary number is below it.
    """
    if amount != amount or abs(amount) > _WHOLE_FLOATS:
        return amount
    unit = Decimal(1).scaleb(-_decimals(currency))
    exact = Decimal(repr(float(amount)))
    return float(exact.quantize(unit, rounding=ROUND_HALF_EVEN)) + 0.0


def round_money_array(amounts: Float64, currency: str | None) -> Float64:
    """Round each amount of an array as `round_money` does."""
    units = float(10 ** _decimals(currency))
    amounts = np.asarray(amounts, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite amounts are handled below
        scaled = amounts * units
        distance_from_tie = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5)
        rounded: Float64 = np.rint(scaled) / units + 0.0
    # Only near a tie can the binary and the decimal number round differently.
    doubtful = (distance_from_tie < 1e-3) | (np.abs(scaled) > 1e12)
    for index in zip(*np.nonzero(doubtful), strict=True):
        rounded[index] = round_money(float(amounts[index]), currency)
    return rounded


def smallest_unit(currency: str | None) -> float:
    """Return the smallest unit of a currency in major units: 0.01 for most."""
    return float(10.0 ** -_decimals(currency))


def check_currency(code: str) -> str:
    """Return the code if it is in ISO 4217.

    Raises
    ------
    InputError
        Anything else; for a code in lower case the message suggests the right one.
    """
    if isinstance(code, str) and code in ISO_4217:
        return code
    if isinstance(code, str) and code.upper() in ISO_4217:
        advice = f"write {code.upper()!r}"
    else:
        advice = "write a code such as 'USD', 'GBP' or 'EUR'"
    raise InputError(f"currency {code!r} is not an ISO 4217 code; {advice}")


def _decimals(currency: str | None) -> int:
    return _MINOR_UNITS.get(currency or "", 2)
