"""`fk.simulate` against a plain reference, by conservation of energy, and against the emulator."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hand

import flipkit as fk
from flipkit.calendar import from_us
from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.frames import library_of, take
from flipkit.reports import site_energy
from flipkit.scenarios import Load, Scenario, simulate
from flipkit.tariffs import Export, PriceSeries
from flipkit.vocabulary import DISPATCH_METHODS

MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)
START = datetime(2025, 3, 29, 12, tzinfo=UTC)  # the clocks change in the night after
HALF_HOUR = timedelta(minutes=30)


def energy(consumption, generation=None, *, site="uk-01", library="pandas", start=START):
    columns = {
        "site_id": [site] * len(consumption),
        "start_utc": [start + n * HALF_HOUR for n in range(len(consumption))],
        "consumption_kwh": list(consumption),
    }
    if generation is not None:
        columns["generation_kwh"] = list(generation)
    return MAKE[library](columns)


def summary(result):
    numbers = [
        "cost",
        "saving",
        "import_kwh",
        "export_kwh",
        "self_consumption",
        "self_sufficiency",
        "peak_import_kw",
    ]
    numbers.append("equivalent_cycles")
    texts = ["site_id", "scenario", "currency", "dispatch", "finding"]
    columns = take(result.summary(), numbers=numbers, texts=texts)
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    return {(row["site_id"], row["scenario"]): row for row in rows}


kwh = st.integers(0, 9999).map(lambda n: n / 1000)


@given(
    st.lists(st.tuples(kwh, kwh), min_size=2, max_size=60), st.sampled_from([0.0, 0.5, 1.0, 1.25])
)
@settings(deadline=None)
def test_the_cost_is_that_of_a_plain_reference(pairs, scale):
    consumption, generation = zip(*pairs, strict=True)
    scenario = Scenario("x", tariff=NIGHT, export_tariff=FLAT, load=Load(scale=scale))
    result = simulate(energy(consumption, generation), [scenario])
    paid = earned = Fraction(0)
    for number, (used, made) in enumerate(pairs):
        net = Fraction(used * scale) - Fraction(made)
        hour = (START + number * HALF_HOUR).astimezone(ZoneInfo("Europe/London")).hour
        paid += max(net, Fraction(0)) * Fraction(0.09 if hour < 7 else 0.29)
        earned += max(-net, Fraction(0)) * Fraction(0.25)
    row = summary(result)["uk-01", "x"]
    bills = take(result.bills(), numbers=["cost"])["cost"]
    assert row["cost"] == pytest.approx(bills.sum(), abs=1e-9)
    assert row["cost"] == pytest.approx(float(paid - earned), abs=0.005 * len(bills) + 1e-9)
    whole = take(result.intervals(), numbers=["import_cost", "export_credit"])
    assert whole["import_cost"].sum() - whole["export_credit"].sum() == pytest.approx(
        float(paid - earned), abs=1e-9
    )


@given(st.lists(st.tuples(kwh, kwh), min_size=2, max_size=40))
@settings(deadline=None)
def test_energy_is_conserved_in_every_interval(pairs):
    consumption, generation = zip(*pairs, strict=True)
    frame = simulate(
        energy(consumption, generation), [Scenario("x", tariff=FLAT, export_tariff=FLAT)]
    ).intervals()
    columns = take(frame, numbers=["consumption_kwh", "generation_kwh", "import_kwh", "export_kwh"])
    used, made, imported, exported = columns.values()
    np.testing.assert_allclose(used + exported, made + imported, atol=1e-12)
    assert (np.minimum(imported, exported) == 0).all()
    assert (imported >= 0).all()
    assert (exported >= 0).all()


def test_a_hand_calculation(frames_library):
    frame = energy([1.0, 0.5, 2.0], [0.0, 1.5, 0.5], library=frames_library)
    result = simulate(
        frame,
        [
            Scenario("flat", tariff=FLAT, export_tariff=fk.Tariff.flat(0.15, **GBP)),
            Scenario(
                "less", tariff=FLAT, export_tariff=fk.Tariff.flat(0.15, **GBP), load=Load(scale=0.5)
            ),
        ],
    )
    row = summary(result)["uk-01", "flat"]
    assert row["import_kwh"] == 2.5
    assert row["export_kwh"] == 1.0
    assert row["cost"] == 0.47  # 2.5 x 0.25 = 0.625, half to even 0.62; 1.0 x 0.15
    assert row["saving"] == 0.0
    assert row["self_consumption"] == 0.5
    assert row["self_sufficiency"] == pytest.approx(1 - 2.5 / 3.5)
    assert row["peak_import_kw"] == 3.0
    less = summary(result)["uk-01", "less"]
    assert less["cost"] == 0.06  # 0.5 + 0.5 imported at 0.25; 1.25 exported at 0.15 = 0.1875, 0.19
    assert less["saving"] == 0.41
    assert library_of(result.summary()) == frames_library


def test_all_is_bought_and_all_is_sold_under_price_series_by_hand():
    """Two half-hours of June and two of July in London; one export price is negative."""
    start_us = int(datetime(2025, 6, 30, 22, tzinfo=UTC).timestamp()) * 1_000_000
    edges = start_us + 1_800_000_000 * np.arange(5)
    bought = PriceSeries(edges[[0, 2]], edges[[2, 4]], np.array([0.2, 0.4]))
    sold = PriceSeries(edges[[0, 1, 3]], edges[[1, 3, 4]], np.array([0.1, -0.05, 0.3]))
    export = Export("buy_all_sell_all", series=sold)
    tariff = fk.Tariff("all", "GBP", "Europe/London", series=bought, export=export)
    frame = energy([1.0, 2.0, 0.5, 1.0], [2.0, 1.0, 0.0, 3.0], start=from_us(start_us))
    lossless = fk.Battery(2, 2, charge_efficiency=1, discharge_efficiency=1)
    scenarios = [Scenario("x", tariff=tariff), Scenario("battery", tariff=tariff, battery=lossless)]
    result = simulate(frame, scenarios, dispatch="optimal")

    flows = take(result.intervals(scenario="x"), numbers=["import_kwh", "export_kwh"])
    assert flows["import_kwh"].tolist() == [1.0, 2.0, 0.5, 1.0]
    assert flows["export_kwh"].tolist() == [2.0, 1.0, 0.0, 3.0]
    money = take(result.intervals(scenario="x"), numbers=["import_cost", "export_credit"])
    assert money["import_cost"].tolist() == [0.2, 0.4, 0.2, 0.4]
    assert money["export_credit"].tolist() == pytest.approx([0.2, -0.05, 0.0, 0.9])
    bills = take(result.bills(), numbers=["cost"], texts=["scenario", "month", "component"])
    rows = list(zip(*(bills[name].tolist() for name in bills), strict=True))
    assert rows[:4] == [
        (0.6, "x", "2025-06", "import"),
        (-0.15, "x", "2025-06", "export"),
        (0.6, "x", "2025-07", "import"),
        (-0.9, "x", "2025-07", "export"),
    ]
    assert summary(result)["uk-01", "x"]["cost"] == 0.15

    # The battery moves imports of 1.5 kWh from 0.4 to 0.2; exports are the generation, as before.
    flows = take(result.intervals(scenario="battery"), numbers=["import_kwh", "export_kwh"])
    assert flows["import_kwh"].sum() == pytest.approx(4.5)
    assert flows["import_kwh"][2:].tolist() == [0.0, 0.0]
    assert flows["export_kwh"].tolist() == [2.0, 1.0, 0.0, 3.0]
    assert summary(result)["uk-01", "battery"]["cost"] == -0.15


def test_an_export_without_a_price_is_worth_nothing_and_says_so():
    row = summary(simulate(energy([0.0, 0.0], [1.0, 1.0]), [Scenario("x", tariff=FLAT)]))[
        "uk-01", "x"
    ]
    assert row["cost"] == 0.0
    assert row["finding"].startswith("simulate.no_export_price: 2 kWh")


def test_months_are_local_and_sum_to_the_whole():
    frame = energy(np.ones(17_520), start=datetime(2024, 12, 31, 23, 0, tzinfo=UTC), site="be-01")
    tariff = fk.Tariff.flat(0.1, currency="EUR", timezone="Europe/Brussels")
    bills = simulate(frame, [Scenario("x", tariff=tariff)]).bills()
    columns = take(bills, numbers=["quantity", "cost"], texts=["month"])
    assert columns["month"].tolist() == [f"2025-{month:02d}" for month in range(1, 13)]
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    changes = [0, 0, -2, 0, 0, 0, 0, 0, 0, 2, 0, 0]
    assert columns["quantity"].tolist() == [48 * d + c for d, c in zip(days, changes, strict=True)]
    assert columns["cost"].sum() == pytest.approx(1752.0)


def test_a_tariff_by_site():
    frame = pd.concat([energy([1.0, 1.0], site="a"), energy([1.0, 1.0], site="b")])
    rows = summary(simulate(frame, [Scenario("x", tariff={"a": FLAT, "b": NIGHT})]))
    assert (rows["a", "x"]["cost"], rows["b", "x"]["cost"]) == (0.5, 0.58)


def test_the_order_of_rows_and_sites_does_not_matter():
    frame = pd.concat([energy(np.arange(48) / 7, site=site) for site in ("c", "a", "b")])
    one = simulate(frame, [Scenario("x", tariff=NIGHT)]).bills()
    two = simulate(frame.sample(frac=1, random_state=1), [Scenario("x", tariff=NIGHT)]).bills()
    pd.testing.assert_frame_equal(one, two)


def test_prices_from_a_frame():
    prices = pd.DataFrame(
        {
            "site_id": ["uk-01"] * 2,
            "start_utc": pd.to_datetime([START, START + HALF_HOUR]),
            "end_utc": pd.to_datetime([START + HALF_HOUR, START + 2 * HALF_HOUR]),
            "tariff_direction": "IMPORT",
            "price_per_kwh": [0.1, 0.3],
            "currency": "GBP",
        }
    )
    row = summary(simulate(energy([1.0, 2.0]), [Scenario("today")], prices=prices))[
        "uk-01", "today"
    ]
    assert row["cost"] == 0.7


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (energy([1.0, -0.1]), InputError, "uk-01, 2025-03-29T12:30:00Z: consumption_kwh"),
        (energy([1.0, None]), InputError, "consumption_kwh is missing"),
        (energy([1.0, 1.0], [0.0, -np.inf]), InputError, "generation_kwh"),
        (
            energy([1.0, 1.0, 1.0, 1.0]).drop(index=2),
            InputError,
            "2025-03-29T13:00:00Z: no interval",
        ),
        (pd.concat([energy([1.0, 1.0]), energy([1.0])]), InputError, "the time occurs twice"),
        (energy([1.0]), InputError, "a single interval"),
        (energy([]), InputError, "no rows"),
        (energy([1.0, 1.0]).drop(columns="consumption_kwh"), MissingColumnError, "consumption_kwh"),
        (
            energy([1.0, 1.0]).assign(start_utc=lambda f: f["start_utc"].dt.tz_localize(None)),
            NaiveTimestampError,
            "zone",
        ),
        (energy([1.0, 1.0], site=None), InputError, "row 0: no site_id"),
    ],
)
def test_invalid_energy_is_an_error_that_names_it(frame, error, words):
    with pytest.raises(error, match=words):
        simulate(frame, [Scenario("x", tariff=FLAT)])


def test_two_intervals_an_hour_apart_are_hourly_energy():
    frame = energy([1.0, 1.0, 1.0]).drop(index=1)
    result = simulate(frame, [Scenario("x", tariff=FLAT)])
    assert summary(result)["uk-01", "x"]["peak_import_kw"] == 1.0


@pytest.mark.parametrize(
    ("scenarios", "words"),
    [
        ([], "the list is empty"),
        (
            [Scenario("x", tariff=FLAT), Scenario("x", tariff=NIGHT)],
            "the name x is used more than once",
        ),
        (["x"], "expected a Scenario, got 'x'"),
        (5, "expected a list of Scenario, got int"),
        ([Scenario("one\ntwo", tariff=FLAT)], "has several lines; give it one line"),
        ([Scenario("x")], "uk-01, scenario 'x': no import price"),
        (
            [
                Scenario(
                    "x",
                    tariff=FLAT,
                    export_tariff=fk.Tariff.flat(0.1, currency="EUR", timezone="UTC"),
                )
            ],
            "EUR, GBP",
        ),
    ],
)
def test_scenarios_without_a_cost_are_an_error_that_names_them(scenarios, words):
    with pytest.raises(InputError, match=words):
        simulate(energy([1.0, 1.0]), scenarios)


@pytest.mark.parametrize("scale", [-1, float("nan"), float("inf"), "2", None])
def test_an_invalid_scale_is_an_error(scale):
    with pytest.raises(InputError, match="scale"):
        Load(scale=scale)


def test_prices_that_end_before_the_energy_are_an_error():
    short = fk.Tariff.from_prices(
        pd.DataFrame(
            {"start_utc": [START], "end_utc": [START + HALF_HOUR], "price_per_kwh": [0.1]}
        ).astype({"start_utc": "datetime64[us, UTC]", "end_utc": "datetime64[us, UTC]"}),
        **GBP,
    )
    with pytest.raises(InputError, match="first uncovered: 2025-03-29T12:30:00Z"):
        simulate(energy([1.0, 1.0]), [Scenario("x", tariff=short)])


def test_todays_prices_of_the_fleet_give_the_costs_recomputed_by_hand(kit):
    sites = ["be-01", "ca-02", "uk-02", "uk-06"]
    year = site_energy(kit, "2025-01", "2025-12", site_id=sites)
    result = simulate(year, [Scenario("today"), Scenario("less", load=Load(scale=0.9))], prices=kit)
    rows = summary(result)
    for site in sites:
        paid, earned = (
            sum(map(hand.cents, hand.monthly(site, way)[1].values()))
            for way in ("IMPORT", "EXPORT")
        )
        assert Decimal(repr(float(rows[site, "today"]["cost"]))) == paid - earned
        assert rows[site, "less"]["cost"] < rows[site, "today"]["cost"]
        assert round(rows[site, "today"]["import_kwh"] * 1000) == sum(
            hand.monthly(site, "IMPORT")[0].values()
        )


def test_the_certificate_agrees_and_the_service_keeps_no_trace(kit):
    before = kit.emulator.store.digest()
    frame = site_energy(kit, "2025-06", "2025-06", site_id=["be-01", "ca-02", "uk-02"])
    result = simulate(
        frame, [Scenario("today"), Scenario("less", load=Load(scale=0.9))], prices=kit, verify=30
    )
    columns = take(
        result.certificate(),
        numbers=["local_cost", "server_cost", "difference"],
        texts=["tariff_direction"],
    )
    assert len(columns["difference"]) == 30
    assert set(columns["tariff_direction"]) == {"IMPORT", "EXPORT"}
    np.testing.assert_allclose(columns["local_cost"], columns["server_cost"], rtol=1e-12)
    assert kit.emulator.store.digest() == before


def test_only_flatpeaks_prices_can_be_verified():
    with pytest.raises(InputError, match="prices=kit"):
        simulate(energy([1.0, 1.0]), [Scenario("x", tariff=FLAT)], verify=3)


def test_it_is_written_as_csv(tmp_path, frames_library):
    result = simulate(energy([1.0, 1.0], library=frames_library), [Scenario("x", tariff=FLAT)])
    names = [path.name for path in result.to_csv(tmp_path / "out")]
    assert names == ["summary.csv", "bills.csv"]
    assert (
        (tmp_path / "out" / "summary.csv")
        .read_text(encoding="utf-8")
        .startswith("site_id,scenario,cost,saving,currency")
    )
    assert repr(result) == "Simulation(1 site, scenarios: x; see .summary())"


BATTERY = fk.Battery(
    capacity_kwh=5.0, power_kw=2.5, charge_efficiency=0.9, discharge_efficiency=0.95
)


def with_battery(pairs, method, battery=BATTERY):
    consumption, generation = zip(*pairs, strict=True)
    scenarios = [
        Scenario("without", tariff=NIGHT, export_tariff=fk.Tariff.flat(0.05, **GBP)),
        Scenario("with", tariff=NIGHT, export_tariff=fk.Tariff.flat(0.05, **GBP), battery=battery),
    ]
    return simulate(energy(consumption, generation), scenarios, dispatch=method)


@pytest.mark.parametrize("method", DISPATCH_METHODS)
def test_energy_is_conserved_with_a_battery_up_to_its_losses(method):
    pairs = [(0.3 + 0.2 * (n % 7), 2.0 * max(0, 8 - abs(n % 48 - 24)) / 8) for n in range(96)]
    frame = with_battery(pairs, method).intervals()
    names = [
        "consumption_kwh",
        "generation_kwh",
        "charge_kwh",
        "discharge_kwh",
        "import_kwh",
        "export_kwh",
    ]
    used, made, charge, discharge, imported, exported = take(frame, numbers=names).values()
    np.testing.assert_allclose(used + charge + exported, made + discharge + imported, atol=1e-12)
    assert discharge.sum() > 0
    stored = np.cumsum(charge * 0.9 - discharge / 0.95)
    assert stored.min() > -1e-9
    assert stored[-96:].max() < 5 + 1e-9
    assert (np.minimum(charge, discharge) == 0).all()


def test_the_optimum_is_the_cheapest_and_an_empty_battery_changes_nothing():
    pairs = [(0.3 + 0.2 * (n % 7), 2.0 * max(0, 8 - abs(n % 48 - 24)) / 8) for n in range(96)]
    costs = {}
    for method in DISPATCH_METHODS:
        costs[method] = summary(with_battery(pairs, method))["uk-01", "with"]
    without = summary(with_battery(pairs, "rule"))["uk-01", "without"]
    assert costs["optimal"]["cost"] <= min(row["cost"] for row in costs.values())
    assert costs["rule"]["cost"] < without["cost"]
    assert (costs["optimal"]["dispatch"], without["dispatch"]) == ("optimal", None)
    assert costs["rule"]["equivalent_cycles"] > 0
    nothing = summary(with_battery(pairs, "rule", fk.Battery(0.0, 0.0)))["uk-01", "with"]
    assert nothing["cost"] == without["cost"]


def test_an_unknown_dispatch_and_a_number_as_battery_are_errors():
    with pytest.raises(InputError, match="choose one of rule"):
        simulate(energy([1.0, 1.0]), [Scenario("x", tariff=FLAT)], dispatch="best")
    with pytest.raises(
        InputError, match="battery: expected a Battery, or a mapping of site id to Battery, got int"
    ):
        Scenario("x", battery=5)


def test_negative_generation_is_load_and_a_finding():
    # 0.05 kWh drawn by the inverter in each of two half-hours: 1.1 kWh at 0.25.
    result = simulate(energy([0.5, 0.5, 1.0], [-0.05, -0.05, 3.0]), [Scenario("x", tariff=FLAT)])
    row = summary(result)["uk-01", "x"]
    assert (row["import_kwh"], row["export_kwh"]) == (1.1, 2.0)
    assert row["cost"] == 0.28
    assert "generation.negative: 0.1 kWh of negative generation in 2 intervals" in row["finding"]
    moved = simulate(energy([0.55, 0.55, 1.0], [0.0, 0.0, 3.0]), [Scenario("x", tariff=FLAT)])
    assert row["self_consumption"] == summary(moved)["uk-01", "x"]["self_consumption"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"currency": "EUR"}, "scenario 'x', site uk-01: energy, site uk-01: currency is 'EUR'"),
        ({"timezone": "Europe/Brussels"}, "timezone is 'Europe/Brussels'.*'Europe/London'"),
    ],
)
def test_energy_of_another_place_than_a_tariff_is_refused(columns, words):
    frame = energy([1.0, 1.0]).assign(**columns)
    with pytest.raises(InputError, match=words):
        simulate(frame, [Scenario("x", tariff=FLAT)])
    with pytest.raises(InputError, match=words):
        simulate(frame, [Scenario("x")], prices=FLAT)


def test_the_time_zone_of_the_energy_is_that_of_prices_without_one():
    starts = [START + n * HALF_HOUR for n in range(2)]
    prices = pd.DataFrame(
        {
            "site_id": "uk-01",
            "start_utc": starts,
            "end_utc": [start + HALF_HOUR for start in starts],
            "tariff_direction": "IMPORT",
            "price_per_kwh": 0.25,
            "currency": "GBP",
        }
    )
    guessed = simulate(energy([1.0, 1.0]), [Scenario("x")], prices=prices)
    assert "simulate.utc" in summary(guessed)["uk-01", "x"]["finding"]
    frame = energy([1.0, 1.0]).assign(timezone="Europe/London", currency="GBP")
    known = simulate(frame, [Scenario("x")], prices=prices)
    assert summary(known)["uk-01", "x"]["finding"] is None


def test_findings_of_tariffs_and_likely_slips_are_in_the_summary():
    noted = replace(NIGHT, name="noted", findings=("urdb.words: fixedattrs is not priced",))
    pence = fk.Tariff.flat(25.73, **GBP)
    hourly = [START.replace(hour=0, minute=0) + 2 * n * HALF_HOUR for n in range(48)]
    frame = pd.DataFrame({"site_id": "a", "start_utc": hourly, "consumption_kwh": 400.0})
    # 00:30 on three days and 07:30 on two.
    half_past = fk.Tariff.time_of_use({"00:30-07:30": 0.09, "07:30-00:30": 0.29}, **GBP)
    scenarios = [
        Scenario("noted", tariff=noted),
        Scenario("pence", tariff=pence),
        Scenario("half past", tariff=half_past),
        Scenario("battery", tariff=noted, battery=fk.Battery(5, 2.5)),
    ]
    rows = summary(simulate(frame, scenarios))
    for name in ("noted", "pence", "half past", "battery"):
        assert "energy.unit: consumption_kwh has a mean of 400 kW" in rows["a", name]["finding"]
    for name in ("noted", "battery"):
        assert "urdb.words: fixedattrs is not priced" in rows["a", name]["finding"]
        assert "price.unit" not in rows["a", name]["finding"]
        assert "interval.coarse" not in rows["a", name]["finding"]
    assert "price.unit: prices of 'Flat rate' are typically 25.73" in rows["a", "pence"]["finding"]
    assert "interval.coarse: 5 of 48 intervals" in rows["a", "half past"]["finding"]
