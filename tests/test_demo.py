"""``flipkit demo``: its files exist, add up, and are the same in every run."""

import csv
import hashlib
import json
import re
import sys
from decimal import Decimal

import polars as pl
import pytest
from support.kits import kit_over

from flipkit import demo, emulator
from flipkit.emulator import sample_sites
from flipkit.frames import take
from flipkit.scenarios import simulate
from flipkit.tariffs import Tariff

CSVS = [
    "cost.csv",
    "lost_value.csv",
    "performance.csv",
    "what_if/bills.csv",
    "what_if/certificate.csv",
    "what_if/summary.csv",
    "what_if/waterfall.csv",
]
CHARTS = ["performance.png", "what_if_waterfall.png"] + [
    f"{kind}_{currency}.png"
    for kind in ("cost", "lost_value", "what_if")
    for currency in ("eur", "gbp", "usd")
]


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


def total(path, column, **where):
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if all(row[name] == value for name, value in where.items())
        ]
    return sum(Decimal(row[column]) for row in rows if row[column])


def test_it_writes_the_listed_files_and_no_others(demo_output):
    folder, said = demo_output
    metas = [name.replace(".csv", ".meta.json") for name in CSVS]
    assert names(folder) == sorted(CSVS + metas + CHARTS)
    listed = [
        line.strip() for line in said if line.startswith("  ") and line.endswith((".csv", ".png"))
    ]
    assert sorted(listed) == sorted(CSVS + CHARTS)
    assert f"{len(listed)} files are in {folder}:" in said


@pytest.mark.parametrize("name", CSVS)
def test_each_csv_is_described_beside_it(demo_output, name):
    path = demo_output[0] / name
    meta = json.loads(path.with_suffix(".meta.json").read_text(encoding="utf-8"))
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert [column["name"] for column in meta["columns"]] == header
    assert all(column["meaning"] for column in meta["columns"])
    assert meta["rows"] == len(rows) > 20
    assert meta["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert meta["query"]


@pytest.mark.parametrize("name", CHARTS)
def test_each_chart_is_a_picture(demo_output, name):
    content = (demo_output[0] / name).read_bytes()
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
    assert min(width, height) > 150
    assert len(content) > 5_000


def test_the_printed_figures_are_those_of_the_files(demo_output):
    folder, said = demo_output
    for currency in ("EUR", "GBP", "USD"):
        paid, earned = (
            total(folder / "cost.csv", "cost", currency=currency, tariff_direction=way)
            for way in ("IMPORT", "EXPORT")
        )
        [line] = [line for line in said if re.match(rf"  {currency} +[\d,]+ ", line)]
        assert line.split()[2::2] == [f"{paid:,.2f}", f"{earned:,.2f}"]
        assert line.split()[-1] == f"{paid - earned:,.2f}"
        for scenario in (
            "today",
            "cheap nights",
            "battery",
            "panels and battery",
            "car",
            "car at night",
            "all of it",
        ):
            cost, saving, known = (
                total(
                    folder / "what_if" / "summary.csv", name, currency=currency, scenario=scenario
                )
                for name in ("cost", "saving", "cost_optimal")
            )
            best = (
                f" +{known:,.2f}"
                if scenario in {"battery", "panels and battery", "all of it"}
                else ""
            )
            line = rf"  {scenario} +{currency} +{cost:,.2f} +{saving:,.2f}{best}"
            assert [text for text in said if re.fullmatch(line, text)]
    for step in ("tariff", "solar", "battery", "ev", "difference"):
        changes = [
            total(
                folder / "what_if" / "waterfall.csv",
                "change",
                currency=currency,
                scenario="all of it",
                step=step,
            )
            for currency in ("EUR", "GBP", "USD")
        ]
        assert any(
            line.split() == [step, *(f"{change:,.2f}" for change in changes)] for line in said
        )
    worst = said[said.index("Performance 2025: the sites that lost most") + 2]
    kwh, value = (
        total(folder / "lost_value.csv", name, site_id="ca-03")
        for name in ("lost_kwh", "lost_value")
    )
    assert worst.split() == ["ca-03", f"{kwh:,.0f}", f"{value:,.2f}", "USD"]


def test_it_names_the_next_step(demo_output):
    folder, said = demo_output
    assert f"Open {folder / 'performance.png'} first, then {folder / 'lost_value.csv'}." in said
    assert said[-1].startswith("Next: ")
    assert not [
        line for line in said if line != line.rstrip() or len(line) > 120 + len(str(folder))
    ]


@pytest.mark.slow
def test_a_second_run_gives_the_same_bytes_in_either_library_and_leaves_other_files_alone(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(demo, "YEAR", "2025-01")
    with kit_over(emulator.open_store(None, sample=True), frames="polars") as kit:
        demo.run(kit, tmp_path)
        first = files_of(tmp_path)
        (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
        (tmp_path / "cost.csv").write_text("of another day", encoding="utf-8")
        demo.run(kit._replace(frames="pandas"), tmp_path)
    assert files_of(tmp_path) == first | {"mine.txt": b"mine"}


def test_a_simulation_without_current_prices_has_nothing_to_certify():
    import flipkit as fk

    energy = pl.DataFrame(
        {"site_id": ["x", "x"], "start_utc": ["2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"]}
    )
    energy = energy.with_columns(consumption_kwh=1.0)
    flat = fk.Scenario("flat", tariff=fk.Tariff.flat(0.5, currency="JPY", timezone="Asia/Tokyo"))
    result = fk.simulate(energy, [flat])
    summary = take(result.summary(), numbers=["cost", "saving"])
    assert (summary["cost"].tolist(), summary["saving"].tolist()) == ([1.0], [0.0])
    assert result.proof is None


def test_the_what_if_is_of_homes_without_battery_and_car():
    sites = {site["site_id"]: site for site in sample_sites()}
    assert (
        sorted(sites[each]["currency"] for each in demo.SITES)
        == ["EUR"] * 2 + ["GBP"] * 2 + ["USD"] * 2
    )
    assert not [each for each in demo.SITES if sites[each]["battery"] or sites[each]["ev"]]
    assert all(sites[each]["system_size_kw"] for each in demo.SITES)


def test_it_needs_no_pvlib(monkeypatch):
    """pvlib is an extra: the demo runs without it."""
    monkeypatch.setitem(sys.modules, "pvlib", None)
    energy = pl.DataFrame({"start_utc": [f"2025-06-01T{hour:02d}:00:00Z" for hour in range(24)]})
    energy = energy.with_columns(site_id=pl.lit("uk-07"), consumption_kwh=0.5, generation_kwh=0.2)
    result = simulate(
        energy, demo.scenarios(), prices=Tariff.flat(0.25, currency="GBP", timezone="Europe/London")
    )
    assert take(result.summary(), numbers=["cost"])["cost"].min() < 0.3 * 24 * 0.25
