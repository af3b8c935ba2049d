"""Tariffs from files: which format a file has, and what is refused."""

import json
from pathlib import Path

import polars as pl
import pytest

import flipkit as fk
from flipkit.errors import InputError
from flipkit.scenarios.changes import read_scenarios
from flipkit.tariffs import FixedCharge, Tariff

DATA = Path(__file__).parent / "data"
ROWS = [
    {"value_inc_vat": 26.0, "valid_from": "2025-04-01T00:00:00Z", "valid_to": None},
    {
        "value_inc_vat": 24.5,
        "valid_from": "2025-01-01T00:00:00Z",
        "valid_to": "2025-04-01T00:00:00Z",
    },
]
PRICES = {
    "start_utc": ["2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"],
    "end_utc": ["2025-01-01T01:00:00Z", "2025-01-01T02:00:00Z"],
    "price_per_kwh": [0.1, -0.02],
}
BERLIN = {"timezone": "Europe/Berlin", "currency": "EUR"}


def flatpeak(price, direction="IMPORT", **fields):
    hours = {"valid_from": "00:00:00", "valid_to": "23:59:59", "rate": [{"fixed": price}]}
    return {
        "direction": direction,
        "type": "COMMODITY",
        "display_name": direction,
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "schedule": [{"days_and_hours": [{"hours": [hours]}]}],
        **fields,
    }


@pytest.fixture
def saved(tmp_path):
    """``saved(name, content)``: the path of a file with this content."""

    def _saved(name, content):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            write = content.write_csv if path.suffix == ".csv" else content.write_parquet
            write(path)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return _saved


def test_octopus_is_recognized_as_pages_rows_and_tables(saved):
    want = Tariff.from_octopus(ROWS, name="plan")
    page = {"count": 2, "next": None, "previous": None, "results": ROWS}
    frame = pl.DataFrame(ROWS)
    files = {"plan.json": page, "plan.csv": frame, "plan.parquet": frame}
    for name, content in files.items():
        assert Tariff.from_file(saved(name, content)) == want, name
    assert Tariff.from_file(saved("plan.json", ROWS)) == want
    assert Tariff.from_file(str(saved("plan.json", [page]))) == want
    both = {"standard-unit-rates": page, "standing-charges": ROWS}
    assert Tariff.from_file(saved("plan.json", both)).parts[0].fixed[0].per_day == 0.245


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_prices_are_read_from_tables(saved, ending):
    frame = pl.DataFrame(PRICES)
    if ending == "parquet":
        times = pl.col("start_utc", "end_utc").str.to_datetime(time_zone="UTC")
        frame = frame.with_columns(times)
    path = saved(f"spot.{ending}", frame)
    tariff = Tariff.from_file(path, **BERLIN)
    assert (tariff.name, tariff.timezone, tariff.currency) == ("spot", "Europe/Berlin", "EUR")
    assert tariff.series.price_per_kwh.tolist() == [0.1, -0.02]
    with pytest.raises(InputError, match="does not name its time zone and currency; give them"):
        Tariff.from_file(path, timezone="Europe/Berlin")


def test_flatpeak_is_recognized_in_a_list_of_the_api(saved):
    answer = {"object": "list", "url": "/tariffs", "has_more": False, "data": [flatpeak(0.3)]}
    assert Tariff.from_file(saved("plan.json", answer)) == Tariff.flat(0.3, **BERLIN, name="IMPORT")
    answer["data"] = [flatpeak(0.3, status="ERROR"), flatpeak(0.1, "EXPORT")]
    tariff = Tariff.from_file(saved("plan.json", answer))
    assert tariff.export.rates[0].price_per_kwh == 0.1
    assert [finding.split(":")[0] for finding in tariff.findings] == ["tariff.status"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "plan.json",
            {"day-unit-rates": {"results": ROWS}, "night-unit-rates": {"results": ROWS}},
            "do not state their hours; give both lists to Tariff.from_economy7",
        ),
        (
            "plan.json",
            {"colour": "red"},
            "not a tariff that flipkit can read: .*found the fields",
        ),
        ("plan.csv", pl.DataFrame({"colour": ["red"]}), "found the fields colour"),
        ("plan.json", [], "no fields in a value of type list"),
        (
            "plan.json",
            [flatpeak(0.1, "EXPORT")],
            "only EXPORT tariffs; add the IMPORT objects of the same customer",
        ),
    ],
)
def test_other_files_are_refused_with_their_name(saved, name, content, words):
    path = saved(name, content)
    with pytest.raises(InputError, match=words) as caught:
        Tariff.from_file(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_does_not_exist_is_named():
    for name in ("none.json", "none.csv"):
        with pytest.raises(InputError, match=rf"{name}.*No such file"):
            Tariff.from_file(name)


def test_scenario_files_have_hours_of_a_clock_and_standing_charges(saved, tmp_path):
    saved("plan.json", ROWS)
    text = """
        [[scenario]]
        name = "written"
        [scenario.tariff]
        currency = "GBP"
        timezone = "Europe/London"
        hours_timezone = "UTC"
        standing_per_day = 0.5
        hours = { "00:30-07:30" = 0.15, "07:30-00:30" = 0.30 }
        [[scenario]]
        name = "file"
        tariff = { file = "plan.json", hours_timezone = "UTC" }
    """
    path = tmp_path / "scenarios.toml"
    path.write_text(text, encoding="utf-8")
    written, file = read_scenarios(path)
    assert written.tariff == Tariff.time_of_use(
        {"00:30-07:30": 0.15, "07:30-00:30": 0.30},
        currency="GBP",
        timezone="Europe/London",
        hours_timezone="UTC",
        standing_per_day=0.5,
    )
    assert written.tariff.fixed == (FixedCharge("standing charge", per_day=0.5),)
    assert {part.hours_timezone for part in file.tariff.parts} == {"UTC"}

    path.write_text(
        text.replace('"plan.json", hours_timezone = "UTC"', '"plan.json", standing_per_day = 1'),
        encoding="utf-8",
    )
    with pytest.raises(fk.InputError, match="standing_per_day is for price_per_kwh or hours"):
        read_scenarios(path)
