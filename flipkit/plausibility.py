"""Likely slips in energy and prices: a wrong unit, a register, a stray reading, pence for pounds.

A finding names what the figures look like. No value is changed, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flipkit.frames import Finding
from flipkit.vocabulary import Float64

__all__ = [
    "LEAST_INTERVALS",
    "MeterSeries",
    "consumption_findings",
    "generation_findings",
    "price_findings",
    "suspicious_rows",
]

# A connection of 3 x 100 A at 230 V; most homes have less: 100 A (23 kW) in the United Kingdom,
# 3 x 25 A to 3 x 63 A in continental Europe, 200 A at 240 V (48 kW) in the United States.
_FUSE_KW = 69.0
# The largest connections to distribution networks; double conversions and joules lie above it.
_NETWORK_KW = 100_000.0
# Homes use 1.5 to 3 MWh a year in small flats, 2.7 MWh at the median in Great Britain (Ofgem,
# typical domestic consumption values), 10.5 MWh in the United States (EIA) and up to 70 MWh with
# electric heat, pool and cars: 0.05 to 8 kW on average.
_HOME_MEAN_KW = (0.05, 8.0)
# A level line has no shape that tells a home from a business: only an ordinary size counts.
_ORDINARY_KW = 1.5

# A home switches few appliances: its half-hours differ from one another by 0.27 to 0.99 of the
# mean (data/sample and data/real), and the highest is several times the mean. Where hundreds of
# kW are drawn, many loads add up to a smooth curve: a factory or a shop changes by 0.03 to 0.15.
_HOME_ROUGHNESS = 0.2
_HOME_PEAK_TO_MEAN = 1.6
_LEVEL_SHARE = 0.9  # of unchanged half-hours
_SHAPE_HOURS = 0.5  # shorter intervals are added up to half-hours: the figures above are theirs
_LONGEST_SHAPE_HOURS = 1.0

LEAST_INTERVALS = 24
"""Fewer intervals have no curve that could be compared with that of a home."""
_MONTH_HOURS = 720.0
_WEEK_HOURS = 168.0
_DAY_HOURS = 24.0
# The highest half-hour of a home is above 0.7 kW in nearly every month, and above 0.25 kW on
# nearly every day.
_LEAST_PEAK_KW = (0.25, 0.7)
_STRAY_TO_MEAN = 50.0  # no business has a load factor of 2 %
_MOST_STRAY = 0.01
_LOW_KW = _FUSE_KW / 1000
_GENERATION_TO_CONSUMPTION = 50.0

_FIRST_READINGS = 97  # of two days by half-hours
_MOST_FALLS = 0.005  # a new meter, a reset
_LEAST_RISES = 0.1

# Homes pay 0.01 to 0.6 USD per kWh, and 1.2 USD at the most on islands (globalpetrolprices.com,
# 2025); pence for pounds begins at 5 (a night tariff). Events of critical peak pricing cost up to
# 3 USD, and markets pay up to 5 EUR (SDAC), 9 USD (ERCOT until 2021) and 20 AUD (NEM) in single
# hours, which a typical price leaves out.
_HIGHEST_TYPICAL_USD = 2.0
_HIGHEST_USD = 5.0
# Units of a currency for one USD: orders of magnitude of 2025 (reference rates of the ECB and the
# IMF), which suffice to tell a factor of 100.
_CURRENCIES_BY_UNITS_PER_USD = {
    1.0: "USD EUR GBP CHF CAD AUD NZD SGD BND BSD BMD PAB KWD BHD OMR JOD",
    3.0: "BGN BAM AZN BYN GEL FJD AWG ANG XCG BBD BZD TND PEN ILS",
    4.0: "PLN AED QAR SAR MYR RON BRL",
    9.0: "DKK CNY HKD SEK NOK HRK BOB GTQ MOP TTD",
    17.0: "MXN ZAR MAD MDL NAD BWP GHS",
    35.0: "CZK THB TWD TRY UAH UYU EGP HNL NIO MUR",
    120.0: "INR PHP RUB DOP MKD BDT ISK JPY RSD KES DZD ALL JMD",
    400.0: "HUF AMD CRC KZT PKR LKR",
    1_300.0: "KRW CLP NGN ARS IQD",
    4_000.0: "COP TZS UGX MNT MMK",
    16_000.0: "IDR VND LAK UZS PYG KHR",
}
_UNITS_PER_USD = {
    currency: units
    for units, currencies in _CURRENCIES_BY_UNITS_PER_USD.items()
    for currency in currencies.split()
}


class MeterSeries(NamedTuple):
    """The energy of one site or meter in the order of time.

    Attributes
    ----------
    name : str
        Name in messages, such as ``consumption_kwh``.
    kwh : ndarray of float64, shape (intervals,)
    hours : ndarray of float64, shape (intervals,), or float
        Length of the intervals.
    """

    name: str
    kwh: Float64
    hours: Float64 | float

    @property
    def total_hours(self) -> float:
        """The time of all intervals."""
        return float(np.sum(np.broadcast_to(self.hours, self.kwh.shape)))

    @property
    def mean_kw(self) -> float:
        """The mean power of the whole time."""
        return float(self.kwh.sum()) / self.total_hours

    @property
    def peak_kw(self) -> float:
        """The highest mean power of an interval."""
        return float(np.max(self.kwh / self.hours))


class _Shape(NamedTuple):
    """The curve of a series: changes from interval to interval, and its highest value.

    Attributes
    ----------
    roughness : float
        Mean change from one interval to the next, over the mean.
    peak_to_mean : float
    unchanged : float
        Share of intervals that equal the one before.
    """

    roughness: float
    peak_to_mean: float
    unchanged: float


def suspicious_rows(kwh: Float64, hours: float) -> np.ndarray:
    """Return which rows of (sites, intervals) the functions below should look at.

    Takes one pass over the energy, so that a fleet of ordinary homes costs no more.

    Parameters
    ----------
    kwh : ndarray of float64, shape (sites, intervals)
    hours : float
        Length of an interval.

    Returns
    -------
    ndarray of bool, shape (sites,)
        False where there is nothing to find.
    """
    peak_kw = kwh.max(axis=1) / hours
    is_unusual = (peak_kw > _FUSE_KW) | ((peak_kw > 0) & (peak_kw < _LOW_KW))
    falls = np.diff(kwh[:, :_FIRST_READINGS], axis=1) < 0
    may_be_register = falls.sum(axis=1) <= 1
    selected: np.ndarray = is_unusual | may_be_register
    return selected


def consumption_findings(series: MeterSeries) -> list[Finding]:
    """Return the likely slips in what a site uses or imports.

    Parameters
    ----------
    series : MeterSeries

    Returns
    -------
    list of Finding
        * ``energy.register``: the values never fall, as the readings of a register.
        * ``energy.unit``: above 100 MW, or 1,000 times more or less than a home, and a home's in Wh
          or in MWh.
        * ``energy.peak``: single intervals above the largest fuse of a home, far above the others.

    Notes
    -----
    Size alone does not tell Wh from the kWh of a business: 200 kW may be either. The curve does:
    see the constants of this module. Mean power in kW that is taken for the kWh of half-hours is
    twice too high, which no figure shows.
    """
    if _has_shape(series) and _is_register(series):
        return [_register_finding(series)]
    unit = _unit_of_home(series) if _has_shape(series) else None
    return _size_findings(series, unit)


def generation_findings(
    series: MeterSeries, consumption: MeterSeries | None = None
) -> list[Finding]:
    """Return the likely slips in what a site generates or exports.

    Parameters
    ----------
    series : MeterSeries
    consumption : MeterSeries, optional
        What the same site uses or imports. The curve of the sun is as smooth on a home as on a
        factory: the consumption tells them apart.

    Returns
    -------
    list of Finding
        As `consumption_findings`.
    """
    if _has_shape(series) and _is_register(series):
        return [_register_finding(series)]
    unit = None
    if (
        consumption is not None
        and _has_shape(series)
        and _has_shape(consumption)
        and not _is_register(consumption)
    ):
        unit = _generation_unit(series, consumption)
    return _size_findings(series, unit)


def _size_findings(series: MeterSeries, unit: str | None) -> list[Finding]:
    if unit is not None:
        return [_unit_finding(series, unit)]
    if series.peak_kw > _NETWORK_KW:
        message = f"{series.name} has a peak of {_kw(series.peak_kw)}: check the unit"
        return [Finding("energy.unit", message)]
    return _stray_finding(series) if _has_shape(series) else []


def _has_shape(series: MeterSeries) -> bool:
    return len(series.kwh) >= LEAST_INTERVALS and series.peak_kw > 0


def _is_register(series: MeterSeries) -> bool:
    """Whether the values are those of a register, which counts up."""
    if series.total_hours < _DAY_HOURS:
        return False
    changes = np.diff(series.kwh)
    falls = int((changes < 0).sum())
    rises = int((changes > 0).sum())
    return falls <= _MOST_FALLS * len(changes) and rises >= _LEAST_RISES * len(changes)


def _register_finding(series: MeterSeries) -> Finding:
    first, last = series.kwh[0], series.kwh[-1]
    message = (
        f"{series.name} never falls, from {first:,.6g} to {last:,.6g} kWh: readings of a register, "
        "not the energy of each interval? Give the differences"
    )
    return Finding("energy.register", message)


def _unit_of_home(series: MeterSeries) -> str | None:
    """The unit in which implausible values would be those of a home: Wh, MWh, or None."""
    if series.peak_kw > _FUSE_KW and _looks_like_home(series, 1e-3):
        return "Wh"
    is_long = series.total_hours >= _WEEK_HOURS
    if is_long and series.peak_kw < _LOW_KW and _looks_like_home(series, 1e3):
        return "MWh"
    return None


def _looks_like_home(series: MeterSeries, factor: float) -> bool:
    """Whether the values times a factor have the size and the curve of a home."""
    mean_kw = factor * series.mean_kw
    peak_kw = factor * series.peak_kw
    lowest_kw, highest_kw = _HOME_MEAN_KW
    if not lowest_kw <= mean_kw <= highest_kw or peak_kw > _FUSE_KW:
        return False
    if _typical_hours(series) > _LONGEST_SHAPE_HOURS:  # days and the like: Wh are whole numbers
        are_whole = bool((series.kwh == np.rint(series.kwh)).all())
        return factor < 1 and mean_kw <= _ORDINARY_KW and are_whole
    shape = _shape(series)
    if shape.unchanged >= _LEVEL_SHARE:
        return peak_kw <= _ORDINARY_KW
    least_peak_kw = _LEAST_PEAK_KW[series.total_hours >= _MONTH_HOURS]
    is_rough = shape.roughness >= _HOME_ROUGHNESS
    return is_rough and shape.peak_to_mean >= _HOME_PEAK_TO_MEAN and peak_kw >= least_peak_kw


def _typical_hours(series: MeterSeries) -> float:
    return float(np.median(series.hours))


def _shape(series: MeterSeries) -> _Shape:
    power = series.kwh / series.hours
    together = max(1, round(_SHAPE_HOURS / _typical_hours(series)))
    whole = len(power) // together * together
    power = power[:whole].reshape(-1, together).mean(axis=1)
    changes = np.abs(np.diff(power))
    mean = power.mean()
    return _Shape(
        roughness=float(changes.mean() / mean),
        peak_to_mean=float(power.max() / mean),
        unchanged=float((changes == 0).mean()),
    )


def _generation_unit(generation: MeterSeries, consumption: MeterSeries) -> str | None:
    """The unit in which implausible generation would be that of the home; None for kWh."""
    unit = _unit_of_home(consumption)
    if unit is not None:
        factor = 1e-3 if unit == "Wh" else 1e3
        is_as_wrong = not _LOW_KW < generation.peak_kw <= _FUSE_KW
        return unit if is_as_wrong and factor * generation.peak_kw <= _FUSE_KW else None
    is_home = consumption.peak_kw <= _FUSE_KW and consumption.mean_kw >= _HOME_MEAN_KW[0]
    is_huge = generation.peak_kw > 1e3 * _LEAST_PEAK_KW[0]
    surplus = generation.mean_kw > _GENERATION_TO_CONSUMPTION * consumption.mean_kw
    return "Wh" if is_home and is_huge and surplus else None


def _unit_finding(series: MeterSeries, unit: str) -> Finding:
    factor = 1e-3 if unit == "Wh" else 1e3
    named = "Wh (or mean W)" if unit == "Wh" else unit
    message = (
        f"{series.name} has a mean of {_kw(series.mean_kw)} and a peak of "
        f"{_kw(series.peak_kw)}, but {_kw(factor * series.mean_kw)} and "
        f"{_kw(factor * series.peak_kw)}, as in a home, if the values are {named}: check the unit"
    )
    return Finding("energy.unit", message)


def _kw(value: float) -> str:
    digits = f"{value:.3g}"
    return f"{float(digits):,.10g} kW"


def _stray_finding(series: MeterSeries) -> list[Finding]:
    """A finding about single readings above the largest fuse, far from the others."""
    power = series.kwh / series.hours
    is_high = power > _FUSE_KW
    count = int(is_high.sum())
    if count == 0 or count > max(1.0, _MOST_STRAY * len(power)):
        return []
    others_kw = float(power[~is_high].mean())
    if others_kw == 0 or series.peak_kw < _STRAY_TO_MEAN * others_kw:
        return []
    intervals = "1 interval" if count == 1 else f"{count} intervals"
    message = (
        f"{series.name} has a peak of {_kw(series.peak_kw)}, while the mean of the others is "
        f"{_kw(others_kw)} ({intervals} above {_FUSE_KW:g} kW, a fuse of 3 x 100 A): a wrong "
        "reading, or the energy of a longer time?"
    )
    return [Finding("energy.peak", message)]


def price_findings(
    what: str, prices: Sequence[float] | Float64, currency: str, *, follow_market: bool = False
) -> list[Finding]:
    """Return a finding if prices per kWh look like pence for pounds, or like prices per MWh.

    Parameters
    ----------
    what : str
        Name in the message, such as ``prices of tariff 'Flat'``.
    prices : sequence of float
        Major currency units per kWh. Neither negative prices nor a few high ones are a slip.
    currency : str
        ISO 4217. Prices in a currency whose value this module does not know are not checked.
    follow_market : bool
        Whether these are market prices, whose highest values say nothing.

    Returns
    -------
    list of Finding
        ``price.unit``, or nothing.
    """
    units_per_usd = _UNITS_PER_USD.get(currency)
    values = np.sort(np.asarray(prices, dtype=np.float64))
    if units_per_usd is None or not len(values):
        return []
    typical = values[(len(values) - 1) // 2]
    highest = values[-1]
    if typical > _HIGHEST_TYPICAL_USD * units_per_usd:
        shown, named = typical, "typically"
    elif not follow_market and highest > _HIGHEST_USD * units_per_usd:
        shown, named = highest, "up to"
    else:
        return []
    message = (
        f"{what} are {named} {shown:,.6g} {currency} per kWh, but {shown / 100:,.6g} if they are "
        f"in hundredths (pence, cents), and {shown / 1000:,.6g} if they are per MWh: check the unit"
    )
    return [Finding("price.unit", message)]
