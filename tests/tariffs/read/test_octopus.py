"""Octopus unit rates and standing charges: what is read, in which unit, and what is refused."""

import contextlib
import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.calendar import from_us, to_us
from flipkit.errors import InputError, NaiveTimestampError
from flipkit.tariffs import FixedCharge, Rate, Tariff

DATA = Path(__file__).parent / "data"
HALF_HOURLY = json.loads((DATA / "octopus_half_hourly.json").read_text(encoding="utf-8"))
STANDING = json.loads((DATA / "octopus_standing.json").read_text(encoding="utf-8"))
JANUARY, APRIL, JULY = ("2025-01-01T00:00:00Z", "2025-04-01T00:00:00Z", "2025-07-01T00:00:00Z")
HALF_HOUR = 1_800_000_000


def row(pence, start, end, method=None, **fields):
    exc = round(pence / 1.05, 4)
    known = {"value_exc_vat": exc, "value_inc_vat": pence, "valid_from": start, "valid_to": end}
    return {**known, "payment_method": method, **fields}


def answer(*rows, **fields):
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows), **fields}


read = Tariff.from_octopus


# ---- prices


def test_half_hourly_prices_are_pounds_by_time_whatever_their_order():
    before = copy.deepcopy(HALF_HOURLY)
    tariff = read(HALF_HOURLY, name="Half-hourly")
    assert (tariff.name, tariff.currency, tariff.timezone) == (
        "Half-hourly",
        "GBP",
        "Europe/London",
    )
    # By hand: 1.05 times the price without VAT, in pounds; the order of time.
    want = [0.19425, 0.180705, -0.011025, 0.0, 0.0246225, 0.104895, 0.2100105, 0.3675]
    assert tariff.series.price_per_kwh.tolist() == want
    assert tariff.series.start_us[0] == to_us("2025-03-29T23:00Z")
    assert tariff.series.end_us[-1] == to_us("2025-03-30T03:00Z")
    assert read(HALF_HOURLY, name="Half-hourly") == tariff
    assert before == HALF_HOURLY


def test_text_and_files_are_read_too():
    path = DATA / "octopus_half_hourly.json"
    assert (
        read(path) == read(str(path)) == read(path.read_text(encoding="utf-8")) == read(HALF_HOURLY)
    )


@settings(max_examples=200, deadline=None)
@given(st.decimals(-200, 200, places=6))
def test_pence_are_hundredths_as_written(pence):
    (rate,) = read(answer(row(float(pence), JANUARY, None))).rates
    assert rate.price_per_kwh == float(Decimal(pence) / 100)


def test_one_price_without_an_end_is_a_flat_rate():
    assert read(answer(row(24.5, JANUARY, None))) == Tariff(
        "Octopus", "GBP", "Europe/London", (Rate(0.245),), None, to_us(JANUARY)
    )
    assert read(answer(row(24.5, None, None))) == Tariff(
        "Octopus", "GBP", "Europe/London", (Rate(0.245),)
    )


def test_the_last_price_holds_on_after_those_before():
    tariff = read(
        answer(
            row(30, JULY, None),
            row(10, None, JANUARY),
            row(20, JANUARY, APRIL),
            row(25, APRIL, JULY),
        )
    )
    assert [part.validity for part in tariff.parts] == [
        (None, to_us(JANUARY)),
        (to_us(JANUARY), to_us(JULY)),
        (to_us(JULY), None),
    ]
    prices = tariff.prices(to_us("2024-12-01T00:00Z"), to_us("2025-12-01T00:00Z"))
    assert prices.price_per_kwh.tolist() == [0.1, 0.2, 0.25, 0.3]


def test_pages_are_joined():
    rows = HALF_HOURLY["results"]
    pages = [
        {"count": 8, "next": "https://example.org/?page=2", "previous": None, "results": rows[:5]},
        {"count": 8, "next": None, "previous": "https://example.org/", "results": rows[5:]},
    ]
    assert read(pages) == read(pages[::-1]) == read(json.dumps(pages)) == read(HALF_HOURLY)
    for missing in (pages[0], pages[1], [pages[1]]):
        with pytest.raises(
            InputError, match=r"unit rates: got [53] rows of 8; .* a list of all of them"
        ):
            read(missing)
    unsaid = {name: value for name, value in pages[0].items() if name != "count"}
    with pytest.raises(InputError, match="got 5 rows of more"):
        read(unsaid)
    # Pages that are fetched one after another repeat rows where a new row comes in between.
    assert read([pages[0], pages[0], pages[1]]) == read(HALF_HOURLY)
    other = copy.deepcopy(pages[0])
    other["results"][4]["value_inc_vat"] += 1.0
    with pytest.raises(InputError, match=r"page 1, row 4 and page 2, row 4: both hold at"):
        read([pages[0], other, pages[1]])


def test_pages_without_count_are_complete_if_one_has_no_next():
    rows = HALF_HOURLY["results"]
    middle = "https://example.org/?page=2"
    last = "https://example.org/?page=3"
    pages = [
        {"next": middle, "previous": None, "results": rows[:3]},
        {"next": last, "previous": "https://example.org/", "results": rows[3:6]},
        {"next": None, "previous": middle, "results": rows[6:]},
    ]
    assert read(pages) == read(pages[::-1]) == read(HALF_HOURLY)
    with pytest.raises(InputError, match="unit rates: got 6 rows of more; fetch the pages behind"):
        read(pages[:2])
    with pytest.raises(InputError, match=r"no price from .* request that time from the API too"):
        read([pages[0], pages[2]])
    # One page that states the number of rows is enough to know that others are missing.
    counted = [pages[0], pages[1] | {"count": 8}]
    with pytest.raises(InputError, match="unit rates: got 6 rows of 8"):
        read(counted)


# ---- standing charges


def test_standing_charges_change_at_their_own_time():
    rates = answer(row(20, JANUARY, APRIL), row(30, APRIL, None))
    tariff = read(rates, STANDING, payment_method="DIRECT_DEBIT")
    change = to_us("2025-03-30T23:00Z")
    assert [(part.fixed, *part.validity) for part in tariff.parts] == [
        ((FixedCharge("standing charge", 0.42),), to_us(JANUARY), change),
        ((FixedCharge("standing charge", 0.4725),), change, to_us(APRIL)),
        ((FixedCharge("standing charge", 0.4725),), to_us(APRIL), None),
    ]


def test_equal_standing_charges_are_one():
    charges = answer(row(40, JANUARY, APRIL), row(40, APRIL, None))
    assert read(answer(row(20, JANUARY, None)), charges).fixed == (
        FixedCharge("standing charge", 0.4),
    )


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_bill_is_the_sum_by_hand(data):
    """Half-hourly prices over three local days; the standing charge changes at a midnight."""
    # The clock goes forward on the 30th: 48 + 46 + 48 half-hours.
    start = to_us("2025-03-29T00:00Z")
    pence = data.draw(st.lists(st.integers(-2000, 9000), min_size=142, max_size=142))
    kwh = data.draw(st.lists(st.integers(0, 3000), min_size=142, max_size=142))
    cut = data.draw(st.sampled_from([48, 94]))
    first, second = data.draw(st.integers(0, 9000)), data.draw(st.integers(0, 9000))
    times = [from_us(start + HALF_HOUR * number) for number in range(143)]
    texts = [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in times]
    rows = [row(pence[n] / 100, *texts[n : n + 2]) for n in range(142)]
    charges = answer(row(first / 100, None, texts[cut]), row(second / 100, texts[cut], None))
    tariff = read(answer(*data.draw(st.permutations(rows))), charges)
    frame = pl.DataFrame(
        {
            "site_id": ["home"] * 142,
            "start_utc": pl.Series(times[:142], dtype=pl.Datetime("us", "UTC")),
            "consumption_kwh": [each / 1000 for each in kwh],
        }
    )
    energy = sum(Decimal(a) / 10_000 * Decimal(b) / 1000 for a, b in zip(pence, kwh, strict=True))
    days = {48: (1, 2), 94: (2, 1)}[cut]
    standing = (Decimal(first) * days[0] + Decimal(second) * days[1]) / 10_000
    bill = fk.bill(frame, tariff)
    found = {
        kind: bill.filter(pl.col("component").str.starts_with(kind))["cost"].sum()
        for kind in ("energy", "fixed")
    }
    assert found["energy"] == pytest.approx(float(energy), abs=1e-9)
    assert found["fixed"] == pytest.approx(float(standing), abs=1e-9)
    assert bill["cost"].sum() == pytest.approx(float(energy + standing), abs=1e-9)


# ---- ways of payment


def test_prices_that_differ_by_payment_method_need_the_method():
    with pytest.raises(
        InputError,
        match="charges: prices differ by payment_method; give one of DIRECT_DEBIT, NON_DIR",
    ):
        read(HALF_HOURLY, STANDING)
    both = answer(
        row(20, JANUARY, None, "DIRECT_DEBIT"), row(22, JANUARY, None, "NON_DIRECT_DEBIT")
    )
    with pytest.raises(
        InputError,
        match="unit rates: prices differ by payment_method; give one of DIRECT_DEBIT, NON",
    ):
        read(both)
    assert read(both, payment_method="NON_DIRECT_DEBIT").rates == (Rate(0.22),)
    with pytest.raises(
        InputError, match="payment_method 'CASH' is not one of DIRECT_DEBIT, NON_DIRECT_DEBIT"
    ):
        read(both, payment_method="CASH")
    mixed = answer(
        row(20, JANUARY, APRIL), row(22, APRIL, None, "DIRECT_DEBIT"), row(9, APRIL, None, "OTHER")
    )
    found = read(mixed, payment_method="DIRECT_DEBIT").parts
    assert [part.rates[0].price_per_kwh for part in found] == [0.2, 0.22]


# ---- refusals

GOOD = row(20, JANUARY, APRIL)
REFUSED = {
    r"rates, row 0 and row 1: no price from 2025-04-01T00:00:00Z to 2025-07-01": answer(
        GOOD, row(20, JULY, None)
    ),
    r"rates, row 0 and row 1: both hold at 2025-03-31T23:30:00Z": answer(
        GOOD, row(20, "2025-03-31T23:30:00Z", None)
    ),
    r"both hold at 2025-04-01.* day and night rates .* Tariff.from_economy7": answer(
        row(20, JANUARY, None), row(9, APRIL, None)
    ),
    r"row 0: valid_to 2025-01-01T00:00:00Z is not after valid_from 2025-04": answer(
        row(20, APRIL, JANUARY)
    ),
    r"row 0, value_inc_vat None is not a finite number": answer(
        row(20, JANUARY, None) | {"value_inc_vat": None}
    ),
    r"row 0, value_inc_vat '20' is not a finite number": answer(
        row(20, JANUARY, None) | {"value_inc_vat": "20"}
    ),
    r"row 0, value_inc_vat True is not a finite number": answer(
        row(20, JANUARY, None) | {"value_inc_vat": True}
    ),
    r"row 0, valid_from: time 'soon' is not a valid date or time": answer(row(20, "soon", None)),
    r"row 0: cannot price tier; known: value_exc_vat": answer(row(20, JANUARY, None, tier=1)),
    r"row 0: expected an object, got int": answer(7),
    r"row 0, payment_method: 5 is not a string": answer(row(20, JANUARY, None, 5)),
    r"unit rates: no rows": answer(),
    r"unit rates: cannot price currency; known: count": answer(GOOD, currency="GBP"),
    r"unit rates, count: '1' is not a number of rows": answer(GOOD, count="1"),
    r"expected the API's answer, .* day and night rates": {
        "day": answer(GOOD),
        "night": answer(GOOD),
    },
    r"these are day-unit-rates; day and night rates are two lists": answer(
        GOOD, previous="https://example.org/day-unit-rates/?page=1"
    ),
    r"unit rates, page 2: expected the API's answer": [answer(GOOD), [GOOD]],
    r"unit rates: this is not valid JSON": '{"results": [',
    r"unit rates: cannot read the file 'nowhere.json'": "nowhere.json",
    r"unit rates: expected the API's answer": None,
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_priced_is_refused_by_name(words):
    with pytest.raises(InputError, match=words):
        read(REFUSED[words])


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(NaiveTimestampError, match=r"row 0, valid_from: .*has no zone"):
        read(answer(row(20, "2025-01-01T00:00:00", None)))


def test_lists_of_other_times_are_refused():
    with pytest.raises(InputError, match="share no time"):
        read(answer(GOOD), answer(row(40, JULY, None)))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just(JANUARY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(list(GOOD)), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(list(GOOD)), anything, max_size=5) | anything, max_size=3
    ),
    anything,
)
def test_random_input_is_a_tariff_or_an_input_error(rows, other):
    for source in (
        answer(*rows),
        [answer(*rows), other],
        other,
        answer(GOOD | {"value_inc_vat": other}),
    ):
        with contextlib.suppress(InputError):
            assert isinstance(read(source, None), Tariff)


# ---- which list it is


def address(path):
    return f"https://api.octopus.energy/v1/products/X/electricity-tariffs/E-1R-X-A/{path}/?page=2"


def rows_of(frame_of):
    return frame_of([row(24.5, JANUARY, APRIL), row(26.0, APRIL, None)])


@pytest.mark.parametrize("form", [list, tuple, pl.DataFrame, pd.DataFrame])
def test_rows_are_read_as_a_list_or_a_frame(form):
    want = read(answer(row(24.5, JANUARY, APRIL), row(26.0, APRIL, None)))
    assert read(rows_of(form)) == want
    assert read(rows_of(form), form([row(50.0, JANUARY, None)])).parts[1].fixed == (
        FixedCharge("standing charge", per_day=0.5),
    )


@pytest.mark.parametrize("library", [pl, pd])
def test_a_frame_may_hold_times_and_other_columns(library):
    frame = library.DataFrame(
        {
            "value_inc_vat": [26.0, 24.5],
            "valid_from": [datetime(2025, 4, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)],
            "valid_to": [None, datetime(2025, 4, 1, tzinfo=UTC)],
            "region": ["C", "C"],
        }
    )
    tariff = read(frame)
    assert tariff == read(answer(row(24.5, JANUARY, APRIL), row(26.0, APRIL, None)))
    assert "tariff.ignored: Octopus unit rates: region" in tariff.findings


def test_a_joined_list_may_repeat_the_row_at_a_seam():
    rows = [row(26.0, APRIL, None), row(24.5, JANUARY, APRIL), row(24.5, JANUARY, APRIL)]
    assert read(rows) == read(answer(*rows[:2]))
    with pytest.raises(InputError, match="both hold at"):
        read([*rows, row(24.6, JANUARY, APRIL)])


def test_a_single_page_does_not_say_that_its_prices_hold_all_day():
    # day-unit-rates and night-unit-rates of a single page look the same.
    (finding,) = read(answer(row(24.5, JANUARY, None))).findings
    assert finding.startswith("tariff.assumed: nothing says which list")
    assert "Tariff.from_economy7" in finding
    # Half-hourly prices are of no register; an address and an object of both lists name theirs.
    assert read(HALF_HOURLY).findings == ()
    named = answer(row(24.5, JANUARY, None), previous=address("standard-unit-rates"))
    assert read(named).findings == ()
    both = {"standard-unit-rates": answer(row(24.5, JANUARY, None))}
    assert read(both).findings == ()


@pytest.mark.parametrize("name", ["day-unit-rates.json", "home_night_unit_rates.json"])
def test_the_name_of_a_file_tells_a_register(tmp_path, name):
    path = tmp_path / name
    path.write_text(json.dumps(answer(row(24.5, JANUARY, None))), encoding="utf-8")
    for reader in (read, Tariff.from_file):
        with pytest.raises(InputError, match=r"these are (day|night)-unit-rates; .*from_economy7"):
            reader(path)


# ---- two registers


def test_a_night_register_has_hours_of_its_own_clock():
    tariff = Tariff.from_economy7(
        answer(row(30.0, JANUARY, APRIL), row(32.0, APRIL, None)),
        answer(row(15.0, JANUARY, None)),
        answer(row(50.0, JANUARY, JULY), row(60.0, JULY, None)),
    )
    assert (tariff.name, tariff.currency, tariff.timezone) == (
        "Economy 7",
        "GBP",
        "Europe/London",
    )
    # Day, night, standing charge: three stretches, from January, April and July.
    found = []
    for part in tariff.parts:
        day, night = sorted({rate.price_per_kwh for rate in part.rates}, reverse=True)
        found.append((part.valid_from_us, day, night, part.fixed[0].per_day))
        assert part.hours_timezone == "UTC"
    assert found == [
        (to_us(JANUARY), 0.3, 0.15, 0.5),
        (to_us(APRIL), 0.32, 0.15, 0.5),
        (to_us(JULY), 0.32, 0.15, 0.6),
    ]
    (finding,) = tariff.findings
    assert finding.startswith("tariff.assumed: night from 00:30 to 07:30")
    july = tariff.prices("2025-07-15")
    # 00:30 to 07:30 UTC is 01:30 to 08:30 in London.
    assert [from_us(int(time)).isoformat() for time in july.start_us] == [
        "2025-07-14T23:00:00+00:00",
        "2025-07-15T00:30:00+00:00",
        "2025-07-15T07:30:00+00:00",
    ]
    assert july.price_per_kwh.tolist() == [0.32, 0.15, 0.32]


def test_registers_may_be_numbers_and_the_night_several_windows():
    # Economy 10: three windows; prices and standing charge in pounds.
    windows = ["00:00-05:00", "13:00-16:00", "20:00-22:00"]
    tariff = Tariff.from_economy7(0.3, 0.15, 0.5, night_hours=windows, hours_timezone=None)
    assert tariff.findings == ()
    assert tariff == Tariff.time_of_use(
        [
            *(Rate(0.15, *window.split("-"), period="night") for window in windows),
            Rate(0.3, "05:00", "13:00", period="day"),
            Rate(0.3, "16:00", "20:00", period="day"),
            Rate(0.3, "22:00", "24:00", period="day"),
        ],
        currency="GBP",
        timezone="Europe/London",
        name="Economy 7",
        standing_per_day=0.5,
    )
    across = Tariff.from_economy7(0.3, 0.15, night_hours="23:00-06:00", hours_timezone=None)
    assert across.prices("2025-01-15").price_per_kwh.tolist() == [0.15, 0.3, 0.15]


@pytest.mark.parametrize(
    ("lists", "options", "words"),
    [
        (
            (answer(row(30, JANUARY, APRIL)), answer(row(15, APRIL, None))),
            {},
            "the day rates, the night rates and the standing charges share no time",
        ),
        ((0.3, 0.15), {"night_hours": "00:00-24:00"}, "night_hours are the whole day"),
        ((0.3, 0.15), {"night_hours": ["0-7"]}, "hour '0' does not exist"),
        ((float("nan"), 0.15), {}, "Economy 7 day rates nan is not a finite number"),
        (
            (answer(row(30, JANUARY, None), previous=address("night-unit-rates")), 0.15),
            {},
            "Economy 7 day rates: these are night-unit-rates",
        ),
    ],
)
def test_registers_that_do_not_fit_are_refused(lists, options, words):
    with pytest.raises(InputError, match=words):
        Tariff.from_economy7(*lists, **options)
