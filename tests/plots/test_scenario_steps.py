"""The waterfall goes from the first cost to the last one by the steps of the frame."""

import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.frames import WATERFALL
from flipkit.plots import savings_waterfall

STEPS = [
    ("today", 0.0, 100.0),
    ("tariff", -30.0, 70.0),
    ("solar", -90.0, -20.0),
    ("ev", 15.0, -5.0),
]
STEPS.append(("difference", -105.0, -5.0))
NAMES = ("site_id", "scenario", "step", "change", "cost", "currency")


@pytest.fixture
def waterfall(frames_library):
    def make(*homes):
        rows = [(*home, *step, "EUR") for home in homes for step in STEPS]
        return WATERFALL.build(
            {name: [row[at] for row in rows] for at, name in enumerate(NAMES)}, frames_library
        )

    return make


def bars(ax):
    return [(bar.get_y(), bar.get_height()) for bar in ax.patches]


def test_a_bar_begins_where_the_one_before_ended(waterfall):
    ax = savings_waterfall(waterfall(("a", "all")))
    assert bars(ax) == [(0.0, 100.0), (100.0, -30.0), (70.0, -90.0), (-20.0, 15.0), (0.0, -5.0)]
    assert [text.get_text() for text in ax.texts] == [
        "100.00",
        "−30.00",
        "−90.00",
        "+15.00",
        "−5.00",
    ]
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "today",
        "tariff",
        "solar",
        "ev",
        "all",
    ]
    assert ax.get_ylabel() == "cost, EUR"
    assert ax.get_title("left") == "a: why 'all' costs 105.00 EUR less than 'today'"


def test_savings_and_extra_costs_have_their_own_colors(waterfall):
    start, tariff, solar, ev, end = (
        bar.get_facecolor() for bar in savings_waterfall(waterfall(("a", "all"))).patches
    )
    assert start == end
    assert tariff == solar
    assert len({start, tariff, ev}) == 3


def test_the_lines_between_bars_are_the_costs_so_far(waterfall):
    [lines] = savings_waterfall(waterfall(("a", "all"))).collections
    levels = [set(path.vertices[:, 1]) for path in lines.get_paths()]
    assert levels == [{100.0}, {70.0}, {-20.0}, {-5.0}]


def test_the_axis_leaves_room_for_the_amounts(waterfall):
    low, high = savings_waterfall(waterfall(("a", "all"))).get_ylim()
    assert low < -20.0
    assert high > 100.0


def test_one_of_several_is_chosen(waterfall):
    frame = waterfall(("a", "all"), ("a", "some"), ("b", "all"))
    with pytest.raises(InputError, match="the waterfall holds a, b; choose one with site_id="):
        savings_waterfall(frame)
    with pytest.raises(
        InputError, match="the waterfall holds all, some; choose one with scenario="
    ):
        savings_waterfall(frame, site_id="a")
    ax = savings_waterfall(frame, site_id="a", scenario="some", dispatch="optimal")
    assert (
        ax.get_title("left").replace("\n", " ").endswith("than 'today'; battery: perfect foresight")
    )
    assert len(ax.patches) == 5


def test_a_frame_without_rows_has_nothing_to_show(waterfall):
    assert [text.get_text() for text in savings_waterfall(waterfall()).texts] == ["nothing to show"]


def test_a_waterfall_of_zeros_is_drawn(frames_library):
    rows = {
        "site_id": "a",
        "scenario": "x",
        "step": ["today", "difference"],
        "change": np.zeros(2),
        "cost": np.zeros(2),
    }
    assert bars(savings_waterfall(WATERFALL.build(rows | {"currency": "EUR"}, frames_library))) == [
        (0, 0),
        (0, 0),
    ]
