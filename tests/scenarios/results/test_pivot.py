"""What scenarios change comes back in columns, and a number of the summary is arranged by them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.errors import InputError

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, name="Night", **GBP)
SOLD = fk.Tariff.flat(0.05, name="Sold", **GBP)
SMALL, LARGE = fk.Battery(5, 2.5), fk.Battery(10, 5)
TWO_KW = fk.Solar.like_existing(2, 4)
EURO = fk.Tariff.flat(0.3, currency="EUR", timezone="Europe/Brussels")


def energy(sites=("a",), frames="pandas"):
    count = 48
    times = [datetime(2025, 6, 1, tzinfo=UTC) + n * timedelta(minutes=30) for n in range(count)]
    rng = np.random.default_rng(4)
    columns = {"site_id": np.repeat(sites, count), "start_utc": times * len(sites)}
    for name in ("consumption_kwh", "generation_kwh"):
        columns[name] = rng.uniform(0, 2, count * len(sites))
    return pd.DataFrame(columns) if frames == "pandas" else pl.DataFrame(columns)


def rows_of(frame):
    records = frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_dict("records")
    return [{name: None if cell != cell else cell for name, cell in row.items()} for row in records]


def cells_of(frame, *names):
    return list(dict.fromkeys(tuple(row[name] for name in names) for row in rows_of(frame)))


SIZES = ("scenario", "tariff", "solar_kw", "battery_kwh", "battery_kw")


def grid(**more):
    choices = {"tariff": [None, NIGHT], "solar": [None, TWO_KW], "battery": [None, SMALL, LARGE]}
    return fk.Scenario.grid("", **(choices | more))


@pytest.mark.parametrize("frame", ["summary", "bills", "intervals"])
def test_what_a_sweep_varies_is_in_columns_of_every_frame(frame, frames_library):
    what_if = fk.simulate(energy(frames=frames_library), grid(), prices=FLAT)
    wanted = [
        (f"{tariff}, {solar}, {battery}", *cells)
        for tariff, tariff_name in (("today's tariff", "today"), ("tariff Night", "Night"))
        for solar, solar_kw in (("no solar", 0.0), ("solar 2 kW", 2.0))
        for battery, kwh, kw in (
            ("no battery", 0.0, 0.0),
            ("battery 5 kWh/2.5 kW", 5.0, 2.5),
            ("battery 10 kWh/5 kW", 10.0, 5.0),
        )
        for cells in [(tariff_name, solar_kw, kwh, kw)]
    ]
    assert cells_of(getattr(what_if, frame)(), *SIZES) == wanted


@pytest.mark.parametrize("frame", ["summary", "bills", "intervals"])
def test_columns_and_dtypes_are_the_same_whatever_varies(frame, frames_library):
    some = fk.simulate(energy(frames=frames_library), grid(), prices=FLAT)
    none = fk.simulate(energy(frames=frames_library), [fk.Scenario("x")], prices=FLAT)
    frames = [getattr(what_if, frame)() for what_if in (some, none)]
    assert list(frames[0].columns) == list(frames[1].columns)
    assert list(frames[0].dtypes) == list(frames[1].dtypes)
    unused = ("tariff", "export_tariff", "solar_kw", "battery_kwh", "battery_kw", "ev", "load")
    assert cells_of(frames[1], *unused) == [(None,) * 7]
    assert cells_of(frames[0], "export_tariff", "ev", "load") == [(None, None, None)]


def test_cars_loads_and_exports_have_columns_too():
    car = fk.EvCharging.weekly({"mon-sun": ("18:00", "07:00", 5)}, max_power_kw=7.4)
    more = fk.Load(1.2)
    scenarios = [
        fk.Scenario("today"),
        fk.Scenario("car", ev=car, export_tariff=SOLD),
        fk.Scenario("more", load=more),
    ]
    summary = fk.simulate(energy(), scenarios, prices=FLAT).summary()
    assert cells_of(summary, "scenario", "export_tariff", "ev", "load") == [
        ("today", "today", "none", "today"),
        ("car", "Sold", "at once", "today"),
        ("more", "today", "none", "x 1.2"),
    ]


@pytest.mark.parametrize("frame", ["summary", "bills", "intervals"])
def test_changes_by_site_are_those_of_the_site(frame):
    batteries = {"a": SMALL, "b": LARGE}
    scenarios = [fk.Scenario("today"), fk.Scenario("by site", battery=batteries)]
    what_if = fk.simulate(energy(("a", "b", "c")), scenarios, prices=FLAT)
    cells = cells_of(getattr(what_if, frame)(), "site_id", "scenario", "battery_kwh")
    assert sorted(cells) == [
        ("a", "by site", 5.0),
        ("a", "today", 0.0),
        ("b", "by site", 10.0),
        ("b", "today", 0.0),
        ("c", "by site", 0.0),
        ("c", "today", 0.0),
    ]


def test_the_summary_has_what_is_paid_by_which_rules():
    scenarios = fk.Scenario.grid(
        "",
        battery=[None, SMALL, LARGE],
        capex=lambda s: 100 + 350 * s.battery.capacity_kwh if s.battery else None,
        lifetime_years=10,
        discount_rate=[0.03, 0.06],
    )
    summary = fk.simulate(energy(), scenarios, prices=FLAT).summary(band=False)
    assert cells_of(summary, "battery_kwh", "capex", "lifetime_years", "discount_rate") == [
        (0.0, None, None, None),
        (5.0, 1850.0, 10.0, 0.03),  # 100 + 350 x 5
        (5.0, 1850.0, 10.0, 0.06),
        (10.0, 3600.0, 10.0, 0.03),  # 100 + 350 x 10
        (10.0, 3600.0, 10.0, 0.06),
    ]


@pytest.mark.parametrize("values", ["saving", "cost", "self_sufficiency", "cost_optimal"])
def test_a_pivot_is_the_one_of_pandas(values):
    what_if = fk.simulate(energy(("a", "b")), grid(), prices=FLAT)
    down = ["site_id", "tariff", "battery_kwh"]
    wanted = what_if.summary().pivot(index=down, columns="solar_kw", values=values)
    arranged = what_if.pivot(down, "solar_kw", values)
    # pandas sorts text; here it keeps its order: today first.
    pd.testing.assert_frame_equal(arranged.sort_index(), wanted)
    assert arranged.index[0] == ("a", "today", 0.0)


def test_a_pivot_in_polars_has_its_labels_as_names():
    what_if = fk.simulate(energy(frames="polars"), grid(tariff=NIGHT), prices=FLAT)
    summary = what_if.summary(band=False)
    wanted = summary.pivot("solar_kw", index="battery_kwh", values="saving")
    arranged = what_if.pivot("battery_kwh", "solar_kw", "saving")
    assert arranged.equals(wanted)
    assert arranged.columns == ["battery_kwh", "0.0", "2.0"]
    assert arranged.dtypes == [pl.Float64] * 3


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12))
def test_every_number_of_a_pivot_is_that_of_its_scenario(order, count):
    swept = grid()
    chosen = [fk.Scenario("first"), swept[-1], *(swept[n] for n in order[:count] if n != 11)]
    what_if = fk.simulate(energy(), chosen, prices=FLAT)
    found = {}
    for row in what_if.summary(band=False).to_dict("records"):
        cell = row["tariff"], row["solar_kw"], row["battery_kwh"]
        found[cell] = row["saving"]  # that of the first is replaced
    arranged = what_if.pivot(["tariff", "solar_kw"], "battery_kwh", "saving")
    shown = {}
    for down, row in arranged.iterrows():
        for across, value in row.dropna().items():
            shown[(*down, across)] = value
    assert shown == found
    assert list(arranged.columns) == sorted(arranged.columns)


def test_the_baseline_gives_way_to_a_scenario_of_the_same_sizes():
    base = fk.Scenario("base", tariff=FLAT)
    swept = [*grid(tariff=NIGHT)]
    what_if = fk.simulate(energy(), [base, *swept], prices=FLAT)
    nothing = what_if.summary(band=False).set_index("scenario")["cost"]["no solar, no battery"]
    assert what_if.pivot("battery_kwh", "solar_kw", "cost").loc[0.0, 0.0] == nothing
    # Where its tariff is asked for, it is shown.
    by_tariff = what_if.pivot(["tariff", "battery_kwh"], "solar_kw", "cost")
    assert by_tariff.loc[("Flat rate", 0.0), 0.0] != nothing
    assert np.isnan(by_tariff.loc[("Flat rate", 0.0), 2.0])


def test_a_combination_that_was_not_simulated_is_null(frames_library):
    scenarios = [fk.Scenario("x"), fk.Scenario("s", battery=SMALL), fk.Scenario("p", solar=TWO_KW)]
    what_if = fk.simulate(energy(frames=frames_library), scenarios, prices=FLAT)
    row = rows_of(what_if.pivot("battery_kwh", "solar_kw", "saving"))[1]
    values = list(row.values())
    assert values[-1] is None
    assert values[-2] is not None


def test_a_pivot_is_written_with_its_index_first(tmp_path, frames_library):
    what_if = fk.simulate(energy(frames=frames_library), grid(tariff=NIGHT), prices=FLAT)
    arranged = what_if.pivot(["site_id", "battery_kwh"], "solar_kw", "saving")
    header, first, *_ = (
        fk.write_csv(arranged, tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    )
    assert header == "site_id,battery_kwh,0.0,2.0"
    assert first.startswith("a,0.0,0.0,")


@pytest.mark.parametrize(
    ("index", "columns", "values", "words"),
    [
        ("battery_kwh", "solar_kw", "saving", "several rows have .* they differ in tariff"),
        ("batery", "solar_kw", "saving", "the summary has no column 'batery'"),
        ("battery_kwh", "battery_kwh", "saving", "a column is used twice"),
        ("battery_kwh", "solar_kw", "finding", "values='finding' is text"),
        ([], "solar_kw", "saving", "index is empty"),
        ("ev", "solar_kw", "saving", "no scenario changes ev; .* tariff, solar_kw, battery_kwh"),
        ("dispatch", "scenario", "saving", "dispatch is null in some rows"),
    ],
)
def test_a_pivot_that_cannot_be_made_says_why(index, columns, values, words):
    what_if = fk.simulate(energy(), grid(), prices=FLAT)
    with pytest.raises(InputError, match=f"pivot: .*{words}"):
        what_if.pivot(index, columns, values)


def test_sites_and_currencies_never_share_a_cell():
    scenarios = fk.Scenario.grid("", solar=[None, TWO_KW], battery=[None, SMALL])
    prices = {"a": FLAT, "b": FLAT, "e": EURO}
    what_if = fk.simulate(energy(("a", "b", "e")), scenarios, prices=prices)
    with pytest.raises(InputError, match="saving is in EUR, GBP; add 'currency' to index"):
        what_if.pivot(["site_id", "battery_kwh"], "solar_kw", "saving")
    with pytest.raises(InputError, match="they differ in site_id: add"):
        what_if.pivot("battery_kwh", "solar_kw", "saving", site_id=["a", "b"])
    with pytest.raises(InputError, match="site_id: 'z' was not simulated"):
        what_if.pivot("battery_kwh", "solar_kw", "saving", site_id="z")
    both = what_if.pivot(["site_id", "currency", "battery_kwh"], "solar_kw", "saving")
    assert both.loc[("e", "EUR")].shape == (2, 2)
    energy_of_all = what_if.pivot(["site_id", "battery_kwh"], "solar_kw", "import_kwh")
    assert len(energy_of_all) == 6
