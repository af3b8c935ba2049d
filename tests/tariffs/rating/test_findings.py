"""What bills and the matrix say beside their figures: place, negative generation, coarse energy."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import sam_cases
from support.bill_as_tariff import tariff_of
from support.bill_hand import total
from support.bill_oracle import bill as oracle_bill
from support.bill_plan import Export as PlanExport
from support.bill_plan import Period, Plan, Profile, When
from support.engine_help import energy, hours_between

from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.frames import records_of
from flipkit.tariffs import (
    DemandCharge,
    DemandTier,
    Export,
    FixedCharge,
    PriceSeries,
    Rate,
    Tariff,
    Tier,
)
from flipkit.tariffs.rating import bill, bill_matrix

LONDON = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = Tariff.flat(0.25, **LONDON)
HOUR_US = 3_600_000_000
MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


def findings(frame):
    return [row["finding"] for row in records_of(frame)]


def fleet(library="pandas", **columns):
    """Two days of hours of four sites of three countries, their rows not in order."""
    places = {
        "uk-1": ("Europe/London", "GBP"),
        "be-1": ("Europe/Brussels", "EUR"),
        "us-1": ("America/Los_Angeles", "USD"),
        "uk-2": ("Europe/London", "GBP"),
    }
    frames = []
    for site, (timezone, currency) in places.items():
        frame = energy(np.ones(48), site=site, start="2025-06-03")
        frames.append(frame.assign(timezone=timezone, currency=currency))
    frame = pd.concat(frames).sort_values("start_utc", kind="stable")
    frame = frame.assign(**columns)
    return MAKE[library](frame.to_dict("list"))


def tariffs_of_places():
    return {
        "uk-1": FLAT,
        "uk-2": FLAT,
        "be-1": Tariff.flat(0.3, currency="EUR", timezone="Europe/Brussels"),
        "us-1": Tariff.flat(0.4, currency="USD", timezone="America/Los_Angeles"),
    }


# --- the place of a site


@pytest.mark.parametrize("library", MAKE)
def test_sites_of_three_countries_need_a_tariff_each(library):
    frame = fleet(library)
    words = (
        "energy, site be-1: currency is 'EUR', but that of tariff 'Flat rate' is 'GBP'; give each "
        "site a tariff of its own place, as a mapping by site id, or correct the column currency"
    )
    for rated in (lambda: bill(frame, FLAT), lambda: bill_matrix(frame, [FLAT])):
        with pytest.raises(InputError, match=words):
            rated()
    rows = records_of(bill(frame, tariffs_of_places()))
    assert {row["site_id"]: row["currency"] for row in rows} == {
        "uk-1": "GBP",
        "uk-2": "GBP",
        "be-1": "EUR",
        "us-1": "USD",
    }


def test_a_tariff_of_the_wrong_place_in_a_mapping_is_named():
    wrong = tariffs_of_places() | {"us-1": Tariff.flat(0.4, currency="USD", timezone="UTC")}
    with pytest.raises(
        InputError,
        match=r"site us-1: timezone is 'America/Los_Angeles', but .*'Flat rate' is 'UTC'",
    ):
        bill(fleet(), wrong)


def test_a_site_has_one_place():
    frame = fleet().assign(currency="GBP", timezone="Europe/London")
    frame.loc[frame["site_id"] == "uk-2", "currency"] = ["GBP"] * 47 + ["EUR"]
    with pytest.raises(InputError, match="site uk-2: currency is 'GBP' and 'EUR'; a site has one"):
        bill(frame, FLAT)


@pytest.mark.parametrize("zone", ["Europe/London", "GB", "Europe/Jersey", None])
def test_time_zones_of_one_clock_are_the_same(zone):
    frame = fleet().assign(timezone=zone, currency=None)
    assert len(bill(frame, FLAT)) == 4


@pytest.mark.parametrize("zone", ["UTC", "Europe/Lisbon", "Africa/Abidjan", "no/where"])
def test_other_clocks_are_refused_even_where_they_agree_for_now(zone):
    # In January London, Lisbon and Abidjan keep UTC; Lisbon had another clock until 1996.
    frame = energy(np.ones(48), start="1996-01-02").assign(timezone=zone)
    with pytest.raises(InputError, match=zone):
        bill(frame, FLAT)


@pytest.mark.parametrize("library", MAKE)
def test_the_columns_change_no_figure(library):
    rng = np.random.default_rng(2)
    frame = energy(rng.random(1000), rng.random(1000))
    placed = frame.assign(timezone="Europe/London", currency="GBP")
    frame, placed = (MAKE[library](each.to_dict("list")) for each in (frame, placed))
    assert records_of(bill(frame, FLAT)) == records_of(bill(placed, FLAT))


# --- negative generation


def test_negative_generation_is_counted_as_consumption():
    frame = energy([1.0] * 6, [-0.1, -0.2, 0.0, 3.0, 3.0, -0.1])
    rows = records_of(bill(frame, FLAT))
    # Nights: 1.1 + 1.2 + 1 + 1.1; days: 2 x 2 exported.
    assert [(row["component"], row["quantity"]) for row in rows] == [
        ("energy all", pytest.approx(4.4)),
        ("export all", 4.0),
    ]
    said = (
        "generation.negative: 0.4 kWh of negative generation in 3 intervals, which the inverter "
        "draws, counted as consumption"
    )
    assert rows[0]["finding"].split("; ")[0] == said
    [row] = records_of(bill_matrix(frame, [FLAT]))
    assert row["finding"].split("; ")[0] == said
    assert row["cost"] == sum(each["cost"] for each in rows)


def test_generation_with_a_reversed_sign_is_asked_about():
    [row, _] = records_of(bill(energy([1.0, 1.0], [-3.0, 0.5]), FLAT))
    assert (
        "counted as consumption, more than the 0.5 kWh generated: is the sign reversed?"
        in (row["finding"])
    )


NEGATIVE = st.lists(st.integers(-50, 400), min_size=48, max_size=48)


@settings(max_examples=12)
@given(NEGATIVE, st.sampled_from(["net_billing", "net_metering", "buy_all_sell_all"]))
def test_negative_generation_against_the_decimal_oracle(wh, mode):
    # The oracle knows no negative generation: it is given what the inverter draws as consumption.
    used = [Decimal("0.3")] * 48
    made = [Decimal(each) / 1000 for each in wh]
    drawn = [max(-each, Decimal(0)) for each in made]
    profile = Profile(
        datetime(2025, 6, 1, tzinfo=UTC),
        60,
        tuple(each + more for each, more in zip(used, drawn, strict=True)),
        tuple(max(each, Decimal(0)) for each in made),
    )
    day = Period("day", (When(start=480, end=1200),), (Decimal("0.3"),))
    night = Period("night", (When(start=0, end=480), When(start=1200)), (Decimal("0.1"),))
    paid = () if mode == "net_metering" else (Period("all", (When(),), (Decimal("0.05"),)),)
    payout = Decimal("0.02") if mode == "net_metering" else Decimal(0)
    plan = Plan("UTC", (day, night), export=PlanExport(mode, paid, payout=payout))
    expected = sum(total(oracle_bill([plan], profile)).values())
    frame = energy(list(map(float, used)), list(map(float, made)), start="2025-06-01")
    rows = records_of(bill(frame, tariff_of([plan])))
    assert sum(row["cost"] for row in rows) == pytest.approx(expected, abs=1e-9)
    assert ("generation.negative" in (rows[0]["finding"] or "")) == (min(wh) < 0)


def test_net_billing_with_an_inverter_at_night_is_that_of_sam():
    # PySAM 7, Utilityrate5, net billing: 0.20 buy, 0.05 sell; -0.05 kW in the night.
    hours = np.arange(8760) % 24
    made = np.where((hours > 7) & (hours < 17), 3.0, -0.05)
    used = np.full(8760, 1.0)
    no_limit = sam_cases.NO_LIMIT
    inputs = {
        "ur_metering_option": 2,
        "ur_ec_tou_mat": [[1, 1, no_limit, 0, 0.2, 0.05]],
        "ur_ec_sched_weekday": [[1] * 24] * 12,
        "ur_ec_sched_weekend": [[1] * 24] * 12,
    }
    model = sam_cases.run(inputs, list(used), list(made))
    tariff = Tariff("x", "USD", "UTC", (Rate(0.2),), export=Export("net_billing", [Rate(0.05)]))
    frame = energy(used, made, start="2018-01-01")
    [row] = records_of(bill_matrix(frame, [tariff]))
    assert row["cost"] == pytest.approx(model.Outputs.utility_bill_w_sys_year1, abs=0.01)


# --- findings of a tariff


def noted(tariff, text):
    return replace(tariff, findings=(text,))


WORDS = "urdb.words: fixedattrs is not priced"


@pytest.mark.parametrize("library", MAKE)
def test_what_a_reader_could_not_price_is_on_the_first_row_of_each_month(library):
    tariff = replace(
        noted(FLAT, WORDS), name="noted", fixed=(FixedCharge("service", per_month=3.0),)
    )
    frame = energy(np.ones(hours_between("2025-01-01", "2025-03-01")))
    two = pd.concat([frame, frame.assign(site_id="b")])
    rows = records_of(bill(MAKE[library](two.to_dict("list")), [tariff, FLAT]))
    firsts = [row for row in rows if row["tariff"] == "noted" and row["component"] == "energy all"]
    assert len(firsts) == 4
    assert [row for row in rows if row["finding"]] == firsts
    assert {row["finding"] for row in firsts} == {WORDS}
    matrix = records_of(bill_matrix(MAKE[library](two.to_dict("list")), [tariff, FLAT]))
    assert [row["finding"] for row in matrix] == [None, WORDS, None, WORDS]


def test_findings_of_parts_are_told_while_they_are_in_force():
    change = to_us("2025-02-01", "Europe/London")
    later_change = to_us("2025-04-01", "Europe/London")
    first = replace(noted(FLAT, "a.first: one"), name="one", valid_to_us=change)
    second = replace(
        noted(FLAT, "a.second: two"), name="two", valid_from_us=change, valid_to_us=later_change
    )
    third = replace(noted(FLAT, "a.third: three"), name="three", valid_from_us=later_change)
    whole = noted(Tariff.successive([first, second, third]), "a.whole: all")
    frame = energy(np.ones(hours_between("2025-01-01", "2025-03-01")))
    assert findings(bill(frame, whole)) == [
        "a.whole: all; a.first: one",
        "a.whole: all; a.second: two",
    ]
    assert findings(bill_matrix(frame, [whole])) == ["a.whole: all; a.first: one; a.second: two"]


def test_equal_tariffs_with_other_findings_are_not_mixed_up():
    frame = pd.concat([energy([1.0, 1.0]), energy([1.0, 1.0], site="b")])
    said = bill(frame, {"a": noted(FLAT, "x.a: one"), "b": noted(FLAT, "x.b: other")})
    assert [text.split("; ")[0] for text in findings(said)] == ["x.a: one", "x.b: other"]


def test_the_matrix_has_what_the_bill_says_of_each_site():
    frame = pd.concat([energy([1.0] * 48, [2.0] * 48), energy([1.0] * 48, 0.0, site="b")])
    tariff = replace(FLAT, name="no export")
    paid = replace(FLAT, name="paid", export=Export("net_billing", [Rate(0.1)]))
    rows = records_of(bill_matrix(frame, [tariff, paid]))
    cut = "period.cut: 2 of 31 days"
    unpaid = "export.unpaid: the tariff pays nothing for exported energy"
    assert [(row["site_id"], row["tariff"], row["finding"]) for row in rows] == [
        ("a", "no export", f"{cut}; {unpaid}"),
        ("a", "paid", cut),
        ("b", "no export", cut),
        ("b", "paid", cut),
    ]


# --- intervals that are too coarse


def coarse(frame):
    texts = [text for text in findings(frame) if text]
    parts = [part for text in texts for part in text.split("; ")]
    return [part for part in parts if part.startswith("interval.coarse")]


def test_half_hour_prices_over_hourly_energy():
    night = Tariff.time_of_use({"00:30-07:30": 0.1, "07:30-00:30": 0.3}, **LONDON)
    year = hours_between("2025-01-01", "2025-02-01")
    [said] = coarse(bill(energy(np.ones(year)), night))
    assert said == (
        "interval.coarse: 62 of 744 intervals of 60 minutes lie across a change of price or month, "
        "and their energy is spread evenly over their time"
    )
    assert coarse(bill_matrix(energy(np.ones(year)), [night])) == [said]
    assert coarse(bill(energy(np.ones(2 * year), minutes=30), night)) == []


def test_a_market_by_half_hours_over_hourly_energy():
    edges = to_us("2025-01-01", "UTC") + HOUR_US // 2 * np.arange(97)
    prices = np.repeat([0.1, 0.2, 0.2, 0.3], 24)  # changes at 12:00 on two days, and at midnight
    level = PriceSeries(edges[:-1], edges[1:], prices)
    assert coarse(bill(energy(np.ones(48)), Tariff("spot", "GBP", "UTC", series=level))) == []
    prices = np.arange(96) / 100
    spot = Tariff("spot", "GBP", "UTC", series=PriceSeries(edges[:-1], edges[1:], prices))
    [said] = coarse(bill(energy(np.ones(48)), spot))
    assert said.startswith("interval.coarse: 48 of 48 intervals of 60 minutes")
    sold = Tariff(
        "sold", "GBP", "UTC", (Rate(0.2),), export=Export("net_billing", series=spot.series)
    )
    assert len(coarse(bill(energy(np.ones(48), 0.5), sold))) == 1


@pytest.mark.parametrize(
    ("minutes", "measured", "is_coarse"),
    [
        (60, 15, True),
        (60, 30, True),
        (60, 60, False),
        (30, 15, True),
        (15, 15, False),
        (5, 15, False),
        (10, 15, True),
    ],
)
def test_energy_that_is_coarser_than_demand_is_measured(minutes, measured, is_coarse):
    charge = DemandCharge("peak", DemandTier(10.0), interval_minutes=measured)
    tariff = Tariff("x", "USD", "UTC", (Rate(0.2),), demand=[charge])
    said = coarse(bill(energy(np.ones(288), minutes=minutes), tariff))
    text = (
        f"interval.coarse: demand peak is measured over {measured} minutes and the energy over "
        f"{minutes}, so its peaks are averaged"
    )
    assert said == ([text] if is_coarse else [])


# --- likely slips


@pytest.mark.parametrize("library", MAKE)
def test_slips_are_named_beside_unchanged_figures(library):
    kwh = np.full(1488, 200.0)
    frame = MAKE[library](energy(kwh, minutes=30).to_dict("list"))
    tariff = Tariff.flat(25.73, **LONDON)
    [row] = records_of(bill(frame, tariff))
    assert (row["quantity"], row["cost"]) == (297_600.0, pytest.approx(297_600 * 25.73))
    unit, price = row["finding"].split("; ")
    assert unit.startswith("energy.unit: consumption_kwh has a mean of 400 kW")
    assert price.startswith("price.unit: prices of 'Flat rate' are typically 25.73 GBP per kWh")
    [row] = records_of(bill_matrix(frame, [tariff]))
    assert row["finding"] == f"{unit}; {price}"


def test_a_slip_of_one_site_among_many_stands_on_its_first_row():
    rng = np.random.default_rng(4)
    frames = [energy(rng.random(1488) ** 3, site=f"s{n:02}", minutes=30) for n in range(20)]
    frames[7]["consumption_kwh"] = frames[7]["consumption_kwh"].cumsum()
    rows = records_of(bill(pd.concat(frames), FLAT))
    [row] = [row for row in rows if row["finding"]]
    assert row["site_id"] == "s07"
    assert row["finding"].startswith("energy.register: consumption_kwh never falls")


def test_prices_of_tiers_and_exports_are_looked_at():
    tiered = Tariff(
        "tiers", "GBP", "UTC", (Rate(tiers=(Tier(12.0, 100), Tier(15.0))),), tier_rule="prorate"
    )
    sold = Tariff("sold", "GBP", "UTC", (Rate(0.25),), export=Export("net_billing", [Rate(15.0)]))
    netted = FLAT.replace(name="netted", export=Export("net_metering", payout_per_kwh=12.0))
    frame = energy([1.0, 1.0], [0.0, 0.0])
    cases = [
        (tiered, "prices of 'tiers' are"),
        (sold, "export prices of 'sold' are"),
        (netted, "payouts of 'netted' are"),
    ]
    for tariff, what in cases:
        assert f"price.unit: {what} typically 1" in findings(bill(frame, tariff))[0]
