"""Fields of a scenario that cannot be meant."""

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
