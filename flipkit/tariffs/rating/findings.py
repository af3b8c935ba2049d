"""What to know beside the figures of a bill: assumptions, likely slips, coarse intervals."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from flipkit.calendar import Grid, offset_pieces
from flipkit.errors import InputError
from flipkit.frames import Finding
from flipkit.plausibility import price_findings
from flipkit.tariffs.model import PriceSeries, Rate, Tariff, schedule_of
from flipkit.tariffs.rating.energy import Energy
from flipkit.tariffs.rating.rate_block import PartBill, partition_of
from flipkit.tariffs.rating.runs import Partition, RatingCalendar, partition
from flipkit.vocabulary import DAY_US, MINUTE_US

__all__ = ["check_site", "cut_findings", "findings_by_part"]

_YEAR_US = 366 * DAY_US


def check_site(energy: Energy, site_id: str, tariff: Tariff, grid: Grid) -> None:
    """Raise InputError where the energy frame says another time zone or currency than a tariff."""
    currency = energy.currencies.get(site_id, tariff.currency)
    if currency != tariff.currency:
        raise _mismatch(site_id, "currency", currency, tariff, tariff.currency)
    timezone = energy.timezones.get(site_id, tariff.timezone)
    if timezone != tariff.timezone and not _same_clock(timezone, tariff.timezone, grid):
        raise _mismatch(site_id, "timezone", timezone, tariff, tariff.timezone)


def _mismatch(site_id: str, name: str, of_site: str, tariff: Tariff, of_tariff: str) -> InputError:
    return InputError(
        f"energy, site {site_id}: {name} is {of_site!r}, but that of tariff {tariff.name!r} is "
        f"{of_tariff!r}; give each site a tariff of its own place, as a mapping by site id, or "
        f"correct the column {name}"
    )


def _same_clock(zone: str, other: str, grid: Grid) -> bool:
    """Whether two time zones agree in the time of the energy and a year around it."""
    span = grid.start_us - _YEAR_US, grid.end_us + _YEAR_US
    edges, offsets = offset_pieces(zone, *span)
    other_edges, other_offsets = offset_pieces(other, *span)
    return np.array_equal(edges, other_edges) and np.array_equal(offsets, other_offsets)


def findings_by_part(tariff: Tariff, bills: list[PartBill]) -> list[list[Finding]]:
    """Return the findings of each tariff in force, in the order of the bills of `rate`.

    What its reader assumed or could not price (`Tariff.findings`), prices that look like a slip,
    intervals that are too coarse for its prices and demand charges, and years without a listed
    holiday.
    """
    of_parts = []
    for bill in bills:
        part = bill.tariff
        # Without parts, the part is the tariff itself, with the findings of its export prices.
        texts = dict.fromkeys((*tariff.findings, *part.findings))
        findings = list(map(Finding.of, texts))
        findings += _unlisted_holidays(bill.calendar)
        findings += _price_slips(part)
        findings += _coarse_intervals(part, bill.calendar)
        of_parts.append(findings)
    return of_parts


def _unlisted_holidays(calendar: RatingCalendar) -> list[Finding]:
    """Say so if holidays are a list of dates that has none in a year of the energy."""
    holidays = calendar.clock.holidays
    if holidays is None or holidays.country is not None:
        return []
    listed = {day.year for day in holidays.dates}
    billing = calendar.billing
    # Energy of a year of UTC reaches some hours into another local year.
    years = [
        int(year)
        for year in np.unique(billing.years)
        if year not in listed and billing.days[billing.years == year].sum() >= 1.0
    ]
    if not years:
        return []
    message = f"no holiday is listed in {', '.join(map(str, years))}: add the dates of all years"
    return [Finding("holidays.unlisted", message)]


def cut_findings(bill_of: PartBill, is_alone: bool) -> list[list[Finding]]:
    """The finding of billing periods that a change of tariff (named) or the energy cuts short."""
    billing = bill_of.billing
    under = "" if is_alone else f", under {bill_of.tariff.name}"
    findings = []
    for days, share in zip(billing.days.tolist(), billing.share.tolist(), strict=True):
        message = f"{days:.6g} of {days / share:.6g} days{under}"
        findings.append([] if share == 1.0 else [Finding("period.cut", message)])
    return findings


def _price_slips(tariff: Tariff) -> Iterator[Finding]:
    currency = tariff.currency
    yield from _slips(f"prices of {tariff.name!r}", currency, tariff.rates, tariff.series)
    if tariff.export is not None:
        what = f"export prices of {tariff.name!r}"
        yield from _slips(what, currency, tariff.export.rates, tariff.export.series)
        payout = (Rate(tariff.export.payout_per_kwh),)
        yield from _slips(f"payouts of {tariff.name!r}", currency, payout, None)
    for adder in tariff.adders:
        rates = adder.rates or (Rate(adder.price_per_kwh),)
        yield from _slips(f"prices of adder {adder.name!r}", currency, rates, None)


@lru_cache(maxsize=256)
def _slips(
    what: str, currency: str, rates: tuple[Rate, ...], series: PriceSeries | None
) -> tuple[Finding, ...]:
    if series is not None:
        found = price_findings(what, series.price_per_kwh, currency, follow_market=True)
    else:
        found = price_findings(what, _listed_prices(rates), currency)
    return tuple(found)


def _listed_prices(rates: tuple[Rate, ...]) -> list[float]:
    prices = []
    for rate in rates:
        prices += [tier.price_per_kwh for tier in rate.tiers] or [rate.price_per_kwh]
    return prices


def _coarse_intervals(tariff: Tariff, calendar: RatingCalendar) -> Iterator[Finding]:
    """Say so if intervals lie across a change of price, or are longer than demand is measured."""
    grid = calendar.grid
    parts = [partition_of(tariff, calendar)]
    for adder in tariff.adders:
        if adder.rates:
            parts.append(partition(calendar, schedule_of(adder.rates), None))
    export_series = None if tariff.export is None else tariff.export.series
    series = [each for each in (tariff.series, export_series) if each is not None]
    cut = _cut_intervals(calendar, tuple(parts), tuple(series))
    if cut:
        message = (
            f"{cut:,} of {grid.intervals:,} intervals of {grid.step_us / MINUTE_US:g} minutes lie "
            "across a change of price or month, and their energy is spread evenly over their time"
        )
        yield Finding("interval.coarse", message)
    for charge in tariff.demand:
        if charge.interval_minutes * MINUTE_US % grid.step_us:
            message = (
                f"demand {charge.name} is measured over {charge.interval_minutes} minutes and the "
                f"energy over {grid.step_us / MINUTE_US:g}, so its peaks are averaged"
            )
            yield Finding("interval.coarse", message)


@lru_cache(maxsize=256)
def _cut_intervals(
    calendar: RatingCalendar, parts: tuple[Partition, ...], series: tuple[PriceSeries, ...]
) -> int:
    """How many intervals a change of period, month or price cuts."""
    changes = [part.runs.start_us[1:] for part in parts]
    for each in series:
        is_change = np.diff(each.price_per_kwh) != 0
        changes.append(each.start_us[1:][is_change])
    times = np.concatenate(changes)
    times = times[(times > calendar.start_us) & (times < calendar.end_us)]
    interval, within_us = np.divmod(times - calendar.grid.start_us, calendar.grid.step_us)
    return len(np.unique(interval[within_us > 0]))
