"""The pictures of regret show the numbers of the frame and mark the cheapest and the own plans."""

import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.frames import REGRET
from flipkit.plots import plan_regret_by_month, plan_regret_heatmap

NAMES = ("site_id", "scenario", "month", "import_plan", "export_plan", "regret", "best", "own")
WHOLE = [
    ("today", "today", 3.0),
    ("today", "fixed", 1.5),
    ("night", "today", 0.0),
    ("night", "fixed", 12.25),
]
BY_MONTH = {"2025-01": (0.0, 1.0, 2.0, 3.0), "2025-02": (4.5, 3.5, 0.0, 11.25)}


@pytest.fixture
def regret(frames_library):
    def make(*homes, exports=("today", "fixed")):
        rows = []
        for home in homes:
            for number, (bought, sold, whole) in enumerate(WHOLE):
                costs = [(month, each[number]) for month, each in BY_MONTH.items()] + [
                    (None, whole)
                ]
                pair = [
                    (*home, month, bought, sold, cost, cost == 0.0, number == 1)
                    for month, cost in costs
                ]
                rows += pair if sold in exports else []
        columns = {name: [row[at] for row in rows] for at, name in enumerate(NAMES)}
        return REGRET.build(columns | {"currency": "EUR"}, frames_library)

    return make


def drawn(ax):
    return np.asarray(ax.collections[0].get_array()).tolist()


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def star(ax):
    [line] = [each for each in ax.lines if each.get_label() == "cheapest"]
    return [(int(x), int(y)) for x, y in zip(*line.get_data(), strict=True)]


def outlined(ax):
    return [patch.get_xy() for patch in ax.patches]


def test_every_pair_of_plans_over_the_whole_time(regret):
    ax = plan_regret_heatmap(regret(("a", "today")))
    assert drawn(ax) == [[3.0, 1.5], [0.0, 12.25]]
    assert (names(ax.yaxis), names(ax.xaxis)) == (["today", "night"], ["today", "fixed"])
    assert star(ax) == [(0, 1)]
    assert outlined(ax) == [(1, 0)]
    assert [text.get_text() for text in ax.texts] == ["3.00", "1.50", "0.00", "12.25"]
    assert "above the cheapest, EUR" in [other.get_ylabel() for other in ax.figure.axes]


def test_every_pair_of_plans_by_month(regret):
    ax = plan_regret_by_month(regret(("a", "today")))
    assert drawn(ax) == [[0.0, 4.5], [1.0, 3.5], [2.0, 0.0], [3.0, 11.25]]
    assert names(ax.yaxis)[1] == "today, exports fixed"
    assert names(ax.xaxis) == ["2025-01", "2025-02"]
    assert star(ax) == [(0, 0), (1, 2)]
    assert outlined(ax) == [(0, 1), (1, 1)]


def test_a_single_export_plan_is_not_labelled(regret):
    assert names(plan_regret_by_month(regret(("a", "today"), exports=("fixed",))).yaxis) == [
        "today",
        "night",
    ]


@pytest.mark.parametrize("draw", [plan_regret_heatmap, plan_regret_by_month])
def test_one_of_several_is_chosen(regret, draw):
    frame = regret(("a", "today"), ("a", "battery"), ("b", "today"))
    with pytest.raises(InputError, match="holds a, b; choose one with site_id="):
        draw(frame)
    with pytest.raises(InputError, match="holds today, battery; choose one with scenario="):
        draw(frame, site_id="a")
    ax = draw(frame, site_id="a", scenario="battery", dispatch="rule")
    assert ax.get_title("left").startswith("a, 'battery': ")
    assert "battery: rule" in ax.get_title("left").replace("\n", " ")


@pytest.mark.parametrize("draw", [plan_regret_heatmap, plan_regret_by_month])
def test_a_frame_without_rows_has_nothing_to_show(regret, draw):
    assert [text.get_text() for text in draw(regret()).texts] == ["nothing to show"]
