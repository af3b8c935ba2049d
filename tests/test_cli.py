"""The command line: every command, and every mistake without a traceback."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit import cli
from flipkit.reports import cost_report, lost_value_report, performance_report, site_energy

TOP = Path(fk.__file__).parents[1]
JUNE = ["--start", "2025-06", "--end", "2025-06"]
EMULATOR = ["--environment", "emulator"]
SCENARIOS = """
[[scenario]]
name = "flat"
tariff = { currency = "GBP", timezone = "Europe/London", price_per_kwh = 0.25 }

[[scenario]]
name = "night"
tariff = { currency = "GBP", timezone = "Europe/London", hours = { "00:00-07:00" = 0.1, "07:00-24:00" = 0.3 } }
"""
ENERGY = """site_id,start_utc,consumption_kwh,generation_kwh
007,2025-06-01T00:00:00Z,1.0,0
007,2025-06-01T00:30:00Z,2.0,0.5
"""


def process(*words, **options):
    command = [sys.executable, "-W", "error", "-m", "flipkit", *words]
    environment = os.environ | {"PYTHONPATH": str(TOP), "TQDM_DISABLE": "1", "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **options)


def test_the_module_runs_and_lists_its_commands():
    with process("--help", stdout=subprocess.PIPE) as running:
        output, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    for verb in ("demo", "report", "simulate", "upload", "emulator"):
        assert verb in output


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["demo", "extra"],
        ["report"],
        ["report", "weather", *JUNE],
        ["report", "cost"],
        ["report", "cost", *JUNE, "--aggregation", "WEEK"],
        ["report", "cost", *JUNE, "--environment", "prod"],
        ["simulate", "s.toml"],
        ["simulate", "s.toml", "--energy", "e.csv", "--out", "o", "--verify", "-1"],
        ["simulate", "s.toml", "--energy", "e.csv", "--out", "o", "--verify", "many"],
        ["simulate", "s.toml", "--energy", "e.csv", "--out", "o", "--dispatch", "best"],
        ["simulate", "s.toml", "--energy", "e.csv", "--out", "o", "--tariff", "p.json", *EMULATOR],
        ["upload"],
        ["emulator", "--port", "http"],
    ],
    ids=" ".join,
)
def test_unknown_arguments_print_the_usage(run, words):
    code, output, errors = run(*words)
    assert (code, output) == (2, "")
    assert errors.startswith("usage: flipkit")


MISTAKES = {
    "report performance --start 2025-13 --end 2025-12": "start '2025-13' is not a valid date",
    "report performance --start 2025-06 --end 2025-05": "is empty; the end must be after the start",
    "report lost-value --start 2025-06-01 --end 2025-06-31": "end '2025-06-31' is not a valid date",
    "report performance --start 2025 --aggregation DAY": "is an option of the cost report, not of",
    "report cost --start soon --end later": "start 'soon' is not a valid date or time",
    "report cost --start 2025-06-01T00:00:00 --end 2025-07": "has no zone; give it a zone",
    "simulate missing.toml --energy e.csv --out o": "missing.toml: No such file",
    "simulate . --energy e.csv --out o": ".: Is a directory",
    "simulate bad.toml --energy e.csv --out o": "bad.toml: not valid TOML",
    "simulate deep.toml --energy e.csv --out o": "deep.toml: not valid TOML",
    "simulate odd.toml --energy e.csv --out o": "odd.toml, scenario 'x': unknown key batery; the keys are",
    "simulate hours.toml --energy e.csv --out o": "hours.toml, scenario 'x', tariff: time of use: expected windows",
    "simulate twice.toml --energy e.csv --out o": "twice.toml: scenario 'x' is defined twice; give each its own name",
    "simulate power.toml --energy e.csv --out o": "power.toml, scenario 'x', battery: power_kw 5 without capacity",
    "simulate other.toml --energy e.csv --out o": "scenario 'x': sites: the energy has no site 008; it has 007",
    "simulate s.toml --energy minus.csv --out o": "site 007, 2025-06-01T00:30:00Z: consumption_kwh is missing, negative",
    "simulate s.toml --energy e.csv --out o --tariff gone.json": "gone.json': No such file",
    "simulate s.toml --energy e.csv --out o --tariff s.toml": "this is not valid JSON",
    "simulate s.toml --energy e.csv --out o --tariff go.json --verify 3": "leave out --tariff",
    "simulate plain.toml --energy e.csv --out o": "site 007, scenario 'today': no import price; give the",
    "simulate s.toml --energy missing.csv --out o": "missing.csv: No such file",
    "simulate s.toml --energy e.txt --out o": "e.txt: expected a .csv or .parquet file",
    "simulate s.toml --energy empty.csv --out o": "empty.csv: cannot be read as CSV",
    "simulate s.toml --energy header.csv --out o": "energy: no rows",
    "simulate s.toml --energy naive.csv --out o": "start_utc, row 0: 2025-06-01T00:00:00 has no zone",
    "simulate s.toml --energy other.csv --out o": "missing start_utc, consumption_kwh; the columns are: site_id, when",
    "simulate s.toml --energy words.csv --out o": "consumption_kwh, row 1: 'much' is not a number",
    "simulate s.toml --energy semicolon.csv --out o": "semicolon.csv: cannot be read as CSV in UTF-8, with commas",
    "simulate s.toml --energy latin.csv --out o": "latin.csv: cannot be read as CSV in UTF-8",
    "simulate s.toml --energy fake.parquet --out o": "fake.parquet: cannot be read as parquet",
    "upload missing.csv": "missing.csv: No such file",
    "upload e.csv": "meter records: missing end_utc, value, location_id, units; the columns are: site_id",
    "upload e.csv --cumulative": "meter records: missing time_utc",
    "emulator --port 99999": "choose a port from 1024 to 65535",
    "emulator --port 0 --file e.csv": "e.csv: file is not a database; name a file of an emulator",
    "emulator --port 0 --file no/folder.db": "name a file of an emulator",
}


@pytest.fixture
def files(cwd):
    """Good and bad files."""
    content = {
        "s.toml": SCENARIOS,
        "bad.toml": "[[scenario]\nname",
        "deep.toml": "x = " + "[" * 5000,
        "odd.toml": '[[scenario]]\nname = "x"\nbatery = 1',
        "hours.toml": '[[scenario]]\nname = "x"\ntariff = {currency = "GBP", timezone = "UTC", hours = 7}',
        "plain.toml": '[[scenario]]\nname = "today"',
        "twice.toml": '[[scenario]]\nname = "x"\n[[scenario]]\nname = "x"',
        "power.toml": '[[scenario]]\nname = "x"\nbattery = { capacity_kwh = 0, power_kw = 5 }',
        "other.toml": '[[scenario]]\nname = "x"\nsites.008.load.scale = 2',
        "go.json": json.dumps(fk.emulator.sample_tariffs()["uk-octopus-go"]),
        "minus.csv": ENERGY.replace("2.0,0.5", "-2.0,0.5"),
        "e.csv": ENERGY,
        "e.txt": ENERGY,
        "empty.csv": "",
        "header.csv": ENERGY.splitlines()[0],
        "naive.csv": ENERGY.replace("Z", ""),
        "other.csv": "site_id,when\na,b\n",
        "words.csv": ENERGY.replace("2.0", "much"),
        "semicolon.csv": "a;b\n1,5;2,5\n",
        "fake.parquet": ENERGY,
    }
    for name, text in content.items():
        (cwd / name).write_text(text, encoding="utf-8")
    (cwd / "latin.csv").write_bytes("site_id\nMüller\n".encode("latin-1"))
    return cwd


@pytest.mark.usefixtures("served", "files")
@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_message_on_standard_error(run, line):
    code, output, errors = run(*line.split())
    assert (code, output) == (1, "")
    assert errors.startswith("flipkit: ")
    assert MISTAKES[line] in errors
    assert "Traceback" not in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("missing", ["FLATPEAK_API_KEY", "FLATPEAK_ACCOUNT_ID", "FLIP_API_KEY"])
def test_without_a_key_the_variable_is_named(run, missing, monkeypatch):
    for name in {"FLATPEAK_API_KEY", "FLATPEAK_ACCOUNT_ID", "FLIP_API_KEY"} - {missing}:
        monkeypatch.setenv(name, "sk_test_0123456789")
    code, output, errors = run("report", "cost", *JUNE, "--environment", "sandbox")
    assert (code, output) == (1, "")
    assert f"{missing} is missing" in errors


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://127.0.0.1:port", "http://127.0.0.1:70000", "http://a b", "here"],
)
def test_an_invalid_address_is_named(run, address, monkeypatch):
    for name in ("FLIP_BASE_URL", "FLATPEAK_BASE_URL"):
        monkeypatch.setenv(name, address)
    code, _, errors = run("report", "cost", *JUNE)
    assert code == 1
    assert "address" in errors


def test_a_taken_port_says_what_to_do_and_makes_no_file(run, cwd):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, output, errors = run("emulator", "--file", "new.db", "--port", other.getsockname()[1])
    assert (code, output, [*cwd.iterdir()]) == (1, "", [])
    assert "another program listens there; stop it, or choose another port" in errors


def test_a_disk_that_is_full_for_the_emulator_is_named(run, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("flipkit.emulator.sample.seed_flip", full)
    code, _, errors = run("emulator", "--port", "0", "--file", "new.db")
    assert code == 1
    assert "new.db: database or disk is full; name a file" in errors


BAD_OUTPUTS = {
    "demo --out a-file": "a-file: a file is in the way",
    "demo --out a-file/below": "a-file/below: a file is in the way",
    "report performance --start 2025-06 --end 2025-06 --out a-folder": "a-folder is a folder; choose",
    "report performance --start 2025-06 --end 2025-06 --out a-file/x.csv": "a-file: a file is in the way",
    "report performance --start 2025-06 --end 2025-06 --out a-pipe": "a-pipe is not a regular file",
    "simulate s.toml --energy e.csv --out a-file": "a-file: a file is in the way",
    "upload e.csv --failed a-folder": "a-folder is a folder",
}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("line", BAD_OUTPUTS)
def test_an_output_that_cannot_be_written_is_found_before_the_work_begins(
    run, line, cwd, monkeypatch
):
    (cwd / "a-file").write_text("mine", encoding="utf-8")
    (cwd / "a-folder").mkdir()
    os.mkfifo(cwd / "a-pipe")
    monkeypatch.setattr(cli, "connect", lambda *_, **__: pytest.fail("the work had begun"))
    code, output, errors = run(*line.split())
    assert (code, output) == (1, "")
    assert BAD_OUTPUTS[line] in errors
    assert (cwd / "a-file").read_text(encoding="utf-8") == "mine"
    assert (cwd / "a-pipe").is_fifo()


@pytest.mark.usefixtures("served")
def test_a_folder_without_permission_is_named(run, cwd, monkeypatch):
    def refused(**_options):
        raise PermissionError(13, "Permission denied", "tmp123")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    code, _, errors = run("demo", "--out", "closed")
    assert code == 1
    assert errors == "flipkit: closed: Permission denied; choose a writable folder\n"


@pytest.mark.usefixtures("served")
def test_a_disk_that_fills_up_on_the_way_is_named(run, cwd, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "june.csv")

    monkeypatch.setattr("os.fsync", full)
    code, _, errors = run("report", "performance", *JUNE, "--out", "june.csv")
    assert code == 1
    assert "june.csv: No space left on device" in errors
    assert list(cwd.iterdir()) == []


@pytest.mark.usefixtures("served", "cwd")
def test_a_closed_pipe_ends_the_command_without_a_message():
    reading, writing = os.pipe()
    os.close(reading)
    with process("report", "performance", *JUNE, stdout=writing) as running:
        os.close(writing)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (141, "")
    assert Path("performance.csv").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.usefixtures("served", "cwd")
def test_output_that_cannot_be_written_is_named():
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        process("report", "performance", *JUNE, stdout=full) as running,
    ):
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert errors.startswith("flipkit: standard output: No space left")


def test_ctrl_c_stops_a_command_without_a_traceback(run, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("flipkit.demo.run", stopped)
    monkeypatch.setattr("flipkit.emulator.open_store", lambda *_, **__: fk.emulator.Store())
    code, _, errors = run("demo", "--out", "o")
    assert (code, errors) == (130, "flipkit: stopped\n")


def test_ctrl_c_stops_the_emulator():
    with process("emulator", "--empty", "--port", "0", stdout=subprocess.PIPE) as running:
        assert "http://127.0.0.1:" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (0, "")
    assert output.endswith("The emulator has stopped.\n")


REPORTS = {
    "performance": (performance_report, {}, []),
    "cost": (cost_report, {}, []),
    "lost-value": (lost_value_report, {}, []),
    "cost by day": (cost_report, {"aggregation": "DAY"}, ["--aggregation", "DAY"]),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_holds_what_the_library_gives(run, served, kind, cwd):
    make, options, words = REPORTS[kind]
    code, output, errors = run("report", kind.split()[0], *JUNE, *words)
    assert (code, errors) == (0, "")
    path = cwd / f"{kind.split()[0]}.csv"
    with fk.connect(frames="polars") as kit:
        fk.write_csv(make(kit, "2025-06", "2025-06", **options), "same.csv")
    assert path.read_bytes() == (cwd / "same.csv").read_bytes()
    rows = len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert f"{path.name}: {rows} rows; the columns are described in {path.stem}.meta.json" in output
    assert path.with_suffix(".meta.json").is_file()


@pytest.mark.usefixtures("served")
def test_another_file_extension_keeps_the_description_beside_it(run, cwd):
    code, output, _ = run("report", "performance", *JUNE, "--out", "deep/er/june.txt")
    assert code == 0
    assert "deep/er/june.txt.meta.json" in output
    assert (cwd / "deep" / "er" / "june.txt.meta.json").is_file()


@pytest.mark.usefixtures("served")
def test_a_link_stays_a_link(run, cwd):
    (cwd / "store").mkdir()
    (cwd / "june.csv").symlink_to(cwd / "store" / "real.csv")
    assert run("report", "performance", *JUNE, "--out", "june.csv")[0] == 0
    assert (cwd / "june.csv").is_symlink()
    assert (cwd / "store" / "real.csv").read_text(encoding="utf-8").startswith("site_id,month")


@pytest.mark.usefixtures("served", "files")
@pytest.mark.parametrize("ending", ["csv", "CSV", "parquet"])
def test_sites_that_flatpeak_does_not_know_are_simulated_with_tariffs_of_their_own(
    run, cwd, ending
):
    if ending == "parquet":
        frame = pl.read_csv("e.csv", schema_overrides={"site_id": pl.String})
        frame.with_columns(pl.col("start_utc").str.to_datetime(time_zone="UTC")).write_parquet(
            "mine.parquet"
        )
    else:
        (cwd / f"mine.{ending}").write_text(ENERGY, encoding="utf-8")
    code, output, errors = run(
        "simulate", "s.toml", "--energy", f"mine.{ending}", "--out", "o", "--verify", 9
    )
    assert (code, errors) == (0, "")
    assert "Not verified: there was no interval that the service could price." in output
    summary = pl.read_csv("o/summary.csv", schema_overrides={"site_id": pl.String})
    assert summary["site_id"].to_list() == ["007", "007"]  # an id of digits stays text
    assert summary["cost"].to_list() == [
        0.62,
        0.25,
    ]  # 2.5 kWh at 0.25, half to even; in London it is one o'clock
    assert summary["saving"].to_list() == [0.0, 0.37]


ALL = ["bills", "certificate", "summary", "waterfall"]


def csv_files(names):
    return sorted(f"{name}{ending}" for name in names for ending in (".csv", ".meta.json"))


@pytest.mark.usefixtures("served", "files")
def test_a_crontab_gets_one_line_per_file_and_nothing_of_an_earlier_run(run, cwd):
    for name in csv_files(["certificate", "summary"]):
        (cwd / "o").mkdir(exist_ok=True)
        (cwd / "o" / name).write_text("of another day", encoding="utf-8")
    (cwd / "o" / "mine.txt").write_text("mine", encoding="utf-8")
    code, output, errors = run("simulate", "s.toml", "--energy", "e.csv", "--out", "o")
    assert (code, errors) == (0, "")
    assert output.splitlines() == ["o/summary.csv", "o/bills.csv", "o/waterfall.csv"]
    assert sorted(path.name for path in (cwd / "o").iterdir()) == sorted(
        [*csv_files(["bills", "summary", "waterfall"]), "mine.txt"]
    )
    assert "another day" not in (cwd / "o" / "summary.csv").read_text(encoding="utf-8") + (
        cwd / "o" / "summary.meta.json"
    ).read_text(encoding="utf-8")


@pytest.mark.usefixtures("served", "files")
def test_a_run_that_fails_while_it_writes_leaves_the_files_of_the_last_one(run, cwd, monkeypatch):
    assert run("simulate", "s.toml", "--energy", "e.csv", "--out", "o")[0] == 0
    before = {path.name: path.read_bytes() for path in (cwd / "o").iterdir()}

    def cut(self, folder, *, band):
        fk.write_csv(pl.DataFrame({"half": [len(self.scenarios)]}), Path(folder) / "summary.csv")
        raise KeyboardInterrupt

    monkeypatch.setattr("flipkit.scenarios.Simulation.to_csv", cut)
    assert run("simulate", "s.toml", "--energy", "e.csv", "--out", "o") == (
        130,
        "",
        "flipkit: stopped\n",
    )
    assert {path.name: path.read_bytes() for path in (cwd / "o").iterdir()} == before


@pytest.mark.usefixtures("files")
def test_a_tariff_from_a_file_is_the_current_one_and_no_service_is_called(run, cwd, monkeypatch):
    monkeypatch.setattr(cli, "connect", lambda *_, **__: pytest.fail("a service was asked"))
    code, output, errors = run(
        "simulate", "plain.toml", "--energy", "e.csv", "--out", "o", "--tariff", "go.json"
    )
    assert (code, output, errors) == (0, "o/summary.csv\no/bills.csv\n", "")
    [cost] = pl.read_csv("o/summary.csv")["cost"]
    assert cost == 0.21  # in London it is one o'clock: 2.5 kWh at 0.085, half to even


@pytest.mark.usefixtures("served", "files")
@pytest.mark.parametrize("method", ["rule", "rule_tou", "day_ahead", "optimal"])
def test_the_band_can_be_left_out_and_the_dispatch_method_is_used(run, cwd, method):
    (cwd / "b.toml").write_text(
        f"{SCENARIOS}battery = {{ capacity_kwh = 1, power_kw = 1, initial_soc = 0.5 }}",
        encoding="utf-8",
    )
    words = ["simulate", "b.toml", "--energy", "e.csv", "--out", "o", "--dispatch", method]
    for more in ([], ["--no-band"]):
        assert run(*words, *more)[0] == 0
        summary = pl.read_csv("o/summary.csv")
        assert summary["dispatch"].to_list() == [None, method]
        assert summary["cost_optimal"].is_null().to_list() == [True, bool(more)]


@pytest.mark.usefixtures("files")
def test_the_dispatch_methods_are_those_of_the_library():
    from flipkit.vocabulary import DISPATCH_METHODS

    with pytest.raises(fk.InputError, match=f"choose one of {', '.join(DISPATCH_METHODS)}"):
        fk.simulate(pl.read_csv("e.csv"), [fk.Scenario("x")], dispatch="best")
    for method in DISPATCH_METHODS:
        words = ["simulate", "s.toml", "--energy", "e.csv", "--out", "o", "--dispatch", method]
        assert cli._parser().parse_args(words).dispatch == method


@pytest.mark.usefixtures("served", "cwd")
def test_sites_of_the_fleet_are_simulated_and_certified(run, fleet):
    with fk.connect(frames="polars") as kit:
        fk.write_csv(
            site_energy(kit, "2025-06-01", "2025-06-02", site_id=["uk-02", "be-01"]), "fleet.csv"
        )
    Path("s.toml").write_text(
        '[[scenario]]\nname = "today"\n[[scenario]]\nname = "less"\nload = {scale = 0.9}',
        encoding="utf-8",
    )
    before = fleet.store.digest()
    code, output, errors = run(
        "simulate", "s.toml", "--energy", "fleet.csv", "--out", "o", "--verify", 10**30
    )
    assert (code, errors) == (0, "")
    assert re.search(r"Verified: (\d+) of \1 intervals agree", output)
    assert float(pl.read_csv("o/certificate.csv")["difference"].abs().max()) < 1e-12
    assert sorted(path.name for path in Path("o").iterdir()) == csv_files(ALL)
    assert fleet.store.digest() == before


@pytest.mark.usefixtures("served", "cwd")
def test_unconfirmed_prices_have_their_own_exit_code(run, monkeypatch):
    with fk.connect(frames="polars") as kit:
        fk.write_csv(site_energy(kit, "2025-06-01", "2025-06-02", site_id="uk-02"), "fleet.csv")
    Path("s.toml").write_text('[[scenario]]\nname = "today"', encoding="utf-8")
    asked = fk.Flatpeak.instant_cost

    def more_expensive(self, *words, **options):
        return asked(self, *words, **options).with_columns(pl.col("cost") + 0.001)

    def many(self, *words, **options):
        return simulated(self, *words, **options).with_columns(pl.col("cost") + 0.001)

    simulated = fk.Flatpeak.simulate_costs
    monkeypatch.setattr(fk.Flatpeak, "instant_cost", more_expensive)
    monkeypatch.setattr(fk.Flatpeak, "simulate_costs", many)
    code, output, errors = run(
        "simulate", "s.toml", "--energy", "fleet.csv", "--out", "o", "--verify", 5
    )
    assert (code, errors) == (3, "")
    assert "Not verified: 0 of 5 intervals agree" in output


CELL = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1e400",
        "nan",
        "inf",
        "x",
        "'",
        '"',
        "=1+1",
        "2025-06-01T00:00:00Z",
        "2025-06-01",
        "WH",
        "kWh",
        "\x00",
        "é",
        "..",
        " ",
    ]
)
FILE = st.one_of(
    st.text(max_size=60).map(str.encode),
    st.binary(max_size=60),
    st.lists(st.lists(CELL, min_size=5, max_size=5).map(",".join), max_size=5).map(
        lambda rows: "\n".join(["location_id,units,value,start_utc,end_utc", *rows]).encode()
    ),
    st.lists(st.lists(CELL, min_size=4, max_size=4).map(",".join), max_size=5).map(
        lambda rows: "\n".join(["site_id,start_utc,consumption_kwh,generation_kwh", *rows]).encode()
    ),
)


@pytest.mark.usefixtures("served")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=FILE,
    verb=st.sampled_from(["upload", "cumulative", "simulate", "scenarios"]),
    ending=st.sampled_from(["csv", "parquet"]),
)
def test_no_content_of_a_file_causes_a_traceback(run, files, content, verb, ending):
    (files / f"any.{ending}").write_bytes(content)
    (files / "any.toml").write_bytes(content)
    words = {
        "upload": ["upload", f"any.{ending}"],
        "cumulative": ["upload", f"any.{ending}", "--cumulative"],
        "simulate": ["simulate", "s.toml", "--energy", f"any.{ending}", "--out", "o"],
        "scenarios": ["simulate", "any.toml", "--energy", "e.csv", "--out", "o"],
    }[verb]
    code, output, errors = run(*words)
    assert code in {0, 1, 3}
    assert (code == 1) == (errors != "")
    assert "Traceback" not in output + errors


GOOD_ROWS = {
    "site_id": ["007", "007", "uk-1", "uk-1"],
    "start_utc": ["2025-06-01T00:00:00Z", "2025-06-01T00:30:00Z"] * 2,
    "consumption_kwh": ["1.0", "2", "0", "0.25"],
    "generation_kwh": ["0", "0.5", "3", "0"],
}
GOOD_SCENARIO = {
    "name": '"x"',
    "tariff.currency": '"GBP"',
    "tariff.timezone": '"Europe/London"',
    "tariff.price_per_kwh": "0.25",
    "battery.capacity_kwh": "5",
    "battery.power_kw": "2.5",
    "load.scale": "1.1",
    "capex": "1000",
}


@st.composite
def nearly_good_files(draw):
    """An energy file and a scenario file; in half of the draws one value of one is spoiled."""
    columns = {name: list(cells) for name, cells in GOOD_ROWS.items()}
    scenario = dict(GOOD_SCENARIO)
    # Hypothesis draws nothing twice, so good files must differ too.
    columns["consumption_kwh"] = [str(draw(st.integers(0, 500)) / 100) for _ in range(4)]
    scenario["capex"] = str(draw(st.integers(0, 10_000)))
    spoiled = draw(st.sampled_from(["nothing", "energy", "nothing", "scenario"]))
    if spoiled == "energy":
        column = draw(st.sampled_from(sorted(columns)))
        columns[column][draw(st.integers(0, 3))] = draw(CELL)
    if spoiled == "scenario":
        key = draw(st.sampled_from(sorted(scenario)))
        scenario[key] = draw(CELL)
    rows = [",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]
    lines = ["[[scenario]]", *(f"{key} = {value}" for key, value in scenario.items())]
    return "\n".join(rows), "\n".join(lines)


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_a_file_with_one_spoiled_value_is_simulated_or_refused(run, cwd):
    codes = []

    @settings(max_examples=16, deadline=None)
    @given(nearly_good_files())
    def simulate(files):
        energy, scenario = files
        (cwd / "near.csv").write_text(energy, encoding="utf-8")
        (cwd / "near.toml").write_text(scenario, encoding="utf-8")
        code, output, errors = run("simulate", "near.toml", "--energy", "near.csv", "--out", "o")
        codes.append(code)
        assert code in {0, 1, 3}  # 3: a site is not evaluated
        assert (code == 1) == (errors != "")
        assert "Traceback" not in output + errors

    simulate()
    assert codes.count(0) >= len(codes) / 4
    assert codes.count(1) > 0
