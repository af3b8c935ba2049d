"""Tariffs: constructors, refusals, validity, text, and how fast prices come."""

import pickle
import sys
import types
from datetime import UTC, date, datetime
from itertools import product
from time import perf_counter

import numpy as np
import pandas as pd
import pytest

from flipkit.calendar import to_us
from flipkit.errors import InputError, NaiveTimestampError
from flipkit.money import ISO_4217
from flipkit.tariffs import FixedCharge, PriceSeries, Rate, Tariff
from flipkit.tariffs.model import rate_table

LONDON = {"currency": "GBP", "timezone": "Europe/London"}
HALF_HOUR = 1_800_000_000


def year_of_half_hours(zone, year=2025):
    start, end = to_us(f"{year}-01-01", zone), to_us(f"{year + 1}-01-01", zone)
    edges = np.arange(start, end + 1, HALF_HOUR)
    return edges[:-1], edges[1:]


def summer_peak():
    """A summer peak on weekdays, a window across midnight, and one price all winter."""
    return Tariff.time_of_use(
        [
            Rate(0.30, "21:00", "16:00", months=(6, 7, 8, 9)),
            Rate(0.55, "16:00", "21:00", months=(6, 7, 8, 9), days="weekday"),
            Rate(0.42, "16:00", "21:00", months=(6, 7, 8, 9), days="weekend"),
            Rate(0.28, months=(1, 2, 3, 4, 5, 10, 11, 12)),
        ],
        currency="USD",
        timezone="America/Los_Angeles",
        name="Summer peak",
    )


def test_a_flat_rate_is_one_segment_whatever_the_clock_does():
    tariff = Tariff.flat(0.3, **LONDON)
    starts, ends = year_of_half_hours("Europe/London")
    series = tariff.prices(int(starts[0]), int(ends[-1]))
    assert (len(series), series.price_per_kwh[0]) == (1, 0.3)
    kwh = np.random.default_rng(7).random(len(starts))
    assert (series.cost(starts, ends, kwh) == 0.3 * kwh).all()


@pytest.mark.parametrize(
    ("day", "cheap_hours", "expensive_hours"),
    [("2025-03-30", 5, 18), ("2025-10-26", 7, 18), ("2025-06-01", 6, 18)],
)
def test_the_night_is_an_hour_shorter_in_spring_and_longer_in_autumn(
    day, cheap_hours, expensive_hours
):
    tariff = Tariff.time_of_use({"00:00-06:00": 0.1, "06:00-24:00": 0.3}, **LONDON)
    start = to_us(day, "Europe/London")
    end = start + (cheap_hours + expensive_hours) * 2 * HALF_HOUR
    series = tariff.prices(start, end)
    assert ((series.end_us - series.start_us) // (2 * HALF_HOUR)).tolist() == [
        cheap_hours,
        expensive_hours,
    ]
    (cost,) = series.cost([start], [end], [float(cheap_hours + expensive_hours)])
    assert cost == pytest.approx(0.1 * cheap_hours + 0.3 * expensive_hours, abs=1e-12)


def test_a_window_across_midnight_belongs_to_the_days_named():
    weekday_night = [
        Rate(0.1, "22:00", "06:00", days="weekday"),
        Rate(0.3, "06:00", "22:00", days="weekday"),
    ]
    tariff = Tariff.time_of_use([*weekday_night, Rate(0.2, days="weekend")], **LONDON)
    friday = to_us("2025-01-10", "Europe/London")
    series = tariff.prices(friday, friday + 4 * 48 * HALF_HOUR)
    hours = ((series.end_us - series.start_us) // (2 * HALF_HOUR)).tolist()
    want = [(6, 0.1), (16, 0.3), (2, 0.1), (48, 0.2), (6, 0.1), (16, 0.3), (2, 0.1)]
    assert list(zip(hours, series.price_per_kwh.tolist(), strict=True)) == want


def test_every_way_to_write_a_rate_is_one_rate():
    assert Rate(1, "7:00", "00:00", [12, 1, 1], [5, 6]) == Rate(
        1.0, "07:00:00", "24:00", (1, 12), "weekend"
    )
    assert Rate(1, months=range(1, 13), days=range(7)) == Rate(1)
    assert Rate(1, days=(4, 0, 1, 2, 3)).days == "weekday"
    assert Rate(np.float64(2), days=np.array([2, 1])).days == (1, 2)
    assert (Rate(1, "07:00:30").start, Rate(-0.0).price_per_kwh.hex()) == ("07:00:30", "0x0.0p+0")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_per_kwh": float("nan")}, "nan is not a finite number"),
        ({"price_per_kwh": float("inf")}, "inf is not a finite number"),
        ({"price_per_kwh": "0.3"}, "'0.3' is not a finite number"),
        ({"price_per_kwh": None}, "None is not a finite number"),
        ({"price_per_kwh": True}, "True is not a finite number"),
        ({"start": "25:00"}, "hour '25:00'"),
        ({"end": "24:01"}, "hour '24:01'"),
        ({"start": "7"}, "hour '7'"),
        ({"start": 7}, "hour 7"),
        ({"start": "07:00", "end": "07:00"}, "from 07:00 to 07:00 has no length"),
        ({"start": "24:00", "end": "07:00"}, "cannot begin at 24:00"),
        ({"months": (0,)}, "month 0 does not exist"),
        ({"months": (13,)}, "month 13 does not exist"),
        ({"months": ("Jun",)}, "month 'Jun' does not exist"),
        ({"months": ()}, "no months"),
        ({"months": 6.0}, "month 6.0 does not exist"),
        ({"days": "weekdays"}, "days 'weekdays'"),
        ({"days": (7,)}, "weekday 7 does not exist"),
        ({"days": (True,)}, "weekday True does not exist"),
        ({"days": ()}, "no weekdays"),
    ],
)
def test_rates_that_are_not_valid_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        Rate(**{"price_per_kwh": 0.3, **fields})


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (
            {"00:00-07:00": 0.1, "08:00-24:00": 0.3},
            "gap: no price in Jan, days all, hours 07:00-08:00",
        ),
        (
            {"00:00-07:00": 0.1, "06:30-24:00": 0.3},
            "overlap: more than one price in Jan, days all, hours 06:30-07:00",
        ),
        (
            {"00:00-08:00": 0.1, "10:00-13:00": 0.2, "10:00-24:00": 0.3},
            "gap: no price in Jan, .* hours 08:00-10:00",
        ),
        ({"22:00-07:00": 0.1, "06:00-23:00": 0.3}, "overlap: .* hours 06:00-07:00"),
        ([Rate(0.1, months=(1, 2, 3))], "gap: no price in Apr, days all, hours 00:00-24:00"),
        ([Rate(0.1, days="weekday")], "gap: no price in Jan, days weekend, hours 00:00-24:00"),
        (
            [Rate(0.1), Rate(0.2, "17:00", "19:00", (7,), (2, 5))],
            "overlap: .* in Jul, days Wed, Sat, hours 17:00-19:00",
        ),
        ({}, "no rates"),
        ([], "no rates"),
        ({"7-16": 0.1}, "hour '7'"),
        ({"all day": 0.1}, "'all day' is not a window; write 'HH:MM-HH:MM'"),
        ({7: 0.1}, "7 is not a window"),
        ([0.1], "item 0: expected a Rate, got float"),
    ],
)
def test_gaps_overlaps_and_wrong_windows_are_named(rates, words):
    with pytest.raises(InputError, match=words):
        Tariff.time_of_use(rates, **LONDON)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"currency": "gbp"}, "'gbp' is not an ISO 4217 code; write 'GBP'"),
        ({"currency": "POUND"}, "'POUND' is not an ISO 4217 code; write a code"),
        ({"currency": "XAU"}, "'XAU'"),
        ({"currency": None}, "None is not an ISO 4217 code"),
        ({"timezone": "Europe/Londn"}, "'Europe/Londn' is unknown"),
    ],
)
def test_unknown_currencies_and_zones_are_refused(where, words):
    with pytest.raises(InputError, match=words):
        Tariff.flat(0.3, **{**LONDON, **where})


def test_the_currencies_are_three_letters_each():
    assert {"USD", "GBP", "EUR", "CHF", "AUD", "JPY", "ZAR", "XOF", "XCG"} <= ISO_4217
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in ISO_4217)


def test_a_tariff_has_rates_or_a_series_and_not_both():
    series = PriceSeries([0], [10], [0.1])
    for rates, prices in (((), None), ((Rate(0.1),), series)):
        with pytest.raises(InputError, match="either rates or a price series"):
            Tariff("x", "GBP", "UTC", rates, prices)
    with pytest.raises(InputError, match="clip it instead"):
        Tariff("x", "GBP", "UTC", (), series, 0, 5)
    with pytest.raises(InputError, match="ends before it begins"):
        Tariff("x", "GBP", "UTC", (Rate(0.1),), None, 5, 5)


def test_prices_outside_the_validity_are_refused_and_inside_it_given():
    tariff = Tariff(
        "x",
        "GBP",
        "UTC",
        (Rate(0.1),),
        None,
        to_us("2025-01-01T00:00Z"),
        to_us("2026-01-01T00:00Z"),
    )
    inside = to_us("2025-01-01T00:00Z"), to_us("2026-01-01T00:00Z")
    assert tariff.prices(*inside).price_per_kwh.tolist() == [0.1]
    with pytest.raises(
        InputError, match=r"'x' hold .* first uncovered: 2024-12-31T23:59:59.999999Z"
    ):
        tariff.prices(inside[0] - 1, inside[1])
    with pytest.raises(InputError, match="first uncovered: 2026-01-01T00:00:00Z"):
        tariff.prices(inside[0], inside[1] + 1)
    with pytest.raises(InputError, match="empty"):
        tariff.prices(inside[0], inside[0])
    open_end = Tariff("x", "GBP", "UTC", (Rate(0.1),), None, inside[0])
    assert len(open_end.prices(inside[0], to_us("2100-01-01T00:00Z"))) == 1
    with pytest.raises(InputError, match="first uncovered: 2024"):
        open_end.prices(inside[0] - 1, inside[1])


@pytest.mark.parametrize(
    ("window", "first", "after"),
    [
        (("2025-06",), "2025-06-01", "2025-07-01"),
        (("2025-06-01", "2025-06-30"), "2025-06-01", "2025-07-01"),
        ((date(2025, 6, 1), date(2025, 6, 30)), "2025-06-01", "2025-07-01"),
        ((pd.Period("2025-06"),), "2025-06-01", "2025-07-01"),
        (("2025",), "2025-01-01", "2026-01-01"),
        (("2025-05-31T23:00Z", "2025-06-30T23:00Z"), "2025-06-01", "2025-07-01"),
        (
            (pd.Timestamp("2025-06-01", tz="UTC"), datetime(2025, 6, 2, tzinfo=UTC)),
            "2025-06-01T00:00Z",
            "2025-06-02T00:00Z",
        ),
    ],
)
def test_prices_of_days_include_the_last_one_and_instants_are_themselves(window, first, after):
    tariff = Tariff.time_of_use({"00:00-06:00": 0.1, "06:00-24:00": 0.3}, **LONDON)
    bounds = to_us(first, "Europe/London"), to_us(after, "Europe/London")
    assert tariff.prices(*window) == tariff.prices(*bounds)
    series = tariff.prices(*window)
    assert (series.start_us[0], series.end_us[-1]) == bounds


def test_prices_between_times_without_a_zone_are_refused():
    with pytest.raises(NaiveTimestampError, match=r"end: .* has no zone"):
        Tariff.flat(0.3, **LONDON).prices("2025-06", "2025-07-01T00:00")
    with pytest.raises(InputError, match="is an instant and needs an end"):
        Tariff.flat(0.3, **LONDON).prices("2025-06-01T00:00Z")


def test_an_empty_window_is_refused_without_validity_too():
    with pytest.raises(InputError, match="empty"):
        Tariff.flat(0.3, **LONDON).prices(5, 5)


def test_tariffs_are_values():
    assert summer_peak() == summer_peak()
    assert len({summer_peak(), summer_peak(), Tariff.flat(0.3, **LONDON)}) == 2
    assert pickle.loads(pickle.dumps(summer_peak())) == summer_peak()  # noqa: S301  workers get tariffs this way
    assert Tariff.flat(0.3, **LONDON) != Tariff.flat(0.3, currency="EUR", timezone="Europe/London")
    with pytest.raises(AttributeError):
        summer_peak().name = "other"


def test_the_grid_of_prices_by_month_weekday_and_hour():
    table = rate_table(summer_peak().rates)
    assert table.edges_s.tolist() == [0, 16 * 3600, 21 * 3600, 24 * 3600]
    for month, day in product(range(12), range(7)):
        peak = 0.28 if month not in (5, 6, 7, 8) else 0.55 if day < 5 else 0.42
        rest = 0.28 if month not in (5, 6, 7, 8) else 0.30
        prices = [table.periods[period].price_per_kwh for period in table.grid[month, day]]
        assert prices == [rest, peak, rest]


def test_the_text_of_a_tariff():
    assert summer_peak().describe().splitlines() == [
        "Summer peak: USD per kWh, local time of America/Los_Angeles",
        "months            days     hours        period    price",
        "Jan-May, Oct-Dec  all      00:00-24:00  period 1  0.28",
        "Jun-Sep           weekday  00:00-16:00  period 2  0.3",
        "                           16:00-21:00  period 3  0.55",
        "                           21:00-24:00  period 2  0.3",
        "                  weekend  00:00-16:00  period 2  0.3",
        "                           16:00-21:00  period 4  0.42",
        "                           21:00-24:00  period 2  0.3",
    ]
    bounded = Tariff(
        "x", "GBP", "Europe/London", (Rate(0.1 + 0.2),), None, to_us("2025-06-01T00:00Z")
    )
    assert bounded.describe().splitlines()[1:] == [
        "valid from 2025-06-01 01:00",
        "months   days  hours        price",
        "Jan-Dec  all   00:00-24:00  0.3",
    ]


def test_the_text_of_a_price_series():
    series = PriceSeries([0, 3_600_000_000], [3_600_000_000, 14_400_000_000], [-0.1, 0.3])
    assert Tariff("Spot", "EUR", "UTC", (), series).describe().splitlines() == [
        "Spot: EUR per kWh, local time of UTC",
        "2 prices from 1970-01-01T00:00:00Z to 1970-01-01T04:00:00Z",
        "lowest -0.1, mean 0.2, highest 0.3",
    ]


def test_plot_hands_the_tariff_to_the_heat_map(monkeypatch):
    plots = types.ModuleType("flipkit.plots")
    plots.tariff_heatmap = lambda tariff, **options: (tariff, options)
    monkeypatch.setitem(sys.modules, "flipkit.plots", plots)
    assert summer_peak().plot(year=2025) == (summer_peak(), {"year": 2025})


def best_ms(work, repeats=15):
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return 1e3 * min(times)


def test_a_year_of_prices_and_of_costs_comes_in_milliseconds():
    tariff = summer_peak()
    starts, ends = year_of_half_hours(tariff.timezone)
    kwh = np.ones(len(starts))
    series = tariff.prices(int(starts[0]), int(ends[-1]))
    assert len(starts) == 17_520
    assert best_ms(lambda: tariff.prices(int(starts[0]), int(ends[-1]))) < 5
    assert best_ms(lambda: series.cost(starts, ends, kwh)) < 2


def test_standing_charges_are_fixed_charges():
    flat = Tariff.flat(0.28, **LONDON, standing_per_day=0.5)
    assert flat == Tariff.flat(0.28, **LONDON).replace(
        fixed=FixedCharge("standing charge", per_day=0.5)
    )
    hours = {"00:00-07:00": 0.09, "07:00-24:00": 0.29}
    assert Tariff.time_of_use(hours, **LONDON, standing_per_day=0.5).fixed == flat.fixed
    assert Tariff.flat(0.28, **LONDON, standing_per_day=0).fixed[0].per_day == 0.0
    with pytest.raises(InputError, match="standing charge': per_day nan"):
        Tariff.flat(0.28, **LONDON, standing_per_day=float("nan"))


def test_replace_makes_another_tariff():
    flat = Tariff.flat(0.28, **LONDON, standing_per_day=0.5)
    named = flat.replace(name="Mine", fixed=())
    assert (named.name, named.fixed, named.rates) == ("Mine", (), flat.rates)
    assert flat.name == "Flat rate"
    assert flat.replace() == flat
    with pytest.raises(InputError, match="no field 'hour_timezone'; did you mean 'hours_t"):
        flat.replace(hour_timezone="UTC")
    with pytest.raises(InputError, match="no field 'colour'; known are name, currency, timezone"):
        flat.replace(colour="red")
    with pytest.raises(InputError, match="needs either rates or a price series"):
        flat.replace(rates=())


def test_replace_changes_the_charges_of_every_part():
    change = to_us("2025-07-01", "Europe/London")
    first = Tariff.flat(0.28, **LONDON, name="a").replace(valid_to_us=change)
    second = Tariff.flat(0.30, **LONDON, name="b").replace(valid_from_us=change)
    both = Tariff.successive([first, second])
    standing = FixedCharge("standing charge", per_day=0.5)
    changed = both.replace(name="both", fixed=standing, timezone="Europe/Paris")
    assert changed.name == "both"
    assert [part.fixed for part in changed.parts] == [(standing,), (standing,)]
    assert {part.timezone for part in changed.parts} == {changed.timezone} == {"Europe/Paris"}
    with pytest.raises(InputError, match="rates beside parts; they belong to the parts"):
        both.replace(rates=first.rates)


def test_notebooks_show_the_description():
    tariff = Tariff.flat(0.28, **LONDON, name="<A & B>")
    assert tariff._repr_html_() == (
        "<pre>&lt;A &amp; B&gt;: GBP per kWh, local time of Europe/London\n"
        "months   days  hours        price\nJan-Dec  all   00:00-24:00  0.28</pre>"
    )
