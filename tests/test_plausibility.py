"""Likely slips: every planted slip is named, and neither homes nor businesses raise an alarm.

Homes are those of data/sample and the three real meters of data/real (sources in data/README.md).
"""

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flipkit.plausibility import (
    MeterSeries,
    consumption_findings,
    generation_findings,
    price_findings,
    suspicious_rows,
)

DATA = Path(__file__).parents[1] / "data"
SAMPLE = sorted((DATA / "sample" / "energy").glob("*.csv.gz"))[::4]  # of three countries
REAL = sorted((DATA / "real").glob("*.csv.gz"))
DAYS = st.sampled_from([7, 31, 90])
# A night tariff of pence to a peak of dollars; the most that homes pay and the least.
PRICES = st.floats(0.02, 1.2)


@cache
def columns(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def sample_home(path):
    """Consumption and generation of a year of half-hours, kWh."""
    wh = {
        name: values.astype(float) for name, values in columns(path).items() if name != "start_utc"
    }
    return (wh["home_wh"] + wh["car_wh"]) / 1000, wh["generation_wh"] / 1000


def real_home(path):
    kwh = columns(path)["value"].astype(float)
    return kwh, 0.5 if "halfhourly" in path.name else 1.0


def used(kwh, hours=0.5):
    return MeterSeries("consumption_kwh", np.asarray(kwh, dtype=float), hours)


def made(kwh, hours=0.5):
    return MeterSeries("generation_kwh", np.asarray(kwh, dtype=float), hours)


def codes(kwh, generation=None, hours=0.5):
    """The codes of findings, after the check that is made for whole fleets."""
    series = used(kwh, hours)
    found = [finding.name for finding in consumption_findings(series)]
    selected = suspicious_rows(series.kwh[None], hours).any()
    if generation is not None:
        of_sun = made(generation, hours)
        found += [finding.name for finding in generation_findings(of_sun, series)]
        selected |= suspicious_rows(of_sun.kwh[None], hours).any()
    assert selected or not found, "the quick check of a fleet leaves out a finding"
    return found


def window(kwh, days, first, hours=0.5):
    length = min(len(kwh), round(days * 24 / hours))
    begin = round(first * (len(kwh) - length))
    return kwh[begin : begin + length]


@st.composite
def homes(draw):
    """A part of a home's year, as it is or with more or fewer appliances."""
    kwh, generation = sample_home(draw(st.sampled_from(SAMPLE)))
    part = draw(DAYS), draw(st.floats(0, 1))
    scale = draw(st.floats(0.6, 2))
    return window(kwh, *part) * scale, window(generation, *part) * scale


@settings(max_examples=20)
@given(homes())
def test_homes_of_any_size_raise_no_alarm(home):
    assert codes(*home) == []


@settings(max_examples=20)
@given(homes())
def test_wh_for_kwh_is_named(home):
    consumption, generation = home
    found = codes(consumption * 1000, generation * 1000)
    assert found == ["energy.unit"] * (2 if generation.max() > 0.035 else 1)


@settings(max_examples=20)
@given(homes())
def test_mwh_for_kwh_is_named(home):
    consumption, _ = home
    assert codes(consumption / 1000) == ["energy.unit"]


@settings(max_examples=20)
@given(homes(), st.floats(0, 90_000))
def test_a_register_is_named(home, first):
    consumption, _ = home
    register = first + np.cumsum(consumption)
    assert codes(register) == ["energy.register"]
    register[len(register) // 2 :] -= register[len(register) // 2]  # a new meter
    assert codes(register) == ["energy.register"]


@settings(max_examples=20)
@given(homes(), st.floats(150, 1000), st.floats(0, 1))
def test_a_stray_reading_is_named(home, kwh, place):
    consumption, _ = home
    consumption[round(place * (len(consumption) - 1))] = kwh
    assert codes(consumption) == ["energy.peak"]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name[:14])
@pytest.mark.parametrize("days", [1, 7, 31, 365])
def test_real_meters(path, days):
    kwh, hours = real_home(path)
    for first in np.linspace(0, 1, 30):
        part = window(kwh, days, first, hours)
        assert codes(part, hours=hours) == []
        assert codes(np.cumsum(part), hours=hours) == ["energy.register"]
        # The home of 2020 is empty for weeks, and a fridge alone may be anything.
        is_lived_in = days >= 7 and part.max() / hours > 1.0
        if is_lived_in:
            assert codes(1000 * part, hours=hours) == ["energy.unit"]
            assert codes(part / 1000, hours=hours) == ["energy.unit"]
    by_day = (
        window(kwh, len(kwh) * hours // 24, 0, hours).reshape(-1, round(24 / hours)).sum(axis=1)
    )
    assert codes(by_day, hours=24.0) == []


def test_whole_watt_hours_by_day_are_named():
    consumption, _ = sample_home(SAMPLE[0])
    by_day = consumption.reshape(-1, 48).sum(axis=1)
    assert codes(np.rint(1000 * by_day), hours=24.0) == ["energy.unit"]


def test_quarter_hours_and_minutes_have_the_shape_of_half_hours():
    consumption, _ = sample_home(SAMPLE[0])
    for parts in (2, 6, 30):
        fine = np.repeat(consumption[: 48 * 31] / parts, parts)
        assert codes(fine, hours=0.5 / parts) == []
        assert codes(1000 * fine, hours=0.5 / parts) == ["energy.unit"]


def test_200_per_half_hour_looks_like_a_home_in_wh():
    [finding] = consumption_findings(used(np.full(1440, 200.0)))
    assert str(finding) == (
        "energy.unit: consumption_kwh has a mean of 400 kW and a peak of 400 kW, but 0.4 kW and "
        "0.4 kW, as in a home, if the values are Wh (or mean W): check the unit"
    )


def test_the_texts_of_the_other_findings():
    [finding] = consumption_findings(used(100 + np.arange(48.0)))
    assert str(finding) == (
        "energy.register: consumption_kwh never falls, from 100 to 147 kWh: readings of a "
        "register, not the energy of each interval? Give the differences"
    )
    [finding] = consumption_findings(used([0.25, 0.3] * 47 + [90.0, 0.3]))
    assert str(finding) == (
        "energy.peak: consumption_kwh has a peak of 180 kW, while the mean of the others is "
        "0.551 kW (1 interval above 69 kW, a fuse of 3 x 100 A): a wrong reading, or the energy of "
        "a longer time?"
    )
    [finding] = consumption_findings(used([1e9, 2e9]))
    assert str(finding) == (
        "energy.unit: consumption_kwh has a peak of 4,000,000,000 kW: check the unit"
    )


def business(kw, *, shift, noise, seed=5):
    """Half-hours of a month: a base load, shifts on weekdays, and what many machines add up to."""
    hour = np.arange(31 * 48) % 48 / 2
    weekday = np.arange(31 * 48) // 48 % 7 < 5
    is_shift = (hour >= shift[0]) & (hour < shift[1]) & weekday
    level = kw * (0.3 + 0.7 * is_shift)
    ripple = 1 + noise * np.random.default_rng(seed).normal(size=len(hour)).clip(-2, 2)
    return 0.5 * level * ripple


@pytest.mark.parametrize("kw", [80, 250, 2000, 2500, 20_000])
@pytest.mark.parametrize("shift", [(0, 24), (6, 14), (6, 22), (9, 18)])
@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
def test_a_business_is_no_slip(kw, shift, noise):
    consumption = business(kw, shift=shift, noise=noise)
    assert codes(consumption) == []
    assert codes(np.rint(consumption)) == []
    _, sun = sample_home(SAMPLE[0])
    panels = kw * sun[: len(consumption)]  # as large as the load
    assert codes(consumption, panels) == []


def test_a_level_load_of_2_mw_is_no_slip():
    assert codes(np.full(1440, 1000.0)) == []


def test_generation_in_wh_beside_consumption_in_kwh():
    consumption, generation = sample_home(SAMPLE[0])
    assert codes(consumption, 1000 * generation) == ["energy.unit"]
    assert codes(consumption, np.cumsum(generation)) == ["energy.register"]
    # Panels alone may be of any size.
    assert generation_findings(made(1000 * generation)) == []


@pytest.mark.parametrize(
    "kwh",
    [
        np.zeros(1440),
        np.full(1440, 0.0025),  # a meter's own 5 W
        np.append(np.zeros(700), np.ones(700)),  # moved in
        [0.1, 5.0],
        np.linspace(1, 2, 20),  # too few intervals for a shape
    ],
)
def test_no_shape_no_alarm(kwh):
    assert codes(kwh) == []


@given(
    st.lists(PRICES, min_size=1, max_size=6),
    st.sampled_from(["GBP", "EUR", "USD", "AUD", "CAD"]),
)
@example([0.2573], "GBP")
def test_prices_of_homes_and_the_same_in_pence(prices, currency):
    assert price_findings("prices", prices, currency) == []
    in_pence = [100 * price for price in prices]
    lowest_of_night = min(in_pence) >= 5
    if lowest_of_night:
        [finding] = price_findings("prices", in_pence, currency)
        assert finding.name == "price.unit"


def test_a_price_of_25_73_gbp_is_named():
    [finding] = price_findings("prices of 'Fixed'", [25.73], "GBP")
    assert str(finding) == (
        "price.unit: prices of 'Fixed' are typically 25.73 GBP per kWh, but 0.2573 if they are in "
        "hundredths (pence, cents), and 0.02573 if they are per MWh: check the unit"
    )


@pytest.mark.parametrize(
    ("currency", "price"),
    [
        # Household prices of 2025, rounded: national regulators and Eurostat.
        ("JPY", 36.0),
        ("KRW", 320.0),
        ("HUF", 70.0),
        ("CZK", 8.0),
        ("INR", 11.0),
        ("SEK", 3.5),
        ("NOK", 4.0),
        ("DKK", 4.5),
        ("PLN", 1.4),
        ("IDR", 1_700.0),
        ("VND", 3_900.0),
        ("COP", 1_100.0),
        ("CLP", 280.0),
        ("ISK", 25.0),
        ("ZAR", 5.0),
        ("TRY", 6.0),
        ("MXN", 6.0),
        ("BRL", 1.2),
    ],
)
def test_currencies_have_prices_of_other_sizes(currency, price):
    assert price_findings("prices", [price], currency) == []
    assert price_findings("prices", [100 * price], currency) != []


def test_one_price_in_pence_among_others_is_named():
    [finding] = price_findings("prices", [9.0, 0.29], "GBP")
    assert "up to 9 GBP per kWh, but 0.09 if" in finding.words
    critical_peak = [0.11, 0.31, 2.9]
    assert price_findings("prices", critical_peak, "USD") == []


def test_markets_have_negative_prices_and_spikes():
    market = np.random.default_rng(3).normal(0.08, 0.1, 8760)
    market[[100, 5000]] = -0.5, 4.0
    assert price_findings("prices", market, "EUR", follow_market=True) == []
    texas = market.copy()
    texas[200:300] = 9.0
    assert price_findings("prices", texas, "USD", follow_market=True) == []
    for factor in (100, 1000):
        assert price_findings("prices", factor * market, "EUR", follow_market=True) != []


def test_an_unknown_currency_is_not_checked():
    assert price_findings("prices", [1e6], "IRR") == []
    assert price_findings("prices", [], "GBP") == []
