"""The README is true: its code runs, and its figures are those that the code and the demo print."""

import contextlib
import io
import re
import runpy
import shlex
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import flipkit as fk
from flipkit import cli

TOP = Path(__file__).parents[1]
TEXT = (TOP / "README.md").read_text(encoding="utf-8")
PICTURES = {"fleet_performance": "performance", "what_if": "what_if_gbp"}


def section(title):
    """The text under a heading of the second level."""
    pattern = rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)"
    [found] = re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL)
    return found


def blocks(language, text=TEXT):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMANDS = [line for line in blocks("sh", section("Command line"))[0].splitlines() if line]
QUIET = {"report", "bill", "simulate", "upload"}  # the commands that end by themselves


def test_it_is_short():
    assert len(TEXT.encode()) < 13_000
    first_code = TEXT.splitlines().index("```python")
    assert first_code < 25


@pytest.mark.parametrize("title", ["Run it", "Test it"])
def test_one_line_installs_and_runs(title):
    [command] = blocks("sh", section(title))
    [line] = command.splitlines()
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_every_file_it_names_exists():
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", TEXT)]
    assert targets
    assert [target for target in targets if not (TOP / target).exists()] == []


def test_every_notebook_has_a_row_with_its_picture():
    rows = re.findall(r"^\| !\[[^\]]+\]\(([^)]+)\) \| `(\d\d_\w+)` \|", TEXT, re.MULTILINE)
    assert [name for _, name in rows] == sorted(
        path.stem for path in (TOP / "notebooks").glob("*.ipynb")
    )
    for picture, _ in rows:
        assert (TOP / picture).stat().st_size < 40_000


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_small_and_the_one_that_the_demo_draws(demo_output, name):
    from matplotlib.image import imread

    picture = TOP / "notebooks" / "pictures" / f"{name}.png"
    fresh = demo_output[0] / f"{PICTURES[name]}.png"
    assert f"](notebooks/pictures/{name}.png)" in TEXT
    assert picture.stat().st_size < 120_000
    size = [struct.unpack(">II", path.read_bytes()[16:24]) for path in (picture, fresh)]
    assert size[0] == size[1]
    # Fonts may differ by a pixel.
    assert np.abs(imread(picture) - imread(fresh)).mean() < 0.01


def test_the_excerpt_is_what_the_demo_prints(demo_output):
    [excerpt] = blocks("text", section("What came out of the demo"))
    printed = [line.rstrip() for line in demo_output[1]]
    assert [line for line in excerpt.splitlines() if line not in printed] == []
    assert len(excerpt.splitlines()) > 10


@pytest.fixture(scope="module")
def readme_folder(tmp_path_factory):
    """A folder in which every Python block was run, with the files that the commands need."""
    folder = tmp_path_factory.mktemp("readme")
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.chdir(folder)
        for block in blocks("python"):
            (folder / "readme.py").write_text(block, encoding="utf-8")
            runpy.run_path("readme.py")
    (folder / "output.txt").write_text(output.getvalue(), encoding="utf-8")
    [scenarios] = blocks("toml")
    (folder / "scenarios.toml").write_text(scenarios, encoding="utf-8")
    with fk.connect() as kit:
        home = kit.flatpeak.locations().set_index("reference_id")["location_id"]["uk-01"]
    start = pd.date_range("2026-01-01", periods=48, freq="30min", tz="Europe/London")
    records = pd.DataFrame({"start_utc": start, "end_utc": start + pd.Timedelta(minutes=30)})
    fk.write_csv(records.assign(location_id=home, units="KWH", value=0.2), folder / "records.csv")
    return folder


def test_the_python_is_short(readme_folder):
    for code in blocks("python"):
        assert len([line for line in code.splitlines() if line]) <= 22
    assert (readme_folder / "energy.csv").exists()


@pytest.mark.parametrize("title", ["Run it", "Your own data", "What if"])
def test_the_figures_are_those_that_the_code_prints(readme_folder, title):
    [excerpt] = blocks("text", section(title))
    output = (readme_folder / "output.txt").read_text(encoding="utf-8")
    printed = [line.rstrip() for line in output.splitlines()]
    assert [line for line in excerpt.splitlines() if line not in printed] == []
    assert len(excerpt.splitlines()) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_parses(command):
    program, *words = shlex.split(command)
    assert program == "flipkit"
    assert cli._parser().parse_args(words).run


def test_there_is_a_command_of_each_kind():
    commands = re.findall(r"^    (\w[\w-]*) ", cli._parser().format_help(), re.MULTILINE)
    assert {command.split()[1] for command in COMMANDS} == set(commands)


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in COMMANDS if line.split()[1] in QUIET])
def test_the_command_succeeds(command, readme_folder, monkeypatch, capsys):
    monkeypatch.chdir(readme_folder)
    with fk.emulator.start() as emulator:
        for name in ("FLIP_BASE_URL", "FLATPEAK_BASE_URL"):
            monkeypatch.setenv(name, emulator.url)
        assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out
