"""Every combination of choices, with distinct names; the components are stand-ins."""

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.scenarios import Load
from flipkit.scenarios.changes import label
from flipkit.scenarios.changes.scenario import combinations


@dataclass(frozen=True)
class Sized:
    kwh: float

    @property
    def label(self):
        return f"{self.kwh:g} kWh"


@dataclass(frozen=True)
class Named:
    name: str


def test_names_say_what_varies_and_leave_out_what_does_not():
    made = combinations(
        "sweep",
        tariff=[None, Named("Night")],
        battery=[None, Sized(5)],
        solar=Sized(4),
        capex=[900.0],
    )
    assert made == [
        {
            "name": "sweep: today's tariff, no battery",
            "tariff": None,
            "battery": None,
            "solar": Sized(4),
            "capex": 900.0,
        },
        {
            "name": "sweep: today's tariff, battery 5 kWh",
            "tariff": None,
            "battery": Sized(5),
            "solar": Sized(4),
            "capex": 900.0,
        },
        {
            "name": "sweep: tariff Night, no battery",
            "tariff": Named("Night"),
            "battery": None,
            "solar": Sized(4),
            "capex": 900.0,
        },
        {
            "name": "sweep: tariff Night, battery 5 kWh",
            "tariff": Named("Night"),
            "battery": Sized(5),
            "solar": Sized(4),
            "capex": 900.0,
        },
    ]


@pytest.mark.parametrize(
    ("name", "fields", "names"),
    [
        ("", {"battery": [Sized(2.5), Sized(10)]}, ["battery 2.5 kWh", "battery 10 kWh"]),
        ("one", {"battery": Sized(5)}, ["one"]),
        ("alone", {}, ["alone"]),
        (
            "x",
            {"discount_rate": (0.05, 0.1), "capex": [4000.0]},
            ["x: discount rate 0.05", "x: discount rate 0.1"],
        ),
        ("x", {"capex": [4000.0, 5e3]}, ["x: capex 4000", "x: capex 5000"]),
        ("x", {"load": [None, Load(1.2)]}, ["x: today's load", "x: load x 1.2"]),
        (
            "x",
            {"export_tariff": [None, Named("SEG")]},
            ["x: today's export tariff", "x: export tariff SEG"],
        ),
        ("x", {"battery": [None, {"a": Sized(5)}]}, ["x: no battery", "x: battery by site"]),
        (
            "x",
            {"tariff": {"a": Named("N")}, "ev": [None, "cheapest"]},
            ["x: no car", "x: car cheapest"],
        ),
    ],
)
def test_names(name, fields, names):
    assert [each["name"] for each in combinations(name, **fields)] == names


@given(
    st.dictionaries(
        st.sampled_from(["tariff", "battery", "solar", "ev"]),
        st.sets(st.integers(0, 30), min_size=1, max_size=4),
    )
)
def test_combinations_are_the_product_in_order_with_distinct_names(sizes):
    choices = {field: [Sized(size) for size in sorted(these)] for field, these in sizes.items()}
    made = combinations("sweep", **choices)
    assert [tuple(each[field] for field in choices) for each in made] == list(
        product(*choices.values())
    )
    assert len({each["name"] for each in made}) == len(made)
    assert all(set(each) == {"name", *choices} for each in made)


@pytest.mark.parametrize(
    "choices",
    [
        [Sized(5), Sized(5)],
        [None, Sized(5), None],
        [{"a": 1}, {"b": 2}],
        [Named("5 kWh"), Sized(5)],
    ],
)
def test_choices_with_one_name_are_refused(choices):
    with pytest.raises(
        InputError, match=r"grid: battery: more than one choice is named '(battery|no battery)"
    ):
        combinations("sweep", solar=[None, Sized(4)], battery=choices)


def test_a_list_without_choices_is_refused():
    with pytest.raises(InputError, match="grid: battery: no choices; give at least one"):
        combinations("sweep", battery=[])


def test_a_component_may_have_a_label_or_a_name():
    assert [label(value) for value in (Sized(5), Named("Night"), 7, 2.5, "text")] == [
        "5 kWh",
        "Night",
        "7",
        "2.5",
        "text",
    ]
