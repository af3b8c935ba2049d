"""The heat map of a sweep shows the numbers of the pivot; labels of steps do not collide."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import WATERFALL
from flipkit.plots import savings_waterfall, sweep_heatmap

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, name="Night", **GBP)
SMALL, LARGE = fk.Battery(5, 2.5), fk.Battery(10, 5)
TWO_KW = fk.Solar.like_existing(2, 4)
COUNT = 96


def energy(sites=("a",)):
    start = datetime(2025, 5, 31, 23, tzinfo=UTC)  # midnight in London
    times = [start + n * timedelta(minutes=30) for n in range(COUNT)]
    rng = np.random.default_rng(4)
    columns = {"site_id": np.repeat(sites, COUNT), "start_utc": times * len(sites)}
    for name in ("consumption_kwh", "generation_kwh"):
        columns[name] = rng.uniform(0, 2, COUNT * len(sites))
    return pd.DataFrame(columns)


def simulated(tariff=NIGHT, solar=(None, TWO_KW), sites=("a",)):
    swept = fk.Scenario.grid("", tariff=tariff, solar=solar, battery=[None, SMALL, LARGE])
    return fk.simulate(energy(sites), [fk.Scenario("today"), *swept], prices=FLAT)


def cells(ax):
    return np.array(ax.collections[0].get_array())


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_heat_map_has_the_numbers_of_the_pivot():
    what_if = simulated()
    ax = what_if.plot("heatmap")
    np.testing.assert_array_equal(
        cells(ax), what_if.pivot("solar_kw", "battery_kwh", "saving").to_numpy()
    )
    assert (labels(ax.xaxis), labels(ax.yaxis)) == (["0", "5", "10"], ["0", "2"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("battery, kWh", "solar, kW")
    assert ax.get_title("left") == "a: saving; battery: rule"
    assert ax.figure.axes[1].get_ylabel() == "saving, GBP"


def test_columns_of_a_heat_map_can_be_chosen():
    what_if = simulated(tariff=[None, NIGHT], sites=("a", "b"))
    chosen = {"index": ["tariff", "battery_kwh"], "columns": "solar_kw", "values": "import_kwh"}
    ax = what_if.plot("heatmap", site_id="b", **chosen)
    np.testing.assert_array_equal(cells(ax), what_if.pivot(**chosen, site_id="b").to_numpy())
    assert labels(ax.yaxis)[:2] == ["today, 0", "today, 5"]
    assert labels(ax.yaxis)[-1] == "Night, 10"
    assert ax.get_ylabel() == "tariff; battery, kWh"
    # By default, what varies least goes down.
    assert what_if.plot("heatmap", site_id="a").get_ylabel() == "tariff; solar, kW"
    across = what_if.plot("heatmap", site_id="a", columns="solar_kw")
    assert across.get_ylabel() == "tariff; battery, kWh"


def test_a_heat_map_of_one_axis_is_refused():
    with pytest.raises(InputError, match=r"needs two columns .* got battery_kwh; make them with"):
        simulated(solar=None).plot("heatmap")
    with pytest.raises(InputError, match=r"several rows have .* they differ in tariff"):
        simulated(tariff=[None, NIGHT]).plot("heatmap", index="solar_kw", columns="battery_kwh")
    with pytest.raises(InputError, match="the summary has no column 'batery'"):
        simulated().plot("heatmap", index="batery")


def test_a_heat_map_of_a_frame_in_either_library(frames_library):
    swept = fk.Scenario.grid("", solar=[None, TWO_KW], battery=[None, SMALL, LARGE])
    data = energy() if frames_library == "pandas" else pl.DataFrame(energy().to_dict("list"))
    summary = fk.simulate(data, swept, prices=FLAT).summary(band=False)
    ax = sweep_heatmap(summary, index="battery_kwh", columns="solar_kw", values="cost")
    assert cells(ax).shape == (3, 2)
    empty = sweep_heatmap(summary[:0], index="battery_kwh", columns="solar_kw")
    assert [text.get_text() for text in empty.texts] == ["nothing to show"]


def test_a_week_has_the_price_of_the_tariff_at_all_hours():
    scenario = fk.Scenario("x", tariff=NIGHT, solar=TWO_KW, battery=LARGE)
    what_if = fk.simulate(energy(), [scenario], prices=FLAT)
    assert (what_if.intervals()["import_kwh"] == 0).sum() > 10
    ax = what_if.plot("week")
    [price_ax] = [each for each in ax.figure.axes if each is not ax]
    [line] = price_ax.patches
    wanted = np.where(np.arange(COUNT) % 48 < 14, 0.09, 0.29)  # 14 half-hours until 07:00
    np.testing.assert_allclose(line.get_data().values, wanted, rtol=1e-12)


def test_steps_have_the_names_of_scenarios():
    every = fk.Scenario("all", tariff=NIGHT, solar=TWO_KW, battery=SMALL)
    what_if = fk.simulate(energy(), [fk.Scenario("today"), every], prices=FLAT)
    ticks = [label.replace("\n", " ") for label in labels(what_if.plot("waterfall").xaxis)]
    assert ticks == ["today", "tariff Night", "solar 2 kW", "battery 5 kWh/2.5 kW", "all"]


LONG = "a scenario with a name of many words that goes on for some time, battery 10 kWh/5 kW"


@pytest.mark.parametrize("changes", [(-1.0, 0.5, 0.0, -0.1, 0.3), (-30.0, -80.0, 60.0, -90.0, 9.0)])
def test_labels_of_a_waterfall_do_not_collide(changes):
    steps = ("tariff", "solar", "battery", "ev", "load")
    costs = 100.0 + np.cumsum([0.0, *changes])
    columns = {
        "site_id": "a",
        "scenario": LONG,
        "step": [LONG.upper(), *steps, "difference"],
        "change": [0.0, *changes, costs[-1] - 100.0],
        "cost": [*costs, costs[-1]],
        "currency": "GBP",
    }
    names = {step: f"{step} with a rather long description/of 12.5 kW" for step in steps}
    ax = savings_waterfall(WATERFALL.build(columns, "pandas"), names=names)
    ax.figure.canvas.draw()
    shown = [*ax.texts, *ax.get_xticklabels(), ax.xaxis.label]
    for one, other in combinations([each.get_window_extent() for each in shown], 2):
        assert not one.overlaps(other)
    assert all(text.get_bbox_patch() is not None for text in ax.texts)  # no line through amounts
