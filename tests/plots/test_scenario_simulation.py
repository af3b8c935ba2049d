"""A simulation draws itself: each kind of picture holds what the simulation's own frames hold."""

from datetime import UTC, datetime

import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.frames import Table, take
from flipkit.scenarios import Battery, Scenario, Solar, simulate
from flipkit.scenarios.results.tables import cost_by_currency, summary_html, summary_line
from flipkit.tariffs import Tariff

PLACE = {"currency": "EUR", "timezone": "Europe/Brussels"}
DAY = Tariff.time_of_use({"00:00-07:00": 0.1, "07:00-24:00": 0.4}, name="day", **PLACE)
FLAT = Tariff.flat(0.3, name="flat", **PLACE)
SOLD = Tariff.flat(0.05, name="sold", **PLACE)
BOX = Battery(5, 2.5)
COUNT = 40 * 48
SCENARIOS = [
    Scenario("today", tariff=FLAT, export_tariff=SOLD),
    Scenario("day <plan>", tariff=DAY, export_tariff=SOLD),
    Scenario("battery", tariff=DAY, export_tariff=SOLD, battery=BOX),
]


def simulated(library, sites=("a", "b"), scenarios=SCENARIOS, dispatch="optimal", prices=None):
    begin = int(datetime(2025, 1, 9, 23, tzinfo=UTC).timestamp()) * 1_000_000
    half_hours = np.tile(np.arange(COUNT), len(sites))
    columns = {
        "site_id": np.repeat(np.array(sites, dtype=object), COUNT),
        "start_utc": begin + 1_800_000_000 * half_hours,
        "consumption_kwh": 0.2
        + 0.1 * (half_hours % 7)
        + 0.05 * np.repeat(np.arange(len(sites)), COUNT),
        "generation_kwh": np.maximum(np.sin((half_hours % 48 - 14) / 20 * np.pi), 0.0),
    }
    energy = Table("energy", tuple(columns), key=()).build(columns, library)
    return simulate(energy, scenarios, dispatch=dispatch, prices=prices)


@pytest.fixture(scope="module", params=["pandas", "polars"])
def simulation(request):
    return simulated(request.param)


def test_savings_are_those_of_the_summary_with_the_band(simulation):
    ax = simulation.plot()
    found = take(
        simulation.summary(),
        numbers=["saving", "cost", "cost_rule", "cost_optimal"],
        texts=["scenario"],
    )
    own = {name: values[found["scenario"] == "battery"] for name, values in found.items()}
    assert [bar.get_width() for bar in ax.containers[1]] == own["saving"].tolist()
    marks = {line.get_label(): line.get_xdata() for line in ax.lines}
    for words, name in (
        ("battery: rule", "cost_rule"),
        ("battery: perfect foresight", "cost_optimal"),
    ):
        assert marks[words].tolist() == pytest.approx(own["cost"] + own["saving"] - own[name])
    assert ax.get_xlabel() == "saving, EUR; bars: batteries by perfect foresight"
    assert "battery: rule" not in {line.get_label() for line in simulation.plot(band=False).lines}


def test_the_waterfall_is_that_of_the_last_scenario(simulation):
    ax = simulation.plot("waterfall", site_id="b")
    found = take(simulation.waterfall(), numbers=["change"], texts=["site_id", "scenario"])
    own = found["change"][(found["site_id"] == "b") & (found["scenario"] == "battery")]
    assert [bar.get_height() for bar in ax.patches[1:-1]] == own[1:-1].tolist()
    assert "b: why 'battery' costs" in ax.get_title("left")
    assert (
        ax.get_title("left").replace("\n", " ").endswith("than 'today'; battery: perfect foresight")
    )
    plan = simulation.plot("waterfall", site_id="b", scenario="day <plan>").get_title("left")
    assert plan.startswith("b: why 'day <plan>' costs")
    assert "foresight" not in plan
    with pytest.raises(InputError, match="'today' is the first scenario"):
        simulation.plot("waterfall", site_id="b", scenario="today")


@pytest.mark.parametrize(("kind", "whole"), [("regret", True), ("regret_by_month", False)])
def test_the_regret_is_that_of_the_first_home(simulation, kind, whole):
    ax = simulation.plot(kind, site_id="b")
    found = take(simulation.regret(), numbers=["regret"], texts=["site_id", "scenario", "month"])
    own = (
        (found["site_id"] == "b")
        & (found["scenario"] == "today")
        & ((found["month"] == None) == whole)  # noqa: E711
    )
    assert np.sort(np.asarray(ax.collections[0].get_array()).ravel()).tolist() == sorted(
        found["regret"][own]
    )
    assert ax.get_title("left").startswith("b, 'today': ")
    assert (
        simulation.plot(kind, site_id="b", scenario="battery")
        .get_title("left")
        .startswith("b, 'battery': ")
    )


def test_the_week_is_that_of_the_last_scenario_in_the_sites_own_zone(simulation):
    ax = simulation.plot("week", site_id="b", start="2025-01-11", days=2)
    found = take(simulation.intervals(site_id="b", scenario="battery"), numbers=["generation_kwh"])
    [values] = [p.get_data().values for p in ax.patches if p.get_label() == "generation"]
    np.testing.assert_allclose(values, found["generation_kwh"][48 : 3 * 48] / 0.5)
    assert ax.get_xlabel() == "local time, Europe/Brussels"
    assert ax.get_title("left") == "b, 'battery'; battery: perfect foresight"


def test_a_sweep_is_drawn_from_the_scenarios(frames_library):
    boxes = [
        Scenario(f"{size}", tariff=DAY, battery=Battery(size, 2), solar=solar)
        for size in (2, 4)
        for solar in (None,)
    ]
    more = [
        Scenario(
            f"{size} and solar",
            tariff=DAY,
            battery=Battery(size, 2),
            solar=Solar.like_existing(1, 2),
        )
        for size in (2, 4)
    ]
    swept = simulated(frames_library, ("a",), [Scenario("today", tariff=DAY), *boxes, *more])
    ax = swept.plot("sweep", value="cost")
    found = take(swept.summary(band=False), numbers=["cost"])["cost"].tolist()
    drawn = {line.get_label(): line.get_data() for line in ax.lines}
    assert [values.tolist() for values in map(np.asarray, drawn["no solar"])] == [
        [0, 2, 4],
        found[:3],
    ]
    assert [values.tolist() for values in map(np.asarray, drawn["solar 1 kW"])] == [
        [2, 4],
        found[3:],
    ]


def test_what_is_not_there_is_refused(simulation):
    with pytest.raises(InputError, match="unknown kind 'pie'; choose one of savings, waterfall"):
        simulation.plot("pie")
    with pytest.raises(InputError, match="the sites are a, b; choose one with site_id="):
        simulation.plot("week")
    known = "today, day <plan>, battery"
    with pytest.raises(InputError, match=f"scenarios are {known}; choose one with scenario="):
        simulation.plot("week", site_id="a", scenario="nonsense")


def test_one_line_says_what_it_is(simulation):
    assert (
        repr(simulation)
        == "Simulation(2 sites, scenarios: today, day <plan>, battery; see .summary())"
    )
    many = summary_line(1, [f"s{n}" for n in range(200)])
    assert (
        many == "Simulation(1 site, scenarios: s0, s1, s2, s3, s4, s5 and 194 more; see .summary())"
    )


def test_a_notebook_shows_totals_without_evaluating_anything(simulation, monkeypatch):
    monkeypatch.setattr(type(simulation._fleet), "evaluate", None)
    html = simulation._repr_html_()
    assert "2 sites, 2025-01 to 2025-02, batteries run by &#x27;optimal&#x27;" in html
    found = take(simulation.summary(band=False), numbers=["cost", "saving"], texts=["scenario"])
    for name, shown in (("day <plan>", "day &lt;plan&gt;"), ("battery", "battery")):
        cost, saving = (
            found[column][found["scenario"] == name].sum() for column in ("cost", "saving")
        )
        assert f"{shown}</td><td>{cost:,.2f}</td><td>{saving:,.2f}</td>" in html
    assert "nan" not in html


def test_currencies_are_never_added(frames_library):
    pounds = Tariff.flat(0.2, currency="GBP", timezone="Europe/London")
    both = simulated(
        frames_library, ("a", "b", "c"), [Scenario("x")], prices={"a": FLAT, "b": pounds, "c": FLAT}
    )
    found = take(both.summary(), numbers=["cost"], texts=["currency"])
    wanted = {
        c: {"x": (n, found["cost"][found["currency"] == c].sum())}
        for c, n in (("EUR", 2), ("GBP", 1))
    }
    sums = cost_by_currency(both._totals, ["x"])
    assert sums.keys() == wanted.keys()
    for currency, each in wanted.items():
        sites, cost = each["x"]
        assert sums[currency]["x"] == (sites, pytest.approx(cost), pytest.approx(cost))
    assert (
        "<th>EUR: cost</th><th>saving</th><th>GBP: cost</th><th>saving</th>" in both._repr_html_()
    )


def test_a_long_list_of_scenarios_is_cut(simulation):
    names = [f"s{n}" for n in range(50)]
    [part] = [each for each in simulation._totals if each.scenario == "today"]
    html = summary_html([part._replace(scenario=name) for name in names], names, None)
    assert html.count("<tr>") == 21
    assert "30 more scenarios" in html
