"""Fields of a scenario that cannot be meant."""

import pickle
from dataclasses import replace

import pytest

import flipkit as fk
from flipkit.errors import InputError

FLAT = fk.Tariff.flat(0.25, currency="GBP", timezone="Europe/London")
BATTERY = fk.Battery(5, 2.5)


@pytest.mark.parametrize("name", [None, 5, "", FLAT])
def test_a_name_is_a_string_that_is_not_empty(name):
    with pytest.raises(InputError, match="scenario: name must be a non-empty string, got"):
        fk.Scenario(name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"tariff": 0.25},
            "tariff: expected a Tariff, or a mapping of site id to Tariff, got float",
        ),
        ({"export_tariff": "x"}, "export_tariff: expected a Tariff, or .*, got str"),
        ({"solar": BATTERY}, "solar: expected a Solar, or .*, got Battery"),
        ({"battery": [BATTERY]}, "battery: expected a Battery, or .*, got list"),
        ({"ev": True}, "ev: expected an EvCharging, or .*, got bool"),
        ({"load": 1.1}, "load: expected a Load, or .*, got float"),
        (
            {"battery": {"a": BATTERY, "b": None, "c": 5}},
            "battery: expected Battery for site b, c",
        ),
        ({"tariff": {7: FLAT}}, "tariff: 7 is not a site id; the keys are the strings"),
        ({"capex": -1}, "investment: capex -1 must be a number of 0 or more"),
        ({"capex": 1, "lifetime_years": 0}, "investment: lifetime_years 0 must be a whole number"),
        ({"capex": 1, "discount_rate": 7}, "investment: discount_rate 7 must be a fraction"),
    ],
)
def test_an_invalid_field_is_named_with_the_scenario(fields, words):
    with pytest.raises(InputError, match=f"scenario 'x': {words}"):
        fk.Scenario("x", **fields)


def test_capex_may_be_a_function_of_the_scenario():
    def capex(scenario):
        return 1000 + 350 * scenario.battery.capacity_kwh if scenario.battery else None

    homes = fk.Scenario.grid("", battery=[None, BATTERY, fk.Battery(10, 5)], capex=capex)
    assert [home.capex for home in homes] == [None, 2750.0, 4500.0]
    assert [home.investment is None for home in homes] == [True, False, False]
    # A value like any other: equal, hashable, and sent to other processes.
    assert homes[1] == fk.Scenario("battery 5 kWh/2.5 kW", battery=BATTERY, capex=2750.0)
    assert pickle.loads(pickle.dumps(homes)) == homes  # noqa: S301
    assert replace(homes[1], name="x", battery=fk.Battery(10, 5)).capex == 2750.0
    assert replace(homes[1], name="x", battery=fk.Battery(10, 5), capex=capex).capex == 4500.0


def test_two_functions_are_choices_with_their_names():
    def cheap(scenario):
        return 100.0

    def expensive(scenario):
        return 900.0

    homes = fk.Scenario.grid("", battery=BATTERY, capex=[cheap, expensive])
    assert [(home.name, home.capex) for home in homes] == [
        ("capex cheap", 100.0),
        ("capex expensive", 900.0),
    ]


@pytest.mark.parametrize(
    ("capex", "words"),
    [
        (lambda s: s.battery.capacity_kwh, "capex: the function raised AttributeError: 'NoneType'"),
        (lambda s: -5, "investment: capex -5 must be a number of 0 or more"),
        (lambda s: "much", "investment: capex 'much' must be a number of 0 or more"),
        (lambda: 5, "capex: the function raised TypeError"),
    ],
)
def test_a_function_that_has_no_capex_for_a_scenario_is_named_with_it(capex, words):
    with pytest.raises(InputError, match=f"scenario 'x': {words}"):
        fk.Scenario("x", capex=capex)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"batery": [None]}, "grid: unknown field batery; the fields are battery"),
        ({"battery": []}, "grid: battery: no choices; give at least one"),
        ({"battery": [BATTERY, BATTERY]}, "grid: battery: more than one choice is named"),
    ],
)
def test_a_sweep_that_cannot_be_made_is_refused(choices, words):
    with pytest.raises(InputError, match=words):
        fk.Scenario.grid("sweep", **choices)
