"""Valid and invalid fields of a battery."""

from dataclasses import FrozenInstanceError

import pytest

from flipkit.errors import InputError
from flipkit.scenarios import Battery


def test_a_battery_is_immutable():
    with pytest.raises(FrozenInstanceError):
        Battery(10, 5).capacity_kwh = 12


def test_a_battery_without_capacity_and_power_is_valid():
    assert Battery(0, 0).capacity_kwh == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"capacity_kwh": 0, "power_kw": 5}, "power_kw 5 without capacity"),
        ({"capacity_kwh": -1}, "capacity_kwh -1"),
        ({"capacity_kwh": float("nan")}, "capacity_kwh nan"),
        ({"capacity_kwh": True}, "capacity_kwh True"),
        ({"power_kw": float("inf")}, "power_kw inf"),
        ({"power_kw": "5"}, "power_kw '5'"),
        ({"charge_efficiency": 0}, "charge_efficiency 0 must be above 0 and at most 1"),
        ({"charge_efficiency": 1.01}, "charge_efficiency 1.01"),
        ({"discharge_efficiency": 95}, "discharge_efficiency 95"),
        ({"discharge_efficiency": -0.9}, "discharge_efficiency -0.9"),
        ({"reserve": 20}, "reserve 20 must be a fraction"),
        ({"reserve": -0.1}, "reserve -0.1"),
        ({"initial_soc": 1.5}, "initial_soc 1.5"),
        ({"reserve": 0.2, "initial_soc": 0.1}, "initial_soc 0.1 is below the reserve of 0.2"),
        ({"grid_charging": "no"}, "grid_charging 'no'"),
        ({"export_from_battery": 1}, "export_from_battery 1"),
    ],
)
def test_an_invalid_field_is_named_with_its_value(fields, words):
    with pytest.raises(InputError, match=words):
        Battery(**{"capacity_kwh": 10, "power_kw": 5} | fields)
