"""Scenarios from a TOML file: every field of a Scenario, and a message for every mistake."""

import json
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.errors import InputError
from flipkit.scenarios.changes import read_scenarios

UK = 'currency = "GBP", timezone = "Europe/London"'
GBP = {"currency": "GBP", "timezone": "Europe/London"}
PANELS = "kw_dc = 4, tilt = 35, azimuth = 180, latitude = 51.5, longitude = -0.1"
STAY = {
    "arrive_utc": "2025-02-01T18:00:00Z",
    "leave_utc": "2025-02-02T06:00:00Z",
    "energy_kwh": 20,
    "max_power_kw": 7.4,
}
HOURS = ["2025-02-01T00:00:00Z", "2025-02-01T01:00:00Z"]


@pytest.fixture
def read(tmp_path):
    """``read(text)``: the scenarios of a TOML beside some files."""
    plans = fk.emulator.sample_tariffs()
    for name in ("uk-octopus-go", "uk-octopus-outgoing"):
        (tmp_path / f"{name}.json").write_text(json.dumps(plans[name]), encoding="utf-8")
    bare = {key: value for key, value in plans["uk-octopus-outgoing"].items() if key != "timezone"}
    (tmp_path / "bare.json").write_text(json.dumps([bare]), encoding="utf-8")
    frames = {
        "weather": {"start_utc": HOURS, "ghi": [0.0, 10.0]},
        "heat": {"start_utc": HOURS, "kwh": [1.0, 2.0]},
        "words": {"start_utc": HOURS, "kwh": ["1.0", "much"]},
        "naive": {"start_utc": ["2025-02-01T00:00:00", "2025-02-01T01:00:00"], "kwh": [1.0, 2.0]},
        "stays": {name: [value] for name, value in STAY.items()},
        "fleet": {"site_id": ["a", "b"], **{name: [value] * 2 for name, value in STAY.items()}},
    }
    for name, columns in frames.items():
        pl.DataFrame(columns).write_csv(tmp_path / f"{name}.csv")
    heat = pl.DataFrame(frames["heat"]).with_columns(
        pl.col("start_utc").str.to_datetime(time_zone="UTC")
    )
    heat.write_parquet(tmp_path / "heat.parquet")

    def _read(text, **options):
        path = tmp_path / "s.toml"
        path.write_text(text, encoding="utf-8")
        return read_scenarios(path, **options)

    return _read


def one(read, line, **options):
    """The only scenario of a file with this line."""
    [scenario] = read(f'[[scenario]]\nname = "x"\n{line}\n', **options)
    return scenario


def test_a_file_is_read_in_its_order_and_its_sweeps_come_last(read):
    text = """
[[grid]]
name = "size"
battery = ["none", { capacity_kwh = 5, power_kw = 2.5 }]
load = { scale = 1.1 }

[[scenario]]
name = "today"

[[scenario]]
name = "night"
"""
    found = read(text)
    assert [each.name for each in found] == [
        "today",
        "night",
        "size: no battery",
        "size: battery 5 kWh/2.5 kW",
    ]
    assert [each.battery for each in found[2:]] == [None, fk.Battery(5, 2.5)]
    assert {each.load for each in found[2:]} == {fk.Load(1.1)}


CHANGES = {
    "price": (
        f"tariff = {{ {UK}, price_per_kwh = 0.15 }}",
        {"tariff": fk.Tariff.flat(0.15, **GBP)},
    ),
    "hours": (
        f'export_tariff = {{ {UK}, hours = {{ "00:00-07:00" = 0.09, "07:00-24:00" = 0.29 }} }}',
        {"export_tariff": fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)},
    ),
    "plan": (
        'tariff.file = "uk-octopus-go.json"',
        {"tariff": fk.Tariff.from_flatpeak(fk.emulator.sample_tariffs()["uk-octopus-go"], **GBP)},
    ),
    "an export plan": (
        'export_tariff = { file = "bare.json", timezone = "Europe/London" }',
        {
            "export_tariff": fk.Tariff.from_flatpeak(
                fk.emulator.sample_tariffs()["uk-octopus-outgoing"], **GBP
            )
        },
    ),
    "panels": (
        f"solar = {{ {PANELS}, losses = 0.1 }}",
        {"solar": fk.Solar(4, 35, 180, latitude=51.5, longitude=-0.1, losses=0.1)},
    ),
    "weather": (
        f'solar = {{ {PANELS}, weather = "weather.csv" }}',
        {
            "solar": fk.Solar(
                4,
                35,
                180,
                latitude=51.5,
                longitude=-0.1,
                weather=[{"start_utc": HOURS[0], "ghi": 0.0}, {"start_utc": HOURS[1], "ghi": 10.0}],
            )
        },
    ),
    "more panels": (
        "solar = { kw_dc = 2, existing_kw_dc = 4 }",
        {"solar": fk.Solar.like_existing(2, 4)},
    ),
    "battery": (
        "battery = { capacity_kwh = 10, power_kw = 5, reserve = 0.1, export_from_battery = true }",
        {"battery": fk.Battery(10, 5, reserve=0.1, export_from_battery=True)},
    ),
    "a week": (
        'ev = { max_power_kw = 7.4, strategy = "cheapest", weekly = { '
        'mon-fri = ["18:00", "07:00", 8], sat = ["12:00", "20:00", 10] } }',
        {
            "ev": fk.EvCharging.weekly(
                {"mon-fri": ("18:00", "07:00", 8), "sat": ("12:00", "20:00", 10)},
                max_power_kw=7.4,
                strategy="cheapest",
            )
        },
    ),
    "stays": (
        'ev = { sessions = "stays.csv", included = true, strategy = "as_metered" }',
        {"ev": fk.EvCharging([STAY], strategy="as_metered", included=True)},
    ),
    "a strategy by its former name": (
        'ev = { sessions = "stays.csv", strategy = "as_came" }',
        {"ev": fk.EvCharging([STAY], strategy="as_metered")},
    ),
    "stays of a fleet": (
        'ev = { sessions = "fleet.csv" }',
        {"ev": {"a": fk.EvCharging([STAY]), "b": fk.EvCharging([STAY])}},
    ),
    "load": (
        'load = { scale = 1.1, add = "heat.csv", '
        'shift = { share = 0.2, from_hours = "16:00-20:00", to_hours = "10:00-15:00" } }',
        {
            "load": fk.Load(
                1.1,
                fk.Shift(0.2, "16:00-20:00", "10:00-15:00"),
                [{"start_utc": HOURS[0], "kwh": 1.0}, {"start_utc": HOURS[1], "kwh": 2.0}],
            )
        },
    ),
    "money": (
        "capex = 9000\nlifetime_years = 20\ndiscount_rate = 0.05",
        {"capex": 9000, "lifetime_years": 20, "discount_rate": 0.05},
    ),
    "money over the years": (
        "capex = 9000\nlifetime_years = 20\nescalation = 0.03\nbattery_fade = 0.02\n"
        "panel_fade = 0.005\nbattery = { capacity_kwh = 5, power_kw = 2, cycle_life = 6000 }",
        {
            "capex": 9000,
            "lifetime_years": 20,
            "escalation": 0.03,
            "battery_fade": 0.02,
            "panel_fade": 0.005,
            "battery": fk.Battery(5, 2, cycle_life=6000),
        },
    ),
    "sites": (
        "load = { scale = 2 }\n[scenario.sites.a]\nbattery = { capacity_kwh = 5, power_kw = 2 }\n"
        "[scenario.sites.b]\nsolar = { kw_dc = 2, existing_kw_dc = 4 }\n"
        "battery = { capacity_kwh = 3, power_kw = 1 }",
        {
            "load": fk.Load(2),
            "solar": {"b": fk.Solar.like_existing(2, 4)},
            "battery": {"a": fk.Battery(5, 2), "b": fk.Battery(3, 1)},
        },
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_every_field_of_a_scenario_can_be_written(read, kind):
    line, fields = CHANGES[kind]
    assert one(read, line, site_ids=["a", "b"]) == fk.Scenario("x", **fields)


def test_a_file_from_windows_is_read(read):
    [scenario] = read('\ufeff[[scenario]]\r\nname = "x"\r\nload = { scale = 2 }\r\n')
    assert scenario.load == fk.Load(2)


def test_a_profile_may_be_parquet_and_a_file_is_read_once(read):
    first, second = read(
        '[[scenario]]\nname = "a"\nload.add = "heat.parquet"\ntariff.file = "uk-octopus-go.json"\n'
        '[[scenario]]\nname = "b"\nload.add = "heat.csv"\ntariff.file = "uk-octopus-go.json"\n'
    )
    assert first.load == second.load
    assert first.tariff is second.tariff


BROKEN = {
    "": "expected only .*tables, found none",
    "x = 1": "found x",
    "scenario = 3": "found scenario",
    "scenario = [3]": "scenario 1: expected a table",
    "[[scenario]]": "scenario 1: no name",
    "[[scenario]]\nname = 3": "scenario 1: name must be a non-empty string, got 3",
    '[[scenario]]\nname = "a"\n[[scenario]]\nname = "a"': "scenario 'a' is defined twice",
    "[[scenario": "not valid TOML",
    "[[grid]]\nload = [{ scale = 1 }]": "grid 1: no name",
    '[[grid]]\nname = "g"\nload = []': "grid 'g': .*no choices",
    '[[grid]]\nname = "g"\nload = [{ scale = 1 }, { scal = 2 }]': (
        "grid 'g', load 2: unknown key scal; the keys are"
    ),
    '[[grid]]\nname = "g"\nsites = {}': "grid 'g': unknown key sites",
}
WRONG = {
    "batery = 1": "scenario 'x': unknown key batery; the keys are battery, battery_fade,",
    "tariff = 3": "scenario 'x', tariff: expected a table",
    'tariff = { currency = "GBP", price_per_kwh = 1 }': (
        "scenario 'x', tariff: no timezone; give such as timezone ="
    ),
    f"tariff = {{ {UK} }}": "tariff: give one of price_per_kwh, hours, file; found none of them",
    f"tariff = {{ {UK}, price_per_kwh = 1, hours = {{}} }}": "found price_per_kwh and hours",
    f'tariff = {{ {UK}, price_per_kwh = 1, tier_rule = "prorate" }}': (
        "tier_rule is for a tariff with tiers"
    ),
    'tariff = { currency = "XXQ", timezone = "UTC", price_per_kwh = 1 }': (
        "scenario 'x', tariff: .*XXQ"
    ),
    'tariff.file = "gone.json"': "scenario 'x', tariff: .*gone.json.*No such file",
    "tariff.file = 3": "tariff: expected the name of a file, got 3",
    'tariff.file = "heat.csv"': "tariff: .*heat.csv: not a tariff that flipkit can read",
    'tariff.file = "bare.json"': (
        "tariff: .*bare.json: .* do not name their timezone; give one: the key timezone"
    ),
    'tariff.file = "uk-octopus-outgoing.json"': "tariff: .*outgoing.json: only EXPORT tariffs",
    'export_tariff.file = "bare.json"': (
        "export_tariff: .*bare.json has no timezone; give it beside file"
    ),
    "battery = { power_kw = 5 }": "scenario 'x', battery: no capacity_kwh",
    "battery = { capacity_kwh = 0, power_kw = 5 }": (
        "scenario 'x', battery: power_kw 5 without capacity"
    ),
    "battery = { capacity_kwh = 5, power_kw = 5, charge_efficiency = 1.2 }": (
        "battery: charge_efficiency 1.2 must be"
    ),
    "battery = { capacity_kwh = 5, power_kw = 5, colour = 1 }": "battery: unknown key colour",
    f"solar = {{ {PANELS}, tracker = 1 }}": "solar: unknown key tracker",
    "solar = { kw_dc = 4 }": "scenario 'x', solar: tilt None must be",
    f'solar = {{ {PANELS}, weather = "gone.csv" }}': (
        "scenario 'x', solar: .*gone.csv: No such file"
    ),
    f'solar = {{ {PANELS}, weather = "heat.csv" }}': (
        "solar: .*heat.csv: weather: missing ghi; the columns are"
    ),
    "ev = {}": "scenario 'x', ev: give one of weekly, sessions; found none of them",
    "ev = { weekly = {} }": "ev: no max_power_kw",
    'ev = { weekly = { mon = ["18:00", "7 pm", 8] }, max_power_kw = 7 }': (
        "scenario 'x', ev: weekly, 'mon'"
    ),
    'ev = { sessions = "stays.csv", max_power_kw = 7 }': (
        "ev: max_power_kw belongs to weekly, but sessions is given"
    ),
    'ev = { sessions = "heat.csv" }': "ev: sessions: missing arrive_utc",
    'ev = { sessions = "stays.csv", strategy = "fast" }': (
        "ev: unknown strategy 'fast'; choose one of"
    ),
    "load = 3": "load: expected a table",
    "load = { scale = -1 }": "scenario 'x', load: scale -1 must be",
    "load = { shift = { share = 0.2 } }": "load: shift: no from_hours, to_hours",
    "load = { shift = 3 }": "load: expected a table with from_hours",
    'load.add = "words.csv"': "load: .*words.csv: kwh, row 1: 'much'",
    'load.add = "naive.csv"': "load: .*naive.csv: start_utc, row 0: .*has no zone",
    "capex = -1": "scenario 'x': .*capex",
    "sites = 3": "scenario 'x', sites: expected one table per site",
    "sites = { a = { capex = 3 } }": "scenario 'x', site a: unknown key capex",
    "sites = { a = { load = { scale = 2, x = 1 } } }": "scenario 'x', site a, load: unknown key x",
    "load = { scale = 1 }\nsites = { a = { load = { scale = 2 } } }": (
        "load is given for all sites and in sites"
    ),
    "sites = { c = { load = { scale = 2 } } }": "sites: the energy has no site c; it has a, z",
    'sites = { a = { ev = { sessions = "fleet.csv" } } }': (
        "site a: ev: the file has a column site_id"
    ),
}


@pytest.mark.parametrize("text", BROKEN)
def test_an_invalid_file_is_named(read, text):
    with pytest.raises(InputError, match=rf"s\.toml.*{BROKEN[text]}"):
        read(text)


@pytest.mark.parametrize("line", WRONG)
def test_what_is_not_understood_is_named_with_file_and_scenario(read, line):
    with pytest.raises(InputError, match=rf"s\.toml, .*{WRONG[line]}") as caught:
        one(read, line, site_ids=["a", "z"])
    assert "\n" not in str(caught.value)
    key = line.split(" ")[0].split(".")[0]
    assert f"{key}: {key}:" not in str(caught.value)


def test_sessions_of_other_sites_only_are_refused(read):
    with pytest.raises(
        InputError, match="scenario 'x': ev: the file has no site of the energy; it has y, z"
    ):
        one(read, 'ev = { sessions = "fleet.csv" }', site_ids=["y", "z"])
    assert set(one(read, 'ev = { sessions = "fleet.csv" }', site_ids=["b", "z"]).ev) == {"a", "b"}


def test_the_kind_of_an_error_stays(read):
    with pytest.raises(fk.NaiveTimestampError):
        one(read, 'load.add = "naive.csv"')
    with pytest.raises(fk.MissingColumnError):
        one(read, 'ev = { sessions = "heat.csv" }')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing\.toml"):
        read_scenarios(tmp_path / "missing.toml")


# What may stand in place of a good value.
ODD_VALUES = [
    *("3", "-1", "true", "nan", "inf", '""', '"x"', '"heat.csv"', "[]", "[1]", "{}", "{ x = 1 }"),
    *("07:30:00", "2025-01-01", '["a", "b", "c"]', "1" * 400, '"UTC"', '"GBP"'),
]
# Good tables: of each key, its value.
GOOD = {
    "tariff": {"currency": '"GBP"', "timezone": '"Europe/London"', "price_per_kwh": "0.2"},
    "export_tariff": {"file": '"uk-octopus-outgoing.json"', "timezone": '"Europe/London"'},
    "solar": {
        "kw_dc": "4",
        "tilt": "35",
        "azimuth": "180",
        "latitude": "51.5",
        "longitude": "-0.1",
        "losses": "0.1",
        "weather": '"weather.csv"',
    },
    "battery": {
        "capacity_kwh": "10",
        "power_kw": "5",
        "reserve": "0.1",
        "initial_soc": "0.5",
        "grid_charging": "false",
    },
    "ev": {"sessions": '"stays.csv"', "strategy": '"cheapest"', "included": "true"},
    "load": {"scale": "1.1", "add": '"heat.csv"'},
}
MONEY = {
    "capex": "9000",
    "lifetime_years": "20",
    "discount_rate": "0.05",
    "escalation": "0.03",
    "battery_fade": "0.02",
    "panel_fade": "0.005",
}


@st.composite
def files(draw):
    """A file of one table, good or with one value spoiled; and whether it is spoiled."""
    changes = draw(st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=3, unique=True))
    values = {("", key): value for key, value in MONEY.items()}
    for change in changes:
        values |= {(change, key): value for key, value in GOOD[change].items()}
    is_spoiled = draw(st.booleans())
    if is_spoiled:
        values[draw(st.sampled_from(sorted(values)))] = draw(st.sampled_from(ODD_VALUES))
    lines = [f"[[{draw(st.sampled_from(['scenario', 'grid']))}]]", 'name = "x"']
    lines += [f"{key} = {value}" for (change, key), value in values.items() if not change]
    for change in changes:
        table = [f"{key} = {value}" for (its, key), value in values.items() if its == change]
        lines.append(f"{change} = {{ {', '.join(table)} }}")
    return "\n".join(lines), is_spoiled


def test_any_file_is_scenarios_or_an_error_that_names_the_file(read):
    outcomes = Counter()

    @settings(max_examples=200)
    @given(files())
    def check(file):
        text, is_spoiled = file
        try:
            scenarios = read(text)
        except InputError as error:
            outcomes["refused"] += 1
            outcomes["good but refused"] += not is_spoiled
            outcomes["file not named"] += "s.toml" not in str(error)
        else:
            assert all(isinstance(each, fk.Scenario) for each in scenarios)
            outcomes["read"] += not is_spoiled

    check()
    assert outcomes["good but refused"] == outcomes["file not named"] == 0
    assert outcomes["read"] >= 50
    assert outcomes["refused"] >= 30
