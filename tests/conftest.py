"""What all tests share: both libraries, and an environment without keys."""

import contextlib
import io
import os
import sys

import pytest
from hypothesis import settings

# The same examples in every run; a long run (FLIPKIT_LONG=1) draws new ones.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("long", database=None, deadline=None)
settings.load_profile("long" if os.environ.get("FLIPKIT_LONG") else "same")

os.environ["TQDM_DISABLE"] = "1"


@pytest.fixture(params=["pandas", "polars"])
def frames_library(request):
    """Every test that takes it runs once for each library."""
    return request.param


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("FLIP_", "FLATPEAK_", "FLIPKIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setitem(sys.modules, "keyring", None)  # importing it fails: no key store either


@pytest.fixture(scope="session", params=["pandas", "polars"])
def kit(request):
    """The emulator with the sample fleet; tests must leave it as they found it."""
    import flipkit as fk

    with fk.connect("emulator", frames=request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def demo_made(tmp_path_factory):
    """What ``flipkit demo`` makes: the folder, and the lines it prints. Tests must leave the folder as it is."""
    from flipkit.cli import main

    folder, said = tmp_path_factory.mktemp("demo") / "reports", io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["demo", "--out", str(folder)]) == 0
    return folder, said.getvalue().splitlines()


@pytest.fixture(scope="session")
def fleet():
    """The sample fleet on loopback; tests must leave it as they found it."""
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
def here(tmp_path, monkeypatch):
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capsys):
    """``run(*words)`` runs the command line there: it gives the exit code, standard output and standard error."""
    from flipkit import cli

    def _run(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as left:
            code = left.code
        return (code, *capsys.readouterr())

    return _run
