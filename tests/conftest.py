"""Fixtures of all tests: both libraries, and an environment without keys."""

import contextlib
import io
import os
import sys

import pytest
from filelock import FileLock
from hypothesis import settings
from werkzeug.routing import Rule

# The same examples in every run; a long run (FLIPKIT_LONG=1) draws new ones.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("long", database=None, deadline=None)
settings.load_profile("long" if os.environ.get("FLIPKIT_LONG") else "same")

os.environ["TQDM_DISABLE"] = "1"

# Many tests start Python: without its bytecode, each would compile flipkit anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Long, and rarely broken by a change elsewhere.
SLOW_FOLDERS = {"notebooks", "tests/data", "tests/plots", "tests/scenarios/service"}
SLOW_FIXTURES = {"demo_output", "readme_folder"}


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config, items):
    """Mark what is slow as a kind; files with a slow test first, so that no process ends late.

    The demo comes before them: files that need it would otherwise wait for each other.
    """
    long_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name != "test_demo.py", item.path not in long_files))
    for item in items:
        folder = item.path.parent.relative_to(config.rootpath).as_posix()
        is_property_test = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        is_of_tariffs = folder.startswith("tests/tariffs/")  # the heart of it: in the inner loop
        is_slow_setup = SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if folder in SLOW_FOLDERS or (is_property_test and not is_of_tariffs) or is_slow_setup:
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def _routes_are_compiled_once():
    """Let all emulators share what werkzeug compiles for each route, to build addresses from it.

    It takes 40 ms of each emulator, and nothing builds addresses.
    """
    compiled = {}
    compile_builder = getattr(Rule, "_compile_builder", None)  # private: it may go

    def compiled_builder(rule, append_unknown=True):
        key = rule.rule, append_unknown
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        if compile_builder:
            patch.setattr(Rule, "_compile_builder", compiled_builder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _sample_fleet_is_read_once():
    """Let emulators copy the sample fleet that the first one has read: 20 ms instead of 500."""
    from flipkit import emulator
    from flipkit.emulator import server

    read = []
    open_store = emulator.open_store

    def copy_of_sample(path, *, sample):
        if path is not None or not sample:
            return open_store(path, sample=sample)
        if not read:
            first = open_store(None, sample=True)
            with first.read() as database:
                read.append(database.serialize())
            first.close()
        store = open_store(None, sample=False)
        with store.read() as database:
            database.deserialize(read[0])
        return store

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "open_store", copy_of_sample)
        patch.setattr(server, "open_store", copy_of_sample)
        yield


@pytest.fixture(params=["pandas", "polars"])
def frames_library(request):
    """A test with this fixture runs once per library."""
    return request.param


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("FLIP_", "FLATPEAK_", "FLIPKIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setitem(sys.modules, "keyring", None)  # importing it fails: no key store either


@pytest.fixture(scope="session", params=["pandas", "polars"])
def kit(request):
    """The emulator with the sample fleet; tests must not change it."""
    import flipkit as fk

    with fk.connect("emulator", frames=request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def demo_output(tmp_path_factory, worker_id):
    """The folder that ``flipkit demo`` writes, and the lines it prints; tests must not change it.

    It runs once for all test processes: the first one runs it while the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder = shared / "demo" / "reports"
    printed = shared / "demo.txt"
    with FileLock(shared / "demo.lock"):
        if not printed.exists():
            printed.write_text(_run_demo(folder), encoding="utf-8")
    return folder, printed.read_text(encoding="utf-8").splitlines()


def _run_demo(folder):
    from flipkit.cli import main

    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["demo", "--out", str(folder)]) == 0
    return output.getvalue()


@pytest.fixture(scope="session")
def fleet():
    """The sample fleet on loopback; tests must not change it."""
    from flipkit.emulator import start

    with start() as emulator:
        yield emulator


@pytest.fixture
def served(fleet, monkeypatch):
    """The command line and `flipkit.connect` find the sample fleet."""
    from support.kits import reach

    reach(fleet, monkeypatch)
    return fleet


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(cwd, capsys):
    """``run(*words)`` runs the command line: exit code, standard output and standard error."""
    from flipkit import cli

    def _run(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as left:
            code = left.code
        return (code, *capsys.readouterr())

    return _run
