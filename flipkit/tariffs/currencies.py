"""The alphabetic currency codes of ISO 4217."""

from __future__ import annotations

from flipkit.errors import InputError

__all__ = ["ISO_4217", "check_currency"]

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
