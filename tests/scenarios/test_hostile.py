"""Mistakes in a what-if: the right result, or an error that says where and what to do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import records_of

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)
SOLD = fk.Tariff.flat(0.15, name="sold", **GBP)
EUROS = fk.Tariff.flat(0.2, currency="EUR", timezone="Europe/London")
BATTERY = fk.Battery(5, 2.5)
TODAY = fk.Scenario("today", tariff=FLAT)
BETTER = fk.Scenario("better", tariff=NIGHT, export_tariff=SOLD, battery=BATTERY)
START = datetime(2025, 3, 28, tzinfo=UTC)


def energy(sites=("a", "b"), days=3, start=START):
    frames = []
    for seed, site in enumerate(sites):
        rng, count = np.random.default_rng(seed), 48 * days
        times = [start + k * timedelta(minutes=30) for k in range(count)]
        sun = np.maximum(0.0, np.sin((np.arange(count) % 48 - 12) / 24 * np.pi))
        table = {"site_id": site, "start_utc": times, "consumption_kwh": rng.gamma(1.5, 0.3, count)}
        frames.append(pd.DataFrame(table | {"generation_kwh": sun * rng.uniform(0, 2, count)}))
    return pd.concat(frames)  # the index is not reset: it begins anew at each site


def refused(words, call):
    with pytest.raises(InputError, match=words):
        call()


# The same input in other forms.


def polar(**types):
    frame = pl.DataFrame(energy().to_dict("list"))
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items())


@pytest.mark.parametrize(
    "form",
    [
        lambda: energy().sample(frac=1.0, random_state=3),
        lambda: energy().astype({"site_id": "category"}),
        lambda: energy().set_index(["site_id", "start_utc"]),
        lambda: energy().assign(import_kwh=1.0, note="x"),
        lambda: energy().assign(
            start_utc=energy()["start_utc"].dt.tz_convert("Australia/Lord_Howe")
        ),
        lambda: energy().assign(start_utc=energy()["start_utc"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
        lambda: polar(site_id=pl.Enum(["b", "a"])),
        lambda: polar(site_id=pl.Categorical),
        lambda: polar().lazy(),
        lambda: polar().sample(fraction=1.0, shuffle=True, seed=1),
    ],
)
def test_the_same_energy_in_another_form_has_the_same_bills(form):
    wanted = records_of(fk.simulate(energy(), [TODAY, BETTER]).bills())
    assert records_of(fk.simulate(form(), (each for each in (TODAY, BETTER))).bills()) == wanted


def test_numbers_of_numpy_are_numbers():
    """Sizes for a sweep come from ``np.arange`` and from columns of frames."""
    assert fk.Battery(np.int64(5), np.float32(2.5), reserve=np.float64(0.25)) == fk.Battery(
        5, 2.5, reserve=0.25
    )
    assert fk.Load(scale=np.int32(2)) == fk.Load(scale=2)
    assert fk.Shift(np.float32(0.5), "16:00-21:00", "10:00-15:00").share == 0.5
    assert fk.Solar.like_existing(np.int64(2), np.float32(4)) == fk.Solar.like_existing(2, 4)
    week = {"all": ("18:00", "07:00", np.int64(8))}
    assert fk.EvCharging.weekly(week, max_power_kw=np.float32(7.5)).sessions.max_power_kw == 7.5
    paid = replace(
        BETTER, capex=np.int64(4000), lifetime_years=np.int64(10), discount_rate=np.float32(0.0)
    )
    assert paid.investment.npv(500.0) == 1000.0
    for wrong in (np.True_, np.datetime64("2025-01-01"), np.array([1.0]), "5", None):
        refused("capacity_kwh", lambda wrong=wrong: fk.Battery(wrong, 2.5))
    assert fk.simulate(energy(), [TODAY], verify=np.int64(0)).proof is None


def test_a_battery_beyond_all_homes_is_refused():
    """Beside 1e15 kWh the optimum would not see what a home uses, and cost nothing."""
    for size in (1e7, 1e15, 10**400, float("inf")):
        refused("battery: capacity_kwh", lambda size=size: fk.Battery(size, 5.0))
        refused("battery: power_kw", lambda size=size: fk.Battery(5.0, size))
        refused(
            "max_power_kw",
            lambda size=size: fk.EvCharging.weekly(
                {"mon": ("18:00", "7:00", 8)}, max_power_kw=size
            ),
        )
        refused(
            "kWh",
            lambda size=size: fk.EvCharging.weekly(
                {"mon": ("18:00", "7:00", size)}, max_power_kw=7
            ),
        )
    huge = replace(BETTER, battery=fk.Battery(1e6, 1e6))
    big = replace(BETTER, battery=fk.Battery(1e3, 1e3))
    methods = ("cost_rule", "cost_day_ahead", "cost_optimal")
    found = [records_of(fk.simulate(energy(), [each]).summary())[0] for each in (huge, big)]
    assert [found[0][name] for name in methods] == [found[1][name] for name in methods]


# Money.


def test_scenarios_in_two_currencies_are_refused_by_site():
    other = fk.Scenario("euros", tariff={"a": FLAT, "b": EUROS})
    refused(
        "site b, scenario 'euros': its tariff is in EUR.* in GBP",
        lambda: fk.simulate(energy(), [TODAY, other]),
    )
    each = fk.Scenario("each its own", tariff={"a": FLAT, "b": EUROS})
    assert [row["currency"] for row in records_of(fk.simulate(energy(), [each]).summary())] == [
        "GBP",
        "EUR",
    ]


def test_a_site_without_the_change_pays_nothing_for_it():
    """The mapping does not name site b: nothing is built there."""
    built = replace(TODAY, name="built", battery={"a": BATTERY}, capex=5000.0, lifetime_years=10)
    _, one, _, other = records_of(fk.simulate(energy(), [TODAY, built]).summary(band=False))
    assert one["npv"] < 0
    assert other["saving"] == 0
    assert [other[name] is None for name in ("payback_years", "npv", "irr")] == [True] * 3
    assert "finance" not in str(other["finding"])


def test_two_time_zones_at_one_site_have_months_of_their_own():
    """Regret by month: a plan without a bill in a month costs nothing there."""
    brussels = fk.Tariff.flat(0.2, currency="GBP", timezone="Europe/Brussels", name="Brussels")
    frame = energy(
        days=35, start=datetime(2025, 1, 31, 23, tzinfo=UTC)
    )  # February begins an hour later in London
    result = fk.simulate(frame, [TODAY, fk.Scenario("x", tariff=brussels)])
    found = result.regret(scenario="today")
    assert sorted(found["month"].dropna().unique()) == ["2025-01", "2025-02", "2025-03"]
    cost = {(row["site_id"], row["scenario"]): row["cost"] for row in records_of(result.summary())}
    for (site, plan), own in found.groupby(["site_id", "import_plan"]):
        whole = own[own["month"].isna()]["cost"].item()
        assert own[own["month"].notna()]["cost"].sum() == pytest.approx(whole, abs=1e-9)
        assert whole == cost[site, "today" if plan == "Flat rate" else "x"]


def test_plans_of_one_name_stay_apart():
    named = [
        fk.Tariff.flat(price, name=name, **GBP)
        for price, name in ((0.1, "p"), (0.2, "p (s2)"), (0.3, "p"))
    ]
    scenarios = [fk.Scenario(f"s{n}", tariff=named[n]) for n in (1, 0, 2)]
    scenarios.append(fk.Scenario("s3", tariff={"a": FLAT, "b": NIGHT}))
    found = fk.simulate(energy(), scenarios).regret(scenario="s0")
    assert (found.groupby(["site_id", "import_plan", "month"], dropna=False).size() == 1).all()
    assert found["import_plan"].nunique() == 4


def test_a_name_of_several_lines_is_an_error():
    """The mixtures of the waterfall have such names."""
    refused(
        r"'x\\ntariff'.*line",
        lambda: fk.simulate(energy(), [TODAY, BETTER, replace(TODAY, name="x\ntariff")]),
    )


# Errors.


@pytest.mark.parametrize("scenarios", [None, 5, 2.5, object()])
def test_scenarios_must_be_a_list(scenarios):
    refused("scenarios: expected a list", lambda: fk.simulate(energy(), scenarios))


def test_invalid_options_are_errors():
    refused(
        "executor=.*concurrent.futures",
        lambda: fk.simulate(energy(), [TODAY], executor="processes"),
    )
    refused("verify=True", lambda: fk.simulate(energy(), [TODAY], verify=True))
    refused(
        "expected a pandas or polars DataFrame", lambda: fk.simulate(records_of(energy()), [TODAY])
    )


def test_mappings_must_be_by_site_id():
    refused(
        "scenario 'x': battery: 1 is not a site id", lambda: fk.Scenario("x", battery={1: BATTERY})
    )
    refused("prices: 1 is not a site id", lambda: fk.simulate(energy(), [TODAY], prices={1: FLAT}))
    refused(
        "prices: expected Tariff for site a",
        lambda: fk.simulate(energy(), [TODAY], prices={"a": 0.25}),
    )


def test_a_mapping_that_names_none_of_the_sites_is_a_finding():
    typed_wrong = replace(
        TODAY, name="x", battery={"A": BATTERY}, load={"a": fk.Load(scale=0.5)}, solar={}
    )
    summary = records_of(fk.simulate(energy(), [TODAY, typed_wrong]).summary())
    said = [row["finding"] for row in summary if row["scenario"] == "x"]
    assert len(said) == 2
    for text in said:
        assert "simulate.no_such_site: battery is for A, which the energy does not have" in text
    assert not any("load" in text or "solar" in text for text in said)


def test_results_are_selected_by_site_and_scenario():
    result = fk.simulate(energy(), [TODAY, BETTER])
    for call, field in (
        (result.intervals, "site_id"),
        (result.intervals, "scenario"),
        (result.regret, "scenario"),
    ):
        refused(
            f"{field}: empty; leave it out for all",
            lambda call=call, field=field: call(**{field: []}),
        )
        refused(f"{field}: 5 was not simulated", lambda call=call, field=field: call(**{field: 5}))
        refused(
            f"{field}: 'z' was not simulated; choose from",
            lambda call=call, field=field: call(**{field: ["z"]}),
        )
    assert len(result.intervals(site_id=["a", "a"], scenario="today")) == 3 * 48
    assert list(result.intervals(site_id=pd.Series(["b", "a"]))["site_id"].unique()) == ["b", "a"]


def test_an_error_of_prices_names_site_scenario_tariff_and_time():
    until = int((START + timedelta(days=2)).timestamp() * 1e6)
    short = replace(NIGHT, valid_to_us=until, name="short")
    ended = "scenario 'x', site a.*'short'.* first uncovered: 2025-03-30T00:00:00Z"
    for changes in ({"tariff": short}, {"tariff": short, "battery": BATTERY}):
        refused(
            ended,
            lambda changes=changes: fk.simulate(energy(), [TODAY, fk.Scenario("x", **changes)]),
        )
    sold = replace(SOLD, valid_to_us=until, name="short")
    for battery in (None, BATTERY):
        home = fk.Scenario("x", tariff=NIGHT, export_tariff=sold, battery=battery)
        refused(ended, lambda home=home: fk.simulate(energy(), [TODAY, home]))


def price_frame():
    times = pd.date_range(START, periods=72, freq="h")
    one = {
        "start_utc": times,
        "end_utc": times + pd.Timedelta("1h"),
        "currency": "GBP",
        "tariff_direction": "IMPORT",
    }
    return pd.concat(
        [pd.DataFrame(one | {"site_id": site, "price_per_kwh": 0.2}) for site in ("a", "b")]
    )


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("site_id", None, "prices, row 0: no site_id"),
        ("currency", "pounds", "prices, site a: currency 'pounds'"),
        ("currency", None, "prices, site a: currency ''"),
        ("timezone", "London", "prices, site a: .*'London'"),
        (
            "timezone",
            ["UTC", "Europe/London"] * 72,
            "prices, site a: timezone Europe/London, UTC; give the site one time zone",
        ),
        ("tariff_direction", None, "prices, site a: tariff_direction None"),
        ("price_per_kwh", np.nan, "prices, site a: price series, row 0"),
    ],
)
def test_an_invalid_price_frame_is_an_error_that_names_the_site(column, value, words):
    refused(
        words,
        lambda: fk.simulate(
            energy(), [fk.Scenario("x")], prices=price_frame().assign(**{column: value})
        ),
    )


def test_a_price_frame_has_the_time_zone_of_the_site():
    """Otherwise a car in Los Angeles arrives at ten in the morning."""
    home = fk.Scenario(
        "x", ev=fk.EvCharging.weekly({"all": ("18:00", "23:00", 8)}, max_power_kw=2.0)
    )

    def first_hour(frame, *before):
        result = fk.simulate(
            energy(["a"]).drop(columns="generation_kwh"), [*before, home], prices=frame
        )
        rows = [row for row in records_of(result.intervals(scenario="x")) if row["ev_kwh"] > 0]
        return rows[0]["start_utc"].hour, records_of(result.summary())[-1]["finding"]

    assert (
        first_hour(price_frame().assign(timezone="America/Los_Angeles"))[0] == 1
    )  # 18:00 of the day before
    assert first_hour(price_frame().assign(timezone="Asia/Tokyo")) == (9, None)
    assert first_hour(
        price_frame(), replace(TODAY, tariff=replace(FLAT, timezone="Asia/Tokyo"))
    ) == (9, None)
    hour, finding = first_hour(price_frame())
    assert hour == 18
    assert finding.startswith("simulate.utc: hours and months are in UTC")


def test_a_price_frame_may_be_in_any_order():
    wanted = records_of(fk.simulate(energy(), [fk.Scenario("x")], prices=price_frame()).summary())
    mixed = price_frame().sample(frac=1.0, random_state=1).astype({"site_id": "category"})
    assert records_of(fk.simulate(energy(), [fk.Scenario("x")], prices=mixed).summary()) == wanted


def test_after_an_executor_is_shut_down_threads_do_the_work():
    """Results are usually read after the ``with`` block of the pool."""
    with ThreadPoolExecutor(2) as pool:
        result = fk.simulate(energy(), [TODAY, BETTER], executor=pool)
    assert records_of(result.summary()) == records_of(
        fk.simulate(energy(), [TODAY, BETTER]).summary()
    )
    assert len(result.waterfall()) == 2 * 4


def test_an_error_of_the_executor_is_raised():
    class Broken(ThreadPoolExecutor):
        def submit(self, *args):
            return super().submit(self.fail)

        def fail(self):
            raise RuntimeError("the worker is gone")

    with Broken(1) as pool, pytest.raises(RuntimeError, match="the worker is gone"):
        fk.simulate(energy(), [TODAY], executor=pool)


def test_a_folder_that_is_a_file(tmp_path):
    result, file = fk.simulate(energy(), [TODAY]), tmp_path / "reports"
    file.write_text("mine", encoding="utf-8")
    refused("reports is a file; give a folder", lambda: result.to_csv(file))
    refused("reports is a file; give a folder", lambda: result.to_csv(file / "below"))
    assert file.read_text(encoding="utf-8") == "mine"
