"""The picture of savings shows the numbers of the summary and the band of each battery."""

from math import fsum

import matplotlib.pyplot as plt
import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.frames import SIMULATION_SUMMARY
from flipkit.plots import scenario_savings
from flipkit.reports import site_energy
from flipkit.scenarios import Load, Scenario, simulate


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def widths(ax, scenario):
    [container] = [each for each in ax.containers if each.get_label() == scenario]
    return dict(zip(names(ax.yaxis), [bar.get_width() for bar in container], strict=True))


SAVINGS = [
    ("a", "today", 0.0, "EUR"),
    ("a", "night", 5.0, "EUR"),
    ("a", "less", -2.0, "EUR"),
    ("b", "today", 0.0, "EUR"),
    ("b", "night", 1.0, "EUR"),
    ("b", "less", 9.0, "EUR"),
]


def test_savings_of_each_scenario_but_the_first(summary):
    ax = scenario_savings(summary(*SAVINGS))
    assert widths(ax, "night") == {"a": 5.0, "b": 1.0}
    assert widths(ax, "less") == {"a": -2.0, "b": 9.0}
    assert len(ax.containers) == 2
    assert "'today'" in ax.get_title("left")
    assert ax.yaxis_inverted()


def test_the_bars_of_a_site_stand_beside_its_label(summary):
    ax = scenario_savings(summary(*SAVINGS))
    for container in ax.containers:
        middles = [bar.get_y() + bar.get_height() / 2 for bar in container]
        assert [round(middle) for middle in middles] == [0, 1]


def test_of_a_large_fleet_the_sites_with_the_largest_differences_are_drawn(summary):
    rows = [
        (f"s{n:03}", scenario, saving, "EUR")
        for n in range(100)
        for scenario, saving in (("today", 0.0), ("x", -float(n)))
    ]
    assert list(widths(scenario_savings(summary(*rows), top=2), "x")) == ["s098", "s099"]
    assert len(scenario_savings(summary(*rows)).containers[0]) == 40
    early = (
        ("a", "x", 500.0, "EUR"),
        ("a", "y", 0.0, "EUR"),
        ("b", "x", 1.0, "EUR"),
        ("b", "y", 2.0, "EUR"),
    )
    first = ("a", "today", 0.0, "EUR"), ("b", "today", 0.0, "EUR")
    one = scenario_savings(summary(*first, *early), top=1)
    assert [container[0].get_width() for container in one.containers] == [500.0, 0.0]


def test_a_simulation_draws_its_own_summary(kit):
    energy = site_energy(kit, "2025-06-01", "2025-06-07", site_id=["uk-01", "uk-03"])
    simulation = simulate(
        energy, [Scenario("today"), Scenario("less", load=Load(scale=0.9))], prices=kit
    )
    table = simulation.summary()
    wanted = {
        site: saving
        for site, scenario, saving in zip(
            table["site_id"], table["scenario"], table["saving"], strict=True
        )
        if scenario == "less"
    }
    assert widths(simulation.plot(), "less") == wanted
    assert fsum(wanted.values()) > 0


def test_each_currency_has_a_panel_of_its_own(summary):
    pounds = [("c", "today", 0.0, "GBP"), ("c", "night", 7.0, "GBP"), ("c", "less", -1.0, "GBP")]
    first = scenario_savings(summary(*SAVINGS, *pounds))
    euro, pound = first.figure.axes
    assert first is euro
    assert widths(euro, "night") == {"a": 5.0, "b": 1.0}
    assert euro.get_xlabel().startswith("saving, EUR")
    assert [container[0].get_width() for container in pound.containers] == [7.0, -1.0]
    assert pound.get_xlabel().startswith("saving, GBP")
    assert widths(scenario_savings(summary(*SAVINGS, *pounds), currency="EUR"), "less") == {
        "a": -2.0,
        "b": 9.0,
    }
    with pytest.raises(InputError, match="holds EUR, GBP; choose one with currency="):
        scenario_savings(summary(*SAVINGS, *pounds), plt.subplots()[1])
    with pytest.raises(InputError, match="holds EUR, GBP; choose one with currency="):
        scenario_savings(summary(*SAVINGS, *pounds), currency="USD")


def banded(frames_library, sites=("a",)):
    """Today costs 100; a plan 90; a battery 60 by rule (as run), 70 by day-ahead, 40 at best."""
    columns = {
        "site_id": [site for site in sites for _ in range(3)],
        "scenario": ["today", "plan", "battery"] * len(sites),
        "cost": [100.0, 90.0, 60.0] * len(sites),
        "saving": [0.0, 10.0, 40.0] * len(sites),
        "cost_rule": [np.nan, np.nan, 60.0] * len(sites),
        "cost_day_ahead": [np.nan, np.nan, 70.0] * len(sites),
        "cost_optimal": [np.nan, np.nan, 40.0] * len(sites),
        "dispatch": [None, None, "rule"] * len(sites),
        "currency": "EUR",
    }
    return SIMULATION_SUMMARY.build(columns, frames_library)


def marks(ax):
    return {
        line.get_label(): list(zip(*line.get_data(), strict=True))
        for line in ax.lines
        if line.get_marker() != "None"
    }


@pytest.mark.parametrize("sites", [("a",), ("a", "b")])
def test_the_band_of_a_battery_is_marked_on_its_bar(frames_library, sites):
    ax = scenario_savings(banded(frames_library, sites))
    rows = [bar.get_y() + bar.get_height() / 2 for bar in ax.containers[1]]
    for words, saving in (("rule", 40.0), ("day-ahead", 30.0), ("perfect foresight", 60.0)):
        assert marks(ax)[f"battery: {words}"] == [(saving, pytest.approx(row)) for row in rows]
    [ranges] = ax.collections
    assert [sorted(path.vertices[:, 0]) for path in ranges.get_paths()] == [[30.0, 60.0]] * len(
        sites
    )
    assert ax.get_xlabel() == "saving, EUR; bars: batteries by rule"


def test_without_a_band_there_are_no_marks(summary):
    assert marks(scenario_savings(summary(*SAVINGS))) == {}


def test_a_single_site_has_a_line_for_each_scenario(frames_library):
    ax = scenario_savings(banded(frames_library))
    assert names(ax.yaxis) == ["plan", "battery"]
    assert [container[0].get_width() for container in ax.containers] == [10.0, 40.0]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [
        ("10.00", (10.0, 0)),
        ("40.00", (60.0, 1)),
    ]
    assert ax.get_title("left") == "a: saving of each scenario compared with 'today'"


def test_the_title_says_how_many_sites_are_left_out(summary):
    rows = [
        (f"s{n}", name, saving, "EUR")
        for n in range(3)
        for name, saving in (("today", 0.0), ("x", float(n)))
    ]
    title = scenario_savings(summary(*rows), top=2).get_title("left").replace("\n", " ")
    assert title.endswith("'today'; the 2 of 3 sites with the largest differences")
    assert "largest" not in scenario_savings(summary(*rows)).get_title("left")


def test_many_scenarios_have_distinct_colors(summary):
    rows = [(site, f"x{n}", float(n), "EUR") for site in "ab" for n in range(31)]
    ax = scenario_savings(summary(*rows))
    assert len({container[0].get_facecolor() for container in ax.containers}) == 30
    assert ax.figure.get_size_inches()[1] < 33


def test_a_long_name_is_cut_and_a_dollar_does_not_start_a_formula(summary, tmp_path):
    long = "a $5 plan, " + "very " * 40 + "long, for $6"
    ax = scenario_savings(summary(("a", "today", 0.0, "USD"), ("a", long, 1.0, "USD")))
    ax.figure.savefig(tmp_path / "drawn.png")
    [name] = names(ax.yaxis)
    assert name.count("\n") == 1
    assert name.endswith("…")
    assert name.startswith(r"a \$5 plan")


def test_the_axes_given_are_drawn_on_and_returned(summary):
    _, given = plt.subplots()
    assert scenario_savings(summary(*SAVINGS), given) is given
    assert len(plt.get_fignums()) == 1


def test_an_empty_frame_has_nothing_to_show(summary):
    for ax in (scenario_savings(summary()), scenario_savings(summary(SAVINGS[0]))):
        assert [text.get_text() for text in ax.texts] == ["nothing to show"]
