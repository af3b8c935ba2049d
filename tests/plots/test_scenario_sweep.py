"""The lines of a sweep show the numbers of the summary; sizes are read from scenarios."""

import pytest

from flipkit.errors import InputError
from flipkit.frames import SIMULATION_SUMMARY
from flipkit.plots import sweep_lines
from flipkit.scenarios import Battery, Scenario, Solar
from flipkit.scenarios.results.comparisons import sweep_of

X = {"b0": 0, "b5": 5, "b10": 10.0, "s0": 0, "s5": 5}
LINES = {
    "b0": "no solar",
    "b5": "no solar",
    "b10": "no solar",
    "s0": "solar 2 kW",
    "s5": "solar 2 kW",
}


@pytest.fixture
def swept(frames_library):
    def make(*sites):
        rows = [
            (site, name, float(n))
            for site in sites
            for n, name in enumerate(("today", "b10", "b0", "b5", "s0", "s5"))
        ]
        columns = {
            name: [row[at] for row in rows]
            for at, name in enumerate(("site_id", "scenario", "saving"))
        }
        halves = {"self_sufficiency": [saving / 2 for saving in columns["saving"]]}
        return SIMULATION_SUMMARY.build(columns | halves | {"currency": "EUR"}, frames_library)

    return make


def lines(ax):
    return {
        line.get_label(): list(zip(*map(list, line.get_data()), strict=True)) for line in ax.lines
    }


def test_a_line_for_each_choice_of_the_rest(swept):
    ax = sweep_lines(swept("a"), x=X, lines=LINES, label="battery, kWh", dispatch="rule")
    assert lines(ax) == {"no solar": [(0, 2), (5, 3), (10, 1)], "solar 2 kW": [(0, 4), (5, 5)]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("battery, kWh", "saving, EUR")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "5", "10"]
    assert ax.get_title("left") == "a: saving by size; battery: rule"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no solar", "solar 2 kW"]


def test_any_column_of_numbers(swept):
    ax = sweep_lines(swept("a"), x={"b0": 0, "b5": 5}, value="self_sufficiency")
    assert list(lines(ax).values()) == [[(0, 1.0), (5, 1.5)]]
    assert ax.get_ylabel() == "self sufficiency"
    assert ax.get_legend() is None
    assert (
        sweep_lines(swept("a"), x=X, lines=LINES, value="payback_years").get_ylabel()
        == "payback, years"
    )


def test_two_scenarios_of_one_size_and_two_sites_are_errors(swept):
    with pytest.raises(
        InputError, match="scenario 's0': another one has the size 0 on the line ''; give each"
    ):
        sweep_lines(swept("a"), x=X)
    with pytest.raises(InputError, match="the summary holds a, b; choose one with site_id="):
        sweep_lines(swept("a", "b"), x=X, lines=LINES)
    assert lines(sweep_lines(swept("a", "b"), x=X, lines=LINES, site_id="b"))["solar 2 kW"] == [
        (0, 4),
        (5, 5),
    ]


def test_a_sweep_without_scenarios_has_nothing_to_show(swept):
    assert [text.get_text() for text in sweep_lines(swept("a"), x={}).texts] == ["nothing to show"]


SOLAR = [None, Solar.like_existing(2, 4)]


def test_sizes_are_those_of_the_battery_and_the_rest_are_lines():
    plans = []
    for kwh in (0, 5, 10):
        battery = Battery(kwh, 2) if kwh else None
        for number, solar in enumerate(SOLAR):
            plans.append(Scenario(f"{kwh} {number}", battery=battery, solar=solar))
    x, named, label = sweep_of([Scenario("today"), *plans], "a")
    assert x == {"0 0": 0, "0 1": 0, "5 0": 5, "5 1": 5, "10 0": 10, "10 1": 10}
    assert named == {name: "solar 2 kW" if name.endswith("1") else "no solar" for name in x}
    assert label == "battery, kWh"


def test_sizes_of_solar_where_there_is_one_battery_or_none():
    some = [Scenario("s2", solar=SOLAR[1]), Scenario("s4", solar=Solar.like_existing(4, 4))]
    assert sweep_of([Scenario("today"), *some], "a") == (
        {"today": 0, "s2": 2, "s4": 4},
        {"today": "", "s2": "", "s4": ""},
        "solar, kW",
    )


def test_sizes_are_those_of_the_site():
    by_site = Scenario("x", battery={"a": Battery(5, 2)})
    assert sweep_of([Scenario("today"), by_site], "a")[0] == {"today": 0, "x": 5}
    with pytest.raises(
        InputError, match="no scenarios that differ in the size of battery or solar"
    ):
        sweep_of([Scenario("today"), by_site], "b")
