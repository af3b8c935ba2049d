"""Scenarios from a file."""

import pytest

from flipkit.errors import InputError
from flipkit.scenarios.file import read_scenarios

GOOD = """
[[scenario]]
name = "today"

[[scenario]]
name = "night"
tariff = { currency = "GBP", timezone = "Europe/London", hours = { "00:00-07:00" = 0.09, "07:00-24:00" = 0.29 } }
export_tariff = { currency = "GBP", timezone = "Europe/London", price_per_kwh = 0.15 }
load = { scale = 0.9 }
"""


def test_a_file_is_read_in_its_order(tmp_path):
    (tmp_path / "s.toml").write_text(GOOD)
    today, night = read_scenarios(tmp_path / "s.toml")
    assert (today.name, today.tariff, today.load) == ("today", None, None)
    assert night.load.scale == 0.9
    assert night.tariff_of("any", "EXPORT").rates[0].price_per_kwh == 0.15


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found none"),
        ("x = 1", "found x"),
        ("[[scenario]]", "scenario 1: no name"),
        ('[[scenario]]\nname = "a"\nbatery = 1', "unknown key batery; the keys are"),
        ('[[scenario]]\nname = "a"\ntariff = { currency = "GBP" }', "tariff: no timezone"),
        ('[[scenario]]\nname = "a"\ntariff = { currency = "GBP", timezone = "UTC" }', "either price_per_kwh or hours"),
        (
            '[[scenario]]\nname = "a"\ntariff = { currency = "XXQ", timezone = "UTC", price_per_kwh = 1 }',
            "scenario 1.*XXQ",
        ),
        ('[[scenario]]\nname = "a"\nload = { scale = -1 }', "scale"),
        ('[[scenario]]\nname = "a"\nload = 3', "expected a table"),
        ("[[scenario", "no TOML"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path, text, words):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_scenarios(tmp_path / "s.toml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing\.toml"):
        read_scenarios(tmp_path / "missing.toml")
