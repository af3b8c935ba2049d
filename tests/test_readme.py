"""The README is true: its code runs, its curl commands answer as the contracts say, its figures are the demo's."""

import contextlib
import io
import json
import re
import runpy
import shlex
import shutil
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import flipkit as fk
from flipkit import cli

TOP = Path(__file__).parents[1]
TEXT = (TOP / "README.md").read_text(encoding="utf-8")
PICTURES = {"fleet_performance": "performance", "what_if": "what_if_gbp"}


def section(title):
    """The text under a heading of the second level."""
    [found] = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    return found


def blocks(language, text=TEXT):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("title", ["Run it", "Test it"])
def test_one_line_sets_everything_up_and_does_it(title):
    [command] = blocks("sh", section(title))
    [line] = command.splitlines()
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_every_file_it_names_is_there():
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (TOP / target).exists()] == []
    for name in re.findall(r"^\| `(\d\d_\w+)` \|", TEXT, re.MULTILINE):
        assert (TOP / "notebooks" / f"{name}.ipynb").exists()
    assert len(re.findall(r"^\| `\d\d_\w+` \|", TEXT, re.MULTILINE)) == len(
        list((TOP / "notebooks").glob("*.ipynb"))
    )


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_small_and_the_one_that_the_demo_draws(demo_made, name):
    from matplotlib.image import imread

    picture, fresh = (
        TOP / "notebooks" / "pictures" / f"{name}.png",
        demo_made[0] / f"{PICTURES[name]}.png",
    )
    assert f"](notebooks/pictures/{name}.png)" in TEXT
    assert picture.stat().st_size < 120_000
    size = [struct.unpack(">II", path.read_bytes()[16:24]) for path in (picture, fresh)]
    assert size[0] == size[1]
    assert np.abs(imread(picture) - imread(fresh)).mean() < 0.01  # fonts may differ by a pixel


def test_the_excerpt_is_what_the_demo_says(demo_made):
    [excerpt] = blocks("text", section("What came out of the demo"))
    told, said = (
        re.sub(r"\d\.?\d*e-\d+", "...", text).splitlines()
        for text in (excerpt, "\n".join(demo_made[1]))
    )
    assert [line for line in told if line not in [other.rstrip() for other in said]] == []
    assert len(told) > 20


def test_every_error_is_in_the_table():
    named = set(re.findall(r"`([A-Z]\w+)`", section("Errors")))
    assert {
        name
        for name in fk.__all__
        if isinstance(getattr(fk, name), type) and issubclass(getattr(fk, name), Exception)
    } <= (named | {"FlipkitError"})


def test_every_verb_of_the_clients_is_named():
    named = set(re.findall(r"`(\w+)`", section("In your own code")))
    members = [
        (name, getattr(client, name)) for client in (fk.Flip, fk.Flatpeak) for name in dir(client)
    ]
    verbs = {name for name, value in members if callable(value) and not name.startswith("_")}
    assert verbs - named == {"close"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder in which every python block was run, with the scenarios of the README beside what they wrote."""
    folder, said = tmp_path_factory.mktemp("readme"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.chdir(folder)
        for block in blocks("python"):
            (folder / "readme.py").write_text(block, encoding="utf-8")
            runpy.run_path("readme.py")
    (folder / "said.txt").write_text(said.getvalue(), encoding="utf-8")
    [scenarios] = blocks("toml")
    (folder / "scenarios.toml").write_text(scenarios, encoding="utf-8")
    return folder


def test_the_python_runs_and_is_short(ran):
    for code in blocks("python"):
        assert len([line for line in code.splitlines() if line]) <= 20
    assert {"lost_value.csv", "energy.csv", "records.csv"} <= {path.name for path in ran.iterdir()}


@pytest.mark.parametrize("title", ["Tariffs and bills", "What if"])
def test_the_figures_are_those_that_the_code_prints(ran, title):
    [excerpt] = blocks("text", section(title))
    said = [line.rstrip() for line in (ran / "said.txt").read_text(encoding="utf-8").splitlines()]
    assert [line for line in excerpt.splitlines() if line not in said] == []
    assert len(excerpt.splitlines()) > 10


def test_the_command_for_bills_is_among_the_commands():
    [command] = blocks("sh", section("Tariffs and bills"))
    assert command.strip() in COMMANDS


COMMANDS = [line for line in blocks("sh", section("Command line"))[0].splitlines() if line]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_one(command):
    program, *words = shlex.split(command)
    assert program == "flipkit"
    assert cli._parser().parse_args(words).run


def test_there_is_a_command_for_every_verb():
    verbs = re.findall(
        r"^    (\w+)", cli._parser().format_help().partition("VERB\n")[2], re.MULTILINE
    )
    assert verbs
    assert set(verbs) == {command.split()[1] for command in COMMANDS}


@pytest.mark.parametrize(
    "command",
    [line for line in COMMANDS if line.split()[1] in {"report", "bill", "simulate", "upload"}],
)
def test_the_command_does_its_work(command, ran, monkeypatch, capsys):
    monkeypatch.chdir(ran)
    with fk.emulator.start() as emulator:
        for name in ("FLIP_BASE_URL", "FLATPEAK_BASE_URL"):
            monkeypatch.setenv(name, emulator.url)
        assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """What the curl commands of the README asked and got from an emulator, block by block."""
    for program in ("bash", "curl", "python3"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    with fk.emulator.start() as emulator, _Shell(emulator.url) as shell:
        flip = fk.Flip("any-key", base_url=emulator.url)
        sites, digests, calls = [set(flip.sites()["site_id"])], [emulator.store.digest()], []
        for block in blocks("bash", section("The emulator")):
            calls.append(shell.run(block, tmp_path_factory.mktemp("calls")))
            digests.append(emulator.store.digest())
        sites.append(set(flip.sites()["site_id"]))
        flip.close()
    return SimpleNamespace(calls=calls, digests=digests, sites=sites)


class _Shell:
    """bash, with a curl that also notes what it was asked and what came back."""

    def __init__(self, url):
        self.url = url

    def __enter__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            ["bash", "-u"], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def run(self, block, folder):
        """Every call of the block: its arguments, its status, its body as JSON (None where it is empty)."""
        noting = f"""
            curl() {{
                local out={shlex.quote(str(folder))}/$(ls {shlex.quote(str(folder))} | wc -l)
                printf '%s\\n' "$*" > $out.request
                command curl "$@" -o $out.body -w '%{{http_code}}' > $out.status || return
                touch $out.body && cat $out.body
            }}
        """
        self.process.stdin.write(
            f"{noting}\n{block.replace('http://127.0.0.1:8080', self.url)}\necho; echo END $?\n"
        )
        self.process.stdin.flush()
        said = []
        while not said or not said[-1].startswith("END"):
            line = self.process.stdout.readline()
            assert line, "".join(said)
            said.append(line)
        assert said[-1] == "END 0\n", "".join(said)
        return [
            _call(path)
            for path in sorted(folder.glob("*.request"), key=lambda path: int(path.stem))
        ]


def _call(path):
    body = path.with_suffix(".body").read_text()
    status = int(path.with_suffix(".status").read_text())
    return path.read_text(), status, json.loads(body) if body else None


def test_the_walk_through_of_flip(walked):
    sites, report, pushed, commissioned = walked.calls[0]
    assert [status for _, status, _ in (sites, report, pushed, commissioned)] == [
        200,
        200,
        200,
        201,
    ]
    assert len(sites[2]) == 24
    assert {"id", "status"} <= set(sites[2][0])
    assert {row["month"] for row in report[2]} == {"2025-06"}
    assert {"site_id", "actual_production_kwh", "expected_production_kwh"} <= set(report[2][0])
    assert pushed[2] == {
        "records": [{"external_id": "CRM-12345", "record_type": "site", "status": "SUCCESS"}]
    }
    assert commissioned[2] is None
    assert walked.sites[1] - walked.sites[0] == {"site-abc-789"}


def test_the_walk_through_of_flatpeak(walked):
    login, locations, device, batch, costs = walked.calls[1]
    assert [call[1] for call in (login, locations, device, batch, costs)] == [
        200,
        200,
        201,
        200,
        200,
    ]
    assert login[2]["expires_in"] == 3600
    assert [place["reference_id"] for place in locations[2]["data"]] == ["uk-03"]
    assert (device[2]["object"], device[2]["reference_id"]) == ("device", "heat-pump-1")
    counts = [batch[2][name] for name in ("records_submitted", "records_accepted")]
    assert (counts, batch[2]["failed_records"]) == ([2, 2], [])
    assert '"tariff_direction": "IMPORT"' in costs[0]  # in the body, as in the guide
    assert "tariff_direction=" not in costs[0]
    assert costs[2]["object_id"] == device[2]["id"]
    assert costs[2]["currency_code"] == "GBP"
    assert [row["energy"]["value"] for row in costs[2]["data"]] == [1200, 750]
    assert [row["cost"]["value"] for row in costs[2]["data"]] == pytest.approx(
        [1.2 * 0.301, 0.75 * 0.301]
    )


def test_own_generation_costs_nothing(walked):
    batch, (_, status, costs) = walked.calls[2]
    assert batch[2]["records_accepted"] == 1
    [row] = costs["data"]
    assert (status, costs["tariff_direction"], row["energy"]["value"], row["cost"]["value"]) == (
        200,
        "LOCAL",
        800,
        0,
    )
    assert row["start_time"] == "2025-11-01T00:00:00Z"  # aggregated by local day


def test_a_call_that_is_not_persistent_leaves_the_store_byte_for_byte_as_it_was(walked):
    [(_, status, answer)] = walked.calls[3]
    assert walked.digests[4] == walked.digests[3]
    assert len(set(walked.digests)) == 4  # the other blocks all left something
    assert status == 200
    assert answer["request"]["non_persistent"] is True
    assert answer["data"]["energy"]["value"] == 10284
    assert answer["data"]["cost"]["value"] == pytest.approx(10.2835 * 0.301)
